"""The guardrails of the target: each finding names the object, and its SQL repairs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier
from voyager.ports import Capabilities, Check
from voyager.target.target import Target

ROLE = "im'port\"er %s"


@pytest.fixture
def endpoint(target_server: Server, fresh_database: Callable[..., Endpoint]) -> Iterator[Endpoint]:
    endpoint = fresh_database(target_server)
    role = Identifier(ROLE).sql
    drive.execute(endpoint, f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN PASSWORD 'x'")
    yield endpoint
    drive.execute(endpoint, f"DROP OWNED BY {role}")
    drive.execute(endpoint, f"DROP ROLE {role}")


def restricted(endpoint: Endpoint) -> Target:
    return Target(replace(endpoint, user=ROLE, password="x"))


def source(**facts: object) -> Capabilities:
    known = {"encoding": "UTF8", "collate": "C.UTF-8", "ctype": "C.UTF-8", "cluster": "1", "database_oid": "1"}
    return Capabilities("18.6", 180006, facts={**known, **facts})


def by_id(found: list[Check], severity: str) -> dict[str, Check]:
    return {check.id: check for check in found if check.severity == severity}


def test_an_empty_database_of_an_administrator_passes(endpoint: Endpoint) -> None:
    found = Target(endpoint).preflight("INITIALIZE", source=source(), schemas=("public", "new"))
    assert {check.severity for check in found} == {"ok"}
    for phase in ("IMPORT_SCHEMA", "IMPORT_DATA", "VERIFY", "CUTOVER", "FINALIZE"):
        assert {check.severity for check in Target(endpoint).preflight(phase)} == {"ok"}


@pytest.mark.parametrize("schemas", [(), ("public", "new one")])
def test_the_sql_of_the_findings_repairs_them_all(endpoint: Endpoint, schemas: tuple[str, ...]) -> None:
    found = restricted(endpoint).preflight("INITIALIZE", source=source(), schemas=schemas)
    errors = by_id(found, "error")
    assert errors.keys() == {"target_schema_create", "target_database_create"}
    assert {check.exit_code for check in errors.values()} == {9}
    assert by_id(found, "warning").keys() == {"target_replication_role"}
    for check in found:
        if check.sql:
            drive.execute(endpoint, check.sql)
    again = restricted(endpoint).preflight("INITIALIZE", source=source(), schemas=schemas)
    assert {check.severity for check in again} == {"ok"}


def test_a_role_that_needs_no_new_schema_needs_no_grant_on_the_database(endpoint: Endpoint) -> None:
    role = Identifier(ROLE).sql
    drive.execute(endpoint, f"CREATE SCHEMA ybvoyager AUTHORIZATION {role}; CREATE SCHEMA app AUTHORIZATION {role}")
    found = restricted(endpoint).preflight("INITIALIZE", source=source(), schemas=("app",))
    assert by_id(found, "error") == {}


def test_a_target_that_holds_tables_is_refused_unless_that_is_allowed(endpoint: Endpoint) -> None:
    drive.execute(
        endpoint, 'CREATE TABLE "Al ready" (a serial); CREATE SCHEMA else_where; CREATE TABLE else_where.t ()'
    )
    drive.execute(endpoint, "CREATE SCHEMA ybvoyager; CREATE TABLE ybvoyager.t (); CREATE EXTENSION hstore")
    target = Target(endpoint)
    refused = by_id(target.preflight("INITIALIZE"), "error")["target_empty"]
    assert "2 relations" in refused.finding
    assert 'public."Al ready"' in refused.finding
    assert by_id(target.preflight("INITIALIZE", schemas=("new",)), "error") == {}
    allowed = target.preflight("INITIALIZE", allow_non_empty=True)
    assert by_id(allowed, "warning").keys() == {"target_empty"}


def test_the_source_itself_is_no_target_whatever_its_address(endpoint: Endpoint) -> None:
    itself = Target(endpoint).probe()
    errors = by_id(Target(replace(endpoint, host="localhost")).preflight("INITIALIZE", source=itself), "error")
    assert errors.keys() == {"target_is_source"}


def test_encoding_and_collation_are_compared(target_server: Server, endpoint: Endpoint) -> None:
    name = f"{endpoint.database}_latin"
    drive.execute(endpoint, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    latin = Target(target_server.endpoint(name))
    found = latin.preflight("INITIALIZE", source=source())
    assert by_id(found, "error").keys() == {"target_encoding"}
    assert by_id(found, "warning").keys() == {"target_collation"}
    same = latin.preflight("INITIALIZE", source=source(encoding="LATIN1", collate="C", ctype="C"))
    assert {check.severity for check in same} == {"ok"}
    drive.execute(endpoint, f"DROP DATABASE {name} WITH (FORCE)")


def test_an_older_target_is_warned_of(pg15_server: Server, fresh_database: Callable[..., Endpoint]) -> None:
    found = Target(fresh_database(pg15_server)).preflight("INITIALIZE", source=source())
    assert by_id(found, "warning").keys() == {"target_older"}


def test_an_extension_that_the_target_lacks_is_named(endpoint: Endpoint) -> None:
    found = Target(endpoint).preflight("IMPORT_SCHEMA", extensions=("hstore", 'no"pe'))
    assert 'no"pe' in by_id(found, "warning")["target_extensions"].finding
    assert "hstore" not in by_id(found, "warning")["target_extensions"].finding


def test_a_role_whose_transactions_are_read_only_is_refused(endpoint: Endpoint) -> None:
    drive.execute(endpoint, f"ALTER ROLE {Identifier(ROLE).sql} SET default_transaction_read_only = on")
    refused = by_id(restricted(endpoint).preflight("IMPORT_DATA"), "error")["target_writable"]
    drive.execute(endpoint, refused.sql)
    assert by_id(restricted(endpoint).preflight("IMPORT_DATA"), "error") == {}


def test_triggers_that_will_fire_on_the_load_are_named(endpoint: Endpoint) -> None:
    drive.execute(
        endpoint,
        "CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int REFERENCES t);"
        "CREATE TRIGGER g BEFORE UPDATE ON t EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    )
    finding = by_id(restricted(endpoint).preflight("IMPORT_DATA"), "warning")["target_triggers"]
    assert "2 tables" in finding.finding
    assert by_id(Target(endpoint).preflight("IMPORT_DATA"), "warning") == {}


def test_yugabytedb_is_shown_by_its_own_release_and_asks_for_its_own_grant(endpoint: Endpoint) -> None:
    """At the checks as values: no server of that kind is here."""
    from voyager.target import preflight

    yugabytedb = replace(source(role="admin"), release="2025.1.0.0", version="15.2", version_number=150002)
    assert preflight._version(yugabytedb).finding == "target is YugabyteDB 2025.1.0.0"
    (check,) = preflight._replication_role(yugabytedb)
    assert check.sql == 'GRANT yb_superuser TO "admin";'
