"""Spot: one issue at one object of a MySQL database, and the finding that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.assessment.judges.mysql.issues import by_id
from voyager.schema.analyze import Finding
from voyager.schema.issues.issue import BODY, EA, SCHEMA, TP, category_of

COLUMN, TABLE, INDEX, VIEW, SEQUENCE = "COLUMN", "TABLE", "INDEX", "VIEW", "SEQUENCE"
Object = tuple[str, str]
"""Type and name of an object, as the summary of the schema counts it."""
NOTHING: Object = ("", "")


@dataclass(frozen=True)
class Spot:
    """`object_name` is what the report shows, `of` the object that is counted for it. `place` says whether it stands
    in the schema, in a body or in a query; `line` counts within a body."""

    issue_id: str
    object_type: str
    object_name: str
    of: Object = NOTHING
    statement: str = ""
    line: int = 0
    place: str = SCHEMA
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: str = ""


def finding(spot: Spot, release: str) -> Finding | None:
    """None where the release has fixed it."""
    issue = by_id(spot.issue_id)
    if issue.fixed(release):
        return None
    return Finding(
        issue_id=issue.id,
        category=category_of(issue, spot.place),
        impact=issue.impact,
        object_type=spot.object_type,
        object_name=spot.object_name,
        statement=spot.statement,
        file="",
        line=spot.line,
        says=issue.says_for(release),
        advice=issue.advice,
        link=issue.link,
        minimum_versions=issue.minimum_versions(),
        blocking=issue.refused and spot.place != BODY,
        details=dict(spot.details),
        name=issue.name,
        minimum_versions_ea=issue.minimum_versions(EA),
        minimum_versions_tp=issue.minimum_versions(TP),
        object_usage=spot.usage,
    )
