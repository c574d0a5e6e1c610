"""What the templates do to values: names made visible, numbers written for people, SQL cut to a bearable length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from voyager.assessment.report_issues import safe_link, title
from voyager.identifiers import visible
from voyager.pages import charts, figures
from voyager.pages.page import visible_text
from voyager.wording import counted

_SHORT = 110
"""A statement of one line up to this length is shown at once; others unfold."""
_BUDGET = 1_000_000
"""Characters of SQL in one page: a report of thousands of issues must still open."""
LONGEST, _SHORTEST = 6_000, 160
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class SqlText:
    """A statement as the page shows it."""

    shown: str

    @property
    def is_short(self) -> bool:
        return len(self.shown) <= _SHORT and "\n" not in self.shown

    @property
    def lines(self) -> int:
        return self.shown.count("\n") + 1


def sql_limit(statements: Iterable[str]) -> int:
    """How many characters of one statement can be shown when all of them are to fit the page."""
    lengths = [len(statement) for statement in statements]
    limit = LONGEST
    while limit > _SHORTEST and sum(min(length, limit) for length in lengths) > _BUDGET:
        limit = limit * 3 // 4
    return max(limit, _SHORTEST)


def sql_text(statement: str, *, limit: int) -> SqlText:
    """A statement as it is shown, cut after `limit` characters."""
    whole = statement.strip()
    if len(whole) <= limit * 1.2:
        return SqlText(whole)
    return SqlText(f"{whole[:limit]} … and {len(whole) - limit:,} more")


def linked(text: str) -> Markup:
    """A sentence whose web addresses can be followed."""
    shown = str(visible_text(text))
    parts, start = [], 0
    for match in _ADDRESS.finditer(shown):
        address = match[0].rstrip(".,;:!?)]}")
        if not safe_link(address):
            continue
        parts.append(escape(shown[start : match.start()]))
        parts.append(Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, address))
        start = match.start() + len(address)
    return Markup("").join([*parts, escape(shown[start:])])


def filters(*, limit: int) -> Mapping[str, Callable[..., Any]]:
    """The filters by name; `limit` is that of sql_text()."""
    return {
        "name": lambda value: visible(str(value or "")),
        "breakable": _breakable,
        "names": _names,
        "cut": lambda text, length: f"{text[:length]}…",
        "count": figures.count,
        "size": figures.size,
        "rate": figures.rate,
        "minutes": figures.minutes,
        "days": figures.days,
        "moment": figures.moment,
        "counted": counted,
        "heat": charts.heat,
        "title": title,
        "linked": linked,
        "as_sql": lambda statement: sql_text(statement, limit=limit),
    }


def _breakable(name: str) -> Markup:
    """A name that goes on in the next line behind a dot or an underscore, where there is no room for it."""
    shown = str(escape(visible(name)))
    return Markup(re.sub(r"([._])(?=\w)", r"\1<wbr>", shown))


def _names(names: Iterable[str], most: int) -> str:
    """`a, b, c and 9 more`."""
    all_names = list(names)
    shown = ", ".join(visible(one) for one in all_names[:most])
    more = len(all_names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown
