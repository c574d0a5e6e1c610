"""Start the real command, kill it at a chosen point, and judge both databases by SQL of the tests' own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint

LEASE_SECONDS = 3
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 90.0

EXACT = "SET search_path TO ''; SET TimeZone TO 'UTC'; SET extra_float_digits TO 1; SET bytea_output TO 'hex'"
OWN_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'ybvoyager') AND n.nspname NOT LIKE 'pg\\_%'"

Point = Callable[["Migration", psycopg.Connection[Any]], bool]
"""Is the point reached at which the command is to die? Asked over and over with a connection to the target."""


class MissedPoint(AssertionError):
    """The command was over before the kill point; the test has to set the stage again."""


@dataclass(frozen=True)
class Killed:
    """What was true when the command was frozen, just before it was killed."""

    state: str
    batches: dict[tuple[str, int], tuple[Any, ...]]
    statements: dict[str, tuple[Any, ...]]
    chunks: dict[tuple[str, str, int], tuple[Any, ...]]


@dataclass
class Migration:
    """One migration between two databases, driven by the real command line."""

    source: Endpoint
    target: Endpoint
    export_dir: Path
    name: str = "faults"
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "YB_VOYAGER_SOURCE_DB_URI": _uri(self.source),
            "YB_VOYAGER_TARGET_DB_URI": _uri(self.target),
            "SOURCE_DB_PASSWORD": self.source.password or "",
            "TARGET_DB_PASSWORD": self.target.password or "",
            "YB_VOYAGER_LEASE_SECONDS": str(LEASE_SECONDS),
            **self.extra,
        }

    def command(self, *words: object) -> tuple[object, ...]:
        where = ("--export-dir", self.export_dir) if words[0] == "init" else ()
        return ("migrate", *words, *where, "--migration-name", self.name, "--yes")

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run `yb-voyager migrate WORDS` to its end; it must succeed."""
        done = drive.run_cli(*self.command(*words), env=self.environment, cwd=self.export_dir.parent)
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *words: object) -> subprocess.Popen[str]:
        return drive.start_cli(*self.command(*words), env=self.environment, cwd=self.export_dir.parent)

    def kill_at(self, phase: str, point: Point, *words: object) -> Killed:
        """Start a command and SIGKILL it when `point` is reached.

        The process is stopped first: what is read then cannot change any more, and it must say that the phase is
        IN_PROGRESS. Raises MissedPoint when the command was quicker than we.
        """
        process = self.start(*words)
        try:
            with drive.connect(self.target) as connection:
                self._wait_for(process, phase, point, connection)
                os.kill(process.pid, signal.SIGSTOP)
                killed = self._look(connection, phase)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            output, errors = process.communicate()
        if killed.state != "IN_PROGRESS":
            raise MissedPoint(f"{phase} was {killed.state} when {words} was stopped")
        assert process.returncode == -signal.SIGKILL, f"{words} ended with {process.returncode}:\n{output}\n{errors}"
        assert self.state(phase) == "IN_PROGRESS"
        return killed

    def state(self, phase: str) -> str:
        rows = drive.fetch(self.target, "SELECT state FROM ybvoyager.migration_state WHERE phase = %s", [phase])
        return rows[0][0] if rows else ""

    def summary(self, phase: str) -> dict[str, Any]:
        sql = "SELECT summary FROM ybvoyager.migration_state WHERE phase = %s"
        return drive.fetch(self.target, sql, [phase])[0][0] or {}

    def batches(self) -> dict[tuple[str, int], tuple[Any, ...]]:
        with drive.connect(self.target) as connection:
            return _batches(connection)

    def inserted(self) -> dict[str, int]:
        """Rows ever inserted into each table of the target, those of transactions that failed too. Waits until the
        command's connections are gone: a backend hands its counts in when it ends."""
        with drive.connect(self.target) as connection:
            _wait_until_alone(connection)
            return _inserted(connection)

    def _wait_for(
        self, process: subprocess.Popen[str], phase: str, point: Point, connection: psycopg.Connection[Any]
    ) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (_begun(connection, phase) and point(self, connection)):
            if process.poll() is not None:
                output, errors = process.communicate()
                assert process.returncode == 0, f"ended with {process.returncode}:\n{output}\n{errors}"
                raise MissedPoint(f"{phase} was over before the kill point")
            assert time.monotonic() < deadline, f"{phase} never came to the kill point"
            time.sleep(POLL_SECONDS)

    def _look(self, connection: psycopg.Connection[Any], phase: str) -> Killed:
        state = connection.execute("SELECT state FROM ybvoyager.migration_state WHERE phase = %s", [phase]).fetchone()
        statements = connection.execute(
            "SELECT statement_id, state, started_at, finished_at FROM ybvoyager.schema_statements WHERE state = 'done'"
        )
        chunks = connection.execute(
            "SELECT schema_name, table_name, chunk, run_id, state, compared_at FROM ybvoyager.verification_chunks"
        )
        return Killed(
            state=state[0] if state else "",
            batches=_batches(connection),
            statements={str(row[0]): row[1:] for row in statements},
            chunks={row[:3]: row[3:] for row in chunks},
        )


