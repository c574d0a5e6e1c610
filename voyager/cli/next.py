"""`migrate next`: what to do, why, with which command; and the flags that do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import EVERYTHING, command, prose
from voyager.cli.phase_options import phases
from voyager.cli.walk import Walk
from voyager.errors import NothingToDo, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from voyager.cli.render.canvas import Canvas


def register(application: typer.Typer) -> None:
    """Add `next`."""

    @application.command("next", cls=command(*EVERYTHING), rich_help_panel="Look", help=prose(NEXT_HELP))
    def next_(
        context: typer.Context,
        phase: Annotated[
            str | None, typer.Argument(metavar="[PHASE]", help="With --run: this phase and no other.")
        ] = None,
        run: Annotated[bool, typer.Option("--run", help="Run it; asks first on a terminal.")] = False,
        until: Annotated[
            str | None, typer.Option(metavar="PHASE", help="Run one step after the other up to this.")
        ] = None,
        wait: Annotated[bool, typer.Option("--wait", help="Wait where there is nothing to do but wait.")] = False,
        copy: Annotated[bool, typer.Option("--copy", help="Put the command on the clipboard of the terminal.")] = False,
    ) -> None:
        if phase is not None and not run:
            raise UsageError(
                "A phase is named only together with --run.", f"Run: yb-voyager migrate next --run {phase}"
            )
        if run and until:
            raise UsageError("--run and --until exclude each other.", "--until runs several steps, --run one.")
        invocation: Invocation = context.obj
        if not run and not until:
            finish(next_reply(invocation, copy=copy), invocation)
            return
        typed = phase or until
        named = phase_name(typed) if typed else None
        Walk(invocation, named=named, only_one=run, wait=wait).go()


NEXT_HELP = """Say what to do next, why, and with which command; or do it.

`next` alone changes nothing. `next --run` runs the step that it recommends, `next --until VERIFY` one after the other
until Verify is completed, and export and import of the data at the same time where the workflow has it so. Both stop
at the first step that fails, is blocked (exit code 4), has to wait (13) or needs confirmation (7).

Cutover and End are never run by --yes alone; they must be named: `next --run CUTOVER --yes`."""


def next_reply(invocation: Invocation, *, copy: bool = False) -> Reply:
    """The answer of `migrate next`. The source is asked where the answer depends on it."""
    from voyager.cli.session import command_lines, next_command, opened
    from voyager.status import migration_status

    with opened(invocation) as context:
        status = migration_status(context.record, context.observe_facts())
    config = invocation.resolved()
    lines = next_command(status, config)
    if copy:
        _copy(lines, invocation)

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        from voyager.cli.render.next import next_panel

        return next_panel(status, canvas, command=lines)

    migration = {"name": status.name, "uuid": status.uuid}
    next_json = status.next.to_json() | command_lines(status, config)
    return Reply({"migration": migration, "current_state": status.current_state, "next": next_json}, view)


def _copy(lines: tuple[str, ...], invocation: Invocation) -> None:
    """Hand the command to the terminal's clipboard (OSC 52); the terminal decides whether it takes it."""
    import base64
    import sys

    from voyager.cli.pasteable import one_line

    if not lines:
        raise NothingToDo("There is no command to copy.")
    if not sys.stderr.isatty():
        raise UsageError("--copy needs a terminal.", "The command is in `next --output json` as next.command_line.")
    text = base64.b64encode(one_line(lines).encode()).decode()
    sys.stderr.write(f"\x1b]52;c;{text}\x07")
    sys.stderr.flush()
    invocation.emitter.say("Copied, if this terminal allows it.")


def phase_name(typed: str) -> str:
    """The phase that was meant: VERIFY, verify and export-data are all understood."""
    import difflib

    wanted = typed.strip().upper().replace("-", "_").replace(" ", "_")
    known = [name for name in phases() if name != "INITIALIZE"]
    if wanted in known:
        return wanted
    nearest = difflib.get_close_matches(wanted, known, n=1)
    raise UsageError(
        f"There is no phase {typed!r}.", f"Did you mean {nearest[0]}?" if nearest else f"Phases: {', '.join(known)}."
    )
