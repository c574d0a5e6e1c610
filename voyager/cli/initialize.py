"""`migrate init`: registers a migration in the target, or writes a config file to start from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voyager.cli import phase_command
from voyager.cli.ask import with_confirmation, with_password
from voyager.cli.emit import Reply, finish
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.cli.options import EVERYTHING, command
from voyager.cli.phase_options import make_options, parameters
from voyager.errors import UsageError
from voyager.identifiers import visible

if TYPE_CHECKING:
    from voyager.context import Context
    from voyager.runner import Result


def register(application: typer.Typer, *, help: str, short_help: str, panel: str) -> None:
    """Add `init`."""

    @application.command(
        cls=command(*EVERYTHING, "assessment-dir", options=partial(parameters, "INITIALIZE")),
        help=help,
        short_help=short_help,
        rich_help_panel=panel,
    )
    def init(
        context: typer.Context,
        write_config_: Annotated[
            bool,
            typer.Option(
                "--write-config", help="Write a commented config file (./yb-voyager.yaml) and do nothing else."
            ),
        ] = False,
    ) -> None:
        finish(write_config(context.obj) if write_config_ else initialize(context.obj), context.obj)


def initialize(invocation: Invocation) -> Reply:
    """Register a migration; both ends are probed and every guardrail is asked before anything is written."""
    from voyager.registration import initialize as register_migration
    from voyager.runner import Run
    from voyager.status import migration_status

    def act(confirmed: bool) -> tuple[Result, Context | None]:
        def with_both(_: Any) -> tuple[Result, Context | None]:
            config = invocation.resolved()
            options = make_options("INITIALIZE", given=invocation.options, config=config, saved={})
            with stop_on_signal() as stop:
                run = Run(warn=invocation.emitter.warn, stop=stop, confirmed=confirmed, dry_run=invocation.dry_run)
                return register_migration(config, options, run)

        return with_password(
            lambda _: with_password(with_both, role="source", invocation=invocation),
            role="target",
            invocation=invocation,
        )

    result, context = with_confirmation(act, invocation)
    if context is None or result.outcome is None:
        return phase_command.dry_run_reply("Initialize", result)
    try:
        return phase_command.outcome_reply(result, migration_status(context.refresh()), invocation)
    finally:
        context.close()


def write_config(invocation: Invocation) -> Reply:
    """`migrate init --write-config`: a commented file with every setting; what was given is filled in."""
    from voyager.cli.template import template

    path = Path(invocation.given.get("config_file") or "yb-voyager.yaml").expanduser()
    text = template(invocation)
    if invocation.dry_run:
        return Reply({"dry_run": True, "path": str(path), "text": text}, text=text)
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already.", "Choose another place with --config-file, or remove it."
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None

    told = f"Wrote {path}. Fill in both databases, then run: yb-voyager migrate init --config-file {path}"
    return Reply({"path": str(path.absolute())}, text=visible(told))
