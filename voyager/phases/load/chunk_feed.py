"""ChunkFeed: the units of an import that runs beside its export, given out as the chunks' manifests appear."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voyager.data_file import ChunkManifest, manifest_name
from voyager.errors import DamagedFile, DatabaseAway, NotAllowed
from voyager.identifiers import TableName
from voyager.phases.export.attempt import NAME, ExportAttempt
from voyager.phases.job import Job
from voyager.phases.load import reread
from voyager.phases.load.export_watch import ExportWatch
from voyager.phases.load.plan import Ledger, Unit, cut_units
from voyager.phases.load.progress import ImportProgress
from voyager.progress import TableProgress

LOOK_EVERY = 0.3
SAY_AFTER, SAY_EVERY = 3.0, 60.0
SUFFIX = ".manifest.json"
STEP = "exported parts"
"""How the progress of an import names what the export has finished so far; WAITING while nothing of it is to be loaded.
The exporter reads that, to know whether anybody is going to make room for it."""

Announce = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Seen:
    """What lies in the data directory: the plan, the ids of all manifests, and those that were not known yet."""

    attempt: ExportAttempt | None
    ids: frozenset[str]
    new: tuple[ChunkManifest, ...]


class Directory:
    """Looks into the data directory of a running export. The plan is read again only when it was written anew."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._attempt: ExportAttempt | None = None
        self._plan: tuple[int, int] | None = None

    def look(self, known: Collection[str]) -> Seen:
        """The plan first: when it says that the export is complete, every manifest is there."""
        attempt = self._load()
        ids = frozenset(path.name.removesuffix(SUFFIX) for path in self.data.glob(f"*{SUFFIX}")) if attempt else ()
        new = [found for chunk_id in sorted(ids) if chunk_id not in known and (found := self._manifest(chunk_id))]
        return Seen(attempt, frozenset(ids), tuple(one for one in new if attempt and one.attempt == attempt.id))

    def _load(self) -> ExportAttempt | None:
        try:
            standing = (self.data / NAME).stat()
        except FileNotFoundError:
            return None
        version = (standing.st_mtime_ns, standing.st_ino)
        if version != self._plan:
            self._attempt, self._plan = ExportAttempt.load(self.data), version
        return self._attempt

    def _manifest(self, chunk_id: str) -> ChunkManifest | None:
        """None for one that is gone again or damaged: the export reads its part anew when it goes on."""
        try:
            return ChunkManifest.load(self.data / manifest_name(chunk_id))
        except DamagedFile:
            return None


