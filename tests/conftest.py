"""Real servers for every test: started when first asked for, shared by the session, one new database per test."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import drive, mariadb
from voyager.embedded import Server, scratch_directory, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier


def pytest_configure() -> None:
    """The operator's own settings must not reach a test that connects within this process."""
    for name in [name for name in os.environ if name.startswith(drive.LEAKS) and name != "YB_VOYAGER_PG_BIN"]:
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell starts what it sends to the background deaf to Ctrl-C, and so would be all commands of the tests.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def servers_directory() -> Iterator[Path]:
    """A directory that the servers' own account may enter, which pytest's temporary ones are not."""
    directory = scratch_directory("yb-voyager-tests-")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def source_server(servers_directory: Path) -> Iterator[Server]:
    """PostgreSQL 18, the database we read."""
    with start_server(servers_directory / "source") as server:
        yield server


@pytest.fixture(scope="session")
def target_server(servers_directory: Path) -> Iterator[Server]:
    """PostgreSQL 18, the database we write."""
    with start_server(servers_directory / "target") as server:
        yield server


@pytest.fixture(scope="session")
def pg15_server(servers_directory: Path) -> Iterator[Server]:
    """PostgreSQL 15, what YugabyteDB is based on; from the system's packages only."""
    binaries = system_binaries().get(15)
    if binaries is None:
        pytest.skip("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
    with start_server(servers_directory / "pg15", binaries=binaries) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server(servers_directory: Path) -> Iterator[mariadb.MariadbServer]:
    """MariaDB, which stands for MySQL too; from the system's packages only."""
    if reason := mariadb.why_not():
        pytest.skip(reason)
    server = mariadb.start_mariadb(servers_directory / "mariadb")
    yield server
    server.stop()


@pytest.fixture
def own_server(servers_directory: Path) -> Iterator[Callable[..., Server]]:
    """`own_server(**options of start_server)`: a server for one test that stops, restarts or fills it."""
    started: list[Server] = []

    def start(**options: Any) -> Server:
        started.append(start_server(servers_directory / f"own-{uuid4().hex[:8]}", **options))
        return started[-1]

    yield start
    for server in started:
        server.stop("immediate")
        shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture
def fresh_database() -> Iterator[Callable[..., Endpoint]]:
    """`fresh_database(server, name=None, engine="postgresql")`: an empty database (or a copy of `template`), dropped
    when the test ends."""
    made: list[tuple[Server, str]] = []

    def make(
        server: Server, name: str | None = None, *, engine: str = "postgresql", template: str = "template0"
    ) -> Endpoint:
        database = name or f"test_{uuid4().hex[:12]}"
        copied = f"CREATE DATABASE {Identifier(database).sql} TEMPLATE {Identifier(template).sql}"
        drive.execute(server.endpoint(), copied)
        made.append((server, database))
        return dataclasses.replace(server.endpoint(database), engine=engine)

    yield make
    for server, database in made:
        if server.running:
            _drop(server, database)


def _drop(server: Server, database: str) -> None:
    with drive.connect(server.endpoint()) as connection:
        slots = "FROM pg_replication_slots WHERE database = %s"
        connection.execute(f"SELECT pg_terminate_backend(active_pid) {slots} AND active", [database])
        connection.execute(f"SELECT pg_drop_replication_slot(slot_name) {slots} AND NOT active", [database])
        connection.execute(f"DROP DATABASE IF EXISTS {Identifier(database).sql} WITH (FORCE)".encode())


@pytest.fixture
def run_cli() -> Callable[..., Any]:
    """The real command in a process of its own: see tests/drive.py."""
    return drive.run_cli


@pytest.fixture
def fetch() -> Callable[..., list[tuple[Any, ...]]]:
    """`fetch(endpoint, sql, parameters=None)`: the rows, read by a connection of the test's own."""
    return drive.fetch
