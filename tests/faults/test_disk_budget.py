"""A budget of the disk: an export waits for the import that makes room, or ends with what to do; nothing is torn."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.driver import overlapping_batches, snapshot, unmatched_batches
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

MEGABYTE = 1 << 20
# No key: a row loaded twice would stay. 24 MB as text.
SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT n, repeat(md5(n::text), 7) FROM generate_series(1, 100000) n;
CREATE TABLE other (id int PRIMARY KEY, t text);
INSERT INTO other SELECT n, 'row ' || n FROM generate_series(1, 1000) n;
"""
EXPORT = ("export", "data", "--chunk-size", "1MB", "--parallel-jobs", "2")


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("budget")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_SCHEMA", workflow="pipelined") as found:
        yield found


@pytest.fixture
def migration(stage: Staged) -> Trial:
    return stage.after("IMPORT_SCHEMA")


def taken(migration: Trial) -> int:
    """Bytes of data files, finished and unfinished."""
    sizes = []
    for path in (migration.export_dir / "data").glob("*_data.sql"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return sum(sizes)


def most_taken(migration: Trial, *running: subprocess.Popen[str]) -> int:
    """The most that was seen while processes ran to their end."""
    most = 0
    while any(process.poll() is None for process in running):
        most = max(most, taken(migration))
        time.sleep(0.02)
    return most


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, f"ended with {process.returncode}:\n{output}\n{errors}"
    return errors


def begun(migration: Trial, phase: str) -> None:
    while migration.state(phase) == "NOT_STARTED":
        time.sleep(0.05)


def assert_every_row_once(migration: Trial) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []
    assert overlapping_batches(migration.target) == []


@pytest.mark.slow
def test_an_export_waits_at_its_limit_until_the_import_beside_it_has_made_room(migration: Trial) -> None:
    export = migration.start(*EXPORT, "--max-disk", "5MB")
    begun(migration, "EXPORT_DATA")
    while taken(migration) < 3 * MEGABYTE:
        time.sleep(0.02)
    load = migration.start("import", "data", "--discard-loaded")
    most = most_taken(migration, export, load)
    said = ended(export)
    ended(load)
    assert "Waiting for import data --discard-loaded" in said
    assert 3 * MEGABYTE < most <= 5 * MEGABYTE
    assert taken(migration) == 0
    assert_every_row_once(migration)
    # Everything after it knows that the files are gone.
    status = migration.document("import", "data", "status")
    assert status["state"] == "COMPLETED"
    again = migration.attempt("import", "data")
    assert "removed, for their rows are in" in again.stdout + again.stderr
    refused = migration.document("import", "data", "--start-clean", code=5)["error"]
    assert "export data --start-clean" in refused["hint"]
    assert_every_row_once(migration)
    migration.run("verify")
    assert migration.summary("VERIFY")["clean"] is True
    migration.run("export", "data", "--start-clean", "--max-disk", "100MB")
    migration.run("import", "data")
    assert_every_row_once(migration)


@pytest.mark.slow
def test_the_end_says_which_data_files_no_backup_has(migration: Trial) -> None:
    migration.run(*EXPORT)
    migration.run("import", "data", "--discard-loaded")
    answer = migration.document("end", "--backup-data-files", "--backup-dir", migration.export_dir.parent / "backup")
    assert any("no backup has them" in line for line in answer["details"])


@pytest.mark.slow
def test_an_export_for_which_nobody_makes_room_ends_with_10_and_goes_on_later(migration: Trial) -> None:
    limited = (*EXPORT, "--max-disk", "5MB", "--wait-for-import", "1")
    alone = migration.document(*limited, code=10)["error"]
    assert "Nobody runs it" in alone["message"]
    assert "--discard-loaded" in alone["hint"]
    before = taken(migration)
    assert 3 * MEGABYTE < before <= 5 * MEGABYTE
    export = migration.start(*EXPORT, "--max-disk", "5MB", "--wait-for-import", "25")
    load = migration.start("import", "data", "--wait-for-export", "1")
    assert "without --discard-loaded" in ended(export, 10)
    assert "nobody runs it" in ended(load, 14)
    load = migration.start("import", "data", "--discard-loaded", "--wait-for-export", "60")
    migration.run(*EXPORT, "--max-disk", "5MB", "--wait-for-import", "60")
    ended(load)
    assert_every_row_once(migration)


@pytest.mark.slow
def test_what_cannot_fit_where_nobody_makes_room_is_refused_before_a_row_is_read(
    source_server: Server, target_server: Server, tmp_path: Path
) -> None:
    with staged(source_server, target_server, tmp_path, SOURCE, "IMPORT_SCHEMA") as found:
        migration = found.after("IMPORT_SCHEMA")
        refused = migration.document(*EXPORT, "--max-disk", "5MB", code=10)["error"]
        assert "--max-disk leaves 5.0 MB" in refused["message"]
        assert taken(migration) == 0
        migration.run(*EXPORT, "--max-disk", "100MB")
        migration.run("import", "data")
        assert_every_row_once(migration)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """`disk(megabytes)`: a file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(megabytes: int) -> Path:
        line = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place]
        if subprocess.run(line, capture_output=True, check=False).returncode != 0:
            pytest.skip("mounting a small file system needs root")
        return place

    yield mount
    if os.path.ismount(place):
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
def test_a_disk_smaller_than_the_data_is_enough_beside_an_import(
    source_server: Server, target_server: Server, tmp_path: Path, disk: Callable[[int], Path]
) -> None:
    with staged(source_server, target_server, tmp_path, SOURCE, "IMPORT_SCHEMA", workflow="pipelined") as found:
        migration = found.after("IMPORT_SCHEMA")
        place = disk(16) / "export dir"
        subprocess.run(["cp", "-r", migration.export_dir, place], check=True)
        migration.export_dir = place
        where = ("--export-dir", place)
        export = migration.start(*EXPORT, *where)
        begun(migration, "EXPORT_DATA")
        load = migration.start("import", "data", "--discard-loaded", *where)
        said = ended(export)
        ended(load)
        assert "Waiting for import data --discard-loaded to make room" in said
        assert_every_row_once(migration)
