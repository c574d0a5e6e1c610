"""One migration opened for a command, and its status with the command that comes next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from voyager.cli.ask import with_password
from voyager.cli.invocation import Invocation
from voyager.cli.pasteable import one_line, pasteable

if TYPE_CHECKING:
    from voyager.config import Config
    from voyager.context import Context
    from voyager.status import MigrationStatus
    from voyager.store.state import StateStore


@contextmanager
def opened(invocation: Invocation, *, outage_budget: float = 0.0) -> Iterator[Context]:
    """The migration that the command line means. `outage_budget` is how long work goes on trying while the target is
    away; a command that only looks answers at once."""
    from voyager.context import open_context

    context = with_password(
        lambda config: open_context(config, outage_budget=outage_budget), role="target", invocation=invocation
    )
    try:
        yield context
    finally:
        context.close()


@contextmanager
def opened_store(invocation: Invocation) -> Iterator[StateStore]:
    """The state of the target, without choosing a migration."""
    from voyager.store.state import StateStore

    with with_password(lambda config: StateStore.connect(config.target), role="target", invocation=invocation) as store:
        yield store


def next_command(status: MigrationStatus, config: Config) -> tuple[str, ...]:
    """The pasteable command of the next step, or of the one after a wait; empty when there is none."""
    action = status.next
    command = action.command if action.kind != "wait" else action.then
    if not command or action.kind == "blocked":
        return ()
    return pasteable(command, config=config, migration=status.name, export_dir=status.export_dir)


def status_json(status: MigrationStatus, config: Config) -> dict[str, Any]:
    """The status as JSON, with whole command lines beside the bare commands."""
    document = status.to_json()
    document["next"] |= command_lines(status, config)
    return document


def command_lines(status: MigrationStatus, config: Config) -> dict[str, str | None]:
    """`command_line` and `then_command_line`: to be run by a program as they stand."""

    def line(command: str | None) -> str | None:
        if not command:
            return None
        return one_line(pasteable(command, config=config, migration=status.name, export_dir=status.export_dir))

    return {"command_line": line(status.next.command), "then_command_line": line(status.next.then)}
