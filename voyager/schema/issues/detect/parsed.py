"""Parsed: a statement with its parse tree and the model of its schema, as detectors look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from voyager.schema.chosen_names import name_of_constraint
from voyager.schema.issues.issue import Hit
from voyager.schema.model import ConstraintFacts, SchemaModel, TableFacts
from voyager.schema.nodes import constraints, dotted, key_of, label
from voyager.schema.parse import enum_name, items, name_of
from voyager.schema.statements import Statement

# What the parser calls an object -> what reports call it, where that is not the same in words.
OBJECT_KINDS = {
    "OBJECT_MATVIEW": "MVIEW",
    "OBJECT_FOREIGN_TABLE": "FOREIGN TABLE",
    **{f"OBJECT_{name}": name for name in ("AGGREGATE", "COLLATION", "INDEX", "SEQUENCE", "TABLE", "TYPE", "VIEW")},
}


@dataclass(frozen=True)
class Parsed:
    """`tree` is the concrete node of the statement (CreateStmt, AlterTableStmt, …)."""

    statement: Statement
    tree: Any
    model: SchemaModel

    @cached_property
    def type(self) -> str:
        return name_of(self.tree)

    @cached_property
    def relation(self) -> Any:
        """The relation that the statement creates, alters or belongs to."""
        return self.tree.base_stmt.relation if self.type == "CreateForeignTableStmt" else self.tree.relation

    @cached_property
    def table(self) -> TableFacts:
        """What the whole schema says of that relation."""
        return self.model.table(self.relation)

    @cached_property
    def constraints(self) -> tuple[ConstraintFacts, ...]:
        """The constraints that this statement declares; the columns of a key made from an index are filled in."""
        found = tuple(constraints(self.tree, self.statement))
        return tuple(self.model.with_columns(key_of(self.relation), constraint) for constraint in found)

    def commands(self, *subtypes: str) -> list[Any]:
        """The commands of an ALTER TABLE that are of one of these kinds, all of them without one."""
        found = items(self.tree.cmds)
        return [command for command in found if not subtypes or enum_name(command, "subtype") in subtypes]

    @cached_property
    def object_kind(self) -> str:
        """What CREATE or ALTER TABLE is about, as reports call it; ALTER TABLE alters a type and an index as well."""
        if self.type == "CreateForeignTableStmt":
            return "FOREIGN TABLE"
        return OBJECT_KINDS.get(enum_name(self.tree, "objtype"), "TABLE") if self.type == "AlterTableStmt" else "TABLE"

    def at_table(self, issue_id: str, **details: Any) -> Hit:
        return Hit(issue_id, self.object_kind, label(self.relation), details)

    def at_column(self, issue_id: str, column: str, **details: Any) -> Hit:
        return Hit(issue_id, "COLUMN", f"{label(self.relation)}.{dotted(column)}", details)

    def at_constraint(self, issue_id: str, constraint: ConstraintFacts) -> Hit:
        """An issue of a constraint: the table's name and the constraint's, which the server chooses where it is not
        given."""
        name = dotted(name_of_constraint(self.relation.relname, constraint))
        return Hit(
            issue_id, "TABLE", f"{label(self.relation)}, constraint: ({name})", {"ConstraintName": name}
        )  # fmt: skip


Detector = Callable[[Parsed], Iterator[Hit]]


def on_relation(issue_id: str, kind: str, name: str, relation: Any, **details: Any) -> Hit:
    """An issue of what has its name within a relation: an index, a trigger, a policy, a rule."""
    return Hit(issue_id, kind, f"{dotted(name)} ON {label(relation)}", details)
