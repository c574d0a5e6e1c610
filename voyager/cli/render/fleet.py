"""The panels of the fleet commands: what would be done, how far it is, what was found, what is common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from voyager.cli.render.assessment import LEVEL_STYLES
from voyager.cli.render.canvas import Canvas, name, paragraph
from voyager.cli.render.numbers import count, duration, size
from voyager.cli.render.status import bar
from voyager.cli.render.tables import ruled
from voyager.fleet.comparison import Comparison, Row
from voyager.fleet.fleet_dir import COMPLETE, ERROR, PENDING, RUNNING, MemberState
from voyager.identifiers import visible
from voyager.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.fleet.report import FleetReport

MOST_ISSUES = 12
MOST_SCHEMAS = 12
MOST_MEMBERS = 20
WORDS = {PENDING: "waiting", RUNNING: "being assessed", COMPLETE: "assessed", ERROR: "FAILED"}


def state_line(state: MemberState) -> str:
    """A change in a sentence."""
    if state.failure is not None:
        return f"{state.name}: FAILED: {state.failure.message}"
    return f"{state.name}: {WORDS.get(state.status, state.status.lower())}"


def progress_table(names: Sequence[str], states: Mapping[str, MemberState], canvas: Canvas) -> RenderableType:
    """How far the databases are: running and failed ones first."""
    ended = sum(state.status in (COMPLETE, ERROR) for state in states.values())
    percent = min(99, 100 * ended // len(names))
    order = {RUNNING: 0, ERROR: 1, PENDING: 2, COMPLETE: 3}
    known = [(states[one].status if one in states else PENDING, one) for one in names]
    listed = sorted(known, key=lambda item: order.get(item[0], 1))
    heading = Text("FLEET ASSESSMENT IN PROGRESS\n\n", style="bold")
    heading.append(f"{bar(percent, canvas)} {ended:,} of {len(names):,}", style="not bold")
    lines: list[RenderableType] = [_sign(status, canvas).append(name(one)) for status, one in listed[:MOST_MEMBERS]]
    if len(listed) > MOST_MEMBERS:
        lines.append(Text(f"{canvas.glyphs.more} and {len(listed) - MOST_MEMBERS:,} more", style="dim"))
    return canvas.frame(heading, Group(*lines))


def _sign(status: str, canvas: Canvas) -> Text:
    glyphs = canvas.glyphs
    sign, style = {
        COMPLETE: (glyphs.done, "green"),
        ERROR: (glyphs.failed, "bold red"),
        RUNNING: (glyphs.running, "cyan"),
    }.get(status, (glyphs.idle, "dim"))
    return Text().append(f"{sign} ", style=style)


def plan_view(
    planned: Sequence[Mapping[str, Any]], directory: Path, jobs: int, canvas: Canvas
) -> Iterator[RenderableType]:
    """What --dry-run says."""
    wanted = [one for one in planned if one["action"] == "assess"]
    heading = Text("FLEET ASSESSMENT (--dry-run: nothing is done)\n\n", style="bold")
    number = f"{len(wanted):,} of {counted(len(planned), 'database')}"
    heading.append(paragraph(f"{number} would be assessed, {jobs:,} at a time, into {directory}.", style="not bold"))
    table = ruled(canvas, ("Database", "left"), ("Source", "left"), ("Would", "left"), ("Password from", "left"))
    for one in planned:
        table.add_row(name(one["name"]), name(one["source"]), Text(one["action"]), name(one["password_from"]))
    commands = [Group(Text(f"\n{visible(one['name'])}:"), canvas.command([one["command_line"]])) for one in wanted]
    yield canvas.frame(heading, table, Group(Text("COMMANDS", style="bold"), *commands))


def assessed_view(
    found: FleetReport, paths: Sequence[Path], directory: Path, canvas: Canvas
) -> Iterator[RenderableType]:
    """The end of `fleet assess`."""
    sections = list(_summary("FLEET ASSESSMENT", found, canvas))
    sections.append(_where(paths))
    if found.left_out:
        sections.append(Text("Run the same command again when that is repaired: what is assessed is not done again."))
    if found.totals.assessed > 1:
        steps = [f"yb-voyager assessment fleet compare --fleet-dir {_quoted(directory)}"]
        sections.append(Group(Text(f"{canvas.glyphs.next} Compare them:\n", style="bold green"), canvas.command(steps)))
    yield canvas.frame(*sections)


def report_view(found: FleetReport, paths: Sequence[Path], canvas: Canvas) -> Iterator[RenderableType]:
    """The end of `fleet report`."""
    yield canvas.frame(*_summary("FLEET REPORT", found, canvas), _where(paths))


def comparison_view(found: FleetReport, canvas: Canvas) -> Iterator[RenderableType]:
    """The databases side by side, then what they have in common."""
    sections = list(_summary("FLEET COMPARISON", found, canvas))
    sections.append(Group(*_common(found.comparison, canvas)))
    sections.append(Group(*_schemas(found.comparison, canvas)))
    yield canvas.frame(*sections)


def _summary(title: str, found: FleetReport, canvas: Canvas) -> Iterator[RenderableType]:
    sums = found.totals
    heading = Text(f"{title}\n\n", style="bold")
    heading.append("\n".join(_sums(found)), style="not bold")
    yield heading
    if sums.assessed:
        yield _rows(found.comparison.rows, canvas)
    if found.left_out:
        yield Group(
            Text("NOT ASSESSED\n", style="bold yellow"),
            *(_sign(ERROR, canvas).append(name(one.name)).append(f": {visible(one.reason)}") for one in found.left_out),
        )
    if sums.assessed:
        yield Group(Text("NOTES\n", style="bold"), *(paragraph(f"- {visible(note)}") for note in found.notes))


def _sums(found: FleetReport) -> Iterator[str]:
    sums = found.totals
    yield f"Databases: {sums.assessed:,} of {len(found.states):,} assessed"
    if not sums.assessed:
        return
    levels = ", ".join(f"{number:,} {level or 'not rated'}" for level, number in sums.complexity.items())
    yield f"Migration complexity: {levels}"
    yield f"Issues: {'at least ' if sums.least else ''}{sums.issues:,} ({sums.blocking:,} would be refused)"
    if sums.effort_days is not None:
        without = f"; no estimate for {counted(sums.effort_unknown, 'database')}" if sums.effort_unknown else ""
        yield f"Effort: about {sums.effort_days:g} person-days{without}"
    yield f"Data: {size(sums.size_bytes)} in {counted(sums.tables, 'table')} and {counted(sums.indexes, 'index')}"
    load = duration(60 * sums.import_minutes)
    yield f"Clusters, one for each: {sums.nodes:,} nodes, {sums.vcpus:,} vCPU; to load all of them takes {load}"


def _rows(rows: Sequence[Row], canvas: Canvas) -> RenderableType:
    table = ruled(
        canvas, ("Database", "left"), ("Engine", "left"), ("Complexity", "left"), ("Issues", "right"),
        ("Objects", "right"), ("Tables", "right"), ("Data", "right"), ("Effort", "right"), ("Cluster", "left"),
        ("Load", "right"),
    )  # fmt: skip
    for row in rows:
        cluster = row.cluster
        table.add_row(
            name(row.name),
            name(f"{row.engine} {row.version.split(' ')[0]}"),
            Text(row.complexity or "-", style=LEVEL_STYLES.get(row.complexity, "")),
            # A plus where there may be more.
            Text(f"{count(row.issues)}{'+' if row.reservation else ''}"),
            Text(count(row.objects)),
            Text(count(row.tables)),
            Text(size(row.size_bytes)),
            Text("-" if row.effort_days is None else f"{row.effort_days:g} d"),
            Text("none" if cluster.failure else f"{cluster.nodes} x {cluster.vcpus_per_node} vCPU"),
            Text(duration(60 * cluster.import_minutes) if cluster.import_minutes else "-"),
        )
    return table


def _common(comparison: Comparison, canvas: Canvas) -> Iterator[RenderableType]:
    yield Text("ISSUES IN COMMON\n", style="bold")
    common = comparison.common_issues
    if not common:
        yield Text("No issue occurs in more than one database.")
        return
    table = ruled(canvas, ("Issue", "left"), ("Impact", "left"), ("Databases", "right"), ("Places", "right"))
    for issue in common[:MOST_ISSUES]:
        impact = f"LEVEL_{issue.impact}" if issue.impact else "-"
        table.add_row(name(issue.type), Text(impact), Text(count(len(issue.members))), Text(count(issue.count)))
    yield table
    if len(common) > MOST_ISSUES:
        yield Text(f"{canvas.glyphs.more} and {len(common) - MOST_ISSUES:,} more with --output json", style="dim")


def _schemas(comparison: Comparison, canvas: Canvas) -> Iterator[RenderableType]:
    yield Text("SHARED SCHEMAS\n", style="bold")
    if not comparison.shared_schemas:
        yield Text("No two schemas have the same objects.")
        return
    table = ruled(canvas, ("Schemas", "left"), ("Objects", "right"), ("Definitions", "left"))
    for shared in comparison.shared_schemas[:MOST_SCHEMAS]:
        places = ", ".join(f"{database}: {schema}" for database, schema in shared.schemas)
        table.add_row(name(places, longest=120), Text(count(shared.objects)), Text(shared.definitions))
    yield table
    if len(comparison.shared_schemas) > MOST_SCHEMAS:
        rest = len(comparison.shared_schemas) - MOST_SCHEMAS
        yield Text(f"{canvas.glyphs.more} and {rest:,} more with --output json", style="dim")


def _where(paths: Sequence[Path]) -> RenderableType:
    if not paths:
        return Text("Nothing was written (--dry-run).")
    return Group(Text("REPORTS\n", style="bold"), *(paragraph(f"  {path}") for path in paths))


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
