"""The report of a verification: what it covers, what it says, and a page that holds all it needs and obeys no name."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from voyager.errors import UsageError
from voyager.identifiers import TableName
from voyager.phases.comparison.options import change, seconds, share
from voyager.phases.comparison.outcome import outcome
from voyager.ports import WriteCounter
from voyager.verification.findings import Difference, Found, RowDifference, TableResult
from voyager.verification.page import MOST_ROWS, render_html
from voyager.verification.point import counted_from, written_between
from voyager.verification.report import Extent, Result, coverage, document

A, B = TableName("public", "a"), TableName("public", "b")
HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\"'&"
END = {"at": "2026-11-22T10:00:00Z", "position": "0/1A2B", "snapshot": "7:7:"}


def table(name: TableName = A, **changes: Any) -> TableResult:
    made = TableResult(name, "equal", 1000, 1000, chunks=4, chunks_different=0, chunks_compared=4, seconds=1.25)
    return replace(made, **changes)


def result(found: Found | None = None, **changes: Any) -> Result:
    values: dict[str, Any] = {
        "migration": "shop",
        "source": "postgresql://reader@db1:5432/shop",
        "target": "yugabytedb://me@yb1:5433/shop",
        "extent": Extent("checksum", {A: 900, B: 10}),
        "found": found or Found("hash64", tables=[table(), table(B, source_rows=10, target_rows=10, chunks=1)]),
        "point": {"declared_at": "2026-11-22T10:00:00Z", "source": END, "target": END},
        "not_compared": [{"kind": "large objects", "name": "shop", "reason": "large objects are not copied"}],
        "schema": None,
        "counters": {A: WriteCounter(7, "x"), B: WriteCounter(0, "y")},
        "target_counters": None,
        "started_at": "2026-11-22T10:00:00Z",
        "at": "2026-11-22T10:05:00Z",
    }
    return Result(**{**values, **changes})


def differing(rows: int = 2, *, values: bool = False, name: str = "note") -> Found:
    named = tuple(
        RowDifference((("id", str(n)),), "different", (name,), ((name, "old", None),) if values else None)
        for n in range(rows)
    )
    difference = Difference(
        "rows", str(A), f"Table {A}: {rows + 5} rows differ.", source_rows=1000, target_rows=1000,
        counts={"different": rows + 5}, rows=named, ranges=("id >= 0",),
    )  # fmt: skip
    return Found("hash64", tables=[table(state="different", counts={"different": rows + 5})], differences=[difference])


# Coverage


def test_all_tables_whole_are_all_of_it() -> None:
    found = coverage(Extent("checksum", {A: 900, B: 10}), [table(), table(B, source_rows=10)])
    assert found == {
        "tables": {"compared": 2, "whole": 2, "of": 2},
        "rows": {"compared": 1010, "of": 1010},
        "share": 100.0,
        "short": [],
    }


def test_a_migration_without_tables_is_covered() -> None:
    assert coverage(Extent("checksum", {}), [])["share"] == 100.0


def part(rows: int, known: int, **changes: Any) -> TableResult:
    return table(source_rows=rows, target_rows=rows, rows_known=known, chunks_compared=1, chunks_wanted=1, **changes)


SINCE = Extent("checksum", {A: 4000, B: 1000}, since="at >= 2026-01-01", since_tables=frozenset({A}))


@pytest.mark.parametrize(
    ("extent", "results", "share_of", "whole", "says"),
    [
        (Extent("counts", {A: 1}), [table()], 0.0, 0, "only counted rows"),
        (Extent("schema", {A: 1}), [], 0.0, 0, "compared no rows"),
        (Extent("rows", {A: 1, B: 1000}), [table()], 50.0, 1, "left 1 of 2 tables out"),
        # Rows weigh, not tables: neither a large table that was left out nor a small one counts for half.
        (Extent("rows", {A: 1, B: 450_000}), [table()], 0.221729, 1, "left 1 of 2 tables out"),
        (Extent("rows", {A: 1, B: 5}), [table()], 99.502487, 1, "left 1 of 2 tables out"),
        (Extent("rows", {A: 1, B: 0}), [table()], 99.999999, 1, "left 1 of 2 tables out"),
        (Extent("rows", {A: 0, B: 0}), [table(source_rows=0, target_rows=0)], 0.0, 1, "left 1 of 2 tables out"),
        (Extent("checksum", {A: 4000}, sample=0.2), [part(1000, 4000)], 25.0, 0, "a sample of 20 % of the chunks"),
        # The source has more rows than the migration knew of, and still not all were read.
        (Extent("checksum", {A: 500}, sample=0.2), [part(1000, 500)], 99.999999, 0, "a sample of 20 %"),
        (Extent("checksum", {A: 9}, sample=0.2), [part(0, 9, state="unread")], 0.0, 0, "met no row of 1 table"),
        (SINCE, [table(since=True, rows_known=4000), table(B)], 40.0, 1, "only rows with at >= 2026-01-01 in 1 table"),
        (SINCE, [table(since=True, rows_known=1), table(B)], 99.999999, 1, "only rows with at"),
    ],
)  # fmt: skip
def test_what_is_not_compared_whole_does_not_count_as_whole_and_is_said(
    extent: Extent, results: list[TableResult], share_of: float, whole: int, says: str
) -> None:
    found = coverage(extent, results)
    assert found["share"] == share_of
    assert found["tables"]["whole"] == whole
    assert says in " and ".join(found["short"])


def test_a_thousand_tables_of_which_one_lacks_a_chunk_are_not_rounded_up_to_all() -> None:
    names = [TableName("public", f"t{n}") for n in range(1000)]
    results = [table(name, chunks=100_000, chunks_compared=100_000) for name in names[1:]]
    results.append(table(names[0], chunks=100_000, chunks_compared=99_999))
    assert coverage(Extent("checksum", dict.fromkeys(names, 1)), results)["share"] < 100.0


def test_four_large_rows_of_a_table_that_was_left_out_are_said_although_they_are_nothing_in_percent() -> None:
    found = Found("hash64", tables=[table(source_rows=450_000)])
    body = document(result(found, extent=Extent("checksum", {A: 0, B: 4})))
    assert body["complete"] is False
    told = outcome(found, body, "/x/report.json").headline
    assert "covers 99.99 % of the migrated rows (1 of 2 tables whole): it left 1 of 2 tables out" in told
    assert "99.99 <small>%" in render_html(body)


def test_a_table_says_how_many_of_its_rows_were_read_and_is_not_compared_when_none_was() -> None:
    found = Found("hash64", tables=[part(250, 1000), part(0, 450_000, state="unread")])
    told = outcome(found, document(result(found, extent=Extent("checksum", {A: 1000}))), "/x/report.json")
    assert told.grid is not None
    assert [(row[1], row[2]) for row in told.grid.rows] == [("unread", "0 of 450,000"), ("equal", "250 of 1,000")]
    assert told.headline.startswith("1 table (250 rows) compared")


def test_rows_that_were_not_read_are_those_the_migration_or_the_catalog_knows_of() -> None:
    sampled = coverage(Extent("checksum", {A: 1000, B: 50}, sample=0.25), [part(250, 1000)])
    assert sampled["rows"] == {"compared": 250, "of": 1050}
    assert sampled["tables"] == {"compared": 1, "whole": 0, "of": 2}


# The document


def test_the_document_holds_plain_values_and_the_keys_that_are_promised() -> None:
    body = document(result(differing()))
    assert json.loads(json.dumps(body)) == body
    assert {
        "schema_version", "level", "clean", "complete", "coverage", "point", "forms", "tables", "differences", "notes",
        "not_compared", "repair", "started_at", "at",
    } <= body.keys()  # fmt: skip
    assert body["point"]["declared_at"] == "2026-11-22T10:00:00Z"
    assert body["counters"][0] == {"schema": "public", "table": "a", "writes": 7, "identity": "x"}
    assert body["target_counters"] is None
    assert (body["clean"], body["complete"]) == (False, False)
    assert any("Sequences" in note for note in body["notes"])


def test_intended_differences_leave_it_clean() -> None:
    intended = Difference("index", "public.i", "Index public.i is another.", "intended")
    found = Found("hash64", tables=[table(), table(B)], differences=[intended])
    body = document(result(found))
    assert (body["clean"], body["complete"]) == (True, True)
    told = outcome(found, body, "/x/report.json")
    assert told.problem is None
    assert told.summary["differences_total"] == 0
    assert any("intended or cosmetic" in line for line in told.details)


def test_the_terminal_gets_a_table_of_tables_and_the_first_keys_with_columns() -> None:
    found = differing(rows=9)
    told = outcome(found, document(result(found)), "/x/report.json")
    assert told.grid is not None
    assert [title for title, _ in told.grid.columns] == ["Table", "Result", "Rows", "In target", "Chunks", "Time"]
    assert told.grid.rows == (("public.a", "different", "1,000", "1,000", "4", "1.2 s"),)
    assert "(id=0) different: note" in told.details[0]
    assert "and 9 more" in told.details[0]
    assert told.problem is not None
    assert told.problem.exit_code == 3


def test_the_document_for_programs_names_what_the_report_names_within_a_bound() -> None:
    rounded = Difference("rows", "public.b", "Table public.b: 3 rows equal once rounded.", "cosmetic")
    found = differing(rows=2)
    found.differences.append(rounded)
    body = document(result(found, repair=["reports/repair/public.a.sql"]))
    more = outcome(found, body, "/x/report.json").more
    assert more["differences"] + more["expected"] == body["differences"]
    assert (more["results"], more["notes"], more["repair"]) == (body["tables"], body["notes"], body["repair"])
    many = Found("hash64", tables=[table() for _ in range(1500)], differences=differing(rows=2).differences * 1600)
    bounded = outcome(many, document(result(many)), "/x/report.json")
    assert len(bounded.more["differences"]) == len(bounded.more["results"]) == 1000
    assert bounded.summary["differences_total"] == 1600
    assert bounded.summary["tables"] == 1500
    assert len(bounded.summary["differences"]) == 20
    wide = differing(rows=2999)
    wide.differences += differing(rows=5).differences
    said = outcome(wide, document(result(wide)), "/x/report.json").more["differences"]
    assert [(len(one["rows"]), one["rows_not_named"]) for one in said] == [(2999, 5), (1, 9)]


# The page


class Page(HTMLParser):
    """The tags of a page, its text, and every address in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += f" {data} "


