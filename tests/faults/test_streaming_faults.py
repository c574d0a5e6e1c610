"""Export data --stream when it is killed, cut off, taken over, or its servers crash: no row is lost, none doubled."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from tests.door import shut_door, take_away
from tests.faults.driver import Killed, Migration, Stages, snapshot, unmatched_batches, wait_until
from tests.faults.test_data_path_faults import Proxy, killed_again_and_again
from tests.states import expire_leases
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway
from voyager.phases.export.attempt import ExportAttempt

# No key: a row that came twice would stay. An enum travels as text, numbers and text in binary.
DDL = """
CREATE TYPE public.mood AS ENUM ('sad', 'glad');
CREATE TABLE public.big (id int, filler text);
CREATE TABLE public.small (a int, m public.mood);
"""
ROWS = """
INSERT INTO public.big SELECT i, repeat('x', 90) FROM generate_series(1, 200000) i;
INSERT INTO public.small SELECT i, 'glad' FROM generate_series(1, 2000) i;
"""
# What follows the rows: a key, an index, a foreign key, a sequence.
AFTER = """
CREATE TABLE public.kept (id serial PRIMARY KEY, t text);
CREATE INDEX ON public.kept (t);
CREATE TABLE public.refers (id int REFERENCES public.kept);
"""
AFTER_ROWS = """
INSERT INTO public.kept (t) SELECT i::text FROM generate_series(1, 50) i;
INSERT INTO public.refers SELECT 1 + i % 50 FROM generate_series(1, 500) i;
ANALYZE;
"""
STREAM = ("export", "data", "--stream", "--chunk-size", "256KB", "--parallel-jobs", "2")
# A row of each part of the second half.
HALF_WAY = "id > 100000 AND id % 1000 = 0"
STREAMING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'yb-voyager stream data'"""
LEDGER = "SELECT count(*) FROM ybvoyager.import_batches"


def count(endpoint: Endpoint, sql: str) -> int:
    return int(drive.fetch(endpoint, sql)[0][0])


# The command itself


