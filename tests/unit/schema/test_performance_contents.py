"""Indexes that are largely nulls, largely one value, or of few values, by what ANALYZE counted."""

from __future__ import annotations

import pytest

from tests.unit.schema.performance_ddl import PLACES, TYPES, Place, details, found
from voyager.schema.parse import parse
from voyager.schema.shape import shape
from voyager.schema.statistics import ColumnStatistics, Statistics

NULLS = "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_NULL_VALUES"
ONE_VALUE = "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_PARTICULAR_VALUE"
FEW_VALUES = "INDEX_ON_LOW_CARDINALITY_COLUMN"
PLACE = Place("s", "t", "c")


def counted(place: Place = PLACE, **figures: object) -> Statistics:
    return Statistics({(place.schema, place.table, place.column): ColumnStatistics(**figures)})  # type: ignore[arg-type]


def ids(sql: str, statistics: Statistics) -> set[str]:
    return {issue for issue, _, _ in found(sql, statistics) if issue in {NULLS, ONE_VALUE, FEW_VALUES}}


def table(of: str = "text", *indexes: str) -> str:
    """A table with indexes, each written from its keys on."""
    made = "".join(f"CREATE INDEX i{n} ON s.t {keys};" for n, keys in enumerate(indexes))
    return f"{TYPES} CREATE TABLE s.t (a int, c {of}); {made}"


@pytest.mark.parametrize(("nulls", "expected"), [(0.4, True), (0.399, False), (1.0, True), (0.0, False)])
def test_forty_per_cent_of_nulls_are_many(nulls: float, expected: bool) -> None:
    assert (ids(table("text", "(c)"), counted(null_fraction=nulls)) == {NULLS}) is expected


@pytest.mark.parametrize(("share", "expected"), [(0.6, True), (0.5999, False), (0.57, False), (None, False)])
def test_sixty_per_cent_of_one_value_are_much(share: float | None, expected: bool) -> None:
    figures = counted(most_common_value="x", most_common_fraction=share)
    assert (ids(table("text", "(c)"), figures) == {ONE_VALUE}) is expected


@pytest.mark.parametrize(("distinct", "expected"), [(1, True), (10, True), (11, False), (0, False), (None, False)])
def test_up_to_ten_values_are_few(distinct: float | None, expected: bool) -> None:
    assert (ids(table("text", "(c)"), counted(distinct=distinct)) == {FEW_VALUES}) is expected


def test_the_objects_are_named_and_the_figures_given() -> None:
    for place in PLACES:
        sql = f'CREATE TABLE {place.sql} ({place.key} text); CREATE INDEX "I;" ON {place.sql} ({place.key});'
        figures = counted(place, null_fraction=0.57, most_common_value="a", most_common_fraction=0.61, distinct=2)
        assert found(sql, figures) == [
            (issue, "INDEX", f"I; ON {place.label}") for issue in (NULLS, ONE_VALUE, FEW_VALUES)
        ]
        [nulls] = details(sql, NULLS, figures)
        assert (nulls["ColumnName"], nulls["FrequencyOfNulls"]) == (place.column, "57%")
        [one] = details(sql, ONE_VALUE, figures)
        assert (one["Value"], one["FrequencyOfTheValue"]) == ("a", "61%")
        assert details(sql, FEW_VALUES, figures) == [{"ColumnName": place.column, "Cardinality": 2}]


def test_a_value_that_metadata_has_no_text_for_is_the_empty_one() -> None:
    figures = counted(most_common_value=None, most_common_fraction=0.7)
    [told] = details(table("text", "(c)"), ONE_VALUE, figures)
    assert (told["Value"], told["RecommendedSQL"]) == ("", "CREATE INDEX i0 ON s.t (c) WHERE c <> '';")
    assert ids(table("text", "(c) WHERE c <> ''"), figures) == set()


ALL = {"null_fraction": 0.9, "most_common_value": "x", "most_common_fraction": 0.9, "distinct": 2}


