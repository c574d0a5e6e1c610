"""MigrationRecord: one migration as the target database holds it, read in one go. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


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
