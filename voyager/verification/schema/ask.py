"""Asks one side what it holds: one question per kind of object, whatever the number of objects."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

from voyager.identifiers import TableName
from voyager.verification.readers import Readers
from voyager.verification.schema.objects import Key, Kind, Objects

_NAMES = 3
"""Columns of every question that say which object it is; the others are facts."""

_SHORT = 40

_SCOPE = """
WITH scope AS (
    SELECT n.oid, n.nspname::text AS name FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
        AND (cardinality(%(schemas)s::text[]) = 0 OR n.nspname = ANY (%(schemas)s::text[]))
), others AS (
    SELECT n.oid, n.nspname::text AS name FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.oid NOT IN (SELECT oid FROM scope)
), members AS (
    SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e'
), collations AS (
    SELECT l.oid, quote_ident(k.nspname) || '.' || quote_ident(l.collname) AS name
    FROM pg_collation l JOIN pg_namespace k ON k.oid = l.collnamespace
)
"""


@dataclass(frozen=True)
class Scope:
    """What is compared: the chosen schemas (none: all); with `tables`, only these and what belongs to them."""

    schemas: tuple[str, ...] = ()
    tables: frozenset[TableName] | None = None

    def holds(self, kind: Kind, key: Key) -> bool:
        if self.tables is None:
            return True
        if kind.name in ("relation", "view"):
            return TableName(key.schema, key.name) in self.tables
        return kind.part_of == "relation" and TableName(key.schema, key.table) in self.tables


@dataclass(frozen=True)
class Side:
    """What decides how a side is asked and judged."""

    version: int
    yugabyte: bool = False


def describe(connection: Any) -> Side:
    """Ask for what is told apart: the version, and whether indexes are YugabyteDB's own."""
    row = connection.execute("SELECT EXISTS (SELECT FROM pg_am WHERE amname = 'lsm')").fetchone()
    return Side(connection.info.server_version, bool(row[0]))


def ask(readers: Readers, kind: Kind, scope: Scope, *, version: int) -> Future[Objects]:
    """Begin to ask for all objects of a kind. `version` is the older of the two servers': both are asked the same."""
    return readers.start(partial(_ask, kind=kind, scope=scope, version=version), f"read the catalog ({kind.words})")


def _ask(connection: Any, *, kind: Kind, scope: Scope, version: int) -> Objects:
    sql = _SCOPE + question(kind)
    cursor = connection.execute(sql, {"schemas": list(scope.schemas), "version": version}, prepare=False)
    names = tuple(column.name for column in cursor.description)[_NAMES:]
    found = {}
    for row in cursor:
        key = Key(*(sys.intern(part) for part in row[:_NAMES]))
        if scope.holds(kind, key):
            found[key] = tuple(_kept(value) for value in row[_NAMES:])
    return Objects(names, found)


def question(kind: Kind) -> str:
    """The text of a kind's question."""
    return files("voyager.verification.schema.questions").joinpath(f"{kind.question}.sql").read_text("utf-8")


def _kept(value: Any) -> Any:
    """Lists as values that compare and hash; short texts once, however many objects share them."""
    if isinstance(value, list):
        return tuple(_kept(one) for one in value)
    return sys.intern(value) if isinstance(value, str) and len(value) <= _SHORT else value
