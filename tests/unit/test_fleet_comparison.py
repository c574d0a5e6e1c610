"""Comparing the databases of a fleet, adding them up, and the report on all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.assessed_shop import shop
from tests.fleet_members import assessed, report
from voyager.assessment.assessment import ObjectCount
from voyager.assessment.metadata import Metadata
from voyager.assessment.report_json import report_document as assessment_document
from voyager.assessment.report_view import ReportView
from voyager.cli.render.canvas import Canvas
from voyager.cli.render.fleet import report_view
from voyager.errors import UsageError
from voyager.fleet.comparison import DIFFERENT, EQUAL, EQUAL_COLUMNS, UNKNOWN, compare, schema_objects
from voyager.fleet.fleet_dir import COMPLETE, ERROR, Failure, FleetDir, MemberState
from voyager.fleet.load import Definitions, Loaded
from voyager.fleet.page import render_fleet
from voyager.fleet.report import FleetReport, fleet_report, report_document, write_fleet_report
from voyager.fleet.totals import totals


def nothing(_member: str, _schema: str) -> str | None:
    return None


def definitions(known: Mapping[tuple[str, str], str]) -> Any:
    return lambda member, schema: known.get((member, schema))


TABLES = {"TABLE": ["public.a", "public.b"], "INDEX": ["a_i ON public.a"]}


def test_the_figures_of_every_database_stand_side_by_side():
    first, second = compare(
        [
            assessed("x", objects=TABLES, sizes={"a": 100, "b": 50}, issues=[("I", 3), ("J", 1)], complexity="MEDIUM"),
            assessed(
                "y", Complexity={"effort_days": 2.5, "effort": []}, Sizing={"FailureReasoning": "too many tables"}
            ),
        ],
        nothing,
    ).rows
    assert (first.tables, first.indexes, first.objects, first.size_bytes) == (2, 1, 3, 150)
    assert (first.issues, first.issues_by_level, first.blocking) == (2, {3: 1, 1: 1}, 1)
    assert (first.complexity, first.effort_days) == ("MEDIUM", None)
    assert (first.cluster.nodes, first.cluster.vcpus, first.cluster.import_minutes) == (3, 12, 7)
    assert (second.effort_days, second.size_bytes, second.reads_per_second) == (2.5, None, None)
    assert (second.cluster.vcpus, second.cluster.failure) == (0, "too many tables")


def test_issues_in_common_are_those_of_more_than_one_database_the_most_common_first():
    found = compare(
        [
            assessed("x", issues=[("RARE", 3), ("TWO", 1), ("ALL", 1), ("ALL", 1)]),
            assessed("y", issues=[("TWO", 1), ("ALL", 1)]),
            assessed("z", issues=[("ALL", 1)]),
        ],
        nothing,
    )
    assert [(issue.type, issue.members) for issue in found.common_issues] == [
        ("ALL", {"x": 2, "y": 1, "z": 1}),
        ("TWO", {"x": 1, "y": 1}),
    ]
    assert [issue.type for issue in found.issues] == ["ALL", "TWO", "RARE"]
    assert found.issues[0].count == 4


def test_schemas_with_the_same_objects_are_found_whatever_they_are_called():
    tenants = {
        "TABLE": ["t1.orders", "t2.orders", "other.orders", "other.more"],
        "INDEX": ["i ON t1.orders", "i ON t2.orders"],
    }
    found = compare(
        [
            assessed("x", schemas=("t1", "t2", "other", "empty"), objects=tenants),
            assessed("y", schemas=("Odd. Name",), objects={
                "TABLE": ['"Odd. Name".orders'], "INDEX": ['i ON "Odd. Name".orders'], "EXTENSION": ["hstore"],
            }),
            assessed("z", schemas=("empty",)),
        ],
        nothing,
    )  # fmt: skip
    (shared,) = found.shared_schemas
    assert shared.schemas == (("x", "t1"), ("x", "t2"), ("y", "Odd. Name"))
    assert (shared.objects, shared.definitions) == (2, UNKNOWN)


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({("x", "public"): "ddl:f", ("y", "public"): "ddl:f"}, EQUAL),
        ({("x", "public"): "columns:f", ("y", "public"): "columns:f"}, EQUAL_COLUMNS),
        ({("x", "public"): "ddl:f", ("y", "public"): "ddl:g"}, DIFFERENT),
        ({("x", "public"): "ddl:f", ("y", "public"): "columns:g"}, UNKNOWN),
        ({("x", "public"): "ddl:f"}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_equal_objects_are_told_apart_from_equal_definitions(known: Mapping[tuple[str, str], str], verdict: str):
    both = [assessed("x", objects=TABLES), assessed("y", objects=TABLES)]
    (shared,) = compare(both, definitions(known)).shared_schemas
    assert shared.definitions == verdict


def fingerprints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: Mapping[str, Metadata]) -> Definitions:
    """Definitions of members whose metadata are these."""
    monkeypatch.setattr("voyager.assessment.metadata.read_metadata", lambda place: known[place.path.name])
    return Definitions(FleetDir(tmp_path))


def test_a_fingerprint_depends_on_definitions_and_not_on_the_schema_s_name_spaces_or_order(monkeypatch, tmp_path: Path):
    first = Metadata(
        "postgresql",
        "d",
        "17",
        ddl="""
        CREATE SCHEMA app;
        CREATE TABLE app.orders (id bigint, app text);
        CREATE INDEX i ON app.orders (id);
    """,
    )
    second = replace(
        first,
        ddl="""
        CREATE SCHEMA "Odd. Name";
        CREATE INDEX i ON "Odd. Name".orders (id);
        CREATE TABLE "Odd. Name".orders (id  bigint, app text);
        CREATE TABLE public.other (id int);
    """,
    )
    third = replace(first, ddl=first.ddl.replace("bigint", "int"))
    found = fingerprints(
        monkeypatch, tmp_path, {"a": first, "b": second, "c": third, "d": replace(first, ddl="CREATE 'x")}
    )
    assert found.of("a", "app") == found.of("b", "Odd. Name")
    assert str(found.of("a", "app")).startswith("ddl:")
    assert found.of("a", "app") != found.of("c", "app")
    assert found.of("a", "absent") is None
    assert found.of("d", "app") is None


def test_without_ddl_the_columns_make_the_fingerprint(monkeypatch, tmp_path: Path):
    def columns(schema: str, kind: str) -> Metadata:
        row = {"schema_name": schema, "table_name": "t", "column_name": "c", "data_type": kind}
        return Metadata("oracle", "d", "19", tables={"table_columns_data_types": (row,)})

    known = {"a": columns("A", "A.MOOD"), "b": columns("B", "B.MOOD"), "c": columns("A", "NUMBER")}
    found = fingerprints(monkeypatch, tmp_path, known)
    assert found.of("a", "A") == found.of("b", "B") != found.of("c", "A")
    assert str(found.of("a", "A")).startswith("columns:")


def test_names_with_commas_dots_and_quotes_are_taken_apart_rightly():
    names = ['public."a, b"', 'public."c.d"', 'public."e ""f"""', 'tr ON public."g ON h"']
    view = assessed("x", objects={"TABLE": names[:3], "TRIGGER": names[3:]}).view
    found = {name for _, name in schema_objects(view)["public"]}
    assert {'"a, b"', '"c.d"', '"e ""f"""'} <= found


