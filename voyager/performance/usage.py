"""Usage: how often and how long a query ran, whatever the server's version calls the columns, and sums of that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "<insufficient privilege>"
"""What stands for the text of another role's query."""


@dataclass(frozen=True)
class Usage:
    """What was counted of one query. Times are milliseconds of execution, `stddev_ms` that of the whole population."""

    calls: int
    rows: int
    total_ms: float
    min_ms: float
    max_ms: float
    stddev_ms: float

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.calls


@dataclass(frozen=True)
class Entry:
    """One entry of the view: the text as the server has it, and what was counted."""

    text: str
    usage: Usage


@dataclass(frozen=True)
class Sample:
    """What one side has counted. `kind` is "live" or "assessment"; `since` is when the counting began, "" when nobody
    knows; `hidden` entries were not shown to `role`; `builtins` are the names of the server's own functions."""

    kind: str
    place: str
    version: str
    read_at: str
    entries: tuple[Entry, ...]
    nodes: tuple[str, ...] = ()
    since: str = ""
    hidden: int = 0
    role: str = ""
    notes: tuple[str, ...] = ()
    builtins: frozenset[str] = field(default=frozenset(), repr=False)


def usage_of(row: Mapping[str, Any]) -> Usage | None:
    """What an entry says; None when the query was planned and never executed.

    Servers before PostgreSQL 13 say total_time where later ones say total_exec_time.
    """
    calls = int(row.get("calls") or 0)
    if calls <= 0:
        return None
    mean = _time(row, "mean")
    total = _time(row, "total")
    return Usage(
        calls=calls,
        rows=int(row.get("rows") or 0),
        total_ms=total if total is not None else (mean or 0.0) * calls,
        min_ms=_time(row, "min") or 0.0,
        max_ms=_time(row, "max") or 0.0,
        stddev_ms=_time(row, "stddev") or 0.0,
    )


def together(parts: Iterable[Usage]) -> Usage:
    """The same query counted in several entries (of roles, nodes, spellings) as one.

    The deviation is that of all calls: the squares around zero add up, those around different means do not.
    """
    found = list(parts)
    if len(found) == 1:
        return found[0]
    calls = sum(one.calls for one in found)
    total = math.fsum(one.total_ms for one in found)
    squares = math.fsum(one.calls * (one.stddev_ms**2 + one.mean_ms**2) for one in found)
    return Usage(
        calls=calls,
        rows=sum(one.rows for one in found),
        total_ms=total,
        min_ms=min(one.min_ms for one in found),
        max_ms=max(one.max_ms for one in found),
        stddev_ms=math.sqrt(max(0.0, squares / calls - (total / calls) ** 2)),
    )


def _time(row: Mapping[str, Any], name: str) -> float | None:
    for column in (f"{name}_exec_time", f"{name}_time"):
        value = row.get(column)
        if value is not None and math.isfinite(float(value)):
            return max(0.0, float(value))
    return None
