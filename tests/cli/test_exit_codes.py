"""Exit codes that need a migration on its way: DDL refused, a command killed or interrupted, and no terminal."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import locked, snapshot, wait_until
from tests.faults.trial import Staged, staged
from tests.states import expire_leases
from voyager.embedded import Server
from voyager.endpoint import Endpoint

SOURCE = """
CREATE TABLE a (id serial PRIMARY KEY, t text);
INSERT INTO a (t) SELECT 'row ' || n FROM generate_series(1, 60000) n;
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
INSERT INTO b SELECT n, n FROM generate_series(1, 100) n;
CREATE VIEW v AS SELECT count(*) FROM a;
"""


@pytest.fixture(scope="module")
def migrations(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Staged]:
    phases = ("INITIALIZE", "ANALYZE_SCHEMA", "EXPORT_DATA", "IMPORT_DATA")
    with staged(source_server, target_server, tmp_path_factory.mktemp("codes"), SOURCE, *phases) as one:
        yield one


def test_ddl_that_the_target_refuses_is_4_and_an_edited_file_repairs_it(migrations: Staged) -> None:
    migration = migrations.after("ANALYZE_SCHEMA")
    views = migration.export_dir / "schema" / "views" / "view.sql"
    good = views.read_text()
    views.write_text(good + "\nCREATE VIEW public.broken AS SELECT nothing FROM public.a;\n")
    error = migration.document("import", "schema", code=4)["error"]
    assert "view.sql:" in str(error["details"])
    failed = (migration.export_dir / "schema" / "failed.sql").read_text()
    assert "CREATE VIEW public.broken" in failed
    assert 'column "nothing" does not exist' in failed
    assert migration.state("IMPORT_SCHEMA") == "IN_PROGRESS"
    done = "SELECT statement_id, finished_at FROM ybvoyager.schema_statements WHERE state = 'done'"
    before = set(drive.fetch(migration.target, done))
    views.write_text(good + "\nCREATE VIEW public.broken AS SELECT t FROM public.a;\n")
    migration.run("import", "schema")
    assert before < set(drive.fetch(migration.target, done)), "only what was missing is done"
    assert not (migration.export_dir / "schema" / "failed.sql").exists()
    assert drive.fetch(migration.target, "SELECT to_regclass('public.broken') IS NOT NULL") == [(True,)]


def test_a_killed_command_is_14_for_a_monitor_and_a_running_one_is_0(migrations: Staged) -> None:
    migration = migrations.after("EXPORT_DATA")
    migration.extra["YB_VOYAGER_LEASE_SECONDS"] = "120"
    with locked(migration.target, "public.b"):
        process = migration.start("import", "data")
        wait_until(lambda: migration.state("IMPORT_DATA") == "IN_PROGRESS")
        migration.attempt("status", "--check", code=0)
        process.kill()
        process.communicate()
    expire_leases(migration.target)
    told = migration.attempt("status", "--check", code=14)
    assert "import data" in told.stdout + told.stderr
    assert "Resume Import Data" in migration.attempt("next").stdout
    # A step is never begun without an answer, and never asked for without a terminal.
    refused = drive.run_cli(*migration.command("next", "--run")[:-1], env=migration.environment)
    assert refused.returncode == 7, refused.stderr
    assert migration.attempt("next", "--run").returncode == 0
    assert snapshot(migration.target) == snapshot(migration.source)


@pytest.mark.parametrize("words", [("export", "schema"), ("import", "data"), ("verify",)])
def test_one_interrupt_stops_at_a_safe_point_with_130_and_the_same_command_goes_on(
    migrations: Staged, words: tuple[str, ...]
) -> None:
    """A table is held, so that the interrupt comes while the command works, and let go after it."""
    phase, before, end = {
        "export": ("EXPORT_SCHEMA", "INITIALIZE", migrations.migration.source),
        "import": ("IMPORT_DATA", "EXPORT_DATA", migrations.migration.target),
        "verify": ("VERIFY", "IMPORT_DATA", migrations.migration.target),
    }[words[0]]
    migration = migrations.after(before)
    # Whether b is empty may be asked; no row gets in.
    with locked(end, "public.b", "EXCLUSIVE" if words == ("import", "data") else "ACCESS EXCLUSIVE"):
        process = migration.start(*words)
        wait_until(lambda: migration.state(phase) == "IN_PROGRESS" and waits_for_a_lock(end))
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Press Ctrl-C again" in errors
    assert migration.state(phase) == "IN_PROGRESS"
    assert drive.fetch(migration.target, "SELECT count(*) FROM ybvoyager.leases") == [(0,)]
    migration.run(*words)
    assert migration.state(phase) == "COMPLETED"
    if words[0] != "export":
        assert snapshot(migration.target) == snapshot(migration.source)


def test_a_second_interrupt_stops_at_once(migrations: Staged) -> None:
    migration = migrations.after("EXPORT_DATA")
    with locked(migration.target, "public.b", "EXCLUSIVE"):
        process = migration.start("import", "data")
        wait_until(lambda: migration.state("IMPORT_DATA") == "IN_PROGRESS" and waits_for_a_lock(migration.target))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        wait_until(lambda: "Press Ctrl-C again" in process.stderr.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        # The table is held all the while: it stops although what it waits for does not come.
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    migration.run("import", "data")
    assert snapshot(migration.target) == snapshot(migration.source)


def test_an_interrupt_while_a_command_starts_is_130_and_not_success(tmp_path: Path) -> None:
    """A server that never answers holds the command where nothing is begun yet."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        target = ("--target-db-host", host, "--target-db-port", port, "--target-db-name", "x", "--target-db-user", "x")
        process = drive.start_cli("migrate", "status", *target, cwd=tmp_path)
        silent.settimeout(60)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, output + errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors


INTERRUPTED_IMPORT = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
"""


def test_an_interrupt_while_the_program_is_loaded_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_IMPORT)
    paths = os.pathsep.join([str(tmp_path), str(drive.ROOT)])
    done = drive.run_cli("migrate", "status", env={"PYTHONPATH": paths}, cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    assert done.stderr == "Interrupted before anything was begun.\n"


def waits_for_a_lock(end: Endpoint) -> bool:
    sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return drive.fetch(end, sql) != []
