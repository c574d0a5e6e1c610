"""Level rows on real servers: what is missing, extra or different is named by key and column, and nothing else is."""

from __future__ import annotations

import contextlib
import random
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests import drive
from tests.door import PASSAGE, Door, shut_door
from tests.faults.driver import wait_until
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.identifiers import TableName
from voyager.postgres.connection import connect
from voyager.verification.findings import RowDifference
from voyager.verification.readers import Readers
from voyager.verification.rows import RangeResult, RowComparison
from voyager.verification.rows_sql import Compared, Excuse, KeyColumn, RowRange


@dataclass
class Pair:
    """A source and a target database, and what a comparison of one table between them told."""

    source: Endpoint
    target: Endpoint
    told: list[RowDifference] = field(default_factory=list)

    def both(self, sql: str) -> None:
        drive.execute(self.source, sql)
        drive.execute(self.target, sql)

    def compare(self, *parts: RowRange, checkpoint: Callable[[], None] = lambda: None, **how: Any) -> list[RangeResult]:
        self.told = []
        with self.readers(checkpoint) as (source, target):
            comparison = RowComparison(source, target, lambda _, found: self.told.append(found), checkpoint, **how)
            return [result for _, result in comparison.run(parts, jobs=2)]

    @contextlib.contextmanager
    def readers(self, checkpoint: Callable[[], None] = lambda: None) -> Iterator[tuple[Readers, Readers]]:
        made = [
            Readers(side, partial(connect, endpoint, "verify"), limit=2, checkpoint=checkpoint, outage_budget=30.0)
            for side, endpoint in (("source", self.source), ("target", self.target))
        ]
        try:
            yield made[0], made[1]
        finally:
            for side in made:
                side.close()

    def found(self) -> set[tuple[tuple[str, ...], str, tuple[str, ...]]]:
        return {(tuple(text for _, text in one.key), one.kind, one.columns) for one in self.told}


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint]) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server))


def part(table: str, columns: str, key: str = "", **more: Any) -> RowRange:
    """`key` is "name type, name type"."""
    keys = tuple(KeyColumn(*one.split(maxsplit=1)) for one in key.split(", ") if one)
    return RowRange(TableName("public", table), tuple(map(Compared, columns.split())), keys, **more)


KEYS = {
    "int": ("id integer", "i"),
    "bigint": ("id bigint", "i * 4294967296 - 9000000000000"),
    "text": ("id text", "CASE i % 4 WHEN 0 THEN 'Ä' WHEN 1 THEN 'a' WHEN 2 THEN E'B\\t\\\\' ELSE ' z' END || i"),
    "uuid": ("id uuid", "md5(i::text)::uuid"),
    "numeric": ("id numeric", "i / 3.0 - 100"),
    "float": ("id double precision", "i / 3.0::float8 - 100"),
    "timestamptz": ("id timestamp with time zone", "'0001-01-01 BC'::timestamptz + i * interval '7 years 1 us'"),
    "date": ("id date", "'2000-01-01'::date - i * 400"),
    "bytea": ("id bytea", "decode(md5(i::text), 'hex')"),
    "boolean and text": ("b boolean, id text", "i % 2 = 0, (i / 2)::text"),
    "composite": ("a integer, id text", "i % 7, i::text"),
}


@pytest.mark.parametrize("key", KEYS)
def test_rows_are_merged_in_one_order_whatever_the_type_of_the_key(pair: Pair, key: str) -> None:
    declared, made = KEYS[key]
    names = " ".join(one.split()[0] for one in declared.split(", "))
    listed = names.replace(" ", ", ")
    pair.both(f"CREATE TABLE t ({declared}, v text, n int, PRIMARY KEY ({listed}))")
    pair.both(f"INSERT INTO t SELECT {made}, 'v' || i, i FROM generate_series(1, 300) i")
    whole = part("t", f"{names} v n", declared)
    assert pair.compare(whole) == [RangeResult(300, 300, {})]
    assert pair.told == []
    drive.execute(pair.target, "UPDATE t SET v = 'other', n = NULL WHERE n IN (7, 211)")
    drive.execute(pair.target, "DELETE FROM t WHERE n IN (1, 150, 300)")
    drive.execute(pair.source, "DELETE FROM t WHERE n IN (2, 299)")
    assert pair.compare(whole) == [RangeResult(298, 297, {"different": 2, "missing": 3, "extra": 2})]
    text = f"SELECT ROW({listed})::text FROM t WHERE"
    with drive.connect(pair.source) as here, drive.connect(pair.target) as there:
        places = ((here, "missing", "n IN (1, 150, 300)"), (there, "extra", "n IN (2, 299)"))
        expected: Counter[tuple[str, str]] = Counter()
        for connection, kind, which in (*places, (here, "different", "v = 'v7' OR v = 'v211'")):
            rows = connection.execute(f"{text} {which}".encode()).fetchall()
            expected.update((row, kind) for (row,) in rows)
        named: Counter[tuple[str, str]] = Counter()
        types = [one.split(maxsplit=1)[1] for one in declared.split(", ")]
        values = ", ".join(f"%s::{type_name}" for type_name in types)
        for one in pair.told:
            row = here.execute(f"SELECT ROW({values})::text".encode(), [text for _, text in one.key]).fetchone()
            named.update([(row[0] if row else "", one.kind)])
    assert named == expected
    assert {one.columns for one in pair.told if one.kind == "different"} == {("v", "n")}


