"""What keeps a cutover waiting for a verification, and how it is said: pure, so every case is a value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from statemachine.definition import Facts, Why
from statemachine.machine import Statechart
from statemachine.workflows import OFFLINE
from tests.unit.test_status import NOW, record, up_to, with_phase
from voyager.status import facts, migration_status
from voyager.verification.gate import Limits, Obstacle, age, obstacles, shown_share
from voyager.verification.source_since import SourceSince

GOOD = {"clean": True, "level": "checksum", "complete": True, "coverage": {"share": 100.0, "short": []}}


def verified(summary: dict[str, Any], *, hours_ago: float = 0.0) -> Any:
    moment = (NOW - timedelta(hours=hours_ago)).isoformat()
    return with_phase(
        record(up_to("CUTOVER")), "VERIFY", summary={**summary, "point": {"declared_at": moment}, "at": NOW.isoformat()}
    )


def said(found: list[Obstacle]) -> str:
    return " ".join(obstacle.says for obstacle in found)


def test_a_clean_whole_verification_of_any_age_is_enough_without_limits() -> None:
    assert obstacles(verified(GOOD, hours_ago=5000), Limits()) == []


@pytest.mark.parametrize(("hours", "blocked"), [(23.9, False), (24.1, True), (26, True)])
def test_the_age_counts_from_the_point_that_was_declared_not_from_the_end(hours: float, blocked: bool) -> None:
    assert bool(obstacles(verified(GOOD, hours_ago=hours), Limits(24))) is blocked


def test_an_old_verification_is_told_with_both_numbers_and_what_to_do() -> None:
    (found,) = obstacles(verified(GOOD, hours_ago=26), Limits(24))
    assert found.says == "It was verified 26 h ago, the limit is 24 h."
    assert "yb-voyager migrate verify" in found.hint


@pytest.mark.parametrize(
    ("share", "required", "blocked"), [(100, 100, False), (99.999, 100, True), (80, 80, False), (79.9, 80, True)]
)
def test_coverage_below_the_limit_blocks(share: float, required: float, blocked: bool) -> None:
    summary = {**GOOD, "coverage": {"share": share, "short": ["compared a sample of 5 %"]}}
    found = obstacles(verified(summary), Limits(min_coverage=required))
    assert bool(found) is blocked
    if blocked:
        assert "covers 100 %" not in said(found)
        assert "compared a sample of 5 %" in said(found)


@pytest.mark.parametrize(
    ("share", "shown"),
    [(100.0, "100"), (99.999999, "99.99"), (79.166666, "79.16"), (74.999, "74.99"), (79.2, "79.2"), (58.0, "58"),
     (0.01, "0.01"), (0.009999, "less than 0.01"), (0.0, "0")],
)  # fmt: skip
def test_a_share_is_shown_rounded_down_and_never_up(share: float, shown: str) -> None:
    assert shown_share(share) == shown


def test_how_many_tables_were_whole_is_said_beside_the_share_of_the_rows() -> None:
    coverage = {"share": 99.999999, "tables": {"compared": 3, "whole": 3, "of": 4}, "short": ["left 1 of 4 tables out"]}
    text = said(obstacles(verified({**GOOD, "coverage": coverage}), Limits()))
    assert "covers 99.99 % of the migrated rows (3 of 4 tables whole), 100 % is required: it left 1 of 4" in text


def test_differences_are_counted_and_the_first_objects_named_visibly() -> None:
    summary = {**GOOD, "clean": False, "differences_total": 2, "differences": [{"object": "public.a\x1b[2J"}]}
    text = said(obstacles(verified(summary), Limits()))
    assert "found 2 differences (public.a\\x1b[2J)" in text


@pytest.mark.parametrize("phase", ["IMPORT_DATA", "IMPORT_SCHEMA"])
def test_a_copy_that_was_begun_again_after_the_verification_overtakes_it(phase: str) -> None:
    made = verified(GOOD)
    assert obstacles(made, Limits()) == []
    begun = made.phases["VERIFY"].started_at + timedelta(seconds=1)
    text = said(obstacles(with_phase(made, phase, started_at=begun), Limits()))
    assert f"{phase.replace('_', ' ').title()} was run again" in text


def test_tables_of_the_target_that_were_written_are_named() -> None:
    text = said(obstacles(verified(GOOD), Limits(), target_written=[f"public.t{n}" for n in range(7)]))
    assert "public.t0, public.t1" in text
    assert "and 2 more" in text


def test_what_blocks_is_what_next_says_and_what_a_refused_start_says() -> None:
    made = verified(GOOD, hours_ago=26)
    seen = facts(made, source=SourceSince(True), limits=Limits(24))
    shown = migration_status(made, seen).next
    assert shown.kind == "blocked"
    assert shown.reason == "It was verified 26 h ago, the limit is 24 h."
    assert migration_status(made, limits=Limits(24)).next.reason == shown.reason
    assert migration_status(made).next.kind == "run"


def test_a_reason_of_the_moment_stands_in_for_the_general_words_and_keeps_the_override() -> None:
    chart = Statechart(OFFLINE, {phase.name: "NOT_STARTED" for phase in OFFLINE.phases} | up_to("CUTOVER"))
    general = Facts(holds=frozenset({"source_unchanged", "no_blockers"}))
    (plain,) = chart.reasons("start_CUTOVER", general)
    (special,) = chart.reasons(
        "start_CUTOVER", Facts(holds=general.holds, why={"verified": Why("It is old.", "Again.")})
    )
    assert plain.says == OFFLINE.condition("verified").says
    assert (special.says, special.hint) == ("It is old.", "Again.")
    assert special.condition is not None
    assert special.condition.override == "--accept-unverified"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 min"), (2400, "40 min"), (93_600, "26 h"), (5400, "1.5 h"), (259_200, "3 days")]
)
def test_an_age_is_written_for_people(seconds: float, text: str) -> None:
    assert age(seconds) == text
