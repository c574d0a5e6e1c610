"""The type of an expression in a query, as far as the query and the schema tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from voyager.schema.issues.detect.constructs_scope import Names, Scope
from voyager.schema.model import SchemaModel, TypeRef, type_ref
from voyager.schema.parse import enum_name, items, name_of, strings

_DEEPEST = 40

# Functions of the server that return jsonb.
JSONB_FUNCTIONS = frozenset({
    "array_to_jsonb", "json_to_jsonb", "jsonb", "jsonb_agg", "jsonb_agg_strict", "jsonb_array_element",
    "jsonb_array_elements", "jsonb_build_array", "jsonb_build_object", "jsonb_concat", "jsonb_delete",
    "jsonb_delete_path", "jsonb_extract_path", "jsonb_insert", "jsonb_object", "jsonb_object_agg",
    "jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict", "jsonb_object_field",
    "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_array_tz", "jsonb_path_query_first",
    "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_set", "jsonb_set_lax", "jsonb_strip_nulls", "to_jsonb",
})  # fmt: skip
_JSON_OPERATORS = {"->", "#>", "-", "#-", "||"}
_ARITHMETIC = {"+", "-", "*", "/"}


class Types:
    """Finds types; `variables` are the names around a statement that are not columns, with their types."""

    def __init__(self, model: SchemaModel, names: Names, variables: Mapping[str, TypeRef]) -> None:
        self._model = model
        self._names = names
        self._variables = variables
        self._of: dict[str, Callable[[Any, Scope | None, int], TypeRef | None]] = {
            "A_Expr": self._operation,
            "A_Indirection": self._indirection,
            "CaseExpr": self._case,
            "CoalesceExpr": self._alternatives,
            "ColumnRef": self._column,
            "MinMaxExpr": self._alternatives,
            "SubLink": self._subquery,
        }
        self._plain: dict[str, Callable[[Any], TypeRef | None]] = {
            "A_ArrayExpr": lambda _: TypeRef("", "", arrays=1),
            "A_Const": _constant,
            "FuncCall": self._call,
            "ParamRef": lambda node: variables.get(f"${node.number}"),
            "TypeCast": lambda node: type_ref(node.type_name),
        }

    def of(self, node: Any, scope: Scope | None, depth: int = 0) -> TypeRef | None:
        """The base type of an expression, domains followed; None where it cannot be told."""
        if node is None or depth > _DEEPEST:
            return None
        kind = name_of(node)
        found = self._plain[kind](node) if kind in self._plain else None
        if kind in self._of:
            found = self._of[kind](node, scope, depth + 1)
        return self.base(found) if found else None

    def base(self, written: TypeRef) -> TypeRef:
        """The type behind domains and `table.column%TYPE`."""
        if written.of_column:
            *relation, name = written.of_column
            column = self._names.of_table(tuple(relation), name) if relation else self._variables.get(name)
            if column is None:
                return written
            written = replace(column, arrays=column.arrays + written.arrays)
        return self._model.resolve(written).base

    def subscripts_jsonb(self, node: Any, scope: Scope | None) -> bool | None:
        """Whether an A_Indirection has a subscript on jsonb; None where the type cannot be told."""
        for found, step in self._steps(node, scope, 0):
            if name_of(step) == "A_Indices":
                return self.is_jsonb(found)
        return False

    def is_jsonb(self, found: TypeRef | None) -> bool | None:
        """Whether a type is jsonb; None where it is not known."""
        base = self.base(found) if found else None
        if base is None or base.of_column or not (base.name or base.arrays):
            return None
        return base.name == "jsonb" and not base.arrays and base.schema in {"", "pg_catalog"}

    def _alternatives(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        return self._first(node.args, scope, depth)

    def _case(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        return self._first([node.defresult, *(branch.result for branch in items(node.args))], scope, depth)

    def _first(self, nodes: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        found = (self.of(node, scope, depth) for node in items(nodes))
        return next((one for one in found if one is not None), None)

    def _column(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        parts = strings(node.fields)
        if len(parts) != len(node.fields):
            return None
        found = self._names.column(parts, scope)
        if found is None:
            return self._variable(parts)
        if found.expression is not None:
            return self.of(found.expression, found.scope, depth)
        return found.type

    def _variable(self, parts: tuple[str, ...]) -> TypeRef | None:
        """A variable, or a field of a row: of NEW and OLD, or of a variable that holds one."""
        if len(parts) == 1:
            return self._variables.get(parts[0])
        row = self._variables.get(parts[0])
        relation = (row.schema, row.name) if row and row.schema else (row.name,) if row else ()
        known = self._names.of_table(relation, parts[-1]) if row and row.name != "record" else None
        return known or (None if row and row.name != "record" else self._names.anywhere(parts[-1]))

    def _call(self, node: Any) -> TypeRef | None:
        names = strings(node.funcname)
        if names[-1] in JSONB_FUNCTIONS and (len(names) == 1 or names[-2] == "pg_catalog"):
            return TypeRef("", "jsonb")
        returned = [facts.returns for facts in self._names.functions(names)]
        return returned[0] if returned and len({self.base(one) if one else None for one in returned}) == 1 else None

    def _operation(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        operator = strings(node.name)[-1:]
        if enum_name(node, "kind") != "AEXPR_OP" or operator[0] not in _JSON_OPERATORS | _ARITHMETIC:
            return None
        left, right = (self.of(found[0], scope, depth) if (found := items([side])) else None for side in _sides(node))
        known = [one for one in (left, right) if one is not None]
        if any(one.name in {"json", "jsonb"} for one in known):
            return left or right
        for name in ("float8", "float4", "numeric"):
            if any(one.name == name for one in known):
                return TypeRef("", name)
        return left or right

    def _indirection(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        found, step = list(self._steps(node, scope, depth))[-1]
        return self._step(found, step) if found else None

    def _steps(self, node: Any, scope: Scope | None, depth: int) -> Iterator[tuple[TypeRef | None, Any]]:
        """Each subscript and field of an A_Indirection with the type of what it is taken of."""
        [argument] = items([node.arg])
        found = self.of(argument, scope, depth)
        for step in items(node.indirection):
            yield found, step
            found = self._step(found, step) if found else None

    def _step(self, found: TypeRef, step: Any) -> TypeRef | None:
        if name_of(step) == "A_Indices":
            return replace(found, arrays=0) if found.arrays and not step.is_slice else found
        facts = self._model.types.get((found.schema or "public", found.name))
        written = dict(facts.attributes).get(step.sval) if facts and name_of(step) == "String" else None
        return self.base(written) if written and not found.arrays else None

    def _subquery(self, node: Any, scope: Scope | None, depth: int) -> TypeRef | None:
        kind = enum_name(node, "sub_link_type")
        found = self._names.first_output(items([node.subselect])[0], scope)
        if found is None or kind not in {"EXPR_SUBLINK", "ARRAY_SUBLINK"}:
            return None
        of = self.of(found.expression, found.scope, depth)
        return replace(of, arrays=1) if of and kind == "ARRAY_SUBLINK" else of


def _sides(node: Any) -> tuple[Any, Any]:
    return (node.lexpr, node.rexpr)


def _constant(node: Any) -> TypeRef | None:
    if node.HasField("ival"):
        return TypeRef("", "int4")
    return TypeRef("", "numeric") if node.HasField("fval") else None
