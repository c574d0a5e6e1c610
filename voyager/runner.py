"""run_phase: preflight, lease, start, handler, complete; the only caller of a state change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from statemachine.definition import COMPLETED, NOT_STARTED, Facts
from statemachine.machine import Reason, Statechart
from voyager.context import Context, actor
from voyager.errors import ConfirmationNeeded, Interrupted, LeaseLost, NotAllowed, UsageError, VoyagerError
from voyager.guardrails import check_options, handler, preflight, stop_at_errors
from voyager.heartbeat import Heartbeat
from voyager.holding import all_leased, held, holder_is_gone, leased
from voyager.phases.job import Job, Outcome
from voyager.ports import Check
from voyager.postgres.failures import from_driver, translate
from voyager.progress import Pacing, TableProgress
from voyager.saved_options import kept
from voyager.state_change import fire, offer, refuse_paused
from voyager.store.steering import Steering, steering_of


@dataclass(frozen=True)
class Result:
    """What a run came to. `plan` is filled by a dry run, `outcome` by a real one."""

    phase: str
    outcome: Outcome | None = None
    checks: tuple[Check, ...] = ()
    plan: tuple[str, ...] = ()


@dataclass
class Run:
    """How one command runs a phase: who listens, who can stop it, what was confirmed."""

    report: Callable[[TableProgress], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    confirmed: bool = False
    overrides: frozenset[str] = frozenset()
    start_clean: bool = False
    dry_run: bool = False
    pace: Callable[[Pacing], None] = lambda _: None


def run_phase(context: Context, phase_name: str, options: Any, run: Run) -> Result:
    """Run one phase of a migration, from wherever it stands, to completion.

    Raises NotAllowed (5) when the state forbids it, LockedByOther (6) when somebody runs it, ConfirmationNeeded (7),
    BlockersFound (4) or PermissionMissing (9) when a guardrail stops it, LeaseLost when it was taken over, Interrupted
    when stopped, or what the handler raises; the phase then stays begun and the same command resumes it.
    """
    phase = context.workflow.phase(phase_name)
    _check_options(phase_name, options, run)
    if not run.dry_run and context.store.ddl.pending():
        # A newer version brings new tables and columns; older ones go on reading what they know.
        context.store.ddl.install()
    context.refresh(tables=False)
    if not run.dry_run and not phase.consequential:
        begins_anew = run.start_clean and phase_name == "EXPORT_SCHEMA"
        context.settle_export_dir(lost=begins_anew or not getattr(handler(phase_name), "KEEPS_FILES", True))
    if not run.dry_run:
        refuse_paused(context, phase)
    _finish_undoing(context, options, run)
    if getattr(options, "cancel", False):
        return _cancel(context, phase_name, run)
    if run.start_clean:
        return _start_clean(context, phase_name, options, run)
    asks_source, judged_at = "source_unchanged" in phase.when, context.record.version
    facts = context.observe_facts(overrides=run.overrides, ask_source=asks_source, deciding=asks_source)
    trigger = _judge(context, phase_name, facts)
    checks = tuple(preflight(context, phase_name, options))
    if run.dry_run:
        if not any(check.severity == "error" for check in checks):
            _may_begin(context, phase_name, options, run, trigger)
        module = handler(phase_name)
        plan = module.plan(_job(context, phase_name, options, run, lease=None)) if hasattr(module, "plan") else ()
        return Result(phase_name, checks=checks, plan=tuple(plan))
    stop_at_errors(checks, phase.title)
    question = _question(context, phase_name, options)
    if question and not run.confirmed:
        # Nobody is asked about what could not begin, or would be needless.
        _may_begin(context, phase_name, options, run, trigger)
        raise ConfirmationNeeded(question, "Answer on a terminal, or add --yes to this command.")
    with leased(context, phase_name, report=run.report, warn=run.warn, stop=run.stop) as heartbeat:
        if context.refresh(tables=False).settings.get("undoing"):
            raise NotAllowed(
                f"Somebody else began to undo phases of migration {context.record.name} meanwhile.",
                "Run the same command again: it finishes that first.",
            )
        if context.record.version != judged_at:
            # Somebody moved the migration between our look and our lease: what they came to decides, too.
            facts = context.observe_facts(overrides=run.overrides, ask_source=asks_source, deciding=asks_source)
            trigger = _judge(context, phase_name, facts)
        # Under the lease: what it looks at may keep it waiting, and of two equal commands one is to be told so.
        _may_begin(context, phase_name, options, run, trigger)
        with kept(context, phase_name, options):
            job = _job(context, phase_name, options, run, lease=heartbeat)
            fire(context, trigger, facts, kind=_event_kind(trigger), detail=_start_detail(run), lease=heartbeat.lease)
            outcome = _execute(context, phase_name, job, heartbeat)
        _complete(context, phase_name, outcome, heartbeat)
    return Result(phase_name, outcome=outcome, checks=checks)


def _check_options(phase_name: str, options: Any, run: Run) -> None:
    check_options(phase_name, options)
    if run.start_clean and (given := getattr(options, "of_before", "")):
        raise UsageError(
            f"{given} is about rows that an earlier run set aside; with --start-clean there are none.",
            "Give one of the two.",
        )


def _question(context: Context, phase_name: str, options: Any) -> str:
    """What must be confirmed before the phase may start, by its row of the table or by its options; "" for nothing."""
    phase, module = context.workflow.phase(phase_name), handler(phase_name)
    if phase.consequential:
        return f"{phase.title} of migration {context.record.name} needs confirmation."
    return str(module.asks(options)) if hasattr(module, "asks") else ""


def _may_begin(context: Context, phase_name: str, options: Any, run: Run, trigger: str = "") -> None:
    """Ask the phase whether it could begin from nothing, before anything is changed; one that is resumed did begin."""
    if trigger.startswith("resume_"):
        return
    getattr(handler(phase_name), "may_begin", lambda _: None)(_job(context, phase_name, options, run, lease=None))


def _judge(context: Context, phase_name: str, facts: Facts) -> str:
    """Choose the trigger that this phase's state calls for; raise when the state machine refuses it."""
    phase = context.workflow.phase(phase_name)
    chart = context.chart
    trigger = chart.trigger_of(phase_name)
    holder = context.record.leases.get(phase_name)
    others = holder is not None and holder.live and holder.owner != actor()
    if holder is not None and others and not holder_is_gone(holder.host, holder.pid):
        raise held(phase_name, holder.owner, holder.host, holder.pid)
    if trigger.startswith("start_") and context.configuration[phase_name] == COMPLETED:
        raise NotAllowed(
            f"{phase.title} of migration {context.record.name} is COMPLETED already.",
            offer(context, facts) + (" To do it over: --start-clean." if phase.restartable else ""),
        )
    _refuse_start(context, chart, trigger, facts)
    return trigger


