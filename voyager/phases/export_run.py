"""Exporter: the workers that read the parts of an export, and what happens when it is cut off and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from voyager.catalog import Table
from voyager.data_file import ChunkManifest, ChunkWriter, data_name, manifest_name
from voyager.errors import DatabaseAway, Interrupted, LeaseLost, NotAllowed, OutOfSpace, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export_attempt import (
    NAME,
    Counters,
    ExportAttempt,
    Finished,
    SnapshotTaken,
    by_table,
    finished_chunks,
)
from voyager.phases.job import Job
from voyager.phases.sizes import readable_size
from voyager.ports import ChunkRange, Snapshot
from voyager.progress import TableProgress
from voyager.store.lease import lost

# COPY text is rarely smaller than this part of the table's size on the server.
_SMALLEST_SHARE = {"none": 0.6, "zstd": 0.1}
_OURS = re.compile(r"[0-9a-f-]{36}(_data\.sql|\.manifest\.json)|\..*\.tmp")
LONGEST_PAUSE = 10.0


class Exporter:
    """One run of an export: reads what has no manifest yet, `jobs` parts at a time."""

    def __init__(self, job: Job, attempt: ExportAttempt, tables: Sequence[Table], *, jobs: int) -> None:
        self._job = job
        self._data = job.export_dir.data
        self._attempt = attempt
        self._tables = {table.name: table for table in tables}
        self._jobs = jobs
        self._finished: Finished = {}
        self._standing = _Standing(job, attempt)
        self._renewed_at = float("-inf")
        self._stopping = False

    @property
    def rows(self) -> int:
        return sum(manifest.rows for manifest in self._finished.values())

    @property
    def bytes(self) -> int:
        """Of COPY text."""
        return sum(manifest.bytes for manifest in self._finished.values())

    @property
    def file_bytes(self) -> int:
        return sum(manifest.length for manifest in self._finished.values())

    async def run(self) -> ExportAttempt:
        """Read until every part has its manifest. A source that goes away is waited for, as long as for a target."""
        self._take_stock()
        away_since, pause = 0.0, 1.0
        while self._left():
            before = len(self._finished)
            try:
                await self._under_one_snapshot()
            except DatabaseAway as error:
                if len(self._finished) > before:
                    away_since, pause = 0.0, 1.0
                away_since = away_since or time.monotonic()
                waited_too_long = time.monotonic() - away_since + pause > self._job.store.outage_budget
                if waited_too_long or self._must_refuse():
                    raise
                self._job.warn(f"{error.message} Trying again in {pause:.0f} s.")
                await self._wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
        self._attempt = replace(self._attempt, completed=True)
        self._save()
        return self._attempt

    def _take_stock(self) -> None:
        """Find what earlier runs finished, remove what they left unfinished, tell where every table stands."""
        self._finished, others = finished_chunks(self._data, self._attempt)
        if others:
            self._job.warn(f"{len(others)} manifests in {self._data} are damaged or of another export; read anew.")
        remove_files(self._data, keep=frozenset(manifest.chunk_id for manifest in self._finished.values()))
        self._check_space()
        self._standing.take(self._finished.values())

    def _left(self) -> list[ChunkRange]:
        return [part for part in self._attempt.parts if (part.table, part.ordinal) not in self._finished]

    def _must_refuse(self) -> bool:
        return bool(self._job.options.require_one_snapshot and self._finished)

    async def _under_one_snapshot(self) -> None:
        if self._must_refuse():
            raise NotAllowed(
                f"{len(self._finished)} of {len(self._attempt.parts)} parts were read under an earlier snapshot, which"
                " is gone, and --require-one-snapshot is given.",
                "Begin anew with --start-clean, or leave --require-one-snapshot out.",
            )
        counters = await self._counters(settled=False)
        async with self._job.source.open_snapshot(tuple(self._tables.values()), self._jobs) as snapshot:
            if self._finished:
                await self._judge_earlier_chunks()
            self._attempt = self._attempt.with_snapshot(_taken(snapshot, self._attempt, counters))
            self._save()
            await self._read_all(snapshot)

    async def _counters(self, *, settled: bool) -> Counters | None:
        """Read before the snapshot, so that a write seen by neither is impossible. One that is reported late counts as
        made since: only the later of two readings must be settled."""
        return await asyncio.to_thread(self._job.source.write_counters, tuple(self._tables), settled=settled)

    async def _judge_earlier_chunks(self) -> None:
        """Under a second snapshot: which tables were written since theirs, and what that does to what is there.

        A part of a table is a range of its blocks, and an update moves rows between them: a table that was written in
        between and is only partly there is read anew. One that is wholly there stays, and the export is mixed.
        """
        now = await self._counters(settled=True)
        earlier = {taken.key: taken.counters for taken in self._attempt.snapshots}
        parts = Counter(part.table for part in self._attempt.parts)
        stale: set[TableName] = set()
        for table, manifests in by_table(self._finished).items():
            unchanged = all(_same(earlier.get(manifest.snapshot), now, table) for manifest in manifests)
            if unchanged:
                continue
            if len(manifests) < parts[table]:
                self._drop(table, manifests)
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

    def _drop(self, table: TableName, manifests: Sequence[ChunkManifest]) -> None:
        self._job.warn(f"{table} was only partly read and may have been written since: it is read anew.")
        for manifest in manifests:
            (self._data / manifest_name(manifest.chunk_id)).unlink(missing_ok=True)
            (self._data / manifest.data_name).unlink(missing_ok=True)
            del self._finished[manifest.table, manifest.ordinal]
        self._standing.drop(table)

    async def _read_all(self, snapshot: Snapshot) -> None:
        """Longest first, so that no long part is left for the end."""
        queue = deque(sorted(self._left(), key=lambda part: -part.bytes_estimated))
        self._stopping = False
        workers = (self._work(snapshot, queue) for _ in range(self._jobs))
        results = await asyncio.gather(*workers, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=_gravity)

    async def _work(self, snapshot: Snapshot, queue: deque[ChunkRange]) -> None:
        try:
            while queue and not self._stopping:
                self._job.checkpoint()
                await self._read_part(snapshot, queue.popleft())
        except BaseException:
            self._stopping = True
            raise

    async def _read_part(self, snapshot: Snapshot, part: ChunkRange) -> None:
        table = self._tables[part.table]
        chunk_id = str(uuid4())
        writer = ChunkWriter(self._data / data_name(chunk_id), self._attempt.compression)
        try:
            self._standing.begin(table.name)
            async with snapshot.read(table, part) as rows:
                async for some in rows:
                    if writer.write(some):
                        self._job.checkpoint()
                        self._standing.read_so_far(part, rows=writer.rows, size=writer.bytes)
            await self._still_ours()
            manifest = await asyncio.to_thread(self._publish, chunk_id, part, writer)
        except BaseException:
            writer.discard()
            self._standing.read_so_far(part, rows=0, size=0)
            raise
        self._finished[part.table, part.ordinal] = manifest
        self._standing.finish(part, manifest)

    def _publish(self, chunk_id: str, part: ChunkRange, writer: ChunkWriter) -> ChunkManifest:
        """Make the file durable, then write the manifest that makes it count."""
        writer.finish()
        manifest = ChunkManifest(
            chunk_id=chunk_id,
            attempt=self._attempt.id,
            table=part.table,
            ordinal=part.ordinal,
            predicate=part.predicate,
            columns=self._tables[part.table].copied_columns,
            snapshot=self._attempt.snapshots[-1].key,
            compression=self._attempt.compression,
            rows=writer.rows,
            bytes=writer.bytes,
            length=writer.length,
            blocks=tuple(writer.blocks),
        )
        self._job.export_dir.write_atomic(self._data / manifest_name(chunk_id), manifest.dump())
        return manifest

    async def _still_ours(self) -> None:
        """Record nothing as done without a lease that was renewed within half its length."""
        lease = self._job.lease
        if time.monotonic() - self._renewed_at < lease.seconds / 2:
            return
        asked_at = time.monotonic()
        if not await asyncio.to_thread(self._job.store.leases.renew, lease):
            raise lost(lease)
        self._renewed_at = asked_at

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._job.checkpoint()
            await asyncio.sleep(0.2)

    def _save(self) -> None:
        self._job.export_dir.write_atomic(self._data / NAME, self._attempt.dump())

    def _check_space(self) -> None:
        wanted = sum(part.bytes_estimated for part in self._left()) * _SMALLEST_SHARE[self._attempt.compression]
        free = self._job.export_dir.free_bytes()
        if wanted > free and not self._job.options.skip_disk_check:
            raise OutOfSpace(
                f"{self._data} has {readable_size(free)} left; the rest of the export needs at least"
                f" {readable_size(int(wanted))}.",
                "Make room, use --compression zstd, or another disk; --skip-disk-check tries it all the same.",
            )


class _Standing:
    """Where every table of an export stands, reported whenever it changes."""

    def __init__(self, job: Job, attempt: ExportAttempt) -> None:
        self._report = job.report
        self._estimates = {table.name: table for table in attempt.tables}
        self._parts = Counter(part.table for part in attempt.parts)
        self._rows: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._done: Counter[TableName] = Counter()
        self._reading: dict[TableName, dict[int, tuple[int, int]]] = {}

    def take(self, manifests: Iterable[ChunkManifest]) -> None:
        for manifest in manifests:
            self._add(manifest)
        for table in self._parts:
            self._tell(table)

    def begin(self, table: TableName) -> None:
        self._reading.setdefault(table, {})
        self._tell(table)

    def read_so_far(self, part: ChunkRange, *, rows: int, size: int) -> None:
        self._reading.setdefault(part.table, {})[part.ordinal] = (rows, size)
        self._tell(part.table)

    def finish(self, part: ChunkRange, manifest: ChunkManifest) -> None:
        self._reading[part.table].pop(part.ordinal, None)
        self._add(manifest)
        self._tell(part.table)

    def drop(self, table: TableName) -> None:
        for counter in (self._rows, self._bytes, self._done):
            counter.pop(table, None)
        self._tell(table)

    def _add(self, manifest: ChunkManifest) -> None:
        self._rows[manifest.table] += manifest.rows
        self._bytes[manifest.table] += manifest.bytes
        self._done[manifest.table] += 1

    def _tell(self, table: TableName) -> None:
        done = self._done[table] == self._parts[table]
        reading = self._reading.get(table, {}).values()
        rows = self._rows[table] + sum(rows for rows, _ in reading)
        size = self._bytes[table] + sum(size for _, size in reading)
        estimate = self._estimates[table]
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "DONE" if done else "EXPORTING" if rows or table in self._reading else "QUEUED",
                rows_done=rows,
                rows_total=rows if done else None,
                rows_estimated=max(estimate.rows_estimate, 0) or None,
                bytes_done=size,
                bytes_total=size if done else max(estimate.bytes, size),
            )
        )


def remove_files(data: Path, *, keep: frozenset[str]) -> None:
    """Remove our files under `data` but those of the chunks to keep; manifests first."""
    if not data.is_dir():
        return
    doomed = [path for path in data.iterdir() if _OURS.fullmatch(path.name) and path.name[:36] not in keep]
    for path in sorted(doomed, key=lambda path: not path.name.endswith(".json")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


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


def _gravity(error: Any) -> int:
    """Which of several failures to tell: a lost lease before all, an unforeseen one before an outage, which need not be
    waited for where somebody asked to stop."""
    if isinstance(error, LeaseLost):
        return 5
    if not isinstance(error, VoyagerError):
        return 4
    if isinstance(error, DatabaseAway):
        return 0
    return 1 if isinstance(error, Interrupted) else 3
