"""Which canonical form each column of a table is compared in, chosen from what it is on both sides."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from voyager.identifiers import Identifier
from voyager.verification.canonical import (
    ARRAY,
    BPCHAR,
    COMPOSITE,
    ENUM,
    FLOAT4,
    FLOAT8,
    INT4,
    INT8,
    NUMERIC,
    OTHER,
    RANGE,
    STRING,
    TABLE,
    TEXT,
    TYPED,
    Canonical,
)
from voyager.verification.digest import MD5, Method, Valued
from voyager.verification.structure import ColumnShape

SOURCE, TARGET = 0, 1

_BY_TYPE = {type_name: row for row in TABLE for type_name in row.types}
_BY_MYSQL_TYPE = {type_name: row for row in TABLE for type_name in row.mysql_types}
_EXTENSIONS = frozenset({"citext", "hstore"})
_BY_KIND = {"e": ENUM, "c": COMPOSITE, "r": RANGE, "m": RANGE}
_WHOLE_NUMBERS = (INT4, INT8)
_SCALE = re.compile(r"^numeric\(\d+,(-?\d+)\)$")

_ROUNDED_TO_SCALE = (
    "CASE WHEN {v}::text IN ('NaN', 'Infinity', '-Infinity') THEN {v}::text ELSE round({v}::numeric, {scale})::text END"
)


@dataclass(frozen=True)
class Form:
    """How one column is compared: `sql` is the form on the source and on the target, {v} and {s} open. `rounded`, where
    there is something to round, is the text that --float-tolerance compares."""

    column: str
    name: str
    family: str
    sql: tuple[str, str]
    rounded: tuple[str, str] | None = None
    never_null: bool = False

    @property
    def described(self) -> str:
        """For the report: `typed int8`, `text numeric by value`."""
        return f"{self.family} {self.name}"

    def valued(self, side: int) -> Valued:
        """The form's SQL for this column on one side, over alias t."""
        return Valued(self.family, self.sql[side], f"t.{Identifier(self.column).sql}", self.never_null)

    def shown(self, side: int) -> str:
        """SQL for the value as people read it; characters with the blanks that a cast would cut off."""
        column = f"t.{Identifier(self.column).sql}"
        return BPCHAR.text.replace("{v}", column) if self.sql[side] == BPCHAR.text else f"{column}::text"

    @property
    def once_rounded(self) -> Form:
        """The same column with its numbers rounded."""
        return self if self.rounded is None else replace(self, family=TEXT, sql=self.rounded)


def choose(here: ColumnShape, there: ColumnShape, method: Method) -> Form:
    """The form for one column, between two servers of PostgreSQL's kind."""
    return replace(_choose(here, there, method), never_null=here.never_null and there.never_null)


def _choose(here: ColumnShape, there: ColumnShape, method: Method) -> Form:
    one, other = canonical_of(here), canonical_of(there)
    rounded = _rounded(one, other, there)
    if one is other and (here.type_name == there.type_name or not one.by_value):
        return _form(here.name, one, method, rounded)
    if {one, other} <= set(_WHOLE_NUMBERS):
        return _form(here.name, INT8, method, None)
    if {one, other} == {FLOAT4, FLOAT8}:
        as_double = FLOAT8.text.replace("{v}", "({v}::double precision)")
        return Form(here.name, FLOAT8.name, TEXT, (as_double, as_double), rounded)
    if {one, other} <= {*_WHOLE_NUMBERS, NUMERIC}:
        return Form(here.name, "numeric by value", TEXT, (NUMERIC.by_value, NUMERIC.by_value), rounded)
    if one is other:
        return Form(here.name, f"{one.name} by value", TEXT, (one.by_value, one.by_value), rounded)
    return Form(here.name, f"{one.name} and {other.name}", TEXT, (_text(one, method), _text(other, method)), rounded)


def choose_crossing(here: ColumnShape, mysql_type: str) -> Form | None:
    """The form for a column of PostgreSQL and one of MySQL or MariaDB (its DATA_TYPE); None when the types have no
    text in common. The second SQL is MySQL's."""
    one, other = canonical_of(here), _BY_MYSQL_TYPE.get(mysql_type.lower())
    if other is None or not one.crossing:
        return None
    return Form(here.name, f"{one.name} across engines", TEXT, (one.crossing, other.mysql))


def converted(form: Form, there: ColumnShape, expression: str, method: Method) -> Form:
    """The form once the source's value went through `expression` (SQL over {}), which must give the target's type."""
    changed = f"(({expression.replace('{}', '{v}')})::{there.type_name})"
    alike = choose(there, there, method)
    return replace(
        form, family=alike.family, never_null=False, sql=(alike.sql[SOURCE].replace("{v}", changed), alike.sql[TARGET])
    )


def canonical_of(column: ColumnShape) -> Canonical:
    """The row of the table for a column's type; a domain's is that of the type below it."""
    bare = column.base_type.rpartition(".")[2]
    # A type of an extension is in whatever schema the extension was put into.
    row = _BY_TYPE.get(bare if bare in _EXTENSIONS else column.base_type)
    if row is not None:
        return row
    if column.base_type.endswith("[]"):
        return ARRAY
    return _BY_KIND.get(column.kind, OTHER)


def _form(name: str, row: Canonical, method: Method, rounded: tuple[str, str] | None) -> Form:
    by_hash = row.family == TYPED and method.digest != MD5 and (method.one_encoding or row is not STRING)
    if not by_hash:
        return Form(name, row.name, TEXT, (_text(row, method),) * 2, rounded)
    typed = row.newest if method.newest and row.newest else row.typed
    return Form(name, row.name, TYPED, (typed, typed), rounded)


def _text(row: Canonical, method: Method) -> str:
    return row.old_floats if row.old_floats and not method.exact_floats else row.text


def _rounded(one: Canonical, other: Canonical, there: ColumnShape) -> tuple[str, str] | None:
    """The two sides once rounded: to the target's scale if it has one, else to the digits of the coarser type."""
    numbers = (*_WHOLE_NUMBERS, NUMERIC, FLOAT4, FLOAT8)
    if one not in numbers or other not in numbers or {one, other} <= set(_WHOLE_NUMBERS):
        return None
    scale = _SCALE.match(there.type_name)
    if scale:
        return (_ROUNDED_TO_SCALE.replace("{scale}", scale[1]),) * 2
    if FLOAT4 in (one, other):
        return (FLOAT4.rounded.replace("{v}", "({v}::real)"),) * 2
    if FLOAT8 in (one, other):
        return (FLOAT8.rounded.replace("{v}", "({v}::double precision)"),) * 2
    return None
