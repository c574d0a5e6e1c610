"""What an error of Oracle or of its driver means: which of our errors it is, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voyager.errors import DatabaseAway, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import visible


@dataclass(frozen=True)
class Meaning:
    """What one code means to us; "{user}" in the hint stands for who connects."""

    error: type[VoyagerError]
    hint: str


_AGAIN = "Nothing is lost. Run the same command again when the database is back."
_LISTENER = "Check host and port, and that the listener runs and can be reached from here; then run the command again."
_SERVICE = "Give the name of a service that the listener knows (lsnrctl services), or --oracle-db-sid for a SID."
_LOGIN = "Check user and password (--source-db-password-file)."
_TNS = "Check the alias and that TNS_ADMIN names the directory of tnsnames.ora."
_CATALOG = "Grant what the statements say, or SELECT_CATALOG_ROLE, which allows all of it; then run the command again."
_OLD = "This release of Oracle does not know what was asked for; 12.1 is the oldest that can be read."

MEANINGS: dict[str, Meaning] = {
    # The network and the listener.
    "ORA-12541": Meaning(DatabaseAway, _LISTENER),
    "ORA-12543": Meaning(DatabaseAway, _LISTENER),
    "ORA-12545": Meaning(DatabaseAway, _LISTENER),
    "ORA-12170": Meaning(DatabaseAway, _LISTENER),
    "ORA-12535": Meaning(DatabaseAway, _LISTENER),
    "ORA-12537": Meaning(DatabaseAway, _LISTENER),
    "ORA-12547": Meaning(DatabaseAway, _LISTENER),
    "ORA-12516": Meaning(DatabaseAway, _AGAIN),
    "ORA-12518": Meaning(DatabaseAway, _AGAIN),
    "ORA-12519": Meaning(DatabaseAway, _AGAIN),
    "ORA-12520": Meaning(DatabaseAway, _AGAIN),
    "ORA-12528": Meaning(DatabaseAway, _AGAIN),
    "ORA-12514": Meaning(UsageError, _SERVICE),
    "ORA-12505": Meaning(UsageError, _SERVICE),
    "ORA-12154": Meaning(UsageError, _TNS),
    "ORA-12162": Meaning(UsageError, _TNS),
    "DPY-4000": Meaning(UsageError, _TNS),
    "DPY-4026": Meaning(UsageError, _TNS),
    "DPY-4027": Meaning(UsageError, _TNS),
    "DPY-4017": Meaning(UsageError, _TNS),
    "DPY-4018": Meaning(UsageError, _TNS),
    "DPY-6001": Meaning(UsageError, _SERVICE),
    "DPY-6003": Meaning(UsageError, _SERVICE),
    "DPY-6000": Meaning(DatabaseAway, _LISTENER),
    "DPY-6005": Meaning(DatabaseAway, _LISTENER),
    # The instance and the session.
    "ORA-00018": Meaning(DatabaseAway, _AGAIN),
    "ORA-00020": Meaning(DatabaseAway, _AGAIN),
    "ORA-00028": Meaning(DatabaseAway, _AGAIN),
    "ORA-01012": Meaning(DatabaseAway, _AGAIN),
    "ORA-01013": Meaning(DatabaseAway, "The statement was cancelled. Run the same command again."),
    "ORA-01033": Meaning(DatabaseAway, _AGAIN),
    "ORA-01034": Meaning(DatabaseAway, _AGAIN),
    "ORA-01089": Meaning(DatabaseAway, _AGAIN),
    "ORA-01109": Meaning(DatabaseAway, "The database is not open. Run the same command again when it is."),
    "ORA-01555": Meaning(DatabaseAway, "The catalog changed faster than undo was kept. Run the same command again."),
    "ORA-02391": Meaning(DatabaseAway, _AGAIN),
    "ORA-02396": Meaning(DatabaseAway, _AGAIN),
    "ORA-03113": Meaning(DatabaseAway, _AGAIN),
    "ORA-03114": Meaning(DatabaseAway, _AGAIN),
    "ORA-03135": Meaning(DatabaseAway, _AGAIN),
    "DPY-1001": Meaning(DatabaseAway, _AGAIN),
    "DPY-4011": Meaning(DatabaseAway, _AGAIN),
    "DPY-4024": Meaning(DatabaseAway, "The server did not answer in time. Run the same command again."),
    # Who connects, and what the user may do.
    "ORA-01017": Meaning(PermissionMissing, _LOGIN),
    "ORA-01005": Meaning(PermissionMissing, _LOGIN),
    "ORA-28000": Meaning(PermissionMissing, "A DBA unlocks the account: ALTER USER {user} ACCOUNT UNLOCK;"),
    "ORA-28001": Meaning(PermissionMissing, "The password has expired; set a new one."),
    "ORA-28009": Meaning(PermissionMissing, "SYS connects as SYSDBA only; use an ordinary user."),
    "ORA-28040": Meaning(PermissionMissing, "Client and server share no way to log in (SQLNET.ALLOWED_LOGON_VERSION)."),
    "ORA-01045": Meaning(PermissionMissing, "A DBA allows it: GRANT CREATE SESSION TO {user};"),
    "DPY-4001": Meaning(PermissionMissing, _LOGIN),
    "DPY-3015": Meaning(PermissionMissing, "The password is kept in an old form; a DBA sets it anew for {user}."),
    "ORA-00942": Meaning(PermissionMissing, _CATALOG),
    "ORA-01031": Meaning(PermissionMissing, _CATALOG),
    "ORA-01039": Meaning(PermissionMissing, _CATALOG),
    "ORA-41900": Meaning(PermissionMissing, _CATALOG),
    # What this release does not have.
    "ORA-00904": Meaning(UsageError, _OLD),
    "DPY-3010": Meaning(UsageError, _OLD),
    "DPY-3001": Meaning(UsageError, "The driver cannot do what this server demands (native network encryption?)."),
    # Room.
    "ORA-01652": Meaning(OutOfSpace, "Make room in the temporary tablespace, then run the command again."),
    "ORA-04031": Meaning(OutOfSpace, "The shared pool is exhausted. Make room, then run the command again."),
    "ORA-01114": Meaning(OutOfSpace, "Make room on the server, then run the command again."),
}

_CODE = re.compile(r"\b(?:ORA-\d{5}|DPY-\d{4})\b")
_GENERAL = {"DPY-6005", "DPY-4011", "DPY-6000"}
"""What the driver says around a cause of its own: a code beside it tells more."""


def codes(error: BaseException) -> list[str]:
    """Every code in the error's text, the outermost first."""
    return _CODE.findall(str(error))


