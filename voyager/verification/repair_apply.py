"""Run repair files on the target: bounded transactions, each under the lease; what is refused is left and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from voyager.identifiers import TableName
from voyager.postgres.connection import DriverError, primary_message
from voyager.verification.repair_batches import (
    STATEMENTS_PER_TRANSACTION,
    Statement,
    Steps,
    batches,
    pairs,
    read_again,
    statements,
)
from voyager.verification.repair_files import AGAIN, CLEAR, SETTINGS, RepairFile
from voyager.verification.repair_keys import Family, families
from voyager.verification.repair_list import RepairList
from voyager.verification.repair_run import Refused, Runner

MOST_REFUSED = 10_000
"""Rows of one table that are tried one by one and refused, before the table is left as it is."""

ROUNDS = 10
"""How often what was refused is tried again, as long as that helps: one row may have to wait for another."""

TOGETHER = 3
"""How often statements are tried in one transaction, each time without one that was refused."""

EXCHANGES = 3
"""How often rows that come again are tried together, each time without one that was refused."""


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
class Applier(Runner):
    """One connection that runs repair files.

    A row that the target refuses does not stop the others of its table: each brings the table nearer to the source.
    It stops what refers to the table where the server does not look at foreign keys itself. `done` is what came of it
    so far, also of a repair that was cut off.
    """

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
        """All in one transaction; without a few that are refused; or else each on its own."""
        for _ in range(TOGETHER):
            try:
                work.done.rows += self.tried(work.done.table, partial(self.together, partial(iter, [batch])))
            except Refused as error:
                at_fault = next((one for one in batch if one.number == error.number), None)
                if at_fault is None:
                    break
                work.refuse(at_fault, str(error))
                batch = [one for one in batch if one is not at_fault]
            except DriverError as error:
                work.done.failed = primary_message(error)
                return
            else:
                return
            if work.done.failed or not batch:
                return
        self._one_by_one(work, batch)

    def _one_by_one(self, work: _Work, batch: list[Statement]) -> None:
        try:
            rows, refused = self.tried(work.done.table, partial(self.each, batch))
        except (Refused, DriverError) as error:
            work.done.failed = str(error) if isinstance(error, Refused) else primary_message(error)
            return
        work.done.rows += rows
        for one, reason in refused:
            work.refuse(one, reason)

    def _exchange(self, work: _Work, only: set[int]) -> None:
        """Both steps of all rows that come again: where they are many first in parts, which most often need nothing
        that is outside of them, and what is left together; what is refused then, row by row."""
        work.left_out = set(only)
        if len(only) > STATEMENTS_PER_TRANSACTION:
            self._in_parts(work)
        self._at_once(work)
        for batch in pairs(work.path, frozenset(work.left_out)) if work.left_out else ():
            if work.done.failed:
                return
            self.checkpoint()
            self._pairs(work, batch)

    def _in_parts(self, work: _Work) -> None:
        """What a part needs that a row outside of it has, or a row that is refused, leaves the part to what follows."""
        for batch in pairs(work.path, frozenset(work.left_out - work.alone_at_fault)):
            self.checkpoint()
            steps = [[clear for clear, _ in batch], [again for _, again in batch]]
            try:
                work.done.rows += self.tried(work.done.table, partial(self.together, partial(iter, steps)))
            except Refused:
                continue
            except DriverError as error:
                work.done.failed = primary_message(error)
                return
            work.left_out -= {clear.number for clear, _ in batch}

    def _at_once(self, work: _Work) -> None:
        """All that is left, without those that are refused; none if these are many."""
        only = set(work.left_out)
        without = work.alone_at_fault & only
        for _ in range(EXCHANGES if only - without and not work.done.failed else 0):
            self.checkpoint()
            both = partial(self._both_steps, work, only - without)
            try:
                work.done.rows += self.tried(work.done.table, partial(self.together, both))
            except Refused as error:
                work.reason = work.reason or str(error)
                if error.number is None:
                    return
                without.add(error.number)
            except DriverError as error:
                work.done.failed = primary_message(error)
                return
            else:
                work.left_out = without
                return

    def _both_steps(self, work: _Work, numbers: set[int]) -> Iterator[list[Statement]]:
        for part in (CLEAR, AGAIN):
            for batch in batches(one for one in statements(work.path, part) if one.number in numbers):
                self.checkpoint()
                yield batch

    def _pairs(self, work: _Work, batch: list[Steps]) -> None:
        try:
            refused = self.tried(work.done.table, partial(self.each_pair, batch))
        except (Refused, DriverError) as error:
            work.done.failed = str(error) if isinstance(error, Refused) else primary_message(error)
            return
        numbers = {clear.number for clear, _ in batch}
        work.left_out -= numbers - refused.keys()
        work.done.rows["UPDATE"] += len(numbers - refused.keys())
        work.alone_at_fault -= numbers
        work.alone_at_fault |= {number for number, error in refused.items() if not error.collision}
        # A collision may only follow from what another row is refused for.
        first = sorted(refused.values(), key=lambda error: error.collision)[:1]
        work.reason = str(first[0]) if first and not (work.reason and first[0].collision) else work.reason

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
