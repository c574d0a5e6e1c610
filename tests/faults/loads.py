"""The four ways rows get into a target, set up once and begun from again and again, each behind a proxy."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import drive
from tests.faults.driver import Stages, overlapping_batches, snapshot, unmatched_batches, wait_until
from tests.faults.proxy import Proxy
from tests.faults.trial import Trial, uri
from voyager.embedded import Server
from voyager.endpoint import Endpoint

WAYS = ("import data", "export data --stream", "pipelined", "import file")
# No key: a row loaded twice would stay. A key: what a lost connection left open stands in the way of the next try.
TABLES = """
CREATE TABLE bare (id int, filler text);
CREATE TABLE keyed (id int PRIMARY KEY, t text);
CREATE INDEX keyed_t ON keyed (t);
CREATE TABLE "Odd one" (a int, b bytea);
"""
ROWS = """
INSERT INTO bare SELECT n, repeat(chr(97 + n % 26), 90) FROM generate_series(1, 5000) n;
INSERT INTO keyed SELECT n, 'row ' || n FROM generate_series(1, 3000) n;
INSERT INTO "Odd one" SELECT n, decode(md5(n::text), 'hex') FROM generate_series(1, 800) n;
ANALYZE;
"""
NAMES = ("bare", "keyed", '"Odd one"')
_OCCASIONS = (4, 1, 1)
"""How many transactions load each of them, on any way, at least."""
_PARTS = ("--chunk-size", "64kB", "--parallel-jobs", "2")
_BATCHES = ("--batch-size", "500", "--batch-size-bytes", "4MB", "--parallel-jobs", "2")
_CREDENTIALS = ("mover", "moves rows")
"""A role that owns the target's database and is no superuser."""


