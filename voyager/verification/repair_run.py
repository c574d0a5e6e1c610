"""Statements of repair files in transactions under the lease: sent many at a time, and refused by their numbers."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from voyager.identifiers import TableName
from voyager.postgres.connection import DriverError, connection_lost, primary_message, retryable, sqlstate, translate
from voyager.verification.repair import COMES_AGAIN
from voyager.verification.repair_batches import Statement, Steps
from voyager.verification.repair_files import AGAIN, CLEAR

TRIES, FIRST_PAUSE = 6, 0.05
"""How often a transaction is begun anew that the server asks to repeat, and the seconds before it is."""

_FEWEST = {"DELETE": 0, CLEAR: 1, "UPDATE": 1, AGAIN: 1, "INSERT": 0}
"""Rows that a statement must touch: what is gone or there already needs nothing, what was to change must be there."""

_COUNTED = {"DELETE": "DELETE", "UPDATE": "UPDATE", AGAIN: "UPDATE", "INSERT": "INSERT"}
_OF_A_ROW = frozenset({"22", "23", "44", "54", "P0"})
"""Classes of errors that say something about one row, and nothing about the next."""

_COLLISIONS = frozenset({"23505", "23P01"})

Answer = TypeVar("Answer")


class Refused(Exception):
    """A row was refused, or a statement did not do what it was written for. `number` is the statement's, if it is
    known, and `collision` says that another row has what must be unique."""

    def __init__(self, reason: str, number: int | None = None, *, collision: bool = False) -> None:
        super().__init__(reason)
        self.number = number
        self.collision = collision


@dataclass
class Runner:
    """One connection. `hold_lease` is the last call of every transaction and may raise."""

    connection: Any
    hold_lease: Callable[[Any], None]
    checkpoint: Callable[[], None]

    def tried(self, table: TableName, transaction: Callable[[], Answer]) -> Answer:
        """Run a transaction, again when the server asks for that. What only its end refuses is refused as a whole."""
        for pause in range(TRIES):
            try:
                return transaction()
            except DriverError as error:
                if connection_lost(error):
                    raise translate(error, f"repair table {table}") from error
                if sqlstate(error)[:2] in _OF_A_ROW:
                    raise Refused(primary_message(error)) from error
                if pause == TRIES - 1 or not retryable(error):
                    raise
                self.checkpoint()
                time.sleep(FIRST_PAUSE * 2**pause)
        raise AssertionError("the last try returns or raises")

    def together(self, batches: Callable[[], Iterable[Sequence[Statement]]]) -> Counter[str]:
        """All batches in one transaction, one after the other. Returns the rows by what was done; raises Refused."""
        rows: Counter[str] = Counter()
        with self.connection.transaction():
            for batch in batches():
                for one, touched in zip(batch, self._send(batch), strict=True):
                    if one.part in _COUNTED:
                        rows[_COUNTED[one.part]] += touched
            self.hold_lease(self.connection)
        return rows

    def each(self, batch: Iterable[Statement]) -> tuple[Counter[str], list[tuple[Statement, str]]]:
        """In one transaction, without those that are refused: these come back, each with the reason."""
        rows: Counter[str] = Counter()
        refused = []
        with self.connection.transaction():
            # What is only looked at in the end could not be told from what is not refused.
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for one in batch:
                try:
                    with self.connection.transaction():
                        rows[one.part] += self._execute(one)
                except Refused as error:
                    refused.append((one, str(error)))
            self.hold_lease(self.connection)
        return rows, refused

    def each_pair(self, batch: Iterable[Steps]) -> dict[int, Refused]:
        """Rows that come again, each by itself in one transaction; returns the refused ones by their numbers."""
        refused = {}
        with self.connection.transaction():
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for steps in batch:
                if (error := self._pair(steps)) is not None:
                    refused[steps[0].number] = error
            self.hold_lease(self.connection)
        return refused

    def _pair(self, steps: Steps) -> Refused | None:
        """One row alone. Where its second step changes it in place, NULL need not stand between."""
        in_place = steps[1].text.startswith(f"{COMES_AGAIN}UPDATE ".encode())
        refused = None
        for tried in (steps, steps[1:]) if in_place else (steps,):
            try:
                with self.connection.transaction():
                    for one in tried:
                        self._execute(one)
            except Refused as error:
                refused = error
            else:
                return None
        return refused

    def _execute(self, one: Statement) -> int:
        try:
            touched = int(self.connection.execute(one.text, prepare=False).rowcount)
        except DriverError as error:
            raise _refusal(error, one) or error from error
        return _judged(one, touched)

    def _send(self, batch: Sequence[Statement]) -> list[int]:
        """The rows that each statement touched: all are on their way before the first answer is waited for. The server
        passes over what stands behind one that it refuses."""
        cursors = [self.connection.cursor() for _ in batch]
        failed: DriverError | None = None
        with self.connection.pipeline() as pipeline:
            try:
                for one, cursor in zip(batch, cursors, strict=True):
                    cursor.execute(one.text, prepare=False)
                pipeline.sync()
            except DriverError as error:
                failed = error
                with contextlib.suppress(DriverError):  # the answers that say that they were passed over
                    pipeline.sync()
        if failed is not None:
            # Answers come in order: the first that has none is the one that was refused.
            at_fault = next((one for one, cursor in zip(batch, cursors, strict=True) if not cursor.pgresult), None)
            raise (_refusal(failed, at_fault) if at_fault else None) or failed from failed
        return [_judged(one, int(cursor.rowcount)) for one, cursor in zip(batch, cursors, strict=True)]


def _refusal(error: DriverError, one: Statement) -> Refused | None:
    """What an error says of one row; None when it says something else."""
    if sqlstate(error)[:2] not in _OF_A_ROW:
        return None
    return Refused(primary_message(error), one.number, collision=sqlstate(error) in _COLLISIONS)


def _judged(one: Statement, touched: int) -> int:
    most = 1 if not one.text.startswith(b"WITH ") else touched
    if not _FEWEST[one.part] <= touched <= most:
        verb = {CLEAR: "to take it away", AGAIN: "to bring it again"}.get(one.part, one.part)
        raise Refused(f"a statement ({verb}) that was made for one row met {touched}", one.number)
    return touched
