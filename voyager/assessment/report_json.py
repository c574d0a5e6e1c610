"""The report of an assessment as JSON: the keys of yb-voyager's own report, and ours beside them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import voyager
from voyager.assessment.assessment import Note
from voyager.assessment.partial import reservation
from voyager.assessment.report_issues import rank
from voyager.assessment.report_shape import check_shape
from voyager.assessment.sizing import COLOCATED, SHARDED, sizing_json
from voyager.errors import UsageError, disk_error
from voyager.identifiers import visible
from voyager.schema.issues.issue import CATEGORIES

if TYPE_CHECKING:
    from voyager.assessment.assessment import Assessment, ObjectCount, ObjectStatistics
    from voyager.assessment.sizing import Sizing
    from voyager.assessment_dir import AssessmentDir
    from voyager.schema.analyze import Finding

SCHEMA_VERSION = 1
REPORT = "migration_assessment_report"
"""The name of the report's files, without .json and .html."""
_SUMMARY = "The objects of the source schema, as they are to be created on the target."


def report_document(assessment: Assessment) -> dict[str, Any]:
    """The report as one JSON document. The same assessment gives the same document, key by key."""
    replicas = len(assessment.source.nodes) - 1
    return {
        "schema_version": SCHEMA_VERSION,
        "VoyagerVersion": voyager.__version__,
        "TargetDBVersion": assessment.target_version,
        "MigrationComplexity": assessment.complexity.level,
        "MigrationComplexityExplanation": assessment.complexity.explanation,
        "SchemaSummary": _schema_summary(assessment),
        **({"NumReplicasUsed": replicas} if replicas > 0 else {}),
        "Sizing": _sizing(assessment.sizing),
        "AssessmentIssues": [_issue(finding) for finding in in_order(assessment.findings)],
        "TableIndexStats": [_statistics(one) for one in assessment.statistics],
        "Notes": [{"Type": note.type, "Text": note.text} for note in _notes(assessment)],
        **_ours(assessment),
    }


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Findings as reports order them: by category, in a category as they were found."""
    return sorted(findings, key=lambda finding: rank(finding.category))


def write_reports(assessment: Assessment, directory: AssessmentDir) -> tuple[Path, Path]:
    """Write the report as JSON and as HTML, and the sizing once more by itself; return where the two reports are.

    Everything is made before the first byte is written, and each file replaces the one before it as a whole.
    """
    from voyager.assessment.html.page import render_html

    document = report_document(assessment)
    paths = directory.reports / f"{REPORT}.json", directory.reports / f"{REPORT}.html"
    contents = {
        paths[0]: encoded(document),
        paths[1]: render_html(document).encode("utf-8", "replace"),
        directory.sizing / "sizing.json": encoded(sizing_json(assessment.sizing)),
        directory.sizing / "placements.csv": placements_csv(assessment.sizing),
    }
    for path, content in contents.items():
        directory.write_atomic(path, content)
    return paths


def read_report(path: Path) -> dict[str, Any]:
    """The report in a file: ours, or one that yb-voyager wrote.

    Raises UsageError that says what is wrong with a file that is no report.
    """
    shown = visible(str(path))
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"There is no report {shown}.", "Make one with: yb-voyager assessment run.") from error
    except OSError as error:
        raise disk_error(error, shown) from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{shown} is not a report: it is not JSON ({visible(str(error))}).",
            "Give the file migration_assessment_report.json; when it is damaged: yb-voyager assessment report.",
        ) from error
    check_shape(document, shown, newest=SCHEMA_VERSION)
    return document


def encoded(document: object) -> bytes:
    """A document as the bytes of a JSON file: names in any script stay readable."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair has no bytes in UTF-8; its backslash escape is the one that JSON has for it.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def placements_csv(sizing: Sizing) -> bytes:
    """Where each table goes, one line for each."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "strategy", "size_in_bytes", "reason", "schema", "name"))
    for one in sizing.placements:
        writer.writerow((one.table, one.strategy, one.size_bytes, one.reason, one.schema, one.name))
    return out.getvalue().encode("utf-8", "backslashreplace")


def _notes(assessment: Assessment) -> tuple[Note, ...]:
    """The notes of the judge and those of the sizing, none twice."""
    of_sizing = (Note("SizingNotes", text) for text in assessment.sizing.notes)
    return tuple(dict.fromkeys((*assessment.notes, *of_sizing)))


def _schema_summary(assessment: Assessment) -> dict[str, Any]:
    return {
        "Description": _SUMMARY,
        "DbName": assessment.source.database,
        "SchemaNames": list(assessment.source.schemas),
        "DbVersion": assessment.source.version,
        "DatabaseObjects": [_objects(one) for one in assessment.objects],
        **({"Notes": [said]} if (said := reservation(assessment.missing)) else {}),
    }


def _objects(count: ObjectCount) -> dict[str, Any]:
    return {
        "ObjectType": count.object_type,
        "TotalCount": len(count.names),
        "InvalidCount": count.invalid,
        "ObjectNames": ", ".join(count.names),
        "Names": list(count.names),
        **({"Details": count.details} if count.details else {}),
    }


def _sizing(sizing: Sizing) -> dict[str, Any]:
    """Lists without an entry are null and minutes nobody could estimate 0: so consumers know them."""
    return {
        "SizingRecommendation": {
            "ColocatedTables": list(sizing.colocated) or None,
            "ColocatedReasoning": sizing.reasoning,
            "ShardedTables": list(sizing.sharded) or None,
            "NumNodes": sizing.nodes,
            "VCPUsPerInstance": sizing.vcpus_per_node,
            "MemoryPerInstance": sizing.memory_gb_per_node,
            "OptimalSelectConnectionsPerNode": sizing.select_connections_per_node,
            "OptimalInsertConnectionsPerNode": sizing.insert_connections_per_node,
            "EstimatedTimeInMinForImport": sizing.import_minutes or 0,
            "EstimatedTimeInMinForImportWithoutRedundantIndexes": sizing.import_minutes_without_redundant_indexes or 0,
        },
        "FailureReasoning": sizing.failure,
    }


def _issue(finding: Finding) -> dict[str, Any]:
    return {
        "Category": finding.category,
        "CategoryDescription": CATEGORIES.get(finding.category, ""),
        "Type": finding.issue_id,
        "Name": finding.name or finding.issue_id,
        "Description": " ".join(part for part in (finding.says, finding.advice) if part),
        "Impact": f"LEVEL_{finding.impact}" if finding.impact else "-",
        "ObjectType": finding.object_type,
        "ObjectName": finding.object_name,
        **({"ObjectUsage": finding.object_usage} if finding.object_usage else {}),
        "SqlStatement": finding.statement,
        "DocsLink": finding.link,
        "MinimumVersionsFixedIn": dict(finding.minimum_versions) or None,
        **_when_given("MinimumVersionsFixedInTP", finding.minimum_versions_tp),
        **_when_given("MinimumVersionsFixedInEA", finding.minimum_versions_ea),
        **_when_given("Details", finding.details),
        "Reason": finding.says,
        "Advice": finding.advice,
        "Blocking": finding.blocking,
        "File": finding.file,
        # A line of a text that the reader does not have says nothing.
        "Line": finding.line if finding.file else 0,
        **({"ObjectSchema": finding.object_schema} if finding.object_schema else {}),
        **({"ObjectSqlName": finding.object_sql} if finding.object_sql else {}),
    }


def _when_given(key: str, values: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(values)} if values else {}


def _plain(value: Any) -> Any:
    """A value as JSON has it: lists, never tuples."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _statistics(one: ObjectStatistics) -> dict[str, Any]:
    return {
        "SchemaName": one.schema,
        "ObjectName": one.name,
        "RowCount": one.rows,
        "ColumnCount": one.columns,
        "ReadsPerSecond": _whole(one.reads_per_second),
        "WritesPerSecond": _whole(one.writes_per_second),
        "IsIndex": one.is_index,
        "ObjectType": one.object_type,
        "ParentTableName": one.parent_table,
        "SizeInBytes": one.size_bytes,
        "ReadsPerSecondMeasured": one.reads_per_second,
        "WritesPerSecondMeasured": one.writes_per_second,
        **({"ReadsByNode": dict(one.reads_by_node)} if len(one.reads_by_node) > 1 else {}),
    }


