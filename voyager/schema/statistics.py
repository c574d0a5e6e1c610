"""What a source's statistics say of columns and of how much objects are used; given to analyses, never asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

FREQUENT, MODERATE, RARE, UNUSED = "FREQUENT", "MODERATE", "RARE", "UNUSED"

_FREQUENT_FROM, _MODERATE_FROM = 0.7, 0.1
_SCANS_OF_NOBODY = 20
"""So few scans come from a monitor or from somebody having a look, not from an application."""


@dataclass(frozen=True)
class ColumnStatistics:
    """What ANALYZE found in one column; fractions from 0 to 1, None for what it did not record. A most common value
    that is None beside its fraction is the empty text."""

    null_fraction: float = 0.0
    distinct: float | None = None
    most_common_value: str | None = None
    most_common_fraction: float | None = None


@dataclass(frozen=True)
class Usage:
    """How often one table or index was scanned, and how many rows were written to a table since its counters began."""

    scans: int = 0
    writes: int = 0
    is_index: bool = False


@dataclass(frozen=True)
class Statistics:
    """`columns` by (schema, table, column), `usage` by (schema, table or index)."""

    columns: Mapping[tuple[str, str, str], ColumnStatistics] = field(default_factory=dict)
    usage: Mapping[tuple[str, str], Usage] = field(default_factory=dict)

    def table_usage(self, schema: str, table: str) -> str:
        """FREQUENT, MODERATE, RARE or UNUSED, measured by the busiest table; "" when nothing was measured."""
        found = self.usage.get((schema, table))
        if found is None:
            return ""
        return hotter(_reads(found.scans, self._most_table_scans), _share(found.writes, self._most_writes))

    def index_usage(self, schema: str, index: str, table: str) -> str:
        """The same for an index: its own scans, and what is written to its table, as every write goes into it."""
        own, parent = self.usage.get((schema, index)), self.usage.get((schema, table))
        known = [
            _reads(own.scans, self._most_index_scans) if own else "",
            _share(parent.writes, self._most_writes) if parent else "",
        ]
        return hotter(*known)

    @cached_property
    def _most_table_scans(self) -> int:
        return _most(one.scans for one in self.usage.values() if not one.is_index)

    @cached_property
    def _most_index_scans(self) -> int:
        return _most(one.scans for one in self.usage.values() if one.is_index)

    @cached_property
    def _most_writes(self) -> int:
        return _most(one.writes for one in self.usage.values() if not one.is_index)


def hotter(*levels: str) -> str:
    """The highest of several levels; "" when none is known."""
    return next((level for level in (FREQUENT, MODERATE, RARE, UNUSED) if level in levels), "")


def percent(fraction: float) -> int:
    """A fraction as whole per cent, rounded down: 0.599 is 59; 0.57 is 57, though it is stored as a little less."""
    return int(fraction * 100 + 1e-6)


def _reads(scans: int, most: int) -> str:
    return UNUSED if scans <= _SCANS_OF_NOBODY else _share(scans, most)


def _share(amount: int, most: int) -> str:
    if amount <= 0 or most <= 0:
        return UNUSED
    share = amount / most
    return FREQUENT if share >= _FREQUENT_FROM else MODERATE if share >= _MODERATE_FROM else RARE


def _most(amounts: Iterable[int]) -> int:
    return max(amounts, default=0)
