"""render_html(): a report document as one HTML page that holds all it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from voyager.assessment.assessment import Note
from voyager.assessment.html.drawings import drawings
from voyager.assessment.html.filters import filters, sql_limit
from voyager.assessment.report_issues import (
    LEVEL_MEANS,
    LEVELS,
    SIGNS,
    FixedIn,
    IssueGroup,
    IssueRow,
    counts_by_category,
    counts_by_level,
    hardest,
)
from voyager.assessment.report_tables import MeasuredRow, total
from voyager.assessment.report_view import ReportView
from voyager.assessment.sizing import COLOCATED, SHARDED, Placement
from voyager.pages.page import asset, environment, policy, style_sheet
from voyager.schema.issues.issue import CATEGORIES

PLACES_SHOWN = 40
"""Objects of one type that are shown at once; the rest unfolds."""
FIRST = 5
NOTE_TITLES: Mapping[str, str] = {
    "GeneralNotes": "In general",
    "ColocatedShardedNotes": "On colocated and sharded tables",
    "SizingNotes": "On the sizing",
}
WAYS = (SHARDED, COLOCATED)
_HOME = "voyager.assessment.html"


@dataclass(frozen=True)
class GroupShown:
    """A group of issues with what its rows have in common, found once."""

    id: str
    category: str
    type: str
    name: str
    impact: int
    rows: Sequence[IssueRow]
    reason: str
    advice: str
    links: Sequence[str]
    fixes: Sequence[FixedIn]
    all_blocking: bool


def render_html(document: Mapping[str, Any]) -> str:
    """The page for a document that report_document() made or read_report() returned."""
    view = ReportView.of(document)
    templates = environment(_HOME)
    limit = sql_limit([row.sql for row in view.issues])
    templates.filters |= filters(limit=limit)
    templates.globals |= {"signs": SIGNS, "levels": LEVELS}
    style, script = style_sheet(), asset(_HOME, "report.js")
    return templates.get_template("report.html").render(
        view=view,
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        sql_cut=limit if any(len(row.sql) > limit for row in view.issues) else 0,
        **_issues(view),
        **_tables(view),
        **drawings(view),
    )


def _issues(view: ReportView) -> dict[str, Any]:
    groups = [_shown(number, group) for number, group in enumerate(view.groups, start=1)]
    by_group = dict(zip(map(_key, view.groups), groups, strict=True))
    return {
        "level_means": LEVEL_MEANS,
        "by_level": counts_by_level(view.issues),
        "by_category": counts_by_category(view.issues),
        "category_means": CATEGORIES,
        "types": sorted({group.type for group in groups}),
        "issue_schemas": sorted({row.schema for row in view.issues if row.schema}),
        "blocking": sum(row.blocking for row in view.issues),
        "first": [by_group[_key(group)] for group in hardest(view.groups)[:FIRST]],
        "grouped": list(_by_category(groups)),
        "places_shown": PLACES_SHOWN,
    }


def _tables(view: ReportView) -> dict[str, Any]:
    tables = [row for row in view.measured if not row.is_index]
    return {
        "measured": sorted(view.measured, key=_size_order),
        "tables_total": len(tables),
        "indexes_total": len(view.measured) - len(tables),
        "rows_total": total(row.rows for row in tables),
        "data_size": total(row.size for row in view.measured),
        "placed": [
            (way.capitalize(), len(view.sizing.tables(way)), _by_reason(view.sizing.tables(way))) for way in WAYS
        ],
        "sharded": view.sizing.tables(SHARDED),
        "colocated": view.sizing.tables(COLOCATED),
        "redundant_size": total(one.size_bytes for one in view.redundant),
        "notes": _notes(view),
    }


def _notes(view: ReportView) -> list[tuple[str, list[Note]]]:
    """General ones first, each kind under its heading."""
    kinds = dict.fromkeys((*NOTE_TITLES, *(note.type for note in view.notes)))
    found = {kind: [note for note in view.notes if note.type == kind] for kind in kinds}
    return [(NOTE_TITLES.get(kind, kind), notes) for kind, notes in found.items() if notes]


def _by_reason(placements: Sequence[Placement]) -> list[tuple[str, list[Placement]]]:
    """The tables that have a reason in common together; those that have one of their own last, under no reason."""
    found: dict[str, list[Placement]] = {}
    for one in placements:
        found.setdefault(one.reason, []).append(one)
    shared = [(reason, members) for reason, members in found.items() if len(members) > 1]
    alone = [one for members in found.values() if len(members) == 1 for one in members]
    return [*shared, ("", alone)] if alone else shared


def _shown(number: int, group: IssueGroup) -> GroupShown:
    return GroupShown(
        id=f"issue-type-{number}",
        category=group.category,
        type=group.type,
        name=group.name,
        impact=group.impact,
        rows=group.rows,
        reason=group.reason,
        advice=group.advice,
        links=group.links,
        fixes=group.fixes,
        all_blocking=all(row.blocking for row in group.rows),
    )


def _by_category(groups: Sequence[GroupShown]) -> Iterator[tuple[str, list[GroupShown], int]]:
    for category, members in groupby(groups, key=lambda group: group.category):
        found = list(members)
        yield category, found, sum(len(group.rows) for group in found)


def _key(group: IssueGroup) -> tuple[str, str]:
    return group.category, group.type


def _size_order(row: MeasuredRow) -> tuple[int, str]:
    return -(row.size or 0), row.qualified
