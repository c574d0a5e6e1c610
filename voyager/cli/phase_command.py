"""The command of a phase: options in, the runner, the outcome out. One function for every row of the table."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from voyager.cli.ask import with_confirmation, with_password
from voyager.cli.emit import Reply
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.cli.phase_options import START_CLEAN, make_options, options_class, words
from voyager.cli.progress import ProgressView
from voyager.cli.serving import served
from voyager.cli.session import command_lines, next_command, opened
from voyager.config import Config, Value
from voyager.errors import UsageError

if TYPE_CHECKING:
    from statemachine.definition import Phase, Workflow
    from voyager.context import Context
    from voyager.runner import Result
    from voyager.status import MigrationStatus


def answer(path: tuple[str, ...], invocation: Invocation) -> Reply:
    """Run the phase that a command of this path means in the migration's workflow."""
    with opened(invocation, outage_budget=invocation.resolved().outage_budget) as context:
        return perform(phase_of(path, context.workflow), context, invocation)


def phase_of(path: tuple[str, ...], workflow: Workflow) -> Phase:
    """The workflow's phase with this command; the plain one where options make several of it."""
    rows = [phase for phase in workflow.phases if words(phase) == path]
    if not rows:
        raise UsageError(
            f"A migration of the {workflow.name} workflow has no step `{' '.join(path)}`.",
            "`yb-voyager migrate next` shows what it has.",
        )
    return min(rows, key=lambda phase: len(phase.command))


def phase_named(name: str, workflow: Workflow) -> Phase:
    """The workflow's phase of this name. Raises UsageError where it has none."""
    if all(phase.name != name for phase in workflow.phases):
        raise UsageError(f"A migration of the {workflow.name} workflow has no phase {name}.")
    return workflow.phase(name)


def perform(
    phase: Phase,
    context: Context,
    invocation: Invocation,
    *,
    confirmed: bool = False,
    last: bool = True,
    on_start: Callable[[threading.Event], None] = lambda _: None,
) -> Reply:
    """Run one phase and say what became of it; the next step too, when this is the `last` one to run. `on_start` gets
    the event that stops it."""
    from voyager.context import source_endpoint
    from voyager.runner import Run, run_phase
    from voyager.saved_options import saved_options
    from voyager.status import migration_status

    config = invocation.resolved()
    if options_class(phase.name) is None:
        raise UsageError(f"{phase.title} is declared, but this version cannot run it yet.")
    # Doing a phase over begins with its options, too, where they are not what the phase is about.
    anew = START_CLEAN in invocation.options and not getattr(_module(phase), "KEEPS_OPTIONS", False)
    saved = {} if anew else saved_options(context.record, phase.name)
    options = make_options(phase.name, given=_own(phase, invocation), config=config, saved=saved)
    overrides = accepted(phase, options, context.record.name)

    def act(answered: bool) -> Result:
        with stop_on_signal() as stop, ProgressView(phase.title, invocation) as view:
            on_start(stop)
            run = Run(
                report=view.report,
                warn=view.warn,
                pace=view.pace,
                stop=stop,
                confirmed=answered or confirmed,
                overrides=overrides,
                start_clean=START_CLEAN in invocation.options,
                dry_run=invocation.dry_run,
            )
            with served(run, options, migration=context.record.name, phase=phase.name) as told:
                return run_phase(context, phase.name, options, told)

    def with_source(config: Config) -> Result:
        if config is not first:
            # The password was typed in just now; the source that was refused is forgotten.
            context.find_source = lambda: source_endpoint(config, context.record)
            context.__dict__.pop("source", None)
        return with_confirmation(act, invocation)

    first = config
    result = with_password(with_source, role="source", invocation=invocation)
    if result.outcome is None:
        return dry_run_reply(phase.title, result)
    status = migration_status(context.refresh(tables=False), limits=context.limits)
    return outcome_reply(result, status, invocation, last=last)


def accepted(phase: Phase, options: Any, migration: str) -> frozenset[str]:
    """The conditions that options of the phase override. Such an option takes the migration's name, so that nobody
    overrides by habit."""
    table: Mapping[str, str] = getattr(_module(phase), "OVERRIDES", {})
    found = set()
    for option, condition in table.items():
        typed = getattr(options, option, None)
        if typed is None:
            continue
        if typed != migration:
            flag = "--" + option.replace("_", "-")
            raise UsageError(
                f"{flag} takes the name of the migration, which is not {typed!r}.", f"Add: {flag} {migration}"
            )
        found.add(condition)
    return frozenset(found)


def outcome_reply(result: Result, status: MigrationStatus, invocation: Invocation, *, last: bool = True) -> Reply:
    """The answer after a phase ran: its outcome, and what is next."""
    from voyager.cli.render.outcome import outcome_panel

    assert result.outcome is not None
    outcome, config = result.outcome, invocation.resolved()
    phase = status.phase(result.phase)
    body = {
        "migration": {"name": status.name, "uuid": status.uuid},
        "current_state": status.current_state,
        "phase": phase.phase,
        "state": phase.state,
        "headline": outcome.headline,
        "summary": {**outcome.summary, **outcome.more},
        "details": list(outcome.details),
        "checks": [asdict(check) for check in result.checks],
        "next": status.next.to_json() | command_lines(status, config),
    }
    command = next_command(status, config) if last and status.next.kind in ("run", "resume", "end") else ()
    return Reply(
        body,
        lambda canvas: outcome_panel(outcome, result.checks, canvas, next_title=status.next.title, command=command),
        problem=outcome.problem,
    )


def dry_run_reply(title: str, result: Result) -> Reply:
    """The answer of --dry-run."""
    from voyager.cli.render.outcome import plan_panel

    body = {
        "dry_run": True,
        "phase": result.phase,
        "checks": [asdict(check) for check in result.checks],
        "plan": list(result.plan),
    }
    return Reply(body, lambda canvas: plan_panel(title, result.plan, result.checks, canvas))


def _own(phase: Phase, invocation: Invocation) -> dict[str, Value]:
    """Options given on this command line that belong to the phase."""
    declared = options_class(phase.name)
    names = set(getattr(declared, "__dataclass_fields__", ()))
    return {name: value for name, value in invocation.options.items() if name in names}


def _module(phase: Phase) -> Any:
    return importlib.import_module(f"voyager.phases.{phase.name.lower()}")
