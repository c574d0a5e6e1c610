"""Detects indexes whose access method, options or keys the target does not take."""

from __future__ import annotations

from collections.abc import Iterator

from voyager.schema.chosen_names import name_of_index
from voyager.schema.issues.datatypes import column_not_indexed, not_indexed
from voyager.schema.issues.detect.parsed import Parsed, on_relation
from voyager.schema.issues.issue import Hit
from voyager.schema.model import IndexKey
from voyager.schema.nodes import index_key, key_of, type_ref
from voyager.schema.parse import items, name_of

_MISSING_METHODS = {"gist", "brin", "spgist"}
# Names of old for access methods, which the server still takes.
_TAKEN_AS = {"rtree": "gist"}


def of_index(parsed: Parsed) -> Iterator[Hit]:
    method = (parsed.tree.access_method or "btree").lower()
    method = _TAKEN_AS.get(method, method)
    keys = [index_key(node) for node in items(parsed.tree.index_params)]
    if method in _MISSING_METHODS:
        yield _at_index(f"UNSUPPORTED_{method.upper()}_INDEX_METHOD", parsed)
    if parsed.tree.options:
        yield _at_index("STORAGE_PARAMETERS", parsed)
    if method == "gin" and len(keys) > 1:
        yield _at_index("MULTI_COLUMN_GIN_INDEX", parsed)
    elif method == "gin" and keys[0].ordering:
        yield _at_index("ORDERED_GIN_INDEX", parsed)
    elif method == "btree":
        for kind in dict.fromkeys(_not_indexed(parsed, key) for key in keys):
            if kind:
                yield _at_index(f"INDEX_ON_{kind.upper()}_DATATYPE", parsed)


def _not_indexed(parsed: Parsed, key: IndexKey) -> str:
    """A key is a column, or an expression whose type shows where it is a cast."""
    if key.column:
        return column_not_indexed(parsed.model, key_of(parsed.relation), key.column)
    if key.expression is not None and name_of(key.expression) == "TypeCast":
        return not_indexed(parsed.model, type_ref(key.expression.type_name))
    return ""


def _at_index(issue_id: str, parsed: Parsed) -> Hit:
    return on_relation(issue_id, "INDEX", name_of_index(parsed.tree), parsed.relation)


BY_NODE = {"IndexStmt": (of_index,)}
