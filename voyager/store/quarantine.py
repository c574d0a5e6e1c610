"""Rows set aside: written and replayed in the transactions of their batches, read and discarded on their own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update

from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.ports import Execute
from voyager.store.record import SetAsideRow
from voyager.store.session import Session
from voyager.store.tables import quarantined_rows
from voyager.store.values import to_json, to_text

ROWS_PER_PAGE = 5000

SET_ASIDE = """\
INSERT INTO ybvoyager.quarantined_rows
    (id, migration_uuid, phase, schema_name, table_name, key, reason, sqlstate, file, file_offset, row_values,
     chunk_id, block, row_in_block)
SELECT r.id, $1, $2, r.schema_name, r.table_name, r.key, r.reason, r.sqlstate, r.file, r.file_offset, r.row_values,
       r.chunk_id, r.block, r.row_in_block
FROM pg_catalog.jsonb_to_recordset($3::jsonb) AS r (
    id uuid, schema_name text, table_name text, key jsonb, reason text, sqlstate text, file text, file_offset bigint,
    row_values jsonb, chunk_id uuid, block integer, row_in_block integer)"""

REPLAYED = """\
WITH settled AS (
    UPDATE ybvoyager.quarantined_rows SET status = 'replayed', settled_at = clock_timestamp()
    WHERE id = ANY ($1::uuid[]) AND status = 'set_aside' RETURNING 1)
SELECT count(*) FROM settled"""

ACCOUNTED = """\
UPDATE ybvoyager.import_batches
SET rows = rows + $3, quarantined = quarantined - $4, ignored = ignored + $5, updated = updated + $6
WHERE chunk_id = $1 AND batch_no = $2 AND quarantined >= $4
RETURNING batch_no"""

STILL_REFUSED = """\
UPDATE ybvoyager.quarantined_rows SET reason = $2, sqlstate = $3 WHERE id = $1 AND status = 'set_aside' RETURNING 1"""

ANY_REPLAYED = """\
SELECT 1 FROM ybvoyager.quarantined_rows WHERE id = ANY ($1::uuid[]) AND status = 'replayed' LIMIT 1"""


async def set_aside(execute: Execute, rows: Sequence[SetAsideRow], *, migration_uuid: UUID, phase: str) -> None:
    """Write rows down in the transaction that accounts for their batch."""
    if rows:
        await execute(SET_ASIDE, migration_uuid, phase, json.dumps([_plain(row) for row in rows]))


async def replayed(execute: Execute, rows: Sequence[SetAsideRow], *, ignored: int = 0, updated: int = 0) -> None:
    """Say, in the transaction that loaded them, that rows of one block are in; the block's batch counts them."""
    if not rows:
        return
    chunk_id, block = rows[0].chunk_id, rows[0].block
    settled = await execute(REPLAYED, [row.id for row in rows])
    loaded = len(rows) - ignored
    counted = await execute(ACCOUNTED, chunk_id, block, loaded, len(rows), ignored, updated)
    if settled is None or settled[0] != len(rows) or counted is None:
        raise VoyagerError(
            f"The rows set aside of block {block} of chunk {chunk_id} changed while they were loaded again.",
            "Nothing of it was kept. Run the same command again; it reads them anew.",
        )


async def still_refused(execute: Execute, rows: Sequence[SetAsideRow]) -> None:
    """Keep why rows were refused the last time."""
    for row in rows:
        await execute(STILL_REFUSED, row.id, to_text(row.reason), row.sqlstate or None)


async def any_replayed(execute: Execute, rows: Sequence[SetAsideRow]) -> bool:
    """Settle an ambiguous commit of a replay, on a new connection: did it happen?"""
    return await execute(ANY_REPLAYED, [row.id for row in rows]) is not None


