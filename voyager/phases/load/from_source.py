"""Rows that were set aside of streamed parts: read from the source again, by their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voyager.catalog import Table
from voyager.data_file import ChunkManifest
from voyager.errors import NotAllowed
from voyager.identifiers import Identifier, TableName, quote_literal
from voyager.phases.job import Job
from voyager.phases.load.copy_row import values_of
from voyager.ports import ChunkRange, Snapshot
from voyager.store.record import SetAsideRow
from voyager.target.salvage import Rows

ROWS_AT_ONCE = 8
"""Read and loaded together: any of them may be as large as a row can be."""

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class SourceRows:
    """One view of the source as it is now, and the tables that rows are read from."""

    snapshot: Snapshot
    tables: Mapping[TableName, Table]

    async def read(self, chunk: ChunkManifest, rows: Sequence[SetAsideRow]) -> list[bytes | None]:
        """The COPY text of each row, None for one that the source does not have, or that no key names."""
        table = self.tables.get(chunk.table)
        keyed = [row for row in rows if row.key is not None]
        if table is None or not keyed:
            return [None] * len(rows)
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
        return [None if row.key is None else found.get(_key(row.key, names)) for row in rows]


@asynccontextmanager
async def source_rows(job: Job, names: Sequence[TableName]) -> AsyncIterator[SourceRows]:
    """Look at the source; its tables are locked against DDL meanwhile."""
    wanted = set(names)
    tables = {table.name: table for table in job.source.read_catalog().tables if table.name in wanted}
    async with job.source.open_snapshot(tuple(tables.values()), 1) as snapshot:
        yield SourceRows(snapshot, tables)


def _condition(row: SetAsideRow) -> str:
    """The row by its key. A literal takes the type of the column that it is compared with."""
    terms = (
        f"{Identifier(name).sql} = {quote_literal(text)}" if text is not None else f"{Identifier(name).sql} IS NULL"
        for name, text in (row.key or {}).items()
    )
    return f"({' AND '.join(terms)})"


def _key(values: Mapping[str, str | None], names: Sequence[str]) -> Key:
    return tuple(values[name] for name in names)