class ChunkFeed:
    """Follows an export. Each chunk is given out once its manifest is there.

    An export that was cut off may drop the chunks of a table that was written meanwhile and is only partly there, and
    read it anew. What of them was loaded already must go: the table takes no more units, and when no worker holds one
    of it, it is emptied with its ledger rows; then what there is of it counts from the start. Chunks of this attempt
    that the ledger knows and the directory does not are such ones, too, so a restart finds them.
    """

    def __init__(self, job: Job, standing: ImportProgress, *, limits: tuple[int, int], patience: float) -> None:
        self._job = job
        self._standing = standing
        self._limits = limits
        self._directory = Directory(job.export_dir.data)
        self._watch = ExportWatch(job, patience=patience)
        self._ledger = Ledger.read(job)
        self._attempt: ExportAttempt | None = None
        self._chunks: dict[str, ChunkManifest] = {}
        self._queue: list[tuple[int, int, Unit]] = []
        self._absent: dict[str, ChunkManifest] = {}
        self._held: Counter[str] = Counter()
        self._loaded: dict[str, TableName] = {}
        self._stale: set[TableName] = set()
        self._final = False
        self._failure: BaseException | None = None
        self._given = 0
        self._waiting_since: float | None = None
        self._said_at = float("-inf")

    # What the workers ask

    @property
    def exhausted(self) -> bool:
        return self._failure is None and self._final and not self._queue and not self._stale

    def take(self) -> Unit | None:
        if self._failure is not None:
            raise self._failure
        while self._queue:
            unit = heapq.heappop(self._queue)[2]
            chunk = unit[0].chunk
            if self._is_valid(chunk):
                self._held[chunk.chunk_id] += 1
                self._loaded[chunk.chunk_id] = chunk.table
                self._waiting_since = None
                return unit
        return None

    def give_back(self, unit: Unit) -> None:
        self._put(unit)

    def left(self, unit: Unit) -> None:
        self._held[unit[0].chunk.chunk_id] -= 1

    def counts(self, chunk: ChunkManifest) -> bool:
        return self._is_valid(chunk) and (self._directory.data / manifest_name(chunk.chunk_id)).exists()

    # What goes on beside them

    @contextlib.asynccontextmanager
    async def following(self, announce: Announce) -> AsyncIterator[None]:
        """Follow the export until it has ended, or until the workers have."""
        task = asyncio.create_task(self._follow(announce))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self, announce: Announce) -> None:
        try:
            while not self._final or self._stale:
                await self._look()
                await self._empty_what_is_stale(announce)
                self._tell()
                await asyncio.sleep(LOOK_EVERY)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error

    async def _look(self) -> None:
        await asyncio.to_thread(self._watch.look)
        # Known to have ended before the look: then nothing can come after it.
        ended = self._watch.completed
        seen = await asyncio.to_thread(self._directory.look, frozenset(self._chunks))
        await self._know(seen.attempt)
        if self._attempt is None:
            return
        self._forget(seen.ids)
        self._find_stale(seen.ids)
        for chunk in seen.new:
            self._chunks[chunk.chunk_id] = chunk
            if chunk.table not in self._stale:
                self._begin(chunk)
        for chunk in [one for one in self._absent.values() if self._is_there(one)]:
            self._begin(self._absent.pop(chunk.chunk_id))
        if ended and self._attempt.completed:
            self._check_complete()
            for chunk in self._absent.values():
                self._cut(chunk)
            self._absent.clear()
            self._final = True

    async def _know(self, attempt: ExportAttempt | None) -> None:
        """Take the plan in; it stays the same one for as long as this import runs."""
        known = self._attempt
        if attempt is None and known is None:
            return
        if attempt is None or (known is not None and attempt.id != known.id):
            raise NotAllowed(
                f"The export in {self._directory.data} was removed or begun anew while it was being loaded.",
                "Look with: yb-voyager migrate status.",
            )
        if known is None:
            attempt.belongs_to(self._job.record, self._directory.data)
            self._standing.expect(attempt)
            rows = await asyncio.to_thread(self._job.store.batches.chunks, self._job.record.migration_uuid)
            self._loaded = {str(one): table for one, table, key in rows if key.startswith(f"{attempt.id}/")}
        self._attempt = attempt

    def _forget(self, ids: Collection[str]) -> None:
        for chunk_id in [one for one in self._chunks if one not in ids]:
            self._standing.drop(self._chunks.pop(chunk_id))
            self._absent.pop(chunk_id, None)

    def _find_stale(self, ids: Collection[str]) -> None:
        """Rows of a chunk that is not there any more are in, or may be by the time its worker has left."""
        assert self._attempt is not None
        if self._attempt.streamed:
            return
        found = {table for chunk_id, table in self._loaded.items() if chunk_id not in ids} - self._stale
        for table in sorted(found):
            self._job.warn(f"{table} is read anew by the export; what was loaded of it is removed and loaded anew.")
        self._stale |= found
        if found:
            self._queue = [entry for entry in self._queue if entry[2][0].chunk.table not in found]
            heapq.heapify(self._queue)

    async def _empty_what_is_stale(self, announce: Announce) -> None:
        held = {self._loaded[chunk_id] for chunk_id, count in self._held.items() if count and chunk_id in self._loaded}
        for table in sorted(self._stale - held):
            assert self._attempt is not None
            try:
                await asyncio.to_thread(reread.check_only_ours, self._job, table, self._attempt.id)
                await reread.empty(self._job, table, announce)
            except DatabaseAway:
                # The workers wait for it too, and know how long.
                return
            self._ledger = await asyncio.to_thread(Ledger.read, self._job)
            self._stale.discard(table)
            self._loaded = {chunk_id: one for chunk_id, one in self._loaded.items() if one != table}
            chunks = [one for one in self._chunks.values() if one.table == table]
            self._standing.restart(table, chunks)
            for chunk in chunks:
                self._begin(chunk)

    def _begin(self, chunk: ChunkManifest) -> None:
        """Put a chunk into the queue, less what is in. A file that an earlier run removed after loading it, and whose
        table was emptied since, is waited for: the export is about to drop it, or to be found damaged."""
        self._standing.begin(chunk, self._ledger)
        if self._is_there(chunk) or self._standing.is_in(chunk):
            self._cut(chunk)
        else:
            self._absent[chunk.chunk_id] = chunk

    def _cut(self, chunk: ChunkManifest) -> None:
        for unit in cut_units([chunk], self._ledger, self._limits):
            self._put(unit)

    def _put(self, unit: Unit) -> None:
        self._given += 1
        heapq.heappush(self._queue, (-sum(batch.size for batch in unit), self._given, unit))

    def _is_valid(self, chunk: ChunkManifest) -> bool:
        return chunk.chunk_id in self._chunks and chunk.table not in self._stale

    def _is_there(self, chunk: ChunkManifest) -> bool:
        return (self._directory.data / chunk.data_name).exists()

    def _check_complete(self) -> None:
        assert self._attempt is not None
        if self._attempt.streamed:
            return
        there = {(chunk.table, chunk.ordinal) for chunk in self._chunks.values()}
        missing = [part for part in self._attempt.parts if (part.table, part.ordinal) not in there]
        if missing:
            raise DamagedFile(
                f"{len(missing)} of {len(self._attempt.parts)} parts of the exported data have no readable manifest in"
                f" {self._directory.data}.",
                "Restore them, or export anew with: yb-voyager migrate export data --start-clean.",
                tuple(f"{part.table} part {part.ordinal}" for part in missing[:20]),
            )

    def _tell(self) -> None:
        """Say where the export stands; while nothing is to be done, that it is waited for."""
        parts = len(self._attempt.parts) if self._attempt else None
        idle = not self._final and not self._queue and not self._stale and not any(self._held.values())
        status = "DONE" if self._final else "WAITING" if idle else "LOADING"
        streamed = self._attempt is not None and self._attempt.streamed
        if not streamed:
            self._job.report(TableProgress("", STEP, status, rows_done=len(self._chunks), rows_total=parts))
        if not idle:
            self._waiting_since = None
            return
        there = (
            f"{len(self._chunks):,} of {parts:,} parts are exported and loaded." if parts else "No part is exported."
        )
        if streamed:
            there = "Export Data streams the rows into the target's tables itself."
        self._watch.check(there)
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        if now - self._waiting_since > SAY_AFTER and now - self._said_at > SAY_EVERY:
            self._said_at = now
            self._job.warn(f"{there} Waiting for Export Data.")
