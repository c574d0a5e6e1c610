"""run_phase: preflight, lease, start, handler, complete; the only caller of a state change."""

from __future__ import annotations

import importlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from statemachine.definition import COMPLETED, NOT_STARTED, Facts
from statemachine.errors import TransitionNotAllowed
from statemachine.guidance import next_action
from statemachine.machine import Transition
from voyager.context import Context, actor
from voyager.errors import (
    BlockersFound,
    ConfirmationNeeded,
    Interrupted,
    LeaseLost,
    LockedByOther,
    NotAllowed,
    PermissionMissing,
    VoyagerError,
)
from voyager.heartbeat import Heartbeat
from voyager.phases.job import Job, Outcome
from voyager.ports import Check
from voyager.progress import TableProgress


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

    report: Callable[[TableProgress], None] = lambda progress: None
    warn: Callable[[str], None] = lambda sentence: None
    stop: threading.Event = field(default_factory=threading.Event)
    confirmed: bool = False
    overrides: frozenset[str] = frozenset()
    start_clean: bool = False
    dry_run: bool = False


def handler(phase_name: str) -> ModuleType:
    """Return the module in voyager/phases that belongs to a phase: its Options and run()."""
    return importlib.import_module(f"voyager.phases.{phase_name.lower()}")


def run_phase(context: Context, phase_name: str, options: Any, run: Run) -> Result:
    """Run one phase of a migration, from wherever it stands, to completion.

    Raises NotAllowed (5) when the state forbids it, LockedByOther (6) when somebody runs it, ConfirmationNeeded (7),
    BlockersFound (4) or PermissionMissing (9) when a guardrail stops it, LeaseLost when it was taken over, Interrupted
    when stopped, or what the handler raises; the phase then stays begun and the same command resumes it.
    """
    phase = context.workflow.phase(phase_name)
    context.refresh()
    if run.start_clean and context.configuration[phase_name] != NOT_STARTED:
        return _start_clean(context, phase_name, options, run)
    facts = context.observe_facts(overrides=run.overrides)
    trigger = _judge(context, phase_name, facts)
    checks = tuple(preflight(context, phase_name, options))
    if run.dry_run:
        module = handler(phase_name)
        plan = module.plan(_job(context, phase_name, options, run, lease=None)) if hasattr(module, "plan") else ()
        return Result(phase_name, checks=checks, plan=tuple(plan))
    stop_at_errors(checks, phase.title)
    if phase.consequential and not run.confirmed:
        raise ConfirmationNeeded(
            f"{phase.title} of migration {context.record.name} needs confirmation.",
            "Answer on a terminal, or add --yes to this command.",
        )
    with _leased(context, phase_name, run) as heartbeat:
        job = _job(context, phase_name, options, run, lease=heartbeat)
        _fire(context, trigger, facts, kind=_event_kind(trigger), detail=_start_detail(run))
        outcome = _execute(context, phase_name, job, heartbeat)
        _complete(context, phase_name, outcome, heartbeat)
    return Result(phase_name, outcome=outcome, checks=checks)


def preflight(context: Context, phase_name: str, options: Any) -> Iterator[Check]:
    """Ask the guardrails of a phase: the engines', then the phase's own."""
    module = handler(phase_name)
    if "source" in getattr(module, "NEEDS", ()):
        yield from context.source.preflight(phase_name)
    if "target" in getattr(module, "NEEDS", ()):
        yield from context.target.preflight(phase_name)
    if hasattr(module, "preflight"):
        yield from module.preflight(context.record, context.export_dir, options)


def stop_at_errors(checks: tuple[Check, ...], title: str) -> None:
    """Raise what the failed guardrails amount to; every one of them is named, with the SQL that repairs it."""
    errors = [check for check in checks if check.severity == "error"]
    if not errors:
        return
    details = tuple(line for check in errors for line in (check.finding, *check.sql.splitlines()) if line)
    kind = PermissionMissing if all(check.exit_code == 9 for check in errors) else BlockersFound
    raise kind(
        f"{title} was not started: {len(errors)} guardrail{'s' if len(errors) > 1 else ''} failed.",
        "Repair what is listed (SQL is given where SQL repairs it) and run the same command again.",
        details,
    )


