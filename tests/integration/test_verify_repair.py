"""Repair files on real servers: run once, they make the target what the source is, bit by bit, judged by own SQL."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import drive
from tests.repair_pair import Pair
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, NotAllowed
from voyager.identifiers import TableName
from voyager.verification.repair_list import RepairList

# Megabytes show what a literal of any length does as well as many do.
VALUES = (drive.ROOT / "tests" / "fixtures" / "hostile_values.sql").read_text().replace("64 << 20", "2 << 20")


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server), tmp_path / "repair")


@pytest.fixture
def pair_on_15(
    source_server: Server, pg15_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(pg15_server), tmp_path / "repair")


KEYED = "ALTER TABLE {0} ADD COLUMN key_k int GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
HOSTILE = ("numbers", "times", "documents", "lists", "composites", "oddities")


@pytest.mark.parametrize("how", ["missing", "different"])
@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
def test_values_that_break_formats_are_repaired_to_the_bit(pair: Pair, *, keyed: bool, how: str) -> None:
    pair.both(VALUES)
    tables = HOSTILE if keyed else (*HOSTILE, "texts")
    if not keyed:
        pair.both("ALTER TABLE texts DROP CONSTRAINT texts_pkey")
    for table in HOSTILE if keyed else ():
        pair.both(KEYED.format(table))
    pair.assert_equal()
    for table in (*tables, "giants", "texts"):
        if how == "missing" or not keyed:
            drive.execute(pair.target, f"DELETE FROM {table}")
        else:
            with drive.connect(pair.target) as connection:
                key = "id" if table in ("giants", "texts") else "key_k"
                columns = (
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> %s"
                )
                names = [name for (name,) in connection.execute(columns, [table, key])]
                cleared = ", ".join(f'"{name}" = NULL' for name in names)
                connection.execute(f"UPDATE {table} SET {cleared}".encode())
    files = pair.write()
    assert {one.table.name for one in files} == {*tables, "giants", "texts"}
    assert sum(one.not_repaired for one in files) == 0
    pair.run_files()
    pair.assert_equal()


def test_values_of_18_are_repaired_on_15_also_where_names_are_hostile(pair_on_15: Pair) -> None:
    pair = pair_on_15
    odd = '"; DROP TABLE x; -- %s ""%% \\ é $$"'
    kind = f'{odd}.{odd[:-1]} type"'
    hostile = odd[1:-1].replace('""', '"')
    pair.both(f"CREATE SCHEMA {odd}; CREATE TYPE {kind} AS ENUM ('a''b\\', 'c')")
    pair.both(f'CREATE TABLE {odd}.{odd} ({odd} {kind} PRIMARY KEY, "%(k0)s" char(5), c float4[])')
    pair.both(f"INSERT INTO {odd}.{odd} VALUES ('a''b\\', 'x', '{{1e-45,NaN}}'), ('c', NULL, '{{0.1,-0}}')")
    pair.both(VALUES)
    drive.execute(pair.target, f"DELETE FROM {odd}.{odd} WHERE \"%(k0)s\" = 'x'; UPDATE {odd}.{odd} SET c = '{{}}'")
    for table in HOSTILE:
        drive.execute(pair.target, f"DELETE FROM {table}")
    # E'\\v' is a letter before 18: the fixture itself makes another row there.
    names = {TableName("public", table) for table in (*HOSTILE, "texts")}
    assert {one.table for one in pair.write()} == {*names, TableName(hostile, hostile)}
    pair.run_files()
    pair.assert_equal()


def test_missing_extra_and_different_rows_are_repaired_and_equal_ones_not_touched(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a text, b numeric, v text, n int, u int UNIQUE, PRIMARY KEY (a, b))")
    pair.both("INSERT INTO t SELECT 'k' || i, i / 4.0, 'v' || i, i, i FROM generate_series(1, 1000) i")
    drive.execute(pair.target, "DELETE FROM t WHERE n % 100 = 1")
    drive.execute(pair.source, "DELETE FROM t WHERE n % 100 = 2")
    drive.execute(
        pair.target, "UPDATE t SET v = NULL WHERE n % 100 = 3; UPDATE t SET b = b::numeric(9, 6) WHERE n = 55"
    )
    # A value that must be unique stands in another row, which goes.
    drive.execute(pair.target, "DELETE FROM t WHERE n = 700; UPDATE t SET u = 700 WHERE n = 702")
    untouched = "SELECT xmin::text, ctid::text FROM t WHERE n = 500"
    before = drive.fetch(pair.target, untouched)
    (file,) = pair.write()
    assert dict(file.statements) == {"DELETE": 10, "UPDATE": 11, "INSERT": 11}
    text = (pair.directory / "public.t.sql").read_text()
    assert "10 rows to delete, 11 to change, 11 to insert" in text
    assert [line for line in text.splitlines() if line.startswith("UPDATE") and "k55'" in line] == [
        """UPDATE ONLY "public"."t" AS t SET "b" = '13.7500000000000000' WHERE t."a" = 'k55'::text """
        """AND t."b" = '13.7500000000000000'::numeric;"""
    ]
    pair.run_files()
    pair.assert_equal()
    assert drive.fetch(pair.target, untouched) == before


def test_keys_of_types_that_extensions_bring_are_found_whatever_the_search_path(pair: Pair) -> None:
    pair.both(
        "CREATE SCHEMA more; CREATE EXTENSION hstore SCHEMA more; CREATE EXTENSION citext; CREATE EXTENSION ltree"
    )
    pair.both("CREATE DOMAIN tags AS more.hstore; CREATE DOMAIN tagged AS tags")
    for name, key, one, other in (
        ("h", "more.hstore", "'a=>1'", "'a=>2'"),
        ("d", "tagged", "'a=>1'", "'a=>2'"),
        ("c", "citext", "'Same'", "'other'"),
        ("l", "ltree", "'a.b'", "'a.c'"),
        ("e", "text[]", "'{a,NULL}'", "'{b}'"),
    ):
        pair.both(
            f"CREATE TABLE {name} (k {key} PRIMARY KEY, v int); INSERT INTO {name} VALUES ({one}, 1), ({other}, 2)"
        )
        drive.execute(pair.target, f"DELETE FROM {name} WHERE v = 1; UPDATE {name} SET v = 3")
    assert len(pair.write()) == 5
    pair.run_files()
    pair.assert_equal()


def test_rows_of_a_table_that_refers_to_itself_come_behind_what_they_refer_to(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, boss int REFERENCES t, a text, b text, of_a text, of_b text)")
    pair.both("ALTER TABLE t ADD UNIQUE (a, b), ADD FOREIGN KEY (of_a, of_b) REFERENCES t (a, b)")
    # Whom a row refers to comes later by key, but the server checks it at the end of the statement.
    rows = "SELECT i, CASE WHEN i % 100 < 99 THEN i + 1 END, 'a' || i % 7, i::text, 'a' || (i + 1) % 7, (i + 1)::text"
    rows += " FROM generate_series({}) AS i"
    last = "SELECT i, NULL, 'a' || i % 7, i::text, NULL, NULL FROM unnest(ARRAY[1000, 3000]) i"
    pair.both(f"INSERT INTO t {last}")
    drive.execute(pair.source, f"INSERT INTO t {rows.format('500, 999')}")
    drive.execute(pair.target, f"INSERT INTO t {rows.format('2500, 2999')}")
    drive.execute(pair.source, "INSERT INTO t (id, boss) VALUES (1, 1)")
    (file,) = pair.write(replication_role=False)
    assert dict(file.statements) == {"DELETE": 500, "UPDATE": 0, "INSERT": 501}
    pair.run_files()
    pair.assert_equal()


def test_generated_and_identity_columns_are_left_to_the_target_or_set_in_spite_of_it(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, "
        "g int GENERATED ALWAYS AS (v * 2) STORED, other int GENERATED BY DEFAULT AS IDENTITY)"
    )
    pair.both("INSERT INTO t (v) SELECT i FROM generate_series(1, 5) i")
    pair.both(
        "CREATE TABLE u (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);"
        "INSERT INTO u SELECT generate_series(1, 3)"
    )
    drive.execute(
        pair.target, "DELETE FROM t WHERE id = 2; UPDATE t SET v = 0 WHERE id = 3; UPDATE t SET other = 9 WHERE id = 4"
    )
    drive.execute(pair.target, "DELETE FROM u WHERE id = 1; INSERT INTO u OVERRIDING SYSTEM VALUE VALUES (1, 77)")
    pair.write()
    pair.run_files()
    pair.assert_equal()


def test_rows_without_a_key_are_repaired_by_count(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int, b text)")
    pair.both("INSERT INTO t SELECT i % 3, NULLIF('x', 'x') FROM generate_series(1, 30) i")
    drive.execute(pair.target, "INSERT INTO t VALUES (1, NULL), (1, NULL), (9, E'\\n'); DELETE FROM t WHERE a = 2")
    (file,) = pair.write()
    assert dict(file.statements) == {"DELETE": 2, "UPDATE": 0, "INSERT": 10}
    pair.run_files()
    pair.assert_equal()


def test_surplus_rows_without_a_key_are_named_where_the_server_cannot_tell_them_apart(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    drive.execute(pair.target, "INSERT INTO t VALUES (1), (2)")
    (file,) = pair.write(by_place=False)
    assert (dict(file.statements), file.not_repaired) == ({"DELETE": 0, "UPDATE": 0, "INSERT": 0}, 2)
    pair.run_files()
    assert drive.fetch(pair.target, "SELECT count(*) FROM t") == [(3,)]


REFERRING = """
    CREATE TABLE a (id int PRIMARY KEY, v int);
    CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
    CREATE TABLE c (id int PRIMARY KEY, b int REFERENCES b ON DELETE CASCADE);
    INSERT INTO a SELECT i, i FROM generate_series(1, 9) i; INSERT INTO b SELECT i, i FROM generate_series(1, 9) i;
    INSERT INTO c SELECT i, i FROM generate_series(1, 9) i;
