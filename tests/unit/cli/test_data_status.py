"""`export data status` and `import data status` as values and as text: what is listed, what is summed, what is told."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from tests.unit.test_status import NOW, lease, paused, record, up_to
from voyager.cli.data_status import DataStatus, left, rest_of, status_of
from voyager.cli.render.canvas import Canvas
from voyager.cli.render.data import data_panel
from voyager.store.record import MigrationRecord, PhaseTotals, TableRecord


def table(number: int, status: str = "EXPORTING", *, rate: float | None = 10.0, quarantined: int = 0) -> TableRecord:
    return TableRecord(
        "EXPORT_DATA", "public", f"t{number}", status, 1000, None, 400, 8000, 3200, quarantined, rate, NOW, "", 2, 5
    )


def running(tables: int, **changes: object) -> MigrationRecord:
    sums = PhaseTotals(
        "EXPORT_DATA", tables, 0, 400 * tables, 1000 * tables, 3200 * tables, 8000 * tables, 10.0 * tables, 0,
        2 * tables, 5 * tables,
    )  # fmt: skip
    made = record({**up_to("EXPORT_DATA"), "EXPORT_DATA": "IN_PROGRESS"}, leases=lease("EXPORT_DATA"))
    return replace(made, totals={"EXPORT_DATA": replace(sums, **changes)})


def panel(status: DataStatus, *, every: bool = False) -> str:
    out = io.StringIO()
    canvas = Canvas.on(out, color=False)
    canvas.print(*data_panel(status, canvas, every=every))
    return out.getvalue()


def test_what_is_left_of_a_table_follows_from_its_rate() -> None:
    assert left(table(1)) == 60.0
    assert left(replace(table(1), rows_total=None, rows_estimated=600)) == 20.0
    for nobody_knows in ({"rate": None}, {"rows_total": None}, {"rows_done": 1000}):
        assert left(replace(table(1), **nobody_knows)) is None


def test_of_ten_thousand_tables_fifty_are_in_the_document_and_the_rest_is_summed() -> None:
    status = status_of(running(10_000), "EXPORT_DATA", [table(number) for number in range(50)])
    document = json.loads(json.dumps(status.to_json(), default=str))
    assert len(document["tables"]) == 50
    assert document["totals"]["rows_done"] == 4_000_000
    rest = document["rest"]
    assert (rest["tables"], rest["rows_done"], rest["rows_total"]) == (9_950, 3_980_000, 9_950_000)
    assert (rest["bytes_done"], rest["chunks_done"], rest["chunks_total"]) == (31_840_000, 19_900, 49_750)
    assert document["totals"]["bytes_per_second"] == 800_000.0
    assert document["tables"][0]["estimate_seconds"] == 60.0


def test_the_panel_lists_twenty_tables_and_says_what_it_left_out() -> None:
    status = status_of(running(10_000), "EXPORT_DATA", [table(number) for number in range(50)])
    text = panel(status)
    assert sum("public.t" in line for line in text.splitlines()) == 20
    assert "9,980 more tables (0 done)" in text
    assert "--all" in text
    for told in ("0 of 10,000 tables", "4,000,000 of 10,000,000 rows (40%)", "20,000 of 50,000 parts", "100K/s", "1m"):
        assert told in " ".join(text.split()), told


def test_with_all_every_table_is_listed_and_nothing_is_left_out() -> None:
    status = status_of(running(60), "EXPORT_DATA", [table(number) for number in range(60)])
    assert status.to_json()["rest"] is None
    text = panel(status, every=True)
    assert sum("public.t" in line for line in text.splitlines()) == 60
    assert "more tables" not in text


def test_nobody_is_shown_a_rate_while_nobody_works() -> None:
    stopped = replace(running(1), leases={})
    status = status_of(stopped, "EXPORT_DATA", [table(1)])
    document = status.to_json()
    assert document["tables"][0]["rate"] is None
    assert document["tables"][0]["estimate_seconds"] is None
    assert document["totals"]["bytes_per_second"] is None
    assert "/s" not in panel(status)


def test_rows_that_were_set_aside_are_counted_by_themselves() -> None:
    status = status_of(running(2, rows_quarantined=7), "EXPORT_DATA", [table(1, quarantined=7), table(2)])
    text = panel(status)
    assert "Set aside" in text
    assert "7 rows set aside" in text
    assert "Set aside" not in panel(status_of(running(1), "EXPORT_DATA", [table(1)]))


@pytest.mark.parametrize("scope", ["*", "EXPORT_DATA"])
def test_a_pause_is_told_with_what_ends_it(scope: str) -> None:
    held = paused(running(2), scope)
    status = status_of(held, "EXPORT_DATA", [table(1), table(2, "DONE")])
    document = json.loads(json.dumps(status.to_json(), default=str))
    named = None if scope == "*" else scope
    assert document["paused"] == [{"phase": named, "since": "2026-01-02T03:04:05Z", "by": "ann@host 12"}]
    assert (document["health"], document["tables"][0]["rate"]) == ("paused", None)
    text = " ".join(panel(status).split())
    assert "EXPORT DATA of migration shop: PAUSED" in text
    assert "Paused since 2026-01-02 03:04:05 UTC by ann@host 12; resume with: yb-voyager migrate resume" in text
    assert "public.t1 │ PAUSED" in text or "public.t1 PAUSED" in text, text
    assert "EXPORTING" not in text
    assert "DONE" in text


def test_a_pause_is_told_of_a_phase_that_nobody_runs_and_not_of_another_one_or_one_that_is_done() -> None:
    stopped = status_of(replace(paused(running(1), "*"), leases={}), "EXPORT_DATA", [table(1)])
    assert "EXPORT DATA of migration shop: STOPPED" in panel(stopped)
    assert "resume with: yb-voyager migrate resume" in panel(stopped)
    other = status_of(paused(running(1), "IMPORT_DATA"), "EXPORT_DATA", [table(1)])
    done = status_of(paused(record(up_to("IMPORT_DATA")), "*"), "EXPORT_DATA", [table(1, "DONE")])
    for status in (other, done):
        assert "paused" not in panel(status).lower()
        assert status.to_json()["paused"] == []


def test_steps_are_told_apart_from_tables() -> None:
    step = replace(table(0, "WAITING", rate=None), schema="", table="exported parts", rows_done=12, rows_total=40)
    status = status_of(running(1), "EXPORT_DATA", [step, table(1)])
    assert [one["table"] for one in status.to_json()["steps"]] == ["exported parts"]
    assert [one["table"] for one in status.to_json()["tables"]] == ["t1"]
    assert "exported parts: 12 of 40 (WAITING)" in panel(status)


def test_a_phase_that_has_not_begun_says_so() -> None:
    status = status_of(record(up_to("EXPORT_DATA")), "EXPORT_DATA", [])
    assert "NOT_STARTED" in panel(status)
    assert "No table" in panel(status)
    assert status.to_json()["totals"] is None


def test_sums_that_were_read_a_moment_earlier_are_never_below_nothing() -> None:
    rest = rest_of(replace(running(3).totals["EXPORT_DATA"], rows_done=10), [table(1), table(2)])
    assert rest is not None
    assert rest.rows_done == 0


@pytest.mark.parametrize("width", [60, 100])
def test_a_table_that_failed_says_why(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    failed = replace(table(1, "FAILED"), message="The target refused row 3.")
    assert "The target refused row 3." in " ".join(panel(status_of(running(1), "EXPORT_DATA", [failed])).split())
