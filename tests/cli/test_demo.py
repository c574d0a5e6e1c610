"""`yb-voyager demo` plays a whole migration, judges it, and leaves nothing behind unless asked to."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.drive import run_cli, start_cli
from voyager.embedded import scratch_directory


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A TMPDIR of the demo's own, so that what it leaves can be counted."""
    directory = scratch_directory("yb-voyager-tests-demo-")
    yield directory
    run_cli("demo", "--stop", env={"TMPDIR": str(directory)})
    shutil.rmtree(directory)


def _servers_in(directory: Path) -> list[int]:
    """The servers whose data lies below a directory."""
    found = [process.info for process in psutil.process_iter(["pid", "cmdline"])]
    return [one["pid"] for one in found if "".join((one["cmdline"] or [])[2:3]).startswith(f"{directory}/")]


def test_the_demo_migrates_everything_and_stops_its_servers(scratch, tmp_path):
    directory = tmp_path / "my demo"
    done = run_cli("demo", "--rows", 600, "--directory", directory, env={"TMPDIR": str(scratch)})
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert "8 tables with 600 rows" in " ".join(told.split())
    assert "$ yb-voyager migrate next --run CUTOVER --yes" in told
    assert _servers_in(scratch) == []
    assert list((directory / "export-dir" / "schema").rglob("*.sql"))
    for password in directory.glob("*.password"):
        assert password.stat().st_mode & 0o077 == 0
        assert password.read_text().strip() not in told


def test_a_kept_demo_answers_commands_typed_by_hand_until_it_is_stopped(scratch):
    env = {"TMPDIR": str(scratch), "PATH": "/usr/bin:/bin"}
    done = run_cli("demo", "--rows", 100, "--keep", env=env)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    # What is shown can be pasted into a shell that knows nothing of where this is installed.
    told = told.partition("Try by hand:")[2]
    shown = [line for line in told.splitlines() if re.match(r"  (PATH=|cd |yb-voyager )", line)]
    assert [line.split()[0].split("=")[0] for line in shown[:2]] == ["PATH", "cd"]
    assert shown[-1] == "  yb-voyager migrate status --output json"
    pasted = subprocess.run(
        ["/bin/sh", "-e", "-c", "\n".join((*shown[:2], shown[-1]))],
        env={**env, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert pasted.returncode == 0, pasted.stderr
    assert json.loads(pasted.stdout)["migration"]["name"] == "shop"
    assert len(_servers_in(scratch)) == 2
    stopped = run_cli("demo", "--stop", env=env)
    assert stopped.returncode == 0
    assert "Stopped 2 servers" in stopped.stdout + stopped.stderr
    assert _servers_in(scratch) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(("number", "options"), [(signal.SIGINT, []), (signal.SIGTERM, ["--keep"])])
def test_an_interrupted_demo_stops_its_servers_and_says_so(scratch, number, options):
    demo = start_cli("demo", "--rows", 100, *options, env={"TMPDIR": str(scratch)})
    assert demo.stdout is not None
    assert any("$ yb-voyager migrate init" in line for line in demo.stdout)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 130, errors
    assert "interrupted" in errors
    assert _servers_in(scratch) == []
    assert not list(scratch.glob("*/kept"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_demo_leaves_no_server_running(scratch):
    demo = start_cli("demo", "--rows", 100, env={"TMPDIR": str(scratch)})
    assert demo.stdout is not None
    assert any("$ yb-voyager migrate init" in line for line in demo.stdout)
    assert _servers_in(scratch)
    demo.kill()
    demo.communicate(timeout=120)
    deadline = time.monotonic() + 60
    while _servers_in(scratch) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _servers_in(scratch) == []


@pytest.mark.parametrize("rows", [0, -5, 99])
def test_a_demo_with_too_few_rows_is_refused_before_anything_starts(scratch, rows):
    done = run_cli("demo", "--rows", rows, env={"TMPDIR": str(scratch)})
    assert done.returncode == 2
    assert list(scratch.iterdir()) == []


def test_a_directory_that_holds_something_is_left_alone(scratch, tmp_path):
    (tmp_path / "mine").write_text("precious")
    done = run_cli("demo", "--directory", tmp_path, env={"TMPDIR": str(scratch)})
    assert done.returncode == 2
    assert "not empty" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]
    assert list(scratch.iterdir()) == []
