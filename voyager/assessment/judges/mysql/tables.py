"""What the tables, partitions and names of a MySQL database bring with them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from voyager.assessment.judges.mysql.spots import COLUMN, INDEX, SEQUENCE, TABLE, VIEW, Spot
from voyager.assessment.judges.target_names import folded, odd, reserved, too_long
from voyager.sources.mysql.lexer import NAME, WORD, Unreadable, tokens
from voyager.sources.mysql.model import Code, Dictionary, Partitioning, Table
from voyager.sources.mysql.names import label

_LARGEST_ROW = 32 * 1024 * 1024
_ENGINES = {
    "memory": "MYSQL_MEMORY_ENGINE",
    "heap": "MYSQL_MEMORY_ENGINE",
    "federated": "MYSQL_REMOTE_ENGINE",
    "connect": "MYSQL_REMOTE_ENGINE",
    "spider": "MYSQL_REMOTE_ENGINE",
    "s3": "MYSQL_REMOTE_ENGINE",
    "merge": "MYSQL_MERGE_ENGINE",
    "mrg_myisam": "MYSQL_MERGE_ENGINE",
    "blackhole": "MYSQL_BLACKHOLE_ENGINE",
}
_WITHOUT_TRANSACTIONS = {"myisam", "aria", "archive", "csv"}
"""Where the server was not asked which of its engines have them."""
_PLAIN_COLUMN = re.compile(r"`(?:[^`]|``)+`|[\w$]+")


def table_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for table in dictionary.base_tables:
        yield from _of_engine(dictionary, table)
        if table.kind == "SYSTEM VERSIONED":
            yield _spot("MYSQL_SYSTEM_VERSIONED_TABLE", table)
        if (table.average_row or 0) > _LARGEST_ROW:
            yield _spot("MYSQL_LARGE_ROWS", table, {"AverageRowBytes": table.average_row})
        if table.partitioning is not None:
            yield from _of_partitions(table, table.partitioning)
    for sequence in dictionary.sequences:
        yield Spot("MYSQL_SEQUENCE", SEQUENCE, sequence.label, (SEQUENCE, sequence.label))


def _of_engine(dictionary: Dictionary, table: Table) -> Iterator[Spot]:
    engine = (table.engine or "").lower()
    details = {"Engine": table.engine}
    if not engine:
        yield _spot("MYSQL_UNREADABLE_TABLE", table)
    elif engine in _ENGINES:
        yield _spot(_ENGINES[engine], table, details)
    elif not (dictionary.transactional or {}).get(engine, engine not in _WITHOUT_TRANSACTIONS):
        yield _spot("MYSQL_NON_TRANSACTIONAL_ENGINE", table, details)


def _of_partitions(table: Table, how: Partitioning) -> Iterator[Spot]:
    method = how.method.upper()
    details = {"Method": method, "Expression": how.expression}
    if method == "SYSTEM_TIME":
        yield _spot("MYSQL_PARTITION_SYSTEM_TIME", table, details)
        return
    if method.endswith(("HASH", "KEY")):
        yield _spot("MYSQL_PARTITION_HASH", table, details)
        return
    if method in {"RANGE", "LIST"} and not _PLAIN_COLUMN.fullmatch(how.expression.strip()):
        yield _spot("MYSQL_PARTITION_EXPRESSION", table, details)
    names = _columns_in(how.expression)
    columns = [table.column[name] for name in names if name in table.column]
    if method == "LIST COLUMNS" and len(columns) > 1:
        yield _spot("MULTI_COLUMN_LIST_PARTITION", table, {"ColumnName": ", ".join(label(one.name) for one in columns)})
    open_ended = [label(column.name) for column in columns if column.nullable]
    if method.startswith("RANGE") and open_ended:
        yield _spot("MYSQL_PARTITION_NULL", table, {"ColumnName": ", ".join(open_ended)})
    if how.sub_method:
        yield _spot("MYSQL_SUBPARTITIONS", table, {"Method": how.sub_method})


def _columns_in(expression: str) -> list[str]:
    """What may be a column in an expression, folded."""
    try:
        return list(dict.fromkeys(one.text.casefold() for one in tokens(expression) if one.kind in (WORD, NAME)))
    except Unreadable:
        return []


def name_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for kind, schema, name, shown in _objects(dictionary):
        yield from _of_name(name, Spot("", kind, shown, (kind, shown)))
        if kind in (TABLE, VIEW) and (table := dictionary.table.get((schema, name))):
            for column in table.columns:
                yield from _of_name(column.name, Spot("", COLUMN, column.label, (TABLE, shown)))
            for index in table.indexes:
                if too_long(index.name):
                    yield Spot("MYSQL_NAME_TOO_LONG", INDEX, index.label, (INDEX, index.label))
    yield from _collisions(dictionary)


def _of_name(name: str, at: Spot) -> Iterator[Spot]:
    wrong = {
        "MYSQL_RESERVED_WORD": reserved(name),
        "MYSQL_NAME_NEEDS_QUOTES": odd(name),
        "MYSQL_NAME_TOO_LONG": too_long(name),
    }
    for issue_id, found in wrong.items():
        if found:
            yield Spot(issue_id, at.object_type, at.object_name, at.of)


def _collisions(dictionary: Dictionary) -> Iterator[Spot]:
    """Tables, views and sequences share the names of a schema."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for kind, schema, name, shown in _objects(dictionary):
        if kind in (TABLE, VIEW, SEQUENCE):
            groups[schema, folded(name)].append((kind, shown))
    for members in groups.values():
        for kind, shown in members if len(members) > 1 else ():
            others = ", ".join(other for _, other in members if other != shown)
            yield Spot("MYSQL_NAME_COLLISION", kind, shown, (kind, shown), details={"OtherNames": others})


def _objects(dictionary: Dictionary) -> Iterator[tuple[str, str, str, str]]:
    """Type, database, name and shown name of everything that has a name of its own."""
    for table in dictionary.tables:
        yield SEQUENCE if table.kind == "SEQUENCE" else TABLE, table.schema, table.name, table.label
    for code in dictionary.code:
        yield code.kind, code.schema, code.name, shown_name(code)


def shown_name(code: Code) -> str:
    """A trigger's name is told with its table, as that of an index is."""
    return f"{label(code.name)} ON {label(code.schema, code.table)}" if code.kind == "TRIGGER" else code.label


def _spot(issue_id: str, table: Table, details: Mapping[str, Any] | None = None) -> Spot:
    return Spot(issue_id, TABLE, table.label, (TABLE, table.label), details=details or {})
