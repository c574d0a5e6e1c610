"""The shape of a parse tree: what it means, without where in the text its parts stand; equal shapes, equal meaning."""

from __future__ import annotations

from typing import Any

_PLACES = {"location", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end", "stmt_location", "stmt_len"}


def shape(node: Any) -> tuple[Any, ...]:
    """A value that compares equal for two trees that differ in positions alone. None has a shape, too."""
    if node is None:
        return ()
    parts: list[Any] = [node.DESCRIPTOR.name]
    for field, value in node.ListFields():
        if field.name not in _PLACES:
            parts.append((field.name, _shape_of(field, value)))
    return tuple(parts)


def _shape_of(field: Any, value: Any) -> Any:
    nested = field.message_type is not None
    # Not every release of the library says is_repeated; a list of messages or texts is told by what it is.
    if hasattr(value, "append") or hasattr(value, "add"):
        return tuple(shape(one) if nested else one for one in value)
    return shape(value) if nested else value
