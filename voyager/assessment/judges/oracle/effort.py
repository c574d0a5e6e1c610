"""The effort of a migration from Oracle, counted object by object and construct by construct.

The units are facts read from ora2pg 25 (table of costs: five minutes a unit, 84 units a day, more than five days are
its class C); counting is our own: source without comments and constants, every routine of a package a test.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voyager.assessment.assessment import HIGH, LOW, MEDIUM, NOT_AVAILABLE, Complexity, Effort
from voyager.assessment.judges.oracle.code import OF_OBJECT, CodeObject
from voyager.assessment.judges.oracle.code_spots import Found
from voyager.assessment.judges.oracle.dictionary import MATERIALIZED_VIEW, TABLE, Dictionary, is_yes, text
from voyager.wording import counted, named

UNITS_A_DAY = 84
MOST_DAYS_OF_MEDIUM = 5
UNITS_A_TEST, UNITS_A_THOUSAND_CHARACTERS = 2.0, 1.0
UNITS_A_RESERVED_NAME, UNITS_AN_ENCRYPTED_COLUMN, UNITS_A_CHECK = 12.0, 20.0, 0.1
UNITS_MORE: Mapping[str, float] = {"FUNCTION-BASED": 0.2, "NORMAL/REV": 1.0}


@dataclass(frozen=True)
class Kind:
    """How many units each object of a kind takes, and how many all of them together at most (0: no limit)."""

    units: float
    most: float = 0.0


KINDS: Mapping[str, Kind] = {
    TABLE: Kind(0.1, 672),
    "TABLE PARTITION": Kind(0.1, 168),
    "TABLE SUBPARTITION": Kind(0.2, 480),
    "GLOBAL TEMPORARY TABLE": Kind(10, 168),
    "INDEX": Kind(0.1, 288),
    "SEQUENCE": Kind(0.1, 288),
    "VIEW": Kind(1, 168),
    MATERIALIZED_VIEW: Kind(3),
    "FUNCTION": Kind(1),
    "PROCEDURE": Kind(1),
    "PACKAGE": Kind(3),
    "TRIGGER": Kind(1, 168),
    "TYPE": Kind(1),
    "TYPE BODY": Kind(10),
    "SYNONYM": Kind(0.1, 84),
    "DATABASE LINK": Kind(3),
    "JOB": Kind(2),
}
"""In the order of reports."""
_CODE = ("FUNCTION", "PROCEDURE", "PACKAGE", "TRIGGER", "TYPE BODY")
_LEVELS = {"A": LOW, "B": MEDIUM, "C": HIGH}
_SHOWN = 5


def count_objects(dictionary: Dictionary, codes: Iterable[CodeObject]) -> Counter[str]:
    """How many objects of each kind there are."""
    temporary = {name for name, row in dictionary.table_rows.items() if is_yes(row, "temporary")}
    counts: Counter[str] = Counter()
    for row in dictionary.rows("object_type_mapping"):
        kind = text(row, "object_type")
        if kind == TABLE and (text(row, "schema_name"), text(row, "object_name")) in temporary:
            counts["GLOBAL TEMPORARY TABLE"] += 1
        elif kind in KINDS:
            counts[kind] += 1
        elif kind.endswith(" INDEX"):
            counts["INDEX"] += 1
    for table, kind in (
        ("sequences", "SEQUENCE"), ("views", "VIEW"), ("types", "TYPE"), ("synonyms", "SYNONYM"),
        ("database_links", "DATABASE LINK"), ("scheduler_jobs", "JOB"), ("jobs", "JOB"),
    ):  # fmt: skip
        counts[kind] += len(dictionary.rows(table))
    for code in codes:
        if code.kind in ("FUNCTION", "PROCEDURE", "TRIGGER", "TYPE BODY"):
            counts[code.kind] += 1
        elif code.kind == "PACKAGE":
            counts["PACKAGE"] += 1
    return counts


def estimate(dictionary: Dictionary, codes: list[CodeObject], found: Found, extras: Mapping[str, float]) -> Complexity:
    """Effort and level. `extras` are units of a kind of object that names and columns bring about."""
    counts = count_objects(dictionary, codes)
    units = {kind: _limited(KINDS[kind], counts[kind]) + extras.get(kind, 0.0) for kind in KINDS}
    routines = Counter(
        (text(row, "schema_name"), text(row, "object_name"))
        for row in dictionary.rows("routines")
        if text(row, "object_type") == "PACKAGE" and text(row, "procedure_name")
    )
    for code in codes:
        kind = "PACKAGE" if code.kind.startswith("PACKAGE") else code.kind
        if kind in units:
            units[kind] += _of_code(code, found, max(1, routines[code.schema, code.name]))
    invalid = _invalid(dictionary)
    effort = tuple(
        Effort(kind, counts[kind], round(units[kind] / UNITS_A_DAY, 2), invalid[kind])
        for kind in KINDS
        if counts[kind] or units[kind]
    )
    if not dictionary.answered("code_sources"):
        return Complexity(
            NOT_AVAILABLE,
            "Stored code was not collected, so the effort of rewriting it is not known. The parts are of the rest.",
            effort=effort,
        )
    return _graded(sum(units.values()), effort, codes, found)


def exported_level(report: str) -> Complexity | None:
    """What an ora2pg_report.csv says: in its sixth field A-n, B-n or C-n. None when it says nothing."""
    for record in csv.reader(report.splitlines(), delimiter=";"):
        if len(record) > 5 and record[5][:1] in _LEVELS and record[5][1:2] == "-":
            level, days = _LEVELS[record[5][0]], record[4].strip()
            return Complexity(
                level, f"The report of ora2pg estimates {days} and grades the migration {record[5]}: {level}."
            )
    return None


def _limited(kind: Kind, count: int) -> float:
    units = kind.units * count
    return min(units, kind.most) if kind.most else units


def _of_code(code: CodeObject, found: Found, routines: int) -> float:
    """A test for each routine, its size, and what has to be rewritten; views and specifications only the last."""
    rewritten = sum(one.units for one in found[code.schema, code.kind, code.name])
    if code.kind in ("VIEW", MATERIALIZED_VIEW, "PACKAGE", "TYPE"):
        return rewritten
    size = max(1.0, len(code.bare) / 1000) * UNITS_A_THOUSAND_CHARACTERS
    return UNITS_A_TEST * routines + size + rewritten


def _invalid(dictionary: Dictionary) -> Counter[str]:
    """How many objects of each kind do not compile."""
    wrong = {
        (OF_OBJECT.get(text(row, "object_type"), text(row, "object_type")), text(row, "object_name"))
        for row in dictionary.rows("objects")
        if text(row, "status") == "INVALID"
    }
    return Counter(kind for kind, _ in wrong)


def _graded(units: float, effort: tuple[Effort, ...], codes: list[CodeObject], found: Found) -> Complexity:
    days = units / UNITS_A_DAY
    told: dict[str, int] = defaultdict(int)
    by_hand = 0
    for code in codes:
        names = [one.construct.name for one in found[code.schema, code.kind, code.name] if one.construct.issue_id]
        by_hand += bool(names) or code.wrapped
        for name in names:
            told[name] += 1
    whole = math.ceil(days)
    level = LOW if not by_hand else MEDIUM if whole <= MOST_DAYS_OF_MEDIUM else HIGH
    return Complexity(level, _sentence(level, by_hand, len(codes), told, whole), round(days, 1), effort)


def _sentence(level: str, by_hand: int, objects: int, told: Mapping[str, int], days: int) -> str:
    estimated = f"about {counted(days, 'person-day')} in all"
    if level == LOW:
        return f"Nothing in {counted(objects, 'code object')} must be rewritten by hand; {estimated}. That is LOW."
    most = sorted(told, key=lambda name: (-told[name], name))
    using = f" ({named(most, _SHOWN)})" if most else ""
    limit = (
        f"up to {MOST_DAYS_OF_MEDIUM} days are MEDIUM"
        if level == MEDIUM
        else f"more than {MOST_DAYS_OF_MEDIUM} days are HIGH"
    )
    return f"{by_hand:,} of {counted(objects, 'code object')} must be rewritten by hand{using}; {estimated}: {limit}."
