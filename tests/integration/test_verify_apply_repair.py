"""`migrate verify --apply-repair` as the operator meets it: asked first, refused when stale, verified afterwards."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import snapshot, wait_until
from tests.faults.trial import Trial, trial
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.phases.comparison import repair

SOURCE = """
    CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, 'note ' || i FROM generate_series(1, 100) i;
    CREATE TABLE bag (v text); INSERT INTO bag VALUES ('x'), ('x'), (NULL);
"""
DAMAGE = """
    UPDATE orders SET note = 'canary-target' WHERE id = 3; DELETE FROM orders WHERE id = 5;
    INSERT INTO orders VALUES (900, 'canary-extra'); INSERT INTO bag VALUES ('x'); DELETE FROM bag WHERE v IS NULL;
"""
QUESTION = ("verify", "--apply-repair")


@pytest.fixture
def damaged(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> Trial:
    migration = trial(fresh_database(source_server), fresh_database(target_server), tmp_path, within=True)
    drive.execute(migration.source, SOURCE + "UPDATE orders SET note = 'canary-source' WHERE id IN (3, 5)")
    migration.run("init")
    migration.until("IMPORT_DATA")
    drive.execute(migration.target, DAMAGE)
    return migration


@pytest.mark.parametrize("level", ["checksum", "rows"])
def test_differences_are_repaired_from_the_files_and_the_cutover_may_go_on(damaged: Trial, level: str) -> None:
    damaged.attempt("verify", "--level", level, code=3)
    repair = damaged.export_dir / "reports" / "repair"
    assert sorted(path.name for path in repair.iterdir()) == ["public.bag.sql", "public.orders.sql", "repair.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in repair.iterdir()} == {0o600}
    report = json.loads((damaged.export_dir / "reports" / "verification_report.json").read_text())
    assert sorted(report["repair"]) == ["reports/repair/public.bag.sql", "reports/repair/public.orders.sql"]
    assert "canary-source" in (repair / "public.orders.sql").read_text()

    document = damaged.document("verify", "--level", level, "--apply-repair")
    repaired = {one["table"]: one for one in document["summary"]["repaired"]}
    counts = {name: (one["inserted"], one["updated"], one["deleted"]) for name, one in repaired.items()}
    assert counts == {"orders": (1, 1, 1), "bag": (1, 0, 1)}
    assert document["summary"]["clean"] is True
    assert snapshot(damaged.target) == snapshot(damaged.source)
    assert list(repair.iterdir()) == []
    damaged.attempt("cutover", "initiate")


def test_values_are_in_no_other_file_and_in_nothing_that_is_said_or_stored(damaged: Trial) -> None:
    said = [damaged.attempt("verify", code=3), damaged.attempt("verify", "--apply-repair")]
    assert "canary" not in "".join(one.stdout + one.stderr for one in said)
    for path in damaged.export_dir.rglob("*"):
        if path.is_file() and "data" not in path.parts[len(damaged.export_dir.parts) :]:
            assert b"canary" not in path.read_bytes(), path
    stored = "SELECT count(*) FROM ybvoyager.events e FULL JOIN ybvoyager.reports r ON false WHERE "
    stored += "e::text LIKE '%canary%' OR r::text LIKE '%canary%'"
    assert drive.fetch(damaged.target, stored) == [(0,)]


def test_without_a_terminal_and_without_yes_nothing_is_changed(damaged: Trial) -> None:
    damaged.attempt("verify", code=3)
    before = snapshot(damaged.target)
    line = [word for word in damaged.command(*QUESTION) if word != "--yes"]
    done = drive.run_cli(*line, env=damaged.environment, cwd=damaged.export_dir.parent)
    assert done.returncode == 7, done.stderr
    assert snapshot(damaged.target) == before


@pytest.mark.slow
def test_a_source_that_was_written_since_is_not_repaired_from(damaged: Trial) -> None:
    damaged.attempt("verify", code=3)
    before = snapshot(damaged.target)
    drive.execute(damaged.source, "UPDATE orders SET note = 'new' WHERE id = 7")
    done = damaged.attempt(*QUESTION, code=5)
    assert "written since" in done.stderr
    assert snapshot(damaged.target) == before
    damaged.attempt("verify", code=3)
    damaged.attempt(*QUESTION)
    assert snapshot(damaged.target) == snapshot(damaged.source)


@pytest.mark.slow
def test_without_repair_files_and_with_changed_ones_it_is_refused_before_anything_begins(damaged: Trial) -> None:
    damaged.attempt(*QUESTION, code=2)
    assert damaged.state("VERIFY") == "NOT_STARTED"
    damaged.attempt("verify", code=3)
    with (damaged.export_dir / "reports" / "repair" / "public.bag.sql").open("a") as file:
        file.write("-- edited\n")
    done = damaged.attempt(*QUESTION, code=5)
    assert "public.bag.sql" in done.stderr
    assert damaged.state("VERIFY") == "COMPLETED"


def test_a_dry_run_says_what_would_be_run_and_runs_nothing(damaged: Trial) -> None:
    damaged.attempt("verify", code=3)
    before = snapshot(damaged.target)
    document = damaged.document("verify", "--apply-repair", "--dry-run")
    assert any("public.orders.sql" in line and "1 DELETE, 1 UPDATE, 1 INSERT" in line for line in document["plan"])
    assert snapshot(damaged.target) == before


@pytest.mark.slow
def test_what_the_target_refuses_remains_and_is_named(damaged: Trial) -> None:
    damaged.attempt("verify", code=3)
    drive.execute(damaged.target, "ALTER TABLE orders ADD CHECK (id <> 5)")
    document = damaged.document(*QUESTION, code=3)
    repaired = {one["table"]: one for one in document["summary"]["repaired"]}
    assert "violates check constraint" in repaired["orders"]["failed"]
    assert repaired["bag"]["failed"] == ""
    assert [one["object"] for one in document["summary"]["differences"] if one["kind"] == "rows"] == ["public.orders"]


def test_a_foreign_key_that_does_not_hold_since_the_repair_is_named_with_exit_code_3(damaged: Trial) -> None:
    """Nothing else would notice: source and target are equal, and the server takes its foreign key for granted."""
    for end in (damaged.source, damaged.target):
        drive.execute(end, "ALTER TABLE bag ADD n int REFERENCES orders")
    drive.execute(damaged.source, "SET session_replication_role = replica; INSERT INTO bag VALUES ('x', 7777)")
    damaged.attempt("verify", code=3)
    document = damaged.document(*QUESTION, code=3)
    assert document["summary"]["clean"] is True
    (broken,) = document["summary"]["broken_foreign_keys"]
    assert broken.startswith("Foreign key bag_n_fkey of public.bag does not hold: 1 row without")
    assert snapshot(damaged.target) == snapshot(damaged.source)


def test_a_repair_that_was_killed_half_way_is_not_run_again_and_the_next_one_ends_it(damaged: Trial) -> None:
    drive.execute(damaged.source, "INSERT INTO orders SELECT i, 'note ' || i FROM generate_series(1001, 4000) i")
    drive.execute(damaged.target, "INSERT INTO orders SELECT i, 'other ' || i FROM generate_series(1001, 4000) i")
    damaged.attempt("verify", code=3)
    repaired = "SELECT count(*) FROM orders WHERE id > 1000 AND note LIKE 'note %'"
    file = damaged.export_dir / "reports" / "repair" / "public.orders.sql"
    middle = [line for line in file.read_text().splitlines() if line.startswith("UPDATE ")][1500]
    with drive.connect(damaged.target) as holding, holding.transaction():
        # A row in the middle of the file is held, so that the command stops between two of its transactions. Rows
        # stand there in the order in which they were found, which is another each time.
        holding.execute(middle)
        damaged.kill_at("VERIFY", lambda _, connection: connection.execute(repaired).fetchone() > (500,), *QUESTION)
    ((done,),) = drive.fetch(damaged.target, repaired)
    assert 500 < done < 3000
    wait_until(lambda: not drive.fetch(damaged.target, "SELECT 1 FROM ybvoyager.leases WHERE expires_at > now()"))
    refused = damaged.attempt(*QUESTION, code=5)
    assert "were applied at" in refused.stderr
    document = damaged.document("verify", code=3)
    counts = {one["object"]: one["counts"] for one in document["summary"]["differences"]}
    assert counts["public.orders"]["different"] == 3000 - done
    assert damaged.document(*QUESTION)["summary"]["clean"] is True
    assert snapshot(damaged.target) == snapshot(damaged.source)
    damaged.attempt("cutover", "initiate")


@pytest.mark.slow
def test_what_was_repaired_is_told_also_when_the_time_of_the_comparison_is_up(damaged: Trial) -> None:
    drive.execute(damaged.target, "ALTER TABLE bag ADD CHECK (v IS NOT NULL)")
    damaged.attempt("verify", "--level", "rows", code=3)
    document = damaged.document(*QUESTION, "--max-duration", "0.001s", code=3)
    repaired = {one["table"]: one for one in document["summary"]["repaired"]}
    assert (repaired["orders"]["inserted"], repaired["orders"]["updated"], repaired["orders"]["deleted"]) == (1, 1, 1)
    assert "violates check constraint" in repaired["bag"]["failed"]
    assert document["summary"]["repair_ended"] is True
    error = document["error"]
    assert error["kind"] == "TimeIsUpWithDifferences"
    assert error["message"].startswith("2 tables repaired: 1 rows inserted, 1 changed, 2 deleted. The target refused")
    assert "--max-duration says" in error["message"]
    assert any(line.startswith("Table public.bag was not repaired to its end") for line in error["details"])
    assert "Leave --apply-repair out" in error["hint"]
    # The hint is right: the same command would be refused, and without the option it goes on.
    damaged.attempt(*QUESTION, code=2)
    damaged.attempt("verify", code=3)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["between two transactions", "while foreign keys are looked at"])
def test_what_was_repaired_is_told_when_the_repair_itself_is_cut_off(
    damaged: Trial, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    hold, held = repair._hold_lease, []

    def stop(*arguments: Any, **_: Any) -> Iterator[str]:
        raise Interrupted("Stopped by the test.", "Run it again.")

    def stop_the_second(job: Any, connection: Any) -> None:
        held.append(1)
        if len(held) == 2:
            stop()
        hold(job, connection)

    damaged.attempt("verify", code=3)
    with monkeypatch.context() as patch:
        if where == "between two transactions":
            patch.setattr(repair, "_hold_lease", stop_the_second)
        else:
            patch.setattr("voyager.verification.repair_keys.broken_keys", stop)
        document = damaged.document(*QUESTION, code=130)
    repaired = [one for one in document["summary"]["repaired"] if one["deleted"]]
    in_the_middle = where == "between two transactions"
    assert len(repaired) == (1 if in_the_middle else 2)
    assert document["summary"]["repair_ended"] is not in_the_middle
    assert ("The repair was cut off. 1 table repaired: 0 rows inserted, 0 changed, 1 deleted." in
            document["error"]["message"]) is in_the_middle  # fmt: skip
    assert document["error"]["message"].endswith("Stopped by the test.")
    assert "Leave --apply-repair out" in document["error"]["hint"]
    assert any(line.startswith("Not all foreign keys") for line in document["error"]["details"])
    damaged.attempt(*QUESTION, code=5)
    damaged.attempt("verify", code=3 if in_the_middle else 0)
