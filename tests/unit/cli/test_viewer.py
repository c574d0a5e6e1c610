"""The interactive viewer: every page at 80x24 by keys alone, names as data, and what happens where it cannot run."""

from __future__ import annotations

import asyncio
import sys
import unicodedata
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static, TabbedContent

from tests.assessed_shop import HOSTILE, finding, foreign, hostile, shop, table
from voyager.assessment.report_json import report_document
from voyager.cli.viewer import open_in_browser, run_viewer
from voyager.cli.viewer.app import Viewer
from voyager.cli.viewer.issues import MOST_ROWS, IssueScreen, IssuesPage
from voyager.errors import UsageError
from voyager.identifiers import visible

Step = Callable[[Viewer, Pilot[None]], Awaitable[None]]


def run(step: Step, document: Mapping[str, Any] | None = None, *, size: tuple[int, int] = (80, 24)) -> None:
    """Start the viewer without a terminal, let `step` press keys and look."""

    async def scene() -> None:
        viewer = Viewer(document or report_document(shop()), Path("/nowhere/report.html"))
        async with viewer.run_test(size=size) as pilot:
            await step(viewer, pilot)

    asyncio.run(scene())


def said(viewer: Viewer, selector: str) -> str:
    """The words of a text."""
    return str(viewer.screen.query_one(selector, Static).visual)


def screen(viewer: Viewer) -> list[str]:
    """What the terminal shows, line by line."""
    strips = viewer.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def listed(viewer: Viewer, selector: str, column: int) -> list[str]:
    found = viewer.query_one(selector, DataTable)
    return [str(found.get_row_at(number)[column]) for number in range(found.row_count)]


def test_the_first_page_shows_how_hard_it_is_and_what_is_missing():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.pause()
        words = said(viewer, "#overview-page Static")
        assert f"Migration complexity: {shop().complexity.level}" in words
        assert shop().complexity.explanation in words
        for one in shop().missing:
            assert one.what in words
            assert all(line in words for line in one.sql.splitlines())
        assert f"{shop().sizing.nodes} nodes of {shop().sizing.vcpus_per_node} vCPU" in words
        assert "shop → YugabyteDB 2025.2.3.0" in said(viewer, "#headline")

    run(step)


@pytest.mark.parametrize(("key", "page"), [("1", "overview"), ("2", "issues"), ("3", "tables"), ("4", "sizing")])
def test_a_digit_turns_to_a_page_and_the_keys_stand_in_the_last_line(key: str, page: str):
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("3", key)
        await pilot.pause()
        assert viewer.query_one("#pages", TabbedContent).active == page
        lines = screen(viewer)
        assert len(lines) == 24
        for word in ("1-4", "Web", "Quit"):
            assert word in lines[-1]

    run(step)


def test_all_issues_are_listed_and_the_one_under_the_cursor_is_explained():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await pilot.pause()
        assert sorted(listed(viewer, "#issues-list", 1)) == sorted(
            one.object_name or "a query" for one in shop().findings
        )
        target = next(one for one in shop().findings if one.object_name == "public.events")
        while "public.events" not in said(viewer, "#issues-text"):
            await pilot.press("down")
            await pilot.pause()
        words = said(viewer, "#issues-text")
        for text in (target.name, target.says, target.advice, target.statement, target.link, "schema.sql:300"):
            assert text in words
        assert "2025.1 from 2025.1.0.0 (GA, general availability)" in words
        assert "refuses the statement" in words

    run(step)


def test_the_list_narrows_with_every_key_typed_and_escape_leads_back_to_it():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2", "slash", *"geo res.p")
        await pilot.pause()
        assert listed(viewer, "#issues-list", 1) == ["public.stores.position"]
        assert "1 of 18 issues" in said(viewer, "#issues-status")
        await pilot.press("escape")
        assert viewer.focused is viewer.query_one("#issues-list")
        await pilot.press("x")
        await pilot.pause()
        assert len(listed(viewer, "#issues-list", 1)) == 18
        assert viewer.query_one("#issues-filter", Input).value == ""

    run(step)


def test_keys_are_text_while_one_types():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2", "slash", *"q1ciwx")
        await pilot.pause()
        assert viewer.query_one("#issues-filter", Input).value == "q1ciwx"
        assert viewer.query_one("#pages", TabbedContent).active == "issues"
        assert "No issue fits the filter" in said(viewer, "#issues-text")

    run(step)


def test_the_statement_can_be_searched():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2", "slash", *"g gist")
        await pilot.pause()
        assert listed(viewer, "#issues-list", 1) == ["stores_position ON public.stores"]

    run(step)


def test_category_and_impact_are_stepped_through_and_come_round():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        page = viewer.query_one(IssuesPage)
        await pilot.press("2", "c")
        await pilot.pause()
        assert "category: Data types" in said(viewer, "#issues-status")
        assert {row.category for row in page.shown} == {"unsupported_datatypes"}
        await pilot.press("x", "i")
        assert {row.impact for row in page.shown} == {3}
        categories = {one.category for one in shop().findings}
        await pilot.press("x", *"c" * (len(categories) + 1))
        assert page.category == ""
        assert len(page.shown) == len(page.rows)

    run(step)


def test_enter_shows_an_issue_over_the_whole_screen_and_escape_leaves_it():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2", "down", "enter")
        await pilot.pause()
        assert isinstance(viewer.screen, IssueScreen)
        assert "What to do" in said(viewer, "#issue-whole Static")
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(viewer.screen, IssueScreen)

    run(step)


