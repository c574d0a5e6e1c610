"""IndexOptions: how indexes and keys are built after the rows, and the session settings that follow from it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voyager.errors import UsageError
from voyager.phases.options import option
from voyager.phases.sizes import parse_size

if TYPE_CHECKING:
    from voyager.target.maintenance import BuildLimits

MOST_JOBS = 64
MOST_BY_DEFAULT = 1 << 30


@dataclass(frozen=True)
class IndexOptions:
    """Options of the phase that builds indexes and keys over rows that are there."""

    index_jobs: int = option(
        0, "Build this many indexes, keys and foreign keys at the same time (0: as many as --parallel-jobs, or CPUs)."
    )
    index_memory: str | None = option(
        None,
        "maintenance_work_mem of each build (default: all of them together get as much as the target's shared_buffers, "
        "none less than the target's own setting or more than 1GB).",
        metavar="SIZE",
    )
    index_workers: int | None = option(
        None,
        "max_parallel_maintenance_workers of each build (default: none for those built beside others, and what the "
        "target has for one that would hold up the rest).",
    )


def check_index_options(options: Any) -> None:
    """Refuse what cannot be meant."""
    if not 0 <= options.index_jobs <= MOST_JOBS:
        raise UsageError(f"--index-jobs is {options.index_jobs}.", f"Give a number from 1 to {MOST_JOBS}, or 0.")
    if options.index_memory is not None:
        parse_size(options.index_memory, "--index-memory")
    if options.index_workers is not None and not 0 <= options.index_workers <= 1024:
        raise UsageError(f"--index-workers is {options.index_workers}.", "Give a number from 0 to 1024.")


def index_jobs(options: Any) -> int:
    """How many builds run at the same time."""
    chosen = getattr(options, "index_jobs", 0) or getattr(options, "parallel_jobs", 0)
    return min(MOST_JOBS, chosen or max(2, min(8, os.cpu_count() or 2)))


def build_settings(options: Any, limits: BuildLimits) -> dict[str, str]:
    """The session settings of each of the builds; values that the target has anyway are left out."""
    wanted = getattr(options, "index_memory", None)
    share = min(MOST_BY_DEFAULT, limits.shared_buffers // index_jobs(options))
    memory = parse_size(wanted, "--index-memory") if wanted else max(share, limits.maintenance_memory)
    settings = {} if memory == limits.maintenance_memory else {"maintenance_work_mem": f"{memory // 1024}kB"}
    workers = getattr(options, "index_workers", None)
    return settings if workers is None else {**settings, "max_parallel_maintenance_workers": str(workers)}


def helpers(options: Any, limits: BuildLimits) -> int:
    """How many workers a build gets that is longer than its share; 0 to leave them as they are for all."""
    return limits.workers if getattr(options, "index_workers", None) is None else 0
