"""Sizing: which tables to shard, how many nodes of what size, and how long the load takes; with the reasons."""

from __future__ import annotations

from dataclasses import dataclass

COLOCATED, SHARDED = "colocated", "sharded"


@dataclass(frozen=True)
class Placement:
    """Where one table goes: `table` is "schema.table", `reason` the sentence that says why."""

    table: str
    strategy: str
    reason: str
    size_bytes: int = 0
    """Of the table and its indexes."""


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
    recommendation, and then the numbers mean something. `steps` says how it was reached, in order."""

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

    @property
    def colocated(self) -> tuple[str, ...]:
        return tuple(one.table for one in self.placements if one.strategy == COLOCATED)

    @property
    def sharded(self) -> tuple[str, ...]:
        return tuple(one.table for one in self.placements if one.strategy == SHARDED)
