"""Detects what the declaration of a table asks for: how it is stored, where its columns come from, its partitions."""

from __future__ import annotations

from collections.abc import Iterator

from voyager.schema.issues.detect.parsed import Parsed
from voyager.schema.issues.issue import Hit
from voyager.schema.nodes import dotted
from voyager.schema.parse import items, name_of

_LIKE_ALL = 0x7FFFFFFF  # the server's CREATE_TABLE_LIKE_ALL


def unlogged(parsed: Parsed) -> Iterator[Hit]:
    if parsed.relation.relpersistence == "u":
        yield parsed.at_table("UNLOGGED_TABLES")


def generated_columns(parsed: Parsed) -> Iterator[Hit]:
    for kind, issue_id in (("s", "STORED_GENERATED_COLUMNS"), ("v", "VIRTUAL_GENERATED_COLUMNS")):
        columns = [
            dotted(constraint.columns[0])
            for constraint in parsed.constraints
            if constraint.kind == "generated" and constraint.node.generated_kind == kind
        ]
        if columns:
            yield parsed.at_table(issue_id, ColumnName=", ".join(columns))


def inheritance(parsed: Parsed) -> Iterator[Hit]:
    if parsed.tree.inh_relations and not parsed.tree.HasField("partbound"):
        yield parsed.at_table("INHERITANCE")


def column_clauses(parsed: Parsed) -> Iterator[Hit]:
    base = parsed.tree.base_stmt if parsed.type == "CreateForeignTableStmt" else parsed.tree
    columns = [element for element in items(base.table_elts) if name_of(element) == "ColumnDef"]
    if any(column.compression for column in columns):
        yield parsed.at_table("COMPRESSION_CLAUSE_IN_TABLE")
    if any(column.storage_name for column in columns):
        yield parsed.at_table("STORAGE_CLAUSE_IN_TABLE")


def like(parsed: Parsed) -> Iterator[Hit]:
    base = parsed.tree.base_stmt if parsed.type == "CreateForeignTableStmt" else parsed.tree
    clauses = [element for element in items(base.table_elts) if name_of(element) == "TableLikeClause"]
    if any(clause.options == _LIKE_ALL for clause in clauses):
        yield parsed.at_table("TABLE_LIKE_INCLUDING_ALL")
    elif clauses:
        yield parsed.at_table("TABLE_LIKE")


def with_oids(parsed: Parsed) -> Iterator[Hit]:
    for option in items(parsed.tree.options):
        if option.defname == "oids" and _is_true(option):
            yield parsed.at_table("TABLE_WITH_OIDS")


def foreign_table(parsed: Parsed) -> Iterator[Hit]:
    yield parsed.at_table("FOREIGN_TABLE", ServerName=dotted(parsed.tree.servername))


def partition_key(parsed: Parsed) -> Iterator[Hit]:
    """How the key of a partitioned table goes with its strategy and with the table's own keys."""
    facts = parsed.table
    if not parsed.tree.HasField("partspec"):
        return
    if facts.key_expressions and any(facts.of_kind("primary", "unique")):
        yield parsed.at_table("EXPRESSION_PARTITION_WITH_PK_UK")
    if facts.strategy == "list" and len(facts.key_columns) + facts.key_expressions > 1:
        yield parsed.at_table("MULTI_COLUMN_LIST_PARTITION", ColumnName=_names(facts.key_columns))
    primary = facts.primary_key
    missing = tuple(column for column in facts.key_columns if primary and column not in primary.columns)
    if missing:
        yield parsed.at_table("INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION", ColumnName=_names(missing))


def _is_true(option: object) -> bool:
    """Whether an option is switched on: alone, or with a value that means true."""
    found = items([option.arg])  # type: ignore[attr-defined]
    if not found:
        return True
    value = found[0]
    text = getattr(value, "sval", "") or (str(value.ival) if hasattr(value, "ival") else "")
    return text.lower() not in {"false", "off", "no", "0", "f"}


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(dotted(column) for column in columns)


BY_NODE = {
    "CreateStmt": (unlogged, generated_columns, inheritance, column_clauses, like, with_oids, partition_key),
    "CreateForeignTableStmt": (foreign_table, generated_columns, column_clauses, like),
    "AlterTableStmt": (generated_columns,),
}
