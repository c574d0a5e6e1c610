"""Redundant indexes of a schema, from its statements: those whose every use another index of the table serves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from voyager.schema.chosen_names import name_of_constraint
from voyager.schema.facts import IndexKey, Key, TableFacts
from voyager.schema.model import SchemaModel
from voyager.schema.parse import items, strings
from voyager.schema.shape import shape
from voyager.schema.statements import Statement


@dataclass(frozen=True)
class Redundancy:
    """`index` of `table` is superfluous beside `existing`, which stays. `statement` makes the one, `existing_statement`
    the other: CREATE INDEX, or what declares the key that the index belongs to."""

    table: Key
    index: Key
    existing: Key
    statement: Statement
    existing_statement: Statement


@dataclass(frozen=True)
class _Index:
    """An index with its keys in a form that can be compared; `of_constraint` cannot be dropped by itself."""

    name: str
    method: str
    keys: tuple[Any, ...]
    included: frozenset[str]
    columns: tuple[str, ...]
    unique: bool
    nulls_not_distinct: bool
    of_constraint: bool
    statement: Statement


def redundant_indexes(model: SchemaModel, *, refused: Collection[Key] = ()) -> tuple[Redundancy, ...]:
    """Every index that could go, with the index that stays in its place; in the order of the model's tables.

    Those that the target has `refused` (see refused_indexes) serve in nobody's place.
    """
    return tuple(found for facts in model.tables.values() for found in _of_table(facts, refused))


def known_indexes(model: SchemaModel) -> frozenset[Key]:
    """The indexes that can serve in another one's place, by the statements that make them."""
    return frozenset((facts.key[0], one.name) for facts in model.tables.values() for one in _indexes(facts))


def _of_table(facts: TableFacts, refused: Collection[Key]) -> Iterator[Redundancy]:
    indexes = list(_indexes(facts))
    there = [one for one in indexes if (facts.key[0], one.name) not in refused]
    covered_by = {one.name: _covering(one, there) for one in indexes}
    for one in indexes:
        others = covered_by[one.name]
        if not others:
            continue
        # Covering is transitive: among all that cover it there is one that nothing covers.
        survivor = min((other for other in others if not covered_by[other.name]), key=_preference)
        schema = facts.key[0]
        yield Redundancy(facts.key, (schema, one.name), (schema, survivor.name), one.statement, survivor.statement)


def _preference(index: _Index) -> tuple[bool, int, str]:
    return (not index.of_constraint, len(index.keys), index.name)


def _covering(one: _Index, indexes: Iterable[_Index]) -> list[_Index]:
    if one.of_constraint:
        return []
    return [other for other in indexes if other is not one and _covers(other, one) and not _stays(one, other)]


def _covers(other: _Index, one: _Index) -> bool:
    """Whether `other` serves all that `one` serves, as an index and as a guard of uniqueness."""
    if one.method != other.method or other.keys[: len(one.keys)] != one.keys:
        return False
    if one.unique and not (other.unique and other.keys == one.keys):
        return False
    if one.unique and one.nulls_not_distinct and not other.nulls_not_distinct:
        return False
    return one.included <= other.included | set(other.columns)


def _stays(one: _Index, other: _Index) -> bool:
    """Of two that cover each other the one of a constraint stays, else the one whose name sorts first."""
    return not other.of_constraint and _covers(one, other) and one.name < other.name


def _indexes(facts: TableFacts) -> Iterator[_Index]:
    """The indexes of a table that have a name and hold every row."""
    adopted = {constraint.using_index for constraint in facts.of_kind("primary", "unique") if constraint.using_index}
    for index in facts.indexes:
        if index.name and index.predicate is None:
            yield _Index(
                name=index.name,
                method=index.method,
                keys=tuple(map(_key, index.keys, items(index.tree.index_params))),
                included=frozenset(index.included),
                columns=index.columns,
                unique=index.unique,
                nulls_not_distinct=index.nulls_not_distinct,
                of_constraint=index.name in adopted,
                statement=index.statement,
            )
    for constraint in facts.of_kind("primary", "unique"):
        if constraint.statement is not None and constraint.columns and not constraint.using_index:
            yield _Index(
                name=name_of_constraint(facts.key[1], constraint),
                method="btree",
                keys=tuple(_plain_key(column) for column in constraint.columns),
                included=frozenset(strings(constraint.node.including)),
                columns=constraint.columns,
                unique=True,
                nulls_not_distinct=constraint.nulls_not_distinct,
                of_constraint=True,
                statement=constraint.statement,
            )


def _plain_key(column: str) -> tuple[Any, ...]:
    return (column, (), (), (), (), "asc", "last")


def _key(key: IndexKey, node: Any) -> tuple[Any, ...]:
    """One key in full: what a statement leaves out stands here as the server would fill it in."""
    descending = key.ordering == "desc"
    return (
        key.column,
        shape(key.expression),
        key.collation,
        key.opclass,
        tuple(shape(option) for option in items(node.opclassopts)),
        "desc" if descending else "asc",
        key.nulls or ("first" if descending else "last"),
    )