def _whole(rate: float | None) -> int | None:
    """A rate as the whole number that consumers read; what moves at all is not rounded down to nothing."""
    if rate is None:
        return None
    return max(round(rate), 1) if rate > 0 else 0


def _ours(assessment: Assessment) -> dict[str, Any]:
    sizing = assessment.sizing
    return {
        "Source": _plain(asdict(assessment.source)),
        "AssessedAt": assessment.assessed_at,
        "Complexity": _plain(asdict(assessment.complexity)),
        "SizingSteps": list(sizing.steps),
        "SizingAlternatives": [asdict(one) for one in sizing.alternatives],
        "Placements": [asdict(one) for one in sizing.placements],
        "Missing": [asdict(one) for one in assessment.missing],
        "Reservation": reservation(assessment.missing),
        "RedundantIndexes": [asdict(one) for one in assessment.redundant_indexes],
        "Recommendations": dict(_recommendations(assessment)),
        "Facts": _plain(assessment.facts),
    }


def _recommendations(assessment: Assessment) -> Iterator[tuple[str, list[Any]]]:
    """What `export schema --apply-recommendations` reads: the names that people know, and each with its schema apart,
    since "a.b.c" can be two objects."""
    placements = assessment.sizing.placements
    yield "sharded", list(assessment.sizing.sharded)
    yield "sharded_names", _apart(one.key for one in placements if one.strategy == SHARDED)
    yield "colocated", list(assessment.sizing.colocated)
    yield "colocated_names", _apart(one.key for one in placements if one.strategy == COLOCATED)
    keys = ("table", "index", "ddl", "existing", "existing_ddl", "schema", "name", "table_name", "existing_name")
    yield "redundant_indexes", [{key: getattr(one, key) for key in keys} for one in assessment.redundant_indexes]
    yield "range_indexes", list(assessment.range_indexes)
    yield "range_index_names", _apart(assessment.range_index_keys)


def _apart(keys: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"schema": schema, "name": name} for schema, name in keys]
