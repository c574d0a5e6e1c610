"""The head of a file: byte order mark, header, and what ends its lines."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass

from voyager.errors import DamagedFile
from voyager.files.dialect import Dialect
from voyager.files.rows import newline_of, rows_of
from voyager.files.streams import Stream, misread
from voyager.identifiers import visible

_PIECE = 256 << 10
_LONGEST = 16 << 20
_LONGEST_NAME = 1 << 16
"""Characters of a column's name; no engine has longer ones. The limit of `csv` is one of the whole process."""


@dataclass(frozen=True)
class Head:
    """`size` bytes come before the first row; `names` are the header's, empty without one; `read` is what was read."""

    size: int
    names: tuple[str, ...]
    newline: bytes
    read: bytes


def read_head(stream: Stream, dialect: Dialect, name: str) -> Head:
    """Read the beginning of the file `name`. Raises DamagedFile for a header that does not end or cannot be read."""
    read = stream.read(_PIECE)
    newline = newline_of(read, dialect)
    mark = len(codecs.BOM_UTF8) if dialect.encoding == "utf-8" and read.startswith(codecs.BOM_UTF8) else 0
    if not dialect.header or len(read) == mark:
        return Head(mark, (), newline, read)
    while (end := rows_of(dialect, newline).row_end(read, mark, len(read))) < 0:
        more = stream.read(_PIECE)
        read += more
        if not more:
            end = len(read)
            break
        if len(read) > _LONGEST:
            raise DamagedFile(
                f"The header of {visible(name)} has no end.", "Is a quote missing, or --quote-char another? Correct it."
            )
    encoding = "utf-8" if dialect.recoded_first else dialect.encoding
    try:
        line = read[mark:end].decode(encoding)
    except UnicodeError as error:
        raise misread(name, encoding, error, "in its header") from None
    try:
        names = _names(line.rstrip("\r\n"), dialect)
    except csv.Error:
        names = None
    if names is None or any(len(one) > _LONGEST_NAME for one in names):
        raise DamagedFile(
            f"The header of {visible(name)} is none: it holds what no name of a column can be.",
            "Leave --has-header out if the first line is a row, or check --quote-char.",
        )
    return Head(end, names, newline, read)


def _names(line: str, dialect: Dialect) -> tuple[str, ...]:
    if dialect.format == "text":
        return tuple(name.strip() for name in line.split(dialect.delimiter))
    same = dialect.quote == dialect.escape
    fields = csv.reader(
        io.StringIO(line, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        doublequote=same,
        escapechar=None if same else dialect.escape,
    )
    return tuple(name.strip() for name in next(fields, []))
