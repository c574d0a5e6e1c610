"""What each trigger does and when it is refused; the traps of `transitions` stay shut."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from statemachine.definition import COMPLETED, IN_PROGRESS, NOT_STARTED, Facts, Phase, Workflow
from statemachine.errors import StateMachineError, TransitionNotAllowed, UnknownPhase, UnknownState, UnknownTrigger
from statemachine.machine import Statechart, current_state, initial
from statemachine.workflows import LIVE, LIVE_WITH_FALL_BACK, OFFLINE, PIPELINED, WORKFLOWS

Standing = Callable[..., dict[str, str]]
NOTHING = Facts()


def refused(chart: Statechart, trigger: str, facts: Facts) -> str:
    before = chart.configuration
    with pytest.raises(TransitionNotAllowed) as caught:
        chart.fire(trigger, facts)
    assert chart.configuration == before
    assert caught.value.trigger == trigger
    assert caught.value.configuration == before
    assert trigger not in caught.value.allowed
    assert caught.value.reasons
    return " ".join(caught.value.reasons)


def test_a_new_migration_may_only_be_initialized_or_adopted() -> None:
    assert Statechart(OFFLINE, initial(OFFLINE)).allowed(NOTHING) == ["start_INITIALIZE", "adopt_INITIALIZE"]


def test_start_moves_its_own_region_and_no_other() -> None:
    chart = Statechart(OFFLINE, initial(OFFLINE))
    transition = chart.fire("start_INITIALIZE", NOTHING)
    assert (transition.phase, transition.from_state, transition.to_state) == ("INITIALIZE", NOT_STARTED, IN_PROGRESS)
    assert transition.changed == {"INITIALIZE": IN_PROGRESS}
    assert chart.configuration == {**initial(OFFLINE), "INITIALIZE": IN_PROGRESS}


def test_start_is_refused_before_what_comes_before(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "INITIALIZE"))
    assert refused(chart, "start_IMPORT_DATA", NOTHING) == "Import Data comes after Export Data, which is NOT_STARTED."


def test_start_is_refused_while_a_condition_does_not_hold(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA"))
    (reason,) = chart.reasons("start_IMPORT_SCHEMA", NOTHING)
    assert (reason.kind, reason.condition) == ("fix", OFFLINE.condition("no_blockers"))
    assert OFFLINE.condition("no_blockers").says in refused(chart, "start_IMPORT_SCHEMA", NOTHING)
    chart.fire("start_IMPORT_SCHEMA", Facts(holds=frozenset({"no_blockers"})))


def test_every_reason_is_told_not_only_the_first(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "VERIFY"))
    facts = Facts(running=frozenset({"CUTOVER"}))
    assert [reason.kind for reason in chart.reasons("start_CUTOVER", facts)] == ["running", "fix", "fix"]


@pytest.mark.parametrize("verb", ["start", "adopt"])
def test_nothing_starts_while_somebody_holds_its_lease(verb: str, standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "INITIALIZE"))
    facts = Facts(running=frozenset({"EXPORT_SCHEMA"}))
    assert refused(chart, f"{verb}_EXPORT_SCHEMA", facts) == "Export Schema is running."


def test_resume_keeps_the_state_and_needs_a_dead_holder(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS))
    refused(chart, "resume_EXPORT_DATA", Facts(running=frozenset({"EXPORT_DATA"})))
    transition = chart.fire("resume_EXPORT_DATA", NOTHING)
    assert (transition.from_state, transition.to_state, transition.changed) == (IN_PROGRESS, IN_PROGRESS, {})


def test_resume_asks_for_no_conditions(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA", IMPORT_SCHEMA=IN_PROGRESS))
    assert "resume_IMPORT_SCHEMA" in chart.allowed(NOTHING)


def test_what_is_begun_or_done_says_so_and_names_the_command(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "EXPORT_DATA", IMPORT_DATA=IN_PROGRESS))
    (begun,) = chart.reasons("start_IMPORT_DATA", NOTHING)
    assert (begun.says, begun.hint) == (
        "Import Data is IN_PROGRESS.",
        "The same command resumes it: yb-voyager migrate import data",
    )
    (done,) = chart.reasons("start_EXPORT_DATA", NOTHING)
    assert done.hint.endswith("yb-voyager migrate export data --start-clean")
    (again,) = chart.reasons("start_ANALYZE_SCHEMA", NOTHING)
    assert again.hint == "The same command runs it again: yb-voyager migrate analyze-schema"
    (early,) = chart.reasons("complete_VERIFY", NOTHING)
    assert early.hint == "Start it first: yb-voyager migrate verify"


def test_only_repeatable_phases_repeat(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA"))
    assert refused(chart, "repeat_EXPORT_SCHEMA", NOTHING) == "Export Schema is a phase that cannot be repeated."
    assert chart.fire("repeat_ANALYZE_SCHEMA", NOTHING).to_state == IN_PROGRESS


def test_verify_does_not_repeat_in_the_middle_of_a_cutover(standing: Standing) -> None:
    during = Statechart(OFFLINE, standing(OFFLINE, "VERIFY", CUTOVER="INITIATED"))
    assert "Cutover is INITIATED" in refused(during, "repeat_VERIFY", NOTHING)
    assert "repeat_VERIFY" in Statechart(OFFLINE, standing(OFFLINE, "CUTOVER")).allowed(NOTHING)


def test_repeat_asks_for_the_conditions_again(standing: Standing) -> None:
    both = {"EXPORT_DATA": IN_PROGRESS, "IMPORT_DATA": IN_PROGRESS}
    chart = Statechart(LIVE, standing(LIVE, "VERIFY", **both))
    assert refused(chart, "repeat_VERIFY", NOTHING) == LIVE.condition("snapshot_imported").says
    chart.fire("repeat_VERIFY", Facts(holds=frozenset({"snapshot_imported"})))


def test_complete_waits_for_done_when_and_done_begun(standing: Standing) -> None:
    both = {"EXPORT_DATA": IN_PROGRESS, "IMPORT_DATA": IN_PROGRESS}
    pipelined = Statechart(PIPELINED, standing(PIPELINED, "IMPORT_SCHEMA", **both))
    assert "completes after Export Data" in refused(pipelined, "complete_IMPORT_DATA", NOTHING)
    pipelined.fire("complete_EXPORT_DATA", NOTHING)
    pipelined.fire("complete_IMPORT_DATA", NOTHING)
    live = Statechart(LIVE, standing(LIVE, "VERIFY", **both))
    assert "completes once Cutover has begun" in refused(live, "complete_EXPORT_DATA", NOTHING)


def test_import_data_may_start_while_export_runs_in_live_mode(standing: Standing) -> None:
    chart = Statechart(LIVE, standing(LIVE, "IMPORT_SCHEMA", EXPORT_DATA=IN_PROGRESS))
    assert "start_IMPORT_DATA" in chart.allowed(Facts(running=frozenset({"EXPORT_DATA"})))


def test_a_live_cutover_completes_only_when_both_streams_have(
    standing: Standing, everything_holds: Callable[[Workflow], Facts]
) -> None:
    both = {"EXPORT_DATA": IN_PROGRESS, "IMPORT_DATA": IN_PROGRESS}
    chart = Statechart(LIVE, standing(LIVE, "VERIFY", **both))
    facts = everything_holds(LIVE)
    assert chart.fire("start_CUTOVER", facts).to_state == "INITIATED"
    for trigger in ("complete_EXPORT_DATA", "complete_IMPORT_DATA", "complete_CUTOVER"):
        assert [name for name in chart.allowed(facts) if name.startswith("complete_")] == [trigger]
        chart.fire(trigger, facts)
    assert current_state(LIVE, chart.configuration) == "CUTOVER_COMPLETED"


def test_cutover_with_fall_back_waits_until_the_way_back_stands(standing: Standing) -> None:
    chart = Statechart(LIVE_WITH_FALL_BACK, standing(LIVE_WITH_FALL_BACK, "VERIFY", CUTOVER="INITIATED"))
    assert "Import Data to Source has begun" in refused(chart, "complete_CUTOVER", NOTHING)
    chart.fire("start_EXPORT_DATA_FROM_TARGET", NOTHING)
    chart.fire("start_IMPORT_DATA_TO_SOURCE", NOTHING)
    chart.fire("complete_CUTOVER", NOTHING)


def test_finalize_serves_no_purpose_after_falling_back(standing: Standing) -> None:
    fallen = standing(LIVE_WITH_FALL_BACK, "IMPORT_DATA_TO_SOURCE", CUTOVER_TO_SOURCE=COMPLETED)
    assert "serves no purpose" in refused(Statechart(LIVE_WITH_FALL_BACK, fallen), "start_FINALIZE", NOTHING)


def test_adopt_takes_over_work_that_exists_already() -> None:
    chart = Statechart(OFFLINE, initial(OFFLINE))
    for phase in OFFLINE.phases:
        transition = chart.fire(f"adopt_{phase.name}", NOTHING)
        assert transition.changed == {phase.name: COMPLETED}
    assert current_state(OFFLINE, chart.configuration) == "ENDED"


def test_adopt_keeps_the_order(standing: Standing) -> None:
    chart = Statechart(LIVE, standing(LIVE, "IMPORT_SCHEMA"))
    assert "runs beside Export Data" in refused(chart, "adopt_IMPORT_DATA", NOTHING)
    assert "completes once Cutover has begun" in refused(chart, "adopt_EXPORT_DATA", NOTHING)


def test_restart_resets_the_phase_and_all_that_depends_on_it(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "IMPORT_DATA", VERIFY=IN_PROGRESS))
    transition = chart.fire("restart_EXPORT_DATA", NOTHING)
    assert transition.changed == dict.fromkeys(("EXPORT_DATA", "IMPORT_DATA", "VERIFY"), NOT_STARTED)
    assert chart.configuration == standing(OFFLINE, "IMPORT_SCHEMA")
    assert "start_EXPORT_DATA" in chart.allowed(NOTHING)
    assert "start_IMPORT_DATA" not in chart.allowed(NOTHING)


def test_restart_is_refused_while_a_dependent_runs(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "EXPORT_DATA", IMPORT_DATA=IN_PROGRESS))
    assert refused(chart, "restart_EXPORT_DATA", Facts(frozenset({"IMPORT_DATA"}))) == "Import Data is running."


@pytest.mark.parametrize("state", ["INITIATED", COMPLETED])
def test_restart_is_refused_once_cutover_has_begun(state: str, standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "VERIFY", CUTOVER=state))
    for name in ("EXPORT_SCHEMA", "IMPORT_DATA", "VERIFY"):
        assert f"Cutover is {state}" in refused(chart, f"restart_{name}", NOTHING)


def test_the_migration_itself_and_a_cutover_are_not_restarted(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "CUTOVER"))
    for name in ("INITIALIZE", "CUTOVER"):
        assert "cannot be started again" in refused(chart, f"restart_{name}", NOTHING)


def test_a_cutover_is_called_off_with_the_way_back_that_was_being_built(standing: Standing) -> None:
    begun = dict.fromkeys(
        ("EXPORT_DATA", "IMPORT_DATA", "EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE"), IN_PROGRESS
    )
    chart = Statechart(LIVE_WITH_FALL_BACK, standing(LIVE_WITH_FALL_BACK, "VERIFY", CUTOVER="INITIATED", **begun))
    streams = Facts(running=frozenset({"EXPORT_DATA", "IMPORT_DATA", "IMPORT_DATA_TO_SOURCE"}))
    assert refused(chart, "cancel_CUTOVER", streams) == "Import Data to Source is running."
    transition = chart.fire("cancel_CUTOVER", Facts(running=frozenset({"EXPORT_DATA", "IMPORT_DATA"})))
    assert set(transition.changed) == {"CUTOVER", "EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE"}
    assert set(transition.changed.values()) == {NOT_STARTED}
    assert chart.configuration["EXPORT_DATA"] == IN_PROGRESS


def test_a_cutover_is_not_called_off_once_a_stream_has_completed(standing: Standing) -> None:
    chart = Statechart(LIVE, standing(LIVE, "VERIFY", CUTOVER="INITIATED", IMPORT_DATA=IN_PROGRESS))
    assert "past the point of no return" in refused(chart, "cancel_CUTOVER", NOTHING)


def test_a_completed_cutover_is_not_called_off(standing: Standing) -> None:
    assert "COMPLETED" in refused(Statechart(OFFLINE, standing(OFFLINE, "CUTOVER")), "cancel_CUTOVER", NOTHING)


@pytest.mark.parametrize("last", [phase.name for phase in OFFLINE.phases[:-1]])
def test_end_may_start_from_anywhere_while_nothing_runs(last: str, standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, last))
    assert refused(chart, "start_END", Facts(running=frozenset({"VERIFY"}))) == "Verify is running."
    chart.fire("start_END", NOTHING)
    assert chart.allowed(NOTHING) == ["resume_END", "complete_END"]
    chart.fire("complete_END", Facts(running=frozenset({"END"})))
    assert chart.allowed(NOTHING) == []


def test_an_ended_migration_says_that_it_has_ended(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "EXPORT_DATA", END=COMPLETED))
    (reason, *_) = chart.reasons("start_IMPORT_DATA", NOTHING)
    assert reason.says == "This migration has ended."


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_names_with_underscores_stay_whole(workflow: Workflow) -> None:
    chart = Statechart(workflow, initial(workflow))
    assert set(chart.configuration) == {phase.name for phase in workflow.phases}


@pytest.mark.parametrize("trigger", ["to_END", "start_NOPE", "start", "explode_END", "start_END_", ""])
def test_an_unknown_trigger_is_an_error_and_not_a_refusal(trigger: str) -> None:
    chart = Statechart(OFFLINE, initial(OFFLINE))
    with pytest.raises(UnknownTrigger):
        chart.fire(trigger, NOTHING)
    with pytest.raises(UnknownTrigger):
        chart.reasons(trigger, NOTHING)


def test_allowed_lists_each_trigger_once_and_no_jumps(standing: Standing) -> None:
    allowed = Statechart(OFFLINE, standing(OFFLINE, "VERIFY")).allowed(NOTHING)
    assert len(allowed) == len(set(allowed))
    assert not [trigger for trigger in allowed if trigger.startswith("to_")]


def test_a_partial_or_foreign_configuration_does_not_load(standing: Standing) -> None:
    whole = standing(OFFLINE, "VERIFY")
    with pytest.raises(UnknownState, match="no state for the phase END"):
        Statechart(OFFLINE, {name: state for name, state in whole.items() if name != "END"})
    with pytest.raises(UnknownPhase, match="EXPORT_DATA_FROM_TARGET"):
        Statechart(OFFLINE, {**whole, "EXPORT_DATA_FROM_TARGET": NOT_STARTED})
    with pytest.raises(UnknownState, match="'IN_PROGRESS'"):
        Statechart(OFFLINE, {**whole, "CUTOVER": IN_PROGRESS})


def test_a_workflow_of_one_region_works_too() -> None:
    only = Phase(
        "END", "End", "migrate end", "Ends.", consequential=True, final=True, begun="ENDING", done_label="ENDED"
    )
    tiny = Workflow("tiny", "Tiny", (only,))
    tiny.check()
    chart = Statechart(tiny, initial(tiny))
    assert current_state(tiny, chart.configuration) == "END_NOT_STARTED"
    chart.fire("start_END", NOTHING)
    assert current_state(tiny, chart.configuration) == "END_ENDING"
    chart.fire("complete_END", NOTHING)
    assert current_state(tiny, chart.configuration) == "ENDED"


def test_the_configuration_given_out_is_a_copy() -> None:
    chart = Statechart(OFFLINE, initial(OFFLINE))
    chart.configuration["INITIALIZE"] = COMPLETED
    assert chart.configuration["INITIALIZE"] == NOT_STARTED


def test_a_command_means_start_resume_or_repeat_by_state(standing: Standing) -> None:
    chart = Statechart(OFFLINE, standing(OFFLINE, "ANALYZE_SCHEMA", IMPORT_SCHEMA=IN_PROGRESS))
    assert chart.trigger_of("EXPORT_DATA") == "start_EXPORT_DATA"
    assert chart.trigger_of("IMPORT_SCHEMA") == "resume_IMPORT_SCHEMA"
    assert chart.trigger_of("ANALYZE_SCHEMA") == "repeat_ANALYZE_SCHEMA"
    assert chart.trigger_of("EXPORT_SCHEMA") == "start_EXPORT_SCHEMA"


def test_the_current_state_is_that_of_the_furthest_begun_phase(standing: Standing) -> None:
    expected = {
        "": "INITIALIZE_NOT_STARTED",
        "INITIALIZE": "INITIALIZED",
        "EXPORT_SCHEMA": "EXPORT_SCHEMA_COMPLETED",
        "CUTOVER": "CUTOVER_COMPLETED",
        "END": "ENDED",
    }
    for last, label in expected.items():
        assert current_state(OFFLINE, standing(OFFLINE, last)) == label
    assert current_state(OFFLINE, standing(OFFLINE, "VERIFY", CUTOVER="INITIATED")) == "CUTOVER_INITIATED"
    assert current_state(OFFLINE, standing(OFFLINE, "EXPORT_DATA", VERIFY=IN_PROGRESS)) == "VERIFY_IN_PROGRESS"
    assert current_state(OFFLINE, standing(OFFLINE, "EXPORT_DATA", END=COMPLETED)) == "ENDED"


def test_every_refusal_is_of_one_family() -> None:
    for error in (TransitionNotAllowed, UnknownPhase, UnknownState, UnknownTrigger):
        assert issubclass(error, StateMachineError)


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_building_a_statechart_takes_milliseconds(workflow: Workflow) -> None:
    def build() -> float:
        begun = time.perf_counter()
        Statechart(workflow, initial(workflow)).allowed(NOTHING)
        return time.perf_counter() - begun

    assert min(build() for _ in range(5)) < 0.05  # 2 to 6 ms on a quiet machine
