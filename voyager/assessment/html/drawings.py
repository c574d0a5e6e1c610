"""The charts of the page: which numbers of a report each of them draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from voyager.assessment.report_issues import LEVELS, counts_by_category, counts_by_level, title
from voyager.assessment.report_tables import MeasuredRow, busiest, reads_by_node
from voyager.assessment.report_view import COMPLEXITIES, ReportView, SizingView
from voyager.assessment.sizing import COLOCATED, SHARDED
from voyager.pages import figures
from voyager.pages.charts import Segment, bar, column, ring, scale, spot
from voyager.wording import counted

MOST_TABLES = 12
MOST_NODES = 8


@dataclass(frozen=True)
class BarRow:
    """A row of a chart: a name, its bar, its value in words."""

    label: str
    bar: Markup
    value: str
    counts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class HeatRow:
    """A table and how busy it is."""

    label: str
    reads: float | None
    writes: float | None
    reads_spot: Markup
    writes_spot: Markup


@dataclass(frozen=True)
class NodeColumn:
    """A node of the recommended cluster and its share of the data."""

    label: str
    column: Markup
    value: str


def drawings(view: ReportView) -> dict[str, Any]:
    """What the templates of the summary and the charts show, by name."""
    largest = view.weights[:MOST_TABLES] if view.weights and view.weights[0].whole else ()
    rest = view.weights[len(largest) :] if largest else ()
    hot = busiest(view.measured)
    return {
        "complexity": _position(view),
        "complexity_scale": scale(_position(view), COMPLEXITIES),
        "issues_ring": _ring(view),
        "category_bars": _categories(view),
        "size_bars": _sizes(view) if largest else [],
        "size_rest": {"tables": len(rest), "size": sum(weight.whole for weight in rest)},
        "heat_rows": _heat(hot[:MOST_TABLES]),
        "heat_rest": max(len(hot) - MOST_TABLES, 0),
        "hottest": _hottest(view.measured),
        "replica_bars": _replicas(view),
        **_nodes(view),
    }


def _position(view: ReportView) -> int:
    return COMPLEXITIES.index(view.complexity) if view.complexity in COMPLEXITIES else -1


def _levels(counts: Mapping[int, int]) -> list[Segment]:
    return [Segment(number, f"fill-{level}", f"{LEVELS[level]}: {number:,}") for level, number in counts.items()]


def _ring(view: ReportView) -> Markup:
    under = "issue" if len(view.issues) == 1 else "issues"
    return ring(_levels(counts_by_level(view.issues)), caption=figures.count(len(view.issues)), under=under)


def _categories(view: ReportView) -> list[BarRow]:
    counts = counts_by_category(view.issues)
    most = max((sum(levels.values()) for levels in counts.values()), default=0)
    return [
        BarRow(title(category), bar(_levels(levels), whole=most), figures.count(sum(levels.values())), levels)
        for category, levels in counts.items()
    ]


def _sizes(view: ReportView) -> list[BarRow]:
    most = view.weights[0].whole
    return [
        BarRow(
            weight.table.qualified,
            bar(
                [
                    Segment(weight.table.size or 0, "fill-table", f"table {figures.size(weight.table.size)}"),
                    Segment(weight.index_size, "fill-index", f"indexes {figures.size(weight.index_size)}"),
                ],
                whole=most,
            ),
            figures.size(weight.whole),
        )
        for weight in view.weights[:MOST_TABLES]
        if weight.whole
    ]


def _hottest(rows: Iterable[MeasuredRow]) -> float:
    return max((rate for row in rows for rate in (row.reads or 0, row.writes or 0)), default=0)


def _heat(rows: Sequence[MeasuredRow]) -> list[HeatRow]:
    hottest = _hottest(rows)
    return [
        HeatRow(
            row.qualified,
            row.reads,
            row.writes,
            spot(row.reads, hottest, kind="reads"),
            spot(row.writes, hottest, kind="writes"),
        )
        for row in rows
    ]


def _replicas(view: ReportView) -> list[BarRow]:
    reads = reads_by_node(view.measured)
    if len(reads) < 2:
        return []
    most = max(reads.values())
    return [
        BarRow(node, bar([Segment(rate, "fill-reads", figures.rate(rate))], whole=most), figures.rate(rate))
        for node, rate in reads.items()
    ]


def _nodes(view: ReportView) -> dict[str, Any]:
    """Each node leads its part of every sharded table; one of them leads all colocated tables together."""
    sizing = view.sizing
    if not sizing.recommended or not sizing.placements:
        return {"node_columns": [], "nodes_rest": 0, "node_title": "", "node_note": ""}
    sizes = _placed_sizes(view)
    known = sum(sizes.values()) > 0
    amounts = sizes if known else {way: len(sizing.tables(way)) for way in (SHARDED, COLOCATED)}
    share = amounts[SHARDED] / sizing.nodes
    most = share + amounts[COLOCATED]
    columns = [
        _node(number, share, amounts[COLOCATED] if number == 1 else 0, most=most, known=known)
        for number in range(1, min(sizing.nodes, MOST_NODES) + 1)
    ]
    return {
        "node_columns": columns,
        "nodes_rest": max(sizing.nodes - MOST_NODES, 0),
        "node_title": "Data that each node serves" if known else "Tables that each node serves",
        "node_note": _node_note(sizing, sum(sizes.values()) if known else 0),
    }


def _placed_sizes(view: ReportView) -> dict[str, int]:
    """Bytes by strategy: those of the placements, or where a report has none, those of the tables."""
    placed = {way: sum(one.size_bytes for one in view.sizing.tables(way)) for way in (SHARDED, COLOCATED)}
    if any(placed.values()):
        return placed
    found = {SHARDED: 0, COLOCATED: 0}
    for weight in view.weights:
        if weight.table.strategy in found:
            found[weight.table.strategy] += weight.whole
    return found


def _node(number: int, share: float, colocated: float, *, most: float, known: bool) -> NodeColumn:
    def said(amount: float) -> str:
        return figures.size(amount) if known else counted(max(round(amount), 1), "table")

    segments = [Segment(share, "fill-sharded", f"sharded {said(share)}")]
    if colocated:
        segments.append(Segment(colocated, "fill-colocated", f"colocated {said(colocated)}"))
    whole = said(share + colocated) if known else ("" if not colocated and share < 1 else said(share + colocated))
    return NodeColumn(f"node {number}", column(segments, whole=most * 1.2), whole)


def _node_note(sizing: SizingView, size: int) -> str:
    if not size:
        return ""
    copies = min(3, sizing.nodes)
    return f"With {copies} copies of everything, each node stores about {figures.size(size * copies / sizing.nodes)}."
