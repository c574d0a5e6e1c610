"""Import beside export: chunks are loaded as they come, and every row is there once whatever is killed when."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from tests import drive
from tests.door import Door, shut_door
from tests.faults.driver import overlapping_batches, snapshot, unmatched_batches, wait_until
from tests.faults.trial import Staged, Trial, staged
from tests.scrape import asked
from tests.unit.test_metrics import parsed, value
from voyager.embedded import Server

# No key: a row loaded twice would stay.
SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT n, repeat('x', 90) FROM generate_series(1, 120000) n;
CREATE TABLE other (id int PRIMARY KEY, t text);
INSERT INTO other SELECT n, 'row ' || n FROM generate_series(1, 30000) n;
CREATE TABLE child (id int PRIMARY KEY, o int REFERENCES other);
INSERT INTO child SELECT n, n FROM generate_series(1, 5000) n;
CREATE TABLE empty (a int);
"""
# A row of each part of the second half.
HALF_WAY = "id > 60000 AND id % 500 = 0"
SMALL_PARTS = ("--chunk-size", "200KB", "--parallel-jobs", "1")
ROOM = ("--max-disk", "1GB")


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    with staged(
        source_server,
        target_server,
        tmp_path_factory.mktemp("pipelined"),
        SOURCE,
        "IMPORT_SCHEMA",
        workflow="pipelined",
    ) as found:
        yield found


@pytest.fixture
def migration(stage: Staged) -> Trial:
    return stage.after("IMPORT_SCHEMA")


def assert_every_row_once(migration: Trial) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []
    assert overlapping_batches(migration.target) == []


@pytest.mark.slow
def test_both_run_at_the_same_time_and_every_row_is_there_once(migration: Trial) -> None:
    export = migration.start("export", "data", *SMALL_PARTS)
    wait_until(lambda: migration.state("EXPORT_DATA") != "NOT_STARTED")
    load = migration.start("import", "data")
    said = load.communicate(timeout=120)
    assert load.returncode == 0, said
    assert export.wait(timeout=60) == 0
    export.communicate()
    assert_every_row_once(migration)
    assert migration.document("next")["next"]["phase"] == "VERIFY"


ROW_BEYOND = "UPDATE big SET filler = filler || 'y' WHERE id % 10 = 0"
"""Moves rows of all parts that are read into parts that are not, and back."""


@pytest.mark.parametrize("discard", [pytest.param((), marks=pytest.mark.slow), ("--discard-loaded",)])
def test_a_table_that_is_read_anew_after_half_of_it_was_loaded_is_emptied_first(
    migration: Trial, discard: tuple[str, ...]
) -> None:
    cut_off_in_the_middle(migration)
    load = migration.start("import", "data", *discard)
    wait_until(lambda: loaded(migration) == parts(migration) > 0)
    drive.execute(migration.source, ROW_BEYOND)
    migration.run("export", "data", *SMALL_PARTS, *ROOM)
    _, errors = load.communicate(timeout=120)
    assert load.returncode == 0, errors
    assert "public.big is read anew by the export" in errors
    assert_every_row_once(migration)
    assert migration.summary("EXPORT_DATA")["mixed_tables"] == []


@pytest.mark.parametrize("emptied", [pytest.param(False, marks=pytest.mark.slow), True])
def test_an_import_that_was_away_meanwhile_finds_out_by_the_ledger(migration: Trial, emptied: bool) -> None:
    """`emptied`: killed in between, the table is empty and the ledger does not know it yet."""
    cut_off_in_the_middle(migration)
    load = migration.start("import", "data", "--discard-loaded")
    wait_until(lambda: loaded(migration) == parts(migration) > 0)
    kill(load)
    drive.execute(migration.source, ROW_BEYOND)
    migration.run("export", "data", *SMALL_PARTS, *ROOM)
    if emptied:
        drive.execute(migration.target, "TRUNCATE big")
    done = migration.run("import", "data")
    assert "public.big is read anew by the export" in done.stderr
    assert_every_row_once(migration)


