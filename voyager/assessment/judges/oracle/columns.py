"""Columns of Oracle: their data types, defaults, generation, and what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voyager.assessment.judges.oracle.dictionary import TABLE, Column, Dictionary, Spot, text
from voyager.identifiers import visible
from voyager.sources.oracle.types import UNSUPPORTED, base_name

_UNSUPPORTED = {name.upper() for name in UNSUPPORTED}
_TRANSLATED = re.compile(
    r"\b(?:SYSDATE|SYSTIMESTAMP|SYS_GUID|USER|UID|SYS_CONTEXT|USERENV|TO_DATE|TO_TIMESTAMP\w*|TO_CHAR|TO_NUMBER"
    r"|NEXTVAL|CURRVAL|EMPTY_[BC]LOB|HEXTORAW|NVL|DECODE|TRUNC)\b",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"'(?:[^']|'')*'")


def column_spots(dictionary: Dictionary) -> Iterator[Spot]:
    yield from _data_types(dictionary)
    yield from _virtual(dictionary)
    for column in dictionary.all_columns():
        yield from _of_column(column)
    for row in dictionary.rows("encrypted_columns"):
        schema, table, name = text(row, "schema_name"), text(row, "table_name"), text(row, "column_name")
        details = {"Algorithm": text(row, "encryption_alg")}
        shown = visible(f"{schema}.{table}.{name}")
        yield Spot("ORACLE_ENCRYPTED_COLUMN", "COLUMN", shown, (TABLE, schema, table), details=details)


def _data_types(dictionary: Dictionary) -> Iterator[Spot]:
    """The types that the existing tool names, each under the type's own name as the dictionary spells it."""
    for row in dictionary.rows("table_columns_data_types"):
        data_type = text(row, "data_type")
        schema, table = text(row, "schema_name"), text(row, "table_name")
        if base_name(data_type) not in _UNSUPPORTED or (dictionary.tables and (schema, table) not in dictionary.tables):
            continue
        column = dictionary.column(schema, table, text(row, "column_name"))
        details = {"TargetType": column.target.sql} if column else {}
        shown = visible(f"{schema}.{table}.{text(row, 'column_name')}")
        yield Spot(base_name(data_type), "COLUMN", shown, (TABLE, schema, table), details=details)


def _virtual(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("object_type_mapping"):
        if text(row, "object_type") != "VIRTUAL COLUMN":
            continue
        schema, name = text(row, "schema_name"), text(row, "object_name")
        table = name.rsplit(".", 1)[0]
        column = dictionary.column(schema, *name.rsplit(".", 1)) if "." in name else None
        details = {"Expression": column.facts.default} if column else {}
        yield Spot("VIRTUAL_COLUMNS", "COLUMN", visible(name), (TABLE, schema, table), details=details)


def _of_column(column: Column) -> Iterator[Spot]:
    def at(issue_id: str, **details: str) -> Spot:
        return Spot(issue_id, "COLUMN", column.shown, column.of, details=details)

    written = _written(column)
    for issue_id in column.target.issues:
        if issue_id not in _UNSUPPORTED:
            yield at(issue_id, ColumnType=written, TargetType=column.target.sql)
    if column.facts.holds_json and base_name(column.facts.data_type) != "JSON":
        yield at("ORACLE_JSON_COLUMN", ColumnType=written, TargetType=column.target.sql)
    if not column.visible:
        yield at("ORACLE_INVISIBLE_COLUMN")
    if column.default_on_null:
        yield at("ORACLE_DEFAULT_ON_NULL", Default=column.facts.default)
    default = column.facts.default
    if (
        default
        and not column.virtual
        and not column.facts.identity
        and _TRANSLATED.search(_CONSTANT.sub("''", default))
    ):
        yield at("ORACLE_DEFAULT_EXPRESSION", Default=default)


def identity_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("identity_columns"):
        schema, table = text(row, "schema_name"), text(row, "table_name")
        if text(row, "generation_type") == "ALWAYS" and (schema, table) in dictionary.tables:
            shown = visible(f"{schema}.{table}.{text(row, 'column_name')}")
            yield Spot("ORACLE_IDENTITY_ALWAYS", "COLUMN", shown, (TABLE, schema, table))


def _written(column: Column) -> str:
    """The type as DDL writes it."""
    facts = column.facts
    if facts.data_type == "NUMBER" and (facts.precision is not None or facts.scale is not None):
        numbers = [
            "*" if facts.precision is None else str(facts.precision),
            *([str(facts.scale)] if facts.scale else []),
        ]
        return f"NUMBER({','.join(numbers)})"
    if facts.data_type == "FLOAT" and facts.precision:
        return f"FLOAT({facts.precision})"
    if column.is_text:
        return f"{facts.data_type}({facts.char_length or facts.length})"
    return f"RAW({facts.length})" if facts.data_type == "RAW" else facts.data_type
