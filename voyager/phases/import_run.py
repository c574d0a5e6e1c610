"""Importer: cuts chunk files into batches, and the workers that load each of them once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from voyager.data_file import Block, ChunkManifest, ChunkReader
from voyager.errors import BlockersFound, DamagedFile, Interrupted, LeaseLost, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export_attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.ports import Execute
from voyager.progress import TableProgress
from voyager.store import ledger as statements
from voyager.store.lease import Lease, lost
from voyager.store.record import LoadedBatch
from voyager.target.load import AlreadyLoaded, Load, Loader

UNIT_BYTES = 64 << 20
TELL_EVERY = 60.0


@dataclass(frozen=True)
class BatchPlan:
    """Blocks of one chunk that one transaction loads; `number` is the first block's."""

    chunk: ChunkManifest
    number: int
    blocks: tuple[Block, ...]

    @property
    def rows(self) -> int:
        return sum(block.rows for block in self.blocks)

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks)


@dataclass(frozen=True)
class Ledger:
    """What the target says it holds: by chunk, and which tables by any export of this migration."""

    batches: Mapping[UUID, Sequence[LoadedBatch]]
    tables: frozenset[TableName]

    @classmethod
    def read(cls, job: Job) -> Ledger:
        uuid = job.record.migration_uuid
        return cls(job.store.batches.loaded(uuid), frozenset(job.store.batches.totals(uuid)))

    def covered(self, chunk_id: str) -> set[int]:
        """The numbers of the blocks that are in."""
        return {number for one in self._of(chunk_id) for number in range(one.batch_no, one.batch_no + one.blocks)}

    def rows(self, chunk_id: str) -> int:
        return sum(one.rows for one in self._of(chunk_id))

    def bytes(self, chunk_id: str) -> int:
        return sum(one.bytes for one in self._of(chunk_id))

    def _of(self, chunk_id: str) -> Sequence[LoadedBatch]:
        return self.batches.get(UUID(chunk_id), ())


def plan_batches(chunk: ChunkManifest, covered: set[int], limits: tuple[int, int]) -> list[BatchPlan]:
    """Cut what is not in yet into batches of whole blocks; a batch never reaches over a block that is in."""
    most_rows, most_bytes = limits
    plans: list[BatchPlan] = []
    first, run = 0, list[Block]()
    rows = size = 0
    for number, block in enumerate(chunk.blocks):
        full = run and (rows + block.rows > most_rows or size + block.size > most_bytes)
        if run and (full or number in covered):
            plans.append(BatchPlan(chunk, first, tuple(run)))
            run, rows, size = [], 0, 0
        if number in covered:
            continue
        if not run:
            first = number
        run.append(block)
        rows, size = rows + block.rows, size + block.size
    if run:
        plans.append(BatchPlan(chunk, first, tuple(run)))
    return plans


@dataclass(frozen=True)
class _Voucher:
    """The lease and the ledger row of one batch, as statements of its transaction."""

    lease: Lease
    batch: statements.Batch

    async def begin(self, execute: Execute) -> None:
        await statements.read_lease(execute, self.lease)

    async def finish(self, execute: Execute) -> None:
        try:
            await statements.record_batch(execute, self.batch)
        except statements.BatchIsIn:
            raise AlreadyLoaded from None
        await statements.hold_lease(execute, self.lease)

    async def is_in(self, execute: Execute) -> bool:
        return await statements.batch_is_in(execute, self.batch.chunk_id, self.batch.batch_no)


