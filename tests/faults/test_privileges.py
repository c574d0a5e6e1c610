"""Roles that may not do all: the missing grant is named as SQL, that SQL repairs it, and no row is ever left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import schema_snapshot, snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import Server
from voyager.identifiers import Identifier

READER, WRITER, PASSWORD = 'o\'reader "1"', "[bold]writer", "not secret"
ROLES = {
    server: f"CREATE ROLE {Identifier(role).sql} LOGIN PASSWORD '{PASSWORD}'"
    for server, role in (("source", READER), ("target", WRITER))
}

SOURCE = f"""
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop".open (id serial PRIMARY KEY, t text);
INSERT INTO "My Shop".open (t) SELECT 'row ' || n FROM generate_series(1, 100) n;
CREATE TABLE "My Shop"."clo""sed" (id serial PRIMARY KEY, other int REFERENCES "My Shop".open);
INSERT INTO "My Shop"."clo""sed" (other) SELECT n FROM generate_series(1, 50) n;
CREATE TABLE "My Shop".secured (id int PRIMARY KEY, tenant text);
INSERT INTO "My Shop".secured SELECT n, (ARRAY['a', 'b'])[n % 2 + 1] FROM generate_series(1, 100) n;
ALTER TABLE "My Shop".secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON "My Shop".secured USING (tenant = 'a');
GRANT SELECT ON "My Shop".open, "My Shop".secured TO {Identifier(READER).sql};
"""


@pytest.fixture
def restricted(source_server: Server, target_server: Server, tmp_path: Path) -> Iterator[Trial]:
    """A migration by two roles that own nothing and may do little."""
    drive.execute(source_server.endpoint(), ROLES["source"])
    drive.execute(target_server.endpoint(), ROLES["target"])
    with database(source_server) as source, database(target_server) as target:
        drive.execute(source, SOURCE)
        yield trial(
            dataclasses.replace(source, user=READER, password=PASSWORD),
            dataclasses.replace(target, user=WRITER, password=PASSWORD),
            tmp_path,
        )
        for end, role in ((source, READER), (target, WRITER)):
            drive.execute(end, f"DROP OWNED BY {Identifier(role).sql} CASCADE")
    drive.execute(source_server.endpoint(), f"DROP ROLE {Identifier(READER).sql}")
    drive.execute(target_server.endpoint(), f"DROP ROLE {Identifier(WRITER).sql}")


def test_each_missing_grant_is_named_and_repairs_what_it_is_named_for(
    restricted: Trial, source_server: Server, target_server: Server
) -> None:
    source = source_server.endpoint(restricted.source.database)
    target = target_server.endpoint(restricted.target.database)

    repairs = repair(restricted, ("init",), target)
    assert repairs == [
        'GRANT USAGE, CREATE ON SCHEMA "public" TO "[bold]writer";',
        f'GRANT CREATE ON DATABASE "{target.database}" TO "[bold]writer";',
    ]
    restricted.run("init")

    repairs = repair(restricted, ("export", "schema"), source)
    assert any(sql.startswith("GRANT USAGE ON SCHEMA") for sql in repairs)
    repair_all(restricted, ("export", "schema"), source)
    restricted.until("IMPORT_SCHEMA")

    refused = restricted.document("export", "data", code=9)["error"]
    assert "secured" in str(refused["details"])
    assert drive.fetch(target, 'SELECT count(*) FROM "My Shop".secured') == [(0,)]
    assert list((restricted.export_dir / "data").glob("*.manifest.json")) == []
    repairs = repair_all(restricted, ("export", "data"), source)
    assert any("BYPASSRLS" in sql for sql in repairs)
    restricted.until("VERIFY")

    assert snapshot(target) == snapshot(source)
    assert snapshot(target)['"My Shop".secured'][0] == 100
    assert schema_snapshot(target) == schema_snapshot(source)


def repair(migration: Trial, words: tuple[str, ...], end: object) -> list[str]:
    """Run a command that must end with 9, and as an administrator the SQL that it names."""
    error = migration.document(*words, code=9)["error"]
    repairs = [line for line in error["details"] if line.endswith(";")]
    assert repairs, error
    for sql in repairs:
        drive.execute(end, sql)  # type: ignore[arg-type]
    return repairs


def repair_all(migration: Trial, words: tuple[str, ...], end: object) -> list[str]:
    """Repair until the command ends well; each round must repair something that was not named before."""
    done: list[str] = []
    while drive.run_cli(*migration.command(*words), env=migration.environment).returncode != 0:
        named = repair(migration, words, end)
        assert not set(named) & set(done), f"{named} repaired nothing"
        done += named
    return done
