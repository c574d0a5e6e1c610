"""SIGKILL at twenty points of a migration: the same command, run again plainly, ends where an undisturbed one does."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests import drive
from tests.faults.driver import (
    Killed,
    Migration,
    MissedPoint,
    Point,
    Stages,
    lock_later,
    overlapping_batches,
    pg_dumps,
    read_files,
    rows_locked,
    schema_snapshot,
    snapshot,
    unmatched_batches,
    wait_until,
)
from voyager.embedded import Server

TABLES = 24
ROWS = 2500
ATTEMPTS = 6

SOURCE = f"""
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := now(); RETURN NEW; END';
DO $$
BEGIN
    FOR i IN 0..{TABLES - 1} LOOP
        EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, parent int, name text NOT NULL, feels mood, '
            'amount numeric(12, 4), changed timestamptz DEFAULT ''2024-01-01'', payload bytea, '
            'CHECK (length(name) > 0))', i);
        EXECUTE format('INSERT INTO t%s (parent, name, feels, amount, payload) SELECT n, ''row '' || n, '
            '(ARRAY[''sad'', ''ok'', NULL])[n %% 3 + 1]::mood, n / 7.0, decode(md5(n::text), ''hex'') '
            'FROM generate_series(1, {ROWS}) n', i);
        EXECUTE format('CREATE INDEX ON t%s (name, feels)', i);
        EXECUTE format('CREATE VIEW v%s AS SELECT feels, count(*) FROM t%s GROUP BY 1', i, i);
        EXECUTE format('CREATE TRIGGER changed BEFORE UPDATE ON t%s FOR EACH ROW EXECUTE FUNCTION stamp()', i);
        IF i > 0 THEN
            EXECUTE format('ALTER TABLE t%s ADD FOREIGN KEY (parent) REFERENCES t%s (id)', i, i - 1);
        END IF;
    END LOOP;
END $$;
-- No key, and rows that occur twice: a batch sent twice would show.
CREATE TABLE visits (at timestamptz, page text);
INSERT INTO visits SELECT '2024-01-01'::timestamptz + (n / 3) * interval '1 second', 'page'
    FROM generate_series(1, 9000) n;
