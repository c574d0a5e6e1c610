"""Run repair files on the target: bounded transactions, each under the lease; what is refused is left and named."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from voyager.identifiers import TableName
from voyager.postgres.connection import DriverError, connection_lost, primary_message, retryable, sqlstate, translate
from voyager.verification.repair import COMES_AGAIN
from voyager.verification.repair_batches import STATEMENTS_PER_TRANSACTION, Statement, batches, read_again, statements
from voyager.verification.repair_files import AGAIN, CLEAR, SETTINGS, RepairFile
from voyager.verification.repair_keys import Family, families
from voyager.verification.repair_list import RepairList

MOST_REFUSED = 10_000
"""Rows of one table that are tried one by one and refused, before the table is left as it is."""

ROUNDS = 10
"""How often what was refused is tried again, as long as that helps: one row may have to wait for another."""

EXCHANGES = 3
"""How often rows that come again are tried together, each time without one that was refused."""

TRIES, FIRST_PAUSE = 6, 0.05
"""How often a transaction is begun anew that the server asks to repeat, and the seconds before it is."""

_FEWEST = {"DELETE": 0, CLEAR: 1, "UPDATE": 1, AGAIN: 1, "INSERT": 0}
"""Rows that a statement must touch: what is gone or there already needs nothing, what was to change must be there."""

_COUNTED = {AGAIN: "UPDATE"}
_OF_A_ROW = frozenset({"22", "23", "44", "54", "P0"})
"""Classes of errors that say something about one row, and nothing about the next."""

_COLLISIONS = frozenset({"23505", "23P01"})

Answer = TypeVar("Answer")


@dataclass
class TableRepair:
    """What applying one file came to: rows by what was done, how many were refused, why it was stopped, if it was.

    `skipped` says what was not tried for the sake of a foreign key.
    """

    table: TableName
    rows: Counter[str] = field(default_factory=Counter)
    not_repaired: int = 0
    failed: str = ""
    refused: int = 0
    skipped: str = ""

    @property
    def stopped(self) -> bool:
        return bool(self.failed or self.skipped)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.table.schema,
            "table": self.table.name,
            "deleted": self.rows["DELETE"],
            "updated": self.rows["UPDATE"],
            "inserted": self.rows["INSERT"],
            "not_repaired": self.not_repaired,
            "failed": self.failed,
            "refused": self.refused,
            "skipped": self.skipped,
        }


class _Refused(Exception):
    """A row was refused, or a statement did not do what it was written for. `number` is the statement's, if it is
    known, and `collision` says that another row has what must be unique."""

    def __init__(self, reason: str, number: int | None = None, *, collision: bool = False) -> None:
        super().__init__(reason)
        self.number = number
        self.collision = collision


@dataclass
class _Work:
    """One file while it is run: what was refused so far and waits for another try (by where it is in the file), the
    numbers of refused rows that were to come again, and of those among them that no other row stands in the way of."""

    file: RepairFile
    path: Path
    done: TableRepair
    waiting: list[Statement] = field(default_factory=list)
    left_out: set[int] = field(default_factory=set)
    alone_at_fault: set[int] = field(default_factory=set)
    reason: str = ""

    @property
    def refused(self) -> int:
        return len(self.waiting) + len(self.left_out)

    @property
    def lacks_rows(self) -> bool:
        """Whether rows that others may refer to are not as they should be."""
        return bool(self.done.failed or self.left_out or any(one.part != "DELETE" for one in self.waiting))

    def refuse(self, one: Statement, reason: str) -> None:
        self.reason = self.reason or reason
        self.waiting.append(replace(one, text=b""))
        if len(self.waiting) >= MOST_REFUSED:
            self.done.failed = self.reason


@dataclass
class Applier:
    """One connection that runs repair files. `hold_lease` is the last call of every transaction and may raise.

    A row that the target refuses does not stop the others of its table: each brings the table nearer to the source.
    It stops what refers to the table where the server does not look at foreign keys itself. `done` is what came of it
    so far, also of a repair that was cut off.
    """

    connection: Any
    hold_lease: Callable[[Any], None]
    checkpoint: Callable[[], None]
    done: tuple[TableRepair, ...] = ()

    def apply(self, repair: RepairList) -> list[TableRepair]:
        """Delete, children first; then, parents first, change and insert. Returns what came of it in that order."""
        works = [
            _Work(one, repair.directory / one.name, TableRepair(one.table, not_repaired=one.not_repaired))
            for one in repair.files
        ]
        self.done = tuple(work.done for work in works)
        self._settle(replication_role=repair.replication_role)
        family = families(self.connection)
        if repair.replication_role:
            self._with_keys_aside(works, family)
        else:
            self._with_keys_in_force(works, family)
        for work in works:
            work.done.refused = work.refused
            work.done.failed = work.done.failed or (work.reason if work.refused else "")
        return list(self.done)

    def _with_keys_aside(self, works: Sequence[_Work], family: Family) -> None:
        """Nothing but this looks after foreign keys: what refers to a table that lacks rows is left out."""
        for work in reversed(works):
            children = [other for other in works if family.refers(other.done.table, work.done.table)]
            kept = next((other for other in children if other.refused or other.done.stopped), None)
            if kept is not None and work.file.statements["DELETE"]:
                work.done.skipped = (
                    f"no row was deleted: it would be missed by rows of {kept.done.table}, which could not be deleted"
                )
            else:
                self._part(work, "DELETE")
        for work in works:
            parents = [other for other in works if family.refers(work.done.table, other.done.table)]
            lacking = next((other for other in parents if other.lacks_rows or other.done.skipped), None)
            if lacking is not None and work.file.statements["UPDATE"] + work.file.statements["INSERT"]:
                parent = lacking.done.table
                work.done.skipped = (
                    f"no row was changed or inserted: it refers to {parent}, which is not repaired to its end"
                )
            else:
                self._bring(work)
                self._try_again([work])

    def _with_keys_in_force(self, works: Sequence[_Work], family: Family) -> None:
        """The server refuses what a foreign key forbids. Rows that take others along are deleted when those others
        are as they should be."""
        late = [work for work in works if family.takes_others_along(work.done.table)]
        for work in reversed(works):
            if work not in late:
                self._part(work, "DELETE")
        for work in works:
            self._bring(work)
        self._try_again(works)
        for work in reversed(late):
            children = [other for other in works if family.goes_with(other.done.table, work.done.table)]
            lacking = next((other for other in children if other.lacks_rows), None)
            if lacking is not None and work.file.statements["DELETE"]:
                work.done.skipped = (
                    f"no row was deleted: it would take rows of {lacking.done.table} along, which is not repaired to "
                    "its end"
                )
            else:
                self._part(work, "DELETE")
        self._try_again(works)

    def _settle(self, *, replication_role: bool) -> None:
        settings: Mapping[str, str] = {
            **SETTINGS,
            **({"session_replication_role": "replica"} if replication_role else {}),
        }
        for name, value in settings.items():
            self.connection.execute(f"SET {name} = {value}")

    def _bring(self, work: _Work) -> None:
        if work.file.again:
            self._exchange(work, set(range(work.file.again)))
        self._part(work, "UPDATE")
        self._part(work, "INSERT")

    def _part(self, work: _Work, part: str) -> None:
        for batch in batches(statements(work.path, part)) if work.file.statements[part] else ():
            self.checkpoint()
            if work.done.failed:
                return
            self._batch(work, batch)

    def _batch(self, work: _Work, batch: list[Statement]) -> None:
        """All in one transaction; if that is refused, each on its own."""
        try:
            work.done.rows += self._tried(work, partial(self._together, batch))
        except _Refused:
            self._one_by_one(work, batch)
        except DriverError as error:
            work.done.failed = primary_message(error)

    def _one_by_one(self, work: _Work, batch: list[Statement]) -> None:
        try:
            rows, refused = self._tried(work, partial(self._each, batch))
        except (_Refused, DriverError) as error:
            work.done.failed = str(error) if isinstance(error, _Refused) else primary_message(error)
            return
        work.done.rows += rows
        for one, reason in refused:
            work.refuse(one, reason)

    def _together(self, batch: list[Statement]) -> Counter[str]:
        rows: Counter[str] = Counter()
        with self.connection.transaction():
            for one in batch:
                rows[_COUNTED.get(one.part, one.part)] += self._execute(one)
            self.hold_lease(self.connection)
        return rows

    def _each(self, batch: list[Statement]) -> tuple[Counter[str], list[tuple[Statement, str]]]:
        rows: Counter[str] = Counter()
        refused = []
        with self.connection.transaction():
            # What is only looked at in the end could not be told from what is not refused.
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for one in batch:
                try:
                    with self.connection.transaction():
                        rows[one.part] += self._execute(one)
                except _Refused as error:
                    refused.append((one, str(error)))
            self.hold_lease(self.connection)
        return rows, refused

    def _exchange(self, work: _Work, only: set[int]) -> None:
        """Both steps of all rows that come again: together, without those that are refused; these, or all if there are
        many, row by row."""
        work.left_out = set(only)
        without = work.alone_at_fault & only
        for _ in range(EXCHANGES if only - without else 0):
            self.checkpoint()
            try:
                work.done.rows += self._tried(work, partial(self._both_steps, work, only - without))
            except _Refused as error:
                work.reason = work.reason or str(error)
                if error.number is None:
                    break
                without.add(error.number)
            except DriverError as error:
                work.done.failed = primary_message(error)
                return
            else:
                work.left_out = without
                break
        for first in range(0, work.file.again, STATEMENTS_PER_TRANSACTION):
            numbers = work.left_out.intersection(range(first, first + STATEMENTS_PER_TRANSACTION))
            if numbers and not work.done.failed:
                self.checkpoint()
                self._pairs(work, numbers)

    def _pairs(self, work: _Work, numbers: set[int]) -> None:
        try:
            refused = self._tried(work, partial(self._each_pair, work, numbers))
        except (_Refused, DriverError) as error:
            work.done.failed = str(error) if isinstance(error, _Refused) else primary_message(error)
            return
        work.left_out -= numbers - refused.keys()
        work.done.rows["UPDATE"] += len(numbers - refused.keys())
        work.alone_at_fault -= numbers
        work.alone_at_fault |= {number for number, error in refused.items() if not error.collision}
        # A collision may only follow from what another row is refused for.
        first = sorted(refused.values(), key=lambda error: error.collision)[:1]
        work.reason = str(first[0]) if first and not (work.reason and first[0].collision) else work.reason

    def _each_pair(self, work: _Work, numbers: set[int]) -> dict[int, _Refused]:
        refused = {}
        both = zip(statements(work.path, CLEAR), statements(work.path, AGAIN), strict=True)
        with self.connection.transaction():
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for steps in both:
                if steps[0].number in numbers and (error := self._one_pair(steps)) is not None:
                    refused[steps[0].number] = error
            self.hold_lease(self.connection)
        return refused

    def _one_pair(self, steps: tuple[Statement, Statement]) -> _Refused | None:
        """One row alone. Where its second step changes it in place, NULL need not stand between."""
        in_place = steps[1].text.startswith(f"{COMES_AGAIN}UPDATE ".encode())
        refused = None
        for tried in (steps, steps[1:]) if in_place else (steps,):
            try:
                with self.connection.transaction():
                    for one in tried:
                        self._execute(one)
            except _Refused as error:
                refused = error
            else:
                return None
        return refused

    def _both_steps(self, work: _Work, numbers: set[int]) -> Counter[str]:
        rows: Counter[str] = Counter()
        with self.connection.transaction():
            for part in (CLEAR, AGAIN):
                for batch in batches(one for one in statements(work.path, part) if one.number in numbers):
                    self.checkpoint()
                    for one in batch:
                        touched = self._execute(one)
                        rows["UPDATE"] += touched if part == AGAIN else 0
            self.hold_lease(self.connection)
        return rows

    def _try_again(self, works: Sequence[_Work]) -> None:
        """A row may have been refused because of another that has come or gone since: forwards, then backwards."""
        for turn in range(ROUNDS):
            before = sum(work.refused for work in works if not work.done.failed)
            if not before:
                return
            for work in works:
                if work.refused and not work.done.failed:
                    self._try_refused(work, backwards=bool(turn % 2))
            if sum(work.refused for work in works if not work.done.failed) == before:
                return

    def _try_refused(self, work: _Work, *, backwards: bool) -> None:
        waiting, work.waiting, work.reason = work.waiting, [], ""
        if work.left_out:
            self._exchange(work, work.left_out)
        for batch in batches(read_again(work.path, waiting[::-1] if backwards else waiting)):
            self.checkpoint()
            self._one_by_one(work, batch)
        work.waiting.sort(key=lambda one: one.offset)

    def _execute(self, one: Statement) -> int:
        try:
            touched = int(self.connection.execute(one.text, prepare=False).rowcount)
        except DriverError as error:
            if sqlstate(error)[:2] in _OF_A_ROW:
                collision = sqlstate(error) in _COLLISIONS
                raise _Refused(primary_message(error), one.number, collision=collision) from error
            raise
        most = 1 if not one.text.startswith(b"WITH ") else touched
        if not _FEWEST[one.part] <= touched <= most:
            verb = {CLEAR: "to take it away", AGAIN: "to bring it again"}.get(one.part, one.part)
            raise _Refused(f"a statement ({verb}) that was made for one row met {touched}", one.number)
        return touched

    def _tried(self, work: _Work, transaction: Callable[[], Answer]) -> Answer:
        """Run a transaction, again when the server asks for that. What only its end refuses is refused as a whole."""
        for pause in range(TRIES):
            try:
                return transaction()
            except DriverError as error:
                if connection_lost(error):
                    raise translate(error, f"repair table {work.done.table}") from error
                if sqlstate(error)[:2] in _OF_A_ROW:
                    raise _Refused(primary_message(error)) from error
                if pause == TRIES - 1 or not retryable(error):
                    raise
                self.checkpoint()
                time.sleep(FIRST_PAUSE * 2**pause)
        raise AssertionError("the last try returns or raises")
