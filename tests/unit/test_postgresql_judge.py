"""The judge of PostgreSQL where the source's catalog and the statements of its dump tell of the same things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voyager.assessment.assess import assess_metadata
from voyager.assessment.assessment import Missing, RedundantIndex
from voyager.assessment.html.page import render_html
from voyager.assessment.judges import judge
from voyager.assessment.metadata import Metadata
from voyager.assessment.report_json import report_document
from voyager.assessment.report_view import ReportView
from voyager.cli.render.assessment import findings_lines
from voyager.cli.viewer.prose import headline, overview
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.schema.recommendations import read_recommendations

CHAIN = """
CREATE TABLE s.t (a int, b int, j jsonb, v tsvector);
CREATE INDEX i1 ON s.t USING btree (a);
CREATE INDEX i2 ON s.t USING btree (a, b);
CREATE INDEX i3 ON s.t USING btree (a, b, j);
CREATE INDEX g1 ON s.t USING gin (v);
CREATE INDEX g2 ON s.t USING gin (v, j);
CREATE INDEX k1 ON s.t USING btree (b);
CREATE INDEX k2 ON s.t USING btree (b, a);
"""


def row(index: str, existing: str) -> dict[str, str]:
    """What the source's catalog answers on an index that another one makes superfluous."""
    redundant = {"redundant_schema_name": "s", "redundant_table_name": "t", "redundant_index_name": index}
    stays = {"existing_schema_name": "s", "existing_table_name": "t", "existing_index_name": existing}
    return {"source_node": "primary", **redundant, **stays, "redundant_ddl": index, "existing_ddl": existing}


def redundant(*rows: dict[str, str], collected: bool = True) -> tuple[RedundantIndex, ...]:
    tables = {"redundant_indexes": rows} if collected else {}
    metadata = Metadata("postgresql", "d", "17", schemas=("s",), ddl=CHAIN, tables=tables)
    return judge(metadata, target_version=LATEST_STABLE).redundant_indexes


def test_what_the_catalog_says_is_held_against_what_the_target_refuses() -> None:
    of_no_statement = row("u1", "u2")  # of a table that the role may not read, so that no dump has it
    found = redundant(row("i1", "i3"), row("i2", "i3"), row("g1", "g2"), row("k1", "k2"), of_no_statement)
    assert {one.index: one.existing for one in found} == {"s.i1": "s.i2", "s.k1": "s.k2"}
    assert found[0].existing_ddl == "CREATE INDEX i2 ON s.t USING btree (a, b)"


def test_without_the_catalogs_word_the_definitions_say_the_same() -> None:
    found = redundant(collected=False)
    assert {one.index: one.existing for one in found} == {"s.i1": "s.i2", "s.k1": "s.k2"}


TWINS = """
CREATE TABLE a."b.c" (x xml, y int, z int);
CREATE INDEX "i.j" ON a."b.c" USING btree (y);
CREATE INDEX k ON a."b.c" USING btree (y, z);
CREATE TABLE "a.b".c (x xml, y int, z int);
CREATE TABLE "a.i".t (y int, z int);
CREATE INDEX j ON "a.i".t USING btree (y);
CREATE INDEX k ON "a.i".t USING btree (y, z);
"""


def test_two_objects_of_one_name_are_told_apart_beside_it() -> None:
    tables = [("a", "b.c"), ("a.b", "c"), ("a.i", "t")]
    counted = tuple({"source_node": "primary", "schema_name": s, "table_name": t, "row_count": 9} for s, t in tables)
    columns = [(*tables[0], "x"), (*tables[1], "x"), ("a", "b.c.view", "x"), ("a.b", "c.view", "x")]
    typed = tuple(
        {"source_node": "primary", "schema_name": s, "table_name": t, "column_name": c, "data_type": "xml"}
        for s, t, c in columns
    )
    metadata = Metadata(
        "postgresql",
        "d",
        "17",
        schemas=("a", "a.b", "a.i"),
        ddl=TWINS,
        tables={"table_row_counts": counted, "table_columns_data_types": typed},
    )
    document = report_document(
        assess_metadata(metadata, target_version=LATEST_STABLE, now=datetime(2026, 11, 23, tzinfo=UTC))
    )
    named = [one for one in document["AssessmentIssues"] if one["ObjectType"] == "COLUMN"]
    assert [one["ObjectName"] for one in named] == ["a.b.c.x"] * 2 + ["a.b.c.view.x"] * 2
    assert [one["ObjectSqlName"] for one in named] == ['"a"."b.c"', '"a.b"."c"', '"a"."b.c.view"', '"a.b"."c.view"']
    assert [one["ObjectSchema"] for one in named] == ["a", "a.b", "a", "a.b"]
    superfluous = [one for one in document["AssessmentIssues"] if one["Type"] == "REDUNDANT_INDEXES"]
    assert [one["ObjectSqlName"] for one in superfluous] == ['"a"."i.j" ON "a"."b.c"', '"a.i"."j" ON "a.i"."t"']
    assert document["Sizing"]["SizingRecommendation"]["ShardedTables"].count("a.b.c") == 2
    assert {(one["schema"], one["name"]) for one in document["Placements"]} == set(tables)
    found = read_recommendations(document)
    assert set(found.sharded_keys) == set(tables)
    assert {(one.index, one.key) for one in found.redundant_indexes} == {
        ("a.i.j", ("a", "i.j")),
        ("a.i.j", ("a.i", "j")),
    }
    assert set(found.range_keys) == {("a", "i.j"), ("a", "k"), ("a.i", "j"), ("a.i", "k")}


@pytest.mark.parametrize("hides", [True, False])
def test_a_partial_assessment_says_beside_its_numbers_that_they_are_the_least(hides: bool) -> None:
    missing = (Missing("3 tables", "Role r may not read them.", hides_issues=hides), Missing("Writes", "None."))
    metadata = Metadata("postgresql", "d", "17", schemas=("s",), ddl=CHAIN, missing=missing)
    found = assess_metadata(metadata, target_version=LATEST_STABLE, now=datetime(2026, 11, 23, tzinfo=UTC))
    document = report_document(found)
    told = "The assessment is partial, and these numbers are the least; what may raise them: 3 tables."
    assert document["Reservation"] == (told if hides else "")
    assert document["MigrationComplexityExplanation"].endswith(f". {told}") is hides
    assert ("Notes" in document["SchemaSummary"]) is hides
    view = ReportView.of(document)
    counted = f"{'at least ' if hides else ''}{len(found.findings)}"
    screen = " ".join(overview(view).plain.split())
    assert f"Issues: {counted}" in screen
    assert (told in screen) is hides
    assert f"complexity, {counted} issue" in headline(view).plain
    assert {line.startswith("At least ") for line in findings_lines(found) if "unsupported" in line} == {hides}
    page = render_html(document)
    assert page.count(told) == (3 if hides else 0)
