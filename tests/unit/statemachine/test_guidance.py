"""What `next` says in every kind of standing, and that it says the same after being stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from statemachine.definition import COMPLETED, IN_PROGRESS, Facts, Phase, Workflow
from statemachine.guidance import NextAction, abandons, next_action
from statemachine.machine import Statechart, initial
from statemachine.workflows import (
    FILE,
    LIVE,
    LIVE_WITH_FALL_BACK,
    LIVE_WITH_FALL_FORWARD,
    OFFLINE,
    PIPELINED,
    WORKFLOWS,
)

Standing = Callable[..., dict[str, str]]
Holding = Callable[[Workflow], Facts]
BOTH = {"EXPORT_DATA": IN_PROGRESS, "IMPORT_DATA": IN_PROGRESS}


def running(facts: Facts, *names: str, lacking: tuple[str, ...] = ()) -> Facts:
    return Facts(frozenset(names), facts.holds.difference(lacking))


def offers(action: NextAction) -> list[str]:
    return [offer.phase for offer in action.also]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_new_migration_is_told_to_initialize(workflow: Workflow) -> None:
    action = next_action(workflow, initial(workflow), Facts())
    assert (action.kind, action.phase, action.command) == ("run", "INITIALIZE", "migrate init")
    second = workflow.phases[1]
    assert (action.then, action.then_title) == (second.command, second.title)


def test_while_the_export_runs_next_waits_and_names_the_import(standing: Standing, everything_holds: Holding) -> None:
    configuration = standing(OFFLINE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS)
    action = next_action(OFFLINE, configuration, running(everything_holds(OFFLINE), "EXPORT_DATA"))
    assert (action.kind, action.title) == ("wait", "Wait for Export Data to complete")
    assert (action.command, action.trigger) == (None, None)
    assert (action.then, action.then_title) == ("migrate import data", "Import Data")
    assert action.tips == OFFLINE.phase("EXPORT_DATA").tips


def test_what_nobody_runs_is_resumed_before_anything_else(standing: Standing, everything_holds: Holding) -> None:
    configuration = standing(LIVE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS)
    action = next_action(LIVE, configuration, everything_holds(LIVE))
    assert (action.kind, action.trigger) == ("resume", "resume_EXPORT_DATA")
    assert action.command == "migrate export data"
    assert action.then == "migrate import data"
    assert offers(action) == ["IMPORT_DATA", "END"]


def test_a_crash_of_both_streams_resumes_them_in_order(standing: Standing, everything_holds: Holding) -> None:
    action = next_action(LIVE, standing(LIVE, "IMPORT_SCHEMA", **BOTH), everything_holds(LIVE))
    assert action.trigger == "resume_EXPORT_DATA"
    assert offers(action)[:2] == ["IMPORT_DATA", "VERIFY"]
    assert "Nobody runs Import Data either" in action.also[0].why


@pytest.mark.parametrize("workflow", [PIPELINED, LIVE, LIVE_WITH_FALL_BACK], ids=lambda workflow: workflow.name)
def test_the_import_is_offered_while_the_export_runs(
    workflow: Workflow, standing: Standing, everything_holds: Holding
) -> None:
    configuration = standing(workflow, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS)
    action = next_action(workflow, configuration, running(everything_holds(workflow), "EXPORT_DATA"))
    assert (action.kind, action.trigger) == ("run", "start_IMPORT_DATA")
    assert "Export Data has begun" in action.reason


def test_blockers_block_with_what_to_do_and_how_to_pass(standing: Standing) -> None:
    action = next_action(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA"), Facts())
    assert (action.kind, action.phase, action.trigger) == ("blocked", "IMPORT_SCHEMA", None)
    assert action.title == "Import Schema is blocked"
    assert [condition.override for condition in action.blocked_by] == ["--accept-blockers"]
    assert action.reason == action.blocked_by[0].says
    assert offers(action) == ["ANALYZE_SCHEMA", "END"]


def test_a_verification_with_differences_blocks_the_cutover_and_offers_verify(
    standing: Standing, everything_holds: Holding
) -> None:
    facts = running(everything_holds(OFFLINE), lacking=("verified",))
    action = next_action(OFFLINE, standing(OFFLINE, "VERIFY"), facts)
    assert (action.kind, action.phase, action.command) == ("blocked", "CUTOVER", "migrate cutover initiate")
    assert "VERIFY" in offers(action)
    assert "migrate verify" in action.blocked_by[0].hint
    assert action.blocked_by[0].override == "--accept-unverified"


def test_what_needs_the_operator_comes_before_what_needs_time(standing: Standing, everything_holds: Holding) -> None:
    facts = running(everything_holds(LIVE), "EXPORT_DATA", "IMPORT_DATA", lacking=("verified", "caught_up"))
    action = next_action(LIVE, standing(LIVE, "VERIFY", **BOTH), facts)
    assert action.kind == "blocked"
    assert [condition.name for condition in action.blocked_by] == ["verified", "caught_up"]


def test_a_stream_that_lags_is_waited_for(standing: Standing, everything_holds: Holding) -> None:
    facts = running(everything_holds(LIVE), "EXPORT_DATA", "IMPORT_DATA", lacking=("snapshot_imported",))
    action = next_action(LIVE, standing(LIVE, "IMPORT_SCHEMA", **BOTH), facts)
    assert (action.kind, action.title) == ("wait", "Wait until Verify can start")
    assert [condition.name for condition in action.blocked_by] == ["snapshot_imported"]
    assert action.then == "migrate verify"


def test_a_wait_condition_is_waited_for_even_when_nothing_runs(standing: Standing) -> None:
    slow = replace(OFFLINE.condition("no_blockers"), kind="wait")
    workflow = replace(OFFLINE, conditions=(slow, *OFFLINE.conditions[1:]))
    action = next_action(workflow, standing(workflow, "ANALYZE_SCHEMA"), Facts())
    assert (action.kind, action.command, action.then) == ("wait", None, "migrate import schema")


def test_a_live_cutover_waits_for_both_streams_and_then_finalizes(
    standing: Standing, everything_holds: Holding
) -> None:
    configuration = standing(LIVE, "VERIFY", CUTOVER="INITIATED", **BOTH)
    facts = running(everything_holds(LIVE), "EXPORT_DATA", "IMPORT_DATA", "CUTOVER")
    action = next_action(LIVE, configuration, facts)
    assert action.title == "Wait for Export Data, Import Data and Cutover to complete"
    assert action.then == "migrate finalize"


def test_a_cutover_that_nobody_runs_may_be_resumed_or_called_off(standing: Standing, everything_holds: Holding) -> None:
    action = next_action(OFFLINE, standing(OFFLINE, "VERIFY", CUTOVER="INITIATED"), everything_holds(OFFLINE))
    assert (action.trigger, action.consequential) == ("resume_CUTOVER", True)
    assert ("CUTOVER", "migrate cutover initiate --cancel") in [(one.phase, one.command) for one in action.also]


def test_cutover_and_end_are_consequential_and_nothing_else_is_recommended_as_such(
    standing: Standing, everything_holds: Holding
) -> None:
    names = [phase.name for phase in OFFLINE.phases]
    asking = {
        following
        for last, following in pairwise(names)
        if next_action(OFFLINE, standing(OFFLINE, last), everything_holds(OFFLINE)).consequential
    }
    assert asking == {"CUTOVER", "END"}


def test_end_is_offered_and_not_recommended_until_all_is_done(standing: Standing, everything_holds: Holding) -> None:
    early = next_action(OFFLINE, standing(OFFLINE, "EXPORT_DATA"), everything_holds(OFFLINE))
    assert (early.kind, offers(early)) == ("run", ["END"])
    assert early.also[-1].why.startswith("Give this migration up")
    after_cutover = next_action(OFFLINE, standing(OFFLINE, "CUTOVER"), everything_holds(OFFLINE))
    assert after_cutover.phase == "FINALIZE"
    assert after_cutover.also[-1].why == OFFLINE.phase("END").summary
    done = next_action(OFFLINE, standing(OFFLINE, "FINALIZE"), everything_holds(OFFLINE))
    assert (done.kind, done.command, done.trigger) == ("end", "migrate end", "start_END")


def test_ending_before_cutover_is_abandoning(standing: Standing) -> None:
    assert abandons(OFFLINE, standing(OFFLINE, "VERIFY"))
    assert abandons(OFFLINE, standing(OFFLINE, "VERIFY", CUTOVER="INITIATED"))
    assert not abandons(OFFLINE, standing(OFFLINE, "CUTOVER"))
    assert not abandons(LIVE_WITH_FALL_BACK, standing(LIVE_WITH_FALL_BACK, "CUTOVER"))


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_an_ended_migration_is_finished_whatever_was_left(workflow: Workflow, standing: Standing) -> None:
    action = next_action(workflow, standing(workflow, workflow.phases[1].name, END=COMPLETED), Facts())
    assert (action.kind, action.phase, action.command, action.also) == ("finished", None, None, ())


def test_an_end_that_was_begun_is_resumed_and_nothing_else(standing: Standing, everything_holds: Holding) -> None:
    configuration = standing(OFFLINE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS, END=IN_PROGRESS)
    action = next_action(OFFLINE, configuration, everything_holds(OFFLINE))
    assert (action.trigger, action.also) == ("resume_END", ())


def fallen_back_no_further(standing: Standing, workflow: Workflow) -> tuple[dict[str, str], set[str]]:
    """Everything is done and the way back streams; the workflow and who runs it."""
    streams = {phase.name for phase in workflow.phases if phase.streams and phase.done_begun != ("CUTOVER",)}
    states = dict.fromkeys(streams, IN_PROGRESS)
    unoffered = {phase.name: "NOT_STARTED" for phase in workflow.phases if not phase.offered}
    return standing(workflow, "FINALIZE", **states, **unoffered), streams


@pytest.mark.parametrize("workflow", [LIVE_WITH_FALL_BACK, LIVE_WITH_FALL_FORWARD], ids=lambda workflow: workflow.name)
def test_the_way_back_is_offered_and_never_recommended(
    workflow: Workflow, standing: Standing, everything_holds: Holding
) -> None:
    configuration, streams = fallen_back_no_further(standing, workflow)
    action = next_action(workflow, configuration, running(everything_holds(workflow), *streams))
    assert (action.kind, action.trigger, action.then) == ("wait", None, "migrate end")
    assert "while a way back is needed" in action.title
    assert [name.startswith("CUTOVER_TO_SOURCE") for name in offers(action)] == [True]


@pytest.mark.parametrize("workflow", [LIVE_WITH_FALL_BACK, LIVE_WITH_FALL_FORWARD], ids=lambda workflow: workflow.name)
def test_a_way_back_that_nobody_runs_is_resumed_and_end_is_offered(
    workflow: Workflow, standing: Standing, everything_holds: Holding
) -> None:
    configuration, _ = fallen_back_no_further(standing, workflow)
    action = next_action(workflow, configuration, everything_holds(workflow))
    assert action.kind == "resume"
    assert offers(action)[-1] == "END"


def test_after_falling_back_nothing_is_left_but_the_end(standing: Standing, everything_holds: Holding) -> None:
    configuration = standing(LIVE_WITH_FALL_BACK, "IMPORT_DATA_TO_SOURCE", CUTOVER_TO_SOURCE=COMPLETED)
    action = next_action(LIVE_WITH_FALL_BACK, configuration, everything_holds(LIVE_WITH_FALL_BACK))
    assert action.kind == "end"


def test_an_added_row_changes_next_without_another_line(standing: Standing, everything_holds: Holding) -> None:
    mask = Phase("MASK_DATA", "Mask Data", "migrate mask", "Masks.", after=("EXPORT_DATA",))
    rows = []
    for phase in OFFLINE.phases:
        if phase.name == "IMPORT_DATA":
            rows.append(mask)
            phase = replace(phase, after=("MASK_DATA",))
        rows.append(phase)
    workflow = replace(OFFLINE, phases=tuple(rows))
    workflow.check()
    action = next_action(workflow, standing(workflow, "EXPORT_DATA"), everything_holds(workflow))
    assert (action.command, action.then) == ("migrate mask", "migrate import data")


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_stored_answer_reads_back_equal(workflow: Workflow, standing: Standing) -> None:
    for phase in workflow.phases:
        for facts in (Facts(), Facts(running=frozenset({phase.name}))):
            action = next_action(workflow, standing(workflow, phase.name), facts)
            assert NextAction.from_json(json.loads(json.dumps(action.to_json()))) == action


def test_an_answer_stored_by_another_version_is_read(standing: Standing) -> None:
    action = next_action(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA"), Facts())
    saved = {**action.to_json(), "mood": "good"}
    saved["also"] = [{**offer, "since": "today"} for offer in saved["also"]]
    assert NextAction.from_json(saved) == action
    least = {"kind": "wait", "phase": "VERIFY", "title": "Wait", "command": None, "reason": "It runs."}
    assert NextAction.from_json(least).also == ()


def test_asking_changes_nothing(standing: Standing, everything_holds: Holding) -> None:
    configuration = standing(OFFLINE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS)
    before = dict(configuration)
    next_action(OFFLINE, configuration, running(everything_holds(OFFLINE), "EXPORT_DATA"))
    assert configuration == before
    assert Statechart(OFFLINE, configuration).configuration == before


def test_files_are_next_as_soon_as_the_migration_is_there_and_then_the_end(
    standing: Standing, everything_holds: Holding
) -> None:
    assert next_action(FILE, standing(FILE, "INITIALIZE"), Facts()).command == "migrate import file"
    done = next_action(FILE, standing(FILE, "IMPORT_FILE"), Facts())
    assert (done.kind, done.phase) == ("end", "END")
    assert Statechart(FILE, standing(FILE, "IMPORT_FILE")).may("repeat_IMPORT_FILE", Facts())