@dataclass
class Way(Trial):
    """One way from one source into one target. The commands reach the target by `port`, with these options of libpq;
    what judges goes there directly. `memory` limits the megabytes of data that each of their processes may have."""

    way: str = ""
    administrator: str = field(default="", repr=False)
    port: int = 0
    options: str = ""
    memory: int = 0
    lines: tuple[tuple[str, ...], ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        through = replace(self.target, port=self.port or self.target.port)
        uris = {"YB_VOYAGER_TARGET_DB_URI": f"{uri(through)}{self.options}"}
        return {**super().environment, **uris, **self.variables}

    def command(self, *words: object) -> tuple[object, ...]:
        if words[:2] == ("import", "file"):
            return ("migrate", *words, "--export-dir", self.export_dir, "--yes")
        return super().command(*words)

    def start(self, *words: object) -> subprocess.Popen[str]:
        if not self.memory:
            return super().start(*words)
        limited = ("sh", "-c", f'ulimit -d {self.memory << 10}; exec "$@"', "sh")
        return subprocess.Popen(
            [*limited, *drive.command_line(*self.command(*words))],
            env=drive.clean_environment(self.environment),
            cwd=self.export_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> list[subprocess.Popen[str]]:
        """Start what moves the rows; a pipelined import when its export has begun."""
        processes = [self.start(*self.lines[0])]
        for line in self.lines[1:]:
            wait_until(lambda: self.state("EXPORT_DATA") != "NOT_STARTED" or processes[0].poll() is not None)
            processes.append(self.start(*line))
        return processes

    def finish(self, processes: list[subprocess.Popen[str]], *codes: int, timeout: float = 90) -> str:
        """Let all of them end, with one of these codes; return what they said."""
        told = ""
        try:
            for process in processes:
                output, errors = process.communicate(timeout=timeout)
                told += output + errors
                assert process.returncode in (codes or (0,)), f"{self.way} ended with {process.returncode}:\n{told}"
        finally:
            for process in processes:
                process.kill()
        assert "Traceback" not in told, told
        assert "Internal error" not in told, told
        return told

    def go_on(self) -> None:
        """Run the same commands again, but those that are completed; they must succeed."""
        for line in self.lines:
            if self.state("_".join(line[:2]).upper()) != "COMPLETED":
                self.run(*line)

    def move(self, *codes: int, timeout: float = 90) -> str:
        return self.finish(self.begin(), *codes, timeout=timeout)

    @property
    def judged(self) -> Endpoint:
        """The target as its administrator sees it, for whom no limit of the role's holds."""
        return replace(self.target, user=self.source.user, password=self.administrator)

    def state(self, phase: str) -> str:
        sql = "SELECT state FROM ybvoyager.migration_state WHERE phase = %s"
        rows = drive.fetch(self.judged, sql, [phase])
        return str(rows[0][0]) if rows else ""

    def registered(self) -> bool:
        there = drive.fetch(self.judged, "SELECT to_regclass('ybvoyager.migration_state') IS NOT NULL")[0][0]
        return bool(there and drive.fetch(self.judged, "SELECT 1 FROM ybvoyager.migration_state LIMIT 1"))

    def loaded(self) -> int:
        """How many batches the ledger holds."""
        there = drive.fetch(self.judged, "SELECT to_regclass('ybvoyager.import_batches') IS NOT NULL")[0][0]
        return int(drive.fetch(self.judged, "SELECT count(*) FROM ybvoyager.import_batches")[0][0]) if there else 0

    def assert_each_row_once(self) -> None:
        rows = snapshot(self.source)
        assert snapshot(self.judged) == rows
        assert unmatched_batches(self.judged) == []
        assert overlapping_batches(self.judged) == []
        assert drive.fetch(self.judged, "SELECT sum(rows) FROM ybvoyager.import_batches") == [
            (sum(count for count, _ in rows.values()),)
        ]


@dataclass
class Ground:
    """A source with rows, and targets that are set up as far as it takes to begin each way."""

    source_server: Server
    target_server: Server
    directory: Path
    proxy: Proxy
    superuser: bool
    rows: str
    _kept: ExitStack
    _ways: dict[str, tuple[Way, Stages]] = field(default_factory=dict)
    _source: Endpoint | None = None

    def ready(self, name: str) -> Way:
        """The way as nothing of its rows has moved yet, with nothing planned in the proxy."""
        self.proxy.plan()
        if name not in self._ways:
            self._ways[name] = self._set_up(name)
        way, stages = self._ways[name]
        self._own(stages)
        way.options, way.port, way.memory = "", self.proxy.port, 0
        way.extra.clear()
        way.variables.clear()
        return way

    def _own(self, stages: Stages) -> None:
        stages.restore("ready")
        if not self.superuser:
            target = stages.migration.target
            drive.execute(self.target_server.endpoint(), f'ALTER DATABASE "{target.database}" OWNER TO {target.user}')

    def _set_up(self, name: str) -> tuple[Way, Stages]:
        folder = self.directory / name.replace(" ", "-")
        (folder / "copies").mkdir(parents=True)
        target = self._database(self.target_server)
        if not self.superuser:
            self._give_away(target.database)
            target = replace(target, user=_CREDENTIALS[0], password=_CREDENTIALS[1])
        way = Way(self.source(), target, folder / "export dir", way=name, port=self.proxy.port)
        way.administrator = self.target_server.password
        stages = Stages(way, self.target_server, folder / "copies")
        getattr(self, f"_before_{name.split()[0]}_{name.split()[-1].strip('-')}")(way)
        stages.save("ready")
        self._kept.callback(stages.drop)
        return way, stages

    def _before_import_data(self, way: Way) -> None:
        way.run("init")
        way.until("IMPORT_SCHEMA")
        way.run("export", "data", *_PARTS)
        way.lines = (("import", "data", *_BATCHES),)

    def _before_export_stream(self, way: Way) -> None:
        way.run("init")
        way.until("IMPORT_SCHEMA")
        way.lines = (("export", "data", "--stream", *_PARTS),)

    def _before_pipelined_pipelined(self, way: Way) -> None:
        way.run("init", "--workflow", "pipelined")
        way.until("IMPORT_SCHEMA")
        way.lines = (("export", "data", *_PARTS), ("import", "data", *_BATCHES))

    def _before_import_file(self, way: Way) -> None:
        drive.execute(way.target, TABLES)
        way.export_dir.mkdir()
        data = way.export_dir.parent / "data"
        data.mkdir()
        with drive.connect(way.source) as connection, connection.cursor() as cursor:
            for number, table in enumerate(NAMES):
                with cursor.copy(f"COPY {table} TO STDOUT (FORMAT csv)".encode()) as copy:
                    (data / f"{number}.csv").write_bytes(b"".join(bytes(piece) for piece in copy))
        files = ",".join(f"{number}.csv:{table}" for number, table in enumerate(NAMES))
        way.lines = (("import", "file", "--data-dir", str(data), "--file-table-map", files, *_BATCHES),)

    def source(self) -> Endpoint:
        if self._source is None:
            self._source = self._database(self.source_server)
            drive.execute(self._source, TABLES + self.rows)
        return self._source

    def _give_away(self, database: str) -> None:
        role, password = _CREDENTIALS
        found = drive.fetch(self.target_server.endpoint(), "SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if not found:
            drive.execute(self.target_server.endpoint(), f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        drive.execute(self.target_server.endpoint(), f"ALTER DATABASE {database} OWNER TO {role}")

    def _database(self, server: Server) -> Endpoint:
        name = f"load_{uuid4().hex[:8]}"
        drive.execute(server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0")
        gone = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
        self._kept.callback(drive.execute, server.endpoint(), gone)
        return server.endpoint(name)


@contextmanager
def ground(
    source: Server, target: Server, directory: Path, *, superuser: bool = True, rows: str = ROWS
) -> Iterator[Ground]:
    """A ground for all tests of a module; its databases go with it."""
    proxy = Proxy(target.port)
    try:
        with ExitStack() as kept:
            yield Ground(source, target, directory, proxy, superuser, rows, kept)
            proxy.plan()
    finally:
        proxy.close()


def any_table(chance: random.Random) -> tuple[int, str]:
    """The occasion and the table of a fault."""
    number = chance.randrange(len(NAMES))
    return chance.randint(1, _OCCASIONS[number]), NAMES[number]


def seeds(*, fast: int = 3, all_of_them: int = 20) -> list[Any]:
    """For parametrize: the first few run in `make test`, all others in `make test-slow`."""
    return [pytest.param(seed, marks=[pytest.mark.slow] if seed >= fast else []) for seed in range(all_of_them)]
