"""What the views, triggers, routines, events and recorded queries of a MySQL database bring with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voyager.assessment.judges.mysql.spots import VIEW, Spot
from voyager.assessment.judges.mysql.tables import shown_name
from voyager.schema.issues.issue import BODY, QUERY
from voyager.sources.mysql import scan as places
from voyager.sources.mysql.lexer import Unreadable
from voyager.sources.mysql.model import Code, Dictionary
from voyager.sources.mysql.names import label
from voyager.sources.mysql.scan import Use, line_at, scan

_SHOWN = 20
_CHATTER = {"MYSQL_SYSTEM_VARIABLE", "MYSQL_SESSION_FUNCTION"}
_OF_KIND = {
    "PROCEDURE": "MYSQL_PROCEDURE",
    "FUNCTION": "MYSQL_FUNCTION",
    "TRIGGER": "MYSQL_TRIGGER",
    "EVENT": "MYSQL_EVENT",
    "PACKAGE": "MYSQL_PACKAGE",
    "PACKAGE BODY": "MYSQL_PACKAGE",
}


@dataclass(frozen=True)
class Judged:
    """One code object with the constructs in it; `unreadable` where its text could not be split into words."""

    code: Code
    uses: tuple[Use, ...] = ()
    unreadable: str = ""

    @property
    def shown(self) -> str:
        return shown_name(self.code)

    @property
    def constructs(self) -> Mapping[str, list[Use]]:
        """By id, in the order of their first place."""
        found: dict[str, list[Use]] = defaultdict(list)
        for use in self.uses:
            found[use.construct].append(use)
        return found


def judge_code(dictionary: Dictionary) -> list[Judged]:
    return [_judged(code) for code in dictionary.code]


def _judged(code: Code) -> Judged:
    if not code.text or code.language.upper() != "SQL":
        return Judged(code)
    place = places.VIEW if code.kind == VIEW else places.BODY
    try:
        uses = scan(code.text, place=place, sql_mode=code.sql_mode, returns_rows=code.kind == "PROCEDURE")
    except Unreadable as error:
        return Judged(code, unreadable=str(error))
    if code.kind == VIEW:
        # The server writes them into the text of a view, whoever wrote it.
        uses = [
            use for use in uses if use.construct != "MYSQL_CHARACTER_SET" or not use.text.startswith(("_", "CHARSET"))
        ]
    return Judged(code, tuple(uses))


def code_spots(dictionary: Dictionary, judged: Sequence[Judged]) -> Iterator[Spot]:
    for one in judged:
        yield from _of_object(one)
        yield from _of_constructs(one)
        if one.unreadable:
            yield _spot("MYSQL_CODE_UNREADABLE", one, {"Reason": one.unreadable})
    yield from _of_views(dictionary, judged)
    yield from _of_order(judged)
    yield from _of_definers(judged)


def _of_object(one: Judged) -> Iterator[Spot]:
    code = one.code
    if code.language.upper() != "SQL":
        yield _spot("MYSQL_EXTERNAL_ROUTINE", one, {"Language": code.language})
    elif code.kind in _OF_KIND:
        details: dict[str, Any] = {"Constructs": sorted({use.text for use in one.uses})} if one.uses else {}
        if code.schedule:
            details["Schedule"] = code.schedule
        yield _spot(_OF_KIND[code.kind], one, details)


def _of_constructs(one: Judged) -> Iterator[Spot]:
    text = one.code.text or ""
    for construct, uses in one.constructs.items():
        line, statement = line_at(text, uses[0].offset)
        details = {
            "Count": len(uses),
            "FunctionNames": sorted({use.text for use in uses}),
            "Lines": sorted({line_at(text, use.offset)[0] for use in uses[:_SHOWN]}),
        }
        shown = one.shown
        yield Spot(construct, one.code.kind, shown, (one.code.kind, shown), statement, line, BODY, details)


def _of_views(dictionary: Dictionary, judged: Iterable[Judged]) -> Iterator[Spot]:
    known = dictionary.described
    for one in judged:
        if one.code.kind != VIEW:
            continue
        if one.code.text and known is not None and (one.code.schema, one.code.name) not in known:
            yield _spot("MYSQL_INVALID_VIEW", one)
        if one.code.check_option:
            yield _spot("VIEW_WITH_CHECK_OPTION", one, {"CheckOption": one.code.check_option})
        if one.code.security.upper() == "INVOKER":
            yield _spot("SECURITY_INVOKER_VIEWS", one)


def _of_order(judged: Iterable[Judged]) -> Iterator[Spot]:
    groups: dict[tuple[str, ...], list[Judged]] = defaultdict(list)
    for one in judged:
        if one.code.kind == "TRIGGER":
            groups[one.code.schema, one.code.table, one.code.timing, one.code.event].append(one)
    for members in groups.values():
        if len(members) > 1:
            ordered = sorted(members, key=lambda one: one.code.order)
            names = [label(one.code.name) for one in ordered]
            for one in ordered:
                yield _spot("MYSQL_TRIGGER_ORDER", one, {"Order": names})


def _of_definers(judged: Iterable[Judged]) -> Iterator[Spot]:
    """Accounts whose rights objects run with; one finding for each, however many objects."""
    owned: dict[str, list[str]] = defaultdict(list)
    for one in judged:
        if one.code.definer and one.code.security.upper() != "INVOKER":
            owned[one.code.definer].append(one.shown)
    for definer, objects in owned.items():
        details = {"Count": len(objects), "Objects": objects[:_SHOWN]}
        yield Spot("MYSQL_DEFINER", "ROLE", definer, details=details)


def query_spots(rows: Iterable[Mapping[str, Any]]) -> Iterator[Spot]:
    """Constructs in the texts of statements that ran; the server has cut long ones."""
    for row in rows:
        text = row.get("query") or ""
        try:
            uses = scan(text, place=places.QUERY)
        except Unreadable:
            continue
        found: dict[str, set[str]] = defaultdict(set)
        for use in uses:
            found[use.construct].add(use.text)
        # What drivers and tools ask on their own when they connect.
        chatter = " FROM " not in text
        for construct, texts in found.items():
            if chatter and construct in _CHATTER:
                continue
            details = {"FunctionNames": sorted(texts), "Calls": row.get("calls")}
            yield Spot(construct, "", "", statement=text, place=QUERY, details=details)


def _spot(issue_id: str, one: Judged, details: Mapping[str, Any] | None = None) -> Spot:
    return Spot(issue_id, one.code.kind, one.shown, (one.code.kind, one.shown), details=details or {})
