"""Finds where rows end, as COPY does: by the quotes of csv, by the backslashes of the text format.

Every scanner begins at the start of a row and keeps what it has to remember, so that a row may come in pieces. The work
is done by methods of bytes that run at the memory's speed; no Python runs per row.
"""

from __future__ import annotations

import re
from array import array
from typing import Protocol

from voyager.files.dialect import Dialect

Data = bytes | bytearray


class Rows(Protocol):
    """One walk over rows. Positions must follow each other without a gap."""

    def advance(self, data: Data, start: int, end: int) -> int:
        """Walk over data[start:end] and return how many rows end there."""
        ...

    def row_end(self, data: Data, start: int, end: int) -> int:
        """Walk to where the row ends, at most to `end`; return the place behind its end of line, or -1."""
        ...

    def between_rows(self, data: Data, end: int) -> bool:
        """Whether a row ended at `end`, to which everything was walked."""
        ...


def rows_of(dialect: Dialect, newline: bytes = b"\n") -> Rows:
    """A scanner at the start of a row. Lines that end in CR LF are ended by the LF."""
    if dialect.format == "text":
        return TextRows(newline)
    quote, escape = dialect.quote.encode(), dialect.escape.encode()
    return CsvRows(quote, newline) if quote == escape else EscapedCsvRows(quote, escape, newline)


def newline_of(head: bytes, dialect: Dialect) -> bytes:
    """What ends the lines of a file that begins with `head`: LF (after CR or not), or CR alone."""
    quote = dialect.quote.encode() if dialect.format == "csv" else b""
    quoted = False
    for match in re.finditer(rb"[\r\n" + re.escape(quote) + rb"]", head):
        if match[0] == quote:
            quoted = not quoted
        elif not quoted:
            alone = match[0] == b"\r" and head[match.end() : match.end() + 1] not in (b"\n", b"")
            return b"\r" if alone else b"\n"
    return b"\n"


def ends_of(data: Data, dialect: Dialect, newline: bytes = b"\n") -> array[int]:
    """Where each row of `data` ends; the last one may lack its end of line. One step per row: for what went wrong."""
    found, scanner, place = array("q"), rows_of(dialect, newline), 0
    while place < len(data):
        place = scanner.row_end(data, place, len(data))
        if place < 0:
            place = len(data)
        found.append(place)
    return found


def row_of_line(data: Data, ends: array[int], line: int, dialect: Dialect) -> int:
    """The row (from 0) that COPY means by a line number: it counts ends of line within quotes, too, but not in the
    first row, for it does not know yet what ends a line."""
    if dialect.format == "text":
        return min(line - 1, len(ends) - 1)
    inner = b"\r" if data.find(b"\r\n", 0, ends[0]) == ends[0] - 2 else b"\n"
    counted = 1
    for row in range(1, len(ends)):
        if counted >= line:
            return row - 1
        counted += max(1, data.count(inner, ends[row - 1], ends[row]))
    return len(ends) - 1


class CsvRows:
    """A quote is escaped by another: each quote toggles, so an end of line counts after an even number of them."""

    def __init__(self, quote: bytes, newline: bytes) -> None:
        self._quote, self._newline = quote, newline
        self._others = bytes(set(range(256)) - {quote[0], newline[0]})
        self.inside = False

    def between_rows(self, data: Data, end: int) -> bool:
        return not self.inside and data.endswith(self._newline, 0, end)

    def advance(self, data: Data, start: int, end: int) -> int:
        if data.find(self._quote, start, end) < 0:
            return 0 if self.inside else data.count(self._newline, start, end)
        kept = data[start:end].translate(None, self._others)
        lines = kept.count(self._newline)
        odd = bool((len(kept) - lines) % 2)
        was_inside, self.inside = self.inside, self.inside ^ odd
        # Two quotes side by side, with nothing between them that counts, change nothing.
        kept = kept.replace(self._quote * 2, b"")
        if len(kept) == lines:
            return 0 if was_inside else lines
        return sum(map(len, kept.split(self._quote)[1 if was_inside else 0 :: 2]))

    def row_end(self, data: Data, start: int, end: int) -> int:
        position, line = start, -1
        while True:
            if self.inside:
                found = data.find(self._quote, position, end)
                if found < 0:
                    return -1
                self.inside, position = False, found + 1
                continue
            if line < position:
                line = data.find(self._newline, position, end)
            found = data.find(self._quote, position, end if line < 0 else line)
            if found < 0:
                return line + 1 if line >= 0 else -1
            self.inside, position = True, found + 1


class EscapedCsvRows:
    """The escape character is not the quote: it keeps a quote, or itself, from meaning anything within quotes."""

    def __init__(self, quote: bytes, escape: bytes, newline: bytes) -> None:
        self._plain = CsvRows(quote, newline)
        self._quote, self._escape, self._newline = quote[0], escape, newline[0]
        sign, mark = re.escape(quote), re.escape(escape)
        self._signs = re.compile(b"[" + sign + mark + re.escape(newline) + b"]")
        plain = b"[^" + sign + mark + b"]*"
        self._quoted = re.compile(sign + plain + b"(?:" + mark + b"." + plain + b")*" + sign, re.DOTALL)
        self._escaped = -1  # the place of a character that the escape before it protects

    def between_rows(self, data: Data, end: int) -> bool:
        return self._plain.between_rows(data, end)

    def advance(self, data: Data, start: int, end: int) -> int:
        if not self._pending(start) and data.find(self._escape, start, end) < 0:
            return self._plain.advance(data, start, end)
        was_inside = self._plain.inside
        begin = (bytes((self._quote,)) if was_inside else b"") + (self._escape if self._pending(start) else b"")
        outside = self._quoted.sub(b"", begin + data[start:end])
        opened = outside.find(self._quote)
        self._plain.inside, self._escaped = opened >= 0, -1
        if opened < 0:
            return outside.count(self._newline)
        tail = outside[opened + 1 :]
        if (len(tail) - len(tail.rstrip(self._escape))) % 2:
            self._escaped = end
        return outside.count(self._newline, 0, opened)

    def row_end(self, data: Data, start: int, end: int) -> int:
        if not self._pending(start) and data.find(self._escape, start, end) < 0:
            return self._plain.row_end(data, start, end)
        return self._walk(data, start, end)

    def _pending(self, start: int) -> bool:
        return self._escaped == start

    def _walk(self, data: Data, start: int, end: int) -> int:
        inside, protected, escape = self._plain.inside, self._escaped, self._escape[0]
        for match in self._signs.finditer(data, start, end):
            place = match.start()
            sign = data[place]
            if inside and place == protected and sign != self._newline:
                continue
            if sign == escape and inside:
                protected = place + 1
            elif sign == self._quote:
                inside = not inside
            elif sign == self._newline and not inside:
                self._plain.inside, self._escaped = False, -1
                return place + 1
        self._plain.inside, self._escaped = inside, protected if inside else -1
        return -1


class TextRows:
    """An end of line after an odd number of backslashes belongs to the data."""

    def __init__(self, newline: bytes) -> None:
        self._newline = newline
        self._escaped_lines = re.compile(rb"\\+" + newline)
        self._odd = False

    def between_rows(self, data: Data, end: int) -> bool:
        if not data.endswith(self._newline, 0, end):
            return False
        before = TextRows(self._newline)
        before._remember(data, 0, end - 1)
        return not before._odd

    def advance(self, data: Data, start: int, end: int) -> int:
        lines = data.count(self._newline, start, end)
        if self._odd or data.find(b"\\" + self._newline, start, end) >= 0:
            lines -= self._data_lines(bytes(data[start:end]))
        self._remember(data, start, end)
        return lines

    def row_end(self, data: Data, start: int, end: int) -> int:
        position = start
        while (line := data.find(self._newline, position, end)) >= 0:
            self._remember(data, position, line)
            odd, self._odd = self._odd, False
            if not odd:
                return line + 1
            position = line + 1
        self._remember(data, position, end)
        return -1

    def _data_lines(self, part: bytes) -> int:
        found = 1 if self._odd and part.startswith(self._newline) else 0
        for match in self._escaped_lines.finditer(part):
            backslashes = match.end() - match.start() - 1
            found += (backslashes + (self._odd and match.start() == 0)) % 2
        return found

    def _remember(self, data: Data, start: int, end: int) -> None:
        """Whether what follows is protected: by an odd run of backslashes up to here."""
        first = end
        while first > start and data[first - 1] == 0x5C:
            first -= 1
        self._odd = bool((end - first + (self._odd if first == start else 0)) % 2)
