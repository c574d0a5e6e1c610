"""Dialect: how the rows of a text file are written, and how COPY is told."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from voyager.errors import UsageError
from voyager.identifiers import quote_literal, visible

FORMATS = ("csv", "text")
_SPELLED = {r"\t": "\t", "tab": "\t", r"\v": "\v", r"\f": "\f"}
_TEXT_REFUSES = frozenset("\\.abcdefghijklmnopqrstuvwxyz0123456789")
_POSTGRES_NAMES = {"koi8r": "koi8-r", "koi8u": "koi8-u", "unicode": "utf-8", "sql_ascii": ""}
# Every byte below 128 is that character wherever it stands, so rows are found before the text is decoded.
_PLAIN = ("iso8859-", "cp125", "cp43", "cp7", "cp85", "cp86", "koi8-", "mac-", "euc_", "ascii", "utf-8", "tis-620")


@dataclass(frozen=True)
class Dialect:
    """How rows are written. `quote` and `escape` mean something in csv alone; `encoding` is a codec of Python."""

    format: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    null: str = ""
    header: bool = False
    encoding: str = "utf-8"

    @property
    def copy_options(self) -> str:
        """The options of COPY. The text is UTF-8 by then, and the header is not sent."""
        words = ["FORMAT", self.format, ", ENCODING 'UTF8', DELIMITER", quote_literal(self.delimiter)]
        words += [", NULL", quote_literal(self.null)]
        if self.format == "csv":
            words += [", QUOTE", quote_literal(self.quote), ", ESCAPE", quote_literal(self.escape)]
        return " ".join(words).replace(" ,", ",")

    @property
    def recoded_first(self) -> bool:
        """Whether rows can only be found after the text was decoded (UTF-16, Shift JIS)."""
        return not self.encoding.startswith(_PLAIN)

    @property
    def recoded_later(self) -> bool:
        """Whether the text of a batch is decoded when its rows were found."""
        return not self.recoded_first and self.encoding not in ("utf-8", "ascii")

    @property
    def cutting(self) -> str:
        """All that decides where a row ends: a file that is loaded in part must be read on in the same way."""
        quoting = f"{self.quote}{self.escape}" if self.format == "csv" else ""
        recoded = self.encoding if self.recoded_first else ""
        return ",".join((self.format, quoting.encode().hex(), "header" if self.header else "", recoded))


def choose(
    *,
    format: str,
    delimiter: str | None = None,
    quote: str | None = None,
    escape: str | None = None,
    null: str | None = None,
    header: bool = False,
    encoding: str = "utf-8",
) -> Dialect:
    """The dialect that options describe, what they leave out as COPY has it. Raises UsageError for what cannot be."""
    if format not in FORMATS:
        raise UsageError(f"--format is {visible(format)!r}.", "Use csv or text.")
    if format == "text" and (quote is not None or escape is not None):
        raise UsageError(
            "--quote-char and --escape-char mean nothing in the text format, whose escape is the backslash.",
            "Leave them out, or use --format csv.",
        )
    csv = format == "csv"
    separator = _one(delimiter, "--delimiter", default="," if csv else "\t")
    quoting = _one(quote, "--quote-char", default='"')
    chosen = Dialect(
        format=format,
        delimiter=separator,
        quote=quoting,
        escape=_one(escape, "--escape-char", default=quoting),
        null=null if null is not None else "" if csv else "\\N",
        header=header,
        encoding=codec(encoding),
    )
    _check(chosen)
    return chosen


def codec(name: str) -> str:
    """The codec of Python that an encoding's name means: Python's own, IANA's or PostgreSQL's (WIN1252, LATIN9)."""
    spelled = name.strip().lower()
    if spelled.startswith("win") and spelled[3:].isdigit():
        spelled = "cp" + spelled[3:]
    try:
        found = codecs.lookup(_POSTGRES_NAMES.get(spelled, spelled)).name
        "".encode(found)
    except (LookupError, ValueError, TypeError):
        raise UsageError(
            f"--encoding is {visible(name)!r}, which is not a text encoding.", "Write it like utf-8, latin1 or cp1252."
        ) from None
    # A byte order mark is dropped from every UTF-8 file; these two differ in nothing else.
    return "utf-8" if found == "utf-8-sig" else found


def _one(given: str | None, option: str, *, default: str) -> str:
    if given is None:
        return default
    character = _SPELLED.get(given.lower(), given)
    if len(character) == 4 and character.startswith("\\x"):
        character = _from_hex(character, option)
    if len(character) != 1 or not character.isascii() or character in "\r\n\0":
        raise UsageError(
            f"{option} is {visible(given)!r}; it must be one ASCII character, and no end of line.",
            r"A tab is written \t, any other character that is hard to type \x01.",
        )
    return character


def _from_hex(text: str, option: str) -> str:
    try:
        return chr(int(text[2:], 16))
    except ValueError:
        raise UsageError(f"{option} is {visible(text)!r}.", r"Write two hexadecimal digits, as in \x1f.") from None


def _check(dialect: Dialect) -> None:
    if dialect.format == "csv" and dialect.delimiter in (dialect.quote, dialect.escape):
        raise UsageError("--delimiter is the quote or the escape character too.", "Give each its own character.")
    if dialect.format == "text" and dialect.delimiter in _TEXT_REFUSES:
        raise UsageError(
            f"--delimiter {dialect.delimiter!r} cannot be told from data in the text format.", "Use another, or csv."
        )
    unfit = {dialect.delimiter, "\r", "\n"} | ({dialect.quote} if dialect.format == "csv" else set())
    if unfit & set(dialect.null):
        raise UsageError(
            f"--null-string {visible(dialect.null)!r} holds the delimiter, the quote or an end of line.",
            "Write it as it stands between two delimiters.",
        )