@dataclass(frozen=True)
class Prepared:
    """A migration up to the imported schema, to begin from again and again; the source is made anew too."""

    migration: Migration
    stages: Stages
    server: Server

    def restore(self) -> Migration:
        self.stages.restore("ready")
        name = self.migration.source.database
        drive.execute(self.server.endpoint(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        drive.execute(self.server.endpoint(), f"CREATE DATABASE {name} TEMPLATE {name}_rows")
        return self.migration


@pytest.fixture(scope="module")
def prepared(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    base, suffix = tmp_path_factory.mktemp("stream"), uuid4().hex[:8]
    source, target = f"stream_source_{suffix}", f"stream_target_{suffix}"
    migration = Migration(source_server.endpoint(source), target_server.endpoint(target), base / "export dir")
    (base / "copies").mkdir()
    stages = Stages(migration, target_server, base / "copies")
    drive.execute(source_server.endpoint(), f"CREATE DATABASE {source} TEMPLATE template0")
    drive.execute(target_server.endpoint(), f"CREATE DATABASE {target} TEMPLATE template0")
    try:
        drive.execute(migration.source, DDL + AFTER + ROWS + AFTER_ROWS)
        for words in (("init",), ("export", "schema"), ("analyze-schema",), ("import", "schema")):
            migration.run(*words)
        stages.save("ready")
        drive.execute(source_server.endpoint(), f"CREATE DATABASE {source}_rows TEMPLATE {source}")
        yield Prepared(migration, stages, source_server)
    finally:
        stages.drop()
        drive.execute(target_server.endpoint(), f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        for name in (source, f"{source}_rows"):
            drive.execute(source_server.endpoint(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def migration(prepared: Prepared) -> Migration:
    return prepared.restore()


def parts_in(wanted: int) -> Callable[[Migration, psycopg.Connection[Any]], bool]:
    def point(_: Migration, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(LEDGER).fetchone()
        return row is not None and row[0] >= wanted

    return point


def killed_half_way(migration: Migration) -> Killed:
    """Kill the stream when some parts are in; what was in must be a part of the whole."""
    with shut_door(migration.target, "public.big", HALF_WAY):
        killed = migration.kill_at("EXPORT_DATA", parts_in(12), *STREAM)
    assert 12 <= len(killed.batches) < 60
    wait_until(lambda: count(migration.target, STREAMING) == 0)
    take_away(migration.target, "public.big")
    return killed


def assert_equal(migration: Migration) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []


@pytest.mark.slow
def test_a_killed_stream_goes_on_and_import_data_finds_all_of_it_in(migration: Migration) -> None:
    killed = killed_half_way(migration)
    half = snapshot(migration.target)
    assert 0 < half["public.big"][0] < 200_000
    # Not told again that it is a stream, nor how large its parts are: that was kept.
    migration.run("export", "data")
    batches = migration.batches()
    assert {key: batches[key] for key in killed.batches} == killed.batches
    assert_equal(migration)
    assert list((migration.export_dir / "data").glob("*_data.sql")) == []
    summary = migration.summary("EXPORT_DATA")
    assert (summary["streamed"], summary["mixed"], len(summary["snapshots"])) == (True, False, 2)
    assert summary["rows"] == 202_550

    inserted = migration.inserted()
    migration.run("import", "data")
    assert migration.inserted() == inserted
    assert migration.summary("IMPORT_DATA")["rows"] == 202_550
    assert count(migration.target, "SELECT nextval('public.kept_id_seq')") == 51
    assert count(migration.target, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == 1
    migration.run("verify", "--level", "rows")
    assert migration.state("EXPORT_DATA") == migration.state("IMPORT_DATA") == "COMPLETED"


@pytest.mark.slow
def test_a_killed_stream_whose_table_was_written_since_is_read_anew(migration: Migration) -> None:
    killed = killed_half_way(migration)
    drive.execute(migration.source, "UPDATE big SET filler = 'moved' WHERE id % 5 = 0; DELETE FROM small WHERE a = 7")
    done = migration.run("export", "data")
    assert "only partly read" in done.stderr
    assert_equal(migration)
    assert not {row[-1] for row in killed.batches.values()} & {row[-1] for row in migration.batches().values()}
    migration.run("import", "data")
    assert_equal(migration)


@pytest.mark.slow
def test_start_clean_of_a_stream_empties_what_it_brought(migration: Migration) -> None:
    killed = killed_half_way(migration)
    migration.run(*STREAM, "--start-clean")
    assert not killed.batches.keys() & migration.batches().keys()
    assert_equal(migration)
    migration.run("import", "data")

    before = migration.batches()
    refused = drive.run_cli(*migration.command("import", "data", "--start-clean"), env=migration.environment)
    assert refused.returncode == 5, refused.stderr
    assert "were streamed by export data" in refused.stderr
    assert migration.batches() == before

    # From the other side: both are undone, and files are possible now.
    migration.run("export", "data", "--start-clean", "--chunk-size", "1MB", "--no-stream")
    assert snapshot(migration.target)["public.big"][0] == 0
    assert migration.state("IMPORT_DATA") == "NOT_STARTED"
    migration.run("import", "data")
    assert snapshot(migration.target) == snapshot(migration.source)


def test_a_stream_says_what_is_wrong_with_how_it_is_asked_for(migration: Migration) -> None:
    def refused(*words: object) -> tuple[int, str]:
        done = drive.run_cli(*migration.command(*words), env=migration.environment)
        return done.returncode, done.stderr

    code, said = refused("export", "data", "--stream", "--compression", "zstd")
    assert code == 2
    assert "--compression zstd cannot be given with --stream" in said
    assert migration.batches() == {}
    drive.execute(migration.target, "DROP TABLE public.small")
    code, said = refused("export", "data", "--stream")
    assert code == 4
    assert "public.small" in said
    assert migration.batches() == {}


PROGRESS = """
SELECT coalesce((SELECT sum(rows_done) FROM ybvoyager.table_progress WHERE phase = 'EXPORT_DATA'), 0)
    <= coalesce((SELECT sum(rows) FROM ybvoyager.import_batches), 0)"""


def test_a_stream_never_tells_of_more_rows_than_are_committed(migration: Migration) -> None:
    looks: list[bool] = []
    with shut_door(migration.target, "public.big", HALF_WAY) as door, drive.connect(migration.target) as connection:
        process = migration.start(*STREAM, "--progress", "json")
        held = 0
        while process.poll() is None:
            looks += [row[0] for row in connection.execute(PROGRESS).fetchall()]
            held += door.waiting() != []
            if held == 20:
                door.open()
            time.sleep(0.005)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert held >= 20
    assert all(looks)
    told = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert told
    rows = drive.fetch(
        migration.target,
        "SELECT table_name, status, rows_done, rows_total FROM ybvoyager.table_progress WHERE phase = 'EXPORT_DATA'"
        " ORDER BY 1",
    )
    assert rows == [
        ("big", "DONE", 200_000, 200_000),
        ("kept", "DONE", 50, 50),
        ("refers", "DONE", 500, 500),
        ("small", "DONE", 2000, 2000),
    ]
    words = ("migrate", "export", "data", "status", "--migration-name", migration.name, "--output", "json")
    status = json.loads(drive.run_cli(*words, env=migration.environment).stdout)
    assert {one["table"]: one["rows_done"] for one in status["tables"]}["big"] == 200_000


# The phases without the command: faults at chosen moments


@pytest.fixture
def path(
    source_server: Server,
    target_server: Server,
    fresh_database: Callable[..., Endpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> DataPath:
    without_post_data(monkeypatch)
    source, target = fresh_database(source_server), fresh_database(target_server)
    for endpoint in (source, target):
        drive.execute(endpoint, DDL)
    drive.execute(source, ROWS)
    return DataPath(source, target, tmp_path / "e", lease_seconds=1.0)


@pytest.fixture
def proxy(target_server: Server) -> Iterator[Proxy]:
    one = Proxy(target_server.port)
    yield one
    one.close()


SUMS = (
    "SELECT count(*), sum(id::bigint), sum(hashtextextended(filler, 0)) FROM public.big",
    "SELECT count(*), sum(a), count(m) FROM public.small",
)


def assert_every_row_once(path: DataPath) -> None:
    for sums in SUMS:
        assert drive.fetch(path.target, sums) == drive.fetch(path.source, sums)
    assert count(path.target, "SELECT sum(rows) FROM ybvoyager.import_batches") == 202_000


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_row_and_double_none(path: DataPath) -> None:
    def parts() -> int:
        return count(path.target, LEDGER)

    assert killed_again_and_again(path, "export", parts, stream=True, chunk_size="256KB", parallel_jobs=2)
    assert_every_row_once(path)
    path.load()
    assert_every_row_once(path)


def test_a_commit_whose_answer_is_lost_is_settled_by_the_ledger(path: DataPath, proxy: Proxy) -> None:
    direct, path.target = path.target, replace(path.target, port=proxy.port)
    proxy.commits_to_cut = 5
    outcome = path.export(stream=True, chunk_size="1MB", parallel_jobs=2, outage_budget=20.0)
    assert proxy.cuts == 5
    path.target = direct
    assert_every_row_once(path)
    assert len(outcome.summary["snapshots"]) == 1
    assert outcome.summary["rows"] == 202_000


REFUSE = """
ALTER TABLE public.big ADD CONSTRAINT narrow CHECK (id % 1000 <> 7);
ALTER TABLE public.small ADD CONSTRAINT narrow CHECK (a % 100 <> 3);
"""
REFUSED = {"big": 200, "small": 20}
STASH: dict[str, Any] = {"stream": True, "error_policy": "stash-and-continue", "parallel_jobs": 2}


def assert_every_row_once_or_set_aside(path: DataPath) -> None:
    """By its place (the tables have no keys) each refused row is on record once; all others are in once."""
    for sums, rest in zip(SUMS, ("id % 1000 <> 7", "a % 100 <> 3"), strict=True):
        assert drive.fetch(path.target, sums) == drive.fetch(path.source, f"{sums} WHERE {rest}")
    kept = "SELECT table_name, count(DISTINCT (chunk_id, row_in_block))::int, count(*)::int"
    rows = drive.fetch(path.target, f"{kept} FROM ybvoyager.quarantined_rows GROUP BY 1")
    assert {table: (distinct, all_of_them) for table, distinct, all_of_them in rows} == {
        table: (number, number) for table, number in REFUSED.items()
    }
    ledger = drive.fetch(path.target, "SELECT sum(rows)::int, sum(quarantined)::int FROM ybvoyager.import_batches")
    assert ledger == [(202_000 - 220, 220)]


@pytest.mark.slow
def test_kills_while_rows_are_set_aside_lose_no_row_and_set_none_aside_twice(path: DataPath) -> None:
    def parts() -> int:
        return count(path.target, LEDGER)

    drive.execute(path.target, REFUSE)
    assert killed_again_and_again(path, "export", parts, **STASH, chunk_size="256KB")
    assert_every_row_once_or_set_aside(path)
    # No key names them in the source: they come from the files of those tries that counted.
    for table in REFUSED:
        drive.execute(path.target, f"ALTER TABLE public.{table} DROP CONSTRAINT narrow")
    assert path.load(replay_quarantine=True).problem is None
    assert_every_row_once(path)
    assert list((path.export_dir.data / "set-aside").glob("*")) == []


@pytest.mark.slow
def test_a_lost_answer_to_the_commit_of_rows_set_aside_is_settled_by_the_ledger(path: DataPath, proxy: Proxy) -> None:
    drive.execute(path.target, REFUSE)
    direct, path.target = path.target, replace(path.target, port=proxy.port)
    proxy.commits_to_cut = 5
    outcome = path.export(**STASH, chunk_size="1MB", outage_budget=20.0)
    assert proxy.cuts == 5
    path.target = direct
    assert_every_row_once_or_set_aside(path)
    assert outcome.summary["rows_set_aside"] == {"public.big": 200, "public.small": 20}


def test_a_target_that_stays_away_is_an_outage_and_the_next_run_goes_on(path: DataPath, proxy: Proxy) -> None:
    direct, path.target = path.target, replace(path.target, port=proxy.port)
    proxy.commits_to_cut, proxy.then_refuse = 1, True
    with pytest.raises(DatabaseAway):
        path.export(stream=True, chunk_size="1MB", parallel_jobs=1, outage_budget=0.5)
    assert proxy.cuts == 1
    path.target = direct
    path.export(stream=True)
    assert_every_row_once(path)


def test_a_holder_that_was_taken_over_commits_nothing_more(path: DataPath, tmp_path: Path) -> None:
    with shut_door(path.target, "public.big", HALF_WAY) as door:
        process = path.start("export", stream=True, chunk_size="256KB", parallel_jobs=2)
        wait_until(lambda: len(door.waiting()) == 2 or process.poll() is not None)
        process.send_signal(signal.SIGSTOP)
    assert 0 < count(path.target, LEDGER) < 80
    expire_leases(path.target)
    # The stopped one still holds the lock on export-dir; somebody on another machine has a copy of it.
    shutil.copytree(path.directory, tmp_path / "elsewhere")
    record = path.record.migration_uuid
    DataPath(path.source, path.target, tmp_path / "elsewhere", path.lease_seconds, record=record).export(stream=True)
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "LeaseLost" in errors or "taken over" in errors
    assert_every_row_once(path)


def test_a_source_that_crashes_is_waited_for_and_the_rest_read_under_a_new_snapshot(
    own_server: Callable[..., Server], path: DataPath
) -> None:
    server = own_server()
    drive.execute(server.endpoint(), DDL + ROWS + "CHECKPOINT")
    path.source = server.endpoint()
    crashes: list[int] = []

    def checkpoint() -> None:
        if not crashes and (there := count(path.target, LEDGER)) > 5:
            crashes.append(there)
            server.restart("immediate")

    path.checkpoint = checkpoint
    outcome = path.export(stream=True, chunk_size="256KB", parallel_jobs=2, outage_budget=30.0)
    assert crashes
    assert len(outcome.summary["snapshots"]) >= 2
    assert any("Trying again" in warning for warning in path.warnings)
    assert_every_row_once(path)


def test_a_target_that_crashes_is_waited_for_under_the_same_snapshot(
    own_server: Callable[..., Server], path: DataPath, tmp_path: Path
) -> None:
    server = own_server()
    drive.execute(server.endpoint(), DDL)
    one = DataPath(path.source, server.endpoint(), tmp_path / "f")
    crashes: list[int] = []

    def checkpoint() -> None:
        if not crashes and one.progress and one.progress["public.big"].rows_done > 20_000:
            crashes.append(1)
            server.restart("immediate")

    one.checkpoint = checkpoint
    outcome = one.export(stream=True, chunk_size="256KB", parallel_jobs=2, outage_budget=30.0)
    assert crashes
    assert len(outcome.summary["snapshots"]) == 1
    assert_every_row_once(one)


FEW_KILLS = [(seed, 2) for seed in (21, 22, 23)]
MANY_KILLS = [pytest.param(seed, 4, marks=pytest.mark.slow) for seed in range(20)]


@pytest.mark.parametrize(("seed", "kills"), FEW_KILLS + MANY_KILLS)
def test_kills_and_cuts_in_any_order_lose_no_row_and_double_none(
    path: DataPath, proxy: Proxy, seed: int, kills: int
) -> None:
    """Kills, lost answers and writes to the source in between, by chance."""
    chance = random.Random(seed)
    direct = path.target
    for number in range(kills):
        path.target = replace(direct, port=proxy.port)
        cuts = chance.randint(0, 2)
        # One that is cut as it takes its lease ends there: the first one is to come farther.
        proxy.commits_to_cut = cuts if number else 0
        enough = count(direct, LEDGER) + chance.randint(1, 20)
        # The first time it cannot come to its end, however quick it is.
        with contextlib.nullcontext() if number else shut_door(direct, "public.big", HALF_WAY):
            process = path.start("export", stream=True, chunk_size="256KB", parallel_jobs=2)
            if not number:
                while process.poll() is None and not parts_planned(path):
                    time.sleep(0.01)
                proxy.commits_to_cut = cuts
            with drive.connect(direct) as looking:
                # One connection: opening another for each look takes as long as ten parts.
                while process.poll() is None and looking.execute(LEDGER).fetchone() < (enough,):
                    time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGSTOP)
            assert number or 0 < count(direct, LEDGER) < parts_planned(path)
            assert number or process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if chance.random() < 0.5:
            drive.execute(path.source, f"UPDATE public.big SET filler = 'moved' WHERE id % 7 = {chance.randint(0, 6)}")
    path.target = direct
    last = path.start("export", stream=True, parallel_jobs=2)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors
    assert drive.fetch(path.target, SUMS[1]) == drive.fetch(path.source, SUMS[1])
    summary = json.loads((path.export_dir.data / "export.json").read_text())["body"]
    if not summary["mixed"]:
        assert_every_row_once(path)


def parts_planned(path: DataPath) -> int:
    attempt = ExportAttempt.load(path.export_dir.data)
    return len(attempt.parts) if attempt else 0
