"""Repair of values that must be unique and stand in each other's rows, of zero-column tables, and of foreign keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests import drive
from tests.repair_pair import Pair
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.postgres.connection import connect
from voyager.verification.repair_apply import Applier
from voyager.verification.repair_keys import broken_keys
from voyager.verification.repair_list import RepairList


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server), tmp_path / "repair")


MOVED = {
    "two values swapped": (
        "CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE NOT NULL)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        "UPDATE t SET u = 'x' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1",
    ),
    "a circle of three in two columns": (
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, UNIQUE (a, b))",
        "INSERT INTO t VALUES (1, 1, 10), (2, 2, 20), (3, 3, 30), (4, 4, 40)",
        "UPDATE t SET a = -a, b = -b WHERE id < 4; UPDATE t SET a = -a % 3 + 1, b = 10 * (-a % 3 + 1) WHERE id < 4",
    ),
    "ranges under an exclusion constraint": (
        "CREATE TABLE t (id int PRIMARY KEY, r int4range NOT NULL, EXCLUDE USING gist (r WITH &&))",
        "INSERT INTO t VALUES (1, '[1,5)'), (2, '[5,9)'), (3, '[20,30)')",
        "DELETE FROM t WHERE id < 3; INSERT INTO t VALUES (1, '[4,8)'), (2, '[1,4)')",
    ),
    "a long chain, over more than one batch": (
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL, v text)",
        "INSERT INTO t SELECT i, i, 'v' FROM generate_series(1, 1500) i",
        "DELETE FROM t; INSERT INTO t SELECT i, i + 1, 'v' FROM generate_series(1, 1500) i",
    ),
    "two rows that are far apart, among many": (
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL)",
        "INSERT INTO t SELECT i, i FROM generate_series(1, 1500) i",
        "UPDATE t SET u = -id; UPDATE t SET u = 1501 - id WHERE id IN (1, 1500)",
    ),
    "an extra row holds what a changed and a missing one need": (
        "CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE, w text UNIQUE)",
        "INSERT INTO t VALUES (1, 'a', 'A'), (2, 'b', 'B')",
        "DELETE FROM t; INSERT INTO t VALUES (1, 'n', NULL), (9, 'a', 'B')",
    ),
    "a key that moved": (
        "CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "UPDATE t SET id = 7 WHERE id = 1; UPDATE t SET id = 1 WHERE id = 2",
    ),
    "by an expression and a predicate": (
        "CREATE TABLE t (id int PRIMARY KEY, e text, f text, on_it bool); "
        "CREATE UNIQUE INDEX ON t (lower(e)); CREATE UNIQUE INDEX ON t (f) WHERE on_it",
        "INSERT INTO t VALUES (1, 'A', 'x', true), (2, 'b', 'x', false), (3, 'c', 'z', true)",
        "UPDATE t SET e = '-' WHERE id = 1; UPDATE t SET e = 'a', on_it = true, f = 'q' WHERE id = 2; "
        "UPDATE t SET e = 'B', on_it = false WHERE id = 1; UPDATE t SET f = 'x' WHERE id = 2",
    ),
    "through a generated column": (
        "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL, g int GENERATED ALWAYS AS (v * 2) STORED UNIQUE)",
        "INSERT INTO t VALUES (1, 1), (2, 2)",
        "UPDATE t SET v = 3 WHERE id = 1; UPDATE t SET v = 1 WHERE id = 2; UPDATE t SET v = 2 WHERE id = 1",
    ),
    "an identity that is always generated": (
        "CREATE TABLE t (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY UNIQUE)",
        "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1, 1), (2, 2)",
        "DELETE FROM t; INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1, 2), (2, 1)",
    ),
    "a constraint that is looked at in the end": (
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO t VALUES (1, 1), (2, 2)",
        "UPDATE t SET u = 3 - u",
    ),
    "rows of partitions": (
        "CREATE TABLE t (id int, p int, u int NOT NULL, PRIMARY KEY (id, p), UNIQUE (u, p)) PARTITION BY LIST (p); "
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2)",
        "INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1)",
        "UPDATE t SET u = -u; UPDATE t SET u = 3 + u WHERE p = 1; UPDATE t SET p = 2 WHERE id = 1;"
        "UPDATE t SET u = 5 WHERE id = 3",
    ),
}


@pytest.mark.parametrize("how", ["by a person", "by the command"])
def test_values_that_must_be_unique_are_repaired_wherever_they_stand(pair: Pair, how: str) -> None:
    """Each case in a schema of its own, so that one comparison does for all."""
    for number, (definition, rows, damage) in enumerate(MOVED.values()):
        inside = f"CREATE SCHEMA s{number}; SET search_path TO s{number}; "
        pair.both(inside + definition)
        pair.both(f"SET search_path TO s{number}; {rows}")
        drive.execute(pair.target, f"SET search_path TO s{number}; {damage}")
        differ = "SELECT string_agg(t::text, ';' ORDER BY t::text) FROM s{}.t"
        assert drive.fetch(pair.source, differ.format(number)) != drive.fetch(pair.target, differ.format(number))
    files = pair.write()
    assert {one.table.schema for one in files} == {f"s{number}" for number in range(len(MOVED))}
    assert sum(one.not_repaired for one in files) == 0
    if how == "by a person":
        pair.run_files()
    else:
        assert [(one.table, one.failed) for one in pair.apply() if one.failed] == []
    pair.assert_equal()


def test_many_rows_that_come_again_come_in_parts_and_each_part_is_whole_when_a_repair_is_cut_off(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL); INSERT INTO t SELECT i, i "
              "FROM generate_series(1, 1500) i")  # fmt: skip
    drive.execute(pair.target, "ALTER TABLE t ADD own text; UPDATE t SET u = -u, own = 'kept'")
    pair.write()
    pair.apply_until(3)
    states = "SELECT count(*), count(*) FILTER (WHERE u = id), count(*) FILTER (WHERE own = 'kept') FROM t"
    assert drive.fetch(pair.target, states) == [(1500, 1000, 1500)]
    pair.write()
    (done,) = pair.apply()
    assert (done.failed, done.rows["UPDATE"]) == ("", 500)
    assert drive.fetch(pair.target, states) == [(1500, 1500, 1500)]


def test_statements_are_sent_without_waiting_for_the_answer_to_the_one_before(pair: Pair, tmp_path: Path) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int)")
    drive.execute(pair.source, "INSERT INTO t SELECT i, i FROM generate_series(1, 400) i")
    pair.write()
    with drive.connect(pair.target) as connection, (path := tmp_path / "trace").open("w") as trace:
        connection.pgconn.trace(trace.fileno())
        (done,) = Applier(connection, lambda _: None, lambda: None).apply(RepairList.load(pair.directory))
        connection.pgconn.untrace()
        sides = [line.split("\t")[1] for line in path.read_text().splitlines() if line.count("\t") > 1]
    assert (done.failed, done.rows["INSERT"]) == ("", 400)
    assert sides.count("F") > 400 < sides.count("B")
    # How often the client, having been answered, says something again.
    assert sum(turn == ("B", "F") for turn in itertools.pairwise(sides)) < 100
    pair.assert_equal()


def test_what_only_the_target_has_of_a_row_stays_when_the_row_comes_again(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    drive.execute(pair.target, "DELETE FROM t; INSERT INTO t VALUES (1, 'b'), (2, 'a')")
    drive.execute(pair.target, "ALTER TABLE t ADD own text NOT NULL DEFAULT 'it''s'; UPDATE t SET own = id::text")
    drive.execute(pair.target, "ALTER TABLE t ALTER own DROP DEFAULT, ADD n int GENERATED ALWAYS AS (id + 1) STORED")
    pair.write()
    pair.apply()
    assert drive.fetch(pair.target, "SELECT * FROM t ORDER BY id") == [(1, "a", "1", 2), (2, "b", "2", 3)]


REFERRED = """
    CREATE TABLE p (id int PRIMARY KEY, u text UNIQUE{0}, boss int REFERENCES p);
    CREATE TABLE k (id int PRIMARY KEY, pid int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
    INSERT INTO p VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2), (4, 'd', 4); INSERT INTO k SELECT id, id FROM p;
