"""Commands that only look: status, history, the data reports, cutover status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voyager.cli import data_status
from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import READ, command, prose
from voyager.errors import DatabaseAway, PermissionMissing, UsageError, VoyagerError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.cli.render.canvas import Canvas
    from voyager.status import MigrationStatus
    from voyager.store.record import MigrationRecord

NAMES = ("status", "next", "history")
"""Commands that look, as help lists them."""
register_reports = data_status.register
STATUS_HELP = """Show where a migration stands: every phase, what is running, what comes next.

Nothing is changed. While the target is away the last known state is shown, and said to be that.

With --check the exit code is 0 when the migration runs or has ended well, 13 when it waits for an operator, 14
when a phase has begun and nobody runs it, 3 after differences, 4 when something blocks, 12 with rows set aside.
"""


def register(application: typer.Typer) -> None:
    """Add `status` and `history`."""

    @application.command(cls=command(*READ), rich_help_panel="Look", help=prose(STATUS_HELP))
    def status(
        context: typer.Context,
        watch: Annotated[bool, typer.Option("--watch", "-w", help="Redraw every few seconds until Ctrl-C.")] = False,
        interval: Annotated[
            float | None, typer.Option(help="Seconds between two looks of --watch (default: 2).")
        ] = None,
        check: Annotated[
            bool, typer.Option("--check", help="For monitors: the exit code tells how the migration is (see below).")
        ] = False,
    ) -> None:
        invocation: Invocation = context.obj
        if watch:
            _watch(invocation, max(0.2, interval or 2.0))
        else:
            finish(status_reply(invocation, check=check), invocation)

    @application.command(cls=command(*READ), rich_help_panel="Look")
    def history(
        context: typer.Context,
        limit: Annotated[int | None, typer.Option(help="How many events, the newest (default: 50).", min=1)] = None,
    ) -> None:
        """Show what happened to a migration, and who did it: starts, ends, failures, warnings, overrides."""
        finish(history_reply(context.obj, limit or 50), context.obj)


def register_cutover(application: typer.Typer) -> None:
    """Add `cutover status`."""

    @application.command("status", cls=command(*READ))
    def status(context: typer.Context) -> None:
        """Show whether the cutover is initiated or completed, and what stands in its way."""
        finish(cutover_reply(context.obj), context.obj)


def status_reply(invocation: Invocation, *, check: bool = False) -> Reply:
    """The answer of `migrate status`."""
    found = look(invocation)
    if isinstance(found, Reply):
        return found
    from voyager.cli.session import status_json

    config = invocation.resolved()
    return Reply(
        status_json(found, config),
        lambda canvas: _status_view(found, invocation, canvas),
        problem=_alarm(found) if check else None,
    )


def _alarm(status: MigrationStatus) -> VoyagerError | None:
    """What --check ends with. Nobody can tell how a migration is whose target is away."""
    from voyager.status import monitor

    if status.from_cache:
        return DatabaseAway("The target cannot be reached.", "Nothing is lost; look again when it is back.")
    return monitor(status)


def look(invocation: Invocation) -> MigrationStatus | Reply:
    """The status of the migration that is meant; a list when several could be, or none is there."""
    from voyager.context import verify_limits
    from voyager.status import migration_status

    limits = verify_limits(invocation.resolved())
    try:
        found = _read(invocation)
    except DatabaseAway as away:
        cached = cached_record(invocation)
        if cached is None:
            raise
        invocation.emitter.warn(f"{away.message} Showing what was known last.")
        return migration_status(cached, limits=limits)
    return found if isinstance(found, Reply) else migration_status(found, limits=limits)


def _read(invocation: Invocation) -> MigrationRecord | Reply:
    from voyager.cli.session import opened

    try:
        with opened(invocation) as context:
            _cache(context.record)
            return context.record
    except UsageError as several:
        listed = _list(invocation)
        if listed is None:
            raise several from None
        return listed


def _list(invocation: Invocation) -> Reply | None:
    """All active migrations of the target, when nothing says which one and there is more than one."""
    from voyager.cli.session import opened_store

    config = invocation.resolved()
    if config.migration_name or config.migration_uuid or config.place("target") is None:
        return None
    with opened_store(invocation) as store:
        rows = store.migrations.find() if store.ddl.installed() else []
    if len(rows) < 2:
        return None
    body = {"migrations": [asdict(row) for row in rows]}

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        from voyager.cli.render.history import migrations_table

        return migrations_table(rows, canvas)

    return Reply(body, view)


def _cache(record: MigrationRecord) -> None:
    """Keep the record beside the data, for the time when the target is away; a directory elsewhere is no matter."""
    from pathlib import Path

    from voyager.store.cache import RECORD, write_cache

    place = Path(record.export_dir) / RECORD
    try:
        if place.parent.is_dir():
            write_cache(place, record)
    except OSError:
        return


def cached_record(invocation: Invocation) -> MigrationRecord | None:
    from voyager.store.cache import RECORD, read_cache

    config = invocation.resolved()
    if config.export_dir is None:
        return None
    found = read_cache(config.export_dir / RECORD)
    named = config.migration_name
    return found if found is None or named in (None, found.name) else None


def _status_view(status: MigrationStatus, invocation: Invocation, canvas: Canvas) -> Iterable[RenderableType]:
    from voyager.cli.render.status import status_panel
    from voyager.cli.session import next_command

    return status_panel(status, canvas, command=next_command(status, invocation.resolved()))


def _watch(invocation: Invocation, interval: float) -> None:
    """Redraw until Ctrl-C or the end of the migration. A target that is away for a while is told and waited for."""
    if invocation.wants_json:
        raise UsageError("--watch draws for people.", "For programs: run `status --output json` as often as you like.")
    canvas = invocation.emitter.canvas
    draw = _redraw(canvas) if canvas.framed else canvas.print
    try:
        while True:
            try:
                found = look(invocation)
            except VoyagerError as error:
                if isinstance(error, UsageError | PermissionMissing):
                    raise
                invocation.emitter.warn(error.message)
                time.sleep(interval)
                continue
            if isinstance(found, Reply):
                finish(found, invocation)
                return
            draw(*_status_view(found, invocation, canvas))
            if found.ended_at:
                return
            time.sleep(interval)
    except KeyboardInterrupt:
        return


def _redraw(canvas: Canvas) -> Callable[..., None]:
    """Draw over what was drawn before, from the top of the screen down."""

    def draw(*renderables: Any) -> None:
        with canvas.console.capture() as captured:
            for renderable in renderables:
                canvas.console.print(renderable)
        lines = captured.get().splitlines()[: max(1, canvas.console.height - 1)]
        # Home, each line with the rest of it cleared, then everything below: no flicker, nothing left over.
        canvas.console.file.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        canvas.console.file.flush()

    canvas.console.file.write("\x1b[2J")
    return draw


def history_reply(invocation: Invocation, limit: int) -> Reply:
    """The answer of `migrate history`: events, the oldest first."""
    from voyager.cli.session import opened

    with opened(invocation) as context:
        record = context.record
        events = list(reversed(context.store.events.history(record.migration_uuid, limit)))

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        from voyager.cli.render.history import history_panel

        return history_panel(f"HISTORY of migration {record.name}", events, canvas)

    migration = {"name": record.name, "uuid": str(record.migration_uuid)}
    return Reply({"migration": migration, "events": [_event_json(event) for event in events]}, view)


def _event_json(event: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(event).items() if key != "migration_uuid"}


def cutover_reply(invocation: Invocation) -> Reply:
    """The answer of `migrate cutover status`."""
    from voyager.cli.session import opened
    from voyager.status import migration_status, phase_json

    with opened(invocation) as context:
        seen = context.observe_facts()
        status = migration_status(context.record, seen)
        phase = context.workflow.phase("CUTOVER")
        reasons = [
            {"says": reason.says, "hint": reason.hint}
            for reason in context.chart.reasons(f"start_{phase.name}", seen)
            if status.phase(phase.name).state == "NOT_STARTED"
        ]
    shown = status.phase(phase.name)

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        from voyager.cli.render.outcome import cutover_panel

        return cutover_panel(status.name, shown, reasons, canvas)

    migration = {"name": status.name, "uuid": status.uuid}
    return Reply({"migration": migration, **phase_json(shown), "in_the_way": reasons}, view)
