"""Composes schemas for the tests of performance findings: names, types and forms, each with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from voyager.schema.issues.detect.performance import detect
from voyager.schema.issues.detect.placed import PlacedHit
from voyager.schema.model import SchemaModel
from voyager.schema.parse import parse
from voyager.schema.statements import split_dump
from voyager.schema.statistics import Statistics


def quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@dataclass(frozen=True)
class Place:
    """Where a column is; `sql` is its table for a statement, `label` for a report."""

    schema: str
    table: str
    column: str

    @property
    def sql(self) -> str:
        return quoted(self.schema, self.table)

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def key(self) -> str:
        return quoted(self.column)


PLACES = (
    Place("public", "events", "at"),
    Place("app", "Mixed Case", "day"),
    Place('Odd "S; --', "select", "where ("),
)

Form = Callable[[Place, str, str], str]
"""(place, type of the column, PRIMARY KEY or UNIQUE) -> the statements."""

KEY_FORMS: Mapping[str, Form] = {
    "on the column": lambda at, of, key: f"CREATE TABLE {at.sql} ({at.key} {of} {key});",
    "on the table": lambda at, of, key: f"CREATE TABLE {at.sql} (a int, {at.key} {of}, {key} ({at.key}, a));",
    "named, with INCLUDE": lambda at, of, key: (
        f"CREATE TABLE {at.sql} ({at.key} {of}, b int, CONSTRAINT k {key} ({at.key}) INCLUDE (b));"
    ),
    "added": lambda at, of, key: (
        f"CREATE TABLE {at.sql} (a int, {at.key} {of}); ALTER TABLE ONLY {at.sql} ADD CONSTRAINT k {key} ({at.key}, a);"
    ),
    "added before the table": lambda at, of, key: (
        f"ALTER TABLE {at.sql} ADD {key} ({at.key}); CREATE TABLE {at.sql} (a int, {at.key} {of});"
    ),
    "with a column that is added": lambda at, of, key: (
        f"CREATE TABLE {at.sql} (a int); ALTER TABLE {at.sql} ADD COLUMN {at.key} {of} {key};"
    ),
    "of a column that changes its type": lambda at, of, key: (
        f"CREATE TABLE {at.sql} ({at.key} text {key}); ALTER TABLE {at.sql} ALTER COLUMN {at.key} TYPE {of};"
    ),
    "on a partition": lambda at, of, key: (
        f"CREATE TABLE {quoted(at.schema, 'root')} (a int, {at.key} {of}) PARTITION BY LIST (a);"
        f"CREATE TABLE {at.sql} PARTITION OF {quoted(at.schema, 'root')} FOR VALUES IN (1);"
        f"ALTER TABLE ONLY {at.sql} ADD CONSTRAINT k {key} ({at.key}, a);"
    ),
    "on a partition that is attached": lambda at, of, key: (
        f"CREATE TABLE {quoted(at.schema, 'root')} (a int, {at.key} {of}) PARTITION BY LIST (a);"
        f"CREATE TABLE {at.sql} (a int, {at.key} {of}, {key} ({at.key}, a));"
        f"ALTER TABLE {quoted(at.schema, 'root')} ATTACH PARTITION {at.sql} DEFAULT;"
    ),
}

INDEX_FORMS: Mapping[str, Callable[[Place, str], str]] = {
    "plain": lambda at, of: f"CREATE TABLE {at.sql} ({at.key} {of}); CREATE INDEX i ON {at.sql} ({at.key});",
    "as pg_dump writes it": lambda at, of: (
        f"CREATE TABLE {at.sql} (a int, {at.key} {of}); CREATE INDEX i ON ONLY {at.sql} USING btree ({at.key} DESC, a);"
    ),
    "unique, before the table": lambda at, of: (
        f"CREATE UNIQUE INDEX i ON {at.sql} ({at.key} NULLS FIRST) WHERE a > 0;"
        f"CREATE TABLE {at.sql} (a int, {at.key} {of});"
    ),
    "of a partition": lambda at, of: (
        f"CREATE TABLE {quoted(at.schema, 'root')} (a int, {at.key} {of}) PARTITION BY LIST (a);"
        f"CREATE TABLE {at.sql} PARTITION OF {quoted(at.schema, 'root')} DEFAULT;"
        f"CREATE INDEX i ON {at.sql} USING btree ({at.key}); ALTER INDEX ri ATTACH PARTITION i;"
    ),
    "of an heir": lambda at, of: (
        f"CREATE TABLE {quoted(at.schema, 'elder')} (a int, {at.key} {of});"
        f"CREATE TABLE {at.sql} (b int) INHERITS ({quoted(at.schema, 'elder')}); CREATE INDEX i ON {at.sql} ({at.key});"
    ),
}

# What comes before every schema: types that stand for others.
TYPES = """
CREATE DOMAIN app.day AS date NOT NULL;
CREATE DOMAIN app.moment AS timestamp(3) with time zone;
CREATE DOMAIN app."Later" AS app.moment CHECK (value > '2000-01-01');
CREATE DOMAIN app.days AS date[];
CREATE TYPE app.date AS ENUM ('date', 'timestamp');
CREATE DOMAIN app.word AS text;
"""
MOMENTS: Mapping[str, str] = {
    "date": "DATE",
    "pg_catalog.date": "DATE",
    "app.day": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp(3) without time zone": "TIMESTAMP",
    "timestamptz": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP",
    "app.moment": "TIMESTAMP",
    'app."Later"': "TIMESTAMP",
}
NO_MOMENTS = ("time", "timetz", "interval", "text", "bigint", "date[]", "app.days", "app.date", "app.word", "ext.date")


def model_of(sql: str) -> SchemaModel:
    statements = split_dump(sql).statements
    return SchemaModel.build([(statement, parse(statement.text)) for statement in statements])


def hits(sql: str, statistics: Statistics | None = None) -> list[PlacedHit]:
    return list(detect(model_of(sql), statistics))


def found(sql: str, statistics: Statistics | None = None) -> list[tuple[str, str, str]]:
    """(issue, type of object, object) of each finding."""
    return [(one.hit.issue_id, one.hit.object_type, one.hit.object_name) for one in hits(sql, statistics)]


def details(sql: str, issue_id: str, statistics: Statistics | None = None) -> list[dict[str, Any]]:
    return [dict(one.hit.details) for one in hits(sql, statistics) if one.hit.issue_id == issue_id]


def each_with_each(*parts: Any) -> Iterator[tuple[Any, ...]]:
    return product(*parts)
