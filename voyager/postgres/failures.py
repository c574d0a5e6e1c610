"""What a PostgreSQL driver's error means: worth another try, and which of our errors it is. Works for both drivers."""

from __future__ import annotations

import re

from voyager.errors import BlockersFound, DatabaseAway, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import visible

RETRYABLE_STATES = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "53300"})
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03", "53300", "57014", "55P03", "40001", "40P01"})
_CANCELLED_STATES = frozenset({"57014", "55P03"})
_SPACE_STATES = frozenset({"53100", "53200", "53400", "54000"})
_USAGE_STATES = frozenset({"3D000", "3F000"})

# YugabyteDB says these under several SQLSTATEs (XX000 among them), so the text decides.
_TRANSIENT_TEXT = re.compile(
    r"catalog version mismatch|schema version mismatch|restart read required|try again|catalog snapshot"
    r"|timed out waiting for|memory pressure|server closed the connection|connection (?:is|was) (?:closed|lost)",
    re.IGNORECASE,
)
_NOT_RETRYABLE_TEXT = re.compile(r"exceeds? (?:the )?(?:rpc|max(?:imum)?) message", re.IGNORECASE)
_ADVICE = re.compile(r"(?<=\w)\n\s+(?=[A-Z])")
# asyncpg of itself, when the server ended a connection while nothing was asked of it: "cannot switch to state 12".
_DRIVERS_OWN = "InternalClientError"
_BUSY = re.compile(r"^cannot perform operation: another operation is (?:cancelling|in progress)$")
_ENDED = "the connection ended before the server answered"
_VALUE_AT_END = re.compile(r'(:\s*)".*"?$', re.DOTALL)
_VALUE_IN_FRONT = re.compile(r'^([a-z ]*)".*"(?= (?:is|are|has|does|do|cannot|not)\b)', re.DOTALL)
# Of text that cannot be decoded; that a byte was 0 says nothing of a value.
_BYTES_OF_A_VALUE = re.compile(r":? 0x(?!00\b)[0-9a-f]{2}(?: 0x[0-9a-f]{2})*")

# libpq gives no SQLSTATE for a refused connection, only the server's text.
_REFUSED_FOR_GOOD = re.compile(
    r"password authentication failed|no password supplied|pg_hba\.conf|authentication failed"
    r'|role "[^"]*" (?:does not exist|is not permitted)|permission denied for database|certificate'
    r"|SSL error|server does not support SSL|SSL (?:was|is) required",
    re.IGNORECASE,
)
_UNKNOWN_DATABASE = re.compile(r'database ".*" does not exist', re.IGNORECASE | re.DOTALL)
_BAD_PARAMETER = re.compile(
    r"invalid (?:connection option|port number|sslmode|integer value|.* value)|definition of service"
    r"|service file|could not (?:read|open|load).*(?:file|certificate|key)|(?:file|key) \".*\" (?:does not exist|has)",
    re.IGNORECASE | re.DOTALL,
)


def sqlstate(error: BaseException) -> str:
    """The five characters the server gave, "" when the error came from elsewhere (a lost connection)."""
    return getattr(error, "sqlstate", None) or ""


def primary_message(error: BaseException) -> str:
    """The error's first line without DETAIL and CONTEXT, which quote rows, and without a rejected value."""
    if type(error).__name__ == _DRIVERS_OWN or _BUSY.search(str(error)):
        return _ENDED
    diagnostics = getattr(error, "diag", None)
    text = getattr(diagnostics, "message_primary", None) or getattr(error, "message", None) or str(error)
    # Errors of class 22 end in the value that was refused, `invalid input syntax for type integer: "…"`, or begin with
    # it, `value "…" is out of range for type integer`.
    if sqlstate(error).startswith("22"):
        text = _VALUE_AT_END.sub(r"\1(value not shown)", text)
        text = _VALUE_IN_FRONT.sub(r"\1(not shown)", text)
        text = _BYTES_OF_A_VALUE.sub("", text)
    # libpq begins its advice ("Is the server running …?") on a line of its own, without ending the one before.
    return visible(" ".join(_ADVICE.sub(". ", str(text)).split()))


