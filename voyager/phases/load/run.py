"""Importer: the workers of an import, which load every batch once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from voyager.data_file import ChunkManifest, ChunkReader
from voyager.errors import BlockersFound, DamagedFile, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.failed_tables import gravity, others_go_on, together
from voyager.phases.load.plan import BatchPlan, BatchVoucher, Unit, ledger_row, load_of
from voyager.phases.load.progress import ImportProgress
from voyager.phases.pacing.retrying import Retrying
from voyager.postgres.retries import Retries
from voyager.target.fill import Fill
from voyager.target.load import Loader
from voyager.target.nodes import Nodes

LOOK_EVERY = 0.05


class Pace(Protocol):
    """How many workers may load now. Workers are numbered from 0."""

    @property
    def most(self) -> int:
        """How many workers there are at most, those that must wait included."""
        ...

    def may(self, worker: int, /) -> bool:
        """Whether this worker may begin its next batch now; if not, it gives its work back and waits for its turn."""
        ...

    async def turn(self, worker: int, over: Callable[[], bool], /) -> None:
        """Wait until this worker may load, or until over() says that nothing is left to do or that all must stop."""

    def loaded(self, worker: int, batch: BatchPlan, seconds: float, /) -> None:
        """A batch was committed."""

    def hindered(self, worker: int, reason: VoyagerError, /) -> None:
        """A batch is to be tried again."""


class Feed(Protocol):
    """Where the workers take their units from. It may grow while the export runs."""

    @property
    def exhausted(self) -> bool:
        """Nothing is there, and nothing will come but what is given back."""
        ...

    def take(self) -> Unit | None:
        """The unit to load next; None when there is none now."""
        ...

    def give_back(self, unit: Unit, /) -> None:
        """What a worker took and may not load now."""

    def left(self, unit: Unit, /) -> None:
        """The worker is done with the unit, whatever came of it; what it gave back is given out again."""

    def counts(self, chunk: ChunkManifest, /) -> bool:
        """Whether the chunk is still what is to be loaded: a running export may drop it, to read its table anew."""
        ...


class Policy(Protocol):
    """How rows come into their tables, and what becomes of those that the target refuses."""

    async def admit(self, table: TableName, /) -> None:
        """Raise BlockersFound when nothing may be loaded into the table. Asked before its first batch of a run."""

    def fill(self, table: TableName, /) -> Fill | None:
        """The way into the table; None for plain COPY."""
        ...

    async def refused(self, loader: Loader, reader: ChunkReader, batch: BatchPlan, error: BlockersFound, /) -> int:
        """Load the batch without them and return how many rows were set aside, or raise what ends its table."""
        ...


class FixedPace:
    """As many workers as were asked for, always."""

    def __init__(self, workers: int) -> None:
        self.most = workers

    def may(self, _worker: int) -> bool:
        return True

    async def turn(self, _worker: int, _over: Callable[[], bool]) -> None:
        return

    def loaded(self, _worker: int, _batch: BatchPlan, _seconds: float) -> None:
        return

    def hindered(self, _worker: int, _reason: VoyagerError) -> None:
        return


class QueueFeed:
    """All that is to be loaded is known from the start."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units = deque(units)

    @property
    def exhausted(self) -> bool:
        return not self._units

    def take(self) -> Unit | None:
        return self._units.popleft() if self._units else None

    def give_back(self, unit: Unit) -> None:
        self._units.appendleft(unit)

    def left(self, _unit: Unit) -> None:
        return

    def counts(self, _chunk: ChunkManifest) -> bool:
        return True


class Abort:
    """Plain COPY into whatever is there; a row that the target refuses ends the loading of its table."""

    async def admit(self, _table: TableName) -> None:
        return

    def fill(self, _table: TableName) -> Fill | None:
        return None

    async def refused(self, _loader: Loader, _reader: ChunkReader, _batch: BatchPlan, error: BlockersFound) -> int:
        raise error


class Importer:
    """One run of an import: loads what its feed gives, several connections at a time."""

    def __init__(
        self,
        job: Job,
        standing: ImportProgress,
        *,
        feed: Feed,
        pace: Pace,
        policy: Policy,
        nodes: Nodes | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._job = job
        self._nodes = nodes
        self._standing = standing
        self._feed, self._pace, self._policy = feed, pace, policy
        self._failed: dict[TableName, VoyagerError] = {}
        self._admitted: set[TableName] = set()
        self._retries = retries or Retries()
        self._stopping = False
        self._in_hand = 0
        self._retrying = Retrying(job, pace.hindered)

    async def run(self) -> None:
        """Load everything; a table whose rows are damaged or refused is left behind, and raised when the rest is in."""
        self._standing.tell_all()
        workers = (self._work(number) for number in range(self._pace.most))
        results = await asyncio.gather(*workers, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=gravity)
        if self._failed:
            raise together(self._failed)

    def _over(self) -> bool:
        """Nothing is left to do, or all must stop. What a worker has in hand may come back."""
        return self._stopping or (self._feed.exhausted and not self._in_hand)

    async def _work(self, number: int) -> None:
        job = self._job
        loader = Loader(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=lambda backend: self.announce(number, backend),
            pause=lambda reason, seconds: self._retrying.pause(number, reason, seconds),
            outage_budget=job.store.outage_budget,
            nodes=self._nodes,
            retries=self._retries,
        )
        try:
            while not self._over():
                if not self._pace.may(number):
                    # Who waits, perhaps for hours, keeps no connection.
                    loader.close()
                await self._pace.turn(number, self._over)
                unit = None if self._stopping else self._feed.take()
                if unit is None:
                    job.checkpoint()
                    await asyncio.sleep(LOOK_EVERY if not self._over() else 0)
                    continue
                self._in_hand += 1
                try:
                    await self._load_unit(number, loader, unit)
                finally:
                    self._in_hand -= 1
                    self._feed.left(unit)
        except BaseException:
            self._stopping = True
            raise
        finally:
            loader.close()

    async def _load_unit(self, number: int, loader: Loader, unit: Unit) -> None:
        chunk = unit[0].chunk
        if chunk.table in self._failed:
            return
        try:
            if chunk.table not in self._admitted:
                await self._policy.admit(chunk.table)
                self._admitted.add(chunk.table)
            with ChunkReader(self._job.export_dir.data, chunk) as reader:
                for done, batch in enumerate(unit):
                    self._job.checkpoint()
                    if self._stopping or chunk.table in self._failed or not self._feed.counts(chunk):
                        return
                    if not self._pace.may(number):
                        self._feed.give_back(unit[done:])
                        return
                    await self._load_batch(number, loader, reader, batch)
        except (DamagedFile, BlockersFound) as error:
            # Other workers may have met the same.
            if not self._feed.counts(chunk) or chunk.table in self._failed:
                return
            self._failed[chunk.table] = error
            self._standing.failed(chunk.table, error)
            self._job.warn(others_go_on(error))

    async def _load_batch(self, number: int, loader: Loader, reader: ChunkReader, batch: BatchPlan) -> None:
        begun = time.monotonic()
        voucher = BatchVoucher(self._job.lease, ledger_row(batch, self._job.lease))
        set_aside = 0
        try:
            await loader.load(load_of(reader, batch), voucher, self._policy.fill(batch.chunk.table))
        except BlockersFound as error:
            set_aside = await self._policy.refused(loader, reader, batch, error)
        self._pace.loaded(number, batch, time.monotonic() - begun)
        self._standing.loaded(batch, set_aside)

    async def announce(self, number: int, backend: dict[str, Any]) -> None:
        """Record a connection that loads for this importer beside its workers'."""
        await self._retrying.announce(number, backend)