def _judge(context: Context, phase_name: str, facts: Facts) -> str:
    """Choose the trigger that this phase's state calls for; raise when the state machine refuses it."""
    phase = context.workflow.phase(phase_name)
    state = context.configuration[phase_name]
    verb = "start" if state == NOT_STARTED else "repeat" if state == COMPLETED else "resume"
    holder = context.record.leases.get(phase_name)
    if holder is not None and holder.live and not _holder_is_gone(holder.host, holder.pid):
        raise _held(phase_name, holder.owner, holder.host, holder.pid)
    if verb == "repeat" and not phase.repeatable:
        raise NotAllowed(
            f"{phase.title} of migration {context.record.name} is COMPLETED already.",
            _offer(context, facts) + " To do it over: --start-clean.",
        )
    trigger = f"{verb}_{phase_name}"
    judged = Facts(running=facts.running - {phase_name}, holds=facts.holds)
    reasons = context.chart.reasons(trigger, judged)
    if reasons:
        raise NotAllowed(
            f"{phase.title} of migration {context.record.name} may not {verb} now.",
            _offer(context, facts),
            tuple(" ".join(part for part in (reason.says, reason.hint) if part) for reason in reasons),
        )
    return trigger


def _offer(context: Context, facts: Facts) -> str:
    action = next_action(context.workflow, context.configuration, facts)
    if action.command:
        return f"Next is: yb-voyager {action.command}."
    return action.reason


def _holder_is_gone(host: str, pid: int) -> bool:
    """True when the holder was a process of this host that no longer exists."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _held(phase_name: str, owner: str, host: str, pid: int) -> LockedByOther:
    return LockedByOther(
        f"{phase_name} is being run by {owner} on {host} (process {pid}).",
        "Wait for it to end, or watch it with: yb-voyager migrate status --watch.",
    )


@contextmanager
def _leased(context: Context, phase_name: str, run: Run) -> Iterator[Heartbeat]:
    """Hold the phase's lease, renewed by a heartbeat that also carries progress to the target."""
    lease = _acquire(context, phase_name, run)
    heartbeat = Heartbeat(store=context.store, lease=lease, listener=run.report)
    heartbeat.start()
    try:
        yield heartbeat
    finally:
        heartbeat.close()


def _acquire(context: Context, phase_name: str, run: Run) -> Any:
    """Acquire the lease. One that a dead process of this host left is waited for: it is taken over when the target's
    clock says that it expired, never before."""
    deadline = time.monotonic() + context.lease_seconds * 2 + 5
    told = False
    while True:
        try:
            return context.store.leases.acquire(
                context.record.migration_uuid,
                phase_name,
                owner=actor(),
                host=socket.gethostname(),
                pid=os.getpid(),
                seconds=context.lease_seconds,
            )
        except LockedByOther:
            holder = context.refresh().leases.get(phase_name)
            gone = holder is None or _holder_is_gone(holder.host, holder.pid)
            if not gone or time.monotonic() > deadline:
                raise
            if not told and holder is not None:
                run.warn(
                    f"The last run of {phase_name} (process {holder.pid}) is gone; "
                    "waiting for its lease to expire, then going on from where it stopped."
                )
                told = True
            if run.stop.wait(0.2):
                raise Interrupted("Stopped while waiting for a lease.", "Run the same command again.") from None


