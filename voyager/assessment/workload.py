"""Workload: the tables that a cluster has to hold, each with its indexes and its load; read from the statistics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from voyager.assessment.assessment import ObjectStatistics
from voyager.assessment.experiments import GIB, Layout

_WITHOUT_ROWS = {"partitioned table", "partitioned index", "foreign table"}


@dataclass(frozen=True)
class Table:
    """A leaf table or materialized view with its indexes, but for that of the primary key: on the target the key is
    the table's own order. `indexes` are their sizes in bytes, `redundant` how many of them another one makes
    superfluous. Rates are of the table and its indexes; None means that none of them was measured."""

    name: str
    size_bytes: int | None
    rows: int | None
    columns: int | None
    indexes: tuple[int, ...]
    redundant: int
    reads: float | None
    writes: float | None
    key: tuple[str, str] = ("", "")
    """Schema and name apart: of two tables both may read as one `name`."""

    @property
    def total_bytes(self) -> int:
        return (self.size_bytes or 0) + sum(self.indexes)

    @property
    def gb(self) -> float:
        """Of the table and its indexes."""
        return self.total_bytes / GIB

    @property
    def objects(self) -> int:
        return 1 + len(self.indexes)


@dataclass(frozen=True)
class Workload:
    """All tables, the smallest first."""

    tables: tuple[Table, ...]

    @cached_property
    def indexes(self) -> int:
        return sum(len(table.indexes) for table in self.tables)

    @cached_property
    def redundant(self) -> int:
        return sum(table.redundant for table in self.tables)

    @cached_property
    def without_load(self) -> int:
        """How many tables have a load that was not measured."""
        return sum(table.reads is None or table.writes is None for table in self.tables)

    @cached_property
    def without_size(self) -> int:
        return sum(table.size_bytes is None for table in self.tables)

    @property
    def load_measured(self) -> bool:
        return self.without_load < len(self.tables)


def gb(tables: Iterable[Table]) -> float:
    return sum(table.total_bytes for table in tables) / GIB


def rates(tables: Iterable[Table], peak_factor: float) -> tuple[float, float]:
    """Reads and writes per second of all of them; what was not measured adds nothing."""
    listed = tuple(tables)
    reads = math.fsum(table.reads or 0 for table in listed)
    writes = math.fsum(table.writes or 0 for table in listed)
    return reads * peak_factor, writes * peak_factor


def cores(layout: Layout, reads: float, writes: float) -> int:
    """Whole cores for a load."""
    return math.ceil(reads / layout.selects_per_core + writes / layout.inserts_per_core)


def workload(statistics: Sequence[ObjectStatistics], *, redundant: Collection[tuple[str, str]] = ()) -> Workload:
    """The tables that hold rows. Partitioned parents hold none, and neither do their indexes.

    `redundant` are superfluous indexes by schema and name.
    """
    tables = [one for one in statistics if not one.is_index and _holds_rows(one.object_type)]
    owned = _indexes_by_table(tables, statistics)
    superfluous = frozenset(redundant)
    built = [_table(one, owned.get(id(one), ()), superfluous) for one in tables]
    return Workload(tuple(sorted(built, key=lambda table: (table.size_bytes or 0, table.name))))


def _holds_rows(object_type: str) -> bool:
    kind = object_type.lower()
    return kind == "materialized view" or ("table" in kind and kind not in _WITHOUT_ROWS)


def _is_counted_index(one: ObjectStatistics) -> bool:
    kind = one.object_type.lower()
    return one.is_index and "index" in kind and kind not in _WITHOUT_ROWS


def _indexes_by_table(
    tables: Iterable[ObjectStatistics], statistics: Iterable[ObjectStatistics]
) -> Mapping[int, Sequence[ObjectStatistics]]:
    """Indexes by the identity of their table: a name with a dot can make two tables read the same. One of a
    partitioned table is on the target one of each partition, which holds its part."""
    named: dict[str, list[ObjectStatistics]] = defaultdict(list)
    parts: dict[str, list[ObjectStatistics]] = defaultdict(list)
    for table in tables:
        named[table.qualified].append(table)
        if table.partition_of:
            parts[table.partition_of].append(table)
    owned: dict[int, list[ObjectStatistics]] = defaultdict(list)
    for index in filter(_is_counted_index, statistics):
        parents = named.get(index.parent_table or "", [])
        same_schema = [table for table in parents if table.schema == index.schema]
        if parents:
            owned[id((same_schema or parents)[0])].append(index)
            continue
        partitions = parts.get(index.parent_table or "", [])
        for table, share in zip(partitions, _shares(partitions), strict=True):
            owned[id(table)].append(_part(index, share))
    return owned


def _shares(partitions: Sequence[ObjectStatistics]) -> list[float]:
    """What part of the whole each of them holds: by size, else by rows, else the same of each."""
    for held in ([one.size_bytes for one in partitions], [one.rows for one in partitions]):
        whole = sum(filter(None, held))
        if whole:
            return [(one or 0) / whole for one in held]
    return [1 / len(partitions) for _ in partitions]


def _part(index: ObjectStatistics, share: float) -> ObjectStatistics:
    def of(number: float | None) -> float | None:
        return None if number is None else number * share

    return replace(
        index,
        size_bytes=None if index.size_bytes is None else round(index.size_bytes * share),
        reads_per_second=of(index.reads_per_second),
        writes_per_second=of(index.writes_per_second),
    )


def _table(one: ObjectStatistics, indexes: Sequence[ObjectStatistics], redundant: Collection[tuple[str, str]]) -> Table:
    return Table(
        name=one.qualified,
        size_bytes=one.size_bytes,
        rows=one.rows,
        columns=one.columns,
        indexes=tuple(index.size_bytes or 0 for index in indexes),
        redundant=sum((index.schema, index.name) in redundant for index in indexes),
        reads=_sum([one.reads_per_second, *(index.reads_per_second for index in indexes)]),
        writes=_sum([one.writes_per_second, *(index.writes_per_second for index in indexes)]),
        key=(one.schema, one.name),
    )


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return math.fsum(known) if known else None
