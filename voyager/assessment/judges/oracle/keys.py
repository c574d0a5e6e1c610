"""Indexes and constraints of Oracle."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voyager.assessment.judges.oracle.dictionary import TABLE, Constraint, Dictionary, Index, Spot, is_yes, text
from voyager.identifiers import visible
from voyager.sources.oracle.types import indexable

UNSUPPORTED_INDEXES = frozenset(
    {"CLUSTER", "DOMAIN", "FUNCTION-BASED DOMAIN", "IOT - TOP", "NORMAL/REV", "FUNCTION-BASED NORMAL/REV"}
)
_CALL = re.compile(r'"?\b([A-Z_][A-Z0-9_$#]*)"?\s*\(|\b(SYSDATE|SYSTIMESTAMP|USER|UID)\b', re.IGNORECASE)
_IMMUTABLE = frozenset(
    {
        "UPPER", "LOWER", "SUBSTR", "LENGTH", "TRIM", "LTRIM", "RTRIM", "ABS", "MOD", "ROUND", "CEIL", "FLOOR", "SIGN",
        "NVL", "COALESCE", "NULLIF", "DECODE", "CASE", "CAST", "REPLACE", "CONCAT", "GREATEST", "LEAST", "INSTR",
        "LPAD", "RPAD", "TRANSLATE", "ASCII", "CHR", "SQRT", "POWER", "NVL2", "INITCAP", "IN", "AND", "OR", "NOT",
        "WHEN", "THEN", "ELSE", "VARCHAR2", "NUMBER", "CHAR",
    }
)  # fmt: skip
"""Functions whose result depends on their arguments alone, there and on the target."""
_PARTIAL = re.compile(
    r"^\s*(?:CASE\b(?!.*\bELSE\b).*\bEND|DECODE\s*\([^,]+,[^,]+,[^,]+\))\s*$", re.IGNORECASE | re.DOTALL
)
_CONSTANT = re.compile(r"'(?:[^']|'')*'")
_CHECK_WORDS = re.compile(
    r"\b(?:REGEXP_LIKE|SYSDATE|TO_DATE|TO_CHAR|TO_NUMBER|DECODE|NVL2?|INSTR|LENGTHB|TRUNC|SYS_CONTEXT|USERENV)\b",
    re.IGNORECASE,
)


def index_spots(dictionary: Dictionary) -> Iterator[Spot]:
    yield from _unsupported(dictionary)
    for index in dictionary.indexes:
        if (index.table_schema, index.table) in dictionary.tables:
            yield from _of_index(dictionary, index)


def constraint_spots(dictionary: Dictionary) -> Iterator[Spot]:
    if dictionary.answered("constraints"):
        yield from _without_key(dictionary)
    views = {(text(row, "schema_name"), text(row, "view_name")) for row in dictionary.rows("views")}
    for one in dictionary.constraints:
        if (one.schema, one.table) in views and one.type in ("V", "O"):
            shown = visible(f"{one.schema}.{one.table}")
            yield Spot("ORACLE_VIEW_CONSTRAINT", "VIEW", shown, ("VIEW", one.schema, one.table))
        elif (one.schema, one.table) in dictionary.tables and not one.is_not_null:
            yield from _of_constraint(dictionary, one)


def _unsupported(dictionary: Dictionary) -> Iterator[Spot]:
    """By the mapping, which the existing tool's metadata has too."""
    kinds = {(index.schema, index.name): index for index in dictionary.indexes}
    for row in dictionary.rows("object_type_mapping"):
        kind = text(row, "object_type")
        if kind.removesuffix(" INDEX") not in UNSUPPORTED_INDEXES or not kind.endswith(" INDEX"):
            continue
        schema, name = text(row, "schema_name"), text(row, "object_name")
        index = kinds.get((schema, name))
        details = {"IndexType": text(index.row, "ityp_name")} if index and text(index.row, "ityp_name") else {}
        shown = visible(f"Index Name: {name}, Index Type={kind}")
        yield Spot("UNSUPPORTED_INDEXES", "INDEX", shown, ("INDEX", schema, name), details=details)


