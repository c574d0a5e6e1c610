"""TargetTables: the parts of an export as rows of the target, in one transaction with their rows of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import UUID

from voyager.catalog import Table
from voyager.errors import BlockersFound
from voyager.identifiers import TableName
from voyager.phases.export.attempt import ExportAttempt, Finished, FinishedPart
from voyager.phases.export.stream_aside import PartAside, StreamAside
from voyager.phases.export.stream_chunks import chunk_id
from voyager.phases.export.stream_format import binary_alike
from voyager.phases.job import Job
from voyager.phases.load.kept_rows import remove_unneeded
from voyager.phases.load.salvage_block import PHASE
from voyager.phases.pacing.retrying import Retrying
from voyager.phases.pacing.target import TargetPace
from voyager.ports import ChunkRange, Execute, Snapshot
from voyager.store import ledger, quarantine
from voyager.store.lease import Lease
from voyager.target.load import AlreadyLoaded
from voyager.target.receive import Incoming, Received, Receiver
from voyager.target.refusal import RowsRefused

EMPTYING = "emptying.json"
_SHOWN = 20


@dataclass(frozen=True)
class StreamedPart:
    """A part that is in the target, by the ledger."""

    chunk_id: str
    table: TableName
    ordinal: int
    snapshot: str
    rows: int
    bytes: int
    length: int = 0
    set_aside: int = 0


@dataclass(frozen=True)
class StreamVoucher:
    """The lease and the ledger row of one part, as statements of its transaction, with the rows that are set aside."""

    lease: Lease
    batch: ledger.Batch
    aside: PartAside | None = None

    async def begin(self, execute: Execute) -> None:
        await ledger.read_lease(execute, self.lease)

    async def finish(self, execute: Execute, received: Received) -> None:
        try:
            came = replace(self.batch, rows=received.rows, bytes=received.bytes, quarantined=received.set_aside)
            await ledger.record_batch(execute, came)
        except ledger.BatchIsIn:
            raise AlreadyLoaded from None
        if self.aside is not None:
            await asyncio.to_thread(self.aside.keep.publish)
            rows, uuid = self.aside.rows, self.lease.migration_uuid
            await quarantine.set_aside(execute, rows, migration_uuid=uuid, phase=PHASE)
        await ledger.hold_lease(execute, self.lease)

    async def is_in(self, execute: Execute) -> bool:
        return await ledger.batch_is_in(execute, self.batch.chunk_id, self.batch.batch_no)


@dataclass(frozen=True)
class BundleVoucher:
    """The same for several parts in one transaction."""

    lease: Lease
    batches: Sequence[ledger.Batch]

    async def begin(self, execute: Execute) -> None:
        await ledger.read_lease(execute, self.lease)

    async def finish(self, execute: Execute, received: Sequence[Received]) -> None:
        came = [replace(one, rows=it.rows, bytes=it.bytes) for one, it in zip(self.batches, received, strict=True)]
        try:
            await ledger.record_batches(execute, came)
        except ledger.BatchIsIn:
            raise AlreadyLoaded from None
        await ledger.hold_lease(execute, self.lease)


class TargetTables:
    """Sends parts of an export into the target's tables. What is there is what the ledger says."""

    holds = False

    def __init__(self, job: Job, attempt: ExportAttempt, tables: Sequence[Table], pace: TargetPace) -> None:
        self._job = job
        self._pace = pace
        self._attempt = attempt
        self._tables = tables
        self._ids = {chunk_id(attempt, part): part for part in attempt.parts}
        self._binary: frozenset[TableName] = frozenset()
        self._aside = StreamAside.by(job)
        self._idle: list[tuple[int, Receiver]] = []
        self._opened = 0
        self._doubtful = False
        self._unsettled: set[UUID] = set()
        self._retrying = Retrying(job, pace.pace.hindered)

    def take_stock(self) -> Finished:
        """Read the ledger, finish what emptying was cut off, and see that the target's tables are as they must be."""
        finish_emptying(self._job, self._ids)
        remove_unneeded(self._job)
        finished = self._read_ledger()
        self._look_at_target(begun=frozenset(table for table, _ in finished))
        return finished

    def prepare(self, finished: Finished) -> Finished:
        """A part that failed may have been committed without our hearing of it: the ledger knows."""
        if self._doubtful:
            finished = self._read_ledger()
            self._doubtful = False
        return finished

    async def take(
        self, snapshot: Snapshot, table: Table, part: ChunkRange, *, key: str, told: Callable[[int, int], None]
    ) -> StreamedPart:
        """Send one part; `key` names the snapshot, `told` hears the bytes so far (its rows count when they are in)."""
        number, receiver = self._idle.pop() if self._idle else self._open()
        batch, incoming = self._ledger_row(part, key), self._incoming(snapshot, table, part, told)
        try:
            try:
                voucher = StreamVoucher(self._job.lease, batch)
                received = await receiver.receive(incoming, voucher, doubtful=batch.chunk_id in self._unsettled)
            except RowsRefused:
                if self._aside is None:
                    raise
                aside = self._aside.part(batch.chunk_id, table, part)
                text = replace(incoming, binary=False, read=lambda: snapshot.read(table, part))
                received = await aside.send(receiver, text, StreamVoucher(self._job.lease, batch, aside))
        except BaseException:
            self._in_doubt(batch)
            raise
        finally:
            self._idle.append((number, receiver))
        if received is None:
            return await asyncio.to_thread(self._settled, part)
        return _streamed(batch, part, received)

    async def take_together(
        self,
        snapshot: Snapshot,
        parts: Sequence[tuple[Table, ChunkRange]],
        *,
        key: str,
        told: Callable[[ChunkRange, int, int], None],
    ) -> list[StreamedPart] | None:
        """Send small parts in one transaction: what each costs beside its rows is paid once. None to take each."""
        number, receiver = self._idle.pop() if self._idle else self._open()
        batches = [self._ledger_row(part, key) for _, part in parts]
        coming = [self._incoming(snapshot, table, part, partial(told, part)) for table, part in parts]
        try:
            received = await receiver.receive_together(coming, BundleVoucher(self._job.lease, batches))
        except BaseException:
            self._in_doubt(*batches)
            raise
        finally:
            self._idle.append((number, receiver))
        if received is None:
            self._in_doubt(*batches)
            return None
        ranges = [part for _, part in parts]
        return [_streamed(*one) for one in zip(batches, ranges, received, strict=True)]

    def drop(self, parts: Sequence[FinishedPart]) -> None:
        """Empty the table that these parts are of, and forget that they were in."""
        # Idle ones would only wait for what emptying locks.
        self.close()
        tables = sorted({part.table for part in parts})
        path = self._job.export_dir.data / EMPTYING
        self._job.export_dir.write_atomic(path, _dump(tables))
        finish_emptying(self._job, self._ids)

    def rest(self) -> None:
        """Close the connections that nobody uses now; they are opened again when they are wanted."""
        for _, receiver in self._idle:
            receiver.close()

    def close(self) -> None:
        for _, receiver in self._idle:
            receiver.close()
        self._idle.clear()

    def _in_doubt(self, *batches: ledger.Batch) -> None:
        """They may be in without our having heard of it: the ledger is asked before they are sent again."""
        self._doubtful = True
        self._unsettled.update(batch.chunk_id for batch in batches)

    def _read_ledger(self) -> Finished:
        there = self._job.store.batches.streamed(self._job.record.migration_uuid)
        return {
            (part.table, part.ordinal): StreamedPart(
                str(uuid),
                part.table,
                part.ordinal,
                there[uuid].snapshot,
                there[uuid].rows,
                there[uuid].bytes,
                set_aside=there[uuid].set_aside,
            )
            for uuid, part in self._ids.items()
            if uuid in there
        }

    def _settled(self, part: ChunkRange) -> StreamedPart:
        """What the ledger says of a part that was committed without our hearing of it."""
        found = self._read_ledger()[part.table, part.ordinal]
        assert isinstance(found, StreamedPart)
        return found

    def _look_at_target(self, *, begun: frozenset[TableName]) -> None:
        """Choose the form that each table travels in; refuse tables that the target lacks, or that hold other rows."""
        from voyager.target.column_types import read_column_types
        from voyager.target.shape import holding_rows

        names = [table.name for table in self._tables]
        with self._job.target.connect("stream data") as connection:
            there = read_column_types(connection, names)
            _refuse_missing([table for table in self._tables if not _fits(table, there.get(table.name))])
            _refuse_filled(holding_rows(connection, [name for name in names if name not in begun]))
        ours, theirs = self._job.source.probe(), self._job.target.capabilities
        self._binary = frozenset(
            table.name for table in self._tables if binary_alike(table, there[table.name], ours, theirs)
        )

    def _incoming(
        self, snapshot: Snapshot, table: Table, part: ChunkRange, told: Callable[[int, int], None]
    ) -> Incoming:
        binary = table.name in self._binary

        def hear(size: int) -> None:
            self._job.checkpoint()
            told(0, size)

        return Incoming(
            table=table.name,
            columns=table.copied_columns,
            described=f"the rows of part {part.ordinal} of {table.name}",
            binary=binary,
            read=lambda: snapshot.read(table, part, binary=binary),
            told=hear,
        )

    def _ledger_row(self, part: ChunkRange, key: str) -> ledger.Batch:
        lease = self._job.lease
        return ledger.Batch(
            migration_uuid=lease.migration_uuid,
            lease_token=lease.token,
            chunk_id=chunk_id(self._attempt, part),
            batch_no=0,
            blocks=1,
            snapshot=key,
            schema=part.table.schema,
            table=part.table.name,
            rows=0,
            bytes=0,
        )

    def _open(self) -> tuple[int, Receiver]:
        self._opened += 1
        number, job = self._opened, self._job
        receiver = Receiver(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=lambda backend: self._retrying.announce(number, backend),
            pause=lambda reason, seconds: self._retrying.pause(number, reason, seconds),
            outage_budget=job.store.outage_budget,
            nodes=self._pace.nodes,
            retries=self._pace.pace.retries,
        )
        return number, receiver


