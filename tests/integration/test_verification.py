"""Verification on real servers: an untouched pair is equal; one changed value anywhere is found and named."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest

from tests import drive
from tests.verification_pair import MemoryJournal, Pair, go_on, unheard
from voyager.catalog import Catalog, Table
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted, PermissionMissing
from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.postgres.connection import connect
from voyager.verification.digest import Method
from voyager.verification.findings import Found
from voyager.verification.readers import Readers
from voyager.verification.request import Request
from voyager.verification.run import Verification


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint]) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server))


@pytest.fixture
def pair_on_15(source_server: Server, pg15_server: Server, fresh_database: Callable[..., Endpoint]) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(pg15_server))


TYPES = """
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TYPE floats AS RANGE (subtype = float8);
"""

# type, a value, and one that only careful reading tells apart from it
NEAR_MISSES = [
    ("smallint", "1", "2"),
    ("integer", "0", "NULL"),
    ("bigint", "9223372036854775807", "9223372036854775806"),
    ("numeric", "1.0", "1.00"),
    ("numeric", "'NaN'", "NULL"),
    ("numeric(30,10)", "12345678901234567890.0000000001", "12345678901234567890.0000000002"),
    ("real", "0.1", "0.10000001"),
    ("double precision", "0", "'-0'"),
    ("double precision", "0.1", "0.1::float8 + 1e-17::float8 + 1.3877787807814457e-17::float8"),
    ("double precision", "'Infinity'", "'-Infinity'"),
    ("money", "1.00", "1.01"),
    ("boolean", "true", "false"),
    ("text", "''", "NULL"),
    ("text", "'a'", "'a '"),
    ("text", "E'line\\r\\n'", "E'line\\n'"),
    ("text", "'é'", "E'e\\u0301'"),
    ("text", "'NULL'", "NULL"),
    ("varchar(20)", "'A'", "'a'"),
    ("bpchar", "'a '", "'a'"),
    ("char(5)", "'a'", "'b'"),
    ("name", "'n'", "'m'"),
    ('"char"', "'x'", "'y'"),
    ("citext", "'Same'", "'same'"),
    ("bytea", "'\\x00ff'", "'\\x00fe'"),
    ("bytea", "''", "NULL"),
    ("uuid", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    ("date", "'2024-02-29'", "'2024-03-01'"),
    ("date", "'infinity'", "'-infinity'"),
    ("date", "'0044-03-15 BC'", "'0044-03-15'"),
    ("time", "'24:00'", "'00:00'"),
    ("timetz", "'12:00+01'", "'11:00+00'"),
    ("timestamp", "'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00'"),
    ("timestamptz", "'2024-01-01 00:00+00'", "'2024-01-01 00:00+01'"),
    ("interval", "'24 hours'", "'1 day'"),
    ("interval", "'30 days'", "'1 month'"),
    ("interval", "'00:00:00'", "'-00:00:00.000001'"),
    ("json", """'{"a": 1}'""", """'{"a":1}'"""),
    ("jsonb", """'{"a": 1.0}'""", """'{"a": 1.00}'"""),
    ("jsonb", "'null'", "NULL"),
    ("inet", "'10.0.0.1/32'", "'10.0.0.1/31'"),
    ("cidr", "'10.0.0.0/8'", "'10.0.0.0/9'"),
    ("macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'", "'08:00:2b:01:02:03:04:06'"),
    ("bit(4)", "'1010'", "'1011'"),
    ("varbit", "'101'", "'1010'"),
    ("point", "'(0,0)'", "'(0,-0)'"),
    ("line", "'{1,2,3}'", "'{1,2,4}'"),
    ("lseg", "'[(0,0),(1,1)]'", "'[(1,1),(0,0)]'"),
    ("box", "'(1,1),(0,0)'", "'(1,2),(0,0)'"),
    ("path", "'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    ("polygon", "'((0,0),(1,1),(2,0))'", "'((0,0),(1,1),(2,1))'"),
    ("circle", "'<(0,0),1>'", "'<(0,0),1.0000000000000002>'"),
    ("tsvector", "'a:1 b:2'", "'a:1 b:3'"),
    ("tsquery", "'a & b'", "'a | b'"),
    ("int4range", "'[1,5)'", "'[1,6)'"),
    ("int4range", "'empty'", "NULL"),
    ("numrange", "'[1.0,2)'", "'[1.00,2)'"),
    ("tstzrange", "'[2024-01-01,)'", "'(2024-01-01,)'"),
    ("int4multirange", "'{[1,2),[3,4)}'", "'{[1,4)}'"),
    ("floats", "'[0,1)'", "'[-0,1)'"),
    ("int[]", "'{1,2}'", "'{2,1}'"),
    ("int[]", "'[0:1]={1,2}'", "'{1,2}'"),
    ("int[]", "'{}'", "NULL"),
    ("text[]", "'{NULL}'", """'{"NULL"}'"""),
    ("text[]", """'{""}'""", "'{NULL}'"),
    ("float8[]", "'{0}'", "'{-0}'"),
    ("mood", "'sad'", "'ok'"),
    ("mood[]", "'{sad,ok}'", "'{ok,sad}'"),
    ("pair", "ROW(NULL, NULL)", "NULL"),
    ("pair", "ROW(1, '')", "ROW(1, NULL)"),
    ("pair[]", "ARRAY[ROW(1, 'a,b')::pair]", "ARRAY[ROW(1, 'a')::pair]"),
    ("positive", "1", "2"),
    ("hstore", "'a=>1'", "'a=>NULL'"),
    ("ltree", "'a.b'", "'a.c'"),
    ("regclass", "'pg_class'", "'pg_type'"),
    ("oid", "1", "2"),
    ("pg_lsn", "'0/1'", "'0/2'"),
]


def _fill_with_every_type(pair: Pair) -> None:
    statements = [TYPES]
    for number, (type_name, value, _) in enumerate(NEAR_MISSES):
        statements.append(f"CREATE TABLE t{number} (id int PRIMARY KEY, v {type_name})")
        statements.append(f"INSERT INTO t{number} VALUES (1, {value}), (2, NULL)")
    pair.both(";".join(statements))


def test_every_type_is_equal_when_untouched_and_a_changed_value_is_found_and_named(pair: Pair) -> None:
    _fill_with_every_type(pair)
    assert pair.verify().differences == []

    changes = [f"UPDATE t{number} SET v = {other} WHERE id = 1" for number, (_, _, other) in enumerate(NEAR_MISSES)]
    drive.execute(pair.target, ";".join(changes))
    found = pair.verify().differences
    named = {difference.object: difference for difference in found}
    missed = [NEAR_MISSES[number] for number in range(len(NEAR_MISSES)) if f"public.t{number}" not in named]
    assert missed == []
    assert len(found) == len(NEAR_MISSES)
    first = named["public.t0"]
    assert (first.kind, first.ranges) == ("rows", ("the whole table",))


@pytest.mark.parametrize("method", [Method("md5"), Method(one_encoding=False), Method(exact_floats=False), Method()])
def test_every_way_of_making_a_number_of_a_row_tells_the_same_values_apart(
    pair: Pair, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Verification, "_choose_method", lambda _: method)
    _fill_with_every_type(pair)
    found = pair.verify()
    assert (found.differences, found.method) == ([], method.name)
    changes = [f"UPDATE t{number} SET v = {other} WHERE id = 1" for number, (_, _, other) in enumerate(NEAR_MISSES)]
    drive.execute(pair.target, ";".join(changes))
    assert len(pair.verify().differences) == len(NEAR_MISSES)


def test_floats_read_by_their_bits_take_every_nan_for_one_value(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Verification, "_choose_method", lambda _: Method(exact_floats=False))
    pair.both("CREATE TABLE t (id int PRIMARY KEY, a float4, b float8)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1, 'NaN', 'NaN'), (2, NULL, 0)")
    drive.execute(pair.target, "INSERT INTO t VALUES (1, -'NaN'::float4, -'NaN'::float8), (2, NULL, 0)")
    assert pair.verify().differences == []
    drive.execute(pair.target, "UPDATE t SET b = NULL WHERE id = 2")
    assert len(pair.verify().differences) == 1


def test_the_sessions_own_output_settings_do_not_matter(pair: Pair) -> None:
    """Two databases that print everything differently by default still compare equal."""
    table = "CREATE TABLE t (id int PRIMARY KEY, d date, i interval, z timestamptz, f float8, b bytea, c regclass)"
    row = "INSERT INTO t VALUES (1, '2024-01-02', '1 day 2 hours', '2024-01-02 03:04+00', 1.0/3, '\\xff', 'public.t')"
    pair.both(table)
    pair.both(row)
    for setting in (
        "DateStyle TO 'SQL, DMY'",
        "IntervalStyle TO 'iso_8601'",
        "TimeZone TO 'Asia/Kolkata'",
        "extra_float_digits TO -3",
        "bytea_output TO 'escape'",
        "quote_all_identifiers TO on",
        "search_path TO public, pg_catalog",
    ):
        name = pair.target.database
        drive.execute(pair.target, f'ALTER DATABASE "{name}" SET {setting}')
    assert pair.verify().differences == []


def test_a_changed_row_a_missing_row_and_an_extra_row_are_named_by_chunk_and_key(pair: Pair) -> None:
    pair.both("CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
    pair.both("INSERT INTO orders SELECT i, 'note ' || i FROM generate_series(1, 20000) i")
    pair.both("ANALYZE orders")
    drive.execute(pair.target, "UPDATE orders SET note = 'x' WHERE id = 12345")
    drive.execute(pair.target, "DELETE FROM orders WHERE id = 1")
    drive.execute(pair.target, "INSERT INTO orders VALUES (999999, 'beyond the last key of the source')")
    found = pair.verify(rows_per_chunk=1024).differences
    rows = [(dict(row.key)["id"], row.kind) for difference in found for row in difference.rows]
    assert rows == [("1", "missing"), ("12345", "different"), ("999999", "extra")]
    assert [row.columns for difference in found for row in difference.rows] == [(), ("note",), ()]
    (orders,) = found
    assert (orders.object, dict(orders.counts)) == ("public.orders", {"missing": 1, "different": 1, "extra": 1})
    assert orders.ranges == ("id >= 0 and id < 1024", "id >= 12288 and id < 13312", "id >= 20032")
    assert orders.finding == (
        "Table public.orders: 1 row missing in the target; 1 row only in the target; 1 row different."
    )


@pytest.mark.parametrize(
    "key",
    ["id text PRIMARY KEY", "id uuid PRIMARY KEY", "id numeric, k int, PRIMARY KEY (id, k)", "id text NOT NULL UNIQUE"],
)
def test_tables_without_an_integer_key_are_compared_in_buckets_that_a_changed_row_does_not_leave(
    pair: Pair, key: str
) -> None:
    pair.both(f"CREATE TABLE t ({key}, v text)")
    made = "md5(i::text)::uuid" if "uuid" in key else "i"
    columns = f"{made}, i % 3, 'v'" if "k int" in key else f"{made}, 'v'"
    pair.both(f"INSERT INTO t SELECT {columns} FROM generate_series(1, 5000) i")
    pair.both("ANALYZE t")
    assert pair.verify(rows_per_chunk=500).differences == []
    changed = "(SELECT id FROM t ORDER BY id::text LIMIT 1)"
    drive.execute(pair.target, f"UPDATE t SET v = 'w' WHERE id = {changed}")
    found = pair.verify(rows_per_chunk=500)
    assert [(difference.object, len(difference.rows)) for difference in found.differences] == [("public.t", 1)]
    assert found.differences[0].ranges[0].endswith("of 16")
    assert found.differences[0].rows[0].kind == "different"


def test_a_table_without_a_key_is_compared_as_a_bag_of_rows(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int, b text)")
    drive.execute(pair.source, "INSERT INTO t SELECT i % 100, NULL FROM generate_series(1, 5000) i")
    drive.execute(pair.target, "INSERT INTO t SELECT i % 100, NULL FROM generate_series(5000, 1, -1) i")
    pair.both("ANALYZE t")
    assert pair.verify(rows_per_chunk=500).differences == []
    drive.execute(pair.target, "INSERT INTO t VALUES (7, NULL)")  # one duplicate more
    drive.execute(pair.target, "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a = 8)")
    found = pair.verify(rows_per_chunk=500)
    assert found.differences
    assert {difference.object for difference in found.differences} == {"public.t"}
    assert found.tables[0].source_rows == found.tables[0].target_rows == 5000


def test_a_key_with_wide_gaps_is_cut_where_its_rows_are(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id bigint PRIMARY KEY, v int)")
    pair.both("INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i")
    pair.both("INSERT INTO t VALUES (9223372036854775807, 0), (-9223372036854775808, 0)")
    pair.both("ANALYZE t")
    journal = MemoryJournal()
    assert pair.verify(rows_per_chunk=2000, journal=journal).differences == []
    sizes = [chunk.source_rows or 0 for chunk in journal.chunks.values()]
    assert sum(sizes) == 20002
    assert max(sizes) < 10000


def test_hostile_names_zero_columns_empty_tables_and_inheritance_are_compared(pair: Pair) -> None:
    odd = '"odd %s ""%% $1 {0} \\ é"'
    pair.both(f"CREATE SCHEMA {odd}")
    pair.both(f'CREATE TABLE {odd}.{odd} ({odd} int PRIMARY KEY, "%(low)s" text)')
    pair.both(f"INSERT INTO {odd}.{odd} SELECT i, 'v' FROM generate_series(1, 3000) i")
    pair.both(f"ANALYZE {odd}.{odd}")
    pair.both("CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES")
    pair.both("CREATE TABLE empty (a int)")
    pair.both("CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1)")
    assert pair.verify(rows_per_chunk=256).differences == []
    drive.execute(pair.target, f'UPDATE {odd}.{odd} SET "%(low)s" = NULL WHERE {odd} = 2999')
    drive.execute(pair.target, "DELETE FROM nothing WHERE ctid = (SELECT min(ctid) FROM nothing)")
    drive.execute(pair.target, "DELETE FROM child; INSERT INTO parent VALUES (1)")
    found = pair.verify(rows_per_chunk=256)
    counted = {str(result.table): (result.source_rows, result.target_rows) for result in found.tables}
    assert counted["public.nothing"] == (2, 1)
    assert counted["public.child"] == (1, 0)
    assert counted["public.parent"] == (0, 1)
    assert {difference.kind for difference in found.differences} == {"rows"}
    assert len(found.differences) == 4


def test_partitions_are_compared_as_leaves_and_generated_columns_by_their_values(pair: Pair) -> None:
    pair.both("CREATE TABLE p (id int, v int, g int GENERATED ALWAYS AS (v * 2) STORED) PARTITION BY RANGE (id)")
    pair.both("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)")
    pair.both("CREATE TABLE p2 PARTITION OF p DEFAULT")
    pair.both("INSERT INTO p (id, v) VALUES (1, 1), (100, 2)")
    found = pair.verify()
    assert found.differences == []
    assert [str(result.table) for result in found.tables] == ["public.p1", "public.p2"]
    drive.execute(pair.target, "ALTER TABLE p DROP COLUMN g")
    drive.execute(pair.target, "ALTER TABLE p ADD COLUMN g int GENERATED ALWAYS AS (v * 3) STORED")
    assert {difference.object for difference in pair.verify().differences} == {"public.p1", "public.p2"}


def test_columns_are_compared_by_name_and_what_the_target_lacks_is_a_difference(pair: Pair) -> None:
    drive.execute(pair.source, "CREATE TABLE t (id int PRIMARY KEY, a text, b int); INSERT INTO t VALUES (1, 'x', 2)")
    drive.execute(pair.target, "CREATE TABLE t (b bigint, id int PRIMARY KEY, a text, more int DEFAULT 1)")
    drive.execute(pair.target, "INSERT INTO t (id, a, b) VALUES (1, 'x', 2)")
    found = pair.verify()
    assert found.differences == []
    assert any("only in the target" in note for note in found.notes)
    assert any("integer in the source and bigint in the target" in note for note in found.notes)

    drive.execute(pair.source, "CREATE TABLE gone (id int)")
    drive.execute(pair.target, "ALTER TABLE t DROP COLUMN a")
    drive.execute(pair.target, "ALTER TABLE t DROP CONSTRAINT t_pkey")
    kinds = {(difference.kind, difference.object) for difference in pair.verify().differences}
    assert kinds == {("column", "public.t.a"), ("primary_key", "public.t"), ("table", "public.gone")}


def test_an_index_that_is_not_valid_in_the_target_is_a_difference(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)")
    with contextlib.suppress(Exception):
        drive.execute(pair.target, "CREATE UNIQUE INDEX CONCURRENTLY broken ON t (a)")
    found = pair.verify().differences
    assert [(difference.kind, difference.object) for difference in found] == [("index", "public.t.broken")]


def test_a_sequence_behind_its_column_or_behind_the_source_is_a_difference(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)")
    pair.both("CREATE SEQUENCE loose; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE unused")
    drive.execute(pair.source, "INSERT INTO t SELECT FROM generate_series(1, 10)")
    drive.execute(pair.source, "SELECT nextval('loose'), nextval('loose'), nextval('down'), nextval('down')")
    rows = "INSERT INTO t OVERRIDING SYSTEM VALUE SELECT i, i FROM generate_series(1, 10) i"
    drive.execute(pair.target, rows)
    drive.execute(pair.target, "DROP SEQUENCE unused")
    found = {difference.object: difference.finding for difference in pair.verify().differences}
    assert set(found) == {"public.t_id_seq", "public.t_n_seq", "public.loose", "public.down", "public.unused"}
    assert "already goes to 10" in found["public.t_id_seq"]

    drive.execute(pair.target, "CREATE SEQUENCE unused; SELECT setval('t_id_seq', 10), setval('t_n_seq', 50)")
    drive.execute(pair.target, "SELECT setval('loose', 2), setval('down', -2)")
    # Its values come again, so neither its column's nor the source's are behind it.
    pair.both("CREATE TABLE wheel (id int); CREATE SEQUENCE round MAXVALUE 9 CYCLE OWNED BY wheel.id")
    pair.both("INSERT INTO wheel VALUES (9)")
    drive.execute(pair.source, "SELECT setval('round', 5)")
    assert pair.verify().differences == []


def test_counts_sees_missing_rows_and_nothing_else(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    drive.execute(pair.target, "UPDATE t SET v = 0")
    assert pair.verify(level="counts").differences == []
    drive.execute(pair.target, "DELETE FROM t WHERE id = 2")
    found = pair.verify(level="counts").differences
    assert [(d.object, d.source_rows, d.target_rows) for d in found] == [("public.t", 2, 1)]


def test_a_verification_that_was_cut_off_reads_only_what_is_left(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i")
    pair.both("CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)")
    pair.both("ANALYZE")
    here = TableName("public", "t")
    counters = {here: WriteCounter(20000, "a"), TableName("public", "u"): WriteCounter(1, "a")}
    journal = MemoryJournal()
    whole = pair.verify(rows_per_chunk=1024, journal=journal, counters=counters)
    chunks = next(result.chunks for result in whole.tables if result.table == here)
    assert chunks > 10
    for number in range(5):
        del journal.chunks[(here, number)]
    again = pair.verify(rows_per_chunk=1024, journal=journal, counters=counters)
    reused = {str(result.table): result.chunks_reused for result in again.tables}
    assert reused == {"public.t": chunks - 5, "public.u": 1}

    written = {**counters, here: WriteCounter(20001, "a")}
    after = pair.verify(rows_per_chunk=1024, journal=journal, counters=written)
    assert {str(result.table): result.chunks_reused for result in after.tables} == {"public.t": 0, "public.u": 1}


def test_an_unequal_chunk_is_compared_again_and_a_repaired_one_is_equal(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    drive.execute(pair.target, "UPDATE t SET v = 2")
    journal = MemoryJournal()
    assert pair.verify(journal=journal).differences
    drive.execute(pair.target, "UPDATE t SET v = 1")
    assert pair.verify(journal=journal).differences == []


def test_stopping_cancels_what_runs_on_both_servers(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    holder = drive.connect(pair.target)
    holder.autocommit = False
    holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()

    def checkpoint() -> None:
        if stop.is_set():
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        pair.verify(checkpoint=checkpoint)
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'yb-voyager verify%'"
    assert drive.fetch(pair.target, left + f" AND datname = '{pair.target.database}'") == [(0,)]
    holder.close()


def test_a_server_that_crashes_and_comes_back_is_waited_for(
    source_server: Server, own_server: Callable[..., Server], fresh_database: Callable[..., Endpoint]
) -> None:
    server = own_server()
    drive.execute(server.endpoint(), "CREATE DATABASE crashing")
    pair = Pair(fresh_database(source_server), server.endpoint("crashing"))
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i")
    pair.both("ANALYZE t")
    drive.execute(server.endpoint(), "CHECKPOINT")
    asked: list[bool] = []

    def crash_after_a_while() -> None:
        asked.append(True)
        if len(asked) == 8:
            server.restart("immediate")

    found = pair.verify(rows_per_chunk=256, checkpoint=crash_after_a_while)
    assert len(asked) > 8
    assert found.differences == []
    assert found.tables[0].source_rows == found.tables[0].target_rows == 20000


def test_a_table_that_may_not_be_read_is_refused_with_the_grant(pair: Pair) -> None:
    pair.both('CREATE TABLE "Closed" (a int)')
    role = f"reader_{pair.source.database}"
    drive.execute(pair.source, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        reader = Endpoint("postgresql", pair.source.host, pair.source.port, pair.source.database, role, password="x")
        with pytest.raises(PermissionMissing) as refused:
            _verify_as(reader, pair)
        assert 'GRANT SELECT ON "public"."Closed" TO <role>;' in refused.value.details
        drive.execute(pair.source, f'GRANT SELECT ON "Closed" TO {role}')
        drive.execute(pair.source, 'ALTER TABLE "Closed" ENABLE ROW LEVEL SECURITY')
        with pytest.raises(PermissionMissing):
            _verify_as(reader, pair)
    finally:
        drive.execute(pair.source, f"DROP OWNED BY {role}; DROP ROLE {role}")


def _verify_as(reader: Endpoint, pair: Pair) -> Found:
    tables = pair.catalog().tables
    source = Readers("source", lambda: connect(reader, "verify"), limit=1, checkpoint=go_on)
    target = Readers("target", lambda: connect(pair.target, "verify"), limit=1, checkpoint=go_on)
    request = Request(tables, jobs=1)
    try:
        return Verification(request, source, target, MemoryJournal(), unheard, go_on).run()
    finally:
        source.close()
        target.close()


def test_different_encodings_compare_by_characters(
    pair: Pair, source_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    name = f"latin_{pair.source.database}"
    drive.execute(source_server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    latin = Pair(source_server.endpoint(name), pair.target)
    try:
        latin.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
        latin.both("INSERT INTO t VALUES (1, 'é'), (2, 'ÿ')")
        catalog = Catalog((Table(TableName("public", "t"), "table", ()),))
        found = latin.verify(catalog=catalog)
        assert found.differences == []
        assert found.method == "hash64+utf8+18"
        drive.execute(latin.target, "UPDATE t SET v = 'e' WHERE id = 1")
        assert [row.key for row in latin.verify(catalog=catalog).differences[0].rows] == [(("id", "1"),)]
    finally:
        drive.execute(source_server.endpoint(), f"DROP DATABASE {name} WITH (FORCE)")


def test_a_pair_of_different_major_versions_is_equal_when_untouched(pair_on_15: Pair) -> None:
    _fill_with_every_type(pair_on_15)
    found = pair_on_15.verify()
    assert found.differences == []
    assert found.method == "hash64"


def test_xml_is_compared_as_it_is_written(pg15_server: Server, fresh_database: Callable[..., Endpoint]) -> None:
    pair = Pair(fresh_database(pg15_server), fresh_database(pg15_server))
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v xml); INSERT INTO t VALUES (1, '<a/>'), (2, NULL)")
    assert pair.verify().differences == []
    drive.execute(pair.target, "UPDATE t SET v = '<a></a>' WHERE id = 1")
    assert len(pair.verify().differences) == 1
