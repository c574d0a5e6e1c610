"""Finds the constructs of MySQL in the text of a routine, trigger, event, view or query."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from voyager.sources.mysql.constructs import CONSTRUCTS
from voyager.sources.mysql.lexer import NAME, NUMBER, OPERATOR, STRING, VARIABLE, WORD, Token, tokens

BODY, VIEW, QUERY = "body", "view", "query"
"""Where a text comes from. In a query's digest the server quotes the names of functions too."""

_BEFORE_STATEMENT = {";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"}
_TYPES = {"CHAR", "TIME", "TIMESTAMP", "YEAR"}
"""Functions that are types as well: CHAR(10)."""
_LEAST_ARGUMENTS = {"IF": 3, "INTERVAL": 2}
"""Of functions whose names begin something else as well: IF (a) THEN, INTERVAL (a) DAY."""


_ESCAPED = re.compile(r"\b_[a-z0-9]+\s?\\'")
_INTRODUCED = re.compile(r"\b_(?:utf8mb[34]|utf8|latin1|ascii)\s?'")


@dataclass(frozen=True)
class Use:
    """One construct at one place: `text` is what stands there, in upper case."""

    construct: str
    text: str
    offset: int


@dataclass(frozen=True)
class _Phrase:
    construct: str
    words: tuple[frozenset[str], ...]

    def matches(self, found: Sequence[Token], at: int) -> bool:
        end = at + len(self.words)
        return end <= len(found) and all(
            token.kind in (WORD, OPERATOR) and token.text in words
            for token, words in zip(found[at:end], self.words, strict=True)
        )


@dataclass(frozen=True)
class _Table:
    """The constructs by what they begin with."""

    phrases: Mapping[str, tuple[_Phrase, ...]]
    starts: Mapping[str, tuple[_Phrase, ...]]
    calls: Mapping[str, str]
    prefixes: tuple[tuple[str, str], ...]
    operators: Mapping[str, str]


def scan(text: str, *, place: str = BODY, sql_mode: str = "", returns_rows: bool = False) -> list[Use]:
    """Every construct in `text`. `returns_rows`: a SELECT that stands for itself gives its rows to the caller.

    Raises Unreadable for a quote or comment without an end.
    """
    found = list(tokens(text, sql_mode=sql_mode))
    concatenates = bool({"PIPES_AS_CONCAT", "ANSI", "ORACLE"} & set(sql_mode.upper().split(",")))
    uses = [
        use
        for at in range(len(found))
        for use in _at(found, at, place, text)
        if not (concatenates and use.text == "||")
    ]
    for first, last in _statements(found):
        uses.extend(_of_statement(found[first:last], returns_rows=returns_rows))
    return sorted(uses, key=lambda use: use.offset)


def line_at(text: str, offset: int) -> tuple[int, str]:
    """The number of the line at `offset`, and the line."""
    begins = text.rfind("\n", 0, offset) + 1
    ends = text.find("\n", offset)
    return text.count("\n", 0, offset) + 1, text[begins : ends if ends >= 0 else len(text)].strip()


def called(text: str, *, sql_mode: str = "") -> set[str]:
    """The names of all functions that an expression calls, in upper case."""
    found = list(tokens(text, sql_mode=sql_mode))
    return {token.text.upper() for at, token in enumerate(found) if _is_call(found, at)}


def own_words(expression: str) -> str:
    """An expression of the dictionary as somebody wrote it: MySQL 8 puts the character set before every text, and
    escapes all of it once more (`_utf8mb4\\'a\\'`)."""
    if _ESCAPED.search(expression):
        expression = re.sub(r"\\(.)", r"\1", expression, flags=re.DOTALL)
    return _INTRODUCED.sub("'", expression)


def _at(found: Sequence[Token], at: int, place: str, text: str) -> Iterator[Use]:
    token, table = found[at], _table()
    if token.kind == OPERATOR:
        if token.text in table.operators:
            yield Use(table.operators[token.text], token.text, token.offset)
        return
    if token.kind == VARIABLE:
        system = token.text.startswith("@@")
        yield Use("MYSQL_SYSTEM_VARIABLE" if system else "MYSQL_USER_VARIABLE", token.text, token.offset)
        return
    if token.kind == STRING and text[token.offset] == '"':
        yield Use("MYSQL_DOUBLE_QUOTED_STRING", '"…"', token.offset)
    if token.kind == NUMBER and token.text[:2].lower() in {"0x", "0b"}:
        yield Use("MYSQL_HEX_LITERAL", token.text, token.offset)
    if token.kind == WORD or (token.kind == NAME and place == QUERY):
        yield from _at_word(found, at)


