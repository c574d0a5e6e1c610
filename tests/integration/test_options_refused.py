"""Options that make no sense: refused before anything is begun, undone or kept, in a dry run too."""

from __future__ import annotations

import pytest

from tests import drive
from tests.in_process import Ends
from voyager.phases.export.disk_budget import DiskBudget

BOTH = (
    ("--parallel-jobs", "-1"),
    ("--adaptive-parallelism", "wild"),
    ("--error-policy", "foo"),
    ("--max-quarantined", "-1"),
    ("--target-endpoints", "no-such-host.invalid,nor-this.invalid:5433"),
    ("--target-endpoints", "127.0.0.1:port"),
    ("--metrics-port", "99999"),
)
WRONG = {
    "export data": (
        *BOTH,
        ("--compression", "lz4"),
        ("--max-disk", "some"),
        ("--max-disk", "1KB", "--stream"),
        ("--chunk-size", "0"),
        ("--wait-for-import", "-1"),
        ("--table-list", "no_such_table"),
        ("--table-list-file-path", "no-such-file"),
    ),
    "import data": (
        *BOTH,
        ("--batch-size", "0"),
        ("--batch-size-bytes", "some"),
        ("--index-jobs", "-1"),
        ("--wait-for-export", "-1"),
        ("--on-primary-key-conflict", "maybe"),
        ("--fast-load",),
    ),
}
STANDS = "SELECT state FROM ybvoyager.migration_state WHERE phase = %s"
BLOCKED = """
UPDATE ybvoyager.migration_state SET summary = summary || '{"blockers": 1}' WHERE phase = 'ANALYZE_SCHEMA'"""
ROWS = "SELECT count(*) FROM orders"
KEPT = "SELECT settings->'options'->%s FROM ybvoyager.migrations"


def phase(command: str) -> str:
    return command.upper().replace(" ", "_")


def assert_refused(ends: Ends, command: str, *more: str, state: str) -> None:
    before = drive.fetch(ends.target, KEPT, [phase(command)])
    for told in WRONG[command]:
        error = ends.run(*command.split(), *told, *more, code=2).document["error"]
        assert error["hint"], told
        assert ".." not in error["message"], error
        assert drive.fetch(ends.target, STANDS, [phase(command)]) == [(state,)], told
        assert drive.fetch(ends.target, KEPT, [phase(command)]) == before, told


def test_what_makes_no_sense_begins_undoes_and_leaves_nothing(begun: Ends) -> None:
    data = begun.export_dir / "data"
    for more in ((), ("--dry-run",)):
        assert_refused(begun, "export data", *more, state="NOT_STARTED")
        low = begun.run("export", "data", "--max-disk", "1KB", *more, code=10).document["error"]
        assert low["message"].startswith("--max-disk is 1.0 KB; one part alone needs about")
    assert drive.fetch(begun.target, STANDS, ["EXPORT_DATA"]) == [("NOT_STARTED",)]
    begun.run("export", "data", "--max-disk", "100MB")
    files = sorted(data.iterdir())
    assert_refused(begun, "export data", "--start-clean", "--yes", state="COMPLETED")
    begun.run("export", "data", "--start-clean", "--yes", "--max-disk", "1KB", code=10)
    assert drive.fetch(begun.target, KEPT, ["EXPORT_DATA"]) == [({"max_disk": "100MB"},)]
    assert sorted(data.iterdir()) == files

    for more in ((), ("--dry-run",)):
        assert_refused(begun, "import data", *more, state="NOT_STARTED")
    begun.run("import", "data")
    assert_refused(begun, "import data", state="COMPLETED")
    assert_refused(begun, "import data", "--start-clean", "--yes", state="COMPLETED")
    (data / "export.json").rename(data / "away")
    begun.run("import", "data", "--start-clean", "--yes", code=5)
    assert drive.fetch(begun.target, ROWS) == [(2000,)]


def test_nothing_is_undone_for_a_source_that_is_away_or_a_schema_that_may_not_be_imported(
    begun: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.through("export data", "import data")
    files = sorted(one for one in begun.export_dir.rglob("*") if ".voyager" not in one.parts)
    drive.execute(
        begun.target,
        "UPDATE ybvoyager.migration_state SET summary = summary || '{\"blockers\": 1}' WHERE phase LIKE 'A%'",
    )
    refused = begun.run("import", "schema", "--start-clean", "--yes", code=5).document["error"]
    assert any("--accept-blockers" in line for line in refused["details"])
    monkeypatch.setenv("YB_VOYAGER_SOURCE_DB_URI", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("YB_VOYAGER_OUTAGE_BUDGET", "0")
    for command in ("export schema", "export data"):
        begun.run(*command.split(), "--start-clean", "--yes", code=8)
    assert drive.fetch(begun.target, ROWS) == [(2000,)]
    assert sorted(one for one in begun.export_dir.rglob("*") if ".voyager" not in one.parts) == files


def test_a_limit_of_the_disk_that_was_kept_can_be_taken_back(begun: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off = RuntimeError("the test ends this run")
    monkeypatch.setattr(DiskBudget, "check", lambda *_: (_ for _ in ()).throw(cut_off))
    begun.run("export", "data", "--max-disk", "100MB", code=1)
    monkeypatch.undo()
    for name, value in begun.environment().items():
        monkeypatch.setenv(name, value)
    assert drive.fetch(begun.target, KEPT, ["EXPORT_DATA"]) == [({"max_disk": "100MB"},)]
    drive.execute(begun.source, "INSERT INTO orders SELECT i, 1, repeat('x', 100) FROM generate_series(2001, 4000) i")
    low = begun.run("export", "data", "--max-disk", "1KB", code=10).document["error"]
    assert "--max-disk 0 is no limit" in low["hint"]
    assert drive.fetch(begun.target, KEPT, ["EXPORT_DATA"]) == [({"max_disk": "100MB"},)]
    begun.run("export", "data", "--max-disk", "0")
    begun.run("import", "data")
    assert drive.fetch(begun.target, ROWS) == [(4000,)]


def test_a_directory_of_another_migration_is_named_as_what_it_is(begun: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.through("status")
    monkeypatch.delenv("YB_VOYAGER_TARGET_DB_URI")
    monkeypatch.delenv("YB_VOYAGER_MIGRATION_NAME")
    for command in ("pause", "resume", "status"):
        error = begun.run(command, "--migration-name", "other", code=2).document["error"]
        assert error["message"].startswith(f"{begun.export_dir} belongs to migration forced, not to other")
    begun.run("status")