def _of_index(dictionary: Dictionary, index: Index) -> Iterator[Spot]:
    def at(issue_id: str, **details: str) -> Spot:
        return Spot(issue_id, "INDEX", index.shown, index.of, details=details)

    if is_yes(index.row, "join_index"):
        yield at("ORACLE_BITMAP_JOIN_INDEX")
    elif "BITMAP" in index.type:
        yield at("ORACLE_BITMAP_INDEX")
    if text(index.row, "status") == "UNUSABLE":
        yield at("ORACLE_UNUSABLE_INDEX")
    if text(index.row, "visibility") == "INVISIBLE":
        yield at("ORACLE_INVISIBLE_INDEX")
    if index.type in UNSUPPORTED_INDEXES and index.type != "IOT - TOP":
        return
    yield from _expressions(index)
    columns = [dictionary.column(index.table_schema, index.table, key.column) for key in index.keys]
    for column in columns:
        if column is not None and not indexable(column.target.sql):
            yield at("ORACLE_NOT_INDEXABLE", ColumnName=visible(column.name), TargetType=column.target.sql)


def _expressions(index: Index) -> Iterator[Spot]:
    for key in index.keys:
        if not key.expression:
            continue
        details = {"Expression": visible(key.expression)}
        called = {(first or second).upper() for first, second in _CALL.findall(_CONSTANT.sub("''", key.expression))}
        if _PARTIAL.match(key.expression):
            yield Spot("ORACLE_PARTIAL_INDEX", "INDEX", index.shown, index.of, details=details)
        elif called - _IMMUTABLE:
            yield Spot("ORACLE_INDEX_EXPRESSION", "INDEX", index.shown, index.of, details=details)


def _without_key(dictionary: Dictionary) -> Iterator[Spot]:
    for (schema, table), kind in dictionary.tables.items():
        keys = dictionary.keys.get((schema, table), ())
        external = text(dictionary.special.get((schema, table), {}), "kind") == "EXTERNAL"
        if kind == TABLE and not external and not any(key.type == "P" for key in keys):
            yield Spot("ORACLE_NO_PRIMARY_KEY", TABLE, visible(f"{schema}.{table}"), (TABLE, schema, table))


def _of_constraint(dictionary: Dictionary, one: Constraint) -> Iterator[Spot]:
    def at(issue_id: str, **details: str) -> Spot:
        said = {"ConstraintName": visible(one.name), **details}
        return Spot(issue_id, TABLE, one.shown, (TABLE, one.schema, one.table), details=said)

    if text(one.row, "status") == "DISABLED":
        yield at("ORACLE_DISABLED_CONSTRAINT")
        return
    if text(one.row, "validated") == "NOT VALIDATED":
        yield at("ORACLE_NOT_VALIDATED_CONSTRAINT")
    if text(one.row, "deferrable") == "DEFERRABLE" and one.type in ("P", "U", "C"):
        yield at("ORACLE_DEFERRABLE_CONSTRAINT")
    if one.type in ("P", "U"):
        yield from _of_key(dictionary, one)
    condition = _CONSTANT.sub("''", text(one.row, "search_condition"))
    if one.type == "C" and _CHECK_WORDS.search(condition):
        yield at("ORACLE_CHECK_EXPRESSION", Condition=visible(text(one.row, "search_condition").strip()))


def _of_key(dictionary: Dictionary, key: Constraint) -> Iterator[Spot]:
    of = (TABLE, key.schema, key.table)
    columns = [dictionary.column(key.schema, key.table, name) for name in key.columns]
    known = [column for column in columns if column is not None]
    texts = [column.name for column in known if column.is_text]
    if texts:
        details = {"ConstraintName": visible(key.name), "ColumnName": visible(", ".join(texts))}
        yield Spot("ORACLE_EMPTY_STRING_KEY", TABLE, key.shown, of, details=details)
    if key.type == "U" and len(known) > 1 and any(column.nullable for column in known):
        yield Spot("ORACLE_NULLS_IN_UNIQUE_KEY", TABLE, key.shown, of, details={"ConstraintName": visible(key.name)})
    wanted = [
        column
        for level in ("PARTITION", "SUBPARTITION")
        for column in dictionary.partition_keys.get((key.schema, key.table, level), ())
    ]
    absent = [column for column in dict.fromkeys(wanted) if column not in key.columns]
    if absent and key.columns:
        details = {"ConstraintName": visible(key.name), "ColumnName": visible(", ".join(absent))}
        yield Spot("ORACLE_KEY_WITHOUT_PARTITION_KEY", TABLE, key.shown, of, details=details)
