"""A change of state: read, decide by the statechart, swap on the version, write the event. For the runner only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from statemachine.definition import COMPLETED, NOT_STARTED, Facts, Phase
from statemachine.errors import TransitionNotAllowed
from statemachine.guidance import next_action
from statemachine.machine import Transition, current_state
from voyager import status
from voyager.context import Context, actor
from voyager.errors import NotAllowed
from voyager.phases.job import Outcome
from voyager.store.lease import Lease
from voyager.store.migrations import LostSwap
from voyager.store.record import MigrationRecord, PhaseRecord
from voyager.store.steering import pause_of
from voyager.verification.source_since import SourceSince


def fire(
    context: Context,
    trigger: str,
    facts: Facts,
    *,
    kind: str,
    detail: dict[str, Any],
    lease: Lease,
    outcome: Outcome | None = None,
) -> Transition:
    """Move the state machine and write it: read, decide, swap on version; a lost swap reads again once."""
    for attempt in (1, 2):
        chart = context.chart
        phase_name = trigger.split("_", 1)[1]
        judged = replace(facts, running=facts.running - {phase_name})
        try:
            transition = chart.fire(trigger, judged)
        except TransitionNotAllowed as refused:
            raise NotAllowed(str(refused), offer(context, facts)) from refused
        try:
            _write(context, transition, chart.configuration, kind=kind, detail=detail, outcome=outcome, lease=lease)
            return transition
        except LostSwap:
            if attempt == 2:
                raise NotAllowed(
                    f"Somebody else is changing migration {context.record.name} at the same time.",
                    "Look with: yb-voyager migrate status, then run the command again.",
                ) from None
            context.refresh()
            # What others run may have changed with it; what was observed of the source and overridden still counts.
            others = {name for name, held in context.record.leases.items() if held.live and held.owner != lease.owner}
            facts = replace(facts, running=frozenset(others))
    raise AssertionError("unreachable")


def _write(
    context: Context,
    transition: Transition,
    configuration: dict[str, str],
    *,
    kind: str,
    detail: dict[str, Any],
    lease: Lease,
    outcome: Outcome | None,
) -> None:
    ended = current_state(context.workflow, configuration) == "ENDED"
    running = (
        frozenset({transition.phase})
        if configuration[transition.phase] not in (NOT_STARTED, COMPLETED)
        else frozenset()
    )
    moved = _moved(context.record, transition, outcome)
    found = status.facts(moved, source=SourceSince(True), limits=context.limits)
    idle = next_action(context.workflow, configuration, replace(found, running=frozenset()))
    busy = next_action(context.workflow, configuration, replace(found, running=running))
    context.record = context.store.migrations.transition(
        context.record,
        transition.changed,
        phase=transition.phase,
        event_kind=kind,
        actor=actor(),
        detail={"trigger": transition.trigger, **detail},
        next_if_idle=idle.to_json(),
        next_if_running=busy.to_json(),
        summary=outcome.summary if outcome is not None else None,
        end_reason=outcome.summary.get("end_reason", "completed") if ended and outcome is not None else None,
        lease=lease,
    )
    context.remember()


def _moved(record: MigrationRecord, transition: Transition, outcome: Outcome | None) -> MigrationRecord:
    """The record as it will be, so that the stored answers of `next` already know what this phase came to."""
    phases = {
        name: replace(record.phases.get(name) or PhaseRecord(name, state), state=state)
        for name, state in transition.changed.items()
    }
    if outcome is not None:
        phases[transition.phase] = replace(phases[transition.phase], summary=outcome.summary)
    return replace(record, phases={**record.phases, **phases})


def offer(context: Context, facts: Facts) -> str:
    """What may be done now, in one sentence."""
    action = next_action(context.workflow, context.configuration, facts)
    if action.kind == "blocked":
        return f"{action.title}; `yb-voyager migrate next` says what to do."
    if action.command:
        return f"Next is: yb-voyager {action.command}."
    return action.reason


def refuse_paused(context: Context, phase: Phase) -> None:
    """While a migration is paused nothing of it begins; what runs holds still by itself. Only ending it is possible."""
    pause = pause_of(context.record.settings, phase.name)
    if pause is not None and not phase.final:
        what = f"Migration {context.record.name}" if pause.phase is None else f"{phase.title} of {context.record.name}"
        raise NotAllowed(
            f"{what} is {pause.says}.", f"Go on with: yb-voyager {pause.ends_with}; then run this command again."
        )
