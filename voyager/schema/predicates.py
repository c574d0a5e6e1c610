"""What a partial index leaves out: whether its predicate can hold for rows with a given value in one column."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

from voyager.schema.parse import enum_name, items, name_of, strings

Truth = bool | None
"""A result of SQL: true, false or null."""
Truths = frozenset[Truth]

ANYTHING: Truths = frozenset({True, False, None})
_BOOLEANS = {"t": True, "true": True, "f": False, "false": False}
_NOT_STRICT = {"AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT", "AEXPR_NULLIF"}


class Row:
    """The rows that hold `value` (None: null) in `column`, of which nothing else is known.

    `exact` says that two values of the column are the same only if their texts are.
    """

    def __init__(self, column: str, value: str | None, *, exact: bool = False) -> None:
        self._column, self._value, self._exact = column, value, exact
        self._readers: dict[str, Callable[[Any], Truths]] = {
            "BoolExpr": self._combined,
            "NullTest": self._null_test,
            "BooleanTest": self._boolean_test,
            "ColumnRef": self._boolean_column,
            "A_Expr": self._comparison,
            "A_Const": lambda node: frozenset({node.boolval.boolval}) if node.HasField("boolval") else ANYTHING,
        }

    def left_out_by(self, predicate: Any) -> bool:
        """Whether no such row is in an index with this predicate (None: an index of all rows)."""
        return predicate is not None and True not in self.truths(predicate)

    def truths(self, node: Any) -> Truths:
        """What the expression may come to for these rows; more than is possible where that is hard to tell."""
        reader = self._readers.get(name_of(node))
        return reader(node) if reader else ANYTHING

    def _combined(self, node: Any) -> Truths:
        first, *others = [self.truths(part) for part in items(node.args)]
        operator = enum_name(node, "boolop")
        if operator == "NOT_EXPR":
            return _negated(first)
        combined = _and if operator == "AND_EXPR" else _or
        return reduce(lambda one, two: frozenset(combined(a, b) for a in one for b in two), others, first)

    def _null_test(self, node: Any) -> Truths:
        if not self._is_column(node.arg):
            return frozenset({True, False})
        is_null = self._value is None
        return frozenset({is_null if enum_name(node, "nulltesttype") == "IS_NULL" else not is_null})

    def _boolean_test(self, node: Any) -> Truths:
        [argument] = items([node.arg])
        asked, negated = _BOOLEAN_TESTS[enum_name(node, "booltesttype")]
        return frozenset((one is asked) is not negated for one in self.truths(argument))

    def _boolean_column(self, node: Any) -> Truths:
        if not _names(node, self._column):
            return ANYTHING
        if self._value is None:
            return frozenset({None})
        known = _BOOLEANS.get(self._value.lower())
        return ANYTHING if known is None else frozenset({known})

    def _comparison(self, node: Any) -> Truths:
        kind, operator = enum_name(node, "kind"), "".join(strings(node.name)[-1:])
        [left], [right] = items([node.lexpr]) or [None], items([node.rexpr]) or [None]
        if not self._is_column(node.lexpr):
            left, right = right, left
        if left is None or right is None or not self._is(left):
            return ANYTHING
        if self._value is None:
            # A null is told apart by DISTINCT alone; every other operator passes it on.
            return frozenset({None}) if kind not in _NOT_STRICT else self._distinct(kind, right)
        if kind in {"AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"}:
            return self._distinct(kind, right)
        return self._against(kind, operator, right)

    def _distinct(self, kind: str, other: Any) -> Truths:
        text = _constant(other)
        if text is None or kind == "AEXPR_NULLIF":
            return ANYTHING
        same = False if self._value is None else self._same(text)
        known = ANYTHING - {None} if same is None else frozenset({same})
        return known if kind == "AEXPR_NOT_DISTINCT" else _negated(known)

    def _against(self, kind: str, operator: str, other: Any) -> Truths:
        """The value against one constant or a list: `=`, `= ANY`, `IN`, and their opposites."""
        found = _members(other) if kind in {"AEXPR_IN", "AEXPR_OP_ANY", "AEXPR_OP_ALL"} else [_constant(other)]
        same = [None if text is None else self._same(text) for text in found]
        one_of = frozenset({True}) if True in same else ANYTHING if None in same or not same else frozenset({False})
        if operator == "=" and (kind != "AEXPR_OP_ALL"):
            return one_of
        if operator == "<>" and (kind != "AEXPR_OP_ANY"):
            return _negated(one_of)
        return ANYTHING

    def _same(self, text: str) -> bool | None:
        """Whether the constant is the value; None when equal values may be written in several ways."""
        assert self._value is not None
        if text == self._value:
            return True
        numbers = _number(text), _number(self._value)
        if None not in numbers:
            return numbers[0] == numbers[1]
        booleans = _BOOLEANS.get(text.lower()), _BOOLEANS.get(self._value.lower())
        if None not in booleans:
            return booleans[0] == booleans[1]
        return False if self._exact else None

    def _is_column(self, wrapped: Any) -> bool:
        found = items([wrapped])
        return bool(found) and self._is(found[0])

    def _is(self, node: Any) -> bool:
        node = _without_casts(node)
        return name_of(node) == "ColumnRef" and _names(node, self._column)


def _names(reference: Any, column: str) -> bool:
    return strings(reference.fields)[-1:] == (column,)


def _without_casts(node: Any) -> Any:
    while name_of(node) in {"TypeCast", "CollateClause"}:
        [node] = items([node.arg])
    return node


def _constant(node: Any) -> str | None:
    """The text of a literal, None for anything else."""
    node = _without_casts(node)
    if name_of(node) != "A_Const" or node.isnull:
        return None
    if node.HasField("boolval"):
        return "true" if node.boolval.boolval else "false"
    if node.HasField("ival"):
        return str(node.ival.ival)
    if node.HasField("fval"):
        return str(node.fval.fval)
    return str(node.sval.sval) if node.HasField("sval") else None


def _members(node: Any) -> list[str | None]:
    """The constants of a list or an array; an array that is no constructor is one unknown."""
    node = _without_casts(node)
    if name_of(node) == "List":
        return [_constant(one) for one in items(node.items)]
    if name_of(node) == "A_ArrayExpr":
        return [_constant(one) for one in items(node.elements)]
    return [None]


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _negated(truths: Truths) -> Truths:
    return frozenset(None if one is None else not one for one in truths)


def _and(one: Truth, two: Truth) -> Truth:
    return False if False in (one, two) else None if None in (one, two) else True


def _or(one: Truth, two: Truth) -> Truth:
    return True if True in (one, two) else None if None in (one, two) else False


# IS [NOT] TRUE, FALSE, UNKNOWN: what is asked for, and whether it is negated.
_BOOLEAN_TESTS: dict[str, tuple[Truth, bool]] = {
    "IS_TRUE": (True, False),
    "IS_NOT_TRUE": (True, True),
    "IS_FALSE": (False, False),
    "IS_NOT_FALSE": (False, True),
    "IS_UNKNOWN": (None, False),
    "IS_NOT_UNKNOWN": (None, True),
}