@pytest.mark.parametrize(
    "keys", ["(a, c)", "((c || ''))", "(lower(c))", "USING hash (c)", "USING gin (c)", "(a) INCLUDE (c)"]
)
def test_only_the_first_key_of_a_btree_counts_and_only_a_column(keys: str) -> None:
    assert ids(table("text", keys), counted(**ALL)) == set()


@pytest.mark.parametrize("keys", ["(c)", "(c, a)", 'USING btree (c COLLATE "C" text_pattern_ops)', "(c) INCLUDE (a)"])
def test_what_else_an_index_has_does_not_matter(keys: str) -> None:
    assert ids(table("text", keys), counted(**ALL)) == {NULLS, ONE_VALUE, FEW_VALUES}


@pytest.mark.parametrize("keys", ["(c ASC)", "(c DESC NULLS LAST)"])
def test_an_index_of_ranges_may_have_few_values(keys: str) -> None:
    assert ids(table("text", keys), counted(distinct=2)) == set()


def test_a_unique_column_of_few_values_is_a_small_table() -> None:
    unique = "CREATE TABLE s.t (a int, c text); CREATE UNIQUE INDEX i ON s.t (c{});"
    assert ids(unique.format(""), counted(distinct=2)) == set()
    assert ids(unique.format(", a"), counted(distinct=2)) == {FEW_VALUES}


def test_a_partitioned_table_has_no_contents_its_partitions_have() -> None:
    sql = """
    CREATE TABLE s.root (a int, c text) PARTITION BY LIST (a); CREATE INDEX r ON s.root (c);
    CREATE TABLE s.t PARTITION OF s.root DEFAULT; CREATE INDEX l ON s.t (c);
    """
    both = Statistics({("s", name, "c"): ColumnStatistics(**ALL) for name in ("root", "t")})  # type: ignore[arg-type]
    assert {name for _, _, name in found(sql, both)} == {"l ON s.t"}


def test_without_statistics_nothing_is_known_of_contents() -> None:
    assert found(table("text", "(c)")) == []
    other = Statistics({("S", "t", "c"): ColumnStatistics(null_fraction=1.0)})
    assert ids(table("text", "(c)"), other) == set()


# Predicates, and whether they leave out the nulls and the rows with the text 'x'.
PREDICATES = {
    "c IS NOT NULL": (True, False),
    "(c IS NOT NULL) AND (a > 0)": (True, False),
    "c IS NOT NULL OR a > 0": (False, False),
    "a IS NOT NULL": (False, False),
    "c <> 'x'": (True, True),
    "'x' <> c": (True, True),
    "(c)::text <> 'x'::text": (True, True),
    "NOT (c = 'x'::text)": (True, True),
    "NOT (c = 'x' OR c = 'y')": (True, True),
    "c NOT IN ('y', 'x')": (True, True),
    "(c <> ALL (ARRAY['x'::text, 'y'::text]))": (True, True),
    "((c)::text <> ALL ((ARRAY['x'::character varying])::text[]))": (True, True),
    "c IS DISTINCT FROM 'x'": (False, True),
    "c <> 'y'": (True, False),
    "c <> 'X'": (True, False),
    "c = 'y'": (True, True),
    "c = 'x'": (True, False),
    "c IN ('y', 'z')": (True, True),
    "c IS NULL": (False, True),
    "a <> 1": (False, False),
    "lower(c) <> 'x'": (False, False),
    "c <> lower('x')": (True, False),
    "coalesce(c, 'x') <> 'x'": (False, False),
    "c <> ANY (ARRAY['x', 'y'])": (True, False),
    "a > 0 AND (c <> 'x' OR a < 9)": (False, False),
}


@pytest.mark.parametrize("predicate", PREDICATES)
def test_rows_that_a_predicate_leaves_out_do_not_count(predicate: str) -> None:
    without_nulls, without_x = PREDICATES[predicate]
    left = {NULLS: not without_nulls, ONE_VALUE: not without_x, FEW_VALUES: True}
    assert ids(table("text", f"(c) WHERE {predicate}"), counted(**ALL)) == {issue for issue in left if left[issue]}


