"""What makes a schema slow on a distributed database: found in the whole schema, weighed by what the source counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from voyager.identifiers import quote_literal
from voyager.schema.facts import IndexFacts, IndexKey, Key, TableFacts
from voyager.schema.issues.detect.keys import foreign_keys, missing_primary_keys
from voyager.schema.issues.detect.placed import PlacedHit, about_index, about_table
from voyager.schema.lexer import tokens
from voyager.schema.model import SchemaModel
from voyager.schema.nodes import type_ref
from voyager.schema.parse import name_of
from voyager.schema.predicates import Row
from voyager.schema.redundancy import redundant_indexes
from voyager.schema.statistics import ColumnStatistics, Statistics, percent

MANY_NULLS, ONE_VALUE = 40, 60
"""Per cent of the rows from which on nulls, and one value, make up too much of an index."""
FEW_VALUES = range(1, 11)

_MOMENTS = {"timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP", "date": "DATE"}
# Types of which two values are the same only if they are written the same.
_EXACT = {"text", "varchar", "name", "uuid"}


def detect(
    model: SchemaModel, statistics: Statistics | None = None, *, refused: Collection[Key] = ()
) -> Iterator[PlacedHit]:
    """Every performance issue of a schema, in the order of its tables. Without statistics those that need none.

    `refused` are indexes that the target does not create: none of them serves in another one's place.
    """
    known = statistics or Statistics()
    redundant = {found.index: found for found in redundant_indexes(model, refused=refused)}
    for facts in model.tables.values():
        yield from _of_keys(model, facts, known)
        for index in facts.indexes:
            yield from _of_index(model, facts, index, known)
            found = redundant.get(index.key)
            if found is not None:
                details = {"ExistingIndexSQLStatement": f"{found.existing_statement.text};"}
                yield about_index("REDUNDANT_INDEXES", index, known, details)
        yield from foreign_keys(model, facts, known)
        yield from missing_primary_keys(model, facts, known)


def range_indexes(model: SchemaModel) -> tuple[Key, ...]:
    """Secondary indexes that would be hash-sharded by their first key for want of an order."""
    return tuple(
        index.key
        for facts in model.tables.values()
        for index in facts.indexes
        if index.method == "btree" and index.name and not index.keys[0].ordering and not facts.foreign
    )


@dataclass(frozen=True)
class _FirstKey:
    """The first key of an index as the statement writes it, and what is known of the column's contents."""

    column: str
    written: str
    exact: bool
    statistics: ColumnStatistics


def _of_keys(model: SchemaModel, facts: TableFacts, known: Statistics) -> Iterator[PlacedHit]:
    """Primary keys and unique constraints that begin with a moment. A partitioned table holds no rows itself."""
    if facts.partitioned or facts.foreign:
        return
    for constraint in facts.of_kind("primary", "unique"):
        column = constraint.columns[0] if constraint.columns else ""
        kind = _moment(model, facts.key, IndexKey(column))
        if kind:
            yield about_table(
                f"HOTSPOTS_ON_{kind}_PK_UK", facts, known, {"ColumnName": column}, statement=constraint.statement
            )


def _of_index(model: SchemaModel, facts: TableFacts, index: IndexFacts, known: Statistics) -> Iterator[PlacedHit]:
    if index.method != "btree" or facts.partitioned or facts.foreign or not index.name:
        return
    first = index.keys[0]
    kind = _moment(model, facts.key, first)
    if kind:
        details = {"ColumnName": first.column} if first.column else {}
        yield about_index(f"HOTSPOTS_ON_{kind}_INDEX", index, known, details)
    measured = known.columns.get((*facts.key, first.column))
    if first.column and measured is not None:
        exact = _base_type(model, facts.key, first.column) in _EXACT
        yield from _of_contents(index, _FirstKey(first.column, _written(index), exact, measured), known)


