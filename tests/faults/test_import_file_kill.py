"""`migrate import file` is killed again and again, wherever it happens to be: no row twice, none missing."""

from __future__ import annotations

import gzip
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.file_import import uri
from voyager.embedded import Server
from voyager.endpoint import Endpoint

ROWS = 400_000
WHOLE = (ROWS, ROWS, ROWS * (ROWS - 1) // 2, ROWS)
JUDGE = (
    "SELECT count(*), count(DISTINCT id), sum(id), count(*) FILTER (WHERE body = 'a, \"b\"' || chr(10) || id) FROM t"
)
LOADING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name LIKE 'yb-voyager%' AND application_name <> 'yb-voyager tests'"""
LOADED = "SELECT coalesce(sum(rows), 0) FROM ybvoyager.import_batches"


def content() -> bytes:
    rows = [b'%d,"a, ""b""\n%d"\n' % (number, number) for number in range(ROWS)]
    return b"id,body\n" + b"".join(rows)


def loaded(target: Endpoint) -> int:
    there = drive.fetch(target, "SELECT to_regclass('ybvoyager.import_batches') IS NOT NULL")[0][0]
    return int(drive.fetch(target, LOADED)[0][0]) if there else 0


def kill_when(target: Endpoint, command: list[object], environment: dict[str, str], rows: int) -> None:
    """Start the command and SIGKILL it as soon as the ledger holds that many rows."""
    process = drive.start_cli(*command, env=environment)
    deadline = time.monotonic() + 90
    while loaded(target) < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_killed_at_any_point_the_same_command_loads_each_row_once(
    target_server: Server, fresh_database: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    target = fresh_database(target_server)
    drive.execute(target, "CREATE TABLE t (id int, body text)")  # no key: nothing but the ledger keeps rows apart
    text = content()
    (tmp_path / name).write_bytes(gzip.compress(text, 1) if name.endswith(".gz") else text)
    environment = {"YB_VOYAGER_LEASE_SECONDS": "2", "YB_VOYAGER_TARGET_DB_URI": uri(target)}
    where = ["--export-dir", tmp_path / "export", "--yes"]
    command: list[object] = ["migrate", "import", "file", *where, "--data-dir", tmp_path, "--has-header"]
    command += ["--file-table-map", f"{name}:t", "--parallel-jobs", 3, "--batch-size", 7000]
    # The batch with this row, and no other, waits for its end.
    with shut_door(target, "t", f"id = {ROWS - 10_000}"):
        for share in (1, ROWS // 3, ROWS * 2 // 3):
            if loaded(target) < share:
                kill_when(target, command, environment, share)
        assert 0 < loaded(target) < ROWS
    wait_until(lambda: drive.fetch(target, LOADING) == [(0,)])
    # The rest with other limits: what is left of the file is cut to fit what is in.
    done = drive.run_cli("migrate", "import", "file", *where, "--batch-size", 3000, env=environment)
    assert done.returncode == 0, done.stderr
    assert drive.fetch(target, JUDGE) == [WHOLE]
    assert loaded(target) == ROWS
    assert drive.fetch(target, "SELECT attempt > 1 FROM ybvoyager.migration_state WHERE phase = 'IMPORT_FILE'") == [
        (True,)
    ]


def test_what_is_in_is_sought_over_and_not_read_again(
    target_server: Server, fresh_database: Callable[..., Any], tmp_path: Path
) -> None:
    """A file of which nearly all is in takes a moment, however large: the reader asks for the rest alone."""
    target = fresh_database(target_server)
    drive.execute(target, "CREATE TABLE t (id int, body text)")
    (tmp_path / "t.csv").write_bytes(content())
    environment = {"YB_VOYAGER_LEASE_SECONDS": "2", "YB_VOYAGER_TARGET_DB_URI": uri(target)}
    where = ["--export-dir", tmp_path / "export", "--yes"]
    given = ["--data-dir", tmp_path, "--has-header", "--file-table-map", "t.csv:t", "--parallel-jobs", 1]
    line = ["migrate", "import", "file", *where, *given, "--batch-size", 7000]
    with shut_door(target, "t", f"id = {ROWS * 4 // 5}"):
        kill_when(target, line, environment, ROWS * 3 // 4)
    wait_until(lambda: drive.fetch(target, LOADING) == [(0,)])
    trace = tmp_path / "read"
    watched = (
        "import sys, atexit\nfrom voyager.files import storage\nread = [0]\nopened = storage.Disk.open\n"
        "class Counted:\n"
        "    def __init__(self, raw): self.raw = raw\n"
        "    def read(self, size=-1):\n"
        "        piece = self.raw.read(size); read[0] += len(piece); return piece\n"
        "    def __getattr__(self, name): return getattr(self.raw, name)\n"
        "storage.Disk.open = lambda self, file: Counted(opened(self, file))\n"
        f"atexit.register(lambda: open({str(trace)!r}, 'w').write(str(read[0])))\n"
        "from voyager.cli.app import main\nmain(sys.argv[1:])\n"
    )
    left = ROWS - loaded(target)
    process = drive.subprocess.run(
        [drive.sys.executable, "-c", watched, *map(str, ["migrate", "import", "file", *where])],
        env=drive.clean_environment(environment),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    assert drive.fetch(target, JUDGE) == [WHOLE]
    size = (tmp_path / "t.csv").stat().st_size
    assert int(trace.read_text()) < size * left / ROWS + 3 * (1 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_replay_that_is_killed_goes_on_and_loads_each_row_set_aside_once(
    target_server: Server, fresh_database: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    target = fresh_database(target_server)
    drive.execute(target, "CREATE TABLE t (id int, body text, CONSTRAINT narrow CHECK (id % 500 <> 7))")
    text = content()
    (tmp_path / name).write_bytes(gzip.compress(text, 1) if name.endswith(".gz") else text)
    environment = {"YB_VOYAGER_LEASE_SECONDS": "2", "YB_VOYAGER_TARGET_DB_URI": uri(target)}
    where = ["--export-dir", tmp_path / "export", "--yes"]
    command: list[object] = ["migrate", "import", "file", *where, "--data-dir", tmp_path, "--has-header"]
    command += ["--file-table-map", f"{name}:t", "--batch-size", 2000, "--error-policy", "stash-and-continue"]
    done = drive.run_cli(*command, env=environment)
    assert done.returncode == 12, done.stderr
    aside = ROWS // 500
    assert loaded(target) == ROWS - aside

    drive.execute(target, "ALTER TABLE t DROP CONSTRAINT narrow")
    replay: list[object] = ["migrate", "import", "file", *where, "--replay-quarantine"]
    for share in (1, aside // 2):
        if loaded(target) < ROWS - aside + share:
            kill_when(target, replay, environment, ROWS - aside + share)
    assert ROWS - aside < loaded(target)
    done = drive.run_cli(*replay, env=environment)
    assert done.returncode == 0, done.stderr
    assert drive.fetch(target, JUDGE) == [WHOLE]
    assert loaded(target) == ROWS
    assert drive.fetch(target, "SELECT status, count(*) FROM ybvoyager.quarantined_rows GROUP BY 1") == [
        ("replayed", aside)
    ]
