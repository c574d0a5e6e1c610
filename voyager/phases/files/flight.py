"""Flight: how many bytes of files are in memory, in readers' buffers, in the queue and with workers, all together."""

from __future__ import annotations

import asyncio

from voyager.files.cutter import PIECE

IN_FLIGHT = 64 << 20
"""Bytes of files in memory, at most, but for rows that are larger than a batch."""
BESIDE = 2 * PIECE
"""What a reader may have in hand beside a batch: what it read ahead, and the row that ends the batch."""


class Stopped(Exception):
    """All is to stop, and a reader need not go on."""


class Flight:
    """Counts bytes from before they are read until they are in the target.

    Who reads a batch asks for a whole `share` before, and gives back what the batch did not take. What does not fit
    into a share may be read by one at a time: whoever goes beyond is alone in that until its large row is in.
    """

    def __init__(self, limit: int) -> None:
        self.share = limit + BESIDE
        self._most = max(IN_FLIGHT, 2 * self.share)
        self._size = self._batches = 0
        self._changed = asyncio.Condition()
        self._open = False
        self._beyond: object | None = None

    async def enter(self, size: int, *, by: object) -> None:
        """Wait until there is room for a batch. Who is beyond need not: the others wait for its row. Nor, with much
        read ahead everywhere, who would be the only one."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._open or not self._batches or self._beyond is by or self._size + size <= self._most,
            )
            self._size += size
            self._batches += 1

    async def change(self, size: int) -> None:
        """Take more bytes, or give some back: as much as was read is known now."""
        async with self._changed:
            self._size += size
            self._changed.notify_all()

    async def leave(self, size: int, *, by: object | None) -> None:
        """The batch that entered is not in memory any more."""
        async with self._changed:
            self._batches -= 1
            self._size -= size
            self._come_back(by)
            self._changed.notify_all()

    async def go_beyond(self, by: object) -> None:
        """Wait until nobody else has more than a share. Raises Stopped when all is to stop."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._open or self._beyond in (None, by))
            if self._open:
                raise Stopped
            self._beyond = by

    async def was_read(self, by: object, *, held: int, batch: object, size: int) -> None:
        """A reader has `held` bytes left beside its batch: whichever of them is the large one is beyond."""
        async with self._changed:
            if self._beyond is by and held <= self.share:
                self._beyond = batch if size > self.share else None
                self._changed.notify_all()

    async def end(self, by: object, *, held: int) -> None:
        """A reader is done, whatever it has in hand."""
        async with self._changed:
            self._size -= held
            self._come_back(by)
            self._changed.notify_all()

    async def open(self) -> None:
        """Hold nobody back any more: all is to stop."""
        async with self._changed:
            self._open = True
            self._changed.notify_all()

    def _come_back(self, by: object) -> None:
        if by is not None and self._beyond is by:
            self._beyond = None
