"""compare(): two samples matched and judged, or the error that says what is missing for that."""

from __future__ import annotations

from dataclasses import dataclass

from voyager.errors import BlockersFound, NothingToDo, PermissionMissing, VoyagerError
from voyager.identifiers import visible
from voyager.performance.judge import MIN_CALLS, THRESHOLD, Judgement, judge
from voyager.performance.live import grant
from voyager.performance.match import Matching, Workload, match
from voyager.performance.usage import Sample
from voyager.wording import counted


@dataclass(frozen=True)
class Comparison:
    """What both sides have counted, and what it means."""

    source: Sample
    target: Sample
    matching: Matching
    judgement: Judgement

    @property
    def problem(self) -> VoyagerError | None:
        """Without a query that ran on both sides there is a report of what ran where, and no comparison."""
        if self.matching.overlap:
            return None
        ours, theirs = (len(side.queries) for side in (self.matching.source, self.matching.target))
        return BlockersFound(
            f"Nothing can be compared: the source has counted {counted(ours, 'query')}, the target "
            f"{counted(theirs, 'query')}, and none ran on both.",
            "Run the application, or a test of it, against the target. A query that names its schema and one that does "
            "not are never taken for the same.",
        )


def compare(source: Sample, target: Sample, *, threshold: float = THRESHOLD, min_calls: int = MIN_CALLS) -> Comparison:
    """Match and judge. Raises an error when a side has counted no query of an application, NothingToDo when that is
    the target, where it has yet to run."""
    matching = match(source.entries, target.entries, builtins=source.builtins | target.builtins)
    if not matching.source.queries:
        raise _unseen(source, "source") or BlockersFound(
            f"The source {source.place} has counted no query of an application{_besides(matching.source)}.",
            "Check that the application runs in this database, and that pg_stat_statements.track is not none.",
        )
    if not matching.target.queries:
        raise _unseen(target, "target") or NothingToDo(
            f"The target {target.place} has no statistics yet: it has counted no query of an "
            f"application{_besides(matching.target)}.",
            "Run the application, or a test of it, against the target; then run the command again.",
        )
    judgement = judge(matching.matches, threshold=threshold, min_calls=min_calls)
    return Comparison(source, target, matching, judgement)


def _unseen(sample: Sample, side: str) -> VoyagerError | None:
    if not sample.hidden:
        return None
    entries = "1 entry is" if sample.hidden == 1 else f"{sample.hidden:,} entries are"
    return PermissionMissing(
        f"Role {visible(sample.role)} sees no query of an application on the {side} {sample.place}: {entries} of other "
        "roles.",
        "Grant it the right to read all statistics, then run the command again.",
        (grant(sample.role),),
    )


def _besides(workload: Workload) -> str:
    number = sum(workload.left_out.values())
    return f", only {counted(number, 'statement')} of its own, of administration and of yb-voyager" if number else ""
