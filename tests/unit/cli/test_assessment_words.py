"""What `assessment` says in words: counts in the right number, and a gap that is no failure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from voyager.assessment.sizing import Sizing
from voyager.cli.assessing import step_in_words
from voyager.cli.render.assessment import CATEGORIES, findings_lines
from voyager.progress import TableProgress
from voyager.schema.issues import issue


def said(*categories: str) -> list[str]:
    findings = [SimpleNamespace(category=one) for one in categories]
    found = SimpleNamespace(findings=findings, statistics=(), sizing=Sizing(), missing=())
    return list(findings_lines(cast("Any", found)))


def test_every_category_of_the_report_has_words() -> None:
    assert set(CATEGORIES) == set(issue.CATEGORIES)


def test_one_is_not_said_as_many() -> None:
    assert said("migration_caveats", "performance_optimizations")[:2] == [
        "1 caveat of the migration",
        "1 performance optimization opportunity",
    ]
    assert said(*["performance_optimizations"] * 2)[0] == "2 performance optimization opportunities"


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        ("DONE", "3 rows", "done (3 rows)"),
        ("SKIPPED", "left out", "left out"),
        ("SKIPPED", "8 rows", "in part (8 rows)"),
        ("FAILED", "", "not possible"),
        ("COLLECTING", "", "…"),
    ],
)
def test_a_step_that_cannot_be_asked_is_not_called_a_failure(status: str, message: str, words: str) -> None:
    assert step_in_words(TableProgress("", "a step", status, message=message)) == words
