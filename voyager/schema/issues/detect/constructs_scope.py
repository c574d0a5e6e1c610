"""What names mean at a place in a query: the relations around it, and the columns that each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from voyager.schema.issues.detect.constructs_words import SYSTEM_COLUMNS
from voyager.schema.model import Key, SchemaModel, TypeRef, ViewFacts, type_ref
from voyager.schema.parse import enum_name, items, name_of, strings

_DEEPEST = 12


@dataclass(frozen=True)
class Scope:
    """A statement around a place, and the one around that. `within` is the CTE in whose query the place stands."""

    node: Any
    parent: Scope | None = None
    within: str = ""


@dataclass(frozen=True)
class Found:
    """What a column's name leads to: a column of a known type, an expression to look at there, or a system column."""

    type: TypeRef | None = None
    expression: Any = None
    scope: Scope | None = None
    system: bool = False


@dataclass(frozen=True)
class _Source:
    """One relation of a FROM list. `columns` are the names that an alias gives, in order."""

    alias: str
    columns: tuple[str, ...]
    node: Any
    scope: Scope


_NOTHING = Found()
_TEXT, _JSONB = TypeRef("", "text"), TypeRef("", "jsonb")
_RESULTS: Mapping[str, tuple[tuple[str, TypeRef], ...]] = MappingProxyType({
    "jsonb_array_elements": (("value", _JSONB),),
    "jsonb_each": (("key", _TEXT), ("value", _JSONB)),
    "jsonb_each_text": (("key", _TEXT), ("value", _TEXT)),
})  # fmt: skip
_NAMED_BY_ARGUMENT = {"A_Indirection", "CollateClause", "TypeCast"}
_OUT = {"FUNC_PARAM_OUT", "FUNC_PARAM_INOUT", "FUNC_PARAM_TABLE"}


