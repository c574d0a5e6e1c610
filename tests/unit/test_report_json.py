"""The report document: its public keys and their types, what stands beside them, files, and reading them again."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import pytest

from tests.assessed_shop import HOSTILE, finding, foreign, hostile, shop
from voyager.assessment.assessment import Note
from voyager.assessment.report_json import encoded, read_report, report_document, write_reports
from voyager.assessment.sizing import Sizing
from voyager.assessment_dir import AssessmentDir
from voyager.errors import UsageError, VoyagerError

Shape = Mapping[str, Any]
"""Key -> type, tuple of types, [type of each entry], or a shape. A key with ? may be left out."""

SUMMARY: Shape = {
    "Description": str,
    "DbName": str,
    "SchemaNames": [str],
    "DbVersion": str,
    "Notes?": [str],
    "DatabaseObjects": [
        {"ObjectType": str, "TotalCount": int, "InvalidCount": int, "ObjectNames": str, "Details?": str}
    ],
}
SIZING: Shape = {
    "SizingRecommendation": {
        "ColocatedTables": (list, NoneType),
        "ColocatedReasoning": str,
        "ShardedTables": (list, NoneType),
        "NumNodes": (int, float),
        "VCPUsPerInstance": int,
        "MemoryPerInstance": int,
        "OptimalSelectConnectionsPerNode": int,
        "OptimalInsertConnectionsPerNode": int,
        "EstimatedTimeInMinForImport": (int, float),
        "EstimatedTimeInMinForImportWithoutRedundantIndexes": (int, float),
    },
    "FailureReasoning": str,
}
ISSUE: Shape = {
    "Category": str,
    "CategoryDescription": str,
    "Type": str,
    "Name": str,
    "Description": str,
    "Impact": str,
    "ObjectType": str,
    "ObjectName": str,
    "ObjectUsage?": str,
    "SqlStatement": str,
    "DocsLink": str,
    "MinimumVersionsFixedIn": (dict, NoneType),
    "MinimumVersionsFixedInTP?": dict,
    "MinimumVersionsFixedInEA?": dict,
    "Details?": dict,
}
STATISTICS: Shape = {
    "SchemaName": str,
    "ObjectName": str,
    "RowCount": (int, NoneType),
    "ColumnCount": (int, NoneType),
    "ReadsPerSecond": (int, NoneType),
    "WritesPerSecond": (int, NoneType),
    "IsIndex": bool,
    "ObjectType": str,
    "ParentTableName": (str, NoneType),
    "SizeInBytes": (int, NoneType),
}
PUBLIC: Shape = {
    "VoyagerVersion": str,
    "TargetDBVersion": str,
    "MigrationComplexity": str,
    "MigrationComplexityExplanation": str,
    "SchemaSummary": SUMMARY,
    "NumReplicasUsed?": int,
    "Sizing": SIZING,
    "AssessmentIssues": [ISSUE],
    "TableIndexStats": [STATISTICS],
    "Notes": [{"Type": str, "Text": str}],
}


def breaches(value: Any, shape: Any, place: str = "report") -> list[str]:
    """Where `value` is not as `shape` has it."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place} is no list"]
        return [one for number, entry in enumerate(value) for one in breaches(entry, shape[0], f"{place}[{number}]")]
    if isinstance(shape, Mapping):
        found = []
        for key, inner in shape.items():
            name = key.removesuffix("?")
            if name in value:
                found += breaches(value[name], inner, f"{place}.{name}")
            elif not key.endswith("?"):
                found.append(f"{place}.{name} is missing")
        return found
    types = shape if isinstance(shape, tuple) else (shape,)
    exact = type(value) in types  # in Python true is a number
    return [] if exact else [f"{place} is {type(value).__name__}"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return report_document(shop())


def test_the_public_keys_are_there_with_their_types(document: dict[str, Any]):
    assert breaches(document, PUBLIC) == []


def test_the_check_of_the_keys_can_fail(document: dict[str, Any]):
    rate = json.loads(json.dumps(document))
    rate["TableIndexStats"][0]["ReadsPerSecond"] = 0.5
    del rate["AssessmentIssues"][1]["Impact"]
    assert breaches(rate, PUBLIC) == [
        "report.AssessmentIssues[1].Impact is missing",
        "report.TableIndexStats[0].ReadsPerSecond is float",
    ]


def test_the_format_comes_first_and_what_is_ours_after_what_is_public(document: dict[str, Any]):
    keys = list(document)
    assert keys[0] == "schema_version"
    public = [key.removesuffix("?") for key in PUBLIC]
    assert keys[1 : 1 + len(public)] == public
    assert set(keys[1 + len(public) :]) >= {
        "Source", "AssessedAt", "Complexity", "SizingSteps", "SizingAlternatives", "Placements", "Missing",
        "RedundantIndexes", "Recommendations",
    }  # fmt: skip


def test_issues_come_in_the_order_of_categories_and_in_a_category_as_they_were_found():
    categories = (
        "unsupported_datatypes",
        "unsupported_features",
        "unsupported_query_constructs",
        "unsupported_plpgsql_objects",
        "migration_caveats",
        "performance_optimizations",
    )
    found = [finding(f"{name}-{number}", category=name) for number in (1, 2) for name in reversed(categories)]
    types = [issue["Type"] for issue in report_document(replace(shop(), findings=tuple(found)))["AssessmentIssues"]]
    assert types == [f"{name}-{number}" for name in categories for number in (1, 2)]


def test_what_an_issue_says_and_advises_is_one_description_and_stands_apart_beside_it():
    one = finding("X", says="It is so.", advice="Do that.", impact=2, name="A title")
    issue = report_document(replace(shop(), findings=(one,)))["AssessmentIssues"][0]
    assert issue["Description"] == "It is so. Do that."
    assert (issue["Reason"], issue["Advice"], issue["Impact"], issue["Name"]) == (
        "It is so.", "Do that.", "LEVEL_2", "A title",
    )  # fmt: skip


def test_versions_are_null_without_a_fix_and_early_ones_are_left_out():
    plain, fixed = (
        report_document(replace(shop(), findings=(one,)))["AssessmentIssues"][0]
        for one in (
            finding("X"),
            finding("X", minimum_versions={"2025.1": "2025.1.0.0"}, minimum_versions_ea={"2025.2": "2025.2.3.0"}),
        )
    )
    assert plain["MinimumVersionsFixedIn"] is None
    assert not {"MinimumVersionsFixedInEA", "MinimumVersionsFixedInTP", "Details", "ObjectUsage"} & set(plain)
    assert fixed["MinimumVersionsFixedIn"] == {"2025.1": "2025.1.0.0"}
    assert fixed["MinimumVersionsFixedInEA"] == {"2025.2": "2025.2.3.0"}


def test_details_may_be_lists():
    one = finding("X", details={"FunctionNames": ["lo_unlink"], "PrimaryKeyColumnOptions": [["a", "b"], ["c"]]})
    issue = report_document(replace(shop(), findings=(one,)))["AssessmentIssues"][0]
    assert issue["Details"] == {"FunctionNames": ["lo_unlink"], "PrimaryKeyColumnOptions": [["a", "b"], ["c"]]}


@pytest.mark.parametrize(("measured", "whole"), [(None, None), (0.0, 0), (0.02, 1), (2.4, 2), (880.0, 880)])
def test_a_rate_is_a_whole_number_that_hides_no_load_and_exact_beside(measured: float | None, whole: int | None):
    one = replace(shop().statistics[0], reads_per_second=measured)
    row = report_document(replace(shop(), statistics=(one,)))["TableIndexStats"][0]
    assert (row["ReadsPerSecond"], row["ReadsPerSecondMeasured"]) == (whole, measured)


def test_lists_of_tables_are_null_when_empty_and_a_failed_sizing_has_zeros():
    sizing = report_document(replace(shop(), sizing=Sizing(failure="Too large.")))["Sizing"]
    assert sizing["FailureReasoning"] == "Too large."
    recommendation = sizing["SizingRecommendation"]
    assert recommendation["ColocatedTables"] is None
    assert recommendation["ShardedTables"] is None
    assert (recommendation["NumNodes"], recommendation["EstimatedTimeInMinForImport"]) == (0, 0)


def test_replicas_are_counted_only_when_there_are_some():
    assert report_document(shop())["NumReplicasUsed"] == 2
    alone = replace(shop(), source=replace(shop().source, nodes=("primary",)))
    assert "NumReplicasUsed" not in report_document(alone)


def test_recommendations_have_the_shape_that_export_schema_reads(document: dict[str, Any]):
    found = document["Recommendations"]
    names = ["sharded_names", "colocated_names", "range_index_names"]
    assert [key for key in found if key not in names] == ["sharded", "colocated", "redundant_indexes", "range_indexes"]
    for key in ("sharded", "colocated"):
        assert len(found[f"{key}_names"]) == len(found[key])
        assert all(list(one) == ["schema", "name"] for one in found[f"{key}_names"])
    placed = {one.table: one.strategy for one in shop().sizing.placements}
    assert dict.fromkeys(found["sharded"], "sharded") | dict.fromkeys(found["colocated"], "colocated") == placed
    [redundant] = found["redundant_indexes"]
    assert list(redundant)[:5] == ["table", "index", "ddl", "existing", "existing_ddl"]
    assert list(redundant)[5:] == ["schema", "name", "table_name", "existing_name"]
    assert found["range_indexes"] == ["public.events_at", "billing.invoices_due"]


def test_the_notes_of_the_sizing_are_among_the_notes_once():
    sizing = replace(shop().sizing, notes=("Mind the peaks.", "Mind the disks."))
    assessed = replace(shop(), sizing=sizing, notes=(Note("SizingNotes", "Mind the disks."),))
    notes = report_document(assessed)["Notes"]
    assert notes == [{"Type": "SizingNotes", "Text": text} for text in ("Mind the disks.", "Mind the peaks.")]


def test_the_same_assessment_gives_the_same_bytes_but_for_the_time():
    one, same = encoded(report_document(shop())), encoded(report_document(shop()))
    assert one == same
    later = encoded(report_document(replace(shop(), assessed_at="2026-11-23T00:00:00Z")))
    changed = [line for line, other in zip(one.splitlines(), later.splitlines(), strict=True) if line != other]
    assert [line.strip().split(b":")[0] for line in changed] == [b'"AssessedAt"']


def test_any_name_survives_the_file(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_bytes(encoded(report_document(hostile())))
    read = read_report(path)
    assert [issue["ObjectName"] for issue in read["AssessmentIssues"]].count(HOSTILE[0]) == 1
    assert {issue["ObjectName"] for issue in read["AssessmentIssues"]} == set(HOSTILE)
    assert read["SchemaSummary"]["SchemaNames"] == list(HOSTILE)


@pytest.fixture
def directory(tmp_path: Path) -> AssessmentDir:
    made = AssessmentDir(tmp_path / "assessment")
    made.create()
    return made


def test_the_reports_and_the_sizing_are_written(directory: AssessmentDir):
    paths = write_reports(shop(), directory)
    assert [path.relative_to(directory.path).as_posix() for path in paths] == [
        "reports/migration_assessment_report.json",
        "reports/migration_assessment_report.html",
    ]
    assert read_report(paths[0]) == report_document(shop())
    assert paths[1].read_text().startswith("<!doctype html>")
    assert json.loads((directory.sizing / "sizing.json").read_text())["recommendation"]["nodes"] == shop().sizing.nodes
    with (directory.sizing / "placements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["table"], row["strategy"]) for row in rows] == [
        (one.table, one.strategy) for one in shop().sizing.placements
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_a_page_that_cannot_be_made_leaves_the_reports_before_it(directory: AssessmentDir, monkeypatch: Any):
    before = {path: path.read_bytes() for path in write_reports(shop(), directory)}
    monkeypatch.setattr("voyager.assessment.html.page.render_html", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_reports(hostile(), directory)
    assert {path: path.read_bytes() for path in directory.reports.iterdir()} == before


def test_a_report_of_another_tool_is_read(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(foreign()))
    assert read_report(path) == foreign()


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in foreign().items() if name != key}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ('{"MigrationComplexity": ', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "holds a list"),
        (json.dumps(_without("AssessmentIssues")), "AssessmentIssues is not in it"),
        (json.dumps({"Detail": [], "Notes": []}), "of a fleet"),
        (json.dumps({"Summary": {}, "Issues": []}), "analyze-schema"),
        (json.dumps({**_without("AssessmentIssues"), "UnsupportedFeatures": []}), "old version"),
        (json.dumps({**foreign(), "schema_version": 999}), "later version"),
        (json.dumps({**foreign(), "SchemaSummary": []}), "SchemaSummary is a list, not an object"),
        (json.dumps({**foreign(), "AssessmentIssues": [{"Type": 7}]}), "AssessmentIssues[0].Type is a number"),
        (json.dumps({**foreign(), "TableIndexStats": [{"RowCount": "9"}]}), "TableIndexStats[0].RowCount is text"),
        (json.dumps({**foreign(), "TableIndexStats": [{"SizeInBytes": True}]}), "SizeInBytes is true or false"),
        (json.dumps({**foreign(), "Missing": [{"what": "x"}]}), "Missing[0].reason is missing"),
    ],
)
def test_a_file_that_is_no_report_is_refused_with_the_reason(tmp_path: Path, content: str, said: str):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(UsageError) as refused:
        read_report(path)
    assert said in refused.value.message
    assert str(path) in refused.value.message
    assert refused.value.hint


def test_a_report_that_is_not_there_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(VoyagerError) as refused:
        read_report(tmp_path / "none.json")
    assert "assessment run" in refused.value.hint


def test_a_directory_is_no_report(tmp_path: Path):
    with pytest.raises(VoyagerError, match=str(tmp_path)):
        read_report(tmp_path)
