"""What the columns of a MySQL database bring with them: types, defaults, generated values, character sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voyager.assessment.judges.mysql.spots import COLUMN, TABLE, Spot
from voyager.assessment.judges.target_names import folded
from voyager.sources.mysql import types
from voyager.sources.mysql.columns import DATES, ColumnFacts
from voyager.sources.mysql.lexer import Unreadable
from voyager.sources.mysql.mapping import Place, place_of
from voyager.sources.mysql.model import Dictionary, Table
from voyager.sources.mysql.names import label, quoted
from voyager.sources.mysql.scan import called, own_words, scan
from voyager.sources.mysql.types import TargetType

_UNICODE = ("", "utf8", "utf8mb3", "utf8mb4", "ascii", "binary", "ucs2", "utf16", "utf16le", "utf32")
_STRICT = ("STRICT_TRANS_TABLES", "STRICT_ALL_TABLES")
_KNOWN_FUNCTIONS = frozenset(
    {
        *("ABS", "CEIL", "CEILING", "FLOOR", "MOD", "POW", "POWER", "ROUND", "SIGN", "SQRT", "EXP", "LN", "COALESCE"),
        *(
            "CHAR_LENGTH",
            "CHARACTER_LENGTH",
            "LEFT",
            "RIGHT",
            "LOWER",
            "UPPER",
            "LPAD",
            "RPAD",
            "LTRIM",
            "RTRIM",
            "TRIM",
        ),
        *("NULLIF", "REPLACE", "REVERSE", "REPEAT", "SUBSTR", "SUBSTRING", "MD5", "CAST"),
        # Words and types that a parenthesis may follow.
        *("IN", "AND", "OR", "NOT", "CASE", "WHEN", "THEN", "ELSE", "LIKE", "BETWEEN", "IS", "AS"),
        *("DECIMAL", "NUMERIC", "CHAR", "VARCHAR", "DATETIME", "TIME"),
    }
)
"""Functions that mean the same on both sides and are immutable on the target."""
Types = Mapping[Place, TargetType]


def column_spots(dictionary: Dictionary, target: Types, *, sql_mode: str | None) -> Iterator[Spot]:
    """`sql_mode` is the server's own, None when it is not known."""
    for table in dictionary.base_tables:
        for column in table.columns:
            if not column.period:
                yield from _of_type(column, target[place_of(column)])
                yield from _of_values(column, sql_mode)
                yield from _of_default(column)
                yield from _of_generation(table, column)
        yield from _of_table(table)
    yield from _enum_names(dictionary, target)


def _of_type(column: ColumnFacts, target: TargetType) -> Iterator[Spot]:
    for issue_id in target.issues:
        details: dict[str, Any] = {"ColumnType": column.column_type, "TargetType": target.sql}
        check = _CHECKS.get(issue_id)
        if check is not None:
            details["CheckSQL"] = _query(check, column)
        yield _spot(issue_id, column, details)


def _of_values(column: ColumnFacts, sql_mode: str | None) -> Iterator[Spot]:
    if column.zero_default:
        yield _spot("MYSQL_ZERO_DATE_DEFAULT", column, {"Default": column.default_literal})
    if column.data_type in DATES and not column.generated and _takes_zero_dates(sql_mode):
        check = "SELECT COUNT(*) FROM {table} WHERE {column} = 0 OR MONTH({column}) = 0 OR DAY({column}) = 0"
        yield _spot("MYSQL_ZERO_DATE", column, {"CheckSQL": _query(check, column)})
    if column.on_update:
        yield _spot("MYSQL_ON_UPDATE_TIMESTAMP", column, {})
    if column.invisible:
        yield _spot("MYSQL_INVISIBLE_COLUMN", column, {})


def _takes_zero_dates(sql_mode: str | None) -> bool:
    """Only both NO_ZERO_DATE and a strict mode keep them out."""
    if sql_mode is None:
        return False
    modes = set(sql_mode.upper().split(","))
    return "TRADITIONAL" not in modes and not ({"NO_ZERO_DATE", "NO_ZERO_IN_DATE"} <= modes and modes & set(_STRICT))


