"""A standby can be the source: what it cannot do is known, and what it does not hold is named."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from voyager.embedded import Server, start_server
from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.sources.postgresql.source import PostgresSource


@pytest.fixture(scope="module")
def standby(servers_directory: Path) -> Iterator[Server]:
    """A streaming copy of a small primary with an unlogged table and sequences."""
    with start_server(servers_directory / "primary", trust=True) as primary:
        drive.execute(
            primary.endpoint(),
            """
            CREATE TABLE t (id serial); INSERT INTO t DEFAULT VALUES; CREATE SEQUENCE never;
            CREATE UNLOGGED TABLE u (id serial); ALTER SEQUENCE u_id_seq SET UNLOGGED;
            """,
        )
        directory = servers_directory / "standby"
        directory.mkdir(mode=0o755)
        account = primary.account
        if account is not None:
            import os

            os.chown(directory, account.pw_uid, account.pw_gid)
        subprocess.run(
            [str(primary.binaries / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres",
             "-D", str(directory / "data"), "-R", "-c", "fast"],
            check=True, capture_output=True, cwd="/",
            **({} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}),
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        copy = replace(primary, directory=directory, port=port, process=None)
        copy.start()
        yield copy
        copy.stop()


@pytest.fixture
def source(standby: Server) -> Iterator[PostgresSource]:
    source = PostgresSource(standby.endpoint())
    yield source
    source.close()


def test_a_standby_is_known_for_what_it_is(source: PostgresSource) -> None:
    found = source.probe()
    assert found.read_only_standby
    assert not found.write_counters
    assert source.write_counters([TableName("public", "t")]) is None


def test_its_catalog_is_read_without_what_only_the_primary_holds(source: PostgresSource) -> None:
    catalog = source.read_catalog()
    assert {table.name.name for table in catalog.tables} == {"t", "u"}
    positions = {sequence.name.name: sequence.last_value for sequence in catalog.sequences}
    assert positions == {"t_id_seq": 1, "never": None, "u_id_seq": None}
    assert [(d.name, d.reason) for d in catalog.not_migrated if d.name != "database postgres"] == [
        ("public.u_id_seq", "it is unlogged and the source is a standby")
    ]


def test_the_guardrails_name_the_unlogged_tables(source: PostgresSource) -> None:
    found = {check.id: check for check in source.preflight("EXPORT_DATA")}
    assert "public.u" in found["source_standby_unlogged"].finding
    assert found["source_standby_unlogged"].severity == "error"
    assert found["source_standby"].severity == "warning"
    assert "source_standby" not in {check.id for check in source.preflight("EXPORT_SCHEMA")}


def test_its_schema_and_its_rows_can_be_read(source: PostgresSource) -> None:
    assert "CREATE TABLE public.t" in source.export_ddl(owners=False, grants=False, comments=True)
    table = source.read_catalog().table(TableName("public", "t"))

    async def rows() -> bytes:
        async with source.open_snapshot([table], 2) as snapshot:
            (part,) = source.plan_chunks(table, 1 << 20)
            async with snapshot.read(table, part) as pieces:
                return b"".join([bytes(piece) async for piece in pieces])

    if not source.probe().exported_snapshots:
        assert asyncio.run(rows()) == b"1\n"
        return
    try:
        assert asyncio.run(rows()) == b"1\n"
    except VoyagerError as error:
        pytest.fail(f"{error}")


def test_a_restarted_standby_is_reached_again(standby: Server, source: PostgresSource) -> None:
    source.read_catalog()
    standby.restart()
    deadline = time.monotonic() + 60
    while True:
        try:
            assert len(source.read_catalog().tables) == 2
            return
        except VoyagerError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
