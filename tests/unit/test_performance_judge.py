"""What is counted of a query on each side, and what is said of it."""

from __future__ import annotations

import statistics

import pytest

from voyager.errors import BlockersFound, NothingToDo, PermissionMissing
from voyager.performance.compare import compare
from voyager.performance.judge import judge
from voyager.performance.match import match
from voyager.performance.usage import Entry, Sample, Usage, together, usage_of


def usage(calls: int, mean: float, **more: float) -> Usage:
    whole = {"rows": calls, "min_ms": mean, "max_ms": mean, "stddev_ms": 0.0, **more}
    return Usage(calls=calls, total_ms=calls * mean, **whole)  # type: ignore[arg-type]


def entries(**queries: Usage) -> list[Entry]:
    """Queries on tables of these names."""
    return [Entry(f"SELECT x FROM {table}", found) for table, found in queries.items()]


def sample(found: list[Entry], *, hidden: int = 0) -> Sample:
    return Sample("live", "postgresql://db/shop", "15.4", "", tuple(found), hidden=hidden, role="reader")


def test_the_columns_of_every_version_are_read() -> None:
    new = {"calls": 4, "rows": 8, "total_exec_time": 10.0, "mean_exec_time": 2.5, "min_exec_time": 1.0,
           "max_exec_time": 5.0, "stddev_exec_time": 1.5, "total_plan_time": 99.0}  # fmt: skip
    old = {name.replace("_exec_", "_"): value for name, value in new.items() if "plan" not in name}
    assert usage_of(new) == usage_of(old) == Usage(4, 8, 10.0, 1.0, 5.0, 1.5)


def test_what_was_planned_and_never_executed_counts_for_nothing() -> None:
    assert usage_of({"calls": 0, "total_exec_time": 0.0}) is None
    assert usage_of({"calls": None}) is None


def test_a_figure_that_is_missing_is_made_of_the_others() -> None:
    assert usage_of({"calls": 3, "rows": None, "mean_exec_time": 2.0}) == Usage(3, 0, 6.0, 0.0, 0.0, 0.0)


def test_several_entries_are_what_all_their_calls_together_are() -> None:
    times = [[1.0, 2.0, 6.0], [40.0, 44.0], [3.0]]
    parts = [
        Usage(len(one), 2 * len(one), sum(one), min(one), max(one), statistics.pstdev(one)) for one in times
    ]  # fmt: skip
    every = [time for one in times for time in one]
    found = together(parts)
    assert (found.calls, found.rows, found.min_ms, found.max_ms) == (6, 12, 1.0, 44.0)
    assert found.total_ms == pytest.approx(sum(every))
    assert found.mean_ms == pytest.approx(statistics.mean(every))
    assert found.stddev_ms == pytest.approx(statistics.pstdev(every))


def test_entries_of_roles_nodes_and_spellings_are_one_query() -> None:
    found = match(
        [Entry("SELECT x FROM t WHERE a = $1", usage(3, 1.0)), Entry("select x from t where a=$1", usage(1, 5.0)),
         Entry("SELECT x FROM t WHERE a = $1", usage(2, 2.0)), Entry("SET x = 1", usage(9, 1.0))],
        [Entry("select x\nfrom t where a = $1", usage(4, 2.0)), Entry("SELECT y FROM u", usage(1, 1.0))],
    )  # fmt: skip
    assert [(one.source and one.source.calls, one.target and one.target.calls) for one in found.matches] == [
        (6, 4),
        (None, 1),
    ]
    assert found.overlap == 1
    assert found.source.left_out == {"own": 0, "system": 0, "administration": 1}