def _at_word(found: Sequence[Token], at: int) -> Iterator[Use]:
    token, table = found[at], _table()
    word = token.text.upper()
    before = found[at - 1] if at else None
    if before is not None and before.kind == OPERATOR and before.text == ".":
        return
    if token.kind == WORD:
        lists = [table.phrases.get(word, ())] + [table.starts.get(word, ())] * _begins_statement(found, at)
        for phrase in (one for several in lists for one in several):
            if phrase.matches(found, at):
                shown = " ".join(one.text for one in found[at : at + len(phrase.words)] if one.text != "(")
                yield Use(phrase.construct, shown, token.offset)
        yield from _at_literal(found, at)
    if _is_call(found, at):
        construct = table.calls.get(word) or next(
            (id for prefix, id in table.prefixes if word.startswith(prefix)), None
        )
        if construct is not None and not _is_no_function(found, at, word):
            yield Use(construct, word, token.offset)
        yield from _at_call(found, at, word)


def _at_literal(found: Sequence[Token], at: int) -> Iterator[Use]:
    """x'41', b'01', _utf8mb4'text' and INTERVAL 1 DAY."""
    token = found[at]
    after = found[at + 1] if at + 1 < len(found) else None
    if after is None:
        return
    if after.kind == STRING and token.text in {"X", "B"}:
        yield Use("MYSQL_HEX_LITERAL", f"{token.text}''", token.offset)
    if after.kind == STRING and token.text.startswith("_"):
        yield Use("MYSQL_CHARACTER_SET", token.text, token.offset)
    if token.text == "INTERVAL" and (after.kind != OPERATOR or after.text in {"?", "-", "("}):
        function = after.text == "(" and _arguments(found, at + 1) > 1
        yield from () if function else (Use("MYSQL_INTERVAL", "INTERVAL", token.offset),)


def _is_no_function(found: Sequence[Token], at: int, word: str) -> bool:
    """Whether a name before a parenthesis is a type or a statement here."""
    if word in _TYPES and found[at + 3 : at + 4] and found[at + 2].kind == NUMBER and found[at + 3].text == ")":
        return True
    return _arguments(found, at + 1) < _LEAST_ARGUMENTS.get(word, 0)


def _at_call(found: Sequence[Token], at: int, word: str) -> Iterator[Use]:
    """What only the arguments of a call tell."""
    if (
        word == "COUNT"
        and found[at + 2 : at + 3]
        and found[at + 2].text == "DISTINCT"
        and _arguments(found, at + 1) > 1
    ):
        yield Use("MYSQL_COUNT_DISTINCT_LIST", "COUNT(DISTINCT …, …)", found[at].offset)
    if word in {"SUBSTRING", "SUBSTR", "MID"} and _negative_argument(found, at + 1):
        yield Use("MYSQL_NEGATIVE_SUBSTRING", f"{word}(…, -…)", found[at].offset)


def _of_statement(statement: Sequence[Token], *, returns_rows: bool) -> Iterator[Use]:
    """What a statement as a whole shows."""
    words = [token.text if token.kind in (WORD, OPERATOR) else "" for token in statement]
    first = statement[0]
    heads = [word for word, depth in zip(words, _depths(statement), strict=True) if not depth]
    if words[0] in {"UPDATE", "DELETE"}:
        if _several_tables(heads):
            yield Use("MYSQL_MULTI_TABLE_DML", words[0], first.offset)
        if "LIMIT" in heads or "ORDER" in heads:
            yield Use("MYSQL_DML_LIMIT", f"{words[0]} … LIMIT", first.offset)
    if words[0] == "REPLACE" and words[1:2] not in (["INTO"], ["("], ["LOW_PRIORITY"], ["DELAYED"]):
        yield Use("MYSQL_UPSERT", "REPLACE", first.offset)
    ends = (at for at, word in enumerate(heads) if word in {"SELECT", "VALUES", "VALUE", "ON"})
    if words[0] == "INSERT" and "SET" in heads[: next(ends, None)]:
        yield Use("MYSQL_INSERT_SET", "INSERT … SET", first.offset)
    if returns_rows and words[0] in {"SELECT", "WITH"} and "INTO" not in words:
        yield Use("MYSQL_RESULT_SET", "SELECT", first.offset)
    for at, word in enumerate(words):
        if word == "LIMIT" and words[at + 2 : at + 3] == [","]:
            yield Use("MYSQL_LIMIT_OFFSET", "LIMIT …, …", statement[at].offset)


