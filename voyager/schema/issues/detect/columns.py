"""Detects columns of types that the target lacks or that do not move while the source is written to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from voyager.schema.issues.catalogue.datatypes import ROWS
from voyager.schema.issues.catalogue.leftovers import ORACLE_TYPES
from voyager.schema.issues.datatypes import CAVEATS_OF_OUR_OWN, issues_of_type
from voyager.schema.issues.detect.parsed import Parsed
from voyager.schema.issues.issue import CAVEATS, Hit
from voyager.schema.model import ColumnFacts, Key, ResolvedType, SchemaModel, TypeRef
from voyager.schema.nodes import column_facts, defined, dotted, key_of
from voyager.schema.parse import items, name_of

# What information_schema calls a type -> its name in pg_type.
_SQL_NAMES = {
    "bit varying": "varbit",
    "character varying": "varchar",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}
_ONLY_WHEN_LIVE = {row.id for row in ROWS if row.category == CAVEATS}


def of_table(parsed: Parsed) -> Iterator[Hit]:
    """The columns that the statement declares, and those from parents: a partition or heir holds them as well."""
    facts = parsed.table
    declared = {element.colname for element in items(parsed.tree.table_elts) if name_of(element) == "ColumnDef"}
    for column in parsed.model.columns_of(facts.key).values():
        if column.name in declared or column.name not in facts.columns or facts.of_type:
            yield from _of_column(parsed, column)


def of_foreign_table(parsed: Parsed) -> Iterator[Hit]:
    """A foreign table needs the types of its columns, but no row of it is migrated."""
    for column in parsed.model.columns_of(key_of(parsed.relation)).values():
        yield from (hit for hit in _of_column(parsed, column) if hit.issue_id not in _ONLY_WHEN_LIVE)


def added(parsed: Parsed) -> Iterator[Hit]:
    """Columns that ALTER TABLE adds, and those it gives another type where no statement creates the table."""
    created = parsed.table.statement is not None
    for command in parsed.commands("AT_AddColumn", *(() if created else ("AT_AlterColumnType",))):
        definition = defined(command)
        if definition is not None:
            column = column_facts(definition)
            current = parsed.table.columns.get(column.name, column)
            yield from _of_column(parsed, current, column.name or command.name)


def of_catalog(rows: Iterable[Mapping[str, Any]], model: SchemaModel) -> Iterator[Hit]:
    """The columns that a source's catalog lists (schema_name, table_name, column_name, data_type), views included."""
    for row in rows:
        relation = (str(row["schema_name"]), str(row["table_name"]))
        name = dotted(*relation, str(row["column_name"]))
        without = _no_caveats_of(model, relation)
        for issue_id in issues_of_type(model, _catalog_type(str(row["data_type"] or ""))):
            if issue_id not in without:
                yield Hit(issue_id, "COLUMN", name)


def _no_caveats_of(model: SchemaModel, relation: Key) -> AbstractSet[str]:
    """The caveats of a migration of rows that mean nothing for a relation: no row of it is migrated. Those that every
    report has of views and foreign tables stay, as their readers expect; none has columns of materialized views."""
    view, table = model.views.get(relation), model.tables.get(relation)
    if view is not None and view.materialized:
        return _ONLY_WHEN_LIVE
    return CAVEATS_OF_OUR_OWN if view is not None or (table is not None and table.foreign) else frozenset()


def _catalog_type(text: str) -> TypeRef:
    """Read "schema.type[]" as the metadata has it: a type's own name, or what information_schema calls it."""
    element = text.removesuffix("[]")
    schema, _, name = element.rpartition(".")
    return TypeRef(schema, _SQL_NAMES.get(name, name), arrays=int(element != text))


def _of_column(parsed: Parsed, column: ColumnFacts, name: str = "") -> Iterator[Hit]:
    name = name or column.name
    issue_ids = issues_of_type(parsed.model, column.type)
    yield from (parsed.at_column(issue_id, name) for issue_id in issue_ids)
    if issue_ids:
        return
    if parsed.model.resolve(column.type) == ResolvedType(column.type) and column.type_name in ORACLE_TYPES:
        yield parsed.at_table(f"ORACLE_{column.type_name.upper()}", ColumnName=dotted(name))


BY_NODE = {"CreateStmt": (of_table,), "CreateForeignTableStmt": (of_foreign_table,), "AlterTableStmt": (added,)}
