"""Rows that are set aside, through the real commands: exit codes, what is next, SIGKILL in the middle of it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import MissedPoint, lock_later, overlapping_batches
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

BAD = 400
SOURCE = f"""
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE people (id int PRIMARY KEY, parent int REFERENCES parents, age bigint, note text);
CREATE TABLE keyless (n bigint, page text);
INSERT INTO parents SELECT i, 'p' || i FROM generate_series(1, 50) i;
INSERT INTO people SELECT i, 1 + i % 50, CASE WHEN i % 50 = 7 THEN 9999999999 ELSE i % 90 END, 'secret ' || i
  FROM generate_series(1, {BAD * 50}) i;
INSERT INTO keyless SELECT CASE WHEN i % 100 = 3 THEN 9999999999 ELSE i END, 'page' FROM generate_series(1, 1000) i;
ANALYZE;
"""
SLOW = pytest.mark.slow
STASH = ("--error-policy", "stash-and-continue")
BEGUN = "SELECT state FROM ybvoyager.migration_state WHERE phase = 'IMPORT_DATA'"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LOADED = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """A migration up to its exported data, whose target takes smaller numbers than its source holds."""
    directory = tmp_path_factory.mktemp("set-aside")
    with staged(source_server, target_server, directory, SOURCE, "INITIALIZE", "IMPORT_SCHEMA") as found:
        migration = found.migration
        narrow(migration)
        migration.run("export", "data")
        found.stages.save("export_data")
        yield found


def narrow(migration: Trial) -> None:
    drive.execute(migration.target, "ALTER TABLE people ALTER age TYPE int; ALTER TABLE keyless ALTER n TYPE int")


def widen(migration: Trial) -> None:
    drive.execute(migration.target, "ALTER TABLE people ALTER age TYPE bigint; ALTER TABLE keyless ALTER n TYPE bigint")


def loaded(end: Any, table: str, condition: str = "true") -> list[tuple[Any, ...]]:
    return drive.fetch(end, LOADED.format(f"(SELECT * FROM {table} WHERE {condition})"))


def set_aside(migration: Trial) -> dict[str, int]:
    sql = "SELECT table_name, count(*)::int FROM ybvoyager.quarantined_rows WHERE status = 'set_aside' GROUP BY 1"
    return dict(drive.fetch(migration.target, sql))


def classes_of_rows(verified: dict[str, Any]) -> dict[str, str]:
    return {one["object"]: one["class"] for one in verified["summary"]["differences"] if one["kind"] == "rows"}


def words(text: str) -> str:
    return " ".join(text.split())


def assert_all_but_the_bad_people(migration: Trial) -> None:
    assert loaded(migration.target, "people") == loaded(migration.source, "people", "age < 100")


def assert_all_but_the_bad(migration: Trial) -> None:
    assert_all_but_the_bad_people(migration)
    assert loaded(migration.target, "keyless") == loaded(migration.source, "keyless", "n < 100000")
    assert set_aside(migration) == {"people": BAD, "keyless": 10}
    ids = drive.fetch(migration.target, "SELECT DISTINCT (key ->> 'id')::int FROM ybvoyager.quarantined_rows "
                                        "WHERE table_name = 'people' ORDER BY 1")  # fmt: skip
    assert ids == drive.fetch(migration.source, "SELECT id FROM people WHERE age > 100 ORDER BY 1")


@pytest.mark.slow
def test_an_import_with_rows_set_aside_tells_so_until_they_are_in(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    document = migration.document("import", "data", *STASH, code=12)
    assert document["state"] == "COMPLETED"
    assert document["summary"]["set_aside"] == {"public.keyless": 10, "public.people": BAD}
    assert document["next"]["command"].startswith("migrate verify")
    assert document["next"]["reason"].startswith("410 rows of public.keyless, public.people were set aside")
    assert document["next"]["also"][0]["command"].startswith("migrate import data --replay-quarantine")
    assert_all_but_the_bad(migration)

    status = migration.document("status")
    phase = next(one for one in status["phases"] if one["phase"] == "IMPORT_DATA")
    assert phase["health"] == "set_aside"
    assert phase["summary"]["set_aside"]["public.people"] == BAD
    assert "ROWS_SET_ASIDE" in migration.attempt("status").stdout
    migration.attempt("status", "--check", code=12)
    tables = {one["table"]: one for one in migration.document("import", "data", "status")["tables"]}
    assert (tables["people"]["rows_done"], tables["people"]["rows_quarantined"]) == (BAD * 49, BAD)
    assert "410 rows set aside" in migration.attempt("import", "data", "status").stdout

    verified = migration.document("verify", code=3)
    assert classes_of_rows(verified) == {"public.people": "set_aside", "public.keyless": "set_aside"}
    assert "migrate import data --replay-quarantine" in verified["error"]["hint"]
    refused = migration.attempt("cutover", "initiate", "--output", "json", code=5)
    assert "410 rows of public.keyless, public.people were set aside by Import Data" in refused.stdout
    assert "--replay-quarantine" in refused.stdout

    plan = migration.document("import", "data", "--replay-quarantine", "--dry-run")["plan"]
    assert "load 400 rows of public.people that were set aside, without its foreign keys and triggers" in plan
    assert set_aside(migration) == {"people": BAD, "keyless": 10}
    widen(migration)
    replayed = migration.document("import", "data", "--replay-quarantine")
    assert replayed["summary"]["set_aside"] == {}
    for table in ("people", "keyless", "parents"):
        assert loaded(migration.target, table) == loaded(migration.source, table)
    # The foreign key was made anew over all rows.
    keys = drive.fetch(migration.target, "SELECT convalidated FROM pg_constraint WHERE contype = 'f'")
    assert keys == [(True,)]
    assert "set aside" not in migration.attempt("status", "--check", code=3).stdout  # the last verification's
    migration.run("verify")
    migration.run("cutover", "initiate")


@SLOW
def test_verify_tells_rows_that_were_set_aside_from_others_that_are_missing(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    migration.attempt("import", "data", *STASH, code=12)
    drive.execute(migration.target, "DELETE FROM people WHERE id IN (1, 2); DELETE FROM keyless WHERE n = 1")
    aside = set(drive.fetch(migration.source, "SELECT id::text FROM people WHERE age > 100"))

    counted = migration.document("verify", "--level", "counts", code=3)
    assert classes_of_rows(counted) == {"public.people": "different", "public.keyless": "different"}
    for level in ("checksum", "rows"):
        told = words(migration.attempt("verify", "--level", level, "--max-differences", "1000", code=3).stdout)
        assert f"Table public.people: 2 rows missing in the target; {BAD} rows set aside, not loaded." in told
        assert "Table public.keyless: 1 row missing in the target; 10 rows set aside, not loaded." in told
        report = json.loads((migration.export_dir / "reports" / "verification_report.json").read_text())
        people = next(one for one in report["differences"] if one["object"] == "public.people")
        assert people["class"] == "different"
        by_kind = {
            kind: {one["key"]["id"] for one in people["rows"] if one["kind"] == kind} for kind in people["counts"]
        }
        assert by_kind == {"missing": {"1", "2"}, "set_aside": {one[0] for one in aside}}
        page = (migration.export_dir / "reports" / "verification_report.html").read_text()
        assert f"{BAD} rows set aside, not loaded" in page
        assert "migrate import data --replay-quarantine" in page

    # Repair brings the two back; what waits to be loaded again is not brought in beside that, nor any keyless row.
    migration.attempt("verify", "--apply-repair", code=3)
    assert_all_but_the_bad_people(migration)
    assert drive.fetch(migration.target, "SELECT count(*) FROM keyless") == [(989,)]
    drive.execute(migration.target, "INSERT INTO keyless VALUES (1, 'page')")
    widen(migration)
    counted = migration.document("verify", "--level", "counts", code=3)
    assert classes_of_rows(counted) == {"public.people": "set_aside", "public.keyless": "set_aside"}
    assert "equal but for rows that were set aside" in counted["error"]["message"]

    migration.run("import", "data", "--discard-quarantine")
    given_up = words(migration.attempt("verify", code=3).stdout)
    assert f"{BAD} rows set aside and given up" in given_up
    assert "--replay-quarantine" not in given_up
    migration.attempt("verify", "--apply-repair")
    for table in ("people", "keyless"):
        assert loaded(migration.target, table) == loaded(migration.source, table)


@SLOW
def test_rows_set_aside_while_they_are_streamed_are_told_by_every_command_until_they_are_in(stage: Staged) -> None:
    migration = stage.after("IMPORT_SCHEMA")
    narrow(migration)
    streamed = migration.document("export", "data", "--stream", *STASH, code=12)
    assert streamed["state"] == "COMPLETED"
    assert streamed["summary"]["rows_set_aside"] == {"public.keyless": 10, "public.people": BAD}
    assert streamed["next"]["command"].startswith("migrate import data")
    assert streamed["next"]["reason"].startswith("410 rows of public.keyless, public.people were set aside by Export")
    assert streamed["next"]["also"][0]["command"].startswith("migrate import data --replay-quarantine")
    assert export_counts(migration) == {"keyless": (990, 10, 1000), "people": (BAD * 49, BAD, BAD * 50)}
    assert "410 rows set aside" in migration.attempt("export", "data", "status").stdout
    told = words(migration.attempt("status").stdout)
    assert "Export Data ROWS_SET_ASIDE" in told
    assert "--replay-quarantine" in told
    migration.attempt("status", "--check", code=12)
    assert_all_but_the_bad(migration)
    assert "--replay-quarantine" in migration.document("import", "data", code=12)["error"]["hint"]
    migration.attempt("status", "--check", code=12)
    assert classes_of_rows(migration.document("verify", code=3)) == {
        "public.people": "set_aside",
        "public.keyless": "set_aside",
    }
    assert kept_files(migration)
    widen(migration)
    migration.run("import", "data", "--replay-quarantine")
    for table in ("people", "keyless"):
        assert loaded(migration.target, table) == loaded(migration.source, table)
    assert kept_files(migration) == []
    assert export_counts(migration) == {"keyless": (1000, 0, 1000), "people": (BAD * 50, 0, BAD * 50)}
    assert "set aside" not in migration.attempt("status").stdout
    migration.run("verify")
    migration.run("cutover", "initiate")


def export_counts(migration: Trial) -> dict[str, tuple[int, ...]]:
    """Rows done, set aside and in all, of the tables that hold rows at fault."""
    tables = {one["table"]: one for one in migration.document("export", "data", "status")["tables"]}
    keys = ("rows_done", "rows_quarantined", "rows_total")
    return {name: tuple(tables[name][key] for key in keys) for name in ("keyless", "people")}


def kept_files(migration: Trial) -> list[Path]:
    return list((migration.export_dir / "data" / "set-aside").glob("*"))


@SLOW
def test_a_stream_that_is_begun_anew_forgets_the_rows_that_it_set_aside(stage: Staged) -> None:
    migration = stage.after("IMPORT_SCHEMA")
    narrow(migration)
    migration.attempt("export", "data", "--stream", *STASH, code=12)
    assert kept_files(migration)
    widen(migration)
    migration.run("export", "data", "--stream", "--start-clean")
    assert set_aside(migration) == {}
    assert kept_files(migration) == []
    migration.until("VERIFY")
    migration.run("cutover", "initiate")


def test_no_value_of_a_row_set_aside_is_in_any_log_or_file_of_ours(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    done = migration.attempt("import", "data", *STASH, code=12)
    events = drive.fetch(migration.target, "SELECT string_agg(detail::text, '') FROM ybvoyager.events")[0][0]
    kept = drive.fetch(migration.target, "SELECT string_agg(q::text, '') FROM ybvoyager.quarantined_rows q")[0][0]
    logs = "".join(
        path.read_text(errors="replace")
        for path in migration.export_dir.rglob("*")
        if path.is_file() and path.parent.name != "data"
    )
    for text in (done.stdout, done.stderr, events, kept, logs):
        assert "9999999999" not in text
        assert "secret" not in text


@pytest.mark.slow
def test_a_replay_that_breaks_a_foreign_key_is_found_by_the_key(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    migration.attempt("import", "data", *STASH, code=12)
    drive.execute(migration.target, "DELETE FROM people WHERE parent = 8; DELETE FROM parents WHERE id = 8")
    widen(migration)
    refused = migration.document("import", "data", "--replay-quarantine", code=4)
    assert "people_parent_fkey" in str(refused["error"])
    assert migration.state("IMPORT_DATA") == "IN_PROGRESS"
    drive.execute(migration.target, "INSERT INTO parents VALUES (8, 'p8')")
    migration.run("import", "data")
    assert drive.fetch(migration.target, "SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


@pytest.mark.slow
def test_rows_are_given_up_only_when_that_is_confirmed(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    migration.attempt("import", "data", *STASH, code=12)
    asked = drive.run_cli(*migration.command("import", "data", "--discard-quarantine")[:-1],
                          env=migration.environment, cwd=migration.export_dir.parent)  # fmt: skip
    assert asked.returncode == 7, asked.stderr
    assert set_aside(migration) == {"people": BAD, "keyless": 10}
    migration.run("import", "data", "--discard-quarantine")
    assert set_aside(migration) == {}
    assert migration.summary("IMPORT_DATA")["discarded"] == {"public.keyless": 10, "public.people": BAD}
    migration.attempt("status", "--check", code=13)
    needless = drive.run_cli(*migration.command("import", "data", "--discard-quarantine")[:-1],
                             env=migration.environment, cwd=migration.export_dir.parent)  # fmt: skip
    assert needless.returncode == 13, needless.stderr
    assert "No rows are set aside" in needless.stderr
    migration.run("import", "data", "--post-data-only", "--discard-quarantine")


@SLOW
def test_starting_clean_forgets_what_was_set_aside(stage: Staged) -> None:
    migration = stage.after("EXPORT_DATA")
    migration.attempt("import", "data", *STASH, code=12)
    widen(migration)
    migration.run("import", "data", "--start-clean")
    assert drive.fetch(migration.target, "SELECT count(*) FROM ybvoyager.quarantined_rows") == [(0,)]
    assert loaded(migration.target, "people") == loaded(migration.source, "people")


def searching(after: int) -> Callable[[Any, Any], bool]:
    """In the middle of the search for rows at fault: seen so many times within it."""
    seen = 0

    def point(_: Any, connection: Any) -> bool:
        nonlocal seen
        sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%ybvoyager_rows%' "
        sql += "AND datname = current_database() AND pid <> pg_backend_pid()"
        seen += bool(connection.execute(sql).fetchone()[0])
        return seen >= after

    return point


@pytest.mark.parametrize("after", [pytest.param(1, marks=SLOW), 5, pytest.param(20, marks=SLOW)])
def test_sigkill_in_the_middle_of_the_search_leaves_each_row_in_or_aside_once(stage: Staged, after: int) -> None:
    for _ in range(5):
        migration = stage.after("EXPORT_DATA")
        try:
            killed = migration.kill_at("IMPORT_DATA", searching(after), "import", "data", *STASH, "--parallel-jobs", 1)
            break
        except (MissedPoint, AssertionError):
            continue
    else:
        pytest.fail("the command was always over before")
    before = set_aside(migration)
    recorded = sum(row[1] for row in killed.batches.values())
    migration.attempt("import", "data", *STASH, code=12)
    assert sum(before.values()) <= BAD + 10
    assert recorded <= BAD * 49 + 990 + 50
    assert_all_but_the_bad(migration)
    assert overlapping_batches(migration.target) == []
    ledger = (
        "SELECT table_name, sum(rows)::int, sum(quarantined)::int FROM ybvoyager.import_batches GROUP BY 1 ORDER BY 1"
    )
    assert drive.fetch(migration.target, ledger) == [
        ("keyless", 990, 10),
        ("parents", 50, 0),
        ("people", BAD * 49, BAD),
    ]


@pytest.mark.parametrize("held", [pytest.param(False, marks=SLOW), True])
def test_sigkill_in_the_middle_of_a_replay_loads_each_row_once(stage: Staged, held: bool) -> None:
    migration = stage.after("EXPORT_DATA")
    migration.attempt("import", "data", *STASH, code=12)
    widen(migration)
    with lock_later(migration.target, "keyless" if held else "people") as hold:

        def point(_: Any, connection: Any) -> bool:
            if connection.execute(BEGUN).fetchone() == ("IN_PROGRESS",):
                hold()
            return bool(connection.execute(WAITING).fetchone()[0])

        migration.kill_at("IMPORT_DATA", point, "import", "data", "--replay-quarantine")
    migration.attempt("import", "data", code=12)
    migration.run("import", "data", "--replay-quarantine")
    for table in ("people", "keyless", "parents"):
        assert loaded(migration.target, table) == loaded(migration.source, table)
    counted = drive.fetch(migration.target, "SELECT status, count(*) FROM ybvoyager.quarantined_rows GROUP BY 1")
    assert counted == [("replayed", BAD + 10)]
    assert drive.fetch(migration.target, "SELECT sum(quarantined), sum(rows) FROM ybvoyager.import_batches") == [
        (0, BAD * 50 + 1050)
    ]
