"""What the target database holds, as values: a migration read in one go, its events, reports, journal and chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from voyager.identifiers import TableName


@dataclass(frozen=True)
class PhaseRecord:
    """One phase: its state as statemachine names it, and what the last attempt left. Times are UTC."""

    phase: str
    state: str
    attempt: int = 0
    percent: float = 0.0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    last_error: dict[str, Any] | None = None
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LeaseRecord:
    """Who may act on a phase. `live` was decided by the database's clock when the record was read."""

    phase: str
    token: UUID
    owner: str
    host: str
    pid: int
    acquired_at: datetime
    expires_at: datetime
    live: bool
    backends: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class TableRecord:
    """One table (or step) in one phase; fields as in progress.TableProgress. `rate` is rows per second."""

    phase: str
    schema: str
    table: str
    status: str
    rows_total: int | None
    rows_estimated: int | None
    rows_done: int
    bytes_total: int | None
    bytes_done: int
    rows_quarantined: int
    rate: float | None
    updated_at: datetime
    message: str
    chunks_done: int = 0
    chunks_total: int | None = None


@dataclass(frozen=True)
class PhaseTotals:
    """Sums over every table of a phase, made in SQL."""

    phase: str
    tables: int
    tables_done: int
    rows_done: int
    rows_total: int
    bytes_done: int
    bytes_total: int
    rate: float
    rows_quarantined: int = 0
    chunks_done: int = 0
    chunks_total: int = 0


@dataclass(frozen=True)
class MigrationRecord:
    """One migration. `read_at` is the database's clock at the read; `tables` holds the 50 of most interest
    (running and failed first, then the largest) and `totals` counts all of them."""

    migration_uuid: UUID
    name: str
    workflow: str
    source: dict[str, Any]
    target: dict[str, Any]
    export_dir: str
    voyager_version: str
    version: int
    settings: dict[str, Any]
    capabilities: dict[str, Any]
    phase_table: dict[str, Any]
    created_at: datetime
    read_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    phases: dict[str, PhaseRecord]
    leases: dict[str, LeaseRecord]
    tables: tuple[TableRecord, ...] = ()
    totals: dict[str, PhaseTotals] = field(default_factory=dict)
    from_cache: bool = False


@dataclass(frozen=True, kw_only=True)
class NewMigration:
    """What `migrate init` registers. `phases` is the first configuration, one entry for every phase; `initialized`
    names the transition that led to it (phase, from_state, to_state) and becomes the first event."""

    migration_uuid: UUID
    name: str
    workflow: str
    source: Mapping[str, Any]
    target: Mapping[str, Any]
    export_dir: str
    voyager_version: str
    phase_table: Mapping[str, Any]
    phases: Mapping[str, str]
    actor: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    next_if_idle: Mapping[str, Any] | None = None
    next_if_running: Mapping[str, Any] | None = None
    initialized: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class MigrationBrief:
    """A migration in a list: enough to choose one."""

    migration_uuid: UUID
    name: str
    workflow: str
    source: dict[str, Any]
    target: dict[str, Any]
    export_dir: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class EventRecord:
    """Something that happened; events are only ever added."""

    event_id: UUID
    migration_uuid: UUID
    at: datetime
    phase: str | None
    kind: str
    from_state: str | None
    to_state: str | None
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class ReportRecord:
    """A report as it was made; `sha256` is that of `body` as compact JSON with sorted keys."""

    report_id: UUID
    migration_uuid: UUID | None
    kind: str
    voyager_version: str
    created_at: datetime
    body: dict[str, Any]
    sha256: str


@dataclass(frozen=True)
class StatementRecord:
    """One DDL statement in the journal. `state` is started, done, failed or skipped; a started one is settled by asking
    the catalog whether its object is there."""

    statement_id: UUID
    ordinal: int
    sha256: str
    file: str
    line: int
    object: str
    state: str
    error: str | None = None


@dataclass(frozen=True)
class LoadedBatch:
    """A batch that is in: blocks [batch_no, batch_no + blocks) of its chunk's file. The numbers are those of
    ledger.Batch; `quarantined` counts rows set aside, those that were discarded since included."""

    batch_no: int
    blocks: int
    rows: int
    bytes: int
    quarantined: int = 0
    ignored: int = 0
    updated: int = 0


@dataclass(frozen=True)
class StreamedChunk:
    """A chunk that went from source to target without a file; `snapshot` is the key of the view it was read under."""

    table: TableName
    snapshot: str
    rows: int
    bytes: int
    set_aside: int = 0


@dataclass(frozen=True)
class LoadedTable:
    """What the ledger says is in one table."""

    batches: int
    rows: int
    bytes: int
    quarantined: int
    ignored: int = 0
    updated: int = 0


@dataclass(frozen=True)
class SetAsideRow:
    """A row that the target refused and where it stands: row `row` (from 0) of block `block` of its chunk's file, which
    begins at `offset` (None for a streamed part, which is one block). `key` is the row's own, None where the table has
    none; `values` only where they were asked for.
    """

    id: UUID
    schema: str
    table: str
    chunk_id: UUID
    block: int
    row: int
    file: str
    offset: int | None
    key: Mapping[str, str | None] | None
    reason: str
    sqlstate: str
    values: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class VerificationRun:
    """One run of verify. `point` is what the caller declared before its first read (write counters, a time)."""

    run_id: UUID
    started_at: datetime
    point: dict[str, Any]


@dataclass(frozen=True)
class VerificationChunk:
    """One range compared. `state` is pending, equal, different or failed; sums are decimal text."""

    schema: str
    table: str
    chunk: int
    state: str
    lo: str | None = None
    hi: str | None = None
    source_rows: int | None = None
    target_rows: int | None = None
    source_sum: str | None = None
    target_sum: str | None = None
    fence: str | None = None
