"""TargetTable: what a target's table is by its catalog, and which tables hold rows; asked for many at once."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.identifiers import TableName

if TYPE_CHECKING:
    from voyager.postgres.connection import Connection

TABLES_PER_QUERY = 500

_TABLES = """
SELECT n.nspname, c.relname,
       ARRAY(SELECT a.attname::pg_catalog.text
             FROM pg_catalog.pg_index i
             CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts
             ORDER BY k.place),
       coalesce((SELECT i.indimmediate FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), true),
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attidentity = 'a' AND NOT a.attisdropped),
       ARRAY(SELECT x.relname::pg_catalog.text
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
             WHERE i.indrelid = c.oid AND NOT i.indisprimary ORDER BY 1)
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
WHERE c.relkind IN ('r', 'p')
"""

_ANCESTORS = """
WITH RECURSIVE line (oid) AS (
    SELECT c.oid
    FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
    UNION
    SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN line ON line.oid = i.inhrelid
)
SELECT n.nspname, c.relname
FROM line JOIN pg_catalog.pg_class c ON c.oid = line.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""


@dataclass(frozen=True)
class TargetTable:
    """`key` names the primary key's columns, empty without one; `deferrable` says that its rule is checked late.
    `always` are identity columns whose values the server alone makes, `indexes` those beside the primary key's."""

    name: TableName
    key: tuple[str, ...] = ()
    deferrable: bool = False
    always: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()


def read_tables(connection: Connection, names: Collection[TableName]) -> dict[TableName, TargetTable]:
    """Those of `names` that are there, in one question."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    found = {}
    for schema, table, key, immediate, always, indexes in connection.execute(_TABLES, [wanted]).fetchall():
        name = TableName(schema, table)
        found[name] = TargetTable(name, tuple(key), not immediate, frozenset(always), tuple(indexes))
    return found


def holding_rows(connection: Connection, names: Collection[TableName]) -> list[TableName]:
    """Those of `names`, which must be there, that hold rows; many tables in one question."""
    holding: list[TableName] = []
    for some in _groups(sorted(names), TABLES_PER_QUERY):
        parts = (
            f"SELECT {number} WHERE EXISTS (SELECT FROM ONLY {name.sql})"  # a number of ours
            for number, name in enumerate(some)
        )
        query = " UNION ALL ".join(parts)
        holding += [some[number] for (number,) in connection.execute(query.encode()).fetchall()]
    return holding


def lines_of(connection: Connection, names: Collection[TableName]) -> set[TableName]:
    """`names`, and the partitioned tables and parents that their rows are rows of, too."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    return {TableName(*row) for row in connection.execute(_ANCESTORS, [wanted]).fetchall()}


def _groups(names: list[TableName], size: int) -> list[list[TableName]]:
    return [names[at : at + size] for at in range(0, len(names), size)]
