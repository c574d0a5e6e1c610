"""Temporal keys (WITHOUT OVERLAPS, PERIOD): rows are repaired, and foreign keys judged as the server judges them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests import drive
from tests.repair_pair import Pair
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.postgres.connection import connect
from voyager.verification.repair_keys import broken_keys


@pytest.fixture
def pair(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Pair:
    return Pair(fresh_database(source_server), fresh_database(target_server), tmp_path / "repair")


# The check of rows that are there is the server's own: a foreign key that is added again looks at all of them.
TABLES = """
    CREATE EXTENSION btree_gist;
    CREATE DOMAIN days AS daterange;
    CREATE FUNCTION range_agg({kind}) RETURNS datemultirange LANGUAGE sql AS 'SELECT NULL::datemultirange';
    CREATE TABLE p ("Id%s" int, "Valid%s" {kind}, PRIMARY KEY ("Id%s", "Valid%s" WITHOUT OVERLAPS));
    CREATE TABLE c (id int PRIMARY KEY, "Pid" int, at {kind});
    ALTER TABLE c ADD CONSTRAINT "in time %s" FOREIGN KEY ("Pid", PERIOD at) REFERENCES p ("Id%s", PERIOD "Valid%s");
"""
AGAIN = """
    ALTER TABLE c DROP CONSTRAINT "in time %s";
    ALTER TABLE c ADD CONSTRAINT "in time %s" FOREIGN KEY ("Pid", PERIOD at) REFERENCES p ("Id%s", PERIOD "Valid%s");
"""
PARENTS = ["[2020-01-01,2021-01-01)", "[2021-01-01,2022-01-01)", "[2023-01-01,)"]
CHILDREN = [
    ("[2020-02-01,2020-03-01)", True, "within one"),
    ("[2020-02-01,2021-03-01)", True, "two that touch cover it together"),
    ("[2020-01-01,2022-01-01)", True, "both, to their ends"),
    ("[2023-05-01,)", True, "without an end"),
    ("[2019-12-31,2020-03-01)", False, "begins before"),
    ("[2021-02-01,2023-02-01)", False, "a gap lies between"),
    ("[2022-02-01,2022-03-01)", False, "in the gap"),
    ("(,)", False, "all the time"),
    ("empty", None, "no time at all: as the server says"),
    (None, True, "NULL refers to nothing"),
]


def broken(pair: Pair) -> list[str]:
    with connect(pair.target, "test") as connection:
        return list(broken_keys(connection, pair.tables_of(pair.target), checkpoint=lambda: None))


@pytest.mark.parametrize("kind", ["daterange", "datemultirange", "days"])
def test_a_temporal_foreign_key_is_judged_as_the_server_judges_it(pair: Pair, kind: str) -> None:
    def period(text: str | None) -> str | None:
        many = kind == "datemultirange" and text is not None
        return ("{}" if text == "empty" else f"{{{text}}}") if many else text

    drive.execute(pair.target, TABLES.format(kind=kind))
    with drive.connect(pair.target) as connection:
        for one in PARENTS:
            connection.execute("INSERT INTO p VALUES (1, %s)", [period(one)])
        connection.execute("INSERT INTO p VALUES (2, %s)", [period("(,)")])
    assert broken(pair) == []
    for text, holds, why in CHILDREN:
        with drive.connect(pair.target) as connection:
            connection.execute("SET session_replication_role = replica; DELETE FROM c")
            connection.execute("INSERT INTO c VALUES (1, 1, %s)", [period(text)])
        said = broken(pair)
        try:
            drive.execute(pair.target, AGAIN)
        except psycopg.errors.ForeignKeyViolation:
            refused = True
        else:
            refused = False
        assert holds in (None, not refused), why
        assert bool(said) is refused, (why, said)
        assert all("in time %s" in line and "of public.c does not hold: 1 row without what" in line for line in said)


@pytest.mark.parametrize("role", [True, False], ids=["keys aside", "keys in force"])
def test_rows_with_temporal_keys_are_repaired_to_the_day(pair: Pair, *, role: bool) -> None:
    """The second table's periods are unique beside its key: of two rows that change, each may stand in the other's."""
    pair.both(TABLES.format(kind="daterange"))
    pair.both("CREATE TABLE u (id int PRIMARY KEY, room int, at daterange, UNIQUE (room, at WITHOUT OVERLAPS))")
    pair.both("INSERT INTO p SELECT n, daterange('2020-01-01', '2021-01-01') FROM generate_series(1, 9) n")
    pair.both("INSERT INTO p SELECT n, daterange('2021-01-01', '2022-01-01') FROM generate_series(1, 9) n")
    pair.both("INSERT INTO c SELECT n, n, daterange('2020-12-01', '2021-02-01') FROM generate_series(1, 9) n")
    pair.both(
        "INSERT INTO u SELECT n, 1, daterange('2020-01-01'::date + n, '2020-01-02'::date + n) "
        "FROM generate_series(1, 9) n"
    )
    with drive.connect(pair.target) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("""DELETE FROM p WHERE "Id%s" = 3; DELETE FROM c WHERE id = 4; DELETE FROM u WHERE id = 5""")
        connection.execute("INSERT INTO p VALUES (50, '[2020-01-01,2020-05-05)')")
        connection.execute("""UPDATE p SET "Valid%s" = '[2021-01-01,2021-01-05)'
                              WHERE "Id%s" = 6 AND lower("Valid%s") = '2021-01-01'""")
        connection.execute("UPDATE u SET at = daterange('2030-01-01'::date + id, '2030-01-02'::date + id)")
        connection.execute("""UPDATE u SET at = daterange('2020-01-01'::date + 10 - id, '2020-01-02'::date + 10 - id)
                              WHERE id <> 5""")
    assert "2 rows without what they refer to" in broken(pair)[0]
    pair.write(replication_role=role)
    failed = {one.table.name: one.failed for one in pair.apply()}
    if not role:
        # The shorter period is in the way of the longer one, and the server keeps it for the row that refers to it.
        assert "violates foreign key constraint" in failed.pop("p")
        assert failed == {"c": "", "u": ""}
        drive.execute(pair.target, """SET session_replication_role = replica; DELETE FROM p WHERE "Id%s" = 6""")
        pair.write(replication_role=False)
        failed = {one.table.name: one.failed for one in pair.apply()}
    assert set(failed.values()) == {""}
    pair.assert_equal()
    assert broken(pair) == []
    drive.execute(pair.target, AGAIN)
