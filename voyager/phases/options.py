"""How a phase declares its options: one dataclass field each; flag, config key and help come from it."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def option(
    default: Any,
    help: str,
    *,
    flags: tuple[str, ...] = (),
    hidden: bool = False,
    per_run: bool = False,
    metavar: str = "",
    repeated: bool = False,
) -> Any:
    """Declare one option of a phase's Options dataclass.

    The field's name gives the flag (`parallel_jobs` -> `--parallel-jobs`) and the config key (`parallel-jobs`) unless
    `flags` spells it. `per_run` options (overrides, backups) are taken from the command line
    only and are never saved. Types allowed: bool, int, float, str, `str | None`, `int | None`, `float | None`,
    `tuple[str, ...]` (given comma-separated, quotes keep commas; `repeated`: one value each time the flag is given).
    """
    metadata = {"help": help, "flags": flags, "hidden": hidden, "per_run": per_run, "metavar": metavar}
    return field(default=default, metadata={**metadata, "repeated": repeated})
