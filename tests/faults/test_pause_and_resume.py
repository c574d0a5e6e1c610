"""Pause, resume and set by the real commands, while other processes run, are killed, and are started again."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import drive
from tests.door import Door, shut_door
from tests.faults.driver import LEASE_SECONDS, Migration, Stages, wait_until
from tests.states import expire_leases
from voyager.embedded import Server

SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT i, repeat('x', 90) FROM generate_series(1, 12000) i;
ANALYZE;
"""
# A part of 64 kB has some 500 rows: those of the first few pass, then none.
HELD = "id > 2000 AND id % 100 = 0"
CONTENT = "SELECT count(*), sum(id::bigint), sum(hashtextextended(filler, 0)) FROM public.big"
LOADING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


@pytest.fixture(scope="module")
def stages(source_server: Server, target_server: Server) -> Iterator[Stages]:
    """A migration whose data is exported."""
    base, suffix = Path(tempfile.mkdtemp(prefix="yb-voyager-pause-")), uuid4().hex[:8]
    names = {"source": source_server, "target": target_server}
    for name, server in names.items():
        drive.execute(server.endpoint(), f"CREATE DATABASE pause_{name}_{suffix} TEMPLATE template0")
    ends = [server.endpoint(f"pause_{name}_{suffix}") for name, server in names.items()]
    made = Stages(Migration(*ends, base / "export dir"), target_server, base / "copies")
    try:
        drive.execute(ends[0], SOURCE)
        made.migration.run("init")
        made.migration.run("next", "--until", "IMPORT_SCHEMA")
        made.migration.run("export", "data", "--chunk-size", "64kB")
        made.copies.mkdir()
        made.save("exported")
        yield made
    finally:
        made.drop()
        for name, server in names.items():
            drive.execute(server.endpoint(), f"DROP DATABASE IF EXISTS pause_{name}_{suffix} WITH (FORCE)")
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def migration(stages: Stages) -> Migration:
    stages.restore("exported")
    return stages.migration


def asked(migration: Migration, *words: object, code: int = 0) -> dict[str, Any]:
    looks = words[0] in ("status", "history")
    done = drive.run_cli(
        *migration.command(*words)[: -1 if looks else None],
        "--output",
        "json",
        env=migration.environment,
        cwd=migration.export_dir.parent,
    )
    assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def loading(migration: Migration) -> int:
    return int(drive.fetch(migration.target, LOADING, ["yb-voyager import data"])[0][0])


def lease_of(migration: Migration) -> list[tuple[Any, ...]]:
    sql = "SELECT token, expires_at > clock_timestamp() FROM ybvoyager.leases WHERE phase = 'IMPORT_DATA'"
    return drive.fetch(migration.target, sql)


@contextmanager
def started(migration: Migration) -> Iterator[tuple[subprocess.Popen[str], Door]]:
    """An import that has loaded some parts, and whose two workers stand before a door with the next ones."""
    with shut_door(migration.target, "public.big", HELD) as door:
        process = migration.start("import", "data", "--parallel-jobs", 2)
        try:
            wait_until(lambda: len(door.waiting()) == 2 or process.poll() is not None)
            assert process.poll() is None, process.communicate()
            assert len(migration.batches()) >= 2
            yield process, door
        finally:
            process.kill()
            process.communicate()


def ended_well(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=90)
    assert process.returncode == 0, f"{output}\n{errors}"
    return errors


def assert_every_row_once(migration: Migration) -> None:
    assert drive.fetch(migration.target, CONTENT) == drive.fetch(migration.source, CONTENT)


def test_a_running_import_is_held_shown_and_let_go_by_commands_of_others(migration: Migration) -> None:
    with started(migration) as (process, door):
        held_and_let_go(migration, process, door)