def cut_off_in_the_middle(migration: Trial) -> None:
    """Kill an export when some parts of its largest table are finished, and not all."""
    # For more parts it waits until somebody makes room.
    export = migration.start("export", "data", *SMALL_PARTS, "--max-disk", "2MB", "--wait-for-import", "600")
    wait_until(lambda: parts(migration) >= 5)
    kill(export)
    assert 5 <= parts(migration) < 40


def parts(migration: Trial) -> int:
    return len(list((migration.export_dir / "data").glob("*.manifest.json")))


def loaded(migration: Trial) -> int:
    return int(drive.fetch(migration.target, "SELECT count(DISTINCT chunk_id) FROM ybvoyager.import_batches")[0][0])


@pytest.mark.slow
def test_an_import_without_an_export_says_so_and_ends(migration: Trial) -> None:
    refused = migration.document("import", "data", code=5)["error"]
    assert "runs beside Export Data" in " ".join(refused["details"])
    cut_off_in_the_middle(migration)
    left = migration.document("import", "data", "--wait-for-export", "0.5", code=14)["error"]
    assert "nobody runs it" in left["message"]
    assert f"{parts(migration)} of" in left["message"]
    assert "export data" in left["hint"]
    assert loaded(migration) == parts(migration)
    status = migration.document("import", "data", "status")
    assert [step["table"] for step in status["steps"]] == ["exported parts"]
    [big] = [table for table in status["tables"] if table["table"] == "big"]
    assert big["chunks_done"] == parts(migration) < big["chunks_total"]
    assert (big["rows_total"], big["rate"]) == (None, None)
    assert big["rows_done"] == int(drive.fetch(migration.target, "SELECT count(*) FROM big")[0][0])
    assert migration.document("export", "data", "status")["health"] == "stopped"
    # The import keeps what it has loaded: with the room that the export was given first, both would wait.
    migration.run("export", "data", *ROOM)
    migration.run("next", "--until", "IMPORT_DATA")
    assert_every_row_once(migration)
    for line in (("export", "data", "status"), ("import", "data", "status")):
        done = migration.document(*line)["totals"]
        assert (done["rows_done"], done["chunks_done"]) == (155_000, done["chunks_total"])


