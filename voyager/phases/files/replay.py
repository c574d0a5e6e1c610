"""FileReplay: rows of files that were set aside are read again from their files, by their places, and loaded."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from uuid import UUID

from voyager.errors import DamagedFile, VoyagerError
from voyager.files.dialect import Dialect
from voyager.files.rows import ends_of
from voyager.identifiers import TableName, visible
from voyager.phases.files.plan import FilePart
from voyager.phases.files.policy import FilePolicy
from voyager.phases.files.reader import FileBatch, PartReader
from voyager.phases.job import Job
from voyager.phases.load.aside import open_rows
from voyager.phases.load.replay import ReplayVoucher
from voyager.phases.pacing.retrying import Retrying
from voyager.store.record import SetAsideRow
from voyager.target.fill import Load, in_pieces
from voyager.target.load import Loader
from voyager.target.salvage import Rows, Salvage
from voyager.wording import counted

WITHOUT_LIMIT = (1 << 62, 1 << 62)
SHOWN = 20
PHASE = "IMPORT_FILE"


class FileReplay:
    """One replay of all rows that are still set aside; one transaction for those of one batch of a file."""

    def __init__(self, job: Job, parts: Sequence[FilePart], dialect: Dialect, policy: FilePolicy) -> None:
        self._job, self._dialect, self._policy = job, dialect, policy
        self._parts = {part.chunk_id: part for part in parts}
        self._gone: dict[str, Counter[TableName]] = defaultdict(Counter)

    async def run(self) -> None:
        """Load what the target takes now; what it refuses again stays set aside, with the new reason.

        Raises DamagedFile, once the others are in, for rows whose files are not there.
        """
        job = self._job
        tables = open_rows(job, phase=PHASE)
        if not tables:
            job.warn("No rows are set aside: there is nothing to replay.")
        retrying = Retrying(job)
        loader = Loader(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=partial(retrying.announce, 0),
            pause=partial(retrying.pause, 0),
            outage_budget=job.store.outage_budget,
        )
        try:
            for table in sorted(tables):
                for page in job.store.quarantine.pages(job.record.migration_uuid, PHASE, table):
                    for chunk_id, rows in groupby(page, key=lambda row: row.chunk_id):
                        await self._file(loader, table, chunk_id, list(rows))
        finally:
            loader.close()
        if self._gone:
            raise self._failure()

    async def _file(self, loader: Loader, table: TableName, chunk_id: UUID, rows: list[SetAsideRow]) -> None:
        part = self._parts.get(chunk_id)
        if part is None:
            self._gone[rows[0].file][table] += len(rows)
            return
        by_batch = {number: list(some) for number, some in groupby(rows, key=lambda row: row.block)}
        reader = PartReader(part, self._dialect, limits=WITHOUT_LIMIT, again=frozenset(by_batch))
        try:
            while (batch := await asyncio.to_thread(reader.next)) is not None:
                self._job.checkpoint()
                await self._batch(loader, batch, by_batch[batch.cut.block])
        finally:
            reader.close()

    async def _batch(self, loader: Loader, batch: FileBatch, rows: list[SetAsideRow]) -> None:
        whole = Rows(batch.data, ends_of(batch.data, self._dialect, batch.newline))
        picked = _together([bytes(whole.between(row.row, row.row + 1)) for row in rows])
        table = batch.part.table.name
        part = Salvage(
            self._policy.fill(table),
            picked,
            checkpoint=self._job.checkpoint,
            begin=lambda: None,
            give_up=lambda _: None,
        )
        load = Load(
            table=table,
            columns=batch.columns,
            rows=len(rows),
            described=f"{counted(len(rows), 'row')} set aside of {visible(batch.part.file.url)} for {table}",
            pieces=lambda: in_pieces(picked.text),
            options=self._dialect.copy_options,
        )
        await loader.load(load, ReplayVoucher(self._job.lease, rows, part), part)

    def _failure(self) -> VoyagerError:
        rows = sum(tables.total() for tables in self._gone.values())
        return DamagedFile(
            f"{counted(rows, 'row')} set aside cannot be loaded again: the files that hold them are not there any "
            "more, or are read in another way.",
            "Put the files back as they were and use the options of the first run; or load the rows as a file of "
            "their own (their keys are in ybvoyager.quarantined_rows) and give them up here: --discard-quarantine.",
            tuple(
                f"{visible(file)}: {', '.join(f'{n:,} for {table}' for table, n in sorted(found.items()))}"
                for file, found in sorted(self._gone.items())[:SHOWN]
            ),
        )


def _together(rows: Sequence[bytes]) -> Rows:
    """Rows of one batch, in its order: only the last one of a file may lack its end of line."""
    ends, at = array("q"), 0
    for row in rows:
        at += len(row)
        ends.append(at)
    return Rows(b"".join(rows), ends)
