"""PostgresAssessed: a PostgreSQL database that is looked at before there is any target. It only ever reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound
from voyager.identifiers import TableName
from voyager.ports import Capabilities, Check, Question
from voyager.postgres.capabilities import probe
from voyager.postgres.connection import connect, connection_lost, sqlstate, translate
from voyager.sources.postgresql import dump, preflight
from voyager.sources.postgresql.metadata import MOMENT, NODE, QUERIES, QUESTIONS, SCHEMA_LIST, gaps, schema_list, text

_TIMED_OUT = {"57014", "55P03"}
_OF_OTHER_SERVERS = ("hostaddr", "target_session_attrs", "load_balance_hosts")


class PostgresAssessed:
    """Connects when first asked something. One question at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._open: psycopg.Connection | None = None
        self._capabilities: Capabilities | None = None
        self._guard = threading.RLock()

    def probe(self) -> Capabilities:
        with self._asked("ask for the version"):
            assert self._capabilities is not None
            return self._capabilities

    def preflight(self, phase: str) -> list[Check]:
        capabilities = self.probe()
        with self._asked("check the guardrails") as connection:
            checks = preflight.preflight(connection, self.endpoint, capabilities, phase)
        if any(check.severity == "error" for check in checks):
            return checks
        return [*checks, *preflight.gap_checks(gaps(self.facts()))]

    def facts(self) -> dict[str, Any]:
        with self._asked("read what the server says of itself") as connection:
            row = connection.execute(text("database").encode()).fetchone()
        return {**(row[0] if row else {}), "url": self.endpoint.url}

    def questions(self) -> Sequence[Question]:
        return QUESTIONS

    def ask(self, question: Question, *, node: str = "primary") -> Iterator[tuple[str | None, ...]]:
        """The rows as COPY gives them, which is what psql writes. The connection is taken until the last one."""
        with self._asked(f"ask for {question.name}") as connection:
            path = self._path_of_statistics(connection) if question.name == QUERIES else ""
            _set(connection, {NODE: node, MOMENT: question.moment, "search_path": path})
            with connection.cursor().copy(f"COPY (\n{question.sql}\n) TO STDOUT".encode()) as answer:
                yield from answer.rows()

    def ddl(self) -> str:
        """The schema as pg_dump writes it, but for what our role may not lock."""
        with self._asked("read the schemas") as connection:
            version, tls = connection.info.server_version, bool(connection.pgconn.ssl_in_use)
            left_out = connection.execute(text("left-out").encode()).fetchall()
        choice = dump.Choice(
            comments=False,
            exclude_schemas=tuple(schema for schema, table in left_out if table is None),
            exclude_tables=tuple(TableName(schema, table) for schema, table in left_out if table is not None),
        )
        return dump.dump_schema(self.endpoint, dump.find_pg_dump(version, tls=tls), choice, tls=tls).sql

    def replicas(self) -> list[Endpoint]:
        """Those that stream from this server, at the address they come from and the port of this one."""
        with self._asked("look for replicas") as connection:
            rows = connection.execute(text("replicas").encode()).fetchall()
        options = tuple(pair for pair in self.endpoint.options if pair[0] not in _OF_OTHER_SERVERS)
        return [replace(self.endpoint, host=address, options=options) for (address,) in rows]

    def close(self) -> None:
        with self._guard:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _path_of_statistics(self, connection: psycopg.Connection) -> str:
        """The view's schema is the user's choice; its name alone is in the question's text."""
        row = connection.execute(
            "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e"
            " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'"
        ).fetchone()
        return f"pg_catalog, {row[0]}" if row else ""

    @contextmanager
    def _asked(self, doing: str) -> Iterator[psycopg.Connection]:
        doing = f"{doing} of {self.endpoint.url}"
        with self._guard:
            try:
                yield self._connection()
            except psycopg.Error as error:
                if sqlstate(error) in _TIMED_OUT and not connection_lost(error):
                    raise BlockersFound(
                        f"Could not {doing}: the answer took too long, or somebody held a lock on what it needs.",
                        "Run the command again when the server is less busy.",
                    ) from error
                raise translate(error, doing) from error
            except UnicodeDecodeError as error:
                raise BlockersFound(
                    f"Could not {doing}: a name or a value is not valid UTF-8.", "Rename the object that holds it."
                ) from error

    def _connection(self) -> psycopg.Connection:
        if self._open is None or self._open.closed:
            connection = connect(self.endpoint, "assess source")
            self._capabilities = probe(connection)
            connection.execute(text("session").encode())
            identifier = self._capabilities.facts.get("cluster") or ""
            _set(
                connection,
                {
                    SCHEMA_LIST: schema_list(self.endpoint.schemas),
                    NODE: "primary",
                    "voyager.system_identifier": str(identifier),
                },
            )
            self._open = connection
        return self._open


def _set(connection: psycopg.Connection, settings: Mapping[str, str]) -> None:
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in settings)
    connection.execute(f"SELECT {calls}".encode(), [word for pair in settings.items() for word in pair])
