"""What leaves the program: the result on stdout, talk on stderr; one JSON document where that was asked for."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from voyager.errors import VoyagerError
from voyager.identifiers import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.cli.invocation import Invocation
    from voyager.cli.render.canvas import Canvas


@dataclass(frozen=True)
class Reply:
    """The answer of a command: `body` for programs; for people `view`, or plain `text`. `problem` decides the exit code
    of an answer that is whole all the same."""

    body: Mapping[str, Any]
    view: Callable[[Canvas], Iterable[RenderableType]] | None = None
    problem: VoyagerError | None = None
    text: str = ""


class Emitter:
    """Writes replies and talk. Only the reply goes to stdout."""

    def __init__(self, *, wants_json: bool, color: bool) -> None:
        self.wants_json = wants_json
        self.color = color

    @cached_property
    def canvas(self) -> Canvas:
        """Where results for people are drawn."""
        from voyager.cli.render.canvas import Canvas

        return Canvas.on(sys.stdout, color=self.color)

    @cached_property
    def talk(self) -> Canvas:
        """Where progress, questions and errors are drawn."""
        from voyager.cli.render.canvas import Canvas

        return Canvas.on(sys.stderr, color=self.color)

    def emit(self, reply: Reply) -> None:
        """Print the answer."""
        if self.wants_json:
            self.document(reply.body, problem=reply.problem)
        elif reply.view is not None:
            self.canvas.print(*reply.view(self.canvas))
        elif reply.text:
            print(reply.text, flush=True)

    def document(self, body: Mapping[str, Any], *, problem: VoyagerError | None = None) -> None:
        """Print the one JSON document. ASCII only: it is right in every encoding that stdout may have."""
        from voyager.status import SCHEMA_VERSION

        whole = {
            "schema_version": SCHEMA_VERSION,
            **{key: value for key, value in body.items() if key != "schema_version"},
        }
        if problem is not None:
            whole["error"] = error_json(problem)
        print(json.dumps(whole, indent=2, default=_plain), flush=True)

    def warn(self, sentence: str) -> None:
        """Tell the operator something that needs attention, beside the result."""
        self.say(f"Warning: {sentence}", style="yellow")

    def say(self, sentence: str, style: str = "") -> None:
        """Talk, on stderr."""
        from rich.text import Text

        self.talk.print(Text(visible(sentence), style=style))


def finish(reply: Reply, invocation: Invocation) -> None:
    """Print the answer; one with a problem ends the command with the problem's exit code."""
    invocation.emitter.emit(reply)
    if reply.problem is not None:
        raise SystemExit(reply.problem.exit_code)


def error_json(problem: VoyagerError) -> dict[str, Any]:
    """An error as every JSON document has it."""
    return {
        "kind": type(problem).__name__,
        "exit_code": problem.exit_code,
        "message": problem.message,
        "hint": problem.hint,
        "details": list(problem.details),
    }


def prepare_streams() -> None:
    """Let no character that a stream cannot encode end the program."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def close_quietly() -> None:
    """The reader of our pipe is gone (`| head`): let the interpreter's last flush go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        from voyager.status import timestamp

        return timestamp(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, frozenset | set | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    return str(value)
