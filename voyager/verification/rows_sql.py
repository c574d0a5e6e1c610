"""The query that reads a part of a table in the order of its key, and what a line of its answer means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.verification.chunks import relation_sql
from voyager.verification.findings import DIFFERENT

ROW_NAME = "md5"
"""What stands where a row without a key would have its key's column: the row is named by the md5 of its text."""

_INTEGERS = frozenset({"smallint", "integer", "bigint", "oid"})
_FLOATS = frozenset({"real", "double precision"})
_ORDERED_AS_TEXT = frozenset({"uuid", "bytea"})
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_CONTROL = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True)
class KeyColumn:
    """A column of the key and its type, without modifiers and without a domain around it."""

    name: str
    type_name: str


@dataclass(frozen=True)
class Compared:
    """A column and how each side makes its text: SQL over the alias t, None for the column itself."""

    name: str
    source_sql: str | None = None
    target_sql: str | None = None

    def sql(self, *, source: bool) -> str:
        return (self.source_sql if source else self.target_sql) or f"t.{Identifier(self.name).sql}"


@dataclass(frozen=True)
class Excuse:
    """Another way to compare some columns: rows that are the same by it are a difference of this kind, no other."""

    kind: str
    columns: tuple[Compared, ...]


@dataclass(frozen=True)
class RowRange:
    """The part of a table that one pass reads on each side.

    `where` is SQL over the alias t with parameters from `bounds` (a percent sign in it is doubled). `utf8` sorts text
    by its UTF-8, for databases of different encodings. Without a `key` rows are sorted and compared as a whole.
    `by_range` says that the key is one integer, unique on both sides and read by its index: such a range can be read
    on from any key. `partitioned` says of source and target whether the table's rows are in partitions.
    """

    table: TableName
    columns: tuple[Compared, ...]
    key: tuple[KeyColumn, ...] = ()
    where: str = "true"
    bounds: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    utf8: bool = False
    excuses: tuple[Excuse, ...] = ()
    by_range: bool = False
    partitioned: tuple[bool, bool] = (False, False)

    def behind(self, key: int) -> RowRange:
        """The rest of the range, behind a key that was read on both sides."""
        column = f"t.{Identifier(self.key[0].name).sql}".replace("%", "%%")
        where = f"{self.where} AND {column} > %(behind)s"
        return replace(self, where=where, bounds={**self.bounds, "behind": key})

    @cached_property
    def key_of(self) -> Callable[[list[bytes]], tuple[Any, ...]]:
        """From the fields of a line to what sorts it, the same on both sides whatever their collations."""
        readers = [_sorts(column.type_name) for column in self.key] or [_text]
        return lambda fields: tuple(read(value) for read, value in zip(readers, fields, strict=False))

    @property
    def names_at(self) -> int:
        """Where in a line the key is as its columns hold it; the compared columns follow."""
        return len(self.key)

    @property
    def columns_at(self) -> int:
        return 2 * len(self.key)

    def kind_of(self, ours: list[bytes], theirs: list[bytes], unequal: set[str]) -> str:
        """What a row is whose columns `unequal` are not the same: the first excuse that covers all of them."""
        at = self.columns_at + len(self.columns)
        for excuse in self.excuses:
            end = at + len(excuse.columns)
            alike = zip(excuse.columns, ours[at:end], theirs[at:end], strict=True)
            if unequal <= {column.name for column, one, other in alike if one == other}:
                return excuse.kind
            at = end
        return DIFFERENT

    def row_text(self, *, source: bool) -> str:
        """SQL for the text of a whole row, by which one without a key is named."""
        return f"ROW({', '.join(column.sql(source=source) for column in self.columns)})::text"

    def named(self, fields: list[bytes]) -> tuple[tuple[str, str], ...]:
        """The row's name for the report."""
        if not self.key:
            return ((ROW_NAME, hashlib.md5(unescaped(fields[0]), usedforsecurity=False).hexdigest()),)
        texts = (text_of(value) or "" for value in fields[self.names_at : self.columns_at])
        return tuple((column.name, text) for column, text in zip(self.key, texts, strict=True))


def query(part: RowRange, *, source: bool) -> tuple[str, dict[str, Any] | None]:
    """SQL of a COPY that gives the rows in order, and its parameters; None where there are none."""
    if part.key:
        sorting = [_sort_sql(column, utf8=part.utf8) for column in part.key]
        names = [f"t.{Identifier(column.name).sql}::text" for column in part.key]
        others = (column for excuse in part.excuses for column in excuse.columns)
        fields = [*sorting, *names, *(column.sql(source=source) for column in (*part.columns, *others))]
        order = ", ".join(sorting)
    else:
        fields = [part.row_text(source=source)]
        order = bytes_sql(fields[0], utf8=part.utf8)
    relation = relation_sql(part.table, partitioned=part.partitioned[0 if source else 1])
    select = f"SELECT {', '.join(fields)} FROM {relation} AS t".replace("%", "%%")
    order = order.replace("%", "%%")
    copy = f"COPY ({select} WHERE {part.where} ORDER BY {order}) TO STDOUT"
    # Without parameters the driver leaves a doubled percent sign as it is.
    return (copy, dict(part.bounds)) if part.bounds else (copy.replace("%%", "%"), None)


def text_of(value: bytes) -> str | None:
    r"""A field of COPY text as it was: None for \N."""
    return None if value == rb"\N" else unescaped(value).decode("utf-8", "surrogateescape")


def unescaped(value: bytes) -> bytes:
    if b"\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: _CONTROL.get(found[1], found[1]), value)


def _sort_sql(column: KeyColumn, *, utf8: bool) -> str:
    """Numbers sort alike everywhere, and by their index; anything else by the bytes of its text."""
    name = f"t.{Identifier(column.name).sql}"
    if column.type_name in _INTEGERS | _FLOATS | _ORDERED_AS_TEXT or column.type_name == "numeric":
        return name
    return bytes_sql(f"{name}::text", utf8=utf8)


def bytes_sql(text: str, *, utf8: bool) -> str:
    """SQL for a text whose order is that of its bytes."""
    return f"convert_to({text}, 'UTF8')" if utf8 else f'({text}) COLLATE "C"'


def _sorts(type_name: str) -> Callable[[bytes], tuple[int, Any]]:
    if type_name in _INTEGERS:
        return _integer
    if type_name == "numeric":
        return _decimal
    return _float if type_name in _FLOATS else _text


def _integer(value: bytes) -> tuple[int, Any]:
    return (2, 0) if value == rb"\N" else (0, int(value))


def _decimal(value: bytes) -> tuple[int, Any]:
    if value in (rb"\N", b"NaN"):
        return (2 if value == rb"\N" else 1, 0)
    return 0, Decimal(value.decode())


def _float(value: bytes) -> tuple[int, Any]:
    if value in (rb"\N", b"NaN"):
        return (2 if value == rb"\N" else 1, 0)
    return 0, float(value)


def _text(value: bytes) -> tuple[int, Any]:
    return (2, b"") if value == rb"\N" else (0, unescaped(value))
