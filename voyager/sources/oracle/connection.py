"""Connect to Oracle with oracledb in its thin mode: no client library, and every number as it is stored."""

from __future__ import annotations

import ssl
import threading
from queue import Empty, SimpleQueue
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.sources.oracle.failures import translate

try:
    import oracledb
except ModuleNotFoundError as missing:
    raise UsageError(
        "Reading Oracle takes the package oracledb, which is not installed.", "Run: pip install 'yb-voyager[oracle]'"
    ) from missing

DriverError = oracledb.Error
"""The driver's own, for those who may not import it."""

SECONDS_TO_CONNECT = 10.0
SECONDS_TO_LOG_IN = 30.0
SECONDS_TO_ANSWER = 600
_AT_ONCE = 1000
_VERIFIED = ("verify-ca", "verify-full")


def connect(endpoint: Endpoint, purpose: str) -> Any:
    """Open a connection for `purpose` (shown in V$SESSION). Raises our errors, never the driver's."""
    keywords = connection_keywords(endpoint, purpose)
    doing = f"connect to {place(endpoint)}"
    try:
        connection = _in_time(keywords, doing)
    except (oracledb.Error, OSError) as error:
        raise translate(error, doing, user=endpoint.user) from None
    except UnicodeError:
        # Not chained: the error's text holds what could not be encoded, which may be the password.
        refusal = UsageError(f"Could not {doing}: user or password cannot be encoded.")
        raise refusal from None
    connection.outputtypehandler = exact_values
    connection.call_timeout = SECONDS_TO_ANSWER * 1000
    return connection


def _in_time(keywords: dict[str, Any], doing: str) -> Any:
    """The driver bounds how long the network may take to connect, not how long the listener may say nothing."""
    answers: SimpleQueue[Any] = SimpleQueue()

    def attempt() -> None:
        try:
            answers.put(oracledb.connect(**keywords))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=attempt, name="connect to Oracle", daemon=True).start()
    try:
        answer = answers.get(timeout=SECONDS_TO_LOG_IN)
    except Empty:
        raise DatabaseAway(
            f"Could not {doing}: somebody accepts connections there and does not answer.",
            "Check host and port, and that an Oracle listener runs there; then run the command again.",
        ) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def connection_keywords(endpoint: Endpoint, purpose: str) -> dict[str, Any]:
    """The driver's keywords: an alias of tnsnames.ora, or host and port with a SID or a service name."""
    options = dict(endpoint.options)
    if not endpoint.password:
        raise PermissionMissing(
            f"There is no password for {endpoint.user or 'the user'} at {place(endpoint)}.",
            "Give it with --source-db-password-file or SOURCE_DB_PASSWORD.",
        )
    who = {"user": endpoint.user, "password": endpoint.password, "program": f"yb-voyager-{purpose}"[:48]}
    alias, sid = options.get("tns_alias"), options.get("sid")
    if alias:
        return {**who, "dsn": alias, "tcp_connect_timeout": SECONDS_TO_CONNECT}
    named = {"sid": sid} if sid else {"service_name": endpoint.database}
    where = {"host": endpoint.host, "port": endpoint.port, "tcp_connect_timeout": SECONDS_TO_CONNECT, "retry_count": 0}
    return {**who, **where, **named, **_tls(dict(endpoint.tls))}


def place(endpoint: Endpoint) -> str:
    """The database for people: `oracle://host:1521/service`, or the alias."""
    options = dict(endpoint.options)
    if options.get("tns_alias"):
        return f"Oracle by the alias {options['tns_alias']}"
    if options.get("sid"):
        return f"{endpoint.url.rsplit('/', 1)[0]} (SID {options['sid']})"
    return endpoint.url


def exact_values(cursor: Any, metadata: Any) -> Any:
    """The driver's hook for each column: numbers as text (a float keeps 15 digits), LOBs as their text."""
    if metadata.type_code is oracledb.DB_TYPE_NUMBER:
        return cursor.var(oracledb.DB_TYPE_VARCHAR, size=255, arraysize=cursor.arraysize)
    if metadata.type_code in (oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB):
        return cursor.var(oracledb.DB_TYPE_LONG, arraysize=cursor.arraysize)
    return None


def prepare(cursor: Any) -> Any:
    """The cursor, set to fetch many rows in a round trip."""
    cursor.arraysize, cursor.prefetchrows = _AT_ONCE, _AT_ONCE + 1
    return cursor


def _tls(tls: dict[str, str]) -> dict[str, Any]:
    """TCPS where TLS is asked for; without it a listener that wants TLS refuses, which is said then."""
    mode = tls.get("sslmode", "prefer")
    if mode not in ("require", *_VERIFIED):
        return {}
    context = ssl.create_default_context(cafile=tls.get("sslrootcert"))
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if mode in _VERIFIED else ssl.CERT_NONE
    if tls.get("sslcert"):
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"))
    return {"protocol": "tcps", "ssl_context": context, "ssl_server_dn_match": mode == "verify-full"}
