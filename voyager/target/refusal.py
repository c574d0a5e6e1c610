"""What a target's refusal of rows means: whose fault it is, where the row stands, and how to say it without values."""

from __future__ import annotations

import re

from voyager.errors import BlockersFound, VoyagerError
from voyager.identifiers import visible
from voyager.postgres.failures import primary_message, sqlstate, translate
from voyager.target.fill import Load, RowsLeftOut

_WHERE = re.compile(r", line (\d+)(?:, column (.+?))?(?:: |$)", re.DOTALL)
_MISSING = frozenset({"42P01", "42703", "3F000"})
_KEY = re.compile(r"^(Key \(.*\)=\(.*\)) already exists", re.DOTALL)
_ROW_CLASSES = frozenset({"22", "23"})
# What a trigger raises, a value too long for an index, a key twice in one statement, a view's check option.
_ROW_STATES = frozenset({"P0001", "54000", "21000", "44000"})
_MESSAGE_TOO_LONG = re.compile(r"exceeds? (?:the )?(?:rpc|max(?:imum)?) message", re.IGNORECASE)
_QUOTED = re.compile(r'".*"', re.DOTALL)


class RowsRefused(BlockersFound):
    """Rows of a batch are at fault, not the server, the connection or the table as a whole."""


class RowNotNamed(RowsRefused):
    """The same, and the server did not say which of them, as one that judges the rows of a query does not."""


def row_fault(error: BaseException) -> bool:
    """Whether an error is about the rows that were sent, so that others of the same batch may well be taken."""
    state = sqlstate(error)
    if isinstance(error, RowsLeftOut) or state[:2] in _ROW_CLASSES or state in _ROW_STATES:
        return True
    if _MESSAGE_TOO_LONG.search(primary_message(error)):
        return True
    # A value of type regclass or tsquery is refused as a name or as syntax would be; the column tells them apart.
    return state.startswith("42") and column_of(error) is not None


def line_of(error: BaseException) -> int | None:
    """The row (from 1) that COPY was at, None where the server does not say."""
    place = _WHERE.search(getattr(error, "context", None) or "")
    return int(place[1]) if place else None


def column_of(error: BaseException) -> str | None:
    place = _WHERE.search(getattr(error, "context", None) or "")
    return place[2] if place else None


def reason_of(error: BaseException) -> str:
    """Why one row was refused, in one sentence that holds no value."""
    if isinstance(error, RowsLeftOut):
        return "a trigger or rule leaves the row out"
    text = primary_message(error)
    if sqlstate(error).startswith("42"):
        text = _QUOTED.sub("(value not shown)", text)
    if sqlstate(error) == "P0001":
        text = "a trigger raised an exception (its text is not shown: it may hold values)"
    column = column_of(error)
    return f"{text} (column {visible(column)})" if column else text


def rejection(error: BaseException, batch: Load, *, place: str = "") -> VoyagerError:
    """Our error for what the target will never take; it names table, batch, row and key, never another value. `place`
    is where the row stands, for people, where that is known otherwise than from the server."""
    state = sqlstate(error)
    if state in _MISSING and column_of(error) is None:
        return BlockersFound(
            f"The target has no place for {batch.described}: {primary_message(error)}.",
            "Make the table there as the source has it (correct the schema files, then run: yb-voyager migrate import "
            "schema) and run the command again; or leave it out: yb-voyager migrate export data --start-clean "
            f"--exclude-table-list '{batch.table}'.",
        )
    if not row_fault(error):
        return _with_remedy(translate(error, f"load {batch.described}"), batch)
    return _with_remedy(_refused(error, batch, place), batch)


def _refused(error: BaseException, batch: Load, place: str) -> RowsRefused:
    line, column, state = line_of(error), column_of(error), sqlstate(error)
    if not place and line is not None:
        place = batch.place(line)
    kind = RowsRefused if place else RowNotNamed
    row = f" ({place}{f', column {visible(column)}' if column else ''})" if place else ""
    said = primary_message(error) if state[:2] in _ROW_CLASSES else reason_of(error)
    key = _KEY.match(getattr(error, "detail", None) or "") if state == "23505" else None
    message = f"The target refused {batch.described}{row}: {said}"
    if state == "23505":
        return kind(
            f"{message}{f'. {visible(key[1])}' if key else ''}",
            f"{batch.table} holds rows that this migration did not load. Empty the table, then run the command again.",
        )
    return kind(
        message,
        f"Make the definition of {batch.table} on the target accept the row, then run the command again; or set such "
        "rows aside and go on: --error-policy stash-and-continue.",
    )


def _with_remedy(error: VoyagerError, batch: Load) -> VoyagerError:
    """What to do about refused rows depends on where they come from."""
    if not (batch.remedy and isinstance(error, BlockersFound)):
        return error
    return type(error)(error.message, batch.remedy, error.details)
