"""One consistent view of a PostgreSQL source, read by many connections, and the ranges a table is cut into."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from voyager.catalog import Table
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, VoyagerError
from voyager.identifiers import Identifier, quote_literal
from voyager.ports import Capabilities, ChunkRange
from voyager.postgres import bulk
from voyager.postgres.failures import sqlstate, translate

PURPOSE = "export data"
PAGE_BYTES = 8192
LOCK_SECONDS = 60
SPARE_READERS = 128
_TABLES_PER_LOCK = 200
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_POSITION = (
    "SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_lsn() END)::text"
)


class PostgresSnapshot:
    """An exported snapshot and its readers. It lives as long as the coordinator's transaction.

    `position` is the log position right after it was taken, "" where the server has none to tell.
    """

    def __init__(self, endpoint: Endpoint, coordinator: asyncpg.Connection, *, shared: bool) -> None:
        self.id = ""
        self.taken_at = ""
        self.position = ""
        self._endpoint = endpoint
        self._coordinator = coordinator
        self._shared = shared
        self._over = False
        self._idle: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        self._readers: set[asyncpg.Connection] = set()

    async def take(self, tables: Sequence[Table]) -> None:
        """Lock the tables against DDL, then fix the view: in this order no table can change its shape in between."""
        await self._coordinator.execute(_BEGIN)
        await self._lock(tables)
        moment = await self._coordinator.fetchval("SELECT pg_catalog.transaction_timestamp()::text")
        self.taken_at = str(moment)
        if self._shared:
            self.id = str(await self._coordinator.fetchval("SELECT pg_catalog.pg_export_snapshot()"))
        self.position = await self._ask_position()

    async def open_readers(self, connections: int) -> None:
        if not self._shared:
            self._idle.put_nowait(self._coordinator)
            return
        # Below those that are open, places for more, which join when they are used: somebody may want to go faster.
        for _ in range(SPARE_READERS):
            self._idle.put_nowait(None)
        for _ in range(max(1, connections)):
            self._idle.put_nowait(await self._join())

    @asynccontextmanager
    async def read(self, table: Table, part: ChunkRange, *, binary: bool = False) -> AsyncIterator[bulk.CopiedRows]:
        """Stream the part on a reader of the pool; a reader that failed is replaced by a new one."""
        reader: asyncpg.Connection | None = await self._idle.get()
        try:
            if self._over:
                raise DatabaseAway(
                    f"The snapshot of {self._endpoint.url} is gone: reading another part of it was broken off, and all"
                    " share one connection.",
                    "Run the same command again: finished parts are kept, the rest is read under a new snapshot.",
                )
            if reader is None:
                reader = await self._join()
            async with bulk.copy_out(reader, select_statement(table, part), binary=binary) as rows:
                yield rows
        except BaseException as error:
            if self._shared:
                self._drop(reader)
                reader = None
            self._over = not self._shared
            if isinstance(error, bulk.DRIVER_ERRORS):
                raise translate(error, f"read table {table.name} of {self._endpoint.url}") from None
            raise
        finally:
            self._idle.put_nowait(reader)

    async def close(self) -> None:
        for connection in (*self._readers, self._coordinator):
            connection.terminate()

    async def _lock(self, tables: Sequence[Table]) -> None:
        await self._coordinator.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        for some in _in_groups(tables, _TABLES_PER_LOCK):
            names = ", ".join(f"ONLY {table.name.sql}" for table in some)
            try:
                await self._coordinator.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
            except asyncpg.PostgresError as error:
                raise _lock_failure(error, some) from None
        await self._coordinator.execute("SET LOCAL lock_timeout = 0")

    async def _ask_position(self) -> str:
        await self._coordinator.execute("SAVEPOINT position")
        try:
            position = await self._coordinator.fetchval(_POSITION)
        except asyncpg.PostgresError:
            await self._coordinator.execute("ROLLBACK TO SAVEPOINT position")
            return ""
        return str(position or "")

    async def _join(self) -> asyncpg.Connection:
        """A new connection that sees exactly what the coordinator sees."""
        reader = await bulk.connect(self._endpoint, PURPOSE)
        try:
            await reader.execute(f"{_BEGIN}; SET TRANSACTION SNAPSHOT {quote_literal(self.id)}")
        except bulk.DRIVER_ERRORS as error:
            reader.terminate()
            raise DatabaseAway(
                f"The snapshot of {self._endpoint.url} is gone ({sqlstate(error)}): the session that held it ended.",
                "Run the same command again: finished parts are kept, the rest is read under a new snapshot.",
            ) from None
        self._readers.add(reader)
        return reader

    def _drop(self, reader: asyncpg.Connection | None) -> None:
        if reader is not None:
            reader.terminate()
            self._readers.discard(reader)


@asynccontextmanager
async def open_snapshot(
    endpoint: Endpoint, tables: Sequence[Table], connections: int, *, capabilities: Capabilities
) -> AsyncIterator[PostgresSnapshot]:
    """Open a snapshot for `connections` readers; where a server cannot export one, a single connection reads it all."""
    coordinator = await bulk.connect(endpoint, PURPOSE)
    snapshot = PostgresSnapshot(endpoint, coordinator, shared=capabilities.exported_snapshots)
    try:
        try:
            await snapshot.take(tables)
            await snapshot.open_readers(connections)
        except bulk.DRIVER_ERRORS as error:
            raise translate(error, f"take a snapshot of {endpoint.url}") from None
        yield snapshot
    finally:
        await snapshot.close()


def select_statement(table: Table, part: ChunkRange) -> str:
    """The query of one part. ONLY: children of an inheritance parent are tables of their own."""
    columns = ", ".join(Identifier(column).sql for column in table.copied_columns)
    where = f" WHERE {part.predicate}" if part.predicate else ""
    return f"SELECT {columns} FROM ONLY {table.name.sql}{where}"


def plan_chunks(table: Table, chunk_bytes: int, *, tid_range_scans: bool) -> list[ChunkRange]:
    """Cut a table into ranges of heap blocks of about `chunk_bytes` (the TOAST of a range counted with it).

    The first and the last range are open, so that every row is in exactly one whatever the catalog's figures are worth.
    """
    rows, size = max(table.rows_estimate, 0), max(table.bytes, 0)
    pages = table.pages or size // PAGE_BYTES
    parts = min(-(-size // chunk_bytes), pages) if tid_range_scans and chunk_bytes > 0 else 1
    if parts <= 1:
        return [ChunkRange(table.name, 0, "", rows, size)]
    bounds = [pages * number // parts for number in range(1, parts)]
    predicates = [
        " AND ".join(
            f"ctid {sign} '({bound},0)'::pg_catalog.tid"
            for sign, bound in ((">=", low), ("<", high))
            if bound is not None
        )
        for low, high in itertools.pairwise([None, *bounds, None])
    ]
    return [
        ChunkRange(table.name, ordinal, predicate, rows // parts, size // parts)
        for ordinal, predicate in enumerate(predicates)
    ]


def _in_groups(tables: Sequence[Table], size: int) -> Iterable[Sequence[Table]]:
    return (tables[start : start + size] for start in range(0, len(tables), size))


def _lock_failure(error: asyncpg.PostgresError, tables: Sequence[Table]) -> VoyagerError:
    named = ", ".join(str(table.name) for table in tables[:5]) + (" …" if len(tables) > 5 else "")
    if sqlstate(error) == "55P03":
        return DatabaseAway(
            f"Another session holds an exclusive lock on one of {named}; waited {LOCK_SECONDS} s.",
            "Let that session (DDL, VACUUM FULL, LOCK TABLE) end, then run the same command again.",
            ("SELECT pid, relation::regclass, mode FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock';",),
        )
    return translate(error, f"lock {named} against changes of their shape")
