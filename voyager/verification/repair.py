"""Repair SQL: statements that make a target's rows what the source's are, each on one line, none of them run here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from voyager.identifiers import Identifier, TableName, visible
from voyager.verification.findings import CONVERTED, DIFFERENT, EXTRA, MISSING, ROUNDED, RowDifference

ROWS_AT_ONCE = 200
"""Differences whose rows are read with one query."""

NOT_REPAIRED = "-- Not repaired: "

TAKEN_AWAY, COMES_AGAIN = "/* taken away */ ", "/* comes again */ "
"""Begin the two statements of a row that is changed in two steps: one takes away what must be unique, one brings it as
it is to be. What one such row gives up another may be waiting for, so all of a table's are for one transaction."""

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
class Unique:
    """An index that lets no two rows have the same in `columns`; None when it is made from more than columns.

    Those of its columns that `may_be_null` can be NULL for a while, and then collide with nothing.
    """

    columns: frozenset[str] | None
    may_be_null: frozenset[str] = frozenset()

    def may_collide(self, changed: frozenset[str]) -> bool:
        return self.columns is None or not self.columns.isdisjoint(changed)


@dataclass(frozen=True)
class RepairTable:
    """A table of the target as its repair needs it.

    `columns` are those that both sides have, in the order in which a row's text lists them; `key` names those that
    name a row; `own` are those that only the target has. `by_place` says that a row may be told from its equals by
    where it is stored, `partitioned` that its rows are in partitions, `stays` that no row may be deleted to come
    again: rows that refer to it would be deleted with it, or forbid it.
    """

    table: TableName
    columns: tuple[RepairColumn, ...]
    key: tuple[str, ...]
    by_place: bool = False
    partitioned: bool = False
    own: tuple[RepairColumn, ...] = ()
    uniques: tuple[Unique, ...] = ()
    stays: bool = False

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

    `source` reads what is missing or different; `target` reads rows without a key that are to go, and what only the
    target has of rows that come again.
    """
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_AT_ONCE)):
        ours = [row for row in batch if row.kind != EXTRA]
        theirs = [row for row in batch if _read_at_target(table, row)]
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
        yield from _change(table, row, here, there)


def _read_at_target(table: RepairTable, row: RowDifference) -> bool:
    if not table.key:
        return row.kind == EXTRA
    return row.kind == DIFFERENT and bool(table.own)


def insert_sql(table: RepairTable, row: Row, *, unless: str = "") -> str:
    """INSERT of a whole row, but for what the target works out itself; with `unless`, only where no such row is."""
    known = (*table.columns, *table.own)
    columns = [column for column in known if not column.generated and column.name in row]
    overriding = " OVERRIDING SYSTEM VALUE" if any(column.identity_always for column in columns) else ""
    guard = f" WHERE NOT EXISTS (SELECT 1 FROM {table.relation} AS t WHERE {unless})" if unless else ""
    if not columns:
        return f"INSERT INTO {table.table.sql} DEFAULT VALUES;"
    names = ", ".join(column.sql for column in columns)
    values = ", ".join(literal(row[column.name]) for column in columns)
    return f"INSERT INTO {table.table.sql} ({names}){overriding} SELECT {values}{guard};"


def _change(table: RepairTable, row: RowDifference, here: Row, there: Row | None) -> Iterator[str]:
    unequal = [column for name in row.columns if (column := table.column(name)) is not None and name in here]
    settable = [column for column in unequal if not column.generated]
    changed = frozenset(row.columns) - set(table.key)  # a key that prints otherwise is the same for an index
    collides = [unique for unique in table.uniques if changed and unique.may_collide(changed)]
    # No UPDATE may set an identity that is always generated: such a row goes and comes again.
    fixed = [column for column in settable if column.identity_always]
    names = ", ".join(str(Identifier(column.name)) for column in fixed or unequal) or "what differs"
    if not settable:
        yield _not(row, f"the target works out {names} itself")
    elif table.stays and fixed:
        yield _not(row, f"only an INSERT sets {names}, and rows of other tables may refer to the row")
    elif table.stays:
        yield from _change_in_place(table, row, here, settable, collides)
    elif not (fixed or collides):
        yield _update(table, row, settable, here)
    elif table.own and there is None:
        yield _not(row, "the target no longer has it; verify again")
    else:
        yield f"{TAKEN_AWAY}DELETE FROM {table.relation} AS t WHERE {_where(table, row)};"
        yield COMES_AGAIN + insert_sql(table, {**here, **(there or {})})


def _change_in_place(
    table: RepairTable, row: RowDifference, here: Row, settable: Sequence[RepairColumn], collides: Sequence[Unique]
) -> Iterator[str]:
    """Where a row must not be deleted: NULL stands between, if it may; else an UPDATE, which another may have to
    precede."""
    free = {min(found) for unique in collides if (found := unique.may_be_null & {one.name for one in settable})}
    if free:
        empty = {column.name: None for column in settable if column.name in free}
        parked = [column for column in settable if column.name in free]
        yield TAKEN_AWAY + _update(table, row, parked, empty)
        yield COMES_AGAIN + _update(table, row, settable, here)
    else:
        yield _update(table, row, settable, here)


def _update(table: RepairTable, row: RowDifference, columns: Sequence[RepairColumn], values: Row) -> str:
    sets = ", ".join(f"{column.sql} = {literal(values[column.name])}" for column in columns)
    return f"UPDATE {table.relation} AS t SET {sets} WHERE {_where(table, row)};"


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
