"""yb-voyager: the command tree and the one place where a command line begins and ends."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from voyager import __version__
from voyager.cli.assessment import assessment
from voyager.cli.emit import Reply, finish, prepare_streams
from voyager.cli.failures import run_guarded
from voyager.cli.invocation import Invocation
from voyager.cli.migrate import migrate
from voyager.cli.options import EVERYTHING, command, group, prose

ROOT_HELP = """Voyager moves a database to YugabyteDB: it exports schema and data, imports and verifies them.

The state of a migration is in the target database, so every command can be run again, from anywhere: stopped at any
moment, the same command continues. Start with `yb-voyager migrate init --help`, and whenever in doubt ask
`yb-voyager migrate next`.

See it work between two private servers in half a minute: `yb-voyager demo`."""


def application() -> typer.Typer:
    """Build the whole command tree."""
    root = typer.Typer(
        cls=group(*EVERYTHING, "assessment", order=("migrate", "assessment", "demo", "version")), help=prose(ROOT_HELP),
        no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )  # fmt: skip
    root.callback()(_root)
    root.add_typer(migrate(), name="migrate")
    root.add_typer(assessment(), name="assessment")
    root.command(cls=command("output"), help=prose(demo.__doc__))(demo)
    root.command(cls=command("output"))(version)
    return root


def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if show_version:
        finish(version_reply(), context.obj)
        raise typer.Exit


def version(
    context: typer.Context,
    states: Annotated[
        bool, typer.Option("--states", help="Show the phases of every workflow and their order.")
    ] = False,
) -> None:
    """Show the version, and with --states what each workflow consists of."""
    finish(states_reply() if states else version_reply(), context.obj)


def version_reply() -> Reply:
    python = ".".join(map(str, sys.version_info[:3]))
    return Reply({"version": __version__, "python": python}, text=f"yb-voyager {__version__} (Python {python})")


def states_reply() -> Reply:
    """Every workflow as a table of its phases, and as a mermaid diagram."""
    from statemachine.diagram import mermaid, table
    from statemachine.workflows import WORKFLOWS

    workflows = [
        {
            "name": flow.name,
            "title": flow.title,
            "phases": [{"phase": phase.name, "title": phase.title, "command": phase.command} for phase in flow.phases],
            "mermaid": mermaid(flow),
        }
        for flow in WORKFLOWS.values()
    ]
    tables = [f"{flow.name}: {flow.title}\n\n{table(flow).rstrip()}\n\n{mermaid(flow)}" for flow in WORKFLOWS.values()]
    return Reply({"workflows": workflows}, text="\n".join(tables))


def demo(
    context: typer.Context,
    rows: Annotated[int, typer.Option(help="How many rows the sample database gets.", min=100)] = 50_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the servers running, to try commands by hand.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the servers that --keep left, and remove their data.")
    ] = False,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the config file and the export directory go.")
    ] = None,
) -> None:
    """Migrate a sample database between two private servers, with the real commands, and check the result.

    Needs nothing but this package with its `demo` extra: the servers are started, used and removed.
    """
    from voyager.demo import run_demo, stop_demo

    invocation: Invocation = context.obj
    # The demo's commands write to stdout themselves; for a program all of it is talk, and one document is the answer.
    say = invocation.emitter.say if invocation.wants_json else _say
    if stop:
        stop_demo(say)
    else:
        run_demo(rows, keep, directory, say)
    if invocation.wants_json:
        finish(Reply({"demo": "stopped" if stop else "done"}), invocation)


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and leave with its exit code."""
    _spare_collections()
    prepare_streams()
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    invocation = Invocation(arguments=given)
    tree = typer.main.get_command(application())
    run_guarded(
        lambda: tree.main(args=list(given), prog_name="yb-voyager", standalone_mode=False, obj=invocation), invocation
    )


def _spare_collections() -> None:
    """Look for garbage seldom, and not at the end: what the imports made lives as long as the process, and walking
    through all of it once more took a fifth of a short command's time."""
    gc.set_threshold(50_000, 20, 50)
    atexit.register(gc.freeze)
