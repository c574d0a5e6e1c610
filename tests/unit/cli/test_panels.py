"""Panels on terminals of many kinds: framed, plain, narrow, without Unicode; names are data."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.test_status import NOW, lease, record, totals, up_to
from voyager.cli.pasteable import one_line, pasteable
from voyager.cli.render import numbers
from voyager.cli.render.canvas import Canvas
from voyager.cli.render.next import next_panel
from voyager.cli.render.status import status_panel
from voyager.cli.render.tables import participle
from voyager.config import resolve
from voyager.status import MigrationStatus, migration_status
from voyager.store.record import TableRecord

HOSTILE = 'x\x1b[2J"; [red]drop[/red] \u202e'
COMMAND = ("yb-voyager migrate import data", "  --target-db-host yb.example.com", "  --migration-name prod")


class Terminal(io.StringIO):
    """A stream that says of itself what it is."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal, self._encoding = terminal, encoding

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:
        return self._encoding


def table(name: str, status: str, done: int, total: int | None, rate: float | None = None) -> TableRecord:
    return TableRecord("EXPORT_DATA", "public", name, status, total, None, done, None, 0, 0, rate, NOW, "")


def exporting(*tables: TableRecord) -> MigrationStatus:
    made = record({**up_to("EXPORT_DATA"), "EXPORT_DATA": "IN_PROGRESS"}, leases=lease("EXPORT_DATA"))
    rows = tables or (
        table("customers", "DONE", 1250000, 1250000),
        table("orders", "EXPORTING", 3456789, 5500000, 12e3),
    )
    made = replace(made, tables=rows, totals=totals("EXPORT_DATA", 62, 100, rate=38 / 3600))
    phases = {
        name: replace(phase, completed_at=NOW) for name, phase in made.phases.items() if phase.state == "COMPLETED"
    }
    started = {"EXPORT_DATA": replace(made.phases["EXPORT_DATA"], started_at=NOW - timedelta(hours=2, minutes=15))}
    return migration_status(replace(made, phases={**made.phases, **phases, **started}))


