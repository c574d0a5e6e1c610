"""render_performance(): the report of a comparison as one HTML page that holds all it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from voyager.assessment.html.filters import filters, sql_limit
from voyager.pages import figures
from voyager.pages.charts import Segment, bar, ring
from voyager.pages.page import asset, environment, policy, style_sheet
from voyager.performance.judge import FASTER, ONLY_SOURCE, ONLY_TARGET, SAME, SLOWER, TOO_FEW

_HOME = "voyager.performance"
MOST_BARS = 12
MOST_ROWS = 200
TITLES: Mapping[str, tuple[str, str, str]] = {
    SLOWER: ("Slower", "fill-3", "Slower on the target; first what adds most time at the source's number of calls."),
    FASTER: ("Faster", "fill-good", "Faster on the target."),
    SAME: ("The same", "fill-0", "Neither slower nor faster than the threshold asks for."),
    TOO_FEW: ("Too few calls", "fill-2", "Called too rarely on one side to be judged."),
    ONLY_SOURCE: ("Only on the source", "fill-1", "Not seen on the target: not run there yet, or written differently."),
    ONLY_TARGET: ("Only on the target", "fill-new", "Not seen on the source."),
}
"""Verdict -> its title, the look of its part of a chart, what it means."""


def render_performance(document: Mapping[str, Any]) -> str:
    """The page for a document that report_document() made."""
    templates = environment(_HOME)
    templates.filters |= filters(limit=sql_limit([one["query"] for one in document["queries"]]))
    templates.filters |= {"ms": milliseconds, "times": times, "percent": percent}
    style = style_sheet() + asset(_HOME, "performance.css")
    return templates.get_template("performance.html").render(
        report=document,
        summary=document["summary"],
        groups=_groups(document["queries"]),
        most_rows=MOST_ROWS,
        titles=TITLES,
        style=Markup(style),
        policy=policy(style),
        **_charts(document),
    )


def milliseconds(value: float | None) -> str:
    """0.034 ms, 12 ms, 4.2 s, 3.5 min, 12 h: three digits are enough to compare."""
    if value is None:
        return figures.UNKNOWN
    sign, size = ("−" if value < 0 else ""), abs(value)
    for limit, unit, scale in ((1_000.0, "ms", 1.0), (60_000.0, "s", 1_000.0), (3_600_000.0, "min", 60_000.0)):
        if size < limit:
            return f"{sign}{_digits(size / scale)} {unit}"
    return f"{sign}{_digits(size / 3_600_000.0)} h"


def times(ratio: float | None) -> str:
    """2.4×; a dash where nothing could be measured."""
    return figures.UNKNOWN if ratio is None else f"{_digits(ratio)}×"


def percent(share: float | None) -> str:
    """42 %, 0.3 %; a dash where there is no share."""
    if share is None:
        return figures.UNKNOWN
    return "<0.1 %" if 0 < share < 0.001 else f"{_digits(100 * share)} %"


def _digits(number: float) -> str:
    if number >= 100:
        return f"{number:,.0f}"
    shown = f"{number:.2f}" if number >= 1 else f"{number:.3f}"
    return (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown


def _groups(queries: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The queries of each verdict: judged ones by the time they add or save, others by the time they took."""
    found = []
    for verdict in TITLES:
        members = [one for one in queries if one["verdict"] == verdict]
        if verdict == FASTER:
            members.sort(key=lambda one: one["added_ms"] or 0)
        elif verdict != SLOWER:
            members.sort(key=_time, reverse=True)
        if members:
            found.append((verdict, members))
    return found


def _time(one: Mapping[str, Any]) -> float:
    return max(float(side["total_ms"]) for side in (one["source"], one["target"]) if side)


def _charts(document: Mapping[str, Any]) -> dict[str, Any]:
    queries, verdicts = document["queries"], document["summary"]["verdicts"]
    by_id = {one["id"]: one for one in queries}
    worst = [by_id[key] for key in document["top_regressions"]][:MOST_BARS]
    most = max((one["added_ms"] for one in worst), default=0)
    return {
        "verdict_ring": ring(
            [Segment(number, TITLES[verdict][1], f"{TITLES[verdict][0]}: {number:,}")
             for verdict, number in verdicts.items()],
            caption=figures.count(len(queries)),
            under="query" if len(queries) == 1 else "queries",
        ),
        "time_bars": _time_bars(queries),
        "added_bars": [
            (one, bar([Segment(one["added_ms"], "fill-3", milliseconds(one["added_ms"]))], whole=most)) for one in worst
        ],
        "mean_bars": [(one, *_means(one)) for one in worst],
    }  # fmt: skip


def _time_bars(queries: Sequence[Mapping[str, Any]]) -> list[tuple[str, Markup, str]]:
    """How the time of each side divides into the verdicts."""
    found = []
    for side in ("source", "target"):
        parts = {verdict: sum(one[side]["total_ms"] for one in queries if one[side] and one["verdict"] == verdict)
                 for verdict in TITLES}  # fmt: skip
        segments = [
            Segment(time, TITLES[verdict][1], f"{TITLES[verdict][0]}: {milliseconds(time)}")
            for verdict, time in parts.items()
        ]
        found.append((side.capitalize(), bar(segments, whole=sum(parts.values())), milliseconds(sum(parts.values()))))
    return found


def _means(one: Mapping[str, Any]) -> tuple[Markup, Markup]:
    """The mean of one call on each side, both to the scale of the slower one."""
    means = [float(one[side]["mean_ms"]) for side in ("source", "target")]
    drawn = [
        bar([Segment(mean, look, f"{side}: {milliseconds(mean)}")], whole=max(means))
        for mean, look, side in zip(means, ("fill-table", "fill-3"), ("source", "target"), strict=True)
    ]
    return drawn[0], drawn[1]
