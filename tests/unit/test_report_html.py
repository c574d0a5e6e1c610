"""The page of a report: whole without network or script, safe against hostile names, usable when it is large."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest

from tests.assessed_shop import HOSTILE, finding, foreign, hostile, shop, table
from voyager.assessment.assessment import Assessment, Complexity
from voyager.assessment.html.filters import LONGEST, linked, sql_limit, sql_text
from voyager.assessment.html.page import PLACES_SHOWN, render_html
from voyager.assessment.report_json import report_document
from voyager.assessment.sizing import Sizing
from voyager.identifiers import visible
from voyager.pages.page import visible_text

VOID = {"meta", "input", "br", "wbr", "link", "img", "hr"}
CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text with where it stands."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self.unclosed: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self._open)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def with_class(self, tag: str, name: str) -> list[dict[str, str | None]]:
        return [one for one in self.all(tag) if name in (one.get("class") or "").split()]

    def inside(self, tag: str) -> str:
        return "".join(text for text, path in self.texts if tag in path)

    @property
    def words(self) -> str:
        """What a reader sees, line breaks of the markup as blanks."""
        return re.sub(r"\s+", " ", "".join(text for text, path in self.texts if not {"script", "style"} & set(path)))


def page(assessment: Assessment) -> Page:
    return Page(render_html(report_document(assessment)))


@pytest.fixture(scope="module")
def shown() -> Page:
    return page(shop())


@pytest.fixture(scope="module")
def attacked() -> Page:
    return page(hostile())


def once(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_every_element_is_closed_and_every_id_is_there_once(shown: Page, attacked: Page):
    for one in (shown, attacked):
        assert one.unclosed == []
        ids = [attributes["id"] for _, attributes, _ in one.elements if "id" in attributes]
        assert [name for name, times in Counter(ids).items() if times > 1] == []


def test_nothing_is_loaded_from_anywhere(shown: Page, attacked: Page):
    for one in (shown, attacked):
        loading = {"src", "srcset", "data", "background", "poster", "action", "formaction", "xlink:href", "ping"}
        assert [
            (tag, loading & set(attributes)) for tag, attributes, _ in one.elements if loading & set(attributes)
        ] == []
        assert {tag for tag, _, _ in one.elements} & {
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "use",
        } == set()
        style = one.inside("style")
        assert not re.search(r"url\(|@import|@font-face", style)


def test_links_go_to_the_page_itself_or_to_the_web(shown: Page, attacked: Page):
    for one in (shown, attacked):
        targets = [link["href"] or "" for link in one.all("a")]
        ids = {attributes.get("id") for _, attributes, _ in one.elements}
        assert [target for target in targets if not target.startswith(("#", "https://", "http://"))] == []
        assert [target for target in targets if target.startswith("#") and target[1:] not in ids] == []
    assert any("known-issues" in (link["href"] or "") for link in shown.all("a"))


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(shown: Page):
    position, policy = next(
        (number, attributes["content"] or "")
        for number, (tag, attributes, _) in enumerate(shown.elements)
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert all(number > position for number, (tag, _, _) in enumerate(shown.elements) if tag in {"style", "script"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(shown.inside(tag).encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert set(rules.values()) == {"'none'"}


def test_a_hostile_name_stays_text(attacked: Page):
    assert len(attacked.all("script")) == len(attacked.all("style")) == 1
    handlers = [name for _, attributes, _ in attacked.elements for name in attributes if name.startswith("on")]
    assert handlers == []
    assert [attributes for _, attributes, _ in attacked.elements if "style" in attributes] == []
    for name in HOSTILE:
        assert once(visible(name)) in attacked.words, name
    assert "{{ 7 * 7 }}" in attacked.words


def test_no_character_of_the_page_can_hide_or_turn_another(attacked: Page):
    texts = [text for text, _ in attacked.texts] + [
        value for _, attributes, _ in attacked.elements for value in attributes.values() if value
    ]
    found = {character for text in texts for character in text if unicodedata.category(character) in CONTROL}
    assert found <= {"\n"}
    assert "\\u202egnp.exe" in attacked.words


def test_every_issue_is_there_with_object_statement_advice_and_place(shown: Page):
    for one in shop().findings:
        for text in (one.object_name, one.statement, one.says, one.advice, one.name, one.issue_id):
            assert once(text) in shown.words, text
        if one.file:
            assert f"{one.file}:{one.line}" in shown.words
    assert len(re.findall(r"\brefused by the target\b", shown.words)) == len(
        {(one.category, one.issue_id) for one in shop().findings if one.blocking}
    )


def test_fixed_versions_are_named_with_their_maturity(shown: Page):
    assert "GA 2025.1 from 2025.1.0.0" in shown.words
    assert "EA 2025.2 from 2025.2.2.0 (early access)" in shown.words
    assert "TP 2025.2 from 2025.2.1.0 (tech preview)" in shown.words


def test_the_use_of_objects_and_the_details_are_shown(shown: Page):
    assert "frequent use" in shown.words
    assert [text for text, path in shown.texts if path[-1:] == ("dt",)].count("Foreign key column names") == 4
    assert "CREATE INDEX payments_customer_id_idx ON billing.payments (customer_id);" in shown.words


def test_every_table_and_index_is_there(shown: Page):
    for one in shop().statistics:
        assert one.qualified in shown.words


def test_the_summary_says_how_hard_how_large_and_how_long(shown: Page):
    assessed = shop()
    assert assessed.complexity.level in shown.words
    assert assessed.complexity.explanation in shown.words
    assert "14.5 person-days" in shown.words
    assert f"{assessed.sizing.nodes} nodes × {assessed.sizing.vcpus_per_node} vCPU" in shown.words
    for step in assessed.sizing.steps:
        assert once(step) in shown.words


def test_what_could_not_be_looked_at_comes_before_the_findings_with_its_sql(shown: Page):
    ids = [attributes["id"] for tag, attributes, _ in shown.elements if tag == "section"]
    assert ids.index("missing") < ids.index("issues")
    for one in shop().missing:
        assert one.what in shown.words
        assert one.weakens in shown.words
        assert once(one.sql) in shown.words


def test_a_complete_assessment_has_no_part_that_was_not_looked_at():
    whole = page(replace(shop(), missing=()))
    assert "Not looked at" not in whole.words


def test_reads_by_node_are_drawn_only_when_there_are_replicas(shown: Page):
    alone = replace(shop(), statistics=tuple(replace(one, reads_by_node={}) for one in shop().statistics))
    assert "Reads by node" in shown.words
    assert "replica-2" in shown.words
    assert "Reads by node" not in page(alone).words


def test_redundant_and_range_indexes_are_shown_with_what_would_be_dropped(shown: Page):
    (one,) = shop().redundant_indexes
    for text in (one.index, one.ddl, one.existing, one.existing_ddl, "billing.invoices_due"):
        assert text in shown.words


def test_an_empty_database_has_a_page_that_says_so():
    nothing = replace(
        shop(), complexity=Complexity("LOW", "Nothing was found."), objects=(), findings=(), statistics=(),
        sizing=Sizing(failure="There is no table."), notes=(), missing=(), redundant_indexes=(), range_indexes=(),
        facts={},
    )  # fmt: skip
    empty = page(nothing)
    for sentence in ("Nothing was found that YugabyteDB", "There is no table.", "No objects were found", "No sizes"):
        assert sentence in empty.words


def test_a_report_of_another_tool_is_shown():
    other = Page(render_html(foreign()))
    for text in ("library", "public.books.summary", "The type xml is not there.", "BOOKS.PRICE", "Not rated",
                 "A note that is text alone.", "3 nodes × 4 vCPU"):  # fmt: skip
        assert text in other.words


def test_the_same_document_gives_the_same_page():
    document = report_document(shop())
    assert render_html(document) == render_html(document)


def test_every_control_has_a_name_and_every_table_headers_with_a_scope(shown: Page):
    unnamed = [
        attributes
        for tag, attributes, path in shown.elements
        if tag in {"input", "select"} and "label" not in path and not attributes.get("aria-label")
    ]
    assert unnamed == []
    assert [one for one in shown.all("th") if one.get("scope") not in {"col", "row"}] == []
    assert shown.all("html")[0]["lang"] == "en"
    pictures = shown.all("svg")
    assert pictures
    assert [one for one in pictures if not one.get("aria-label") and one.get("aria-hidden") != "true"] == []


def test_headings_go_down_one_step_at_a_time(shown: Page):
    levels = [int(tag[1]) for tag, _, _ in shown.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_an_impact_is_told_by_sign_and_word_not_by_colour_alone(shown: Page):
    badges = [text for text, path in shown.texts if path[-1:] == ("span",) and text in "▲◆●"]
    assert {"▲", "◆", "●"} <= set(badges)
    assert all(f"Level {number}" in shown.words for number in (1, 2, 3))


def test_without_a_script_everything_is_there_and_only_the_filters_are_not(shown: Page):
    hidden = [attributes for _, attributes, _ in shown.elements if "hidden" in attributes]
    assert {one.get("id") for one in hidden} <= {"filter-nothing", "tables-all"}
    assert ".scripted { display: none; }" in shown.inside("style")
    forms = shown.all("form")
    assert forms
    assert all("scripted" in (form.get("class") or "") for form in forms)


def test_on_paper_everything_is_unfolded(shown: Page):
    (rules,) = re.findall(r"@media print \{(.*)\}\s*$", shown.inside("style"), re.S)
    assert re.search(r"details::details-content \{[^}]*content-visibility: visible", rules)
    assert "beforeprint" in shown.inside("script")


def test_a_long_list_of_objects_folds_and_loses_none():
    many = [finding("X", object_name=f"public.table_{number:04}") for number in range(PLACES_SHOWN + 60)]
    folded = page(replace(shop(), findings=tuple(many)))
    assert len(folded.with_class("details", "more")) == 1
    assert "and 60 more" in folded.words
    assert all(one.object_name in folded.words for one in many)


def test_a_large_report_stays_small_enough_to_open():
    columns = ",\n    ".join(f"column_{number} character varying(200) NOT NULL" for number in range(20))
    names = [f"s{number % 5}.table_{number}" for number in range(2_000)]
    findings = tuple(
        finding(
            f"TYPE_{number % 40}", object_name=names[number % 2_000], line=number, object_usage="RARE",
            statement=f"CREATE TABLE {names[number % 2_000]} (\n    {columns}\n);", details={"ColumnName": "column_1"},
        )
        for number in range(5_000)
    )  # fmt: skip
    statistics = tuple(part for name in names for part in table(name, indexes=2))
    large = replace(shop(), findings=findings, statistics=statistics, sizing=Sizing(failure="none"))
    html = render_html(report_document(large))
    assert len(html.encode()) < 6_000_000
    assert html.count("<tr") > 6_000
    assert "statements are cut after" in html
    assert all(f"{name}</code>" in html for name in names)


def test_statements_share_the_room_there_is():
    assert sql_limit(["x" * 10_000] * 10) == LONGEST
    assert 100 < sql_limit(["x" * 10_000] * 5_000) < 1_000
    assert sql_limit([]) == LONGEST


def test_a_cut_statement_says_how_much_is_left_out():
    assert sql_text("x" * 1_000, limit=100).shown == "x" * 100 + " … and 900 more"
    assert sql_text("x" * 110, limit=100).shown == "x" * 110, "so little is not worth the cut"


def test_line_breaks_of_a_statement_stay_and_other_control_characters_show():
    assert visible_text("a\r\n\tb\x07\u202e") == "a\n\tb\\x07\\u202e"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://a.example/x?y=1&z=2.", ["https://a.example/x?y=1&amp;z=2"]),
        ("(http://a.example/) and javascript:alert(1)", ["http://a.example/"]),
        ('<a href="https://a.example">', ["https://a.example"]),
        ("https://", []),
    ],
)
def test_addresses_in_notes_become_links_and_nothing_else_does(text: str, links: list[str]):
    made = str(linked(text))
    assert re.findall(r'<a href="([^"]*)"', made) == links
    assert "<a href" not in made.replace('<a href="', "", len(links))


def _variables(style: str) -> Iterable[dict[str, str]]:
    """The colours of the light, the dark and the printed page."""
    light: dict[str, str] = {}
    for block in re.findall(r":root \{(.*?)\}", style, re.S):
        light = light | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block))
        yield light


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "sheet", "sunk")),
    ("ink", "code"), ("ink", "warn"), ("good", "sheet"), ("good", "good-soft"), ("ink", "good-soft"),
    *((f"level-{level}", ground) for level in range(4) for ground in (f"soft-{level}", "sheet")),
    ("top-ink", "top"), ("top-soft", "top"),
]  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_stands_out_from_its_ground(theme: str):
    style = resources.files("voyager.pages").joinpath("report.css").read_text()
    light, dark, paper = _variables(style)
    colours = {"light": light, "dark": dark, "print": paper}[theme]
    weak = {(ink, ground): _contrast(colours[ink], colours[ground]) for ink, ground in PAIRS}
    assert {pair: round(ratio, 2) for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_notes_of_a_kind_stand_together_general_ones_first(shown: Page):
    titles = [once(text) for text, path in shown.texts if path[-1:] == ("h3",) and once(text)]
    kinds: list[Any] = [
        text for text in titles if text in {"In general", "On colocated and sharded tables", "On the sizing"}
    ]
    assert kinds == ["In general", "On colocated and sharded tables", "On the sizing"]
