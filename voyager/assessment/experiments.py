"""What was measured on real clusters: limits, throughput and load times by release and class of machine.

The figures are those of the experiments that YugabyteDB publishes with yb-voyager (experiment_data in its repository),
for releases 2024.1.0.0, 2024.2.0.0 and 2025.2.0.0, on machines of 4, 8 and 16 vCPU with 4 GiB of memory per vCPU.
None stands where nothing was measured. Index and column factors of 2024.1.0.0 are those of 2024.2.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

GIB = 1024**3
MEMORY_GB_PER_VCPU = 4
COLUMNS = (5, 10, 20, 40, 80, 160)
"""The numbers of columns for which a column factor was measured."""
NODES = (3, 6, 9)
"""The numbers of nodes for which a throughput was measured."""
SIZES_GB = (9, 19, 29, 57, 113)
ROWS = (50_000_000, 100_000_000, 150_000_000, 300_000_000, 600_000_000)
"""The table that was loaded, five times: so many GB are so many rows."""


@dataclass(frozen=True)
class Layout:
    """One way to lay tables out on one class of machine: what a core serves, and how long the loading takes.

    `seconds` belong to SIZES_GB and ROWS. An index factor says how many times longer the load takes with so many
    indexes, a column factor with so many columns (those of COLUMNS).
    """

    selects_per_core: float
    inserts_per_core: float
    select_connections: int
    insert_connections: int
    seconds: tuple[float, ...]
    index_factors: tuple[tuple[int, float], ...]
    column_factors: tuple[float | None, ...]


@dataclass(frozen=True)
class Machine:
    """One class of machine, and the most that was measured on three nodes of it with three copies of all data.

    `megabytes_per_second` is what the whole cluster loads with as many nodes as NODES says.
    """

    vcpus: int
    colocated: Layout
    sharded: Layout
    colocated_gb: float
    colocated_objects: int
    sharded_objects: int
    megabytes_per_second: tuple[float, ...]

    @property
    def memory_gb(self) -> int:
        return self.vcpus * MEMORY_GB_PER_VCPU


@dataclass(frozen=True)
class Experiments:
    """All that was measured with one release; machines by size, the smallest first."""

    release: str
    machines: tuple[Machine, ...]


@dataclass(frozen=True)
class _Loading:
    """The part of a layout that differs from release to release: the load times and what makes them longer."""

    seconds: tuple[float, ...]
    indexes: Mapping[int, float]
    columns: tuple[float | None, ...]


@dataclass(frozen=True)
class _Limits:
    """The part of a machine that is the same in all releases."""

    colocated_gb: float
    colocated_objects: int
    sharded_objects: int
    colocated_selects: float
    colocated_inserts: float
    colocated_connections: tuple[int, int]
    sharded_connections: tuple[int, int]


_LIMITS = {
    4: _Limits(113, 2000, 992, 1488, 1127, (8, 12), (10, 12)),
    8: _Limits(113, 5000, 2140, 1406, 1161, (16, 24), (20, 24)),
    16: _Limits(113, 5000, 4316, 1511, 1171, (32, 48), (40, 48)),
}

# vCPU -> reads and writes per second and core of sharded tables.
_SHARDED_2024 = {4: (1230, 400), 8: (1246, 608), 16: (1220, 755)}
_SHARDED_2025_2 = {4: (2256.7, 1211.9), 8: (2271.7, 1098.7), 16: (2325.1, 784.2)}

# vCPU -> MB per second that clusters of 3, 6 and 9 nodes load.
_NODES_2024 = {4: (14.64, 21.35, 26.55), 8: (29.84, 46.64, 61.79), 16: (49.31, 76.9, 124.52)}
_NODES_2025_2 = {4: (15.81, 23.66, 28.92), 8: (29.09, 51.09, 64.79), 16: (42.03, 82.04, 118.98)}

_COLOCATED_2024_2 = {
    4: _Loading((861, 1866, 2952, 6256, 13423), {1: 1.73, 2: 2.69, 5: 6.94}, (1, 1.09, 1.25, 1.4, 1.96, 4.13)),
    8: _Loading((594, 1213, 1734, 3702, 8386), {1: 2.94, 2: 5.83}, (1, 1.02, 1.11, 1.23, 1.44, 1.96)),
    16: _Loading((563, 1084, 1857, 3650, 7592), {1: 4.22, 2: 8.15}, (1, 1.008, 1.11, 1.22, 1.44, 1.8)),
}
_SHARDED_LOAD_2024_2 = {
    4: _Loading(
        (597, 1258, 2028, 6641, 10421),
        {1: 1.53, 2: 2.02, 5: 3.76, 10: 6.94, 20: 15.24},
        (1, 1.06, 1.22, 1.37, 1.91, 2.89),
    ),
    8: _Loading(
        (331, 701, 1105, 3974, 7552),
        {1: 1.52, 2: 2.01, 5: 3.56, 10: 6.42, 20: 13.11},
        (1, 1.05, 1.11, 1.35, 1.48, 2.03),
    ),
    16: _Loading(
        (289, 553, 877, 2784, 4913),
        {1: 1.46, 2: 1.67, 5: 2.86, 10: 5.4, 20: 11.1},
        (1, 1.03, 1.11, 1.13, 1.46, 2.14),
    ),
}
_COLOCATED_SECONDS_2024_1 = {
    4: (791, 1798, 2814, 6697, 14133),
    8: (511, 1050, 1565, 3763, 8234),
    16: (446, 905, 1559, 3072, 6912),
}
_SHARDED_SECONDS_2024_1 = {
    4: (626, 1297, 2189, 4566, 11618),
    8: (283, 586, 1033, 1802, 7221),
    16: (249, 521, 820, 1200, 4597),
}
_COLOCATED_2025_2 = {
    4: _Loading(
        (782.96, 1656.76, 2622.2, 5604.83, 12513.92), {1: 1.58, 2: 2.13, 5: 4.4}, (1, 1.03, 1.17, 1.25, 1.63, None)
    ),
    8: _Loading((599.34, 1113.55, 1553.63, 3572.2, 7147.33), {1: 2.02, 2: 2.41, 5: 5.37}, (1, 1, 1, 1, 1.13, None)),
    16: _Loading(
        (484.2, 907.09, 1314.18, 2727.66, 6347.14), {1: 1.99, 2: 2.98, 5: 6.39}, (1, 1, 1.03, 1.08, 1.29, None)
    ),
}
_SHARDED_LOAD_2025_2 = {
    4: _Loading(
        (534.3, 1140.31, 1741.13, 4051.16, 9608.37),
        {1: 1.37, 2: 1.87, 5: 3.61, 10: 7.06, 20: 15.55},
        (1, 1.06, 1.29, 1.38, 1.87, 2.71),
    ),
    8: _Loading(
        (803.39, 1110.46, 966.86, 2402.42, 5425.68),
        {1: 1.39, 2: 1.8, 5: 3.42, 10: 6.55, 20: 13.68},
        (1, 1.19, 1.2, 1.3, 1.41, 2.1),
    ),
    16: _Loading(
        (276.68, 513.94, 756.57, 1558.67, 3649),
        {1: 1.25, 2: 1.44, 5: 2.55, 10: 4.69, 20: 10.75},
        (1, 1.08, 1.15, 1.13, 1.38, 2.44),
    ),
}


def _earlier(loading: Mapping[int, _Loading], seconds: Mapping[int, tuple[float, ...]]) -> dict[int, _Loading]:
    return {vcpus: _Loading(seconds[vcpus], one.indexes, one.columns) for vcpus, one in loading.items()}


def _layout(loading: _Loading, rates: tuple[float, float], connections: tuple[int, int]) -> Layout:
    return Layout(*rates, *connections, loading.seconds, tuple(sorted(loading.indexes.items())), loading.columns)


def _machines(
    *,
    colocated: Mapping[int, _Loading],
    sharded: Mapping[int, _Loading],
    rates: Mapping[int, tuple[float, float]],
    nodes: Mapping[int, tuple[float, ...]],
) -> Iterator[Machine]:
    for vcpus, limits in _LIMITS.items():
        measured = (limits.colocated_selects, limits.colocated_inserts)
        yield Machine(
            vcpus=vcpus,
            colocated=_layout(colocated[vcpus], measured, limits.colocated_connections),
            sharded=_layout(sharded[vcpus], rates[vcpus], limits.sharded_connections),
            colocated_gb=limits.colocated_gb,
            colocated_objects=limits.colocated_objects,
            sharded_objects=limits.sharded_objects,
            megabytes_per_second=nodes[vcpus],
        )


EXPERIMENTS = (
    Experiments(
        "2024.1.0.0",
        tuple(
            _machines(
                colocated=_earlier(_COLOCATED_2024_2, _COLOCATED_SECONDS_2024_1),
                sharded=_earlier(_SHARDED_LOAD_2024_2, _SHARDED_SECONDS_2024_1),
                rates=_SHARDED_2024,
                nodes=_NODES_2024,
            )
        ),
    ),
    Experiments(
        "2024.2.0.0",
        tuple(
            _machines(colocated=_COLOCATED_2024_2, sharded=_SHARDED_LOAD_2024_2, rates=_SHARDED_2024, nodes=_NODES_2024)
        ),
    ),
    Experiments(
        "2025.2.0.0",
        tuple(
            _machines(
                colocated=_COLOCATED_2025_2, sharded=_SHARDED_LOAD_2025_2, rates=_SHARDED_2025_2, nodes=_NODES_2025_2
            )
        ),
    ),
)
"""Oldest release first; the last one serves where none is old enough or the version cannot be read."""


def experiments_for(target_version: str) -> tuple[Experiments, str]:
    """The measurements to use for a release, and the sentence that says why."""
    newest = EXPERIMENTS[-1]
    wanted = _numbers(target_version)
    if wanted is None:
        return newest, f"The version of the target is not known; the measurements of {newest.release} are used."
    older = [one for one in EXPERIMENTS if (_numbers(one.release) or ()) <= wanted]
    if not older:
        return newest, (
            f"Nothing was measured with {target_version} or an older release; the measurements of "
            f"{newest.release} are used, which may be faster than the target."
        )
    chosen = older[-1]
    return chosen, (
        f"The figures are measurements of YugabyteDB {chosen.release}, "
        f"the newest that are not newer than the target {target_version}."
    )


def _numbers(version: str) -> tuple[int, ...] | None:
    """(2025, 1, 0, 0) of "2025.1.0.0-b12"; a shorter version is padded. None when it is no version."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+){0,3})(?:[-+ ].*)?", version, re.ASCII | re.DOTALL)
    if match is None:
        return None
    parts = tuple(int(part[:9]) for part in match[1].split("."))
    return parts + (0,) * (4 - len(parts))
