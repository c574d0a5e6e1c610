"""Draws a workflow for people: mermaid text for a page, a plain table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from textwrap import wrap

from statemachine.definition import COMPLETED, Phase, Workflow


def mermaid(workflow: Workflow) -> str:
    """A `stateDiagram-v2`. Arrows are a phase's own work and what it opens; a label on them says what
    must hold beside it."""
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {_begun(workflow.phases[0])}"]
    for phase in workflow.phases:
        lines += [f"    {line}" for line in _edges(workflow, phase)]
    return "\n".join(lines) + "\n"


def _edges(workflow: Workflow, phase: Phase) -> Iterator[str]:
    if phase.final:
        yield from (f"{_completed(last)} --> {_begun(phase)}" for last in _ends(workflow))
    else:
        yield from _entries(workflow, phase)
    for name in phase.done_when:
        yield f"{_completed(workflow.phase(name))} --> {_completed(phase)}: needed"
    yield f"{_begun(phase)} --> {_completed(phase)}: {'after the cutover' if phase.streams else phase.command}"
    if phase.repeatable:
        yield f"{_completed(phase)} --> {_begun(phase)}: again"
    if phase.final:
        yield f"{_completed(phase)} --> [*]"


def _entries(workflow: Workflow, phase: Phase) -> Iterator[str]:
    label = f": {', '.join(phase.when)}" if phase.when else ""
    for name in phase.after:
        yield f"{_completed(workflow.phase(name))} --> {_begun(phase)}{label}"
    for name in phase.overlaps:
        yield f"{_begun(workflow.phase(name))} --> {_begun(phase)}: beside it"


def _ends(workflow: Workflow) -> list[Phase]:
    """The phases that nothing follows."""
    return [phase for phase in workflow.phases if not (phase.final or phase.streams or workflow.dependents(phase.name))]


def _begun(phase: Phase) -> str:
    return f"{phase.name}_{phase.begun}"


def _completed(phase: Phase) -> str:
    return phase.done_label or f"{phase.name}_{COMPLETED}"


_HEAD = ("Phase", "Command", "Starts", "Completes", "Notes")
_WIDEST = 30


def table(workflow: Workflow) -> str:
    """The rows of the workflow, aligned: what each needs to start and to complete. Long cells go on below."""
    rows = [_HEAD, *(_cells(phase) for phase in workflow.phases)]
    wrapped = [[wrap(cell, _WIDEST, break_on_hyphens=False) or [""] for cell in row] for row in rows]
    widths = [max(len(line) for row in wrapped for line in row[column]) for column in range(len(_HEAD))]
    lines = [line for row in wrapped for line in _lines(row, widths)]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _lines(row: list[list[str]], widths: list[int]) -> Iterator[str]:
    for cells in zip_longest(*row, fillvalue=""):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def _cells(phase: Phase) -> tuple[str, ...]:
    completes = _joined(("after", phase.done_when), ("once begun:", phase.done_begun)) or "with its work"
    return (phase.name, phase.command, _starts(phase), completes, _notes(phase))


def _starts(phase: Phase) -> str:
    if phase.final:
        return "whenever nothing runs"
    return _joined(("after", phase.after), ("beside", phase.overlaps), ("when", phase.when)) or "first"


def _joined(*parts: tuple[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)


def _notes(phase: Phase) -> str:
    notes = (
        (phase.repeatable, "may run again"),
        (phase.streams, "streams"),
        (phase.consequential, "asks"),
        (not phase.offered, "never recommended"),
        (bool(phase.cancel), "can be called off"),
        (bool(phase.unless), f"not once begun: {', '.join(phase.unless)}"),
    )
    return ", ".join(note for holds, note in notes if holds)
