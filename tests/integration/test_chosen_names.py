"""The names that findings give to indexes and constraints without one are those that a real server chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.schema.chosen_names import name_of_constraint, name_of_index
from voyager.schema.nodes import constraints
from voyager.schema.parse import parse

FORTY = "f" * 40
LONGEST = "l" * 63
UMLAUTS = "ä" * 30

KEYS = (
    'PRIMARY KEY (a, "C d")',
    "UNIQUE (b)",
    'UNIQUE (a, "C d") INCLUDE (b)',
    "CONSTRAINT given UNIQUE (a)",
    "EXCLUDE (a WITH =)",
    "EXCLUDE (a WITH =, b WITH =) INCLUDE (e)",
    "EXCLUDE (a WITH =, (a + 1) WITH =, (a + 2) WITH =, lower(b) WITH =, upper(b) WITH =)",
    'EXCLUDE ((b::varchar) WITH =, (1::text) WITH =, (b COLLATE "C") WITH =)',
    "EXCLUDE (coalesce(b, b) WITH =, greatest(a, 1) WITH =, least(a, 1) WITH =, nullif(a, 1) WITH =)",
    "EXCLUDE ((CASE a WHEN 1 THEN 1 ELSE e END) WITH =, (CASE a WHEN 1 THEN 1 ELSE 0 END) WITH =)",
    "FOREIGN KEY (a, e) REFERENCES r",
)
TABLES = (
    *(f'CREATE TABLE t (a int, b text, "C d" int, e int, {key})' for key in KEYS),
    "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, c int REFERENCES q)",
    f"CREATE TABLE {LONGEST} (a int PRIMARY KEY, b int UNIQUE)",
    f"CREATE TABLE {FORTY} (a int, {FORTY} int, UNIQUE (a, {FORTY}))",
    f"CREATE TABLE t ({LONGEST} int UNIQUE, a int, EXCLUDE ({LONGEST} WITH =, a WITH =))",
    f"CREATE TABLE {UMLAUTS} ({UMLAUTS} int UNIQUE, b{UMLAUTS} int UNIQUE, PRIMARY KEY (b{UMLAUTS}, {UMLAUTS}))",
)
INDEXES = (
    "CREATE INDEX ON t (a)",
    "CREATE INDEX given ON t (a)",
    "CREATE UNIQUE INDEX ON t (a) INCLUDE (b)",
    "CREATE INDEX ON t (lower(b), a, pg_catalog.lower(b), (a + 1), (b || 'x'), (a IS NULL))",
    "CREATE INDEX ON t ((b::varchar(3)), (a::text), ((a + 1)::text), (ARRAY[a]))",
    f"CREATE INDEX ON t ({LONGEST}, a)",
)


@pytest.fixture
def database(source_server: Server) -> Iterator[Any]:
    """A connection whose work is undone when the test ends."""
    with drive.connect(source_server.endpoint("postgres")) as connection, connection.transaction(force_rollback=True):
        connection.execute("CREATE SCHEMA names; SET LOCAL search_path = names")
        connection.execute("CREATE TABLE q (a int PRIMARY KEY); CREATE TABLE r (a int, b int, PRIMARY KEY (a, b))")
        yield connection


@pytest.mark.parametrize("sql", TABLES)
def test_a_constraint_has_the_name_that_the_server_chooses(database: Any, sql: str) -> None:
    tree = parse(sql)
    database.execute(sql)
    rows = database.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = quote_ident(%s)::regclass AND contype <> 'n'",
        (tree.relation.relname,),
    ).fetchall()
    assert {name_of_constraint(tree.relation.relname, one) for one in constraints(tree)} == {name for (name,) in rows}


def test_a_constraint_not_null_has_the_name_that_the_server_chooses(database: Any) -> None:
    sql = "CREATE TABLE t (a int, NOT NULL a)"
    database.execute(sql)
    rows = database.execute("SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass").fetchall()
    assert [name_of_constraint("t", one) for one in constraints(parse(sql))] == [name for (name,) in rows]


@pytest.mark.parametrize("sql", INDEXES)
def test_an_index_has_the_name_that_the_server_chooses(database: Any, sql: str) -> None:
    database.execute(f"CREATE TABLE t (a int, b text, {LONGEST} int)")
    database.execute(sql)
    rows = database.execute(
        "SELECT relname FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = 't'::regclass"
    ).fetchall()
    assert rows == [(name_of_index(parse(sql)),)]
