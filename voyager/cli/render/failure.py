"""An error for people: what happened, what it is about, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from voyager.cli.render.canvas import Canvas, paragraph
from voyager.errors import VoyagerError

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_DETAILS = 40
_COMMAND = "yb-voyager migrate"


def failure(error: VoyagerError, canvas: Canvas, *, given: str = "") -> Iterator[RenderableType]:
    """`given` are options that the commands in the hint take, too: a hint is read best without them."""
    stopped = error.exit_code in (13, 130)
    line = Text("" if stopped else f"{canvas.glyphs.failed} ", style="bold red")
    line.append(paragraph(error.message, style="bold" if stopped else "bold red"))
    yield line
    for detail in error.details[:MOST_DETAILS]:
        yield paragraph(f"    {detail}")
    if len(error.details) > MOST_DETAILS:
        yield Text(
            f"    {canvas.glyphs.more} and {len(error.details) - MOST_DETAILS:,} more (all of them with --output json)"
        )
    if error.hint:
        yield paragraph(error.hint)
    if given and _COMMAND in error.hint:
        yield paragraph(f"With the same options as here: {given}", style="dim")