def test_text_keys_are_ordered_by_bytes_though_the_databases_sort_differently(
    source_server: Server, pg15_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    pair = Pair(fresh_database(source_server), fresh_database(pg15_server))
    drive.execute(pair.source, 'CREATE TABLE t (id text COLLATE "C" PRIMARY KEY, v int)')
    drive.execute(pair.target, 'CREATE TABLE t (id text COLLATE "en-x-icu" PRIMARY KEY, v int)')
    words = "ARRAY['a', 'B', 'A', 'b', 'ä', 'Z', 'é', '_', '-', ' ', E'\\n', E'\\\\', E'\\t', '~', '', '🐘', 'ﬁ']"
    pair.both(f"INSERT INTO t SELECT w, 1 FROM unnest({words}) w")
    for utf8 in (False, True):
        assert pair.compare(part("t", "id v", "id text", utf8=utf8)) == [RangeResult(17, 17, {})]
    drive.execute(pair.target, "DELETE FROM t WHERE id = E'\\t'; UPDATE t SET v = 2 WHERE id = '🐘'")
    for utf8 in (False, True):
        pair.compare(part("t", "id v", "id text", utf8=utf8))
        assert pair.found() == {(("\t",), "missing", ()), (("🐘",), "different", ("v",))}


def test_a_table_without_a_key_is_a_bag_whose_rows_are_counted(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int, b text)")
    drive.execute(pair.source, "INSERT INTO t SELECT i % 5, NULL FROM generate_series(1, 50) i")
    drive.execute(pair.target, "INSERT INTO t SELECT i % 5, NULL FROM generate_series(50, 1, -1) i")
    assert pair.compare(part("t", "a b")) == [RangeResult(50, 50, {})]
    drive.execute(pair.target, "INSERT INTO t VALUES (3, NULL), (3, NULL), (3, '')")
    drive.execute(pair.target, "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a = 4)")
    assert pair.compare(part("t", "a b")) == [RangeResult(50, 52, {"extra": 3, "missing": 1})]
    names = dict(drive.fetch(pair.target, "SELECT DISTINCT ROW(a, b)::text, md5(ROW(a, b)::text) FROM t"))
    assert [(one.key, one.kind, one.copies) for one in pair.told] == [
        ((("md5", names['(3,"")']),), "extra", (0, 1)),
        ((("md5", names["(3,)"]),), "extra", (0, 2)),
        ((("md5", names["(4,)"]),), "missing", (1, 0)),
    ]


def test_a_key_that_the_target_has_twice_is_extra_and_says_so(pair: Pair) -> None:
    drive.execute(pair.source, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    drive.execute(pair.target, "CREATE TABLE t (id int, v int); INSERT INTO t VALUES (1, 1), (1, 1), (2, 2), (NULL, 3)")
    pair.compare(part("t", "id v", "id integer"))
    assert [(one.key, one.kind, one.copies) for one in pair.told] == [
        ((("id", "1"),), "extra", (1, 2)),
        ((("id", ""),), "extra", None),
    ]


def test_values_are_told_only_when_asked_for(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1, E'canary\\t\\\\'), (2, NULL), (3, 'gone')")
    drive.execute(pair.target, "INSERT INTO t VALUES (1, E'canary\\t'), (2, '')")
    pair.compare(part("t", "id v", "id integer"))
    assert [one.values for one in pair.told] == [None] * 3
    assert "canary" not in repr(pair.told)
    pair.compare(part("t", "id v", "id integer"), show_values=True)
    assert [one.values for one in pair.told] == [
        (("v", "canary\t\\", "canary\t"),),
        (("v", None, ""),),
        (("id", "3", None), ("v", "gone", None)),
    ]


def test_an_excuse_makes_another_kind_of_difference_only_where_it_covers_all_that_differs(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, f float8, g float8, v text)")
    pair.both("INSERT INTO t SELECT i, 0.1, 0.2, 'v' FROM generate_series(1, 4) i")
    drive.execute(pair.target, "UPDATE t SET f = 0.10000000000000002 WHERE id <= 3; UPDATE t SET g = 1 WHERE id = 2")
    drive.execute(pair.target, "UPDATE t SET v = 'w' WHERE id = 3")
    once_rounded = tuple(Compared(name, *(f"t.{name}::numeric",) * 2) for name in ("f", "g"))
    assert pair.compare(part("t", "id f g v", "id integer", excuses=(Excuse("rounded", once_rounded),))) == [
        RangeResult(4, 4, {"rounded": 1, "different": 2})
    ]
    assert pair.found() == {
        (("1",), "rounded", ("f",)),
        (("2",), "different", ("f", "g")),
        (("3",), "different", ("f", "v")),
    }


def test_ranges_are_read_apart_and_hostile_names_are_only_names(pair: Pair) -> None:
    odd = 'odd %s "%% $1 {0} \\ é'
    quoted = '"' + odd.replace('"', '""') + '"'
    pair.both(f'CREATE TABLE {quoted} ({quoted} int PRIMARY KEY, "%(low)s" text)')
    pair.both(f"INSERT INTO {quoted} SELECT i, 'v' FROM generate_series(1, 100) i")
    where = f"t.{quoted.replace('%', '%%')}"
    key, columns = (KeyColumn(odd, "integer"),), (Compared(odd), Compared("%(low)s"))
    low = RowRange(TableName("public", odd), columns, key, f"{where} < %(high)s", {"high": 51})
    high = RowRange(TableName("public", odd), columns, key, f"{where} >= %(low)s", {"low": 51}, number=1)
    assert pair.compare(low, high) == [RangeResult(50, 50, {})] * 2
    drive.execute(pair.target, f"DELETE FROM {quoted} WHERE {quoted} = 60")
    assert sorted(one.source_rows - one.target_rows for one in pair.compare(low, high)) == [0, 1]
    assert pair.found() == {(("60",), "missing", ())}


def test_a_connection_that_is_lost_begins_its_range_again_and_nothing_is_told_twice(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.both("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 60000) i")
    drive.execute(pair.target, "UPDATE t SET v = '' WHERE id % 20000 = 0; DELETE FROM t WHERE id = 5")
    pair.both(PASSAGE)
    held = part("t", "id v", "id integer", where="(id <> 50000 OR public.passes_door())")
    for side in (pair.source, pair.target):
        with shut_door(side) as door:
            ended: list[int] = []
            killer = threading.Thread(target=end_one, args=(side, door, ended))
            killer.start()
            assert pair.compare(held) == [RangeResult(60000, 59999, {"different": 3, "missing": 1})]
            killer.join()
        assert len(ended) == 1
        assert len(pair.told) == 4


def end_one(side: Endpoint, door: Door, ended: list[int]) -> None:
    """End the connection whose reading waits in its middle, and let the next one pass."""
    wait_until(lambda: door.waiting() != [])
    ended += door.waiting()
    drive.execute(side, f"SELECT pg_terminate_backend({ended[0]})")
    door.open()


def test_stopping_ends_the_reading_on_both_servers(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.both("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 60000) i")
    looks: list[int] = []

    def stop() -> None:
        looks.append(1)
        if len(looks) > 1:
            raise Interrupted("stopped")

    slow = part("t", "id v", "id integer", where="pg_sleep(0.01) IS NOT NULL")
    with pytest.raises(Interrupted):
        pair.compare(slow, checkpoint=stop)
    running = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
    # By itself it would take ten minutes.
    for side in (pair.source, pair.target):
        wait_until(lambda side=side: drive.fetch(side, running + " AND state = 'active'") == [])  # type: ignore[misc]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows_nor_with_the_differences(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.both("INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 100000) i")
    drive.execute(pair.target, "UPDATE t SET v = 'y'")
    count: Counter[str] = Counter()
    tracemalloc.start()
    with pair.readers() as (source, target):
        comparison = RowComparison(source, target, lambda _, found: count.update([found.kind]))
        results = [result for _, result in comparison.run([part("t", "id v", "id integer")], jobs=1)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert results == [RangeResult(100000, 100000, {"different": 100000})]
    assert count == {"different": 100000}
    assert peak < 16 << 20


@pytest.mark.parametrize("seed", range(3))
def test_random_changes_are_found_one_by_one(pair: Pair, seed: int) -> None:
    rng = random.Random(seed)
    pair.both("CREATE TABLE t (a int, b text, v numeric, w text, PRIMARY KEY (a, b))")
    pair.both(
        "INSERT INTO t SELECT i % 50, 'k' || i, i / 7.0, repeat(chr(65 + i % 26), i % 9) "
        "FROM generate_series(1, 2000) i"
    )
    keys = drive.fetch(pair.source, "SELECT a, b FROM t ORDER BY b")
    chosen = rng.sample(keys, 60)
    expected: set[tuple[Any, ...]] = set()
    with drive.connect(pair.source) as here, drive.connect(pair.target) as there:
        for number, key in enumerate(chosen):
            name = tuple(map(str, key))
            if number % 3 == 0:
                there.execute("DELETE FROM t WHERE a = %s AND b = %s", key)
                expected.add((name, "missing", ()))
            elif number % 3 == 1:
                here.execute("DELETE FROM t WHERE a = %s AND b = %s", key)
                expected.add((name, "extra", ()))
            else:
                column = rng.choice(["v", "w"])
                change = {"v": "v::text || '0'", "w": "w || ' '"}[column]
                cast = "::numeric" if column == "v" else ""
                there.execute(f"UPDATE t SET {column} = ({change}){cast} WHERE a = %s AND b = %s".encode(), key)
                expected.add((name, "different", (column,)))
    pair.compare(part("t", "a b v w", "a integer, b text"))
    assert pair.found() == expected
