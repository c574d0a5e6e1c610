"""The result of a verification as one document: what it says, at which point it holds, what share it covers."""

from __future__ import annotations

import math
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

SCHEMA_VERSION = 2
"""Raised when a key changes its meaning or goes."""

SEQUENCES_RULE = (
    "Sequences are not compared for equality: the next value of each must lie beyond every value of the columns that "
    "it feeds."
)


@dataclass(frozen=True)
class Extent:
    """What was to be compared, of what was migrated.

    `migrated` gives every migrated table with its estimated rows. `sample` is a share, `since` a sentence ("updated_at
    >= 2026-11-01", "" without one) that holds for `since_tables`.
    """

    level: str
    migrated: Mapping[TableName, int]
    sample: float = 1.0
    since: str = ""
    since_tables: frozenset[TableName] = frozenset()

    def whole(self, tables: Iterable[TableName]) -> bool:
        """Whether comparing these leaves nothing out."""
        return self.sample >= 1.0 and not self.since_tables and set(self.migrated) <= set(tables)


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
        "complete": extent.whole(one.table for one in found.tables if _finished(one)),
        "unfinished": unfinished(extent, found.tables),
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

    `tables` and `rows` count what was looked at. `share` is percent of the migrated tables: one that was compared
    whole counts as one, a sampled one by its part, one of which rows were only counted or left aside not at all.
    `short` says what keeps the share from being whole, as the end of a sentence that begins with "it".
    """
    by_table = {one.table: one for one in results}
    parts = [_part(extent, by_table.get(name)) for name in extent.migrated]
    rows = sum(one.source_rows for one in results)
    of_rows = sum(_rows(by_table.get(name), estimate) for name, estimate in extent.migrated.items())
    return {
        "tables": {"compared": len(results), "of": len(extent.migrated)},
        "rows": {"compared": rows, "of": max(rows, of_rows)},
        "share": 100.0 if all(part == 1.0 for part in parts) else round(100 * sum(parts) / len(parts), 6),
        "short": list(_short(extent, by_table)),
    }


def unfinished(extent: Extent, results: Iterable[TableResult]) -> int:
    """How many tables have chunks left that were to be compared: time was up."""
    return sum(one.chunks_compared < sampled(one.chunks, extent.sample) for one in results)


def sampled(chunks: int, share: float) -> int:
    """How many chunks of a table a sample takes: at least one."""
    return chunks if share >= 1.0 else max(1, math.ceil(share * chunks))


def plain(counters: Mapping[TableName, WriteCounter] | None) -> list[dict[str, Any]] | None:
    """Write counters as JSON values; None where the server cannot tell."""
    if counters is None:
        return None
    return [
        {"schema": name.schema, "table": name.name, "writes": counter.writes, "identity": counter.identity}
        for name, counter in counters.items()
    ]


def _finished(result: TableResult) -> bool:
    return result.chunks_compared >= result.chunks


def _part(extent: Extent, result: TableResult | None) -> float:
    if result is None or extent.level not in THOROUGH or result.table in extent.since_tables:
        return 0.0
    return min(1.0, result.chunks_compared / result.chunks) if result.chunks else 1.0


def _rows(result: TableResult | None, estimate: int) -> int:
    """How many rows a table has, as far as it is known."""
    if result is None or not result.chunks_compared:
        return max(0, estimate)
    if _finished(result):
        return result.source_rows
    return max(estimate, result.source_rows * result.chunks // result.chunks_compared)


def _short(extent: Extent, by_table: Mapping[TableName, TableResult]) -> Iterable[str]:
    if extent.level == "counts":
        yield "only counted rows"
    elif extent.level not in THOROUGH:
        yield "compared no rows"
    if extent.sample < 1.0 and any(not _finished(one) for one in by_table.values()):
        yield f"compared a sample of {100 * extent.sample:g} % of the chunks"
    if extent.since_tables:
        yield f"compared only rows with {extent.since} in {counted(len(extent.since_tables), 'table')}"
    left = unfinished(extent, by_table.values())
    if left:
        yield f"had no time for all of {counted(left, 'table')}"
    left_out = sum(name not in by_table for name in extent.migrated)
    if left_out and extent.level != "schema":
        yield f"left {left_out:,} of {counted(len(extent.migrated), 'table')} out"
