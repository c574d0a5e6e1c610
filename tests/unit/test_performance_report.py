"""The report of a comparison: its keys, and a page that shows hostile texts and loads nothing."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from voyager.cli.performance import refuse_other_engines
from voyager.cli.render.canvas import Canvas
from voyager.cli.render.performance import comparison_panel
from voyager.errors import BlockersFound
from voyager.export_dir import ExportDir
from voyager.performance.compare import Comparison, compare
from voyager.performance.page import MOST_ROWS, milliseconds, percent, render_performance, times
from voyager.performance.report import report_document, write_reports
from voyager.performance.usage import Entry, Sample, Usage

HOSTILE = (
    'SELECT "</pre><script>alert(1)</script>", "\x1b[2J", "\u202eevil" FROM "<img src=x onerror=y>" WHERE "a&b" = $1'
)


def entry(text: str, calls: int, mean: float) -> Entry:
    return Entry(text, Usage(calls, calls * 2, calls * mean, mean / 2, mean * 3, mean / 4))


def comparison(*more: Entry) -> Comparison:
    source = [
        entry("SELECT a FROM slow WHERE id = $1", 1000, 1.0), entry("SELECT a FROM fast", 10, 4.0),
        entry("SELECT a FROM equal", 10, 4.0), entry("SELECT a FROM rare", 1, 4.0), entry("SELECT a FROM gone", 7, 1.0),
        *more,
    ]  # fmt: skip
    target = [
        entry("SELECT a FROM slow WHERE id = 'secret'", 500, 12.5), entry("SELECT a FROM fast", 10, 1.0),
        entry("SELECT a FROM equal", 10, 4.1), entry("SELECT a FROM rare", 1, 8.0), entry("SELECT a FROM new", 7, 1.0),
        entry("SELECT b FROMM cut WHERE c = 'sec", 7, 1.0),
        *(Entry(one.text, Usage(one.usage.calls, 1, one.usage.total_ms * 50, 1, 1, 1)) for one in more),
    ]  # fmt: skip
    before = Sample(
        "assessment", "postgresql://db1/shop", "15.4", "2026-01-02T03:04:05Z", tuple(source), nodes=("primary", "r1")
    )
    after = Sample(
        kind="live",
        place="yugabytedb://yb1/shop",
        version="15.12",
        read_at="2026-02-02T03:04:05Z",
        entries=tuple(target),
        since="2026-02-01T00:00:00Z",
        hidden=3,
        role='me"',
        notes=("Only <one> node was asked.",),
    )
    return compare(before, after)


def document(*more: Entry) -> dict[str, Any]:
    made = datetime(2026, 2, 2, 3, 4, 5, tzinfo=UTC)
    return report_document(comparison(*more), migration={"name": "shop <b>", "uuid": "1-2"}, made_at=made)


def test_the_document_has_these_keys_and_figures() -> None:
    found = document()
    assert list(found) == [
        "schema_version", "voyager_version", "made_at", "migration", "settings", "source", "target", "summary",
        "top_regressions", "queries", "notes",
    ]  # fmt: skip
    assert found["made_at"] == "2026-02-02T03:04:05Z"
    assert found["settings"] == {"threshold": 1.2, "min_calls": 5}
    assert found["source"] == {
        "kind": "assessment", "place": "postgresql://db1/shop", "version": "15.4", "nodes": ["primary", "r1"],
        "counting_since": None, "read_at": "2026-01-02T03:04:05Z", "queries": 5, "calls": 1028, "total_ms": 1091.0,
        "left_out": {"own": 0, "system": 0, "administration": 0}, "hidden": 0,
    }  # fmt: skip
    assert found["summary"]["matched"] == 4
    assert found["summary"]["verdicts"] == {
        "slower": 1, "faster": 1, "same": 1, "too_few_calls": 1, "only_in_source": 1, "only_in_target": 2
    }  # fmt: skip
    worst = found["queries"][0]
    assert found["top_regressions"] == [worst["id"]]
    assert {key: worst[key] for key in ("verdict", "query", "parsed", "ratio", "added_per_call_ms", "added_ms")} == {
        "verdict": "slower", "query": "SELECT a FROM slow WHERE id = $1", "parsed": True, "ratio": 12.5,
        "added_per_call_ms": 11.5, "added_ms": 11500.0,
    }  # fmt: skip
    assert worst["source"] == {
        "calls": 1000, "rows": 2000, "mean_ms": 1.0, "min_ms": 0.5, "max_ms": 3.0, "stddev_ms": 0.25,
        "total_ms": 1000.0, "share": pytest.approx(1000 / 1091, abs=1e-6),
    }  # fmt: skip
    gone = next(one for one in found["queries"] if one["query"] == "SELECT a FROM gone")
    assert (gone["target"], gone["ratio"], gone["added_ms"]) == (None, None, None)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert "sec" not in json.dumps(found["queries"])
    assert 'GRANT pg_read_all_stats TO "me""";' in " ".join(found["notes"])
    assert any(note.startswith("1 text cannot be parsed") for note in found["notes"])