@dataclass
class Stages:
    """A migration's two halves as they were after each phase, to begin from again and again: the target database as a
    template beside it, export-dir as a copy. The source is never written."""

    migration: Migration
    server: Server
    copies: Path

    def save(self, name: str) -> None:
        template = self._template(name)
        self._force_alone()
        drive.execute(
            self.server.endpoint(), f'CREATE DATABASE "{template}" TEMPLATE "{self.migration.target.database}"'
        )
        shutil.copytree(self.migration.export_dir, self.copies / name)

    def restore(self, name: str) -> None:
        database = self.migration.target.database
        drive.execute(self.server.endpoint(), f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        drive.execute(self.server.endpoint(), f'CREATE DATABASE "{database}" TEMPLATE "{self._template(name)}"')
        shutil.rmtree(self.migration.export_dir, ignore_errors=True)
        shutil.copytree(self.copies / name, self.migration.export_dir)

    def files(self, name: str, folder: str) -> dict[str, bytes]:
        return read_files(self.copies / name / folder)

    def drop(self) -> None:
        for path in self.copies.iterdir():
            drive.execute(self.server.endpoint(), f'DROP DATABASE IF EXISTS "{self._template(path.name)}" WITH (FORCE)')

    def _template(self, name: str) -> str:
        return f"{self.migration.target.database}_{name}"

    def _force_alone(self) -> None:
        with drive.connect(self.server.endpoint()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self.migration.target.database],
            )


def snapshot(endpoint: Endpoint) -> dict[str, tuple[int, str]]:
    """Every table of a database but ours: how many rows, and the md5 of all of them in order."""
    with drive.connect(endpoint) as connection:
        connection.execute(EXACT)
        tables = connection.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
            f"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND {OWN_SCHEMAS}"
        ).fetchall()
        found = {}
        for (name,) in tables:
            row = connection.execute(
                f"SELECT count(*), coalesce(md5(string_agg(md5(t::text), ',' ORDER BY t::text COLLATE \"C\")), '') "
                f"FROM ONLY {name} AS t".encode()
            ).fetchone()
            assert row is not None
            found[name] = row
        return found


def schema_snapshot(endpoint: Endpoint) -> set[tuple[str, str]]:
    """Everything else of a database but ours, as the server itself writes it."""
    questions = {
        "column": (
            "SELECT format('%I.%I.%I %s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
            "a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
            f"WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND {OWN_SCHEMAS}"
        ),
        "constraint": (
            "SELECT format('%s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(k.oid), convalidated) "
            f"FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {OWN_SCHEMAS}"
        ),
        "index": (
            "SELECT format('%s %s', pg_get_indexdef(i.indexrelid), i.indisvalid) FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE {OWN_SCHEMAS}"
        ),
        "trigger": (
            "SELECT pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal AND {OWN_SCHEMAS}"
        ),
        "function": (
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc p "
            f"JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OWN_SCHEMAS}"
        ),
        "view": (
            "SELECT format('%s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM pg_class c "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {OWN_SCHEMAS}"
        ),
        "sequence": (
            "SELECT format('%I.%I %s %s', schemaname, sequencename, increment_by, start_value) FROM pg_sequences s "
            f"JOIN pg_namespace n ON n.nspname = s.schemaname WHERE {OWN_SCHEMAS}"
        ),
    }
    with drive.connect(endpoint) as connection:
        connection.execute(EXACT)
        return {(kind, row[0]) for kind, sql in questions.items() for row in connection.execute(sql.encode())}


