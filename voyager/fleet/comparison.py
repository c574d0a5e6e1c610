"""Comparison: the databases of a fleet side by side, the issues and the schemas they have in common; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from voyager.assessment.assessment import HIGH, LOW, MEDIUM
from voyager.assessment.report_issues import LEVELS, counts_by_level
from voyager.assessment.report_tables import total
from voyager.assessment.report_view import ReportView
from voyager.fleet.load import Assessed

DefinitionOf = Callable[[str, str], "str | None"]
EQUAL, EQUAL_COLUMNS, DIFFERENT, UNKNOWN = "equal", "equal columns", "different", "unknown"
_OUTSIDE = frozenset({"SCHEMA", "EXTENSION"})
_QUALIFIED = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^".]++))\.')
COMPLEXITIES = (HIGH, MEDIUM, LOW)
"""The hardest first."""


@dataclass(frozen=True)
class Cluster:
    """The recommended cluster; `failure` says why there is none."""

    nodes: int = 0
    vcpus_per_node: int = 0
    memory_gb_per_node: int = 0
    import_minutes: float | None = None
    colocated_tables: int = 0
    sharded_tables: int = 0
    failure: str = ""

    @property
    def vcpus(self) -> int:
        return self.nodes * self.vcpus_per_node


@dataclass(frozen=True)
class Row:
    """One database in figures. None is what nobody measured; with a `reservation` issues and complexity are the
    least."""

    name: str
    engine: str
    version: str
    source: str
    schemas: tuple[str, ...]
    complexity: str
    explanation: str
    effort_days: float | None
    tables: int
    indexes: int
    objects: int
    objects_with_issues: int
    objects_by_type: dict[str, int]
    size_bytes: int | None
    reads_per_second: float | None
    writes_per_second: float | None
    issues: int
    issues_by_level: dict[int, int]
    blocking: int
    cluster: Cluster
    missing: int
    assessed_for: str
    labels: dict[str, str] = field(default_factory=dict)
    reservation: str = ""


@dataclass(frozen=True)
class SharedIssue:
    """An issue and how often each database has it."""

    type: str
    name: str
    category: str
    impact: int
    members: dict[str, int]

    @property
    def count(self) -> int:
        return sum(self.members.values())


@dataclass(frozen=True)
class SharedSchema:
    """Schemas with the same objects: (database, schema) each. `definitions` says whether they are also defined alike:
    equal, equal columns (where no DDL tells the rest), different, or unknown where nothing tells."""

    schemas: tuple[tuple[str, str], ...]
    objects: int
    definitions: str


@dataclass(frozen=True)
class Comparison:
    """All of it. `issues` has every issue, those of the most databases first."""

    rows: tuple[Row, ...]
    issues: tuple[SharedIssue, ...]
    shared_schemas: tuple[SharedSchema, ...]

    @property
    def common_issues(self) -> tuple[SharedIssue, ...]:
        """Those of more than one database."""
        return tuple(issue for issue in self.issues if len(issue.members) > 1)


def compare(assessed: Sequence[Assessed], definition_of: DefinitionOf) -> Comparison:
    """Put assessed databases side by side; `definition_of(member, schema)` is asked for schemas with equal objects."""
    return Comparison(
        rows=tuple(map(row, assessed)),
        issues=tuple(_issues(assessed)),
        shared_schemas=tuple(_shared_schemas(assessed, definition_of)),
    )


def row(one: Assessed) -> Row:
    """The figures of one database."""
    view = one.view
    tables = [measured for measured in view.measured if not measured.is_index]
    by_type = {kind.object_type: kind.total for kind in view.objects}
    return Row(
        name=one.name,
        engine=view.header.engine or one.state.engine,
        version=view.header.version,
        source=view.header.url or one.state.source,
        schemas=view.header.schemas,
        complexity=view.complexity,
        explanation=view.explanation,
        effort_days=view.effort_days,
        tables=by_type.get("TABLE", len(tables)),
        indexes=by_type.get("INDEX", len(view.measured) - len(tables)),
        objects=sum(by_type.values()),
        objects_with_issues=sum(kind.invalid for kind in view.objects),
        objects_by_type=by_type,
        size_bytes=_whole(total(measured.size for measured in view.measured)),
        reads_per_second=total(measured.reads for measured in tables),
        writes_per_second=total(measured.writes for measured in tables),
        issues=len(view.issues),
        issues_by_level={level: count for level, count in counts_by_level(view.issues).items() if level in LEVELS},
        blocking=sum(issue.blocking for issue in view.issues),
        cluster=_cluster(view),
        missing=len(view.missing),
        assessed_for=view.header.target_version,
        labels=dict(one.state.labels),
        reservation=view.reservation,
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _cluster(view: ReportView) -> Cluster:
    sizing = view.sizing
    if not sizing.recommended:
        return Cluster(failure=sizing.failure or "the report has no sizing")
    return Cluster(
        nodes=sizing.nodes,
        vcpus_per_node=sizing.vcpus,
        memory_gb_per_node=sizing.memory_gb,
        import_minutes=sizing.minutes,
        colocated_tables=len(sizing.tables("colocated")),
        sharded_tables=len(sizing.tables("sharded")),
    )


def _issues(assessed: Iterable[Assessed]) -> list[SharedIssue]:
    found: dict[tuple[str, str], SharedIssue] = {}
    for one in assessed:
        for group in one.view.groups:
            key = group.category, group.type
            issue = found.setdefault(key, SharedIssue(group.type, group.name, group.category, group.impact, {}))
            issue.members[one.name] = len(group.rows)
    return sorted(found.values(), key=lambda issue: (-len(issue.members), -issue.impact, -issue.count, issue.type))


def _shared_schemas(assessed: Iterable[Assessed], definition_of: DefinitionOf) -> Iterator[SharedSchema]:
    alike: dict[frozenset[tuple[str, str]], list[tuple[str, str]]] = {}
    for one in assessed:
        for schema, objects in schema_objects(one.view).items():
            alike.setdefault(frozenset(objects), []).append((one.name, schema))
    shared = [(schemas, len(objects)) for objects, schemas in alike.items() if len(schemas) > 1 and objects]
    for schemas, count in sorted(shared, key=lambda found: (-len(found[0]), -found[1], found[0])):
        yield SharedSchema(tuple(schemas), count, _alike([definition_of(*place) for place in schemas]))


def _alike(fingerprints: Sequence[str | None]) -> str:
    known = {fingerprint for fingerprint in fingerprints if fingerprint is not None}
    kinds = {fingerprint.partition(":")[0] for fingerprint in known}
    if len(kinds) != 1 or (len(known) == 1 and None in fingerprints):
        return UNKNOWN
    if len(known) > 1:
        return DIFFERENT
    return EQUAL_COLUMNS if kinds == {"columns"} else EQUAL


def schema_objects(view: ReportView) -> Mapping[str, set[tuple[str, str]]]:
    """The objects of every schema: their types, and their names without that of the schema."""
    found: dict[str, set[tuple[str, str]]] = {schema: set() for schema in view.header.schemas}
    only = view.header.schemas[0] if len(view.header.schemas) == 1 else None
    for kind in view.objects:
        for name in [] if kind.object_type in _OUTSIDE else kind.each:
            schema, local = _placed(name)
            # Some engines name the objects of their one schema without it.
            owner = schema if schema in found else only
            if owner is not None:
                found[owner].add((kind.object_type, local if schema == owner else name))
    return found


def _placed(name: str) -> tuple[str, str]:
    """`idx ON shop.orders` is ("shop", "idx ON orders"), `"Odd Name".t` is ("Odd Name", "t")."""
    on = name.rfind(" ON ")
    start = on + 4 if on >= 0 else 0
    match = _QUALIFIED.match(name, start)
    if match is None:
        return "", name
    schema = match[2] if match[1] is None else match[1].replace('""', '"')
    return schema, name[:start] + name[match.end() :]
