"""Servers that crash and come back while a command works: it waits and goes on, or ends with 8 and resumes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import (
    locked,
    overlapping_batches,
    schema_snapshot,
    snapshot,
    unmatched_batches,
    wait_until,
)
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server, start_server

SOURCE = """
CREATE TABLE big (id int PRIMARY KEY, t text);
INSERT INTO big SELECT n, 'row ' || n FROM generate_series(1, 80000) n;
CREATE INDEX big_t ON big (t);
DO $$ BEGIN FOR i IN 1..12 LOOP
    EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, b int REFERENCES big, n int CHECK (n > 0))', i);
    EXECUTE format('INSERT INTO t%s (b, n) SELECT n, n FROM generate_series(1, 500) n', i);
END LOOP; END $$;
ANALYZE;
"""
DOWN_SECONDS = 1.5


@pytest.fixture(scope="module")
def servers(servers_directory: Path) -> Iterator[tuple[Server, Server]]:
    """A source and a target that this module may crash."""
    with (
        start_server(servers_directory / "crashing-source") as source,
        start_server(servers_directory / "crashing-target") as target,
    ):
        yield source, target


@pytest.fixture(scope="module")
def migrations(servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    phases = ("INITIALIZE", "ANALYZE_SCHEMA", "IMPORT_SCHEMA", "EXPORT_DATA", "IMPORT_DATA")
    with staged(*servers, tmp_path_factory.mktemp("crashes"), SOURCE, *phases) as one:
        # A crash forgets how far the tables were written since the last checkpoint.
        drive.execute(one.migration.source, "CHECKPOINT")
        yield one


def crash(server: Server, *, down: float = DOWN_SECONDS) -> None:
    server.stop("immediate")
    time.sleep(down)
    server.start()


def ended(process: subprocess.Popen[str], *codes: int) -> str:
    output, errors = process.communicate(timeout=150)
    assert process.returncode in codes, f"ended with {process.returncode}:\n{output}\n{errors}"
    assert "Traceback" not in errors
    return errors


def test_the_target_crashes_while_the_rows_are_loaded(migrations: Staged, servers: tuple[Server, Server]) -> None:
    migration = migrations.after("EXPORT_DATA")
    # Held until the crash: its rows are not in by then.
    with locked(migration.target, "public.big", "SHARE"):
        process = migration.start("import", "data", "--parallel-jobs", "2", "--batch-size", "20000")
        wait_until(lambda: batches(migration) >= 1)
        crash(servers[1])
    ended(process, 0)
    assert migration.state("IMPORT_DATA") == "COMPLETED"
    assert_equal(migration)


def test_the_target_crashes_and_stays_away_longer_than_the_command_waits(
    migrations: Staged, servers: tuple[Server, Server]
) -> None:
    migration = migrations.after("EXPORT_DATA")
    migration.extra["YB_VOYAGER_OUTAGE_BUDGET"] = "1"
    with locked(migration.target, "public.big", "SHARE"):
        process = migration.start("import", "data", "--parallel-jobs", "2")
        wait_until(lambda: batches(migration) >= 1)
        servers[1].stop("immediate")
    try:
        assert "run the command again" in ended(process, 8)
    finally:
        servers[1].start()
    assert migration.state("IMPORT_DATA") == "IN_PROGRESS"
    migration.run("import", "data")
    assert_equal(migration)


@pytest.mark.parametrize(
    ("phase", "before", "words", "end"),
    [
        pytest.param("EXPORT_SCHEMA", "INITIALIZE", ("export", "schema"), "source", marks=pytest.mark.slow),
        ("IMPORT_SCHEMA", "ANALYZE_SCHEMA", ("import", "schema"), "target"),
        ("EXPORT_DATA", "IMPORT_SCHEMA", ("export", "data", "--chunk-size", "256KB"), "source"),
        ("EXPORT_DATA", "IMPORT_SCHEMA", ("export", "data", "--chunk-size", "256KB"), "target"),
        pytest.param("VERIFY", "IMPORT_DATA", ("verify",), "source", marks=pytest.mark.slow),
        ("VERIFY", "IMPORT_DATA", ("verify",), "target"),
    ],
)
def test_a_server_crashes_during(
    migrations: Staged, servers: tuple[Server, Server], phase: str, before: str, words: tuple[str, ...], end: str
) -> None:
    """Whether the command waits or ends with 8, running it until it is done leaves what an undisturbed one does."""
    migration = migrations.after(before)
    process = migration.start(*words)
    begun: Callable[[], bool] = lambda: migration.state(phase) != "NOT_STARTED"  # noqa: E731
    wait_until(lambda: process.poll() is not None or begun())
    crash(servers[("source", "target").index(end)])
    ended(process, 0, 8)
    if migration.state(phase) != "COMPLETED":
        migration.run(*words)
    migration.until("VERIFY")
    assert migration.summary("VERIFY")["clean"] is True
    assert_equal(migration)


def test_a_source_that_is_away_from_the_start_is_8(migrations: Staged, servers: tuple[Server, Server]) -> None:
    migration = migrations.after("IMPORT_SCHEMA")
    migration.extra["YB_VOYAGER_OUTAGE_BUDGET"] = "1"
    servers[0].stop("fast")
    try:
        assert migration.document("export", "data", code=8)["error"]["message"]
        assert migration.attempt("status")
    finally:
        servers[0].start()


def batches(migration: Trial) -> int:
    return int(drive.fetch(migration.target, "SELECT count(*) FROM ybvoyager.import_batches")[0][0])


def assert_equal(migration: Trial) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert schema_snapshot(migration.target) == schema_snapshot(migration.source)
    assert overlapping_batches(migration.target) == []
    assert unmatched_batches(migration.target) == []
