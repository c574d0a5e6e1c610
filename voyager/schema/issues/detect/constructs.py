"""Finds constructs of queries anywhere in a parse tree, in one walk over it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from voyager.schema.issues.detect.constructs_scope import Names, Scope
from voyager.schema.issues.detect.constructs_types import Types
from voyager.schema.issues.detect.constructs_words import (
    EXTENSION_FUNCTIONS,
    ISSUE_OF_FUNCTION,
    MISSING_TYPES,
    NEWER_FUNCTION,
    RECENT_ISSUES,
    SYSTEM_COLUMNS,
    may_hold_constructs,
)
from voyager.schema.issues.issue import Hit
from voyager.schema.model import SchemaModel, TypeRef, type_ref
from voyager.schema.parse import enum_name, items, name_of, scan, strings

_NO_VARIABLES: Mapping[str, TypeRef] = MappingProxyType({})


def detect(
    tree: Any,
    model: SchemaModel,
    *,
    text: str = "",
    variables: Mapping[str, TypeRef] = _NO_VARIABLES,
    printed: bool = True,
) -> Iterator[Hit]:
    """Yield one hit for each issue of query constructs that stands in the statement.

    `text` is what was parsed: some spellings show only there. `variables` are names that a routine around the
    statement has. `printed` says that the server has printed the statement, with schemas before all functions but its
    own; what people have written may mean one of theirs. The bodies of routines are not looked into: see bodies.
    """
    if text and not may_hold_constructs(text):
        return
    search = _Search(model, text, variables, printed=printed)
    search.walk(tree)
    yield from search.hits()


def detect_type(written: TypeRef, model: SchemaModel) -> Iterator[Hit]:
    """Yield the hit of a variable or parameter of a type that the target lacks."""
    search = _Search(model, "", _NO_VARIABLES)
    search.type(written)
    yield from search.hits()


class _Search:
    def __init__(
        self, model: SchemaModel, text: str, variables: Mapping[str, TypeRef], *, printed: bool = True
    ) -> None:
        self._model = model
        self._printed = printed
        self._text = text
        self._odd_literals = text.encode() if _ODD_LITERAL.search(text) else b""
        self._variables = variables
        self._names = Names(model)
        self._types = Types(model, self._names, variables)
        self._found: dict[str, dict[str, set[str]]] = {}
        self._top: Any = None

    def walk(self, tree: Any) -> None:
        """Visit every node; a visitor returns the scope that holds below it, None where nothing below counts."""
        self._top = tree
        waiting: list[tuple[Any, Scope | None]] = [(tree, None)]
        while waiting:
            node, scope = waiting.pop()
            kind = type(node).__name__
            if kind == "Node":
                which = node.WhichOneof("node")
                if which is not None:
                    waiting.append((getattr(node, which), scope))
                continue
            if kind in _SCOPES:
                scope = Scope(node, scope)
            for issue_id, function in _ISSUES_OF_NODE.get(kind, ()):
                self._add(issue_id, "FunctionNames" if function else "", function)
            visit = _VISITORS.get(kind)
            if visit is not None and visit(self, node, scope) is _STOP:
                continue
            if kind == "CommonTableExpr":
                scope = Scope(None, scope, node.ctename)
            for field, value in node.ListFields():
                if field.message_type is not None:
                    # A list of nodes has `add`, a node does not.
                    waiting.extend([(one, scope) for one in value] if hasattr(value, "add") else [(value, scope)])

    def hits(self) -> Iterator[Hit]:
        for issue_id, details in sorted(self._found.items()):
            listed = {key: sorted(values) for key, values in details.items()}
            yield Hit(issue_id, details={key: one if key in _LISTS else ", ".join(one) for key, one in listed.items()})

    def _add(self, issue_id: str, key: str = "", value: str = "") -> None:
        details = self._found.setdefault(issue_id, {})
        if key:
            details.setdefault(key, set()).add(value)

    # Calls and functions

    def call(self, node: Any, _: Scope | None) -> None:
        name = node.funcname[-1].string.sval
        issue_id = ISSUE_OF_FUNCTION.get(name)
        if issue_id is None and name not in _SPECIAL_CALLS:
            return
        names = strings(node.funcname)
        if name == "timezone" and len(node.args) == 1 and enum_name(node, "funcformat") == "COERCE_SQL_SYNTAX":
            self._add("AT_LOCAL")
        elif name == "random" and node.args and self._is_builtin(names, NEWER_FUNCTION):
            self._add(NEWER_FUNCTION, "FunctionNames", name)
        elif issue_id and self._is_builtin(names, issue_id):
            self._add(issue_id, "FunctionNames", name)

    def _is_builtin(self, names: tuple[str, ...], issue_id: str) -> bool:
        """Whether a call means the server's function, or one of an extension, and not the schema's own."""
        schema = names[-2] if len(names) > 1 else ""
        if schema == "pg_catalog":
            return True
        if names[-1] in EXTENSION_FUNCTIONS or not (schema or self._printed or issue_id not in RECENT_ISSUES):
            return not self._names.functions(names)
        return not schema

    def trigger(self, node: Any, _: Scope | None) -> None:
        names = strings(node.funcname)
        if names[-1] in EXTENSION_FUNCTIONS and not self._names.functions(names):
            self._add("LARGE_OBJECT_FUNCTIONS", "FunctionNames", names[-1])

    def routine(self, node: Any, _: Scope | None) -> object:
        """Of a routine its language, types and defaults; its body is read by itself."""
        self._language(node.options)
        for parameter in items(node.parameters):
            self.type(type_ref(parameter.arg_type))
            self.walk_below(parameter.defexpr)
        if node.HasField("return_type"):
            self.type(type_ref(node.return_type))
        return _STOP

    def walk_below(self, node: Any) -> None:
        top = self._top
        self.walk(node)
        self._top = top

    def block(self, node: Any, _: Scope | None) -> object:
        self._language(node.args)
        return _STOP

    def _language(self, options: Any) -> None:
        for option in items(options):
            if option.defname == "language":
                language = items([option.arg])[0].sval.lower()
                if language not in _READ_LANGUAGES:
                    self._add("FUNCTION_IN_OTHER_LANGUAGE", "Language", language)

    # Names, values and types

    def column(self, node: Any, scope: Scope | None) -> None:
        if node.fields[-1].string.sval not in SYSTEM_COLUMNS:
            return
        parts = strings(node.fields)
        if self._is_system(parts, scope):
            self._add(f"SYSTEM_COLUMN_{parts[-1].upper()}")

    def _is_system(self, parts: tuple[str, ...], scope: Scope | None) -> bool:
        if len(parts) == 1 and parts[0] in self._variables:
            return False
        found = self._names.column(parts, scope)
        if found is not None:
            return found.system
        # The rows of a trigger or a rule are a table's.
        return len(parts) == 2 and parts[0] in {"new", "old"}

    def order(self, node: Any, scope: Scope | None) -> object:
        """ORDER BY a bare name means an output column of that name first."""
        [key] = items([node.node]) or [None]
        if key is not None and name_of(key) == "ColumnRef" and len(key.fields) == 1 and scope is not None:
            name = strings(key.fields)
            query = scope.node
            while name_of(query) == "SelectStmt" and query.HasField("larg"):
                query = query.larg
            if name_of(query) == "SelectStmt" and name[0] in {target.name for target in items(query.target_list)}:
                return _STOP
        return None

    def subscript(self, node: Any, scope: Scope | None) -> None:
        self._subscripts(self._types.subscripts_jsonb(node, scope), node.indirection)

    def target(self, node: Any, scope: Scope | None) -> None:
        """SET column['key'] = …, or a column with a subscript in INSERT."""
        if node.indirection and scope is not None:
            found = self._names.column((node.name,), scope)
            self._subscripts(self._types.is_jsonb(found.type if found else None), node.indirection)

    def _subscripts(self, is_jsonb: bool | None, indirection: Any) -> None:
        steps = [step for step in items(indirection) if name_of(step) == "A_Indices"]
        # Of an unknown type: an array takes no word for a subscript.
        if steps and (is_jsonb or (is_jsonb is None and any(_is_word(step) for step in steps))):
            self._add("JSONB_SUBSCRIPTING")

    def constant(self, node: Any, _: Scope | None) -> None:
        written = node.fval.fval.lstrip("-") if node.HasField("fval") else ""
        if not written and node.HasField("ival") and self._odd_literals:
            literal = _LITERAL.match(self._odd_literals, node.location)
            written = literal.group().decode().lstrip("-+ \n\t") if literal else ""
        if written[:2].lower() in _RADIX:
            self._add("NON_DECIMAL_INTEGER_LITERAL")
        if "_" in written:
            self._add("UNDERSCORE_IN_NUMERIC_LITERAL")

    def cast(self, node: Any, _: Scope | None) -> None:
        self.type(type_ref(node.type_name))

    def type(self, written: TypeRef) -> None:
        resolved = self._model.resolve(self._types.base(written))
        if resolved.key is None and resolved.base.name in MISSING_TYPES:
            self._add("UNSUPPORTED_DATATYPE_IN_CODE", "ColumnType", resolved.base.name)

    def window(self, node: Any, scope: Scope | None) -> None:
        offsets = items([node.start_offset, node.end_offset])
        if not offsets or not node.frame_options & _FRAME_RANGE:
            return
        keys = [found[0] for key in items(node.order_clause) if (found := items([key.node]))]
        types = [self._types.of(expression, scope) for expression in (*offsets, *keys)]
        if any(one is not None and not one.arrays and one.name in _INEXACT for one in types):
            self._add("RANGE_OFFSET_NUMERIC_DOUBLE")

    # Clauses and statements

    def select(self, node: Any, _: Scope | None) -> None:
        if enum_name(node, "limit_option") == "LIMIT_OPTION_WITH_TIES":
            self._add("FETCH_WITH_TIES")

    def subselect(self, node: Any, _: Scope | None) -> None:
        if not node.HasField("alias"):
            self._add("SUBQUERY_WITHOUT_ALIAS")

    def cte(self, node: Any, _: Scope | None) -> None:
        if enum_name(node, "ctematerialized") != "CTEMaterializeDefault":
            self._add("CTE_WITH_MATERIALIZED_CLAUSE")

    def merge(self, node: Any, _: Scope | None) -> None:
        self._add("MERGE_STATEMENT")
        if any(
            enum_name(one, "match_kind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" for one in items(node.merge_when_clauses)
        ):
            self._add("MERGE_NOT_MATCHED_BY_SOURCE")
        if node.HasField("returning_clause"):
            self._add("MERGE_RETURNING")

    def returning(self, node: Any, scope: Scope | None) -> None:
        """RETURNING that tells rows before from rows after; in triggers and rules OLD and NEW are something else."""
        if node.options:
            self._add("RETURNING_OLD_NEW")
        if type(self._top).__name__ == "RuleStmt" or "new" in self._variables:
            return
        for target in items(node.exprs):
            for part in _columns_below(target):
                parts = strings(part.fields)
                if parts and parts[0] in {"new", "old"} and len(part.fields) == 2 and not self._has(parts[0], scope):
                    self._add("RETURNING_OLD_NEW")

    def _has(self, relation: str, scope: Scope | None) -> bool:
        return scope is not None and self._names.has(relation, scope)

    def copy(self, node: Any, _: Scope | None) -> None:
        options = {option.defname: items([option.arg]) for option in items(node.options)}
        if node.is_from and node.HasField("where_clause"):
            self._add("COPY FROM ... WHERE")
        if "on_error" in options:
            self._add("COPY ... ON_ERROR")
        newer = _COPY_OPTIONS & options.keys()
        newer |= {
            name for name in _COPY_LISTS & options.keys() if any(name_of(one) == "A_Star" for one in options[name])
        }
        for name in newer:
            self._add("COPY_OPTION_NEWER_THAN_PG15", "Value", name.upper())

    def fetch(self, node: Any, _: Scope | None) -> None:
        if node.ismove:
            return
        second = [token.value for token in scan(self._text)[1:2]]
        if enum_name(node, "direction") != "FETCH_FORWARD" or second in (["next"], ["forward"]):
            self._add("FETCH_CURSOR_DIRECTION")

    def transaction(self, node: Any, _: Scope | None) -> None:
        if issue_id := _TRANSACTIONS.get(enum_name(node, "kind")):
            self._add(issue_id)

    def unique(self, node: Any, _: Scope | None) -> None:
        """A constraint or an index: only what is unique has the clause."""
        if node.nulls_not_distinct:
            self._add("UNIQUE_NULLS_NOT_DISTINCT")

    def json_query(self, node: Any, _: Scope | None) -> None:
        self._add("JSON_QUERY_FUNCTION", "FunctionNames", enum_name(node, "op").removesuffix("_OP"))


_STOP = object()
_LISTS = {"FunctionNames"}
_SPECIAL_CALLS = {"random", "timezone"}
_READ_LANGUAGES = {"c", "internal", "plpgsql", "sql"}
_ODD_LITERAL = re.compile(r"\b0[xob]|\d_\d", re.IGNORECASE)
_LITERAL = re.compile(rb"[-+\s]*[0-9][0-9A-Za-z_]*")
_RADIX = {"0b", "0o", "0x"}
_INEXACT = {"float4", "float8", "numeric"}
_FRAME_RANGE = 2  # the server's FRAMEOPTION_RANGE
_COPY_OPTIONS = {"default", "log_verbosity", "reject_limit"}
_COPY_LISTS = {"force_not_null", "force_null"}
_TRANSACTIONS = {
    "TRANS_STMT_COMMIT_PREPARED": "TWO_PHASE_COMMIT",
    "TRANS_STMT_PREPARE": "TWO_PHASE_COMMIT",
    "TRANS_STMT_RELEASE": "SAVEPOINT_USAGE",
    "TRANS_STMT_ROLLBACK_PREPARED": "TWO_PHASE_COMMIT",
    "TRANS_STMT_ROLLBACK_TO": "SAVEPOINT_USAGE",
    "TRANS_STMT_SAVEPOINT": "SAVEPOINT_USAGE",
}
# Statements whose relations the names below them may mean.
_SCOPES = frozenset({
    "AlterTableStmt", "AlterPolicyStmt", "CopyStmt", "CreatePolicyStmt", "CreateStmt", "CreateTrigStmt", "DeleteStmt",
    "IndexStmt", "InsertStmt", "MergeStmt", "RuleStmt", "SelectStmt", "UpdateStmt",
})  # fmt: skip


def _is_word(step: Any) -> bool:
    """Whether a subscript is a string that is no number."""
    [index] = items([step.uidx]) or [None]
    if index is None or name_of(index) != "A_Const" or not index.HasField("sval"):
        return False
    return not index.sval.sval.strip().lstrip("-").isdigit()


def _columns_below(node: Any) -> Iterator[Any]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if type(found).__name__ == "ColumnRef":
            yield found
        for field, value in found.ListFields():
            if field.message_type is not None:
                waiting.extend(value if hasattr(value, "add") else [value])


# Nodes that are an issue by themselves, with the function that they are a call of.
_ISSUES_OF_NODE: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType({
    "CurrentOfExpr": (("WHERE_CURRENT_OF", ""),),
    "JsonArrayAgg": (("JSON_CONSTRUCTOR_FUNCTION", "JSON_ARRAYAGG"), ("JSON_ARRAYAGG", "")),
    "JsonArrayConstructor": (("JSON_CONSTRUCTOR_FUNCTION", "JSON_ARRAY"),),
    "JsonArrayQueryConstructor": (("JSON_CONSTRUCTOR_FUNCTION", "JSON_ARRAY"),),
    "JsonIsPredicate": (("JSON_TYPE_PREDICATE", ""),),
    "JsonObjectAgg": (("JSON_CONSTRUCTOR_FUNCTION", "JSON_OBJECTAGG"),),
    "JsonObjectConstructor": (("JSON_CONSTRUCTOR_FUNCTION", "JSON_OBJECT"),),
    "JsonParseExpr": (("SQL_JSON_SCALAR_FUNCTION", "JSON"),),
    "JsonScalarExpr": (("SQL_JSON_SCALAR_FUNCTION", "JSON_SCALAR"),),
    "JsonSerializeExpr": (("SQL_JSON_SCALAR_FUNCTION", "JSON_SERIALIZE"),),
    "JsonTable": (("JSON_QUERY_FUNCTION", "JSON_TABLE"),),
    "ListenStmt": (("LISTEN_NOTIFY", ""),),
    "NotifyStmt": (("LISTEN_NOTIFY", ""),),
    "RangeTableFunc": (("XML_FUNCTIONS", "xmltable"),),
    "UnlistenStmt": (("LISTEN_NOTIFY", ""),),
    "XmlExpr": (("XML_FUNCTIONS", ""),),
    "XmlSerialize": (("XML_FUNCTIONS", "xmlserialize"),),
})  # fmt: skip

_VISITORS: Mapping[str, Callable[[_Search, Any, Scope | None], object]] = MappingProxyType({
    "A_Const": _Search.constant,
    "A_Indirection": _Search.subscript,
    "ColumnRef": _Search.column,
    "CommonTableExpr": _Search.cte,
    "Constraint": _Search.unique,
    "CopyStmt": _Search.copy,
    "CreateFunctionStmt": _Search.routine,
    "CreateTrigStmt": _Search.trigger,
    "DoStmt": _Search.block,
    "FetchStmt": _Search.fetch,
    "FuncCall": _Search.call,
    "IndexStmt": _Search.unique,
    "JsonFuncExpr": _Search.json_query,
    "MergeStmt": _Search.merge,
    "RangeSubselect": _Search.subselect,
    "ResTarget": _Search.target,
    "ReturningClause": _Search.returning,
    "SelectStmt": _Search.select,
    "SortBy": _Search.order,
    "TransactionStmt": _Search.transaction,
    "TypeCast": _Search.cast,
    "WindowDef": _Search.window,
})  # fmt: skip
