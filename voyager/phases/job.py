"""What a phase handler gets (Job) and gives back (Outcome)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.errors import VoyagerError
from voyager.phases.backends import RecordedBackends
from voyager.progress import Pacing, Report
from voyager.store.steering import Steering

if TYPE_CHECKING:
    from statemachine.definition import Phase
    from voyager.export_dir import ExportDir
    from voyager.ports import Source
    from voyager.store.lease import Lease
    from voyager.store.record import MigrationRecord
    from voyager.store.state import StateStore
    from voyager.target.target import Target


@dataclass
class Job:
    """One attempt at one phase, under its lease.

    `source` raises on first use when the source is not needed and cannot be reached. `checkpoint()` is called between
    pieces of work: it raises LeaseLost when the lease was taken over and Interrupted when the operator asked to
    stop. `report` takes the standing of tables, `warn` a sentence for the operator and the event log, `note` one for
    the event log alone. `beside` names the phases that may run while this one does. `steering()` is what the operator
    wants of the phase now; `tell_pace` takes what came of it.
    """

    record: MigrationRecord
    phase: Phase
    options: Any
    source: Source
    target: Target
    store: StateStore
    lease: Lease
    export_dir: ExportDir
    report: Report
    warn: Callable[[str], None]
    checkpoint: Callable[[], None]
    beside: tuple[str, ...] = ()
    steering: Callable[[], Steering] = Steering
    tell_pace: Callable[[Pacing], None] = lambda _: None
    note: Callable[[str, Mapping[str, Any]], None] = lambda _sentence, _detail: None
    backends: RecordedBackends = field(default_factory=RecordedBackends)

    def announce(self, key: Hashable, backend: Mapping[str, Any]) -> None:
        """Write a connection to the target down with the lease before it does anything: whoever takes the phase over
        ends it first. `key` says whose it is; the next one under the same key takes its place. Raises LeaseLost."""
        self.backends.record(self.store.leases, self.lease, key=key, backend=backend)


@dataclass(frozen=True)
class Grid:
    """A small table for people: `columns` are (title, "left" or "right"), the cells are texts."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """What a completed phase leaves: `summary` (JSON values only) is kept in migration_state and history, `headline` is
    one sentence for people, `details` more lines, `problem` an error that decides the exit code of a phase that
    is completed all the same (verification with differences), `grid` a table that stands before the details. `more` is
    what programs get in the summary beside what is kept, or in its place: findings that fill a report."""

    headline: str
    summary: dict[str, Any] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    problem: VoyagerError | None = None
    grid: Grid | None = None
    more: dict[str, Any] = field(default_factory=dict)
