"""Bulk COPY through asyncpg: one connection with exact-text settings, COPY out as a stream, COPY in from one."""

from __future__ import annotations

import asyncio
import configparser
import os
import ssl
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg

from voyager.endpoint import Endpoint
from voyager.errors import UsageError, VoyagerError
from voyager.identifiers import Identifier, TableName, quote_literal
from voyager.ports import Execute
from voyager.postgres.failures import refused_connection, translate
from voyager.postgres.passfile import find_password
from voyager.postgres.patience import limit_silence, server_settings

Connection = asyncpg.Connection
PIPE_BYTES = 1 << 20
# InternalClientError is what asyncpg raises when a connection ends in the middle of a COPY, or has just ended.
DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    asyncio.TimeoutError,
    EOFError,
)
CONNECT_SECONDS = 10.0

EXACT_TEXT: Mapping[str, str] = {
    "search_path": "",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",  # shortest exact text from PostgreSQL 12 on, 17 digits before
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "synchronize_seqscans": "off",
    "jit": "off",
    # A notice amid COPY data would make the driver drop rows that it has not handed on yet (see copy_out).
    "client_min_messages": "error",
}

_AS_SERVER_SETTINGS = frozenset({"options", "replication"})
_TLS_QUERY = frozenset(
    {
        "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib",
    }
)  # fmt: skip
_NOT_THE_DRIVERS = frozenset(
    {
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode",
        "sslcompression", "sslsni", "client_encoding", "fallback_application_name", "load_balance_hosts",
        "gssdelegation", "application_name",
    }
)  # fmt: skip


async def connect(endpoint: Endpoint, purpose: str, *, settings: Mapping[str, str] | None = None) -> asyncpg.Connection:
    """Open a connection for bulk work. `settings` come on top of EXACT_TEXT; a server gets those that it knows."""
    doing = f"connect to {endpoint.url}"
    try:
        connection = await asyncpg.connect(**connection_arguments(endpoint, purpose))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TimeoutError) as error:
        raise refused_connection(error, doing) from None
    except VoyagerError:
        raise
    except Exception as error:  # what is wrong with a key file or a certificate comes in many types
        raise UsageError(f"Could not {doing}: {type(error).__name__}.", "Check the connection options.") from None
    try:
        keywords = _keywords(endpoint)
        limit_silence(connection._transport.get_extra_info("socket"), keywords)
        wanted = {**EXACT_TEXT, **server_settings(keywords), **(settings or {})}
        await connection.execute(_settings_statement(wanted))
    except Exception as error:
        connection.terminate()
        raise translate(error, doing) from None
    return connection


def connection_arguments(endpoint: Endpoint, purpose: str) -> dict[str, Any]:
    """What asyncpg.connect needs for the same server, user and TLS that libpq reaches by the endpoint's keywords."""
    keywords = _keywords(endpoint)
    arguments: dict[str, Any] = {"server_settings": {"application_name": f"yb-voyager {purpose}"[:63]}}
    arguments["timeout"] = float(keywords.pop("connect_timeout", CONNECT_SECONDS)) or None
    if "password" not in keywords and "PGPASSWORD" not in os.environ and (found := find_password(keywords)) is not None:
        keywords["password"] = found
    keywords.pop("passfile", None)
    hosts = keywords.pop("hostaddr", "") or keywords.get("host", "")
    keywords.pop("host", None)
    if hosts:
        arguments["host"] = [host.strip() for host in hosts.split(",")]
    if "port" in keywords:
        ports = [int(port) for port in keywords.pop("port").split(",")]
        arguments["port"] = ports if len(ports) > 1 else ports[0]
    for ours, theirs in (("user", "user"), ("password", "password"), ("dbname", "database")):
        if ours in keywords:
            arguments[theirs] = keywords.pop(ours)
    for name in _AS_SERVER_SETTINGS & keywords.keys():
        arguments["server_settings"][name] = keywords.pop(name)
    if keywords.get("sslrootcert") == "system":
        arguments["ssl"] = ssl.create_default_context()
        keywords.pop("sslrootcert")
        keywords.pop("sslmode", None)
    _refuse_unknown(keywords, endpoint)
    query = {name: value for name, value in keywords.items() if name in _TLS_QUERY}
    if query:
        arguments["dsn"] = "postgresql://?" + urlencode(query)
    return arguments


def _keywords(endpoint: Endpoint) -> dict[str, str]:
    """What libpq would go by: what was stated, and what its service file says of the rest."""
    given = endpoint.libpq(application_name="")
    stated = {key: value for key, value in given.items() if value and not (key == "port" and value == "0")}
    return {**_service(stated.pop("service", ""), stated.pop("servicefile", "")), **stated}


def _refuse_unknown(keywords: Mapping[str, str], endpoint: Endpoint) -> None:
    """A keyword that would be dropped silently may be one that keeps the connection safe (channel_binding=require)."""
    harmless = {"channel_binding": {"prefer", "disable"}, "require_auth": set()}
    for name, value in keywords.items():
        if name in _TLS_QUERY or name in _NOT_THE_DRIVERS or value in harmless.get(name, set()):
            continue
        raise UsageError(
            f"The connection option {name}={value} of {endpoint.url} is not supported for bulk data.",
            "Leave it out of the connection options.",
        )


