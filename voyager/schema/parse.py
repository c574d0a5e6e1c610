"""SQL text in, statements and parse trees out; the only module that knows the parser library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from voyager.identifiers import visible
from voyager.schema.lexer import ParseError, RawStatement, split

__all__ = ["ParseError", "RawStatement", "enum_name", "items", "name_of", "parse", "split", "strings", "walk"]


def parse(text: str) -> Any:
    """Return the parse tree of one statement: the concrete node (CreateStmt, AlterTableStmt, …)."""
    import postgast

    try:
        statements = postgast.parse(text).stmts
    except postgast.PgQueryError as error:
        position = max(0, (getattr(error, "cursorpos", 0) or 0) - 1)
        line = text.count("\n", 0, position) + 1
        raise ParseError(f"The statement cannot be read: {_reason(error)}.", line=line) from None
    if len(statements) != 1:
        raise ParseError(f"One statement was expected, the text holds {len(statements)}.", line=1)
    return postgast.unwrap_node(statements[0].stmt)


def walk(node: Any) -> Iterator[Any]:
    """Yield every concrete node of the tree, depth first."""
    import postgast

    for _, message in postgast.walk(node):
        yield message


def name_of(node: Any) -> str:
    """Return the concrete type's name of a node: `CreateStmt`, `Constraint`, …"""
    return str(node.DESCRIPTOR.name)


def items(nodes: Iterable[Any]) -> list[Any]:
    """Return the concrete nodes of a list of wrapped ones, without the empty."""
    import postgast

    return [postgast.unwrap_node(node) for node in nodes if node.WhichOneof("node")]


def strings(nodes: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of a list of String nodes."""
    return tuple(node.sval for node in items(nodes) if name_of(node) == "String")


def enum_name(node: Any, field: str) -> str:
    """Return the name of an enumeration's value, as `CONSTR_PRIMARY`."""
    value = node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(node, field)]
    return str(value.name)


def _reason(error: Any) -> str:
    # The library's message quotes the text near the error, which may be a name with control characters.
    return visible(str(getattr(error, "message", "") or error).strip().rstrip("."))
