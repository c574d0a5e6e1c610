"""Sift: the rows of a part on their way, piece by piece into the target without those that it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from voyager.postgres import bulk
from voyager.target.fill import Fill, Filled, Load
from voyager.target.salvage import Refused, Rows, Salvage


class Sift:
    """Takes pieces of COPY text, each a whole number of rows, within one transaction.

    `begin` is called before each try of the whole part; `give_up` is told of every row at fault, by its number in the
    part (from 0) and its text, and raises when those are too many.
    """

    def __init__(
        self,
        *,
        checkpoint: Callable[[], None],
        begin: Callable[[], None],
        give_up: Callable[[Refused, memoryview], None],
    ) -> None:
        self._checkpoint, self._begin, self._give_up = checkpoint, begin, give_up

    async def take(
        self, connection: bulk.Connection, pieces: AsyncIterator[bytes], *, part: Load, fill: Fill
    ) -> Filled:
        """What became of the rows; raises the driver's error when none of them is at fault."""
        self._begin()
        filled, before = Filled(), 0
        async for text in pieces:
            rows = Rows.of(text)
            filled += await self._piece(rows, before, fill).fill(connection, replace(part, rows=len(rows)))
            before += len(rows)
        return filled

    def _piece(self, rows: Rows, before: int, fill: Fill) -> Salvage:
        def give_up(one: Refused) -> None:
            self._give_up(replace(one, row=before + one.row), rows.between(one.row, one.row + 1))

        return Salvage(fill, rows, checkpoint=self._checkpoint, begin=lambda: None, give_up=give_up)