def drawn(panel, status: MigrationStatus, *, terminal: bool = True, width: str = "88", encoding: str = "utf-8") -> str:
    stream = Terminal(terminal=terminal, encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", width)
        canvas = Canvas.on(stream, color=False)
        canvas.print(*panel(status, canvas, command=COMMAND))
    return stream.getvalue()


def test_the_status_panel_looks_like_the_example_of_the_design():
    text = drawn(status_panel, exporting())
    assert text.startswith("┌" + "─" * 86 + "┐")
    assert "│  MIGRATION STATUS " in text
    assert re.search(r"✓ Import Schema +COMPLETED +█{20}  100%  0h 05m", text)
    assert re.search(r"● Export Data +IN_PROGRESS +█{12}░{8}   62%  2h 15m \(est: 1h\)", text)
    assert re.search(r"○ Import Data +NOT_STARTED +░{20}    0%  -", text)
    assert "CURRENT ACTIVITY: Export Data" in text
    assert re.search(r"public.orders +│ EXPORTING +│ 3,456,789 +│ 5,500,000 +│ 12K/s", text)
    assert "▶ NEXT STEP:" in text
    assert "Wait for Export Data to complete, then run:" in text
    assert re.search(r"    yb-voyager migrate import data \\", text)
    assert {len(line) for line in text.splitlines()} == {88}


def test_the_next_panel_has_the_reason_the_command_the_buttons_and_the_tips():
    text = drawn(next_panel, exporting())
    assert "RECOMMENDED NEXT ACTION" in text
    assert "Current Phase: Export Data (IN_PROGRESS - 62%)" in text
    assert "⏳ ACTION: Wait for Export Data to complete" in text
    assert "[Copy: --copy] [Run: --run]" in text
    assert "TIPS:" in text
    assert "• " in text


def test_through_a_pipe_a_panel_is_plain_lines_without_frame_color_or_trailing_blanks():
    text = drawn(status_panel, exporting(), terminal=False)
    assert "┌" not in text
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "Name: shop" in text.splitlines()
    assert "\n\n\n" not in text
    assert text.endswith("prod\n")


@pytest.mark.parametrize("panel", [status_panel, next_panel])
@pytest.mark.parametrize("width", ["40", "60", "80", "200"])
def test_no_line_is_wider_than_the_terminal(panel, width):
    lines = drawn(panel, exporting(), width=width).splitlines()
    assert max(map(len, lines)) <= min(int(width), 120)


@pytest.mark.parametrize("panel", [status_panel, next_panel])
def test_a_terminal_without_unicode_gets_ascii(panel):
    drawn(panel, exporting(), terminal=False, encoding="ascii").encode("ascii")


@pytest.mark.parametrize("terminal", [True, False])
def test_names_from_databases_are_shown_as_they_are_and_move_no_cursor(terminal):
    text = drawn(status_panel, exporting(table(HOSTILE, "EXPORTING", 1, 2)), terminal=terminal, width="120")
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "[red]drop[/red]" in text


def test_a_long_list_of_tables_ends_with_how_many_more_there_are():
    rows = tuple(table(f"t{number}", "QUEUED", 0, 5) for number in range(50))
    made = exporting(*rows)
    shown = replace(made, activity=(replace(made.activity[0], totals=replace(made.activity[0].totals, tables=900)),))
    assert "… and 888 more" in drawn(status_panel, shown)


def test_a_status_from_the_cache_says_so():
    assert "cannot be reached" in drawn(status_panel, replace(exporting(), from_cache=True), width="120")


def test_a_failure_stands_below_its_phase():
    made = record({"EXPORT_SCHEMA": "IN_PROGRESS"})
    failed = replace(made.phases["EXPORT_SCHEMA"], last_error={"message": "No room left."})
    text = drawn(status_panel, migration_status(replace(made, phases={**made.phases, "EXPORT_SCHEMA": failed})))
    assert re.search(r"✗ Export Schema +FAILED", text)
    assert "No room left." in text


def test_a_pasteable_command_names_target_and_migration_and_is_quoted_for_a_shell(tmp_path):
    config = resolve(
        {"target_db_host": "h", "target_db_user": "o'hara", "target_db_password_file": "/a b/pw"},
        environment={"TARGET_DB_PASSWORD": "c4n4ry"},
    )
    lines = pasteable("migrate cutover initiate --to source", config=config, migration="my shop; rm -rf /")
    assert shlex.split(one_line(lines)) == [
        "yb-voyager", "migrate", "cutover", "initiate", "--to", "source", "--target-db-host", "h",
        "--target-db-name", "yugabyte", "--target-db-user", "o'hara", "--target-db-password-file", "/a b/pw",
        "--migration-name", "my shop; rm -rf /",
    ]  # fmt: skip
    assert "c4n4ry" not in one_line(lines)
    pasted = subprocess.run(
        ["sh", "-c", "printf '%s\\n' " + " \\\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert pasted.stdout.splitlines() == shlex.split(one_line(lines))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"export_dir": "/now/shop"}, ["--export-dir", "/now/shop"]), ({"export_dir": "/was/shop/"}, []),
        ({"export_dir": "/was/../was/shop"}, []), ({}, []),
    ],
)  # fmt: skip
def test_a_pasteable_command_names_an_export_dir_that_is_elsewhere_than_the_migration_remembers(given, named):
    config = resolve({"target_db_host": "h", "target_db_user": "ann", **given}, environment={})
    line = one_line(pasteable("migrate import data", config=config, migration="shop", export_dir="/was/shop"))
    assert shlex.split(line)[10:] == ["--migration-name", "shop", *named]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (numbers.count(None), "-"), (numbers.count(1250000), "1,250,000"), (numbers.rate(12_000), "12K/s"),
        (numbers.rate(0.1), "-"), (numbers.rate(3.4e6), "3.4M/s"), (numbers.duration(8100), "2h 15m"),
        (numbers.duration(61), "0h 01m"), (numbers.duration(9), "9s"), (numbers.duration(90_000), "1d 01h"),
        (numbers.estimate(3600), "1h"), (numbers.estimate(59), "59s"), (numbers.estimate(3590), "60m"),
        (numbers.size(125 * 2**30), "125 GB"), (numbers.size(3_500_000), "3.3 MB"),
        (participle("Export"), "Exported"), (participle("Verify"), "Verified"), (participle("Finalize"), "Finalized"),
    ],
)  # fmt: skip
def test_numbers_and_words_for_people(call, expected):
    assert call == expected