class _Page(HTMLParser):
    """The elements of a page with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_hostile_text_is_only_a_text() -> None:
    page = _Page(render_performance(document(entry(HOSTILE, 100, 30.0))))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "link", "form"}
    assert "</pre><script>alert(1)</script>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert not [attributes for _, attributes in page.elements if any(name.startswith("on") for name in attributes)]
    assert "shop <b>" in page.text
    assert "Only <one> node was asked." in page.text


def test_the_page_loads_nothing_and_every_place_it_leads_to_is_in_it() -> None:
    page = _Page(render_performance(document(*(entry(f"SELECT a FROM t{i}", 50, 1.0) for i in range(40)))))
    ids = {attributes.get("id") for _, attributes in page.elements}
    targets = [attributes["href"] or "" for tag, attributes in page.elements if tag == "a"]
    assert targets
    assert {target.removeprefix("#") for target in targets} <= ids
    assert all(target.startswith("#") for target in targets)
    assert not [attributes for _, attributes in page.elements if "src" in attributes or "style" in attributes]
    policy = next(one["content"] for tag, one in page.elements if tag == "meta" and "http-equiv" in one)
    assert (policy or "").startswith("default-src 'none'")


def test_every_query_is_drawn_with_both_sides_and_the_charts_name_the_worst() -> None:
    page = render_performance(document())
    assert page.count('<tr id="q-') == 7
    assert page.count("<svg") == 1 + 2 + 1 + 2  # the ring, time of both sides, time added, means of both sides
    assert "12.5×" in page
    assert "11.5 s" in page


def test_a_page_of_very_many_queries_still_opens() -> None:
    values = ", ".join(f"${j}" for j in range(1, 300))
    many = [entry(f"SELECT a FROM t{i} WHERE b IN ({values})", 50, 1.0) for i in range(1_000)]
    page = render_performance(document(*many))
    assert len(page) < 2_000_000
    assert f"… and {1_001 - MOST_ROWS:,} more in performance_report.json." in page


def test_without_anything_judged_the_page_says_so() -> None:
    few = compare(*(Sample("live", "x", "1", "", (entry("SELECT a FROM t", 1, 1.0),)) for _ in range(2)))
    found = report_document(few, migration={"name": "m", "uuid": "u"}, made_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "No query ran often enough on both sides" in render_performance(found)


def test_the_files_replace_those_of_before(tmp_path: Path) -> None:
    directory = ExportDir(tmp_path / "export")
    directory.create()
    first = write_reports(document(), directory)
    again = write_reports(document(entry(HOSTILE, 9, 1.0)), directory)
    assert first == again == tuple(directory.reports / f"performance_report.{kind}" for kind in ("json", "html"))
    assert len(json.loads(again[0].read_text("utf-8"))["queries"]) == 8


def test_the_terminal_shows_the_worst_and_no_control_characters(tmp_path: Path) -> None:
    out = io.StringIO()
    canvas = Canvas.on(out, color=False)
    canvas.print(
        *comparison_panel(document(entry(HOSTILE, 100, 30.0)), (tmp_path / "performance_report.json",), canvas)
    )
    shown = out.getvalue()
    assert re.search(r"SELECT a FROM slow WHERE id = \$1 +│ +1,000 +│ +1 ms +│ +12.5 ms +│ +12.5× +│ +11.5 s", shown)
    assert "\x1b" not in shown
    assert "2 slower, 1 faster, 1 the same, 1 with too few calls to judge" in shown
    assert "performance_report.json" in shown


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0, "0 ms"), (0.0344, "0.034 ms"), (1.5, "1.5 ms"), (999.6, "1,000 ms"), (1_500, "1.5 s"),
     (90_000, "1.5 min"), (7_200_000, "2 h"), (-12.34, "−12.34 ms")],
)  # fmt: skip
def test_times_are_written_for_people(value: float | None, words: str) -> None:
    assert milliseconds(value) == words


def test_ratios_and_shares_are_written_for_people() -> None:
    assert [times(one) for one in (None, 0.25, 1.0, 12.345, 1234.5)] == ["–", "0.25×", "1×", "12.35×", "1,234×"]
    assert [percent(one) for one in (None, 0.0, 0.0005, 0.005, 0.5, 1.0)] == [
        "–", "0 %", "<0.1 %", "0.5 %", "50 %", "100 %"
    ]  # fmt: skip


def test_a_source_without_such_statistics_is_refused() -> None:
    for engine in ("mysql", "oracle", "yugabytedb"):
        with pytest.raises(BlockersFound, match=f"source of type {engine} cannot be compared"):
            refuse_other_engines(engine)
    refuse_other_engines("postgresql")
