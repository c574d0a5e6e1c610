"""How complex a migration is: the issues of each level counted and held against thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.assessment.assessment import HIGH, LOW, MEDIUM, Complexity

if TYPE_CHECKING:
    from voyager.schema.analyze import Finding


@dataclass(frozen=True)
class Threshold:
    """More issues of a level than `medium` make a migration MEDIUM, more than `high` make it HIGH; None never does."""

    level: int
    medium: int
    high: int | None


THRESHOLDS = (Threshold(1, 20, None), Threshold(2, 10, 100), Threshold(3, 0, 4))
NOT_COUNTED = frozenset({"REDUNDANT_INDEXES", "INDEX_ON_LOW_CARDINALITY_COLUMN"})
"""Opportunities that make nothing harder: `export schema --apply-recommendations` takes them by itself."""
_RANK = {LOW: 0, MEDIUM: 1, HIGH: 2}


def complexity(findings: Iterable[Finding]) -> Complexity:
    """The worst that the number of issues of any level makes of it; every issue counts, at every object, but for those
    in NOT_COUNTED, of which the sentence tells the number."""
    found_all = tuple(findings)
    counts = Counter(finding.impact for finding in found_all if finding.issue_id not in NOT_COUNTED)
    left_out = sum(finding.issue_id in NOT_COUNTED for finding in found_all)
    judged = [(_verdict(threshold, counts[threshold.level]), threshold) for threshold in THRESHOLDS]
    worst = max((verdict for verdict, _ in judged), key=_RANK.__getitem__)
    found = [_issues(counts[one.level], one.level, "issue(s)") for one in THRESHOLDS if counts[one.level]]
    said = f"{_enumerated(found) or 'no issue'}{_besides(left_out)}"
    start = f"Found {said}, resulting in {worst} migration complexity"
    decided = [_decided(threshold, counts[threshold.level], worst) for verdict, threshold in judged if verdict == worst]
    explanation = start if worst == LOW else f"{start}. {' '.join(decided)}"
    return Complexity(worst, explanation, not_counted=left_out)


def _besides(left_out: int) -> str:
    if not left_out:
        return ""
    say, do = ("says", "does") if left_out == 1 else ("say", "do")
    return f" (and {left_out} that {say} how indexes get faster, which {do} not count)"


def _verdict(threshold: Threshold, count: int) -> str:
    if threshold.high is not None and count > threshold.high:
        return HIGH
    return MEDIUM if count > threshold.medium else LOW


def _decided(threshold: Threshold, count: int, verdict: str) -> str:
    limit = threshold.high if verdict == HIGH else threshold.medium
    allowed = f"more than {limit} make it {verdict}" if limit else f"a single one makes it {verdict}"
    plural = "issue decides" if count == 1 else "issues decide"
    return f"{_issues(count, threshold.level, plural)}: {allowed}."


def _issues(count: int, level: int, word: str) -> str:
    return f"{count} Level {level} {word}"


def _enumerated(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
