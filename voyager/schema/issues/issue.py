"""Issue: one row of the catalogue of compatibility issues; Fix: since when a release has it no more; Hit: one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

DATATYPES = "unsupported_datatypes"
FEATURES = "unsupported_features"
QUERY_CONSTRUCTS = "unsupported_query_constructs"
PLPGSQL_OBJECTS = "unsupported_plpgsql_objects"
CAVEATS = "migration_caveats"
PERFORMANCE = "performance_optimizations"

# In the order in which reports show them.
CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        DATATYPES: "Columns whose data type the target does not have.",
        FEATURES: "Objects and clauses of the schema that the target does not take as they are.",
        QUERY_CONSTRUCTS: "Queries, as the source has recorded them, that the target does not run as they are.",
        PLPGSQL_OBJECTS: "Statements inside functions, procedures, triggers and views that the target does not run "
        "as they are.",
        CAVEATS: "What the target takes, but a migration has to do something about.",
        PERFORMANCE: "What works on the target, but may be slow or load its nodes unevenly.",
    }
)

GA, EA, TP = "GA", "EA", "TP"
MATURITIES: Mapping[str, str] = MappingProxyType(
    {GA: "general availability", EA: "early access", TP: "tech preview"},
)

LATEST_STABLE = "2025.2.3.0"

# The series this catalogue knows, oldest first; even minor numbers before 2024 were stable, odd ones are previews.
STABLE_SERIES = ("2.14", "2.18", "2.20", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1")
PREVIEW_SERIES = ("2.21", "2.23", "2.25")
SERIES = tuple(sorted((*STABLE_SERIES, *PREVIEW_SERIES), key=lambda series: [int(part) for part in series.split(".")]))
"""All of them, oldest first."""

# Where a statement stands: as DDL of its own, inside the body of an object, or among the recorded queries.
SCHEMA, BODY, QUERY = "schema", "body", "query"


@dataclass(frozen=True)
class Fix:
    """From which version of its series on a target takes it; with EA and TP only once `flags` are set there."""

    version: str
    maturity: str = GA
    flags: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        return ".".join(self.version.split(".")[:2])


def fixed(*versions: str) -> tuple[Fix, ...]:
    """Fixes for general use, one version for each series."""
    return tuple(Fix(version) for version in versions)


def early_access(*versions: str, flags: tuple[str, ...]) -> tuple[Fix, ...]:
    return tuple(Fix(version, EA, flags) for version in versions)


def tech_preview(*versions: str, flags: tuple[str, ...]) -> tuple[Fix, ...]:
    return tuple(Fix(version, TP, flags) for version in versions)


# The releases that are built on PostgreSQL 15 and have what came between 11 and 15.
POSTGRESQL_15 = fixed("2.25.0.0", "2025.1.0.0", "2025.2.0.0", "2026.1.0.0")


@dataclass(frozen=True)
class Issue:
    """One thing in a schema or a query that a YugabyteDB release may not take.

    `name` is a short title. `impact` 1 needs a change of DDL only, 2 of statements in the application, 3 has no easy
    way around. `refused` says that the server raises an error, so a statement of the schema cannot be imported
    as it is. A series that `fixed_in` does not name has no fix. With `begins_with`, it is an issue only of releases
    that have these fixes: it takes the place of one that they fixed.
    """

    id: str
    name: str
    category: str
    impact: int
    says: str
    advice: str
    link: str = ""
    fixed_in: tuple[Fix, ...] = ()
    refused: bool = True
    begins_with: tuple[Fix, ...] = ()

    def minimum_versions(self, maturity: str = GA) -> dict[str, str]:
        """Series -> its first version in which the issue is fixed with this maturity."""
        return {fix.series: fix.version for fix in self.fixed_in if fix.maturity == maturity}

    def fix_for(self, release: str) -> Fix | None:
        """The most mature fix that `release` ("2025.1.0.0", a build suffix is ignored) has; None without one."""
        return _most_mature(self.fixed_in, release)

    def fixed(self, release: str) -> bool:
        """Whether `release` takes it for general use: only then is it no issue there."""
        fix = self.fix_for(release)
        return fix is not None and fix.maturity == GA

    def stands(self, release: str) -> bool:
        """Whether it is an issue of `release`: not fixed there, nor one of later releases only."""
        return not self.fixed(release) and (not self.begins_with or _most_mature(self.begins_with, release) is not None)

    def says_for(self, release: str | None) -> str:
        """What the issue says, with a sentence on the flags that allow it where `release` is that far."""
        fix = self.fix_for(release) if release else None
        if fix is None or fix.maturity == GA:
            return self.says
        flags = " and ".join(fix.flags)
        return f"{self.says} In {release} it is {MATURITIES[fix.maturity]}: it works once {flags} is set on the target."


@dataclass(frozen=True)
class Hit:
    """One place where the issue `issue_id` stands.

    `object_name` has the form that reports use for its type; with an empty `object_type` the object is the one that
    the statement is about. `says` and `advice` replace those of the issue where there is more to say of this place,
    and `refused` is False where the target takes this one.
    """

    issue_id: str
    object_type: str = ""
    object_name: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    advice: str = ""
    refused: bool = True


def category_of(issue: Issue, place: str) -> str:
    """The category of a finding: performance wins, then what stands in a body or a query, then the issue's own."""
    if issue.category == PERFORMANCE:
        return PERFORMANCE
    if place == BODY:
        return PLPGSQL_OBJECTS
    if place == QUERY and issue.category != CAVEATS:
        return QUERY_CONSTRUCTS
    return issue.category


def yugabytedb(number: int) -> str:
    """The page of the database's tracker."""
    return f"https://github.com/yugabyte/yugabyte-db/issues/{number}"


def voyager(number: int) -> str:
    """The page of the migration tool's tracker."""
    return f"https://github.com/yugabyte/yb-voyager/issues/{number}"


def known_issue(anchor: str) -> str:
    """The place in the documentation of migrations from PostgreSQL."""
    return f"https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/postgresql/#{anchor}"


def _most_mature(fixes: tuple[Fix, ...], release: str) -> Fix | None:
    series, numbers = _known_series(release), _numbers(release)
    there = {fix.maturity: fix for fix in fixes if fix.series == series and numbers >= _numbers(fix.version)}
    return next((there[maturity] for maturity in (GA, EA, TP) if maturity in there), None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())


def _known_series(release: str) -> str:
    """The series of a release; one newer than all we know is as good as the newest stable one."""
    numbers = _numbers(release)[:2]
    newest = STABLE_SERIES[-1]
    return newest if numbers > _numbers(newest) else ".".join(map(str, numbers))
