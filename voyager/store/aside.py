"""Rows that were set aside and are not in the target yet, as a record tells them; and how a record tells them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from voyager.identifiers import TableName, visible
from voyager.store.record import MigrationRecord, PhaseTotals, TableRecord
from voyager.wording import are, counted, named, were

STREAMS, LOADS, LOADS_FILES = "EXPORT_DATA", "IMPORT_DATA", "IMPORT_FILE"

_Counts = TypeVar("_Counts", PhaseTotals, TableRecord)


@dataclass(frozen=True)
class RowsAside:
    """How many rows of each table `phase` set aside that are neither loaded since nor given up. `command` settles it,
    with --replay-quarantine or --discard-quarantine."""

    phase: str
    command: str
    tables: Mapping[str, int]

    @property
    def says(self) -> str:
        rows, title = sum(self.tables.values()), self.phase.replace("_", " ").title()
        found = f"{counted(rows, 'row')} of {named(map(visible, sorted(self.tables)))}"
        return f"{found} {were(rows)} set aside by {title} and {are(rows)} not in the target."


def rows_aside(record: MigrationRecord) -> RowsAside | None:
    """The rows that wait to be loaded again; None where none do."""
    if of_files := _told(record, LOADS_FILES, "rows_set_aside"):
        return RowsAside(LOADS_FILES, "migrate import file", of_files)
    streamed, loaded = _told(record, STREAMS, "rows_set_aside"), _told(record, LOADS, "set_aside")
    # What became of the rows that a stream set aside, the import tells once it has come to an end.
    tables = streamed if loaded is None else loaded
    return RowsAside(STREAMS if streamed else LOADS, "migrate import data", tables) if tables else None


def as_of_now(record: MigrationRecord) -> MigrationRecord:
    """The record with the rows that a stream set aside counted as they are now, and not as they were at its end."""
    totals = record.totals.get(STREAMS)
    if totals is None or not _handed_over(record):
        return record
    tables = tuple(table_as_of_now(record, table) for table in record.tables)
    still, given_up = (sum(_by_table(record, key).values()) for key in ("set_aside", "discarded"))
    return replace(record, tables=tables, totals={**record.totals, STREAMS: _settled(totals, still, given_up)})


def table_as_of_now(record: MigrationRecord, table: TableRecord) -> TableRecord:
    """The same for one table, wherever it was read."""
    if table.phase != STREAMS or not table.schema or not _handed_over(record):
        return table
    name = str(TableName(table.schema, table.table))
    still, given_up = (int(_by_table(record, key).get(name, 0)) for key in ("set_aside", "discarded"))
    return _settled(table, still, given_up)


def _settled(counts: _Counts, still: int, given_up: int) -> _Counts:
    """What was set aside and is neither set aside any more nor given up is in."""
    brought_in = max(0, counts.rows_quarantined - still - given_up)
    return replace(counts, rows_quarantined=still, rows_done=counts.rows_done + brought_in)


def _handed_over(record: MigrationRecord) -> bool:
    return bool(_told(record, STREAMS, "rows_set_aside")) and _told(record, LOADS, "set_aside") is not None


def _by_table(record: MigrationRecord, key: str) -> Mapping[str, int]:
    return _told(record, LOADS, key) or {}


def _told(record: MigrationRecord, phase: str, key: str) -> Mapping[str, Any] | None:
    """A mapping in the summary of a phase; None where the phase has not come to an end, or says nothing of it."""
    found = record.phases[phase].summary.get(key) if phase in record.phases else None
    return found if isinstance(found, Mapping) else None
