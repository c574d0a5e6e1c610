"""The guardrails of a PostgreSQL source: each finding names the object, and its SQL repairs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier, quote_literal
from voyager.ports import Check
from voyager.sources.postgresql.source import PostgresSource

ROLE = "re'ad\"er %s"


@pytest.fixture
def endpoint(source_server: Server, fresh_database: Callable[..., Endpoint]) -> Iterator[Endpoint]:
    endpoint = fresh_database(source_server)
    role = Identifier(ROLE).sql
    drive.execute(endpoint, f"DROP ROLE IF EXISTS {role}")
    drive.execute(endpoint, f"CREATE ROLE {role} LOGIN PASSWORD {quote_literal('x')}")
    yield endpoint
    drive.execute(endpoint, f"DROP OWNED BY {role}; DROP ROLE {role}")


def checks(endpoint: Endpoint, phase: str, *, restricted: bool = True) -> list[Check]:
    source = PostgresSource(replace(endpoint, user=ROLE, password="x") if restricted else endpoint)
    try:
        return source.preflight(phase)
    finally:
        source.close()


def errors(found: list[Check]) -> dict[str, Check]:
    return {check.id: check for check in found if check.severity == "error"}


def test_a_source_without_fault_passes_every_phase(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a serial)")
    for phase in ("INITIALIZE", "EXPORT_SCHEMA", "EXPORT_DATA", "VERIFY"):
        assert errors(checks(endpoint, phase, restricted=False)) == {}


def test_the_sql_of_the_findings_repairs_them_all(endpoint: Endpoint) -> None:
    drive.execute(
        endpoint,
        """
        CREATE SCHEMA "hid'den"; CREATE TABLE "hid'den"."T %s" (a serial); CREATE TABLE public.t (a int);
        CREATE TABLE public."no policy" (a int); ALTER TABLE public."no policy" ENABLE ROW LEVEL SECURITY;
        """,
    )
    found = errors(checks(endpoint, "EXPORT_DATA"))
    assert found.keys() == {
        "source_schema_usage",
        "source_table_select",
        "source_sequence_select",
        "source_row_security",
    }
    assert {check.exit_code for check in found.values()} == {9}
    assert 'public."no policy"' in found["source_row_security"].finding
    for check in checks(endpoint, "EXPORT_DATA"):
        if check.sql:
            drive.execute(endpoint, check.sql)
    assert errors(checks(endpoint, "EXPORT_DATA")) == {}
    assert errors(checks(endpoint, "EXPORT_SCHEMA")) == {}


def test_what_a_later_phase_needs_is_a_warning_at_first(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a int)")
    found = checks(endpoint, "INITIALIZE")
    assert errors(found) == {}
    assert [check.id for check in found if check.severity == "warning"] == ["source_table_select", "source_sessions"]


def test_a_role_that_sees_no_sessions_is_told_before_the_cutover_needs_to(endpoint: Endpoint) -> None:
    [told] = [check for check in checks(endpoint, "VERIFY") if check.severity == "warning"]
    assert (told.id, "sessions" in told.finding) == ("source_sessions", True)
    drive.execute(endpoint, told.sql)
    for phase in ("INITIALIZE", "VERIFY"):
        assert "source_sessions" not in {check.id for check in checks(endpoint, phase)}


def test_only_the_chosen_schemas_are_asked_about(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (x int)")
    assert errors(checks(replace(endpoint, schemas=("b",)), "EXPORT_DATA")) == {}
    (missing,) = errors(checks(replace(endpoint, schemas=("b", "nope")), "EXPORT_DATA")).values()
    assert missing.id == "source_schemas"
    assert "nope" in missing.finding


def test_many_tables_of_a_schema_make_one_finding_and_one_grant(endpoint: Endpoint) -> None:
    drive.execute(
        endpoint, "DO $$ BEGIN FOR i IN 1..30 LOOP EXECUTE format('CREATE TABLE t%s (a int)', i); END LOOP; END $$"
    )
    (check,) = errors(checks(endpoint, "EXPORT_DATA")).values()
    assert "30 tables" in check.finding
    assert "and 20 more" in check.finding
    assert check.sql.count('"public".') == 30


def test_an_encoding_that_nobody_checks_is_warned_of(source_server: Server) -> None:
    drive.execute(source_server.endpoint(), "DROP DATABASE IF EXISTS ascii")
    drive.execute(source_server.endpoint(), "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    source = PostgresSource(source_server.endpoint("ascii"))
    found = {check.id: check for check in source.preflight("EXPORT_DATA")}
    source.close()
    assert found["source_encoding"].severity == "warning"
    drive.execute(source_server.endpoint(), "DROP DATABASE ascii WITH (FORCE)")


def test_a_prepared_transaction_is_warned_of(own_server: Callable[..., Server]) -> None:
    server = own_server(settings={"max_prepared_transactions": "2"})
    drive.execute(server.endpoint(), "CREATE TABLE t (a int)")
    drive.execute(server.endpoint(), "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'half way'")
    source = PostgresSource(server.endpoint())
    found = {check.id: check for check in source.preflight("EXPORT_DATA")}
    source.close()
    assert "half way" in found["source_prepared_transactions"].finding


def test_a_locked_table_does_not_hold_the_guardrails_up(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a int)")
    with drive.connect(endpoint) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        assert errors(checks(endpoint, "INITIALIZE", restricted=False)) == {}
