"""FilePolicy: how rows of files come into their tables, by the options, and what becomes of those that are refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid5

from voyager.errors import BlockersFound
from voyager.files.dialect import Dialect
from voyager.files.rows import ends_of
from voyager.identifiers import TableName, visible
from voyager.phases.files.reader import FileBatch, PartReader
from voyager.phases.job import Job
from voyager.phases.load.allowance import Allowance
from voyager.phases.load.aside import open_rows
from voyager.phases.load.copy_row import values_of
from voyager.phases.load.plan import BatchVoucher
from voyager.phases.load.row_options import ERROR, STASH, UPDATE
from voyager.phases.load.salvage_block import SalvageVoucher
from voyager.store.record import SetAsideRow
from voyager.target.fill import CopyFill, Fill, Load, RowsLeftOut
from voyager.target.load import Loader
from voyager.target.merge import MergeFill
from voyager.target.refusal import RowNotNamed, RowsRefused
from voyager.target.salvage import FirstRefused, NoneRefused, Refused, Rows, Salvage
from voyager.target.shape import TargetTable
from voyager.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class _Kept:
    """What is kept of the rows of one batch that are set aside: where they stand, their key, their values if asked."""

    batch: FileBatch
    rows: Rows
    key: tuple[str, ...]
    dialect: Dialect
    with_values: bool

    def of(self, refused: Sequence[Refused]) -> list[SetAsideRow]:
        return [self._row(one) for one in refused]

    def _row(self, refused: Refused) -> SetAsideRow:
        batch, part = self.batch, self.batch.part
        begins = self.rows.ends[refused.row - 1] if refused.row else 0
        values = _values(bytes(self.rows.between(refused.row, refused.row + 1)), batch.columns, self.dialect)
        key = {name: values[name] for name in self.key if name in values}
        return SetAsideRow(
            id=uuid5(part.chunk_id, f"{batch.cut.block}/{refused.row}"),
            schema=part.table.name.schema,
            table=part.table.name.name,
            chunk_id=part.chunk_id,
            block=batch.cut.block,
            row=refused.row,
            file=part.file.url,
            # Of the text as it is stored, but where bytes became others (another encoding) of the batch alone.
            offset=batch.cut.offset + batch.cut.size - len(batch.data) + begins,
            key=key or None,
            reason=refused.reason,
            sqlstate=refused.sqlstate,
            values=values if self.with_values else None,
        )


class FilePolicy:
    """Plain COPY, or beside and over rows with the same key; refused rows end their table or are set aside."""

    def __init__(self, job: Job, dialect: Dialect, shapes: Mapping[TableName, TargetTable]) -> None:
        options = job.options
        self._job, self._dialect, self._shapes = job, dialect, shapes
        self._stash = options.error_policy == STASH
        self._allowance = Allowance(options.max_quarantined, open_rows(job, phase=job.lease.phase))
        self._copy = CopyFill(job.target.capabilities)
        self._merges = options.on_primary_key_conflict != ERROR
        self._merge = MergeFill(self._shape, update=options.on_primary_key_conflict == UPDATE)
        self._told: set[TableName] = set()

    def fill(self, table: TableName) -> Fill:
        return self._merge if self.in_order(table) else self._copy

    @property
    def beside(self) -> Fill:
        """The way for rows that may write over nothing, whatever is said of keys that are there."""
        return self._copy

    def in_order(self, table: TableName) -> bool:
        """Whether rows with the same key replace, or keep out, each other: then their order in the files counts."""
        return self._merges and bool(self._shape(table).key)

    async def refused(
        self,
        loader: Loader,
        reader: PartReader,
        batch: FileBatch,
        *,
        load: Load,
        voucher: BatchVoucher,
        error: BlockersFound,
    ) -> int:
        """Load the batch without the rows at fault and return how many were set aside, or raise what ends its table."""
        if not isinstance(error, RowsRefused | RowsLeftOut):
            raise error
        table, taken = batch.part.table.name, 0
        rows = Rows(batch.data, ends_of(batch.data, self._dialect, batch.newline))
        if not self._stash:
            if isinstance(error, RowNotNamed):
                find = FirstRefused(
                    self.fill(table),
                    rows,
                    checkpoint=self._job.checkpoint,
                    place=lambda row: reader.place_of_row(batch, row, rows.ends),
                )
                with suppress(NoneRefused):
                    await loader.load(load, voucher, find)
            raise error

        def begin() -> None:
            nonlocal taken
            self._allowance.give_back(table, taken)
            taken = 0

        def give_up(refused: Refused) -> None:
            nonlocal taken
            taken += 1
            self._allowance.take(table, refused)

        part = Salvage(self.fill(table), rows, checkpoint=self._job.checkpoint, begin=begin, give_up=give_up)
        kept = _Kept(batch, rows, self._shape(table).key, self._dialect, self._job.options.quarantine_values)
        try:
            loaded = await loader.load(load, SalvageVoucher(voucher, lambda: kept.of(part.refused)), part)
        except BaseException:
            begin()
            raise
        if not loaded:
            begin()
            return 0
        self._tell(batch, part.refused)
        return len(part.refused)

    def _shape(self, table: TableName) -> TargetTable:
        return self._shapes.get(table) or TargetTable(table)

    def _tell(self, batch: FileBatch, refused: list[Refused]) -> None:
        """Say the first time that rows of a table are set aside; the end tells how many."""
        table = batch.part.table.name
        if refused and table not in self._told:
            self._told.add(table)
            file, reason = visible(batch.part.file.url), sentence(refused[0].reason)
            self._job.warn(f"{table} refuses rows, which are set aside. The first of them is in {file}: {reason}")


def _values(row: bytes, columns: tuple[str, ...], dialect: Dialect) -> dict[str, str | None]:
    """The values of one row by column; those of a row that cannot be taken apart are left out."""
    if dialect.format == "text":
        delimiter = dialect.delimiter.encode()
        plain = row.removesuffix(b"\n").removesuffix(b"\r")
        cells = [values_of(cell + b"\n", ("x",), ("x",))["x"] for cell in plain.split(delimiter)]
        found = [None if cell == dialect.null else cell for cell in cells]
    else:
        same = dialect.quote == dialect.escape
        text = io.StringIO(row.decode("utf-8", "replace"), newline="")
        # The module gives up at 128 KiB by itself; no field is longer than its row.
        csv.field_size_limit(max(csv.field_size_limit(), len(row)))
        try:
            cells = [
                *next(
                    csv.reader(
                        text,
                        delimiter=dialect.delimiter,
                        quotechar=dialect.quote,
                        doublequote=same,
                        escapechar=None if same else dialect.escape,
                    ),
                    (),
                )
            ]
        except csv.Error:
            return {}
        found = [None if cell == dialect.null else cell for cell in cells]
    return dict(zip(columns, found, strict=False))
