"""Sizing: which tables to shard, how many nodes of what size, and how long the load takes; with the reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voyager.assessment import sizing_text
from voyager.assessment.assessment import ObjectStatistics
from voyager.assessment.cluster import Plan, best, plans
from voyager.assessment.experiments import experiments_for
from voyager.assessment.load_time import import_minutes
from voyager.assessment.sizing_text import Decision
from voyager.assessment.workload import workload

COLOCATED, SHARDED = "colocated", "sharded"
PEAK_FACTOR = 1.0
"""Times the measured load that a cluster is planned for. 1 plans for the average of the capture: how much higher the
peaks are, only the operator knows."""


@dataclass(frozen=True)
class Placement:
    """Where one table goes: `table` is "schema.table", `reason` the sentence that says why. Two tables can be the same
    "a.b.c"; `schema` and `name` are this one's."""

    table: str
    strategy: str
    reason: str
    size_bytes: int = 0
    """Of the table and its indexes."""
    schema: str = ""
    name: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True)
class Alternative:
    """One cluster that was considered: `strategy` is "colocated and sharded" or "all sharded"; `nodes` and `cores` are
    0 when it cannot hold the database, and `failure` says why."""

    strategy: str
    vcpus: int
    nodes: int
    cores: int
    failure: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Sizing:
    """The recommended cluster. Minutes are whole ones for the whole data; `failure` is "" when there is a
    recommendation, and then the numbers mean something. `steps` says how it was reached, in order; `notes` what to
    keep in mind about it."""

    placements: tuple[Placement, ...] = ()
    reasoning: str = ""
    nodes: int = 0
    vcpus_per_node: int = 0
    memory_gb_per_node: int = 0
    select_connections_per_node: int = 0
    insert_connections_per_node: int = 0
    import_minutes: int | None = None
    import_minutes_without_redundant_indexes: int | None = None
    steps: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()

    @property
    def colocated(self) -> tuple[str, ...]:
        return tuple(one.table for one in self.placements if one.strategy == COLOCATED)

    @property
    def sharded(self) -> tuple[str, ...]:
        return tuple(one.table for one in self.placements if one.strategy == SHARDED)


def size(
    statistics: Sequence[ObjectStatistics],
    *,
    target_version: str,
    redundant: Collection[tuple[str, str]] = (),
    capture_seconds: int | None = None,
    peak_factor: float = PEAK_FACTOR,
) -> Sizing:
    """Recommend a cluster for what was measured; `redundant` are superfluous indexes by schema and name.

    `capture_seconds` is how long the load was watched. Partitioned parents are left out: they hold no rows.
    """
    work = workload(statistics, redundant=redundant)
    experiments, why = experiments_for(target_version)
    considered = plans(work, experiments, peak_factor=peak_factor)
    chosen = best(considered)
    decision = Decision(work, considered, chosen, why, capture_seconds, peak_factor)
    alternatives = tuple(_alternative(plan, chosen) for plan in considered)
    if chosen is None:
        return Sizing(
            steps=sizing_text.steps(decision),
            alternatives=alternatives,
            failure=sizing_text.failure(decision),
            notes=sizing_text.notes(decision),
        )
    return _recommendation(decision, chosen, alternatives)


def _recommendation(decision: Decision, plan: Plan, alternatives: tuple[Alternative, ...]) -> Sizing:
    machine, split = plan.machine, plan.split
    with_all, without = (
        import_minutes(
            machine, plan.nodes, colocated=split.colocated, sharded=split.sharded, without_redundant=without_redundant
        )
        for without_redundant in (False, True)
    )
    return Sizing(
        placements=_placements(decision, plan),
        reasoning=sizing_text.reasoning(decision, plan),
        nodes=plan.nodes,
        vcpus_per_node=machine.vcpus,
        memory_gb_per_node=machine.memory_gb,
        select_connections_per_node=min(machine.colocated.select_connections, machine.sharded.select_connections),
        insert_connections_per_node=min(machine.colocated.insert_connections, machine.sharded.insert_connections),
        import_minutes=with_all.total,
        import_minutes_without_redundant_indexes=without.total,
        steps=(*sizing_text.steps(decision), *sizing_text.load_steps(decision, plan, with_all, without)),
        alternatives=alternatives,
        notes=sizing_text.notes(decision),
    )


def _placements(decision: Decision, plan: Plan) -> tuple[Placement, ...]:
    colocated = plan.split.colocated
    small = sizing_text.why_colocated(plan)
    return (
        *(Placement(table.name, COLOCATED, small, table.total_bytes, *table.key) for table in colocated),
        *(
            Placement(table.name, SHARDED, reason, table.total_bytes, *table.key)
            for table, reason in sizing_text.why_sharded(decision, plan)
        ),
    )


def _alternative(plan: Plan, chosen: Plan | None) -> Alternative:
    return Alternative(plan.strategy, plan.machine.vcpus, plan.nodes, plan.cores, plan.failure, plan is chosen)


def sizing_json(sizing: Sizing) -> dict[str, Any]:
    """The document of a sizing on its own: the cluster, the way to it, and where every table goes."""
    recommended = None if sizing.failure else _cluster(sizing)
    return {
        "schema_version": 1,
        "recommendation": recommended,
        "failure": sizing.failure,
        "steps": list(sizing.steps),
        "notes": list(sizing.notes),
        "alternatives": [asdict(one) for one in sizing.alternatives],
        "placements": [asdict(one) for one in sizing.placements],
    }


def _cluster(sizing: Sizing) -> dict[str, Any]:
    return {
        "nodes": sizing.nodes,
        "vcpus_per_node": sizing.vcpus_per_node,
        "memory_gb_per_node": sizing.memory_gb_per_node,
        "select_connections_per_node": sizing.select_connections_per_node,
        "insert_connections_per_node": sizing.insert_connections_per_node,
        "import_minutes": sizing.import_minutes,
        "import_minutes_without_redundant_indexes": sizing.import_minutes_without_redundant_indexes,
        "colocated_tables": len(sizing.colocated),
        "sharded_tables": len(sizing.sharded),
        "reasoning": sizing.reasoning,
    }