def test_a_quote_or_a_comma_in_the_name_of_an_index_hides_no_other_index():
    names = ['one"quote ON a.t', "comma, ON b ON b.t", "i ON a.t", "j ON b.t"]
    source = replace(shop().source, schemas=("a", "b"))
    counted = ObjectCount("INDEX", tuple(names))
    document = assessment_document(replace(shop(), source=source, objects=(counted,)))
    assert schema_objects(ReportView.of(document)) == {
        "a": {("INDEX", 'one"quote ON t'), ("INDEX", "i ON t")},
        "b": {("INDEX", "comma, ON b ON t"), ("INDEX", "j ON t")},
    }


def test_objects_without_a_schema_belong_to_the_only_one():
    view = assessed("x", schemas=("HR",), objects={"TABLE": ["EMPLOYEES"]}).view
    assert schema_objects(view) == {"HR": {("TABLE", "EMPLOYEES")}}


def test_totals_add_up_what_is_known_and_say_what_is_not():
    comparison = compare(
        [
            assessed("x", objects=TABLES, sizes={"a": 100}, issues=[("I", 3)], complexity="HIGH", labels={"team": "p"}),
            assessed(
                "y", issues=[("I", 1), ("J", 1)], Complexity={"effort_days": 2.0, "effort": []}, labels={"team": "p"}
            ),
            assessed("z", sizes={"a": 5}, Sizing={"FailureReasoning": "no"}, labels={"team": "q", "tier": "1"}),
        ],
        nothing,
    )
    got = totals(comparison, [COMPLETE, COMPLETE, COMPLETE, ERROR])
    assert got.members == {COMPLETE: 3, ERROR: 1}
    assert (got.assessed, got.tables, got.indexes) == (3, 2 + 0 + 1, 1)
    assert (got.size_bytes, got.size_unknown) == (105, 1)
    assert (got.issues, got.issues_by_level, got.blocking) == (3, {3: 1, 1: 2}, 1)
    assert got.issues_by_category == {"unsupported_features": 3}
    assert (got.effort_days, got.effort_unknown) == (2.0, 2)
    assert (got.nodes, got.vcpus, got.memory_gb, got.without_cluster, got.import_minutes) == (6, 24, 96, 1, 14)
    assert list(got.complexity.items()) == [("HIGH", 1), ("LOW", 2)]
    assert (got.by_label["team"]["p"].databases, got.by_label["team"]["p"].size_bytes) == (2, 100)
    assert got.by_label["tier"]["1"].issues == 0
    assert got.load_unknown == 3


