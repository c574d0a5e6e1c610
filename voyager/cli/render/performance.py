"""The answer of `migrate compare-performance` for people: what got slower, how much of the workload that covers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from voyager.cli.render.canvas import Canvas, name, paragraph
from voyager.cli.render.numbers import count
from voyager.cli.render.tables import ruled
from voyager.performance.page import milliseconds, percent, times
from voyager.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

VERDICTS = {
    "slower": "slower",
    "faster": "faster",
    "same": "the same",
    "too_few_calls": "with too few calls to judge",
    "only_in_source": "only on the source",
    "only_in_target": "only on the target",
}


def comparison_panel(document: Mapping[str, Any], paths: Sequence[Path], canvas: Canvas) -> Iterator[RenderableType]:
    """Summary, the worst queries, notes, where the report is."""
    summary = document["summary"]
    heading = Text("PERFORMANCE of migration ", style="bold")
    heading.append(paragraph(document["migration"]["name"]))
    sections: list[RenderableType] = [heading, canvas.bullets(_facts(document, summary))]
    if document["top_regressions"]:
        sections.append(Group(*_worst(document, canvas)))
    if summary["matched"] and not document["top_regressions"]:
        sections.append(Text(f"{canvas.glyphs.done} No query that could be judged is slower.", style="green"))
    sections.append(Group(Text("NOTES\n", style="bold"), canvas.bullets(document["notes"])))
    sections.append(_where(paths))
    yield canvas.frame(*sections)


def _facts(document: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    for side in ("source", "target"):
        found = document[side]
        since = f", counting since {found['counting_since']}" if found["counting_since"] else ""
        by = " as the assessment collected it" if found["kind"] == "assessment" else ""
        nodes = f" on {len(found['nodes'])} nodes" if len(found["nodes"]) > 1 else ""
        yield (
            f"{side.capitalize()}: {found['place']}{by}: {counted(found['queries'], 'query')}, "
            f"{counted(found['calls'], 'call')}{nodes}{since}"
        )
    cover = summary["coverage"]
    yield (
        f"On both sides: {counted(summary['matched'], 'query')}, {percent(cover['time'])} of the source's time and "
        f"{percent(cover['calls'])} of its calls"
    )
    yield ", ".join(f"{number:,} {VERDICTS[key]}" for key, number in summary["verdicts"].items() if number)
    judged = summary["judged"]
    if judged["ratio"] is not None:
        yield (
            f"The judged queries take {times(judged['ratio'])} the time: {milliseconds(judged['source_ms'])} on the "
            f"source, {milliseconds(judged['target_ms'])} for the same calls on the target"
        )


def _worst(document: Mapping[str, Any], canvas: Canvas) -> Iterator[RenderableType]:
    by_id = {one["id"]: one for one in document["queries"]}
    table = ruled(
        canvas, ("Query", "left"), ("Calls", "right"), ("Source", "right"), ("Target", "right"), ("Ratio", "right"),
        ("Added", "right"), ("Share", "right"),
    )  # fmt: skip
    for key in document["top_regressions"]:
        one = by_id[key]
        table.add_row(
            name(" ".join(one["query"].split()), longest=60 if canvas.framed else 100),
            Text(count(one["source"]["calls"])),
            Text(milliseconds(one["source"]["mean_ms"])),
            Text(milliseconds(one["target"]["mean_ms"])),
            Text(times(one["ratio"]), style="bold red"),
            Text(milliseconds(one["added_ms"])),
            Text(percent(one["source"]["share"])),
        )
    yield Text("SLOWER ON THE TARGET\n", style="bold red")
    yield table
    rest = document["summary"]["verdicts"]["slower"] - len(document["top_regressions"])
    if rest > 0:
        yield Text(f"{canvas.glyphs.more} and {rest:,} more in the report", style="dim")
    yield Text(
        "Source and target: mean time of a call. Added: at the source's number of calls. Share: of the source's time.",
        style="dim",
    )


def _where(paths: Sequence[Path]) -> RenderableType:
    if not paths:
        return Text("Nothing was written (--dry-run).")
    return Group(Text("REPORTS\n", style="bold"), *(paragraph(f"  {path}") for path in paths))
