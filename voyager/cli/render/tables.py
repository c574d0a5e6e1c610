"""Tables of a phase: what is running, what is done, how fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from voyager.cli.render.canvas import Canvas, name
from voyager.cli.render.numbers import count, rate
from voyager.identifiers import TableName, visible
from voyager.phases.job import Grid
from voyager.status import Activity
from voyager.store.record import TableRecord

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST = 12
"""Rows of a panel; the JSON document and `… status` have more."""

RULED = box.Box("    \n  │ \n ─┼ \n  │ \n ─┼ \n ─┼ \n  │ \n    \n")
RESULT_STYLES = {"equal": "green", "different": "bold red"}
STATUS_STYLES = {"DONE": "green", "FAILED": "bold red", "QUEUED": "dim", "SKIPPED": "dim"}


def activity_table(activity: Activity, canvas: Canvas, *, most: int = MOST) -> Iterator[RenderableType]:
    """The tables of most interest, and how many more there are."""
    rows = activity.tables[:most]
    verb = participle(activity.title.split()[0])
    table = ruled(canvas, ("Table", "left"), ("Status", "left"), (verb, "left"), ("Total", "left"), ("Rate", "left"))
    for row in rows:
        table.add_row(
            name(_readable(row)),
            Text(row.status, style=STATUS_STYLES.get(row.status, "cyan")),
            Text(count(row.rows_done)),
            Text(_total(row)),
            Text(rate(row.rate) if row.status not in ("DONE", "QUEUED", "SKIPPED", "FAILED") else "-"),
        )
    yield table
    for row in rows:
        if row.status == "FAILED" and row.message:
            yield Text.assemble(
                (f"{canvas.glyphs.failed} ", "bold red"), name(_readable(row)), ": ", name(row.message, longest=400)
            )
    counted = [row for row in rows if row.schema] or rows  # totals leave steps out where there are tables
    rest = (activity.totals.tables if activity.totals else len(activity.tables)) - len(counted)
    if rest > 0:
        yield Text(f"{canvas.glyphs.more} and {rest:,} more", style="dim")


def ruled(canvas: Canvas, *columns: tuple[str, str]) -> Table:
    """A table with thin rules, as wide as its place in a panel."""
    table = Table(
        box=RULED, show_edge=False, expand=canvas.framed, border_style="dim", header_style="bold", pad_edge=False
    )
    for title, justify in columns:
        table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def grid_table(grid: Grid, canvas: Canvas, *, most: int = MOST) -> Iterator[RenderableType]:
    """The table that goes with an outcome; its rows come in the order in which they matter."""
    table = ruled(canvas, *grid.columns)
    for row in grid.rows[:most]:
        table.add_row(name(row[0]), *(Text(visible(cell), style=RESULT_STYLES.get(cell, "")) for cell in row[1:]))
    yield table
    if len(grid.rows) > most:
        yield Text(f"{canvas.glyphs.more} and {len(grid.rows) - most:,} more", style="dim")


def participle(verb: str) -> str:
    """Export -> Exported, Verify -> Verified, Finalize -> Finalized."""
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if verb.endswith("y") else f"{verb}ed"


def _readable(row: TableRecord) -> str:
    return str(TableName(row.schema, row.table)) if row.schema and row.table else row.table or row.schema


def _total(row: TableRecord) -> str:
    if row.rows_total is not None:
        return count(row.rows_total)
    return f"~{count(row.rows_estimated)}" if row.rows_estimated is not None else "-"
