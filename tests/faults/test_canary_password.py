"""A password that would show wherever it was written: no process, file, table, document or traceback holds it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import drive
from tests.faults.driver import rows_locked, snapshot, wait_until
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import Server, start_server
from voyager.identifiers import quote_literal

CANARY = """p@ss'"<>$%&;:#"""
ROLE = "canary_operator"
FORMS = {
    "plain": CANARY,
    "as JSON": json.dumps(CANARY)[1:-1],
    "in a URI": quote(CANARY, safe=""),
    "in SQL": quote_literal(CANARY)[1:-1],
    "in a passfile": CANARY.replace(":", "\\:"),
    "in HTML": CANARY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
}
SOURCE = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE a (id serial PRIMARY KEY, t text);
INSERT INTO a (t) SELECT 'row ' || n FROM generate_series(1, 20000) n;
"""

BROKEN_DRIVER = """
import psycopg
def connect(*_, **__):
    raise ZeroDivisionError("made by a test")
psycopg.connect = connect
"""


@pytest.fixture(scope="module")
def counting_servers(servers_directory: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers that count queries, for compare-performance."""
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    with (
        start_server(servers_directory / "canary-source", settings=settings) as source,
        start_server(servers_directory / "canary-target", settings=settings) as target,
    ):
        yield source, target


