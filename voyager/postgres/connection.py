"""Connect to PostgreSQL or YugabyteDB with psycopg, with the session settings that everything here relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.postgres.failures import (
    connection_lost,
    primary_message,
    refused_connection,
    retryable,
    sqlstate,
    translate,
)
from voyager.postgres.patience import PATIENCE, server_settings

__all__ = [
    "Connection",
    "DriverError",
    "connect",
    "connection_keywords",
    "connection_lost",
    "named_rows",
    "primary_message",
    "retryable",
    "session_settings",
    "sqlstate",
    "translate",
]

Connection = psycopg.Connection
DriverError = psycopg.Error
"""The driver's own, for those who may not import it."""

_DEFAULTS = {
    "connect_timeout": "10",
    "client_encoding": "UTF8",
    **PATIENCE,
}


def connect(
    endpoint: Endpoint, purpose: str, *, autocommit: bool = True, settings: Mapping[str, str] | None = None
) -> Connection:
    """Open a connection for `purpose` (shown in the server's activity view). `settings` come on top of
    session_settings(). Raises our errors, never the driver's."""
    doing = f"connect to {endpoint.url}"
    try:
        keywords = connection_keywords(endpoint, purpose)
        connection = psycopg.connect(**keywords, autocommit=True)  # type: ignore[arg-type]
    except UnicodeError as error:
        # Not chained: the error's text holds what could not be encoded, which may be the password.
        refusal = UsageError(f"Could not {doing}: user, database or password {_fault(error)}.")
        raise refusal from None
    except (psycopg.Error, OSError, ValueError) as error:
        raise refused_connection(error, doing, asks_password=_asks_password(error)) from None
    try:
        _settle(connection, {**server_settings(keywords), **(settings or {})})
        connection.autocommit = autocommit
    except psycopg.Error as error:
        connection.close()
        raise translate(error, doing) from None
    return connection


def connection_keywords(endpoint: Endpoint, purpose: str) -> dict[str, str]:
    """libpq keywords, without those left open: a service file, PGHOST and the like then supply them."""
    given = endpoint.libpq(application_name=f"yb-voyager {purpose}"[:63])
    if any("\0" in value for value in given.values()):
        raise UsageError(f"A connection option for {endpoint.url} holds a NUL character.", "Correct the option.")
    stated = {key: value for key, value in given.items() if value and not (key == "port" and value == "0")}
    return {**_DEFAULTS, **stated}


def named_rows(connection: Connection, query: str, parameters: Any = None) -> list[Any]:
    """Every row of a query, its columns as attributes."""
    return connection.cursor(row_factory=namedtuple_row).execute(query.encode(), parameters).fetchall()


def session_settings(server_version: int) -> dict[str, str]:
    """Settings that a role or a database may have changed and that our statements rely on.

    `search_path` is left alone: callers name schemas.
    """
    settings = {
        "standard_conforming_strings": "on",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "TimeZone": "UTC",
        "client_min_messages": "warning",
        "statement_timeout": "0",
        "lock_timeout": "0",
        "default_transaction_isolation": "read committed",
    }
    if server_version >= 90600:
        settings["idle_in_transaction_session_timeout"] = "0"
    if server_version >= 140000:
        settings["idle_session_timeout"] = "0"
    if server_version >= 170000:
        settings["transaction_timeout"] = "0"
    return settings


def _settle(connection: Connection, further: Mapping[str, str]) -> None:
    """One round trip for all settings."""
    settings = {**session_settings(connection.info.server_version), **further}
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in settings)
    connection.execute(f"SELECT {calls}", [word for pair in settings.items() for word in pair])


def _asks_password(error: BaseException) -> bool:
    """True when the server asked for a password and we had none, whatever language its message is in."""
    pgconn = getattr(error, "pgconn", None)
    return bool(pgconn is not None and pgconn.needs_password)


def _fault(error: UnicodeError) -> str:
    return "cannot be encoded as UTF-8" if isinstance(error, UnicodeEncodeError) else "is not valid text"
