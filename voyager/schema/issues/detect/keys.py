"""Foreign keys that nothing serves or that compare different types, and unique keys that could be the primary one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voyager.schema.facts import ConstraintFacts, Key, TableFacts, TypeRef
from voyager.schema.issues.detect.placed import PlacedHit, about_table
from voyager.schema.model import SchemaModel
from voyager.schema.nodes import dotted
from voyager.schema.statistics import Statistics

# pg_type's name -> the one that SQL has for it, where they differ.
_SQL_NAMES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "char",
}


def foreign_keys(model: SchemaModel, facts: TableFacts, known: Statistics) -> Iterator[PlacedHit]:
    """The foreign keys of one table: without an index of their columns, or of another type than what they refer to."""
    for constraint in facts.of_kind("foreign"):
        if constraint.references is None:
            continue
        if not _served(model, facts, set(constraint.columns)):
            details = {
                "ForeignKeyColumnNames": ", ".join(_qualified(facts.key, constraint.columns)),
                "ReferencedTableName": dotted(*constraint.references),
            }
            yield about_table("MISSING_FOREIGN_KEY_INDEX", facts, known, details, statement=constraint.statement)
        yield from _mismatches(model, facts, constraint, known)


def missing_primary_keys(model: SchemaModel, facts: TableFacts, known: Statistics) -> Iterator[PlacedHit]:
    """A table without a primary key that has a unique key over columns that are never null.

    Of a partitioned table the key must hold the partition columns of every level, and no level may have a primary key.
    """
    if facts.statement is None or facts.parent or facts.inherits or facts.foreign or facts.materialized_view:
        return
    levels = list(_hierarchy(model, facts))
    if any(level.primary_key for level in levels):
        return
    needed = {column for level in levels for column in level.key_columns}
    options = [
        list(_qualified(facts.key, columns))
        for columns in dict.fromkeys(_unique_keys(facts))
        if needed <= set(columns) and all(_never_null(model, facts.key, column) for column in columns)
    ]
    if options:
        details = {"PrimaryKeyColumnOptions": options}
        yield about_table("MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL", facts, known, details, statement=facts.statement)


def _served(model: SchemaModel, facts: TableFacts, columns: set[str]) -> bool:
    """Whether some index, that of a key too, begins with exactly these columns in any order. An index of a partitioned
    table is one of its partitions as well."""
    return any(
        set(keys[: len(columns)]) == columns
        for table in _upwards(model, facts)
        for keys in _index_keys(table)
        if "" not in keys[: len(columns)]
    )


def _upwards(model: SchemaModel, facts: TableFacts) -> Iterator[TableFacts]:
    seen: set[Key] = set()
    found: TableFacts | None = facts
    while found is not None and found.key not in seen:
        seen.add(found.key)
        yield found
        found = model.tables.get(found.parent) if found.parent else None


def _hierarchy(model: SchemaModel, root: TableFacts) -> Iterator[TableFacts]:
    """A table and its partitions on every level."""
    waiting, seen = [root], {root.key}
    while waiting:
        facts = waiting.pop()
        yield facts
        children = [model.tables[key] for key in facts.children if key in model.tables and key not in seen]
        seen.update(child.key for child in children)
        waiting.extend(children)


def _index_keys(facts: TableFacts) -> Iterator[tuple[str, ...]]:
    yield from (index.columns for index in facts.indexes)
    yield from (constraint.columns for constraint in facts.of_kind("primary", "unique"))


def _unique_keys(facts: TableFacts) -> Iterator[tuple[str, ...]]:
    """The columns of each unique key that holds for all rows."""
    yield from (constraint.columns for constraint in facts.of_kind("unique") if constraint.columns)
    for index in facts.indexes:
        if index.unique and index.predicate is None and "" not in index.columns:
            yield index.columns


def _never_null(model: SchemaModel, table: Key, column: str) -> bool:
    found = model.column(table, column)
    return found is not None and found.not_null


def _mismatches(
    model: SchemaModel, facts: TableFacts, constraint: ConstraintFacts, known: Statistics
) -> Iterator[PlacedHit]:
    assert constraint.references is not None
    referenced = constraint.referenced_columns or _primary_columns(model, constraint.references)
    for column, other in zip(constraint.columns, referenced, strict=False):
        mine, theirs = model.column(facts.key, column), model.column(constraint.references, other)
        if mine is None or theirs is None or _same_type(model, mine.type, theirs.type):
            continue
        details = {
            "ColumnName": _qualified(facts.key, [column])[0],
            "ReferencedColumnName": _qualified(constraint.references, [other])[0],
            "ColumnType": _type_label(model, mine.type),
            "ReferencedColumnType": _type_label(model, theirs.type),
        }
        yield about_table("FOREIGN_KEY_DATATYPE_MISMATCH", facts, known, details, statement=constraint.statement)


def _primary_columns(model: SchemaModel, table: Key) -> tuple[str, ...]:
    """The columns that a reference without columns means."""
    facts = model.tables.get(table)
    for level in _upwards(model, facts) if facts else ():
        if level.primary_key:
            return level.primary_key.columns
    return ()


def _same_type(model: SchemaModel, one: TypeRef, two: TypeRef) -> bool:
    """Whether both are the same below all domains; lengths and precisions do not count. Unknown types are the same."""
    first, second = model.resolve(one), model.resolve(two)
    if not first.base.name or not second.base.name:
        return True
    if bool(first.base.arrays) != bool(second.base.arrays):
        return False
    if first.key or second.key:
        return first.key == second.key
    # An extension's type is known by its name: whether its schema is written depends on who wrote the statement.
    return first.base.name == second.base.name


def _type_label(model: SchemaModel, written: TypeRef) -> str:
    """A type as SQL spells it; a domain with what it is over."""
    resolved = model.resolve(written)
    base = _SQL_NAMES.get(resolved.base.name, resolved.base.name)
    if resolved.base.typmods and base != "interval":
        base += f"({','.join(map(str, resolved.base.typmods))})"
    base += "[]" * resolved.base.arrays
    return f"{dotted(*resolved.domains[0])} ({base})" if resolved.domains else base


def _qualified(table: Key, columns: Iterable[str]) -> list[str]:
    return [dotted(*table, column) for column in columns]
