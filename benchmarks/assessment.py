"""How the time and the memory of `assessment run` grow with the schema: 500, 1,000 and 2,000 tables."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from benchmarks.measure import run_timed
from voyager.embedded import Server, start_server

SIZES = (500, 1_000, 2_000)
TABLES_PER_TRANSACTION = 100  # each object takes a lock until the end


def run(directory: Path, *, say: Callable[[str], None], sizes: tuple[int, ...] = SIZES) -> list[str]:
    """Return one line a size: wall time, peak memory, and time by table."""
    lines = []
    with start_server(directory / "assessed") as server:
        for tables in sizes:
            say(f"Making {tables:,} tables and {tables // 2:,} functions ...")
            make_schema(server, f"t{tables}", tables)
            seconds, megabytes = _assess(server, f"t{tables}", directory)
            each = 1000 * seconds / tables
            lines.append(f"assessment_{tables}_tables: {seconds:.1f} s, {each:.1f} ms a table, rss={megabytes}MB")
    return lines


def make_schema(server: Server, database: str, tables: int) -> None:
    """Tables with twelve columns, keys and three indexes each; half as many functions of forty lines; some views."""
    with psycopg.connect(**server.endpoint().libpq(application_name="bench"), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(f"CREATE DATABASE {database}")
    with psycopg.connect(**server.endpoint(database).libpq(application_name="bench")) as connection:  # type: ignore[arg-type]
        for number in range(tables):
            for statement in _table(number):
                connection.execute(statement)
            if number % TABLES_PER_TRANSACTION == 0:
                connection.commit()


def _table(number: int) -> Iterator[str]:
    kinds = ("text", "jsonb", "inet", "date", "numeric(12,2)")
    columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds))
    yield (
        f"CREATE TABLE t{number} (id bigint PRIMARY KEY, parent bigint, made timestamptz DEFAULT now(), tags text[], "
        f"state text NOT NULL, {columns}, note varchar(200), total bigint GENERATED ALWAYS AS (id * 2) STORED)"
    )
    yield f"CREATE INDEX t{number}_made ON t{number} (made)"
    yield f"CREATE INDEX t{number}_state ON t{number} (state, id)"
    yield f"CREATE INDEX t{number}_tags ON t{number} USING gin (tags)"
    if number:
        yield f"ALTER TABLE t{number} ADD FOREIGN KEY (parent) REFERENCES t{number - 1}"
    if number % 4 == 0:
        yield f"CREATE VIEW v{number} AS SELECT id, state, c1 -> 'k' AS k FROM t{number} WHERE made > current_date"
    if number % 2 == 0:
        yield _function(number)


def _function(number: int) -> str:
    steps = "\n".join(
        f"  UPDATE t{number} SET note = 'step {step}', c4 = c4 + {step} WHERE id = wanted AND state <> 'done';\n"
        f"  IF NOT FOUND THEN RAISE NOTICE 'nothing at {step}'; END IF;"
        for step in range(18)
    )
    return (
        f"CREATE FUNCTION f{number}(wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$\n"
        f"DECLARE found bigint;\nBEGIN\n{steps}\n"
        f"  PERFORM pg_advisory_xact_lock(wanted);\n  SELECT id INTO found FROM t{number} LIMIT 1;\n"
        "  RETURN found;\nEND $$"
    )


def _assess(server: Server, database: str, directory: Path) -> tuple[float, int]:
    there = server.endpoint(database)
    entry = Path(sys.executable).parent / "yb-voyager"
    command = [
        *(str(entry), "assessment", "run", "--source-db-type", "postgresql", "--source-db-host", there.host),
        *("--source-db-port", str(there.port), "--source-db-name", database, "--source-db-user", there.user),
        *("--iops-capture-interval", "0", "--assessment-dir", str(directory / database), "--output", "json", "--yes"),
    ]
    environment = {**os.environ, "SOURCE_DB_PASSWORD": there.password or ""}
    return run_timed(command, environment), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
