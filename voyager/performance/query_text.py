"""query_text(): what makes two recorded texts the same query, how one is shown without values, and whose it is.

The fingerprint of the parser's library is not used: it takes f(a, b) for f(b, a), sales_2024 for sales_2025 and one
schema's table for another's. Here two texts are the same query when their parse trees are, but for positions, numbers
of placeholders, values of constants, and the length of a list of equal items (`IN ($1, $2)`, which PostgreSQL 18
records as one). So `orders` and `public.orders` are two queries: which table the first one means depends on a
search_path that the server has not recorded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voyager.schema import lexer
from voyager.schema.parse import ParseError, Token, items, name_of, scan, strings, walk, without_positions
from voyager.schema.queries import parse_query

APPLICATION, ADMINISTRATION, SYSTEM, OWN = "application", "administration", "system", "own"
LONGEST_SHOWN = 4_000

_OWN_MARK = "/* yb-voyager"
_OWN_SCHEMA = "ybvoyager"
_PLACEHOLDER = "$1"
_CONSTANT = re.compile(r"(?:[eEbBxXnN]|[uU]&)?'|\.?[0-9]|\$")
_PREPARE = re.compile(r"\bprepare\b", re.IGNORECASE)
_PARAMETER = re.compile(r"\$([0-9]+)")
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")
_LISTS = {("in", "("), ("array", "[")}
_SYSTEM_SCHEMAS = {"pg_catalog", "information_schema", "pg_toast"}
_LIKE_TABLES = ("lo_", "nextval", "pg_advisory_", "pg_notify", "pg_try_advisory_", "setval")
"""Functions of the server's that an application waits for as it does for a table."""

# What applications spend time in. The time of a COPY or of DDL is that of who moves the data, COMMIT is everybody's.
_WORK = {
    "CallStmt", "DeclareCursorStmt", "DeleteStmt", "FetchStmt", "InsertStmt", "MergeStmt", "RefreshMatViewStmt",
    "SelectStmt", "UpdateStmt",
}  # fmt: skip
_WORK_WORDS = {
    "call",
    "delete",
    "fetch",
    "insert",
    "merge",
    "refresh",
    "select",
    "table",
    "update",
    "values",
    "with",
    "(",
}


@dataclass(frozen=True)
class QueryText:
    """`key` is equal for equal queries. `shown` is the text as it was recorded, without comments, every constant
    replaced by `$n`. `parsed` is False where only the words could be compared."""

    key: str
    shown: str
    belongs: str
    parsed: bool = True


def query_text(text: str, builtins: Collection[str] = ()) -> QueryText:
    """Read a text as pg_stat_statements recorded it; one that is cut off or strange is compared word by word.

    `builtins` names the functions that every database has: who calls nothing else, and reads no table, does no work.
    """
    # Half a surrogate pair, which a file may hold, is no text to the parser.
    text = _without_prepare(text.encode("utf-8", "replace").decode())
    tokens, whole = _tokens(text)
    shown = _shown(text, tokens, whole)
    masked = _shortened([_PLACEHOLDER if _is_constant(token.value) else token.value for token in tokens])
    if whole:
        try:
            _, tree = parse_query(_joined(text, tokens, masked))
        except ParseError:
            pass
        else:
            return QueryText(_digest(without_positions(tree)), shown, _owner(text, tree, builtins))
    words = " ".join(value for value in masked if value is not None)
    work = tokens and tokens[0].value in _WORK_WORDS
    belongs = OWN if _OWN_MARK in text else APPLICATION if work else ADMINISTRATION
    return QueryText(_digest(words.encode()), shown, belongs, parsed=False)


def _without_prepare(text: str) -> str:
    """The statement behind `PREPARE name (types) AS`: what EXECUTE runs is recorded with all of that before it."""
    if not _PREPARE.search(text):
        return text
    tokens, _ = _tokens(text)
    depth, values = 0, [token.value.lower() for token in tokens]
    for place, value in enumerate(values):
        depth += (value in _OPENING) - (value in _CLOSING)
        if values[0] != "prepare" or (place > 1 and depth == 0 and value not in {"as", *_CLOSING}):
            break
        if place > 1 and depth == 0 and value == "as":
            return text[: tokens[0].start] + text[tokens[place].end :].lstrip()
    return text


def _tokens(text: str) -> tuple[list[Token], bool]:
    """The tokens, and whether that is all of them: a text may break off within a quote."""
    try:
        return scan(text), True
    except ParseError:
        found: list[Token] = []
    try:
        for one in lexer.tokens(text):
            raw = text[one.start : one.end]
            if one.kind == "number" and found and found[-1].value == "$" and found[-1].end == one.start:
                found[-1] = Token(f"${raw}", found[-1].start, one.end)
            elif one.kind == "string":
                found.append(Token("'…'", one.start, one.end))
            else:
                found.append(Token(raw if one.kind == "name" else raw.lower(), one.start, one.end))
    except ParseError:
        return found, False
    return found, True


