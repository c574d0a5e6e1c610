"""pg_dump's text of every kind of object: taken apart, written, read back, replayed, and dumped again."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests import drive
from voyager.embedded import Server, find_binaries
from voyager.endpoint import Endpoint
from voyager.schema.analyze import analyze
from voyager.schema.files import read_schema_files, write_schema_files
from voyager.schema.order import ordered
from voyager.schema.statements import Dump, Statement, split_dump

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
EVERYTHING = ("kitchen_sink.sql", "kitchen_sink_18.sql")
COMMON = ("kitchen_sink.sql",)
ROLES = ("ks_owner", "ks_reader", 'ks "Role"; --')

MakeDatabase = Callable[..., Endpoint]


def load(endpoint: Endpoint, files: Iterable[str]) -> None:
    with drive.connect(endpoint) as connection:
        for name in files:
            connection.execute((FIXTURES / name).read_bytes())


def dump(endpoint: Endpoint) -> str:
    command = [str(find_binaries() / "pg_dump"), "-s", "-h", endpoint.host, "-p", str(endpoint.port)]
    environment = {**os.environ, "PGPASSWORD": endpoint.password or ""}
    done = subprocess.run(
        [*command, "-U", endpoint.user, endpoint.database], capture_output=True, check=True, env=environment
    )
    return done.stdout.decode("utf-8")


def replay(endpoint: Endpoint, statements: Iterable[Statement]) -> int:
    """Run every statement, again and again what fails, until nothing does; returns the number of rounds."""
    pending, rounds = list(statements), 0
    with drive.connect(endpoint) as connection:
        connection.execute("SET check_function_bodies = off")
        connection.execute("SET search_path = ''")
        while pending:
            failed = [(one, error) for one in pending if (error := attempt(connection, one))]
            assert len(failed) < len(pending), [(one.kind, one.object_name, str(error)) for one, error in failed]
            pending, rounds = [one for one, _ in failed], rounds + 1
    return rounds


def attempt(connection: psycopg.Connection[tuple[object, ...]], statement: Statement) -> psycopg.Error | None:
    try:
        connection.execute(statement.text.encode())
    except psycopg.Error as error:
        return error
    return None


def exported(text: str, directory: Path) -> tuple[Dump, list[Statement]]:
    taken = split_dump(text)
    write_schema_files(taken.statements, directory)
    return taken, read_schema_files(directory)


@pytest.fixture(scope="module")
def kitchen_sink(source_server: Server) -> Iterator[Endpoint]:
    """One database with everything, only read by the tests."""
    drive.execute(source_server.endpoint(), "CREATE DATABASE kitchen_sink TEMPLATE template0")
    endpoint = source_server.endpoint("kitchen_sink")
    load(endpoint, EVERYTHING)
    yield endpoint
    drive.execute(source_server.endpoint(), "DROP DATABASE kitchen_sink WITH (FORCE)")


@pytest.fixture(scope="module")
def text(kitchen_sink: Endpoint) -> str:
    return dump(kitchen_sink)


def test_every_statement_of_pg_dump_is_classified(text: str) -> None:
    taken = split_dump(text)
    assert [one.text for one in taken.statements if one.kind == "other"] == []
    assert [one.text for one in taken.statements if not one.object_name] == []
    assert len({one.kind for one in taken.statements}) > 45
    assert Counter(one.kind for one in taken.left_out) == {"user_mapping": 2, "table access method": 1}


def test_no_credential_reaches_a_statement_or_a_reason(text: str) -> None:
    taken = split_dump(text)
    assert "ks-canary" in text
    assert "ks-canary" not in repr(taken)


def test_statements_come_back_from_their_files_as_they_went_in(text: str, tmp_path: Path) -> None:
    taken, back = exported(text, tmp_path / "schema dir")
    facts = [
        sorted((one.text, one.kind, one.object_name, one.section, one.sha256) for one in side)
        for side in (taken.statements, back)
    ]
    assert facts[0] == facts[1]
    for one in back:
        lines = (tmp_path / "schema dir" / one.file).read_bytes().decode().split("\n")
        assert "\n".join(lines[one.line - 1 :]).startswith(one.text)


@pytest.mark.parametrize("indexes_before_data", [True, False])
def test_a_replayed_schema_dumps_to_the_same_statements(
    indexes_before_data: bool,
    text: str,
    source_server: Server,
    fresh_database: MakeDatabase,
    tmp_path: Path,
) -> None:
    taken, back = exported(text, tmp_path)
    copy = fresh_database(source_server)
    pre, post = ordered(back, indexes_before_data)
    assert replay(copy, pre) <= 3
    assert replay(copy, post) == 1
    again = split_dump(dump(copy))
    assert Counter(one.text for one in again.statements) == Counter(one.text for one in taken.statements)
    assert not Path("/tmp/ks-was-here").exists()


def test_the_schema_of_18_replays_on_15(
    source_server: Server, pg15_server: Server, fresh_database: MakeDatabase, tmp_path: Path
) -> None:
    source, copy = fresh_database(source_server), fresh_database(pg15_server)
    load(source, COMMON)
    for role in ROLES:
        if not drive.fetch(copy, "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]):
            drive.execute(copy, "CREATE ROLE " + '"' + role.replace('"', '""') + '"')
    taken, back = exported(dump(source), tmp_path)
    for part in ordered(back, indexes_before_data=False):
        replay(copy, part)
    names = Counter((one.kind, one.object_name) for one in split_dump(dump(copy)).statements)
    assert names == Counter((one.kind, one.object_name) for one in taken.statements)


def test_the_common_part_loads_on_15(pg15_server: Server, fresh_database: MakeDatabase) -> None:
    load(fresh_database(pg15_server), COMMON)


def test_every_statement_of_pg_dump_can_be_analyzed(text: str) -> None:
    findings = analyze(split_dump(text).statements, release="2025.2.3.0")
    assert [one.statement for one in findings if one.issue_id == "UNSUPPORTED_PG_SYNTAX"] == []
    assert {one.issue_id for one in findings if one.blocking} >= {"EXCLUSION_CONSTRAINTS", "CONSTRAINT_TRIGGER"}


def test_chosen_schemas_keep_what_stands_outside_schemas_and_drop_the_rest_by_name(text: str) -> None:
    taken = split_dump(text, schemas=("ks Two", "ks_ext"))
    assert {one.schema for one in taken.statements} == {"ks Two", "ks_ext", ""}
    assert "citext" in [one.name for one in taken.statements if one.kind == "extension"]
    assert [one.object_name for one in taken.statements if one.kind in {"event_trigger", "cast"}] == []
    assert "ks.parents" in [one.name for one in taken.left_out if one.kind == "table"]
