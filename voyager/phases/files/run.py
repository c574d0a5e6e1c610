"""FileImporter: readers cut files into batches and workers load them; memory is bounded by bytes in flight."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence

from voyager.errors import BlockersFound, DamagedFile, DatabaseAway, NotAllowed, UsageError, VoyagerError
from voyager.files.dialect import Dialect
from voyager.files.memory import give_large_blocks_back
from voyager.identifiers import TableName, visible
from voyager.phases.files.flight import Flight, Stopped
from voyager.phases.files.order import BatchQueue, check_order, units
from voyager.phases.files.plan import FilePart
from voyager.phases.files.policy import FilePolicy
from voyager.phases.files.progress import FileProgress
from voyager.phases.files.reader import FileBatch, PartReader
from voyager.phases.job import Job
from voyager.phases.load.failed_tables import gravity, others_go_on, together
from voyager.phases.load.plan import BatchVoucher
from voyager.phases.pacing.retrying import Retrying
from voyager.phases.pacing.target import TargetPace
from voyager.store import ledger
from voyager.target.fill import Load, in_pieces
from voyager.target.load import Loader

READERS = 4
LOOK_EVERY = 0.02
_OF_THE_FILE = (DamagedFile, BlockersFound, NotAllowed, UsageError)
"""Errors that end one table; the others go on."""


class FileImporter:
    """One run: every file is read once by one of its readers, its batches are loaded by as many as the pace allows, but
    those of a table whose rows may replace each other one after the other. Raises NotAllowed where that cannot be."""

    def __init__(
        self,
        job: Job,
        parts: Sequence[FilePart],
        dialect: Dialect,
        *,
        limits: tuple[int, int],
        policy: FilePolicy,
        found: TargetPace,
    ) -> None:
        self._job, self._dialect, self._limits = job, dialect, limits
        self._pace, self._nodes = found.pace, found.nodes
        self._progress = FileProgress(job, parts)
        check_order(parts, policy.in_order)
        self._left = units(parts, policy.in_order)
        self._policy = policy
        self._flight = Flight(limits[1])
        self._queue = BatchQueue(policy.in_order)
        self._arrived = asyncio.Event()
        self._all_read, self._in_hand = False, 0
        self._unloaded: Counter[FilePart] = Counter()
        self._failed: dict[TableName, VoyagerError] = {}
        self._unreadable: dict[TableName, FilePart] = {}
        self._stopping = False
        self._readers: set[PartReader] = set()
        self._retrying = Retrying(job, self._pace.hindered)

    async def run(self) -> None:
        """Load everything; a table whose file is damaged or refused is left behind, and raised when the rest is in."""
        give_large_blocks_back()
        self._progress.tell_all()
        working = (self._work(number) for number in range(self._pace.most))
        async with self._pace:
            results = await asyncio.gather(self._feed(), *working, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=gravity)
        if self._failed:
            raise together(self._with_what_helps())

    def _over(self) -> bool:
        return self._stopping or (self._all_read and not self._queue and not self._in_hand)

    async def _feed(self) -> None:
        reading = (self._read_files() for _ in range(min(READERS, len(self._left))))
        results = await asyncio.gather(*reading, return_exceptions=True)
        self._all_read = True
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=gravity)

    async def _read_files(self) -> None:
        try:
            while self._left and not self._stopping:
                for part in self._left.popleft():
                    if part.table.name not in self._failed:
                        await self._read(part)
        except BaseException:
            await self._stop()
            raise

    async def _read(self, part: FilePart) -> None:
        reader = PartReader(part, self._dialect, limits=self._limits, grow=self._growing(part))
        self._readers.add(reader)
        self._unloaded[part] = 1  # the reader itself, so that the file is not done before it is read
        try:
            while not self._stopping and part.table.name not in self._failed:
                self._job.checkpoint()
                await self._queue.room(part.table.name)
                if not await self._read_batch(reader, part):
                    self._settle(part)
                    return
        except _OF_THE_FILE as error:
            if isinstance(error, DamagedFile | BlockersFound) and part.table.name not in self._failed:
                self._unreadable[part.table.name] = part
            self._fail(part.table.name, error)
        except Stopped:
            return
        except DatabaseAway:
            # Where all is to stop, the reader was told to wait no longer.
            if not self._stopping:
                raise
        finally:
            self._readers.discard(reader)
            held = reader.held
            reader.close()
            await self._flight.end(part, held=held)

    def _growing(self, part: FilePart) -> Callable[[int], None]:
        """What a reader calls from its own thread before it has more of a file in hand."""
        loop, flight = asyncio.get_running_loop(), self._flight

        def grow(size: int) -> None:
            if size > flight.share:
                asyncio.run_coroutine_threadsafe(flight.go_beyond(part), loop).result()

        return grow

    async def _read_batch(self, reader: PartReader, part: FilePart) -> bool:
        """Read the next batch when there is room for one, and hand it on; False behind the last one."""
        flight, held = self._flight, reader.held
        asked = flight.share * reader.copies - held
        await flight.enter(asked, by=part)
        batch = None
        try:
            batch = await asyncio.to_thread(reader.next)
            ended = batch is None
            batch = batch or reader.end_mark()
        finally:
            kept = reader.held - held
            if batch is None:
                await flight.leave(asked - kept, by=None)
        if batch is not None:
            await flight.change(batch.size + kept - asked)
            await flight.was_read(part, held=reader.held, batch=batch, size=batch.size)
            self._unloaded[part] += 1
            self._queue.put(reader, batch)
            self._arrived.set()
        return not ended

    async def _work(self, number: int) -> None:
        job = self._job
        loader = Loader(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=lambda backend: self._retrying.announce(number, backend),
            pause=lambda reason, seconds: self._retrying.pause(number, reason, seconds),
            outage_budget=job.store.outage_budget,
            nodes=self._nodes,
            retries=self._pace.retries,
        )
        try:
            while not self._over():
                if not self._pace.may(number):
                    # Who waits, perhaps for hours, keeps no connection.
                    loader.close()
                await self._pace.turn(number, self._over)
                if not await self._load_next(number, loader):
                    # A reader may wait for a server for long.
                    job.checkpoint()
                    self._arrived.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._arrived.wait(), LOOK_EVERY)
        except BaseException:
            await self._stop()
            raise
        finally:
            loader.close()

    async def _load_next(self, number: int, loader: Loader) -> bool:
        """Of its own, so that a worker that waits for the next batch does not keep the last one in memory. False when
        there is none to load now."""
        taken = self._queue.take()
        if taken is None:
            return False
        reader, batch = taken
        self._in_hand += 1
        try:
            self._job.checkpoint()
            if not self._stopping and batch.part.table.name not in self._failed:
                await self._load(number, loader, reader, batch)
        finally:
            self._in_hand -= 1
            await self._queue.done(batch.part.table.name)
            self._arrived.set()
            await self._flight.leave(batch.size, by=batch)
        return True

    async def _load(self, number: int, loader: Loader, reader: PartReader, batch: FileBatch) -> None:
        table, load, set_aside, begun = batch.part.table.name, self._load_of(reader, batch), 0, time.monotonic()
        voucher = BatchVoucher(self._job.lease, self._ledger_row(batch))
        try:
            try:
                await loader.load(load, voucher, self._policy.fill(table))
            except BlockersFound as error:
                set_aside = await self._policy.refused(loader, reader, batch, load=load, voucher=voucher, error=error)
        except _OF_THE_FILE as error:
            self._fail(table, error)
            return
        self._pace.took(number, table, size=batch.size, seconds=time.monotonic() - begun)
        self._progress.loaded(table, rows=batch.rows - set_aside, set_aside=set_aside, weight=batch.weight)
        self._settle(batch.part)

    def _load_of(self, reader: PartReader, batch: FileBatch) -> Load:
        part = batch.part
        return Load(
            table=part.table.name,
            columns=batch.columns,
            rows=batch.rows,
            described=f"rows of {visible(part.file.url)} for {part.table.name}",
            pieces=lambda: in_pieces(batch.data),
            options=self._dialect.copy_options,
            place=lambda line: reader.place(batch, line),
            remedy="Correct the table, or how the file is read (--delimiter, --quote-char, --null-string, --encoding), "
            "and run the command again; or set such rows aside and go on: --error-policy stash-and-continue; or "
            "correct the file and load anew: yb-voyager migrate import file --start-clean.",
        )

    def _ledger_row(self, batch: FileBatch) -> ledger.Batch:
        part, lease = batch.part, self._job.lease
        return ledger.Batch(
            migration_uuid=lease.migration_uuid,
            lease_token=lease.token,
            chunk_id=part.chunk_id,
            batch_no=batch.cut.block,
            blocks=batch.cut.blocks,
            snapshot=str(part.origin),
            schema=part.table.name.schema,
            table=part.table.name.name,
            rows=batch.rows,
            bytes=batch.cut.size,
        )

    def _settle(self, part: FilePart) -> None:
        self._unloaded[part] -= 1
        if not self._unloaded[part]:
            self._progress.ended(part)

    def _fail(self, table: TableName, error: VoyagerError) -> None:
        if table not in self._failed:
            # What it was raised from holds the batch.
            error.__traceback__ = error.__context__ = None
            self._failed[table] = error
            self._progress.failed(table, error)
            self._job.warn(others_go_on(error))

    def _with_what_helps(self) -> dict[TableName, VoyagerError]:
        """What failed, for files that cannot be read with how to go on: one of which rows are in may not change."""
        loaded = self._job.store.batches.loaded(self._job.record.migration_uuid) if self._unreadable else {}
        failed = dict(self._failed)
        for table, part in self._unreadable.items():
            error = failed[table]
            again = "then run the same command again; what was loaded of other files stays."
            if loaded.get(part.chunk_id):
                again = (
                    f"then load everything anew, for rows of it are in {table} already: yb-voyager migrate import file "
                    f"--migration-name {shlex.quote(self._job.record.name)} --start-clean (it empties what was loaded)."
                )
            failed[table] = type(error)(error.message, f"{error.hint.removesuffix('.')}; {again}", error.details)
        return failed

    async def _stop(self) -> None:
        self._stopping = True
        for reader in self._readers:
            reader.give_up()
        await self._queue.open()
        await self._flight.open()
