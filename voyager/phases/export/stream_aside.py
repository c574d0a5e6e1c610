"""Rows of a streamed part that the target refuses: they are set aside, and the rest of the part is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from voyager.catalog import Table
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.allowance import Allowance, TooManyRefused
from voyager.phases.load.copy_row import values_of
from voyager.phases.load.kept_rows import KeptRows
from voyager.phases.load.row_options import STASH
from voyager.phases.load.salvage_block import PHASE
from voyager.ports import ChunkRange
from voyager.store.record import SetAsideRow
from voyager.target.receive import Incoming, PartVoucher, Received, Receiver
from voyager.target.refusal import RowsRefused
from voyager.target.salvage import Refused
from voyager.target.sift import Sift

BLOCK = 0
"""A part is one batch of one block in the ledger."""


class StreamAside:
    """What an export that streams does with rows that the target refuses; shared by all that send."""

    def __init__(self, job: Job, *, values: bool, most: int) -> None:
        counts = job.store.quarantine.counts(job.record.migration_uuid, PHASE)
        self._job = job
        self._values = values
        self.allowance = Allowance(most, {name: one["set_aside"] for name, one in counts.items()})
        self._told: set[TableName] = set()

    @classmethod
    def by(cls, job: Job) -> StreamAside | None:
        """None where a refused row ends its table."""
        options = job.options
        if options.error_policy != STASH:
            return None
        return cls(job, values=options.quarantine_values, most=options.max_quarantined)

    def part(self, chunk_id: UUID, table: Table, part: ChunkRange) -> PartAside:
        return PartAside(self, chunk_id, table=table, kept=KeptRows(self._job, chunk_id, table, part), part=part)

    def sift(self, part: PartAside) -> Sift:
        return Sift(checkpoint=self._job.checkpoint, begin=part.begin, give_up=part.give_up)

    def kept(self, row: Refused, text: memoryview, place: PartAside) -> SetAsideRow:
        """The row as it is written down: its place is the part and its number there, and it is read again by its key.
        Without one it is read again from a file, so its place is that."""
        table, columns = place.table, place.table.copied_columns
        key = tuple(name for name in table.key if name in columns)
        offset = None if key else place.keep.add(bytes(text))
        return SetAsideRow(
            id=uuid5(place.chunk_id, f"{BLOCK}/{row.row}"),
            schema=table.name.schema,
            table=table.name.name,
            chunk_id=place.chunk_id,
            block=BLOCK,
            row=row.row,
            file=place.keep.file if offset is not None else f"part {place.part.ordinal} of {table.name}, streamed",
            offset=offset,
            key=values_of(text, columns, key) if key else None,
            reason=row.reason,
            sqlstate=row.sqlstate,
            values=values_of(text, columns, columns) if self._values else None,
        )

    def tell(self, table: TableName, rows: Sequence[SetAsideRow]) -> None:
        """Say the first time that rows of a table are set aside; the end tells how many."""
        if rows and table not in self._told:
            self._told.add(table)
            self._job.warn(f"Rows of {table} are refused and set aside: {rows[0].reason}.")


class PartAside:
    """The rows of one part that are set aside, while it is sent once more."""

    def __init__(self, aside: StreamAside, chunk_id: UUID, *, table: Table, part: ChunkRange, kept: KeptRows) -> None:
        self._aside = aside
        self.chunk_id, self.table, self.part = chunk_id, table, part
        self.keep = kept
        self.rows: list[SetAsideRow] = []

    def begin(self) -> None:
        """The part is tried from its beginning: what was set aside of it was rolled back."""
        self._aside.allowance.give_back(self.table.name, len(self.rows))
        self.rows.clear()
        self.keep.begin()

    def give_up(self, refused: Refused, text: memoryview) -> None:
        self.rows.append(self._aside.kept(refused, text, self))
        self._aside.allowance.take(self.table.name, refused)

    async def send(self, receiver: Receiver, text: Incoming, voucher: PartVoucher) -> Received | None:
        """Send the part, read as text, without the rows that the target refuses; the voucher writes those down.

        Raises RowsRefused when those are too many.
        """
        try:
            received = await receiver.receive(replace(text, sift=self._aside.sift(self)), voucher)
        except TooManyRefused as error:
            self.begin()
            raise RowsRefused(error.message, error.hint, error.details) from None
        except BaseException:
            self.begin()
            raise
        self._aside.tell(self.table.name, self.rows)
        return received
