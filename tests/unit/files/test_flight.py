"""How many bytes of files may be in memory: readers wait for room, none for another, and one large row at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from voyager.phases.files.flight import BESIDE, IN_FLIGHT, Flight, Stopped

LIMIT = 8 << 20
SHARE = LIMIT + BESIDE


@dataclass(eq=False)
class Batch:
    size: int


@dataclass
class Ground:
    """Readers that cut batches of given sizes, with so much left over beside each, and workers that load them."""

    flight: Flight
    queue: asyncio.Queue[Batch]
    now: int = 0
    most: int = 0
    loaded: int = 0

    def changed(self, size: int) -> None:
        self.now += size
        self.most = max(self.most, self.now)

    async def read(self, name: str, batches: Sequence[tuple[int, int]]) -> None:
        held = 0
        for size, left in batches:
            asked = self.flight.share - held
            await self.flight.enter(asked, by=name)
            await asyncio.sleep(0)
            if size + left > self.flight.share:
                await self.flight.go_beyond(name)
            self.changed(size + left - held)
            batch = Batch(size)
            await self.flight.change(size + left - held - asked)
            await self.flight.was_read(name, held=left, batch=batch, size=size)
            held = left
            self.queue.put_nowait(batch)
        self.changed(-held)
        await self.flight.end(name, held=held)

    async def work(self) -> None:
        while True:
            batch = await self.queue.get()
            await asyncio.sleep(0.001)
            self.changed(-batch.size)
            self.loaded += 1
            await self.flight.leave(batch.size, by=batch)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


async def loaded(readers: Sequence[Sequence[tuple[int, int]]], workers: int) -> Ground:
    ground = Ground(Flight(LIMIT), asyncio.Queue())
    working = [asyncio.create_task(ground.work()) for _ in range(workers)]
    await asyncio.gather(*(ground.read(f"reader {n}", batches) for n, batches in enumerate(readers)))
    while ground.loaded < sum(map(len, readers)):
        await asyncio.sleep(0.001)
    for task in working:
        task.cancel()
    return ground


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize(
    ("batches", "beyond"),
    [
        ([(LIMIT, 0)] * 40, 0),
        ([(LIMIT // 2, LIMIT // 2)] * 40, 0),
        ([(1000, 0)] * 50, 0),
        ([(64 << 10, SHARE - (64 << 10)), (SHARE, 0)] * 10, 0),
        ([(100 << 20, 0)] * 10, 100 << 20),
        # A small batch is cut off before a row that is read ahead for it.
        ([(64 << 10, 100 << 20), (100 << 20, 0)] * 5, 100 << 20),
    ],
)
def test_all_is_loaded_within_the_bound(workers: int, batches: list[tuple[int, int]], beyond: int) -> None:
    ground = run(loaded([batches] * 4, workers))
    assert ground.now == 0
    assert ground.most <= IN_FLIGHT + beyond + (64 << 10) * 4


def test_what_fits_is_read_ahead_while_others_are_loaded() -> None:
    ground = run(loaded([[(LIMIT, 0)] * 10] * 4, 4))
    assert ground.most > IN_FLIGHT - 2 * SHARE


def test_whoever_waits_is_let_go_when_all_is_to_stop() -> None:
    async def stop() -> None:
        flight = Flight(LIMIT)
        await flight.go_beyond("one")
        waiting = asyncio.create_task(flight.go_beyond("other"))
        for number in range(IN_FLIGHT // SHARE):
            await flight.enter(SHARE, by=number)
        entering = asyncio.create_task(flight.enter(SHARE, by="late"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert not entering.done()
        await flight.open()
        await entering
        with pytest.raises(Stopped):
            await waiting

    run(stop())
