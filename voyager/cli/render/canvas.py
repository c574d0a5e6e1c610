"""Canvas: one stream to draw on, what it can show, and the frame around a panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voyager.identifiers import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDEST = 120
PLAIN_WIDTH = 10_000
"""Without a terminal there is no width to follow: no line is broken."""


@dataclass(frozen=True)
class Glyphs:
    """The signs that panels are made of."""

    done: str = "✓"
    running: str = "●"
    idle: str = "○"
    failed: str = "✗"
    warning: str = "!"
    full: str = "█"
    empty: str = "░"
    next: str = "▶"
    wait: str = "⏳"
    bullet: str = "•"
    more: str = "…"
    dash: str = "─"


ASCII = Glyphs(
    done="v", running="*", idle="o", failed="x", warning="!", full="#", empty=".", next=">", wait="~", bullet="-",
    more="...", dash="-",
)  # fmt: skip


@dataclass(frozen=True)
class Canvas:
    """Where renderables go. `framed` is False where no person looks at a terminal: plain lines then."""

    console: Console
    glyphs: Glyphs
    framed: bool

    @classmethod
    def on(cls, stream: TextIO, *, color: bool) -> Canvas:
        """A canvas on a stream, with what the stream can show."""
        terminal = stream.isatty()
        console = Console(
            file=stream,
            color_system="auto" if color and terminal else None,
            width=None if terminal else PLAIN_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )
        if terminal:
            console.width = min(console.width, WIDEST)
        unicode = (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")
        return cls(console, Glyphs() if unicode else ASCII, framed=terminal)

    @property
    def width(self) -> int:
        """Columns for text inside a frame."""
        return (self.console.width - 6) if self.framed else 100

    def print(self, *renderables: RenderableType) -> None:
        for renderable in renderables:
            if self.framed:
                self.console.print(renderable)
            else:
                self._print_plain(renderable)

    def frame(self, *sections: RenderableType) -> RenderableType:
        """A panel of sections; without a terminal the sections alone, an empty line between them."""
        if not self.framed:
            spaced = [part for section in sections for part in (Text(""), section)]
            return Group(*spaced[1:])
        table = Table(
            box=box.SQUARE, show_header=False, show_lines=True, expand=True, padding=(0, 2), border_style="dim"
        )
        table.add_column(overflow="fold")
        for number, section in enumerate(sections):
            table.add_row(section if number == 0 else Padding(section, (1, 0)))
        return table

    def command(self, lines: Sequence[str]) -> RenderableType:
        """A command to paste, over several lines; its own text is never changed."""
        return Text(" \\\n".join(lines), style="bold cyan", overflow="fold", no_wrap=False)

    def bullets(self, lines: Iterable[str]) -> RenderableType:
        """Sentences, each hanging from a bullet."""
        grid = Table.grid(padding=(0, 1))
        for line in lines:
            grid.add_row(Text(self.glyphs.bullet), paragraph(line))
        return grid

    def _print_plain(self, renderable: RenderableType) -> None:
        """Print without the blanks that fill lines up to the width."""
        with self.console.capture() as captured:
            self.console.print(renderable)
        for line in captured.get().splitlines():
            self.console.file.write(line.rstrip() + "\n")
        self.console.file.flush()


def name(text: object, *, longest: int = 48) -> Text:
    """A name from a database, as data: no markup, no control characters, cut in the middle when it is too long."""
    shown = visible(str(text))
    if len(shown) > longest:
        half = (longest - 1) // 2
        shown = f"{shown[:half]}…{shown[-half:]}"
    return Text(shown)


def paragraph(text: str, style: str = "") -> Text:
    """A sentence that may hold names from a database."""
    return Text("\n".join(visible(line) for line in text.split("\n")), style=style)
