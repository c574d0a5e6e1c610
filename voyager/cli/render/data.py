"""The panel of `export data status` and `import data status`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from voyager.cli.data_status import DataStatus, left, rest_of
from voyager.cli.render.canvas import Canvas, name, paragraph
from voyager.cli.render.numbers import count, duration, estimate, rate, size
from voyager.cli.render.status import word
from voyager.cli.render.tables import STATUS_STYLES, ruled
from voyager.identifiers import TableName, visible
from voyager.wording import counted, were

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.store.record import PhaseTotals, TableRecord

MOST = 20


def data_panel(status: DataStatus, canvas: Canvas, *, every: bool) -> Iterator[RenderableType]:
    """Title, sums, tables, what is left out, steps."""
    phase = status.phase
    parts: list[RenderableType] = [
        Text(f"{phase.title.upper()} of migration {visible(status.migration['name'])}: {word(phase)}\n", style="bold")
    ]
    if status.paused:
        told = f"{status.paused.says}; resume with: yb-voyager {status.paused.ends_with}"
        parts.append(paragraph(f"{canvas.glyphs.warning} {told[:1].upper()}{told[1:]}\n", style="yellow"))
    if status.totals:
        parts.append(paragraph(f"{sums(status)}\n"))
    shown = status.tables if every else status.tables[:MOST]
    if shown:
        parts += _tables(shown, canvas, held=phase.health == "paused")
    else:
        parts.append(Text("No table has been looked at yet."))
    if rest := rest_of(status.totals, shown):
        parts.append(Text(f"{canvas.glyphs.more} and {_rest(rest)}; --all lists them", style="dim"))
    parts += [Text(f"{visible(step.table)}: {_step(step)}") for step in status.steps]
    if status.totals and status.totals.rows_quarantined:
        set_aside = f"{counted(status.totals.rows_quarantined, 'row')} set aside: not in the target."
        parts.append(Text(f"\n{set_aside}", style="yellow"))
    parts += [Text(line) for line in _conflicts(status)]
    if phase.error:
        parts.append(paragraph(f"{canvas.glyphs.failed} {phase.error.get('message', '')}", style="red"))
    yield canvas.frame(Group(*parts))


def _conflicts(status: DataStatus) -> list[str]:
    """Rows that met their key in the table are among those that are done with, but not in it, or in another's place."""
    told = (
        (status.ignored, "{} of the rows {} ignored, for the table held their keys."),
        (status.updated, "{} of the rows {} put in the place of one with the same key."),
    )
    return [
        f"{visible(str(table))}: {words.format(f'{number:,}', were(number))}"
        for tables, words in told
        for table, number in list(tables.items())[:MOST]
    ]


def sums(status: DataStatus) -> str:
    """`3 of 8 tables, 1,200 of 5,000 rows (24%), 1.1 MB of 4.0 MB, 3 of 9 parts, 850/s, 0.8 MB/s, 4m left`."""
    totals, phase = status.totals, status.phase
    assert totals is not None
    words = [
        f"{totals.tables_done:,} of {totals.tables:,} tables",
        f"{totals.rows_done:,} of {totals.rows_total:,} rows ({phase.percent}%)",
        f"{size(totals.bytes_done)} of {size(totals.bytes_total)}",
    ]
    if totals.chunks_total:
        words.append(f"{totals.chunks_done:,} of {totals.chunks_total:,} parts")
    if totals.rate >= 0.5:
        words += [rate(totals.rate), f"{size(status.bytes_per_second)}/s"]
    if phase.elapsed is not None:
        words.append(duration(phase.elapsed))
    rest = estimate(phase.estimate)
    return ", ".join([*words, f"{rest} left"] if rest else words)


def _tables(tables: Sequence[TableRecord], canvas: Canvas, *, held: bool) -> Iterator[RenderableType]:
    set_aside = any(table.rows_quarantined for table in tables)
    titles = ["Table", "Status", "Rows", "Of", "Size", "Parts", "Rate", "Left", *(["Set aside"] if set_aside else [])]
    grid = ruled(canvas, *((title, "left" if place < 2 else "right") for place, title in enumerate(titles)))
    for table in tables:
        cells = [count(table.rows_done), _total(table), size(table.bytes_done), _parts(table), rate(table.rate)]
        grid.add_row(
            name(str(TableName(table.schema, table.table))),
            _standing(table, held=held),
            *(Text(cell) for cell in cells),
            Text(estimate(left(table)) or "-"),
            *([Text(count(table.rows_quarantined), style="yellow")] if set_aside else []),
        )
    yield grid
    for table in tables:
        if table.status == "FAILED" and table.message:
            where = name(str(TableName(table.schema, table.table)))
            yield Text.assemble((f"{canvas.glyphs.failed} ", "bold red"), where, ": ", name(table.message, longest=400))


def _standing(table: TableRecord, *, held: bool) -> Text:
    """While all of it is held, no table is at work."""
    if held and table.status not in STATUS_STYLES:
        return Text("PAUSED", style="yellow")
    return Text(table.status, style=STATUS_STYLES.get(table.status, "cyan"))


def _rest(rest: PhaseTotals) -> str:
    words = [
        f"{rest.tables:,} more tables ({rest.tables_done:,} done)",
        f"{rest.rows_done:,} of {rest.rows_total:,} rows",
    ]
    if rest.chunks_total:
        words.append(f"{rest.chunks_done:,} of {rest.chunks_total:,} parts")
    return ", ".join(words)


def _step(step: TableRecord) -> str:
    of = f" of {step.rows_total:,}" if step.rows_total is not None else ""
    return f"{step.rows_done:,}{of} ({step.status})"


def _parts(table: TableRecord) -> str:
    return f"{table.chunks_done:,}/{table.chunks_total:,}" if table.chunks_total else "-"


def _total(table: TableRecord) -> str:
    if table.rows_total is not None:
        return count(table.rows_total)
    return f"~{count(table.rows_estimated)}" if table.rows_estimated is not None else "-"