def unmatched_batches(endpoint: Endpoint) -> list[str]:
    """Proof by the server's own transaction numbers that every row came with its batch: the rows that a ledger row's
    transaction inserted are as many as it says, and no row came in another. Returns what does not fit."""
    with drive.connect(endpoint) as connection:
        ledger = connection.execute(
            "SELECT format('%I.%I', schema_name, table_name), xmin::text, sum(rows) FROM ybvoyager.import_batches "
            "GROUP BY 1, 2"
        ).fetchall()
        tables = connection.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {OWN_SCHEMAS}"
        ).fetchall()
        rows = [
            (name, *row)
            for (name,) in tables
            for row in connection.execute(f"SELECT xmin::text, count(*) FROM ONLY {name} GROUP BY 1".encode())
        ]
    said, seen = {(table, xid): int(count) for table, xid, count in ledger}, {(t, x): c for t, x, c in rows}
    return [
        f"{table} transaction {xid}: {said.get((table, xid), 0)} rows by the ledger, {seen.get((table, xid), 0)} there"
        for table, xid in sorted(said.keys() | seen.keys())
        if said.get((table, xid), 0) != seen.get((table, xid), 0)
    ]


def overlapping_batches(endpoint: Endpoint) -> list[tuple[Any, ...]]:
    """Batches whose blocks are in the ledger twice, or blocks between batches that are in no batch."""
    return drive.fetch(
        endpoint,
        "SELECT * FROM (SELECT chunk_id, batch_no, blocks, lag(batch_no + blocks, 1, 0) "
        "OVER (PARTITION BY chunk_id ORDER BY batch_no) AS expected FROM ybvoyager.import_batches) AS b "
        "WHERE batch_no <> expected",
    )


def read_files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@contextlib.contextmanager
def lock_later(endpoint: Endpoint, table: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[Callable[[], None]]:
    """`with lock_later(…) as hold`: from the first hold() on nobody else reads or writes the table (in mode EXCLUSIVE:
    writes it)."""
    connection = drive.connect(endpoint)
    held: list[bool] = []

    def hold() -> None:
        if not held:
            connection.execute("BEGIN")
            connection.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
            held.append(True)

    try:
        yield hold
    finally:
        connection.close()


@contextlib.contextmanager
def locked(endpoint: Endpoint, table: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[None]:
    """Hold a table so that nobody else reads or writes it (in mode EXCLUSIVE: writes it)."""
    with lock_later(endpoint, table, mode) as hold:
        hold()
        yield


@contextlib.contextmanager
def rows_locked(endpoint: Endpoint, table: str, *, held: str = "FROM ONLY ") -> Iterator[Callable[[], None]]:
    """`with rows_locked(…) as let_pass`: as locked(), and let_pass() lets questions to the catalog through, which wait
    for the table that they are about. A statement that reads the table's rows names it with ONLY."""
    waiting = f"""SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND pid <> pg_backend_pid() AND strpos(query, '{held}') = 0"""
    lock = f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
    with drive.connect(endpoint) as connection, drive.connect(endpoint) as observer:
        connection.execute("BEGIN")
        connection.execute(lock.encode())

        def let_pass() -> None:
            if observer.execute(waiting.encode()).fetchone():
                # The lock goes to who waits; ours queues behind it, and before whatever that session asks next.
                connection.execute(f"COMMIT; BEGIN; {lock}".encode())

        yield let_pass


def pg_dumps() -> set[int]:
    """The processes that are a pg_dump, of whomever, and not yet dead."""
    listed = subprocess.run(["ps", "-eo", "pid=,stat=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {int(pid) for pid, state, name in rows if name.startswith("pg_dump") and not state.startswith("Z")}


def _uri(endpoint: Endpoint) -> str:
    return f"postgresql://{endpoint.user}@{endpoint.host}:{endpoint.port}/{endpoint.database}"


def _begun(connection: psycopg.Connection[Any], phase: str) -> bool:
    row = connection.execute("SELECT state FROM ybvoyager.migration_state WHERE phase = %s", [phase]).fetchone()
    return row is not None and row[0] != "NOT_STARTED"


def _batches(connection: psycopg.Connection[Any]) -> dict[tuple[str, int], tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT chunk_id, batch_no, blocks, rows, committed_at, xmin::text FROM ybvoyager.import_batches"
    )
    return {(str(row[0]), row[1]): row[2:] for row in rows}


def _inserted(connection: psycopg.Connection[Any]) -> dict[str, int]:
    rows = connection.execute(
        "SELECT format('%I.%I', schemaname, relname), n_tup_ins FROM pg_stat_user_tables "
        "WHERE schemaname <> 'ybvoyager'"
    )
    return dict(rows.fetchall())


def _wait_until_alone(connection: psycopg.Connection[Any]) -> None:
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND application_name LIKE 'yb-voyager%' "
        "AND application_name <> 'yb-voyager tests'"
    )
    wait_until(lambda: connection.execute(others).fetchone() == (0,))


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again, for as long as patience lasts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
