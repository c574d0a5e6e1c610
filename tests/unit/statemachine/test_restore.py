"""A configuration saved by another version loads as what it meant, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from statemachine.definition import COMPLETED, IN_PROGRESS, NOT_STARTED, Phase, Workflow
from statemachine.errors import UnknownPhase, UnknownState
from statemachine.machine import Statechart, restore
from statemachine.workflows import OFFLINE, WORKFLOWS

Standing = Callable[..., dict[str, str]]


def later(workflow: Workflow) -> Workflow:
    """The same workflow in a version that has added a phase between the export and the import of data."""
    rows = []
    for phase in workflow.phases:
        if phase.name == "IMPORT_DATA":
            rows.append(Phase("MASK_DATA", "Mask Data", "migrate mask", "Masks.", after=("EXPORT_DATA",)))
            phase = replace(phase, after=("MASK_DATA",))
        rows.append(phase)
    return replace(workflow, phases=tuple(rows))


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_configuration_survives_json(workflow: Workflow, standing: Standing) -> None:
    *_, before, last = (phase for phase in workflow.phases if not phase.final)
    saved = standing(workflow, before.name, **{last.name: last.begun})
    restored = restore(workflow, json.loads(json.dumps(saved)), saved_by="0.1.0")
    assert Statechart(workflow, restored).configuration == saved


def test_an_unknown_phase_names_the_version_that_wrote_it(standing: Standing) -> None:
    saved = standing(later(OFFLINE), "EXPORT_DATA")
    with pytest.raises(UnknownPhase, match=r"MASK_DATA.*offline.*version 0\.9\.0") as caught:
        restore(OFFLINE, saved, saved_by="0.9.0")
    assert (caught.value.phase, caught.value.saved_by) == ("MASK_DATA", "0.9.0")


def test_an_unknown_state_names_the_version_that_wrote_it(standing: Standing) -> None:
    with pytest.raises(UnknownState, match=r"'PAUSED'.*version 0\.9\.0"):
        restore(OFFLINE, {**standing(OFFLINE, "VERIFY"), "VERIFY": "PAUSED"}, saved_by="0.9.0")


def test_an_added_phase_is_not_started_before_its_turn(standing: Standing) -> None:
    restored = restore(later(OFFLINE), standing(OFFLINE, "EXPORT_DATA"), saved_by="0.1.0")
    assert restored["MASK_DATA"] == NOT_STARTED


@pytest.mark.parametrize("state", [IN_PROGRESS, COMPLETED])
def test_an_added_phase_counts_as_completed_once_work_built_on_it_has_begun(state: str, standing: Standing) -> None:
    saved = standing(OFFLINE, "EXPORT_DATA", IMPORT_DATA=state)
    restored = restore(later(OFFLINE), saved, saved_by="0.1.0")
    assert restored == {**saved, "MASK_DATA": COMPLETED}


def test_an_added_phase_is_judged_by_work_further_down_too(standing: Standing) -> None:
    saved = {name: state for name, state in standing(OFFLINE, "VERIFY").items() if name not in {"IMPORT_DATA"}}
    restored = restore(later(OFFLINE), saved, saved_by="0.1.0")
    assert (restored["MASK_DATA"], restored["IMPORT_DATA"]) == (COMPLETED, COMPLETED)


def test_a_migration_that_was_given_up_gains_nothing_by_a_new_version(standing: Standing) -> None:
    saved = standing(OFFLINE, "EXPORT_SCHEMA", END=COMPLETED)
    restored = restore(later(OFFLINE), saved, saved_by="0.1.0")
    assert (restored["MASK_DATA"], restored["END"]) == (NOT_STARTED, COMPLETED)


def test_an_empty_record_is_a_new_migration() -> None:
    assert set(restore(OFFLINE, {}, saved_by="0.1.0").values()) == {NOT_STARTED}
