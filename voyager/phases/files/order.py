"""The order of batches: any, or, where rows with the same key replace each other, that of the rows in their files."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import groupby

from voyager.errors import NotAllowed
from voyager.identifiers import TableName, visible
from voyager.phases.files.plan import FilePart
from voyager.phases.files.reader import FileBatch, PartReader

AHEAD = 2
"""Batches of a table in order that were read and are not in: one with a worker, and the next. What such a table has to
wait for must not fill the memory that the others need."""

InOrder = Callable[[TableName], bool]


def units(parts: Sequence[FilePart], in_order: InOrder) -> deque[list[FilePart]]:
    """What is left, as one reader reads it, the largest first: a file, or all files of a table in order, as planned."""
    found: dict[object, list[FilePart]] = defaultdict(list)
    for part in parts:
        if not part.done:
            found[part.table.name if in_order(part.table.name) else part].append(part)
    return deque(sorted(found.values(), key=lambda unit: -sum(part.file.size for part in unit)))


def check_order(parts: Sequence[FilePart], in_order: InOrder) -> None:
    """Raise NotAllowed where rows are not in that come before others that are: they would count as the later ones."""
    by_table = sorted((part for part in parts if in_order(part.table.name)), key=lambda part: part.table.name)
    for table, found in groupby(by_table, key=lambda part: part.table.name):
        missing: FilePart | None = None
        for part in found:
            if not _without_gap(part):
                raise _out_of_order(table, part, part)
            if part.batches and missing is not None:
                raise _out_of_order(table, missing, part)
            if missing is None and not part.done:
                missing = part


def _without_gap(part: FilePart) -> bool:
    """Whether what is in of a file begins with its first row and leaves none out."""
    at = 0
    for batch in part.batches:
        if batch.batch_no != at:
            return False
        at += batch.blocks
    return True


def _out_of_order(table: TableName, late: FilePart, held: FilePart) -> NotAllowed:
    name = visible(late.file.url)
    before = "earlier ones are not" if late is held else f"those of {name}, which come before them, are not"
    return NotAllowed(
        f"Rows of {visible(held.file.url)} are in {table}, and {before}: which of two rows with the same key is the "
        "later one could not be kept.",
        "Load everything anew: yb-voyager migrate import file --start-clean (--on-primary-key-conflict as it is meant "
        "from the start). Load a file that came later as a migration of its own: --migration-name. Where no key is "
        "there twice: --on-primary-key-conflict error.",
    )


class BatchQueue:
    """Batches that were read and wait for a worker. Of a table in order one is handed out only when the one before it
    is done with, whatever the others do."""

    def __init__(self, in_order: InOrder) -> None:
        self._in_order = in_order
        self._waiting: deque[tuple[PartReader, FileBatch]] = deque()
        self._busy: set[TableName] = set()
        self._read: Counter[TableName] = Counter()
        self._changed = asyncio.Condition()
        self._open = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def room(self, table: TableName) -> None:
        """Wait until the next batch of a table may be read."""
        if self._in_order(table):
            async with self._changed:
                await self._changed.wait_for(lambda: self._open or self._read[table] < AHEAD)

    def put(self, reader: PartReader, batch: FileBatch) -> None:
        self._read[batch.part.table.name] += 1
        self._waiting.append((reader, batch))

    def take(self) -> tuple[PartReader, FileBatch] | None:
        """The first batch that may be loaded now; whoever takes it says when it is done with."""
        for place, (reader, batch) in enumerate(self._waiting):
            table = batch.part.table.name
            if table not in self._busy:
                del self._waiting[place]
                if self._in_order(table):
                    self._busy.add(table)
                return reader, batch
        return None

    async def done(self, table: TableName) -> None:
        """A batch of the table is in, or never will be."""
        async with self._changed:
            self._busy.discard(table)
            self._read[table] -= 1
            self._changed.notify_all()

    async def open(self) -> None:
        """Hold no reader back any more: all is to stop."""
        async with self._changed:
            self._open = True
            self._changed.notify_all()
