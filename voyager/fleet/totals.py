"""Totals: the figures of all databases of a fleet added up; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from voyager.assessment.report_issues import LEVELS, rank
from voyager.assessment.report_tables import total
from voyager.fleet.comparison import COMPLEXITIES, Comparison, Row


@dataclass(frozen=True)
class Group:
    """The databases with one value of a label, or of one engine."""

    databases: int
    size_bytes: int
    issues: int
    effort_days: float | None


@dataclass(frozen=True)
class Totals:
    """Sums over the assessed databases. What some of them lack adds nothing; `…_unknown` says how many lack it.

    Clusters are one for each database: `vcpus` would be needed by all of them at once, `import_minutes` one after the
    other.
    """

    members: dict[str, int]
    assessed: int
    complexity: dict[str, int]
    tables: int
    indexes: int
    objects: int
    size_bytes: int
    size_unknown: int
    reads_per_second: float | None
    writes_per_second: float | None
    load_unknown: int
    issues: int
    issues_by_level: dict[int, int]
    issues_by_category: dict[str, int]
    blocking: int
    effort_days: float | None
    effort_unknown: int
    nodes: int
    vcpus: int
    memory_gb: int
    without_cluster: int
    import_minutes: float
    partial: int
    """How many databases could be looked at only in part."""
    least: int
    """How many of those may have issues that nobody saw."""
    by_engine: dict[str, Group] = field(default_factory=dict)
    by_label: dict[str, dict[str, Group]] = field(default_factory=dict)


def totals(comparison: Comparison, statuses: Iterable[str]) -> Totals:
    """Add up the rows of a comparison; `statuses` are those of all members, assessed or not."""
    rows = comparison.rows
    return Totals(
        members=dict(Counter(statuses)),
        assessed=len(rows),
        complexity=_complexity(rows),
        tables=sum(row.tables for row in rows),
        indexes=sum(row.indexes for row in rows),
        objects=sum(row.objects for row in rows),
        size_bytes=sum(row.size_bytes or 0 for row in rows),
        size_unknown=sum(row.size_bytes is None for row in rows),
        reads_per_second=total(row.reads_per_second for row in rows),
        writes_per_second=total(row.writes_per_second for row in rows),
        load_unknown=sum(row.reads_per_second is None and row.writes_per_second is None for row in rows),
        issues=sum(row.issues for row in rows),
        issues_by_level=_levels(rows),
        issues_by_category=_categories(comparison),
        blocking=sum(row.blocking for row in rows),
        effort_days=total(row.effort_days for row in rows),
        effort_unknown=sum(row.effort_days is None for row in rows),
        nodes=sum(row.cluster.nodes for row in rows),
        vcpus=sum(row.cluster.vcpus for row in rows),
        memory_gb=sum(row.cluster.nodes * row.cluster.memory_gb_per_node for row in rows),
        without_cluster=sum(bool(row.cluster.failure) for row in rows),
        import_minutes=sum(row.cluster.import_minutes or 0 for row in rows),
        partial=sum(bool(row.missing) for row in rows),
        least=sum(bool(row.reservation) for row in rows),
        by_engine=_groups(rows, lambda row: row.engine),
        by_label=_by_label(rows),
    )


def _complexity(rows: Sequence[Row]) -> dict[str, int]:
    """Every level that occurs, the hardest first and those that are no level last."""
    found = Counter(row.complexity for row in rows)
    order = sorted(found, key=lambda level: (*COMPLEXITIES, level).index(level))
    return {level: found[level] for level in order}


def _levels(rows: Iterable[Row]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for row in rows:
        found.update(row.issues_by_level)
    return {level: found[level] for level in LEVELS if level in found}


def _categories(comparison: Comparison) -> dict[str, int]:
    found: Counter[str] = Counter()
    for issue in comparison.issues:
        found[issue.category] += issue.count
    return {category: found[category] for category in sorted(found, key=lambda name: (rank(name), name))}


def _groups(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, Group]:
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(key(row), []).append(row)
    return {name: _group(found) for name, found in sorted(members.items())}


def _group(rows: Sequence[Row]) -> Group:
    return Group(
        databases=len(rows),
        size_bytes=sum(row.size_bytes or 0 for row in rows),
        issues=sum(row.issues for row in rows),
        effort_days=total(row.effort_days for row in rows),
    )


def _by_label(rows: Sequence[Row]) -> dict[str, dict[str, Group]]:
    labels = sorted({label for row in rows for label in row.labels})
    return {
        label: _groups((row for row in rows if label in row.labels), lambda row, label=label: row.labels[label])  # type: ignore[misc]
        for label in labels
    }