def _fire(context: Context, trigger: str, facts: Facts, *, kind: str, detail: dict[str, Any]) -> Transition:
    """Move the state machine and write it: read, decide, swap on version; a lost swap reads again once."""
    from voyager.store.state import LostSwap

    for attempt in (1, 2):
        chart = context.chart
        phase_name = trigger.split("_", 1)[1]
        judged = Facts(running=facts.running - {phase_name}, holds=facts.holds)
        try:
            transition = chart.fire(trigger, judged)
        except TransitionNotAllowed as refused:
            raise NotAllowed(str(refused), _offer(context, facts)) from refused
        try:
            _write(context, transition, chart.configuration, kind=kind, detail=detail)
            return transition
        except LostSwap:
            if attempt == 2:
                raise NotAllowed(
                    f"Somebody else is changing migration {context.record.name} at the same time.",
                    "Look with: yb-voyager migrate status, then run the command again.",
                ) from None
            context.refresh()
    raise AssertionError("unreachable")


def _write(
    context: Context, transition: Transition, configuration: dict[str, str], *, kind: str, detail: dict[str, Any]
) -> None:
    running = frozenset({transition.phase}) if configuration[transition.phase] not in (NOT_STARTED, COMPLETED) else frozenset()
    holds = context.observe_facts(ask_source=False).holds
    idle = next_action(context.workflow, configuration, Facts(frozenset(), holds))
    busy = next_action(context.workflow, configuration, Facts(running, holds))
    context.record = context.store.migrations.transition(
        context.record,
        transition.changed,
        phase=transition.phase,
        event_kind=kind,
        actor=actor(),
        detail={"trigger": transition.trigger, **detail},
        next_if_idle=idle.to_json(),
        next_if_running=busy.to_json(),
    )


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
        _record_failure(context, phase_name, error, heartbeat)
        raise


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
    context.store.migrations.save_summary(context.record.migration_uuid, phase_name, outcome.summary)
    context.refresh()
    _fire(context, f"complete_{phase_name}", facts, kind="transition", detail={"headline": outcome.headline})


def _start_clean(context: Context, phase_name: str, options: Any, run: Run) -> Result:
    """Undo a phase and all that depends on it, then run it as if for the first time.

    The phases to undo are written down before the first of them is touched: a run that dies half-way is finished
    by the next one, so no half-undone phase is ever taken for a resumable one.
    """
    chart = context.chart
    facts = context.observe_facts(overrides=run.overrides)
    trigger = f"restart_{phase_name}"
    reasons = chart.reasons(trigger, Facts(facts.running - {phase_name}, facts.holds))
    if reasons:
        raise NotAllowed(
            f"{phase_name} of migration {context.record.name} cannot start clean.",
            _offer(context, facts),
            tuple(reason.says for reason in reasons),
        )
    affected = chart.fire(trigger, Facts(facts.running - {phase_name}, facts.holds)).changed
    names = [phase.name for phase in context.workflow.phases if phase.name in affected]
    undone = ", ".join(names)
    if run.dry_run:
        return Result(phase_name, plan=(f"undo: {undone}", f"then run {phase_name} from the start"))
    if not run.confirmed:
        raise ConfirmationNeeded(
            f"--start-clean undoes {undone} of migration {context.record.name}: what they produced is removed.",
            "Answer on a terminal, or add --yes.",
        )
    with _leased(context, phase_name, run) as heartbeat:
        context.store.migrations.save_settings(context.record.migration_uuid, {"undoing": names})
        undo_phases(context, names, options, run, heartbeat)
        _fire(context, trigger, facts, kind="transition", detail={"undone": names})
        context.store.migrations.save_settings(context.record.migration_uuid, {"undoing": []})
        context.refresh()
    fresh = Run(run.report, run.warn, run.stop, run.confirmed, run.overrides)
    return run_phase(context, phase_name, options, fresh)


def undo_phases(context: Context, names: list[str], options: Any, run: Run, heartbeat: Heartbeat) -> None:
    """Run the undo steps of phases, last first; each is idempotent."""
    for name in reversed(names):
        undo = getattr(handler(name), "undo", None)
        if undo is not None:
            undo(_job(context, name, options, run, lease=heartbeat))
        context.store.progress.reset(context.record.migration_uuid, name)
