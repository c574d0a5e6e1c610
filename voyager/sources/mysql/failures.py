"""What an error of the MySQL driver means: which of our errors it is, and which GRANT would have avoided it."""

from __future__ import annotations

import re

from mysql.connector import Error

from voyager.errors import BlockersFound, DatabaseAway, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import visible
from voyager.sources.mysql.names import quoted

# Numbers of the server's errors (below 2000 and above 3000) and of the client library's (2000 to 2999).
_AUTHENTICATION = {1045, 1130, 1251, 1275, 1524, 1698, 1820, 1862, 2049, 2059, 2061, 3118, 3955, 4151}
_NO_DATABASE_PRIVILEGE = {1044}
_NO_PRIVILEGE = {1142, 1143, 1227, 1370, 1345, 1419, 3530}
_UNKNOWN_DATABASE = {1049}
_UNKNOWN_OBJECT = {1054, 1109, 1146, 1193, 1305}
_TLS = {2026, 3159}
_AWAY = {1040, 1042, 1043, 1053, 1077, 1079, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1927, 2002, 2003, 2005,
         2006, 2012, 2013, 2027, 2048, 2055, 3169, 3170, 4031}  # fmt: skip
_BUSY = {1205, 1213, 1317, 1907, 1969, 3024}
_SPACE = {1021, 1037, 1038, 1041, 1114, 1153}
_LOST = {2006, 2013, 2055, 1927, 1053, 4031}

_ACCOUNT = re.compile(r"user '([^']*)'@'([^']*)'")
_DENIED = re.compile(r"^(?P<what>[A-Z][A-Z ,]*?) command denied to user .* for table (?P<table>\S+)$")
_NEEDS = re.compile(r"at least one of\) the (?P<what>[A-Z_ ,]+?) privilege")


def connection_lost(error: BaseException) -> bool:
    return isinstance(error, Error) and error.errno in _LOST


def refused_privilege(error: BaseException) -> bool:
    """True when the account lacks a privilege for this statement alone."""
    return isinstance(error, Error) and error.errno in _NO_PRIVILEGE


def translate(error: Error, doing: str, *, database: str = "") -> VoyagerError:
    """Our error for a driver's error. `doing` completes "Could not …"; `database` is the one that was asked for."""
    number, text = error.errno, primary_message(error)
    message = f"Could not {doing}: {text}"
    if number in _UNKNOWN_DATABASE:
        return UsageError(message, "Give the name of an existing database; `SHOW DATABASES` lists those one may see.")
    if number in _NO_DATABASE_PRIVILEGE:
        return PermissionMissing(
            message,
            "There is no such database, or the account has no privilege on it.",
            _database_grants(text, database),
        )
    if number in _NO_PRIVILEGE:
        grant = missing_grant(text)
        return PermissionMissing(
            message, f"Have an administrator run: {grant}" if grant else "", (grant,) * bool(grant)
        )
    if number in _AUTHENTICATION:
        return PermissionMissing(message, "Check user, password, and from which hosts the account may connect.")
    return _other(number, message)


def _other(number: int, message: str) -> VoyagerError:
    if number in _TLS:
        return PermissionMissing(message, "Check the TLS options and what the server requires.")
    if number in _SPACE:
        return OutOfSpace(message, "Make room on the server (memory, disk, max_allowed_packet), then run it again.")
    if number in _BUSY:
        return DatabaseAway(message, "The server was busy or ended the statement. Run the same command again.")
    if number in _AWAY or number < 0:
        return DatabaseAway(
            message, "Check that the server runs and can be reached from here, then run the command again."
        )
    if number in _UNKNOWN_OBJECT:
        return UsageError(message, "This server has no such thing.")
    return BlockersFound(message, f"The server answered with error {number}.")


def primary_message(error: Error) -> str:
    """The server's words in one line. They never hold the password: the server says only whether one was sent."""
    text = error.msg if isinstance(error.msg, str) and error.msg else str(error)
    # The driver's pure variant wraps the number around the text.
    return visible(" ".join(re.sub(r"^\d+ \([0-9A-Z]{5}\): ", "", text).split()))


def missing_grant(text: str) -> str:
    """The GRANT that a refusal asks for, "" where it does not say enough."""
    account = _account(text)
    if (denied := _DENIED.match(text)) is not None:
        table = ".".join(quoted(part.strip("'`")) for part in denied["table"].split("."))
        # A refused SELECT of one table of the server's own is better answered for all of them.
        place = "`performance_schema`.*" if table.startswith("`performance_schema`.") else table
        return f"GRANT {denied['what']} ON {place} TO {account};"
    if (needs := _NEEDS.search(text)) is not None:
        return f"GRANT {needs['what'].split(',')[0].strip()} ON *.* TO {account};"
    return ""


def _database_grants(text: str, database: str) -> tuple[str, ...]:
    if not database:
        return ()
    return (f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {quoted(database)}.* TO {_account(text)};",)


def _account(text: str) -> str:
    """The account that the server names, as SQL. The host is where we come from, which the account's own may cover."""
    found = _ACCOUNT.search(text)
    return f"'{found[1]}'@'{found[2]}'" if found else "…"
