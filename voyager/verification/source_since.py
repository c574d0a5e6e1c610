"""Whether the source was written since it was verified, as far as it can tell, in words for who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from voyager.identifiers import TableName
from voyager.ports import Source, Unreported, WriteCounter
from voyager.verification.gate import Obstacle
from voyager.wording import counted, named

_NAMED = 5
_AGAIN = (
    "Stop the writers and run `yb-voyager migrate verify` again; if it finds differences, repeat the copy with "
    "`yb-voyager migrate export data --start-clean`."
)


class SourceSince(NamedTuple):
    """`unchanged` None: it cannot be told. `why` says more of a source that does not count as unchanged."""

    unchanged: bool | None
    why: Obstacle | None = None


def look(source: Source, recorded: Sequence[Mapping[str, Any]], *, since: datetime | None) -> SourceSince:
    """Compare the counters that were written down with those of now; with `since`, the moment for which the
    verification holds, wait until they can be trusted for a decision. Raises what the source raises."""
    settled = since is not None
    counters = source.write_counters(names(recorded), settled=settled, since=since)
    if counters is None:
        return SourceSince(None, untold(source.read_unreported(since)) if since is not None else None)
    written = changed(recorded, counters)
    if not written:
        return SourceSince(True)
    says = f"The source has been written since it was verified: {named([str(one) for one in written], _NAMED)}."
    return SourceSince(False, Obstacle(says, _AGAIN))


def names(recorded: Sequence[Mapping[str, Any]]) -> list[TableName]:
    """The tables of counters that were written down."""
    return [TableName(entry["schema"], entry["table"]) for entry in recorded]


def changed(recorded: Sequence[Mapping[str, Any]], now: Mapping[TableName, WriteCounter]) -> list[TableName]:
    """The tables whose counters are not what was written down."""
    return [
        name
        for name, entry in zip(names(recorded), recorded, strict=True)
        if (found := now.get(name)) is None or found.writes != entry["writes"] or found.identity != entry["identity"]
    ]


def untold(unreported: Unreported) -> Obstacle | None:
    """What to say of sessions that keep their writes to themselves; None where the server does not count at all, or
    they are gone meanwhile."""
    busy, hidden = unreported.busy, unreported.hidden
    if not busy and not hidden:
        return None
    says = ["It cannot be told whether the source has been written since it was verified."]
    hints = []
    if busy:
        says.append(
            f"{counted(len(busy), 'session')} may have committed writes that the server counts only when the statement "
            f"or transaction that is under way is over: {named(busy, _NAMED)}."
        )
        hints.append("Wait until they are idle, or end them (pg_terminate_backend), then run the same command again.")
    if hidden:
        says.append(
            f"Of {counted(len(hidden), 'session')} of other roles nothing can be seen: {named(hidden, _NAMED)}."
        )
        hints.append(f"Let the source's role see them ({unreported.grant}), or end them.")
    return Obstacle(" ".join(says), " ".join(hints))
