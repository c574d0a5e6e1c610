"""How often each table of a PostgreSQL server was written, so that two readings tell whether anything was between."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from importlib import resources
from typing import NamedTuple
from uuid import uuid4

import psycopg

from voyager.identifiers import Identifier, TableName, visible
from voyager.ports import Unreported, WriteCounter

_FIRST_WITH_TIMELY_COUNTERS = 150000
# Sessions that go idle hand their counts in, but not twice within a second; what is left then after ten seconds, if
# they are idle still (PGSTAT_MIN_INTERVAL and PGSTAT_IDLE_INTERVAL, from PostgreSQL 15 on). In the middle of a
# statement or a transaction none is handed in.
_NOT_TWICE_WITHIN = 1.0
_HANDED_IN_AFTER = 10.5


class _Session(NamedTuple):
    """One row of other_sessions.sql; times in seconds."""

    pid: int
    role: str
    application: str
    state: str | None
    hidden: bool
    came_later: bool
    unchanged_for: float | None
    busy_from: float | None
    nothing_since: bool
    busy_at: str | None

    @property
    def says(self) -> str:
        who = f"pid {self.pid} ({visible(self.application or 'no application name')}, role {visible(self.role)})"
        if self.hidden:
            return who
        if self.state == "idle":
            return f"{who}, idle, but before PostgreSQL 15 it may keep its counts until it ends"
        return f"{who}, {self.state} since {self.busy_at}"


def write_counters(
    connection: psycopg.Connection, tables: Iterable[TableName], *, settled: bool = True, since: datetime | None = None
) -> dict[TableName, WriteCounter] | None:
    """Counters of `tables`, or None when they cannot be trusted on this server now.

    Waits, up to some ten seconds, for the counts of sessions that were busy a moment ago. A table that is
    being written at this moment gets an identity that equals no other, since its rows may become visible later.
    With `since` (by the server's clock), the moment of an earlier reading that this one is to be compared with, the
    answer is None while any session may hold back the count of a write that it committed after that.
    Without `settled` it waits for nobody: good for a first look, not for a decision.
    """
    if not _counts(connection) or (settled and not _settled(connection, since)):
        return None
    wanted = list(tables)
    rows = connection.execute(
        _text("write_counters"), {"schemas": [t.schema for t in wanted], "names": [t.name for t in wanted]}
    )
    return {
        TableName(schema, name): WriteCounter(writes, f"{identity}/{uuid4()}" if writers else identity)
        for schema, name, writes, identity, writers in rows
    }


def read_unreported(connection: psycopg.Connection, since: datetime) -> Unreported:
    """Who is why write_counters() gave no answer, as far as they are still there."""
    others = [one for one in _others(connection, _now(connection), since) if _may_hold(connection, one, waited=True)]
    (role,) = connection.execute("SELECT current_user").fetchone() or ("",)
    return Unreported(
        busy=tuple(one.says for one in others if not one.hidden),
        hidden=tuple(one.says for one in others if one.hidden),
        grant=f"GRANT pg_read_all_stats TO {Identifier(role).sql};",
    )


def _counts(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_catalog.current_setting('track_counts')::bool").fetchone()
    return bool(row and row[0])


def _settled(connection: psycopg.Connection, since: datetime | None) -> bool:
    """Wait until the writes that were committed before this call are counted. Without `since` a session that holds on
    for too long, or cannot be seen, does not matter: its writes count later, as if they had been made later."""
    called, deadline = _now(connection), time.monotonic() + _HANDED_IN_AFTER + _NOT_TWICE_WITHIN
    pause = 0.02
    while True:
        waited = time.monotonic() >= deadline
        others = [one for one in _others(connection, called, since) if since is not None or not one.hidden]
        holding = [one for one in others if _may_hold(connection, one, waited=waited)]
        if not holding:
            return True
        if waited:
            return since is None
        time.sleep(pause)
        pause = min(0.5, pause * 2)


def _may_hold(connection: psycopg.Connection, one: _Session, *, waited: bool) -> bool:
    """Whether a session may have committed a write before the call that is not counted yet."""
    if one.came_later or one.nothing_since:
        return False
    if one.hidden or connection.info.server_version < _FIRST_WITH_TIMELY_COUNTERS:
        # Of older servers even an idle session may keep its counts for as long as it lives.
        return True
    if one.state == "idle":
        return not waited and (one.unchanged_for is None or one.unchanged_for < _HANDED_IN_AFTER)
    # It was idle for the last time just before what it does now, and handed in then what it had.
    return one.busy_from is None or one.busy_from <= _NOT_TWICE_WITHIN


def _others(connection: psycopg.Connection, called: datetime, since: datetime | None) -> list[_Session]:
    rows = connection.execute(_text("other_sessions"), {"called": called, "since": since})
    return [_Session(*row) for row in rows]


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("SELECT pg_catalog.clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def _text(name: str) -> str:
    return (resources.files("voyager.postgres") / f"{name}.sql").read_text("utf-8")
