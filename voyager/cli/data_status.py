"""`export data status` and `import data status`: how far the data of every table has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import READ, command, prose
from voyager.errors import DatabaseAway

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.cli.render.canvas import Canvas
    from voyager.identifiers import TableName
    from voyager.status import PhaseStatus
    from voyager.store.record import LoadedTable, MigrationRecord, PhaseTotals, TableRecord
    from voyager.store.steering import Pause

HELP = """Show how far the data of every table has come: rows, bytes, parts, rows per second, what is left of the time.

Tables that are running or failed come first, then the largest; of many tables the rest is summed up. --all lists every
one. Rows that were set aside are counted by themselves; those that were ignored, or took the place of others, are among
the rows, and are told apart."""

MERGE = ("IMPORT_DATA", "IMPORT_FILE")
"""The phases that may meet rows with the same key."""
MOST = 50
"""Tables in a document; a panel has fewer."""


@dataclass(frozen=True)
class DataStatus:
    """One data phase: tables of most interest, steps, and sums over all. Rates are None while nobody runs it. `paused`
    is what holds it, until it is completed. `loaded` is what the ledger says of each table, where it was asked."""

    migration: dict[str, str]
    phase: PhaseStatus
    tables: tuple[TableRecord, ...]
    steps: tuple[TableRecord, ...]
    totals: PhaseTotals | None
    from_cache: bool
    paused: Pause | None = None
    loaded: Mapping[TableName, LoadedTable] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        from voyager.status import pause_json, phase_json, table_json

        tables = [{**table_json(table), "estimate_seconds": left(table)} for table in self.tables]
        rest = rest_of(self.totals, self.tables)
        return {
            "migration": self.migration,
            "from_cache": self.from_cache,
            "paused": [pause_json(self.paused)] if self.paused else [],
            **phase_json(self.phase),
            "totals": {**asdict(self.totals), "bytes_per_second": self.bytes_per_second} if self.totals else None,
            "tables": tables,
            "rest": {key: value for key, value in asdict(rest).items() if key not in ("phase", "rate")}
            if rest
            else None,
            "steps": [table_json(step) for step in self.steps],
            "ignored": {str(table): count for table, count in self.ignored.items()},
            "updated": {str(table): count for table, count in self.updated.items()},
        }

    @property
    def ignored(self) -> dict[TableName, int]:
        """Rows that were left out because the target held their keys, by table."""
        return {table: one.ignored for table, one in sorted(self.loaded.items()) if one.ignored}

    @property
    def updated(self) -> dict[TableName, int]:
        """Rows that took the place of one with the same key, by table."""
        return {table: one.updated for table, one in sorted(self.loaded.items()) if one.updated}

    @property
    def bytes_per_second(self) -> float | None:
        """By the average size of a row so far."""
        totals = self.totals
        if totals is None or not totals.rate or not totals.rows_done:
            return None
        return round(totals.rate * totals.bytes_done / totals.rows_done, 1)


def register(application: typer.Typer, phase: str) -> None:
    """Add `status` below `export data` or `import data`."""

    @application.command("status", cls=command(*READ), help=prose(HELP))
    def status(
        context: typer.Context,
        every: Annotated[bool, typer.Option("--all", help="List every table, however many there are.")] = False,
    ) -> None:
        finish(data_reply(context.obj, phase, every=every), context.obj)


def data_reply(invocation: Invocation, phase: str, *, every: bool = False) -> Reply:
    """The answer of `export data status` and `import data status`."""
    found = read_status(invocation, phase, every=every)

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        from voyager.cli.render.data import data_panel

        return data_panel(found, canvas, every=every)

    return Reply(found.to_json(), view)


def read_status(invocation: Invocation, phase: str, *, every: bool) -> DataStatus:
    """Read it from the target; while that is away, what export-dir knew last."""
    from voyager.cli.looks import cached_record
    from voyager.cli.session import opened

    loaded: Mapping[TableName, LoadedTable] = {}
    try:
        with opened(invocation) as context:
            record = context.record
            rows = context.store.progress.tables(record.migration_uuid, phase, None if every else MOST)
            if phase in MERGE:
                loaded = context.store.batches.totals(record.migration_uuid)
    except DatabaseAway as away:
        cached = cached_record(invocation)
        if cached is None:
            raise
        invocation.emitter.warn(f"{away.message} Showing what was known last.")
        record, rows = cached, tuple(table for table in cached.tables if table.phase == phase)
    return replace(status_of(record, phase, rows), loaded=loaded)


def status_of(record: MigrationRecord, phase: str, rows: Sequence[TableRecord]) -> DataStatus:
    """Tell tables from steps, and leave rates out where nobody works."""
    from voyager.status import migration_status
    from voyager.store.aside import as_of_now, table_as_of_now
    from voyager.store.steering import pause_of

    status = migration_status(record)
    shown, totals = status.phase(phase), as_of_now(record).totals.get(phase)
    rows = [table_as_of_now(record, row) for row in rows]
    if shown.health != "running":
        rows = [replace(row, rate=None) for row in rows]
        totals = replace(totals, rate=0.0) if totals else None
    return DataStatus(
        {"name": status.name, "uuid": status.uuid},
        shown,
        tuple(row for row in rows if row.schema),
        tuple(row for row in rows if not row.schema),
        totals if any(row.schema for row in rows) else None,
        record.from_cache,
        pause_of(record.settings, phase) if shown.state != "COMPLETED" else None,
    )


def left(table: TableRecord) -> float | None:
    """Seconds that a table will still take at its rate; None where nobody knows."""
    expected = table.rows_total if table.rows_total is not None else table.rows_estimated
    if not table.rate or expected is None or expected <= table.rows_done:
        return None
    return round((expected - table.rows_done) / table.rate, 1)


def rest_of(totals: PhaseTotals | None, tables: Sequence[TableRecord]) -> PhaseTotals | None:
    """Sums over the tables that are not listed; None when all are. They are read one after the other: never below 0."""
    if totals is None or totals.tables <= len(tables):
        return None
    listed = {
        "tables": len(tables),
        "tables_done": sum(table.status in ("DONE", "SKIPPED") for table in tables),
        "rows_done": sum(table.rows_done for table in tables),
        "rows_total": sum(max(table.rows_done, table.rows_total or table.rows_estimated or 0) for table in tables),
        "bytes_done": sum(table.bytes_done for table in tables),
        "bytes_total": sum(max(table.bytes_done, table.bytes_total or 0) for table in tables),
        "rows_quarantined": sum(table.rows_quarantined for table in tables),
        "chunks_done": sum(table.chunks_done for table in tables),
        "chunks_total": sum(max(table.chunks_done, table.chunks_total or 0) for table in tables),
    }
    return replace(totals, **{name: max(0, getattr(totals, name) - sum_) for name, sum_ in listed.items()})