"""
SWAPPED = "UPDATE p SET u = 'x' WHERE id = 1; UPDATE p SET u = 'a' WHERE id = 2; UPDATE p SET u = 'b' WHERE id = 1;"


def test_with_foreign_keys_in_force_no_row_is_deleted_to_come_again(pair: Pair) -> None:
    pair.both(REFERRED.format(""))
    drive.execute(pair.target, SWAPPED + "UPDATE p SET boss = 4 WHERE id = 1")
    drive.execute(pair.target, "CREATE TABLE deleted (id int)")
    log = "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS "
    log += "'BEGIN INSERT INTO public.deleted VALUES (OLD.id); RETURN OLD; END'"
    drive.execute(pair.target, f"{log}; CREATE TRIGGER l BEFORE DELETE ON k FOR EACH ROW EXECUTE FUNCTION noted()")
    pair.write(replication_role=False)
    assert [one.failed for one in pair.apply()] == [""]
    assert drive.fetch(pair.target, "SELECT count(*) FROM deleted") == [(0,)]
    drive.execute(pair.target, "DROP TRIGGER l ON k; DROP FUNCTION noted; DROP TABLE deleted")
    pair.assert_equal()


def test_with_foreign_keys_in_force_a_chain_is_repaired_and_a_circle_that_cannot_be_is_named(pair: Pair) -> None:
    pair.both(REFERRED.format(" NOT NULL"))
    drive.execute(pair.target, SWAPPED + "UPDATE p SET u = 'e' WHERE id = 4; UPDATE p SET u = 'd' WHERE id = 3")
    pair.write(replication_role=False)
    (done,) = pair.apply()
    assert "duplicate key" in done.failed
    assert (done.refused, done.rows["UPDATE"]) == (2, 2)
    assert drive.fetch(pair.target, "SELECT id, u FROM p ORDER BY id") == [(1, "b"), (2, "a"), (3, "c"), (4, "d")]
    assert drive.fetch(pair.target, "SELECT count(*) FROM k") == [(4,)]


def test_rows_that_wait_for_others_are_repaired_with_foreign_keys_in_force(pair: Pair) -> None:
    """A row refers to one that is still missing, and one that is to go is still referred to."""
    pair.both(REFERRED.format(""))
    drive.execute(pair.target, "INSERT INTO p VALUES (9, 'i', 9); UPDATE k SET pid = 9 WHERE id IN (2, 3)")
    drive.execute(pair.target, "UPDATE p SET boss = 9 WHERE id IN (1, 2); DELETE FROM p WHERE id = 3")
    pair.write(replication_role=False)
    assert [one.failed for one in pair.apply()] == ["", ""]
    pair.assert_equal()


def test_one_refused_row_leaves_those_that_come_again_whole(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL, v int); "
        "INSERT INTO t SELECT i, i FROM generate_series(1, 6) i"
    )
    drive.execute(
        pair.target,
        "UPDATE t SET u = -u; UPDATE t SET u = 1 - u WHERE id % 2 = 1; UPDATE t SET u = -u - 1 WHERE id % 2 = 0",
    )
    pair.write()
    drive.execute(pair.target, "ALTER TABLE t ADD CHECK (u <> 3 OR id <> 3)")
    (done,) = pair.apply()
    assert "violates check constraint" in done.failed
    assert (done.rows["UPDATE"], done.refused) == (4, 2)
    assert drive.fetch(pair.target, "SELECT id, u FROM t ORDER BY id") == [
        (1, 1),
        (2, 2),
        (3, 4),
        (4, 3),
        (5, 5),
        (6, 6),
    ]


def test_many_refused_rows_leave_the_others_that_come_again(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL)")
    pair.both("INSERT INTO t SELECT i, i FROM generate_series(1, 60) i")
    drive.execute(
        pair.target, "UPDATE t SET u = -u; UPDATE t SET u = 59 WHERE id = 60; UPDATE t SET u = 60 WHERE id = 59"
    )
    pair.write()
    drive.execute(pair.target, "ALTER TABLE t ADD CHECK (u NOT BETWEEN 1 AND 20)")
    (done,) = pair.apply()
    assert "violates check constraint" in done.failed
    assert (done.rows["UPDATE"], done.refused) == (40, 20)
    assert drive.fetch(pair.target, "SELECT count(*) FROM t WHERE u = id") == [(40,)]


def test_a_row_that_must_not_be_null_for_a_while_is_changed_at_once(pair: Pair) -> None:
    pair.both(REFERRED.format(""))
    pair.both("ALTER TABLE p ADD CHECK (u IS NOT NULL)")
    drive.execute(pair.target, "UPDATE p SET u = u || '-'")
    pair.write(replication_role=False)
    assert [one.failed for one in pair.apply()] == [""]
    pair.assert_equal()


def test_a_transaction_that_the_server_asks_to_repeat_is_repeated(pair: Pair) -> None:
    """As YugabyteDB does where it meets another writer; a sequence is what a rollback leaves."""
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE); INSERT INTO t SELECT i, i FROM generate_series(1, 3) i"
    )
    drive.execute(pair.target, "DELETE FROM t WHERE id = 1; UPDATE t SET u = 7 WHERE id = 2")
    pair.write()
    asks = "CREATE SEQUENCE asked; CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
    asks += (
        "IF nextval(''public.asked'') < 4 THEN RAISE ''restart'' USING ERRCODE = ''40001''; END IF; RETURN NEW; END'; "
    )
    asks += "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION again(); "
    drive.execute(pair.target, asks + "ALTER TABLE t ENABLE ALWAYS TRIGGER a")
    (done,) = pair.apply()
    assert (done.failed, done.rows["INSERT"], done.rows["UPDATE"]) == ("", 1, 1)
    assert drive.fetch(pair.target, "SELECT last_value > 4 FROM asked") == [(True,)]
    assert drive.fetch(pair.target, "SELECT * FROM t ORDER BY id") == [(1, 1), (2, 2), (3, 3)]


CHILDREN = """
    CREATE TABLE p (id int PRIMARY KEY, u text); CREATE TABLE q (id int PRIMARY KEY);
    CREATE TABLE k (id int, cut int DEFAULT 1, pid int REFERENCES p) PARTITION BY LIST (cut);
    CREATE TABLE k1 PARTITION OF k FOR VALUES IN (1);
    ALTER TABLE k1 ADD PRIMARY KEY (id);
    CREATE TABLE g (id int PRIMARY KEY, kid int REFERENCES k1);
    INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO k VALUES (1, 1, 1), (2, 1, 2);
    INSERT INTO g VALUES (1, 1), (2, 2);