class Quarantine:
    """The quarantined_rows of every migration in one target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def counts(self, migration_uuid: UUID, phase: str) -> dict[TableName, Counter[str]]:
        """How many rows of each table have which status."""
        table = quarantined_rows.c
        query = (
            select(table.schema_name, table.table_name, table.status, func.count())
            .where(table.migration_uuid == migration_uuid, table.phase == phase)
            .group_by(table.schema_name, table.table_name, table.status)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "count the rows set aside")
        found: dict[TableName, Counter[str]] = {}
        for schema, name, status, count in rows:
            found.setdefault(TableName(schema, name), Counter())[status] = int(count)
        return found

    def not_loaded(self, migration_uuid: UUID) -> list[tuple[TableName, Mapping[str, str | None] | None, bool]]:
        """The rows of every phase that are not in the target: table, key, and whether they were given up."""
        table = quarantined_rows.c
        query = (
            select(table.schema_name, table.table_name, table.key, table.status == "discarded")
            .where(table.migration_uuid == migration_uuid, table.status != "replayed")
            .order_by(table.schema_name, table.table_name)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the rows set aside")
        return [(TableName(schema, name), key, given_up) for schema, name, key, given_up in rows]

    def pages(self, migration_uuid: UUID, phase: str, table: TableName) -> Iterator[list[SetAsideRow]]:
        """The rows of a table that are still set aside, in the order of its files, some thousands at a time."""
        after: tuple[Any, ...] | None = None
        while page := self._page(migration_uuid, phase, table, after):
            yield page
            last = page[-1]
            after = (last.chunk_id, last.block, last.row)

    def discard(self, migration_uuid: UUID, phase: str, tables: Collection[TableName]) -> int:
        """Give up the rows of these tables that are still set aside; how many those were."""
        return sum(self._discard(migration_uuid, phase, table) for table in sorted(tables))

    def forget(self, migration_uuid: UUID, phase: str) -> None:
        """Forget every row, because what was loaded beside them is removed too."""
        table = quarantined_rows.c
        statement = quarantined_rows.delete().where(table.migration_uuid == migration_uuid, table.phase == phase)
        self._session.single(lambda connection: connection.execute(statement), "forget the rows set aside")

    def forget_chunks(self, migration_uuid: UUID, chunks: Iterable[UUID]) -> None:
        """Forget the rows of these chunks, which are removed or read anew; some thousands at a time."""
        table, doomed = quarantined_rows.c, sorted(chunks)
        for first in range(0, len(doomed), ROWS_PER_PAGE):
            some = doomed[first : first + ROWS_PER_PAGE]
            statement = quarantined_rows.delete().where(
                table.migration_uuid == migration_uuid, table.chunk_id.in_(some)
            )
            self._session.single(partial(_execute, statement=statement), "forget the rows set aside")

    def _page(
        self, migration_uuid: UUID, phase: str, name: TableName, after: tuple[Any, ...] | None
    ) -> list[SetAsideRow]:
        table = quarantined_rows.c
        place = (table.chunk_id, table.block, table.row_in_block)
        query = (
            select(
                table.id,
                table.schema_name,
                table.table_name,
                *place,
                table.file,
                table.file_offset,
                table.key,
                table.reason,
                table.sqlstate,
            )
            .where(
                table.migration_uuid == migration_uuid,
                table.phase == phase,
                table.schema_name == name.schema,
                table.table_name == name.name,
                table.status == "set_aside",
            )
            .order_by(*place)
            .limit(ROWS_PER_PAGE)
        )
        if after is not None:
            query = query.where(_later(place, after))
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the rows set aside")
        return [_row(tuple(row)) for row in rows]

    def _discard(self, migration_uuid: UUID, phase: str, name: TableName) -> int:
        table = quarantined_rows.c
        statement = (
            update(quarantined_rows)
            .where(
                table.migration_uuid == migration_uuid,
                table.phase == phase,
                table.schema_name == name.schema,
                table.table_name == name.name,
                table.status == "set_aside",
            )
            .values(status="discarded", settled_at=func.clock_timestamp())
        )
        return self._session.single(lambda connection: connection.execute(statement).rowcount, "discard rows set aside")


def _execute(connection: Connection, *, statement: Any) -> None:
    connection.execute(statement)


def _row(cells: tuple[Any, ...]) -> SetAsideRow:
    uuid, schema, table, chunk_id, block, row, file, offset, key, reason, sqlstate = cells
    return SetAsideRow(uuid, schema, table, chunk_id, block, row, file, offset, key, reason, sqlstate or "")


def _later(place: tuple[Any, ...], after: tuple[Any, ...]) -> Any:
    """What comes after a place in the order of chunk, block and row; each comparison by itself uses an index."""
    chunk, block, row = place
    return (chunk > after[0]) | ((chunk == after[0]) & ((block > after[1]) | ((block == after[1]) & (row > after[2]))))


def _plain(row: SetAsideRow) -> Mapping[str, Any]:
    return {
        "id": str(row.id),
        "schema_name": to_text(row.schema),
        "table_name": to_text(row.table),
        "key": to_json(row.key),
        "reason": to_text(row.reason),
        "sqlstate": row.sqlstate or None,
        "file": to_text(row.file),
        "file_offset": row.offset,
        "row_values": to_json(row.values),
        "chunk_id": str(row.chunk_id),
        "block": row.block,
        "row_in_block": row.row,
    }
