"""judge(): what became of each query: slower, faster, the same; and what that means for the workload as a whole."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from voyager.performance.match import Match
from voyager.performance.query_text import QueryText
from voyager.performance.usage import Usage

SLOWER, FASTER, SAME, TOO_FEW = "slower", "faster", "same", "too_few_calls"
ONLY_SOURCE, ONLY_TARGET = "only_in_source", "only_in_target"
VERDICTS = (SLOWER, FASTER, SAME, TOO_FEW, ONLY_SOURCE, ONLY_TARGET)
THRESHOLD, MIN_CALLS = 1.2, 5
MOST_REGRESSIONS = 10


@dataclass(frozen=True)
class Judged:
    """One query with its verdict. `ratio` is the target's mean time over the source's. `added_ms` is what that adds (or
    saves, below zero) at the number of calls that the source has counted: the workload that will come. The shares are
    those of all time that a side's application queries took."""

    query: QueryText
    verdict: str
    source: Usage | None
    target: Usage | None
    source_share: float | None = None
    target_share: float | None = None
    ratio: float | None = None
    added_per_call_ms: float | None = None

    @property
    def added_ms(self) -> float | None:
        if self.added_per_call_ms is None or self.source is None:
            return None
        return self.added_per_call_ms * self.source.calls


@dataclass(frozen=True)
class Coverage:
    """Which part of the source's workload ran on the target too; each from 0 to 1."""

    queries: float
    calls: float
    time: float


@dataclass(frozen=True)
class Judgement:
    """All queries, those first that add most time; what took most of it where nothing can be compared."""

    queries: tuple[Judged, ...]
    threshold: float
    min_calls: int

    @cached_property
    def by_verdict(self) -> Mapping[str, int]:
        counts = Counter(one.verdict for one in self.queries)
        return {verdict: counts[verdict] for verdict in VERDICTS}

    def of(self, *verdicts: str) -> list[Judged]:
        return [one for one in self.queries if one.verdict in verdicts]

    @property
    def regressions(self) -> list[Judged]:
        """The worst: slower queries by the time that they add at the source's number of calls."""
        return self.of(SLOWER)[:MOST_REGRESSIONS]

    @cached_property
    def coverage(self) -> Coverage:
        ran = [one for one in self.queries if one.source is not None]
        both = [one for one in ran if one.target is not None]
        return Coverage(
            queries=_part(len(both), len(ran)),
            calls=_part(_calls(both), _calls(ran)),
            time=_part(_total(both), _total(ran)),
        )

    @cached_property
    def source_ms(self) -> float:
        """The time on the source of all queries that were called often enough to be judged."""
        return _total(self.of(SLOWER, FASTER, SAME))

    @cached_property
    def added_ms(self) -> float:
        return math.fsum(one.added_ms or 0.0 for one in self.of(SLOWER, FASTER, SAME))

    @property
    def target_ms(self) -> float:
        """What the same calls take on the target."""
        return self.source_ms + self.added_ms

    @property
    def ratio(self) -> float | None:
        """How much slower the judged workload is, each query weighed by its calls on the source."""
        return self.target_ms / self.source_ms if self.source_ms > 0 else None


def judge(matches: Iterable[Match], *, threshold: float = THRESHOLD, min_calls: int = MIN_CALLS) -> Judgement:
    """Say of every query what became of it. `threshold` (above 1) is the ratio from which one is slower; the same the
    other way round is faster. Queries with fewer than `min_calls` on either side are compared, and not judged."""
    found = list(matches)
    source_ms = math.fsum(one.source.total_ms for one in found if one.source)
    target_ms = math.fsum(one.target.total_ms for one in found if one.target)
    judged = [_judged(one, source_ms, target_ms, threshold, min_calls) for one in found]
    return Judgement(tuple(sorted(judged, key=_weight)), threshold, min_calls)


def _judged(one: Match, source_ms: float, target_ms: float, threshold: float, min_calls: int) -> Judged:
    source, target = one.source, one.target
    source_share = _part(source.total_ms, source_ms) if source else None
    target_share = _part(target.total_ms, target_ms) if target else None
    if source is None or target is None:
        verdict = ONLY_TARGET if source is None else ONLY_SOURCE
        return Judged(one.query, verdict, source, target, source_share, target_share)
    ratio = target.mean_ms / source.mean_ms if source.mean_ms > 0 else None
    enough = min(source.calls, target.calls) >= min_calls
    return Judged(
        query=one.query,
        verdict=_verdict(ratio, target.mean_ms, threshold) if enough else TOO_FEW,
        source=source,
        target=target,
        source_share=source_share,
        target_share=target_share,
        ratio=ratio if ratio is None or math.isfinite(ratio) else None,
        added_per_call_ms=target.mean_ms - source.mean_ms,
    )


def _verdict(ratio: float | None, target_mean: float, threshold: float) -> str:
    """What took no time that the source could measure has no ratio."""
    if ratio is None:
        return SLOWER if target_mean > 0 else SAME
    if ratio >= threshold:
        return SLOWER
    return FASTER if ratio * threshold <= 1 else SAME


def _weight(one: Judged) -> tuple[float, float, str]:
    longest = max(usage.total_ms for usage in (one.source, one.target) if usage is not None)
    added = one.added_ms
    # Behind all that adds time and before what saves some stands what cannot be compared.
    return (-added if added is not None else 0.0, -longest, one.query.key)


def _calls(queries: Sequence[Judged]) -> int:
    return sum(one.source.calls for one in queries if one.source)


def _total(queries: Sequence[Judged]) -> float:
    return math.fsum(one.source.total_ms for one in queries if one.source)


def _part(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0
