"""Detectors: each looks at one parsed statement and says where its issue stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier
from voyager.schema.issues.tree import Parsed, TableConstraint, defined, label
from voyager.schema.parse import enum_name, items


@dataclass(frozen=True)
class Hit:
    """One place where an issue stands; `object_name` is in the form that reports use for its type."""

    object_type: str
    object_name: str
    details: dict[str, str] = field(default_factory=dict)


Detector = Callable[[Parsed], Iterator[Hit]]


def stored_generated_columns(parsed: Parsed) -> Iterator[Hit]:
    yield from _generated_columns(parsed, "s")


def virtual_generated_columns(parsed: Parsed) -> Iterator[Hit]:
    yield from _generated_columns(parsed, "v")


def _generated_columns(parsed: Parsed, kind: str) -> Iterator[Hit]:
    columns = [
        str(Identifier(constraint.columns[0]))
        for constraint in parsed.constraints
        if constraint.kind == "generated" and constraint.node.generated_kind == kind
    ]
    if columns:
        yield Hit("TABLE", label(parsed.tree.relation), {"ColumnName": ", ".join(columns)})


def unlogged_tables(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type == "CreateStmt" and parsed.tree.relation.relpersistence == "u":
        yield Hit("TABLE", label(parsed.tree.relation))
    if parsed.type == "AlterTableStmt":
        for command in items(parsed.tree.cmds):
            if enum_name(command, "subtype") == "AT_SetUnLogged":
                yield Hit("TABLE", label(parsed.tree.relation))


def index_method(method: str) -> Detector:
    """A detector of CREATE INDEX … USING `method`."""

    def detect(parsed: Parsed) -> Iterator[Hit]:
        if parsed.type == "IndexStmt" and parsed.tree.access_method.lower() == method:
            yield _index(parsed.tree)

    return detect


def storage_parameters(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type == "IndexStmt" and parsed.tree.options:
        yield _index(parsed.tree)
    for constraint in parsed.constraints:
        if constraint.kind in {"primary", "unique", "exclusion"} and constraint.node.options:
            yield _constraint(parsed.tree, constraint)


def set_column_attribute(parsed: Parsed) -> Iterator[Hit]:
    for command in _commands(parsed, "AT_SetOptions"):
        options = defined(command)
        names = [option.defname for option in items(options.items)] if options is not None else []
        column = str(Identifier(command.name))
        yield Hit("TABLE", label(parsed.tree.relation), {"ColumnName": column, "Value": ", ".join(names)})


def cluster_on(parsed: Parsed) -> Iterator[Hit]:
    for _ in _commands(parsed, "AT_ClusterOn"):
        yield Hit("TABLE", label(parsed.tree.relation))


def disable_rule(parsed: Parsed) -> Iterator[Hit]:
    for _ in _commands(parsed, "AT_DisableRule"):
        yield Hit("TABLE", label(parsed.tree.relation))


def exclusion_constraints(parsed: Parsed) -> Iterator[Hit]:
    for constraint in parsed.constraints:
        if constraint.kind == "exclusion":
            yield _constraint(parsed.tree, constraint)


def deferrable_constraints(parsed: Parsed) -> Iterator[Hit]:
    for constraint in parsed.constraints:
        if constraint.deferrable and constraint.kind != "foreign":
            yield _constraint(parsed.tree, constraint)


def multi_column_gin_index(parsed: Parsed) -> Iterator[Hit]:
    if _is_gin(parsed) and len(parsed.tree.index_params) > 1:
        yield _index(parsed.tree)


def ordered_gin_index(parsed: Parsed) -> Iterator[Hit]:
    if _is_gin(parsed) and len(parsed.tree.index_params) == 1:
        [key] = items(parsed.tree.index_params)
        if enum_name(key, "ordering") != "SORTBY_DEFAULT":
            yield _index(parsed.tree)


def policy_with_roles(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type != "CreatePolicyStmt":
        return
    roles = [role for role in items(parsed.tree.roles) if enum_name(role, "roletype") == "ROLESPEC_CSTRING"]
    if roles:
        name = f"{Identifier(parsed.tree.policy_name)} ON {label(parsed.tree.table)}"
        yield Hit("POLICY", name, {"RoleNames": ", ".join(str(Identifier(role.rolename)) for role in roles)})


def constraint_trigger(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type == "CreateTrigStmt" and parsed.tree.isconstraint:
        yield _trigger(parsed.tree)


def referencing_clause(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type == "CreateTrigStmt" and parsed.tree.transition_rels:
        yield _trigger(parsed.tree)


_BEFORE = 2  # the server's TRIGGER_TYPE_BEFORE


def before_row_trigger_on_partitioned_table(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type != "CreateTrigStmt":
        return
    trigger = parsed.tree
    if trigger.row and trigger.timing == _BEFORE and parsed.table.partitioned:
        yield _trigger(trigger)


def add_primary_key_on_partitioned_table(parsed: Parsed) -> Iterator[Hit]:
    if parsed.type != "AlterTableStmt" or not parsed.table.partitioned:
        return
    for constraint in parsed.constraints:
        if constraint.kind == "primary":
            yield _constraint(parsed.tree, constraint)


def expression_partition_with_key(parsed: Parsed) -> Iterator[Hit]:
    if not _is_partitioned_table(parsed):
        return
    facts = parsed.table
    if facts.key_expressions and any(constraint.kind in {"primary", "unique"} for constraint in facts.constraints):
        yield Hit("TABLE", label(parsed.tree.relation))


def multi_column_list_partition(parsed: Parsed) -> Iterator[Hit]:
    if not _is_partitioned_table(parsed):
        return
    facts = parsed.table
    if facts.strategy == "list" and len(facts.key_columns) + facts.key_expressions > 1:
        yield Hit("TABLE", label(parsed.tree.relation), {"ColumnName": _names(facts.key_columns)})


def insufficient_columns_in_key(parsed: Parsed) -> Iterator[Hit]:
    if not _is_partitioned_table(parsed):
        return
    facts = parsed.table
    primary = next((constraint for constraint in facts.constraints if constraint.kind == "primary"), None)
    missing = tuple(column for column in facts.key_columns if primary and column not in primary.columns)
    if missing:
        yield Hit("TABLE", label(parsed.tree.relation), {"ColumnName": _names(missing)})


def _commands(parsed: Parsed, subtype: str) -> Iterator[Any]:
    if parsed.type == "AlterTableStmt":
        yield from (command for command in items(parsed.tree.cmds) if enum_name(command, "subtype") == subtype)


def _is_gin(parsed: Parsed) -> bool:
    return parsed.type == "IndexStmt" and parsed.tree.access_method.lower() == "gin"


def _is_partitioned_table(parsed: Parsed) -> bool:
    return parsed.type == "CreateStmt" and parsed.tree.HasField("partspec")


def _index(tree: Any) -> Hit:
    name = str(Identifier(tree.idxname)) if tree.idxname else "unnamed"
    return Hit("INDEX", f"{name} ON {label(tree.relation)}")


def _trigger(tree: Any) -> Hit:
    return Hit("TRIGGER", f"{Identifier(tree.trigname)} ON {label(tree.relation)}")


def _constraint(tree: Any, constraint: TableConstraint) -> Hit:
    name = str(Identifier(constraint.name)) if constraint.name else "unnamed"
    return Hit("TABLE", f"{label(tree.relation)}, constraint: ({name})", {"ConstraintName": name})


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(str(Identifier(column)) for column in columns)
