"""What one server says about the tables to compare: columns, key, size; the same question to both sides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.verification.findings import Difference

INTEGERS = frozenset({"smallint", "integer", "bigint"})
NUMBERS = INTEGERS | {"numeric"}


@dataclass(frozen=True)
class ColumnShape:
    """A column as it is compared.

    `type_name` has the modifiers, `base_type` is the type below every domain, without them, and `kind` its typtype: "b"
    for a base type, "c" composite, "e" enum, "r" range, "m" multirange, "p" pseudo. `never_null` if it says so.
    `equals` is its operator, with the schema of a type that is not the server's own.
    """

    name: str
    type_name: str
    base_type: str
    kind: str = "b"
    never_null: bool = False
    equals: str = "="


@dataclass(frozen=True)
class Shape:
    """A table on one side.

    `key` names the columns of the primary key, else of a unique index over columns that are never NULL. `ordered` is
    False when the key's index cannot be read by ranges (YugabyteDB hashes the first key column unless told otherwise).
    `partitioned` says that its rows are all in partitions.
    """

    name: TableName
    columns: tuple[ColumnShape, ...]
    key: tuple[str, ...] = ()
    key_is_primary: bool = False
    ordered: bool = False
    rows_estimated: int = 0
    readable: bool = True
    invalid_indexes: tuple[str, ...] = field(default=())
    partitioned: bool = False

    def column(self, name: str) -> ColumnShape | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def integer_key(self) -> str | None:
        """The one integer column that is the key, if it is one."""
        if len(self.key) != 1:
            return None
        column = self.column(self.key[0])
        return column.name if column and column.type_name in INTEGERS else None


_WANTED = """
    WITH RECURSIVE wanted AS (
        SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relpages
        FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(nspname, relname)
        JOIN pg_namespace n ON n.nspname = w.nspname
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname
        WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v')
    )
"""

_TABLES = (
    _WANTED
    + """
    SELECT nspname, relname, has_table_privilege(oid, 'SELECT') OR has_any_column_privilege(oid, 'SELECT'),
        CASE WHEN %(sized)s AND relkind IN ('r', 'm') THEN
            CASE WHEN reltuples > 0 AND relpages > 0
                 THEN reltuples::float8 / relpages * (pg_relation_size(oid) / current_setting('block_size')::int)
                 ELSE greatest(reltuples::float8, pg_relation_size(oid) / 100.0) END
        ELSE 0 END::bigint,
        relkind = 'p'
    FROM wanted
"""
)

_COLUMNS = (
    _WANTED
    + """
    , below(domain, base) AS (
        SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd'
        UNION ALL
        SELECT d.domain, t.typbasetype FROM below d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd'
    ), bottom AS (
        SELECT d.domain, d.base FROM below d JOIN pg_type t ON t.oid = d.base AND t.typtype <> 'd'
    )
    SELECT w.nspname, w.relname, a.attname, format_type(a.atttypid, a.atttypmod), format_type(t.oid, NULL),
        t.typtype::text, a.attnotnull,
        CASE WHEN t.typtype = 'b' AND t.typcategory <> 'A' AND tn.nspname <> 'pg_catalog'
             THEN 'OPERATOR(' || quote_ident(tn.nspname) || '.=)' ELSE '=' END
    FROM wanted w
    JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN bottom b ON b.domain = a.atttypid
    JOIN pg_type t ON t.oid = coalesce(b.base, a.atttypid)
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    ORDER BY w.oid, a.attnum
"""
)

# Bit 4 of indoption marks a hashed key column on YugabyteDB; PostgreSQL never sets it.
_KEYS = (
    _WANTED
    + """
    SELECT DISTINCT ON (w.oid) w.nspname, w.relname, i.indisprimary,
        (i.indoption::int2[])[0] & 4 = 0 AND am.amname IN ('btree', 'lsm'),
        ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
              JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = k.attnum
              WHERE k.place <= i.indnkeyatts ORDER BY k.place)
    FROM wanted w
    JOIN pg_index i ON i.indrelid = w.oid
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am am ON am.oid = x.relam
    WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                        JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = k.attnum
                        WHERE k.place <= i.indnkeyatts AND (NOT a.attnotnull OR EXISTS (
                            SELECT FROM pg_constraint c WHERE c.conrelid = w.oid AND c.contype = 'n'
                                AND NOT c.convalidated AND a.attnum = ANY(c.conkey))))
    ORDER BY w.oid, i.indisprimary DESC, i.indnkeyatts, x.relname
"""
)

_INVALID_INDEXES = (
    _WANTED
    + """
    SELECT w.nspname, w.relname, array_agg(x.relname::text ORDER BY x.relname)
    FROM wanted w
    JOIN pg_index i ON i.indrelid = w.oid AND NOT i.indisvalid
    JOIN pg_class x ON x.oid = i.indexrelid
    GROUP BY 1, 2
"""
)


def read_shapes(connection: Any, names: Iterable[TableName], *, sized: bool = False) -> dict[TableName, Shape]:
    """Return the shape of every one of `names` that exists, in four queries however many they are.

    Only with `sized` is the number of rows estimated: a table's size can be asked for only while nobody locks it.
    """
    wanted = list(names)
    arrays: dict[str, Any] = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    columns: dict[TableName, list[ColumnShape]] = {}
    for schema, table, *column in connection.execute(_COLUMNS, arrays):
        columns.setdefault(TableName(schema, table), []).append(ColumnShape(*column))
    keys = {TableName(row[0], row[1]): row[2:] for row in connection.execute(_KEYS, arrays)}
    invalid = {TableName(row[0], row[1]): tuple(row[2]) for row in connection.execute(_INVALID_INDEXES, arrays)}
    shapes = {}
    for schema, table, readable, rows, partitioned in connection.execute(_TABLES, {**arrays, "sized": sized}):
        name = TableName(schema, table)
        primary, ordered, key = keys.get(name, (False, False, ()))
        shapes[name] = Shape(
            name=name,
            columns=tuple(columns.get(name, ())),
            key=tuple(key),
            key_is_primary=primary,
            ordered=ordered,
            rows_estimated=max(0, rows),
            readable=readable,
            invalid_indexes=invalid.get(name, ()),
            partitioned=partitioned,
        )
    return shapes


def structural_differences(here: Shape, there: Shape) -> list[Difference]:
    """What the target's table lacks: columns, the primary key, an index that is valid."""
    name = here.name
    found = [
        Difference(
            "column",
            f"{name}.{Identifier(column.name)}",
            f"Column {Identifier(column.name)} of table {name} does not exist in the target.",
        )
        for column in here.columns
        if there.column(column.name) is None
    ]
    if here.key_is_primary and not there.key_is_primary:
        found.append(Difference("primary_key", str(name), f"Table {name} has no primary key in the target."))
    for index in there.invalid_indexes:
        finding = f"Index {Identifier(index)} of table {name} is not valid in the target: drop it and build it again."
        found.append(Difference("index", f"{name}.{Identifier(index)}", finding))
    return found


def structural_notes(here: Shape, there: Shape) -> list[str]:
    """What is not the same but loses no value: columns added at the target, other types."""
    notes = [
        f"Column {Identifier(column.name)} of table {here.name} exists only in the target and is not compared."
        for column in there.columns
        if here.column(column.name) is None
    ]
    for column in here.columns:
        other = there.column(column.name)
        if other is not None and other.type_name != column.type_name:
            notes.append(
                f"Column {Identifier(column.name)} of table {here.name} is {column.type_name} in the source and "
                f"{other.type_name} in the target; their text was compared."
            )
    return notes
