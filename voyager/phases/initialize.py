"""INITIALIZE: what `migrate init` asks for. Its work is registration.py's: before it there is no state to run in."""

from __future__ import annotations

from dataclasses import dataclass

from voyager.phases.job import Job, Outcome
from voyager.phases.options import option

NEEDS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    workflow: str = option("offline", "offline, pipelined, live, live-with-fall-back or live-with-fall-forward.")
    allow_non_empty: bool = option(False, "Go on although the target holds tables of the chosen schemas.", per_run=True)


def run(job: Job) -> Outcome:
    """A registered migration has INITIALIZE completed; reaching this says so."""
    return Outcome(headline=f"Migration {job.record.name} is initialized.")
