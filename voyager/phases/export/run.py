"""Exporter: the workers that read the parts of an export, and what happens when it is cut off and goes on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from voyager.catalog import Table
from voyager.errors import DatabaseAway, NotAllowed
from voyager.identifiers import TableName
from voyager.phases.export.attempt import (
    NAME,
    Counters,
    ExportAttempt,
    Finished,
    FinishedPart,
    SnapshotTaken,
    by_table,
)
from voyager.phases.export.progress import ExportProgress
from voyager.phases.job import Job
from voyager.phases.load.failed_tables import gravity, others_go_on, together
from voyager.phases.pacing.live import CutOff, LivePace
from voyager.ports import ChunkRange, Snapshot
from voyager.target.receive import TargetStaysAway
from voyager.target.refusal import RowsRefused
from voyager.wording import sentence

LONGEST_PAUSE = 10.0
SMALL_BYTES = 128 << 10
MOST_TOGETHER = 32
LOOK_EVERY = 0.02


class Destination(Protocol):
    """Where the parts of an export go: files, or the target's tables.

    `holds` is whether it holds still by itself, in the middle of a part, while the export is paused. What does not is
    cancelled there, and the part is taken anew later.
    """

    holds: bool

    def take_stock(self) -> Finished:
        """What earlier runs finished; what they left unfinished is cleared away."""
        ...

    def prepare(self, finished: Finished) -> Finished:
        """Before each snapshot: what is finished now, as far as this run knows of `finished`."""
        ...

    async def take(
        self, snapshot: Snapshot, table: Table, part: ChunkRange, *, key: str, told: Callable[[int, int], None]
    ) -> FinishedPart:
        """Read one part and keep it; `key` names the snapshot, `told` hears rows and bytes so far."""
        ...

    def drop(self, parts: Sequence[FinishedPart]) -> None:
        """Forget every finished part of one table, to read it anew."""
        ...

    def rest(self) -> None:
        """Let go of what is held open and not in use: fewer work now, perhaps nobody."""

    def close(self) -> None: ...


@runtime_checkable
class Bundling(Protocol):
    """A destination to which small parts can go at one time."""

    async def take_together(
        self,
        snapshot: Snapshot,
        parts: Sequence[tuple[Table, ChunkRange]],
        *,
        key: str,
        told: Callable[[ChunkRange, int, int], None],
    ) -> Sequence[FinishedPart] | None:
        """Read the parts and keep all of them. None where they have to be taken one by one."""
        ...


class Exporter:
    """One run of an export: reads the parts that are not finished, as many at a time as its pace allows."""

    def __init__(
        self,
        job: Job,
        attempt: ExportAttempt,
        tables: Sequence[Table],
        *,
        destination: Destination,
        pace: LivePace,
    ) -> None:
        self._job = job
        self._data = job.export_dir.data
        self._attempt = attempt
        self._tables = {table.name: table for table in tables}
        self._destination = destination
        self._bundling = destination if isinstance(destination, Bundling) else None
        self._pace = pace
        self._finished: Finished = {}
        self._standing = ExportProgress(job, attempt)
        self._refused: dict[TableName, RowsRefused] = {}
        self._stopping = False
        self._in_hand = 0

    @property
    def finished(self) -> Finished:
        return self._finished

    async def run(self) -> ExportAttempt:
        """Read until every part is finished. A source that goes away is waited for, as long as for a target. A table
        whose rows the destination refuses is left behind, and raised when the rest is done."""
        self._finished = self._destination.take_stock()
        self._standing.take(self._finished.values())
        away_since, pause = 0.0, 1.0
        try:
            while self._left():
                before = len(self._finished)
                try:
                    async with self._pace:
                        await self._under_one_snapshot()
                except TargetStaysAway:
                    raise
                except DatabaseAway as error:
                    if len(self._finished) > before:
                        away_since, pause = 0.0, 1.0
                    self._pace.retries.add(error)
                    away_since = away_since or time.monotonic()
                    waited_too_long = time.monotonic() - away_since + pause > self._job.store.outage_budget
                    if waited_too_long or self._must_refuse():
                        raise
                    self._job.warn(f"{sentence(error.message)} Trying again in {pause:.0f} s.")
                    await self._wait(pause)
                    pause = min(LONGEST_PAUSE, pause * 2)
        finally:
            self._destination.close()
        if self._refused:
            raise together(self._refused)
        return self._attempt

    def _left(self) -> list[ChunkRange]:
        return [
            part
            for part in self._attempt.parts
            if (part.table, part.ordinal) not in self._finished and part.table not in self._refused
        ]

    def _must_refuse(self) -> bool:
        return bool(self._job.options.require_one_snapshot and self._finished)

    async def _under_one_snapshot(self) -> None:
        known, self._finished = self._finished, self._destination.prepare(self._finished)
        if self._finished is not known:
            self._standing.take(self._finished.values())
        if self._must_refuse():
            raise NotAllowed(
                f"{len(self._finished)} of {len(self._attempt.parts)} parts were read under an earlier snapshot, which"
                " is gone, and --require-one-snapshot is given.",
                "Begin anew with --start-clean, or leave --require-one-snapshot out.",
            )
        counters = await self._counters()
        async with self._job.source.open_snapshot(tuple(self._tables.values()), self._pace.now) as snapshot:
            if self._finished:
                await self._judge_earlier_chunks()
            self._attempt = self._attempt.with_snapshot(_taken(snapshot, self._attempt, counters))
            self._save()
            await self._read_all(snapshot)

    async def _counters(self, since: datetime | None = None) -> Counters | None:
        """Read before the snapshot, so that a write seen by neither is impossible. One that is reported late counts as
        made since: only the later of two readings, which says since when, must be settled."""
        ask = self._job.source.write_counters
        return await asyncio.to_thread(ask, tuple(self._tables), settled=since is not None, since=since)

    async def _judge_earlier_chunks(self) -> None:
        """Under a second snapshot: which tables were written since theirs, and what that does to what is there.

        A part of a table is a range of its blocks, and an update moves rows between them: a table that was written in
        between and is only partly there is read anew. One that is wholly there stays, and the export is mixed.
        """
        now = await self._counters(min(datetime.fromisoformat(taken.taken_at) for taken in self._attempt.snapshots))
        earlier = {taken.key: taken.counters for taken in self._attempt.snapshots}
        parts = Counter(part.table for part in self._attempt.parts)
        stale: set[TableName] = set()
        for table, done in by_table(self._finished).items():
            unchanged = all(_same(earlier.get(part.snapshot), now, table) for part in done)
            if unchanged:
                continue
            if len(done) < parts[table]:
                self._drop(table, done)
            else:
                stale.add(table)
        stale |= {table for table in stale_before(self._attempt) if table in by_table(self._finished)}
        self._attempt = replace(self._attempt, mixed=tuple(sorted(str(table) for table in stale)))
        if stale:
            why = "written" if now is not None else "written or not (this source cannot tell)"
            self._job.warn(
                f"The export goes on under a new snapshot; {len(stale)} finished tables were {why} since theirs."
                " It is mixed: cutover will ask for a full verification."
            )

    def _drop(self, table: TableName, parts: Sequence[FinishedPart]) -> None:
        self._job.warn(f"{table} was only partly read and may have been written since: it is read anew.")
        self._destination.drop(parts)
        for part in parts:
            del self._finished[part.table, part.ordinal]
        self._standing.drop(table)

    async def _read_all(self, snapshot: Snapshot) -> None:
        """Longest first, so that no long part is left for the end."""
        queue = deque(sorted(self._left(), key=lambda part: -part.bytes_estimated))
        self._stopping = False
        workers = (self._work(number, snapshot, queue) for number in range(self._pace.most))
        results = await asyncio.gather(*workers, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=gravity)

    async def _work(self, number: int, snapshot: Snapshot, queue: deque[ChunkRange]) -> None:
        def over() -> bool:
            # What another worker has in hand may come back.
            return self._stopping or not (queue or self._in_hand)

        try:
            while not over():
                if not self._pace.may(number):
                    self._destination.rest()
                await self._pace.turn(number, over)
                if self._stopping:
                    return
                self._job.checkpoint()
                if parts := self._next(queue):
                    await self._take_on(number, snapshot, queue, parts)
                elif not over():
                    await asyncio.sleep(LOOK_EVERY)
        except BaseException:
            self._stopping = True
            raise

    async def _take_on(
        self, number: int, snapshot: Snapshot, queue: deque[ChunkRange], parts: Sequence[ChunkRange]
    ) -> None:
        """Read the parts; they go back into the queue where the operator does not want to wait for their end."""
        begun = time.monotonic()
        read = self._read_together(snapshot, parts) if len(parts) > 1 else self._read_part(snapshot, parts[0])
        self._in_hand += 1
        try:
            # Where all share one connection to the source, breaking off one part would end the snapshot.
            whole = self._destination.holds or not snapshot.id
            await (read if whole else self._pace.unless_held(number, read))
        except CutOff:
            queue.extendleft(part for part in reversed(parts) if (part.table, part.ordinal) not in self._finished)
        else:
            if len(parts) == 1:
                size, seconds = parts[0].bytes_estimated, time.monotonic() - begun
                self._pace.took(number, parts[0].table, size=size, seconds=seconds)
        finally:
            self._in_hand -= 1

    def _next(self, queue: deque[ChunkRange]) -> list[ChunkRange]:
        """The next part; many where they are small, but fewer towards the end, so that all workers end together."""
        if not queue:
            return []
        parts = [queue.popleft()]
        most = min(MOST_TOGETHER, len(queue) // (2 * max(1, self._pace.now))) if self._bundling else 0
        while len(parts) < most and max(queue[0].bytes_estimated, parts[0].bytes_estimated) <= SMALL_BYTES:
            parts.append(queue.popleft())
        return [part for part in parts if part.table not in self._refused]

    async def _read_together(self, snapshot: Snapshot, parts: Sequence[ChunkRange]) -> None:
        """Read several small parts at one time, or one by one where that fails."""
        assert self._bundling is not None
        for part in parts:
            self._standing.begin(part.table)
        try:
            done = await self._bundling.take_together(
                snapshot,
                [(self._tables[part.table], part) for part in parts],
                key=self._attempt.snapshots[-1].key,
                told=lambda part, rows, size: self._standing.read_so_far(part, rows=rows, size=size),
            )
        except BaseException:
            for part in parts:
                self._standing.read_so_far(part, rows=0, size=0)
            raise
        if done is None:
            for part in parts:
                await self._read_part(snapshot, part)
            return
        for part, one in zip(parts, done, strict=True):
            self._keep(part, one)

    async def _read_part(self, snapshot: Snapshot, part: ChunkRange) -> None:
        table, key = self._tables[part.table], self._attempt.snapshots[-1].key

        def told(rows: int, size: int) -> None:
            self._standing.read_so_far(part, rows=rows, size=size)

        try:
            self._standing.begin(table.name)
            done = await self._destination.take(snapshot, table, part, key=key, told=told)
        except RowsRefused as error:
            self._refused.setdefault(table.name, error)
            self._standing.failed(part, error)
            self._job.warn(others_go_on(error))
            return
        except BaseException:
            self._standing.read_so_far(part, rows=0, size=0)
            raise
        self._keep(part, done)

    def _keep(self, part: ChunkRange, done: FinishedPart) -> None:
        self._finished[part.table, part.ordinal] = done
        self._standing.finish(part, done)

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._job.checkpoint()
            await asyncio.sleep(0.2)

    def _save(self) -> None:
        self._job.export_dir.write_atomic(self._data / NAME, self._attempt.dump())


def stale_before(attempt: ExportAttempt) -> set[TableName]:
    """The tables found written by an earlier run of this attempt."""
    named = set(attempt.mixed)
    return {table.name for table in attempt.tables if str(table.name) in named}


def _taken(snapshot: Snapshot, attempt: ExportAttempt, counters: Counters | None) -> SnapshotTaken:
    key = f"{attempt.id}/{len(attempt.snapshots) + 1}"
    return SnapshotTaken(key, snapshot.id, snapshot.taken_at, getattr(snapshot, "position", ""), counters)


def _same(earlier: Counters | None, now: Counters | None, table: TableName) -> bool:
    """Whether a table is known not to have been written between two readings."""
    return earlier is not None and now is not None and table in now and earlier.get(table) == now[table]