def held_and_let_go(migration: Migration, process: subprocess.Popen[str], door: Door) -> None:
    paused = asked(migration, "pause")
    assert (paused["already"], paused["running"]) == (False, ["IMPORT_DATA"])
    end_what_is_under_way(migration, door)
    there, lease = len(migration.batches()), lease_of(migration)

    status = asked(migration, "status")
    (shown,) = [phase for phase in status["phases"] if phase["phase"] == "IMPORT_DATA"]
    assert (shown["state"], shown["health"]) == ("IN_PROGRESS", "paused")
    assert status["paused"] == paused["paused"]
    assert (status["next"]["kind"], status["next"]["command"]) == ("paused", "migrate resume")
    drawn = drive.run_cli(*migration.command("status")[:-1], env=migration.environment).stdout
    assert "PAUSED" in drawn
    assert "resume with: yb-voyager migrate resume" in drawn
    assert asked(migration, "status", "--check", code=13)["error"]["exit_code"] == 13
    refused = asked(migration, "import", "data", code=5)["error"]
    assert "is paused since" in refused["message"]
    assert "migrate resume" in refused["hint"]
    assert asked(migration, "pause")["already"] is True

    # Longer than the lease: it is kept, and nothing moves.
    time.sleep(LEASE_SECONDS + 1)
    assert lease_of(migration) == lease
    assert lease[0][1] is True
    assert len(migration.batches()) == there
    door.shut()
    assert asked(migration, "set", "parallel-jobs", 5)["running"] == ["IMPORT_DATA"]
    assert asked(migration, "resume")["running"] == ["IMPORT_DATA"]
    wait_until(lambda: loading(migration) == 5)
    door.open()
    errors = ended_well(process)
    assert "Import Data: paused since" in errors
    assert "Import Data: resumed" in errors
    assert_every_row_once(migration)
    told = [event["detail"].get("message") for event in asked(migration, "history")["events"]]
    for message in ("paused", "resumed", "set parallel-jobs 5", "2 workers became 5: set by the operator"):
        assert told.count(message) >= 1, told
    assert migration.state("IMPORT_DATA") == "COMPLETED"
    assert "pace" not in migration.summary("IMPORT_DATA")


def end_what_is_under_way(migration: Migration, door: Door) -> None:
    """Let the workers of a paused import end their batches; they give their connections back."""
    wait_until(lambda: drive.fetch(migration.target, PACE) == [(True,)])
    door.open()
    wait_until(lambda: loading(migration) == 0)


PACE = "SELECT (summary -> 'pace' ->> 'paused') <> '' FROM ybvoyager.migration_state WHERE phase = 'IMPORT_DATA'"


def test_a_paused_import_that_is_killed_starts_again_only_when_it_is_resumed(migration: Migration) -> None:
    with started(migration) as (process, door):
        asked(migration, "pause", "IMPORT_DATA")
        end_what_is_under_way(migration, door)
        there = len(migration.batches())
        process.kill()
        process.communicate()

    assert asked(migration, "import", "data", code=5)["error"]["hint"].startswith(
        "Go on with: yb-voyager migrate resume IMPORT_DATA"
    )
    assert asked(migration, "next", "--run", code=13)["error"]["exit_code"] == 13
    assert len(migration.batches()) == there
    # Until its lease is over the killed one counts as running.
    expire_leases(migration.target)
    resumed = asked(migration, "resume", "IMPORT_DATA")
    assert resumed["next"]["command"] == "migrate import data"
    assert "yb-voyager migrate import data" in resumed["headline"]
    assert asked(migration, "resume")["already"] is True
    migration.run("import", "data")
    assert_every_row_once(migration)


@pytest.mark.slow
def test_what_is_paused_or_set_while_nothing_runs_counts_for_what_starts_later(migration: Migration) -> None:
    assert asked(migration, "pause", "--dry-run")["dry_run"] is True
    assert asked(migration, "status")["paused"] == []
    paused = asked(migration, "pause")
    assert (paused["running"], paused["already"]) == ([], False)
    assert asked(migration, "resume", "IMPORT_DATA", code=5)["error"]["hint"].endswith("migrate resume")
    asked(migration, "import", "data", code=5)
    assert migration.state("IMPORT_DATA") == "NOT_STARTED"
    asked(migration, "resume")
    set_ = asked(migration, "set", "parallel-jobs", 3)
    assert (set_["phases"], set_["value"], set_["running"]) == (["IMPORT_DATA"], 3, [])
    assert asked(migration, "set", "paralel-jobs", 3, code=2)["error"]["hint"].startswith("Did you mean parallel-jobs?")
    asked(migration, "set", "adaptive-parallelism", "fast", code=2)
    asked(migration, "set", "parallel-jobs", 3, "VERIFY", code=2)
    migration.run("import", "data")
    options = "SELECT settings -> 'options' -> 'IMPORT_DATA' ->> 'parallel_jobs' FROM ybvoyager.migrations"
    assert drive.fetch(migration.target, options) == [("3",)]
    assert_every_row_once(migration)
    assert "COMPLETED already" in asked(migration, "set", "parallel-jobs", 2, code=5)["error"]["message"]
