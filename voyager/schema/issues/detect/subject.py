"""What a statement is about, as reports name it: the type of the object and its name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from voyager.identifiers import visible
from voyager.schema.issues.detect.parsed import OBJECT_KINDS
from voyager.schema.lexer import tokens
from voyager.schema.nodes import dotted, label
from voyager.schema.parse import enum_name, name_of, strings
from voyager.schema.statements import Statement

Subject = tuple[str, str]

_MATERIALIZED = "MVIEW"
_SETTINGS_OF_RELATIONS = {"table_setting", "column_setting"}


def subject(statement: Statement, tree: Any) -> Subject:
    """The object of a statement with a parse tree: a routine without its arguments, an index with its table."""
    read = _BY_NODE.get(name_of(tree))
    return read(tree) if read else subject_of_text(statement)


def subject_of_text(statement: Statement) -> Subject:
    """The same from the words of a statement, where it has no parse tree or is of no kind that reports name."""
    kind = _kind(statement)
    if statement.table is not None and statement.kind in {"index", "trigger", "policy", "rule"}:
        return kind, f"{dotted(statement.name)} ON {dotted(statement.table.schema, statement.table.name)}"
    name = dotted(statement.schema, statement.name) if statement.schema != statement.name else dotted(statement.name)
    return kind, name or statement.object_name or visible(" ".join(statement.text.split())[:60])


def _kind(statement: Statement) -> str:
    if statement.kind == "materialized_view":
        return _MATERIALIZED
    if statement.kind not in _SETTINGS_OF_RELATIONS:
        return statement.kind.removesuffix("_setting").replace("_", " ").upper()
    _, word = (token.value for token in islice(tokens(statement.text), 2))
    return {"view": "VIEW", "materialized": _MATERIALIZED, "foreign": "FOREIGN TABLE"}.get(word, "TABLE")


def _altered(tree: Any) -> Subject:
    return OBJECT_KINDS.get(enum_name(tree, "objtype"), "TABLE"), label(tree.relation)


def _routine(tree: Any) -> Subject:
    return "PROCEDURE" if tree.is_procedure else "FUNCTION", dotted(*strings(tree.funcname))


def _selected(tree: Any) -> Subject:
    kind = OBJECT_KINDS.get(enum_name(tree, "objtype"), "TABLE")
    return kind, label(tree.into.rel)


def _within(kind: str, name: str, relation: str = "relation") -> Callable[[Any], Subject]:
    return lambda tree: (kind, f"{dotted(getattr(tree, name))} ON {label(getattr(tree, relation))}")


def _listed(kind: str, names: str) -> Callable[[Any], Subject]:
    return lambda tree: (kind, dotted(*strings(getattr(tree, names))))


def _defined(tree: Any) -> Subject:
    kind = enum_name(tree, "kind").removeprefix("OBJECT_").replace("TS", "TEXT SEARCH ")
    return kind, dotted(*strings(tree.defnames))


_BY_NODE: dict[str, Callable[[Any], Subject]] = {
    "CreateStmt": lambda tree: ("TABLE", label(tree.relation)),
    "CreateForeignTableStmt": lambda tree: ("FOREIGN TABLE", label(tree.base_stmt.relation)),
    "AlterTableStmt": _altered,
    "IndexStmt": _within("INDEX", "idxname"),
    "ViewStmt": lambda tree: ("VIEW", label(tree.view)),
    "CreateTableAsStmt": _selected,
    "CreateFunctionStmt": _routine,
    "CreateTrigStmt": _within("TRIGGER", "trigname"),
    "CreatePolicyStmt": _within("POLICY", "policy_name", "table"),
    "RuleStmt": _within("RULE", "rulename"),
    "CreateSeqStmt": lambda tree: ("SEQUENCE", label(tree.sequence)),
    "CreateDomainStmt": _listed("DOMAIN", "domainname"),
    "AlterDomainStmt": _listed("DOMAIN", "type_name"),
    "CreateEnumStmt": _listed("TYPE", "type_name"),
    "CreateRangeStmt": _listed("TYPE", "type_name"),
    "CompositeTypeStmt": lambda tree: ("TYPE", label(tree.typevar)),
    "DefineStmt": _defined,
}
