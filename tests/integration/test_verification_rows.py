"""Finding the rows that differ: by key of any shape and column, counted exactly, however many they are."""

from __future__ import annotations

import re
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import wait_until
from tests.verification_pair import MemoryJournal, Pair, rows_of
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.identifiers import TableName
from voyager.verification.findings import RowDifference
from voyager.verification.pursuit import Pursuit
from voyager.verification.request import Since

SMALL = {"rows_per_chunk": 500, "rows_per_group": 50}


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint]) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server))


@dataclass(frozen=True)
class Key:
    """A key: its columns, and how row i gets them."""

    name: str
    columns: str
    names: tuple[str, ...]
    values: str


KEYS = (
    Key("integers without gaps", "id int PRIMARY KEY", ("id",), "i"),
    Key("negative integers", "id int PRIMARY KEY", ("id",), "i - 2500"),
    Key("smallint", "id smallint PRIMARY KEY", ("id",), "i"),
    Key("bigint with wide gaps", "id bigint PRIMARY KEY", ("id",), "i::bigint * i * i * 1000003 - 4000000000000000"),
    Key(
        "the smallest and the largest bigint",
        "id bigint PRIMARY KEY",
        ("id",),
        "CASE i WHEN 1 THEN -9223372036854775808 WHEN 3000 THEN 9223372036854775807 ELSE i END",
    ),
    Key("next to the largest bigint", "id bigint PRIMARY KEY", ("id",), "9223372036854775807 - 3000 + i"),
    Key("next to the smallest bigint", "id bigint PRIMARY KEY", ("id",), "-9223372036854775808 + i"),
    Key("numeric", "id numeric PRIMARY KEY", ("id",), "i / 7.0"),
    Key("text", "id text PRIMARY KEY", ("id",), "chr(65 + i % 60) || ' ' || i || E'\\t%'"),
    Key("character", "id char(9) PRIMARY KEY", ("id",), "i::text"),
    Key("uuid", "id uuid PRIMARY KEY", ("id",), "md5(i::text)::uuid"),
    Key("bytea", "id bytea PRIMARY KEY", ("id",), "decode(md5(i::text), 'hex')"),
    Key("instant", "id timestamptz PRIMARY KEY", ("id",), "'2024-01-01'::timestamptz + i * interval '1.5 s'"),
    Key("double", "id float8 PRIMARY KEY", ("id",), "i / 3.0"),
    Key("domain", "id positive PRIMARY KEY", ("id",), "i"),
    Key("composite", "a int, b text, PRIMARY KEY (a, b)", ("a", "b"), "i % 7, i::text"),
    Key("composite in another order", "a int, b text, PRIMARY KEY (b, a)", ("b", "a"), "i % 7, i::text"),
    Key("a unique index", "id int NOT NULL UNIQUE", ("id",), "i"),
    Key(
        "odd names",
        '"%s {s} ""{v}""" int, "%(low)s" text, PRIMARY KEY ("%s {s} ""{v}""", "%(low)s")',
        ('"%s {s} ""{v}"""', '"%(low)s"'),
        "i, 'x'",
    ),
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_rows_are_found_by_keys_of_every_shape(pair: Pair, key: Key) -> None:
    pair.both("CREATE DOMAIN positive AS int CHECK (value > 0)")
    pair.both(f'CREATE TABLE t ({key.columns}, v int, w text, "{{s}} %s" date)')
    pair.both(f"INSERT INTO t SELECT {key.values}, i, 'w' FROM generate_series(1, 3000) i")
    pair.both("ANALYZE t")
    assert pair.verify(**SMALL).differences == []

    of = f"ARRAY[{', '.join(f'{name}::text' for name in key.names)}]"
    changed = _keys(pair.source, f"SELECT {of} FROM t WHERE v % 300 = 7")
    gone = _keys(pair.source, f"SELECT {of} FROM t WHERE v IN (1, 1500, 3000)")
    drive.execute(
        pair.target, "UPDATE t SET w = NULL, v = v + 10000 WHERE v % 300 = 7; DELETE FROM t WHERE v IN (1, 1500, 3000)"
    )
    drive.execute(pair.source, "DELETE FROM t WHERE v IN (2, 999)")
    more = _keys(pair.target, f"SELECT {of} FROM t WHERE v IN (2, 999)")

    told: list[RowDifference] = []
    difference = rows_of(pair.verify(**SMALL, on_row=lambda _, row: told.append(row)))
    assert dict(difference.counts) == {"different": len(changed), "missing": len(gone), "extra": len(more)}
    by_kind = {
        kind: {tuple(text for _, text in row.key) for row in difference.rows if row.kind == kind}
        for kind in ("different", "missing", "extra")
    }
    assert by_kind == {"different": changed, "missing": gone, "extra": more}
    assert {row.columns for row in difference.rows if row.kind == "different"} == {("v", "w")}
    assert {row.columns for row in difference.rows if row.kind != "different"} == {()}
    assert Counter(told) == Counter(difference.rows)


def _keys(end: Endpoint, sql: str) -> set[tuple[str, ...]]:
    return {tuple(key) for (key,) in drive.fetch(end, sql)}


@pytest.mark.parametrize("key", ["bigint", "uuid"])
def test_every_one_of_many_differences_is_counted_and_the_first_are_named(pair: Pair, key: str) -> None:
    value = "i" if key == "bigint" else "md5(i::text)::uuid"
    pair.both(f"CREATE TABLE t (id {key} PRIMARY KEY, n int, v text)")
    drive.execute(pair.source, f"INSERT INTO t SELECT {value}, i, 'source' FROM generate_series(1, 24000) i")
    drive.execute(pair.target, f"INSERT INTO t SELECT {value}, i, 'target' FROM generate_series(801, 24600) i")
    pair.both("ANALYZE t")
    tracemalloc.start()
    found = pair.verify(rows_per_chunk=4000, rows_per_group=500, max_differences=7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    difference = rows_of(found)
    assert dict(difference.counts) == {"missing": 800, "extra": 600, "different": 23_200}
    assert len(difference.rows) == 7
    assert difference.to_json()["rows_not_named"] == 24_600 - 7
    assert peak < 10_000_000
    if key == "bigint":
        assert [dict(row.key)["id"] for row in difference.rows] == [str(number) for number in range(1, 8)]


def test_no_row_is_named_when_none_is_wanted(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    drive.execute(pair.target, "UPDATE t SET v = 0")
    difference = rows_of(pair.verify(max_differences=0))
    assert (difference.rows, dict(difference.counts)) == ((), {"different": 2})


def test_rows_without_a_key_are_named_by_their_content_and_counted_on_either_side(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int, b text)")
    pair.both("INSERT INTO t SELECT i % 100, 'b' FROM generate_series(1, 5000) i")
    pair.both("ANALYZE t")
    drive.execute(pair.target, "INSERT INTO t VALUES (7, 'b'), (7, 'b'), (NULL, '')")
    drive.execute(pair.target, "DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE a = 8 LIMIT 3)")
    difference = rows_of(pair.verify(**SMALL))
    assert dict(difference.counts) == {"extra": 3, "missing": 3}
    found = {(row.key, row.kind, row.copies) for row in difference.rows}
    name = "SELECT md5(ROW({})::text)"
    names = [drive.fetch(pair.source, name.format(row))[0][0] for row in ("7, 'b'", "8, 'b'", "NULL::int, ''")]
    assert found == {
        ((("md5", names[0]),), "extra", (50, 52)),
        ((("md5", names[1]),), "missing", (50, 47)),
        ((("md5", names[2]),), "extra", (0, 1)),
    }


def test_a_key_that_the_target_has_twice_is_found(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int, v int)")
    drive.execute(pair.source, "ALTER TABLE t ADD PRIMARY KEY (id)")
    pair.both("INSERT INTO t SELECT i, i FROM generate_series(1, 2000) i")
    pair.both("ANALYZE t")
    drive.execute(pair.target, "INSERT INTO t VALUES (5, 5), (6, 60)")
    found = pair.verify(**SMALL)
    difference = next(one for one in found.differences if one.kind == "rows")
    assert dict(difference.counts) == {"extra": 2}
    assert {(row.key, row.kind, row.copies) for row in difference.rows} == {
        ((("id", "5"),), "extra", (1, 2)),
        ((("id", "6"),), "extra", (1, 2)),
    }


def test_values_are_shown_only_when_asked_for(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text, c char(4), n numeric); CREATE TABLE k (v text)")
    pair.both("INSERT INTO t VALUES (1, 'a', 'c', 1), (2, 'b', 'd', 2), (3, NULL, 'e', 3); INSERT INTO k VALUES ('k')")
    drive.execute(pair.target, "UPDATE t SET v = NULL, c = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2")
    drive.execute(pair.target, "INSERT INTO t VALUES (4, 'new', '', NULL); DELETE FROM k")
    assert all(row.values is None for one in pair.verify().differences for row in one.rows)
    found = {one.object: one for one in pair.verify(show_values=True).differences}
    values = {dict(row.key)["id"]: row.values for row in found["public.t"].rows}
    assert values == {
        "1": (("v", "a", None), ("c", "c   ", "x   ")),
        "2": (("id", "2", None), ("v", "b", None), ("c", "d   ", None), ("n", "2", None)),
        "4": (("id", None, "4"), ("v", None, "new"), ("c", None, "    "), ("n", None, None)),
    }
    assert found["public.k"].rows[0].values == (("v", "k", None),)
    assert found["public.t"].to_json()["rows"][0]["values"] == {
        "v": {"source": "a", "target": None},
        "c": {"source": "c   ", "target": "x   "},
    }


@pytest.mark.parametrize("level", ["checksum", "rows"])
def test_values_are_shown_of_rows_whose_keys_are_of_types_that_extensions_bring(pair: Pair, level: str) -> None:
    pair.both('CREATE SCHEMA "more %s"; CREATE EXTENSION hstore SCHEMA "more %s"; CREATE EXTENSION ltree')
    pair.both('CREATE EXTENSION citext; CREATE DOMAIN tags AS "more %s".hstore')
    keys = {"h": '"more %s".hstore', "d": "tags", "l": "ltree", "c": "citext"}
    for name, type_name in keys.items():
        pair.both(f"CREATE TABLE {name} (k {type_name} PRIMARY KEY, v text)")
        one = "'a=>1'" if name in "hd" else "'a.b'"
        pair.both(f"INSERT INTO {name} VALUES ({one}, 'here')")
        drive.execute(pair.target, f"UPDATE {name} SET v = 'there'")
    found = pair.verify(show_values=True, level=level).differences
    assert {one.object: one.rows[0].values for one in found} == {
        f"public.{name}": (("v", "here", "there"),) for name in keys
    }


def test_rows_that_are_equal_once_rounded_are_told_apart_and_withhold_nothing(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, r real, d float8, v int)")
    drive.execute(
        pair.source, "CREATE TABLE s (id int PRIMARY KEY, n numeric); INSERT INTO s VALUES (1, 1.005), (2, 2.5)"
    )
    drive.execute(
        pair.target, "CREATE TABLE s (id int PRIMARY KEY, n numeric(9,2)); INSERT INTO s VALUES (1, 1.005), (2, 2.4)"
    )
    pair.both("INSERT INTO t SELECT i, 0.1, 0.1, i FROM generate_series(1, 1000) i; ANALYZE t")
    drive.execute(pair.target, "UPDATE t SET d = 0.1::float8 + 1e-17::float8 * 2 WHERE id = 3")
    drive.execute(pair.target, "UPDATE t SET r = 0.10000001 WHERE id = 4")
    drive.execute(pair.target, "UPDATE t SET d = 0.1000001, v = 0 WHERE id = 5")
    exact = {one.object: dict(one.counts) for one in pair.verify(**SMALL).differences}
    assert exact == {"public.t": {"different": 3}, "public.s": {"different": 2}}
    found = pair.verify(**SMALL, float_tolerance=True)
    by_table = {one.object: one for one in found.differences}
    assert dict(by_table["public.t"].counts) == {"rounded": 2, "different": 1}
    assert {(row.key, row.kind, row.columns) for row in by_table["public.t"].rows} == {
        ((("id", "3"),), "rounded", ("d",)),
        ((("id", "4"),), "rounded", ("r",)),
        ((("id", "5"),), "different", ("d", "v")),
    }
    assert dict(by_table["public.s"].counts) == {"rounded": 1, "different": 1}
    assert not found.clean

    drive.execute(pair.target, "UPDATE t SET d = 0.1, v = 5 WHERE id = 5; UPDATE s SET n = 2.5 WHERE id = 2")
    rounded = pair.verify(**SMALL, float_tolerance=True)
    assert {one.judged for one in rounded.differences} == {"cosmetic"}
    assert rounded.clean
    assert {result.state for result in rounded.tables} == {"different"}


def test_rows_that_a_declared_conversion_explains_are_told_apart(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text, n int)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1, 'Mixed', 1), (2, 'lower', 2), (3, 'Other', 3), (4, 'Same', 4)")
    drive.execute(pair.target, "INSERT INTO t VALUES (1, 'mixed', 1), (2, 'lower', 2), (3, 'other', 0), (4, 'SAME', 4)")
    conversions = {(TableName("public", "t"), "v"): "lower({})"}
    found = rows_of(pair.verify(conversions=conversions))
    assert {(dict(row.key)["id"], row.kind, row.columns) for row in found.rows} == {
        ("1", "converted", ("v",)),
        ("3", "different", ("v", "n")),
        ("4", "different", ("v",)),
    }
    drive.execute(pair.target, "UPDATE t SET n = 3 WHERE id = 3; UPDATE t SET v = 'same' WHERE id = 4")
    assert rows_of(pair.verify(conversions=conversions)).judged == "intended"
    assert pair.verify(conversions=conversions).clean


def test_only_rows_that_changed_since_are_compared_where_a_table_can_tell(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, at timestamptz, v int); CREATE TABLE u (id int PRIMARY KEY, v int)")
    pair.both(
        "INSERT INTO t SELECT i, '2024-01-01'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 3000) i"
    )
    pair.both("INSERT INTO u VALUES (1, 1); ANALYZE")
    drive.execute(pair.target, "UPDATE t SET v = 0 WHERE id IN (10, 2990); UPDATE u SET v = 0")
    found = pair.verify(**SMALL, since={TableName("public", "t"): Since("at", "2024-03-01")})
    by_table = {one.object: one for one in found.differences}
    assert [dict(row.key)["id"] for row in by_table["public.t"].rows] == ["2990"]
    assert dict(by_table["public.u"].counts) == {"different": 1}
    results = {str(result.table): result for result in found.tables}
    assert results["public.t"].source_rows == 3000 - 24 * 60 + 1
    assert "at" in results["public.t"].note
    assert "compared whole" in results["public.u"].note


@pytest.mark.parametrize("level", ["checksum", "rows"])
@pytest.mark.parametrize("key", ["id int", 'id text COLLATE "C"', '"a%d" int, id uuid'])
def test_a_row_that_one_side_has_in_an_older_version_is_different_and_neither_missing_nor_extra(
    pair: Pair, level: str, key: str
) -> None:
    names = [part.split()[0] for part in key.split(", ")]
    values = {"id int": "i", 'id text COLLATE "C"': "'k%' || i"}.get(key, "i % 7, md5(i::text)::uuid")
    pair.both(f"CREATE TABLE t ({key}, n int, at timestamptz, v text, PRIMARY KEY ({', '.join(names)}))")
    pair.both(f"INSERT INTO t SELECT {values}, i, '2024-01-01', i::text FROM generate_series(1, 3000) i; ANALYZE")
    later = "SET at = '2024-05-05', v = 'later'"
    drive.execute(pair.source, f"UPDATE t {later} WHERE n <= 1200")
    drive.execute(pair.target, f"UPDATE t {later} WHERE n <= 100 OR n > 2990")
    drive.execute(pair.target, "UPDATE t SET v = 'other' WHERE n <= 3; DELETE FROM t WHERE n = 1200")
    drive.execute(pair.source, "DELETE FROM t WHERE n = 3000")
    heard: list[RowDifference] = []
    found = pair.verify(
        **SMALL,
        level=level,
        show_values=True,
        on_row=lambda _, row: heard.append(row),
        since={TableName("public", "t"): Since("at", "2024-03-01")},
    )
    named = rows_of(found)
    assert dict(named.counts) == {"different": 3 + 1099 + 9, "missing": 1, "extra": 1}
    assert Counter(row.kind for row in heard) == named.counts
    assert Counter(row.columns for row in heard if row.kind == "different") == {("v",): 3, ("at", "v"): 1099 + 9}
    shown = {row.kind: row.values for row in named.rows}
    assert {here for values in shown.values() for _, here, _ in values or ()} & {"later"}
    assert found.tables[0].source_rows == 1200


def test_rows_without_a_key_that_one_side_changed_are_missing_as_they_are(pair: Pair) -> None:
    pair.both("CREATE TABLE t (at date, v int); INSERT INTO t SELECT '2024-01-01', i FROM generate_series(1, 900) i")
    drive.execute(pair.source, "UPDATE t SET at = '2024-05-05' WHERE v = 7")
    found = pair.verify(**SMALL, since={TableName("public", "t"): Since("at", "2024-03-01")})
    assert dict(rows_of(found).counts) == {"missing": 1}


@pytest.mark.parametrize("key", ["int", "text"])
def test_a_sample_is_the_same_part_of_the_chunks_each_time(pair: Pair, key: str) -> None:
    pair.both(f"CREATE TABLE t (id {key} PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY)")
    pair.both("INSERT INTO t SELECT i, i FROM generate_series(1, 8000) i; INSERT INTO u VALUES (1); ANALYZE")
    drive.execute(pair.target, "UPDATE t SET v = 0")
    found = [pair.verify(**SMALL, sample=0.25) for _ in range(2)]
    tables = {str(result.table): result for result in found[0].tables}
    assert tables["public.u"].chunks_compared == tables["public.u"].chunks == 1
    t = tables["public.t"]
    assert 0 < t.chunks_compared <= t.chunks / 4 + 1
    assert t.source_rows == rows_of(found[0]).counts["different"] < 3000
    assert found[0].differences == found[1].differences


@pytest.mark.parametrize("level", ["checksum", "rows"])
def test_a_sample_takes_ranges_that_hold_rows_and_they_lie_all_over_the_table(pair: Pair, level: str) -> None:
    # Two thirds of the span are a gap, and the ranges beyond the ends hold nothing either.
    pair.both('CREATE TABLE "t%" ("i%d" int PRIMARY KEY, v int)')
    pair.both('INSERT INTO "t%" SELECT CASE WHEN i > 4000 THEN i + 16000 ELSE i END, i FROM generate_series(1, 8000) i')
    pair.both("ANALYZE")
    drive.execute(pair.target, 'UPDATE "t%" SET v = 0')
    for share, least in ((0.001, 1), (0.2, 2), (0.6, 5)):
        found = pair.verify(**SMALL, sample=share, level=level)
        (table,) = found.tables
        named = rows_of(found)
        assert table.chunks_compared >= least
        assert len(named.ranges) == table.chunks_compared
        assert table.source_rows == named.counts["different"] > 0
        assert table.rows_of == 8000 > table.source_rows
        keys = [int(re.search(r"< (\d+)", one)[1]) for one in named.ranges]  # type: ignore[index]
        assert share < 0.2 or min(keys) < 5000 < 20000 < max(keys)


@pytest.mark.parametrize("share", [0.001, 0.3])
def test_a_sample_of_a_table_without_a_key_meets_rows_where_most_buckets_hold_none(pair: Pair, share: float) -> None:
    # Rows that are the same are in one bucket; all but a few of the second table are gone since it was analyzed.
    pair.both('CREATE TABLE "same%" ("v%d" text); CREATE TABLE gone (v int); CREATE TABLE none (v int)')
    pair.both("""INSERT INTO "same%" SELECT '%s' FROM generate_series(1, 20000)""")
    for table in ("gone", "none"):
        pair.both(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        pair.both(f"INSERT INTO {table} SELECT generate_series(1, 20000); ANALYZE {table}; DELETE FROM {table}")
    pair.both('INSERT INTO gone VALUES (5), (7); ANALYZE "same%"')
    drive.execute(
        pair.target, """UPDATE "same%" SET "v%d" = 'other' WHERE ctid IN (SELECT ctid FROM "same%" LIMIT 9)"""
    )
    found = [pair.verify(**SMALL, sample=share) for _ in range(2)]
    tables = {result.table.name: result for result in found[0].tables}
    assert all(one.chunks > 10 for one in tables.values())
    assert (tables["same%"].state, tables["same%"].source_rows) == ("different", 20000)
    assert rows_of(found[0]).counts["missing"] == 9
    assert (tables["gone"].state, tables["gone"].source_rows > 0) == ("equal", True)
    assert (tables["none"].state, tables["none"].source_rows) == ("equal", 0)
    assert found[0].differences == found[1].differences
    assert [one.chunks_compared for one in found[0].tables] == [one.chunks_compared for one in found[1].tables]


def test_a_sample_of_parts_by_keys_meets_rows_where_nothing_stands_before_the_first_cut(pair: Pair) -> None:
    # Most rows are gone since the tables were analyzed; which part is drawn depends on the name.
    names = [f"t{number}" for number in range(8)]
    for name in names:
        pair.both(f"CREATE TABLE {name} (id text PRIMARY KEY) WITH (autovacuum_enabled = off)")
        pair.both(f"INSERT INTO {name} SELECT i::text FROM generate_series(1, 1500) i; ANALYZE {name}")
        pair.both(f"DELETE FROM {name} WHERE id NOT IN ('5', '7')")
    found = pair.verify(rows_per_chunk=100, sample=0.001, level="rows")
    assert [one.chunks for one in found.tables] == [3] * len(names)
    assert {(one.state, one.source_rows > 0) for one in found.tables} == {("equal", True)}
    assert all(one.chunks_compared < one.chunks for one in found.tables)


def test_no_chunk_is_begun_when_time_is_up_and_the_rest_follows_in_the_next_run(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i")
    pair.both("ANALYZE t")
    journal = MemoryJournal()
    nothing = pair.verify(**SMALL, journal=journal, max_duration=0.0)
    assert (nothing.tables[0].chunks_compared, nothing.tables[0].chunks > 10) == (0, True)
    some = pair.verify(**SMALL, journal=journal, max_duration=0.05, jobs=1)
    whole = pair.verify(**SMALL, journal=journal)
    assert whole.tables[0].chunks_reused == some.tables[0].chunks_compared
    assert whole.tables[0].chunks_compared == whole.tables[0].chunks


def test_no_chunk_is_begun_while_a_side_has_enough_to_do(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i")
    pair.both("ANALYZE t")
    asked: list[int] = []

    def busy() -> bool:
        asked.append(1)
        return len(asked) <= 3

    found = pair.verify(**SMALL, max_load=busy)
    assert len(asked) > 3
    assert found.tables[0].source_rows == 5000


def test_a_row_that_is_repaired_before_it_is_read_is_equal(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums differed, rows did not: the chunk is compared once more instead of being called different."""
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    drive.execute(pair.target, "UPDATE t SET v = 2")
    follow = Pursuit.follow

    def late(self: Pursuit, *given: Any) -> None:
        drive.execute(pair.target, "UPDATE t SET v = 1")
        follow(self, *given)

    monkeypatch.setattr(Pursuit, "follow", late)
    found = pair.verify()
    assert found.differences == []
    assert found.tables[0].state == "equal"


def test_sums_that_stay_unequal_are_a_difference_though_no_row_is_found(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    drive.execute(pair.target, "UPDATE t SET v = 2")
    monkeypatch.setattr(Pursuit, "follow", lambda *_: None)
    difference = rows_of(pair.verify())
    assert difference.withholds
    assert difference.finding == "Table public.t: 1 row on both sides, not all the same (the whole table)."


def test_a_search_goes_on_after_its_server_crashed_and_tells_no_row_twice(
    source_server: Server, own_server: Callable[..., Server], fresh_database: Callable[..., Endpoint]
) -> None:
    server = own_server()
    drive.execute(server.endpoint(), "CREATE DATABASE crashing")
    pair = Pair(fresh_database(source_server), server.endpoint("crashing"))
    pair.both("CREATE TABLE t (id uuid PRIMARY KEY, v int)")
    pair.both("INSERT INTO t SELECT md5(i::text)::uuid, i FROM generate_series(1, 8000) i; ANALYZE t")
    drive.execute(pair.target, "UPDATE t SET v = -v; CHECKPOINT")
    told: Counter[RowDifference] = Counter()
    crashed = threading.Event()

    def listen(_: TableName, row: RowDifference) -> None:
        told[row] += 1
        if sum(told.values()) == 1000:
            starter.submit(server.restart, "immediate").result()
            crashed.set()

    # A server ends with the thread that started it, and the search's own ends before the verification does.
    with ThreadPoolExecutor(1) as starter:
        found = pair.verify(rows_per_chunk=1000, rows_per_group=100, on_row=listen)
    assert crashed.is_set()
    assert dict(rows_of(found).counts) == {"different": 8000}
    assert set(told.values()) == {1}


def test_stopping_ends_the_searches_too(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id uuid PRIMARY KEY, v int)")
    pair.both("INSERT INTO t SELECT md5(i::text)::uuid, i FROM generate_series(1, 20000) i; ANALYZE t")
    drive.execute(pair.target, "UPDATE t SET v = -v")
    stop = threading.Event()

    def checkpoint() -> None:
        if stop.is_set():
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        pair.verify(rows_per_chunk=1000, checkpoint=checkpoint, on_row=lambda *_: stop.set())
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'yb-voyager verify%'"
    assert drive.fetch(pair.target, left + f" AND datname = '{pair.target.database}'") == [(0,)]
    wait_until(lambda: "verify-rows" not in {thread.name.rpartition("_")[0] for thread in threading.enumerate()})


def test_a_table_as_wide_as_the_server_allows_is_compared(pair: Pair) -> None:
    columns = ", ".join(f"c{number} {'text' if number % 3 else 'int'}" for number in range(1500))
    pair.both(f"CREATE TABLE wide (id int PRIMARY KEY, {columns})")
    pair.both("INSERT INTO wide (id, c1, c1499) SELECT i, 'a', 'z' FROM generate_series(1, 200) i")
    assert pair.verify().differences == []
    drive.execute(pair.target, "UPDATE wide SET c1499 = NULL, c0 = 0 WHERE id = 77")
    (row,) = rows_of(pair.verify()).rows
    assert (row.key, row.columns) == ((("id", "77"),), ("c0", "c1499"))


def test_the_report_says_in_which_form_each_column_was_compared(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id bigint PRIMARY KEY, v text, n numeric, c char(3))")
    drive.execute(pair.source, "ALTER TABLE t ADD COLUMN m numeric(9,2), ADD COLUMN k int")
    drive.execute(pair.target, "ALTER TABLE t ADD COLUMN m numeric(9,4), ADD COLUMN k bigint")
    assert pair.verify().forms == {
        "public.t": {
            "id": "typed int8",
            "v": "typed string",
            "n": "text numeric",
            "c": "text bpchar",
            "m": "text numeric by value",
            "k": "typed int8",
        }
    }