class Names:
    """Looks names up in the scopes of a query and in the model of the schema."""

    def __init__(self, model: SchemaModel) -> None:
        self._model = model

    def column(self, parts: tuple[str, ...], scope: Scope | None, depth: int = 0) -> Found | None:
        """What `name`, `relation.name` or `schema.relation.name` is at this place; None where no scope has it."""
        while scope is not None and depth < _DEEPEST:
            sources = list(_sources(scope))
            if len(parts) > 1:
                sources = [source for source in sources if source.alias == parts[-2]]
            found = [one for source in sources if (one := self._column_of(source, parts[-1], depth + 1))]
            if found:
                return next((one for one in found if not one.system), found[0])
            if sources and len(parts) > 1:
                return None
            scope = scope.parent
        return None

    def has(self, relation: str, scope: Scope) -> bool:
        """Whether the statement itself has a relation of this name or alias."""
        return any(source.alias == relation for source in _sources(scope))

    def output(self, query: Any, name: str, columns: tuple[str, ...], scope: Scope, depth: int) -> Found | None:
        """The column `name` of what a query returns; `columns` are the names that it has outside."""
        if depth > _DEEPEST:
            return None
        while name_of(query) == "SelectStmt" and query.HasField("larg"):
            query = query.larg
        inside, targets = Scope(query, scope), _targets(query)
        if name in columns:
            place = columns.index(name)
            counted = place < len(targets) and "*" not in {target for target, _ in targets[:place]}
            return Found(expression=targets[place][1], scope=inside) if counted else _NOTHING
        for target, expression in targets:
            if target == name:
                return Found(expression=expression, scope=inside)
        if "*" in {target for target, _ in targets}:
            found = self.column((name,), inside, depth + 1)
            return None if found and found.system else found
        return None

    def first_output(self, query: Any, scope: Scope | None) -> Found | None:
        targets = _targets(query)
        return Found(expression=targets[0][1], scope=Scope(query, scope)) if targets else None

    def _column_of(self, source: _Source, name: str, depth: int) -> Found | None:
        kind = name_of(source.node)
        if kind == "RangeVar":
            return self._column_of_relation(source, name, depth)
        if kind == "RangeSubselect":
            [query] = items([source.node.subquery])
            return self.output(query, name, source.columns, source.scope, depth)
        if kind == "RangeFunction":
            return self._column_of_function(source, name)
        return _declared_column(source.node, name) or (_NOTHING if name in source.columns else None)

    def _column_of_relation(self, source: _Source, name: str, depth: int) -> Found | None:
        relation = source.node
        with_clause = None if relation.schemaname else _cte(relation.relname, source.scope)
        if with_clause:
            cte, around = with_clause
            [query] = items([cte.ctequery])
            columns = source.columns or strings(cte.aliascolnames)
            return self.output(query, name, columns, Scope(None, around, cte.ctename), depth)
        if name in source.columns:
            return _NOTHING
        key = self._key(relation)
        view = self._model.views.get(key)
        if view is not None and not view.materialized:
            return self._column_of_view(view, name, depth)
        if column := self._model.column(key, name):
            return Found(type=column.type)
        if view is not None and (found := self._column_of_view(view, name, depth)):
            return found
        return Found(system=True) if name in SYSTEM_COLUMNS else None

    def _column_of_view(self, view: ViewFacts, name: str, depth: int) -> Found | None:
        return self.output(view.query, name, view.columns, Scope(None), depth) if view.query is not None else None

    def _key(self, relation: Any) -> Key:
        """The relation that is meant: the search path is not known, so a bare name is looked for in every schema."""
        if relation.schemaname:
            return (relation.schemaname, relation.relname)
        known = [key for key in (*self._model.tables, *self._model.views) if key[1] == relation.relname]
        return next((key for key in known if key[0] == "public"), known[0] if known else ("public", relation.relname))

    def _column_of_function(self, source: _Source, name: str) -> Found | None:
        for definition in items(source.node.coldeflist):
            if definition.colname == name:
                return Found(type=type_ref(definition.type_name))
        calls = [items(function.items)[0] for function in items(source.node.functions)]
        if len(calls) != 1 or name_of(calls[0]) != "FuncCall":
            return _NOTHING if name in (source.alias, *source.columns) else None
        results = self._results(calls[0])
        value = _NOTHING if results else Found(expression=calls[0], scope=source.scope)
        if len(results) == 1:
            value = Found(type=results[0][1])
        if name in source.columns:
            place = source.columns.index(name)
            return Found(type=results[place][1]) if place < len(results) else value
        if name in dict(results):
            return Found(type=dict(results)[name])
        # What returns one value gives its alias to it.
        return value if name == source.alias else None

    def _results(self, call: Any) -> list[tuple[str, TypeRef]]:
        """The columns of what a function returns, where it returns more than one value."""
        names = strings(call.funcname)
        if names[-1] in _RESULTS:
            return list(_RESULTS[names[-1]])
        for facts in self.functions(names):
            out = [node for node in items(facts.tree.parameters) if enum_name(node, "mode") in _OUT]
            if out:
                return [(node.name, type_ref(node.arg_type)) for node in out]
            returns = facts.returns
            columns = self._model.columns_of((returns.schema or "public", returns.name)) if returns else {}
            if columns:
                return [(column.name, column.type) for column in columns.values()]
        return []

    def of_table(self, relation: tuple[str, ...], name: str) -> TypeRef | None:
        """The type of a column of `table` or `schema.table`."""
        known = sorted(key[0] for key in self._model.tables if key[1] == relation[-1])
        schemas = [relation[-2]] if len(relation) > 1 else known
        found = [self._model.column((schema, relation[-1]), name) for schema in schemas]
        return next((column.type for column in found if column), None)

    def anywhere(self, name: str) -> TypeRef | None:
        """The type that columns of this name have, if it is one and the same wherever there is one."""
        types = {facts.columns[name].type for facts in self._model.tables.values() if name in facts.columns}
        return types.pop() if len(types) == 1 else None

    def functions(self, names: tuple[str, ...]) -> list[Any]:
        """The schema's own functions that a call may mean."""
        if len(names) > 1:
            return self._model.functions.get((names[-2], names[-1]), [])
        return [facts for key, found in self._model.functions.items() if key[1] == names[-1] for facts in found]


