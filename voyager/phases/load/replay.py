"""Replay: rows set aside are read again from where they came, and loaded; what is in is marked so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from uuid import UUID

from voyager.data_file import ChunkManifest, ChunkReader
from voyager.errors import BlockersFound, DamagedFile, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.aside import OF_ONE_TABLE, open_rows, split_by_presence
from voyager.phases.load.failed_tables import others_go_on, together
from voyager.phases.load.from_source import ROWS_AT_ONCE, SourceRows, source_rows
from voyager.phases.load.row_policy import RowPolicy
from voyager.phases.load.salvage_block import PHASE
from voyager.phases.pacing.retrying import Retrying
from voyager.ports import Execute
from voyager.store import ledger, quarantine
from voyager.store.lease import Lease
from voyager.store.record import SetAsideRow
from voyager.target.fill import Filled, Load, in_pieces
from voyager.target.load import Loader
from voyager.target.salvage import Rows, Salvage
from voyager.wording import counted


@dataclass(frozen=True)
class ReplayVoucher:
    """What makes rows of one block count that were set aside: they are marked in the transaction that loads them."""

    lease: Lease
    rows: Sequence[SetAsideRow]
    salvage: Salvage

    async def begin(self, execute: Execute) -> None:
        await ledger.read_lease(execute, self.lease)

    async def finish(self, execute: Execute, filled: Filled) -> None:
        refused = {one.row: one for one in self.salvage.refused}
        loaded = [row for number, row in enumerate(self.rows) if number not in refused]
        still = [
            replace(self.rows[number], reason=one.reason, sqlstate=one.sqlstate) for number, one in refused.items()
        ]
        await quarantine.replayed(execute, loaded, ignored=filled.ignored, updated=filled.updated)
        await quarantine.still_refused(execute, still)
        await ledger.hold_lease(execute, self.lease)

    async def is_in(self, execute: Execute) -> bool:
        return await quarantine.any_replayed(execute, self.rows)


@dataclass
class Replayed:
    """What a replay came to: rows loaded and rows still refused by table, files that are not there any more, and rows
    of streamed parts that the source does not have (`unknown`), or that have no key, nor a file (`keyless`). Those of
    tables that were left behind are in `failed`."""

    loaded: Counter[TableName] = field(default_factory=Counter)
    refused: Counter[TableName] = field(default_factory=Counter)
    gone: dict[str, Counter[TableName]] = field(default_factory=dict)
    unknown: Counter[TableName] = field(default_factory=Counter)
    keyless: Counter[TableName] = field(default_factory=Counter)
    failed: dict[TableName, VoyagerError] = field(default_factory=dict)

    def failure(self) -> VoyagerError | None:
        """One error for all that could not be loaded for another reason than what is in the rows."""
        unread = self._unread()
        if unread is None or not self.failed:
            return together(self.failed) if self.failed else unread
        tables = {*self.unknown, *self.keyless, *(table for found in self.gone.values() for table in found)}
        return together({**dict.fromkeys(sorted(tables), unread), **self.failed})

    def _unread(self) -> VoyagerError | None:
        """The error for rows that can never be read again, by the files that are gone."""
        if self.unknown or self.keyless:
            return self._not_in_source()
        if not self.gone:
            return None
        rows = sum(sum(tables.values()) for tables in self.gone.values())
        return DamagedFile(
            f"{rows:,} rows set aside cannot be loaded again: {len(self.gone):,} data files that hold them are gone or "
            "damaged.",
            "Restore the files from a copy and run the same command again; or bring the rows in by hand (their keys "
            "are in ybvoyager.quarantined_rows) and give them up here: --discard-quarantine; or export anew: "
            "yb-voyager migrate export data --start-clean.",
            tuple(
                f"{file}: {', '.join(f'{count:,} rows of {table}' for table, count in sorted(tables.items()))}"
                for file, tables in sorted(self.gone.items())[:20]
            ),
        )

    def _not_in_source(self) -> VoyagerError:
        """Rows were streamed, so there is no file to read them from."""
        lines = [
            *(f"{table}: {counted(n, 'row')} not in the source any more" for table, n in sorted(self.unknown.items())),
            *(f"{table}: {counted(n, 'row')} without a key or a file" for table, n in sorted(self.keyless.items())),
        ]
        return BlockersFound(
            f"{counted(self.unknown.total() + self.keyless.total(), 'row')} set aside cannot be loaded again: they "
            "were streamed, and are neither in the source under their key nor in a file of the export directory.",
            "Bring them in by hand (their reasons and places are in ybvoyager.quarantined_rows) and give them up here: "
            "yb-voyager migrate import data --discard-quarantine; or stream everything anew into the corrected tables: "
            "yb-voyager migrate export data --stream --start-clean.",
            tuple(lines[:20]),
        )


class Replay:
    """One replay of all rows that are still set aside; one transaction for those of one block, or for a few of a
    streamed part. `source` is where rows of streamed parts are read."""

    def __init__(
        self,
        job: Job,
        chunks: Iterable[ChunkManifest],
        tables: Collection[TableName],
        *,
        source: SourceRows | None = None,
    ) -> None:
        self._job = job
        self._tables = tables
        self._source = source
        self._chunks = {UUID(chunk.chunk_id): chunk for chunk in chunks}
        self._policy = RowPolicy(job)
        self._done = Replayed()

    async def run(self) -> Replayed:
        """Load what the target takes now. Rows that it refuses again stay set aside, with the new reason; a table that
        cannot be loaded at all is left behind."""
        job = self._job
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
            for table in sorted(self._tables):
                try:
                    await self._table(loader, table)
                except OF_ONE_TABLE as error:
                    self._done.failed[table] = error
                    job.warn(others_go_on(error))
        finally:
            loader.close()
        return self._done

    async def _table(self, loader: Loader, table: TableName) -> None:
        job = self._job
        await self._policy.admit(table)
        for page in job.store.quarantine.pages(job.record.migration_uuid, PHASE, table):
            for _, rows in groupby(page, key=lambda row: (row.chunk_id, row.block)):
                job.checkpoint()
                read = self._block if self._source is None else self._part
                await read(loader, table, list(rows))

    async def _block(self, loader: Loader, table: TableName, rows: list[SetAsideRow]) -> None:
        chunk, number = self._chunks.get(rows[0].chunk_id), rows[0].block
        try:
            if chunk is None:
                raise DamagedFile(f"The manifest of {rows[0].file} is missing.")
            with ChunkReader(self._job.export_dir.data, chunk) as reader:
                block = Rows.of(b"".join(reader.pieces(chunk.blocks[number])))
        except DamagedFile:
            self._done.gone.setdefault(rows[0].file, Counter())[table] += len(rows)
            return
        picked = Rows.of(b"".join(bytes(block.between(row.row, row.row + 1)) for row in rows))
        await self._load(loader, chunk, rows, picked)

    async def _part(self, loader: Loader, table: TableName, rows: list[SetAsideRow]) -> None:
        """Rows of a streamed part, as the source has them now."""
        assert self._source is not None
        chunk = self._chunks.get(rows[0].chunk_id)
        for first in range(0, len(rows), ROWS_AT_ONCE):
            self._job.checkpoint()
            some = rows[first : first + ROWS_AT_ONCE]
            texts = [None] * len(some) if chunk is None else await self._source.read(chunk, some)
            for row, text in zip(some, texts, strict=True):
                if text is None:
                    (self._done.unknown if row.key is not None else self._done.keyless)[table] += 1
            found = [(row, text) for row, text in zip(some, texts, strict=True) if text is not None]
            if chunk is not None and found:
                picked = Rows.of(b"".join(text for _, text in found))
                await self._load(loader, chunk, [row for row, _ in found], picked)

    async def _load(self, loader: Loader, chunk: ChunkManifest, rows: list[SetAsideRow], picked: Rows) -> None:
        table = chunk.table
        part = Salvage(
            self._policy.careful(table),
            picked,
            checkpoint=self._job.checkpoint,
            begin=lambda: None,
            give_up=lambda _: None,
        )
        load = Load(
            table=table,
            columns=chunk.columns,
            rows=len(rows),
            described=f"{counted(len(rows), 'row')} set aside of {table} in block {rows[0].block} of {rows[0].file}",
            pieces=lambda: in_pieces(picked.text),
        )
        await loader.load(load, ReplayVoucher(self._job.lease, rows, part), part)
        self._done.loaded[table] += len(rows) - len(part.refused)
        self._done.refused[table] += len(part.refused)


def replay(job: Job, chunks: Iterable[ChunkManifest], *, streamed: bool = False) -> Replayed:
    """Load the rows set aside again, without what judges or answers rows meanwhile: what follows the rows makes the
    constraints and triggers of their tables anew, over all rows. They are read from the files, or, where the export
    `streamed`, from the source. What came of it may hold a failure(), to be raised when all else is done."""
    from voyager.phases import loop
    from voyager.phases.ddl import post_data
    from voyager.target.shape import lines_of

    tables = open_rows(job)
    if not tables:
        job.warn("No rows are set aside: there is nothing to replay.")
        return Replayed()
    there, missing = split_by_presence(job, tables)
    with job.target.connect("import data") as connection:
        concerned = lines_of(connection, there)
    post_data.clear_the_way(job, concerned)

    async def run() -> Replayed:
        if not streamed:
            return await Replay(job, chunks, there).run()
        async with source_rows(job, sorted(there)) as source:
            return await Replay(job, chunks, there, source=source).run()

    done = loop.run(job, run()) if there else Replayed()
    done.failed |= missing
    return done
