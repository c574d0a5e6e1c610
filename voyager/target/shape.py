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
LOCK_TIMEOUT_MS = 300
_LOCKED = "55P03"

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
             WHERE i.indrelid = c.oid AND NOT i.indisprimary ORDER BY 1),
       c.relkind = 'p'
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
WHERE c.relkind IN ('r', 'p')
"""

_OIDS = """
SELECT n.nspname, c.relname, c.oid::pg_catalog.int8
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
"""

_PARTITIONED = """
SELECT n.nspname, c.relname
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS wanted (schema_name text, table_name text)
JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
WHERE c.relkind = 'p'
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
    `always` are identity columns whose values the server alone makes, `indexes` those beside the primary key's;
    `partitioned` says that its rows are all in partitions."""

    name: TableName
    key: tuple[str, ...] = ()
    deferrable: bool = False
    always: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    partitioned: bool = False


def read_tables(connection: Connection, names: Collection[TableName]) -> dict[TableName, TargetTable]:
    """Those of `names` that are there, in one question."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    found = {}
    for schema, table, key, immediate, always, indexes, parted in connection.execute(_TABLES, [wanted]).fetchall():
        name = TableName(schema, table)
        found[name] = TargetTable(name, tuple(key), not immediate, frozenset(always), tuple(indexes), parted)
    return found


def oids(connection: Connection, names: Collection[TableName]) -> dict[TableName, int]:
    """What tells those of `names` that are there from others that bear their names before or after."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    return {TableName(schema, name): oid for schema, name, oid in connection.execute(_OIDS, [wanted]).fetchall()}


def holding_rows(connection: Connection, names: Collection[TableName]) -> list[TableName]:
    """Those of `names`, which must be there, that hold rows; many tables in one question, which waits for locks."""
    holding: list[TableName] = []
    partitioned = partitioned_tables(connection, names)
    for some in _groups(sorted(names), TABLES_PER_QUERY):
        holding += [some[number] for (number,) in connection.execute(_which(some, partitioned)).fetchall()]
    return holding


def partitioned_tables(connection: Connection, names: Collection[TableName]) -> set[TableName]:
    """Those of `names` whose rows are all in partitions: what is asked of ONLY such a table finds nothing."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    return {TableName(*row) for row in connection.execute(_PARTITIONED, [wanted]).fetchall()}


def look_for_rows(connection: Connection, names: Collection[TableName]) -> tuple[set[TableName], set[TableName]]:
    """Those of `names`, which must be there, that hold rows, and those that somebody locks, of which it is not known;
    many tables in one question, and none of them waited for."""
    from voyager.postgres.connection import DriverError
    from voyager.postgres.failures import sqlstate

    holding, locked = set[TableName](), set[TableName]()
    partitioned = partitioned_tables(connection, names)
    waiting = _groups(sorted(names), TABLES_PER_QUERY)
    while waiting:
        some = waiting.pop()
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}".encode())
                holding |= {some[number] for (number,) in connection.execute(_which(some, partitioned)).fetchall()}
        except DriverError as error:
            if sqlstate(error) != _LOCKED:
                raise
            if len(some) == 1:
                locked.add(some[0])
            else:
                waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
    return holding, locked


def rows_in(name: TableName, partitioned: Collection[TableName]) -> str:
    """The table in SQL, with the rows that are its own: those of a child by inheritance are not, a partition's are."""
    return name.sql if name in partitioned else f"ONLY {name.sql}"


def _which(names: list[TableName], partitioned: Collection[TableName]) -> bytes:
    """The numbers of those that hold rows."""
    parts = (
        f"SELECT {number} WHERE EXISTS (SELECT FROM {rows_in(name, partitioned)})" for number, name in enumerate(names)
    )
    return " UNION ALL ".join(parts).encode()


def lines_of(connection: Connection, names: Collection[TableName]) -> set[TableName]:
    """`names`, and the partitioned tables and parents that their rows are rows of, too."""
    wanted = json.dumps([{"schema_name": name.schema, "table_name": name.name} for name in names])
    return {TableName(*row) for row in connection.execute(_ANCESTORS, [wanted]).fetchall()}


def _groups(names: list[TableName], size: int) -> list[list[TableName]]:
    return [names[at : at + size] for at in range(0, len(names), size)]
