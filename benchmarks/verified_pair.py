"""A database that the product brought from one server to the other, and `migrate verify` on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pair import Pair, administer, connect
from voyager.embedded import Server

DIFFERENCES = 3
"""The exit code of `migrate verify` when it found some."""


@dataclass(frozen=True)
class Child:
    """A process that ended: its wall time, the most memory it held, and what it printed.

    The memory is never below that of the benchmark itself: a process begins as a copy of its starter.
    """

    seconds: float
    megabytes: int
    code: int
    out: str


def run_child(command: Sequence[object], environment: Mapping[str, str], *, codes: tuple[int, ...] = (0,)) -> Child:
    """Run a process to its end. Any exit code but `codes` ends the benchmark with what the process said."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen(words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - begun
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed = out.read().decode(errors="replace")
        if code not in codes:
            sys.stderr.write(printed[-2000:] + err.read().decode(errors="replace")[-4000:])
            raise SystemExit(f"{' '.join(words[:5])} … ended with {code}")
    return Child(taken, usage.ru_maxrss // 1024, code, printed)


@dataclass(frozen=True)
class Verified:
    """One run of `migrate verify`: the process, the seconds of the tables' comparison alone, and the keys it named."""

    child: Child
    comparing: float
    rows: int
    keys: frozenset[int]


@dataclass(frozen=True)
class VerifiedPair:
    """One database on both servers, brought to the target by the product."""

    pair: Pair
    name: str

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.pair.source, self.pair.target

    def make(self, fill: Callable[[str], None]) -> None:
        """Let `fill` fill the source's database, whose name it gets, then migrate it."""
        for server in self.servers:
            administer(server, f"CREATE DATABASE {self.name} TEMPLATE template0")
        fill(self.name)
        administer(self.pair.source, "VACUUM ANALYZE", database=self.name)
        self._voyager("init", "--migration-name", self.name, *self._to_source())
        self._voyager("next", "--until", "IMPORT_DATA")
        for server in self.servers:
            administer(server, "VACUUM ANALYZE", "CHECKPOINT", database=self.name)

    def drop(self) -> None:
        for server in self.servers:
            administer(server, f"DROP DATABASE {self.name} WITH (FORCE)")
        shutil.rmtree(self._export_dir)

    def uri(self, server: Server) -> str:
        end = server.endpoint(self.name)
        return f"postgresql://{end.user}:{end.password or ''}@{end.host}:{end.port}/{self.name}"

    def verify(self, *options: str, table: str) -> Verified:
        """Run `migrate verify` and read of its report what it says about `table`. Raises when it reused old results."""
        child = self._voyager("verify", *options, codes=(0, DIFFERENCES))
        report = json.loads((self._export_dir / "reports" / "verification_report.json").read_text())
        (of_table,) = (one for one in report["tables"] if one["table"] == table)
        if of_table["chunks_reused"]:
            raise SystemExit(f"verify took over {of_table['chunks_reused']} chunks of an earlier run")
        keys = frozenset(int(next(iter(row["key"].values()))) for row in _rows_of(report, table))
        return Verified(child, of_table["seconds"], of_table["source_rows"], keys)

    def fingerprint(self, *tables: str) -> list[list[Any]]:
        """Number of rows and an order-free hash of all values of each table, source and target, by plain SQL."""
        sql = "SELECT count(*), sum(('x' || left(md5(t::text), 15))::bit(60)::bigint) FROM {} t"
        found = []
        for server in self.servers:
            with connect(server.endpoint(self.name)) as connection:
                found.append([connection.execute(sql.format(table).encode()).fetchone() for table in tables])
        return found

    def seconds_of(self, sql: str, *settings: str) -> float:
        """Seconds until both servers, asked at the same time, gave the answer to one query."""
        connections = [connect(server.endpoint(self.name)) for server in self.servers]
        for connection in connections:
            for setting in settings:
                connection.execute(f"SET {setting}".encode())
        with ThreadPoolExecutor(len(connections)) as threads:
            begun = time.perf_counter()
            list(threads.map(lambda connection: connection.execute(sql.encode()).fetchall(), connections))
            taken = time.perf_counter() - begun
        for connection in connections:
            connection.close()
        return taken

    @property
    def _export_dir(self) -> Path:
        return self.pair.directory / f"export {self.name}"

    def _voyager(self, *words: object, codes: tuple[int, ...] = (0,)) -> Child:
        target = self.pair.target.endpoint(self.name)
        to_target = ["--target-db-host", target.host, "--target-db-port", target.port, "--target-db-name", self.name]
        to_target += ["--target-db-user", target.user]
        command = [sys.executable, "-m", "voyager", "migrate", *words, *to_target, "--yes", "--output", "json"]
        here, there = (server.password for server in self.servers)
        passwords = {"SOURCE_DB_PASSWORD": here, "TARGET_DB_PASSWORD": there}
        return run_child(command, {**os.environ, **passwords}, codes=codes)

    def _to_source(self) -> list[object]:
        source = self.pair.source.endpoint(self.name)
        to_source = ["--source-db-type", "postgresql", "--source-db-host", source.host, "--source-db-port", source.port]
        to_source += ["--source-db-name", self.name, "--source-db-user", source.user]
        return [*to_source, "--export-dir", self._export_dir]


def _rows_of(report: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The rows that differ, as the report names them."""
    return [
        row
        for difference in report["differences"]
        if difference["object"].endswith(f".{table}")
        for row in difference.get("rows") or ()
    ]
