"""How many connections load: from the cores of the cluster, a step at a time, by what the target shows."""

from __future__ import annotations

import pytest

from voyager.phases.pacing.control import (
    AGGRESSIVE,
    BALANCED,
    DISABLED,
    SEATS,
    STEPS_TO_FORGET,
    Bounds,
    Controller,
    Machines,
    Reading,
    Slowness,
    Step,
    bounds,
)


def machines(cores: int | None = 48, *, nodes: int = 3, measured: bool = True, own: int = 2) -> Machines:
    return Machines(cores, nodes, measured, own)


@pytest.mark.parametrize(
    ("mode", "there", "start", "most"),
    [
        (BALANCED, machines(48), 12, 24),
        (AGGRESSIVE, machines(48), 24, 48),
        (DISABLED, machines(48), 12, 12),
        (BALANCED, machines(2, nodes=1), 2, 2),
        (BALANCED, machines(8, nodes=1), 2, 4),
        (AGGRESSIVE, machines(2, nodes=1), 2, 2),
        (BALANCED, machines(None), 6, 24),
        (BALANCED, machines(None, measured=False), 6, 12),
        (BALANCED, machines(None, nodes=1, measured=False, own=6), 6, 12),
        (AGGRESSIVE, machines(None, nodes=1, measured=False, own=64), 8, 32),
        (AGGRESSIVE, machines(4000), SEATS, SEATS),
    ],
)
def test_the_number_begins_at_a_quarter_of_the_cores_and_ends_at_half(
    mode: str, there: Machines, start: int, most: int
) -> None:
    found = bounds(mode, there)
    assert (found.start, found.most) == (start, most)
    assert found.fixed is (mode == DISABLED)


def test_a_number_that_was_asked_for_is_fixed_and_a_limit_is_kept() -> None:
    assert bounds(BALANCED, machines(48), jobs=5) == Bounds(5, 5, fixed=True)
    assert bounds(DISABLED, machines(48), jobs=5) == Bounds(5, 5, fixed=True)
    limited = bounds(BALANCED, machines(48), most=7)
    assert (limited.start, limited.most, limited.fixed) == (7, 7, False)
    beyond = bounds(BALANCED, machines(48), most=40)
    assert (beyond.start, beyond.most) == (12, 40)


def test_an_idle_cluster_gets_one_connection_more_at_a_time_up_to_the_limit() -> None:
    pace = Controller(Bounds(2, 4))
    assert pace.step(Reading(cpu=0.3)) == Step(2, 3, "the busiest node's processors are 30% busy")
    assert pace.step(Reading(cpu=0.5)) == Step(3, 4, "the busiest node's processors are 50% busy")
    assert pace.step(Reading(cpu=0.5)) is None
    assert pace.now == 4


def test_connections_without_work_are_no_reason_for_more() -> None:
    assert Controller(Bounds(2, 4)).step(Reading(cpu=0.1, busy=False)) is None


@pytest.mark.parametrize(
    ("mode", "cpu", "now"), [(BALANCED, 0.81, 11), (BALANCED, 0.79, 13), (AGGRESSIVE, 0.94, 25), (AGGRESSIVE, 0.96, 23)]
)
def test_a_busy_cluster_gets_one_less_by_the_limit_of_the_mode(mode: str, cpu: float, now: int) -> None:
    pace = Controller(bounds(mode, machines(48)))
    pace.step(Reading(cpu=cpu))
    assert pace.now == now


def test_a_node_short_of_memory_gets_one_less_whatever_its_processors_do() -> None:
    step = Controller(Bounds(4, 8)).step(Reading(cpu=0.1, memory_free=0.09))
    assert step == Step(4, 3, "a node has 9% of its memory free (reserve 10%)")


def test_one_connection_always_stays() -> None:
    pace = Controller(Bounds(1, 8))
    assert pace.step(Reading(cpu=1.0)) is None
    assert pace.step(Reading(hindered={"53300": 9})) is None
    assert pace.now == 1


def test_a_target_out_of_connections_gets_half_and_conflicts_one_less() -> None:
    pace = Controller(Bounds(8, 16))
    assert pace.step(Reading(cpu=0.1, hindered={"53300": 2})) == Step(8, 4, "the target is out of connections (53300)")
    conflicts = pace.step(Reading(cpu=0.1, hindered={"40001": 3}))
    assert conflicts == Step(4, 3, "the target reports conflicts (40001, seen 3 x)")


def test_a_connection_that_broke_says_nothing_of_the_load() -> None:
    assert Controller(Bounds(4, 4)).step(Reading(cpu=0.1, hindered={"08006": 3, "": 2})) is None


def test_what_was_too_much_is_not_tried_again_for_a_while() -> None:
    pace = Controller(Bounds(4, 8))
    pace.step(Reading(cpu=0.9))
    assert pace.now == 3
    waited = [pace.step(Reading(cpu=0.1)) for _ in range(STEPS_TO_FORGET - 1)]
    assert waited == [None] * (STEPS_TO_FORGET - 1)
    again = pace.step(Reading(cpu=0.1))
    assert again is not None
    assert (again.before, again.now) == (3, 4)


def test_without_figures_of_the_target_the_time_of_batches_decides() -> None:
    pace = Controller(Bounds(4, 8))
    assert pace.step(Reading()) is None
    faster = pace.step(Reading(slowness=1.1))
    assert faster == Step(4, 5, "batches take 1.1 times what they took at best")
    assert pace.step(Reading(slowness=1.4)) is None
    assert pace.step(Reading(slowness=1.6)) == Step(5, 4, "batches take 1.6 times what they took at best")
    # What we began with is not given up for a little: the load of others comes and goes.
    assert pace.step(Reading(slowness=3.9)) is None
    assert pace.step(Reading(slowness=4.1)) == Step(4, 3, "batches take 4.1 times what they took at best")


def test_a_fixed_number_stays_whatever_happens() -> None:
    pace = Controller(Bounds(5, 5, fixed=True))
    assert pace.step(Reading(cpu=1.0, memory_free=0.0, hindered={"53300": 9})) is None


def test_other_bounds_take_effect_at_once() -> None:
    pace = Controller(Bounds(4, 8))
    assert pace.move_to(Bounds(9, 9, fixed=True)) == 9
    assert pace.move_to(Bounds(2, 6)) == 6
    assert pace.step(Reading(cpu=0.9)) is not None
    assert pace.now == 5


def test_slowness_compares_a_table_with_itself_alone() -> None:
    slow = Slowness()
    assert slow.since_last() is None
    slow.took("plain", 1000, 1.0)
    slow.took("indexed", 1000, 10.0)
    assert slow.since_last() == pytest.approx(1.0)
    assert slow.since_last() is None
    slow.took("plain", 1000, 1.0)
    slow.took("indexed", 1000, 30.0)
    assert slow.since_last() == pytest.approx(2.0, rel=0.01)


def test_slowness_weighs_batches_by_their_size() -> None:
    slow = Slowness()
    slow.took("a", 1_000_000, 1.0)
    slow.since_last()
    slow.took("a", 999_000, 0.999)
    slow.took("a", 1_000, 0.1)
    assert slow.since_last() == pytest.approx(1.1, rel=0.02)
