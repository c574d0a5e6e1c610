"""The options of `migrate verify` with the real command on real servers: what is read, what is said, what goes on."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import drive
from tests.faults.driver import rows_locked
from tests.faults.trial import Staged, Trial, staged
from tests.states import expire_leases
from voyager.cli.progress import Tally
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.progress import TableProgress

ROWS = 1_050_000
SOURCE = f"""
CREATE TABLE big (id int PRIMARY KEY, v int);
INSERT INTO big SELECT n, n % 1000 FROM generate_series(1, {ROWS}) n;
CREATE TABLE changed (id int PRIMARY KEY, "At" timestamptz, note text);
INSERT INTO changed SELECT n, timestamptz '2026-01-01' + n * interval '1 day', 'secret ' || n
FROM generate_series(1, 100) n;
CREATE TABLE measured (id int PRIMARY KEY, ratio float8);
INSERT INTO measured SELECT n, n / 7.0 FROM generate_series(1, 100) n;
ANALYZE;
"""
SMALL = ("--table-list", "changed,measured")


@pytest.fixture(scope="module")
def stages(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("options")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_DATA", within=True) as made:
        yield made


@pytest.fixture
def imported(stages: Staged) -> Trial:
    return stages.after("IMPORT_DATA")


def report(migration: Trial) -> dict[str, Any]:
    found = json.loads((migration.export_dir / "reports" / "verification_report.json").read_text())
    assert isinstance(found, dict)
    return found


def table(migration: Trial, name: str) -> dict[str, Any]:
    (found,) = [one for one in report(migration)["tables"] if one["table"] == name]
    return dict(found)


def chunks(migration: Trial) -> list[tuple[Any, ...]]:
    """The chunks of the large table by run, in the order of the runs."""
    return drive.fetch(
        migration.target,
        "SELECT array_agg(chunk ORDER BY chunk) FROM ybvoyager.verification_chunks WHERE table_name = 'big' "
        "GROUP BY run_id ORDER BY min(compared_at)",
    )


@contextlib.contextmanager
def at_work(endpoint: Endpoint, sessions: int) -> Iterator[list[psycopg.Connection[Any]]]:
    """Sessions of an application, each busy until it is ended."""
    opened = [psycopg.connect(**endpoint.libpq(application_name="shop"), autocommit=True) for _ in range(sessions)]  # type: ignore[arg-type]
    try:
        for connection in opened:
            connection.pgconn.send_query(b"SELECT pg_sleep(120)")
        yield opened
    finally:
        for connection in opened:
            connection.cancel()
            connection.close()


def test_the_report_says_the_point_the_coverage_and_the_form_of_each_column(imported: Trial) -> None:
    before = drive.fetch(imported.source, "SELECT pg_current_wal_lsn()::text")[0][0]
    shown = imported.attempt("verify").stdout
    body = report(imported)
    positions = [body["point"]["source"]["position"], before]
    assert drive.fetch(imported.source, "SELECT %s::pg_lsn >= %s::pg_lsn", positions) == [(True,)]
    assert body["point"]["declared_at"] <= body["at"]
    assert body["coverage"]["share"] == 100
    assert body["coverage"]["rows"] == {"compared": ROWS + 200, "of": ROWS + 200}
    assert set(body["forms"]["public.big"]) == {"id", "v"}
    assert f"{ROWS:,}" in shown
    assert shown.index("public.big") < shown.index("public.changed")
    stored = drive.fetch(imported.target, "SELECT body FROM ybvoyager.reports WHERE kind = 'verification'")
    assert stored[0][0] == body
    page = (imported.export_dir / "reports" / "verification_report.html").read_text()
    assert f"{ROWS:,}" in page
    assert "Nothing that was compared differs." in page


def test_a_sample_takes_the_same_chunks_each_time_and_does_not_open_the_cutover(imported: Trial) -> None:
    told = imported.attempt("verify", "--sample", "20%").stdout
    assert "a sample of 20 % of the chunks" in told
    found = table(imported, "big")
    assert 0 < found["chunks_compared"] < found["chunks"]
    assert 0 < found["source_rows"] < found["rows_of"] == ROWS
    assert f"{found['source_rows']:,} of {ROWS:,}" in told
    assert table(imported, "changed")["chunks_compared"] == table(imported, "changed")["chunks"]
    covered = report(imported)["coverage"]
    assert covered["rows"] == {"compared": found["source_rows"] + 200, "of": ROWS + 200}
    assert covered["share"] == int(10**8 * covered["rows"]["compared"] / (ROWS + 200)) / 10**6
    assert covered["tables"] == {"compared": 3, "whole": 2, "of": 3}
    assert report(imported)["complete"] is False
    imported.attempt("verify", "--sample", "20%")
    first, second = chunks(imported)
    assert first == second
    assert "a sample of 20 %" in imported.attempt("cutover", "initiate", code=5).stderr


def test_since_compares_what_was_changed_where_a_column_tells_and_says_so(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE changed SET note = 'x' WHERE id = 5")
    told = imported.attempt("verify", *SMALL, "--since", '"At">=2026-03-01').stdout
    assert "only rows with At >= 2026-03-01 in 1 table" in told
    assert table(imported, "changed")["source_rows"] == 100 - 58
    assert table(imported, "measured")["source_rows"] == 100
    drive.execute(imported.target, "UPDATE changed SET note = 'x' WHERE id = 99")
    imported.attempt("verify", *SMALL, "--since", '"At"=2026-03-01', code=3)
    (difference,) = report(imported)["differences"]
    assert [row["key"] for row in difference["rows"]] == [{"id": "99"}]


def test_since_may_name_a_column_of_each_table(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE changed SET note = 'x' WHERE id = 60; UPDATE measured SET ratio = 0")
    both = ("--since", 'public.changed."At">=2026-03-01', "--since", "measured.id>=91")
    told = imported.attempt("verify", *SMALL, *both, code=3).stdout
    assert "only rows with public.changed.At >= 2026-03-01, measured.id >= 91 in 2 tables" in told
    assert table(imported, "changed")["source_rows"] == 100 - 58
    assert table(imported, "measured")["source_rows"] == 10
    assert {one["object"]: one["counts"] for one in report(imported)["differences"]} == {
        "public.changed": {"different": 1},
        "public.measured": {"different": 10},
    }
    # What is said for one table goes before what is said for all.
    imported.attempt("verify", *SMALL, "--since", "id>=99", "--since", "changed.id>=50", code=3)
    assert table(imported, "changed")["source_rows"] == 51
    assert table(imported, "measured")["source_rows"] == 2
    twice = ("--since", "changed.id>=5", "--since", 'public.*."At">=2026-03-01')
    assert "two columns of table public.changed" in imported.attempt("verify", *SMALL, *twice, code=2).stderr


@pytest.mark.parametrize(
    ("since", "says"),
    [
        ("nosuch>=5", "no table that is compared has"),
        ("at>=2026-01-01", "Did you mean"),
        ('"At">=soon', "cannot be asked of table public.changed"),
        ("At", "Name the column"),
        ("nosuch.At>=2026-01-01", "no table nosuch"),
        ("measured.At>=2026-01-01", "of table measured, which"),
        ("public.changed.at>=2026-01-01", "Did you mean"),
    ],
)
def test_a_change_column_or_value_that_is_none_is_a_usage_error(imported: Trial, since: str, says: str) -> None:
    assert says in imported.attempt("verify", *SMALL, "--since", since, code=2).stderr


def test_a_value_of_since_is_a_value_and_never_sql(imported: Trial) -> None:
    hostile = "note>=x'; DROP TABLE changed; --%s %(low)s"
    imported.attempt("verify", *SMALL, "--since", hostile)
    assert drive.fetch(imported.source, "SELECT count(*) FROM changed") == [(100,)]
    assert drive.fetch(imported.target, "SELECT count(*) FROM changed") == [(100,)]


def test_when_time_is_up_what_was_compared_is_kept_and_the_same_command_goes_on(imported: Trial) -> None:
    told = imported.attempt("verify", "--max-duration", "0.01s", "--parallel-jobs", "1", code=14).stderr
    assert "--max-duration says" in told
    assert "of 3 tables" in told
    assert "Run the same command again" in told
    assert "No difference so far" in told
    partial = report(imported)
    assert partial["complete"] is False
    assert partial["coverage"]["share"] < 100
    assert partial["unfinished"] > 0
    assert {one["state"] for one in partial["tables"] if not one["chunks_compared"]} == {"unfinished"}
    assert "had no time for all of" in partial["coverage"]["short"][0]
    stored = drive.fetch(imported.target, "SELECT body FROM ybvoyager.reports WHERE kind = 'verification'")
    assert stored == [(partial,)]
    page = (imported.export_dir / "reports" / "verification_report.html").read_text()
    assert "Stopped before its end" in page
    assert "Nothing that was compared differs." not in page
    assert imported.state("VERIFY") == "IN_PROGRESS"
    assert imported.document("next")["next"]["kind"] == "resume"
    attempts = 0
    while imported.state("VERIFY") == "IN_PROGRESS":
        done = drive.run_cli(
            # Longer each time: however slow this machine is, it ends.
            *imported.command("verify", "--max-duration", f"{0.6 * (attempts + 1)}s", "--parallel-jobs", "1"),
            env=imported.environment,
            cwd=imported.export_dir.parent,
        )
        assert done.returncode in (0, 14), done.stderr
        attempts += 1
        assert attempts < 30
    runs = drive.fetch(imported.target, "SELECT count(DISTINCT run_id) FROM ybvoyager.verification_chunks")
    assert runs == [(1,)]
    body = report(imported)
    assert body["coverage"]["share"] == 100
    assert body["coverage"]["rows"]["compared"] == ROWS + 200
    imported.attempt("cutover", "initiate")


def test_what_differs_is_told_when_time_is_up(imported: Trial) -> None:
    drive.execute(imported.target, "ALTER TABLE measured ALTER ratio TYPE numeric")
    done = imported.attempt("verify", "--max-duration", "0.01s", "--parallel-jobs", "1", code=3)
    assert "So far 1 difference found" in done.stderr
    assert "public.measured.ratio" in done.stderr
    assert imported.state("VERIFY") == "IN_PROGRESS"
    assert "verify" in imported.attempt("next").stdout


def test_a_run_that_was_killed_goes_on_from_its_ledger_and_holds_from_its_beginning(imported: Trial) -> None:
    compared = "SELECT 1 FROM ybvoyager.verification_chunks WHERE table_name = 'big'"
    # A table is held, so that the command waits for it when all of the others is compared.
    with rows_locked(imported.target, "public.measured") as let_pass:

        def some_are_compared(_: Any, connection: Any) -> bool:
            let_pass()
            return bool(connection.execute(compared).fetchone())

        killed = imported.kill_at("VERIFY", some_are_compared, "verify", "--parallel-jobs", "1")
    kept = {place: row for place, row in killed.chunks.items() if row[1] == "equal"}
    expire_leases(imported.target)
    begun = drive.fetch(
        imported.target,
        "SELECT detail #>> '{verification_run,declared_at}' FROM ybvoyager.events "
        "WHERE detail ? 'verification_run' ORDER BY at",
    )
    imported.attempt("verify", "--parallel-jobs", "1")
    body = report(imported)
    assert [(body["point"]["declared_at"],)] == begun
    assert sum(one["chunks_reused"] for one in body["tables"]) >= len(kept) > 0


def test_what_an_earlier_attempt_compared_is_no_part_of_the_pace(imported: Trial) -> None:
    kept = ROWS // 2
    tally = Tally()
    tally.take(TableProgress("public", "big", "VERIFYING", rows_done=kept, rows_estimated=ROWS, rows_kept=kept))
    tally.sums()
    time.sleep(0.3)
    tally.take(TableProgress("public", "other", "VERIFYING", rows_done=kept, rows_estimated=ROWS, rows_kept=kept))
    tally.take(TableProgress("public", "big", "VERIFYING", rows_done=kept + 30, rows_estimated=ROWS, rows_kept=kept))
    sums = tally.sums()
    assert sums["rows_per_second"] <= 100
    assert sums["estimate_seconds"] > (ROWS - kept) / 100
    errors = imported.attempt("verify", "--progress", "json", "--parallel-jobs", "1").stderr
    events = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert events[-1]["rows_done"] == ROWS + 200


@pytest.mark.slow
def test_a_busy_target_makes_the_next_chunk_wait(imported: Trial) -> None:
    with at_work(imported.target, 2) as sessions:
        process = imported.start("verify", *SMALL, "--max-load", "1")
        time.sleep(8)
        assert process.poll() is None
        assert chunks_of_small(imported) == 0
        for connection in sessions:
            connection.cancel()
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert "2 sessions are at work on the target, --max-load is 1" in errors


@pytest.mark.slow
def test_a_load_within_the_limit_waits_for_nobody(imported: Trial) -> None:
    with at_work(imported.source, 2):
        imported.attempt("verify", *SMALL, "--max-load", "2", timeout=60)


def chunks_of_small(migration: Trial) -> int:
    sql = "SELECT count(*) FROM ybvoyager.verification_chunks WHERE table_name IN ('changed', 'measured')"
    return int(drive.fetch(migration.target, sql)[0][0])


def test_tables_are_chosen_by_lists(imported: Trial) -> None:
    imported.attempt("verify", "--exclude-table-list", "b*")
    assert [one["table"] for one in report(imported)["tables"]] == ["changed", "measured"]
    left = [one for one in report(imported)["not_compared"] if one["name"] == "public.big"]
    assert left == [{"kind": "table", "name": "public.big", "reason": "left out of this verification"}]
    assert "no table" in imported.attempt("verify", "--table-list", "nosuch", code=2).stderr


def test_values_are_shown_only_when_that_is_asked_for(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE changed SET note = 'canary-4711' WHERE id = 5")
    plain = imported.attempt("verify", *SMALL, code=3)
    everywhere = "".join(path.read_text() for path in (imported.export_dir / "reports").glob("verification_report.*"))
    assert "canary-4711" not in plain.stdout + plain.stderr + everywhere
    assert "note" in plain.stdout
    told = imported.attempt("verify", *SMALL, "--show-values", code=3).stdout
    assert "[note: 'secret 5' in the source, 'canary-4711' in the target]" in told
    assert "--apply-repair" in told
    (difference,) = report(imported)["differences"]
    assert difference["rows"][0]["values"] == {"note": {"source": "secret 5", "target": "canary-4711"}}
    assert "canary-4711" in (imported.export_dir / "reports" / "verification_report.html").read_text()


def test_all_differing_rows_are_counted_and_as_many_named_as_asked_for(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE changed SET note = 'x' WHERE id <= 40; DELETE FROM changed WHERE id > 90")
    imported.attempt("verify", *SMALL, "--max-differences", "7", code=3)
    (difference,) = report(imported)["differences"]
    assert difference["counts"] == {"different": 40, "missing": 10}
    assert len(difference["rows"]) == 7
    assert difference["rows_not_named"] == 43


def test_rounded_floats_are_told_apart_only_with_the_tolerance(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE measured SET ratio = round(ratio::numeric, 15)::float8")
    changed = drive.fetch(imported.target, "SELECT count(*) FROM measured WHERE ratio <> id / 7.0::float8")[0][0]
    assert changed
    imported.attempt("verify", *SMALL, code=3)
    imported.attempt("verify", *SMALL, "--float-tolerance")
    drive.execute(imported.target, "UPDATE measured SET ratio = ratio + 0.001 WHERE id = 3")
    imported.attempt("verify", *SMALL, "--float-tolerance", code=3)


def test_a_query_that_takes_too_long_is_given_up(imported: Trial) -> None:
    told = imported.attempt("verify", "--statement-timeout", "0.001", code=2, timeout=60).stderr
    assert "within 0.001 seconds, which is the --statement-timeout" in told
    assert "--exclude-table-list" in told


def test_what_differs_in_the_schema_alone_is_found_by_that_level(imported: Trial) -> None:
    drive.execute(imported.target, "ALTER TABLE measured DROP CONSTRAINT measured_pkey")
    said = json.loads(imported.attempt("verify", "--level", "schema", "--output", "json", code=3).stdout)["summary"]
    body = report(imported)
    assert body["tables"] == said["results"] == []
    # A pipeline reads this document, and must learn what differs and how.
    assert (said["differences"], said["schema"]) == (body["differences"], {**body["schema"], "differences_total": 1})
    assert "primary key" in said["schema"]["differences"][0]["finding"].lower()
    assert any("measured" in one["object"] for one in body["differences"])
    assert body["coverage"]["share"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--level", "full"), "It can be schema, counts"),
        (("--parallel-jobs", "0"), "from 1 on"),
        (("--parallel-jobs", "many"), "not a whole number"),
        (("--max-load", "-1"), "from 0 on"),
        (("--max-duration", "soon"), "90s, 45m, 2h"),
        (("--sample", "0%"), "--sample 5%"),
        (("--sample", "many"), "--sample 5%"),
        (("--statement-timeout", "-1"), "from 0 on"),
        (("--max-differences", "-1"), "from 0 on"),
        (("--level", "schema", "--sample", "5%"), "Leave one of them out"),
    ],
)
def test_wrong_input_is_refused_before_the_phase_begins(imported: Trial, words: tuple[str, ...], says: str) -> None:
    assert says in imported.attempt("verify", *words, code=2).stderr
    assert imported.state("VERIFY") == "NOT_STARTED"


def test_a_dry_run_says_what_the_options_choose(imported: Trial) -> None:
    told = imported.attempt("verify", "--dry-run", *SMALL, "--sample", "5%", "--since", '"At">=2026-02-01').stdout
    assert "a sample of 5 % of the chunks, only rows with At >= 2026-02-01" in told
    assert imported.state("VERIFY") == "NOT_STARTED"


def test_progress_counts_rows_over_all_tables_and_estimates_the_rest(imported: Trial) -> None:
    errors = imported.attempt("verify", "--progress", "json", "--parallel-jobs", "1").stderr
    events = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    progress = [event for event in events if event["event"] == "progress"]
    assert progress[-1]["tables"] == 3
    assert progress[-1]["rows_done"] == ROWS + 200
    assert all(event["rows_done"] <= event["rows_total"] for event in progress)


def test_the_options_are_explained(tmp_path: Path) -> None:
    help_text = drive.run_cli("migrate", "verify", "--help", env={"COLUMNS": "200"}, cwd=tmp_path).stdout
    for flag in ("--level", "--max-duration", "--max-load", "--sample", "--since", "--show-values", "--max-differences",
                 "--float-tolerance", "--statement-timeout", "--table-list", "--exclude-table-list"):  # fmt: skip
        assert flag in help_text
