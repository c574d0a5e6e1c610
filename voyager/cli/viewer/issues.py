"""The viewer's page of issues: a list that narrows as you type, and everything about the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Static

from voyager.assessment.report_issues import LEVELS, SIGNS, IssueGroup, IssueRow, title
from voyager.cli.viewer.prose import issue
from voyager.identifiers import visible
from voyager.wording import counted

MOST_ROWS = 1_000
"""Rows of a list: more than anybody reads, and as many as can be filled between two keys."""


class IssueList(DataTable[Text]):
    """A list that says in the footer what Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Detail", key_display="Enter")]


class IssuesPage(Container):
    """Filter, list and detail. The keys work wherever the focus is on the page, but in the filter they are text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Filter", key_display="/"),
        Binding("c", "next_category", "Category"),
        Binding("i", "next_impact", "Impact"),
        Binding("x", "clear", "Clear"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, groups: Sequence[IssueGroup]) -> None:
        super().__init__(id="issues-page")
        self.rows = [row for group in groups for row in group.rows]
        self.shown: list[IssueRow] = []
        self.category = ""
        self.impact: int | None = None
        self._categories = list(dict.fromkeys(row.category for row in self.rows))
        self._impacts = [level for level in LEVELS if any(row.impact == level for row in self.rows)]
        self._searched = {row.number: _searched(row) for row in self.rows}

    def compose(self) -> ComposeResult:
        yield Input(placeholder="type to filter by name, object, SQL, advice", id="issues-filter", compact=True)
        yield Static(id="issues-status", markup=False)
        with Container(id="issues-split"):
            yield IssueList(id="issues-list", cursor_type="row")
            with VerticalScroll(id="issues-detail"):
                yield Static(id="issues-text", markup=False)

    def on_mount(self) -> None:
        table = self.query_one("#issues-list", IssueList)
        table.add_columns("Impact", "Object", "Issue")
        self.narrow()

    def narrow(self) -> None:
        """Show the issues that fit the filter, the category and the impact."""
        words = self.query_one("#issues-filter", Input).value.lower().split()
        self.shown = [row for row in self.rows if self._fits(row, words)]
        table = self.query_one("#issues-list", IssueList)
        table.clear()
        for row in self.shown[:MOST_ROWS]:
            table.add_row(
                Text(f"{SIGNS[row.impact]} {row.impact or '-'}"),
                Text(_short(visible(row.object_name) or "a query", 44)),
                Text(_short(visible(row.name), 44)),
                key=str(row.number),
            )
        self._tell()
        self._show(self.shown[0] if self.shown else None)

    def _fits(self, row: IssueRow, words: list[str]) -> bool:
        if self.category and row.category != self.category:
            return False
        if self.impact is not None and row.impact != self.impact:
            return False
        return all(word in self._searched[row.number] for word in words)

    def _tell(self) -> None:
        category = title(self.category) if self.category else "all"
        impact = LEVELS[self.impact] if self.impact is not None else "all"
        found = counted(len(self.rows), "issue")
        if len(self.shown) < len(self.rows):
            found = f"{len(self.shown):,} of {found}"
        if len(self.shown) > MOST_ROWS:
            found += f" (the first {MOST_ROWS:,} are listed)"
        status = self.query_one("#issues-status", Static)
        status.update(Text(f"{found} · category: {visible(category)} · impact: {impact}"))

    def _show(self, row: IssueRow | None) -> None:
        nothing = "No issue fits the filter; x clears it." if self.rows else "There are no issues."
        self.query_one("#issues-text", Static).update(issue(row) if row else Text(nothing))
        self.query_one("#issues-detail").scroll_home(animate=False)

    @property
    def current(self) -> IssueRow | None:
        place = self.query_one("#issues-list", IssueList).cursor_row
        return self.shown[place] if 0 <= place < len(self.shown) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """In the filter every key is text."""
        return action == "detail" or not isinstance(self.app.focused, Input)

    @on(Input.Changed, "#issues-filter")
    def _typed(self) -> None:
        self.narrow()

    @on(Input.Submitted, "#issues-filter")
    def _entered(self) -> None:
        self.query_one("#issues-list").focus()

    @on(IssueList.RowHighlighted, "#issues-list")
    def _moved(self) -> None:
        self._show(self.current)

    @on(IssueList.RowSelected, "#issues-list")
    def action_detail(self) -> None:
        """Show the current issue over the whole screen."""
        if self.current is not None:
            self.app.push_screen(IssueScreen(self.current))

    def action_search(self) -> None:
        self.query_one("#issues-filter").focus()

    def action_next_category(self) -> None:
        self.category = _next(["", *self._categories], self.category)
        self.narrow()

    def action_next_impact(self) -> None:
        self.impact = _next([None, *self._impacts], self.impact)
        self.narrow()

    def action_clear(self) -> None:
        """Show all issues again."""
        self.category, self.impact = "", None
        with self.prevent(Input.Changed):
            self.query_one("#issues-filter", Input).value = ""
        self.narrow()

    def action_copy(self) -> None:
        copy_statement(self.app, self.current)


class IssueScreen(ModalScreen[None]):
    """One issue over the whole screen, for small terminals and long statements."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Back", key_display="Esc"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, row: IssueRow) -> None:
        super().__init__()
        self.row = row

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="issue-whole"):
            yield Static(issue(self.row), markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def action_copy(self) -> None:
        copy_statement(self.app, self.row)


def copy_statement(app: Any, row: IssueRow | None) -> None:
    """Hand the statement to the terminal's clipboard."""
    if row is None or not row.sql:
        app.notify("This issue has no statement to copy.", markup=False)
        return
    app.copy_to_clipboard(row.sql)
    app.notify("The statement is in the clipboard, where the terminal allows it.", markup=False)


def _searched(row: IssueRow) -> str:
    details = " ".join(value for _, value in row.details)
    parts = (row.type, row.name, row.object_type, row.object_name, row.reason, row.advice, row.sql, row.place, details)
    return visible(" ".join(parts)).lower()


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _next(values: Sequence[Any], current: Any) -> Any:
    place = values.index(current) if current in values else -1
    return values[(place + 1) % len(values)]
