"""Keys and indexes that grow with time: found in every form that declares one, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.schema.performance_ddl import (
    INDEX_FORMS,
    KEY_FORMS,
    MOMENTS,
    NO_MOMENTS,
    PLACES,
    TYPES,
    Form,
    Place,
    details,
    each_with_each,
    found,
    hits,
)

PLACE = PLACES[1]
HOTSPOT = "HOTSPOTS"


def hotspots(sql: str) -> list[tuple[str, str, str]]:
    return [one for one in found(sql) if one[0].startswith(HOTSPOT)]


@pytest.mark.parametrize("form", KEY_FORMS.values(), ids=list(KEY_FORMS))
@pytest.mark.parametrize("key", ["PRIMARY KEY", "UNIQUE"])
def test_a_key_that_begins_with_a_moment_is_found_at_its_table(form: Form, key: str) -> None:
    for place, (written, kind) in each_with_each(PLACES, MOMENTS.items()):
        assert hotspots(TYPES + form(place, written, key)) == [(f"HOTSPOTS_ON_{kind}_PK_UK", "TABLE", place.label)]


@pytest.mark.parametrize("form", KEY_FORMS.values(), ids=list(KEY_FORMS))
def test_a_key_that_begins_with_anything_else_is_not(form: Form) -> None:
    for place, written, key in each_with_each(PLACES, NO_MOMENTS, ["PRIMARY KEY", "UNIQUE"]):
        assert hotspots(TYPES + form(place, written, key)) == [], written


@pytest.mark.parametrize("form", INDEX_FORMS.values(), ids=list(INDEX_FORMS))
def test_an_index_that_begins_with_a_moment_is_found_by_its_name(form: Callable[[Place, str], str]) -> None:
    for place, (written, kind) in each_with_each(PLACES, MOMENTS.items()):
        wanted = (f"HOTSPOTS_ON_{kind}_INDEX", "INDEX", f"i ON {place.label}")
        assert hotspots(TYPES + form(place, written)) == [wanted]
    for place, written in each_with_each(PLACES, NO_MOMENTS):
        assert hotspots(TYPES + form(place, written)) == [], written


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("((c)::date)", "DATE"),
        ("(CAST(c AS timestamp))", "TIMESTAMP"),
        ("((c -> 'at')::timestamp with time zone) DESC", "TIMESTAMP"),
        ("((upper(c)::text)::app.day)", "DATE"),
        ("(c::pg_catalog.date), a", "DATE"),
    ],
)
def test_an_expression_counts_by_what_it_is_cast_to(expression: str, kind: str) -> None:
    sql = f'{TYPES} CREATE TABLE app."T" (a int, c text); CREATE INDEX "I" ON app."T" USING btree ({expression});'
    assert hotspots(sql) == [(f"HOTSPOTS_ON_{kind}_INDEX", "INDEX", "I ON app.T")]


@pytest.mark.parametrize(
    "index",
    [
        "(a, d)",
        "USING hash (d)",
        "USING brin (d)",
        "USING gin (d)",
        "((d::text))",
        "((d::date[]))",
        "((d::text || '::date'))",
        "(lower('x::date'))",
        "((now() - d))",
        "(d hash)",
        "(a) INCLUDE (d)",
        "(a) WHERE d::date > '2000-01-01'",
        "((d::app.date))",
    ],
)
def test_a_moment_elsewhere_in_an_index_is_no_hotspot(index: str) -> None:
    on, _, rest = index.partition("(")
    sql = f"{TYPES} CREATE TABLE app.t (a int, d date); CREATE INDEX i ON app.t {on}({rest};"
    assert hotspots(sql) == []


def test_a_partitioned_table_holds_no_rows_its_partitions_do() -> None:
    sql = """
    CREATE TABLE s.root (a int, at date, PRIMARY KEY (at, a)) PARTITION BY RANGE (at);
    CREATE INDEX root_at ON ONLY s.root (at);
    CREATE TABLE s.mid PARTITION OF s.root DEFAULT PARTITION BY LIST (a);
    ALTER TABLE ONLY s.mid ADD CONSTRAINT mid_pkey PRIMARY KEY (at, a);
    CREATE TABLE s.leaf PARTITION OF s.mid DEFAULT;
    ALTER TABLE ONLY s.leaf ADD CONSTRAINT leaf_pkey PRIMARY KEY (at, a);
    CREATE INDEX leaf_at ON s.leaf (at);
    """
    assert hotspots(sql) == [
        ("HOTSPOTS_ON_DATE_PK_UK", "TABLE", "s.leaf"),
        ("HOTSPOTS_ON_DATE_INDEX", "INDEX", "leaf_at ON s.leaf"),
    ]


def test_a_foreign_table_is_not_ours_to_shard() -> None:
    assert hotspots("CREATE FOREIGN TABLE s.f (d date PRIMARY KEY) SERVER x") == []


def test_a_table_of_the_same_name_in_another_schema_has_columns_of_its_own() -> None:
    sql = "CREATE TABLE a.t (c date); CREATE TABLE b.t (c int); CREATE INDEX i ON b.t (c); CREATE INDEX i ON a.t (c);"
    assert hotspots(sql) == [("HOTSPOTS_ON_DATE_INDEX", "INDEX", "i ON a.t")]


def test_a_finding_says_which_column_and_carries_the_statement() -> None:
    sql = f"CREATE TABLE {PLACE.sql} (a int, {PLACE.key} date); ALTER TABLE {PLACE.sql} ADD UNIQUE ({PLACE.key}, a);"
    [hit] = [one for one in hits(sql) if one.hit.issue_id.startswith(HOTSPOT)]
    assert hit.hit.details == {"ColumnName": PLACE.column}
    assert hit.statement.text.startswith("ALTER TABLE")
    cast = "CREATE TABLE s.t (a text); CREATE INDEX i ON s.t ((a::date))"
    assert details(cast, "HOTSPOTS_ON_DATE_INDEX") == [{}]
