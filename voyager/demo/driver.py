"""Drive the real commands through a whole migration, and say what became of it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from voyager.demo.sample import DATABASE, Comparison, compare, create_sample
from voyager.embedded import Server, scratch_directory, scratch_parent, start_server, stop_server_in
from voyager.endpoint import Endpoint
from voyager.errors import DifferencesFound, Interrupted, UsageError, VoyagerError
from voyager.identifiers import Identifier
from voyager.postgres.connection import connect

Say = Callable[[str], None]

PREFIX = "yb-voyager-demo-"
KEPT = "kept"
"""A file in the scratch directory of a demo whose servers may outlive it."""

ROLES = ("source", "target")
LEAST_ROWS = 100
CONFIGURES_US = ("PG", "YB_VOYAGER", "SOURCE_DB_", "TARGET_DB_")
STEPS = (
    ("Register the migration in the target database", ("init",)),
    ("Ask what comes next", ("next",)),
    ("Let it do the next step", ("next", "--run", "--yes")),
    ("Let it do everything up to and with the verification", ("next", "--until", "VERIFY", "--yes")),
    ("See where it stands", ("status",)),
)
FINAL_STEPS = (
    ("Cut over: consequential, so it must be named", ("next", "--run", "CUTOVER", "--yes")),
    ("Finish", ("next", "--until", "FINALIZE", "--yes")),
    ("See what happened", ("history",)),
    ("See where it stands now", ("status",)),
)


@dataclass(frozen=True)
class Stage:
    """Where one demo plays: the operator's directory, and the two databases."""

    directory: Path
    source: Endpoint
    target: Endpoint
    say: Say
    results_to: TextIO | None


def run_demo(
    rows: int, keep: bool, directory: Path | str | None, say: Say, *, results_to: TextIO | None = None
) -> None:
    """Migrate a sample database of `rows` rows from one private server to another and compare the two.

    `directory` gets the config file and the export directory (default: a temporary one). With `keep` the servers go on
    running. `results_to` is where the commands write what they would write to stdout (default: there).
    Raises DifferencesFound when the databases differ, VoyagerError when a command failed.
    """
    if rows < LEAST_ROWS:
        raise UsageError(f"The sample database needs at least {LEAST_ROWS} rows.", f"Use: --rows {LEAST_ROWS} or more.")
    begun = time.monotonic()
    given = _given_directory(directory)
    scratch = scratch_directory(PREFIX)
    if keep:
        (scratch / KEPT).touch()
    finished = False
    try:
        with _interruptible(), _servers(scratch, say, keep=keep) as (source, target):
            stage = _set_stage(source, target, given or scratch / "migration", rows, say, results_to)
            for title, words in STEPS:
                _run(stage, title, words)
            found = _judge(stage)
            for title, words in FINAL_STEPS:
                _run(stage, title, words)
            finished = True
    finally:
        if not (keep and finished):
            _remove_servers(scratch)
    _conclude(stage, found, scratch, seconds=time.monotonic() - begun, keep=keep)


def stop_demo(say: Say) -> None:
    """Stop the servers of every demo of ours that was kept, and remove their data."""
    stopped = 0
    for mark in scratch_parent().glob(f"{PREFIX}*/{KEPT}"):
        scratch = mark.parent
        # Temporary directories are everybody's: somebody else may have planted one with our name.
        if scratch.is_symlink() or scratch.stat().st_uid != os.geteuid():
            continue
        stopped += sum(stop_server_in(scratch / role) for role in ROLES)
        shutil.rmtree(scratch, ignore_errors=True)
    removed = f"Stopped {stopped} server{'' if stopped == 1 else 's'} and removed the data."
    say(removed if stopped else "No demo is running.")


def _given_directory(directory: Path | str | None) -> Path | None:
    if directory is None:
        return None
    path = Path(directory).expanduser().absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"The demo needs a new or an empty directory, and {path} is not empty.", "Name another one.")
    return path


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM stops the servers as Ctrl-C does."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            "The demo was interrupted; its servers are stopped.", "Start it again with: yb-voyager demo"
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _servers(scratch: Path, say: Say, *, keep: bool) -> Iterator[list[Server]]:
    """Both servers; stopped at the end unless kept, and whatever happens when something fails."""
    say("Starting two private PostgreSQL servers, a source and a target.")
    servers: list[Server] = []
    try:
        for role in ROLES:
            servers.append(start_server(scratch / role, outlives_us=keep))
        yield servers
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            for server in servers:
                server.stop()


