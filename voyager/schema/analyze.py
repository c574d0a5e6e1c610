"""Holds a schema against a target release: every place that the release would refuse or that needs a thought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from voyager.schema.issues.catalogue import FEATURES, ISSUES, Issue
from voyager.schema.issues.detect import Hit
from voyager.schema.issues.tree import Context, Parsed
from voyager.schema.parse import ParseError, parse
from voyager.schema.statements import Statement

UNPARSABLE = "UNPARSABLE_STATEMENT"
_NOT_OBJECTS = {"comment", "grant", "owner", "security_label", "default_privileges", "refresh", "other"}


@dataclass(frozen=True)
class Finding:
    """One issue at one object. `blocking` says that this target would refuse the statement as it is."""

    issue_id: str
    category: str
    impact: int
    object_type: str
    object_name: str
    statement: str
    file: str
    line: int
    says: str
    advice: str
    link: str = ""
    minimum_versions: dict[str, str] = field(default_factory=dict)
    blocking: bool = False
    details: dict[str, str] = field(default_factory=dict)


def analyze(statements: Iterable[Statement], *, release: str | None) -> list[Finding]:
    """Return what stands in the way of importing `statements` into YugabyteDB `release`.

    With None the target is plain PostgreSQL, and every finding is for information. What a release has fixed is
    no finding for it.
    """
    findings: list[Finding] = []
    trees: list[tuple[Statement, Any]] = []
    for statement in statements:
        try:
            trees.append((statement, parse(statement.text)))
        except ParseError as error:
            findings.append(_unparsable(statement, error))
    context = Context(tree for _, tree in trees)
    open_issues = [issue for issue in ISSUES if release is None or not issue.fixed(release)]
    for statement, tree in trees:
        parsed = Parsed.of(statement, tree, context)
        for issue in open_issues:
            findings.extend(_finding(issue, hit, statement, release) for hit in issue.detector(parsed))
    return findings


def schema_report(findings: Sequence[Finding], statements: Sequence[Statement]) -> dict[str, Any]:
    """The JSON form of an analysis: how many objects of each type there are, and every finding."""
    touched = {(finding.file, finding.line, finding.statement) for finding in findings}
    totals: Counter[str] = Counter()
    affected: Counter[str] = Counter()
    for statement in statements:
        if statement.kind not in _NOT_OBJECTS:
            totals[statement.kind] += 1
            affected[statement.kind] += (statement.file, statement.line, statement.text) in touched
    return {
        "schema_version": 1,
        "summary": {
            "findings": len(findings),
            "blocking": sum(finding.blocking for finding in findings),
            "by_category": dict(sorted(Counter(finding.category for finding in findings).items())),
            "by_impact": {str(level): n for level, n in sorted(Counter(one.impact for one in findings).items())},
            "objects": [
                {"object_type": kind, "total": total, "with_findings": affected[kind]}
                for kind, total in sorted(totals.items())
            ],
        },
        "issues": [asdict(finding) for finding in findings],
    }


def _finding(issue: Issue, hit: Hit, statement: Statement, release: str | None) -> Finding:
    return Finding(
        issue_id=issue.id,
        category=issue.category,
        impact=issue.impact,
        object_type=hit.object_type,
        object_name=hit.object_name,
        statement=statement.text,
        file=statement.file,
        line=statement.line,
        says=issue.says,
        advice=issue.advice,
        link=issue.link,
        minimum_versions=issue.minimum_versions(),
        blocking=release is not None and issue.refused,
        details=hit.details,
    )


def _unparsable(statement: Statement, error: ParseError) -> Finding:
    return Finding(
        issue_id=UNPARSABLE,
        category=FEATURES,
        impact=1,
        object_type=statement.kind.replace("_", " ").upper(),
        object_name=statement.object_name,
        statement=statement.text,
        file=statement.file,
        line=statement.line + error.line - 1,
        says=f"The statement cannot be analyzed: {error.message}",
        advice="Look at the statement; it is imported as it stands, and the target decides.",
    )