def _of_contents(index: IndexFacts, first: _FirstKey, known: Statistics) -> Iterator[PlacedHit]:
    """What the values of the first key make of an index: too many entries alike, or too few kinds of them."""
    measured, details = first.statistics, {"ColumnName": first.column}
    nulls = percent(measured.null_fraction)
    if nulls >= MANY_NULLS and not Row(first.column, None).left_out_by(index.predicate):
        sql = _narrowed(index, f"{first.written} IS NOT NULL")
        yield about_index(
            "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_NULL_VALUES",
            index,
            known,
            {**details, "FrequencyOfNulls": f"{nulls}%", "RecommendedSQL": sql},
        )
    # No most common value is null: one that is missing beside its share is the empty text, which CSV cannot tell apart.
    value, share = measured.most_common_value or "", percent(measured.most_common_fraction or 0.0)
    rows = Row(first.column, value, exact=first.exact)
    if share >= ONE_VALUE and not rows.left_out_by(index.predicate):
        sql = _narrowed(index, f"{first.written} <> {quote_literal(value).strip()}")
        yield about_index(
            "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_PARTICULAR_VALUE",
            index,
            known,
            {**details, "Value": value, "FrequencyOfTheValue": f"{share}%", "RecommendedSQL": sql},
        )
    distinct = round(measured.distinct or 0)
    # One unique column with few values is a small table, and an order makes the index one of ranges.
    hashed = not index.keys[0].ordering and not (index.unique and len(index.keys) == 1)
    if distinct in FEW_VALUES and hashed:
        yield about_index("INDEX_ON_LOW_CARDINALITY_COLUMN", index, known, {**details, "Cardinality": distinct})


def _moment(model: SchemaModel, table: Key, key: IndexKey) -> str:
    """TIMESTAMP or DATE when a key grows with time, else ""; a key that is hashed does not."""
    if key.ordering == "hash" or key.opclass == ("hash",):
        return ""
    if key.column:
        return _MOMENTS.get(_base_type(model, table, key.column), "")
    return _MOMENTS.get(_cast_type(model, key.expression), "")


def _base_type(model: SchemaModel, table: Key, column: str) -> str:
    """The name of a column's type below all domains; "" for an array, a type of the schema's own or no such column."""
    facts = model.column(table, column)
    return _plain(model, facts.type) if facts is not None else ""


def _cast_type(model: SchemaModel, expression: Any) -> str:
    is_cast = expression is not None and name_of(expression) == "TypeCast"
    return _plain(model, type_ref(expression.type_name)) if is_cast else ""


def _plain(model: SchemaModel, written: Any) -> str:
    found = model.resolve(written)
    of_server = found.base.schema in {"", "pg_catalog"} and not found.kind
    return found.base.name if of_server and not found.base.arrays else ""


def _written(index: IndexFacts) -> str:
    """The first key's column as the statement spells it, quotes included."""
    text = index.statement.text
    places = tokens(text)
    next(token for token in places if token.kind == "symbol" and token.value == "(")
    name = next(places)
    return text[name.start : name.end]


def _narrowed(index: IndexFacts, condition: str) -> str:
    """The statement of an index, for fewer rows: nothing may follow WHERE in it."""
    text = index.statement.text
    if index.predicate is None:
        return f"{text} WHERE {condition};"
    # Reserved, so no name can be it; whatever stands before it in the statement is inside the keys' parentheses.
    where = _outside_parentheses(text, "where")
    return f"{text[:where]} ({text[where:].strip()}) AND {condition};"


def _outside_parentheses(text: str, word: str) -> int:
    """Where a word that stands outside all parentheses ends."""
    depth = 0
    for token in tokens(text):
        depth += {"(": 1, ")": -1}.get(token.value, 0) if token.kind == "symbol" else 0
        if depth == 0 and token.kind == "word" and token.value == word:
            return token.end
    raise ValueError(f"no {word} in {text!r}")
