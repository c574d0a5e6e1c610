"""No room left in export-dir: exit code 10 with path and bytes, nothing torn, and the same command goes on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.data_file import ChunkManifest, ChunkReader
from voyager.embedded import Server
from voyager.endpoint import Endpoint

MEGABYTE = 1 << 20
SOURCE = """
CREATE TABLE first (id int PRIMARY KEY, t text);
INSERT INTO first SELECT n, 'row ' || n FROM generate_series(1, 20000) n;
-- Small as the catalog sees it, so that the look at free space beforehand lets it pass; 16 MB as text.
CREATE TABLE second (id int PRIMARY KEY, t text);
INSERT INTO second SELECT n, repeat('compresses well', 1000) FROM generate_series(1, 1100) n;
"""


@pytest.fixture(scope="module")
def source(source_server: Server) -> Iterator[Endpoint]:
    with database(source_server) as endpoint:
        drive.execute(endpoint, SOURCE)
        yield endpoint


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def migration(source: Endpoint, target_server: Server, tmp_path: Path) -> Iterator[Trial]:
    with database(target_server) as target:
        yield trial(source, target, tmp_path)


def test_a_full_disk_stops_every_phase_and_tears_nothing(migration: Trial, small_disk: Path) -> None:
    migration.export_dir = small_disk / "export dir"
    with full(small_disk):
        assert "0 bytes free" in migration.attempt("init", code=10).stderr
    migration.run("init")
    with full(small_disk):
        assert "No room left" in migration.attempt("export", "schema", code=10).stderr
    migration.until("IMPORT_SCHEMA")
    refused = migration.document("export", "data", "--parallel-jobs", "1", code=10)["error"]
    assert str(small_disk) in refused["message"]
    assert "bytes were to be written" in refused["message"]
    finished = whole_files(migration)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    migration.run("export", "data")
    assert finished.items() <= whole_files(migration).items(), "a finished part was read again"
    migration.run("import", "data")
    with full(small_disk):
        assert "No room left" in migration.attempt("verify", code=10).stderr
    migration.run("verify")
    assert snapshot(migration.target) == snapshot(migration.source)
    assert migration.summary("VERIFY")["clean"] is True
    backup = ("end", "--backup-data-files", "--backup-dir", small_disk / "backup")
    with full(small_disk):
        assert "No room left" in migration.attempt(*backup, code=10).stderr
    migration.run(*backup)
    assert {path.name for path in (small_disk / "backup" / "data").iterdir()} >= {"export.json"}


def test_a_limit_on_the_size_of_files_is_a_full_disk_too(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_SCHEMA")
    line = drive.command_line(*migration.command("export", "data"))
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 4096; exec "$@"', "sh", *line],
        env=drive.clean_environment(migration.environment),
        cwd=migration.export_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 10, done.stderr
    assert "No room left" in done.stderr
    whole_files(migration)
    migration.until("VERIFY")
    assert snapshot(migration.target) == snapshot(migration.source)


def whole_files(migration: Trial) -> dict[str, int]:
    """The finished parts, read and checked to the last byte; asserts that nothing unfinished lies beside them."""
    folder = migration.export_dir / "data"
    found = {}
    for path in folder.glob("*.manifest.json"):
        manifest = ChunkManifest.load(path)
        with ChunkReader(folder, manifest) as reader:
            rows = sum(bytes(piece).count(b"\n") for block in manifest.blocks for piece in reader.pieces(block))
        assert rows == manifest.rows
        found[manifest.chunk_id] = rows
    left = {path.name for path in folder.iterdir()} - {f"{chunk}.manifest.json" for chunk in found}
    assert left - {f"{chunk}_data.sql" for chunk in found} <= {"export.json", "sequences.json"}
    return found


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill a file system to its last byte for a while."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()
