"""Workflow.check() finds every kind of mistake that `transitions` would build without a word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from statemachine.definition import COMPLETED, Condition, Phase, Workflow
from statemachine.errors import WorkflowError
from statemachine.workflows import LIVE, LIVE_WITH_FALL_BACK, OFFLINE, WORKFLOWS


def changed(workflow: Workflow, row_name: str, /, **fields: object) -> Workflow:
    """The workflow with one row changed."""
    rows = tuple(replace(row, **fields) if row.name == row_name else row for row in workflow.phases)  # type: ignore[arg-type]
    return replace(workflow, phases=rows)


def without(workflow: Workflow, name: str) -> Workflow:
    return replace(workflow, phases=tuple(row for row in workflow.phases if row.name != name))


def with_condition(workflow: Workflow, **fields: str) -> Workflow:
    condition = replace(workflow.conditions[0], **fields)
    return replace(workflow, conditions=(condition, *workflow.conditions[1:]))


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_every_workflow_is_sound(workflow: Workflow) -> None:
    workflow.check()


MISTAKES = {
    "an empty table": (replace(OFFLINE, phases=(), conditions=()), "it has no phases"),
    "a phase twice": (replace(OFFLINE, phases=(*OFFLINE.phases, OFFLINE.phases[3])), "IMPORT_SCHEMA is there twice"),
    "a command twice": (
        changed(OFFLINE, "IMPORT_DATA", command="migrate export data"),
        "the command 'migrate export data' belongs to two phases",
    ),
    "a condition twice": (
        replace(OFFLINE, conditions=(*OFFLINE.conditions, OFFLINE.conditions[0])),
        "the condition no_blockers is there twice",
    ),
    "a name that is no name": (changed(OFFLINE, "FINALIZE", name="finalize.it"), "'finalize.it' is not UPPER_SNAKE"),
    "a middle state that is taken": (
        changed(OFFLINE, "VERIFY", begun=COMPLETED),
        "VERIFY calls its middle state 'COMPLETED'",
    ),
    "after, misspelt": (
        changed(OFFLINE, "IMPORT_DATA", after=("EXPORT_DATTA",)),
        "IMPORT_DATA.after names the unknown phase EXPORT_DATTA",
    ),
    "overlaps, misspelt": (
        changed(LIVE, "IMPORT_DATA", overlaps=("EXPORT",)),
        "IMPORT_DATA.overlaps names the unknown phase EXPORT",
    ),
    "done_when, misspelt": (
        changed(LIVE, "IMPORT_DATA", done_when=("EXPORT",)),
        "IMPORT_DATA.done_when names the unknown phase EXPORT",
    ),
    "done_begun, misspelt": (
        changed(LIVE, "EXPORT_DATA", done_begun=("CUT",)),
        "EXPORT_DATA.done_begun names the unknown phase CUT",
    ),
    "unless, misspelt": (
        changed(LIVE_WITH_FALL_BACK, "FINALIZE", unless=("CUTOVER_BACK",)),
        "FINALIZE.unless names the unknown phase CUTOVER_BACK",
    ),
    "a condition, misspelt": (
        changed(OFFLINE, "CUTOVER", when=("verfied", "verified", "source_unchanged")),
        "CUTOVER.when names the unknown condition verfied",
    ),
    "a condition nobody asks for": (
        changed(OFFLINE, "CUTOVER", when=("verified",)),
        "no phase asks for the condition source_unchanged",
    ),
    "a phase that waits for itself": (changed(OFFLINE, "VERIFY", after=("VERIFY",)), "VERIFY.after names itself"),
    "a circle": (
        changed(OFFLINE, "EXPORT_DATA", after=("IMPORT_DATA",)),
        "EXPORT_DATA.after names IMPORT_DATA, which stands below it",
    ),
    "a condition of no kind": (with_condition(OFFLINE, kind="maybe"), "no_blockers is of the unknown kind 'maybe'"),
    "a condition that says nothing": (with_condition(OFFLINE, hint=""), "no_blockers does not tell the operator"),
    "a row that says nothing": (changed(OFFLINE, "VERIFY", summary=""), "VERIFY has no title, command or summary"),
    "a stream without an end": (
        changed(LIVE, "EXPORT_DATA", done_begun=()),
        "EXPORT_DATA streams and nothing completes it",
    ),
    "no last phase": (without(OFFLINE, "END"), "exactly one phase ends a migration, here 0 do"),
    "two last phases": (
        changed(OFFLINE, "FINALIZE", final=True),
        "exactly one phase ends a migration, here 2 do",
    ),
    "a last phase in the middle": (
        replace(OFFLINE, phases=(*OFFLINE.phases[:-2], OFFLINE.phases[-1], OFFLINE.phases[-2])),
        "END ends the migration and is not the last row",
    ),
    "a last phase without asking": (
        changed(OFFLINE, "END", consequential=False),
        "END ends the migration and is not both offered and consequential",
    ),
    "a phase ruled out by a recommended one": (
        changed(OFFLINE, "FINALIZE", unless=("VERIFY",)),
        "FINALIZE.unless names VERIFY, which `next` would recommend",
    ),
    "phases that wait for each other's end": (
        changed(LIVE, "EXPORT_DATA", done_when=("IMPORT_DATA",)),
        "IMPORT_DATA can never complete",
    ),
    "a phase out of reach": (
        changed(changed(OFFLINE, "VERIFY", done_begun=("CUTOVER",)), "CUTOVER", after=("VERIFY",)),
        "CUTOVER can never start",
    ),
    "a recommended phase behind one that is not": (
        changed(OFFLINE, "ANALYZE_SCHEMA", offered=False),
        "IMPORT_SCHEMA waits for a phase that `next` never recommends",
    ),
    "a recommended phase that only another completes": (
        changed(LIVE_WITH_FALL_BACK, "CUTOVER", done_begun=("CUTOVER_TO_SOURCE",)),
        "CUTOVER can never complete",
    ),
}


@pytest.mark.parametrize(("workflow", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_table_is_named(workflow: Workflow, says: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        workflow.check()
    assert any(says in problem for problem in caught.value.problems), caught.value.problems
    assert workflow.name in str(caught.value)


def test_every_mistake_is_listed_at_once() -> None:
    wrong = changed(changed(OFFLINE, "VERIFY", after=("IMPORT",)), "CUTOVER", when=("verfied",))
    with pytest.raises(WorkflowError) as caught:
        wrong.check()
    assert len(caught.value.problems) == 4  # two unknown names, two conditions that nobody asks for any more


def test_a_phase_that_completes_only_by_an_unrecommended_one_is_named_unless_it_streams() -> None:
    detour = Phase("DETOUR", "Detour", "migrate detour", "Goes around.", after=("EXPORT_DATA",), offered=False)
    rows = [*OFFLINE.phases]
    rows.insert(5, detour)
    wrong = changed(replace(OFFLINE, phases=tuple(rows)), "IMPORT_DATA", done_when=("DETOUR",))
    with pytest.raises(WorkflowError, match="IMPORT_DATA completes only after a phase that `next` never recommends"):
        wrong.check()
    changed(LIVE_WITH_FALL_BACK, "FINALIZE", done_when=("CUTOVER",)).check()


def test_dependents_follow_after_and_overlaps_through_every_step() -> None:
    assert OFFLINE.dependents("EXPORT_DATA") == ("IMPORT_DATA", "VERIFY", "CUTOVER", "FINALIZE")
    assert OFFLINE.dependents("END") == ()
    assert LIVE.dependents("EXPORT_DATA") == ("IMPORT_DATA", "VERIFY", "CUTOVER", "FINALIZE")


def test_an_unknown_name_is_answered_with_the_workflow() -> None:
    with pytest.raises(KeyError, match="workflow offline has no phase NOPE"):
        OFFLINE.phase("NOPE")
    with pytest.raises(KeyError, match="workflow offline has no condition nope"):
        OFFLINE.condition("nope")
    assert isinstance(OFFLINE.condition("verified"), Condition)
