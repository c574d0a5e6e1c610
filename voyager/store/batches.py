"""Batches: the ledger read as a whole, before an import goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, func, select

from voyager.identifiers import TableName
from voyager.store.record import LoadedBatch, LoadedTable, StreamedChunk
from voyager.store.session import Session
from voyager.store.tables import import_batches

CHUNKS_PER_QUERY = 5000
STREAMED = 5


class Batches:
    """The import_batches rows of every migration in one target. They are written by store/ledger.py alone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def loaded(self, migration_uuid: UUID) -> dict[UUID, list[LoadedBatch]]:
        """Return the batches that are in, by chunk, in the order of the file."""
        table = import_batches.c
        query = (
            select(
                table.chunk_id,
                table.batch_no,
                table.blocks,
                table.rows,
                table.bytes,
                table.quarantined,
                table.ignored,
                table.updated,
            )
            .where(table.migration_uuid == migration_uuid)
            .order_by(table.chunk_id, table.batch_no)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the ledger")
        loaded: dict[UUID, list[LoadedBatch]] = defaultdict(list)
        for chunk_id, *numbers in rows:
            loaded[chunk_id].append(LoadedBatch(*numbers))
        return dict(loaded)

    def streamed(self, migration_uuid: UUID) -> dict[UUID, StreamedChunk]:
        """Return the chunks that came without a file, each in one batch. Their ids are made of what they are (version
        5), those of files are random."""
        table = import_batches.c
        query = select(
            table.chunk_id,
            table.schema_name,
            table.table_name,
            table.snapshot,
            table.rows,
            table.bytes,
            table.quarantined,
        ).where(table.migration_uuid == migration_uuid, table.batch_no == 0)
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the ledger")
        return {
            chunk_id: StreamedChunk(TableName(schema, name), *came)
            for chunk_id, schema, name, *came in rows
            if chunk_id.version == STREAMED
        }

    def totals(self, migration_uuid: UUID, chunks: Collection[UUID] | None = None) -> dict[TableName, LoadedTable]:
        """Return what is in, by table. `chunks` leaves out what an earlier export attempt's chunks brought in."""
        wanted = None if chunks is None else sorted(chunks)
        parts = [None] if wanted is None else [wanted[at : at + CHUNKS_PER_QUERY] for at in _steps(len(wanted))]
        sums: dict[TableName, LoadedTable] = {}
        for part in parts:
            for name, more in self._totals(migration_uuid, part).items():
                sums[name] = _added(sums[name], more) if name in sums else more
        return sums

    def chunks(self, migration_uuid: UUID) -> list[tuple[UUID, TableName, str]]:
        """Return every chunk of which anything is in, with its table and the snapshot it was read under."""
        table = import_batches.c
        query = (
            select(table.chunk_id, table.schema_name, table.table_name, table.snapshot)
            .where(table.migration_uuid == migration_uuid)
            .distinct()
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the ledger")
        return [(chunk_id, TableName(schema, name), snapshot) for chunk_id, schema, name, snapshot in rows]

    def forget(self, migration_uuid: UUID) -> None:
        """Forget every batch, after the rows they brought in were removed."""
        statement = delete(import_batches).where(import_batches.c.migration_uuid == migration_uuid)
        self._session.single(lambda connection: connection.execute(statement), "clear the ledger")

    def forget_chunks(self, migration_uuid: UUID, chunks: Collection[UUID]) -> None:
        """Forget what these chunks brought in, after the rows were removed."""
        wanted = sorted(chunks)
        for at in _steps(len(wanted)):
            self._forget_some(migration_uuid, wanted[at : at + CHUNKS_PER_QUERY])

    def _forget_some(self, migration_uuid: UUID, chunks: list[UUID]) -> None:
        table = import_batches.c
        statement = delete(import_batches).where(table.migration_uuid == migration_uuid, table.chunk_id.in_(chunks))
        self._session.single(lambda connection: connection.execute(statement), "correct the ledger")

    def _totals(self, migration_uuid: UUID, chunks: list[UUID] | None) -> dict[TableName, LoadedTable]:
        table = import_batches.c
        query = (
            select(
                table.schema_name,
                table.table_name,
                func.count(),
                func.sum(table.rows),
                func.sum(table.bytes),
                func.sum(table.quarantined),
                func.sum(table.ignored),
                func.sum(table.updated),
            )
            .where(table.migration_uuid == migration_uuid)
            .group_by(table.schema_name, table.table_name)
        )
        if chunks is not None:
            query = query.where(table.chunk_id.in_(chunks))
        rows = self._session.single(lambda connection: connection.execute(query).all(), "sum up the ledger")
        return {
            TableName(schema, name): LoadedTable(*(int(number) for number in numbers))
            for schema, name, *numbers in rows
        }


def _steps(length: int) -> range:
    return range(0, length, CHUNKS_PER_QUERY)


def _added(one: LoadedTable, other: LoadedTable) -> LoadedTable:
    return LoadedTable(
        one.batches + other.batches,
        one.rows + other.rows,
        one.bytes + other.bytes,
        one.quarantined + other.quarantined,
        one.ignored + other.ignored,
        one.updated + other.updated,
    )
