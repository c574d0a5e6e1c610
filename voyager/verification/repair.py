"""Repair SQL: statements that make a target's rows what the source's are, each on one line, none of them run here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from voyager.identifiers import Identifier, TableName, visible
from voyager.verification.findings import CONVERTED, EXTRA, MISSING, ROUNDED, RowDifference

ROWS_AT_ONCE = 200
"""Differences whose rows are read with one query."""

NOT_REPAIRED = "-- Not repaired: "

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "''", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_NEEDS_ESCAPES = frozenset("\\\n\r\t")

Row = Mapping[str, str | None]
"""Column -> the value's text, None for NULL."""

Reader = Callable[[Sequence[RowDifference]], Mapping[RowDifference, Row]]
"""Reads the rows behind differences; one that is no longer there is left out."""


@dataclass(frozen=True)
class RepairColumn:
    """A column of the target; `type_name` has its modifiers and the schema of a type that is not the server's own, as
    has `equals`, the operator."""

    name: str
    type_name: str
    generated: bool = False
    identity_always: bool = False
    equals: str = "="

    @property
    def sql(self) -> str:
        return Identifier(self.name).sql


@dataclass(frozen=True)
class RepairTable:
    """A table of the target as its repair needs it.

    `columns` are those that both sides have, in the order in which a row's text lists them; `key` names those that
    name a row. `by_place` says that a row may be told from its equals by where it is stored, `partitioned` that its
    rows are in partitions.
    """

    table: TableName
    columns: tuple[RepairColumn, ...]
    key: tuple[str, ...]
    by_place: bool = False
    partitioned: bool = False

    def column(self, name: str) -> RepairColumn | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def relation(self) -> str:
        """The table with the rows that are its own."""
        return self.table.sql if self.partitioned else f"ONLY {self.table.sql}"

    @property
    def row_text(self) -> str:
        """SQL for the text by which a row without a key is known; the alias is t."""
        return f"ROW({', '.join(f't.{column.sql}' for column in self.columns)})::text"


def literal(value: str | None) -> str:
    r"""An SQL literal on one line, the same under both settings of standard_conforming_strings."""
    if value is None:
        return "NULL"
    if _NEEDS_ESCAPES.isdisjoint(value):
        return "'" + value.replace("'", "''") + "'"
    return "E'" + value.translate(_ESCAPES) + "'"


def repair_statements(
    table: RepairTable, rows: Iterable[RowDifference], source: Reader, target: Reader | None = None
) -> Iterator[str]:
    """Yield one line for each difference: a statement, or a comment on what no statement can repair.

    `source` reads what is missing or different; `target` reads rows without a key that are to go.
    """
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_AT_ONCE)):
        ours = [row for row in batch if row.kind != EXTRA]
        theirs = [row for row in batch if row.kind == EXTRA and not table.key]
        here = source(ours) if ours else {}
        there = target(theirs) if theirs and target is not None else {}
        for row in batch:
            yield from _repair(table, row, here.get(row), there.get(row))


def _repair(table: RepairTable, row: RowDifference, here: Row | None, there: Row | None) -> Iterator[str]:
    if row.kind in (ROUNDED, CONVERTED):
        return
    if not table.key:
        yield from _repair_copies(table, row, here if row.kind == MISSING else there)
    elif row.copies is not None:
        yield _not(row, f"the target has its key {row.copies[1]} times or more; remove what is too much by hand")
    elif row.kind == EXTRA:
        yield f"DELETE FROM {table.relation} AS t WHERE {_where(table, row)};"
    elif here is None:
        yield _not(row, "the source no longer has it; verify again")
    elif row.kind == MISSING:
        yield insert_sql(table, here, unless=_where(table, row))
    else:
        yield from _change(table, row, here)


def insert_sql(table: RepairTable, row: Row, *, unless: str = "") -> str:
    """INSERT of a whole row, but for what the target works out itself; with `unless`, only where no such row is."""
    columns = [column for column in table.columns if not column.generated and column.name in row]
    overriding = " OVERRIDING SYSTEM VALUE" if any(column.identity_always for column in columns) else ""
    guard = f" WHERE NOT EXISTS (SELECT 1 FROM {table.relation} AS t WHERE {unless})" if unless else ""
    if not columns:
        return f"INSERT INTO {table.table.sql} DEFAULT VALUES;"
    names = ", ".join(column.sql for column in columns)
    values = ", ".join(literal(row[column.name]) for column in columns)
    return f"INSERT INTO {table.table.sql} ({names}){overriding} SELECT {values}{guard};"


def _change(table: RepairTable, row: RowDifference, here: Row) -> Iterator[str]:
    unequal = [column for name in row.columns if (column := table.column(name)) is not None and name in here]
    settable = [column for column in unequal if not column.generated]
    if any(column.identity_always for column in settable):
        # No UPDATE may set such a column: the row goes and comes again.
        yield f"DELETE FROM {table.relation} AS t WHERE {_where(table, row)};"
        yield insert_sql(table, here, unless=_where(table, row))
    elif settable:
        values = ", ".join(f"{column.sql} = {literal(here[column.name])}" for column in settable)
        yield f"UPDATE {table.relation} AS t SET {values} WHERE {_where(table, row)};"
    else:
        names = ", ".join(str(Identifier(name)) for name in row.columns)
        yield _not(row, f"the target works out {names or 'what differs'} itself")


def _repair_copies(table: RepairTable, row: RowDifference, values: Row | None) -> Iterator[str]:
    here, there = row.copies or (0, 0)
    if values is None:
        yield _not(row, "neither side has it any more under this name; verify again")
    elif here > there:
        for _ in range(here - there):
            yield insert_sql(table, values)
    elif not table.by_place:
        yield _not(row, f"the target has it {there - here} times too often and cannot tell equal rows apart")
    else:
        # The form that the manual gives for a DELETE with a LIMIT: found, locked and deleted by one statement.
        text = literal(values[""])
        found = f"SELECT t.ctid FROM {table.relation} AS t WHERE {table.row_text} = {text}"
        yield (
            f"WITH surplus AS ({found} LIMIT {there - here} FOR UPDATE) DELETE FROM {table.relation} AS t "
            "USING surplus WHERE t.ctid = surplus.ctid;"
        )


def _where(table: RepairTable, row: RowDifference) -> str:
    terms = []
    for name, text in row.key:
        column = table.column(name)
        equals, cast = (column.equals, f"::{column.type_name}") if column else ("=", "")
        terms.append(f"t.{Identifier(name).sql} {equals} {literal(text)}{cast}")
    return " AND ".join(terms)


def _not(row: RowDifference, why: str) -> str:
    key = ", ".join(f"{Identifier(name)} = {visible(text)}" for name, text in row.key)
    return f"{NOT_REPAIRED}the row ({key}): {why}."
