"""The complexity of a migration, at both sides of every threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voyager.assessment.complexity import complexity
from voyager.schema.analyze import Finding


def findings(*counts: int) -> list[Finding]:
    """So many issues of level 1, 2 and 3."""
    return [
        Finding(
            issue_id="X", category="unsupported_features", impact=level, object_type="TABLE", object_name="s.t",
            statement="", file="", line=1, says="", advice="",
        )
        for level, count in enumerate(counts, start=1)
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ((0, 0, 0), "LOW"),
        ((20, 10, 0), "LOW"),
        ((21, 0, 0), "MEDIUM"),
        ((100_000, 0, 0), "MEDIUM"),  # changes of DDL alone never make it HIGH
        ((0, 11, 0), "MEDIUM"),
        ((0, 100, 0), "MEDIUM"),
        ((0, 101, 0), "HIGH"),
        ((0, 0, 1), "MEDIUM"),
        ((0, 0, 4), "MEDIUM"),
        ((0, 0, 5), "HIGH"),
        ((100, 11, 5), "HIGH"),
    ],
)
def test_the_worst_level_decides(counts: tuple[int, int, int], level: str):
    assert complexity(findings(*counts)).level == level


def test_the_explanation_begins_with_the_public_sentence():
    assert complexity(findings(2, 6, 2)).explanation.startswith(
        "Found 2 Level 1 issue(s), 6 Level 2 issue(s) and 2 Level 3 issue(s), resulting in MEDIUM migration complexity"
    )
    assert complexity(findings(0, 32, 22)).explanation.startswith(
        "Found 32 Level 2 issue(s) and 22 Level 3 issue(s), resulting in HIGH migration complexity"
    )
    assert (
        complexity(findings(1, 0, 0)).explanation == "Found 1 Level 1 issue(s), resulting in LOW migration complexity"
    )


def test_the_explanation_says_which_level_decided_and_by_what_limit():
    assert complexity(findings(30, 50, 1)).explanation.endswith(
        "30 Level 1 issues decide: more than 20 make it MEDIUM. 50 Level 2 issues decide: more than 10 make it MEDIUM. "
        "1 Level 3 issue decides: a single one makes it MEDIUM."
    )
    high = complexity(findings(30, 50, 5)).explanation
    assert high.endswith("HIGH migration complexity. 5 Level 3 issues decide: more than 4 make it HIGH.")


def test_without_issues_the_complexity_is_low_and_says_so():
    assert "no issue" in complexity([]).explanation
    assert complexity([]).effort_days is None


def test_what_applies_itself_makes_nothing_harder():
    for_free = [replace(one, issue_id="REDUNDANT_INDEXES") for one in findings(50, 0, 0)]
    assert complexity(for_free).level == "LOW"
    assert complexity([*for_free, *findings(21, 0, 0)]).level == "MEDIUM"


def test_what_is_left_out_is_told_so_that_the_numbers_add_up():
    left_out = [replace(one, issue_id="INDEX_ON_LOW_CARDINALITY_COLUMN") for one in findings(11, 0, 0)]
    found = complexity([*findings(78, 14, 11), *left_out])
    assert found.explanation.startswith(
        "Found 78 Level 1 issue(s), 14 Level 2 issue(s) and 11 Level 3 issue(s)"
        " (and 11 that say how indexes get faster, which do not count), resulting in HIGH"
    )
    assert found.not_counted == 11
    assert "does not count" in complexity(left_out[:1]).explanation
    assert complexity(findings(2, 0, 0)).not_counted == 0
    assert "count)" not in complexity(findings(2, 0, 0)).explanation
