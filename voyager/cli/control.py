"""Commands that steer what runs: set, pause, resume. They write into the target's state; running processes follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import command, prose
from voyager.cli.phase_options import options_class
from voyager.errors import NotAllowed, UsageError

if TYPE_CHECKING:
    from voyager.context import Context
    from voyager.store.steering import Pause

OnePhase = Annotated[str | None, typer.Argument(metavar="PHASE", help="Only this phase.")]
NAMES = ("set", "pause", "resume")
SECTIONS = ("migration", "target", "run", "output")
PANEL = "Steer"
TAKE_BACK = ("auto", "default")
SET_HELP = """Change how fast the data phases go, while they run too.

A running process follows within seconds; what is set is kept for the next run, until its command line says otherwise.
Without PHASE it counts for every data phase that is not completed. `auto` takes a setting back.

Settings: parallel-jobs N, adaptive-parallelism balanced|aggressive|disabled, adaptive-parallelism-max N."""
SET_EXAMPLES = (
    "yb-voyager migrate set parallel-jobs 4",
    "yb-voyager migrate set parallel-jobs auto IMPORT_DATA",
    "yb-voyager migrate set adaptive-parallelism aggressive",
)
PAUSE_HELP = """Hold a migration, or one phase of it, until `resume`.

A running export or import finishes the batches that it has in hand, gives its connections to the target back and waits;
it keeps its place (and an export its snapshot). Other phases that run come to their end. Nothing new starts while
the pause lasts: commands end with exit code 5 and say so. A run that dies meanwhile is started again after `resume`."""
RESUME_HELP = """End the pause of one phase, or without PHASE every pause.

