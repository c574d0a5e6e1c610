"""Cutter: one walk through a file's text that cuts it into batches of whole rows, as they are asked for.

A file is counted in blocks: block k is the rows that begin in the bytes [k, k + 1) times BLOCK of the text. Where a
block begins thus depends on the text alone, and not on how it was read or cut before: the ledger's block numbers stay
true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voyager.files.rows import Rows
from voyager.files.streams import Stream

BLOCK = 64 << 10
"""Part of what block numbers in a ledger mean: another size makes other chunks."""
PIECE = 1 << 20
LONGEST_ROW = 512 << 20


class RowWithoutEnd(Exception):
    """A row that goes on for longer than any that can be loaded; `offset` is where it begins."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"a row that begins at byte {offset} has no end")
        self.offset = offset


@dataclass(frozen=True)
class Cut:
    """The rows of blocks [block, block + blocks), which are `size` bytes of the text from `offset` on. `last` says that
    the text ends with them."""

    block: int
    blocks: int
    offset: int
    size: int
    rows: int
    data: bytearray
    last: bool

    @property
    def end(self) -> int:
        return self.offset + self.size


class Cutter:
    """Reads a text once. `offset` is where it begins, with what was `read` already and then the stream: the start of a
    row. `grow` is told before more is read how much is going to be held then; it may wait."""

    def __init__(
        self,
        stream: Stream,
        scanner: Callable[[], Rows],
        *,
        limits: tuple[int, int],
        offset: int = 0,
        read: bytes = b"",
        grow: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._stream, self._scanner = stream, scanner
        self._most_rows, self._most_bytes = limits
        self._data = bytearray(read)
        self._offset = offset
        self._ended = False
        self._grow = grow

    @property
    def held(self) -> int:
        """Bytes that were read and not cut off yet."""
        return len(self._data)

    def cut(self, until: int | None = None) -> Cut | None:
        """The next rows, at most what the limits allow but a whole block, none of block `until` or later; None at the
        end of the text."""
        taken = rows = 0
        while True:
            end, more = self._block(taken)
            over = rows + more > self._most_rows or end > self._most_bytes
            if end == taken or (taken and over):
                break
            taken, rows = end, rows + more
            reached = until is not None and (self._offset + taken) // BLOCK >= until
            if over or reached or self._at_end(taken):
                break
        return self._taken(taken, rows) if taken else None

    def skip(self, size: int) -> None:
        """Pass over rows that are in the target already."""
        while size:
            if not self._data and not self._read():
                return
            passed = min(size, len(self._data))
            del self._data[:passed]
            self._offset += passed
            size -= passed

    def _taken(self, taken: int, rows: int) -> Cut:
        first, offset = self._offset // BLOCK, self._offset
        data = self._cut_off(taken)
        self._offset += taken
        last = self._at_end(0)
        behind = (self._offset - 1) // BLOCK + 1 if last else self._offset // BLOCK
        return Cut(first, max(1, behind - first), offset, taken, rows, data, last)

    def _cut_off(self, size: int) -> bytearray:
        """The first bytes of what is held, in no more memory than they need; where they are nearly all, as they are: of
        the largest rows there is one copy."""
        with memoryview(self._data) as held:
            rest = bytearray(held[size:])
            if 8 * len(rest) > size:
                first, self._data = bytearray(held[:size]), rest
                return first
        data, self._data = self._data, rest
        del data[size:]
        return data

    def _block(self, start: int) -> tuple[int, int]:
        """Where the rows end that begin in the block of the row at `start`, and how many they are."""
        boundary = ((self._offset + start) // BLOCK + 1) * BLOCK - self._offset
        while len(self._data) < boundary and self._read():
            pass
        scanner = self._scanner()
        position = min(boundary - 1, len(self._data))
        rows = scanner.advance(self._data, start, position)
        while (end := scanner.row_end(self._data, position, len(self._data))) < 0:
            position = len(self._data)
            if not self._read():
                lacks_its_end = position > start and not scanner.between_rows(self._data, position)
                return position, rows + lacks_its_end
            if position - start > LONGEST_ROW:
                raise RowWithoutEnd(self._offset + start)
        return end, rows + 1

    def _at_end(self, position: int) -> bool:
        return position == len(self._data) and not self._read()

    def _read(self) -> bool:
        if not self._ended:
            self._grow(len(self._data) + PIECE)
            piece = self._stream.read(PIECE)
            self._data += piece
            self._ended = not piece
        return not self._ended
