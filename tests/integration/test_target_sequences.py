"""Sequences of the target end beyond the source's position and their columns' values, and never go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests import drive
from voyager.catalog import Sequence
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier, TableName
from voyager.sources.postgresql.source import PostgresSource
from voyager.target import sequences
from voyager.target.target import Target


@pytest.fixture
def endpoint(target_server: Server, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    return fresh_database(target_server)


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[psycopg.Connection]:
    with Target(endpoint).connect("test") as connection:
        yield connection


def sequence(name: str, last_value: int | None, *, start: int = 1, increment: int = 1) -> Sequence:
    return Sequence(TableName("public", name), last_value, increment, 1, 2**63 - 1, start)


def state(endpoint: Endpoint, name: str) -> tuple[int, bool]:
    return drive.fetch(endpoint, f"SELECT last_value, is_called FROM {Identifier(name).sql}")[0]  # type: ignore[return-value]


def test_the_sources_position_is_taken_over(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(endpoint, "CREATE SEQUENCE called; CREATE SEQUENCE fresh; CREATE SEQUENCE moved")
    done = sequences.restore(
        connection, [sequence("called", 41), sequence("fresh", None), sequence("moved", None, start=77)]
    )
    assert state(endpoint, "called") == (41, True)
    assert state(endpoint, "fresh") == (1, False)
    assert state(endpoint, "moved") == (77, False)
    assert {name.name: value for name, value in done.values.items()} == {"called": 42, "fresh": 1, "moved": 77}
    assert done.missing == ()


def test_the_columns_values_count_where_they_go_further(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(
        endpoint,
        """
        CREATE TABLE t (id serial, i smallint GENERATED ALWAYS AS IDENTITY, n numeric DEFAULT 0);
        INSERT INTO t (id, i, n) OVERRIDING SYSTEM VALUE VALUES (900, 800, 'NaN'), (7, 8, 700.5);
        CREATE SEQUENCE shared; CREATE TABLE d (x bigint DEFAULT nextval('shared')); INSERT INTO d VALUES (600);
        CREATE SEQUENCE text; CREATE TABLE w (x text DEFAULT 'n' || nextval('text')); INSERT INTO w VALUES ('n99');
        ALTER SEQUENCE shared OWNED BY t.n;
        """,
    )
    names = ("t_id_seq", "t_i_seq", "shared", "text")
    sequences.restore(connection, [sequence(name, 5) for name in names])
    assert [state(endpoint, name) for name in names] == [(900, True), (800, True), (700, True), (5, True)]
    assert sequences.check(connection).behind == ()


def test_a_sequence_that_was_never_called_stays_uncalled_beyond_the_values(
    endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    drive.execute(endpoint, "CREATE TABLE t (id serial); INSERT INTO t VALUES (10)")
    sequences.restore(connection, [sequence("t_id_seq", None)])
    assert state(endpoint, "t_id_seq") == (11, False)


def test_a_sequence_that_counts_down_goes_down(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(
        endpoint,
        "CREATE SEQUENCE down INCREMENT -2 START -1; CREATE TABLE t (id int DEFAULT nextval('down'));"
        "INSERT INTO t VALUES (-50), (-3)",
    )
    assert [str(one.name) for one in sequences.check(connection).behind] == ["public.down"]
    sequences.restore(connection, [Sequence(TableName("public", "down"), -9, -2, -(2**63), -1, -1)])
    assert state(endpoint, "down") == (-50, True)
    assert sequences.check(connection).behind == ()


def test_restoring_again_never_moves_a_sequence_back(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(endpoint, "CREATE SEQUENCE s")
    sequences.restore(connection, [sequence("s", 10)])
    drive.execute(endpoint, "SELECT nextval('s'), nextval('s')")
    sequences.restore(connection, [sequence("s", 10)])
    sequences.restore(connection, [sequence("s", None)])
    assert state(endpoint, "s") == (12, True)


def test_a_value_past_the_last_one_leaves_the_sequence_used_up(
    endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    drive.execute(endpoint, "CREATE SEQUENCE s MAXVALUE 100; CREATE TABLE t (id int DEFAULT nextval('s'));"
                            "INSERT INTO t VALUES (500)")  # fmt: skip
    sequences.restore(connection, [sequence("s", 5)])
    assert state(endpoint, "s") == (100, True)


def test_a_sequence_that_a_value_used_up_is_told_of_where_the_source_has_some_left(
    endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    drive.execute(endpoint, "CREATE TABLE t (id serial, d int); INSERT INTO t VALUES (2147483647, -9); "
                            "CREATE SEQUENCE down AS int INCREMENT -2 MINVALUE -10 MAXVALUE -1 OWNED BY t.d; "
                            "CREATE SEQUENCE free AS smallint; CREATE SEQUENCE round MAXVALUE 3 CYCLE; "
                            "CREATE TABLE e (full_too smallserial, r int DEFAULT nextval('round')); "
                            "INSERT INTO e VALUES (32767, 3)")  # fmt: skip
    known = [sequence("t_id_seq", 2), sequence("down", None, start=-1, increment=-2), sequence("free", 32767),
             sequence("e_full_too_seq", 32767), sequence("round", 3)]  # fmt: skip
    told = sequences.restore(connection, known).used_up
    assert {(one.name.name, str(one.column), one.furthest, one.next_in_source) for one in told} == {
        ("t_id_seq", "public.t.id", 2147483647, 3), ("down", "public.t.d", -9, -1)
    }  # fmt: skip
    checked = sequences.check(connection, known=known)
    assert set(checked.used_up) == set(told)
    assert checked.behind == ()
    assert sequences.check(connection).used_up == ()
    drive.execute(endpoint, "UPDATE t SET id = 1, d = 5")
    for one in told:
        drive.execute(endpoint, one.remedy[one.remedy.index("SELECT") :])
    values = drive.fetch(endpoint, "SELECT nextval('t_id_seq'), nextval('down')")
    assert values == [(3, -1)]


def test_a_sequence_that_cycles_stands_where_the_source_stands(
    endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    drive.execute(endpoint, "CREATE SEQUENCE s MAXVALUE 10 CYCLE; CREATE TABLE t (id int DEFAULT nextval('s'));"
                            "INSERT INTO t VALUES (9); SELECT setval('s', 8)")  # fmt: skip
    sequences.restore(connection, [sequence("s", 3)])
    assert state(endpoint, "s") == (3, True)
    assert sequences.check(connection).behind == ()


def test_partitions_and_children_count_too(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(
        endpoint,
        """
        CREATE TABLE p (id serial) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF p DEFAULT;
        INSERT INTO p VALUES (50);
        CREATE TABLE base (k serial); CREATE TABLE child () INHERITS (base); INSERT INTO child VALUES (60);
        """,
    )
    sequences.restore(connection, [sequence("p_id_seq", 1), sequence("base_k_seq", 1)])
    assert state(endpoint, "p_id_seq") == (50, True)
    assert state(endpoint, "base_k_seq") == (60, True)


def test_a_sequence_that_the_target_lacks_is_named(connection: psycopg.Connection) -> None:
    assert sequences.restore(connection, [sequence("gone", 5)]).missing == (TableName("public", "gone"),)


def test_sequences_behind_their_columns_are_found_in_the_schemas_asked_for(
    endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    drive.execute(endpoint, 'CREATE SCHEMA "Od""d"; CREATE TABLE "Od""d"."t %s" ("Id" serial)')
    drive.execute(endpoint, 'INSERT INTO "Od""d"."t %s" VALUES (1)')
    drive.execute(endpoint, "CREATE SCHEMA other; CREATE TABLE other.t (a serial); INSERT INTO other.t DEFAULT VALUES")
    (found,) = sequences.check(connection, schemas=['Od"d', "other"]).behind
    assert str(found) == ('Sequence "Od""d"."t %s_Id_seq" gives 1 next, but "Od""d"."t %s".Id already goes to 1.')
    assert sequences.check(connection, schemas=["other"]).behind == ()
    assert len(sequences.check(connection).behind) == 1


def test_what_a_source_tells_is_what_the_target_then_has(
    source_server: Server, fresh_database: Callable[..., Endpoint], endpoint: Endpoint, connection: psycopg.Connection
) -> None:
    made = """
        CREATE TABLE t (id serial, i int GENERATED BY DEFAULT AS IDENTITY); CREATE SEQUENCE "s %s" INCREMENT 10;
        CREATE SEQUENCE never; CREATE SEQUENCE moved;
    """
    origin = fresh_database(source_server)
    for one in (origin, endpoint):
        drive.execute(one, made)
    drive.execute(origin, "INSERT INTO t DEFAULT VALUES; SELECT nextval('\"s %s\"'), setval('moved', 9, false)")
    source = PostgresSource(origin)
    sequences.restore(connection, source.read_catalog().sequences)
    source.close()
    for name in ("t_id_seq", "t_i_seq", "s %s", "never", "moved"):
        assert state(endpoint, name) == state(origin, name)


def test_more_sequences_than_one_query_takes_are_all_set(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.execute(
        endpoint,
        "DO $$ BEGIN FOR i IN 1..230 LOOP EXECUTE format('CREATE TABLE t%s (id serial)', i); END LOOP; END $$",
    )
    checked: list[int] = []
    done = sequences.restore(
        connection, [sequence(f"t{i}_id_seq", i) for i in range(1, 231)], checkpoint=lambda: checked.append(1)
    )
    assert len(done.values) == 230
    assert len(checked) == 3
    assert state(endpoint, "t230_id_seq") == (230, True)