def _service(name: str, file: str) -> dict[str, str]:
    """The keywords of a libpq service. Parsed here because the driver's reader ignores an unknown service and stumbles
    over a % in a password."""
    name = name or os.environ.get("PGSERVICE", "")
    if not name:
        return {}
    candidates = [file or os.environ.get("PGSERVICEFILE") or str(Path("~/.pg_service.conf").expanduser())]
    if folder := os.environ.get("PGSYSCONFDIR"):
        candidates.append(str(Path(folder) / "pg_service.conf"))
    for candidate in candidates:
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=False)
        with suppress(OSError, configparser.Error):
            parser.read(candidate, encoding="utf-8")
        if parser.has_section(name):
            return dict(parser.items(name))
    raise UsageError(
        f'The service "{name}" is in none of: {", ".join(candidates)}.', "Check PGSERVICE and PGSERVICEFILE."
    )


def _settings_statement(settings: Mapping[str, str]) -> str:
    """One statement that sets what this server knows of `settings`; names and values are constants of ours."""
    values = ", ".join(f"({quote_literal(name)}, {quote_literal(value)})" for name, value in settings.items())
    return (
        "SELECT pg_catalog.set_config(known.name, wanted.value, false)"
        f" FROM (VALUES {values}) AS wanted (name, value)"
        " JOIN pg_catalog.pg_settings AS known ON pg_catalog.lower(known.name) = wanted.name"
    )


def executor(connection: asyncpg.Connection) -> Execute:
    """Adapt a connection to the port that the ledger's statements run on."""

    async def execute(sql: str, *arguments: Any) -> Any:
        return await connection.fetchrow(sql, *arguments)

    return execute


async def backend_of(connection: asyncpg.Connection) -> dict[str, Any]:
    """Who this connection is on the server: pid and backend_start, which together are never reused."""
    row = await connection.fetchrow(
        "SELECT pid, backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()"
    )
    return {"pid": row["pid"], "backend_start": row["backend_start"]} if row else {}


class _Pipe:
    """Frames on their way from the driver to the reader, bounded by bytes (one frame may be larger than the bound). A
    frame is its reader's until the next one is asked for."""

    def __init__(self) -> None:
        self._frames: deque[bytearray] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._closed = False

    async def put(self, frame: bytearray) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        self._changed.set()
        if self._size >= PIPE_BYTES:
            self._drained.clear()
            await self._drained.wait()

    def close(self, _task: object = None) -> None:
        self._closed = True
        self._changed.set()

    async def frames(self) -> AsyncIterator[bytearray]:
        while True:
            while self._frames:
                frame = self._frames.popleft()
                size = len(frame)
                yield frame
                self._size -= size
                if size > PIPE_BYTES:
                    # The driver holds on to it until the next one is there: two huge rows at a time. Where a part of it
                    # is still on its way out, its memory goes with that.
                    with suppress(BufferError):
                        frame.clear()
            self._drained.set()
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()


class CopiedRows:
    """What a COPY sends: frames of whole rows, for the server sends one message per row. `count` is how many rows the
    server says it sent, known when the frames are over: whoever takes them compares it with what has come."""

    def __init__(self, pipe: _Pipe, task: asyncio.Future[str]) -> None:
        self.count = -1
        self._pipe = pipe
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytearray]:
        async for frame in self._pipe.frames():
            yield frame
        self.count = rows_of(await self._task)


@asynccontextmanager
async def copy_out(connection: asyncpg.Connection, query: str, *, binary: bool = False) -> AsyncIterator[CopiedRows]:
    """Stream `COPY (query) TO STDOUT`, as COPY text unless `binary`. Raises the driver's error.

    Leaving early cancels the statement; the connection's transaction is then over.
    """
    pipe = _Pipe()
    form = {"format": "binary"} if binary else {}
    task = asyncio.ensure_future(connection.copy_from_query(query, output=pipe.put, **form))
    task.add_done_callback(pipe.close)
    try:
        yield CopiedRows(pipe, task)
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


async def copy_in(
    connection: asyncpg.Connection,
    table: TableName,
    columns: Iterable[str],
    source: AsyncIterable[bytes | bytearray | memoryview],
    *,
    options: str = "",
) -> int:
    """Load COPY text (or what `options` say it is) into `table` and return how many rows the server took.

    Without columns the list is left out: the server then expects no value at all for a table that has only generated
    columns, or none. `options` is constant text of ours, such as "ROWS_PER_TRANSACTION 0".
    """
    names = ", ".join(Identifier(column).sql for column in columns)
    listed = f" ({names})" if names else ""
    statement = f"COPY {table.sql}{listed} FROM STDIN" + (f" WITH ({options})" if options else "")
    # copy_to_table() knows no options beyond PostgreSQL's own; this is the step that it ends in.
    return rows_of(await connection._copy_in(statement, source, None))


def rows_of(status: str) -> int:
    """The number in a command tag: "COPY 17"."""
    return int(status.rsplit(" ", 1)[-1])