def connection_lost(error: BaseException) -> bool:
    """True when the connection is gone, so that what a COMMIT did is unknown."""
    state = sqlstate(error)
    if state.startswith("08") or state in {"57P01", "57P02", "57P03", "25P03"}:
        return True
    if state:
        return False
    if isinstance(error, DatabaseAway | OSError | TimeoutError | EOFError):
        return True
    return type(error).__name__ in {"OperationalError", "ConnectionDoesNotExistError", "InterfaceError", _DRIVERS_OWN}


def retryable(error: BaseException) -> bool:
    """True when the same transaction, begun anew (on a new connection if this one is lost), may well succeed."""
    text = primary_message(error)
    if _NOT_RETRYABLE_TEXT.search(text):
        return False
    state = sqlstate(error)
    if state in RETRYABLE_STATES or connection_lost(error):
        return True
    if state and state[:2] in {"22", "23", "28", "42", "0A"}:
        return False
    return bool(_TRANSIENT_TEXT.search(text))


def cancelled(error: BaseException) -> bool:
    """True when somebody, or a limit of time, ended the statement at the server; not whoever waits for its answer."""
    return sqlstate(error) in _CANCELLED_STATES


def translate(error: BaseException, doing: str) -> VoyagerError:
    """Our error for a driver's error. `doing` completes "Could not …": "read the catalog of postgresql://…"."""
    if isinstance(error, VoyagerError):
        return error
    message = f"Could not {doing}: {primary_message(error)}"
    state = sqlstate(error)
    if not state and not connection_lost(error):
        return VoyagerError(message, "This is not an error of the database; the log holds more.")
    return _stating(state, _by_state(state, message))


def refused_connection(error: BaseException, doing: str, *, asks_password: bool = False) -> VoyagerError:
    """Our error for a connection that did not come about, where often only text tells why."""
    text = primary_message(error).removeprefix("connection failed: ").removeprefix("connection is bad: ")
    message = f"Could not {doing}: {text}"
    if sqlstate(error):
        return _stating(sqlstate(error), _by_state(sqlstate(error), message))
    if _UNKNOWN_DATABASE.search(text):
        return UsageError(message, "Give the name of an existing database.")
    if _BAD_PARAMETER.search(text):
        return UsageError(message, "Check the connection options.")
    if asks_password or _REFUSED_FOR_GOOD.search(text):
        return PermissionMissing(message, "Check user, password, TLS settings and the server's pg_hba.conf.")
    return DatabaseAway(message, "Check that the server runs and can be reached from here, then run the command again.")


def _stating(state: str, error: VoyagerError) -> VoyagerError:
    error.server_state = state
    return error


def _by_state(state: str, message: str) -> VoyagerError:
    """The order matters: single states first, then their classes."""
    if state == "25006":
        return BlockersFound(message, "The server is read-only (a standby?). Connect to the primary.")
    if state in {"40001", "40P01", "55P03", "57014"}:
        return DatabaseAway(message, "The server was busy or cancelled the statement. Run the same command again.")
    if state in _SPACE_STATES:
        return OutOfSpace(message, "Make room on the server (or make the rows smaller), then run the command again.")
    if state in _USAGE_STATES:
        return UsageError(message, "Check the name.")
    if state.startswith("28"):
        return PermissionMissing(message, "Check user, password and the server's pg_hba.conf.")
    if state == "42501":
        return PermissionMissing(message, "Grant the missing privilege, then run the command again.")
    if not state or state in _AWAY_STATES or state.startswith("08"):
        return DatabaseAway(message, "Nothing is lost. Run the same command again when the server is back.")
    if state[:2] in {"0A", "22", "23", "42", "2B"}:
        return BlockersFound(message, "Change the object named above, then run the command again.")
    return VoyagerError(message, f"The server answered with SQLSTATE {state}.")


def from_driver(error: BaseException) -> bool:
    """True for an error that a PostgreSQL driver raised."""
    return type(error).__module__.split(".")[0] in {"psycopg", "asyncpg"}