"""


def test_what_refers_to_a_table_that_is_not_repaired_is_left_out_and_named(pair: Pair) -> None:
    pair.both(CHILDREN)
    drive.execute(pair.target, "DELETE FROM g; DELETE FROM k WHERE id = 2; DELETE FROM p WHERE id = 2")
    drive.execute(pair.source, "INSERT INTO q VALUES (1)")
    pair.write()
    drive.execute(pair.target, "ALTER TABLE p ADD CHECK (u <> 'b')")
    done = {one.table.name: one for one in pair.apply()}
    assert "check constraint" in done["p"].failed
    assert "refers to public.p," in done["k1"].skipped
    assert "refers to public.k1," in done["g"].skipped
    assert (done["q"].rows["INSERT"], done["q"].skipped) == (1, "")
    assert drive.fetch(pair.target, "SELECT (SELECT count(*) FROM k), (SELECT count(*) FROM g)") == [(1, 0)]


def test_what_is_referred_to_by_rows_that_cannot_be_deleted_stays(pair: Pair) -> None:
    pair.both(CHILDREN)
    drive.execute(
        pair.target, "INSERT INTO p VALUES (3, 'c'); INSERT INTO k VALUES (3, 1, 3); INSERT INTO g VALUES (3, 3)"
    )
    pair.write()
    forbid = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; "
    forbid += "CREATE TRIGGER no BEFORE DELETE ON g FOR EACH ROW EXECUTE FUNCTION no(); "
    drive.execute(pair.target, forbid + "ALTER TABLE g ENABLE ALWAYS TRIGGER no")
    done = {one.table.name: one for one in pair.apply()}
    assert done["g"].failed == "no"
    assert "public.g" in done["k1"].skipped
    assert "public.k1" in done["p"].skipped
    counts = "SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM k), (SELECT count(*) FROM g)"
    assert drive.fetch(pair.target, counts) == [(3, 3, 3)]


def test_foreign_keys_that_no_longer_hold_are_found(pair: Pair) -> None:
    drive.execute(pair.target, CHILDREN + "CREATE TABLE m (a int, b int); CREATE TABLE n (a int, b int, UNIQUE (a, b))")
    drive.execute(
        pair.target, 'ALTER TABLE m ADD CONSTRAINT "odd %s" FOREIGN KEY (a, b) REFERENCES n (a, b) MATCH FULL'
    )

    def broken(*names: str) -> list[str]:
        with connect(pair.target, "test") as connection:
            tables = [one for one in pair.tables_of(pair.target) if one.name in names]
            return list(broken_keys(connection, tables, checkpoint=lambda: None))

    assert broken("p", "k1", "g", "m", "n") == []
    with drive.connect(pair.target) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM p WHERE id = 2; INSERT INTO m VALUES (1, NULL), (NULL, NULL), (5, 5)")
    assert broken("g", "q") == []
    (one,) = broken("k1")
    assert "k_pid_fkey of public.k does not hold: 1 row without what it refers to in public.p" in one
    (two,) = broken("n")
    assert "2 rows without" in two
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        drive.execute(pair.target, "ALTER TABLE k ADD FOREIGN KEY (pid) REFERENCES p")


def test_rows_of_a_table_without_columns_are_repaired(pair: Pair) -> None:
    pair.both("CREATE TABLE z (); INSERT INTO z DEFAULT VALUES; CREATE TABLE y (); INSERT INTO y DEFAULT VALUES")
    drive.execute(pair.target, "DELETE FROM z; INSERT INTO y DEFAULT VALUES")
    assert [(one.table.name, one.total) for one in pair.write()] == [("y", 1), ("z", 1)]
    assert [one.failed for one in pair.apply()] == ["", ""]
    pair.assert_equal()