def _refuse_start(context: Context, chart: Statechart, trigger: str, facts: Facts) -> None:
    """Raise NotAllowed with what keeps `trigger` from firing, by a chart that may be ahead of the migration."""
    verb, phase_name = trigger.split("_", 1)
    reasons = chart.reasons(trigger, replace(facts, running=facts.running - {phase_name}))
    if reasons:
        raise NotAllowed(
            f"{context.workflow.phase(phase_name).title} of migration {context.record.name} may not {verb} now.",
            offer(context, facts),
            tuple(_explained(reason, context.record.name) for reason in reasons),
        )


def _explained(reason: Reason, migration: str) -> str:
    """Why something may not start, what to do about it, and the option that passes it where there is one."""
    override = reason.condition.override if reason.condition else ""
    passes = f"To go on all the same: {override} {migration}" if override else ""
    return " ".join(part for part in (reason.says, reason.hint, passes) if part)


def _event_kind(trigger: str) -> str:
    return "resumed" if trigger.startswith("resume_") else "transition"


def _start_detail(run: Run) -> dict[str, Any]:
    return {"overrides": sorted(run.overrides)} if run.overrides else {}


def _job(context: Context, phase_name: str, options: Any, run: Run, *, lease: Heartbeat | None) -> Job:
    def checkpoint() -> None:
        if lease is not None:
            lease.check()
        if run.stop.is_set():
            raise Interrupted(
                f"Stopped at a safe point of {phase_name}; everything finished so far is saved.",
                "Run the same command again to go on.",
            )

    def warn(sentence: str) -> None:
        run.warn(sentence)
        if lease is not None:
            lease.note(sentence)

    def tell_pace(pacing: Pacing) -> None:
        run.pace(pacing)
        if lease is not None:
            lease.tell_pace(pacing)

    if lease is not None:
        lease.watch(steering_of(context.record.settings, phase_name))
    return Job(
        record=context.record,
        phase=context.workflow.phase(phase_name),
        options=options,
        source=context.source,
        target=context.target,
        store=context.store,
        lease=lease.lease if lease is not None else None,  # type: ignore[arg-type]
        export_dir=context.export_dir,
        report=lease.report if lease is not None else run.report,
        warn=warn,
        checkpoint=checkpoint,
        beside=tuple(one.name for one in context.workflow.phases if phase_name in one.overlaps),
        steering=lease.steering if lease is not None else Steering,
        tell_pace=tell_pace,
        note=lease.note_change if lease is not None else lambda _sentence, _detail: None,
    )


