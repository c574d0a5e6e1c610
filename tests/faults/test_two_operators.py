"""Two operators start the same command: one works, the other is told who does; a stopped one writes nothing more."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import LEASE_SECONDS, locked, overlapping_batches, snapshot, unmatched_batches, wait_until
from tests.faults.trial import Staged, Trial, staged, trial
from tests.states import database
from voyager.embedded import Server
from voyager.endpoint import Endpoint

SOURCE = """
CREATE TABLE a (id serial PRIMARY KEY, t text);
INSERT INTO a (t) SELECT 'row ' || n FROM generate_series(1, 30000) n;
CREATE INDEX a_t ON a (t);
CREATE TABLE b (id int, t text);
INSERT INTO b SELECT n, 'row' FROM generate_series(1, 40000) n;
CREATE INDEX b_t ON b (t);
"""


@pytest.fixture(scope="module")
def migrations(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("operators")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_SCHEMA", "EXPORT_DATA") as one:
        yield one


def test_of_two_equal_commands_one_runs_and_the_other_names_it(
    migrations: Staged, target_server: Server, tmp_path: Path
) -> None:
    """A table is held so that whoever is first is still at work when the other asks."""
    with database(target_server) as target:
        race_through(trial(migrations.migration.source, target, tmp_path))


def race_through(migration: Trial) -> None:
    both = [migration.start("init"), migration.start("init")]
    outcomes = sorted((process.wait(120), "".join(process.communicate())) for process in both)
    assert outcomes[0][0] == 0, outcomes
    assert outcomes[1][0] in (2, 5), outcomes
    assert "active" in outcomes[1][1]
    race(migration, ("export", "schema"), migration.source)
    migration.until("IMPORT_SCHEMA")
    race(migration, ("export", "data"), migration.source)
    race(migration, ("import", "data"), migration.target)
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []


def race(migration: Trial, words: tuple[str, ...], end: Endpoint) -> None:
    # One that got no processor for a while is still the one who runs it.
    migration.extra["YB_VOYAGER_LEASE_SECONDS"] = "120"
    with locked(end, "public.b"):
        both = [migration.start(*words), migration.start(*words)]
        wait_until(lambda: any(process.poll() is not None for process in both))
        loser, winner = sorted(both, key=lambda process: process.poll() is None)
        _, told = loser.communicate()
        assert loser.returncode == 6, told
        assert str(winner.pid) in told, told
        assert winner.poll() is None
    output, errors = winner.communicate(timeout=120)
    assert winner.returncode == 0, output + errors


def test_an_importer_that_was_stopped_past_its_lease_writes_nothing_more(migrations: Staged) -> None:
    migration = migrations.after("EXPORT_DATA")
    # Whether b is empty may be asked; no row gets in.
    with stopped(
        migration, ("import", "data"), at=lambda: committed(migration) and waiting(migration, "COPY"), mode="SHARE"
    ) as former:
        done = migration.attempt("import", "data")
        mine = drive.fetch(migration.target, "SELECT * FROM ybvoyager.import_batches ORDER BY 1, 2")
        rows, state = snapshot(migration.target), migration.state("IMPORT_DATA")
    assert former.returncode == 6, done.stderr
    assert "taken over" in former.told
    assert drive.fetch(migration.target, "SELECT * FROM ybvoyager.import_batches ORDER BY 1, 2") == mine
    assert snapshot(migration.target) == rows
    assert migration.state("IMPORT_DATA") == state == "COMPLETED"
    assert snapshot(migration.target) == snapshot(migration.source)
    assert overlapping_batches(migration.target) == []
    assert unmatched_batches(migration.target) == []


def test_an_importer_that_was_stopped_in_its_ddl_executes_no_further_statement(migrations: Staged) -> None:
    """Nothing ties DDL to the lease but the look at it between two statements."""
    migration = migrations.after("EXPORT_DATA")
    with stopped(
        migration,
        ("import", "data", "--parallel-jobs", "1"),
        at=lambda: waiting(migration, "CREATE INDEX"),
        mode="ROW EXCLUSIVE",
    ) as former:
        # Its statement goes on without it, in a transaction that the successor ends.
        wait_until(lambda: not waiting(migration, "CREATE INDEX"))
        migration.attempt("import", "data")
        statements = "SELECT * FROM ybvoyager.schema_statements ORDER BY 1"
        journal = drive.fetch(migration.target, statements)
        indexes = (
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index JOIN pg_class c ON c.oid = indrelid "
            "WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        made = drive.fetch(migration.target, indexes)
    assert former.returncode == 6, former.told
    assert drive.fetch(migration.target, statements) == journal
    assert drive.fetch(migration.target, indexes) == made == [("a_pkey", True), ("a_t", True), ("b_t", True)]
    assert {row[0] for row in drive.fetch(migration.target, "SELECT state FROM ybvoyager.schema_statements")} == {
        "done"
    }


@pytest.mark.slow
def test_an_exporter_that_was_stopped_keeps_its_directory_until_it_ends(migrations: Staged) -> None:
    """Files know no lease: the successor is told who has the directory, and the old one finds its lease gone."""
    migration = migrations.after("IMPORT_SCHEMA")
    with locked(migration.source, "public.b"):
        process = migration.start("export", "data")
        wait_until(lambda: migration.state("EXPORT_DATA") == "IN_PROGRESS" and waiting(migration, "", migration.source))
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 0.5)
    told = migration.attempt("export", "data", code=6).stderr
    assert f"process {process.pid}" in told
    os.kill(process.pid, signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 6, errors
    assert list((migration.export_dir / "data").glob("*.manifest.json")) == []
    migration.run("export", "data")
    migration.until("VERIFY")
    assert snapshot(migration.target) == snapshot(migration.source)


class Former:
    """The holder that was stopped, and what became of it."""

    returncode: int | None = None
    told: str = ""


@contextmanager
def stopped(
    migration: Trial, words: tuple[str, ...], *, at: Callable[[], Any], mode: str = "ACCESS EXCLUSIVE"
) -> Iterator[Former]:
    """Start a command, SIGSTOP it at a point where it waits for table b of the target, let its lease run out; after the
    block let it go on to its end."""
    former = Former()
    with drive.connect(migration.target) as holder, holder.transaction():
        holder.execute(f"LOCK TABLE public.b IN {mode} MODE".encode())
        process: subprocess.Popen[str] = migration.start(*words)
        try:
            wait_until(at)
            os.kill(process.pid, signal.SIGSTOP)
        except BaseException:
            process.kill()
            raise
    time.sleep(LEASE_SECONDS + 0.5)
    try:
        yield former
    finally:
        os.kill(process.pid, signal.SIGCONT)
        output, errors = process.communicate(timeout=120)
        former.returncode, former.told = process.returncode, output + errors


def committed(migration: Trial) -> bool:
    return drive.fetch(migration.target, "SELECT 1 FROM ybvoyager.import_batches LIMIT 1") != []


def waiting(migration: Trial, statement: str, end: Endpoint | None = None) -> bool:
    sql = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() "
        "AND query ILIKE %s"
    )
    return drive.fetch(end or migration.target, sql, [f"%{statement}%"]) != []