"""


def _damage_referring(pair: Pair) -> None:
    pair.both(REFERRING)
    drive.execute(pair.target, "DELETE FROM c WHERE id < 4; DELETE FROM b WHERE id < 4; DELETE FROM a WHERE id < 4")
    drive.execute(pair.source, "DELETE FROM c WHERE id > 7; DELETE FROM b WHERE id > 7; DELETE FROM a WHERE id > 7")


@pytest.mark.parametrize("role", [True, False])
def test_applying_keeps_to_the_order_of_foreign_keys_or_leaves_them_aside(pair: Pair, *, role: bool) -> None:
    _damage_referring(pair)
    fired = "CREATE TABLE fired (n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
    pair.both(fired + "'BEGIN INSERT INTO public.fired VALUES (1); RETURN NULL; END'")
    pair.both("CREATE TRIGGER g AFTER INSERT ON a EXECUTE FUNCTION f()")
    files = pair.write(replication_role=role)
    assert [one.table.name for one in files] == ["a", "b", "c"]
    done = pair.apply()
    assert [(one.table.name, one.failed, dict(one.rows)) for one in done] == [
        (name, "", {"DELETE": 2, "INSERT": 3}) for name in "abc"
    ]
    if role:
        pair.assert_equal()
    assert drive.fetch(pair.target, "SELECT count(*) > 0 FROM fired") == [(not role,)]


def test_a_row_that_the_target_refuses_is_named_while_all_others_go_on(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1, 'canary-1'), (2, 'canary-2'); INSERT INTO u VALUES (1)")
    pair.write()
    drive.execute(pair.target, "ALTER TABLE t ADD CHECK (v <> 'canary-2')")
    done = {one.table.name: one for one in pair.apply()}
    assert "violates check constraint" in done["t"].failed
    assert "canary" not in repr(done)
    assert (done["t"].rows["INSERT"], done["t"].refused, done["u"].rows["INSERT"]) == (1, 1, 1)
    assert drive.fetch(pair.target, "SELECT id FROM t") == [(1,)]


def test_a_key_that_the_target_has_twice_is_never_deleted_by(pair: Pair) -> None:
    drive.execute(pair.source, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)")
    drive.execute(pair.target, "CREATE TABLE t (id int, v int); INSERT INTO t VALUES (1, 5), (1, 1), (2, 2)")
    pair.write()
    (done,) = pair.apply()
    assert "met 2" in done.failed
    assert drive.fetch(pair.target, "SELECT count(*), sum(v) FROM t") == [(3, 8)]


def test_a_lost_lease_rolls_the_transaction_back(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    drive.execute(pair.source, "INSERT INTO t SELECT generate_series(1, 2000)")
    pair.write()
    pair.apply_until(3)
    assert drive.fetch(pair.target, "SELECT count(*) FROM t") == [(1000,)]


def test_files_are_for_this_user_only_and_a_changed_one_is_not_applied(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)")
    pair.write()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in pair.directory.iterdir()}
    assert modes == dict.fromkeys(["public.t.sql", "public.u.sql", "repair.json"], 0o600)
    saved = RepairList.load(pair.directory)
    saved.check()
    with (pair.directory / "public.t.sql").open("a") as file:
        file.write("DROP TABLE t;\n")
    with pytest.raises(NotAllowed, match=r"public\.t\.sql"):
        saved.check()


def test_a_second_comparison_leaves_no_file_of_the_first(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    drive.execute(pair.source, "INSERT INTO t VALUES (1)")
    assert [one.table for one in pair.write()] == [TableName("public", "t")]
    pair.run_files()
    assert pair.write() == []
    assert list(pair.directory.iterdir()) == []


@pytest.mark.parametrize("number", [1, 300, 400])
def test_a_server_that_goes_away_in_the_middle_takes_its_transaction_along_and_is_told(
    pair: Pair, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    """Statements are on their way behind the one at which it goes, and some may not be sent yet."""
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    drive.execute(pair.source, "INSERT INTO t SELECT i, repeat('x', 5000) FROM generate_series(1, 400) i")
    pair.write()
    gone = "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS "
    gone += "'BEGIN PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); RETURN NEW; END'; "
    gone += f"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id = {number}) EXECUTE FUNCTION gone(); "
    drive.execute(pair.target, gone + "ALTER TABLE t ENABLE ALWAYS TRIGGER g")
    with pytest.raises(DatabaseAway, match=r"repair table public\.t"):
        pair.apply()
    assert drive.fetch(pair.target, "SELECT count(*) FROM t") == [(0,)]
    assert not caplog.records
    drive.execute(pair.target, "DROP FUNCTION gone CASCADE")
    # Without it the rows come, but for one that is refused, about which nothing is said beside the result either.
    drive.execute(pair.target, f"ALTER TABLE t ADD CHECK (id <> {number})")
    (done,) = pair.apply()
    assert (done.rows["INSERT"], done.refused) == (399, 1)
    assert not caplog.records
