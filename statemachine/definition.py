"""What a workflow is made of: Phase, Condition, Workflow. Values only; machine.py makes them run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from statemachine.errors import WorkflowError

NOT_STARTED = "NOT_STARTED"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"

Configuration = Mapping[str, str]
"""Phase name -> state: NOT_STARTED, the phase's `begun` state, or COMPLETED. One entry for every phase."""


@dataclass(frozen=True)
class Condition:
    """Something that must hold before a phase may start, beyond the states of other phases.

    `kind` is "wait" (clears by itself) or "fix" (needs the operator). `says` is the sentence shown while it does not
    hold, `hint` what to do. `override` names the flag that lets the operator pass it by name ("" when none does).
    """

    name: str
    kind: str
    says: str
    hint: str
    override: str = ""


@dataclass(frozen=True)
class Phase:
    """A unit of operator work: one row of a workflow's table.

    `command` is what follows `yb-voyager` on the command line. `after` must be COMPLETED and `overlaps` begun before it
    starts, and the conditions in `when` must hold; once a phase in `unless` has begun it starts no more. `done_when`
    must be COMPLETED and `done_begun` begun before it completes. `begun` names the middle state. `final` ends the
    migration: it starts while nothing runs, and nothing starts after it. `cancel` is the command that calls a begun
    phase off, "" when none does. `done_label` is a short name for `<PHASE>_COMPLETED`.
    """

    name: str
    title: str
    command: str
    summary: str
    tips: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    done_when: tuple[str, ...] = ()
    done_begun: tuple[str, ...] = ()
    repeatable: bool = False
    streams: bool = False
    consequential: bool = False
    offered: bool = True
    final: bool = False
    cancel: str = ""
    begun: str = IN_PROGRESS
    done_label: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that this one is built on: redoing one of them undoes it."""
        return (*self.after, *self.overlaps)

    @property
    def states(self) -> tuple[str, str, str]:
        return (NOT_STARTED, self.begun, COMPLETED)

    @property
    def restartable(self) -> bool:
        """The first row is the migration itself, and what is consequential is called off or stands."""
        return bool(self.needs) and not self.consequential


@dataclass(frozen=True)
class Workflow:
    """An ordered table of phases and the conditions they name. `reads_source` is False where no database is read."""

    name: str
    title: str
    phases: tuple[Phase, ...]
    conditions: tuple[Condition, ...] = ()
    reads_source: bool = True

    def phase(self, name: str) -> Phase:
        """Return the row called `name`; KeyError names the workflow when there is none."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise KeyError(f"workflow {self.name} has no phase {name}")

    def condition(self, name: str) -> Condition:
        for condition in self.conditions:
            if condition.name == name:
                return condition
        raise KeyError(f"workflow {self.name} has no condition {name}")

    def dependents(self, name: str) -> tuple[str, ...]:
        """Every phase that is built on `name`, directly or through others, in table order."""
        found: set[str] = {name}
        growing = True
        while growing:
            more = {phase.name for phase in self.phases if found.intersection(phase.needs)} - found
            found |= more
            growing = bool(more)
        return tuple(phase.name for phase in self.phases if phase.name in found and phase.name != name)

    def check(self) -> None:
        """Raise WorkflowError with every mistake in the table; a sound table returns nothing."""
        from statemachine.soundness import problems

        found = problems(self)
        if found:
            raise WorkflowError(self.name, found)


class Why(NamedTuple):
    """Why a condition does not hold just now, with its numbers, and what to do; said instead of the general words."""

    says: str
    hint: str


class Remark(NamedTuple):
    """What a completed phase left open, and the command that settles it. It keeps nothing from starting."""

    phase: str
    says: str
    command: str
    why: str


@dataclass(frozen=True)
class Facts:
    """What is true beside the configuration: phases with a live lease, and conditions that hold. `why` may say more of
    a condition that does not; `remarks` are told with whatever is next."""

    running: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    why: Mapping[str, Why] = field(default_factory=dict, compare=False)
    remarks: tuple[Remark, ...] = field(default=(), compare=False)