def test_the_totals_of_nothing_are_nothing():
    got = totals(compare([], nothing), [ERROR])
    assert (got.assessed, got.vcpus, got.effort_days, got.reads_per_second) == (0, 0, None, None)


# What a member could be called, or call its objects.
EVIL = '</script><img src=x onerror=alert(1)>\x1b[2J"&\u202e'


@pytest.fixture
def directory(tmp_path: Path) -> FleetDir:
    """A fleet with two complete members and one that failed."""
    found = FleetDir(tmp_path / "fleet")
    found.create()
    states = []
    for name in ("shop", "billing"):
        place = found.member(name)
        place.create()
        document = report(database=EVIL, objects=TABLES, issues=[(EVIL, 3), ("I", 1)], sizes={EVIL: 10})
        found.report_of(name).write_text(json.dumps(document))
        states.append(
            MemberState(
                name, "postgresql", f"postgresql://h/{name}", name, ("public",), {"team": EVIL}, status=COMPLETE
            )
        )
    failure = Failure(f"Refused {EVIL}.", "Try again.", (), 9)
    states.append(MemberState("broken", "oracle", "oracle://h/x", "X", ("HR",), status=ERROR, failure=failure))
    found.write_state(states)
    return found


def test_the_report_keeps_the_public_keys_and_names_every_member(directory: FleetDir):
    document = json.loads(write_fleet_report(directory, fleet_report(directory))[0].read_text())
    assert next(iter(document)) == "schema_version"
    assert [(one["Schema"], one["DatabaseIdentifier"], one["Status"]) for one in document["Detail"]] == [
        ("public", "shop", "COMPLETE"), ("public", "billing", "COMPLETE"), ("HR", "X", "ERROR"),
    ]  # fmt: skip
    for one in document["Detail"]:
        assert (one["Status"] == "COMPLETE") == bool(one["ReportPath"])
        assert (directory.path / one["ReportPath"]).exists()
    assert all(isinstance(note, str) for note in document["Notes"])
    assert "1 database of 3" in document["Notes"][0]
    assert document["totals"]["issues_by_level"] == {"LEVEL_3": 2, "LEVEL_1": 2}
    assert [one["name"] for one in document["databases"]] == ["shop", "billing"]
    assert document["issues"][0]["databases"] == {"shop": 1, "billing": 1}
    assert [one["name"] for one in document["not_assessed"]] == ["broken"]


