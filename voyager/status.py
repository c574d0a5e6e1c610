"""MigrationRecord becomes facts and MigrationStatus: what `status`, `next` and the runner see. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from statemachine.definition import COMPLETED, NOT_STARTED, Facts, Phase, Remark, Why
from statemachine.guidance import NextAction, next_action
from statemachine.machine import current_state, restore
from statemachine.workflows import WORKFLOWS
from voyager.endpoint import Endpoint
from voyager.errors import (
    BlockersFound,
    ConfirmationNeeded,
    DifferencesFound,
    NobodyRunsIt,
    NothingToDo,
    RowsSetAside,
    VoyagerError,
)
from voyager.store.aside import as_of_now, rows_aside
from voyager.store.record import LeaseRecord, MigrationRecord, PhaseRecord, PhaseTotals, TableRecord
from voyager.store.steering import Pause, pause_of, pauses
from voyager.verification.gate import Limits, Obstacle, obstacles
from voyager.verification.source_since import SourceSince

SCHEMA_VERSION = 1
"""Of every JSON document; raised when a key changes its meaning or goes."""

ANY = Limits()

NEARLY = 99
"""The most that unfinished work may show: 100 % is what the ledger says, not what arithmetic says."""


@dataclass(frozen=True)
class PhaseStatus:
    """One phase. `health` is idle, running, paused (running and told to hold still), failed, stopped (begun, nobody
    runs it), done, differences or set_aside. `pace` is what a running phase says of its workers.

    `elapsed` and `estimate` are seconds; None where nothing is known.
    """

    phase: str
    title: str
    state: str
    health: str
    percent: int
    elapsed: float | None
    estimate: float | None
    attempt: int
    started_at: datetime | None
    completed_at: datetime | None
    error: Mapping[str, Any] | None
    summary: Mapping[str, Any]
    runner: str
    shown: bool
    pace: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Activity:
    """The tables of one phase that is begun: those of most interest, and how many there are."""

    phase: str
    title: str
    tables: tuple[TableRecord, ...]
    totals: PhaseTotals | None


@dataclass(frozen=True)
class MigrationStatus:
    """Everything that `migrate status` and `migrate next` tell."""

    name: str
    uuid: str
    workflow: str
    source: str
    target: str
    export_dir: str
    current_state: str
    read_at: datetime
    from_cache: bool
    ended_at: datetime | None
    end_reason: str | None
    phases: tuple[PhaseStatus, ...]
    activity: tuple[Activity, ...]
    next: NextAction
    paused: tuple[Pause, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def phase(self, name: str) -> PhaseStatus:
        return next(phase for phase in self.phases if phase.phase == name)

    def to_json(self) -> dict[str, Any]:
        """The document of `migrate status --output json`; its keys are a public contract."""
        return {
            "schema_version": SCHEMA_VERSION,
            "migration": {
                "name": self.name,
                "uuid": self.uuid,
                "workflow": self.workflow,
                "source": self.source,
                "target": self.target,
                "export_dir": self.export_dir,
                "ended_at": timestamp(self.ended_at),
                "end_reason": self.end_reason,
            },
            "current_state": self.current_state,
            "read_at": timestamp(self.read_at),
            "from_cache": self.from_cache,
            "paused": [pause_json(one) for one in self.paused],
            "phases": [phase_json(phase) for phase in self.phases],
            "activity": [activity_json(activity) for activity in self.activity],
            "next": self.next.to_json(),
        }


def facts(
    record: MigrationRecord,
    *,
    source: SourceSince,
    limits: Limits = ANY,
    target_written: Sequence[str] = (),
) -> Facts:
    """What is true of a migration beside the states of its phases: live leases, and the conditions that hold.

    `source` is what the source answered; nobody asked, or it cannot tell, does not count as unchanged.
    Where it could not tell when it was verified, nothing that is said now can count. `limits` are those that a
    verification must keep, `target_written` the tables that the target says were written since.
    A condition whose phase has given no answer yet holds: `after` keeps what depends on it from starting.
    """
    holds = {name for name, holds in _EVIDENCE.items() if holds(record)}
    lacking = obstacles(record, limits, target_written=target_written) if _completed(record, "VERIFY") else []
    if not lacking:
        holds.add("verified")
    can_be_told = _summary(record, "VERIFY").get("counters", ()) is not None
    if (source.unchanged and can_be_told) or not _completed(record, "VERIFY"):
        holds.add("source_unchanged")
    why = {"verified": lacking, "source_unchanged": [source.why] if source.why else []}
    # A command that was killed after it completed its phase leaves a lease that lives on for a while.
    over = {name for name in record.phases if _completed(record, name)} - set(record.settings.get("undoing", ()))
    return Facts(
        running=frozenset(phase for phase, lease in record.leases.items() if lease.live and phase not in over),
        holds=frozenset(holds),
        why={name: _why(found) for name, found in why.items() if found},
        remarks=tuple(_remarks(record)),
    )


def migration_status(record: MigrationRecord, seen: Facts | None = None, *, limits: Limits = ANY) -> MigrationStatus:
    """Put together what is shown. `seen` are facts that were observed; without them the source counts as unchanged, for
    it is asked when the cutover starts."""
    workflow = WORKFLOWS[record.workflow]
    seen = seen or facts(record, source=SourceSince(True), limits=limits)
    record = as_of_now(record)
    saved = {name: phase.state for name, phase in record.phases.items()}
    if undoing := record.settings.get("undoing"):
        # What a --start-clean began to undo is done no more; the phase that starts clean, or the next one, goes on.
        saved |= dict.fromkeys(undoing, NOT_STARTED)
        seen = replace(seen, running=seen.running & {undoing[0]})
    configuration = restore(workflow, saved, saved_by=record.voyager_version)
    phases = tuple(_phase_status(record, phase, configuration[phase.name]) for phase in workflow.phases)
    return MigrationStatus(
        name=record.name,
        uuid=str(record.migration_uuid),
        workflow=record.workflow,
        source=Endpoint.from_public(record.source).url,
        target=Endpoint.from_public(record.target).url,
        export_dir=record.export_dir,
        current_state=current_state(workflow, configuration),
        read_at=record.read_at,
        from_cache=record.from_cache,
        ended_at=record.ended_at,
        end_reason=record.end_reason,
        phases=phases,
        activity=tuple(_activity(record, phase) for phase in phases if phase.state not in (NOT_STARTED, COMPLETED)),
        next=_unless_paused(record, phases, next_action(workflow, configuration, seen)),
        paused=pauses(record.settings),
        remarks=tuple(one for one in seen.remarks if configuration.get(one.phase) == COMPLETED),
    )


def _unless_paused(record: MigrationRecord, phases: Sequence[PhaseStatus], action: NextAction) -> NextAction:
    """The next step, or the end of a pause that holds it or what is begun."""
    begun = {phase.phase for phase in phases if phase.state not in (NOT_STARTED, COMPLETED)}
    held = [one for one in pauses(record.settings) if one.phase is None or one.phase in {*begun, action.phase}]
    if not held or action.kind == "finished":
        return action
    what = held[0].phase or f"migration {record.name}"
    titles = {phase.phase: phase.title for phase in phases}
    return NextAction(
        "paused",
        None,
        f"Resume {titles.get(what, what)}",
        held[0].ends_with,
        f"{titles.get(what, what)[:1].upper()}{titles.get(what, what)[1:]} is {held[0].says}.",
        then=action.command,
        then_title=action.title if action.command else "",
    )


def monitor(status: MigrationStatus) -> VoyagerError | None:
    """What a monitor is told: None while all is well, else the error whose exit code says what is the matter."""
    if status.next.kind == "paused":
        return NothingToDo(status.next.reason, f"Go on with: yb-voyager {status.next.command}")
    unattended = [phase for phase in status.phases if phase.health in ("failed", "stopped")]
    if unattended:
        message = (unattended[0].error or {}).get("message", "nobody runs it")
        return NobodyRunsIt(f"{unattended[0].title} is in progress and nobody runs it: {message}", status.next.reason)
    set_aside = [phase for phase in status.phases if phase.health == "set_aside"]
    decided = any(phase.phase == "CUTOVER" and phase.state != NOT_STARTED for phase in status.phases)
    left_out = bool(set_aside) and not decided
    if status.ended_at or status.next.kind == "finished" or (status.next.kind == "end" and not left_out):
        return None
    if any(phase.health == "differences" for phase in status.phases):
        return DifferencesFound("The last verification found differences.", status.next.reason)
    if left_out:
        return RowsSetAside(f"{set_aside[0].title} set rows aside.", status.next.reason)
    if any(phase.health == "running" for phase in status.phases):
        return None
    if status.next.kind == "blocked":
        return BlockersFound(status.next.reason)
    if status.next.kind == "wait":
        return None
    return NothingToDo(f"Waiting for an operator: {status.next.title} is next.", status.next.reason)


def confirmation_needed(status: MigrationStatus) -> ConfirmationNeeded:
    """What stops `next --run` before a consequential phase that nobody named."""
    action = status.next
    return ConfirmationNeeded(
        f"{status.phase(action.phase or '').title} decides which database is the right one, or ends the migration; "
        "it is never run unnamed.",
        f"Name it: yb-voyager migrate next --run {action.phase} --yes, or answer on a terminal.",
    )


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, as every JSON document has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _remarks(record: MigrationRecord) -> Iterator[Remark]:
    """Rows that were set aside, as long as they may still be brought in."""
    aside = rows_aside(record)
    if aside and record.phases.get("CUTOVER", PhaseRecord("CUTOVER", NOT_STARTED)).state == NOT_STARTED:
        yield Remark(
            aside.phase,
            aside.says,
            f"{aside.command} --replay-quarantine",
            "Load the rows that were set aside again, after what refused them was corrected (or give them up: "
            "--discard-quarantine).",
        )


def _completed(record: MigrationRecord, phase: str) -> bool:
    found = record.phases.get(phase)
    return found is not None and found.state == COMPLETED


def _summary(record: MigrationRecord, phase: str) -> Mapping[str, Any]:
    found = record.phases.get(phase)
    return found.summary if found is not None else {}


def _no_blockers(record: MigrationRecord) -> bool:
    return not (_completed(record, "ANALYZE_SCHEMA") and _summary(record, "ANALYZE_SCHEMA").get("blockers"))


def _why(lacking: Sequence[Obstacle]) -> Why:
    return Why(
        " ".join(obstacle.says for obstacle in lacking),
        " ".join(dict.fromkeys(obstacle.hint for obstacle in lacking)),
    )


_EVIDENCE: Mapping[str, Callable[[MigrationRecord], bool]] = {
    "no_blockers": _no_blockers,
    "snapshot_imported": lambda record: bool(_summary(record, "IMPORT_DATA").get("snapshot_imported")),
    "caught_up": lambda record: bool(_summary(record, "IMPORT_DATA").get("caught_up")),
    "reverse_caught_up": lambda record: any(
        bool(_summary(record, phase).get("caught_up"))
        for phase in ("IMPORT_DATA_TO_SOURCE", "IMPORT_DATA_TO_SOURCE_REPLICA")
    ),
}
"""Condition of the state machine -> what in the record shows that it holds."""


def _phase_status(record: MigrationRecord, phase: Phase, state: str) -> PhaseStatus:
    saved = record.phases.get(phase.name) or PhaseRecord(phase.name, state)
    lease = record.leases.get(phase.name)
    totals = record.totals.get(phase.name)
    health = _health(saved, state, lease, totals)
    if health == "running" and pause_of(record.settings, phase.name):
        health = "paused"
    return PhaseStatus(
        phase=phase.name,
        title=phase.title,
        state=state,
        health=health,
        percent=_percent(saved, state, totals),
        elapsed=_elapsed(saved, health, record.read_at),
        estimate=_estimate(totals) if health == "running" else None,
        attempt=saved.attempt,
        started_at=saved.started_at,
        completed_at=saved.completed_at,
        error=saved.last_error if state not in (NOT_STARTED, COMPLETED) else None,
        summary=saved.summary,
        runner=f"{lease.owner}" if lease and lease.live else "",
        shown=state != NOT_STARTED or (phase.offered and not phase.final),
        pace=saved.summary.get("pace") if health in ("running", "paused") else None,
    )


def _health(saved: PhaseRecord, state: str, lease: LeaseRecord | None, totals: PhaseTotals | None) -> str:
    if state == NOT_STARTED:
        return "idle"
    if state == COMPLETED:
        if saved.summary.get("clean") is False:
            return "differences"
        return "set_aside" if totals and totals.rows_quarantined else "done"
    if lease is not None and lease.live:
        return "running"
    return "failed" if saved.last_error else "stopped"


def _percent(saved: PhaseRecord, state: str, totals: PhaseTotals | None) -> int:
    if state == COMPLETED:
        return 100
    if state == NOT_STARTED:
        return 0
    if totals and totals.rows_total > 0:
        return max(0, min(NEARLY, int(100 * totals.rows_done / totals.rows_total)))
    return max(0, min(NEARLY, int(saved.percent)))


def _elapsed(saved: PhaseRecord, health: str, now: datetime) -> float | None:
    if saved.started_at is None:
        return None
    end = saved.completed_at or (now if health in ("running", "paused") else None)
    return max(0.0, (end - saved.started_at).total_seconds()) if end else None


def _estimate(totals: PhaseTotals | None) -> float | None:
    if totals is None or totals.rate <= 0 or totals.rows_total <= totals.rows_done:
        return None
    return (totals.rows_total - totals.rows_done) / totals.rate


def _activity(record: MigrationRecord, phase: PhaseStatus) -> Activity:
    tables = tuple(table for table in record.tables if table.phase == phase.phase)
    return Activity(phase.phase, phase.title, tables, record.totals.get(phase.phase))


def pause_json(pause: Pause) -> dict[str, Any]:
    """One pause, as every JSON document has it."""
    return {"phase": pause.phase, "since": timestamp(pause.since), "by": pause.by}


def phase_json(phase: PhaseStatus) -> dict[str, Any]:
    """One phase, as every JSON document has it."""
    return {
        "phase": phase.phase,
        "title": phase.title,
        "state": phase.state,
        "health": phase.health,
        "percent": phase.percent,
        "elapsed_seconds": _rounded(phase.elapsed),
        "estimate_seconds": _rounded(phase.estimate),
        "attempt": phase.attempt,
        "started_at": timestamp(phase.started_at),
        "completed_at": timestamp(phase.completed_at),
        "run_by": phase.runner or None,
        "pace": dict(phase.pace) if phase.pace else None,
        "error": dict(phase.error) if phase.error else None,
        "summary": dict(phase.summary),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def activity_json(activity: Activity) -> dict[str, Any]:
    """The tables of a phase, as every JSON document has them."""
    return {
        "phase": activity.phase,
        "totals": asdict(activity.totals) if activity.totals else None,
        "tables": [table_json(table) for table in activity.tables],
    }


def table_json(table: TableRecord) -> dict[str, Any]:
    """One table of a phase, as every JSON document has it."""
    return {**asdict(table), "updated_at": timestamp(table.updated_at)}
