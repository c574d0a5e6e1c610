"""How many connections load at the same time, decided step by step from what the target shows: no clock, no I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

BALANCED, AGGRESSIVE, DISABLED = "balanced", "aggressive", "disabled"
MODES = (BALANCED, AGGRESSIVE, DISABLED)

STEP_SECONDS = 5.0
SEATS = 128
"""More connections than this from one process make nothing faster."""
MEMORY_RESERVE = 0.10
"""The share of a node's memory that stays free."""
SEVERE = 4.0
"""Batches that take this many times what they took at best are slow enough to go below where we began."""
STEPS_TO_FORGET = 12
"""A number of connections that was too many is not tried again for this many steps."""
DRIFT = 1.002
_CPU = {BALANCED: 0.80, AGGRESSIVE: 0.95}
_SLOWER = {BALANCED: 1.5, AGGRESSIVE: 2.5}


@dataclass(frozen=True)
class Machines:
    """What is known of the target: `cores` of the whole cluster (None: it does not tell), how many nodes, whether it
    shows how busy they are, and how many processors this machine has."""

    cores: int | None
    nodes: int
    measured: bool
    own_cores: int


@dataclass(frozen=True)
class Bounds:
    """Where the number of connections begins, how far it may go, and from what on there are too many."""

    start: int
    most: int
    cpu: float = _CPU[BALANCED]
    slower: float = _SLOWER[BALANCED]
    fixed: bool = False


@dataclass(frozen=True)
class Reading:
    """What was seen since the last step. `cpu` and `memory_free` are shares (0 to 1) of the worst node, None where the
    target does not show them; `slowness` says how many times a batch takes what it took at best, None without batches;
    `busy` is whether every connection had work; `hindered` counts batches to be tried again, by SQLSTATE."""

    cpu: float | None = None
    memory_free: float | None = None
    slowness: float | None = None
    busy: bool = True
    hindered: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Step:
    """A change of the number of connections, and why."""

    before: int
    now: int
    why: str


def bounds(mode: str, machines: Machines, *, jobs: int = 0, most: int = 0) -> Bounds:
    """Balanced: begin with a quarter of the cluster's cores and go up to half; aggressive: from half to all of them.

    `jobs` above 0 fixes the number, `most` above 0 limits it. Two connections are never too many to begin with.
    """
    start, limit = _usual(machines, aggressive=mode == AGGRESSIVE)
    if jobs > 0:
        fixed = min(jobs, SEATS)
        return Bounds(fixed, fixed, fixed=True)
    limit = min(most or limit, SEATS)
    start = max(1, min(start, limit))
    if mode == DISABLED:
        return Bounds(start, start, fixed=True)
    return Bounds(start, max(start, limit), cpu=_CPU[mode], slower=_SLOWER[mode])


def _usual(machines: Machines, *, aggressive: bool) -> tuple[int, int]:
    cores, nodes = machines.cores, max(1, machines.nodes)
    if cores is not None:
        quarter, half = max(2, cores // 4), max(2, cores // 2)
        return (half, max(2, cores)) if aggressive else (quarter, half)
    if machines.measured or nodes > 1:
        # Nobody says how many cores a node has: two connections for each, and room to find out.
        start, limit = 2 * nodes, (8 if machines.measured else 4) * nodes
    else:
        start = max(2, min(8, machines.own_cores))
        limit = 2 * start
    return start, 2 * limit if aggressive else limit


class Controller:
    """The number of connections now; step() moves it by one, or by half when the target is out of something."""

    def __init__(self, limits: Bounds) -> None:
        self.bounds = limits
        self.now = limits.start
        self._steps = 0
        self._too_many: dict[int, int] = {}

    def move_to(self, limits: Bounds) -> int:
        """Take other bounds; return the number that comes of it."""
        self.bounds = limits
        self._too_many.clear()
        self.now = limits.start if limits.fixed else max(1, min(self.now, limits.most))
        return self.now

    def step(self, reading: Reading) -> Step | None:
        """Judge what was seen; None when nothing changes."""
        self._steps += 1
        if self.bounds.fixed:
            return None
        wanted, why = self._judge(reading)
        wanted = max(1, min(wanted, self.bounds.most))
        before = self.now
        if wanted == before:
            return None
        if wanted < before:
            self._too_many[before] = self._steps
        self.now = wanted
        return Step(before, wanted, why)

    def _judge(self, reading: Reading) -> tuple[int, str]:
        limits, now = self.bounds, self.now
        for state, count in sorted((reading.hindered or {}).items()):
            if state in _OUT_OF:
                return now // 2, f"the target is out of {_OUT_OF[state]} ({state})"
            if state in _TOO_MUCH:
                return now - 1, f"the target {_TOO_MUCH[state]} ({state}, seen {count} x)"
        if reading.cpu is not None and reading.cpu > limits.cpu:
            return now - 1, f"a node's processors are {reading.cpu:.0%} busy (limit {limits.cpu:.0%})"
        if reading.memory_free is not None and reading.memory_free < MEMORY_RESERVE:
            return now - 1, f"a node has {reading.memory_free:.0%} of its memory free (reserve {MEMORY_RESERVE:.0%})"
        if reading.cpu is not None:
            return self._more(reading, f"the busiest node's processors are {reading.cpu:.0%} busy")
        return self._by_speed(reading)

    def _by_speed(self, reading: Reading) -> tuple[int, str]:
        """A target that does not show its load is judged by how long its batches take."""
        slowness, limits = reading.slowness, self.bounds
        if slowness is None:
            return self.now, ""
        told = f"batches take {slowness:.1f} times what they took at best"
        if slowness > SEVERE or (slowness > limits.slower and self.now > limits.start):
            return self.now - 1, told
        if slowness <= (1 + limits.slower) / 2:
            return self._more(reading, told)
        return self.now, ""

    def _more(self, reading: Reading, why: str) -> tuple[int, str]:
        tried = self._too_many.get(self.now + 1)
        lately = tried is not None and self._steps - tried < STEPS_TO_FORGET
        return (self.now, "") if lately or not reading.busy else (self.now + 1, why)


class Slowness:
    """How long batches take beside the best of their own table, weighed by their size."""

    def __init__(self) -> None:
        self._best: dict[object, float] = {}
        self._ratios = 0.0
        self._weight = 0

    def took(self, table: object, size: int, seconds: float) -> None:
        size = max(size, 1)
        pace = max(seconds, 1e-6) / size
        # The best is forgotten slowly: an index that grows makes later batches slower at any number of connections.
        best = self._best[table] = min(self._best.get(table, math.inf) * DRIFT, pace)
        self._ratios += size * pace / best
        self._weight += size

    def since_last(self) -> float | None:
        """The mean of what was told since the last call; None when nothing was."""
        if not self._weight:
            return None
        mean = self._ratios / self._weight
        self._ratios, self._weight = 0.0, 0
        return mean


_OUT_OF = {"53300": "connections", "53200": "memory", "53400": "a configured resource"}
_TOO_MUCH = {
    "40001": "reports conflicts",
    "40P01": "reports deadlocks",
    "55P03": "reports locks",
    "57014": "cancels statements",
}
