"""The timeline of `migrate history`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from voyager.cli.render.canvas import Canvas, name
from voyager.cli.render.tables import ruled
from voyager.identifiers import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES = {"failed": "bold red", "warning": "yellow", "transition": "green", "resumed": "cyan"}


def history_panel(title: str, events: Sequence[Mapping[str, Any]], canvas: Canvas) -> Iterator[RenderableType]:
    """Events, the oldest first."""
    table = ruled(canvas, ("Time (UTC)", "left"), ("Phase", "left"), ("What", "left"), ("By", "left"))
    for event in events:
        table.add_row(
            Text(f"{event['at']:%Y-%m-%d %H:%M:%S}"),
            Text(visible(event.get("phase") or "-")),
            Text(visible(describe(event)), style=STYLES.get(event["kind"], "")),
            name(event.get("actor") or "-", longest=32),
        )
    yield Text(f"{title}\n", style="bold")
    yield table if events else Text("Nothing has happened yet.")


def describe(event: Mapping[str, Any]) -> str:
    """One event in words."""
    detail = event.get("detail") or {}
    words = [str(detail[key]) for key in ("headline", "message") if detail.get(key)]
    if detail.get("overrides"):
        words.append("override: " + ", ".join(detail["overrides"]))
    if event["kind"] in ("transition", "resumed") and event.get("to_state"):
        words.insert(
            0, f"{event.get('from_state')} -> {event['to_state']}" if event.get("from_state") else event["to_state"]
        )
    return ". ".join(words) if words else event["kind"]
