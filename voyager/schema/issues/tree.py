"""Views on parse trees that detectors share: constraints, names, and what the whole schema says of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.schema.parse import enum_name, items, name_of, strings
from voyager.schema.statements import Statement

Key = tuple[str, str]

_TABLE_STATEMENTS = {"CreateStmt", "AlterTableStmt"}


@dataclass(frozen=True)
class TableConstraint:
    """One constraint, inline or added. `kind` is primary, unique, foreign, check, exclusion, generated, notnull, …"""

    kind: str
    name: str
    columns: tuple[str, ...]
    deferrable: bool
    node: Any
    added: bool


@dataclass
class TableFacts:
    """What the statements of a schema say of one table, wherever they say it."""

    strategy: str = ""
    key_columns: tuple[str, ...] = ()
    key_expressions: int = 0
    constraints: list[TableConstraint] = field(default_factory=list)

    @property
    def partitioned(self) -> bool:
        return bool(self.strategy)


class Context:
    """What detectors may ask of the rest of the schema."""

    def __init__(self, trees: Iterable[Any]) -> None:
        self._tables: dict[Key, TableFacts] = {}
        for tree in trees:
            if name_of(tree) in _TABLE_STATEMENTS:
                self._learn(tree)

    def table(self, relation: Any) -> TableFacts:
        return self._tables.get(key_of(relation), TableFacts())

    def _learn(self, tree: Any) -> None:
        facts = self._tables.setdefault(key_of(tree.relation), TableFacts())
        facts.constraints.extend(constraints(tree))
        if name_of(tree) == "CreateStmt" and tree.HasField("partspec"):
            keys = items(tree.partspec.part_params)
            facts.strategy = enum_name(tree.partspec, "strategy").removeprefix("PARTITION_STRATEGY_").lower()
            facts.key_columns = tuple(key.name for key in keys if key.name)
            facts.key_expressions = sum(1 for key in keys if not key.name)


@dataclass(frozen=True)
class Parsed:
    """A statement with its parse tree, the tree's node type, its constraints, and what is known of its table."""

    statement: Statement
    tree: Any
    type: str
    constraints: tuple[TableConstraint, ...]
    table: TableFacts

    @classmethod
    def of(cls, statement: Statement, tree: Any, context: Context) -> Parsed:
        kind = name_of(tree)
        found = tuple(constraints(tree)) if kind in _TABLE_STATEMENTS else ()
        table = context.table(tree.relation) if kind in {*_TABLE_STATEMENTS, "CreateTrigStmt"} else TableFacts()
        return cls(statement, tree, kind, found, table)


def key_of(relation: Any) -> Key:
    """The identity of a relation; a name without a schema is taken for one in public."""
    return (relation.schemaname or "public", relation.relname)


def label(relation: Any) -> str:
    if relation.schemaname:
        return str(TableName(relation.schemaname, relation.relname))
    return str(Identifier(relation.relname))


def constraints(tree: Any) -> Iterator[TableConstraint]:
    """Every constraint of a CREATE TABLE or ALTER TABLE, whether on a column, on the table or added."""
    if name_of(tree) == "CreateStmt":
        for element in items(tree.table_elts):
            if name_of(element) == "ColumnDef":
                yield from _column_constraints(element, added=False)
            elif name_of(element) == "Constraint":
                yield _table_constraint(element, added=False)
    for command in items(tree.cmds) if name_of(tree) == "AlterTableStmt" else ():
        definition = defined(command)
        if definition is not None and name_of(definition) == "Constraint":
            yield _table_constraint(definition, added=True)
        elif definition is not None and name_of(definition) == "ColumnDef":
            yield from _column_constraints(definition, added=True)


def defined(command: Any) -> Any | None:
    """The definition inside an ALTER TABLE command, None without one."""
    found = items([getattr(command, "def")])
    return found[0] if found else None


def _table_constraint(node: Any, *, added: bool) -> TableConstraint:
    columns = strings(node.fk_attrs) or strings(node.keys)
    return TableConstraint(_kind(node), node.conname, columns, node.deferrable, node, added)


def _column_constraints(column: Any, *, added: bool) -> list[TableConstraint]:
    """A column's constraints; DEFERRABLE stands behind the one it belongs to as a node of its own."""
    found: list[TableConstraint] = []
    for node in items(column.constraints):
        kind = _kind(node)
        if kind == "attr_deferrable" and found:
            last = found.pop()
            found.append(TableConstraint(last.kind, last.name, last.columns, True, last.node, added))
        else:
            found.append(TableConstraint(kind, node.conname, (column.colname,), node.deferrable, node, added))
    return found


def _kind(node: Any) -> str:
    return enum_name(node, "contype").removeprefix("CONSTR_").lower()