@pytest.mark.parametrize(
    ("before", "after", "verdict", "ratio"),
    [
        (usage(10, 1.0), usage(10, 1.2), "slower", 1.2),
        (usage(10, 1.0), usage(10, 1.19), "same", 1.19),
        (usage(10, 1.2), usage(10, 1.0), "faster", 1 / 1.2),
        (usage(10, 1.0), usage(10, 0.84), "same", 0.84),
        (usage(10, 1.0), usage(4, 9.0), "too_few_calls", 9.0),
        (usage(4, 1.0), usage(10, 9.0), "too_few_calls", 9.0),
        (usage(5, 1.0), usage(5, 9.0), "slower", 9.0),
        (usage(10, 1.0), None, "only_in_source", None),
        (None, usage(10, 1.0), "only_in_target", None),
        (usage(10, 0.0), usage(10, 1.0), "slower", None),
        (usage(10, 0.0), usage(10, 0.0), "same", None),
        (usage(10, 1.0), usage(10, 0.0), "faster", 0.0),
    ],
)
def test_a_query_is_judged_by_the_mean_time_of_its_calls(
    before: Usage | None, after: Usage | None, verdict: str, ratio: float | None
) -> None:
    sides = [entries(t=one) if one else [] for one in (before, after)]
    (found,) = judge(match(*sides).matches, threshold=1.2, min_calls=5).queries
    assert found.verdict == verdict
    assert found.ratio == (None if ratio is None else pytest.approx(ratio))


def test_the_worst_are_those_that_add_most_time_to_the_workload_that_will_come() -> None:
    before = entries(seldom=usage(10, 1.0), often=usage(10_000, 1.0), fine=usage(50, 2.0), better=usage(100, 8.0))
    after = entries(seldom=usage(90_000, 50.0), often=usage(10, 2.0), fine=usage(50, 2.1), better=usage(100, 4.0))
    found = judge(match(before, after).matches)
    assert [one.query.shown for one in found.regressions] == ["SELECT x FROM often", "SELECT x FROM seldom"]
    assert [one.added_ms for one in found.regressions] == [pytest.approx(10_000), pytest.approx(490)]
    assert found.queries[-1].query.shown == "SELECT x FROM better"
    assert found.by_verdict == {
        "slower": 2, "faster": 1, "same": 1, "too_few_calls": 0, "only_in_source": 0, "only_in_target": 0
    }  # fmt: skip
    assert found.source_ms == pytest.approx(10 + 10_000 + 100 + 800)
    assert found.target_ms == pytest.approx(500 + 20_000 + 105 + 400)
    assert found.ratio == pytest.approx(21_005 / 10_910)


def test_shares_and_coverage_are_those_of_the_whole_workload_of_a_side() -> None:
    before = entries(a=usage(30, 1.0), b=usage(10, 7.0))
    after = entries(a=usage(6, 5.0), c=usage(2, 35.0))
    found = judge(match(before, after).matches)
    by_text = {one.query.shown[-1]: one for one in found.queries}
    assert (by_text["a"].source_share, by_text["a"].target_share) == (pytest.approx(0.3), pytest.approx(0.3))
    assert (by_text["b"].source_share, by_text["b"].target_share) == (pytest.approx(0.7), None)
    assert (found.coverage.queries, found.coverage.calls, found.coverage.time) == (0.5, 0.75, pytest.approx(0.3))


def test_nothing_judged_has_no_ratio() -> None:
    found = judge(match(entries(a=usage(1, 1.0)), entries(a=usage(1, 9.0))).matches)
    assert (found.ratio, found.source_ms, found.regressions) == (None, 0.0, [])


def test_a_side_without_queries_is_told_with_what_to_do() -> None:
    some, none = entries(a=usage(10, 1.0)), [Entry("SET x = 1", usage(3, 1.0))]
    with pytest.raises(NothingToDo, match="has no statistics yet"):
        compare(sample(some), sample(none))
    with pytest.raises(BlockersFound, match=r"The source .* has counted no query of an application, only 1 statement"):
        compare(sample(none), sample(some))
    with pytest.raises(PermissionMissing, match="sees no query of an application on the target") as refused:
        compare(sample(some), sample(none, hidden=7))
    assert refused.value.details == ('GRANT pg_read_all_stats TO "reader";',)


def test_without_overlap_there_is_a_report_and_a_problem() -> None:
    found = compare(sample(entries(a=usage(10, 1.0))), sample(entries(b=usage(10, 1.0), c=usage(10, 1.0))))
    assert found.problem is not None
    assert found.problem.exit_code == 4
    assert "1 query, the target 2 queries, and none ran on both" in found.problem.message
    assert compare(sample(entries(a=usage(9, 1.0))), sample(entries(a=usage(9, 1.0)))).problem is None
