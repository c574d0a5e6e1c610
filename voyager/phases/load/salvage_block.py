"""One block of a chunk file loaded without the rows that the target refuses, which are set aside with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from voyager.data_file import ChunkManifest, ChunkReader
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.allowance import Allowance
from voyager.phases.load.copy_row import values_of
from voyager.phases.load.plan import BatchPlan, BatchVoucher, ledger_row, load_of
from voyager.ports import Execute
from voyager.store import quarantine
from voyager.store.record import SetAsideRow
from voyager.target.fill import Fill, Filled
from voyager.target.load import Loader
from voyager.target.salvage import Refused, Rows, Salvage

PHASE = "IMPORT_DATA"


@dataclass(frozen=True)
class SalvageVoucher:
    """What makes a block count that was loaded without some of its rows: they are written down in its transaction."""

    voucher: BatchVoucher
    rows: Callable[[], Sequence[SetAsideRow]]

    async def begin(self, execute: Execute) -> None:
        await self.voucher.begin(execute)

    async def finish(self, execute: Execute, filled: Filled) -> None:
        await self.voucher.record(execute, filled)
        lease = self.voucher.lease
        await quarantine.set_aside(execute, self.rows(), migration_uuid=lease.migration_uuid, phase=lease.phase)
        await self.voucher.hold(execute)

    async def is_in(self, execute: Execute) -> bool:
        return await self.voucher.is_in(execute)


@dataclass(frozen=True)
class Keeping:
    """What is kept of a row set aside: the columns of its key, where the table has one, and its values if asked."""

    key_of: Callable[[TableName], tuple[str, ...]]
    values: bool = False

    def of(self, chunk: ChunkManifest, block: int, rows: Rows, refused: Sequence[Refused]) -> list[SetAsideRow]:
        key = tuple(name for name in self.key_of(chunk.table) if name in chunk.columns)
        return [self._row(chunk, block, rows.between(one.row, one.row + 1), one, key) for one in refused]

    def _row(
        self, chunk: ChunkManifest, block: int, text: memoryview, refused: Refused, key: tuple[str, ...]
    ) -> SetAsideRow:
        chunk_id = UUID(chunk.chunk_id)
        return SetAsideRow(
            id=uuid5(chunk_id, f"{block}/{refused.row}"),
            schema=chunk.table.schema,
            table=chunk.table.name,
            chunk_id=chunk_id,
            block=block,
            row=refused.row,
            file=chunk.data_name,
            offset=chunk.blocks[block].offset,
            key=values_of(text, chunk.columns, key) if key else None,
            reason=refused.reason,
            sqlstate=refused.sqlstate,
            values=values_of(text, chunk.columns, chunk.columns) if self.values else None,
        )


async def salvage(
    job: Job, loader: Loader, reader: ChunkReader, batch: BatchPlan, *, fill: Fill, allowance: Allowance, keep: Keeping
) -> list[Refused]:
    """Load a batch of one block; returns the rows that were set aside with it."""
    table = batch.chunk.table
    rows = Rows.of(b"".join(reader.pieces(batch.blocks[0])))
    taken = 0

    def begin() -> None:
        nonlocal taken
        allowance.give_back(table, taken)
        taken = 0

    def give_up(refused: Refused) -> None:
        nonlocal taken
        taken += 1
        allowance.take(table, refused)

    part = Salvage(fill, rows, checkpoint=job.checkpoint, begin=begin, give_up=give_up)
    voucher = SalvageVoucher(
        BatchVoucher(job.lease, ledger_row(batch, job.lease)),
        lambda: keep.of(batch.chunk, batch.number, rows, part.refused),
    )
    try:
        if await loader.load(load_of(reader, batch), voucher, part):
            return part.refused
    except BaseException:
        begin()
        raise
    begin()
    return []
