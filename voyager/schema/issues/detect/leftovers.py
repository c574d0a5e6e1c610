"""Finds what has no parse tree: dialects left over by a converter, judged by the words of the text and never by its
comments or strings, except for the body of a routine, which is a string."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from voyager.schema.issues.catalogue.leftovers import UNSUPPORTED_PG_SYNTAX
from voyager.schema.issues.issue import Hit
from voyager.schema.lexer import ParseError, tokens
from voyager.schema.parse import items, name_of

# A phrase in a body -> the issue that it is.
_IN_BODIES = {("bulk", "collect"): "BULK_COLLECT", ("drop", "temporary", "table"): "DROP_TEMPORARY_TABLE"}
# What is called in a text that no parser read -> the issue that it is.
_CALLED = {("json_arrayagg", "("): "JSON_ARRAYAGG"}
_COMPOUND = {
    ("compound", word) for word in ("insert", "update", "delete", "truncate", "before", "after", "instead")
}  # fmt: skip
# A phrase in a statement that cannot be parsed -> the word that the statement begins with, "" for any, and the issue.
_IN_STATEMENTS = {
    ("with", "oids"): ("create", "TABLE_WITH_OIDS"),
    ("set", "with", "oids"): ("alter", "SET_WITH_OIDS"),
    ("compound", "trigger"): ("create", "COMPOUND_TRIGGER"),
    **{phrase: ("", issue_id) for phrase, issue_id in (_IN_BODIES | _CALLED).items()},
}
# The words that a statement which cannot be parsed begins with -> the issue that it is whatever follows.
_BEGINNINGS = {
    ("alter", "conversion"): "ALTER_CONVERSION",
    ("alter", "view"): "ALTER_VIEW",
    ("alter", "materialized", "view"): "ALTER_VIEW",
}
_CONVERTER_GAVE_UP = re.compile(r"--[^\n]*\bunsupported\b[^\n]*\bplease edit\b", re.IGNORECASE)


def in_unparsed(text: str) -> list[Hit]:
    """What the words of a statement that cannot be parsed say of it; without anything of that kind, that it cannot."""
    words = _words(text)
    found = [
        issue_id
        for phrase, (verb, issue_id) in _IN_STATEMENTS.items()
        if verb in {"", *words[:1]} and _contains(words, phrase)
    ]
    found += [issue_id for beginning, issue_id in _BEGINNINGS.items() if tuple(words[: len(beginning)]) == beginning]
    found += _behind_names(words)
    return [Hit(issue_id) for issue_id in dict.fromkeys(found)] or [Hit(UNSUPPORTED_PG_SYNTAX)]


def in_unread_body(text: str) -> Iterator[Hit]:
    """What the words say of a piece of a routine's body that cannot be parsed."""
    words = _words(text)
    yield from (Hit(issue_id) for phrase, issue_id in _CALLED.items() if _contains(words, phrase))


def in_routine(tree: Any) -> Iterator[Hit]:
    """What stands in the body of a function or of DO that no parser of PostgreSQL reads."""
    for body in _bodies(tree):
        lowered = body.lower()
        if any(phrase[-1] in lowered and phrase[0] in lowered for phrase in _IN_BODIES):
            words = _words(body)
            yield from (Hit(issue_id) for phrase, issue_id in _IN_BODIES.items() if _contains(words, phrase))


def given_up(text: str) -> bool:
    """Whether a converter wrote into the statement that it could not convert it."""
    return "please edit" in text.lower() and _CONVERTER_GAVE_UP.search(text) is not None


def _behind_names(words: list[str]) -> Iterator[str]:
    """Issues that show behind the object's name: ALTER TABLE name OF …, CREATE TRIGGER name COMPOUND INSERT …."""
    if _behind(words, "alter", "table")[:1] == ["of"]:
        yield "ALTER_TABLE_OF"
    if tuple(_behind(words, "create", "trigger")[:2]) in _COMPOUND:
        yield "COMPOUND_TRIGGER"


def _behind(words: list[str], verb: str, kind: str) -> list[str]:
    """The words behind the name of what is created or altered; none where the statement is another."""
    before, rest = words[:1], _past(words[1:], "or", "replace")
    if before != [verb] or rest[:1] != [kind]:
        return []
    rest = _past(_past(rest[1:], "if", "exists"), "only")
    return rest[3:] if rest[1:2] == ["."] else rest[1:]


def _past(words: list[str], *skipped: str) -> list[str]:
    return words[len(skipped) :] if tuple(words[: len(skipped)]) == skipped else words


def _bodies(tree: Any) -> Iterator[str]:
    options = {"CreateFunctionStmt": "options", "DoStmt": "args"}.get(name_of(tree), "")
    for option in items(getattr(tree, options)) if options else ():
        if option.defname == "as":
            for value in items([option.arg]):
                texts = items(value.items) if name_of(value) == "List" else [value]
                yield from (text.sval for text in texts if name_of(text) == "String")


def _words(text: str) -> list[str]:
    try:
        return [token.value if token.kind in {"word", "symbol"} else "" for token in tokens(text)]
    except ParseError:
        # A quote that is never closed: the words before it are judged.
        return text.lower().split()


def _contains(words: list[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(tuple(words[at : at + size]) == phrase for at in range(len(words) - size + 1))
