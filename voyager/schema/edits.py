"""Changes one thing in the text of a statement and nothing else: what comes out is parsed and held against the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from voyager.schema.lexer import ParseError, Token, tokens
from voyager.schema.parse import enum_name, items, name_of, parse
from voyager.schema.shape import shape

_COLOCATION = "colocation = false"


class CannotEdit(Exception):
    """Why a statement stays as it is."""


def with_own_tablets(text: str) -> str:
    """CREATE TABLE or CREATE MATERIALIZED VIEW with the option that keeps it out of a colocated database's tablet.

    Returns the text itself where it says so already.
    """
    tree = _parsed(text)
    chosen = [_boolean(option) for option in items(_options(tree)) if option.defname in {"colocation", "colocated"}]
    if chosen:
        if chosen == [False]:
            return text
        raise CannotEdit("it says where its rows go already")
    edited = _with_option(text, tree)
    after = _reparsed(edited)
    for place, option in enumerate(items(_options(after))):
        if option.defname == "colocation":
            del _options(after)[place]
            break
    return _only_if_same(edited, tree, after)


def with_ranges(text: str) -> str:
    """CREATE INDEX with ASC behind its first key, which then is not hashed. The text itself where an order stands."""
    tree = _parsed(text)
    if name_of(tree) != "IndexStmt" or tree.access_method != "btree":
        raise CannotEdit("it is no btree index")
    [first, *_] = items(tree.index_params)
    if enum_name(first, "ordering") != "SORTBY_DEFAULT":
        return text
    key = list(_first_key(text))
    if enum_name(first, "nulls_ordering") == "SORTBY_NULLS_DEFAULT":
        edited = _insert(text, key[-1].end, " ASC")
    else:
        edited = _insert(text, key[-2].start, "ASC ")
    after = _reparsed(edited)
    [changed, *_] = items(after.index_params)
    if enum_name(changed, "ordering") != "SORTBY_ASC":
        raise CannotEdit("its first key cannot be found")
    changed.ordering = first.ordering
    return _only_if_same(edited, tree, after)


def _parsed(text: str) -> Any:
    try:
        return parse(text)
    except ParseError as error:
        raise CannotEdit(f"it cannot be read: {error.message}") from None


def _reparsed(edited: str) -> Any:
    try:
        return parse(edited)
    except ParseError:
        raise CannotEdit("it has a form that the change does not fit into") from None


def _only_if_same(edited: str, before: Any, after: Any) -> str:
    if shape(before) != shape(after):
        raise CannotEdit("the change would touch more than it should")
    return edited


def _insert(text: str, place: int, what: str) -> str:
    return text[:place] + what + text[place:]


def _options(tree: Any) -> Any:
    """The storage options, as the tree holds them."""
    if name_of(tree) == "CreateStmt":
        return tree.options
    if name_of(tree) == "CreateTableAsStmt":
        return tree.into.options
    raise CannotEdit("it is neither CREATE TABLE nor CREATE MATERIALIZED VIEW")


def _boolean(option: Any) -> bool:
    """The value of an option that is true where it has none."""
    [value] = items([option.arg]) or [None]
    return value is None or str(getattr(value, "sval", "") or getattr(value, "boolval", "")).lower() != "false"


def _with_option(text: str, tree: Any) -> str:
    creates_as = name_of(tree) == "CreateTableAsStmt"
    head = list(_outside_parentheses(_before_query(text) if creates_as else tokens(text)))
    for before, token, after in zip(head, head[1:], head[2:], strict=False):
        # FOR VALUES WITH (MODULUS …) is the bound of a partition.
        if _is_word(token, "with") and after.value == "(" and not _is_word(before, "values"):
            return _insert(text, after.end, f"{_COLOCATION}, ")
    if _tablespace(tree):
        return _insert(text, head[-2].start, f"WITH ({_COLOCATION}) ")
    if creates_as:
        return _insert(text, head[-1].end, f" WITH ({_COLOCATION})")
    *_, last = tokens(text)
    return _insert(text, last.end, f"\nWITH ({_COLOCATION})")


def _tablespace(tree: Any) -> str:
    return str(tree.tablespacename if name_of(tree) == "CreateStmt" else tree.into.table_space_name)


def _before_query(text: str) -> Iterator[Token]:
    """The tokens before AS; a reserved word, so no name is it, and the list of columns stands in parentheses."""
    depth = 0
    for token in tokens(text):
        depth += _step(token)
        if depth == 0 and _is_word(token, "as"):
            return
        yield token


def _outside_parentheses(found: Iterable[Token]) -> Iterator[Token]:
    """The tokens outside parentheses, and those that open and close there."""
    depth = 0
    for token in found:
        step = _step(token)
        if depth + min(step, 0) == 0:
            yield token
        depth += step


def _first_key(text: str) -> Iterator[Token]:
    """The tokens of an index's first key: what stands behind the first parenthesis, up to a comma or its end."""
    depth = 0
    for token in tokens(text):
        if depth == 1 and token.kind == "symbol" and token.value in {",", ")"}:
            return
        if depth > 0:
            yield token
        depth += _step(token)


def _step(token: Token) -> int:
    return {"(": 1, ")": -1}.get(token.value, 0) if token.kind == "symbol" else 0


def _is_word(token: Token, word: str) -> bool:
    return token.kind == "word" and token.value == word
