"""The words of MySQL code without its comments: enough to find constructs, whatever the server's SQL mode was.

sqlglot's tokenizer of the dialect is not used: it takes `5--3` for a comment and swallows what follows EXECUTE or
FETCH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

WORD, NAME, STRING, NUMBER, VARIABLE, OPERATOR = "word", "name", "string", "number", "variable", "operator"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is in upper case for words, without its quotes for names and strings. `offset` is where it begins."""

    kind: str
    text: str
    offset: int


class Unreadable(ValueError):
    """A quote or a comment has no end."""


_PARTS = r"""
    (?P<space>\s+)
  | (?P<line>--(?=[\s\x00-\x1f]|$)[^\n]*|\#[^\n]*)
  | (?P<block>/\*(?:(?!\*/).)*\*/)
  | (?P<backtick>`(?:[^`]|``)*`)
  | (?P<variable>@@(?:[\w$.]|`[^`]*`)+ | @(?:[\w$.]+|`[^`]*`|'[^']*'|"[^"]*")?)
  | (?P<number>0[xX][0-9a-fA-F]+\b | 0b[01]+\b | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w$]))
  | (?P<introduced>(?:[xXbB]|_[A-Za-z0-9]+)(?=\s*['"]))
  | (?P<word>[\w$\u0080-\uffff]+)
  | (?P<operator><=>|->>|->|:=|&&|\|\||<<|>>|<=|>=|<>|!=|.)
"""
_QUOTES = {
    True: r"(?P<single>'(?:[^'\\]|''|\\.)*') | (?P<double>\"(?:[^\"\\]|\"\"|\\.)*\") |",
    False: r"(?P<single>'(?:[^']|'')*') | (?P<double>\"(?:[^\"]|\"\")*\") |",
}
_LEXERS = {
    escapes: re.compile(f"{quotes} {_PARTS}", re.DOTALL | re.VERBOSE | re.IGNORECASE)
    for escapes, quotes in _QUOTES.items()
}


def tokens(text: str, *, sql_mode: str = "") -> Iterator[Token]:
    """The tokens of `text` as a server reads them in `sql_mode`. Raises Unreadable."""
    modes = set(sql_mode.upper().split(","))
    ansi = bool(modes & {"ANSI_QUOTES", "ANSI", "ORACLE"})
    lexer = _LEXERS["NO_BACKSLASH_ESCAPES" not in modes]
    position = 0
    while position < len(text):
        found = lexer.match(text, position)
        assert found is not None, "the last alternative takes anything"
        token = _token(found, ansi)
        if token is not None:
            yield token
        position = found.end()


def _token(found: re.Match[str], ansi: bool) -> Token | None:
    kind, text, offset = str(found.lastgroup), found[0], found.start()
    if kind in {"space", "line", "block"}:
        return None
    if kind in {"single", "double"}:
        name = ansi and kind == "double"
        return Token(NAME if name else STRING, text[1:-1].replace(text[0] * 2, text[0]), offset)
    if kind == "backtick":
        return Token(NAME, text[1:-1].replace("``", "`"), offset)
    if kind in {"word", "introduced"}:
        return Token(WORD, text.upper(), offset)
    if kind == "variable":
        return Token(VARIABLE, text, offset)
    if kind == "number":
        return Token(NUMBER, text, offset)
    if text in {"'", '"', "`"} or (text == "/" and found.string.startswith("/*", offset)):
        raise Unreadable(f"The quote or comment that begins at character {offset + 1} has no end.")
    return Token(OPERATOR, text, offset)