def test_the_statement_can_be_copied():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2", "slash", *"is with", "escape", "y")
        await pilot.pause()
        assert viewer.clipboard == "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;"

    run(step)


def test_tables_are_sorted_by_size_first_and_then_by_heat():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await pilot.pause()
        by_size = sorted(shop().statistics, key=lambda one: (-(one.size_bytes or 0), one.qualified))
        assert listed(viewer, "#tables-list", 0) == [one.qualified for one in by_size]
        await pilot.press("s", "t")
        await pilot.pause()
        tables = [one for one in shop().statistics if not one.is_index]
        by_heat = sorted(
            tables, key=lambda one: (-((one.reads_per_second or 0) + (one.writes_per_second or 0)), one.qualified)
        )
        assert listed(viewer, "#tables-list", 0) == [one.qualified for one in by_heat]
        assert "tables · sorted by reads and writes" in said(viewer, "#tables-status")

    run(step)


def test_tables_narrow_as_one_types():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("3", "slash", *"visits")
        await pilot.pause()
        assert listed(viewer, "#tables-list", 0) == ["Archive 2019.visits_2015", "Archive 2019.visits_2016",
                                                     "Archive 2019.visits_2017", "Archive 2019.visits_2018",
                                                     "Archive 2019.visits_2019"]  # fmt: skip

    run(step)


def test_the_sizing_is_shown_with_its_steps_and_alternatives():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await pilot.pause()
        words = said(viewer, "#sizing-page Static")
        assert all(step in words for step in shop().sizing.steps)
        assert words.count("✓ recommended") == 1
        assert all(one.table in words for one in shop().sizing.placements)

    run(step)


@pytest.mark.parametrize("keys", ["1", "2", "3", "4"])
def test_a_hostile_name_is_shown_as_it_is_and_sends_nothing_to_the_terminal(keys: str):
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press(keys)
        await pilot.pause()
        assert not {
            character
            for line in screen(viewer)
            for character in line
            if unicodedata.category(character) in {"Cc", "Cf"}
        }

    run(step, report_document(hostile()), size=(200, 400))


def test_markup_in_a_name_is_text():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await pilot.pause()
        names = listed(viewer, "#issues-list", 1)
        assert sorted(names) == sorted(
            visible(name)[:43] + "…" if len(visible(name)) > 44 else visible(name) for name in HOSTILE
        )
        assert "[bold red]not markup[/bold red]" in "\n".join(screen(viewer))

    run(step, report_document(hostile()), size=(120, 40))


def test_a_report_of_another_tool_opens():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        assert "library" in said(viewer, "#headline")
        await pilot.press("2")
        await pilot.pause()
        assert listed(viewer, "#issues-list", 1) == ["public.books.summary", "BOOKS.PRICE"]
        await pilot.press("4")
        await pilot.pause()
        assert "public.books" in said(viewer, "#sizing-page Static")

    run(step, foreign())


def test_a_report_without_issues_and_tables_opens():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        for key in "2cixy3stx41":
            await pilot.press(key)
        await pilot.pause()
        assert "Nothing was found" in said(viewer, "#overview-page Static")
        assert said(viewer, "#issues-text") == "There are no issues."

    run(step, report_document(replace(shop(), findings=(), statistics=())))


def test_long_lists_are_cut_and_say_so_and_the_filter_reaches_the_rest():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await pilot.pause()
        assert len(listed(viewer, "#issues-list", 1)) == MOST_ROWS
        assert f"the first {MOST_ROWS:,} are listed" in said(viewer, "#issues-status")
        await pilot.press("slash", *"1234")
        await pilot.pause()
        assert listed(viewer, "#issues-list", 1) == ["public.number_1234"]

    many = tuple(finding("X", object_name=f"public.number_{number}") for number in range(1_300))
    rows = tuple(part for number in range(700) for part in table(f"public.number_{number}"))
    run(step, report_document(replace(shop(), findings=many, statistics=rows)))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text("<!doctype html>")
    return path


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a display."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")


@pytest.mark.usefixtures("desk")
def test_the_page_opens_in_a_browser_where_there_is_one(page: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert "Opened" in open_in_browser(page)
    assert opened == [page.as_uri()]


@pytest.mark.usefixtures("desk")
def test_where_the_browser_does_not_start_the_path_is_told(page: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert open_in_browser(page).endswith(str(page))


def test_without_a_display_no_browser_is_tried(page: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("tried to open a browser"))
    assert open_in_browser(page).endswith(str(page))


def test_a_page_that_is_not_there_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(UsageError) as refused:
        open_in_browser(tmp_path / "none.html")
    assert "assessment report" in refused.value.hint


def test_the_viewer_says_where_the_page_is_when_it_cannot_open_it():
    async def step(viewer: Viewer, pilot: Pilot[None]) -> None:
        await pilot.press("w")
        await pilot.pause()
        assert ["There is no page /nowhere/report.html." in one.message for one in viewer._notifications] == [True]

    run(step)


def test_without_textual_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setitem(sys.modules, "textual", None)
    with pytest.raises(UsageError) as refused:
        run_viewer(report_document(shop()), Path("report.html"))
    assert refused.value.exit_code == 2
    assert "yb-voyager[tui]" in refused.value.hint
    assert "report.html" in refused.value.hint


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_terminal_that_cannot_show_it_is_told_so(terminal: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", terminal)
    with pytest.raises(UsageError, match="TERM"):
        run_viewer(report_document(shop()), Path("report.html"))
