"""FileReplay: rows of files that were set aside are read again from their files, by their places, and loaded."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
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
from voyager.phases.load.aside import OF_ONE_TABLE, open_rows, split_by_presence
from voyager.phases.load.failed_tables import others_go_on, together
from voyager.phases.load.replay import ReplayVoucher
from voyager.phases.load.row_options import UPDATE
from voyager.phases.pacing.retrying import Retrying
from voyager.store.record import SetAsideRow
from voyager.target.fill import Fill, Load, in_pieces
from voyager.target.load import Loader
from voyager.target.salvage import Refused, Rows, Salvage
from voyager.wording import counted

WITHOUT_LIMIT = (1 << 62, 1 << 62)
SHOWN = 20
PHASE = "IMPORT_FILE"
UNIQUE_VIOLATION = "23505"


@dataclass(frozen=True)
class _Again:
    """Rows of one batch that were set aside, as they were read again, in the order in which they are to be tried."""

    batch: FileBatch
    rows: list[SetAsideRow]
    texts: list[bytes]

    def newest_first(self) -> _Again:
        """The last row of a file may lack its end of line, which it needs before others."""
        ends = self.batch.newline
        texts = [text if text.endswith(ends) else text + ends for text in reversed(self.texts)]
        return _Again(self.batch, self.rows[::-1], texts)


class FileReplay:
    """One replay of all rows that are still set aside; one transaction for those of one batch of a file.

    With --on-primary-key-conflict update nobody can tell whether a row of the target with the same key is an earlier or
    a later one of the files: such a row is never written over. Of several that are set aside the last one goes first.
    """

    def __init__(self, job: Job, parts: Sequence[FilePart], dialect: Dialect, policy: FilePolicy) -> None:
        self._job, self._dialect, self._policy = job, dialect, policy
        self._parts = {part.chunk_id: part for part in parts}
        self._order = {part.chunk_id: number for number, part in enumerate(parts)}
        self._newest_first = job.options.on_primary_key_conflict == UPDATE
        self._gone: dict[str, Counter[TableName]] = defaultdict(Counter)

    async def run(self) -> VoyagerError | None:
        """Load what the target takes now; what it refuses again stays set aside, with the new reason.

        Returns the error for rows whose files or tables are not there, and for tables that were left behind.
        """
        job = self._job
        tables = open_rows(job, phase=PHASE)
        if not tables:
            job.warn("No rows are set aside: there is nothing to replay.")
            return None
        there, failed = split_by_presence(job, tables)
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
            for table in sorted(there):
                try:
                    await self._table(loader, table)
                except (*OF_ONE_TABLE, DamagedFile) as error:
                    failed[table] = error
                    job.warn(others_go_on(error))
        finally:
            loader.close()
        if not failed:
            return self._failure() if self._gone else None
        unread = {table: self._failure() for found in self._gone.values() for table in found}
        return together({**unread, **failed})

    async def _table(self, loader: Loader, table: TableName) -> None:
        fill, there = self._policy.beside if self._newest_first else self._policy.fill(table), 0
        async for again in self._again(table):
            refused = await self._load(loader, again, fill)
            there += sum(one.sqlstate == UNIQUE_VIOLATION for one in refused)
        if there and self._newest_first:
            self._job.warn(
                f"{counted(there, 'row')} of {table} {'stays' if there == 1 else 'stay'} set aside: the target holds "
                "the same keys, perhaps from later rows of the files. Load those that count as a file of their own "
                "(--migration-name, --on-primary-key-conflict update) and give them up here: --discard-quarantine."
            )

    async def _again(self, table: TableName) -> AsyncIterator[_Again]:
        """The rows of a table; where their order counts, in that of the files, or with the last one first."""
        pages = self._job.store.quarantine.pages(self._job.record.migration_uuid, PHASE, table)
        if not self._policy.in_order(table):
            for page in pages:
                for chunk_id, some in groupby(page, key=lambda row: row.chunk_id):
                    async for again in self._read(table, chunk_id, list(some)):
                        yield again
            return
        by_file: dict[UUID, list[SetAsideRow]] = defaultdict(list)
        for row in (row for page in pages for row in page):
            by_file[row.chunk_id].append(row)
        for chunk_id in sorted(by_file, key=lambda one: self._order.get(one, -1), reverse=self._newest_first):
            found = self._read(table, chunk_id, by_file[chunk_id])
            if self._newest_first:
                for again in reversed([one async for one in found]):
                    yield again.newest_first()
            else:
                async for again in found:
                    yield again

    async def _read(self, table: TableName, chunk_id: UUID, rows: list[SetAsideRow]) -> AsyncIterator[_Again]:
        """The rows of one file, batch by batch."""
        part = self._parts.get(chunk_id)
        if part is None:
            self._gone[rows[0].file][table] += len(rows)
            return
        by_batch = {number: list(some) for number, some in groupby(rows, key=lambda row: row.block)}
        reader = PartReader(part, self._dialect, limits=WITHOUT_LIMIT, again=frozenset(by_batch))
        try:
            while (batch := await asyncio.to_thread(reader.next)) is not None:
                self._job.checkpoint()
                some = by_batch[batch.cut.block]
                whole = Rows(batch.data, ends_of(batch.data, self._dialect, batch.newline))
                texts = [bytes(whole.between(row.row, row.row + 1)) for row in some]
                yield _Again(replace(batch, data=b""), some, texts)
        finally:
            reader.close()

    async def _load(self, loader: Loader, again: _Again, fill: Fill) -> list[Refused]:
        """Returns what the target refuses still."""
        batch, picked = again.batch, _together(again.texts)
        table = batch.part.table.name
        part = Salvage(fill, picked, checkpoint=self._job.checkpoint, begin=lambda: None, give_up=lambda _: None)
        load = Load(
            table=table,
            columns=batch.columns,
            rows=len(again.rows),
            described=f"{counted(len(again.rows), 'row')} set aside of {visible(batch.part.file.url)} for {table}",
            pieces=lambda: in_pieces(picked.text),
            options=self._dialect.copy_options,
        )
        await loader.load(load, ReplayVoucher(self._job.lease, again.rows, part), part)
        return part.refused

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
