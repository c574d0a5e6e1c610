"""What a phase came to: guardrails, the plan of a dry run, the summary that stays on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from voyager.cli.render.canvas import Canvas, paragraph
from voyager.cli.render.tables import grid_table
from voyager.phases.job import Outcome
from voyager.ports import Check
from voyager.status import PhaseStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

SEVERITY_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
MOST_DETAILS = 20


def checks_list(checks: Sequence[Check], canvas: Canvas, *, all_of_them: bool) -> Iterator[RenderableType]:
    """Guardrails, one a line, with the SQL that repairs one. Those that passed are only counted unless asked for."""
    glyphs = canvas.glyphs
    signs = {"ok": glyphs.done, "warning": glyphs.warning, "error": glyphs.failed}
    passed = sum(check.severity == "ok" for check in checks)
    for check in checks:
        if check.severity == "ok" and not all_of_them:
            continue
        line = Text(f"{signs[check.severity]} ", style=SEVERITY_STYLES[check.severity])
        line.append(paragraph(check.finding, style="default"))
        yield line
        if check.sql:
            yield Padding(paragraph(check.sql, style="cyan"), (0, 0, 0, 4))
    if passed and not all_of_them:
        yield Text(f"{glyphs.done} {passed} guardrail{'s' if passed > 1 else ''} passed", style="green")


def outcome_panel(
    outcome: Outcome, checks: Sequence[Check], canvas: Canvas, *, next_title: str, command: Sequence[str]
) -> Iterator[RenderableType]:
    """The end of a phase: its headline, details, what is worth knowing of the guardrails, and the next command."""
    fine = outcome.problem is None
    sign = canvas.glyphs.done if fine else canvas.glyphs.failed
    line = Text(f"{sign} ", style="bold green" if fine else "bold red")
    line.append(paragraph(outcome.headline, style="bold"))
    parts: list[RenderableType] = [line]
    if outcome.grid is not None:
        parts += [Text(""), *grid_table(outcome.grid, canvas), Text("")]
    parts += [paragraph(f"  {detail}") for detail in outcome.details[:MOST_DETAILS]]
    if len(outcome.details) > MOST_DETAILS:
        parts.append(Text(f"  {canvas.glyphs.more} and {len(outcome.details) - MOST_DETAILS:,} more"))
    parts += checks_list([check for check in checks if check.severity == "warning"], canvas, all_of_them=True)
    yield Group(*parts)
    if outcome.problem is not None:
        yield paragraph(outcome.problem.message, style="red")
        untold = [detail for detail in outcome.problem.details if detail not in outcome.details]
        yield from (paragraph(f"    {detail}") for detail in untold[:MOST_DETAILS])
        if outcome.problem.hint:
            yield paragraph(outcome.problem.hint)
    if command:
        yield Text(f"\n{canvas.glyphs.next} NEXT STEP: {next_title}\n", style="bold green")
        yield Padding(canvas.command(command), (0, 0, 0, 2))


def plan_panel(title: str, plan: Sequence[str], checks: Sequence[Check], canvas: Canvas) -> Iterator[RenderableType]:
    """A dry run: the guardrails as they stand, and what would be done."""
    yield Text(f"DRY RUN: {title} (nothing was changed)", style="bold")
    yield from checks_list(checks, canvas, all_of_them=True)
    yield Text("\nIt would:" if plan else "\nIt has no steps to show beforehand.", style="bold")
    yield from (paragraph(f"  {line}") for line in plan)


def cutover_panel(
    migration: str, phase: PhaseStatus, reasons: Sequence[Mapping[str, str]], canvas: Canvas
) -> Iterator[RenderableType]:
    """The answer of `migrate cutover status`."""
    states = {"NOT_STARTED": "NOT INITIATED"}
    text = Text("CUTOVER STATUS\n\n", style="bold")
    rows = {"Migration": migration, "State": states.get(phase.state, phase.state)}
    if phase.started_at:
        rows["Initiated"] = f"{phase.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if phase.completed_at:
        rows["Completed"] = f"{phase.completed_at:%Y-%m-%d %H:%M:%S} UTC"
    if phase.summary.get("by"):
        rows["By"] = str(phase.summary["by"])
    text.append(paragraph("\n".join(f"{key}: {value}" for key, value in rows.items()), style="not bold"))
    sections: list[RenderableType] = [text]
    if reasons:
        lines = [f"{reason['says']} {reason['hint']}".rstrip() for reason in reasons]
        sections.append(Group(Text("IN THE WAY:\n", style="bold"), canvas.bullets(lines)))
    if phase.summary.get("checklist"):
        sections.append(Group(Text("CHECKLIST:\n", style="bold"), canvas.bullets(phase.summary["checklist"])))
    yield canvas.frame(*sections)
