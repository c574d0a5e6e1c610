"""The timeline of `migrate history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from rich.text import Text

from voyager.cli.render.canvas import Canvas, name
from voyager.cli.render.tables import ruled
from voyager.endpoint import Endpoint
from voyager.identifiers import visible
from voyager.store.record import EventRecord, MigrationBrief

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES = {"failed": "bold red", "warning": "yellow", "transition": "green", "resumed": "cyan"}


def history_panel(title: str, events: Sequence[EventRecord], canvas: Canvas) -> Iterator[RenderableType]:
    """Events, the oldest first."""
    table = ruled(canvas, ("Time (UTC)", "left"), ("Phase", "left"), ("What", "left"), ("By", "left"))
    for event in events:
        table.add_row(
            Text(f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"),
            Text(visible(event.phase or "-")),
            Text(visible(describe(event)), style=STYLES.get(event.kind, "")),
            name(event.actor or "-", longest=32),
        )
    yield Text(f"{visible(title)}\n", style="bold")
    yield table if events else Text("Nothing has happened yet.")


def describe(event: EventRecord) -> str:
    """One event in words: the move, what came of it, what was overridden."""
    detail = event.detail or {}
    words = []
    if event.to_state and event.from_state != event.to_state:
        words.append(f"{event.from_state} -> {event.to_state}" if event.from_state else event.to_state)
    elif event.kind in ("resumed", "failed"):
        words.append(event.kind)
    elif event.kind in ("note", "warning", "config"):
        told = detail.get("message") and event.kind != "warning"
        words += ["interrupted"] if detail.get("interrupted") else [] if told else [event.kind]
    words += [str(detail[key]).rstrip(".") for key in ("headline", "message") if detail.get(key)]
    if detail.get("overrides"):
        words.append("override: " + ", ".join(detail["overrides"]))
    return ". ".join(words) if words else event.kind


def migrations_table(rows: Sequence[MigrationBrief], canvas: Canvas) -> Iterator[RenderableType]:
    """The active migrations of a target, where a command could mean any of them."""
    table = ruled(canvas, ("Migration", "left"), ("UUID", "left"), ("Workflow", "left"), ("Source", "left"))
    for row in rows:
        source = Endpoint.from_public(row.source).url
        table.add_row(name(row.name), Text(str(row.migration_uuid)), Text(row.workflow), name(source, longest=60))
    yield Text(f"{len(rows)} ACTIVE MIGRATIONS (say which one with --migration-name)\n", style="bold")
    yield table
