"""Detects constraints that the target does not take: in CREATE TABLE behind a column or the table, or added later."""

from __future__ import annotations

from collections.abc import Iterator

from voyager.schema.issues.datatypes import column_not_indexed
from voyager.schema.issues.detect.parsed import Parsed
from voyager.schema.issues.issue import Hit
from voyager.schema.model import ConstraintFacts
from voyager.schema.nodes import key_of
from voyager.schema.parse import enum_name, items, name_of

_INDEXED = {"primary", "unique", "exclusion"}
_KEYS = {"primary", "unique"}


def of_table(parsed: Parsed) -> Iterator[Hit]:
    for constraint in parsed.constraints:
        yield from _of_any_kind(parsed, constraint)
        if constraint.kind in _KEYS:
            yield from _of_key(parsed, constraint)
        elif constraint.kind == "foreign":
            yield from _of_foreign_key(parsed, constraint)
        elif constraint.kind == "exclusion":
            yield parsed.at_constraint("EXCLUSION_CONSTRAINTS", constraint)


def _of_any_kind(parsed: Parsed, constraint: ConstraintFacts) -> Iterator[Hit]:
    if constraint.kind in _INDEXED and constraint.node.options:
        yield parsed.at_table("STORAGE_PARAMETERS")
    if constraint.deferrable and constraint.kind != "foreign":
        yield parsed.at_constraint("DEFERRABLE_CONSTRAINTS", constraint)
    if not constraint.enforced:
        yield parsed.at_constraint("CONSTRAINT_NOT_ENFORCED", constraint)
    if constraint.kind == "notnull" and _is_newer_not_null(constraint):
        yield parsed.at_constraint("NOT_NULL_AS_CONSTRAINT", constraint)


def _is_newer_not_null(constraint: ConstraintFacts) -> bool:
    """Behind a column NOT NULL is as old as SQL, with a name too; what may follow it there is not."""
    return not constraint.on_column or constraint.node.is_no_inherit or constraint.node.skip_validation


def _of_key(parsed: Parsed, constraint: ConstraintFacts) -> Iterator[Hit]:
    if constraint.node.without_overlaps:
        yield parsed.at_constraint("TEMPORAL_KEY", constraint)
    table = key_of(parsed.relation)
    for kind in dict.fromkeys(column_not_indexed(parsed.model, table, column) for column in constraint.columns):
        if kind:
            yield parsed.at_constraint(f"PK_UK_ON_{kind.upper()}_DATATYPE", constraint)


def _of_foreign_key(parsed: Parsed, constraint: ConstraintFacts) -> Iterator[Hit]:
    referenced = parsed.model.tables.get(constraint.references) if constraint.references else None
    if referenced is not None and referenced.partitioned:
        yield parsed.at_constraint("FOREIGN_KEY_REFERENCED_PARTITIONED_TABLE", constraint)
    if constraint.node.fk_with_period or constraint.node.pk_with_period:
        yield parsed.at_constraint("TEMPORAL_FOREIGN_KEY", constraint)


def added_to_partitioned_table(parsed: Parsed) -> Iterator[Hit]:
    if parsed.table.partitioned and any(constraint.kind == "primary" for constraint in parsed.constraints):
        yield parsed.at_table("ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE")


def of_foreign_table(parsed: Parsed) -> Iterator[Hit]:
    """Keys of a foreign table, which it cannot have; other constraints are only declarations there."""
    kinds = {constraint.kind for constraint in parsed.constraints}
    if "primary" in kinds:
        yield parsed.at_table("FOREIGN_TABLE_PRIMARY_KEY")
    if "foreign" in kinds:
        yield parsed.at_table("FOREIGN_TABLE_FOREIGN_KEY")


def of_domain(parsed: Parsed) -> Iterator[Hit]:
    """ALTER DOMAIN … ADD CONSTRAINT … NOT NULL, which came long after ALTER DOMAIN … SET NOT NULL."""
    for definition in items([getattr(parsed.tree, "def")]):
        if name_of(definition) == "Constraint" and enum_name(definition, "contype") == "CONSTR_NOTNULL":
            yield Hit("NOT_NULL_AS_CONSTRAINT")


BY_NODE = {
    "CreateStmt": (of_table,),
    "AlterTableStmt": (of_table, added_to_partitioned_table),
    "CreateForeignTableStmt": (of_foreign_table,),
    "AlterDomainStmt": (of_domain,),
}
