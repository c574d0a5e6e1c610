"""LoadedFiles: which files an import of files has put rows of into which tables, by the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from voyager.identifiers import TableName
from voyager.store.session import Session
from voyager.store.tables import import_batches


@dataclass(frozen=True)
class LoadedFile:
    """A file of which something is in; `origin` is what made it this file when it was read."""

    chunk_id: UUID
    origin: str
    table: TableName


class LoadedFiles:
    """The files behind the import_batches rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, migration_uuid: UUID) -> list[LoadedFile]:
        table = import_batches.c
        query = (
            select(table.chunk_id, table.snapshot, table.schema_name, table.table_name)
            .where(table.migration_uuid == migration_uuid)
            .distinct()
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the ledger")
        return [LoadedFile(chunk_id, origin, TableName(schema, name)) for chunk_id, origin, schema, name in rows]