class Importer:
    """One run of an import: loads what the ledger does not hold, several connections at a time."""

    def __init__(self, job: Job, chunks: Sequence[ChunkManifest], ledger: Ledger, *, limits: tuple[int, int]) -> None:
        self._job = job
        self._standing = _Standing(job, chunks, ledger)
        self._queue = _units(chunks, ledger, limits)
        self._failed: dict[TableName, VoyagerError] = {}
        self._backends: dict[int, dict[str, Any]] = {}
        self._stopping = False
        self._told_at = float("-inf")

    async def run(self, connections: int) -> None:
        """Load everything; a table whose rows are damaged or refused is left behind, and raised when the rest is in."""
        self._standing.tell_all()
        workers = (self._work(number) for number in range(min(connections, len(self._queue))))
        results = await asyncio.gather(*workers, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=_gravity)
        if self._failed:
            raise _together(self._failed)

    async def _work(self, number: int) -> None:
        job = self._job
        loader = Loader(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=lambda backend: self._announce(number, backend),
            pause=self._pause,
            outage_budget=job.store.outage_budget,
        )
        try:
            while self._queue and not self._stopping:
                await self._load_unit(loader, self._queue.popleft())
        except BaseException:
            self._stopping = True
            raise
        finally:
            loader.close()

    async def _load_unit(self, loader: Loader, unit: Sequence[BatchPlan]) -> None:
        chunk = unit[0].chunk
        try:
            with ChunkReader(self._job.export_dir.data, chunk) as reader:
                for batch in unit:
                    self._job.checkpoint()
                    if self._stopping or chunk.table in self._failed:
                        return
                    await loader.load(
                        _load(reader, batch), _Voucher(self._job.lease, _ledger_row(batch, self._job.lease))
                    )
                    self._standing.loaded(batch)
        except (DamagedFile, BlockersFound) as error:
            self._failed[chunk.table] = error
            self._standing.failed(chunk.table, error)
            self._job.warn(f"{error.message} Other tables go on.")

    async def _pause(self, reason: VoyagerError, seconds: float) -> None:
        """Wait before a batch is tried again; told once a minute, and always ready to stop."""
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY:
            self._told_at = now
            self._job.warn(f"{reason.message} Trying again.")
        while time.monotonic() < now + seconds:
            self._job.checkpoint()
            await asyncio.sleep(0.1)

    async def _announce(self, number: int, backend: dict[str, Any]) -> None:
        """Write down who loads before it does: whoever takes the lease over ends these connections first."""
        self._backends[number] = backend
        known = [backend for backend in self._backends.values() if backend]
        lease = self._job.lease
        if not await asyncio.to_thread(self._job.store.leases.renew, lease, known):
            raise lost(lease)


class _Standing:
    """Where every table of an import stands, by the ledger and by what was committed since."""

    def __init__(self, job: Job, chunks: Sequence[ChunkManifest], ledger: Ledger) -> None:
        self._report = job.report
        self._rows_total: Counter[TableName] = Counter()
        self._bytes_total: Counter[TableName] = Counter()
        self._rows: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._failed: dict[TableName, str] = {}
        self._begun: set[TableName] = set()
        for chunk in chunks:
            self._rows_total[chunk.table] += chunk.rows
            self._bytes_total[chunk.table] += chunk.bytes
            self._rows[chunk.table] += ledger.rows(chunk.chunk_id)
            self._bytes[chunk.table] += ledger.bytes(chunk.chunk_id)

    def tell_all(self) -> None:
        for table in self._rows_total:
            self._tell(table)

    def loaded(self, batch: BatchPlan) -> None:
        table = batch.chunk.table
        self._rows[table] += batch.rows
        self._bytes[table] += batch.size
        self._begun.add(table)
        self._tell(table)

    def failed(self, table: TableName, error: VoyagerError) -> None:
        self._failed[table] = error.message
        self._tell(table)

    def _tell(self, table: TableName) -> None:
        done = self._rows[table] >= self._rows_total[table]
        status = "DONE" if done else "LOADING" if table in self._begun else "QUEUED"
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "FAILED" if table in self._failed else status,
                rows_done=self._rows[table],
                rows_total=self._rows_total[table],
                bytes_done=self._bytes[table],
                bytes_total=self._bytes_total[table],
                message=self._failed.get(table, ""),
            )
        )


