"""A cutover rests on what is true now: nothing that was written, made or left by another since is passed by."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import Server

SOURCE = """
CREATE TABLE a (id serial PRIMARY KEY, t text);
INSERT INTO a (t) SELECT 'row ' || n FROM generate_series(1, 500) n;
CREATE TABLE measured (at date) PARTITION BY RANGE (at);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO measured VALUES ('2026-01-15');
"""


@pytest.fixture
def migration(source_server: Server, target_server: Server, tmp_path: Path) -> Iterator[Trial]:
    with database(source_server) as source, database(target_server) as target:
        drive.execute(source, SOURCE)
        yield trial(source, target, tmp_path)


def test_a_cutover_that_goes_on_asks_again_whether_the_source_was_written(migration: Trial) -> None:
    migration.run("init")
    migration.until("VERIFY")
    # What a kill between its beginning and its end leaves.
    begun = "UPDATE ybvoyager.migration_state SET state = 'INITIATED' WHERE phase = 'CUTOVER'"
    drive.execute(migration.target, begun)
    drive.execute(migration.source, "INSERT INTO a (t) VALUES ('late')")
    told = migration.attempt("cutover", "initiate", code=5).stderr
    assert "since it was verified" in told
    assert "--cancel" in told
    migration.run("cutover", "initiate", "--cancel")
    migration.attempt("verify", code=3)


@pytest.mark.slow
def test_a_table_made_after_the_export_is_a_difference(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_DATA")
    drive.execute(
        migration.source,
        "CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');"
        "INSERT INTO measured VALUES ('2026-02-15')",
    )
    told = migration.attempt("verify", code=3).stdout
    assert "measured_2" in told


def test_a_table_made_after_the_verification_holds_the_cutover_up(migration: Trial) -> None:
    migration.run("init")
    migration.until("VERIFY")
    drive.execute(
        migration.source,
        "CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');"
        "INSERT INTO measured VALUES ('2026-02-15')",
    )
    migration.attempt("cutover", "initiate", code=5)


@pytest.mark.slow
def test_counted_rows_vouch_only_for_a_source_that_was_not_written_since_its_export(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_DATA")
    drive.execute(migration.source, "UPDATE a SET t = 'changed' WHERE id = 7")
    migration.attempt("verify", "--level", "counts")
    assert "only counted rows" in migration.attempt("cutover", "initiate", code=5).stderr
    migration.attempt("verify", "--level", "checksum", code=3)


@pytest.mark.slow
def test_the_files_of_an_ended_migration_are_not_taken_for_an_export(migration: Trial) -> None:
    migration.run("init")
    migration.until("EXPORT_DATA")
    migration.run("end")
    drive.execute(migration.source, "INSERT INTO a (t) VALUES ('later')")
    drive.execute(migration.target, "DROP TABLE a, measured")
    migration.run("init")
    migration.until("IMPORT_SCHEMA")
    told = migration.attempt("export", "data", code=5).stderr
    assert "of another migration" in told
    migration.run("export", "data", "--start-clean")
    migration.until("VERIFY")
    assert snapshot(migration.target) == snapshot(migration.source)


def test_data_files_of_another_export_are_refused(migration: Trial) -> None:
    """A copy of export-dir that was put back, for instance."""
    migration.run("init")
    migration.until("EXPORT_DATA")
    data = migration.export_dir / "data"
    shutil.copytree(data, migration.export_dir / "older")
    migration.run("export", "data", "--start-clean")
    shutil.rmtree(data)
    (migration.export_dir / "older").rename(data)
    told = migration.attempt("import", "data", code=5).stderr
    assert str(data) in told
    assert drive.fetch(migration.target, "SELECT count(*) FROM a") == [(0,)]


@pytest.mark.slow
def test_a_refused_table_list_is_not_remembered(migration: Trial) -> None:
    migration.run("init")
    migration.until("IMPORT_SCHEMA")
    migration.attempt("export", "data", "--table-list", "nosuch", code=2)
    migration.run("export", "data")
    assert migration.summary("EXPORT_DATA")["tables"] == 2


@pytest.mark.slow
def test_a_moved_export_dir_is_gone_on_with_and_another_ones_is_refused(migration: Trial) -> None:
    migration.run("init")
    migration.until("EXPORT_DATA")
    moved = migration.export_dir.parent / "moved"
    migration.export_dir.rename(moved)
    told = migration.attempt("import", "data", code=2).stderr
    assert "is not on this machine" in told
    told = migration.attempt("import", "data", "--export-dir", migration.export_dir.parent, code=2).stderr
    assert f"is not the export directory of migration {migration.name}" in told
    assert migration.state("IMPORT_DATA") == "NOT_STARTED"
    migration.run("import", "data", "--export-dir", moved)
    migration.until("VERIFY")
    assert snapshot(migration.target) == snapshot(migration.source)


def test_lost_schema_files_are_not_taken_for_a_schema_without_keys(migration: Trial) -> None:
    migration.run("init")
    migration.until("EXPORT_DATA")
    (migration.export_dir / "schema").rename(migration.export_dir / "aside")
    assert "no schema files" in migration.attempt("import", "data", code=5).stderr
    (migration.export_dir / "aside").rename(migration.export_dir / "schema")
    migration.until("VERIFY")
