"""Connect to MySQL or MariaDB, with TLS as the endpoint asks for it."""

from __future__ import annotations

import os
from typing import Any

import mysql.connector
from mysql.connector import Error
from mysql.connector.abstracts import MySQLConnectionAbstract

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.sources.mysql.failures import translate

Connection = MySQLConnectionAbstract
DriverError = Error

_CONNECT_SECONDS = 10
_VERIFYING = {"verify-ca", "verify-full"}
_UNTOLD = "A name, a password or an option cannot be sent to the server as it is."


def connect(endpoint: Endpoint) -> Connection:
    """Open a connection to the endpoint's database. Raises our errors, never the driver's, never with a password."""
    keywords = connection_keywords(endpoint)
    doing = f"connect to {endpoint.url}"
    try:
        connection: Any = mysql.connector.connect(**keywords)
    except Error as error:
        # Not chained: the driver's own error keeps the arguments of the call.
        raise translate(error, doing, database=endpoint.database) from None
    except UnicodeError:
        raise UsageError(f"Could not {doing}: user, database or password cannot be encoded.") from None
    except (OSError, EOFError) as error:
        raise DatabaseAway(f"Could not {doing}: {type(error).__name__}.", "Check host and port.") from None
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise UsageError(f"Could not {doing}. {_UNTOLD}", "Check the connection options.") from None
    if dict(endpoint.tls).get("sslmode") == "require" and not encrypted(connection):
        connection.close()
        raise PermissionMissing(
            f"Could not {doing}: the server does not support TLS, but --source-ssl-mode require was given.",
            "Switch TLS on in the server, or use --source-ssl-mode prefer.",
        )
    return connection


def encrypted(connection: Connection) -> bool:
    """Whether this session is encrypted, by the server's own word."""
    row = rows(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return bool(row and row[0][1])


def rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    """Every row of one statement. Raises the driver's error."""
    cursor: Any
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.with_rows else []


def connection_keywords(endpoint: Endpoint) -> dict[str, Any]:
    """What the driver is called with. The password is among it: hand it to the driver, nothing else."""
    options = dict(endpoint.options)
    keywords: dict[str, Any] = {
        "user": endpoint.user,
        "password": endpoint.password or "",
        "database": endpoint.database or None,
        "connection_timeout": _CONNECT_SECONDS,
        "charset": "utf8mb4",
        # The driver's own choice is one that MariaDB does not have.
        "collation": "utf8mb4_general_ci",
        "autocommit": True,
        "consume_results": True,
        "allow_local_infile": False,
        **tls_keywords(dict(endpoint.tls)),
    }
    if any("\0" in value for value in keywords.values() if isinstance(value, str)):
        raise UsageError(f"A connection option for {endpoint.url} holds a NUL character.", "Correct the option.")
    socket = options.get("unix_socket") or options.get("socket") or (endpoint.host if _is_path(endpoint.host) else "")
    if socket:
        return {**keywords, "unix_socket": socket}
    return {**keywords, "host": endpoint.host or "127.0.0.1", "port": endpoint.port or 3306}


def tls_keywords(tls: dict[str, str]) -> dict[str, Any]:
    """The driver's TLS options for libpq's, with libpq's meaning: a root certificate is used wherever it is given."""
    mode, root = tls.get("sslmode", "prefer"), tls.get("sslrootcert", "")
    if mode == "disable":
        return {"ssl_disabled": True}
    if tls.get("sslcrl"):
        raise UsageError("A list of revoked certificates cannot be used with MySQL.", "Leave --source-ssl-crl out.")
    if mode in _VERIFYING and not root:
        raise UsageError(
            f"--source-ssl-mode {mode} needs the certificates of the authorities to trust.",
            "Give them with --source-ssl-root-cert FILE.",
        )
    if bool(tls.get("sslcert")) != bool(tls.get("sslkey")):
        raise UsageError(
            "A client certificate and its key are needed together.", "Give --source-ssl-cert and -ssl-key."
        )
    found: dict[str, Any] = {"ssl_disabled": False}
    for keyword, option in (("sslrootcert", "ssl_ca"), ("sslcert", "ssl_cert"), ("sslkey", "ssl_key")):
        if tls.get(keyword):
            found[option] = _readable(tls[keyword])
    if root and mode in {"require", *_VERIFYING}:
        found["ssl_verify_cert"] = True
    if mode == "verify-full":
        found["ssl_verify_identity"] = True
    return found


def _readable(path: str) -> str:
    """The path, once it is known to be readable: the client library only says that TLS failed."""
    try:
        with open(path, "rb"):  # noqa: PTH123
            return path
    except OSError as error:
        raise UsageError(
            f"The file {path} of the TLS options cannot be read: {error.strerror}.", "Check the path."
        ) from None


def _is_path(host: str) -> bool:
    return host.startswith(os.sep)
