"""SQL text in, statements and parse trees out; the only module that knows the parser library."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from voyager.identifiers import visible
from voyager.schema.lexer import ParseError, RawStatement, split

__all__ = [
    "ParseError", "RawStatement", "Token", "enum_name", "items", "name_of", "parse", "scan", "split", "strings", "walk",
    "without_positions",
]  # fmt: skip

_POSITIONS = frozenset({
    "list_end", "list_start", "location", "name_location", "rexpr_list_end", "rexpr_list_start", "stmt_len",
    "stmt_location",
})  # fmt: skip


class Token(NamedTuple):
    """What the server's scanner sees: `value` is the text from `start` to `end`, words without quotes in lower case."""

    value: str
    start: int
    end: int


def parse(text: str) -> Any:
    """Return the parse tree of one statement: the concrete node (CreateStmt, AlterTableStmt, …)."""
    import postgast

    _allow_deep_trees()
    try:
        statements = postgast.parse(text).stmts
    except postgast.PgQueryError as error:
        raise ParseError(f"The statement cannot be read: {_reason(error)}.", line=_line_of(text, error)) from None
    if len(statements) != 1:
        raise ParseError(f"One statement was expected, the text holds {len(statements)}.", line=1)
    return postgast.unwrap_node(statements[0].stmt)


def scan(text: str) -> list[Token]:
    """Cut text into tokens, without comments; it may be PL/pgSQL as well, whose symbols the scanner knows."""
    import postgast

    try:
        scanned = postgast.scan(text).tokens
    except postgast.PgQueryError as error:
        raise ParseError(f"The text cannot be read: {_reason(error)}.", line=_line_of(text, error)) from None
    comments = (postgast.pg_query_pb2.SQL_COMMENT, postgast.pg_query_pb2.C_COMMENT)
    spans = [(token.start, token.end) for token in scanned if token.token not in comments]
    if not text.isascii():
        spans = list(_in_characters(text, spans))
    return [Token(_folded(text[start:end]), start, end) for start, end in spans]


def _in_characters(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The library counts bytes."""
    data, at, counted = text.encode(), 0, 0
    for start, end in spans:
        begin = counted + len(data[at:start].decode())
        at, counted = end, begin + len(data[start:end].decode())
        yield begin, counted


def _folded(raw: str) -> str:
    return raw if raw[-1] in "\"'" else raw.lower()


def walk(node: Any) -> Iterator[Any]:
    """Yield every concrete node of the tree, depth first, however deep it is."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.DESCRIPTOR.name == "Node":
            which = found.WhichOneof("node")
            if which is None:
                continue
            found = getattr(found, which)
        yield found
        children: list[Any] = []
        for field, value in found.ListFields():
            if field.message_type is not None:
                # A list of nodes has `add`, a node does not.
                children.extend(value if hasattr(value, "add") else (value,))
        waiting.extend(reversed(children))


def name_of(node: Any) -> str:
    """Return the concrete type's name of a node: `CreateStmt`, `Constraint`, …"""
    return str(node.DESCRIPTOR.name)


def without_positions(node: Any) -> bytes:
    """Return the tree as bytes that say nothing of where in the text things stood: equal for equal statements."""
    copy = type(node)()
    copy.CopyFrom(node)
    for found in walk(copy):
        for field, value in found.ListFields():
            # The location of a tablespace is a text.
            if field.name in _POSITIONS and isinstance(value, int):
                found.ClearField(field.name)
    return name_of(node).encode() + b" " + bytes(copy.SerializeToString(deterministic=True))


def items(nodes: Iterable[Any]) -> list[Any]:
    """Return the concrete nodes of a list of wrapped ones, without the empty."""
    return [getattr(node, which) for node in nodes if (which := node.WhichOneof("node"))]


def strings(nodes: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of a list of String nodes."""
    return tuple(node.sval for node in items(nodes) if name_of(node) == "String")


def enum_name(node: Any, field: str) -> str:
    """Return the name of an enumeration's value, as `CONSTR_PRIMARY`."""
    value = node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(node, field)]
    return str(value.name)


@cache
def _allow_deep_trees() -> None:
    """Let trees of more than a hundred levels through: a view that concatenates fifty columns has that many."""
    with contextlib.suppress(ImportError, AttributeError):
        message = importlib.import_module("google._upb._message")
        message.SetAllowOversizeProtos(True)


def _line_of(text: str, error: Any) -> int:
    position = max(0, (getattr(error, "cursorpos", 0) or 0) - 1)
    return text.encode().count(b"\n", 0, position) + 1


def _reason(error: Any) -> str:
    # The library's message quotes the text near the error, which may be a name with control characters.
    return visible(str(getattr(error, "message", "") or error).strip().rstrip("."))
