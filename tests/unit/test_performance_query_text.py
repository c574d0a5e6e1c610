"""Which recorded texts are the same query, what is shown of them, and whose they are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voyager.performance.query_text import query_text

SAME = [
    ("select a from t where b = $1", "SELECT  A\n\tFROM T -- all of them\n WHERE /* of */ b=$7"),
    ("select a from t where b = $1", "select a from t where b = 'left in by the server'"),
    ("select a from t where b = $1 and c = $2", "select a from t where b = $2 and c = $1"),
    ('select "a" from "t"', "select a from t"),
    ("select a from t where b in ($1, $2)", "select a from t where b in ($1 /*, ... */)"),
    ("select a from t where b in ($1)", "select a from t where b in ($1, $2, $3)"),
    ("select a from t where b = ARRAY[$1, $2]", "select a from t where b = array[$1 /*, ... */]"),
    ("select a from t where b in ($1::int, $2::int)", "select a from t where b in ($1::int)"),
    ("select a from t where (a, b) in (($1, $2), ($3, $4))", "select a from t where (a, b) in (($1, $2))"),
    ("select a from t where d > interval $1", "select a from t where d > interval '1 day'"),
    ("select a from t join u on b = c", "select a from t inner join u on (b = c)"),
    ("select a::integer from t where b <> $1", "select cast(a as int) from t where b != $1"),
    ("select a from t limit 10", "select a from t limit $1"),
    ("select a from t where b = 1.5e-3", "select a from t where b = .5"),
    ("select a from t where b = E'it\\'s'", "select a from t where b = $tag$ it's $tag$"),
    ("call p('x', 5)", "CALL p($1, $2)"),
    ("select a from t where b = $1", "PREPARE q (numeric(10, 2), int[]) AS SELECT a FROM t WHERE b = $1"),
    ("select a from t where b = 1", '/* app */ prepare "as" as\n  select a from t where b = $2'),
    ("prepare as select 'cut", "PREPARE as SELECT 'cu"),
    ("update t set a = 'cut off", "update t set a = 'cut of"),
    ("select a fromm t, where b = 'x'", "SELECT a fromm t,\nwhere b = $4"),
]
OTHER = [
    ("select a from orders", "select a from public.orders"),
    ("select a from north.orders", "select a from south.orders"),
    ("select a from orders_2024", "select a from orders_2025"),
    ("select f(a, b) from t", "select f(b, a) from t"),
    ("select f($1)", "select f($1, $2)"),
    ("select a from t order by a, b", "select a from t order by b, a"),
    ("select a from t order by a", "select a from t order by a desc"),
    ("select a from t", "select a from t limit $1"),
    ("select a from t", "select a from only t, u"),
    ('select "A" from t', "select a from t"),
    ("select a from t where b in ($1, c)", "select a from t where b in ($1)"),
    ("select a from t where b in (c, c)", "select a from t where b in (c)"),
    ("insert into t values ($1)", "insert into t values ($1), ($2)"),
    ("select a from t for update", "select a from t for share"),
    ("select a fromm t where", "select a fromm u where"),
    ('select a fromm t, where "B" = 1', "select a fromm t, where b = 1"),
]


@pytest.mark.parametrize(("one", "another"), SAME)
def test_these_are_the_same_query(one: str, another: str) -> None:
    assert query_text(one).key == query_text(another).key


@pytest.mark.parametrize(("one", "another"), OTHER)
def test_these_are_two_queries(one: str, another: str) -> None:
    assert query_text(one).key != query_text(another).key


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT a FROM t\nWHERE b = $1", "SELECT a FROM t\nWHERE b = $1"),
        ("SELECT 'x', $2, 5 FROM t /* user=ann */", "SELECT $3, $2, $4 FROM t"),
        ("SELECT a -- ann's\nFROM t WHERE b IN ($1 /*, ... */)", "SELECT a FROM t WHERE b IN ($1)"),
        ("ALTER ROLE ann PASSWORD 'secret'", "ALTER ROLE ann PASSWORD $1"),
        ("UPDATE t SET a = 'secret", "UPDATE t SET a = …"),
        ("SELECT a FROM t /* secret", "SELECT a FROM t …"),
        ("DO $$ BEGIN PERFORM secret; END $$", "DO $1"),
        ("SELECT U&'secret', X'5ec2e7', B'01', 1_000, 0x1F", "SELECT $1, $2, $3, $4, $5"),
    ],
)
def test_a_text_is_shown_as_it_was_written_without_its_values_and_comments(text: str, shown: str) -> None:
    assert query_text(text).shown == shown


def test_a_text_without_end_is_cut() -> None:
    shown = query_text("SELECT " + ", ".join(f"column_{i}" for i in range(5000)) + " FROM t").shown
    assert len(shown) < 5000
    assert shown.endswith("…")


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("SELECT a FROM t", "application"),
        ("SELECT my_function($1)", "application"),
        ("SELECT nextval($1)", "application"),
        ("SELECT pg_advisory_lock($1)", "application"),
        ("CALL my_procedure()", "application"),
        ("REFRESH MATERIALIZED VIEW totals", "application"),
        ("SELECT a FROM t JOIN pg_catalog.pg_class c ON c.relname = t.a", "application"),
        ("WITH pg_own AS (SELECT a FROM t) SELECT * FROM pg_own", "application"),
        ("SELECT a FROM t WHERE b = 'cut", "application"),
        ("SELECT relname FROM pg_class", "system"),
        ("SELECT n FROM information_schema.tables, pg_namespace", "system"),
        ("SELECT pg_catalog.set_config($1, $2, $3)", "system"),
        ("SELECT pg_backend_pid()", "system"),
        ("SELECT now(), $1", "system"),
        ("SELECT $1", "system"),
        ("WITH x AS (SELECT relname FROM pg_class) SELECT * FROM x", "system"),
        ("INSERT INTO ybvoyager.events (kind) VALUES ($1)", "own"),
        ("SELECT /* yb-voyager */ a FROM t", "own"),
        ("SELECT count(*) FROM ONLY t", "own"),
        ('SELECT $2 FROM ONLY "public"."c" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x', "own"),
        ("COPY t FROM STDIN", "administration"),
        ("PREPARE TRANSACTION 'a'", "administration"),
        ("PREPARE q AS UPDATE t SET a = $1", "application"),
        ("PREPARE q(oid) AS SELECT 1 FROM pg_catalog.pg_proc WHERE oid = $1", "system"),
        ("/* yb-voyager */ PREPARE q AS SELECT a FROM t", "own"),
        ("CREATE INDEX i ON t (a)", "administration"),
        ("BEGIN", "administration"),
        ("SET search_path = x", "administration"),
        ("VACUUM t", "administration"),
        ("", "administration"),
    ],
)
def test_only_what_an_application_waits_for_is_compared(text: str, belongs: str) -> None:
    assert query_text(text, builtins={"now", "nextval", "count"}).belongs == belongs


@pytest.mark.parametrize(
    "text", ["", ";", "\0", "/*", "'", '"', "$", "$$", "select \ud800", "(" * 50_000, "a.b.c.d.e.f"]
)
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    assert query_text(text).key == query_text(text).key


@pytest.mark.parametrize(
    "text",
    [
        "select a from t where " + " and ".join(f"c{i} in ($1, $2)" for i in range(1500)),
        f"select a from t where a in ({', '.join(f'${i}' for i in range(1, 15_000))})",
        "select a from t where a in ($1, " * 5_000,
        "select a from t where a in ($1, a in (" * 2_000 + "))" * 2_000,
    ],
    ids=["many lists", "a long list", "lists without end", "lists in lists"],
)
def test_a_text_as_long_as_generators_write_them_takes_no_more_than_seconds(text: str) -> None:
    begun = time.monotonic()
    query_text(text)
    assert time.monotonic() - begun < 5


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=2, max_size=5)
)
def test_no_value_has_a_part_in_a_query_or_in_what_is_shown_of_it(values: list[str]) -> None:
    quoted = [f"'{value.replace(chr(39), chr(39) * 2)}'" for value in values]
    columns = [f"c{i}" for i in range(len(values))]
    recorded = "SELECT x FROM t WHERE " + " AND ".join(f"{column} = ${i}" for i, column in enumerate(columns, start=1))
    left_in = "SELECT x FROM t WHERE " + " AND ".join(f"{c} = {v}" for c, v in zip(columns, quoted, strict=True))
    assert query_text(left_in).key == query_text(recorded).key
    assert query_text(left_in).shown == recorded
