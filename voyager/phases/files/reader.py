"""PartReader: one file's rows, batch by batch, less what the ledger says is in; the file is read once, in order."""

from __future__ import annotations

import codecs
import re
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from voyager.errors import BlockersFound, DamagedFile
from voyager.files.cutter import LONGEST_ROW, Cut, Cutter, RowWithoutEnd
from voyager.files.dialect import Dialect
from voyager.files.head import Head, read_head
from voyager.files.rows import Data, ends_of, row_of_line, rows_of
from voyager.files.storage import changed, scheme_of, storage_of
from voyager.files.streams import Stream, misread, text_of
from voyager.identifiers import visible
from voyager.phases.files.plan import FilePart, columns_for
from voyager.phases.sizes import readable_size

LINES_COUNTED = 256 << 20
"""How much of a file is read again to say in which line a refused row stands."""
_PIECE = 1 << 20
_END_MARK = re.compile(rb"^\\\.\r?(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class FileBatch:
    """What one transaction loads: `data` are `rows` rows, of `columns`. `weight` is how much of the stored file it
    stands for. `cut` says where in the text they are, and holds nothing of it."""

    part: FilePart
    columns: tuple[str, ...]
    cut: Cut
    rows: int
    weight: int
    data: Data
    newline: bytes = b"\n"

    @property
    def size(self) -> int:
        return len(self.data)


class PartReader:
    """Reads one part. Every method blocks; one thread at a time.

    `again` names batches that are read although they are in, for rows of them that were set aside; then nothing else
    is read, and the limits are to be none. `grow` is the Cutter's.
    """

    def __init__(
        self,
        part: FilePart,
        dialect: Dialect,
        *,
        limits: tuple[int, int],
        again: frozenset[int] = frozenset(),
        grow: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._part, self._dialect, self._limits, self._grow = part, dialect, limits, grow
        self._storage = storage_of(part.file.url)
        self._again = {one.batch_no: one for one in part.batches if one.batch_no in again}
        self._only_again = bool(again)
        self._ahead = deque(batch for batch in part.batches if batch.bytes and batch.batch_no not in again)
        self._offset = self._block = 0
        self._raw: Any = None
        self._stream: Stream | None = None
        self._cutter: Cutter | None = None
        self._head: Head | None = None
        self._columns: tuple[str, ...] = ()
        self._weighed = 0

    @property
    def copies(self) -> int:
        """How often a batch is in memory while it is made."""
        return 2 if self._dialect.recoded_later else 1

    @property
    def held(self) -> int:
        """Bytes of the text that were read and are in no batch yet."""
        return self._cutter.held if self._cutter is not None else 0

    def next(self) -> FileBatch | None:
        """The next rows that are not in yet; None at the end of the file.

        Raises DamagedFile, BlockersFound and NotAllowed for a file that cannot be loaded as it is.
        """
        if self._only_again and not self._again:
            return None
        self._open()
        while True:
            if self._ahead and self._ahead[0].batch_no == self._block:
                self._pass_over()
                continue
            if self._only_again:
                return self._next_again()
            cut = self._cut(self._ahead[0].batch_no if self._ahead else None)
            if cut is None:
                self._check_unchanged()
                return None
            return self._batch(cut)

    def _next_again(self) -> FileBatch | None:
        batch = self._again.pop(self._block, None)
        if batch is None:
            return None
        cut = self._cut(batch.batch_no + batch.blocks)
        if cut is None or cut.size != batch.bytes:
            raise DamagedFile(
                f"{visible(self._part.file.url)} is cut into rows in another way than when it was loaded.",
                "Put back the file as it was and use the options of the first run.",
            )
        return self._batch(cut)

    def end_mark(self) -> FileBatch | None:
        """The empty batch behind the last row of a text whose length nobody knows beforehand; None where it is in."""
        if self._part.origin.stored_plainly or any(not batch.bytes for batch in self._part.batches):
            return None
        cut = Cut(self._block, 1, self._offset, 0, 0, bytearray(), last=True)
        return FileBatch(self._part, self._columns, cut, 0, 0, b"")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = self._raw = self._cutter = None

    def give_up(self) -> None:
        """From another thread: end its waiting for a server, where it waits for one."""
        if give_up := getattr(self._storage, "give_up", None):
            give_up()

    def place(self, batch: FileBatch, line: int) -> str:
        """Where line `line` of a batch stands in its file, for people."""
        ends = ends_of(batch.data, self._dialect, batch.newline)
        return self.place_of_row(batch, row_of_line(batch.data, ends, line, self._dialect), ends)

    def place_of_row(self, batch: FileBatch, row: int, ends: array[int]) -> str:
        """Where a row of a batch (from 0) begins in its file; `ends` says where each of them ends."""
        name, offset = visible(self._part.file.url), batch.cut.offset
        assert self._head is not None
        before = batch.data.count(self._head.newline, 0, ends[row - 1] if row else 0)
        if offset > LINES_COUNTED:
            return f"{name}, line {before + 1:,} from byte {offset:,} on"
        if not offset:
            before += self._head.read.count(self._head.newline, 0, self._head.size)
        return f"{name}, line {self._lines_before(offset) + before + 1:,}"

    def _open(self) -> None:
        if self._stream is not None:
            return
        part = self._part
        self._check_unchanged()
        self._raw = self._storage.open(part.file)
        self._stream = text_of(self._raw, part.file.url, self._dialect)
        self._head = read_head(self._stream, self._dialect, part.file.url)
        self._columns = columns_for(part, self._head.names)
        self._cutter = self._cutter_from(0, self._head.read)

    def _cutter_from(self, offset: int, read: bytes = b"") -> Cutter:
        assert self._stream is not None
        assert self._head is not None
        scanner = partial(rows_of, self._dialect, self._head.newline)
        return Cutter(self._stream, scanner, limits=self._limits, offset=offset, read=read, grow=self._grow)

    def _pass_over(self) -> None:
        """Go on behind a batch that is in: by seeking where that can be done, else by reading over it."""
        batch = self._ahead.popleft()
        self._offset += batch.bytes
        self._block += batch.blocks
        if self._part.origin.stored_plainly:
            self._cutter = None
        else:
            assert self._cutter is not None
            self._cutter.skip(batch.bytes)

    def _cut(self, until: int | None) -> Cut | None:
        if self._cutter is None:
            self._raw.seek(self._offset)
            self._cutter = self._cutter_from(self._offset)
        try:
            return self._cutter.cut(until)
        except RowWithoutEnd as endless:
            name = visible(self._part.file.url)
            raise BlockersFound(
                f"The row of {name} that begins at byte {endless.offset:,} does not end within "
                f"{readable_size(LONGEST_ROW)}.",
                "Is a quote missing, or are --quote-char, --escape-char or --format others? Correct it.",
            ) from None

    def _batch(self, cut: Cut) -> FileBatch:
        self._check_unchanged(cheaply=not cut.last)
        assert self._head is not None
        rows, cut_off = cut.rows, cut.data
        cut = replace(cut, data=bytearray())
        if not cut.offset and self._head.size:
            del cut_off[: self._head.size]
            rows = rows - bool(self._head.names) if cut_off else 0
        data, rows = self._without_end_mark(cut_off, rows, cut)
        batch = FileBatch(
            part=self._part,
            columns=self._columns,
            cut=cut,
            rows=rows,
            weight=self._weight(cut),
            data=self._as_utf8(data, cut),
            newline=self._head.newline,
        )
        self._offset, self._block = cut.end, cut.block + cut.blocks
        return batch

    def _weight(self, cut: Cut) -> int:
        if self._part.origin.stored_plainly:
            return cut.size
        stands = self._part.file.size if cut.last else int(self._raw.tell())
        passed, self._weighed = max(0, stands - self._weighed), max(stands, self._weighed)
        return passed

    def _as_utf8(self, data: Data, cut: Cut) -> Data:
        if not self._dialect.recoded_later:
            return data
        decoder, text, at = codecs.getincrementaldecoder(self._dialect.encoding)(), bytearray(), 0
        try:
            for at in range(0, len(data), _PIECE):
                kept = len(decoder.getstate()[0])
                text += decoder.decode(data[at : at + _PIECE], final=at + _PIECE >= len(data)).encode()
        except UnicodeError as error:
            start = at - kept + getattr(error, "start", 0) + cut.size - len(data)
            place = f"byte {cut.offset + start:,}"
            raise misread(self._part.file.url, self._dialect.encoding, error, place) from None
        return text

    def _without_end_mark(self, data: Data, rows: int, cut: Cut) -> tuple[Data, int]:
        r"""COPY takes `\.` alone in a line for the end of the data: in the text format it is that; in csv it is a
        value, which older servers drop together with all that follows unless it is quoted."""
        if b"\\." not in data or not (marks := list(_END_MARK.finditer(data))):
            return data, rows
        if self._dialect.format == "text":
            if cut.last and len(marks) == 1 and marks[0].end() == len(data):
                return data[: marks[0].start()], rows - 1
            raise DamagedFile(
                rf"{visible(self._part.file.url)} goes on behind a line that is \. alone, which ends the data in the "
                "text format.",
                "Remove what follows it, or the line; or use --format csv.",
            )
        quote = self._dialect.quote.encode()
        for mark in reversed(marks):
            if not data.count(quote, 0, mark.start()) % 2:
                data = data[: mark.start()] + quote + rb"\." + quote + data[mark.start() + 2 :]
        return data, rows

    def _check_unchanged(self, *, cheaply: bool = False) -> None:
        """Raise NotAllowed when the file is not what was found. A store of objects is not asked for every batch."""
        file = self._part.file
        if cheaply and scheme_of(file.url):
            return
        now = self._storage.look(file.url)
        if now is None or replace(now, url=file.url) != file:
            raise changed(file.url, gone=now is None)

    def _lines_before(self, offset: int) -> int:
        """Ends of line before a place of the text: read again, for it is only asked when a row was refused."""
        assert self._head is not None
        raw = self._storage.open(self._part.file)
        stream = text_of(raw, self._part.file.url, self._dialect)
        lines = 0
        try:
            while offset and (piece := stream.read(min(_PIECE, offset))):
                lines += piece[:offset].count(self._head.newline)
                offset -= min(offset, len(piece))
        finally:
            stream.close()
        return lines