@pytest.mark.parametrize(
    ("of", "value", "predicate"),
    [
        ("boolean", "t", "c = false"),
        ("boolean", "t", "NOT c"),
        ("boolean", "t", "c IS NOT TRUE"),
        ("boolean", "f", "c"),
        ("boolean", "f", "c IS TRUE"),
        ("int", "5", "c <> 5"),
        ("int", "-5", "c <> '-5'::integer"),
        ("numeric", "5.0", "c <> 5.00"),
        ("int", "5", "c IN (6, 7)"),
    ],
)
def test_a_value_is_recognized_however_it_is_written(of: str, value: str, predicate: str) -> None:
    figures = counted(most_common_value=value, most_common_fraction=0.9)
    assert ids(table(of, f"(c) WHERE {predicate}"), figures) == set()
    assert ids(table(of, "(c)"), figures) == {ONE_VALUE}


@pytest.mark.parametrize(
    ("of", "value", "predicate"),
    [
        ("boolean", "t", "c"),
        ("boolean", "f", "c IS NOT TRUE"),
        ("int", "5", "c > 4"),
        ("citext", "x", "c = 'X'"),
        ("date", "2020-01-01", "c = '1.1.2020'"),
    ],
)
def test_a_value_that_may_be_there_counts(of: str, value: str, predicate: str) -> None:
    figures = counted(most_common_value=value, most_common_fraction=0.9)
    assert ids(table(of, f"(c) WHERE {predicate}"), figures) == {ONE_VALUE}


# A statement, and how somebody would write it by hand for fewer rows.
STATEMENTS = {
    "CREATE INDEX i ON s.t (c)": "CREATE INDEX i ON s.t (c) WHERE {}",
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "where" ON ONLY s.t USING btree (c DESC, a) INCLUDE (b) '
    "WITH (fillfactor=70) TABLESPACE fast": 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "where" ON ONLY s.t '
    "USING btree (c DESC, a) INCLUDE (b) WITH (fillfactor=70) TABLESPACE fast WHERE {}",
    "CREATE INDEX i ON s.t (c) WHERE a > 0 OR b IS NULL": "CREATE INDEX i ON s.t (c) WHERE (a > 0 OR b IS NULL) AND {}",
    "CREATE INDEX i ON s.t (c) WHERE (a > 0) -- where (\n AND /* c) */ (b > 'where')": (
        "CREATE INDEX i ON s.t (c) WHERE a > 0 AND b > 'where' AND {}"
    ),
    "CREATE INDEX i ON s.t (c, (CASE WHEN a > 0 THEN (SELECT 1 WHERE true) END))": (
        "CREATE INDEX i ON s.t (c, (CASE WHEN a > 0 THEN (SELECT 1 WHERE true) END)) WHERE {}"
    ),
}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("value", ["x", "it's", "\\", "a; --", ""])
def test_the_recommended_statement_is_the_same_index_of_fewer_rows(statement: str, value: str) -> None:
    sql = f"CREATE TABLE s.t (a int, b text, c text); {statement};"
    figures = counted(null_fraction=0.9, most_common_value=value, most_common_fraction=0.9)
    literal = "E'\\\\'" if value == "\\" else "'" + value.replace("'", "''") + "'"
    for issue, condition in ((NULLS, "c IS NOT NULL"), (ONE_VALUE, f"c <> {literal}")):
        [told] = details(sql, issue, figures)
        by_hand = STATEMENTS[statement].format(condition)
        assert shape(parse(told["RecommendedSQL"].removesuffix(";"))) == shape(parse(by_hand))


def test_the_recommended_statement_spells_the_column_as_the_index_does() -> None:
    sql = 'CREATE TABLE s.t ("Odd ""c" text); CREATE INDEX i ON s.t ("Odd ""c");'
    figures = Statistics({("s", "t", 'Odd "c'): ColumnStatistics(null_fraction=0.9)})
    [told] = details(sql, NULLS, figures)
    assert told["RecommendedSQL"] == 'CREATE INDEX i ON s.t ("Odd ""c") WHERE "Odd ""c" IS NOT NULL;'