def _several_tables(words: Sequence[str]) -> bool:
    """Whether an UPDATE or DELETE, given its words outside parentheses, names more than one table."""
    if words[0] == "UPDATE":
        named = words[1 : words.index("SET")] if "SET" in words else ()
        return "," in named or "JOIN" in named
    rest = [word for word in words[1:] if word not in {"LOW_PRIORITY", "QUICK", "IGNORE"}]
    return bool(rest) and (rest[0] != "FROM" or "USING" in rest or "JOIN" in rest)


def _statements(found: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """The first token of each statement and the one behind its last."""
    starts = [at for at in range(len(found)) if found[at].text != ";" and _begins_statement(found, at)]
    for at in starts:
        end = next((place for place in range(at, len(found)) if found[place].text == ";"), len(found))
        yield at, end


def _begins_statement(found: Sequence[Token], at: int) -> bool:
    if at == 0:
        return True
    before = found[at - 1]
    # A label ends in a colon.
    return before.kind in (WORD, OPERATOR) and (before.text in _BEFORE_STATEMENT or before.text == ":")


def _is_call(found: Sequence[Token], at: int) -> bool:
    following = found[at + 1] if at + 1 < len(found) else None
    return (
        found[at].kind in (WORD, NAME)
        and following is not None
        and following.text == "("
        and (following.kind == OPERATOR)
    )


def _arguments(found: Sequence[Token], opening: int) -> int:
    """How many arguments the parenthesis at `opening` holds."""
    depth, commas = 0, 0
    for token in found[opening:]:
        if token.kind != OPERATOR:
            continue
        depth += (token.text == "(") - (token.text == ")")
        commas += token.text == "," and depth == 1
        if depth == 0:
            break
    return commas + 1


def _negative_argument(found: Sequence[Token], opening: int) -> bool:
    """Whether the second argument begins with a minus, or with FROM and a minus, before a number."""
    depth = 0
    for at in range(opening, len(found) - 2):
        token = found[at]
        depth += token.kind == OPERATOR and token.text == "("
        depth -= token.kind == OPERATOR and token.text == ")"
        if depth == 0:
            return False
        separates = (token.kind == OPERATOR and token.text == ",") or (token.kind == WORD and token.text == "FROM")
        if depth == 1 and separates:
            return found[at + 1].text == "-"
    return False


def _depths(statement: Sequence[Token]) -> list[int]:
    depths, depth = [], 0
    for token in statement:
        closing = token.kind == OPERATOR and token.text == ")"
        depth -= closing
        depths.append(depth + closing)
        depth += token.kind == OPERATOR and token.text == "("
    return depths


@cache
def _table() -> _Table:
    phrases: dict[str, list[_Phrase]] = defaultdict(list)
    starts: dict[str, list[_Phrase]] = defaultdict(list)
    calls: dict[str, str] = {}
    prefixes: list[tuple[str, str]] = []
    operators: dict[str, str] = {}
    for construct in CONSTRUCTS.values():
        for texts, index in ((construct.phrases, phrases), (construct.starts, starts)):
            for text in texts:
                words = tuple(frozenset(place.split("|")) for place in text.split())
                for first in words[0]:
                    index[first].append(_Phrase(construct.id, words))
        for name in construct.calls.split():
            if name.endswith("*"):
                prefixes.append((name[:-1], construct.id))
            else:
                calls[name] = construct.id
        operators.update(dict.fromkeys(construct.operators, construct.id))
    return _Table(
        {word: tuple(several) for word, several in phrases.items()},
        {word: tuple(several) for word, several in starts.items()},
        calls,
        tuple(prefixes),
        operators,
    )
