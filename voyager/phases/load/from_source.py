"""Rows that were set aside of streamed parts: read from the source again by their keys, or from their files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from voyager.catalog import Table
from voyager.data_file import ChunkManifest
from voyager.errors import NotAllowed
from voyager.identifiers import Identifier, TableName, quote_literal
from voyager.phases.job import Job
from voyager.phases.load.copy_row import values_of
from voyager.phases.load.kept_rows import KeptReader, remove_unneeded
from voyager.ports import ChunkRange, Snapshot
from voyager.store.record import SetAsideRow
from voyager.target.salvage import Rows

ROWS_AT_ONCE = 8
"""Read and loaded together: any of them may be as large as a row can be."""

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class SourceRows:
    """One view of the source as it is now, the tables that rows are read from, and the files of rows without a key."""

    snapshot: Snapshot
    tables: Mapping[TableName, Table]
    kept: KeptReader

    async def read(self, chunk: ChunkManifest, rows: Sequence[SetAsideRow]) -> list[bytes | None]:
        """The COPY text of each row, None for one that the source does not have, or that neither key nor file names."""
        found = await self._by_key(chunk, [row for row in rows if row.key is not None])
        return [
            found.get(row.id) if row.key is not None else await asyncio.to_thread(self.kept.read, row, chunk.columns)
            for row in rows
        ]

    async def _by_key(self, chunk: ChunkManifest, keyed: Sequence[SetAsideRow]) -> dict[UUID, bytes]:
        table = self.tables.get(chunk.table)
        if table is None or not keyed:
            return {}
        if table.copied_columns != chunk.columns:
            raise NotAllowed(
                f"{table.name} has other columns in the source than when it was streamed.",
                "Undo that change there, or stream anew: yb-voyager migrate export data --stream --start-clean.",
            )
        names = tuple(keyed[0].key or ())
        part = ChunkRange(table.name, chunk.ordinal, " OR ".join(_condition(row) for row in keyed))
        found: dict[Key, bytes] = {}
        async with self.snapshot.read(table, part) as sent:
            async for frame in sent:
                text = Rows.of(bytes(frame))
                for number in range(len(text)):
                    one = bytes(text.between(number, number + 1))
                    found[_key(values_of(one, chunk.columns, names), names)] = one
        return {row.id: found[key] for row in keyed if (key := _key(row.key or {}, names)) in found}


@asynccontextmanager
async def source_rows(job: Job, names: Sequence[TableName]) -> AsyncIterator[SourceRows]:
    """Look at the source; its tables are locked against DDL meanwhile."""
    wanted = set(names)
    tables = {table.name: table for table in job.source.read_catalog().tables if table.name in wanted}
    async with job.source.open_snapshot(tuple(tables.values()), 1) as snapshot:
        yield SourceRows(snapshot, tables, KeptReader(job.export_dir.data))
    remove_unneeded(job)


def _condition(row: SetAsideRow) -> str:
    """The row by its key. A literal takes the type of the column that it is compared with."""
    terms = (
        f"{Identifier(name).sql} = {quote_literal(text)}" if text is not None else f"{Identifier(name).sql} IS NULL"
        for name, text in (row.key or {}).items()
    )
    return f"({' AND '.join(terms)})"


def _key(values: Mapping[str, str | None], names: Sequence[str]) -> Key:
    return tuple(values[name] for name in names)
