"""What the viewer's pages say: styled text made of a report, every name in it as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from voyager.assessment.report_issues import (
    LEVEL_MEANS,
    LEVELS,
    SIGNS,
    IssueRow,
    counts_by_category,
    counts_by_level,
    hardest,
    title,
)
from voyager.assessment.report_tables import total
from voyager.assessment.sizing import COLOCATED, SHARDED
from voyager.identifiers import visible
from voyager.pages import figures
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.assessment.report_view import ReportView

MOST_PLACED = 200
MOST_KINDS = 8


def headline(view: ReportView) -> Text:
    """The one line above every page."""
    header = view.header
    return Text.assemble(
        (visible(header.database) or "(no name)", "bold"),
        f" → YugabyteDB {visible(header.target_version)}  ",
        (visible(view.complexity) or "NOT AVAILABLE", "bold"),
        f" complexity, {'at least ' if view.reservation else ''}{counted(len(view.issues), 'issue')}",
        no_wrap=True,
        overflow="ellipsis",
    )


def overview(view: ReportView) -> Text:
    """The first page: what was assessed, how hard it is, what it needs, what could not be looked at."""
    parts = [_source(view), _verdict(view), _counts(view), _cluster(view)]
    if view.missing:
        parts.insert(1, _missing(view))
    if view.objects:
        parts.append(_objects(view))
    if view.effort:
        parts.append(_effort(view))
    if view.notes:
        parts.append(_section("Notes", *(Text(f"- {_shown(note.text)}") for note in view.notes)))
    return Text("\n\n").join(parts)


def issue(row: IssueRow) -> Text:
    """Everything about one issue."""
    lines = [
        Text(visible(row.name), style="bold"),
        Text(f"{level(row.impact)}: {LEVEL_MEANS[row.impact]}. {title(row.category)}."),
    ]
    lines += [_pair(label, visible(value)) for label, value in _facts(row)]
    if row.reason:
        lines += [Text(""), Text(_shown(row.reason))]
    if row.advice:
        lines += [Text(""), Text("What to do: ", style="bold").append(_shown(row.advice), style="not bold")]
    for fix in row.fixes:
        lines.append(_pair("Works in", f"{fix.series} from {fix.version} ({fix.maturity}, {fix.means})"))
    lines += [_pair(label, value) for label, value in row.details]
    if row.link:
        lines.append(_pair("See", row.link))
    if row.sql:
        lines += [Text(""), Text("SQL", style="bold"), Text(_shown(row.sql))]
    return Text("\n").join(lines)


def sizing(view: ReportView) -> Text:
    """The cluster, how it was reached, what else was considered, where each table goes."""
    found = view.sizing
    parts = [_cluster(view)]
    if found.reasoning:
        parts.append(Text(_shown(found.reasoning)))
    if found.steps:
        steps = (Text(f"{number:>2}. {_shown(step)}") for number, step in enumerate(found.steps, start=1))
        parts.append(_section("How this was reached", *steps))
    if found.alternatives:
        parts.append(_alternatives(view))
    for strategy in (SHARDED, COLOCATED):
        tables = found.tables(strategy)
        if tables:
            lines = [f"{figures.size(one.size_bytes or None):>8}  {visible(one.table)}" for one in tables[:MOST_PLACED]]
            more = len(tables) - len(lines)
            lines += [f"          … and {more:,} more, in sizing/placements.csv"] if more else []
            parts.append(_section(f"{strategy.capitalize()}: {counted(len(tables), 'table')}", *map(Text, lines)))
    return Text("\n\n").join(parts)


def level(impact: int) -> str:
    """▲ Level 3: sign and word, so that no colour is needed."""
    return f"{SIGNS[impact]} {LEVELS[impact]}"


def _source(view: ReportView) -> Text:
    header = view.header
    pairs = {
        "Source": f"{header.engine} {header.version}".strip(),
        "Address": header.url,
        "Schemas": ", ".join(header.schemas),
        "Nodes": f"primary and {counted(header.replicas, 'replica')}" if header.replicas else "",
        "Load": f"measured over {header.capture_seconds:,} s" if header.capture_seconds is not None else "",
        "Metadata of": figures.moment(header.collected_at),
        "Assessed": figures.moment(header.assessed_at),
    }
    return Text("\n").join(_pair(label, visible(value)) for label, value in pairs.items() if value)


def _verdict(view: ReportView) -> Text:
    lines = [Text(_shown(view.explanation))] if view.explanation else []
    if view.effort_days is not None:
        lines.append(Text(f"Estimated effort: {figures.days(view.effort_days)} person-days."))
    return _section(f"Migration complexity: {visible(view.complexity) or 'NOT AVAILABLE'}", *lines)


def _counts(view: ReportView) -> Text:
    if not view.issues:
        found = ("Nothing was found that YugabyteDB would not take as it is.", view.reservation)
        return _section("Issues", *(Text(_shown(text)) for text in found if text))
    levels = counts_by_level(view.issues)
    head = "".join(f"{f'{SIGNS[impact]} {LEVELS[impact]}':>12}" for impact in levels)
    lines = [Text(f"{'':<22}{head}{'all':>8}", style="dim")]
    for category, counts in counts_by_category(view.issues).items():
        cells = "".join(f"{counts.get(impact) or '':>12}" for impact in levels)
        lines.append(Text(f"{visible(title(category)):<22.22}{cells}{sum(counts.values()):>8,}"))
    lines.append(Text("\nLook at these first:"))
    for group in hardest(view.groups)[:MOST_KINDS]:
        lines.append(Text(f"{SIGNS[group.impact]}{group.impact or ' '} {visible(group.name)} ({len(group.rows):,})"))
    if view.reservation:
        lines.append(Text(f"\n{_shown(view.reservation)}"))
    return _section(f"Issues: {'at least ' if view.reservation else ''}{len(view.issues):,}", *lines)


def _cluster(view: ReportView) -> Text:
    found = view.sizing
    if not found.recommended:
        return _section("Cluster: none recommended", Text(_shown(found.failure) or "The report holds no sizing."))
    lines = [
        f"{counted(found.nodes, 'node')} of {found.vcpus} vCPU and {found.memory_gb} GiB of memory",
        f"{counted(len(found.tables(SHARDED)), 'table')} sharded, "
        f"{counted(len(found.tables(COLOCATED)), 'table')} colocated",
        f"Connections per node: {found.select_connections} reading, {found.insert_connections} writing",
        f"Data: {figures.size(total(row.size for row in view.measured))} in tables and indexes",
    ]
    if found.minutes:
        lines.append(f"Loading the data: about {figures.minutes(found.minutes)}")
    if found.minutes_without_redundant and view.redundant:
        lines.append(f"Without redundant indexes: about {figures.minutes(found.minutes_without_redundant)}")
    return _section("Cluster", *map(Text, lines))


def _missing(view: ReportView) -> Text:
    lines: list[Text] = []
    for one in view.missing:
        lines.append(Text(f"! {_shown(one.what)}", style="bold").append(f": {_shown(one.reason)}", style="not bold"))
        lines += [Text(f"  {_shown(one.weakens)}")] if one.weakens else []
        lines += [Text(f"    {line}") for line in _shown(one.sql).splitlines()]
    return _section(f"Not looked at: {counted(len(view.missing), 'part')}", *lines)


def _objects(view: ReportView) -> Text:
    lines = [Text(f"{'':<22}{'all':>10}{'with issues':>14}", style="dim")]
    lines += [
        Text(f"{visible(one.object_type).lower():<22.22}{one.total:>10,}{one.invalid:>14,}") for one in view.objects
    ]
    return _section("Objects", *lines)


def _effort(view: ReportView) -> Text:
    lines = [
        Text(f"{visible(one.kind):<22.22}{one.count:>10,}{figures.days(one.days):>14} person-days")
        for one in view.effort
    ]
    return _section("Effort", *lines)


def _alternatives(view: ReportView) -> Text:
    lines = [Text(f"{'strategy':<24}{'vCPU':>6}{'nodes':>8}{'cores':>8}", style="dim")]
    for one in view.sizing.alternatives:
        line = f"{one.strategy:<24.24}{one.vcpus:>6}{one.nodes or figures.UNKNOWN:>8}{one.cores or figures.UNKNOWN:>8}"
        lines.append(Text(f"{line}  ✓ recommended" if one.chosen else line, style="bold" if one.chosen else ""))
        lines += [Text(f"    {_shown(one.failure)}", style="dim")] if one.failure else []
    return _section("What else was considered", *lines)


def _facts(row: IssueRow) -> Iterable[tuple[str, str]]:
    yield "Type", row.type
    yield row.object_type.capitalize() or "Object", row.object_name or "a query"
    if row.usage:
        yield "Use", row.usage.lower()
    if row.place:
        yield "Place", row.place
    if row.blocking:
        yield "Target", "refuses the statement as it is"


def _section(heading: str, *lines: Text) -> Text:
    return Text("\n").join([Text(heading, style="bold underline"), *lines])


def _pair(label: str, value: str) -> Text:
    return Text(f"{visible(label)}: ", style="dim").append(_shown(value), style="not dim")


def _shown(text: str) -> str:
    return figures.text(text)
