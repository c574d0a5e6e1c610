"""The effort of a migration from MySQL, counted object by object and construct by construct, and how complex it is.

Units of objects are facts of ora2pg's published cost model (five minutes a unit, 84 units a day, more than five days
are its class C); those of constructs stand beside the constructs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from voyager.assessment.assessment import HIGH, LOW, MEDIUM, Complexity, Effort
from voyager.assessment.judges.mysql.code import Judged
from voyager.assessment.judges.mysql.spots import INDEX, SEQUENCE, TABLE, VIEW
from voyager.schema.analyze import Finding
from voyager.sources.mysql.constructs import CONSTRUCTS, TESTING, UNITS_PER_DAY, per_size
from voyager.sources.mysql.model import Dictionary
from voyager.wording import counted

MOST_DAYS_OF_MEDIUM = 5
MOST_HARD_OBJECTS_OF_MEDIUM = 4
UNITS: Mapping[str, float] = {
    TABLE: 0.1,
    "PARTITION": 0.1,
    INDEX: 0.1,
    "CHECK": 0.1,
    SEQUENCE: 0.1,
    VIEW: 1,
    "TRIGGER": 1,
    "FUNCTION": 1,
    "PROCEDURE": 1,
    "PACKAGE": 3,
    "PACKAGE BODY": 3,
    "EVENT": 2,
}
"""Of each object, whatever is in it; in the order of reports."""
_KINDS_OF_CODE = (VIEW, "TRIGGER", "FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY", "EVENT")


def estimate(dictionary: Dictionary, judged: Sequence[Judged], findings: Iterable[Finding]) -> Complexity:
    counts = count_objects(dictionary)
    units = {kind: counts[kind] * each for kind, each in UNITS.items()}
    rewritten: Counter[str] = Counter()
    for one in judged:
        units[one.code.kind] += units_of(one)
        rewritten[one.code.kind] += bool(one.uses) or one.code.kind != VIEW
    parts = tuple(
        Effort(kind, counts[kind], round(units[kind] / UNITS_PER_DAY, 2), rewritten[kind])
        for kind in UNITS
        if counts[kind]
    )
    days = round(sum(units.values()) / UNITS_PER_DAY, 1)
    return _complexity(days, parts, rewritten, findings)


def units_of(one: Judged) -> float:
    """What reading, testing and rewriting one code object takes. A view without anything to change takes neither."""
    if one.code.kind == VIEW and not one.uses:
        return 0.0
    rewriting = sum(CONSTRUCTS[construct].units * len(uses) for construct, uses in one.constructs.items())
    return TESTING + per_size(len(one.code.text or "")) + rewriting


def count_objects(dictionary: Dictionary) -> Counter[str]:
    counts: Counter[str] = Counter(code.kind for code in dictionary.code)
    for table in dictionary.base_tables:
        counts[TABLE] += 1
        counts[INDEX] += sum(not index.primary for index in table.indexes)
        counts["CHECK"] += len(table.checks)
        counts["PARTITION"] += len(table.partitioning.names) if table.partitioning else 0
    counts[SEQUENCE] += len(dictionary.sequences)
    return counts


def _complexity(
    days: float, parts: tuple[Effort, ...], rewritten: Counter[str], findings: Iterable[Finding]
) -> Complexity:
    levels: Counter[int] = Counter()
    hard: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for finding in findings:
        levels[finding.impact] += 1
        hard[finding.impact].add((finding.object_type, finding.object_name))
    to_rewrite = sum(rewritten[kind] for kind in _KINDS_OF_CODE)
    level = _level(days, to_rewrite, len(hard[3]))
    found = [f"{levels[one]} Level {one} issue(s)" for one in (1, 2, 3) if levels[one]]
    listed = " and ".join(part for part in (", ".join(found[:-1]), *found[-1:]) if part) or "no issue"
    start = f"Found {listed}, and work of about {days:g} person-days"
    said = f"{start}, resulting in {level} migration complexity"
    return Complexity(level, f"{said}. {_reason(level, to_rewrite, len(hard[3]))}", days, parts)


def _level(days: float, to_rewrite: int, hard: int) -> str:
    if (to_rewrite and days > MOST_DAYS_OF_MEDIUM) or hard > MOST_HARD_OBJECTS_OF_MEDIUM:
        return HIGH
    return MEDIUM if to_rewrite or hard else LOW


def _reason(level: str, to_rewrite: int, hard: int) -> str:
    if level == LOW:
        return "No routine, trigger, event or view has to be rewritten."
    said = []
    if to_rewrite:
        limit = f"more than {MOST_DAYS_OF_MEDIUM} days make it {HIGH}"
        said.append(f"{counted(to_rewrite, 'code object')} (routines, triggers, events, views) to rewrite: {limit}.")
    if hard:
        more = f"more than {MOST_HARD_OBJECTS_OF_MEDIUM} make it {HIGH}"
        said.append(f"{counted(hard, 'object')} without an easy way around: one makes it {MEDIUM}, {more}.")
    return " ".join(said)