CREATE MATERIALIZED VIEW totals AS SELECT page, count(*) FROM visits GROUP BY 1;
ANALYZE;
"""

PHASES = {
    "EXPORT_SCHEMA": ("export", "schema"),
    "ANALYZE_SCHEMA": ("analyze-schema",),
    "IMPORT_SCHEMA": ("import", "schema"),
    # Small parts make many ledger rows, so that there are many moments to die at.
    "EXPORT_DATA": ("export", "data", "--chunk-size", "64KB", "--parallel-jobs", "2"),
    "IMPORT_DATA": ("import", "data", "--parallel-jobs", "2"),
    "VERIFY": ("verify", "--parallel-jobs", "2"),
}


@dataclass(frozen=True)
class Undisturbed:
    """A migration that nobody killed: where every killed one must end, and the stages to start from."""

    migration: Migration
    stages: Stages
    schema: set[tuple[str, str]]
    parts: int
    statements: int
    post_data: int


@pytest.fixture(scope="module")
def undisturbed(source_server: Server, target_server: Server) -> Iterator[Undisturbed]:
    base = Path(tempfile.mkdtemp(prefix="yb-voyager-kill-"))
    source, target = f"kill_source_{uuid4().hex[:8]}", f"kill_target_{uuid4().hex[:8]}"
    drive.execute(source_server.endpoint(), f"CREATE DATABASE {source} TEMPLATE template0")
    drive.execute(target_server.endpoint(), f"CREATE DATABASE {target} TEMPLATE template0")
    migration = Migration(source_server.endpoint(source), target_server.endpoint(target), base / "export dir")
    (base / "copies").mkdir()
    stages = Stages(migration, target_server, base / "copies")
    try:
        drive.execute(migration.source, SOURCE)
        migration.run("init")
        stages.save("initialize")
        for phase, words in PHASES.items():
            migration.run(*words)
            stages.save(phase.lower())
        assert snapshot(migration.target) == snapshot(migration.source)
        counted = dict(
            drive.fetch(migration.target, "SELECT phase, count(*) FROM ybvoyager.schema_statements GROUP BY 1")
        )
        parts = len(list((base / "copies" / "export_data" / "data").glob("*.manifest.json")))
        schema = schema_snapshot(migration.target)
        assert schema == schema_snapshot(migration.source)
        yield Undisturbed(migration, stages, schema, parts, counted["IMPORT_SCHEMA"], counted["IMPORT_DATA"])
    finally:
        stages.drop()
        drive.execute(target_server.endpoint(), f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        drive.execute(source_server.endpoint(), f"DROP DATABASE IF EXISTS {source} WITH (FORCE)")
        shutil.rmtree(base, ignore_errors=True)


def at_once(_: Migration, __: psycopg.Connection[Any]) -> bool:
    return True


def a_schema_file_is_there(migration: Migration, _: psycopg.Connection[Any]) -> bool:
    return any((migration.export_dir / "schema").rglob("*.sql"))


def parts_written(share: float) -> Callable[[Undisturbed], Point]:
    def point(undisturbed: Undisturbed) -> Point:
        wanted = max(1, int(undisturbed.parts * share))
        return lambda migration, _: len(list((migration.export_dir / "data").glob("*.manifest.json"))) >= wanted

    return point


def batches_committed(share: float) -> Callable[[Undisturbed], Point]:
    def point(undisturbed: Undisturbed) -> Point:
        wanted = max(1, int(undisturbed.parts * share))
        return lambda _, connection: _count(connection, "SELECT count(*) FROM ybvoyager.import_batches") >= wanted

    return point


def statements_done(phase: str, share: float) -> Callable[[Undisturbed], Point]:
    sql = f"SELECT count(*) FROM ybvoyager.schema_statements WHERE phase = '{phase}' AND state = 'done'"

    def point(undisturbed: Undisturbed) -> Point:
        total = undisturbed.statements if phase == "IMPORT_SCHEMA" else undisturbed.post_data
        wanted = max(1, int(total * share))
        return lambda _, connection: _count(connection, sql) >= wanted

    return point


def chunks_compared(wanted: int) -> Point:
    return lambda _, connection: _count(connection, "SELECT count(*) FROM ybvoyager.verification_chunks") >= wanted


def always(point: Point) -> Callable[[Undisturbed], Point]:
    return lambda _: point


def rarely(point: Any) -> Any:
    """A kill point for `make test-slow`; one of each kind is always tried."""
    return pytest.param(point, marks=pytest.mark.slow)


@pytest.mark.parametrize("point", [at_once, rarely(a_schema_file_is_there)])
def test_export_schema_killed_and_run_again_writes_the_same_files(undisturbed: Undisturbed, point: Point) -> None:
    kill(undisturbed, "EXPORT_SCHEMA", always(point))
    run_again(undisturbed, "EXPORT_SCHEMA")
    assert_same_schema_files(undisturbed)


def test_export_schema_killed_while_pg_dump_works_leaves_no_pg_dump_behind(undisturbed: Undisturbed) -> None:
    """Once the phase has begun a table of the source is held, so that pg_dump, started a little later, waits for it."""
    migration = undisturbed.migration
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%LOCK TABLE%' AND datname = "
    running: set[int] = set()
    with contextlib.ExitStack() as stack:
        hold = stack.enter_context(lock_later(migration.source, "public.t7"))

        def pg_dump_waits(_: Migration, __: psycopg.Connection[Any]) -> bool:
            hold()
            waits = bool(drive.fetch(migration.source, waiting + f"'{migration.source.database}'"))
            # Looked at after it is known to wait: before, it may not have been there yet.
            running.update(pg_dumps())
            return waits

        kill(undisturbed, "EXPORT_SCHEMA", always(pg_dump_waits))
        assert running
        wait_until(lambda: not running & pg_dumps())
    run_again(undisturbed, "EXPORT_SCHEMA")
    assert_same_schema_files(undisturbed)


@pytest.mark.parametrize("share", [rarely(0.0), rarely(0.25), 0.6, rarely(0.95)])
def test_import_schema_killed_and_run_again_makes_every_object_once(undisturbed: Undisturbed, share: float) -> None:
    migration = undisturbed.migration
    killed = kill(undisturbed, "IMPORT_SCHEMA", statements_done("IMPORT_SCHEMA", share))
    run_again(undisturbed, "IMPORT_SCHEMA")
    assert statements(migration, "IMPORT_SCHEMA") == {"done": undisturbed.statements}
    assert killed.statements.items() <= done_statements(migration).items()
    finish(undisturbed, after="IMPORT_SCHEMA")


@pytest.mark.parametrize("share", [rarely(0.0), rarely(0.2), 0.5, rarely(0.9)])
def test_export_data_killed_and_run_again_holds_every_row_once(undisturbed: Undisturbed, share: float) -> None:
    kill(undisturbed, "EXPORT_DATA", parts_written(share))
    before = read_files(undisturbed.migration.export_dir / "data")
    finished = {name: content for name, content in before.items() if name.endswith(".manifest.json")}
    run_again(undisturbed, "EXPORT_DATA")
    after = read_files(undisturbed.migration.export_dir / "data")
    assert finished.items() <= after.items(), "a part that was finished was read again"
    assert undisturbed.migration.summary("EXPORT_DATA")["mixed"] is False
    finish(undisturbed, after="EXPORT_DATA")


@pytest.mark.parametrize("share", [rarely(0.0), rarely(0.2), 0.6, rarely(0.98)])
def test_import_data_killed_and_run_again_sends_only_what_is_missing(undisturbed: Undisturbed, share: float) -> None:
    migration = undisturbed.migration
    kill(undisturbed, "IMPORT_DATA", batches_committed(share))
    inserted, batches = migration.inserted(), migration.batches()
    assert batches
    run_again(undisturbed, "IMPORT_DATA")
    assert batches.items() <= migration.batches().items(), "a committed batch was written again"
    rows = {table: count for table, (count, _) in snapshot(migration.source).items() if table != "public.totals"}
    sent = {table: count - inserted.get(table, 0) for table, count in migration.inserted().items() if table in rows}
    missing = Counter(rows)
    missing.subtract(in_ledger(migration, batches))
    assert sent == dict(missing), "more or less was sent than what no committed batch holds"
    finish(undisturbed, after="IMPORT_DATA")


@pytest.mark.parametrize("share", [rarely(0.0), 0.5, rarely(0.95)])
def test_post_data_killed_and_run_again_makes_every_object_once(undisturbed: Undisturbed, share: float) -> None:
    migration = undisturbed.migration
    killed = kill(undisturbed, "IMPORT_DATA", statements_done("IMPORT_DATA", share))
    inserted, batches = migration.inserted(), migration.batches()
    run_again(undisturbed, "IMPORT_DATA")
    assert statements(migration, "IMPORT_DATA") == {"done": undisturbed.post_data}
    assert killed.statements.items() <= done_statements(migration).items()
    assert migration.batches() == batches
    assert {table: count for table, count in migration.inserted().items() if table != "public.totals"} == {
        table: count for table, count in inserted.items() if table != "public.totals"
    }
    finish(undisturbed, after="IMPORT_DATA")


@pytest.mark.parametrize("table", ["public.t0", rarely("public.visits")])
def test_verify_killed_and_run_again_reads_only_what_is_left(undisturbed: Undisturbed, table: str) -> None:
    """One table of the target is held, so that the command waits for it while all others are compared."""
    migration = undisturbed.migration
    undisturbed.stages.restore("import_data")
    compared = chunks_compared(TABLES)
    with rows_locked(migration.target, table) as let_pass:

        def all_but_one_compared(migration: Migration, connection: psycopg.Connection[Any]) -> bool:
            let_pass()
            return compared(migration, connection)

        killed = migration.kill_at("VERIFY", all_but_one_compared, *PHASES["VERIFY"])
    assert len(killed.chunks) == TABLES
    run_again(undisturbed, "VERIFY")
    sql = "SELECT schema_name, table_name, chunk, run_id, state, compared_at FROM ybvoyager.verification_chunks"
    chunks = {row[:3]: row[3:] for row in drive.fetch(migration.target, sql)}
    assert killed.chunks.items() <= chunks.items(), "a chunk that was compared was compared again"
    assert len(chunks) == TABLES + 1
    assert migration.summary("VERIFY")["clean"] is True
    assert_equal(undisturbed)


def kill(undisturbed: Undisturbed, phase: str, point: Callable[[Undisturbed], Point]) -> Killed:
    """Set the stage before `phase` and kill its command at the point; set it again when the command was quicker."""
    before = {name: previous for previous, name in zip(["INITIALIZE", *PHASES], PHASES, strict=False)}
    for _ in range(ATTEMPTS):
        undisturbed.stages.restore(before[phase].lower())
        with contextlib.suppress(MissedPoint):
            return undisturbed.migration.kill_at(phase, point(undisturbed), *PHASES[phase])
    pytest.fail(f"{phase} was over before the kill point {ATTEMPTS} times")


def run_again(undisturbed: Undisturbed, phase: str) -> None:
    undisturbed.migration.run(*PHASES[phase])
    assert undisturbed.migration.state(phase) == "COMPLETED"


def finish(undisturbed: Undisturbed, *, after: str) -> None:
    """Run what is left up to the data, then compare with the source."""
    names = list(PHASES)
    for phase in names[names.index(after) + 1 : names.index("VERIFY")]:
        undisturbed.migration.run(*PHASES[phase])
    assert_equal(undisturbed)


def assert_equal(undisturbed: Undisturbed) -> None:
    """Source and target hold the same rows and objects, and the ledger holds every batch once."""
    migration = undisturbed.migration
    assert snapshot(migration.target) == snapshot(migration.source)
    assert schema_snapshot(migration.target) == undisturbed.schema
    assert overlapping_batches(migration.target) == []
    assert [line for line in unmatched_batches(migration.target) if not line.startswith("public.totals")] == []
    rows = {table: count for table, (count, _) in snapshot(migration.source).items() if table != "public.totals"}
    assert in_ledger(migration, migration.batches()) == rows
    ahead = f"SELECT nextval(format('t%s_id_seq', n)) FROM generate_series(0, {TABLES - 1}) n"
    assert all(value > ROWS for (value,) in drive.fetch(migration.target, ahead))


def assert_same_schema_files(undisturbed: Undisturbed) -> None:
    written = read_files(undisturbed.migration.export_dir / "schema")
    assert written == undisturbed.stages.files("export_schema", "schema")


def in_ledger(migration: Migration, batches: dict[tuple[str, int], tuple[Any, ...]]) -> dict[str, int]:
    """Rows by table of the batches given."""
    sql = "SELECT DISTINCT chunk_id::text, format('%I.%I', schema_name, table_name) FROM ybvoyager.import_batches"
    tables = dict(drive.fetch(migration.target, sql))
    counted: Counter[str] = Counter()
    for (chunk, _), (_, rows, *_rest) in batches.items():
        counted[tables[chunk]] += rows
    return dict(counted)


def statements(migration: Migration, phase: str) -> dict[str, int]:
    sql = "SELECT state, count(*) FROM ybvoyager.schema_statements WHERE phase = %s GROUP BY 1"
    return dict(drive.fetch(migration.target, sql, [phase]))


def done_statements(migration: Migration) -> dict[str, tuple[Any, ...]]:
    sql = "SELECT statement_id, state, started_at, finished_at FROM ybvoyager.schema_statements WHERE state = 'done'"
    return {str(row[0]): row[1:] for row in drive.fetch(migration.target, sql)}


def _count(connection: psycopg.Connection[Any], sql: str) -> int:
    row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])
