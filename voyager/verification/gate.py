"""Whether the last verification is good enough to cut over on: clean, whole, recent, and of what is there now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from voyager.identifiers import visible
from voyager.store.aside import rows_aside
from voyager.store.record import MigrationRecord, PhaseRecord
from voyager.verification.set_aside import REPLAY
from voyager.wording import counted, named

THOROUGH = ("checksum", "rows")
"""The levels that compare every value."""

AGAIN = "Run `yb-voyager migrate verify` again."
REPAIR = (
    "Read reports/verification_report.json, repair what differs (`yb-voyager migrate verify --apply-repair` runs what "
    "reports/repair holds for rows), then run `yb-voyager migrate verify` again."
)
WHOLE = (
    "Run `yb-voyager migrate verify` again with --level checksum or --level rows, of all tables, without --sample and "
    "--since."
)
_NAMED = 5
_COPIES = ("IMPORT_SCHEMA", "IMPORT_DATA")
"""Phases whose repetition changes what was compared."""


@dataclass(frozen=True)
class Limits:
    """What a verification must come up to. `max_age_hours` None takes one of any age; `min_coverage` is percent of
    the migrated rows, and 100 asks for every table as a whole."""

    max_age_hours: float | None = None
    min_coverage: float = 100.0


class Obstacle(NamedTuple):
    """Why the last verification does not do, and what to do about it."""

    says: str
    hint: str


def obstacles(record: MigrationRecord, limits: Limits, *, target_written: Sequence[str] = ()) -> list[Obstacle]:
    """Everything that the last completed verification lacks; nothing when it is good enough.

    `target_written` are tables of the target that were written since, as far as the target can tell.
    """
    verify = record.phases.get("VERIFY")
    if verify is None:
        return []
    return [
        *_set_aside(record, verify),
        *_unclean(verify.summary),
        *_short(verify.summary, limits.min_coverage),
        *_overtaken(record, verify),
        *_written(target_written),
        *_old(verify, record.read_at, limits.max_age_hours),
    ]


def declared_at(verify: PhaseRecord) -> datetime | None:
    """The moment for which the verification holds, as it was written down before the first read."""
    point = verify.summary.get("point") or {}
    text = point.get("declared_at") or verify.summary.get("at")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return verify.completed_at
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def age(seconds: float) -> str:
    """How long ago, for people: 40 min, 26 h, 3 days."""
    if seconds < 5400:
        return f"{max(0, round(seconds / 60))} min"
    return f"{_number(seconds / 3600)} h" if seconds < 72 * 3600 else f"{_number(seconds / 86400)} days"


def share_of(summary: Mapping[str, Any]) -> float:
    """Percent of the migrated rows whose values were compared, 100 only where no table was left out or read in part;
    summaries of older versions say it in other words."""
    coverage = summary.get("coverage")
    if isinstance(coverage, Mapping):
        return float(coverage.get("share", 0.0))
    return 100.0 if summary.get("level") in THOROUGH and summary.get("complete", True) else 0.0


def shown_share(percent: float) -> str:
    """A share for people, never more than it is."""
    if 0 < percent < 0.01:
        return "less than 0.01"
    # What was rounded down to millionths before comes out as it is.
    return f"{math.floor(percent * 100 + 1e-6) / 100:.2f}".rstrip("0").rstrip(".")


def covers(coverage: Mapping[str, Any]) -> str:
    """`99.55 % of the migrated rows (1 of 4 tables whole)`: a small table that was left out is no row in a thousand."""
    tables = coverage.get("tables") or {}
    whole = f" ({tables['whole']:,} of {counted(tables['of'], 'table')} whole)" if "whole" in tables else ""
    return f"{shown_share(float(coverage.get('share', 0.0)))} % of the migrated rows{whole}"


def _set_aside(record: MigrationRecord, verify: PhaseRecord) -> Iterator[Obstacle]:
    """Rows that were set aside explain differences; a clean verification shows that they came in some other way."""
    aside = rows_aside(record)
    if aside and not verify.summary.get("clean"):
        yield Obstacle(aside.says, f"Correct what refused them, run `{REPLAY}`, then verify again.")


def _unclean(summary: Mapping[str, Any]) -> Iterator[Obstacle]:
    if summary.get("clean"):
        return
    objects = list(dict.fromkeys(str(one["object"]) for one in summary.get("differences", ())))
    total = int(summary.get("differences_total", len(objects)))
    named = f" ({', '.join(visible(one) for one in objects[:_NAMED])}{', …' if len(objects) > _NAMED else ''})"
    found = f"{counted(total, 'difference')}{named if objects else ''}" if total else "differences"
    yield Obstacle(f"The last verification found {found}.", REPAIR)


def _short(summary: Mapping[str, Any], required: float) -> Iterator[Obstacle]:
    share = share_of(summary)
    if share >= required:
        return
    coverage = summary.get("coverage") or {}
    reasons = list(coverage.get("short") or _reasons(summary))
    why = f": it {' and '.join(reasons)}" if reasons else ""
    said = covers({**coverage, "share": share})
    yield Obstacle(f"The last verification covers {said}, {required:g} % is required{why}.", WHOLE)


def _reasons(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary.get("level") not in THOROUGH:
        yield "only counted rows"
    if not summary.get("complete", True):
        yield "left tables out"


def _overtaken(record: MigrationRecord, verify: PhaseRecord) -> Iterator[Obstacle]:
    """A phase that a verification rests on and that was begun again after it; what streams is never begun again."""
    for name in _COPIES:
        copy = record.phases.get(name)
        if copy and copy.started_at and verify.started_at and copy.started_at > verify.started_at:
            title = name.replace("_", " ").title()
            yield Obstacle(f"{title} was run again after the last verification, which says nothing about that.", AGAIN)


def _written(tables: Sequence[str]) -> Iterator[Obstacle]:
    if tables:
        yield Obstacle(f"The target has been written since it was verified: {named(tables, _NAMED)}.", AGAIN)


def _old(verify: PhaseRecord, now: datetime, limit: float | None) -> Iterator[Obstacle]:
    moment = declared_at(verify)
    if limit is None or moment is None:
        return
    seconds = (now - moment).total_seconds()
    if seconds > limit * 3600:
        yield Obstacle(f"It was verified {age(seconds)} ago, the limit is {_number(limit)} h.", AGAIN)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