def page(**changes: Any) -> Page:
    return Page(render_html(document(result(**changes))))


def test_the_page_needs_nothing_from_elsewhere() -> None:
    shown = page(found=differing())
    assert all(address.startswith("#") for address in shown.addresses)
    assert "url(" not in shown.html
    assert "@import" not in shown.html
    assert "@media print" in shown.html


def test_the_pages_policy_admits_its_own_style_and_script_and_nothing_else() -> None:
    html = page().html
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy.replace("&#39;", "'")


def test_the_page_says_when_it_holds_what_it_covers_and_what_was_left_out() -> None:
    text = " ".join(page().text.split())
    assert "Nothing that was compared differs." in text
    assert "Holds as of 2026-11-22 10:00 UTC" in text
    assert "log position 0/1A2B" in text
    assert "Rows looked at 1,010 of 1,010" in text
    assert "large objects are not copied" in text
    assert "Writes since can be told source" in text


def test_names_and_values_from_a_database_are_text_and_nothing_more() -> None:
    name = TableName("public", HOSTILE)
    row = RowDifference(((HOSTILE, HOSTILE),), "different", (HOSTILE,), ((HOSTILE, HOSTILE, None),))
    found = Found(
        "hash64",
        tables=[table(name, state="different", counts={"different": 1}, note=HOSTILE, forms={HOSTILE: HOSTILE})],
        differences=[Difference("rows", str(name), HOSTILE, counts={"different": 1}, rows=(row,), ranges=(HOSTILE,))],
        notes=[HOSTILE],
    )
    left_out = [{"kind": HOSTILE, "name": HOSTILE, "reason": HOSTILE}]
    schema = {
        "objects": {"table": 1},
        "differences": [{"object": HOSTILE, "kind": HOSTILE, "class": "missing", "finding": HOSTILE, "why": HOSTILE}],
    }
    shown = page(found=found, migration=HOSTILE, not_compared=left_out, schema=schema, repair=[HOSTILE])
    assert shown.tags.count("script") == 1
    assert "<script>alert" not in shown.html
    assert "\u202e" not in shown.html
    assert "\x1b" not in shown.html
    assert "\\u202e\\x1b[2J" in shown.text