def _execute(context: Context, phase_name: str, job: Job, heartbeat: Heartbeat) -> Outcome:
    """Run the handler. What it raises becomes an event and last_error; the phase stays begun."""
    try:
        outcome: Outcome = handler(phase_name).run(job)
        heartbeat.check()
        heartbeat.flush()
        return outcome
    except LeaseLost:
        raise
    except BaseException as error:
        failure = translate(error, f"run {job.phase.title}") if from_driver(error) else error
        _record_failure(context, phase_name, failure, heartbeat)
        raise failure from error.__cause__


def _record_failure(context: Context, phase_name: str, error: BaseException, heartbeat: Heartbeat) -> None:
    """Write the failure beside the phase. The target may be what failed: then the event is lost, the work is not."""
    interrupted = isinstance(error, Interrupted | KeyboardInterrupt)
    described = (
        {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
        if isinstance(error, VoyagerError)
        else {"message": f"internal error ({type(error).__name__})", "hint": "See the log.", "exit_code": 1}
    )
    try:
        heartbeat.flush()
        context.store.migrations.fail(
            context.record.migration_uuid,
            phase_name,
            error=None if interrupted else described,
            actor=actor(),
            detail={"interrupted": interrupted, **described},
        )
    except VoyagerError:
        return


def _complete(context: Context, phase_name: str, outcome: Outcome, heartbeat: Heartbeat) -> None:
    """Complete the phase. A lease lost in the last moment means that a successor decides, not we."""
    heartbeat.check()
    context.refresh()
    facts = context.observe_facts(ask_source=False)
    fire(
        context,
        f"complete_{phase_name}",
        facts,
        kind="transition",
        detail={"headline": outcome.headline},
        lease=heartbeat.lease,
        outcome=outcome,
    )


def _cancel(context: Context, phase_name: str, run: Run) -> Result:
    """Call off a phase that is begun and may still be called off (a cutover before its point of no return)."""
    phase = context.workflow.phase(phase_name)
    if not phase.cancel:
        raise NotAllowed(f"{phase.title} cannot be called off.", offer(context, context.observe_facts()))
    facts = context.observe_facts(ask_source=False)
    reasons = context.chart.reasons(f"cancel_{phase_name}", facts)
    if reasons:
        raise NotAllowed(
            f"{phase.title} of migration {context.record.name} cannot be called off.",
            offer(context, facts),
            tuple(" ".join(part for part in (reason.says, reason.hint) if part) for reason in reasons),
        )
    if run.dry_run:
        return Result(phase_name, plan=(f"call off {phase.title}: it becomes NOT_STARTED",))
    with leased(context, phase_name, report=run.report, warn=run.warn, stop=run.stop) as heartbeat:
        fire(context, f"cancel_{phase_name}", facts, kind="transition", detail={}, lease=heartbeat.lease)
    return Result(phase_name, Outcome(f"{phase.title} of migration {context.record.name} is called off."))


def _start_clean(context: Context, phase_name: str, options: Any, run: Run) -> Result:
    """Undo a phase and all that depends on it, then run it as if for the first time.

    The phases to undo are written down before the first of them is touched: a run that dies half-way is finished
    by the next one, so no half-undone phase is ever taken for a resumable one.
    """
    facts = context.observe_facts(overrides=run.overrides)
    begun = context.configuration[phase_name] != NOT_STARTED
    if not begun:
        # Only what an earlier migration left is to be undone, and it must be its turn.
        _judge(context, phase_name, facts)
    names = _to_undo(context, phase_name, facts) if begun else [phase_name]
    undone = ", ".join(names)
    for name in names:
        getattr(handler(name), "may_undo", lambda _: None)(_job(context, name, options, run, lease=None))
    checks = tuple(preflight(context, phase_name, options))
    if not any(check.severity == "error" for check in checks):
        _may_begin(context, phase_name, options, run)
    if run.dry_run:
        plan = (f"undo {undone}: {_consequences(names)}", f"then run {phase_name} from the start")
        return Result(phase_name, checks=checks, plan=plan)
    stop_at_errors(checks, context.workflow.phase(phase_name).title)
    if not run.confirmed:
        raise ConfirmationNeeded(
            f"--start-clean undoes {undone} of migration {context.record.name}: {_consequences(names)}.",
            "Answer on a terminal, or add --yes.",
        )
    with _all_that_rests_on(context, phase_name, run) as held_phases:
        # What was judged before the leases were held may have changed; nobody can change it any more.
        context.refresh()
        begun = context.configuration[phase_name] != NOT_STARTED
        names = _to_undo(context, phase_name, facts) if begun else names
        context.store.migrations.save_settings(context.record.migration_uuid, {"undoing": names})
        _undo_and_restart(context, names, options, run, held_phases)
    fresh = replace(run, start_clean=False, dry_run=False)
    return run_phase(context, phase_name, options, fresh)


def _to_undo(context: Context, phase_name: str, facts: Facts) -> list[str]:
    """The phases that a restart of one undoes, in table order; NotAllowed when it may not be restarted."""
    chart, judged = context.chart, replace(facts, running=facts.running - {phase_name})
    reasons = chart.reasons(f"restart_{phase_name}", judged)
    if reasons:
        raise NotAllowed(
            f"{phase_name} of migration {context.record.name} cannot start clean.",
            offer(context, facts),
            tuple(reason.says for reason in reasons),
        )
    affected = chart.fire(f"restart_{phase_name}", judged).changed
    _refuse_start(context, chart, f"start_{phase_name}", facts)
    names = [phase.name for phase in context.workflow.phases if phase.name in affected]
    for name in names:
        getattr(handler(name), "check_undo", lambda *_: None)(context.export_dir, names)
    return names


def _consequences(names: list[str]) -> str:
    """What undoing phases means, in words."""
    return "; ".join(said for name in names if (said := getattr(handler(name), "UNDOES", "")))


def _finish_undoing(context: Context, options: Any, run: Run) -> None:
    """Finish what a --start-clean that died half-way left undone."""
    names = context.record.settings.get("undoing") or []
    if not names or run.dry_run:
        return
    first = names[0]
    run.warn(f"Finishing the --start-clean of {first} that was cut off.")
    with _all_that_rests_on(context, first, run) as held_phases:
        if context.refresh().settings.get("undoing"):
            _undo_and_restart(context, names, options, run, held_phases)


def _all_that_rests_on(context: Context, phase_name: str, run: Run) -> AbstractContextManager[dict[str, Heartbeat]]:
    """Hold a phase and whatever depends on it, begun or not: while they are undone nobody may start one of them, and
    one whose holder was stopped in the middle must not go on into what was emptied."""
    names = (phase_name, *context.workflow.dependents(phase_name))
    return all_leased(context, names, report=run.report, warn=run.warn, stop=run.stop)


def _undo_and_restart(
    context: Context, names: list[str], options: Any, run: Run, held_phases: dict[str, Heartbeat]
) -> None:
    """Undo phases, last first (each undo is idempotent), then say that they are not started."""
    first = names[0]
    for name in reversed(names):
        getattr(handler(name), "undo", lambda _: None)(_job(context, name, options, run, lease=held_phases[name]))
        context.store.progress.reset(context.record.migration_uuid, name)
    if context.configuration[first] != NOT_STARTED:
        facts, lease = Facts(frozenset(), frozenset()), held_phases[first].lease
        fire(context, f"restart_{first}", facts, kind="transition", detail={"undone": names}, lease=lease)
    context.store.migrations.save_settings(context.record.migration_uuid, {"undoing": []})
    context.refresh()
