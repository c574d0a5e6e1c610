"""Read one migration, whole or but for its tables: few statements on one snapshot, however many tables it has."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
)

from voyager.store.record import LeaseRecord, MigrationRecord, PhaseRecord, PhaseTotals, TableRecord
from voyager.store.tables import leases, migration_state, migrations, table_progress

NOW = func.clock_timestamp()
TABLES_PER_PHASE = 50
AT_REST = ("QUEUED", "DONE", "SKIPPED")
_LATER: dict[str, int | None] = {"chunks_done": 0, "chunks_total": None}
"""Columns that the first schema had not -> what they are worth there. Who only looks installs nothing."""
_IS_WHOLE: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attname = 'chunks_done'"
    " AND attrelid = pg_catalog.to_regclass('ybvoyager.table_progress'))",
    Boolean(),
)
_OF = "of_migration"
"""The one parameter of all queries. They are put together once a process: a record is read many times in a phase."""


def read_record(connection: Connection, migration_uuid: UUID, *, tables: bool = True) -> MigrationRecord | None:
    """Return the record, None when there is no such migration; without the standing of `tables` where nobody asks."""
    row = connection.execute(_migration_query(), {_OF: migration_uuid}).mappings().first()
    if row is None:
        return None
    return MigrationRecord(
        migration_uuid=row["migration_uuid"],
        name=row["name"],
        workflow=row["workflow"],
        source=row["source"],
        target=row["target"],
        export_dir=row["export_dir"],
        voyager_version=row["voyager_version"],
        version=row["version"],
        settings=row["settings"],
        capabilities=row["capabilities"],
        phase_table=row["phase_table"],
        created_at=_utc(row["created_at"]),
        read_at=_utc(row["read_at"]),
        ended_at=_maybe_utc(row["ended_at"]),
        end_reason=row["end_reason"],
        phases=_in_order(_phases(connection, migration_uuid), row["phase_table"]),
        leases=read_leases(connection, migration_uuid),
        tables=_tables(connection, migration_uuid, whole=row["is_whole"]) if tables else (),
        totals=_totals(connection, migration_uuid, whole=row["is_whole"]) if tables else {},
    )


def read_leases(connection: Connection, migration_uuid: UUID) -> dict[str, LeaseRecord]:
    """Return the leases by phase, judged by the database's clock."""
    return {
        row["phase"]: LeaseRecord(
            phase=row["phase"],
            token=row["token"],
            owner=row["owner"],
            host=row["host"],
            pid=row["pid"],
            acquired_at=_utc(row["acquired_at"]),
            expires_at=_utc(row["expires_at"]),
            live=row["live"],
            backends=tuple(row["backends"]),
        )
        for row in connection.execute(_leases_query(), {_OF: migration_uuid}).mappings()
    }


@cache
def _migration_query() -> Select[Any]:
    facts = (NOW.label("read_at"), _IS_WHOLE.label("is_whole"))
    return select(migrations, *facts).where(migrations.c.migration_uuid == bindparam(_OF))


@cache
def _leases_query() -> Select[Any]:
    live = (leases.c.expires_at > NOW).label("live")
    return select(leases, live).where(leases.c.migration_uuid == bindparam(_OF))


@cache
def _phases_query() -> Select[Any]:
    return select(migration_state).where(migration_state.c.migration_uuid == bindparam(_OF))


def _phases(connection: Connection, migration_uuid: UUID) -> dict[str, PhaseRecord]:
    return {
        row["phase"]: PhaseRecord(
            phase=row["phase"],
            state=row["state"],
            attempt=row["attempt"],
            percent=row["percent"],
            started_at=_maybe_utc(row["started_at"]),
            completed_at=_maybe_utc(row["completed_at"]),
            last_error=row["last_error"],
            summary=row["summary"],
        )
        for row in connection.execute(_phases_query(), {_OF: migration_uuid}).mappings()
    }


def _in_order(phases: dict[str, PhaseRecord], phase_table: dict[str, Any]) -> dict[str, PhaseRecord]:
    """In the workflow's order; phases that the saved workflow does not list come last."""
    known = [phase["name"] for phase in phase_table.get("phases", ())]
    return {name: phases[name] for name in [*known, *sorted(phases.keys() - set(known))] if name in phases}


def _size(table: Any) -> ColumnElement[int]:
    return func.greatest(table.rows_done, func.coalesce(table.rows_total, table.rows_estimated, 0))


