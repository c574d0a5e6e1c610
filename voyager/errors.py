"""The errors of the product: each says what happened and what to do next, and carries its exit code."""

from __future__ import annotations

import errno
from typing import Any


class VoyagerError(Exception):
    """Something the operator can act on.

    `message` says what happened and to which object, `hint` what to do next. `details` holds further lines
    (a list of objects, the SQL to run) and goes into the JSON error document as it is; `summary` stands beside it
    there, as in the document of a phase that is completed. `server_state` is the SQLSTATE of the server's error that
    it stands for, "" for none.
    """

    exit_code = 1
    server_state = ""

    def __init__(self, message: str, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.summary: dict[str, Any] = {}


class UsageError(VoyagerError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class DifferencesFound(VoyagerError):
    """Verification found that source and target are not equal."""

    exit_code = 3


class BlockersFound(VoyagerError):
    """Guardrails or DDL that failed stand in the way."""

    exit_code = 4


class NotAllowed(VoyagerError):
    """The state machine has no such transition now."""

    exit_code = 5


class LockedByOther(VoyagerError):
    """Somebody else holds the lease of this phase."""

    exit_code = 6


class LeaseLost(LockedByOther):
    """Our lease was taken over while we worked; nothing more may be written."""


class ConfirmationNeeded(VoyagerError):
    """The command changes something of consequence and nobody confirmed it."""

    exit_code = 7


class DatabaseAway(VoyagerError):
    """A database or the network is away; nothing is lost, run the same command again."""

    exit_code = 8


class PermissionMissing(VoyagerError):
    """Authentication failed or a grant is missing; `details` holds the GRANT as SQL where one is known."""

    exit_code = 9


class OutOfSpace(VoyagerError):
    """A disk, a quota or a message size is exhausted."""

    exit_code = 10


class LimitTooLow(OutOfSpace):
    """A limit that was given is too low for the work to begin."""


class DamagedFile(VoyagerError):
    """A data file is not what the manifest says it is."""

    exit_code = 10


class ResyncNeeded(VoyagerError):
    """A replication slot or a binlog is lost."""

    exit_code = 11


class RowsSetAside(VoyagerError):
    """The work is done, with rows set aside."""

    exit_code = 12


class NothingToDo(VoyagerError):
    """There is nothing to do now but wait."""

    exit_code = 13


class NobodyRunsIt(VoyagerError):
    """A phase is in progress and nobody runs it."""

    exit_code = 14


class Interrupted(VoyagerError):
    """The operator stopped the command at a safe point."""

    exit_code = 130


class TimeIsUp(Interrupted):
    """The time that a verification was given is over."""

    exit_code = 14


class TimeIsUpWithDifferences(TimeIsUp):
    """Verification found that source and target are not equal.

    And it had no time for all of them."""

    exit_code = 3


def disk_error(error: OSError, path: object, wanted: int = 0) -> VoyagerError:
    """Our error for a failed operation on a local file; `wanted` is how many bytes were to be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        amount = f" ({wanted:,} bytes were to be written)" if wanted else ""
        return OutOfSpace(
            f"No room left for {path}{amount}: {error.strerror}.",
            "Make room (or use another directory) and run the same command again; finished work is kept.",
        )
    return UsageError(f"Could not use {path}: {error.strerror or error}.", "Check the path and its permissions.")
