"""What a report document must look like to be read; says what another file is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voyager.errors import UsageError
from voyager.identifiers import visible

_NUMBER = (int, float)
_OPTIONAL_NUMBER = (int, float, type(None))
_OPTIONAL_TEXT = (str, type(None))
_OPTIONAL_LIST = (list, type(None))
_OPTIONAL_OBJECT = (dict, type(None))
_TYPE_NAMES = {
    str: "text",
    dict: "an object",
    list: "a list",
    int: "a number",
    float: "a number",
    bool: "true or false",
}

Keys = Mapping[str, Any]
"""Key -> the types its value may have."""

_TOP: Keys = {
    "VoyagerVersion": _OPTIONAL_TEXT,
    "TargetDBVersion": _OPTIONAL_TEXT,
    "MigrationComplexity": _OPTIONAL_TEXT,
    "MigrationComplexityExplanation": _OPTIONAL_TEXT,
    "SchemaSummary": dict,
    "NumReplicasUsed": _OPTIONAL_NUMBER,
    "Sizing": _OPTIONAL_OBJECT,
    "AssessmentIssues": _OPTIONAL_LIST,
    "TableIndexStats": _OPTIONAL_LIST,
    "Notes": _OPTIONAL_LIST,
    "Source": _OPTIONAL_OBJECT,
    "AssessedAt": _OPTIONAL_TEXT,
    "Complexity": _OPTIONAL_OBJECT,
    "SizingSteps": _OPTIONAL_LIST,
    "SizingAlternatives": _OPTIONAL_LIST,
    "Placements": _OPTIONAL_LIST,
    "Missing": _OPTIONAL_LIST,
    "Reservation": _OPTIONAL_TEXT,
    "RedundantIndexes": _OPTIONAL_LIST,
    "Recommendations": _OPTIONAL_OBJECT,
    "Facts": _OPTIONAL_OBJECT,
}
_REQUIRED = ("MigrationComplexity", "SchemaSummary", "AssessmentIssues")
_SUMMARY: Keys = {
    "DbName": _OPTIONAL_TEXT,
    "DbVersion": _OPTIONAL_TEXT,
    "SchemaNames": _OPTIONAL_LIST,
    "DatabaseObjects": _OPTIONAL_LIST,
    "Notes": _OPTIONAL_LIST,
}
_OBJECTS: Keys = {
    "ObjectType": _OPTIONAL_TEXT,
    "TotalCount": _OPTIONAL_NUMBER,
    "InvalidCount": _OPTIONAL_NUMBER,
    "ObjectNames": _OPTIONAL_TEXT,
    "Names": _OPTIONAL_LIST,
    "Details": _OPTIONAL_TEXT,
}
_SIZING: Keys = {"SizingRecommendation": _OPTIONAL_OBJECT, "FailureReasoning": _OPTIONAL_TEXT}
_RECOMMENDATION: Keys = {
    "ColocatedTables": _OPTIONAL_LIST,
    "ColocatedReasoning": _OPTIONAL_TEXT,
    "ShardedTables": _OPTIONAL_LIST,
    "NumNodes": _OPTIONAL_NUMBER,
    "VCPUsPerInstance": _OPTIONAL_NUMBER,
    "MemoryPerInstance": _OPTIONAL_NUMBER,
    "OptimalSelectConnectionsPerNode": _OPTIONAL_NUMBER,
    "OptimalInsertConnectionsPerNode": _OPTIONAL_NUMBER,
    "EstimatedTimeInMinForImport": _OPTIONAL_NUMBER,
    "EstimatedTimeInMinForImportWithoutRedundantIndexes": _OPTIONAL_NUMBER,
}
_ISSUE: Keys = {
    "Category": _OPTIONAL_TEXT,
    "Type": _OPTIONAL_TEXT,
    "Name": _OPTIONAL_TEXT,
    "Description": _OPTIONAL_TEXT,
    "Impact": _OPTIONAL_TEXT,
    "ObjectType": _OPTIONAL_TEXT,
    "ObjectName": _OPTIONAL_TEXT,
    "ObjectUsage": _OPTIONAL_TEXT,
    "SqlStatement": _OPTIONAL_TEXT,
    "DocsLink": _OPTIONAL_TEXT,
    "MinimumVersionsFixedIn": _OPTIONAL_OBJECT,
    "MinimumVersionsFixedInTP": _OPTIONAL_OBJECT,
    "MinimumVersionsFixedInEA": _OPTIONAL_OBJECT,
    "Details": _OPTIONAL_OBJECT,
    "Line": _OPTIONAL_NUMBER,
    "ObjectSchema": _OPTIONAL_TEXT,
    "ObjectSqlName": _OPTIONAL_TEXT,
}
_STATISTICS: Keys = {
    "SchemaName": _OPTIONAL_TEXT,
    "ObjectName": _OPTIONAL_TEXT,
    "RowCount": _OPTIONAL_NUMBER,
    "ColumnCount": _OPTIONAL_NUMBER,
    "ReadsPerSecond": _OPTIONAL_NUMBER,
    "WritesPerSecond": _OPTIONAL_NUMBER,
    "IsIndex": (bool, type(None)),
    "ObjectType": _OPTIONAL_TEXT,
    "ParentTableName": _OPTIONAL_TEXT,
    "SizeInBytes": _OPTIONAL_NUMBER,
    "ReadsPerSecondMeasured": _OPTIONAL_NUMBER,
    "WritesPerSecondMeasured": _OPTIONAL_NUMBER,
    "ReadsByNode": _OPTIONAL_OBJECT,
}
_OURS: Mapping[str, Keys] = {
    "SizingAlternatives": {"strategy": str, "vcpus": int, "nodes": int, "cores": int, "failure": str, "chosen": bool},
    "Placements": {"table": str, "strategy": str, "reason": str, "size_bytes": _NUMBER},
    "Missing": {"what": str, "reason": str, "sql": str, "weakens": str},
    "RedundantIndexes": {
        "table": str, "index": str, "ddl": str, "existing": str, "existing_ddl": str, "size_bytes": _OPTIONAL_NUMBER,
    },
}  # fmt: skip
_EFFORT: Keys = {"kind": str, "count": int, "days": _NUMBER, "invalid": int}
_OTHER_REPORTS = {
    "Detail": "the report of a fleet; give the report of one of its databases",
    "Issues": "a report of analyze-schema, which has no sizing; give an assessment's report",
    "UnsupportedFeatures": "a report of an old version of yb-voyager, which has no list of issues; assess again",
    "redundant_index_change": "a report of what export schema changed; give an assessment's report",
}
_HINT = "Give the file migration_assessment_report.json of an assessment."


def check_shape(document: object, path: str, *, newest: int) -> None:
    """Raise UsageError when `document`, read from `path`, is no assessment report that can be shown."""
    if not isinstance(document, dict):
        raise UsageError(f"{path} is not a report: it holds {_type(document)}, not an object.", _HINT)
    version = document.get("schema_version")
    if isinstance(version, int) and version > newest:
        raise UsageError(
            f"{path} was written by a later version of yb-voyager (report format {version}, known: {newest}).",
            "Update yb-voyager, or make the report again with this version: yb-voyager assessment report.",
        )
    for missing in (key for key in _REQUIRED if key not in document):
        known = next((words for key, words in _OTHER_REPORTS.items() if key in document), "")
        what = f"it is {known}" if known else f"{missing} is not in it"
        raise UsageError(f"{path} is not a report of an assessment: {what}.", _HINT)
    _Shape(path).document(document)


class _Shape:
    """Walks a document and says where it first differs."""

    def __init__(self, path: str) -> None:
        self.path = path

    def document(self, document: dict[str, Any]) -> None:
        self.keys(document, _TOP, "")
        summary, sizing = document["SchemaSummary"], document.get("Sizing") or {}
        self.keys(summary, _SUMMARY, "SchemaSummary")
        self.texts(summary.get("SchemaNames"), "SchemaSummary.SchemaNames")
        self.entries(summary.get("DatabaseObjects"), _OBJECTS, "SchemaSummary.DatabaseObjects")
        self.keys(sizing, _SIZING, "Sizing")
        recommendation = sizing.get("SizingRecommendation") or {}
        self.keys(recommendation, _RECOMMENDATION, "Sizing.SizingRecommendation")
        for key in ("ColocatedTables", "ShardedTables"):
            self.texts(recommendation.get(key), f"Sizing.SizingRecommendation.{key}")
        self.entries(document.get("AssessmentIssues"), _ISSUE, "AssessmentIssues")
        self.entries(document.get("TableIndexStats"), _STATISTICS, "TableIndexStats")
        self.texts(document.get("SizingSteps"), "SizingSteps")
        self.ours(document)

    def ours(self, document: dict[str, Any]) -> None:
        for key, keys in _OURS.items():
            self.entries(document.get(key), keys, key, required=True)
        complexity = document.get("Complexity") or {}
        self.keys(complexity, {"effort_days": _OPTIONAL_NUMBER, "effort": _OPTIONAL_LIST}, "Complexity")
        self.entries(complexity.get("effort"), _EFFORT, "Complexity.effort", required=True)
        self.keys(
            document.get("Source") or {},
            {"engine": str, "url": str, "nodes": list, "collected_at": str, "capture_seconds": _OPTIONAL_NUMBER},
            "Source",
        )
        self.texts((document.get("Source") or {}).get("nodes"), "Source.nodes")
        recommended = document.get("Recommendations") or {}
        self.texts(recommended.get("range_indexes"), "Recommendations.range_indexes")

    def keys(self, found: dict[str, Any], keys: Keys, where: str, *, required: bool = False) -> None:
        for key, types in keys.items():
            place = f"{where}.{key}" if where else key
            if key not in found:
                if required:
                    self.refuse(place, "is missing")
                continue
            self.value(found[key], types, place)

    def entries(self, found: object, keys: Keys, where: str, *, required: bool = False) -> None:
        if found is None:
            return
        self.value(found, list, where)
        for number, entry in enumerate(found):  # type: ignore[arg-type, var-annotated]
            place = f"{where}[{number}]"
            self.value(entry, dict, place)
            self.keys(entry, keys, place, required=required)

    def texts(self, found: object, where: str) -> None:
        for number, entry in enumerate(found if isinstance(found, list) else ()):
            self.value(entry, str, f"{where}[{number}]")

    def value(self, value: object, types: Any, place: str) -> None:
        allowed = types if isinstance(types, tuple) else (types,)
        # In Python true is a number; in a report it is none.
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            self.refuse(place, f"is {_type(value)}, not {_TYPE_NAMES.get(allowed[0], 'that')}")

    def refuse(self, place: str, what: str) -> None:
        raise UsageError(
            f"{self.path} is not a report that can be shown: {visible(place)} {what}.",
            "The file was changed or damaged; make it again with: yb-voyager assessment report.",
        )


def _type(value: object) -> str:
    return "null" if value is None else _TYPE_NAMES.get(type(value), type(value).__name__)
