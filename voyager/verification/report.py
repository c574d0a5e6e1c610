"""The result of a verification as one document: what it says, at which point it holds, what share it covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.verification.findings import Found, TableResult
from voyager.verification.gate import THOROUGH
from voyager.verification.set_aside import RowSetAside
from voyager.verification.set_aside import to_json as aside_to_json
from voyager.wording import counted

SCHEMA_VERSION = 3
"""Raised when a key changes its meaning or goes."""

SEQUENCES_RULE = (
    "Sequences are not compared for equality: the next value of each must lie beyond every value of the columns that "
    "it feeds, but for sequences that cycle."
)


@dataclass(frozen=True)
class Extent:
    """What was to be compared, of what was migrated.

    `migrated` gives every migrated table with its rows, as far as the migration knows them. `sample` is a share,
    `since` a sentence ("updated_at >= 2026-11-01", "" without one) that holds for `since_tables`.
    """

    level: str
    migrated: Mapping[TableName, int]
    sample: float = 1.0
    since: str = ""
    since_tables: frozenset[TableName] = frozenset()

    def whole(self, tables: Iterable[TableName]) -> bool:
        """Whether comparing these as a whole leaves nothing out."""
        return set(self.migrated) <= set(tables)


@dataclass(frozen=True, kw_only=True)
class Result:
    """All that a report is made of."""

    migration: str
    source: str
    target: str
    extent: Extent
    found: Found
    point: Mapping[str, Any]
    not_compared: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any] | None
    counters: Mapping[TableName, WriteCounter] | None
    target_counters: Mapping[TableName, WriteCounter] | None
    started_at: str
    at: str
    repair: Sequence[str] = field(default=())
    set_aside: Mapping[TableName, Sequence[RowSetAside]] = field(default_factory=dict)


def document(result: Result) -> dict[str, Any]:
    """The report as it is kept in reports/ and in the target; JSON values only."""
    found, extent = result.found, result.extent
    return {
        "schema_version": SCHEMA_VERSION,
        "migration": result.migration,
        "source": result.source,
        "target": result.target,
        "level": extent.level,
        "method": found.method,
        "clean": found.clean,
        "complete": extent.whole(one.table for one in found.tables if one.whole),
        "unfinished": unfinished(found.tables),
        "coverage": coverage(extent, found.tables),
        "point": dict(result.point),
        "forms": found.forms,
        "tables": [one.to_json() for one in found.tables],
        "differences": [difference.to_json() for difference in found.differences],
        "notes": [*found.notes, SEQUENCES_RULE],
        "not_compared": [dict(one) for one in result.not_compared],
        "schema": None if result.schema is None else dict(result.schema),
        "repair": list(result.repair),
        "set_aside": aside_to_json(result.set_aside),
        "counters": plain(result.counters),
        "target_counters": plain(result.target_counters),
        "started_at": result.started_at,
        "at": result.at,
    }


def coverage(extent: Extent, results: Sequence[TableResult]) -> dict[str, Any]:
    """How much of what was migrated was compared by value.

    `tables` and `rows` count what was looked at, of what there is as far as it is known: a table that was read whole
    has the rows that were read, of others the migration or the catalog says it. `whole` are the tables that were
    compared by value and of which nothing was left out. `share` is percent of the rows, rounded down, and 100 only when
    all tables are whole: rows that were only counted are none of it. `short` says what keeps the share from being
    whole, as the end of a sentence that begins with "it".
    """
    by_table = {one.table: one for one in results}
    known = (by_table[name].rows_of if name in by_table else max(0, rows) for name, rows in extent.migrated.items())
    rows, of = sum(one.source_rows for one in results), sum(known)
    by_value = extent.level in THOROUGH
    whole = sum(name in by_table and by_table[name].whole for name in extent.migrated) if by_value else 0
    return {
        "tables": {"compared": sum(one.looked_at for one in results), "whole": whole, "of": len(extent.migrated)},
        "rows": {"compared": rows, "of": max(rows, of)},
        "share": 100.0 if whole == len(extent.migrated) else _share(rows, of) if by_value else 0.0,
        "short": list(_short(extent, by_table)),
    }


def unfinished(results: Iterable[TableResult]) -> int:
    """How many tables have chunks left that were to be compared: time was up."""
    return sum(one.unfinished for one in results)


def plain(counters: Mapping[TableName, WriteCounter] | None) -> list[dict[str, Any]] | None:
    """Write counters as JSON values; None where the server cannot tell."""
    if counters is None:
        return None
    return [
        {"schema": name.schema, "table": name.name, "writes": counter.writes, "identity": counter.identity}
        for name, counter in counters.items()
    ]


def _share(rows: int, of: int) -> float:
    """Percent, rounded down, of what is not whole."""
    return min(99_999_999, 100_000_000 * rows // of) / 1_000_000 if of else 0.0


def _short(extent: Extent, by_table: Mapping[TableName, TableResult]) -> Iterable[str]:
    if extent.level == "counts":
        yield "only counted rows"
    elif extent.level not in THOROUGH:
        yield "compared no rows"
    if extent.sample < 1.0 and any(one.chunks_compared < one.chunks for one in by_table.values()):
        yield f"compared a sample of {100 * extent.sample:g} % of the chunks"
    if extent.since_tables:
        yield f"compared only rows with {extent.since} in {counted(len(extent.since_tables), 'table')}"
    unread = sum(one.state == "unread" for one in by_table.values())
    if unread:
        yield f"met no row of {counted(unread, 'table')}"
    left = unfinished(by_table.values())
    if left:
        yield f"had no time for all of {counted(left, 'table')}"
    left_out = sum(name not in by_table for name in extent.migrated)
    if left_out and extent.level != "schema":
        yield f"left {left_out:,} of {counted(len(extent.migrated), 'table')} out"
