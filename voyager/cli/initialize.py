"""`migrate init`: registers a migration in the target and goes on with it where that is wanted, or writes a config file
to start from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

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
        until: Annotated[
            str | None,
            typer.Option(metavar="PHASE", help="Then run one step after the other up to this, as `next --until` does."),
        ] = None,
    ) -> None:
        invocation: Invocation = context.obj
        if write_config_ and until:
            raise UsageError("--write-config and --until exclude each other.", "--write-config only writes a file.")
        if write_config_:
            finish(write_config(invocation), invocation)
        elif until:
            initialize_and_go_on(invocation, until)
        else:
            finish(initialize(invocation), invocation)


def initialize_and_go_on(invocation: Invocation, until: str) -> None:
    """Register a migration and run its steps up to a phase: one process for what runs unattended.

    A phase that the workflow does not have is refused before anything is written.
    """
    from voyager.cli.next import phase_name
    from voyager.cli.walk import Walk
    from voyager.registration import workflow_to_run

    named = phase_name(until)
    options = make_options("INITIALIZE", given=invocation.options, config=invocation.resolved(), saved={})
    phase_command.phase_named(named, workflow_to_run(options))
    reply = initialize(invocation, last=invocation.dry_run)
    if invocation.dry_run:
        finish(reply, invocation)
        return
    if not invocation.wants_json:
        invocation.emitter.emit(reply)
    invocation.settle_on(UUID(reply.body["migration"]["uuid"]))
    Walk(invocation, named=named, only_one=False, wait=False, ran=(reply.body,)).go()


def initialize(invocation: Invocation, *, last: bool = True) -> Reply:
    """Register a migration; both ends are probed and every guardrail is asked before anything is written. Unless it is
    the `last` thing to do, the answer does not say what is next."""
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
        return phase_command.outcome_reply(result, migration_status(context.refresh()), invocation, last=last)
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
