"""RowPolicy: how an import brings rows into their tables, by its options, and sets aside those that are refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from voyager.data_file import ChunkReader
from voyager.errors import BlockersFound
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.admission import Admission
from voyager.phases.load.allowance import Allowance
from voyager.phases.load.aside import open_rows
from voyager.phases.load.plan import BatchPlan, BatchVoucher, ledger_row, load_of
from voyager.phases.load.row_options import ERROR, STASH, UPDATE
from voyager.phases.load.salvage_block import Keeping, salvage
from voyager.target.fill import CopyFill, FastFill, Fill, RowsLeftOut
from voyager.target.load import Loader
from voyager.target.merge import MergeFill
from voyager.target.refusal import RowNotNamed, RowsRefused
from voyager.target.salvage import FirstRefused, NoneRefused, Refused, Rows

if TYPE_CHECKING:
    from voyager.target.shape import TargetTable

ASK_EVERY = 0.5
"""Seconds until a table that somebody locks is asked for rows again."""


class RowPolicy:
    """The Policy of an import from chunk files."""

    def __init__(self, job: Job) -> None:
        options = job.options
        self._job = job
        self._admission = Admission(job)
        self._admitting = asyncio.Lock()
        self._stash = options.error_policy == STASH
        self._allowance = Allowance(options.max_quarantined, open_rows(job))
        self._keep = Keeping(self._admission.key_of, values=options.quarantine_values)
        self._copy = CopyFill(job.target.capabilities)
        self._fast = FastFill(self._copy)
        self._merge = MergeFill(self._table, update=options.on_primary_key_conflict == UPDATE)
        self._told: set[TableName] = set()

    @property
    def fast(self) -> frozenset[TableName]:
        """The tables that are loaded without distributed transactions, known once one was admitted."""
        return self._admission.fast

    async def admit(self, table: TableName) -> None:
        async with self._admitting:
            await asyncio.to_thread(self._admission.admit, table)
        while not await asyncio.to_thread(self._admission.is_known, table):
            self._job.checkpoint()
            await asyncio.sleep(ASK_EVERY)
        self._admission.admit(table)

    def fill(self, table: TableName) -> Fill:
        return self._fast if table in self._admission.fast else self.careful(table)

    def careful(self, table: TableName) -> Fill:
        """The way for rows that come late, into a table that holds others."""
        merges = self._job.options.on_primary_key_conflict != ERROR and self._table(table).key
        return self._merge if merges else self._copy

    async def refused(self, loader: Loader, reader: ChunkReader, batch: BatchPlan, error: BlockersFound) -> int:
        if not self._stash or not isinstance(error, RowsRefused | RowsLeftOut):
            if isinstance(error, RowNotNamed) and batch.chunk.table not in self.fast:
                await self._name(loader, reader, batch)
            raise error
        set_aside = 0
        for number, block in enumerate(batch.blocks, batch.number):
            found = await salvage(
                self._job,
                loader,
                reader,
                BatchPlan(batch.chunk, number, (block,)),
                fill=self.fill(batch.chunk.table),
                allowance=self._allowance,
                keep=self._keep,
            )
            self._tell(batch.chunk.table, found)
            set_aside += len(found)
        return set_aside

    async def _name(self, loader: Loader, reader: ChunkReader, batch: BatchPlan) -> None:
        """Raise the refusal of the first row at fault by its place, where one is refused by itself."""
        for number, block in enumerate(batch.blocks, batch.number):
            one = BatchPlan(batch.chunk, number, (block,))
            find = FirstRefused(
                self.fill(batch.chunk.table),
                Rows.of(b"".join(reader.pieces(block))),
                checkpoint=self._job.checkpoint,
                place=lambda row: f"row {row + 1:,} of the block",
            )
            with suppress(NoneRefused):
                await loader.load(
                    load_of(reader, one), BatchVoucher(self._job.lease, ledger_row(one, self._job.lease)), find
                )

    def _table(self, table: TableName) -> TargetTable:
        return self._admission.table(table)

    def _tell(self, table: TableName, refused: list[Refused]) -> None:
        """Say the first time that rows of a table are set aside; the end tells how many."""
        if refused and table not in self._told:
            self._told.add(table)
            self._job.warn(f"Rows of {table} are refused and set aside: {refused[0].reason}.")
