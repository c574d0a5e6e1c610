"""Tokens: a text cut into the server's tokens, and a place in it that moves on as the text is read."""

from __future__ import annotations

from voyager.schema.parse import ParseError, scan

_OPENING = {"(": 1, "[": 1, ")": -1, "]": -1}


class Tokens:
    """`at` is the place of the next token to read; what is looked for stands outside parentheses and brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)
        self.at = 0
        self._counted = (0, 1)

    def word(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].value if at < len(self.tokens) else ""

    def until(self, closing: str) -> tuple[int, int]:
        """Step behind the next `closing`; return where we stood and where it stands."""
        start = self.at
        end = self.find(start, len(self.tokens), {closing})
        if end == len(self.tokens):
            raise ParseError(f"A statement of the body has no {closing.upper()}.", line=self.line_here())
        self.at = end + 1
        return start, end

    def find(self, start: int, end: int, words: set[str]) -> int:
        """The place of the first of `words`, `end` without one."""
        depth = 0
        for at in range(start, end):
            word = self.tokens[at].value
            if depth == 0 and word in words:
                return at
            depth += _OPENING.get(word, 0)
        return end

    def closing(self, opening: int) -> int:
        """The place of the parenthesis or bracket that closes the one at `opening`."""
        depth = 0
        for at in range(opening, len(self.tokens)):
            depth += _OPENING.get(self.tokens[at].value, 0)
            if depth == 0:
                return at
        return len(self.tokens)

    def name(self, at: int) -> str:
        value = self.tokens[at].value
        return value[1:-1].replace('""', '"') if value.startswith('"') else value

    def between(self, start: int, end: int) -> str:
        """The text from the token at `start` to the one before `end`."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""

    def line_here(self) -> int:
        return self.line(self.tokens[self.at].start if self.at < len(self.tokens) else len(self.text))

    def line(self, position: int) -> int:
        """The line of a position, from 1 on; counted from the one asked for before, where that is not behind it."""
        counted, line = self._counted
        if position < counted:
            counted, line = 0, 1
        self._counted = (position, line + self.text.count("\n", counted, position))
        return self._counted[1]
