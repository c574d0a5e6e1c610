"""`next --until` on a pipelined migration: export and import at once, one Ctrl-C, one answer, one exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import locked, overlapping_batches, snapshot, unmatched_batches
from tests.faults.trial import Staged, Trial, staged
from tests.states import expire_leases
from voyager.embedded import Server

SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT n, repeat('x', 90) FROM generate_series(1, 60000) n;
CREATE TABLE other (id int PRIMARY KEY, t text);
INSERT INTO other SELECT n, 'row ' || n FROM generate_series(1, 3000) n;
"""


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("both")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_SCHEMA", workflow="pipelined") as found:
        yield found


@pytest.fixture
def migration(stage: Staged) -> Trial:
    return stage.after("IMPORT_SCHEMA")


def assert_every_row_once(migration: Trial) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []
    assert overlapping_batches(migration.target) == []


def wait_until(reached: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def exporter(migration: Trial) -> int:
    """The process that holds the lease of the export."""
    sql = "SELECT pid FROM ybvoyager.leases WHERE phase = 'EXPORT_DATA' AND expires_at > clock_timestamp()"
    rows = drive.fetch(migration.target, sql)
    return int(rows[0][0]) if rows else 0


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_one_command_runs_both_and_one_document_tells_of_both(migration: Trial) -> None:
    document = migration.document("next", "--until", "IMPORT_DATA")
    assert [one["phase"] for one in document["ran"]] == ["EXPORT_DATA", "IMPORT_DATA"]
    assert document["ran"][0]["summary"]["rows"] == 63_000
    assert document["next"]["phase"] == "VERIFY"
    assert_every_row_once(migration)


@pytest.mark.slow
def test_people_are_told_of_both_and_run_on_to_what_they_named(migration: Trial) -> None:
    done = migration.attempt("next", "--until", "VERIFY")
    assert "Export Data and Import Data, at the same time" in done.stderr
    assert "Export Data: Exported 63,000 rows" in done.stderr
    assert "Loaded 63,000 rows" in done.stdout
    assert migration.state("VERIFY") == "COMPLETED"


@pytest.mark.slow
def test_until_export_data_runs_the_export_alone(migration: Trial) -> None:
    migration.attempt("next", "--until", "EXPORT_DATA")
    assert migration.state("EXPORT_DATA") == "COMPLETED"
    assert migration.state("IMPORT_DATA") == "NOT_STARTED"


@pytest.fixture
def held(migration: Trial) -> Iterator[tuple[Trial, subprocess.Popen[str], int]]:
    """Both run, and neither can end: a table of the source is locked."""
    with locked(migration.source, "other"):
        process = migration.start("next", "--until", "VERIFY")
        wait_until(lambda: migration.state("IMPORT_DATA") == "IN_PROGRESS" and exporter(migration) > 0)
        child = exporter(migration)
        assert child != process.pid
        yield migration, process, child
    if process.poll() is None:
        process.kill()
        process.communicate()
    wait_until(lambda: is_gone(child))
    wait_until(lambda: exporter(migration) == 0)
    # Who was killed had the import.
    expire_leases(migration.target)
    migration.until("VERIFY")
    assert_every_row_once(migration)


Held = tuple[Trial, subprocess.Popen[str], int]


@pytest.mark.slow
def test_one_signal_stops_both_at_a_safe_point(held: Held) -> None:
    migration, process, child = held
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert is_gone(child)
    assert migration.state("EXPORT_DATA") == "IN_PROGRESS"


@pytest.mark.slow
def test_the_export_does_not_outlive_a_command_that_was_killed(held: Held) -> None:
    _, process, child = held
    process.kill()
    process.communicate()
    wait_until(lambda: is_gone(child))


@pytest.mark.slow
def test_an_export_that_dies_ends_the_command_with_what_to_do(held: Held) -> None:
    migration, process, child = held
    os.kill(child, signal.SIGKILL)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "The process of Export Data ended with -9" in errors
    assert migration.document("next")["next"]["kind"] in ("resume", "wait")


@pytest.mark.slow
def test_an_error_of_the_export_is_the_answer(migration: Trial) -> None:
    drive.execute(migration.source, "ALTER TABLE other RENAME TO elsewhere")
    try:
        # Nothing is exported yet: the export begins and finds a table that the target has no place for.
        failed = migration.attempt(
            "next", "--until", "VERIFY", "--output", "json", env={"YB_VOYAGER_OUTPUT": ""}, code=4
        )
    finally:
        drive.execute(migration.source, "ALTER TABLE elsewhere RENAME TO other")
    error = json.loads(failed.stdout)["error"]
    assert "elsewhere" in error["message"]
    assert error["kind"] == "BlockersFound"