def _streamed(batch: ledger.Batch, part: ChunkRange, received: Received) -> StreamedPart:
    rows, size, set_aside = received
    return StreamedPart(str(batch.chunk_id), part.table, part.ordinal, batch.snapshot, rows, size, set_aside=set_aside)


def finish_emptying(job: Job, ids: dict[UUID, ChunkRange]) -> None:
    """Empty the tables that are written down for it, forget their parts, then strike them out.

    Rows and ledger cannot go in one transaction on every target: whatever is cut off in between is done again, and the
    ledger vouches for nothing as long as the list is there.
    """
    from voyager.phases.load.undo import empty_tables

    path = job.export_dir.data / EMPTYING
    tables = _load(path)
    if tables:
        job.checkpoint()
        empty_tables(job, frozenset(tables))
        job.checkpoint()
        doomed = [uuid for uuid, part in ids.items() if part.table in tables]
        job.store.quarantine.forget_chunks(job.record.migration_uuid, doomed)
        remove_unneeded(job)
        job.store.batches.forget_chunks(job.record.migration_uuid, doomed)
    path.unlink(missing_ok=True)


def empty_streamed(job: Job) -> None:
    """Undo: empty the tables that hold streamed parts by the ledger, whichever attempt sent them; then forget them."""
    from voyager.phases.load.undo import empty_tables

    streamed = job.store.batches.streamed(job.record.migration_uuid)
    if streamed:
        empty_tables(job, frozenset(chunk.table for chunk in streamed.values()))
        job.checkpoint()
        job.store.quarantine.forget_chunks(job.record.migration_uuid, streamed)
        job.store.batches.forget_chunks(job.record.migration_uuid, streamed)
    remove_unneeded(job)
    (job.export_dir.data / EMPTYING).unlink(missing_ok=True)


def _fits(table: Table, there: dict[str, str] | None) -> bool:
    return there is not None and set(table.copied_columns) <= there.keys()


def _refuse_missing(tables: Sequence[Table]) -> None:
    if not tables:
        return
    raise BlockersFound(
        f"The target has no place for {len(tables):,} of the tables to stream (it lacks the table or a column).",
        "Make them there as the source has them (correct the schema files, then run: yb-voyager migrate import schema) "
        "and run the command again; or leave them out with --exclude-table-list.",
        tuple(str(table.name) for table in tables[:_SHOWN]),
    )


def _refuse_filled(tables: Sequence[TableName]) -> None:
    if not tables:
        return
    raise BlockersFound(
        f"{len(tables):,} of the target's tables hold rows that this export did not stream.",
        "Empty them, or undo an earlier try with --start-clean; then run the command again.",
        tuple(str(table) for table in tables[:_SHOWN]),
    )


def _dump(tables: Sequence[TableName]) -> bytes:
    from voyager.data_file import seal

    return seal({"tables": [[table.schema, table.name] for table in tables]})


def _load(path: Path) -> frozenset[TableName]:
    from voyager.data_file import unseal

    return frozenset(TableName(*name) for name in unseal(path)["tables"]) if path.exists() else frozenset()
