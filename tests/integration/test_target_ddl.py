"""DDL on the target: one statement at a time, refusals sorted by what to do next, started statements settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from tests import drive
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway
from voyager.identifiers import Identifier, TableName
from voyager.postgres.attempts import repeat
from voyager.schema.statements import classify
from voyager.target import ddl
from voyager.target.target import Target


@pytest.fixture(params=["target_server", "pg15_server"])
def endpoint(request: pytest.FixtureRequest, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    """A target on PostgreSQL 18 and again on 15, YugabyteDB's base."""
    return fresh_database(request.getfixturevalue(request.param))


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[psycopg.Connection]:
    with Target(endpoint).connect("test") as connection:
        yield connection


def test_a_statement_runs_under_the_settings_that_pg_dump_relies_on(connection: psycopg.Connection) -> None:
    ddl.execute(connection, "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT a FROM public.later'")
    ddl.execute(connection, 'CREATE TABLE public."100% %s" (a int DEFAULT 7 % 4)')
    with pytest.raises(ddl.StatementFailed):
        ddl.execute(connection, "CREATE TABLE unqualified (a int)")


def test_an_index_can_be_built_concurrently(connection: psycopg.Connection) -> None:
    ddl.execute(connection, "CREATE TABLE public.t (a int)")
    ddl.execute(connection, "CREATE INDEX CONCURRENTLY i ON public.t (a)")