def _sources(scope: Scope) -> Iterator[_Source]:
    """The relations that a statement names; of DDL the one that it is about."""
    node = scope.node
    if node is None:
        return
    fields = node.DESCRIPTOR.fields_by_name
    for name in ("relation", "table"):
        if name in fields and fields[name].message_type.name == "RangeVar" and node.HasField(name):
            yield _source(getattr(node, name), scope)
    if "source_relation" in fields:
        yield from _flattened(items([node.source_relation]), scope)
    for name in ("from_clause", "using_clause"):
        if name in fields:
            yield from _flattened(items(getattr(node, name)), scope)


def _flattened(nodes: list[Any], scope: Scope) -> Iterator[_Source]:
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if name_of(node) == "JoinExpr":
            waiting.extend(items([node.larg, node.rarg]))
        elif name_of(node) == "RangeTableSample":
            waiting.extend(items([node.relation]))
        else:
            yield _source(node, scope)


def _source(node: Any, scope: Scope) -> _Source:
    alias = node.alias.aliasname if node.HasField("alias") else getattr(node, "relname", "")
    columns = strings(node.alias.colnames) if node.HasField("alias") else ()
    return _Source(alias, columns, node, scope)


def _cte(name: str, scope: Scope | None) -> tuple[Any, Scope] | None:
    """The CTE that a bare name means here; within its own query the name is a table's, unless it is recursive."""
    within = ""
    while scope is not None:
        node = scope.node
        fields = node.DESCRIPTOR.fields_by_name if node is not None else {}
        if "with_clause" in fields and node.HasField("with_clause"):
            for cte in items(node.with_clause.ctes):
                if cte.ctename == name and (cte.ctename != within or node.with_clause.recursive):
                    return cte, scope
        within, scope = scope.within or within, scope.parent
    return None


def _targets(query: Any) -> list[tuple[str, Any]]:
    """The names and expressions that a query, or a statement with RETURNING, gives."""
    if name_of(query) != "SelectStmt":
        fields = query.DESCRIPTOR.fields_by_name
        listed = query.returning_clause.exprs if "returning_clause" in fields else ()
        return [_target(target) for target in items(listed)]
    if query.values_lists:
        [row] = items(query.values_lists[:1])
        return [(f"column{place}", value) for place, value in enumerate(items(row.items), start=1)]
    return [_target(target) for target in items(query.target_list)]


def _target(target: Any) -> tuple[str, Any]:
    [expression] = items([target.val]) or [None]
    return (target.name or _implied_name(expression), expression)


def _implied_name(expression: Any) -> str:
    """The name that the server gives to an unnamed column."""
    while expression is not None and name_of(expression) in _NAMED_BY_ARGUMENT:
        named = strings(expression.indirection) if name_of(expression) == "A_Indirection" else ()
        if named:
            return named[-1]
        [expression] = items([expression.arg]) or [None]
    kind = name_of(expression) if expression is not None else ""
    if kind == "ColumnRef":
        last = items(expression.fields)[-1]
        return str(last.sval) if name_of(last) == "String" else "*"
    return strings(expression.funcname)[-1] if kind == "FuncCall" else ""


def _declared_column(node: Any, name: str) -> Found | None:
    """A column of XMLTABLE or JSON_TABLE."""
    fields = node.DESCRIPTOR.fields_by_name
    for column in items(node.columns) if "columns" in fields else ():
        written = getattr(column, "colname", "") or getattr(column, "name", "")
        if written == name:
            return Found(type=type_ref(column.type_name) if column.HasField("type_name") else None)
    return None
