"""The panel of `migrate next`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.align import Align
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from voyager.cli.render.canvas import Canvas, paragraph
from voyager.identifiers import visible
from voyager.status import MigrationStatus

if TYPE_CHECKING:
    from rich.console import RenderableType


def next_panel(status: MigrationStatus, canvas: Canvas, *, command: Sequence[str]) -> Iterator[RenderableType]:
    """Where the migration stands, the step with its reason, the command to paste, tips, what else is possible."""
    yield canvas.frame(_header(status), _action(status, canvas, command))


def _header(status: MigrationStatus) -> Text:
    text = Text("RECOMMENDED NEXT ACTION\n\n", style="bold")
    text.append(Text(f"Migration: {visible(status.name)}\nCurrent Phase: {_current(status)}", style="not bold"))
    return text


def _current(status: MigrationStatus) -> str:
    begun = [phase for phase in status.phases if phase.state not in ("NOT_STARTED", "COMPLETED")]
    if begun:
        return ", ".join(f"{phase.title} ({phase.state} - {phase.percent}%)" for phase in begun)
    completed = [phase for phase in status.phases if phase.state == "COMPLETED"]
    return f"{completed[-1].title} (COMPLETED)" if completed else status.current_state


def _action(status: MigrationStatus, canvas: Canvas, command: Sequence[str]) -> RenderableType:
    action, glyphs = status.next, canvas.glyphs
    sign = {"wait": glyphs.wait, "paused": glyphs.wait, "blocked": glyphs.failed, "finished": glyphs.done}.get(
        action.kind, glyphs.next
    )
    style = {"wait": "bold yellow", "paused": "bold yellow", "blocked": "bold red"}.get(action.kind, "bold green")
    parts: list[RenderableType] = [Text(f"{sign} ACTION: {action.title}\n", style=style)]
    parts.append(paragraph(_reason(status)))
    parts += _failures(status)
    hints = [condition.hint for condition in action.blocked_by if condition.hint]
    hints += [
        f"To go on all the same, add to its command: {condition.override} {visible(status.name)}"
        for condition in action.blocked_by
        if condition.override
    ]
    if hints:
        parts.append(canvas.bullets(hints))
    if command:
        parts += [Text(""), *_boxed(canvas, command)]
    if action.then and action.kind not in ("wait", "blocked"):
        parts.append(paragraph(f"\nAfter that: {action.then_title}."))
    if action.tips:
        parts.append(_list("TIPS", action.tips, canvas))
    if action.also:
        offers = [f"{offer.why}  yb-voyager {offer.command}" for offer in action.also]
        parts.append(_list("YOU CAN ALSO", offers, canvas))
    return Group(*parts)


def _reason(status: MigrationStatus) -> str:
    action = status.next
    if action.kind == "wait" and action.then:
        return f"{action.reason} Once completed, run:"
    return action.reason


def _failures(status: MigrationStatus) -> list[RenderableType]:
    return [
        paragraph(f"Its last error: {phase.error['message']} {phase.error.get('hint', '')}".rstrip(), style="red")
        for phase in status.phases
        if phase.error and phase.error.get("message")
    ]


def _boxed(canvas: Canvas, command: Sequence[str]) -> list[RenderableType]:
    if not canvas.framed:
        return [canvas.command(["  " + line for line in command])]
    buttons = Text("[Copy: --copy] [Run: --run]", style="dim")
    return [Panel(canvas.command(command), box=box.SQUARE, expand=True, border_style="dim"), Align.right(buttons)]


def _list(title: str, lines: Sequence[str], canvas: Canvas) -> RenderableType:
    return Group(Text(f"\n{title}:", style="bold"), canvas.bullets(lines))
