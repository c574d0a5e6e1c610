"""Salvage: the rows of one block that the target takes, and which ones it refuses, found in one transaction."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace

from voyager.errors import VoyagerError
from voyager.postgres import bulk
from voyager.postgres.failures import sqlstate
from voyager.target.fill import Fill, Filled, Load, RowsLeftOut, in_pieces
from voyager.target.refusal import line_of, reason_of, rejection, row_fault

LEAST_STRIDE = 16
_SAVEPOINT = "ybvoyager_rows"


@dataclass(frozen=True)
class Rows:
    """COPY text cut into its rows; `ends` says where each ends."""

    text: bytes | bytearray
    ends: array[int]

    @classmethod
    def of(cls, text: bytes) -> Rows:
        """Cut COPY text, in which a newline always ends a row."""
        ends, at = array("q"), 0
        while at < len(text):
            at = text.find(b"\n", at) + 1 or len(text)
            ends.append(at)
        return cls(text, ends)

    def __len__(self) -> int:
        return len(self.ends)

    def between(self, first: int, last: int) -> memoryview:
        """The text of the rows [first, last)."""
        return memoryview(self.text)[self.ends[first - 1] if first else 0 : self.ends[last - 1]]


@dataclass(frozen=True)
class Refused:
    """One row at fault: its number in the block (from 0), and why."""

    row: int
    reason: str
    sqlstate: str


class Salvage:
    """A Fill that leaves out the rows at fault. What it leaves out is in `refused` when it is done.

    Ranges of rows are tried under savepoints: the place that the server names is tried alone, and where it names none
    the range is halved. All of it is one transaction, so a process that dies leaves nothing of the block behind.
    `give_up` is told of every row at fault and raises when those are too many; `begin` is called before each new try of
    the whole block.
    """

    def __init__(
        self,
        inner: Fill,
        rows: Rows,
        *,
        checkpoint: Callable[[], None],
        begin: Callable[[], None],
        give_up: Callable[[Refused], None],
    ) -> None:
        self._inner, self._rows = inner, rows
        self._checkpoint, self._begin, self._give_up = checkpoint, begin, give_up
        self.refused: list[Refused] = []

    async def prepare(self, connection: bulk.Connection, batch: Load) -> None:
        await self._inner.prepare(connection, batch)

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        self._begin()
        self.refused = []
        # What a constraint would say at COMMIT must be said while the row can still be told.
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        filled, at, size, stride, suspect = Filled(), 0, len(self._rows), LEAST_STRIDE, -1
        while at < len(self._rows):
            self._checkpoint()
            size = min(size, len(self._rows) - at)
            done = await self._try(connection, batch, at, at + size)
            if isinstance(done, Filled):
                filled, at, stride = filled + done, at + size, max(LEAST_STRIDE, 2 * size)
                size = 1 if at == suspect else stride
            elif size == 1:
                self._set_aside(at, done)
                at, size = at + 1, stride
            else:
                size, suspect = _smaller(at, size, line_of(done))
        return filled + Filled(set_aside=len(self.refused))

    async def _try(self, connection: bulk.Connection, batch: Load, first: int, last: int) -> Filled | BaseException:
        """Load some rows under a savepoint; the error when one of them is at fault."""
        part = replace(batch, rows=last - first, pieces=lambda: in_pieces(self._rows.between(first, last)))
        await connection.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            filled = await self._inner.fill(connection, part)
        except RowsLeftOut as error:
            refusal: BaseException = error
        except bulk.DRIVER_ERRORS as error:
            if not row_fault(error):
                raise
            refusal = error
        else:
            await connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            return filled
        await connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        await connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return refusal

    def _set_aside(self, row: int, error: BaseException) -> None:
        refused = Refused(row, reason_of(error), sqlstate(error))
        self.refused.append(refused)
        self._give_up(refused)


class NoneRefused(VoyagerError):
    """All rows of a range were taken that was thought to hold one at fault; none of them was kept."""


class FirstRefused(Salvage):
    """A Fill that keeps nothing: it raises the refusal of the first row at fault, by its place, or NoneRefused.

    For statements whose errors name no row, as those that bring rows in from another table.
    """

    def __init__(self, inner: Fill, rows: Rows, *, checkpoint: Callable[[], None], place: Callable[[int], str]) -> None:
        super().__init__(inner, rows, checkpoint=checkpoint, begin=lambda: None, give_up=lambda _: None)
        self._place = place
        self._batch: Load | None = None

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        self._batch = batch
        await super().fill(connection, batch)
        raise NoneRefused(f"No row of {batch.described} is refused by itself.", "Run the same command again.")

    def _set_aside(self, row: int, error: BaseException) -> None:
        if self._batch is None or isinstance(error, RowsLeftOut):
            raise error
        raise rejection(error, self._batch, place=self._place(row)) from None


def _smaller(at: int, size: int, line: int | None) -> tuple[int, int]:
    """How many rows to try next after `size` of them were refused, and the row that is suspected."""
    if line is None or not 1 <= line <= size:
        return size // 2, -1
    return max(1, line - 1), at + line - 1
