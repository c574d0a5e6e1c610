"""The panels of the assessment commands: while it runs, what was taken in, what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from voyager.assessment.partial import reservation
from voyager.cli.render.canvas import Canvas, name, paragraph
from voyager.cli.render.numbers import count, duration, size
from voyager.cli.render.status import bar, indented
from voyager.cli.render.tables import ruled
from voyager.identifiers import visible
from voyager.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.assessment.assessment import Assessment, Missing
    from voyager.assessment.metadata import Metadata
    from voyager.assessment.sizing import Sizing
    from voyager.cli.assessing import Work
    from voyager.progress import TableProgress

MOST_TYPES = 12
LEVEL_STYLES = {"LOW": "bold green", "MEDIUM": "bold yellow", "HIGH": "bold red"}
CATEGORIES = {
    "unsupported_datatypes": ("unsupported data type", ""),
    "unsupported_features": ("unsupported feature", ""),
    "unsupported_query_constructs": ("unsupported construct", " in queries"),
    "unsupported_plpgsql_objects": ("unsupported statement", " in functions and views"),
    "migration_caveats": ("caveat", " of the migration"),
    "performance_optimizations": ("performance optimization opportunity", ""),
}
"""Category -> what is counted and where it is, in the order of the report."""


def progress_panel(work: Work, canvas: Canvas) -> RenderableType:
    """The panel of a running assessment: source, bar, steps, and what is known already."""
    heading = Text("ASSESSMENT IN PROGRESS\n\n", style="bold")
    heading.append(f"Source: {visible(work.source)}\nTarget version: {work.release}", style="not bold")
    steps = [_step(step, canvas) for step in work.steps.values()]
    sections: list[RenderableType] = [heading, Group(Text(f"{bar(work.percent, canvas)} {work.percent}%\n"), *steps)]
    if work.preliminary is not None:
        lines = list(findings_lines(work.preliminary))
        title = Text("PRELIMINARY FINDINGS:\n", style="bold")
        sections.append(Group(title, _complexity(work.preliminary), Text(""), canvas.bullets(lines)))
    return canvas.frame(*sections)


def _step(step: TableProgress, canvas: Canvas) -> Text:
    glyphs = canvas.glyphs
    sign, style = {
        "DONE": (glyphs.done, "green"),
        "FAILED": (glyphs.failed, "bold red"),
        "SKIPPED": (glyphs.warning, "yellow"),
        "QUEUED": (glyphs.idle, "dim"),
    }.get(step.status, (glyphs.running, "cyan"))
    line = Text(f"{sign} ", style=style)
    line.append(visible(step.table), style="dim" if step.status == "QUEUED" else "default")
    if step.message:
        line.append(f" ({visible(step.message)})", style="dim")
    return line


def findings_lines(found: Assessment) -> Iterator[str]:
    """What was found, a sentence for each line that says something."""
    by_category = Counter(finding.category for finding in found.findings)
    least = "At least " if reservation(found.missing) else ""
    for key, (noun, where) in CATEGORIES.items():
        if by_category[key]:
            yield f"{least}{counted(by_category[key], noun)}{where}"
    if not found.findings:
        yield "Nothing that YugabyteDB would not take as it is"
    yield f"Data: {size(sum(one.size_bytes or 0 for one in found.statistics))} in tables and indexes"
    yield cluster(found.sizing)


def cluster(sizing: Sizing) -> str:
    if sizing.failure:
        return f"No cluster can be recommended: {sizing.failure}"
    return (
        f"Recommended cluster: {sizing.nodes} nodes x {sizing.vcpus_per_node} vCPU, "
        f"{sizing.memory_gb_per_node} GB memory each"
    )


def summary(found: Assessment, paths: Sequence[Path], directory: Path, canvas: Canvas) -> Iterator[RenderableType]:
    """The end of an assessment: what was found, what is missing, where the report is, how to read it."""
    source = found.source
    heading = Text("ASSESSMENT\n\n", style="bold")
    rows = {
        "Source": f"{source.url or source.database} ({source.engine} {source.version})",
        "Target version": found.target_version,
        "Schemas": ", ".join(visible(schema) for schema in source.schemas) or "none",
        "Objects": ", ".join(f"{len(one.names):,} {one.object_type.lower()}" for one in found.objects) or "none",
    }
    heading.append(paragraph("\n".join(f"{key}: {value}" for key, value in rows.items()), style="not bold"))
    sections: list[RenderableType] = [heading, _verdict(found, canvas)]
    if found.findings:
        sections.append(Group(*_types(found, canvas)))
    if found.missing:
        sections.append(Group(*_missing(found.missing, canvas)))
    sections.append(_where(paths, directory, canvas))
    yield canvas.frame(*sections)


def _verdict(found: Assessment, canvas: Canvas) -> RenderableType:
    lines = list(findings_lines(found))
    minutes = found.sizing.import_minutes
    if minutes is not None and not found.sizing.failure:
        lines.append(f"Estimated time to load the data: {duration(60.0 * minutes)}")
    return Group(_complexity(found), Text(""), canvas.bullets(lines))


def _complexity(found: Assessment) -> Text:
    level = found.complexity.level
    line = Text("Migration complexity: ").append(level, style=LEVEL_STYLES.get(level, "bold"))
    if found.complexity.effort_days is not None:
        line.append(f", about {found.complexity.effort_days:g} person-days")
    return line.append(f"\n{visible(found.complexity.explanation)}", style="dim")


def _types(found: Assessment, canvas: Canvas) -> Iterator[RenderableType]:
    """The kinds of findings, hardest first, with how many objects they touch and one of them."""
    groups: dict[tuple[int, str, str], list[str]] = {}
    for finding in found.findings:
        groups.setdefault((-finding.impact, finding.issue_id, finding.category), []).append(finding.object_name)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    table = ruled(canvas, ("Issue", "left"), ("Impact", "left"), ("Objects", "right"), ("For example", "left"))
    for (impact, issue, _), objects in ordered[:MOST_TYPES]:
        example = next((one for one in objects if one), "a query")
        table.add_row(Text(issue), Text(f"LEVEL_{-impact}"), Text(count(len(objects))), name(example))
    yield Text("WHAT WAS FOUND\n", style="bold")
    yield table
    if len(ordered) > MOST_TYPES:
        yield Text(f"{canvas.glyphs.more} and {len(ordered) - MOST_TYPES:,} more kinds in the report", style="dim")


def _missing(missing: Sequence[Missing], canvas: Canvas) -> Iterator[RenderableType]:
    yield Text("NOT LOOKED AT\n", style="bold yellow")
    for one in missing:
        yield Text(f"{canvas.glyphs.warning} ", style="yellow").append(paragraph(f"{one.what}: {one.reason}"))
        if one.weakens:
            yield paragraph(f"    {one.weakens}", style="dim")
        if one.sql:
            yield paragraph(f"    {one.sql}", style="cyan")


def _where(paths: Sequence[Path], directory: Path, canvas: Canvas) -> RenderableType:
    if not paths:
        return Text("Nothing was written (--dry-run).")
    parts: list[RenderableType] = [Text("REPORTS\n", style="bold")]
    parts += [paragraph(f"  {path}") for path in paths]
    parts += [Text(f"\n{canvas.glyphs.next} Look at it:\n", style="bold green")]
    parts.append(indented(canvas, ["yb-voyager assessment view", f"  --assessment-dir {_shell(directory)}"]))
    return Group(*parts)


def _shell(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def ingested(metadata: Metadata, directory: Path, canvas: Canvas, *, dry_run: bool) -> Iterator[RenderableType]:
    """What was taken in, file by file, and what comes next."""
    done = "would be taken in" if dry_run else "was taken in already" if metadata.unchanged else "is taken in"
    head = Text(f"{canvas.glyphs.done} ", style="bold green")
    nodes = counted(len(metadata.nodes), "node")
    yield head.append(paragraph(f"Metadata of {metadata.database} ({metadata.engine}, {nodes}) {done}.", style="bold"))
    table = ruled(canvas, ("Metadata", "left"), ("Rows", "right"))
    for key, rows in sorted(metadata.tables.items()):
        table.add_row(name(key.replace("_", " ")), Text(count(len(rows))))
    yield table
    if metadata.missing:
        yield Group(Text(""), *_missing(metadata.missing, canvas))
    if not dry_run:
        yield Text(f"\n{canvas.glyphs.next} Write the report:\n", style="bold green")
        yield indented(canvas, ["yb-voyager assessment report", f"  --assessment-dir {_shell(directory)}"])
