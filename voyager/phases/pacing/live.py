"""LivePace: how many workers of a running phase may work now, by the operator's word and by what the target shows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from voyager.errors import VoyagerError
from voyager.phases.job import Job
from voyager.phases.pacing.control import (
    BALANCED,
    MODES,
    SEATS,
    STEP_SECONDS,
    Bounds,
    Controller,
    Machines,
    Reading,
    Slowness,
    bounds,
)
from voyager.postgres.retries import Retries
from voyager.progress import Pacing
from voyager.store.steering import Pause

if TYPE_CHECKING:
    from voyager.identifiers import TableName
    from voyager.phases.load.plan import BatchPlan
    from voyager.target.cluster import Load

T = TypeVar("T")

TICK = 0.02
LET_END_SECONDS = 2.0
"""What ends by itself this soon after the operator's word is better ended than begun anew."""
TELL_SECONDS = 5.0
TELL_RETRIES_SECONDS = 1.0
TABLES_TOLD = 20


class LoadReader(Protocol):
    """Asks the target how busy it is; None where it does not say."""

    def read(self) -> Load | None: ...

    def close(self) -> None: ...


class CutOff(Exception):
    """What was under way was broken off, because the operator wants its worker to hold still."""


@dataclass
class _UnderWay:
    """Something long in the hands of a worker; since when it is to end, and whether it was broken off."""

    task: asyncio.Future[Any]
    asked_at: float = 0.0
    cut_off: bool = False


