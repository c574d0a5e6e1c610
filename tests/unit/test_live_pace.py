"""The pace of a run follows the operator at once and the target step by step, and says why it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from voyager.errors import DatabaseAway, Interrupted, UsageError
from voyager.identifiers import TableName
from voyager.phases.pacing.control import Machines
from voyager.phases.pacing.live import CutOff, LivePace, source_pace, wait_while_paused
from voyager.phases.pacing.options import TargetLoad, check_pace_options
from voyager.progress import Pacing
from voyager.store.steering import Pause, Steering
from voyager.target.cluster import Load

PAUSE = Pause(None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "ann@host 1")
SIXTEEN = Machines(16, 1, measured=True, own_cores=2)
TABLE = TableName("public", "t")


@dataclass
class Run:
    """A job as far as a pace knows one."""

    options: Any = field(default_factory=TargetLoad)
    now: Steering = field(default_factory=Steering)
    told: list[Pacing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False

    def steering(self) -> Steering:
        return self.now

    def tell_pace(self, pacing: Pacing) -> None:
        self.told.append(pacing)

    def note(self, sentence: str, _detail: Any) -> None:
        self.notes.append(sentence)

    def checkpoint(self) -> None:
        if self.stopped:
            raise Interrupted("stopped", "")


class Figures:
    """A target that shows these figures."""

    def __init__(self, *loads: Load | None) -> None:
        self.loads, self.closed = list(loads), False

    def read(self) -> Load | None:
        return self.loads.pop(0) if len(self.loads) > 1 else self.loads[0]

    def close(self) -> None:
        self.closed = True


def live(run: Run, *, machines: Machines = SIXTEEN, **more: Any) -> LivePace:
    return LivePace(run, machines, step_seconds=0.05, **more)  # type: ignore[arg-type]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def allowed(pace: LivePace) -> int:
    return sum(pace.may(worker) for worker in range(pace.most))


def played(play: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(play(), 120))  # type: ignore[arg-type]


def test_the_lowest_workers_work_and_the_others_wait_until_it_is_their_turn_or_all_is_over() -> None:
    async def play() -> None:
        run = Run()
        async with live(run, load=Figures(Load(0.99, 0.5))) as pace:
            assert allowed(pace) == 4
            over = False
            waiting = asyncio.ensure_future(pace.turn(4, lambda: over))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            over = True
            await asyncio.wait_for(waiting, 60)
            await pace.turn(0, lambda: False)

    played(play)


def test_a_busy_target_gets_fewer_workers_an_idle_one_more_and_each_change_says_why() -> None:
    async def play() -> None:
        run, figures = Run(), Figures(Load(0.10, 0.5), Load(0.20, 0.5), Load(0.90, 0.5))
        async with live(run, load=figures) as pace:
            seen: list[int] = []

            def stepped() -> bool:
                seen.append(allowed(pace))
                return seen[-1] == 1

            await until(stepped)
            assert sorted(set(seen)) == [1, 2, 3, 4, 5, 6]
        assert figures.closed
        assert run.notes[:3] == [
            "4 workers became 5: the busiest node's processors are 10% busy",
            "5 workers became 6: the busiest node's processors are 20% busy",
            "6 workers became 5: a node's processors are 90% busy (limit 80%)",
        ]
        assert (run.told[0].workers, run.told[0].most, run.told[0].mode) == (4, 8, "balanced")
        assert run.told[-2].why == "a node's processors are 90% busy (limit 80%)"
        assert run.told[-1].workers == 0

    played(play)


def test_what_is_tried_again_is_told_soon_and_still_when_all_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voyager.phases.pacing.live.TELL_RETRIES_SECONDS", 0.0)

    async def play() -> None:
        run, orders = Run(), TableName("public", "orders")
        async with live(run, load=Figures(Load(0.6, 0.5))) as pace:
            assert run.told[-1].retries == {}
            pace.retries.add(DatabaseAway("the server closed the connection", ""), orders)
            pace.retries.add(DatabaseAway("the server closed the connection", ""), orders)
            await until(lambda: sum(run.told[-1].retries.values()) == 2)
            told = run.told[-1].retried_tables
        assert told == ({"schema": "public", "table": "orders", "retries": 2},)
        assert (run.told[-1].workers, run.told[-1].retried_tables) == (0, told)

    played(play)


def test_a_target_out_of_connections_gets_half() -> None:
    async def play() -> None:
        run, away = Run(), DatabaseAway("too many clients already", "")
        away.server_state = "53300"
        async with live(run, load=Figures(Load(0.1, 0.5))) as pace:
            pace.hindered(0, away)
            await until(lambda: allowed(pace) == 2)
        assert run.notes == ["4 workers became 2: the target is out of connections (53300)"]

    played(play)


def test_memory_pressure_is_read_from_what_the_target_says() -> None:
    async def play() -> None:
        run = Run()
        async with live(run) as pace:
            pace.hindered(1, DatabaseAway("Could not load: rejected due to memory pressure", ""))
            await until(lambda: allowed(pace) == 2)

    played(play)


def test_batches_that_take_longer_take_workers_away_where_a_target_shows_no_figures() -> None:
    async def play() -> None:
        run = Run()
        async with live(run, machines=Machines(16, 1, measured=False, own_cores=2)) as pace:
            allowed(pace)
            pace.took(0, TABLE, size=1000, seconds=0.1)
            await until(lambda: allowed(pace) == 5)
            # What was tried again does not count.
            pace.hindered(0, DatabaseAway("cut off", ""))
            pace.took(0, TABLE, size=1000, seconds=9.0)
            await asyncio.sleep(0.3)
            assert allowed(pace) == 5
            pace.took(0, TABLE, size=1000, seconds=0.2)
            await until(lambda: allowed(pace) == 4)

    played(play)


def test_a_pause_lets_nobody_work_and_its_end_everybody_as_before() -> None:
    async def play() -> None:
        run = Run()
        async with live(run) as pace:
            run.now = Steering({}, PAUSE)
            await until(lambda: allowed(pace) == 0)
            waiting = asyncio.ensure_future(pace.turn(0, lambda: False))
            held = asyncio.ensure_future(pace.hold())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            assert not held.done()
            assert run.told[-1].paused == "paused since 2026-01-02 03:04:05 UTC by ann@host 1"
            assert run.told[-1].resume == "migrate resume"
            run.now = Steering({}, None)
            await asyncio.wait_for(asyncio.gather(waiting, held), 60)
            assert allowed(pace) == 4
        assert run.notes == [PAUSE.says, "resumed"]
        assert run.told[-1].paused == ""

    played(play)


def test_a_run_that_begins_paused_does_nothing_first() -> None:
    async def play() -> None:
        async with live(Run(now=Steering({}, PAUSE))) as pace:
            assert allowed(pace) == 0

    played(play)


def test_whoever_waits_in_a_pause_can_be_stopped() -> None:
    async def play() -> None:
        run = Run(now=Steering({}, PAUSE))
        async with live(run) as pace:
            waiting = asyncio.gather(pace.turn(0, lambda: False), pace.hold(), return_exceptions=True)
            run.stopped = True
            assert [type(one) for one in await asyncio.wait_for(waiting, 60)] == [Interrupted, Interrupted]

    played(play)


def test_what_the_operator_sets_takes_effect_in_the_running_process() -> None:
    async def play() -> None:
        run = Run()
        async with live(run) as pace:
            run.now = Steering({"parallel_jobs": 11}, None)
            await until(lambda: allowed(pace) == 11)
            assert (run.told[-1].mode, run.told[-1].why) == ("fixed", "set by the operator")
            run.now = Steering({"adaptive_parallelism_max": 3}, None)
            await until(lambda: allowed(pace) == 3)
            run.now = Steering({"adaptive_parallelism": "aggressive"}, None)
            await until(lambda: run.told[-1].most == 16)
        assert run.notes[:2] == ["4 workers became 11: set by the operator", "11 workers became 3: set by the operator"]

    played(play)


def test_a_number_on_the_command_line_is_kept_to() -> None:
    async def play() -> None:
        run = Run(options=TargetLoad(parallel_jobs=5))
        async with live(run, load=Figures(Load(1.0, 0.0))) as pace:
            await asyncio.sleep(0.2)
            assert allowed(pace) == 5
        assert run.notes == []

    played(play)


def test_a_reader_of_the_source_is_asked_for_a_number_and_never_judged() -> None:
    async def play() -> None:
        run = Run(options=SimpleNamespace(parallel_jobs=3))
        async with source_pace(run) as pace:  # type: ignore[arg-type]
            assert allowed(pace) == 3
            run.now = Steering({"parallel_jobs": 6}, None)
            await until(lambda: allowed(pace) == 6)

    played(play)


def test_between_two_pieces_of_work_a_pause_is_waited_for() -> None:
    run = Run(now=Steering({}, PAUSE))
    looks = 0

    def steering() -> Steering:
        nonlocal looks
        looks += 1
        return Steering({}, PAUSE if looks < 3 else None)

    run.steering = steering  # type: ignore[method-assign]
    wait_while_paused(run)  # type: ignore[arg-type]
    assert run.notes == [PAUSE.says, "resumed"]
    assert [bool(pacing.paused) for pacing in run.told] == [True, True, False]


@pytest.mark.parametrize(
    "wrong", [{"adaptive_parallelism": "fast"}, {"parallel_jobs": -1}, {"adaptive_parallelism_max": 100_000}]
)
def test_what_no_pace_can_follow_is_refused(wrong: dict[str, Any]) -> None:
    check_pace_options(TargetLoad())
    with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        check_pace_options(TargetLoad(**wrong))


@pytest.mark.parametrize("word", [Steering(None, PAUSE), Steering({"parallel_jobs": 1})])
def test_what_is_long_is_broken_off_at_the_word_of_the_operator_and_what_ends_soon_is_not(
    monkeypatch: pytest.MonkeyPatch, word: Steering
) -> None:
    monkeypatch.setattr("voyager.phases.pacing.live.LET_END_SECONDS", 0.2)

    async def play() -> None:
        run = Run()
        async with live(run) as pace:
            long = asyncio.ensure_future(pace.unless_held(1, asyncio.sleep(20)))
            short = asyncio.ensure_future(pace.unless_held(2, asyncio.sleep(0.01, "done")))
            await asyncio.sleep(0)
            run.now = word
            with pytest.raises(CutOff):
                await long
            assert await short == "done"

    played(play)


def test_a_step_of_the_controller_and_other_ends_break_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voyager.phases.pacing.live.LET_END_SECONDS", 0.0)

    async def play() -> None:
        async with live(Run(), load=Figures(Load(0.99, 0.5))) as pace:
            long = asyncio.ensure_future(pace.unless_held(3, asyncio.sleep(20)))
            await until(lambda: allowed(pace) == 1)
            await asyncio.sleep(0.1)
            assert not long.done()
            long.cancel()
            with pytest.raises(asyncio.CancelledError):
                await long

    played(play)
