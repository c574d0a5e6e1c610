"""SQL that means the same: two servers print one expression differently, and their parse trees tell."""

from __future__ import annotations

from typing import Any

from voyager.schema.lexer import ParseError
from voyager.schema.parse import items, name_of, parse, walk
from voyager.schema.shape import shape


def same_meaning(text: str) -> str:
    """A text that is equal for statements that differ only in how they are printed.

    Two things are evened out before the trees are taken. Columns of the only relation of a query are called with or
    without it. A list that is cast as a whole is, once it was printed and read, a list of casts. What cannot be read
    stays as it is.
    """
    try:
        tree = parse(text)
    except ParseError:
        return text
    for node in list(walk(tree)):
        if name_of(node) == "SelectStmt":
            _forget_the_only_relation(node)
    for node in list(walk(tree)):
        _cast_members(node)
    return repr(shape(tree))


def _forget_the_only_relation(select: Any) -> None:
    """`SELECT t.a FROM s.t WHERE t.b` becomes `SELECT a FROM s.t WHERE b`. A name within a query means its own relation
    before any outer one, so nothing else could be meant."""
    sources = items(select.from_clause)
    if len(sources) != 1 or (called := _called(sources[0])) is None:
        return
    for part in (*select.target_list, *select.group_clause, *select.sort_clause, select.where_clause,
                 select.having_clause, *select.distinct_clause, *select.window_clause):  # fmt: skip
        for node in _within(part):
            fields = items(node.fields) if name_of(node) == "ColumnRef" else []
            if len(fields) == 2 and name_of(fields[0]) == "String" and fields[0].sval == called:
                del node.fields[0]


def _called(source: Any) -> str | None:
    """The name by which a query calls what it reads; None for joins."""
    if name_of(source) not in ("RangeVar", "RangeSubselect", "RangeFunction"):
        return None
    if source.HasField("alias"):
        return str(source.alias.aliasname)
    return str(source.relname) if name_of(source) == "RangeVar" else None


def _within(node: Any) -> list[Any]:
    """The nodes of an expression, without those of queries within it: these have names of their own."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        if name_of(one) == "Node":
            which = one.WhichOneof("node")
            if which is None:
                continue
            one = getattr(one, which)
        if name_of(one) == "SelectStmt":
            continue
        found.append(one)
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend(value if hasattr(value, "add") else (value,))
    return found


def _cast_members(node: Any) -> None:
    """`ARRAY[a, b]::text[]` becomes `ARRAY[a::text, b::text]`."""
    for field, value in node.ListFields():
        if field.message_type is None or field.message_type.name != "Node":
            continue
        for wrapped in value if hasattr(value, "add") else (value,):
            if wrapped.WhichOneof("node") == "type_cast":
                _pushed_inside(wrapped)


def _pushed_inside(wrapped: Any) -> None:
    cast = wrapped.type_cast
    if cast.arg.WhichOneof("node") != "a_array_expr" or len(cast.type_name.array_bounds) != 1:
        return
    outer = type(cast)()
    outer.CopyFrom(cast)
    element = type(outer.type_name)()
    element.CopyFrom(outer.type_name)
    del element.array_bounds[:]
    members = outer.arg.a_array_expr
    for member in members.elements:
        inner = type(member)()
        inner.CopyFrom(member)
        member.type_cast.arg.CopyFrom(inner)
        member.type_cast.type_name.CopyFrom(element)
    wrapped.a_array_expr.CopyFrom(members)
