"""A stream that is paused, or told to use fewer connections, in the middle of a part that takes long."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import snapshot, unmatched_batches, wait_until
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

# No key: a row that came twice would stay.
SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT i, repeat('x', 90) FROM generate_series(1, 30000) i;
CREATE TABLE other (id int, filler text);
INSERT INTO other SELECT i, repeat('y', 90) FROM generate_series(1, 20000) i;
ANALYZE;
"""
# Each table is one part, and takes minutes. Its rows are with the server long before that.
SLOW = """
CREATE FUNCTION public.slow() RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(0.5) IS NOT NULL';
ALTER TABLE public.big ADD CONSTRAINT slow CHECK (id % 100 <> 0 OR public.slow());
ALTER TABLE public.other ADD CONSTRAINT slow CHECK (id % 100 <> 0 OR public.slow());
"""
QUICK = "ALTER TABLE public.big DROP CONSTRAINT slow; ALTER TABLE public.other DROP CONSTRAINT slow"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
COPYING = f"{CONNECTIONS} AND state = 'active' AND query LIKE 'COPY %%'"
LOCKS = "SELECT count(*) FROM pg_locks WHERE relation IN ('public.big'::regclass, 'public.other'::regclass)"


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("paused")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_SCHEMA") as found:
        drive.execute(found.migration.target, SLOW)
        found.stages.save("slow")
        yield found


@pytest.fixture
def streaming(stage: Staged) -> Iterator[tuple[Trial, subprocess.Popen[str]]]:
    """A stream that has two parts under way, both far from their end."""
    migration = stage.after("SLOW")
    process = migration.start("export", "data", "--stream", "--chunk-size", "1GB", "--parallel-jobs", 2)
    try:
        wait_until(lambda: count(migration.target, COPYING, "yb-voyager stream data") == 2)
        yield migration, process
    finally:
        process.kill()
        process.communicate()


def count(endpoint: Any, sql: str, *parameters: str) -> int:
    return int(drive.fetch(endpoint, sql, list(parameters) or None)[0][0])


def test_a_pause_takes_hold_inside_a_part_and_leaves_nothing_open_on_the_target(
    streaming: tuple[Trial, subprocess.Popen[str]],
) -> None:
    migration, process = streaming
    migration.document("set", "parallel-jobs", 1)
    wait_until(lambda: count(migration.target, CONNECTIONS, "yb-voyager stream data") == 1)
    assert migration.document("pause")["running"] == ["EXPORT_DATA"]
    wait_until(lambda: count(migration.target, CONNECTIONS, "yb-voyager stream data") == 0)
    assert count(migration.target, LOCKS) == 0
    assert migration.batches() == {}
    assert process.poll() is None

    # The view of the source is kept: what is written now is not in the target.
    rows = snapshot(migration.source)
    assert count(migration.source, CONNECTIONS, "yb-voyager export data") > 0
    drive.execute(migration.source, "DELETE FROM big WHERE id % 3 = 0; INSERT INTO other VALUES (0, 'late')")
    drive.execute(migration.target, QUICK)
    migration.document("resume")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, f"{output}\n{errors}"
    assert "Export Data: paused since" in errors
    assert "Export Data: resumed" in errors
    assert snapshot(migration.target) == rows
    assert unmatched_batches(migration.target) == []
    summary = migration.summary("EXPORT_DATA")
    assert (len(summary["snapshots"]), summary["mixed"], summary["rows"]) == (1, False, 50_000)
    told = [event["detail"].get("message") for event in migration.document("history")["events"]]
    assert "2 workers became 1: set by the operator" in told
