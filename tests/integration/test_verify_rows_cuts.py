"""Level rows on large tables whose key is no integer: cut, compared exactly, gone on with; and long values."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from tests import drive
from tests.verification_pair import MemoryJournal, Pair, rows_of
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.identifiers import TableName
from voyager.ports import WriteCounter

ROWS = 2000
PARTS = {"rows_per_chunk": 200, "level": "rows", "max_differences": 1000}
KEYS = {
    "text": ("k text PRIMARY KEY", "CASE i % 3 WHEN 0 THEN 'Ä' WHEN 1 THEN 'a' ELSE E'\\t%Z' END || i"),
    "a name with a percent sign": ('"%s k" text PRIMARY KEY', "i::text"),
    "character": ("k char(9) PRIMARY KEY", "i::text"),
    "uuid": ("k uuid PRIMARY KEY", "md5(i::text)::uuid"),
    "bytea": ("k bytea PRIMARY KEY", "decode(md5(i::text), 'hex')"),
    "numeric": ("k numeric PRIMARY KEY", "(i - 900) / 7.0"),
    "float": ("k float8 PRIMARY KEY", "(i - 900) / 7.0"),
    "instant": ("k timestamptz PRIMARY KEY", "'2024-01-01'::timestamptz + i * interval '1.5 s'"),
    "date": ("k date PRIMARY KEY", "'4000-01-01 BC'::date + i * 300"),
    "integer and text": ("k int, l text, PRIMARY KEY (k, l)", "i % 5, i::text"),
    "integer and bigint": ("k int, l bigint, PRIMARY KEY (k, l)", "i % 5, i"),
    "text and integer": ("k text, l int, PRIMARY KEY (k, l)", "'k' || i % 5, i"),
    "boolean and uuid": ("k boolean, l uuid, PRIMARY KEY (k, l)", "i % 2 = 0, md5(i::text)::uuid"),
}


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint]) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server))


def test_rows_are_found_in_the_parts_of_tables_with_keys_of_every_shape(pair: Pair) -> None:
    for number, (declared, made) in enumerate(KEYS.values()):
        pair.both(f"CREATE TABLE t{number} ({declared}, n int, v text)")
        pair.both(f"INSERT INTO t{number} SELECT {made}, i, 'v' || i FROM generate_series(1, {ROWS}) i")
    pair.both("ANALYZE")
    found = pair.verify(**PARTS)
    assert found.differences == []
    chunks = {one.table.name: one.chunks for one in found.tables}
    assert [name for name, number in chunks.items() if number < (4 if name == "t9" else 5)] == []
    for number in range(len(KEYS)):
        drive.execute(pair.target, f"UPDATE t{number} SET v = 'x' WHERE n % 100 = 7")
        drive.execute(pair.target, f"DELETE FROM t{number} WHERE n IN (1, 2, {ROWS})")
        drive.execute(pair.source, f"DELETE FROM t{number} WHERE n IN (3, 4, {ROWS - 1})")
    changed = {one.object: (one.counts, one.source_rows, one.target_rows) for one in pair.verify(**PARTS).differences}
    everything = ({"different": ROWS // 100, "missing": 3, "extra": 3}, ROWS - 3, ROWS - 3)
    assert changed == {f"public.t{number}": everything for number in range(len(KEYS))}


def test_rows_beyond_all_keys_of_the_source_belong_to_the_outermost_parts(pair: Pair) -> None:
    pair.both("CREATE TABLE t (k uuid PRIMARY KEY); CREATE TABLE u (k text PRIMARY KEY)")
    pair.both(f"INSERT INTO t SELECT md5(i::text)::uuid FROM generate_series(1, {ROWS}) i")
    pair.both(f"INSERT INTO u SELECT 'k' || i FROM generate_series(1, {ROWS}) i; ANALYZE")
    ends = ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    drive.execute(pair.target, f"INSERT INTO t VALUES ('{ends[0]}'), ('{ends[1]}'); INSERT INTO u VALUES (''), ('~')")
    found = {one.object: {row.key[0][1] for row in one.rows} for one in pair.verify(**PARTS).differences}
    assert found == {"public.t": set(ends), "public.u": {"", "~"}}


@pytest.mark.parametrize("key", ["text", "uuid"])
def test_a_table_that_was_half_read_is_gone_on_with(pair: Pair, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared, made = KEYS[key]
    pair.both(f"CREATE TABLE t ({declared}, n int, v text)")
    pair.both(f"INSERT INTO t SELECT {made}, i, 'v' || i FROM generate_series(1, {ROWS}) i; ANALYZE")
    journal, counters = MemoryJournal(), {TableName("public", "t"): WriteCounter(7, "same")}

    def stop_half_way() -> None:
        if len(journal.chunks) >= 3:
            raise Interrupted("stopped")

    monkeypatch.setattr("voyager.verification.run.SAVE_EVERY", 0.0)
    with pytest.raises(Interrupted):
        pair.verify(**PARTS, jobs=1, journal=journal, counters=counters, checkpoint=stop_half_way)
    kept = len(journal.chunks)
    assert all("v" not in (chunk.lo or "") for chunk in journal.chunks.values())
    (table,) = pair.verify(**PARTS, journal=journal, counters=counters).tables
    assert table.chunks_reused == kept >= 3
    assert table.chunks > kept
    assert table.source_rows == ROWS


def test_values_longer_than_a_megabyte_are_compared_and_never_held(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text, b bytea, j jsonb, c bpchar)")
    long = "repeat('0123456789abcdef', 200000)"
    pair.both(
        f"INSERT INTO t SELECT i, {long}, {long}::bytea, to_jsonb({long}), repeat('x', 2000000) "
        "FROM generate_series(1, 3) i"
    )
    pair.verify(level="rows")
    tracemalloc.start()
    try:
        assert pair.verify(level="rows").differences == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    drive.execute(pair.target, "UPDATE t SET v = overlay(v placing 'X' from 3000000) WHERE id = 1")
    drive.execute(pair.target, "UPDATE t SET b = set_byte(b, 3199999, 0) WHERE id = 2")
    drive.execute(pair.target, "UPDATE t SET j = to_jsonb((j #>> '{}') || 'x'), c = c || ' ' WHERE id = 3")
    difference = rows_of(pair.verify(level="rows", show_values=True))
    assert {(row.key[0][1], row.columns) for row in difference.rows} == {
        ("1", ("v",)),
        ("2", ("b",)),
        ("3", ("j", "c")),
    }
    assert all(len(text or "") < 200 for row in difference.rows for _, *texts in row.values or () for text in texts)
