"""What `migrate import file` has in memory: a bound on all of it together, however wide rows are and whoever waits."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import locked, wait_until
from tests.file_import import uri
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.phases.files.flight import IN_FLIGHT

FILES = 4
BESIDE = 24 << 20
"""What the driver, what is sent and what the allocator keeps may come to, beside what is counted."""
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_of(process: subprocess.Popen[str]) -> int:
    """The most memory that a process has had, 0 when it is gone."""
    try:
        found = _PEAK.search(Path(f"/proc/{process.pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


def loaded(target: Endpoint, directory: Path, *given: object, hold: float = 0.0) -> int:
    """Load all files of a directory by several workers, which find the table locked for so many seconds after they
    came to it; returns the process's peak."""
    words = ["--data-dir", directory, "--file-table-map", "*.csv:wide", "--parallel-jobs", 4, *given]
    name = ["--migration-name", directory.name, "--export-dir", directory.parent / f"export {directory.name}"]
    environment, peak = {"YB_VOYAGER_TARGET_DB_URI": uri(target)}, 0
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"
    with locked(target, "wide", "SHARE"):
        process = drive.start_cli("migrate", "import", "file", *name, *words, "--yes", env=environment)
        try:
            wait_until(lambda: not hold or process.poll() is not None or drive.fetch(target, waiting) != [])
            time.sleep(hold)
        except BaseException:
            process.kill()
            raise
    while process.poll() is None:
        peak = max(peak, peak_of(process))
        time.sleep(0.005)
    told = process.communicate()
    assert process.returncode == 0, told
    return peak


def write(directory: Path, text: bytes, *, files: int = FILES) -> None:
    """The same text in several files, which takes the disk's room once."""
    directory.mkdir()
    (directory / "0.csv").write_bytes(text)
    for number in range(1, files):
        os.link(directory / "0.csv", directory / f"{number}.csv")


@pytest.mark.parametrize(
    ("row", "rows", "beyond", "given"),
    [
        pytest.param(100_000, 320, 0, (), id="wide rows at the default batch size"),
        pytest.param(3_000_000, 11, 0, (), id="rows of megabytes", marks=pytest.mark.slow),
        pytest.param(100_000, 320, 0, ("--encoding", "latin1"), id="another encoding", marks=pytest.mark.slow),
        pytest.param(20_000_000, 2, 40_000_000, (), id="rows that are larger than a batch", marks=pytest.mark.slow),
    ],
)
def test_what_is_in_memory_is_bounded_for_all_readers_and_workers_together(
    target_server: Server,
    fresh_database: Callable[..., Any],
    tmp_path: Path,
    row: int,
    rows: int,
    beyond: int,
    given: tuple[str, ...],
) -> None:
    target = fresh_database(target_server)
    drive.execute(target, "CREATE TABLE wide (id int, body text)")
    write(tmp_path / "little", b"0,x\n")
    start = loaded(target, tmp_path / "little")
    text = b"".join(b"%d,%s\n" % (number, b"x" * row) for number in range(rows))
    assert FILES * len(text) > 1.2 * (IN_FLIGHT + BESIDE + beyond)
    write(tmp_path / "much", text)
    drive.execute(target, "TRUNCATE wide")
    peak = loaded(target, tmp_path / "much", *given, hold=1.0)
    judge = "SELECT id, count(*), min(length(body)), max(length(body)) FROM wide GROUP BY id ORDER BY id"
    assert drive.fetch(target, judge) == [(number, FILES, row, row) for number in range(rows)]
    assert start > 0
    assert peak - start < IN_FLIGHT + BESIDE + beyond, f"{start / 2**20:.0f} MB, then {peak / 2**20:.0f} MB"
