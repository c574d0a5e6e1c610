"""How often each table of a PostgreSQL server was written, so that two readings tell whether anything was between."""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib import resources
from uuid import uuid4

import psycopg

from voyager.identifiers import TableName
from voyager.ports import WriteCounter

_FIRST_WITH_TIMELY_COUNTERS = 150000
# A session that goes idle hands its counts in after ten seconds at the latest (from PostgreSQL 15 on).
_HANDED_IN_AFTER = 10.5


def write_counters(
    connection: psycopg.Connection, tables: Iterable[TableName], *, settled: bool = True
) -> dict[TableName, WriteCounter] | None:
    """Counters of `tables`, or None when they cannot be trusted on this server now.

    Waits, up to some ten seconds, for the counts of sessions that were busy a moment ago. A table that is
    being written at this moment gets an identity that equals no other, since its rows may become visible later.
    Without `settled` it waits for nobody: good for a first look, not for a decision.
    """
    if not _counts(connection) or (settled and not _settled(connection)):
        return None
    wanted = list(tables)
    rows = connection.execute(
        _text("write_counters"), {"schemas": [t.schema for t in wanted], "names": [t.name for t in wanted]}
    )
    return {
        TableName(schema, name): WriteCounter(writes, f"{identity}/{uuid4()}" if writers else identity)
        for schema, name, writes, identity, writers in rows
    }


def _counts(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_catalog.current_setting('track_counts')::bool").fetchone()
    return bool(row and row[0])


def _settled(connection: psycopg.Connection) -> bool:
    """Wait until every write that was committed before this call is counted; False when that cannot be known."""
    deadline = time.monotonic() + _HANDED_IN_AFTER
    pause = 0.02
    while _others_may_hold_counts(connection) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(0.5, pause * 2)
    # Before that an idle session may keep its counts for as long as it lives.
    timely = connection.info.server_version >= _FIRST_WITH_TIMELY_COUNTERS
    return timely or not _others_may_hold_counts(connection)


def _others_may_hold_counts(connection: psycopg.Connection) -> bool:
    number, hidden, last_active = connection.execute(_text("other_sessions")).fetchone() or (0, False, None)
    if number == 0:
        return False
    old = connection.info.server_version < _FIRST_WITH_TIMELY_COUNTERS
    return old or hidden or last_active is None or last_active < _HANDED_IN_AFTER


def _text(name: str) -> str:
    return (resources.files("voyager.postgres") / f"{name}.sql").read_text("utf-8")