Running processes go on by themselves; where none runs any more, start the command again (`migrate next` names it)."""


def register(application: typer.Typer) -> None:
    """Add `set`, `pause` and `resume`."""

    @application.command("set", cls=command(*SECTIONS), rich_help_panel=PANEL, help=prose(SET_HELP, *SET_EXAMPLES))
    def set_(
        context: typer.Context,
        setting: Annotated[str, typer.Argument(metavar="SETTING", help="What to change: parallel-jobs, …")],
        value: Annotated[str, typer.Argument(metavar="VALUE", help="Its new value; auto takes it back.")],
        phase: OnePhase = None,
    ) -> None:
        finish(set_reply(context.obj, setting, value, phase), context.obj)

    @application.command(cls=command(*SECTIONS), rich_help_panel=PANEL, help=prose(PAUSE_HELP))
    def pause(context: typer.Context, phase: OnePhase = None) -> None:
        finish(pause_reply(context.obj, phase), context.obj)

    @application.command(cls=command(*SECTIONS), rich_help_panel=PANEL, help=prose(RESUME_HELP))
    def resume(context: typer.Context, phase: OnePhase = None) -> None:
        finish(resume_reply(context.obj, phase), context.obj)


def set_reply(invocation: Invocation, setting: str, value: str, phase: str | None) -> Reply:
    """The answer of `migrate set`."""
    from voyager.cli.session import opened
    from voyager.context import actor

    name, wanted = _setting(setting, value)
    with opened(invocation) as context:
        _refuse_ended(context)
        phases = _paced(context, name, phase)
        already = True
        if not invocation.dry_run:
            changed = context.store.controls.set_options(
                context.record.migration_uuid, phases, {name: wanted}, actor=actor()
            )
            already = changed.already
        running = _running(context, phases)
    shown = name.replace("_", "-")
    said = f"{shown} of {', '.join(phases)} {'is' if already else 'is now'} {value}."
    if invocation.dry_run:
        said = f"{shown} of {', '.join(phases)} would become {value}."
    elif running:
        said += f" {', '.join(running)} {'follows' if len(running) == 1 else 'follow'} within seconds."
    body = {"setting": shown, "value": wanted, "phases": phases, "already": already, "running": running}
    return _reply(context, invocation, body, said)


def pause_reply(invocation: Invocation, phase: str | None) -> Reply:
    """The answer of `migrate pause`."""
    from voyager.cli.session import opened
    from voyager.context import actor
    from voyager.phases.pacing.options import PACED

    with opened(invocation) as context:
        _refuse_ended(context)
        named = _phase(context, phase)
        running = _running(context, [named] if named else list(context.record.leases))
        if invocation.dry_run:
            return _reply(context, invocation, {"running": running}, f"{_what(context, named)} would be paused.")
        changed = context.store.controls.pause(context.record.migration_uuid, named, actor=actor())
    (pause,) = changed.pauses
    said = [f"{_what(context, named)} is {pause.says}{', already' if changed.already else ''}."]
    held, others = [one for one in running if one in PACED], [one for one in running if one not in PACED]
    if held:
        said.append(f"{', '.join(held)} finishes what it has in hand and holds still, within seconds.")
    if others:
        said.append(f"{', '.join(others)} cannot be held half-way and comes to its end.")
    said.append(f"Nothing new starts. Go on with: yb-voyager {pause.ends_with}")
    body = {"paused": [_pause_json(pause)], "already": changed.already, "running": running}
    return _reply(context, invocation, body, " ".join(said))


def resume_reply(invocation: Invocation, phase: str | None) -> Reply:
    """The answer of `migrate resume`."""
    from voyager.cli.session import command_lines, opened
    from voyager.context import actor
    from voyager.status import migration_status
    from voyager.store.steering import pause_of

    with opened(invocation) as context:
        named = _phase(context, phase)
        whole = pause_of(context.record.settings, named) if named else None
        if whole is not None and whole.phase is None:
            raise NotAllowed(
                f"All of migration {context.record.name} is {whole.says}, not {named} alone.",
                "Go on with: yb-voyager migrate resume",
            )
        if invocation.dry_run:
            return _reply(context, invocation, {}, f"{_what(context, named)} would be resumed.")
        changed = context.store.controls.resume(context.record.migration_uuid, named, actor=actor())
        context.refresh()
    status = migration_status(context.record)
    running = _running(context, list(context.record.leases))
    said = [f"{_what(context, named)} was not paused." if changed.already else f"{_what(context, named)} is resumed."]
    if running:
        said.append(f"{', '.join(running)} goes on within seconds.")
    elif status.next.command:
        said.append(f"Nothing of it runs. Next: yb-voyager {status.next.command}")
    body = {
        "resumed": [_pause_json(pause) for pause in changed.pauses],
        "already": changed.already,
        "running": running,
        "next": status.next.to_json() | command_lines(status, invocation.resolved()),
    }
    return _reply(context, invocation, body, " ".join(said))


def _reply(context: Context, invocation: Invocation, body: Mapping[str, Any], said: str) -> Reply:
    migration = {"name": context.record.name, "uuid": str(context.record.migration_uuid)}
    dry = {"dry_run": True} if invocation.dry_run else {}
    return Reply({"migration": migration, **dry, **body, "headline": said}, text=said)


def _setting(setting: str, value: str) -> tuple[str, Any]:
    """The option that is meant and its value; None takes it back."""
    import difflib

    from voyager.config.values import convert
    from voyager.phases.pacing.options import TargetLoad, check_pace_options

    known = {"parallel_jobs": "int", "adaptive_parallelism": "str", "adaptive_parallelism_max": "int"}
    name = setting.strip().lower().replace("-", "_")
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        told = ", ".join(one.replace("_", "-") for one in known)
        meant = f"Did you mean {nearest[0].replace('_', '-')}? " if nearest else ""
        raise UsageError(f"There is no setting {setting!r} that can be changed now.", f"{meant}Settings: {told}.")
    if value.strip().lower() in TAKE_BACK:
        return name, None
    wanted = convert(value, known[name], where=f"migrate set {setting}")
    check_pace_options(replace(TargetLoad(), **{name: wanted}))
    return name, wanted or None


def _paced(context: Context, option: str, phase: str | None) -> list[str]:
    """The phases whose option is changed."""
    from voyager.phases.pacing.options import PACED

    named = _phase(context, phase)
    able = [
        one.name
        for one in context.workflow.phases
        if one.name in PACED and option in getattr(options_class(one.name), "__dataclass_fields__", ())
    ]
    if named and named not in able:
        raise UsageError(f"{option.replace('_', '-')} of {named} cannot be changed.", f"It can of {', '.join(able)}.")
    states = context.configuration
    left = [one for one in ([named] if named else able) if states[one] != "COMPLETED"]
    if not left:
        raise NotAllowed(
            f"{' and '.join([named] if named else able)} of migration {context.record.name} is COMPLETED already.",
            "What is set counts for work that is still to be done; --start-clean begins with options of its own.",
        )
    return left


def _phase(context: Context, typed: str | None) -> str | None:
    from voyager.cli.next import phase_name
    from voyager.cli.phase_command import phase_named

    return None if typed is None else phase_named(phase_name(typed), context.workflow).name


def _what(context: Context, phase: str | None) -> str:
    if phase is None:
        return f"Migration {context.record.name}"
    return f"{context.workflow.phase(phase).title} of migration {context.record.name}"


def _running(context: Context, phases: list[str]) -> list[str]:
    """Those that somebody runs now."""
    return [name for name in phases if (lease := context.record.leases.get(name)) is not None and lease.live]


def _pause_json(pause: Pause) -> dict[str, Any]:
    from voyager.status import timestamp

    return {"phase": pause.phase, "since": timestamp(pause.since), "by": pause.by}


def _refuse_ended(context: Context) -> None:
    if context.record.ended_at is not None:
        raise NotAllowed(f"Migration {context.record.name} has ended; there is nothing to steer.")
