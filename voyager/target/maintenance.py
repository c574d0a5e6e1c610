"""What the target needs after its data: how much it takes to build it, in which order, and what is not valid yet."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.identifiers import Identifier, TableName

if TYPE_CHECKING:
    import psycopg

# A materialized view reads others through its own rewrite rule; views between them pass the dependency on.
_READS = """
WITH RECURSIVE reads(reader, read) AS (
    SELECT r.ev_class, d.refobjid
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
), reach(reader, read) AS (
    SELECT reader, read FROM reads
    UNION
    SELECT reach.reader, reads.read FROM reach JOIN reads ON reads.reader = reach.read
)
SELECT n.nspname, c.relname,
       (SELECT count(*) FROM reach JOIN pg_catalog.pg_class m ON m.oid = reach.read AND m.relkind = 'm'
        WHERE reach.reader = c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm'
"""
_SIZES = """
SELECT n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid)
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
WHERE c.relkind IN ('r', 'm')
"""
_LIMITS = """
SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')),
       pg_catalog.current_setting('max_parallel_maintenance_workers')::int
"""
_NOT_VALID = """
SELECT k.conname, t.oid IS NOT NULL AS is_domain, n.nspname, coalesce(t.typname, c.relname) AS name
FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
WHERE NOT k.convalidated AND k.contype IN ('c', 'f', 'n')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'ybvoyager')
ORDER BY 3, 4, 1
"""


@dataclass(frozen=True)
class BuildLimits:
    """What the server says of its memory, in bytes, for one build and for its cache; and of a build's workers."""

    maintenance_memory: int
    shared_buffers: int
    workers: int = 0


def build_limits(connection: psycopg.Connection) -> BuildLimits:
    row = connection.execute(_LIMITS).fetchone()
    return BuildLimits(*row) if row else BuildLimits(0, 0)


def table_sizes(connection: psycopg.Connection, names: Collection[TableName]) -> dict[TableName, int]:
    """How many bytes the rows of each table take; what the target does not have is left out."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    return {TableName(schema, name): size for schema, name, size in connection.execute(_SIZES, [wanted]).fetchall()}


def refresh_order(connection: psycopg.Connection, names: Iterable[TableName]) -> list[TableName]:
    """Sort materialized views so that what another reads comes first; what the target does not have is left out."""
    depth = {TableName(schema, name): reads for schema, name, reads in connection.execute(_READS).fetchall()}
    return sorted((name for name in names if name in depth), key=lambda name: (depth[name], name))


def not_valid_constraints(connection: psycopg.Connection, of: Collection[TableName]) -> list[tuple[str, str]]:
    """Return (name for people, VALIDATE statement) of every constraint of these tables and domains that is not valid.

    A constraint that is declared NOT ENFORCED can never be validated and stays out.
    """
    enforced = " AND k.conenforced" if connection.info.server_version >= 180000 else ""
    sql = _NOT_VALID.replace("WHERE NOT k.convalidated", f"WHERE NOT k.convalidated{enforced}")
    found = []
    for constraint, is_domain, schema, name in connection.execute(sql.encode()).fetchall():
        owner, kind = TableName(schema, name), "DOMAIN" if is_domain else "TABLE"
        if owner in of:
            validate = f"ALTER {kind} {owner.sql} VALIDATE CONSTRAINT {Identifier(constraint).sql}"
            found.append((f"{Identifier(constraint)} of {kind.lower()} {owner}", validate))
    return found
