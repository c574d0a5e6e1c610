"""Cuts SQL text into tokens and statements exactly as the server's scanner does, hostile names and bodies included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from voyager.errors import BlockersFound


class ParseError(BlockersFound):
    """SQL text that cannot be read; `line` counts from 1 within that text."""

    def __init__(self, message: str, *, line: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.line = line


@dataclass(frozen=True)
class RawStatement:
    """One statement without its semicolon and the comments before it; `line` and `offset` tell where it starts."""

    text: str
    line: int
    offset: int


class Token(NamedTuple):
    """`kind` is word, name (a quoted identifier), string, number, symbol or meta (a line for psql).

    `value` is folded as the server folds it: words in lower case, names and strings without their quotes.
    """

    kind: str
    value: str
    start: int
    end: int


# Possessive quantifiers (`*+`) keep an unterminated quote from costing more than one pass.
# Every character beyond ASCII is a letter to the server. Said as what is no letter: a class that reaches to U+10FFFF
# takes `re` a hundred times longer to compile.
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
_LETTER_OR_DIGIT = r"[^\x00-/:-@\[-^`{-\x7f]"
_WORD = rf"{_LETTER}[^\x00-#%-/:-@\[-^`{{-\x7f]*+"
_TAG = rf"(?:{_LETTER}{_LETTER_OR_DIGIT}*+)?"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\r\n\f\v]++)
  | (?P<comment>--[^\r\n]*+)
  | (?P<block>/\*)
  | (?P<escaped>[eE]'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+')
  | (?P<string>(?:[bBxXnN]|[uU]&)?'[^']*+(?:''[^']*+)*+')
  | (?P<name>(?:[uU]&)?"[^"]*+(?:""[^"]*+)*+")
  | (?P<dollar>\$(?P<tag>{_TAG})\$.*?\$(?P=tag)\$)
  | (?P<word>{_WORD})
  | (?P<number>[0-9][0-9A-Za-z_]*+(?:\.[0-9][0-9A-Za-z_]*+)?)
  | (?P<open>'|"|\${_TAG}\$)
  | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_LINE_END = re.compile(r"[\r\n]|\Z")
_GAP = r"(?:\s++|--[^\r\n]*+|/\*.*?\*/)++"
_ATOMIC = re.compile(rf"{_GAP}atomic\b", re.IGNORECASE | re.DOTALL)
_ROUTINE = re.compile(
    rf"create{_GAP}(?:or{_GAP}replace{_GAP})?(?:function|procedure)\b", re.IGNORECASE | re.DOTALL
)  # fmt: skip


def split(sql: str) -> list[RawStatement]:
    """Return the statements of `sql`; a psql meta-command between statements comes back as a statement of its own."""
    return [RawStatement(text=sql[start:end], line=line, offset=start) for start, end, line in _statement_spans(sql)]


def tokens(text: str) -> Iterator[Token]:
    """Yield what the parser would see: no spaces, no comments."""
    position = 0
    while position < len(text):
        position, kind, match = _next(text, position)
        if kind in {"space", "comment", "block"}:
            continue
        assert match is not None
        yield _token(kind, match)


def _token(kind: str, match: re.Match[str]) -> Token:
    raw = match.group()
    if kind == "word":
        return Token("word", _folded(raw), match.start(), match.end())
    if kind == "name":
        return Token("name", raw[raw.index('"') + 1 : -1].replace('""', '"'), match.start(), match.end())
    if kind == "dollar":
        edge = len(match.group("tag")) + 2
        return Token("string", raw[edge:-edge], match.start(), match.end())
    if kind in {"string", "escaped"}:
        return Token("string", raw[raw.index("'") + 1 : -1].replace("''", "'"), match.start(), match.end())
    return Token(kind, raw, match.start(), match.end())


def _folded(word: str) -> str:
    """Fold ASCII only: the server leaves other letters of a multi-byte encoding alone."""
    return word.lower() if word.isascii() else re.sub("[A-Z]+", lambda upper: upper.group().lower(), word)


def _next(text: str, position: int) -> tuple[int, str, re.Match[str] | None]:
    match = _TOKEN.match(text, position)
    assert match is not None
    assert match.lastgroup is not None
    kind = "dollar" if match.lastgroup == "tag" else match.lastgroup
    if kind == "block":
        return _block_comment_end(text, position), "block", None
    if kind == "open":
        raise ParseError(f"The quote {match.group()} is never closed.", line=_line_of(text, position))
    return match.end(), kind, match


def _block_comment_end(text: str, position: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise ParseError("A /* comment is never closed.", line=_line_of(text, position))


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


class _Body:
    """Follows parentheses and BEGIN ATOMIC … END, inside which a semicolon does not end the statement."""

    def __init__(self, text: str, start: int) -> None:
        self._routine = _ROUTINE.match(text, start) is not None
        self._parentheses = 0
        self._blocks = 0
        self._after_as = False

    @property
    def open(self) -> bool:
        return self._parentheses > 0 or self._blocks > 0

    def symbol(self, character: str) -> None:
        if character == "(":
            self._parentheses += 1
        elif character == ")":
            self._parentheses = max(0, self._parentheses - 1)
        self._after_as = character == "."

    def word(self, word: str, text: str, end: int) -> None:
        if not self._routine:
            return
        word = word.lower()
        # `AS end` and `t.end` are names; everywhere else END, BEGIN and CASE are reserved enough.
        label, self._after_as = self._after_as, word == "as"
        if label:
            return
        if self._blocks == 0:
            if word == "begin" and self._parentheses == 0 and _ATOMIC.match(text, end):
                self._blocks = 1
        elif word == "case":
            self._blocks += 1
        elif word == "end":
            self._blocks -= 1


def _statement_spans(sql: str) -> Iterator[tuple[int, int, int]]:
    position = 1 if sql.startswith("\ufeff") else 0
    line, counted = 1, 0
    start = end = -1
    body: _Body | None = None
    while position < len(sql):
        at = position
        position, kind, _ = _next(sql, position)
        if kind in {"space", "comment", "block"}:
            continue
        if body is None:
            line, counted = line + sql.count("\n", counted, at), at
            if sql[at] == "\\":
                position = _line_end(sql, at)
                yield at, position, line
                continue
            if sql[at] == ";":
                continue
            start, body = at, _Body(sql, at)
        if kind == "symbol":
            if sql[at] == ";" and not body.open:
                yield start, end, line
                body = None
                continue
            body.symbol(sql[at])
        elif kind == "word":
            body.word(sql[at:position], sql, position)
        end = position
    if body is not None:
        yield start, end, line


def _line_end(sql: str, position: int) -> int:
    found = _LINE_END.search(sql, position)
    assert found is not None
    return found.start()
