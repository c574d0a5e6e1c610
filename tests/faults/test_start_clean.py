"""What --start-clean undoes is undone wholly: by nobody's leave half-way, and with nothing of it taken for done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests import drive
from tests.faults.driver import LEASE_SECONDS, locked, snapshot, unmatched_batches, wait_until
from tests.faults.trial import Trial, trial
from tests.states import database, expire_leases
from voyager.embedded import Server

SOURCE = """
CREATE TABLE a (id serial PRIMARY KEY, t text);
INSERT INTO a (t) SELECT 'row ' || n FROM generate_series(1, 30000) n;
CREATE INDEX a_t ON a (t);
CREATE TABLE b (id int, a_id int REFERENCES a);
INSERT INTO b SELECT n, 1 + n % 100 FROM generate_series(1, 40000) n;
CREATE PUBLICATION told FOR TABLE a;
"""

AFTER_THE_ROWS = """
SELECT c.conname FROM pg_constraint c WHERE c.contype = 'f'
UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'public.a'::regclass
UNION ALL SELECT pubname FROM pg_publication ORDER BY 1
"""


@pytest.fixture
def migration(source_server: Server, target_server: Server, tmp_path: Path) -> Iterator[Trial]:
    with database(source_server) as source, database(target_server) as target:
        drive.execute(source, SOURCE)
        yield trial(source, target, tmp_path)


@pytest.mark.slow
def test_a_schema_imported_anew_after_the_data_gets_its_keys_and_indexes_again(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_DATA")
    wanted = drive.fetch(migration.source, AFTER_THE_ROWS)
    assert drive.fetch(migration.target, AFTER_THE_ROWS) == wanted
    migration.run("import", "schema", "--start-clean")
    migration.until("VERIFY")
    assert drive.fetch(migration.target, AFTER_THE_ROWS) == wanted
    assert snapshot(migration.target) == snapshot(migration.source)


@pytest.mark.slow
def test_a_stopped_importer_loads_nothing_into_what_an_earlier_phase_started_clean(migration: Trial) -> None:
    """Its own lease is taken from it too, although it is another phase that starts clean."""
    migration.run("init")
    migration.until("EXPORT_DATA")
    # Whether b is empty may be asked; no row gets in.
    with locked(migration.target, "public.b", "EXCLUSIVE"):
        process = migration.start("import", "data", "--parallel-jobs", "1", "--batch-size", "20000")
        wait_until(lambda: _waits_for_b(migration))
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 0.5)
    try:
        migration.run("export", "data", "--start-clean")
        os.kill(process.pid, signal.SIGCONT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 6, output + errors
    assert drive.fetch(migration.target, "SELECT count(*) FROM ybvoyager.import_batches") == [(0,)]
    assert drive.fetch(migration.target, "SELECT count(*) FROM b") == [(0,)]
    migration.until("VERIFY")
    assert unmatched_batches(migration.target) == []
    assert snapshot(migration.target) == snapshot(migration.source)


def test_a_start_clean_that_was_cut_off_shows_as_undone_and_is_finished_by_the_next_command(migration: Trial) -> None:
    migration.run("init")
    migration.until("VERIFY")
    migration.extra["YB_VOYAGER_LEASE_SECONDS"] = "120"
    with locked(migration.target, "public.b"):
        process = migration.start("export", "data", "--start-clean")
        wait_until(lambda: _waits_for_b(migration, "ALTER TABLE"))
        process.kill()
        process.communicate()
        assert migration.document("status")["next"]["kind"] == "wait"
        expire_leases(migration.target)
        shown = migration.document("status")
    states = {one["phase"]: one["state"] for one in shown["phases"]}
    assert [states[name] for name in ("EXPORT_DATA", "IMPORT_DATA", "VERIFY")] == ["NOT_STARTED"] * 3
    assert shown["next"]["phase"] == "EXPORT_DATA"
    migration.attempt("cutover", "initiate", code=5)
    assert migration.state("VERIFY") == "NOT_STARTED"
    migration.until("VERIFY")
    assert unmatched_batches(migration.target) == []
    assert snapshot(migration.target) == snapshot(migration.source)


def test_data_is_imported_anew_by_a_role_that_cannot_leave_keys_and_triggers_out(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_SCHEMA")
    role = f"loader_{uuid4().hex[:8]}"
    drive.execute(
        migration.target,
        f"CREATE ROLE {role} LOGIN PASSWORD 'x';"
        f"GRANT ALL ON SCHEMA public, ybvoyager TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA ybvoyager TO {role};"
        f"ALTER TABLE a OWNER TO {role}; ALTER TABLE b OWNER TO {role};"
        f"GRANT CREATE ON DATABASE {migration.target.database} TO {role}",
    )
    loader = replace(migration, target=replace(migration.target, user=role, password="x"))
    loader.until("VERIFY")
    loader.run("import", "data", "--start-clean")
    loader.until("VERIFY")
    assert drive.fetch(migration.target, AFTER_THE_ROWS) == drive.fetch(migration.source, AFTER_THE_ROWS)
    assert snapshot(migration.target) == snapshot(migration.source)


def _waits_for_b(migration: Trial, command: str = "COPY") -> bool:
    sql = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() "
        "AND query LIKE %s"
    )
    return drive.fetch(migration.target, sql, [f"{command}%"]) != []


@pytest.mark.slow
def test_a_table_that_held_rows_before_is_not_emptied_by_start_clean_until_its_owner_did(migration: Trial) -> None:
    migration.run("init")
    migration.until("EXPORT_DATA")
    drive.execute(migration.target, "INSERT INTO a VALUES (-1, 'theirs')")
    migration.run("import", "data", "--on-primary-key-conflict", "ignore")
    theirs = "SELECT t FROM a WHERE id = -1"
    for words in (("import", "data"), ("export", "data"), ("import", "data", "--dry-run")):
        refused = migration.document(*words, "--start-clean", code=5)["error"]
        assert refused["message"].startswith("public.a held rows before")
        assert refused["details"] == ['TRUNCATE TABLE ONLY "public"."a";']
        assert drive.fetch(migration.target, theirs) == [("theirs",)]
    # Nothing was begun to be undone: the next command is not told to finish it.
    assert "Finishing the --start-clean" not in migration.attempt("import", "data").stderr
    assert drive.fetch(migration.target, "SELECT count(*) FROM a") == [(30001,)]

    drive.execute(migration.target, "ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; TRUNCATE TABLE ONLY a")
    migration.run("import", "data", "--start-clean", "--on-primary-key-conflict", "error")
    assert snapshot(migration.target) == snapshot(migration.source)
    migration.run("import", "data", "--start-clean")
    assert snapshot(migration.target) == snapshot(migration.source)