def _of_default(column: ColumnFacts) -> Iterator[Spot]:
    expression = column.default_expression
    if expression and not column.default_is_now and not column.generated:
        yield _spot("MYSQL_EXPRESSION_DEFAULT", column, {"Default": expression})


def _of_generation(table: Table, column: ColumnFacts) -> Iterator[Spot]:
    if not column.generated:
        return
    details = {"Expression": column.generation}
    if column.generated == "v":
        yield _spot("MYSQL_VIRTUAL_COLUMN", column, details)
    foreign = foreign_words(column.generation)
    if foreign:
        yield _spot("MYSQL_GENERATION_EXPRESSION", column, {**details, "FunctionNames": foreign})
    others = {one.name for one in table.columns if one.generated and one.name != column.name}
    read = sorted(name for name in others if quoted(name) in column.generation)
    if read:
        yield _spot("MYSQL_GENERATED_FROM_GENERATED", column, {**details, "ColumnName": ", ".join(read)})


def foreign_words(expression: str) -> list[str]:
    """What an expression holds that PostgreSQL lacks, reads differently, or is not known to be immutable there."""
    written = own_words(expression)
    try:
        found = {use.text for use in scan(written)} | (called(written) - _KNOWN_FUNCTIONS)
    except Unreadable:
        return [expression]
    return sorted(found)


def _of_table(table: Table) -> Iterator[Spot]:
    """Issues of several columns that are told once for the table."""
    generated = [column.name for column in table.columns if column.generated and not column.period]
    if generated:
        yield Spot(
            "STORED_GENERATED_COLUMNS", TABLE, table.label, (TABLE, table.label), details=_names_of(generated)
        )  # fmt: skip
    charsets = {column.charset for column in table.columns} - set(_UNICODE)
    legacy = [column.name for column in table.columns if column.charset in charsets]
    if legacy:
        details = {**_names_of(legacy), "CharacterSets": ", ".join(sorted(charsets))}
        yield Spot("MYSQL_LEGACY_CHARSET", TABLE, table.label, (TABLE, table.label), details=details)


def _enum_names(dictionary: Dictionary, target: Types) -> Iterator[Spot]:
    """A type shares its names with tables, which are types too."""
    taken = {(table.schema, folded(table.name)) for table in dictionary.tables}
    taken |= {(view.schema, folded(view.name)) for view in dictionary.views}
    for table in dictionary.base_tables:
        for column in table.columns:
            if not target[place_of(column)].labels:
                continue
            name = (table.schema, folded(f"{table.name}_{column.name}"))
            if name in taken:
                yield _spot("MYSQL_ENUM_TYPE_NAME", column, {"TypeName": label(*name)})
            taken.add(name)


def _names_of(columns: list[str]) -> dict[str, str]:
    return {"ColumnName": ", ".join(label(name) for name in columns)}


def _spot(issue_id: str, column: ColumnFacts, details: Mapping[str, Any]) -> Spot:
    return Spot(issue_id, COLUMN, column.label, (TABLE, label(column.schema, column.table)), details=details)


def _query(text: str, column: ColumnFacts) -> str:
    return text.format(column=quoted(column.name), table=f"{quoted(column.schema)}.{quoted(column.table)}")


_RANGE = "SELECT MIN({column}), MAX({column}) FROM {table}"
_LARGEST = "SELECT MAX(OCTET_LENGTH({column})) FROM {table}"
_CHECKS: Mapping[str, str] = {
    types.BIGINT_UNSIGNED: "SELECT MAX({column}) FROM {table}",
    types.TINYINT1: _RANGE,
    types.TIME: _RANGE,
    types.ENUM: "SELECT COUNT(*) FROM {table} WHERE {column} = 0",
    types.LONG_VALUE: _LARGEST,
    "MEDIUMBLOB": _LARGEST,
    "LONGBLOB": _LARGEST,
}
"""What the source can be asked before a type is chosen."""