def test_prometheus_is_told_of_an_import_that_waits_and_its_port_is_free_afterwards(migration: Trial) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        refused = migration.document("export", "data", "--metrics-port", port, code=2)["error"]
    assert f"127.0.0.1:{port}" in refused["message"]
    assert migration.state("EXPORT_DATA") == "NOT_STARTED"
    cut_off_in_the_middle(migration)
    load = migration.start("import", "data", "--metrics-port", port)
    waits = {"step": "exported parts", "status": "WAITING"}
    wait_until(lambda: load.poll() is not None or 'status="WAITING"' in asked(port))
    families = parsed(asked(port))
    there = drive.fetch(migration.target, "SELECT count(*) FROM big")
    load.send_signal(signal.SIGINT)
    _, errors = load.communicate(timeout=60)
    assert load.returncode == 130, errors
    assert value(families, "yb_voyager_step_done", phase="IMPORT_DATA", **waits) == parts(migration)
    assert value(families, "yb_voyager_table_rows_done", schema="public", table="big") == there[0][0] > 0
    assert value(families, "yb_voyager_parts_done", migration="faults") == parts(migration)
    assert asked(port) == ""


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_whichever_is_killed_whenever_every_row_is_there_once(migration: Trial, seed: int) -> None:
    killed_at_random(migration, seed=seed, rounds=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_more_random_kills(migration: Trial, seed: int) -> None:
    killed_at_random(migration, seed=100 + seed, rounds=8)


def killed_at_random(migration: Trial, *, seed: int, rounds: int) -> None:
    """Kill one side or both when they came a little further, write the source in between, let both end; then judge."""
    chance, written = random.Random(seed), 0
    versions = [snapshot(migration.source)]
    sides = {"EXPORT_DATA": ("export", "data", *SMALL_PARTS), "IMPORT_DATA": ("import", "data")}
    if chance.random() < 0.5:
        sides["IMPORT_DATA"] += ("--discard-loaded",)
    running: dict[str, subprocess.Popen[str]] = {}
    for number in range(rounds):
        killed = chance.choice((["EXPORT_DATA"], ["IMPORT_DATA"], list(sides)))
        # The first time the import cannot come to its end, however quick both are.
        with contextlib.nullcontext() if number else shut_door(migration.target, "public.big", HALF_WAY) as door:
            before = start_what_is_not_running(migration, sides, running)
            wait_until(partial(has_come, migration, before + chance.randint(0 if number else 4, 12), running))
            time.sleep(chance.uniform(0.0, 0.1))
            if door is not None:
                load = running["IMPORT_DATA"]
                wait_until(partial(waits_or_ended, door, load))
                load.send_signal(signal.SIGSTOP)
                assert (load.poll(), migration.state("IMPORT_DATA")) == (None, "IN_PROGRESS")
                killed = ["IMPORT_DATA", *killed]
            for phase in killed:
                if phase in running:
                    kill(running[phase])
        if chance.random() < 0.7:
            written += 1
            drive.execute(migration.source, f"UPDATE big SET filler = filler || 'y' WHERE id % 1000 = {written}")
            drive.execute(migration.source, f"INSERT INTO other SELECT 1000000 + {seed} * 100 + {written}, 'late'")
            versions.append(snapshot(migration.source))
    start_what_is_not_running(migration, sides, running)
    for phase, process in running.items():
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, f"{phase} ended with {process.returncode}:\n{output}\n{errors}"
    assert_each_table_is_as_it_once_was(migration, versions)


def waits_or_ended(door: Door, load: subprocess.Popen[str]) -> bool:
    return door.waiting() != [] or load.poll() is not None


def start_what_is_not_running(
    migration: Trial, sides: dict[str, tuple[str, ...]], running: dict[str, subprocess.Popen[str]]
) -> int:
    """Start what is not completed, and say how far both have come."""
    for phase, line in sides.items():
        over = phase not in running or running[phase].poll() is not None
        if over and migration.state(phase) != "COMPLETED":
            running[phase] = migration.start(*line)
        elif over:
            running.pop(phase, None)
        wait_until(lambda: migration.state("EXPORT_DATA") != "NOT_STARTED")
    return progress(migration)


def has_come(migration: Trial, further: int, running: dict[str, subprocess.Popen[str]]) -> bool:
    return progress(migration) >= further or all(one.poll() is not None for one in running.values())


def progress(migration: Trial) -> int:
    """Parts that are exported, and batches that are loaded."""
    batches = drive.fetch(migration.target, "SELECT count(*) FROM ybvoyager.import_batches")
    return parts(migration) + int(batches[0][0])


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def assert_each_table_is_as_it_once_was(migration: Trial, versions: Sequence[dict[str, tuple[int, str]]]) -> None:
    """An export that was cut off may be mixed: tables of different moments, but each of one moment."""
    target = snapshot(migration.target)
    assert target.keys() == versions[0].keys()
    for table, rows in target.items():
        assert rows in [version[table] for version in versions], f"{table} is as it never was"
    assert unmatched_batches(migration.target) == []
    assert overlapping_batches(migration.target) == []


def test_an_import_beside_a_stream_waits_for_its_end_and_does_what_follows(migration: Trial) -> None:
    # The stream is not over before the import beside it has begun.
    with shut_door(migration.target, "public.big", HALF_WAY):
        export = migration.start("export", "data", "--stream", *SMALL_PARTS)
        wait_until(lambda: migration.state("EXPORT_DATA") != "NOT_STARTED")
        load = migration.start("import", "data")
        wait_until(lambda: migration.state("IMPORT_DATA") == "IN_PROGRESS" or load.poll() is not None)
    said = load.communicate(timeout=120)
    assert load.returncode == 0, said
    assert export.wait(timeout=60) == 0
    export.communicate()
    assert_every_row_once(migration)
    assert migration.summary("EXPORT_DATA")["streamed"]
    assert list((migration.export_dir / "data").glob("*_data.sql")) == []
    foreign_keys = drive.fetch(migration.target, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'")
    assert foreign_keys == [(1,)]
