"""The viewer's page of tables and indexes: sorted by size or heat, narrowed as you type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import DataTable, Input, Static

from voyager.assessment.report_tables import MeasuredRow
from voyager.cli.viewer.issues import MOST_ROWS
from voyager.identifiers import visible
from voyager.pages import figures

Key = Callable[[MeasuredRow], Any]

ORDERS: Mapping[str, Key] = {
    "size": lambda row: -(row.size or 0),
    "reads and writes": lambda row: -((row.reads or 0) + (row.writes or 0)),
    "rows": lambda row: -(row.rows or 0),
    "name": lambda row: row.qualified,
}
KINDS = ("tables and indexes", "tables", "indexes")


class TablesPage(Container):
    """Filter and list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Filter", key_display="/"),
        Binding("s", "next_order", "Sort"),
        Binding("t", "next_kind", "Tables/indexes"),
        Binding("x", "clear", "Clear"),
    ]

    def __init__(self, rows: Sequence[MeasuredRow]) -> None:
        super().__init__(id="tables-page")
        self.rows = rows
        self.shown: list[MeasuredRow] = []
        self.order = "size"
        self.kind = KINDS[0]

    def compose(self) -> ComposeResult:
        yield Input(placeholder="type to filter by schema, table or index", id="tables-filter", compact=True)
        yield Static(id="tables-status", markup=False)
        yield DataTable(id="tables-list", cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one("#tables-list", DataTable)
        for column in ("Name", "Size", "Reads", "Writes", "Rows", "Goes to", "Type", "Of"):
            table.add_column(column, key=column)
        self.narrow()

    def narrow(self) -> None:
        """Show what fits the filter, in the order asked for; what was not measured comes last."""
        words = self.query_one("#tables-filter", Input).value.lower().split()
        fitting = (row for row in self.rows if self._fits(row, words))
        self.shown = sorted(fitting, key=lambda row: (ORDERS[self.order](row), row.qualified))
        table = self.query_one("#tables-list", DataTable)
        table.clear()
        table.add_rows(_cells(row) for row in self.shown[:MOST_ROWS])
        status = self.query_one("#tables-status", Static)
        listed = f" (the first {MOST_ROWS:,} are listed)" if len(self.shown) > MOST_ROWS else ""
        found = f"{len(self.shown):,} of {len(self.rows):,}{listed}"
        status.update(Text(f"{found} · {self.kind} · sorted by {self.order}"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """In the filter every key is text."""
        return not isinstance(self.app.focused, Input)

    def _fits(self, row: MeasuredRow, words: list[str]) -> bool:
        if self.kind != KINDS[0] and row.is_index != (self.kind == KINDS[2]):
            return False
        name = visible(row.qualified).lower()
        return all(word in name for word in words)

    @on(Input.Changed, "#tables-filter")
    def _typed(self) -> None:
        self.narrow()

    @on(Input.Submitted, "#tables-filter")
    def _entered(self) -> None:
        self.query_one("#tables-list").focus()

    def action_search(self) -> None:
        self.query_one("#tables-filter").focus()

    def action_next_order(self) -> None:
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        self.narrow()

    def action_next_kind(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.narrow()

    def action_clear(self) -> None:
        """Show everything again, the largest first."""
        self.order, self.kind = "size", KINDS[0]
        with self.prevent(Input.Changed):
            self.query_one("#tables-filter", Input).value = ""
        self.narrow()


def _cells(row: MeasuredRow) -> tuple[Text, ...]:
    numbers = (figures.size(row.size), figures.rate(row.reads), figures.rate(row.writes), figures.count(row.rows))
    return (
        Text(visible(row.qualified)),
        *(Text(number, justify="right") for number in numbers),
        Text(row.strategy),
        Text(visible(row.object_type).lower()),
        Text(visible(row.parent)),
    )
