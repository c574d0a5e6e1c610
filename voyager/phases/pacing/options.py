"""The options of every phase that writes rows into the target: how many connections, by which rule, to which nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voyager.errors import UsageError
from voyager.phases.options import option
from voyager.phases.pacing.control import BALANCED, MODES, SEATS

PACED = ("EXPORT_DATA", "IMPORT_DATA", "IMPORT_FILE")
"""The phases whose workers can be held and changed in number while they run."""


@dataclass(frozen=True)
class TargetLoad:
    """The options of every phase that writes rows into the target."""

    parallel_jobs: int = option(
        0,
        "Load with exactly this many connections (0: as --adaptive-parallelism finds; `migrate set` changes it live).",
    )
    adaptive_parallelism: str = option(
        BALANCED,
        "How many connections load: balanced begins at a quarter of the cluster's cores, goes up to half and back while"
        " a node's processors are over 80 % busy; aggressive from half to all, 95 %; disabled stays where it began.",
        metavar="MODE",
    )
    adaptive_parallelism_max: int = option(0, "Never more connections than this (0: by the cluster's cores).")
    target_endpoints: tuple[str, ...] = option(
        (), "Spread connections over these nodes: host:port,host:port (default: those that the cluster lists)."
    )
    use_public_ip: bool = option(False, "Reach the nodes that the cluster lists by their public addresses.")


def check_pace_options(options: Any) -> None:
    """Refuse what no pace can follow."""
    if options.adaptive_parallelism not in MODES:
        raise UsageError(
            f"--adaptive-parallelism is {options.adaptive_parallelism!r}.", f"It can be {', '.join(MODES)}."
        )
    for name in ("parallel_jobs", "adaptive_parallelism_max"):
        value = getattr(options, name)
        if not 0 <= value <= SEATS:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is {value}.", f"Give a number from 1 to {SEATS}, or 0 to have it chosen.")
    if options.target_endpoints:
        from voyager.target.nodes import check_named

        check_named(options.target_endpoints)
