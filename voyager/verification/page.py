"""The report of a verification as one HTML page that holds all it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

import voyager
from voyager.identifiers import TableName, visible
from voyager.pages import figures
from voyager.pages.charts import Segment, bar, ring
from voyager.pages.page import asset, environment, policy, style_sheet
from voyager.verification.gate import THOROUGH, shown_share
from voyager.verification.set_aside import REPLAY
from voyager.wording import counted

_HOME = "voyager.verification"
MOST_ROWS = 3_000
"""Rows that are named in one page; the JSON document has all that were named."""
MOST_TABLES = 5_000
LEVEL_MEANS: Mapping[str, str] = {
    "schema": "the definitions of all objects",
    "counts": "numbers of rows",
    "checksum": "every value, by checksums that the servers made",
    "rows": "every value, row by row",
}
_ROW_LOOKS: Mapping[str, str] = {
    "missing": "fill-3",
    "set_aside": "fill-2",
    "given_up": "fill-2",
    "extra": "fill-2",
    "different": "fill-1",
}
_CLASS_LEVELS: Mapping[str, int] = {"missing": 3, "different": 3, "set_aside": 2, "intended": 1, "cosmetic": 0}


def render_html(document: Mapping[str, Any]) -> str:
    """The page for a document that report.document() made."""
    templates = environment(_HOME)
    templates.filters |= {
        "name": lambda value: visible(str(value)),
        "words": lambda value: visible(str(value).replace("_", " ")),
        "count": figures.count,
        "moment": figures.moment,
        "counted": counted,
        "table_name": lambda one: str(TableName(one["schema"], one["table"])),
    }
    style, script = style_sheet() + asset(_HOME, "verification.css"), asset(_HOME, "verification.js")
    schema = document.get("schema") or {}
    return templates.get_template("verification.html").render(
        report=document,
        version=voyager.__version__,
        means=LEVEL_MEANS.get(document["level"], ""),
        class_levels=_CLASS_LEVELS,
        differences=_shortened(_withholding_first(document["differences"])),
        rows_named=sum(len(one.get("rows", ())) for one in document["differences"]),
        most_rows=MOST_ROWS,
        tables=_unequal_first(document["tables"])[:MOST_TABLES],
        most_tables=MOST_TABLES,
        set_aside=document.get("set_aside", ()),
        replay=REPLAY,
        schema=schema,
        schema_differences=schema.get("differences", ()),
        forms=_forms(document["forms"]),
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        **_drawings(document),
    )


def _drawings(document: Mapping[str, Any]) -> dict[str, Any]:
    tables = document["tables"]
    equal = sum(one["state"] == "equal" for one in tables)
    different = sum(one["state"] == "different" for one in tables)
    unread = sum(one["state"] == "unread" for one in tables)
    unfinished = len(tables) - equal - different - unread
    by_kind: dict[str, int] = {}
    for one in tables:
        for kind, number in one.get("counts", {}).items():
            by_kind[kind] = by_kind.get(kind, 0) + number
    covered = document["coverage"]
    share = covered["share"]
    return {
        "tables_ring": ring(
            [
                Segment(equal, "fill-good", f"equal: {equal:,}"),
                Segment(different, "fill-3", f"different: {different:,}"),
                Segment(unfinished, "fill-0", f"unfinished: {unfinished:,}"),
                Segment(unread, "fill-0", f"unread: {unread:,}"),
            ],
            caption=figures.count(len(tables)),
            under="table" if len(tables) == 1 else "tables",
        ),
        "equal": equal,
        "different": different,
        "unfinished": unfinished,
        "unread": unread,
        "covered": shown_share(share),
        "row_kinds": by_kind,
        "rows_bar": bar(
            [
                Segment(number, _ROW_LOOKS.get(kind, "fill-0"), f"{kind.replace('_', ' ')}: {number:,}")
                for kind, number in by_kind.items()
            ],
            whole=sum(by_kind.values()),
        ),
        "coverage_bar": bar([Segment(share, "fill-good", f"{shown_share(share)} % compared by value")], whole=100),
        "by_value": document["level"] in THOROUGH,
    }


def _withholding_first(differences: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(differences, key=lambda one: -_CLASS_LEVELS.get(one.get("class", "different"), 3))


def _shortened(differences: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As many named rows as a page can bear, over all tables."""
    left, found = MOST_ROWS, []
    for one in differences:
        rows = list(one.get("rows", ()))[:left]
        left -= len(rows)
        unnamed = one.get("rows_not_named", 0) + len(one.get("rows", ())) - len(rows)
        found.append(
            {
                "counts": {},
                "ranges": [],
                **one,
                "rows": rows,
                "unnamed": unnamed,
                "has_values": any("values" in row for row in rows),
            }
        )
    return found


def _unequal_first(tables: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(tables, key=lambda one: (one["state"] == "equal", -one["source_rows"], one["schema"], one["table"]))


def _forms(forms: Mapping[str, Mapping[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(table, list(columns.items())) for table, columns in sorted(forms.items())][:MOST_TABLES]
