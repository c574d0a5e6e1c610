"""The tables and indexes of a report document as its readers see them: size, load, where they go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voyager.assessment.sizing import COLOCATED, SHARDED


@dataclass(frozen=True)
class MeasuredRow:
    """One table or index. None is what nobody measured; rates are per second."""

    schema: str
    name: str
    object_type: str
    is_index: bool
    parent: str
    rows: int | None
    columns: int | None
    size: int | None
    reads: float | None
    writes: float | None
    reads_by_node: Mapping[str, float] = field(default_factory=dict)
    strategy: str = ""
    """colocated or sharded; nothing for what has no data of its own."""

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class TableWeight:
    """A table with the size of all its indexes."""

    table: MeasuredRow
    index_size: int
    indexes: int

    @property
    def whole(self) -> int:
        return (self.table.size or 0) + self.index_size


def measured_rows(document: Mapping[str, Any]) -> tuple[MeasuredRow, ...]:
    """Every table and index of a report, in the order of the report."""
    strategies = _strategies(document)
    return tuple(_row(entry, strategies) for entry in document.get("TableIndexStats") or ())


def weights(rows: Sequence[MeasuredRow]) -> list[TableWeight]:
    """The tables with their indexes, the largest first."""
    sizes: dict[str, list[int]] = {}
    for row in rows:
        if row.is_index:
            sizes.setdefault(row.parent, []).append(row.size or 0)
    found = (
        TableWeight(row, sum(sizes.get(row.qualified, ())), len(sizes.get(row.qualified, ())))
        for row in rows
        if not row.is_index
    )
    return sorted(found, key=lambda weight: (-weight.whole, weight.table.qualified))


def busiest(rows: Iterable[MeasuredRow]) -> list[MeasuredRow]:
    """The tables that are read or written, the busiest first."""
    tables = (row for row in rows if not row.is_index and (row.reads or row.writes))
    return sorted(tables, key=lambda row: (-((row.reads or 0) + (row.writes or 0)), row.qualified))


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what was measured; None when nothing was."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def reads_by_node(rows: Iterable[MeasuredRow]) -> dict[str, float]:
    """Node -> reads of all tables in a second."""
    found: dict[str, float] = {}
    for row in rows:
        for node, reads in ({} if row.is_index else row.reads_by_node).items():
            found[node] = found.get(node, 0.0) + reads
    return found


def _strategies(document: Mapping[str, Any]) -> dict[str, str]:
    recommendation = (document.get("Sizing") or {}).get("SizingRecommendation") or {}
    colocated = dict.fromkeys(recommendation.get("ColocatedTables") or (), COLOCATED)
    return colocated | dict.fromkeys(recommendation.get("ShardedTables") or (), SHARDED)


def _row(entry: Mapping[str, Any], strategies: Mapping[str, str]) -> MeasuredRow:
    schema, name = entry.get("SchemaName") or "", entry.get("ObjectName") or ""
    parent = entry.get("ParentTableName") or ""
    is_index = bool(entry.get("IsIndex"))
    table = parent if is_index else f"{schema}.{name}"
    return MeasuredRow(
        schema=schema,
        name=name,
        object_type=entry.get("ObjectType") or "",
        is_index=is_index,
        parent=parent,
        rows=entry.get("RowCount"),
        columns=entry.get("ColumnCount"),
        size=entry.get("SizeInBytes"),
        reads=entry.get("ReadsPerSecondMeasured", entry.get("ReadsPerSecond")),
        writes=entry.get("WritesPerSecondMeasured", entry.get("WritesPerSecond")),
        reads_by_node=entry.get("ReadsByNode") or {},
        # Reports of Oracle schemas name tables without their schema.
        strategy=strategies.get(table) or strategies.get(table.removeprefix(f"{schema}."), ""),
    )
