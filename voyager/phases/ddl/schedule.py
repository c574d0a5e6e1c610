"""Which statements of DDL go together: in one transaction where they are small, at the same time where locks allow."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from voyager.identifiers import TableName
from voyager.schema.kinds import KINDS

if TYPE_CHECKING:
    from voyager.postgres.connection import Connection
    from voyager.schema.statements import Statement

Chore = Callable[["Connection"], None]
"""Work on a table that nothing waits for."""
BATCH = 100
"""At most this many statements in one transaction: their locks fit the server's table, a repetition costs little."""
SMALL_BYTES = 1 << 20
"""What is built from tables smaller than this takes less than its own transaction."""
BATCH_BYTES = 16 << 20

BUILDS = frozenset({"primary_key", "unique", "index", "exclusion"})
FOREIGN_KEYS = frozenset({"foreign_key"})
# A table that is made from another one must come after it.
_FROM_ANOTHER = re.compile(r"\b(inherits|like|of)\b", re.IGNORECASE)
# What may be anything, or does not bear company in a transaction.
_BY_THEMSELVES = frozenset(
    {"other", "database", "extension", "extension_dependency", "event_trigger", "refresh", "validate_constraint"}
)
_COMPANIONS = frozenset(kind.name for kind in KINDS) - _BY_THEMSELVES
# An index of these takes several times as long as a B-tree over the same rows.
_SLOW_METHODS = ("using gin", "using gist", "using spgist")
_SLOWER = 4


@dataclass(frozen=True)
class Unit:
    """Statements that one worker takes, or a chore. It locks `alone` against everybody, `beside` against all but other
    builds."""

    statements: tuple[Statement, ...]
    weight: int
    alone: frozenset[TableName]
    beside: frozenset[TableName] = frozenset()
    chore: Chore | None = None

    def collides(self, other: Unit) -> bool:
        return bool(self.alone & (other.alone | other.beside) or self.beside & other.alone)


def companionable(statement: Statement) -> bool:
    """Whether a statement of this kind may share a transaction with others."""
    return statement.kind in _COMPANIONS


def stages(statements: Iterable[Statement]) -> Iterator[tuple[bool, list[Statement]]]:
    """Cut a list in order into (may be executed in any order and at the same time, statements)."""

    def group(statement: Statement) -> int:
        if statement.kind == "table":
            return 0 if _FROM_ANOTHER.search(statement.text) else 3
        return 1 if statement.kind in BUILDS else 2 if statement.kind in FOREIGN_KEYS else 0

    for kind, members in groupby(statements, key=group):
        yield kind > 0, list(members)


def runs(statements: Sequence[Statement], joins: Callable[[Statement], bool]) -> Iterator[list[Statement]]:
    """Cut a list in order into transactions: those that join others, and each of the rest by itself."""
    for together, members in groupby(statements, key=joins):
        listed = list(members)
        size = BATCH if together else 1
        yield from (listed[at : at + size] for at in range(0, len(listed), size))


def units(
    statements: Iterable[Statement], sizes: Mapping[TableName, int], joins: Callable[[Statement], bool]
) -> list[Unit]:
    """Units that may run at the same time unless they collide: what belongs to small tables in bulk, else one by one.

    All that is to be done to a small table is in one unit, in the order given.
    """
    small: dict[tuple[TableName, ...], list[Statement]] = {}
    found: list[Unit] = []
    for statement in statements:
        concerned = _concerned(statement)
        size = sizes.get(concerned[0], 0) if concerned else 0
        if joins(statement) and size < SMALL_BYTES and concerned:
            small.setdefault(concerned, []).append(statement)
        else:
            found.append(_unit_of_one(statement, concerned, size))
    return found + _bulk(small, sizes)


def chores_beside(statements: Sequence[Statement], chores: Mapping[TableName, Chore]) -> list[Unit]:
    """The chores as units, if these statements are foreign keys: those make each other wait, builds do not. They weigh
    nothing, so they come when nothing else can."""
    if not statements or statements[0].kind not in FOREIGN_KEYS:
        return []
    return [Unit((), 0, frozenset((table,)), chore=chore) for table, chore in chores.items()]


def _bulk(small: Mapping[tuple[TableName, ...], list[Statement]], sizes: Mapping[TableName, int]) -> list[Unit]:
    found: list[Unit] = []
    batch: list[Statement] = []
    tables: set[TableName] = set()

    def close() -> None:
        if batch:
            weight = sum(sizes.get(table, 0) for table in tables)
            found.append(Unit(tuple(batch), weight, frozenset(tables)))
        batch.clear()
        tables.clear()

    for concerned, members in small.items():
        bytes_so_far = sum(sizes.get(table, 0) for table in tables)
        if len(batch) + len(members) > BATCH or bytes_so_far > BATCH_BYTES:
            close()
        batch += members
        tables.update(concerned)
    close()
    return found


def _unit_of_one(statement: Statement, concerned: tuple[TableName, ...], size: int) -> Unit:
    text = statement.text.lower()
    weight = size * _SLOWER if any(method in text for method in _SLOW_METHODS) else size
    tables = frozenset(concerned)
    if statement.kind == "index":
        return Unit((statement,), weight, frozenset(), tables)
    return Unit((statement,), weight, tables)


def _concerned(statement: Statement) -> tuple[TableName, ...]:
    """The tables that a statement locks."""
    from voyager.schema.mentions import referenced_table

    if statement.kind == "table":
        return (TableName(statement.schema, statement.name),)
    if statement.table is None:
        return ()
    other = referenced_table(statement) if statement.kind in FOREIGN_KEYS else None
    return (statement.table,) if other in (None, statement.table) else (statement.table, other)  # type: ignore[return-value]


class Schedule:
    """Hands units to workers, the longest first, never two at a time that lock the same table."""

    def __init__(self, given: Iterable[Unit]) -> None:
        self._waiting = sorted(given, key=lambda unit: -unit.weight)
        self._running: list[Unit] = []
        self._left = sum(unit.weight for unit in self._waiting)
        self._over = False
        self._changed = threading.Condition()

    @contextmanager
    def next(self) -> Iterator[Unit | None]:
        """The next unit for this worker, None when there is none left; an error in its block ends it for all."""
        unit = self._take()
        try:
            yield unit
        except BaseException:
            self._over = True
            raise
        finally:
            with self._changed:
                if unit is not None:
                    self._running.remove(unit)
                    self._left -= unit.weight
                self._changed.notify_all()

    def outlasts(self, unit: Unit, jobs: int) -> bool:
        """Whether a unit that is running is more than its share of what is left, if `jobs` workers share it evenly."""
        with self._changed:
            return unit.weight * jobs > self._left

    def _take(self) -> Unit | None:
        with self._changed:
            while self._waiting and not self._over:
                for unit in self._waiting:
                    if not any(unit.collides(other) for other in self._running):
                        self._waiting.remove(unit)
                        self._running.append(unit)
                        return unit
                self._changed.wait()
            return None
