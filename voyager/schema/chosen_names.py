"""The names that the server chooses for indexes and constraints whose statement gives them none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voyager.schema.facts import ConstraintFacts
from voyager.schema.parse import enum_name, items, name_of, strings

_LONGEST = 63
_SUFFIXES = {"primary": "pkey", "unique": "key", "foreign": "fkey", "exclusion": "excl", "notnull": "not_null"}
_ITSELF, _BY_ITS_KIND = 2, 1


def name_of_constraint(table: str, constraint: ConstraintFacts) -> str:
    """The name that a constraint has, be it given or chosen."""
    given = constraint.name or constraint.using_index
    return given or _chosen(table, _columns(constraint), _SUFFIXES.get(constraint.kind, constraint.kind))


def name_of_index(tree: Any) -> str:
    """The same for a CREATE INDEX."""
    included = (element.name for element in items(tree.index_including_params))
    return str(tree.idxname) or _chosen(tree.relation.relname, _keys(items(tree.index_params), included), "idx")


def _columns(constraint: ConstraintFacts) -> tuple[str, ...]:
    if constraint.kind == "primary":
        return ()
    elements = [items(pair.items)[0] for pair in items(constraint.node.exclusions)]
    return (*constraint.columns, *_keys(elements, strings(constraint.node.including)))


def _chosen(table: str, columns: Iterable[str], suffix: str) -> str:
    """`table_columns_suffix`, the longer of the first two shortened until it all fits into a name."""
    parts = [table.encode(), "_".join(columns).encode()]
    room = _LONGEST - len(suffix.encode()) - 1 - bool(parts[1])
    while sum(map(len, parts)) > room:
        longer = 0 if len(parts[0]) > len(parts[1]) else 1
        parts[longer] = parts[longer][:-1]
    # A character cut in two goes as a whole.
    return "_".join((*(part.decode(errors="ignore") for part in parts if part), suffix))


def _keys(index_elements: Iterable[Any], included: Iterable[str]) -> tuple[str, ...]:
    """The parts of the name that stand for an index's keys: columns, and a word for each expression; a number is
    added to one that was there already."""
    taken: list[str] = []
    wanted = [element.name or _word(items([element.expr])[0]) for element in index_elements]
    for name in (*wanted, *included):
        number = 0
        while (candidate := f"{name}{number or ''}") in taken:
            number += 1
        taken.append(candidate)
    return tuple(taken)


def _word(expression: Any) -> str:
    return _figured(expression)[1] or "expr"


def _figured(node: Any) -> tuple[int, str]:
    """A word for an expression and how much it says: a column's or a function's name says more than a type's."""
    kind = name_of(node)
    if kind == "ColumnRef":
        return _ITSELF, (strings(node.fields) or ("",))[-1]
    if kind == "FuncCall":
        return _ITSELF, strings(node.funcname)[-1]
    if kind == "CollateClause":
        return _inside(node.arg)
    if kind == "TypeCast":
        inside = _inside(node.arg)
        return inside if inside[0] >= _ITSELF else (_BY_ITS_KIND, strings(node.type_name.names)[-1])
    if kind == "CaseExpr":
        inside = _inside(node.defresult)
        return inside if inside[0] >= _ITSELF else (_BY_ITS_KIND, "case")
    return (_ITSELF, word) if (word := _keyword(node, kind)) else (0, "")


def _inside(node: Any) -> tuple[int, str]:
    found = items([node])
    return _figured(found[0]) if found else (0, "")


def _keyword(node: Any, kind: str) -> str:
    if kind == "MinMaxExpr":
        return "greatest" if enum_name(node, "op") == "IS_GREATEST" else "least"
    if kind == "A_Expr":
        return "nullif" if enum_name(node, "kind") == "AEXPR_NULLIF" else ""
    return {"CoalesceExpr": "coalesce", "A_ArrayExpr": "array", "RowExpr": "row"}.get(kind, "")
