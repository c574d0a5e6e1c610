"""Target: the database we write, PostgreSQL or YugabyteDB; what differs is in its capabilities."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.ports import Capabilities, Check, WriteCounter
from voyager.postgres import counters
from voyager.postgres.attempts import while_away
from voyager.postgres.capabilities import probe
from voyager.postgres.connection import Connection, DriverError, connect, translate
from voyager.target import ddl, preflight


class Target:
    """Connects when first asked something. Every `connect` gives a connection of the caller's own. A server that is
    away, or has no connection left, is waited for: `outage_budget` seconds for each."""

    def __init__(self, endpoint: Endpoint, *, outage_budget: float = 0.0) -> None:
        self.endpoint = endpoint
        self._budget = outage_budget
        self._capabilities: Capabilities | None = None
        self._guard = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        return self.probe()

    def probe(self) -> Capabilities:
        """What this server can do, asked once."""
        with self._guard:
            if self._capabilities is None:
                with while_away(lambda: connect(self.endpoint, "probe"), self._budget) as connection:
                    self._capabilities = probe(connection)
            return self._capabilities

    def connect(self, purpose: str, *, autocommit: bool = True) -> Connection:
        """A new connection with an empty search path, ready for DDL; usable as a context manager that closes it."""
        connection = while_away(lambda: connect(self.endpoint, purpose), self._budget)
        try:
            ddl.prepare(connection)
            connection.autocommit = autocommit
        except DriverError as error:
            connection.close()
            raise translate(error, f"connect to {self.endpoint.url}") from None
        return connection

    def write_counters(
        self, tables: Iterable[TableName], *, settled: bool = True
    ) -> dict[TableName, WriteCounter] | None:
        """How often each table was written, or None when this server cannot tell; as Source.write_counters()."""
        if not self.probe().write_counters:
            return None
        with self.connect("read target") as connection:
            try:
                return counters.write_counters(connection, tables, settled=settled)
            except DriverError as error:
                raise translate(error, f"read the write counters of {self.endpoint.url}") from error

    def preflight(
        self,
        phase: str,
        *,
        source: Capabilities | None = None,
        schemas: Iterable[str] = (),
        extensions: Iterable[str] = (),
        allow_non_empty: bool = False,
    ) -> list[Check]:
        """The guardrails of `phase`. `source`, `schemas` (empty: all) and `extensions` say what is to come in."""
        coming = preflight.Coming(source, tuple(schemas), tuple(extensions), allow_non_empty)
        capabilities = self.probe()
        with self.connect("preflight") as connection:
            try:
                return preflight.preflight(connection, capabilities, phase, coming)
            except DriverError as error:
                raise translate(error, f"check the guardrails of {self.endpoint.url}") from error
