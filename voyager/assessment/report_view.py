"""ReportView: a report document, ours or one of yb-voyager, as a page or a screen shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from voyager.assessment.assessment import HIGH, LOW, MEDIUM, Effort, Missing, Note, RedundantIndex
from voyager.assessment.report_issues import IssueGroup, IssueRow, issue_groups, issue_rows
from voyager.assessment.report_tables import MeasuredRow, TableWeight, measured_rows, weights
from voyager.assessment.sizing import COLOCATED, SHARDED, Alternative, Placement
from voyager.config.values import split_list

COMPLEXITIES = (LOW, MEDIUM, HIGH)
T = TypeVar("T")


@dataclass(frozen=True)
class Header:
    """What was assessed, for what, when and by whom."""

    database: str
    version: str
    engine: str
    url: str
    schemas: tuple[str, ...]
    target_version: str
    nodes: tuple[str, ...]
    replicas: int
    collected_at: str
    capture_seconds: int | None
    assessed_at: str
    tool_version: str


@dataclass(frozen=True)
class ObjectsOfType:
    """How many objects of one type there are; `invalid` of them have an issue. `each` are the names one by one."""

    object_type: str
    total: int
    invalid: int
    names: str
    details: str
    each: tuple[str, ...] = ()


@dataclass(frozen=True)
class SizingView:
    """The recommended cluster, or why there is none."""

    nodes: int
    vcpus: int
    memory_gb: int
    select_connections: int
    insert_connections: int
    minutes: float
    minutes_without_redundant: float
    reasoning: str
    failure: str
    steps: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    placements: tuple[Placement, ...]

    def tables(self, strategy: str) -> tuple[Placement, ...]:
        return tuple(one for one in self.placements if one.strategy == strategy)

    @property
    def recommended(self) -> bool:
        return self.nodes > 0 and not self.failure


@dataclass(frozen=True)
class ReportView:
    """Everything in a report, each part in the order in which it is shown."""

    header: Header
    complexity: str
    explanation: str
    effort_days: float | None
    effort: tuple[Effort, ...]
    objects: tuple[ObjectsOfType, ...]
    objects_notes: tuple[str, ...]
    issues: tuple[IssueRow, ...]
    groups: tuple[IssueGroup, ...]
    measured: tuple[MeasuredRow, ...]
    weights: tuple[TableWeight, ...]
    sizing: SizingView
    notes: tuple[Note, ...]
    missing: tuple[Missing, ...]
    redundant: tuple[RedundantIndex, ...]
    range_indexes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    reservation: str = ""
    """What is to be kept in mind of every count; "" where nothing is."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ReportView:
        """The view of a document that read_report() returned or report_document() made."""
        issues, measured = issue_rows(document), measured_rows(document)
        complexity = document.get("Complexity") or {}
        return cls(
            header=_header(document),
            complexity=_text(document.get("MigrationComplexity")),
            explanation=_text(document.get("MigrationComplexityExplanation")),
            effort_days=complexity.get("effort_days"),
            effort=_all(Effort, complexity.get("effort")),
            objects=tuple(_objects(document)),
            objects_notes=tuple(_text(note) for note in _summary(document).get("Notes") or ()),
            issues=issues,
            groups=issue_groups(issues),
            measured=measured,
            weights=tuple(weights(measured)),
            sizing=_sizing(document),
            notes=tuple(_note(entry) for entry in document.get("Notes") or ()),
            missing=_all(Missing, document.get("Missing")),
            redundant=_all(RedundantIndex, document.get("RedundantIndexes")),
            range_indexes=tuple((document.get("Recommendations") or {}).get("range_indexes") or ()),
            facts=tuple((key, _text(value)) for key, value in (document.get("Facts") or {}).items()),
            reservation=_text(document.get("Reservation")),
        )


def _header(document: Mapping[str, Any]) -> Header:
    summary, source = _summary(document), document.get("Source") or {}
    replicas = document.get("NumReplicasUsed") or 0
    return Header(
        database=_text(summary.get("DbName")),
        version=_text(summary.get("DbVersion")),
        engine=_text(source.get("engine")),
        url=_text(source.get("url")),
        schemas=tuple(summary.get("SchemaNames") or ()),
        target_version=_text(document.get("TargetDBVersion")),
        nodes=tuple(source.get("nodes") or ()),
        replicas=replicas,
        collected_at=_text(source.get("collected_at")),
        capture_seconds=source.get("capture_seconds"),
        assessed_at=_text(document.get("AssessedAt")),
        tool_version=_text(document.get("VoyagerVersion")),
    )


def _objects(document: Mapping[str, Any]) -> list[ObjectsOfType]:
    return [
        ObjectsOfType(
            object_type=_text(entry.get("ObjectType")),
            total=entry.get("TotalCount") or 0,
            invalid=entry.get("InvalidCount") or 0,
            names=_text(entry.get("ObjectNames")),
            details=_text(entry.get("Details")),
            # In the list of names alone, a quote or a comma in one of them cannot be told from those around names.
            each=tuple(map(_text, entry.get("Names") or ())) or split_list(_text(entry.get("ObjectNames"))),
        )
        for entry in _summary(document).get("DatabaseObjects") or ()
    ]


def _sizing(document: Mapping[str, Any]) -> SizingView:
    sizing = document.get("Sizing") or {}
    found = sizing.get("SizingRecommendation") or {}
    placed = list(_all(Placement, document.get("Placements")))
    if not placed:
        placed = [Placement(table, COLOCATED, "") for table in found.get("ColocatedTables") or ()]
        placed += [Placement(table, SHARDED, "") for table in found.get("ShardedTables") or ()]
    return SizingView(
        nodes=int(found.get("NumNodes") or 0),
        vcpus=found.get("VCPUsPerInstance") or 0,
        memory_gb=found.get("MemoryPerInstance") or 0,
        select_connections=found.get("OptimalSelectConnectionsPerNode") or 0,
        insert_connections=found.get("OptimalInsertConnectionsPerNode") or 0,
        minutes=found.get("EstimatedTimeInMinForImport") or 0,
        minutes_without_redundant=found.get("EstimatedTimeInMinForImportWithoutRedundantIndexes") or 0,
        reasoning=_text(found.get("ColocatedReasoning")),
        failure=_text(sizing.get("FailureReasoning")),
        steps=tuple(document.get("SizingSteps") or ()),
        alternatives=_all(Alternative, document.get("SizingAlternatives")),
        placements=tuple(placed),
    )


def _all(kind: type[T], entries: Any) -> tuple[T, ...]:
    """The entries of a list as values; what a later version of ours adds to them is left out."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return tuple(kind(**{key: value for key, value in entry.items() if key in known}) for entry in entries or ())


def _note(entry: object) -> Note:
    """Older reports of yb-voyager have notes that are text alone."""
    if isinstance(entry, Mapping):
        return Note(_text(entry.get("Type")), _text(entry.get("Text")))
    return Note("GeneralNotes", _text(entry))


def _summary(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document.get("SchemaSummary") or {}


def _text(value: object) -> str:
    return "" if value is None else str(value)
