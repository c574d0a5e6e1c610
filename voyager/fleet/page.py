"""render_fleet(): the report on a fleet as one HTML page that holds all it needs, like those of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

import voyager
from voyager.assessment.assessment import HIGH, LOW, MEDIUM
from voyager.assessment.html.filters import filters
from voyager.assessment.html.page import SIGNS
from voyager.assessment.report_issues import LEVELS, title
from voyager.fleet.comparison import Row
from voyager.fleet.report import FleetReport
from voyager.pages import figures
from voyager.pages.charts import Segment, bar, ring
from voyager.pages.page import asset, environment, policy, style_sheet

MOST_BARS = 20
MOST_ISSUES = 40
_LEVEL_LOOKS = frozenset(f"fill-{level}" for level in LEVELS)
_COMPLEXITY_LOOKS: Mapping[str, str] = {HIGH: "fill-3", MEDIUM: "fill-2", LOW: "fill-good"}


def render_fleet(report: FleetReport) -> str:
    """The page. Links go to the pages of the members, which lie in their directories beside it."""
    templates = environment("voyager.fleet")
    templates.filters |= filters(limit=0)
    style = style_sheet() + asset("voyager.fleet", "fleet.css")
    return templates.get_template("fleet.html").render(
        report=report,
        totals=report.totals,
        rows=report.comparison.rows,
        common=report.comparison.common_issues[:MOST_ISSUES],
        common_rest=max(len(report.comparison.common_issues) - MOST_ISSUES, 0),
        shared=report.comparison.shared_schemas,
        links={name: _page_of(path) for name, path in report.reports.items()},
        version=voyager.__version__,
        levels=LEVELS,
        signs=SIGNS,
        style=Markup(style),
        policy=policy(style),
        **_charts(report),
    )


def _charts(report: FleetReport) -> dict[str, Any]:
    rows, sums = report.comparison.rows, report.totals
    return {
        "complexity_ring": ring(
            [
                Segment(count, _COMPLEXITY_LOOKS.get(level, "fill-0"), f"{level or 'not rated'}: {count:,}")
                for level, count in sums.complexity.items()
            ],
            caption=figures.count(sums.assessed),
            under="database" if sums.assessed == 1 else "databases",
        ),
        "complexity_looks": _COMPLEXITY_LOOKS,
        "issues_ring": ring(
            [
                Segment(count, f"fill-{level}", f"{LEVELS[level]}: {count:,}")
                for level, count in sums.issues_by_level.items()
            ],
            caption=figures.count(sums.issues),
            under="issue" if sums.issues == 1 else "issues",
        ),
        "issue_bars": _bars(rows, _issue_segments),
        "size_bars": _bars(
            rows, lambda row: [Segment(row.size_bytes or 0, "fill-table", figures.size(row.size_bytes))]
        ),
        "cluster_bars": _bars(
            rows, lambda row: [Segment(row.cluster.vcpus, "fill-sharded", f"{row.cluster.vcpus} vCPU")]
        ),
        "effort_bars": _bars(
            rows,
            lambda row: [Segment(row.effort_days or 0, "fill-index", f"{figures.days(row.effort_days)} person-days")],
        ),
        "categories": [(title(category), count) for category, count in sums.issues_by_category.items()],
    }


def _issue_segments(row: Row) -> list[Segment]:
    return [
        Segment(count, f"fill-{level}", f"{LEVELS[level]}: {count:,}") for level, count in row.issues_by_level.items()
    ]


def _bars(rows: Sequence[Row], segments_of: Any) -> list[tuple[str, Markup, str]]:
    """The databases with the most of something: name, bar, and what it is in words."""
    found = [(row.name, segments_of(row)) for row in rows]
    weighed = [(sum(segment.value for segment in segments), name, segments) for name, segments in found]
    most = max((weight for weight, _, _ in weighed), default=0)
    ordered = sorted(weighed, key=lambda one: (-one[0], one[1]))[:MOST_BARS]
    return [(name, bar(segments, whole=most), _said(segments, weight)) for weight, name, segments in ordered if weight]


def _said(segments: Sequence[Segment], weight: float) -> str:
    """A bar in words: how many issues, or what its only part is."""
    return figures.count(weight) if segments[0].look in _LEVEL_LOOKS else segments[0].label


def _page_of(report: str) -> str:
    """The address of a member's page, from where its JSON is."""
    return quote(str(PurePosixPath(report).with_suffix(".html"))) if report else ""
