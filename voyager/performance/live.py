"""read_server(): what pg_stat_statements of a running server has counted of one database; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, PermissionMissing, VoyagerError
from voyager.identifiers import Identifier, TableName, visible
from voyager.performance.usage import HIDDEN, Entry, Sample, usage_of
from voyager.postgres.connection import Connection, DriverError, connect, named_rows, translate

PURPOSE = "compare performance"
_MOST_AT_ONCE = 8
_SETTINGS = {"default_transaction_read_only": "on", "lock_timeout": "5s", "statement_timeout": "2min"}

_STATE = """
SELECT /* yb-voyager */ n.nspname AS schema,
       pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL AS loaded,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
       EXISTS (SELECT FROM pg_catalog.pg_class i
               WHERE i.relnamespace = n.oid AND i.relname = 'pg_stat_statements_info') AS tells_reset
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements'
WHERE e.extname = 'pg_stat_statements'
"""
_SERVER = """
SELECT /* yb-voyager */ current_user AS role, pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
       pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1) AS version
"""
# All columns by their names: they differ from version to version.
_ENTRIES = """
SELECT /* yb-voyager */ pg_catalog.to_json(s) AS entry
FROM {view} s
JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE d.datname = pg_catalog.current_database() AND s.query NOT LIKE '%/* yb-voyager%'
"""
_BUILTINS = """
SELECT /* yb-voyager */ DISTINCT p.proname AS name
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
"""
_RESET = """
SELECT /* yb-voyager */ i.dealloc,
       pg_catalog.to_char(i.stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM {view} i
"""
# Looked up on the role's search path, where YugabyteDB's own come first.
_NODES = "SELECT /* yb-voyager */ host::text AS host, port::int AS port FROM yb_servers() WHERE node_type = 'primary'"


@dataclass(frozen=True)
class _Reading:
    """What one server has counted."""

    version: str
    role: str
    entries: tuple[Entry, ...]
    hidden: int
    since: str
    lost: int
    builtins: frozenset[str]


def read_server(endpoint: Endpoint, *, side: str, per_node: bool = False) -> Sample:
    """Read the statistics of `endpoint`; `side` ("source" or "target") names it in messages.

    With `per_node` each node of a cluster counts what it was asked itself: all that can be reached are summed. Raises
    BlockersFound where nothing is counted, PermissionMissing where the role may not read the view.
    """
    read_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    readings, nodes, notes = _nodes(endpoint, side) if per_node else ([_read(endpoint, side)], (), ())
    first = readings[0]
    entries = tuple(entry for reading in readings for entry in reading.entries)
    hidden = sum(reading.hidden for reading in readings)
    lost = sum(reading.lost for reading in readings)
    if lost:
        notes = (
            *notes,
            f"The {side} dropped its least used entries {lost:,} times to make room (pg_stat_statements.max): queries "
            "may be missing, or be counted only in part.",
        )
    return Sample(
        kind="live",
        place=endpoint.url,
        version=first.version,
        read_at=read_at,
        entries=entries,
        nodes=nodes,
        since=max((reading.since for reading in readings), default=""),
        hidden=hidden,
        role=first.role,
        notes=notes,
        builtins=first.builtins,
    )


def grant(role: str) -> str:
    """The SQL that lets a role see the texts of all queries."""
    return f"GRANT pg_read_all_stats TO {Identifier(role).sql};"


def _read(endpoint: Endpoint, side: str) -> _Reading:
    with connect(endpoint, PURPOSE) as connection:
        try:
            return _reading(connection, endpoint, side)
        except DriverError as error:
            raise translate(error, f"read the query statistics of {endpoint.url}") from error


def _reading(connection: Connection, endpoint: Endpoint, side: str) -> _Reading:
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in _SETTINGS)
    connection.execute(
        f"SELECT /* yb-voyager */ {calls}".encode(), [word for pair in _SETTINGS.items() for word in pair]
    )
    (server,) = named_rows(connection, _SERVER)
    state = _usable(named_rows(connection, _STATE), server.role, endpoint, side)
    rows = connection.execute(_ENTRIES.format(view=_view(state, "pg_stat_statements")).encode()).fetchall()
    reset = (
        named_rows(connection, _RESET.format(view=_view(state, "pg_stat_statements_info"))) if state.tells_reset else []
    )
    documents = [entry for (entry,) in rows]
    entries = tuple(entries_of(documents))
    hidden = sum(str(one.get("query")).startswith(HIDDEN) for one in documents)
    since, lost = (reset[0].since or "", int(reset[0].dealloc or 0)) if reset else ("", 0)
    return _Reading(
        version=server.version,
        role=server.role,
        entries=entries,
        hidden=0 if server.sees_all else hidden,
        since=since,
        lost=lost,
        builtins=frozenset(row.name for row in named_rows(connection, _BUILTINS)),
    )


def _view(state: Any, name: str) -> str:
    return TableName(state.schema, name).sql


def entries_of(rows: Iterable[Any]) -> Iterator[Entry]:
    """The entries that have a text and were executed."""
    for row in rows:
        text, usage = row.get("query"), usage_of(row)
        if text and usage is not None and not text.startswith(HIDDEN):
            yield Entry(text, usage)


def _usable(states: Sequence[Any], role: str, endpoint: Endpoint, side: str) -> Any:
    """The state of the extension. Raises the error that names the SQL which is missing."""
    where = f"the {side} {endpoint.url}"
    if not states:
        raise BlockersFound(
            f"Nothing is counted on {where}: the extension pg_stat_statements is not installed in this database.",
            f"Install it, let the application run, then run the command again.{_STORED if side == 'source' else ''}",
            ("CREATE EXTENSION pg_stat_statements;",),
        )
    (state,) = states
    if not state.loaded:
        raise BlockersFound(
            f"Nothing is counted on {where}: the server has not loaded the library of pg_stat_statements.",
            "Load it and restart the server, let the application run, then run the command again.",
            ("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; -- keep what is there; then restart",),
        )
    if not state.readable:
        schema, view, name = Identifier(state.schema).sql, _view(state, "pg_stat_statements"), Identifier(role).sql
        raise PermissionMissing(
            f"Role {visible(role)} may not read pg_stat_statements of {where}.",
            "Grant it the right, then run the command again.",
            (f"GRANT USAGE ON SCHEMA {schema} TO {name};", f"GRANT SELECT ON {view} TO {name};", grant(role)),
        )
    return state


_STORED = " Where an assessment has collected the source's queries, --assessment-dir uses those."


def _nodes(endpoint: Endpoint, side: str) -> tuple[list[_Reading], tuple[str, ...], tuple[str, ...]]:
    """The readings of all nodes; where none of their addresses leads anywhere from here, of the connected one."""
    places = _addresses(endpoint)
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        found = list(pool.map(lambda place: _read_node(place, side), places))
    names = [f"{place.host}:{place.port}" for place in places]
    reached = {name: one for name, one in zip(names, found, strict=True) if isinstance(one, _Reading)}
    if not reached:
        own = _read(endpoint, side)
        note = (
            f"Each node of the {side} counts for itself, and only the connected one could be asked: the calls that "
            "went to others are missing."
        )
        return [own], (), (note,)
    missing = [f"{visible(name)} ({one.message})" for name, one in zip(names, found, strict=True)
               if isinstance(one, VoyagerError)]  # fmt: skip
    notes: tuple[str, ...] = ()
    if missing:
        notes = (f"Not asked were the nodes {'; '.join(missing)}. The calls that went to them are missing.",)
    return list(reached.values()), tuple(reached), notes


def _addresses(endpoint: Endpoint) -> list[Endpoint]:
    """The nodes as the cluster names them; none where it does not."""
    with connect(endpoint, PURPOSE) as connection:
        try:
            rows = named_rows(connection, _NODES)
        except DriverError:
            return []
    # One that does not answer from here must not hold up the others for long.
    options = tuple({**dict(endpoint.options), "connect_timeout": "5"}.items())
    return [replace(endpoint, host=row.host, port=row.port, options=options) for row in rows]


def _read_node(endpoint: Endpoint, side: str) -> _Reading | VoyagerError:
    try:
        return _read(endpoint, side)
    except VoyagerError as error:
        return error
