"""What a verification is asked to do: which tables, how deep, and within which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voyager.catalog import Sequence, Table
from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.verification.set_aside import RowSetAside

LEVELS = ("counts", "checksum", "rows")
"""From the quickest to the most thorough."""

ROWS_PER_CHUNK = 200_000
"""Rows of a range that one query reads on each side: the unit of parallel work and of the ledger."""

ROWS_PER_GROUP = 2_000
"""Rows behind one of the sums that such a query returns; only the rows of groups that are not equal are read."""

DIFFERENCES_NAMED = 100


@dataclass(frozen=True)
class Since:
    """Compare only rows whose `column` is not below `value` (text of the column's type)."""

    column: str
    value: str


@dataclass(frozen=True)
class Request:
    """What to compare.

    `counters` are the source's write counters, read before anything else; None when unknown. `rows_known` are the rows
    of each table that the migration knows of. `sample` is the part of the chunks of every table that is compared,
    between 0 and 1; `since` are the tables of which only changed rows are. No chunk is begun once `max_duration`
    seconds have passed, nor while `max_load()` says that a side has enough to do. `float_tolerance` tells rows apart
    that are equal once floating-point numbers are rounded to 6 or 15 digits, and numbers to the target's scale.
    `conversions` gives SQL over {} (the source's column) for values that were changed on purpose on the way.
    `show_values` lets values into the result; without it only keys are there, of at most `max_differences` rows per
    table. `set_aside` are the rows that were refused when they were loaded and are still not there.
    """

    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...] = ()
    level: str = "checksum"
    jobs: int = 4
    counters: Mapping[TableName, WriteCounter] | None = None
    rows_known: Mapping[TableName, int] = field(default_factory=dict)
    sample: float = 1.0
    since: Mapping[TableName, Since] = field(default_factory=dict)
    max_duration: float | None = None
    max_load: Callable[[], bool] | None = None
    float_tolerance: bool = False
    conversions: Mapping[tuple[TableName, str], str] = field(default_factory=dict)
    show_values: bool = False
    max_differences: int = DIFFERENCES_NAMED
    set_aside: Mapping[TableName, tuple[RowSetAside, ...]] = field(default_factory=dict)
    rows_per_chunk: int = ROWS_PER_CHUNK
    rows_per_group: int = ROWS_PER_GROUP
