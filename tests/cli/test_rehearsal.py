"""A rehearsal leaves nothing in the way: the same pair is migrated again after `end`, also when it was given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import schema_snapshot, snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import Server

SOURCE = """
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := now(); RETURN NEW; END';
CREATE TABLE people (id serial PRIMARY KEY, name text, feels mood DEFAULT 'ok', at timestamptz);
CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int REFERENCES people, page text);
CREATE TRIGGER stamp BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE INDEX ON visits (page);
CREATE MATERIALIZED VIEW pages AS SELECT page, count(*) FROM visits GROUP BY 1;
CREATE VIEW sad_people AS SELECT * FROM people WHERE feels = 'sad';
INSERT INTO people (name) SELECT 'person ' || n FROM generate_series(1, 500) n;
INSERT INTO visits (person, page) SELECT n % 500 + 1, 'page ' || n % 7 FROM generate_series(1, 3000) n;
REFRESH MATERIALIZED VIEW pages;
"""
CHANGES = """
DELETE FROM visits WHERE id % 3 = 0;
UPDATE people SET name = 'renamed' WHERE id < 10;
INSERT INTO people (name, feels) SELECT 'new', 'sad' FROM generate_series(1, 20);
ALTER TABLE people ADD nick text;
CREATE TABLE added (id int PRIMARY KEY);
INSERT INTO added VALUES (1);
REFRESH MATERIALIZED VIEW pages;
"""


@pytest.mark.slow
def test_the_same_pair_is_migrated_again_and_again(
    source_server: Server, target_server: Server, tmp_path: Path
) -> None:
    with database(source_server) as source, database(target_server) as target:
        drive.execute(source, SOURCE)

        def begin(name: str) -> Trial:
            return trial(source, target, tmp_path / name, name=name)

        for name in ("given-up", "rehearsal", "the-real-one"):
            (tmp_path / name).mkdir()

        abandoned = begin("given-up")
        abandoned.run("init")
        abandoned.until("IMPORT_DATA")
        assert (
            "needs confirmation"
            in drive.run_cli(*abandoned.command("end")[:-1], env=abandoned.environment, cwd=tmp_path).stderr
        )
        told = abandoned.run("end").stdout
        assert "abandoned" in told
        assert "3,500 rows" in told

        drive.execute(source, CHANGES)
        rehearsal = begin("rehearsal")
        refused = rehearsal.document("init", code=4)["error"]
        assert "--allow-non-empty" in str(refused)
        again(rehearsal)
        rehearsal.run("next", "--run", "CUTOVER")
        rehearsal.until("FINALIZE")
        rehearsal.run("end", "--clean-export-dir")
        assert list(rehearsal.export_dir.rglob("*_data.sql")) == []

        # What the application of the rehearsal did in the target is gone afterwards too.
        drive.execute(target, "INSERT INTO people (name) VALUES ('a visitor'); DELETE FROM visits WHERE id < 100")
        drive.execute(source, "DROP MATERIALIZED VIEW pages; INSERT INTO added VALUES (2)")
        again(begin("the-real-one"))
        names = drive.fetch(target, "SELECT name, end_reason FROM ybvoyager.migrations ORDER BY created_at")
        assert names == [("given-up", "abandoned before cutover"), ("rehearsal", "completed"), ("the-real-one", None)]


def again(migration: Trial) -> None:
    """Migrate into a target that an earlier migration filled."""
    migration.run("init", "--allow-non-empty")
    migration.until("ANALYZE_SCHEMA")
    migration.run("import", "schema", "--start-clean")
    migration.until("VERIFY")
    assert snapshot(migration.target) == snapshot(migration.source)
    assert schema_snapshot(migration.target) == schema_snapshot(migration.source)
    batches = "SELECT 1 FROM ybvoyager.import_batches JOIN ybvoyager.migrations USING (migration_uuid) WHERE name = %s"
    assert drive.fetch(migration.target, batches, [migration.name])
