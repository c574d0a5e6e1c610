"""The 5 M-row pgbench set end to end: `migrate` (export, import, verify) beside pg_dump -Fd -j / pg_restore -j."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.measure import Series, compare, run_timed
from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint

SETTINGS = {
    # A benchmark of a database is worth nothing without durable commits.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "track_counts": "on",
}
ROWS_PER_SCALE = 100_000
TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_history", "pgbench_tellers")
JOBS = 2


@dataclass
class Pair:
    """Two PostgreSQL 15 servers of Debian's (its pg_dump refuses a newer one) and the client tools beside them."""

    source: Server
    target: Server
    binaries: Path
    directory: Path


def run(directory: Path, *, rows: int, runs: int, say: Callable[[str], None]) -> list[str]:
    """Run the comparison and return its printed lines. Raises when a run's target was not equal to the source."""
    binaries = system_binaries().get(15)
    if binaries is None:
        return ["end_to_end: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
    with (
        start_server(directory / "source", binaries=binaries, settings=SETTINGS) as source,
        start_server(directory / "target", binaries=binaries, settings=SETTINGS) as target,
    ):
        pair = Pair(source, target, binaries, directory)
        say(f"filling the source with {rows:,} rows")
        _fill(pair, rows)
        ours: dict[str, Series] = {}
        peer: dict[str, Series] = {}
        for number in range(1, runs + 1):
            for name, one, series in (("pg_dump/pg_restore", _dump_restore, peer), ("yb-voyager", _migrate, ours)):
                for step, seconds in _one_run(pair, one).items():
                    series.setdefault(step, Series()).add(seconds)
                say(f"run {number}: {name} {series['total'].values[-1]:.2f} s, target equal")
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        return [
            compare("end_to_end_with_verify", ours["total"], peer["total"], peer="pg_dump+pg_restore", rss=megabytes),
            compare(
                "end_to_end_without_verify",
                ours["without_verify"],
                peer["total"],
                peer="pg_dump+pg_restore",
                rss=megabytes,
            ),
            *(
                f"  {step}: {series.median:.2f} s"
                for step, series in ours.items()
                if step.startswith(("step ", "phase "))
            ),
        ]


def _fill(pair: Pair, rows: int) -> None:
    _administer(pair.source, "CREATE DATABASE bench")
    scale = max(1, rows // ROWS_PER_SCALE)
    command = [str(pair.binaries / "pgbench"), "-i", "-q", "-s", str(scale), "bench"]
    subprocess.run(command, env=_environment(pair.source), check=True, capture_output=True)
    _administer(pair.source, "VACUUM ANALYZE", database="bench")
    _administer(pair.source, "CHECKPOINT")


def _one_run(pair: Pair, tool: Callable[[Pair], dict[str, float]]) -> dict[str, float]:
    """One run of a tool into a new database, judged by SQL of our own."""
    _administer(pair.target, "DROP DATABASE IF EXISTS bench WITH (FORCE)")
    _administer(pair.target, "CREATE DATABASE bench TEMPLATE template0")
    _administer(pair.target, "CHECKPOINT")
    taken = tool(pair)
    if fingerprint(pair.source.endpoint("bench")) != fingerprint(pair.target.endpoint("bench")):
        raise SystemExit(f"{tool.__name__}: source and target are not equal after the run; no ratio is printed")
    return taken


def _dump_restore(pair: Pair) -> dict[str, float]:
    dump = pair.directory / "dump"
    shutil.rmtree(dump, ignore_errors=True)
    begun = time.perf_counter()
    run_timed([pair.binaries / "pg_dump", "-Fd", f"-j{JOBS}", "-f", dump, "bench"], _environment(pair.source))
    run_timed([pair.binaries / "pg_restore", f"-j{JOBS}", "-d", "bench", dump], _environment(pair.target))
    taken = time.perf_counter() - begun
    shutil.rmtree(dump, ignore_errors=True)
    return {"total": taken}


def _migrate(pair: Pair) -> dict[str, float]:
    """From init to verify by the real commands: one process registers, one exports and imports, one verifies."""
    source, target = pair.source.endpoint("bench"), pair.target.endpoint("bench")
    export_dir = pair.directory / "export dir"
    shutil.rmtree(export_dir, ignore_errors=True)
    to_target = ["--target-db-host", target.host, "--target-db-port", target.port, "--target-db-name", "bench"]
    to_target += ["--target-db-user", target.user]
    to_source = ["--source-db-type", "postgresql", "--source-db-host", source.host, "--source-db-port", source.port]
    to_source += ["--source-db-name", "bench", "--source-db-user", source.user, "--export-dir", export_dir]
    steps = {
        "init": ["init", "--migration-name", "bench", *to_source],
        "export and import": ["next", "--until", "IMPORT_DATA"],
        "verify": ["next", "--until", "VERIFY"],
    }
    passwords = {"SOURCE_DB_PASSWORD": source.password or "", "TARGET_DB_PASSWORD": target.password or ""}
    taken: dict[str, float] = {}
    for step, words in steps.items():
        command = [sys.executable, "-m", "voyager", "migrate", *words, *to_target, "--yes", "--output", "json"]
        taken[f"step {step}"] = run_timed(command, {**os.environ, **passwords})
    total = sum(taken.values())
    status = [sys.executable, "-m", "voyager", "migrate", "status", *to_target, "--output", "json"]
    document = subprocess.run(
        [str(word) for word in status], env={**os.environ, **passwords}, check=True, capture_output=True, text=True
    )
    for phase in json.loads(document.stdout)["phases"]:
        if phase["elapsed_seconds"] is not None:
            taken[f"phase {phase['title']}"] = phase["elapsed_seconds"]
    shutil.rmtree(export_dir, ignore_errors=True)
    return {"total": total, "without_verify": total - taken["step verify"], **taken}


def fingerprint(endpoint: Endpoint) -> list[tuple[object, ...]]:
    """Rows, an order-free hash of them for every table, and the indexes, by SQL that is not the product's."""
    with psycopg.connect(**endpoint.libpq(application_name="bench judge")) as connection:  # type: ignore[arg-type]
        rows: list[tuple[object, ...]] = []
        for table in TABLES:
            query = f"SELECT '{table}', count(*), sum(('x' || left(md5(t::text), 15))::bit(60)::bigint) FROM {table} t"
            rows += connection.execute(query.encode()).fetchall()
        rows += connection.execute(
            "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes"
            " WHERE schemaname = 'public' ORDER BY 1, 2"
        ).fetchall()
        return rows


def _administer(server: Server, statement: str, *, database: str = "postgres") -> None:
    keywords = server.endpoint(database).libpq(application_name="bench")
    with psycopg.connect(**keywords, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(statement.encode())


def _environment(server: Server) -> dict[str, str]:
    endpoint = server.endpoint("bench")
    return {
        **os.environ,
        "PGHOST": endpoint.host,
        "PGPORT": str(endpoint.port),
        "PGUSER": endpoint.user,
        "PGPASSWORD": endpoint.password or "",
    }
