"""What PostgreSQL 18 dumps and PostgreSQL 15, which YugabyteDB is built on, does not take, is known beforehand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import drive
from tests.integration.test_schema_round_trip import EVERYTHING, ROLES, attempt, dump, load
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier
from voyager.schema.analyze import analyze
from voyager.schema.statements import Statement, split_dump

MakeDatabase = Callable[..., Endpoint]
_FOLLOWS = {"owner", "comment"}
"""Statements about objects: refused because the object is not there."""


@pytest.fixture
def statements(source_server: Server, fresh_database: MakeDatabase) -> tuple[Statement, ...]:
    source = fresh_database(source_server)
    load(source, EVERYTHING)
    return split_dump(dump(source)).statements


def refused(target: Endpoint, statements: tuple[Statement, ...]) -> list[Statement]:
    """Run every statement again and again until no other one passes; return those that never do."""
    for role in ROLES:
        if not drive.fetch(target, "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]):
            drive.execute(target, f"CREATE ROLE {Identifier(role).sql}")
    pending = list(statements)
    with drive.connect(target) as connection:
        connection.execute("SET check_function_bodies = off")
        connection.execute("SET search_path = ''")
        while True:
            failed = [one for one in pending if attempt(connection, one)]
            if len(failed) == len(pending):
                return failed
            pending = failed


def test_every_statement_that_15_refuses_has_a_finding_that_blocks(
    statements: tuple[Statement, ...], pg15_server: Server, fresh_database: MakeDatabase
) -> None:
    found = {one.line for one in analyze(statements, release="2025.2.3.0") if one.blocking}
    never = [one for one in refused(fresh_database(pg15_server), statements) if one.kind not in _FOLLOWS]
    assert len(never) > 10
    unexplained = [one for one in never if not found & set(range(one.line, one.line + one.text.count("\n") + 1))]
    # An event trigger that is not there cannot be switched off.
    assert [one.text for one in unexplained if not one.text.startswith("ALTER EVENT TRIGGER")] == []
