"""How a test drives the real command, and how it looks into databases behind the product's back."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from voyager.endpoint import Endpoint

ROOT = Path(__file__).resolve().parent.parent
LEAKS = ("PG", "YB_VOYAGER", "SOURCE_DB_", "TARGET_DB_", "VOYAGER_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")


def clean_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without anything that configures the product or libpq, and a home that holds no files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEAKS)}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join(paths), **(env or {})}


def run_cli(
    *args: object,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    input: str | None = None,
    timeout: float = 180,
) -> subprocess.CompletedProcess[str]:
    """Run `yb-voyager ARGS` to its end in a process of its own, without a terminal; `env` comes on top."""
    return subprocess.run(
        command_line(*args),
        env=clean_environment(env),
        cwd=cwd,
        input=input if input is not None else "",
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_within(
    *args: object, env: Mapping[str, str] | None = None, cwd: Path | str | None = None, timeout: float = 0
) -> subprocess.CompletedProcess[str]:
    """The same command within this process, which spares it most of what a short one takes; nothing can time it out."""
    from voyager.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        given = clean_environment(env)
        for name in os.environ.keys() - given.keys():
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        if cwd is not None:
            patch.chdir(cwd)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([*map(str, args)])
    return subprocess.CompletedProcess([*map(str, args)], int(left.value.code or 0), out.getvalue(), err.getvalue())


def start_cli(
    *args: object, env: Mapping[str, str] | None = None, cwd: Path | str | None = None
) -> subprocess.Popen[str]:
    """Start `yb-voyager ARGS` and return at once, for tests that stop, kill or race it (its own process group)."""
    return subprocess.Popen(
        command_line(*args),
        env=clean_environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def command_line(*args: object) -> list[str]:
    return [sys.executable, "-m", "voyager", *map(str, args)]


def connect(endpoint: Endpoint) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of the test's own, in autocommit."""
    return psycopg.connect(**endpoint.libpq(application_name="yb-voyager tests"), autocommit=True)  # type: ignore[arg-type]


def fetch(endpoint: Endpoint, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    with connect(endpoint) as connection:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]


def execute(endpoint: Endpoint, sql: str) -> None:
    """Run SQL text, any number of statements; each commits on its own unless the text says BEGIN."""
    with connect(endpoint) as connection:
        connection.execute(sql)  # type: ignore[arg-type]