def test_values_are_in_the_page_only_when_they_are_in_the_document() -> None:
    assert "<th>Source</th>" not in page(found=differing()).html
    shown = page(found=differing(values=True))
    assert "<th>Source</th>" in shown.html
    assert "note: old" in " ".join(shown.text.split())
    assert "NULL" in shown.text


def test_a_page_names_no_more_rows_than_it_can_bear_and_says_so() -> None:
    shown = page(found=differing(rows=MOST_ROWS + 50))
    assert shown.html.count("<td>different</td>") == MOST_ROWS
    assert "55 rows more, not named here" in shown.text
    assert f"names {MOST_ROWS + 50:,}" in shown.text


def test_a_report_of_the_schema_alone_is_a_page_too() -> None:
    found = Found("schema", differences=[Difference("index", "public.i", "Index public.i is missing.", "missing")])
    schema = {"objects": {"table": 3, "index": 2}, "differences": []}
    text = " ".join(page(found=found, extent=Extent("schema", {A: 1}), schema=schema).text.split())
    assert "Compared: 3 tables, 2 indexes." in text
    assert "it compared no rows" in text
    assert "Index public.i is missing." in text


# The point


def test_counters_of_both_ends_change_when_either_end_is_written() -> None:
    here, there = {A: WriteCounter(1, "x")}, {A: WriteCounter(5, "y")}
    both = counted_from(here, there)
    assert both == counted_from(dict(here), dict(there))
    assert both != counted_from(here, {A: WriteCounter(6, "y")})
    assert both != counted_from({A: WriteCounter(2, "x")}, there)
    assert both != counted_from(here, {})
    assert counted_from(None, there) is None
    assert counted_from(here, None) == here


