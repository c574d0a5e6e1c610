"""What a MySQL or MariaDB server holds, as values built from the answers of its dictionary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from voyager.sources.mysql.columns import ColumnFacts
from voyager.sources.mysql.names import label

Row = Mapping[str, Any]
Key = tuple[str, str]
"""Database and name, as the server spells them."""


@dataclass(frozen=True)
class IndexKey:
    """One key of an index: a column, the first `prefix` characters of one, or an expression."""

    column: str | None
    expression: str | None = None
    prefix: int | None = None
    descending: bool = False


@dataclass(frozen=True)
class Index:
    schema: str
    table: str
    name: str
    unique: bool
    kind: str
    """BTREE, HASH, FULLTEXT or SPATIAL, as the server says."""
    keys: tuple[IndexKey, ...]
    visible: bool = True

    @property
    def primary(self) -> bool:
        return self.name == "PRIMARY"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(key.column for key in self.keys if key.column is not None)

    @property
    def whole_columns(self) -> bool:
        """Whether it is over columns alone, without prefix or expression: only then it can be a constraint."""
        return all(key.column is not None and key.prefix is None for key in self.keys)

    @property
    def label(self) -> str:
        return f"{label(self.name)} ON {label(self.schema, self.table)}"


@dataclass(frozen=True)
class ForeignKey:
    schema: str
    table: str
    name: str
    columns: tuple[str, ...]
    parent: Key
    parent_columns: tuple[str, ...]
    on_update: str = ""
    on_delete: str = ""

    @property
    def label(self) -> str:
        return f"{label(self.schema, self.table)}, constraint: ({label(self.name)})"


@dataclass(frozen=True)
class Check:
    schema: str
    table: str
    name: str
    clause: str
    enforced: bool = True

    @property
    def label(self) -> str:
        return f"{label(self.schema, self.table)}, constraint: ({label(self.name)})"


@dataclass(frozen=True)
class Partitioning:
    """How a table is partitioned. `method` is RANGE, LIST, HASH, KEY, …; `expression` is empty for KEY of the primary
    key."""

    method: str
    expression: str
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    sub_method: str = ""


@dataclass(frozen=True)
class Table:
    """`kind` is BASE TABLE, SYSTEM VERSIONED or SEQUENCE."""

    schema: str
    name: str
    kind: str = "BASE TABLE"
    engine: str | None = None
    rows: int | None = None
    average_row: int | None = None
    data_bytes: int | None = None
    next_value: int | None = None
    columns: tuple[ColumnFacts, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    partitioning: Partitioning | None = None

    @property
    def key(self) -> Key:
        return self.schema, self.name

    @property
    def label(self) -> str:
        return label(self.schema, self.name)

    @cached_property
    def column(self) -> Mapping[str, ColumnFacts]:
        """By name; the server does not tell the case of a column's name apart."""
        return {column.name.casefold(): column for column in self.columns}

    @property
    def primary_key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)


@dataclass(frozen=True)
class Code:
    """A view, trigger, procedure, function, package or event, with its text: None where it may not be read."""

    kind: str
    schema: str
    name: str
    text: str | None
    sql_mode: str = ""
    definer: str = ""
    security: str = ""
    language: str = "SQL"
    table: str = ""
    timing: str = ""
    event: str = ""
    order: int = 1
    check_option: str = ""
    schedule: str = ""

    @property
    def label(self) -> str:
        return label(self.schema, self.name)


@dataclass(frozen=True)
class Dictionary:
    """Everything of the chosen databases."""

    tables: tuple[Table, ...]
    views: tuple[Code, ...] = ()
    triggers: tuple[Code, ...] = ()
    routines: tuple[Code, ...] = ()
    events: tuple[Code, ...] = ()
    transactional: Mapping[str, bool] | None = None
    """Engine in lower case -> whether it has transactions; None when the server was not asked."""
    described: frozenset[Key] | None = None
    """Tables and views with columns; a view without any does not work. None when columns were not asked for."""

    @classmethod
    def build(cls, rows: Callable[[str], Sequence[Row]]) -> Dictionary:
        """From the answers: `rows("columns")` gives those of the question `columns`, "-" of a name written "_"."""
        parts = _Parts(rows)
        return cls(
            tables=tuple(_table(row, parts) for row in rows("tables")),
            views=tuple(_view(row) for row in rows("views")),
            triggers=tuple(_trigger(row) for row in rows("triggers")),
            routines=tuple(_routine(row) for row in rows("routines")),
            events=tuple(_event(row) for row in rows("events")),
            transactional={
                str(row["engine"]).lower(): row["transactions"] == "YES" for row in rows("engines") if row["engine"]
            }
            or None,
            described=frozenset((row["schema_name"], row["table_name"]) for row in rows("columns")) or None,
        )

    @cached_property
    def table(self) -> Mapping[Key, Table]:
        return {table.key: table for table in self.tables}

    @property
    def base_tables(self) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if table.kind != "SEQUENCE")

    @property
    def sequences(self) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if table.kind == "SEQUENCE")

    @property
    def code(self) -> tuple[Code, ...]:
        return (*self.views, *self.triggers, *self.routines, *self.events)