def _is_constant(value: str) -> bool:
    """A literal or a placeholder: `'a'`, `E'a'`, `1.5`, `.5`, `$$a$$`, `$1`."""
    return _CONSTANT.match(value) is not None and value != "$"


def _shortened(values: Sequence[str]) -> list[str | None]:
    """None for every item but the first of a list `IN (…)` or `ARRAY[…]` whose items are all the same."""
    found: list[str | None] = list(values)
    open_lists: list[list[int]] = []  # of each the places where its items begin
    for place, value in enumerate(values):
        if value in _OPENING:
            open_lists.append([place + 1])
        elif value == "," and open_lists:
            open_lists[-1].append(place + 1)
        elif value in _CLOSING and open_lists:
            starts = open_lists.pop()
            opening = starts[0] - 1
            if opening and (values[opening - 1], values[opening]) in _LISTS and _all_same(values, starts, place):
                found[starts[1] - 1 : place] = [None] * (place - starts[1] + 1)
    return found


def _all_same(values: Sequence[str], starts: Sequence[int], end: int) -> bool:
    """Whether a list has several items, all of the same words, constants among them."""
    ends = [*(start - 1 for start in starts[1:]), end]
    length = ends[0] - starts[0]
    if len(starts) < 2 or any(stop - start != length for start, stop in zip(starts, ends, strict=True)):
        return False
    first = values[starts[0] : ends[0]]
    return _PLACEHOLDER in first and all(values[start : start + length] == first for start in starts)


def _joined(text: str, tokens: Sequence[Token], values: Sequence[str | None]) -> str:
    """The text with `values` in the places of its tokens; comments are blanks, line breaks stay."""
    parts: list[str] = []
    at = 0
    for token, value in zip(tokens, values, strict=True):
        gap = text[at : token.start]
        if gap.strip():
            gap = "" if value in _CLOSING else " "
        parts += [gap, value or ""]
        at = token.end
    return "".join(parts).strip()


def _shown(text: str, tokens: Sequence[Token], whole: bool) -> str:
    """Placeholders keep their number; constants that the server left in get the numbers behind the largest."""
    matches = (_PARAMETER.fullmatch(token.value) for token in tokens)
    # A number as long as this is none that a server gave.
    number = max((int(match[1]) for match in matches if match and len(match[1]) < 9), default=0)
    values: list[str | None] = []
    for token in tokens:
        if _is_constant(token.value) and not _PARAMETER.fullmatch(token.value):
            number += 1
            values.append(f"${number}")
        else:
            values.append(text[token.start : token.end])
    joined = _joined(text, tokens, values) + ("" if whole else " …")
    return joined if len(joined) <= LONGEST_SHOWN else f"{joined[:LONGEST_SHOWN]} …"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


def _owner(text: str, tree: Any, builtins: Collection[str]) -> str:
    if name_of(tree) not in _WORK:
        return OWN if _OWN_MARK in text else ADMINISTRATION
    nodes = list(walk(tree))
    relations = list(_relations(nodes))
    # Our comparisons, and the server's own checks of foreign keys, read every table with ONLY.
    only = bool(relations) and not any(relation.inh for relation in relations)
    if _OWN_MARK in text or only or any(relation.schemaname == _OWN_SCHEMA for relation in relations):
        return OWN
    if relations:
        return SYSTEM if all(_is_catalog(relation) for relation in relations) else APPLICATION
    functions = [strings(node.funcname) for node in nodes if name_of(node) == "FuncCall"]
    return SYSTEM if all(_is_idle(name, builtins) for name in functions) else APPLICATION


def _relations(nodes: Sequence[Any]) -> Iterator[Any]:
    """The relations that are read or written: neither those that WITH makes nor what FOR UPDATE OF repeats."""
    made = {node.ctename for node in nodes if name_of(node) == "CommonTableExpr"}
    locks = [node for node in nodes if name_of(node) == "LockingClause"]
    repeated = {relation.location for lock in locks for relation in items(lock.locked_rels)}
    for node in nodes:
        named = name_of(node) == "RangeVar" and node.location not in repeated
        if named and (node.schemaname or node.relname not in made):
            yield node


def _is_catalog(relation: Any) -> bool:
    if relation.schemaname:
        return relation.schemaname in _SYSTEM_SCHEMAS
    return bool(relation.relname.startswith("pg_"))


def _is_idle(name: tuple[str, ...], builtins: Collection[str]) -> bool:
    """Whether a function is the server's own and computes or tells something: now(), pg_catalog.set_config(…)."""
    if name[-1].startswith(_LIKE_TABLES):
        return False
    return name[0] == "pg_catalog" if len(name) > 1 else name[0] in builtins or name[0].startswith("pg_")
