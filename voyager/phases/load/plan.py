"""What an import has to do: chunk files cut into batches, less what the ledger says is in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from voyager.data_file import Block, ChunkManifest, ChunkReader
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.ports import Execute
from voyager.store import ledger as statements
from voyager.store.lease import Lease
from voyager.store.record import LoadedBatch
from voyager.target.fill import Filled, Load
from voyager.target.load import AlreadyLoaded

UNIT_BYTES = 64 << 20


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


Unit = Sequence[BatchPlan]
"""Batches of one chunk, in the order of its file, that one worker takes at a time."""


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
        """The rows of the file that are in the target, by this import or because they were there already."""
        return sum(one.rows + one.ignored for one in self._of(chunk_id))

    def set_aside(self, chunk_id: str) -> int:
        """The rows of the file that the target refused, those given up since included."""
        return sum(one.quarantined for one in self._of(chunk_id))

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
class BatchVoucher:
    """The lease and the ledger row of one batch, as statements of its transaction."""

    lease: Lease
    batch: statements.Batch

    async def begin(self, execute: Execute) -> None:
        await statements.read_lease(execute, self.lease)

    async def finish(self, execute: Execute, filled: Filled | None = None) -> None:
        await self.record(execute, filled)
        await self.hold(execute)

    async def record(self, execute: Execute, filled: Filled | None = None) -> None:
        try:
            await statements.record_batch(execute, counted(self.batch, filled))
        except statements.BatchIsIn:
            raise AlreadyLoaded from None

    async def hold(self, execute: Execute) -> None:
        await statements.hold_lease(execute, self.lease)

    async def is_in(self, execute: Execute) -> bool:
        return await statements.batch_is_in(execute, self.batch.chunk_id, self.batch.batch_no)


def counted(batch: statements.Batch, filled: Filled | None) -> statements.Batch:
    """The ledger row with what became of the batch's rows, where that is not simply that all are in."""
    if filled is None:
        return batch
    return replace(
        batch, rows=filled.rows, quarantined=filled.set_aside, ignored=filled.ignored, updated=filled.updated
    )


def cut_units(chunks: Sequence[ChunkManifest], ledger: Ledger, limits: tuple[int, int]) -> deque[Unit]:
    """Runs of batches that one worker takes at a time, those of the largest tables first."""
    units: list[Unit] = []
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


def load_of(reader: ChunkReader, batch: BatchPlan) -> Load:
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


def ledger_row(batch: BatchPlan, lease: Lease) -> statements.Batch:
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