def _units(chunks: Sequence[ChunkManifest], ledger: Ledger, limits: tuple[int, int]) -> deque[list[BatchPlan]]:
    """Runs of batches that one worker takes at a time, those of the largest tables first."""
    units: list[list[BatchPlan]] = []
    sizes: Counter[TableName] = Counter()
    for chunk in chunks:
        unit: list[BatchPlan] = []
        for batch in plan_batches(chunk, ledger.covered(chunk.chunk_id), limits):
            sizes[chunk.table] += batch.size
            unit.append(batch)
            if sum(one.size for one in unit) >= UNIT_BYTES:
                units.append(unit)
                unit = []
        if unit:
            units.append(unit)
    return deque(sorted(units, key=lambda unit: -sizes[unit[0].chunk.table]))


def _load(reader: ChunkReader, batch: BatchPlan) -> Load:
    chunk = batch.chunk
    first, last = batch.number, batch.number + len(batch.blocks) - 1
    blocks = f"block {first}" if first == last else f"blocks {first} to {last}"
    return Load(
        table=chunk.table,
        columns=chunk.columns,
        rows=batch.rows,
        described=f"the rows of {chunk.table} in {blocks} of {chunk.data_name}",
        pieces=lambda: (piece for block in batch.blocks for piece in reader.pieces(block)),
    )


def _ledger_row(batch: BatchPlan, lease: Lease) -> statements.Batch:
    chunk = batch.chunk
    return statements.Batch(
        migration_uuid=lease.migration_uuid,
        lease_token=lease.token,
        chunk_id=UUID(chunk.chunk_id),
        batch_no=batch.number,
        blocks=len(batch.blocks),
        snapshot=chunk.snapshot,
        schema=chunk.table.schema,
        table=chunk.table.name,
        rows=batch.rows,
        bytes=batch.size,
    )


def empty_tables(job: Job, loaded: frozenset[TableName]) -> None:
    """TRUNCATE the tables that were loaded, together with exported ones that are empty."""
    attempt = ExportAttempt.load(job.export_dir.data)
    exported = {table.name for table in attempt.tables} if attempt else set()
    if not loaded:
        return
    with recorded_connection(job, "import data --start-clean") as connection:
        try:
            there = {name for name in exported | loaded if _exists(connection, name)}
            empty = {name for name in there - loaded if _is_empty(connection, name)}
            names = ", ".join(f"ONLY {name.sql}" for name in sorted(there & loaded | empty))
            job.checkpoint()
            if names:
                connection.execute(f"TRUNCATE TABLE {names}")
        except VoyagerError:
            raise
        except Exception as error:
            from voyager.postgres.failures import translate

            raise translate(error, "empty the tables that were loaded") from None


def _exists(connection: Any, name: TableName) -> bool:
    row = connection.execute("SELECT pg_catalog.to_regclass(%s)", [name.sql]).fetchone()
    return bool(row and row[0])


def _is_empty(connection: Any, name: TableName) -> bool:
    return connection.execute(f"SELECT 1 FROM ONLY {name.sql} LIMIT 1").fetchone() is None


def _together(failed: dict[TableName, VoyagerError]) -> VoyagerError:
    """One error for all tables that were left behind; its kind is the first one's."""
    errors = list(failed.values())
    if len(errors) == 1:
        return errors[0]
    kinds: dict[type[VoyagerError], list[VoyagerError]] = defaultdict(list)
    for error in errors:
        kinds[type(error)].append(error)
    kind = max(kinds, key=lambda one: len(kinds[one]))
    return kind(
        f"{len(errors)} tables could not be loaded completely; all others are in.",
        errors[0].hint,
        tuple(error.message for error in errors),
    )


def _gravity(error: BaseException) -> int:
    if isinstance(error, LeaseLost):
        return 3
    if isinstance(error, Interrupted):
        return 0
    return 1 if isinstance(error, VoyagerError) else 2