class _Parts:
    """The parts of tables by the table they belong to."""

    def __init__(self, rows: Callable[[str], Sequence[Row]]) -> None:
        self.columns = _by_table(rows("columns"))
        self.indexes = _by_table(rows("indexes"))
        self.foreign_keys = _by_table(rows("foreign_keys"))
        self.checks = _by_table(rows("checks"))
        self.partitions = _by_table(rows("partitions"))


def _by_table(rows: Iterable[Row]) -> Mapping[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["schema_name"], row["table_name"]].append(row)
    return found


def _table(row: Row, parts: _Parts) -> Table:
    key = row["schema_name"], row["table_name"]
    checks = tuple(
        Check(*key, one["constraint_name"], one["check_clause"] or "", one["enforced"] != "NO")
        for one in parts.checks.get(key, ())
    )
    clauses = " ".join(check.clause for check in checks)
    return Table(
        *key,
        kind=row["table_type"],
        engine=row["engine"],
        rows=row["row_count"],
        average_row=row["avg_row_length"],
        data_bytes=row["data_length"],
        next_value=row["next_auto_increment"],
        columns=tuple(ColumnFacts.of(one, checks=clauses) for one in parts.columns.get(key, ())),
        indexes=tuple(_indexes(parts.indexes.get(key, ()))),
        foreign_keys=tuple(_foreign_keys(parts.foreign_keys.get(key, ()))),
        checks=checks,
        partitioning=_partitioning(parts.partitions.get(key, ())),
    )


def _indexes(rows: Iterable[Row]) -> Iterable[Index]:
    for name, keys in _grouped(rows, "index_name", "seq_in_index"):
        first = keys[0]
        yield Index(
            first["schema_name"],
            first["table_name"],
            name,
            unique=first["is_unique"] == "YES",
            kind=str(first["index_type"]).upper(),
            keys=tuple(
                IndexKey(key["column_name"], key["expression"], key["sub_part"], key["collation"] == "D")
                for key in keys
            ),
            visible=first["is_visible"] != "NO",
        )


def _foreign_keys(rows: Iterable[Row]) -> Iterable[ForeignKey]:
    for name, columns in _grouped(rows, "constraint_name", "ordinal_position"):
        first = columns[0]
        yield ForeignKey(
            first["schema_name"],
            first["table_name"],
            name,
            columns=tuple(column["column_name"] for column in columns),
            parent=(first["referenced_schema"], first["referenced_table"]),
            parent_columns=tuple(column["referenced_column"] for column in columns),
            on_update=first["update_rule"] or "",
            on_delete=first["delete_rule"] or "",
        )


def _partitioning(rows: Sequence[Row]) -> Partitioning | None:
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row["ordinal_position"] or 0, row["subpartition_ordinal_position"] or 0))
    # A partition with subpartitions has a row for each of them.
    names = dict.fromkeys(row["partition_name"] for row in ordered)
    described = {row["partition_name"]: row["partition_description"] or "" for row in ordered}
    first = ordered[0]
    return Partitioning(
        method=first["partition_method"] or "",
        expression=first["partition_expression"] or "",
        names=tuple(names),
        descriptions=tuple(described[name] for name in names),
        sub_method=first["subpartition_method"] or "",
    )


def _grouped(rows: Iterable[Row], name: str, position: str) -> Iterable[tuple[str, list[Row]]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    for one, members in found.items():
        yield one, sorted(members, key=lambda row: row[position] or 0)


def _view(row: Row) -> Code:
    return Code(
        "VIEW",
        row["schema_name"],
        row["view_name"],
        row["definition"] or None,
        definer=row["definer"] or "",
        security=row["security_type"] or "",
        check_option="" if row["check_option"] in (None, "NONE") else row["check_option"],
    )


def _trigger(row: Row) -> Code:
    return Code(
        "TRIGGER",
        row["schema_name"],
        row["trigger_name"],
        row["definition"],
        sql_mode=row["sql_mode"] or "",
        definer=row["definer"] or "",
        table=row["table_name"],
        timing=row["timing"],
        event=row["event"],
        order=row["action_order"] or 1,
    )


def _routine(row: Row) -> Code:
    return Code(
        row["routine_type"],
        row["schema_name"],
        row["routine_name"],
        row["definition"],
        sql_mode=row["sql_mode"] or "",
        definer=row["definer"] or "",
        security=row["security_type"] or "",
        language=row["external_language"] or row["body_language"] or "SQL",
    )


def _event(row: Row) -> Code:
    once = row["event_type"] == "ONE TIME"
    schedule = f"at {row['execute_at']}" if once else f"every {row['interval_value']} {row['interval_field']}"
    return Code(
        "EVENT",
        row["schema_name"],
        row["event_name"],
        row["definition"],
        sql_mode=row["sql_mode"] or "",
        definer=row["definer"] or "",
        schedule=f"{schedule}, {str(row['status']).lower()}",
    )
