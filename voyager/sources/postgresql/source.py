"""PostgresSource: a PostgreSQL database as the source of a migration. It only ever reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TypeVar

import psycopg

from voyager.catalog import Catalog, Table
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.ports import Capabilities, Check, ChunkRange, Snapshot, Unreported, WriteCounter
from voyager.postgres import counters
from voyager.postgres.capabilities import probe
from voyager.postgres.connection import connect, connection_lost, translate
from voyager.sources.postgresql import catalog, dump, preflight

T = TypeVar("T")

_READING = "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {values}) AS s (name, value)"
_SETTINGS = (
    ("search_path", ""),
    ("row_security", "off"),
    ("default_transaction_read_only", "on"),
    # Measuring a table waits for whoever holds it exclusively.
    ("lock_timeout", "60s"),
)


class PostgresSource:
    """Connects when first asked something, and again when that connection was lost. Safe to use from threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._open: psycopg.Connection | None = None
        self._capabilities: Capabilities | None = None
        self._guard = threading.RLock()

    def probe(self) -> Capabilities:
        with self._guard:
            if self._capabilities is None:
                self._ask("ask for the version", lambda connection: connection.info.server_version)
            assert self._capabilities is not None
            return self._capabilities

    def preflight(self, phase: str) -> list[Check]:
        capabilities = self.probe()
        return self._ask(
            "check the guardrails",
            lambda connection: preflight.preflight(connection, self.endpoint, capabilities, phase),
        )

    def read_catalog(self) -> Catalog:
        return self._ask("read the catalog", lambda connection: catalog.read_catalog(connection, self.endpoint.schemas))

    def export_ddl(self, *, owners: bool, grants: bool, comments: bool) -> str:
        """The schema as pg_dump writes it, of the chosen schemas and of what belongs to none (extensions, …)."""
        return self.dump(owners=owners, grants=grants, comments=comments).sql

    def dump(self, *, owners: bool, grants: bool, comments: bool) -> dump.SchemaDump:
        """The same with pg_dump's warnings."""
        version, tls, unwanted = self._ask("read the schemas", self._dump_needs)
        program = dump.find_pg_dump(version, tls=tls)
        choice = dump.Choice(owners=owners, grants=grants, comments=comments, exclude_schemas=unwanted)
        return dump.dump_schema(self.endpoint, program, choice, tls=tls)

    def plan_chunks(self, table: Table, chunk_bytes: int) -> list[ChunkRange]:
        from voyager.sources.postgresql import snapshot

        return snapshot.plan_chunks(table, chunk_bytes, tid_range_scans=self.probe().tid_range_scans)

    def open_snapshot(self, tables: Sequence[Table], connections: int) -> AbstractAsyncContextManager[Snapshot]:
        from voyager.sources.postgresql import snapshot

        return snapshot.open_snapshot(self.endpoint, tables, connections, capabilities=self.probe())

    def write_counters(
        self, tables: Iterable[TableName], *, settled: bool = True, since: datetime | None = None
    ) -> dict[TableName, WriteCounter] | None:
        if not self.probe().write_counters:
            return None
        names = list(tables)
        return self._ask(
            "read the write counters",
            lambda connection: counters.write_counters(connection, names, settled=settled, since=since),
        )

    def read_unreported(self, since: datetime) -> Unreported:
        return self._ask("ask for the sessions", lambda connection: counters.read_unreported(connection, since))

    def close(self) -> None:
        with self._guard:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _dump_needs(self, connection: psycopg.Connection) -> tuple[int, bool, tuple[str, ...]]:
        wanted = set(catalog.read_schemas(connection, self.endpoint.schemas).values())
        every = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        )
        unwanted = tuple(sorted({name for (name,) in every} - wanted))
        return connection.info.server_version, bool(connection.pgconn.ssl_in_use), unwanted

    def _ask(self, doing: str, question: Callable[[psycopg.Connection], T]) -> T:
        """Put a question on the one connection; once more on a new one when it turns out to be lost."""
        with self._guard:
            kept = self._open is not None
            try:
                return question(self._connection())
            except psycopg.Error as error:
                if not (kept and connection_lost(error)):
                    raise translate(error, f"{doing} of {self.endpoint.url}") from error
            self.close()
            try:
                return question(self._connection())
            except psycopg.Error as error:
                raise translate(error, f"{doing} of {self.endpoint.url}") from error

    def _connection(self) -> psycopg.Connection:
        if self._open is None or self._open.closed:
            connection = connect(self.endpoint, "read source")
            # Asked before the search path is emptied: a server may dress its functions up there.
            self._capabilities = self._capabilities or probe(connection)
            values = ", ".join("(%s, %s)" for _ in _SETTINGS)
            connection.execute(_READING.format(values=values), [word for pair in _SETTINGS for word in pair])
            self._open = connection
        return self._open
