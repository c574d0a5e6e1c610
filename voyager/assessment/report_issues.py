"""The issues of a report document as its readers see them: each at its object, all of one type together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voyager.schema.issues.issue import CATEGORIES, EA, GA, MATURITIES, TP

LEVELS: Mapping[int, str] = {3: "Level 3", 2: "Level 2", 1: "Level 1", 0: "Not rated"}
"""Impact -> its name, the hardest first."""
SIGNS: Mapping[int, str] = {3: "▲", 2: "◆", 1: "●", 0: "○"}
"""Impact -> a sign that differs in form, for whoever sees no colours."""
LEVEL_MEANS: Mapping[int, str] = {
    3: "no easy way around",
    2: "statements of the application change",
    1: "only the schema changes",
    0: "the report gives no impact",
}
TITLES: Mapping[str, str] = dict(
    zip(
        CATEGORIES,
        ("Data types", "Schema features", "Queries", "Code in the database", "Caveats", "Performance"),
        strict=True,
    )
)
_FIXED_KEYS = {
    GA: "MinimumVersionsFixedIn",
    EA: "MinimumVersionsFixedInEA",
    TP: "MinimumVersionsFixedInTP",
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True)
class FixedIn:
    """From `version` on, releases of `series` have the issue no more; `maturity` is GA, EA or TP."""

    series: str
    version: str
    maturity: str

    @property
    def means(self) -> str:
        return MATURITIES[self.maturity]


@dataclass(frozen=True)
class IssueRow:
    """One issue at one object. `sql` is the statement it is in; a query has no object."""

    number: int
    category: str
    type: str
    name: str
    impact: int
    object_type: str
    object_name: str
    schema: str
    usage: str
    sql: str
    link: str
    reason: str
    advice: str
    fixes: tuple[FixedIn, ...]
    details: tuple[tuple[str, str], ...]
    blocking: bool
    place: str


@dataclass(frozen=True)
class IssueGroup:
    """All issues of one type in one category. What all of them say is said once."""

    category: str
    type: str
    name: str
    impact: int
    rows: tuple[IssueRow, ...]

    @property
    def reason(self) -> str:
        return _shared(row.reason for row in self.rows)

    @property
    def advice(self) -> str:
        return _shared(row.advice for row in self.rows)

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.link for row in self.rows if row.link))

    @property
    def fixes(self) -> tuple[FixedIn, ...]:
        return tuple(dict.fromkeys(fix for row in self.rows for fix in row.fixes))

    @property
    def blocking(self) -> bool:
        return any(row.blocking for row in self.rows)


def issue_rows(document: Mapping[str, Any]) -> tuple[IssueRow, ...]:
    """Every issue of a report, in the order of the report."""
    schemas = [name for name in (document.get("SchemaSummary") or {}).get("SchemaNames") or () if name]
    return tuple(
        _row(number, issue, schemas) for number, issue in enumerate(document.get("AssessmentIssues") or (), start=1)
    )


def issue_groups(rows: Iterable[IssueRow]) -> tuple[IssueGroup, ...]:
    """The issues by category and type: categories in the order of reports, in each the hardest and then the most."""
    found: dict[tuple[str, str], list[IssueRow]] = {}
    for row in rows:
        found.setdefault((row.category, row.type), []).append(row)
    groups = (
        IssueGroup(category, type_, members[0].name, max(row.impact for row in members), tuple(members))
        for (category, type_), members in found.items()
    )
    return tuple(sorted(groups, key=lambda group: (rank(group.category), -group.impact, -len(group.rows), group.type)))


def hardest(groups: Iterable[IssueGroup]) -> list[IssueGroup]:
    """What to look at first: by impact, then by how often it occurs."""
    return sorted(groups, key=lambda group: (-group.impact, not group.blocking, -len(group.rows), rank(group.category)))


def rank(category: str) -> int:
    """The place of a category in reports; one that is unknown comes last."""
    known = list(CATEGORIES)
    return known.index(category) if category in known else len(known)


def title(category: str) -> str:
    """The heading of a category."""
    return TITLES.get(category) or category.replace("_", " ").capitalize()


def counts_by_level(rows: Iterable[IssueRow]) -> dict[int, int]:
    """How many issues there are of each impact, the hardest first; none of those that do not occur."""
    found = [row.impact for row in rows]
    return {level: found.count(level) for level in LEVELS if level in found}


def counts_by_category(rows: Sequence[IssueRow]) -> dict[str, dict[int, int]]:
    """Category -> impact -> how many issues, in the order of reports."""
    categories = sorted({row.category for row in rows}, key=lambda category: (rank(category), category))
    return {one: counts_by_level(row for row in rows if row.category == one) for one in categories}


def safe_link(text: object) -> str:
    """`text` when it is an address that may be followed from a report, else nothing."""
    address = text if isinstance(text, str) else ""
    return address if re.fullmatch(r"https?://[^\s\"'<>\\^`{|}]+", address, re.IGNORECASE) else ""


def _row(number: int, issue: Mapping[str, Any], schemas: Sequence[str]) -> IssueRow:
    name = _text(issue.get("ObjectName"))
    line = issue.get("Line")
    file = _text(issue.get("File"))
    return IssueRow(
        number=number,
        category=_text(issue.get("Category")),
        type=_text(issue.get("Type")),
        name=_text(issue.get("Name")) or _text(issue.get("Type")),
        impact=_impact(issue.get("Impact")),
        object_type=_text(issue.get("ObjectType")),
        object_name=name,
        schema=_text(issue.get("ObjectSchema")) or _schema_of(name, schemas),
        usage=_text(issue.get("ObjectUsage")),
        sql=_text(issue.get("SqlStatement")),
        link=safe_link(issue.get("DocsLink")),
        # Only our own reports tell apart what is wrong and what to do.
        reason=_text(issue.get("Reason")) or _text(issue.get("Description")),
        advice=_text(issue.get("Advice")),
        fixes=tuple(_fixes(issue)),
        details=tuple((_label(key), _value(value)) for key, value in (issue.get("Details") or {}).items()),
        blocking=issue.get("Blocking") is True,
        place=f"{file}:{line}" if file and line else file,
    )


def _fixes(issue: Mapping[str, Any]) -> Iterable[FixedIn]:
    for maturity, key in _FIXED_KEYS.items():
        for series, version in (issue.get(key) or {}).items():
            yield FixedIn(_text(series), _text(version), maturity)


def _impact(text: object) -> int:
    match = re.fullmatch(r"LEVEL_([123])", text) if isinstance(text, str) else None
    return int(match[1]) if match else 0


def _schema_of(object_name: str, schemas: Sequence[str]) -> str:
    """The schema of an object, when it is one of `schemas`: sales for `idx ON sales.orders`, quoted or not."""
    name = object_name[object_name.rfind(" ON ") + 4 :] if " ON " in object_name else object_name
    fitting = (one for one in schemas if name.startswith((f"{one}.", '"{}".'.format(one.replace('"', '""')))))
    return max(fitting, key=len, default="")


def _label(key: str) -> str:
    """ForeignKeyColumnNames -> Foreign key column names; RecommendedSQL -> Recommended SQL."""
    words = _WORD.findall(key) or [key]
    return " ".join(
        word if word.isupper() and len(word) > 1 else word.capitalize() if place == 0 else word.lower()
        for place, word in enumerate(words)
    )


def _value(value: object) -> str:
    """A detail as text: lists with commas, lists of lists as alternatives in brackets."""
    if isinstance(value, list | tuple):
        if any(isinstance(part, list | tuple) for part in value):
            return " or ".join(f"({_value(part)})" for part in value)
        return ", ".join(_value(part) for part in value)
    return _text(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _shared(texts: Iterable[str]) -> str:
    """The text when it is the same everywhere, else nothing."""
    different = set(texts)
    return different.pop() if len(different) == 1 else ""
