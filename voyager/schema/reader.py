"""Reads the head of one DDL statement word by word; it needs no grammar, so syntax of any server version passes."""

from __future__ import annotations

import re

from voyager.identifiers import Identifier, TableName, visible
from voyager.schema.lexer import Token, tokens


class Reader:
    """A position in the tokens of one statement, which are cut as far as they are read: bodies can be long."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._tokens: list[Token] = []
        self._more = tokens(text)

    def word(self, ahead: int = 0) -> str:
        """The unquoted word here, '' when something else stands here."""
        token = self._at(self.at + ahead)
        return token.value if token is not None and token.kind == "word" else ""

    def symbol(self) -> str:
        token = self._token()
        return token.value if token and token.kind == "symbol" else ""

    def accept(self, *words: str) -> bool:
        """Step over `words` if all of them come next."""
        for ahead, word in enumerate(words):
            if self.word(ahead) != word:
                return False
        self.at += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Step over one word if it is one of `words` and return it."""
        word = self.word()
        if word and word in words:
            self.at += 1
            return word
        return ""

    def skip_to(self, *words: str) -> bool:
        """Step just behind the next `words` outside parentheses; False, and no step, when they do not come."""
        found = self._find(words)
        if found is None:
            return False
        self.at = found + len(words)
        return True

    def has(self, *words: str) -> bool:
        """Whether `words` follow somewhere outside parentheses."""
        return self._find(words) is not None

    def name(self) -> str:
        """Read one name; '' when none stands here."""
        token = self._token()
        if token is None or token.kind not in {"word", "name"}:
            return ""
        self.at += 1
        return token.value

    def qualified(self) -> tuple[str, ...]:
        """Read `a.b.c` as its parts."""
        parts = [self.name()]
        while self.symbol() == "." and parts[-1]:
            self.at += 1
            parts.append(self.name())
        return tuple(part for part in parts if part)

    def arguments(self) -> str:
        """Read a parenthesised list and return it as written, on one line; '' when none stands here."""
        first = self._token()
        if first is None or self.symbol() != "(":
            return ""
        start, depth = first.start, 0
        while (token := self._token()) is not None:
            self.at += 1
            depth += {"(": 1, ")": -1}.get(token.value, 0) if token.kind == "symbol" else 0
            if depth == 0:
                return visible(re.sub(r"\s+", " ", self.text[start : token.end]))
        return ""

    def operator(self) -> tuple[str, ...]:
        """Read `schema.+` as its parts."""
        parts: list[str] = []
        while (token := self._token()) is not None and token.kind in {"word", "name"}:
            parts.append(token.value)
            self.at += 2
        symbols = ""
        while (symbol := self.symbol()) and symbol not in "(,":
            symbols += symbol
            self.at += 1
        return (*parts, symbols)

    def rest(self) -> str:
        """What follows, on one line."""
        token = self._token()
        return visible(re.sub(r"\s+", " ", self.text[token.start :])) if token else ""

    def _token(self, ahead: int = 0) -> Token | None:
        return self._at(self.at + ahead)

    def _at(self, index: int) -> Token | None:
        known = self._tokens
        while index >= len(known):
            token = next(self._more, None)
            if token is None:
                return None
            known.append(token)
        return known[index]

    def _find(self, words: tuple[str, ...]) -> int | None:
        depth, index = 0, self.at
        while (token := self._at(index)) is not None:
            if token.kind == "symbol":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
            elif depth == 0 and token.value == words[0] and self._stands_at(index, words):
                return index
            index += 1
        return None

    def _stands_at(self, index: int, words: tuple[str, ...]) -> bool:
        found = [self._at(index + step) for step in range(len(words))]
        return all(
            token and token.kind == "word" and token.value == word for token, word in zip(found, words, strict=True)
        )


def readable(parts: tuple[str, ...]) -> str:
    """Show a qualified name: schema and name as TableName does, a single one alone."""
    if len(parts) >= 2:
        return str(TableName(parts[-2], parts[-1]))
    return str(Identifier(parts[0])) if parts else ""
