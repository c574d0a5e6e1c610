"""The report on a fleet: one document on all databases, as JSON and as an HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import voyager
from voyager.fleet.comparison import Comparison, SharedIssue, compare
from voyager.fleet.fleet_dir import COMPLETE, FLEET_REPORT, SCHEMA_VERSION, FleetDir, MemberState, relative_report
from voyager.fleet.load import Definitions, LeftOut, Loaded, load
from voyager.fleet.totals import Totals, totals
from voyager.wording import counted


@dataclass(frozen=True)
class FleetReport:
    """All that the report is made of. `reports` says where that of each complete member is."""

    loaded: Loaded
    comparison: Comparison
    totals: Totals
    made_at: str
    reports: dict[str, str]

    @property
    def states(self) -> tuple[MemberState, ...]:
        return self.loaded.states

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return self.loaded.left_out

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(_notes(self))


def fleet_report(directory: FleetDir, names: Sequence[str] = ()) -> FleetReport:
    """Read what the members of a fleet (only `names`, when given) have concluded, and put it together."""
    loaded = load(directory, names)
    comparison = compare(loaded.assessed, Definitions(directory).of)
    return FleetReport(
        loaded=loaded,
        comparison=comparison,
        totals=totals(comparison, [state.status for state in loaded.states]),
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        reports={state.name: relative_report(state, directory) for state in loaded.states},
    )


def write_fleet_report(directory: FleetDir, report: FleetReport) -> tuple[Path, Path]:
    """Write both files, each as a whole, and return where they are."""
    from voyager.fleet.page import render_fleet

    as_json, as_html = (directory.path / f"{FLEET_REPORT}{ending}" for ending in (".json", ".html"))
    page = render_fleet(report)
    text = json.dumps(report_document(report), indent=2, ensure_ascii=False, allow_nan=False)
    directory.write_atomic(as_json, f"{text}\n".encode("utf-8", "backslashreplace"))
    directory.write_atomic(as_html, page.encode("utf-8", "replace"))
    return as_json, as_html


def report_document(report: FleetReport) -> dict[str, Any]:
    """The report as JSON. `Detail` and `Notes` are as in yb-voyager's report on many schemas; ours stands beside."""
    return {
        "schema_version": SCHEMA_VERSION,
        "VoyagerVersion": voyager.__version__,
        "AssessedAt": report.made_at,
        "Detail": [_detail(state, report) for state in report.states],
        "Notes": list(report.notes),
        "totals": _with_levels(asdict(report.totals)),
        **comparison_document(report),
    }


def comparison_document(report: FleetReport) -> dict[str, Any]:
    """The databases side by side, and what they have in common."""
    comparison = report.comparison
    return {
        "databases": [
            {**_with_levels(asdict(row)), "vcpus": row.cluster.vcpus, "report": report.reports[row.name]}
            for row in comparison.rows
        ],
        "issues": [_issue(issue) for issue in comparison.issues],
        "shared_schemas": [
            {
                "schemas": [{"database": database, "schema": schema} for database, schema in shared.schemas],
                "objects": shared.objects,
                "definitions": shared.definitions,
            }
            for shared in comparison.shared_schemas
        ],
        "not_assessed": [asdict(one) for one in report.left_out],
    }


def _detail(state: MemberState, report: FleetReport) -> dict[str, Any]:
    failed = {one.name: one.reason for one in report.left_out}
    return {
        "Schema": ",".join(state.schemas),
        "DatabaseIdentifier": state.database,
        "ReportPath": report.reports[state.name],
        "Status": "ERROR" if state.name in failed else COMPLETE,
        "Name": state.name,
        **({"Error": failed[state.name]} if state.name in failed else {}),
    }


def _issue(issue: SharedIssue) -> dict[str, Any]:
    return {
        "type": issue.type,
        "name": issue.name,
        "category": issue.category,
        "impact": f"LEVEL_{issue.impact}" if issue.impact else "-",
        "count": issue.count,
        "databases": dict(issue.members),
    }


def _with_levels(document: dict[str, Any]) -> dict[str, Any]:
    levels = {f"LEVEL_{level}" if level else "-": count for level, count in document["issues_by_level"].items()}
    return {**document, "issues_by_level": levels}


def _notes(report: FleetReport) -> Iterator[str]:
    sums = report.totals
    if report.left_out:
        yield (
            f"{counted(len(report.left_out), 'database')} of {len(report.states)} could not be assessed to the end and "
            "are in no figure here."
        )
    if sums.assessed:
        yield (
            "Every database is sized for a cluster of its own. One cluster for several of them is not the sum: it has "
            "three nodes or more, which small databases can share."
        )
    if sums.partial:
        yield f"{counted(sums.partial, 'database')} could be looked at only in part: see the reports on them."
    if sums.least:
        yield f"Issues and complexity of {counted(sums.least, 'database')} are the least: something was not judged."
    if sums.size_unknown:
        yield f"The size of {counted(sums.size_unknown, 'database')} is not known and counts as nothing."
    if sums.load_unknown:
        yield f"The load of {counted(sums.load_unknown, 'database')} was not measured; sizes rest on the data alone."
    releases = sorted({row.assessed_for for row in report.comparison.rows})
    if len(releases) > 1:
        yield f"The databases were judged for different releases: {', '.join(releases)}."
