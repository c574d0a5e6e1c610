"""The panel of `migrate status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from voyager.cli.render.canvas import Canvas, paragraph
from voyager.cli.render.numbers import duration, estimate
from voyager.cli.render.tables import activity_table
from voyager.identifiers import visible
from voyager.status import MigrationStatus, PhaseStatus
from voyager.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR_CELLS = 20
STYLES = {
    "done": "green",
    "running": "cyan",
    "paused": "yellow",
    "failed": "bold red",
    "stopped": "yellow",
    "differences": "bold red",
    "set_aside": "yellow",
    "idle": "dim",
}
WORDS = {
    "failed": "FAILED",
    "paused": "PAUSED",
    "stopped": "STOPPED",
    "differences": "DIFFERENCES",
    "set_aside": "ROWS_SET_ASIDE",
}
"""Health -> the word that stands in the place of the state, where the state alone would mislead."""


def status_panel(status: MigrationStatus, canvas: Canvas, *, command: Sequence[str]) -> Iterator[RenderableType]:
    """Header, phases, what goes on now, what is next. `command` is the pasteable next command."""
    sections: list[RenderableType] = [header(status), _phases(status, canvas)]
    for activity in status.activity:
        if activity.tables:
            heading = Text(f"CURRENT ACTIVITY: {activity.title}\n", style="bold")
            sections.append(Group(heading, *activity_table(activity, canvas)))
    sections.append(_next(status, canvas, command))
    yield canvas.frame(*sections)


def header(status: MigrationStatus) -> Text:
    text = Text("MIGRATION STATUS\n\n", style="bold")
    rows = {"Name": status.name, "UUID": status.uuid, "Source": status.source, "Target": status.target}
    if status.workflow != "offline":
        rows["Workflow"] = status.workflow
    if status.ended_at:
        rows["Ended"] = f"{status.ended_at:%Y-%m-%d %H:%M} UTC ({status.end_reason})"
    text.append(Text("\n".join(f"{key}: {visible(value)}" for key, value in rows.items()), style="not bold"))
    if status.from_cache:
        text.append(
            f"\n\nThe target cannot be reached: this is what was known at {status.read_at:%Y-%m-%d %H:%M:%S} UTC, "
            "from the export directory. It may be out of date.",
            style="bold yellow",
        )
    return text


def _phases(status: MigrationStatus, canvas: Canvas) -> RenderableType:
    shown = [phase for phase in status.phases if phase.shown]
    titles = max(len(phase.title) for phase in shown)
    words = max(len(word(phase)) for phase in shown)
    lines: list[RenderableType] = [Text("PHASE PROGRESS\n", style="bold")]
    for phase in shown:
        lines.append(phase_line(phase, canvas, titles=titles, words=words))
        if phase.error:
            lines.append(paragraph(f"    {phase.error.get('message', '')}", style="red"))
        if phase.health == "running" and phase.pace and phase.pace.get("workers"):
            lines.append(paragraph(f"    {pace_in_words(phase.pace)}", style="dim"))
    for pause in status.paused:
        what = next((phase.title for phase in shown if phase.phase == pause.phase), pause.phase or "The migration")
        told = f"{what} is {pause.says}; resume with: yb-voyager {pause.ends_with}"
        lines.append(paragraph(f"\n{canvas.glyphs.warning} {told}", style="yellow"))
    for remark in status.remarks:
        told = f"{remark.says} {remark.why} yb-voyager {remark.command}"
        lines.append(paragraph(f"\n{canvas.glyphs.warning} {told}", style="yellow"))
    return Group(*lines)


def pace_in_words(pace: Mapping[str, Any]) -> str:
    """`4 workers (at most 8, balanced): the busiest node's processors are 35% busy`."""
    workers = counted(int(pace["workers"]), "worker")
    rule = "as set" if pace.get("mode") == "fixed" else f"at most {pace.get('most')}, {pace.get('mode')}"
    nodes = pace.get("nodes") or {}
    spread = f" over {len(nodes)} nodes" if len(nodes) > 1 else ""
    why = f": {pace['why']}" if pace.get("why") and pace.get("mode") != "fixed" else ""
    retries = pace.get("retries") or {}
    classes = ", ".join(f"{visible(str(name))} {count:,}" for name, count in sorted(retries.items()))
    retried = f"; tried again {counted(sum(retries.values()), 'time')} ({classes})" if retries else ""
    return f"{workers}{spread} ({rule}){why}{retried}"


def phase_line(phase: PhaseStatus, canvas: Canvas, *, titles: int, words: int) -> Text:
    """`● Export Data   IN_PROGRESS   ████████████░░░░░░░░   62%   2h 15m (est: 1h)`"""
    glyphs = canvas.glyphs
    signs = {
        "idle": glyphs.idle,
        "running": glyphs.running,
        **dict.fromkeys(("paused", "stopped", "set_aside"), glyphs.warning),
        "done": glyphs.done,
    }
    sign = signs.get(phase.health, glyphs.failed)
    style = STYLES[phase.health]
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{sign} ", style=style)
    line.append(f"{phase.title:<{titles}}  ", style="dim" if phase.health == "idle" else "")
    line.append(f"{word(phase):<{words}}  ", style=style)
    cells = BAR_CELLS if canvas.width >= titles + words + 50 else BAR_CELLS // 2
    if canvas.width >= titles + words + 36:
        line.append(bar(phase.percent, canvas, cells), style=style)
    line.append(f"  {phase.percent:>3}%  ")
    rest = estimate(phase.estimate)
    line.append(duration(phase.elapsed) + (f" (est: {rest})" if rest else ""))
    return line


def bar(percent: int, canvas: Canvas, cells: int = BAR_CELLS) -> str:
    full = percent * cells // 100
    return canvas.glyphs.full * full + canvas.glyphs.empty * (cells - full)


def word(phase: PhaseStatus) -> str:
    """The state of a phase, or the word for what is to be known beyond that."""
    return WORDS.get(phase.health, phase.state)


def _next(status: MigrationStatus, canvas: Canvas, command: Sequence[str]) -> RenderableType:
    action = status.next
    heading = "NEXT STEP:" if action.kind != "finished" else "DONE:"
    parts: list[RenderableType] = [
        Text(f"{canvas.glyphs.next} {heading}\n", style="bold green"),
        paragraph(sentence(status)),
    ]
    hints = [condition.hint for condition in action.blocked_by if condition.hint]
    if hints:
        parts.append(canvas.bullets(hints))
    if command:
        parts += [Text(""), indented(canvas, command)]
    return Group(*parts)


def sentence(status: MigrationStatus) -> str:
    """The next step in one sentence that ends where the command begins."""
    action = status.next
    if action.kind == "wait":
        return f"{action.title}, then run:" if action.then else f"{action.title}. {action.reason}"
    if action.kind == "paused":
        return f"{action.reason} {action.title}:"
    if action.kind in ("run", "resume"):
        return f"{action.title}:"
    if action.kind == "end":
        return f"Everything {'else ' * bool(status.remarks)}is done. {action.title}:"
    return f"{action.title}. {action.reason}"


def indented(canvas: Canvas, command: Sequence[str]) -> RenderableType:
    from rich.padding import Padding

    return Padding(canvas.command(command), (0, 0, 0, 2))
