"""Progress: where each table of a phase stands, with a rate over a moving window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Connection, Text, Uuid, bindparam, case, column, delete, func, null, select
from sqlalchemy.dialects.postgresql import insert

from voyager.progress import TableProgress
from voyager.store.reading import read_tables
from voyager.store.record import TableRecord
from voyager.store.session import Session
from voyager.store.tables import table_progress
from voyager.store.values import Json, to_text

NOW = func.clock_timestamp()
WINDOW = 20.0
ENDED = ("DONE", "SKIPPED", "FAILED")
ROWS_PER_STATEMENT = 2000
_GIVEN = ("schema_name", "table_name")
_KEY = ("migration_uuid", "phase", *_GIVEN)
_FLAGS = (column("begun", Boolean()), column("ended", Boolean()))
_MEASURED = (
    "status",
    "rows_total",
    "rows_estimated",
    "rows_done",
    "bytes_total",
    "bytes_done",
    "rows_quarantined",
    "rate",
    "message",
    "chunks_done",
    "chunks_total",
)


class ProgressRows:
    """The table_progress rows. What is put replaces what was there; the times are the target's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._windows: dict[tuple[UUID, str, str, str], deque[tuple[float, int]]] = {}
        self._guard = Lock()

    def put(self, migration_uuid: UUID, phase: str, tables: Iterable[TableProgress]) -> None:
        """Write the standing of tables; of several of one table the last counts."""
        latest = {(to_text(table.schema), to_text(table.table)): table for table in tables}
        # In one order for every writer, so that two of them cannot wait for each other.
        rows = [self._row(migration_uuid, phase, *name, latest[name]) for name in sorted(latest)]
        for at in range(0, len(rows), ROWS_PER_STATEMENT):
            given = {"migration_uuid": migration_uuid, "phase": phase, "rows": rows[at : at + ROWS_PER_STATEMENT]}
            self._session.single(partial(_write, given=given), f"write the progress of {phase}")

    def tables(self, migration_uuid: UUID, phase: str, most: int | None) -> tuple[TableRecord, ...]:
        """The `most` tables (None: all) of most interest in one phase: running and failed first, then the largest."""
        return self._session.read(
            lambda connection: read_tables(connection, migration_uuid, phase, most), f"read the progress of {phase}"
        )

    def reset(self, migration_uuid: UUID, phase: str) -> None:
        """Forget a phase's progress."""
        with self._guard:
            for key in [key for key in self._windows if key[:2] == (migration_uuid, phase)]:
                del self._windows[key]
        table = table_progress.c
        statement = delete(table_progress).where(table.migration_uuid == migration_uuid, table.phase == phase)
        self._session.single(lambda connection: connection.execute(statement), f"forget the progress of {phase}")

    def _row(self, migration_uuid: UUID, phase: str, schema: str, name: str, table: TableProgress) -> dict[str, Any]:
        return {
            "schema_name": schema,
            "table_name": name,
            "status": table.status,
            "rows_total": table.rows_total,
            "rows_estimated": table.rows_estimated,
            "rows_done": table.rows_done,
            "bytes_total": table.bytes_total,
            "bytes_done": table.bytes_done,
            "rows_quarantined": table.rows_quarantined,
            "rate": self._rate((migration_uuid, phase, schema, name), table),
            "message": to_text(table.message),
            "chunks_done": table.chunks_done,
            "chunks_total": table.chunks_total,
            "begun": table.status != "QUEUED",
            "ended": table.status in ENDED,
        }

    def _rate(self, key: tuple[UUID, str, str, str], table: TableProgress) -> float | None:
        """Rows per second over the last WINDOW seconds; None before it can be told and when nothing runs."""
        now = time.monotonic()
        with self._guard:
            if table.status == "QUEUED" or table.status in ENDED:
                self._windows.pop(key, None)
                return None
            window = self._windows.setdefault(key, deque())
            if window and table.rows_done < window[-1][1]:
                window.clear()
            window.append((now, table.rows_done))
            while len(window) > 2 and now - window[1][0] >= WINDOW:
                window.popleft()
            since, rows = window[0]
            return (table.rows_done - rows) / (now - since) if now - since >= 0.5 else None


def _write(connection: Connection, given: dict[str, Any]) -> None:
    connection.execute(_UPSERT, given)


def _upsert() -> Any:
    """One statement for many rows, given as one JSON value: one round trip, and one plan whatever their number."""
    given: Any = (
        func.jsonb_to_recordset(bindparam("rows", type_=Json()))
        .table_valued(*(column(name, table_progress.c[name].type) for name in (*_GIVEN, *_MEASURED)), *_FLAGS)
        .render_derived(name="given", with_types=True)
    )
    now_if_begun = case((given.c.begun, NOW), else_=null())
    now_if_ended = case((given.c.ended, NOW), else_=null())
    statement = insert(table_progress).from_select(
        [*_KEY, *_MEASURED, "started_at", "completed_at"],
        select(
            bindparam("migration_uuid", type_=Uuid()),
            bindparam("phase", type_=Text()),
            *(given.c[name] for name in (*_GIVEN, *_MEASURED)),
            now_if_begun,
            now_if_ended,
        ),
    )
    new, old = statement.excluded, table_progress.c
    started = case((new.started_at.is_not(None), func.coalesce(old.started_at, new.started_at)), else_=null())
    ended = case((new.completed_at.is_not(None), func.coalesce(old.completed_at, new.completed_at)), else_=null())
    return statement.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            **{name: new[name] for name in _MEASURED},
            "started_at": started,
            "completed_at": ended,
            "updated_at": NOW,
        },
    )


_UPSERT = _upsert()
