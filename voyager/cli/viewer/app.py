"""Viewer: the terminal application that shows a report on four pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane

from voyager.assessment.report_view import ReportView
from voyager.cli.viewer import open_in_browser, prose
from voyager.cli.viewer.issues import IssuesPage
from voyager.cli.viewer.tables import TablesPage
from voyager.errors import VoyagerError

PAGES = {"overview": "#overview-page", "issues": "#issues-list", "tables": "#tables-list", "sizing": "#sizing-page"}
"""Page -> what has the focus there."""


class Viewer(App[None]):
    """Reads the JSON document only, so the reports of other tools open too."""

    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 (declared by textual)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"page('{page}')", "Page", show=number == 1, key_display=f"1-{len(PAGES)}")
            for number, page in enumerate(PAGES, start=1)
        ),
        Binding("escape", "leave", "Back to the list", key_display="Esc"),
        Binding("w", "web", "Web"),
        Binding("q", "quit", "Quit"),
    ]
    CSS = """
    Screen { overflow: hidden; }
    #headline { height: 1; padding: 0 1; background: $panel; }
    #pages, ContentSwitcher, TabPane { height: 1fr; padding: 0; }
    DataTable { scrollbar-size-horizontal: 0; }
    #overview-page, #sizing-page { height: 1fr; }
    #overview-page, #sizing-page, #issue-whole { padding: 0 1; }
    #issues-page, #tables-page { height: 1fr; }
    #issues-filter, #tables-filter { margin: 0 1; }
    #issues-status, #tables-status { height: 1; padding: 0 1; text-style: dim; }
    #issues-split { layout: vertical; height: 1fr; }
    #issues-list { height: 2fr; }
    #tables-list { height: 1fr; }
    #issues-detail { height: 3fr; padding: 0 1; border-top: solid $foreground 50%; }
    .-wide #issues-split { layout: horizontal; }
    .-wide #issues-list { width: 1fr; height: 1fr; }
    .-wide #issues-detail { width: 1fr; height: 1fr; border-top: none; border-left: solid $foreground 50%; }
    #issue-whole { height: 1fr; background: $background; }
    """

    def __init__(self, document: Mapping[str, Any], html_path: Path) -> None:
        super().__init__()
        self.view = ReportView.of(document)
        self.html_path = html_path

    def compose(self) -> ComposeResult:
        yield Static(prose.headline(self.view), id="headline", markup=False)
        with TabbedContent(id="pages"):
            with TabPane("1 Overview", id="overview"), VerticalScroll(id="overview-page"):
                yield Static(prose.overview(self.view), markup=False)
            with TabPane("2 Issues", id="issues"):
                yield IssuesPage(self.view.groups)
            with TabPane("3 Tables", id="tables"):
                yield TablesPage(self.view.measured)
            with TabPane("4 Sizing", id="sizing"), VerticalScroll(id="sizing-page"):
                yield Static(prose.sizing(self.view), markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.action_page("overview")

    def action_page(self, page: str) -> None:
        """Turn to a page, with its list or its text ready for the arrow keys."""
        self.query_one("#pages", TabbedContent).active = page
        self.query_one(PAGES[page]).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """In a filter the digits are text, and only there is a list to go back to."""
        if action in {"leave", "page"}:
            return isinstance(self.focused, Input) == (action == "leave")
        return True

    def action_leave(self) -> None:
        """From a filter back to its list."""
        self.action_page(self.query_one("#pages", TabbedContent).active)

    def action_web(self) -> None:
        """Open the page of the report in a browser."""
        try:
            self.notify(open_in_browser(self.html_path), markup=False)
        except VoyagerError as error:
            self.notify(f"{error.message} {error.hint}", severity="warning", markup=False)
