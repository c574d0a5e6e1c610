"""How long the shell takes to answer: `--help`, `version`, and `status` and `next` against a migration."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks.measure import Series, run_timed
from voyager.embedded import Server, start_server


def run(directory: Path, *, say: Callable[[str], None], runs: int = 15) -> list[str]:  # noqa: ARG001
    """Return one line a command: median and range of `runs` runs, byte-compiled modules, warm file cache."""
    entry = Path(sys.executable).parent / "yb-voyager"
    with start_server(directory / "start-up") as server:
        to_target, environment = _initialized(entry, server, directory)
        commands = {
            "yb-voyager --help": ["--help"],
            "yb-voyager version": ["version"],
            "yb-voyager migrate status": ["migrate", "status", *to_target],
            "yb-voyager migrate next": ["migrate", "next", *to_target],
        }
        return [f"{name}: {_milliseconds(entry, words, environment, runs)}" for name, words in commands.items()]


def _milliseconds(entry: Path, words: list[str], environment: dict[str, str], runs: int) -> str:
    run_timed([entry, *words], environment)
    series = Series([run_timed([entry, *words], environment) * 1000 for _ in range(runs)])
    return f"{series.median:.0f} ms ({min(series.values):.0f}-{max(series.values):.0f})"


def _initialized(entry: Path, server: Server, directory: Path) -> tuple[list[str], dict[str, str]]:
    """A migration to ask about: the words that find it, and the environment with the passwords."""
    with psycopg.connect(**server.endpoint().libpq(application_name="bench"), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("CREATE DATABASE origin")
        connection.execute("CREATE DATABASE goal")
    there = server.endpoint("goal")
    to_target = ["--target-db-host", there.host, "--target-db-port", str(there.port), "--target-db-name", "goal"]
    to_target += ["--target-db-user", there.user, "--migration-name", "start-up"]
    to_source = ["--source-db-type", "postgresql", "--source-db-host", there.host, "--source-db-port", str(there.port)]
    to_source += ["--source-db-name", "origin", "--source-db-user", there.user]
    password = there.password or ""
    environment = {**os.environ, "SOURCE_DB_PASSWORD": password, "TARGET_DB_PASSWORD": password}
    command = [
        str(entry),
        "migrate",
        "init",
        *to_target,
        *to_source,
        "--export-dir",
        str(directory / "start-up-export"),
    ]
    subprocess.run([*command, "--yes"], env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return to_target, environment