class _Page(HTMLParser):
    """What a browser would load or run, and where links go."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key == "href":
                self.links.append(value or "")
            elif key in {"src", "srcset", "data", "action", "style"}:
                self.loads.append((tag, key))
            elif key.startswith("on"):
                self.handlers.append(key)


def test_the_page_loads_and_runs_nothing_whatever_the_names_are(directory: FleetDir):
    text = render_fleet(fleet_report(directory))
    page = _Page()
    page.feed(text)
    assert (page.loads, page.handlers) == ([], [])
    assert not {"script", "img", "iframe", "link", "object"} & set(page.tags)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    assert "url(" not in text
    assert page.tags.count("svg") >= 4


def test_the_page_leads_to_the_pages_of_the_members_and_to_its_own_sections(directory: FleetDir):
    text = render_fleet(fleet_report(directory))
    page = _Page()
    page.feed(text)
    assert "shop/reports/migration_assessment_report.html" in page.links
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert {link[1:] for link in page.links if link.startswith("#")} <= ids
    assert "Refused" in text


def test_a_report_on_nothing_but_failures_can_be_made(directory: FleetDir):
    directory.write_state([state for state in directory.read_state() if state.status == ERROR])
    found = fleet_report(directory)
    assert found.totals.assessed == 0
    assert "No database has been assessed" in render_fleet(found)
    assert report_document(found)["databases"] == []


def test_only_the_members_that_were_named_are_compared_and_an_unknown_one_is_refused(directory: FleetDir):
    assert [row.name for row in fleet_report(directory, ["billing"]).comparison.rows] == ["billing"]
    with pytest.raises(UsageError, match="nobody is no member"):
        fleet_report(directory, ["nobody"])


def test_a_member_whose_report_is_damaged_is_left_out_and_named(directory: FleetDir):
    directory.report_of("shop").write_text("{")
    found = fleet_report(directory)
    assert [row.name for row in found.comparison.rows] == ["billing"]
    assert [one.name for one in found.left_out] == ["shop", "broken"]
    assert "is not JSON" in found.left_out[0].reason


def test_notes_tell_of_different_releases_and_of_partial_assessments():
    one = assessed("x", target_version="2024.2.0.0", Missing=[{"what": "w", "reason": "r"}])
    comparison = compare([one, assessed("y")], nothing)
    loaded = Loaded((), (), ())
    found = FleetReport(loaded, comparison, totals(comparison, []), "", {})
    assert any("different releases: 2024.2.0.0, 2025.2.3.0" in note for note in found.notes)
    assert any("1 database could be looked at only in part" in note for note in found.notes)


def test_numbers_that_are_the_least_are_called_so_in_every_output():
    found_in_part = assessed("x", issues=[("I", 3)], Reservation="These are the least.")
    comparison = compare([found_in_part, assessed("y", issues=[("I", 1), ("J", 1)])], nothing)
    states = (found_in_part.state, replace(found_in_part.state, name="y"))
    found = FleetReport(
        Loaded(states, (), ()), comparison, totals(comparison, [COMPLETE] * 2), "", {"x": "x.json", "y": "y.json"}
    )
    assert (found.totals.least, found.totals.issues) == (1, 3)
    (note,) = [note for note in found.notes if "the least" in note]
    shown = StringIO()
    canvas = Canvas.on(shown, color=False)
    canvas.print(*report_view(found, [], canvas))
    text = shown.getvalue()
    assert "Issues: at least 3" in text
    assert re.findall(r"^([xy]) .*?(?:LOW)\D*(\S+)", text, re.MULTILINE) == [("x", "1+"), ("y", "2")]
    assert note in " ".join(text.split())
    page = render_fleet(found)
    assert "at least 1<" in page
    assert "at least 2<" not in page
    assert note in page
    assert [row["reservation"] for row in report_document(found)["databases"]] == ["These are the least.", ""]


def test_what_a_server_said_and_what_to_do_are_two_sentences(directory: FleetDir):
    failed = replace(directory.read_state()[0], status=ERROR, failure=Failure("No such thing", "Look there.", (), 3))
    directory.write_state([failed])
    (left_out,) = fleet_report(directory).left_out
    assert left_out.reason == "No such thing. Look there."


def test_a_directory_without_a_fleet_is_told(tmp_path: Path):
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match="fleet"):
            fleet_report(FleetDir(place))


def test_a_state_of_a_later_version_is_refused(directory: FleetDir):
    directory.state_path.write_text('{"schema_version": 99, "members": []}')
    with pytest.raises(UsageError, match="later version"):
        directory.read_state()


def test_a_member_keeps_its_history_only_as_long_as_it_is_the_same_database():
    state = MemberState("a", "postgresql", "u", "d", identity="1", status=COMPLETE, attempts=3)
    fresh = MemberState("a", "postgresql", "u", "d", identity="1", labels={"x": "y"})
    assert (fresh.follows(state).attempts, fresh.follows(state).labels) == (3, {"x": "y"})
    assert replace(fresh, identity="2").follows(state).attempts == 0