def _set_stage(
    source: Server, target: Server, directory: Path, rows: int, say: Say, results_to: TextIO | None
) -> Stage:
    say(f"Creating the database {DATABASE} with {rows:,} rows in the source.")
    for server in (source, target):
        with connect(server.endpoint(), "demo") as connection:
            connection.execute(f"CREATE DATABASE {Identifier(DATABASE).sql} TEMPLATE template0".encode())
    create_sample(source.endpoint(DATABASE), rows)
    directory.mkdir(parents=True, exist_ok=True)
    stage = Stage(directory, source.endpoint(DATABASE), target.endpoint(DATABASE), say, results_to)
    _write_config(stage)
    return stage


def _write_config(stage: Stage) -> None:
    """Every command finds ./yb-voyager.yaml, so none needs a flag."""
    lines = [
        "# How the commands of this demo find both ends.",
        f"migration-name: {DATABASE}",
        "export-dir: ./export-dir",
    ]
    for role, endpoint in zip(ROLES, (stage.source, stage.target), strict=True):
        secret = stage.directory / f"{role}.password"
        secret.touch(mode=0o600)
        secret.write_text(f"{endpoint.password}\n")
        uri = f"postgresql://{endpoint.user}@{endpoint.host}:{endpoint.port}/{endpoint.database}"
        lines += [f"{role}:", f"  db-uri: {uri}", f"  password: {{file: ./{secret.name}}}"]
    (stage.directory / "yb-voyager.yaml").write_text("\n".join(lines) + "\n")


def _run(stage: Stage, title: str, words: tuple[str, ...]) -> None:
    """Run one real command in front of the operator."""
    shown = shlex.join(["yb-voyager", "migrate", *words])
    stage.say("")
    stage.say(f"# {title}")
    stage.say(f"$ {shown}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "voyager", "migrate", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURES_US)}
    done = subprocess.run(
        command, cwd=stage.directory, env=environment, stdin=subprocess.DEVNULL, stdout=stage.results_to, check=False
    )
    if done.returncode != 0:
        raise VoyagerError(
            f"The demo stopped: `{shown}` ended with exit code {done.returncode}.",
            f"What it said is above; its log is in {stage.directory / 'export-dir' / 'logs'}.",
        )


def _judge(stage: Stage) -> Comparison:
    stage.say("")
    stage.say("# Before cutover: compare both databases with SQL of the demo's own")
    found = compare(stage.source, stage.target)
    if found.differences:
        raise DifferencesFound(
            "The demo's own comparison found differences between source and target.",
            f"Look at the reports in {stage.directory / 'export-dir' / 'reports'}.",
            found.differences,
        )
    stage.say(f"{found.tables} tables with {found.rows:,} rows are equal.")
    return found


def _remove_servers(scratch: Path) -> None:
    for role in ROLES:
        stop_server_in(scratch / role)
        shutil.rmtree(scratch / role, ignore_errors=True)
    (scratch / KEPT).unlink(missing_ok=True)
    with suppress(OSError):  # it stays while it holds the reports
        scratch.rmdir()


def _conclude(stage: Stage, found: Comparison, scratch: Path, *, seconds: float, keep: bool) -> None:
    say = stage.say
    say("")
    say(
        f"Done in {seconds:.0f} s. Verified by SQL of its own: {found.tables} tables with {found.rows:,} rows, "
        f"{found.materialized_views} materialized view, "
        f"{found.objects} constraints, indexes, triggers, views and functions, "
        f"{found.sequences} sequences: equal in source and target."
    )
    say(f"Schema files, reports and logs are in {stage.directory / 'export-dir'}")
    if not keep:
        say("Both servers are stopped and their data is removed. With --keep they stay, to try commands by hand.")
        return
    say("Both servers are running. Try by hand:")
    script = Path(sys.executable).with_name("yb-voyager")
    if shutil.which("yb-voyager") is None and script.exists():
        say(f"  PATH={shlex.quote(str(script.parent))}:$PATH")
    say(f"  cd {shlex.quote(str(stage.directory))}")
    for words in (
        "migrate status",
        "migrate next",
        "migrate history",
        "migrate verify",
        "migrate status --output json",
    ):
        say(f"  yb-voyager {words}")
    for role, endpoint in zip(ROLES, (stage.source, stage.target), strict=True):
        say(f"  {role}: {endpoint.url}, user {endpoint.user}, password in {role}.password")
    say(f"Stop them and remove {scratch}: yb-voyager demo --stop")
