"""How long the initial load of the rows takes, by size, rows, columns, indexes and nodes; from measured points.

Between two measured points a straight line holds; it starts where nothing is there to load, and beyond the last point
it goes on in proportion. Measured values that are out of order are levelled first, so what is larger is never faster.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from voyager.assessment.experiments import COLUMNS, GIB, NODES, ROWS, SIZES_GB, Layout, Machine
from voyager.assessment.workload import Table


@dataclass(frozen=True)
class Curve:
    """A line through measured points, the first of them where nothing is there to do."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def through(cls, xs: Sequence[float], ys: Sequence[float], *, origin: tuple[float, float] = (0, 0)) -> Curve:
        return cls((origin, *zip(xs, monotone(ys), strict=True)))

    def at(self, x: float) -> float:
        last_x, last_y = self.points[-1]
        if x >= last_x:
            return last_y / last_x * x
        right = max(bisect_left(self._xs, x), 1)
        (left_x, left_y), (right_x, right_y) = self.points[right - 1], self.points[right]
        return left_y + (right_y - left_y) / (right_x - left_x) * (x - left_x)

    @cached_property
    def _xs(self) -> tuple[float, ...]:
        return tuple(x for x, _ in self.points)


def monotone(values: Sequence[float]) -> tuple[float, ...]:
    """The isotonic regression of `values`: neighbours that are out of order become their mean, all others stay."""
    pools: list[list[float]] = []
    for value in values:
        pool = [value]
        while pools and _mean(pools[-1]) > _mean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    return tuple(_mean(pool) for pool in pools for _ in pool)


def _mean(values: Sequence[float]) -> float:
    return values[0] if len(values) == 1 else math.fsum(values) / len(values)


def column_factors(layout: Layout) -> tuple[float, ...]:
    """A factor for each of COLUMNS; where none was measured, the line through the two before it goes on."""
    known: list[float] = []
    for columns, factor in zip(COLUMNS, layout.column_factors, strict=True):
        known.append(_extended(known, columns) if factor is None else factor)
    return monotone(known)


def _extended(known: Sequence[float], columns: int) -> float:
    (x1, x2), (y1, y2) = COLUMNS[len(known) - 2 : len(known)], known[-2:]
    return y2 + (y2 - y1) / (x2 - x1) * (columns - x2)


def extrapolated(layout: Layout, table: Table) -> bool:
    """Whether the column factor of a table is none that was measured."""
    measured = [columns for columns, factor in zip(COLUMNS, layout.column_factors, strict=True) if factor is not None]
    return (table.columns or 1) > measured[-1]


def levelled(layout: Layout) -> bool:
    """Whether the measured load times were out of order."""
    return monotone(layout.seconds) != layout.seconds


@dataclass(frozen=True)
class LoadTimes:
    """The load time of tables that are laid out in one way on one class of machine."""

    layout: Layout

    def seconds(self, table: Table, *, without_redundant: bool = False) -> float:
        """Seconds on three nodes. A table of which neither size nor rows are known counts as empty."""
        indexes = len(table.indexes) - (table.redundant if without_redundant else 0)
        by_size = self._by_size.at((table.size_bytes or 0) / GIB)
        by_rows = self._by_rows.at(table.rows or 0)
        return max(by_size, by_rows) * self._by_indexes.at(indexes) * self._column_factor(table.columns or 1)

    def minutes(self, tables: Iterable[Table], *, divisor: float = 1, without_redundant: bool = False) -> int:
        """Whole minutes for all of them, one after the other."""
        total = math.fsum(self.seconds(table, without_redundant=without_redundant) for table in tables)
        return math.ceil(total / 60 / divisor)

    def _column_factor(self, columns: int) -> float:
        """That of the next measured number of columns; more than all of them cost in proportion."""
        if columns > COLUMNS[-1]:
            return self._by_columns[-1] / COLUMNS[-1] * columns
        return self._by_columns[bisect_left(COLUMNS, columns)]

    @cached_property
    def _by_size(self) -> Curve:
        return Curve.through(SIZES_GB, self.layout.seconds)

    @cached_property
    def _by_rows(self) -> Curve:
        return Curve.through(ROWS, self.layout.seconds)

    @cached_property
    def _by_indexes(self) -> Curve:
        numbers, factors = zip(*self.layout.index_factors, strict=True)
        return Curve.through(numbers, factors, origin=(0, 1))

    @cached_property
    def _by_columns(self) -> tuple[float, ...]:
        return column_factors(self.layout)


def node_divisor(machine: Machine, nodes: int) -> float:
    """How many times faster `nodes` nodes load sharded tables than three do."""
    return Curve.through(NODES, machine.megabytes_per_second).at(nodes) / machine.megabytes_per_second[0]


@dataclass(frozen=True)
class ImportMinutes:
    """Whole minutes of the initial load: of colocated tables (by one node) and of sharded ones (by all)."""

    colocated: int
    sharded: int

    @property
    def total(self) -> int:
        return self.colocated + self.sharded


def import_minutes(
    machine: Machine, nodes: int, *, colocated: Sequence[Table], sharded: Sequence[Table], without_redundant: bool
) -> ImportMinutes:
    """The estimate for a cluster; `without_redundant` leaves superfluous indexes out."""
    divisor = node_divisor(machine, nodes)
    return ImportMinutes(
        LoadTimes(machine.colocated).minutes(colocated, without_redundant=without_redundant),
        LoadTimes(machine.sharded).minutes(sharded, divisor=divisor, without_redundant=without_redundant),
    )