def code_of(error: BaseException) -> str:
    """The code that tells the cause, "" when there is none."""
    found = codes(error)
    known = [code for code in found if code in MEANINGS and code not in _GENERAL]
    return (known or found or [""])[0]


def connection_lost(error: BaseException) -> bool:
    """True when no further question can be put on this connection."""
    lost = {"ORA-03113", "ORA-03114", "ORA-03135", "ORA-01012", "ORA-00028", "DPY-1001", "DPY-4011"}
    return not lost.isdisjoint(codes(error)) or isinstance(error, OSError)


def primary_message(error: BaseException) -> str:
    """The line that tells the cause, without the driver's links to help pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Help:")]
    cause = code_of(error)
    telling = [line for line in lines if cause and cause in line]
    return visible((telling or lines or [type(error).__name__])[0])


def translate(error: BaseException, doing: str, *, user: str = "", grants: Sequence[str] = ()) -> VoyagerError:
    """Our error for a driver's error. `doing` completes "Could not …"; `grants` is what would allow it, as SQL."""
    if isinstance(error, VoyagerError):
        return error
    message = f"Could not {doing}: {primary_message(error)}"
    code = code_of(error)
    meaning = MEANINGS.get(code)
    if meaning is None:
        if isinstance(error, OSError):
            return DatabaseAway(message, _LISTENER)
        return VoyagerError(message, f"The server answered with {code}." if code else "The log holds more.")
    details = tuple(grants) if meaning.hint is _CATALOG else ()
    return meaning.error(message, meaning.hint.format(user=visible(user) or "the user"), details)


def from_driver(error: BaseException) -> bool:
    """True for an error that the driver raised."""
    return type(error).__module__.split(".")[0] == "oracledb"
