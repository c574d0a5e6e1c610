"""The sample database `shop`: made by SQL alone, and compared by SQL that is not the product's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.postgres.connection import connect

if TYPE_CHECKING:
    from psycopg import Connection

DATABASE = "shop"

_RELATIONS = """
    SELECT n.nspname::text, c.relname::text, c.relkind = 'm'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname = 'shop' ORDER BY 1, 2"""
_FINGERPRINT = "SELECT count(*), sum(('x' || left(md5(row::text), 15))::bit(60)::bigint) FROM ONLY {table} AS row"
_STRUCTURE = """
    SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace
    WHERE n.nspname = 'shop' AND contype IN ('p', 'u', 'f', 'c')
    UNION ALL
    SELECT 'index', tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'shop'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE n.nspname = 'shop' AND NOT tgisinternal
    UNION ALL
    SELECT 'view', viewname::text, '', definition FROM pg_views WHERE schemaname = 'shop'
    UNION ALL
    SELECT 'function', proname::text, '', pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE n.nspname = 'shop'"""
_SEQUENCES = "SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = 'shop'"


@dataclass(frozen=True)
class Comparison:
    """What our own look at both databases found; `differences` are sentences, none when they are equal."""

    tables: int
    rows: int
    materialized_views: int
    objects: int
    sequences: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """What a table holds: how many rows, and the sum of their hashes in whatever order."""

    materialized: bool
    rows: int
    hash: int | None


def create_sample(where: Endpoint | Connection, rows: int) -> None:
    """Fill an empty database with the schema `shop`: `rows` rows in all its tables together (at least 100)."""
    if isinstance(where, Endpoint):
        with connect(where, "sample data") as connection:
            create_sample(connection, rows)
        return
    where.execute("SELECT set_config('shop.rows', %s, false)", [str(rows)])
    where.execute(resources.files("voyager.demo").joinpath("shop.sql").read_bytes())
    where.execute("ANALYZE")


def compare(source: Endpoint, target: Endpoint) -> Comparison:
    """Count and hash every row of both, and lay constraints, indexes, triggers, views and functions side by side."""
    with connect(source, "demo") as left, connect(target, "demo") as right:
        rows_left, rows_right = _rows(left), _rows(right)
        objects_left, objects_right = set(left.execute(_STRUCTURE)), set(right.execute(_STRUCTURE))
        next_left, next_right = _sequences(left), _sequences(right)
    differences = [
        f"{table}: in the source {rows_left.get(table)}, in the target {rows_right.get(table)}"
        for table in sorted({*rows_left, *rows_right})
        if rows_left.get(table) != rows_right.get(table)
    ]
    differences += [f"only in the source: {' '.join(entry)}" for entry in sorted(objects_left - objects_right)]
    differences += [f"only in the target: {' '.join(entry)}" for entry in sorted(objects_right - objects_left)]
    differences += [
        f"sequence {name}: at {last} in the source, at {next_right.get(name)} in the target"
        for name, last in sorted(next_left.items())
        if last is not None and (next_right.get(name) or 0) < last
    ]
    tables = [content for content in rows_left.values() if not content.materialized]
    return Comparison(
        tables=len(tables),
        rows=sum(content.rows for content in tables),
        materialized_views=len(rows_left) - len(tables),
        objects=len(objects_left),
        sequences=len(next_left),
        differences=tuple(differences),
    )


def _rows(connection: Connection) -> dict[TableName, Content]:
    contents = {}
    for schema, name, materialized in connection.execute(_RELATIONS).fetchall():
        table = TableName(schema, name)
        counted = connection.execute(_FINGERPRINT.format(table=table.sql).encode()).fetchone()
        contents[table] = Content(materialized, *(counted or (0, None)))
    return contents


def _sequences(connection: Connection) -> dict[str, int | None]:
    return dict(connection.execute(_SEQUENCES).fetchall())