REFUSED = [
    ("CREATE VIEW public.v AS SELECT * FROM public.nope", "missing_dependency"),
    ("CREATE TABLE public.n (a public.nope)", "missing_dependency"),
    ("CREATE TABLE nope.t ()", "missing_dependency"),
    ("ALTER TABLE public.t ADD CHECK (public.nope(a))", "missing_dependency"),
    ("CREATE INDEX ON public.t (nope)", "missing_dependency"),
    ("ALTER TABLE public.t ADD FOREIGN KEY (a) REFERENCES public.keyless (a)", "missing_dependency"),
    ("CREATE TABLE public.t ()", "already_exists"),
    ("CREATE SCHEMA public", "already_exists"),
    ("CREATE TYPE public.e AS ENUM ('a')", "already_exists"),
    ("CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "already_exists"),
    ("ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (a)", "already_exists"),
    ("ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 0)", "already_exists"),
    ("ALTER TABLE public.t ADD COLUMN a int", "already_exists"),
    ("ALTER TABLE public.t ALTER COLUMN i ADD GENERATED ALWAYS AS IDENTITY", "already_exists"),
    ("ALTER TABLE public.p ATTACH PARTITION public.leaf FOR VALUES IN (1)", "already_exists"),
    ("ALTER TABLE public.child INHERIT public.t", "already_exists"),
    ("CREATE TRIGGER g BEFORE INSERT ON public.t EXECUTE FUNCTION public.trg()", "already_exists"),
    ("CREATE POLICY y ON public.t", "already_exists"),
    ("CREATE UNIQUE INDEX ON public.twice (a)", "other"),
    ("CREATE TABEL public.x ()", "other"),
]


def test_a_refusal_says_what_to_do_next(connection: psycopg.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE public.t (a int CONSTRAINT t_pkey PRIMARY KEY CONSTRAINT c CHECK (a > 0),
                               i int GENERATED ALWAYS AS IDENTITY);
        CREATE TABLE public.keyless (a int); CREATE TYPE public.e AS ENUM ();
        CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION public.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON public.t EXECUTE FUNCTION public.trg(); CREATE POLICY y ON public.t;
        CREATE TABLE public.p (a int) PARTITION BY LIST (a); CREATE TABLE public.leaf PARTITION OF public.p DEFAULT;
        CREATE TABLE public.child () INHERITS (public.t);
        CREATE TABLE public.twice AS SELECT 4711 AS a FROM generate_series(1, 2);
        """
    )
    for statement, failure in REFUSED:
        with pytest.raises(ddl.StatementFailed) as refused:
            ddl.execute(connection, statement)
        assert refused.value.failure == failure, statement
        assert ddl.classify_failure(refused.value) == failure
        assert refused.value.exit_code == 4
        assert "4711" not in refused.value.message


def test_a_missing_grant_is_told_and_has_its_exit_code(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a int); DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'x'")
    guest = Target(replace(endpoint, user="guest", password="x"))
    with guest.connect("test") as connection, pytest.raises(ddl.StatementFailed) as refused:
        ddl.execute(connection, "ALTER TABLE public.t ADD COLUMN b int")
    assert (refused.value.failure, refused.value.exit_code) == ("permission", 9)


def test_a_lost_connection_is_not_taken_for_a_refusal(endpoint: Endpoint, connection: psycopg.Connection) -> None:
    drive.fetch(endpoint, "SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(DatabaseAway):
        ddl.execute(connection, "CREATE TABLE public.t ()")


def test_ddl_outside_autocommit_is_a_mistake_of_the_caller(endpoint: Endpoint) -> None:
    with (
        Target(endpoint).connect("test", autocommit=False) as connection,
        pytest.raises(ValueError, match="autocommit"),
    ):
        ddl.execute(connection, "CREATE TABLE public.t ()")


class StaleCatalog(psycopg.Error):
    """What YugabyteDB answers when another node ran DDL in between; simulated, no server of that kind is here."""

    sqlstate = "XX000"

    def __init__(self) -> None:
        super().__init__("Catalog Version Mismatch: A DDL occurred while processing this query. Try Again.")


def test_a_stale_catalog_is_tried_again_and_then_given_up() -> None:
    pauses: list[float] = []
    answers: list[Exception | str] = [StaleCatalog(), StaleCatalog(), "done"]

    def act() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert repeat(act, pause=pauses.append) == "done"
    assert len(pauses) == 2
    answers[:] = [StaleCatalog()] * 3
    with pytest.raises(StaleCatalog):
        repeat(act, tries=3, pause=pauses.append)
    assert answers == []


SETTLED = [
    "CREATE SCHEMA {n}",
    "CREATE EXTENSION hstore WITH SCHEMA public",
    "CREATE DOMAIN {n}.{n} AS int",
    "CREATE TYPE {n}.e AS ENUM ('a')",
    "CREATE COLLATION {n}.c (locale = 'C')",
    "CREATE SEQUENCE {n}.s",
    "CREATE TABLE {n}.t (a int, b int)",
    "CREATE VIEW {n}.v AS SELECT 1 AS one",
    "CREATE MATERIALIZED VIEW {n}.m AS SELECT 1 AS one WITH NO DATA",
    "ALTER TABLE ONLY {n}.t ADD CONSTRAINT {n} PRIMARY KEY (a)",
    "ALTER TABLE ONLY {n}.t ADD CONSTRAINT u UNIQUE (b)",
    "ALTER TABLE ONLY {n}.t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES {n}.t(a)",
    "ALTER TABLE {n}.t ADD CONSTRAINT k CHECK ((a > 0)) NOT VALID",
    "CREATE INDEX {n}i ON {n}.t USING btree (b)",
    "CREATE STATISTICS {n}.st ON a, b FROM {n}.t",
    "CREATE TRIGGER {n} BEFORE INSERT ON {n}.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE {n} AS ON DELETE TO {n}.t DO INSTEAD NOTHING",
    "CREATE POLICY {n} ON {n}.t",
    "CREATE PUBLICATION {n} FOR TABLE ONLY {n}.t",
    "CREATE FOREIGN DATA WRAPPER {n}",
    "CREATE SERVER {n} FOREIGN DATA WRAPPER {n}",
    "CREATE FOREIGN TABLE {n}.ft (a int) SERVER {n}",
    "CREATE EVENT TRIGGER {n} ON ddl_command_end EXECUTE FUNCTION {n}.et()",
]


@pytest.mark.parametrize("name", ["plain", "Od\"d; %s\n'$$"])
def test_a_started_statement_is_settled_by_asking_the_catalog(connection: psycopg.Connection, name: str) -> None:
    n = Identifier(name).sql
    for template in SETTLED:
        text = template.replace("{n}i", Identifier(f"{name}i").sql).replace("{n}", n)
        if "EVENT TRIGGER" in text:
            connection.execute(
                f"CREATE FUNCTION {n}.et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'".encode()
            )
        statement = classify(text)

        def there(statement=statement) -> bool | None:
            return ddl.object_exists(
                connection,
                kind=statement.kind,
                schema=statement.schema,
                name=statement.name,
                table=statement.table,
                text=statement.text,
            )

        assert there() is False, text
        ddl.execute(connection, text)
        assert there() is True, text


def test_what_a_name_does_not_prove_is_left_open(connection: psycopg.Connection) -> None:
    connection.execute("CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    connection.execute("CREATE TYPE public.shell; CREATE TABLE public.t (a int)")
    for kind, name, text in (
        ("function", "f", "CREATE FUNCTION public.f(text)"),
        ("type", "shell", "CREATE TYPE public.shell (INPUT = x)"),
        ("table", "t", "ALTER TABLE public.t ADD COLUMN b int"),
        ("comment", "t", "COMMENT ON TABLE public.t IS ''"),
        ("index", "", "CREATE INDEX ON public.t (a)"),
    ):
        found = ddl.object_exists(connection, kind=kind, schema="public", name=name, text=text)
        assert found is None, kind
    assert ddl.object_exists(connection, kind="function", schema="public", name="nope") is False


def test_a_constraint_of_the_same_name_on_another_table_proves_nothing(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE public.a (x int CONSTRAINT c CHECK (x > 0)); CREATE TABLE public.b (x int)")
    for table, there in (("a", True), ("b", False)):
        found = ddl.object_exists(connection, kind="check", schema="public", name="c", table=TableName("public", table))
        assert found is there


def test_an_index_that_a_broken_off_build_left_invalid_is_dropped(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE public.t AS SELECT 1 AS a FROM generate_series(1, 2)")
    connection.execute("CREATE TABLE public.p (a int) PARTITION BY LIST (a)")
    connection.execute("CREATE TABLE public.leaf PARTITION OF public.p DEFAULT")
    connection.execute("CREATE INDEX waiting ON ONLY public.p (a)")
    connection.execute('CREATE INDEX "good one" ON public.t (a)')
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute('CREATE UNIQUE INDEX CONCURRENTLY "left over" ON public.t (a)')
    assert ddl.object_exists(connection, kind="index", schema="public", name="left over") is False
    every = [TableName("public", name) for name in ("waiting", "good one", "left over", "nope")]
    assert ddl.drop_invalid_indexes(connection, every[:2]) == []
    assert ddl.drop_invalid_indexes(connection, [TableName("elsewhere", "left over")]) == []
    assert ddl.drop_invalid_indexes(connection, every) == [TableName("public", "left over")]
    assert ddl.drop_invalid_indexes(connection, every) == []
    assert ddl.object_exists(connection, kind="index", schema="public", name="waiting") is True
    assert ddl.object_exists(connection, kind="index", schema="public", name="good one") is True


FAR = """
CREATE EXTENSION postgres_fdw WITH SCHEMA public;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'x', password 'x');
CREATE FOREIGN TABLE public.far (a int) SERVER far;
CREATE MATERIALIZED VIEW public.of_far AS SELECT * FROM public.far WITH NO DATA;
"""


def test_a_server_that_the_target_cannot_reach_is_a_refusal_and_no_outage(
    connection: psycopg.Connection, endpoint: Endpoint
) -> None:
    drive.execute(endpoint, FAR)
    with pytest.raises(ddl.StatementFailed) as refused:
        ddl.execute(connection, "REFRESH MATERIALIZED VIEW public.of_far", what="the refresh of public.of_far")
    assert refused.value.sqlstate == "08001"
    assert refused.value.message.startswith("The target refused the refresh of public.of_far: ")
    ddl.execute(connection, "CREATE TABLE public.goes_on ()")
