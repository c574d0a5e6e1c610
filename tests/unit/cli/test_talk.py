"""What is said while a phase runs, and how it is stopped or asked about."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.drive import clean_environment
from voyager.cli import progress
from voyager.cli.ask import with_confirmation
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.cli.progress import ProgressView, Tally, describe
from voyager.cli.render.status import pace_in_words
from voyager.errors import ConfirmationNeeded
from voyager.progress import Pacing, TableProgress


def invocation(**given: object) -> Invocation:
    return Invocation(given=dict(given), environment={})


def test_progress_as_json_is_one_object_a_line_on_stderr(capsys, monkeypatch):
    monkeypatch.setitem(progress.EVERY, "json", 0.0)
    with ProgressView("Export Data", invocation(progress="json")) as view:
        view.report(TableProgress("public", "orders", "EXPORTING", rows_done=5, rows_total=10))
        view.warn("the [source] is slow")
        view.report(TableProgress("public", "orders", "DONE", rows_done=10, rows_total=10))
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert lines[0]["running"] == [{"schema": "public", "table": "orders", "status": "EXPORTING", "rows_done": 5}]
    assert {"event": "warning", "phase": "Export Data", "message": "the [source] is slow"} in lines
    assert lines[-1]["rows_done"] == lines[-1]["rows_total"] == 10
    assert lines[-1]["tables_done"] == 1


def test_progress_without_a_terminal_is_a_line_now_and_then_and_one_at_the_end(capsys):
    with ProgressView("Export Data", invocation()) as view:
        for done in range(1000):
            view.report(TableProgress("public", "orders", "EXPORTING", rows_done=done, rows_total=1000))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Export Data: 0 of 1 tables, 999 rows")


def test_progress_can_be_turned_off(capsys):
    with ProgressView("Export Data", invocation(progress="none")) as view:
        view.report(TableProgress("public", "orders", "EXPORTING"))
    assert capsys.readouterr().err == ""


def test_steps_are_not_counted_as_tables():
    tally = Tally()
    tally.take(TableProgress("", "statements", "BUILDING", rows_done=3, rows_total=7))
    tally.take(TableProgress("public", "orders", "DONE", rows_done=5, rows_total=5))
    sums = tally.sums()
    assert (sums["tables"], sums["rows_done"]) == (1, 5)
    assert "statements 3 of 7" in describe(sums)


def test_a_table_with_more_rows_than_estimated_never_makes_the_total_smaller_than_what_is_done():
    tally = Tally()
    tally.take(TableProgress("public", "orders", "EXPORTING", rows_done=50, rows_estimated=10))
    assert tally.sums()["rows_total"] == 50


def test_the_first_signal_asks_to_stop_and_the_handler_before_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signal() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_signal_ends_at_once():
    script = (
        "import time\nfrom voyager.cli.interrupt import stop_on_signal\n"
        "with stop_on_signal():\n    print('ready', flush=True)\n    [time.sleep(0.05) for _ in range(1200)]\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    # Two that are sent at once may arrive as one.
    assert any("next safe point" in line for line in process.stderr)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=50)
    assert process.returncode == 130
    assert "Stopped at once" in told


def test_what_wants_confirmation_is_not_asked_without_a_terminal_and_runs_with_yes():
    def act(confirmed: bool) -> str:
        if not confirmed:
            raise ConfirmationNeeded("It removes things.")
        return "done"

    with pytest.raises(ConfirmationNeeded):
        with_confirmation(act, invocation())
    assert with_confirmation(act, invocation(yes=True)) == "done"


@pytest.mark.parametrize(
    ("arguments", "environment", "wanted"),
    [
        (("migrate", "-o", "json", "--bogus"), {}, True),
        (("--output=json", "nonsense"), {}, True),
        (("nonsense",), {"YB_VOYAGER_OUTPUT": "json"}, True),
        (("--output", "table"), {}, False),
    ],
)
def test_a_program_gets_a_document_even_for_a_line_that_cannot_be_parsed(arguments, environment, wanted):
    assert Invocation(arguments=arguments, environment=environment).wants_json is wanted


HELD = Pacing(2, 4, "balanced", paused="paused since 2026-01-02 03:04:05 UTC by ann", resume="migrate resume")


def test_a_pause_is_told_once_and_so_is_its_end(capsys):
    with ProgressView("Import Data", invocation()) as view:
        for _ in range(3):
            view.pace(HELD)
        for _ in range(3):
            view.pace(replace(HELD, paused="", resume=""))
    assert capsys.readouterr().err.splitlines() == [
        "Import Data: paused since 2026-01-02 03:04:05 UTC by ann; resume with: yb-voyager migrate resume",
        "Import Data: resumed",
    ]


def test_programs_are_told_every_change_of_the_pace(capsys):
    with ProgressView("Import Data", invocation(progress="json")) as view:
        for pacing in (
            Pacing(2, 4, "balanced"),
            Pacing(2, 4, "balanced"),
            Pacing(3, 4, "balanced", "it is idle"),
            HELD,
        ):
            view.pace(pacing)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["workers"], line["why"]) for line in lines] == [
        ("pace", 2, ""),
        ("pace", 3, "it is idle"),
        ("pace", 2, ""),
    ]
    assert lines[-1]["paused"] == HELD.paused


def test_what_is_tried_again_is_told_live_to_people_and_programs(capsys):
    tally = Tally()
    tally.take(TableProgress("public", "orders", "LOADING", rows_done=3, rows_total=7))
    tally.pacing = Pacing(1, 4, "balanced", retries={"connection": 2, "deadlock": 1})
    assert "tried again 3 times" in describe(tally.sums())
    assert tally.sums()["retries"] == {"connection": 2, "deadlock": 1}
    tables = ({"schema": "public", "table": "orders", "retries": 3},)
    with ProgressView("Import Data", invocation(progress="json")) as view:
        view.pace(replace(tally.pacing, retried_tables=tables))
    line = json.loads(capsys.readouterr().err)
    assert (line["retries"], line["retried_tables"]) == ({"connection": 2, "deadlock": 1}, list(tables))
    assert pace_in_words(line) == "1 worker (at most 4, balanced); tried again 3 times (connection 2, deadlock 1)"


def test_sums_say_how_many_work_and_what_holds_them():
    tally = Tally()
    tally.take(TableProgress("public", "orders", "LOADING", rows_done=3, rows_total=7))
    tally.pacing = Pacing(1, 4, "balanced")
    assert "1 worker" in describe(tally.sums())
    tally.pacing = HELD
    assert describe(tally.sums())[-1] == "PAUSED"
    assert tally.sums()["paused"] == f"{HELD.paused}; resume with: yb-voyager migrate resume"
