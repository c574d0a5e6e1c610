"""Finds the mistakes in a workflow's table: what `transitions` would build without a word and never fire."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from statemachine.definition import COMPLETED, NOT_STARTED, Phase, Workflow

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_PHASE_FIELDS = ("after", "overlaps", "unless", "done_when", "done_begun")


def problems(workflow: Workflow) -> tuple[str, ...]:
    """Every mistake in the table, as sentences. Reachability is judged only where all names are known."""
    found = [*_names(workflow), *_references(workflow), *_conditions(workflow), *_rows(workflow), *_final(workflow)]
    return tuple(found or _reachability(workflow))


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _names(workflow: Workflow) -> Iterator[str]:
    if not workflow.phases:
        yield "it has no phases"
    for name in _twice(phase.name for phase in workflow.phases):
        yield f"the phase {name} is there twice"
    for command in _twice(phase.command for phase in workflow.phases):
        yield f"the command {command!r} belongs to two phases"
    for name in _twice(condition.name for condition in workflow.conditions):
        yield f"the condition {name} is there twice"
    for phase in workflow.phases:
        if not _NAME.fullmatch(phase.name):
            yield f"the phase name {phase.name!r} is not UPPER_SNAKE"
        if not _NAME.fullmatch(phase.begun) or phase.begun in {NOT_STARTED, COMPLETED}:
            yield f"{phase.name} calls its middle state {phase.begun!r}"


def _references(workflow: Workflow) -> Iterator[str]:
    above: set[str] = set()
    known = {phase.name for phase in workflow.phases}
    for phase in workflow.phases:
        for field in _PHASE_FIELDS:
            names: tuple[str, ...] = getattr(phase, field)
            for name in names:
                if name not in known:
                    yield f"{phase.name}.{field} names the unknown phase {name}"
                elif name == phase.name:
                    yield f"{phase.name}.{field} names itself"
                elif field in {"after", "overlaps"} and name not in above:
                    yield f"{phase.name}.{field} names {name}, which stands below it in the table"
        above.add(phase.name)


def _conditions(workflow: Workflow) -> Iterator[str]:
    known = {condition.name for condition in workflow.conditions}
    used = {name for phase in workflow.phases for name in phase.when}
    for phase in workflow.phases:
        for name in phase.when:
            if name not in known:
                yield f"{phase.name}.when names the unknown condition {name}"
    for condition in workflow.conditions:
        if condition.name not in used:
            yield f"no phase asks for the condition {condition.name}"
        if condition.kind not in {"wait", "fix"}:
            yield f"the condition {condition.name} is of the unknown kind {condition.kind!r}"
        if not (condition.says and condition.hint):
            yield f"the condition {condition.name} does not tell the operator what is wrong and what to do"


def _rows(workflow: Workflow) -> Iterator[str]:
    for phase in workflow.phases:
        if not (phase.title and phase.command and phase.summary):
            yield f"{phase.name} has no title, command or summary"
        if phase.streams and not (phase.done_when or phase.done_begun):
            yield f"{phase.name} streams and nothing completes it: give it done_when or done_begun"
        for name in phase.unless:
            if any(other.name == name and other.offered for other in workflow.phases):
                yield f"{phase.name}.unless names {name}, which `next` would recommend"


def _final(workflow: Workflow) -> Iterator[str]:
    final = [phase.name for phase in workflow.phases if phase.final]
    if len(final) != 1:
        yield f"exactly one phase ends a migration, here {len(final)} do"
    elif workflow.phases[-1].name != final[0]:
        yield f"{final[0]} ends the migration and is not the last row"
    for phase in workflow.phases:
        if phase.final and not (phase.offered and phase.consequential):
            yield f"{phase.name} ends the migration and is not both offered and consequential"


def _reachability(workflow: Workflow) -> Iterator[str]:
    begun, completed = _saturate(workflow.phases)
    for phase in workflow.phases:
        if phase.name not in begun:
            yield f"{phase.name} can never start"
        elif phase.name not in completed:
            yield f"{phase.name} can never complete"
    offered = [phase for phase in workflow.phases if phase.offered]
    begun_by_next, completed_by_next = _saturate(offered)
    for phase in offered:
        if phase.name in begun and phase.name not in begun_by_next:
            yield f"{phase.name} waits for a phase that `next` never recommends"
        elif phase.name in completed and phase.name not in completed_by_next and not phase.streams:
            yield f"{phase.name} completes only after a phase that `next` never recommends"


def _saturate(phases: Collection[Phase]) -> tuple[set[str], set[str]]:
    """Start and complete whatever can be, all conditions holding, until nothing changes."""
    begun: set[str] = set()
    completed: set[str] = set()
    size = -1
    while size != len(begun) + len(completed):
        size = len(begun) + len(completed)
        for phase in phases:
            if completed.issuperset(phase.after) and begun.issuperset(phase.overlaps):
                begun.add(phase.name)
            if phase.name in begun and completed.issuperset(phase.done_when) and begun.issuperset(phase.done_begun):
                completed.add(phase.name)
    return begun, completed