def read_tables(connection: Connection, migration_uuid: UUID, phase: str, most: int | None) -> tuple[TableRecord, ...]:
    """The `most` tables (None: all) of most interest in one phase."""
    whole = bool(connection.execute(select(_IS_WHOLE)).scalar_one())
    return _tables(connection, migration_uuid, whole=whole, phase=phase, most=most)


def _tables(
    connection: Connection,
    migration_uuid: UUID,
    *,
    whole: bool,
    phase: str | None = None,
    most: int | None = TABLES_PER_PHASE,
) -> tuple[TableRecord, ...]:
    """The tables of most interest in each phase: running and failed first, then the largest."""
    query = _tables_query(whole, phase, most)
    return tuple(
        TableRecord(
            phase=row["phase"],
            schema=row["schema_name"],
            table=row["table_name"],
            status=row["status"],
            rows_total=row["rows_total"],
            rows_estimated=row["rows_estimated"],
            rows_done=row["rows_done"],
            bytes_total=row["bytes_total"],
            bytes_done=row["bytes_done"],
            rows_quarantined=row["rows_quarantined"],
            rate=row["rate"],
            updated_at=_utc(row["updated_at"]),
            message=row["message"],
            chunks_done=row["chunks_done"],
            chunks_total=row["chunks_total"],
        )
        for row in connection.execute(query, {_OF: migration_uuid}).mappings()
    )


@cache
def _tables_query(whole: bool, phase: str | None, most: int | None) -> Select[Any]:
    table = table_progress.c
    interest = (case((table.status.in_(AT_REST), 1), else_=0), _size(table).desc(), table.schema_name, table.table_name)
    place = func.row_number().over(partition_by=table.phase, order_by=interest).label("place")
    ranked = select(*_columns(whole), place).where(table.migration_uuid == bindparam(_OF))
    if phase is not None:
        ranked = ranked.where(table.phase == phase)
    found = ranked.subquery()
    query = select(found).order_by(found.c.phase, found.c.place)
    if most is not None:
        query = query.where(found.c.place <= most)
    return query


def _totals(connection: Connection, migration_uuid: UUID, *, whole: bool) -> dict[str, PhaseTotals]:
    return {
        row["phase"]: PhaseTotals(
            phase=row["phase"],
            tables=int(row["tables"]),
            tables_done=int(row["tables_done"]),
            rows_done=int(row["rows_done"]),
            rows_total=int(row["rows_total"]),
            bytes_done=int(row["bytes_done"]),
            bytes_total=int(row["bytes_total"]),
            rate=float(row["rate"]),
            rows_quarantined=int(row["rows_quarantined"]),
            chunks_done=int(row["chunks_done"]),
            chunks_total=int(row["chunks_total"]),
        )
        for row in connection.execute(_totals_query(whole), {_OF: migration_uuid}).mappings()
    }


@cache
def _totals_query(whole: bool) -> Select[Any]:
    """Sums over a phase's tables; a step (it has no schema) counts only where a phase has nothing but steps."""
    is_table = case((table_progress.c.schema_name != "", 1), else_=0)
    has_tables = func.max(is_table).over(partition_by=table_progress.c.phase)
    rows = (
        select(*_columns(whole), is_table.label("is_table"), has_tables.label("has_tables"))
        .where(table_progress.c.migration_uuid == bindparam(_OF))
        .subquery()
    )
    table = rows.c
    done = case((table.status.in_(("DONE", "SKIPPED")), 1), else_=0)
    return (
        select(
            table.phase,
            func.count().label("tables"),
            func.sum(done).label("tables_done"),
            func.sum(table.rows_done).label("rows_done"),
            func.sum(_size(table)).label("rows_total"),
            func.sum(table.bytes_done).label("bytes_done"),
            func.sum(func.greatest(table.bytes_done, func.coalesce(table.bytes_total, 0))).label("bytes_total"),
            func.coalesce(func.sum(table.rate), 0).label("rate"),
            func.sum(table.rows_quarantined).label("rows_quarantined"),
            func.sum(table.chunks_done).label("chunks_done"),
            func.sum(func.greatest(table.chunks_done, func.coalesce(table.chunks_total, 0))).label("chunks_total"),
        )
        .where(table.is_table == table.has_tables)
        .group_by(table.phase)
    )


def _columns(whole: bool) -> list[ColumnElement[Any]]:
    """The columns of table_progress, with constants for those that an older schema has not."""
    return [
        column if whole or column.name not in _LATER else literal(_LATER[column.name], Integer()).label(column.name)
        for column in table_progress.c
    ]


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _maybe_utc(at: datetime | None) -> datetime | None:
    return None if at is None else _utc(at)
