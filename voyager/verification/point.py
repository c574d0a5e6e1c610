"""The moment for which a comparison holds, as each end tells it, and what is waited for before rows are judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.postgres.connection import DriverError

_POSITION = """
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text,
           txid_current_snapshot()::text
"""


class Fence(Protocol):
    """What makes sure that every change of the source up to now has reached the target, before rows that looked
    unequal are compared once more."""

    def wait(self) -> None: ...


class Offline:
    """Nothing streams: there is nothing to wait for."""

    def wait(self) -> None:
        return


def declare(connection: Any) -> dict[str, Any]:
    """Where a server stands now: its clock, its log position and its snapshot, as far as it tells them."""
    (moment,) = connection.execute("SELECT clock_timestamp()").fetchone()
    return {"at": timestamp(moment), **_position(connection)}


def counted_from(
    source: Mapping[TableName, WriteCounter] | None, target: Mapping[TableName, WriteCounter] | None
) -> Mapping[TableName, WriteCounter] | None:
    """One counter for both ends of each table: what was compared before counts again only while neither was written.

    An end that cannot tell (None) leaves it to the other; where the source cannot, nothing is known.
    """
    if source is None or target is None:
        return source
    return {
        name: WriteCounter(here.writes, f"{here.identity}|{_text(target.get(name))}") for name, here in source.items()
    }


def written_between(
    before: Mapping[TableName, WriteCounter] | None, after: Mapping[TableName, WriteCounter] | None
) -> list[TableName]:
    """The tables that were written between two readings; none where nobody can tell."""
    if before is None or after is None:
        return []
    return sorted(name for name, counter in before.items() if after.get(name) != counter)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, in seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _position(connection: Any) -> dict[str, str | None]:
    try:
        row = connection.execute(_POSITION).fetchone()
    except DriverError:
        # Not every server that speaks this protocol has a log of this kind, or shows it to everybody.
        return {"position": None, "snapshot": None}
    return {"position": row[0], "snapshot": row[1]}


def _text(counter: WriteCounter | None) -> str:
    return f"{counter.writes}/{counter.identity}" if counter else "none"