@pytest.fixture(scope="module")
def migration(counting_servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A migration between roles whose password is the canary; the servers ask for it."""
    directory = tmp_path_factory.mktemp("canary")
    source_server, target_server = counting_servers
    with database(source_server) as source, database(target_server) as target:
        for end in (source, target):
            drive.execute(end, f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD {quote_literal(CANARY)}")
        drive.execute(source, SOURCE)
        ends = [dataclasses.replace(end, user=ROLE, password=CANARY) for end in (source, target)]
        yield trial(*ends, directory)
        for end in (source, target):
            drive.execute(end, f"REASSIGN OWNED BY {ROLE} TO postgres")
            drive.execute(end, f"DROP OWNED BY {ROLE}")
    for server in (source_server, target_server):
        drive.execute(server.endpoint(), f"DROP ROLE {ROLE}")


class Watch(threading.Thread):
    """Reads, over and over, what `ps` and pg_stat_activity show of a command and of all that it starts."""

    def __init__(self, migration: Trial) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.children: set[str] = set()
        self._migration = migration
        self._over = threading.Event()

    def run(self) -> None:
        ends = (self._migration.source, self._migration.target)
        connections = [drive.connect(end) for end in ends]
        while not self._over.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                self._look_at(process)
            for connection in connections:
                rows = connection.execute("SELECT concat_ws(' ', application_name, query) FROM pg_stat_activity")
                self.seen.update(row[0] for row in rows)
            time.sleep(0.05)
        for connection in connections:
            connection.close()

    def _look_at(self, process: Path) -> None:
        """Arguments of every process; the environment of those that our command started."""
        try:
            command = (process / "cmdline").read_bytes()
            self.seen.add(command.decode(errors="replace"))
            parent = re.search(r"^PPid:\s*(\d+)", (process / "status").read_text(), re.MULTILINE)
            above = (Path("/proc") / parent[1] / "cmdline").read_bytes() if parent else b""
            # Between fork and exec a child still shows its parent's own arguments and environment.
            if b"\0-m\0voyager\0" in above and b"\0-m\0voyager\0" not in command:
                self.children.add(command.partition(b"\0")[0].decode())
                self.seen.add((process / "environ").read_bytes().decode(errors="replace"))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def assert_absent(what: str, texts: list[str]) -> None:
    for form, text in FORMS.items():
        assert not [one[:200] for one in texts if text in one], f"the password {form} is in {what}"


def test_it_is_nowhere_during_and_after_a_migration(migration: Trial) -> None:
    with Watch(migration) as watch:
        said = [migration.attempt("init")]
        # What pg_dump locks is held, so that it is there when the watch looks.
        with rows_locked(migration.source, "public.a", held="LOCK TABLE") as let_pass:
            process = migration.start("next", "--until", "VERIFY", "--debug")

            def pg_dump_was_seen() -> bool:
                let_pass()
                return process.poll() is not None or any("pg_dump" in one for one in tuple(watch.children))

            wait_until(pg_dump_was_seen)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
        said += [subprocess.CompletedProcess((), 0, output, errors)]
        said += [migration.attempt(*words, "-o", "json") for words in (("status",), ("history",))]
        for end in (migration.source, migration.target):
            drive.fetch(end, "SELECT count(*) FROM a WHERE t = 'row 7'")
        said += [
            migration.attempt(*words, "-o", "json")
            for words in (("compare-performance",), ("next", "--run", "CUTOVER"))
        ]
        assert json.loads(said[-2].stdout)["report"]["summary"]["matched"] == 1
    assert any("pg_dump" in child for child in watch.children), "no child was seen: the watch proves nothing"
    assert_absent("what ps or pg_stat_activity shows", list(watch.seen))
    assert_absent("what the commands said", [done.stdout + done.stderr for done in said])
    assert snapshot(migration.target) == snapshot(migration.source)
    assert_absent("the state", state(migration))
    assert_absent("export-dir", files(migration.export_dir))


@pytest.mark.parametrize("how", ["SOURCE_DB_PASSWORD", "TARGET_DB_PASSWORD"])
def test_it_is_in_no_error(migration: Trial, how: str) -> None:
    """The canary is what the servers refuse now, so that it is at hand where the error is made."""
    wrong = {"YB_VOYAGER_SOURCE_DB_URI": "", "YB_VOYAGER_TARGET_DB_URI": ""}
    for role, end in (("SOURCE", migration.source), ("TARGET", migration.target)):
        user = "postgres" if how.startswith(role) else end.user
        wrong[f"YB_VOYAGER_{role}_DB_URI"] = f"postgresql://{user}@{end.host}:{end.port}/{end.database}"
    words = ("init", "--debug") if how.startswith("SOURCE") else ("status", "--debug")
    done = drive.run_cli(
        *migration.command(*words), env={**migration.environment, **wrong}, cwd=migration.export_dir.parent
    )
    assert done.returncode in (5, 8, 9), done.stderr
    assert_absent("an error", [done.stdout + done.stderr])


def test_it_is_in_no_traceback(migration: Trial, tmp_path: Path) -> None:
    """An internal error while the password is in the hands of the driver, with --debug and without."""
    (tmp_path / "sitecustomize.py").write_text(BROKEN_DRIVER)
    environment = {**migration.environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{drive.ROOT}"}
    for words in (("status",), ("status", "--debug"), ("status", "-o", "json")):
        done = drive.run_cli(*migration.command(*words), env=environment, cwd=migration.export_dir.parent)
        assert done.returncode == 1, done.stderr
        said = done.stdout + done.stderr
        log = re.search(r"/\S*yb-voyager-error-\S+?\.log", said)
        assert_absent("a traceback", [said, Path(log[0]).read_text() if log else ""])


def test_it_may_stand_in_a_uri_or_a_file(migration: Trial, tmp_path: Path) -> None:
    """Every way in which a password is given works with every character of it, and shows it nowhere."""
    end = migration.target
    secret = tmp_path / "secret"
    secret.write_text(CANARY + "\n")
    plain = {key: value for key, value in migration.environment.items() if "PASSWORD" not in key}
    uri = f"postgresql://{ROLE}:{quote(CANARY, safe='')}@{end.host}:{end.port}/{end.database}"
    for given, env in (
        ((), {**plain, "YB_VOYAGER_TARGET_DB_URI": uri}),
        (("--target-db-password-file", secret), plain),
        (("--target-db-password", CANARY), plain),
    ):
        done = drive.run_cli(*migration.command("status", *given), env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert_absent("what status said", [done.stdout + done.stderr])


def state(migration: Trial) -> list[str]:
    """Every row of every table and view of the state schema, as text."""
    tables = drive.fetch(
        migration.target,
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'ybvoyager' AND c.relkind IN ('r', 'v')",
    )
    assert len(tables) > 10
    return [row[0] for (name,) in tables for row in drive.fetch(migration.target, f"SELECT t::text FROM {name} t")]


def files(directory: Path) -> list[str]:
    return [path.read_bytes().decode(errors="replace") for path in directory.rglob("*") if path.is_file()]
