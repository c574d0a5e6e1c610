"""Progress: where each table of a phase stands, with a rate over a moving window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, bindparam, case, delete, func, null
from sqlalchemy.dialects.postgresql import insert

from voyager.progress import TableProgress
from voyager.store.session import Session
from voyager.store.tables import table_progress
from voyager.store.values import to_text

NOW = func.clock_timestamp()
WINDOW = 20.0
ENDED = ("DONE", "SKIPPED", "FAILED")
_KEY = ("migration_uuid", "phase", "schema_name", "table_name")
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
)


class ProgressRows:
    """The table_progress rows. What is put replaces what was there; the times are the target's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._windows: dict[tuple[UUID, str, str, str], deque[tuple[float, int]]] = {}
        self._guard = Lock()

    def put(self, migration_uuid: UUID, phase: str, tables: Iterable[TableProgress]) -> None:
        """Write the standing of tables in one transaction."""
        latest = {(table.schema, table.table): table for table in tables}
        # In one order for every writer, so that two of them cannot wait for each other.
        rows = [self._row(migration_uuid, phase, latest[name]) for name in sorted(latest)]
        if rows:
            self._session.run(lambda connection: connection.execute(_UPSERT, rows), f"write the progress of {phase}")

    def reset(self, migration_uuid: UUID, phase: str) -> None:
        """Forget a phase's progress."""
        with self._guard:
            for key in [key for key in self._windows if key[:2] == (migration_uuid, phase)]:
                del self._windows[key]
        table = table_progress.c
        statement = delete(table_progress).where(table.migration_uuid == migration_uuid, table.phase == phase)
        self._session.single(lambda connection: connection.execute(statement), f"forget the progress of {phase}")

    def _row(self, migration_uuid: UUID, phase: str, table: TableProgress) -> dict[str, Any]:
        return {
            "migration_uuid": migration_uuid,
            "phase": phase,
            "schema_name": to_text(table.schema),
            "table_name": to_text(table.table),
            "status": table.status,
            "rows_total": table.rows_total,
            "rows_estimated": table.rows_estimated,
            "rows_done": table.rows_done,
            "bytes_total": table.bytes_total,
            "bytes_done": table.bytes_done,
            "rows_quarantined": table.rows_quarantined,
            "rate": self._rate((migration_uuid, phase, table.schema, table.table), table),
            "message": to_text(table.message),
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


def _upsert() -> Any:
    now_if_begun = case((bindparam("begun", type_=Boolean()), NOW), else_=null())
    now_if_ended = case((bindparam("ended", type_=Boolean()), NOW), else_=null())
    measured: dict[str, Any] = {name: bindparam(name) for name in (*_KEY, *_MEASURED)}
    statement = insert(table_progress).values(**measured, started_at=now_if_begun, completed_at=now_if_ended)
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
