"""Plans: for each class of machine which tables to colocate, how many nodes that takes, and which plan is the best.

Tables go into the colocated tablet the smallest first, until its size, its number of objects or the load of the one
node that serves it is exhausted. Sharded tables need nodes for their load and for their tablets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voyager.assessment.experiments import GIB, Experiments, Machine
from voyager.assessment.workload import Table, Workload, cores, rates

MIXED, ALL_SHARDED = "colocated and sharded", "all sharded"
MAX_COLOCATED_INDEXES = 2
COPIES = 3
TABLET_ROOM = 2
"""A cluster is to hold twice the tablets that it needs at first: tables grow."""
MIN_NODES = COPIES

# How YugabyteDB splits tablets: by size, and the larger the more of them a node already has of the table.
LOW_PHASE_GB, HIGH_PHASE_GB, FINAL_PHASE_GB = 0.512, 10, 100
LOW_PHASE_PER_NODE, HIGH_PHASE_PER_NODE, TABLETS_PER_NODE = 1, 24, 256


@dataclass(frozen=True)
class Split:
    """The colocated and the sharded tables. `index_heavy` of the sharded ones have too many indexes; the others follow
    from where colocating ended: `ended_at` is the table that no longer fitted and `ended_by` the limit that it met."""

    colocated: tuple[Table, ...] = ()
    sharded: tuple[Table, ...] = ()
    index_heavy: int = 0
    ended_at: Table | None = None
    ended_by: str = ""

    @property
    def sharded_objects(self) -> int:
        return sum(table.objects for table in self.sharded)


@dataclass(frozen=True)
class Plan:
    """One cluster. `cores` are those that the load needs, at least all of the smallest cluster. With a `failure` the
    numbers mean nothing."""

    strategy: str
    machine: Machine
    split: Split
    load_cores: int = 0
    nodes_for_load: int = 0
    tablets: int = 0
    nodes_for_tablets: int = 0
    nodes: int = 0
    cores: int = 0
    failure: str = ""

    @property
    def vcpus(self) -> int:
        """Of the whole cluster: what one pays for."""
        return self.nodes * self.machine.vcpus


def plans(work: Workload, experiments: Experiments, *, peak_factor: float) -> tuple[Plan, ...]:
    """Every class of machine with both strategies."""
    return tuple(
        _plan(strategy, machine, _split(strategy, machine, work, peak_factor), peak_factor)
        for strategy in (MIXED, ALL_SHARDED)
        for machine in experiments.machines
    )


def best(candidates: Iterable[Plan]) -> Plan | None:
    """The plan with the fewest vCPUs. Of equal ones within a strategy that with the load for fewer cores, then the
    larger machine; between strategies the larger machine, then all sharded. None when all of them fail."""
    possible = [plan for plan in candidates if not plan.failure]
    finalists = [
        min(of_strategy, key=lambda plan: (plan.vcpus, plan.cores, -plan.machine.vcpus))
        for strategy in (MIXED, ALL_SHARDED)
        if (of_strategy := [plan for plan in possible if plan.strategy == strategy])
    ]
    return min(finalists, key=lambda plan: (plan.vcpus, -plan.machine.vcpus, plan.strategy == MIXED), default=None)


def _split(strategy: str, machine: Machine, work: Workload, peak_factor: float) -> Split:
    if strategy == ALL_SHARDED:
        return Split(sharded=work.tables)
    return _by_load(_by_size(work, machine), machine, peak_factor)


def _by_size(work: Workload, machine: Machine) -> Split:
    heavy = tuple(table for table in work.tables if len(table.indexes) > MAX_COLOCATED_INDEXES)
    light = [table for table in work.tables if len(table.indexes) <= MAX_COLOCATED_INDEXES]
    size = objects = 0
    for position, table in enumerate(light):
        size += table.total_bytes
        objects += table.objects
        limit = _size_limit(size / GIB, objects, machine)
        if limit:
            return _ended(light, position, heavy, limit)
    return Split(tuple(light), heavy, len(heavy))


def _size_limit(gb: float, objects: int, machine: Machine) -> str:
    if gb > machine.colocated_gb:
        return f"the colocated tables would take {gb:,.1f} GB, and {machine.colocated_gb:,g} GB are the most measured"
    if objects > machine.colocated_objects:
        return f"there would be more than the {machine.colocated_objects:,} colocated objects that were measured"
    return ""


def _by_load(split: Split, machine: Machine, peak_factor: float) -> Split:
    reads = writes = 0.0
    for position, table in enumerate(split.colocated):
        more_reads, more_writes = rates([table], peak_factor)
        reads, writes = reads + more_reads, writes + more_writes
        needed = cores(machine.colocated, reads, writes)
        if needed > machine.vcpus:
            limit = f"the colocated tables would need {needed:,} cores, and the one node that serves them has "
            return _ended(split.colocated, position, split.sharded, f"{limit}{machine.vcpus}", split.index_heavy)
    return split


def _ended(
    light: Sequence[Table], position: int, sharded: tuple[Table, ...], limit: str, index_heavy: int | None = None
) -> Split:
    heavy = len(sharded) if index_heavy is None else index_heavy
    return Split(tuple(light[:position]), (*sharded, *light[position:]), heavy, light[position], limit)


def _plan(strategy: str, machine: Machine, split: Split, peak_factor: float) -> Plan:
    objects = split.sharded_objects
    if objects > machine.sharded_objects:
        failure = (
            f"{objects:,} tables and indexes would be sharded; on machines of {machine.vcpus} vCPU and "
            f"{machine.memory_gb} GiB at most {machine.sharded_objects:,} were measured."
        )
        return Plan(strategy, machine, split, failure=failure)
    load_cores = cores(machine.sharded, *rates(split.sharded, peak_factor))
    # The leader of the colocated tablet is one node, which is not counted on for sharded tables.
    extra = 1 if split.colocated else 0
    for_load = max(math.ceil(load_cores / machine.vcpus) + extra, MIN_NODES)
    tablets = sum(_tablets_of(table, for_load) for table in split.sharded)
    for_tablets = math.ceil(tablets * COPIES * TABLET_ROOM / machine.sharded_objects)
    nodes = max(for_load, for_tablets)
    least = max(load_cores + extra * machine.vcpus, MIN_NODES * machine.vcpus)
    needed = least if for_tablets <= for_load else nodes * machine.vcpus
    return Plan(strategy, machine, split, load_cores, for_load, tablets, for_tablets, nodes, needed)


def _tablets_of(table: Table, nodes: int) -> int:
    return sum(tablets(size / GIB, nodes) for size in (table.size_bytes or 0, *table.indexes))


def tablets(gb: float, nodes: int) -> int:
    """How many tablets a table or index of a size is split into on so many nodes; an empty one has one."""
    low, high = LOW_PHASE_PER_NODE * nodes, HIGH_PHASE_PER_NODE * nodes
    if gb <= low * HIGH_PHASE_GB:
        return max(min(math.ceil(gb / LOW_PHASE_GB), low), 1)
    if gb <= high * HIGH_PHASE_GB:
        return math.ceil(gb / HIGH_PHASE_GB)
    # As many as in the phase before, each of them growing to 100 GB, before further ones come into being.
    return max(high, math.ceil(gb / FINAL_PHASE_GB))
