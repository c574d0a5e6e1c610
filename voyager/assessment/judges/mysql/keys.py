"""What the indexes and constraints of a MySQL database bring with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from voyager.assessment.judges.mysql.columns import Types, foreign_words
from voyager.assessment.judges.mysql.spots import INDEX, TABLE, Spot
from voyager.sources.mysql.columns import ColumnFacts
from voyager.sources.mysql.mapping import place_of
from voyager.sources.mysql.model import Check, Dictionary, ForeignKey, Index, Key, Table
from voyager.sources.mysql.names import label, quoted

_TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
_MOMENTS = {"date": "DATE", "datetime": "TIMESTAMP", "timestamp": "TIMESTAMP"}
_OF_KIND = {
    "FULLTEXT": "MYSQL_FULLTEXT_INDEX",
    "SPATIAL": "MYSQL_SPATIAL_INDEX",
    "RTREE": "MYSQL_SPATIAL_INDEX",
    "HASH": "MYSQL_HASH_INDEX",
}
_WITHOUT_KEYS = {"FULLTEXT", "SPATIAL", "RTREE"}
_MULTI_VALUED = re.compile(r"\barray\s*\)*\s*$", re.IGNORECASE)
_JSON_VALID = re.compile(r"\(*json_valid\(`(?:[^`]|``)*`\)\)*", re.IGNORECASE)
_SAME_TEXT = {"varchar": "text"}


def key_spots(dictionary: Dictionary, target: Types) -> Iterator[Spot]:
    for table in dictionary.base_tables:
        for index in table.indexes:
            yield from _of_index(table, index, target)
        for key in table.foreign_keys:
            yield from _of_foreign_key(dictionary, table, key, target)
        for check in table.checks:
            yield from _of_check(check)
        yield from _of_primary_key(table)


def _of_index(table: Table, index: Index, target: Types) -> Iterator[Spot]:
    if index.kind in _OF_KIND:
        yield _spot(_OF_KIND[index.kind], index)
    if not index.visible:
        yield _spot("MYSQL_INVISIBLE_INDEX", index)
    if index.kind in _WITHOUT_KEYS:
        return
    expressions = [key.expression for key in index.keys if key.expression]
    for expression in expressions[:1]:
        multi = _MULTI_VALUED.search(expression) is not None
        yield _spot(
            "MYSQL_MULTI_VALUED_INDEX" if multi else "MYSQL_FUNCTIONAL_INDEX", index, {"Expression": expression}
        )  # fmt: skip
    yield from _of_prefix(index)
    yield from _of_case(table, index)
    yield from _of_moment(table, index)
    bits = [column.name for column in _columns(table, index.columns) if target[place_of(column)].base == "bit"]
    if bits:
        yield _spot(
            "PK_UK_ON_BIT_DATATYPE" if index.unique else "INDEX_ON_BIT_DATATYPE", index, {"ColumnName": _listed(bits)}
        )  # fmt: skip


def _of_prefix(index: Index) -> Iterator[Spot]:
    prefixes = [f"{label(key.column)}({key.prefix})" for key in index.keys if key.column and key.prefix]
    if not prefixes:
        return
    kind = "PREFIX_PRIMARY_KEY" if index.primary else "UNIQUE_PREFIX_INDEX" if index.unique else "PREFIX_INDEX"
    yield _spot(f"MYSQL_{kind}", index, {"ColumnName": ", ".join(prefixes)})


def _of_case(table: Table, index: Index) -> Iterator[Spot]:
    columns = _columns(table, index.columns)
    loose = [column for column in columns if column.data_type in _TEXT and column.case_insensitive and not column.json]
    if loose:
        details = {
            "ColumnName": _listed([column.name for column in loose]),
            "Collation": ", ".join(sorted({column.collation for column in loose})),
        }
        yield _spot("MYSQL_CI_UNIQUE_KEY" if index.unique else "MYSQL_CI_INDEX", index, details)


def _of_moment(table: Table, index: Index) -> Iterator[Spot]:
    """Indexes whose first key grows with time."""
    first = index.keys[0].column if index.keys else None
    column = table.column.get(first.casefold()) if first else None
    moment = _MOMENTS.get(column.data_type) if column is not None else None
    if moment is None or column is None:
        return
    if index.unique:
        name = f"{table.label}, constraint: ({label(index.name)})"
        details = {"ColumnName": label(column.name)}
        yield Spot(f"HOTSPOTS_ON_{moment}_PK_UK", TABLE, name, (TABLE, table.label), details=details)
    else:
        yield _spot(f"HOTSPOTS_ON_{moment}_INDEX", index, {"ColumnName": label(column.name)})


def _of_foreign_key(dictionary: Dictionary, table: Table, key: ForeignKey, target: Types) -> Iterator[Spot]:
    details: dict[str, Any] = {
        "ForeignKeyColumnNames": _listed(key.columns),
        "ReferencedTableName": label(*key.parent),
        "ReferencedColumnName": _listed(key.parent_columns),
    }
    parent = dictionary.table.get(key.parent)
    if key.parent[0] != key.schema:
        yield _constraint("MYSQL_CROSS_DATABASE_FK", key, details)
    if parent is not None and not _is_unique(parent, key.parent_columns):
        yield _constraint("MYSQL_FK_ON_NON_UNIQUE_KEY", key, details)
    columns = _columns(table, key.columns)
    if any(column.case_insensitive and column.data_type in _TEXT for column in columns):
        yield _constraint("MYSQL_CI_FOREIGN_KEY", key, {**details, "CheckSQL": _strays(key)})
    if parent is None:
        return
    for own_name, name in zip(key.columns, key.parent_columns, strict=False):
        column, other = table.column.get(own_name.casefold()), parent.column.get(name.casefold())
        if column is None or other is None:
            continue
        own, theirs = target[place_of(column)], target[place_of(other)]
        if _SAME_TEXT.get(own.base, own.base) != _SAME_TEXT.get(theirs.base, theirs.base):
            types = {"ColumnName": label(column.name), "ColumnType": own.sql, "ReferencedColumnType": theirs.sql}
            yield _constraint("FOREIGN_KEY_DATATYPE_MISMATCH", key, {**details, **types})


def _is_unique(parent: Table, columns: tuple[str, ...]) -> bool:
    """The target asks for a unique key over exactly these columns, in any order."""
    wanted = {name.casefold() for name in columns}
    return any(
        index.unique and index.whole_columns and {name.casefold() for name in index.columns} == wanted
        for index in parent.indexes
    )


def _strays(key: ForeignKey) -> str:
    """Rows that refer to a parent in another spelling."""
    pairs = list(zip(key.columns, key.parent_columns, strict=False))
    same = " AND ".join(f"BINARY c.{quoted(own)} = BINARY p.{quoted(theirs)}" for own, theirs in pairs)
    present = " AND ".join(f"c.{quoted(own)} IS NOT NULL" for own, _ in pairs)
    return (
        f"SELECT c.* FROM {_sql((key.schema, key.table))} c LEFT JOIN {_sql(key.parent)} p ON {same}"
        f" WHERE {present} AND p.{quoted(pairs[0][1])} IS NULL"
    )


def _of_check(check: Check) -> Iterator[Spot]:
    if not check.enforced:
        yield _constraint("MYSQL_CHECK_NOT_ENFORCED", check, {"Expression": check.clause})
    # MariaDB's own check of a JSON column goes with the type jsonb.
    if _JSON_VALID.fullmatch(check.clause.strip()):
        return
    foreign = foreign_words(check.clause)
    if foreign:
        yield _constraint("MYSQL_CHECK_EXPRESSION", check, {"Expression": check.clause, "FunctionNames": foreign})


def _of_primary_key(table: Table) -> Iterator[Spot]:
    if table.primary_key is not None:
        return
    yield Spot("MYSQL_NO_PRIMARY_KEY", TABLE, table.label, (TABLE, table.label))
    candidates = [
        index for index in table.indexes if index.unique and index.whole_columns and _never_null(table, index)
    ]
    if candidates:
        options = [_listed(index.columns) for index in candidates]
        yield Spot(
            "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL",
            TABLE,
            table.label,
            (TABLE, table.label),
            details={"PrimaryKeyColumnOptions": options},
        )


def _never_null(table: Table, index: Index) -> bool:
    columns = _columns(table, index.columns)
    return len(columns) == len(index.columns) and not any(column.nullable for column in columns)


def _columns(table: Table, names: Iterable[str]) -> list[ColumnFacts]:
    """Those that the server shows: a column may be hidden from an account that has no privilege on it."""
    return [table.column[name.casefold()] for name in names if name.casefold() in table.column]


def _constraint(issue_id: str, constraint: ForeignKey | Check, details: dict[str, Any]) -> Spot:
    table = label(constraint.schema, constraint.table)
    details = {"ConstraintName": label(constraint.name), **details}
    return Spot(issue_id, TABLE, constraint.label, (TABLE, table), details=details)


def _spot(issue_id: str, index: Index, details: dict[str, Any] | None = None) -> Spot:
    if not index.primary:
        return Spot(issue_id, INDEX, index.label, (INDEX, index.label), details=details or {})
    # A primary key is a constraint, on the target as in reports.
    table = label(index.schema, index.table)
    return Spot(issue_id, TABLE, f"{table}, constraint: (PRIMARY)", (TABLE, table), details=details or {})


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(label(name) for name in names)


def _sql(key: Key) -> str:
    return f"{quoted(key[0])}.{quoted(key[1])}"
