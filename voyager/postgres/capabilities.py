"""Ask a server what it can do. The only place that knows YugabyteDB from PostgreSQL."""

from __future__ import annotations

import re
from typing import Any

import psycopg

from voyager.ports import Capabilities
from voyager.postgres.failures import translate

_VERSION = re.compile(r"PostgreSQL (?P<base>\d+(?:\.\d+)?)\S*?(?:-YB-(?P<release>\d+(?:\.\d+)*))?(?:[-\s,]|$)")
_FIRST_WITH_TID_RANGE_SCANS = 140000

# version() and yb_servers() are looked up on the role's search path on purpose: pg_catalog comes first there unless
# somebody says otherwise. pg_control_system() tells one cluster from another (a source must not be its own target).
_FACTS = """
SELECT version() AS version_text,
       pg_catalog.current_database() AS database,
       current_user AS role,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
       d.datcollate AS "collate",
       d.datctype AS ctype,
       d.oid::pg_catalog.text AS database_oid,
       r.rolsuper AS superuser,
       pg_catalog.current_setting('block_size')::int AS block_size,
       ARRAY(SELECT e.extname::pg_catalog.text FROM pg_catalog.pg_extension e
             WHERE e.extname <> 'plpgsql' ORDER BY 1) AS extensions
FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user
"""

# Older releases have neither the columns of the one nor the other function.
_NODES = "SELECT host, port, node_type, public_ip FROM yb_servers() LIMIT 0"
_LOAD = "SELECT uuid, metrics, status FROM yb_servers_metrics() LIMIT 0"

# Sizes wait for whoever holds a table exclusively; the catalog's page counts do not, but are as old as the last VACUUM.
_MEASURED_BYTES = "SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::int8"
_ESTIMATED_BYTES = "SELECT coalesce(sum(c.relpages::int8), 0)::int8 * pg_catalog.current_setting('block_size')::int8"
_USER_TABLES = """
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_|^information_schema$'
"""


def parse_version(text: str) -> tuple[str, int, str | None]:
    """Return (version, its number, YugabyteDB's release or None) of what version() says.

    `PostgreSQL 15.2-YB-2025.1.0.0-b0 on …` -> ("15.2", 150002, "2025.1.0.0").
    """
    found = _VERSION.match(text)
    if found is None:
        return text, 0, None
    base = found["base"]
    major, _, minor = base.partition(".")
    return base, int(major) * 10000 + int(minor or 0), found["release"]


def probe(connection: psycopg.Connection) -> Capabilities:
    """Ask the server of `connection` (in autocommit). Leaves nothing behind: what is tried is rolled back."""
    try:
        facts = _read_facts(connection)
        return _conclude(connection, facts)
    except psycopg.Error as error:
        raise translate(error, "ask the server what it can do") from error


def _read_facts(connection: psycopg.Connection) -> dict[str, Any]:
    cursor = connection.execute(_FACTS)
    names = [column.name for column in cursor.description or ()]
    row = cursor.fetchone()
    return dict(zip(names, row or (), strict=True))


def _conclude(connection: psycopg.Connection, facts: dict[str, Any]) -> Capabilities:
    version, number, release = parse_version(facts["version_text"])
    distributed = release is not None
    if not distributed:
        # A fork's version() may be unreadable to us; what libpq read at the handshake is not.
        number = number or connection.info.server_version
    standby = facts.pop("standby")
    placement = _placement(connection, distributed)
    return Capabilities(
        version=version,
        version_number=number,
        release=release,
        indexes_before_data=distributed,
        concurrent_index_builds=distributed,
        transactional_ddl=not distributed,
        copy_rows_per_transaction=distributed,
        # Nobody has tried it there yet.
        binary_copy=not distributed,
        replication_role=_accepts(connection, "SET LOCAL session_replication_role = replica"),
        fast_writes=distributed
        and _accepts(connection, "SET LOCAL yb_disable_transactional_writes = on")
        and _accepts(connection, "SET LOCAL yb_enable_upsert_mode = on"),
        tid_range_scans=not distributed and number >= _FIRST_WITH_TID_RANGE_SCANS,
        exported_snapshots=_accepts(connection, "SELECT pg_catalog.pg_export_snapshot()"),
        read_only_standby=standby,
        # A standby counts no writes, and a node of a cluster counts only its own.
        write_counters=not distributed and not standby,
        hash_sharding=distributed and placement["hash_splitting"] != "off",
        colocation=placement.get("colocated") is True,
        lists_nodes=distributed and _accepts(connection, _NODES),
        shows_load=distributed and _accepts(connection, _LOAD),
        facts={**facts, "database_bytes": _database_bytes(connection), **placement},
    )


def _database_bytes(connection: psycopg.Connection) -> int:
    """What the tables take, without their indexes."""
    measured = _first(connection, _MEASURED_BYTES + _USER_TABLES, lock_timeout="2s")
    return int(measured if measured is not None else _first(connection, _ESTIMATED_BYTES + _USER_TABLES) or 0)


def _placement(connection: psycopg.Connection, distributed: bool) -> dict[str, Any]:
    """What identifies the cluster, and where its nodes are."""
    if not distributed:
        return {"cluster": _first(connection, "SELECT system_identifier::text FROM pg_catalog.pg_control_system()")}
    return {
        "cluster": _first(connection, "SELECT universe_uuid::text FROM yb_servers() LIMIT 1"),
        "nodes": _first(connection, "SELECT count(*) FROM yb_servers() WHERE node_type = 'primary'"),
        "colocated": _first(connection, "SELECT yb_is_database_colocated()"),
        "isolation": _first(connection, "SELECT yb_get_effective_transaction_isolation_level()"),
        "hash_splitting": _first(connection, "SELECT current_setting('yb_use_hash_splitting_by_default', true)"),
    }


def _accepts(connection: psycopg.Connection, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.OperationalError:
        if connection.closed:
            raise
        return False
    except psycopg.Error:
        return False
    return True


def _first(connection: psycopg.Connection, query: str, *, lock_timeout: str = "0") -> Any:
    """The query's value, None where this server does not know the function or column, or a lock stands in the way."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT pg_catalog.set_config('lock_timeout', %s, true)", [lock_timeout])
            row = connection.execute(query).fetchone()
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return row[0] if row else None