class LivePace:
    """The pace of one run; entered while it runs. Workers are numbered from 0, and the lowest ones work.

    Every moment it follows the operator (pause, resume, other options); every few seconds the controller judges what
    was seen since. Each change becomes an event with its reason, and the standing goes to whoever looks.
    """

    def __init__(
        self,
        job: Job,
        machines: Machines,
        *,
        load: LoadReader | None = None,
        nodes: Callable[[], Mapping[str, int]] = dict,
        adaptive: bool = True,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        self._job, self._machines, self._adaptive = job, machines, adaptive
        self._load, self._nodes = load, nodes
        self._step_seconds = step_seconds
        self._wishes = self._read_wishes()
        self._control = Controller(self._bounds())
        self._why = "asked for" if self._control.bounds.fixed else "to begin with"
        self._pause: Pause | None = job.steering().pause
        self._slowness = Slowness()
        self.retries = Retries()
        self._retries_told = 0
        self._hindered: Counter[str] = Counter()
        self._hindered_at = float("-inf")
        self._active: set[int] = set()
        self._under_way: dict[int, _UnderWay] = {}
        self._over: Callable[[], bool] = lambda: False
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._stepped_at = self._told_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> int:
        """How many workers may work now, but for a pause."""
        return self._control.now

    @property
    def most(self) -> int:
        """How many workers there are, those that wait included: an operator may want more than any rule gives."""
        return SEATS

    def may(self, worker: int) -> bool:
        """Whether this worker may go on now."""
        allowed = worker < self._control.now and self._pause is None and self._failure is None
        if allowed:
            self._active.add(worker)
        return allowed

    async def turn(self, worker: int, over: Callable[[], bool]) -> None:
        """Wait until this worker may go on, or until over() says that there is nothing left or that all must stop.

        Raises Interrupted and LeaseLost, for while all wait nobody else would notice."""
        self._over = over
        while not self.may(worker) and not over():
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()

    async def hold(self) -> None:
        """Wait while the phase is paused: for a worker in the middle of something long that bears it."""
        while self._pause is not None:
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()

    async def unless_held(self, worker: int, work: Coroutine[Any, Any, T]) -> T:
        """Do something long that can be broken off and begun anew; raises CutOff when it was, by the operator's word: a
        pause, or a number of workers that this one is beyond."""
        one = self._under_way[worker] = _UnderWay(asyncio.ensure_future(work))
        try:
            result: T = await one.task
            return result
        except asyncio.CancelledError:
            if not one.cut_off:
                raise
            raise CutOff from None
        finally:
            del self._under_way[worker]

    def loaded(self, worker: int, batch: BatchPlan, seconds: float) -> None:
        """A batch was committed after this time."""
        self.took(worker, batch.chunk.table, size=batch.size, seconds=seconds)

    def took(self, _worker: int, table: TableName, *, size: int, seconds: float) -> None:
        """So many bytes of a table are in after this time. What was tried again meanwhile says nothing of the speed."""
        if time.monotonic() - seconds > self._hindered_at:
            self._slowness.took(table, size, seconds)

    def hindered(self, _worker: int, reason: VoyagerError) -> None:
        """Something is to be tried again."""
        self._hindered_at = time.monotonic()
        short = "memory pressure" in reason.message.lower()
        self._hindered["53200" if short else reason.server_state] += 1

    async def __aenter__(self) -> Self:
        self._tell()
        self._task = asyncio.ensure_future(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._job.tell_pace(self._with_retries(Pacing(0, self._control.bounds.most, self._mode)))
        if self._load is not None:
            await asyncio.to_thread(self._load.close)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                self._follow()
                self._break_off()
                await self._step_when_due()
                if self._pause is not None:
                    self._job.checkpoint()
            except Exception as error:
                self._failure = error
            if self._over() or self._failure is not None:
                self._wake()

    def _follow(self) -> None:
        """Do what the operator wants."""
        steering = self._job.steering()
        if steering.pause != self._pause:
            self._pause = steering.pause
            self._restart_window()
            self._note(steering.pause.says if steering.pause else "resumed")
        wishes = self._read_wishes()
        if wishes != self._wishes:
            self._wishes, before = wishes, self._control.now
            self._why = "set by the operator"
            now = self._control.move_to(self._bounds())
            self._note(f"{before} workers became {now}: set by the operator", before=before)
        elif time.monotonic() - self._told_at > self._tell_after():
            self._tell()

    def _break_off(self) -> None:
        """End what is in the hands of workers that must hold still. A step of the controller leaves them the time."""
        now = time.monotonic()
        for worker, one in self._under_way.items():
            must = self._pause is not None or (self._control.bounds.fixed and worker >= self._control.now)
            one.asked_at = (one.asked_at or now) if must else 0.0
            if must and not one.cut_off and now - one.asked_at >= LET_END_SECONDS:
                one.cut_off = one.task.cancel()

    async def _step_when_due(self) -> None:
        if self._pause is not None or time.monotonic() - self._stepped_at < self._step_seconds:
            return
        load = await asyncio.to_thread(self._load.read) if self._load is not None else None
        reading = Reading(
            cpu=load.cpu if load else None,
            memory_free=load.memory_free if load else None,
            slowness=self._slowness.since_last(),
            busy=len(self._active) >= self._control.now,
            hindered=dict(self._hindered),
        )
        self._restart_window()
        step = self._control.step(reading)
        if step is not None:
            self._why = step.why
            self._note(f"{step.before} workers became {step.now}: {step.why}", before=step.before)

    def _restart_window(self) -> None:
        self._slowness.since_last()
        self._hindered.clear()
        self._active.clear()
        self._stepped_at = time.monotonic()

    def _note(self, sentence: str, **detail: Any) -> None:
        self._job.note(sentence, {"workers": self._control.now, "why": self._why, **detail})
        self._tell()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed.clear()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        limits, pause = self._control.bounds, self._pause
        pacing = Pacing(
            workers=self._control.now,
            most=limits.most,
            mode=self._mode,
            why=self._why,
            nodes=dict(self._nodes()),
            paused=pause.says if pause else "",
            resume=pause.ends_with if pause else "",
        )
        self._job.tell_pace(self._with_retries(pacing))

    def _tell_after(self) -> float:
        """Tries again are told soon: they may be all that happens."""
        new = self.retries.by_class.total() != self._retries_told
        return TELL_RETRIES_SECONDS if new else TELL_SECONDS

    def _with_retries(self, pacing: Pacing) -> Pacing:
        self._retries_told = self.retries.by_class.total()
        most = sorted(self.retries.by_table.items(), key=lambda one: (-one[1], one[0]))[:TABLES_TOLD]
        return replace(
            pacing,
            retries=dict(sorted(self.retries.by_class.items())),
            retried_tables=tuple(
                {"schema": table.schema, "table": table.name, "retries": count} for table, count in most
            ),
        )

    @property
    def _mode(self) -> str:
        return "fixed" if self._control.bounds.fixed else self._wishes[1]

    def _read_wishes(self) -> tuple[int, str, int]:
        """Number, mode and limit that are wanted now: by the saved options, which begin as the command's own."""
        saved = self._job.steering().options
        options = self._job.options

        def wish(name: str, default: Any) -> Any:
            return saved.get(name, default) if saved is not None else getattr(options, name, default)

        mode = str(wish("adaptive_parallelism", BALANCED))
        jobs, most = int(wish("parallel_jobs", 0)), int(wish("adaptive_parallelism_max", 0))
        return max(0, jobs), mode if mode in MODES else BALANCED, max(0, most)

    def _bounds(self) -> Bounds:
        jobs, mode, most = self._wishes
        return bounds(mode if self._adaptive else "disabled", self._machines, jobs=jobs, most=most)


def source_pace(job: Job) -> LivePace:
    """The pace of a phase that writes nothing into the target: as many workers as were asked for, changed at will."""
    own = os.cpu_count() or 2
    return LivePace(job, Machines(None, 1, measured=False, own_cores=own), adaptive=False)


def wait_while_paused(job: Job) -> None:
    """Between two pieces of work that no worker does: hold still as long as the phase is paused."""
    pause = job.steering().pause
    if pause is None:
        return
    job.note(pause.says, {})
    while pause is not None:
        job.tell_pace(Pacing(0, 0, "fixed", paused=pause.says, resume=pause.ends_with))
        job.checkpoint()
        time.sleep(0.2)
        pause = job.steering().pause
    job.tell_pace(Pacing(0, 0, "fixed"))
    job.note("resumed", {})