def test_tables_written_between_two_readings_are_named_where_it_can_be_told() -> None:
    before = {A: WriteCounter(1, "x"), B: WriteCounter(1, "x")}
    assert written_between(before, {A: WriteCounter(1, "x"), B: WriteCounter(2, "x")}) == [B]
    assert written_between(before, {A: WriteCounter(1, "x")}) == [B]
    assert written_between(before, None) == []


# What options mean


@pytest.mark.parametrize(("text", "fraction"), [("5%", 0.05), ("5", 0.05), (" 12.5 % ", 0.125), ("100%", 1.0)])
def test_a_sample_is_a_percentage(text: str, fraction: float) -> None:
    assert share(text) == pytest.approx(fraction)


@pytest.mark.parametrize("text", ["", "0%", "101%", "-5%", "five", "nan", "inf", "5%%"])
def test_a_sample_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sample"):
        share(text)


@pytest.mark.parametrize(
    ("text", "found"), [("90", 90), ("90s", 90), ("45m", 2700), ("2h30m", 9000), ("1 h 30 m", 5400), ("0.5s", 0.5)]
)
def test_a_duration_has_units_or_is_in_seconds(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "soon", "5 weeks", "h", "1h30"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "column", "value", "table"),
    [
        ("updated_at>=2026-11-01", "updated_at", "2026-11-01", ""),
        ("updated_at=2026-11-01 10:00+02", "updated_at", "2026-11-01 10:00+02", ""),
        (' "Changed ""at""" >= x=y', 'Changed "at"', "x=y", ""),
        ("id >= -5", "id", "-5", ""),
        ("orders.at>=5", "at", "5", "orders"),
        ('sales."Or.ders"."a>=b" >= c.d>=e', "a>=b", "c.d>=e", 'sales."Or.ders"'),
        (" sales . orders . at = 1", "at", "1", "sales . orders"),
    ],
)
def test_since_names_a_column_and_a_value_and_maybe_a_table(text: str, column: str, value: str, table: str) -> None:
    assert change(text) == (column, value, table)


@pytest.mark.parametrize("text", ["", "updated_at", "updated_at>=", ">=5", "a>5", "a<=5", '""=5'])
def test_since_without_a_column_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        change(text)
