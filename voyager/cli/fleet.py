"""The `assessment fleet` commands: many databases assessed together, compared, and reported as one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from voyager.cli.emit import Reply, finish
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.cli.options import command, group, prose
from voyager.errors import BlockersFound, Interrupted, UsageError

if TYPE_CHECKING:
    from rich.live import Live

    from voyager.fleet.assess import Work
    from voyager.fleet.command import Defaults
    from voyager.fleet.fleet_dir import FleetDir, MemberState
    from voyager.fleet.fleet_file import Fleet

HELP = """Assess many databases together, of any engine: each in a directory of its own, some at a time.

A fleet file lists them, in YAML or as the CSV of yb-voyager. Write the YAML like this:

databases: [{name: shop, engine: postgresql, host: db1, database: shop, user: reader, password: {env: SHOP_PASSWORD}}]

Beside these a database can have port, schemas, tls: {mode, cert, key, root-cert, crl}, labels, replicas, primary-only,
oracle-sid, oracle-tns-alias, uri, iops-capture-interval, target-db-version; a block `defaults:` holds what is the same
for all. A password is {env: NAME}, {file: PATH} or {command: RUN}."""
ASSESS_HELP = """Assess every database of a fleet file, some at a time; what is complete already is not done again.

The state of every database is in fleet.json of the fleet directory. One that fails is named with its reason and stops
no other; run the same command again for those that failed or were interrupted.

The exit code is 0 when every database is assessed, 4 when some could not be, 130 when it was stopped."""
COMPARE_HELP = """Put the databases of a fleet side by side: complexity, size, objects, effort, recommended clusters,
the issues they have in common, and schemas with the same objects. With names, only these."""
REPORT_HELP = """Write one report on the whole fleet, as JSON and as one HTML page with charts, totals and a link to the
report of every database. `assess` writes it too when it ends."""
DEFAULT_DIR, DEFAULT_JOBS = "fleet", 4
READ = ("config-file", "run", "output")

FleetDirOption = Annotated[
    Path, typer.Option("--fleet-dir", metavar="DIR", help="Directory of the fleet (default: ./fleet).")
]


def fleet() -> typer.Typer:
    """Build the group."""
    found = typer.Typer(
        cls=group("target-version", *READ, order=("assess", "compare", "report")), help=prose(HELP),
        short_help="Assess, compare and report many databases together.", no_args_is_help=True, add_completion=False,
        rich_markup_mode="rich",
    )  # fmt: skip
    _add(found, assess, ("target-version", *READ), ASSESS_HELP, "Assess every database of a fleet file.")
    _add(found, compare, READ, COMPARE_HELP, "Put the databases side by side.")
    _add(found, report, READ, REPORT_HELP, "Write one report on all of them.")
    return found


def _add(
    application: typer.Typer, answer: Callable[..., None], sections: tuple[str, ...], text: str, short: str
) -> None:
    told = prose(text, *EXAMPLES[answer.__name__])
    application.command(answer.__name__, cls=command(*sections), help=told, short_help=short)(answer)


EXAMPLES = {
    "assess": (
        "yb-voyager assessment fleet assess --fleet-file fleet.yaml --fleet-dir ./fleet",
        "yb-voyager assessment fleet assess --fleet-file fleet.csv --parallel-jobs 8",
        "yb-voyager assessment fleet assess --fleet-file fleet.yaml --dry-run",
    ),
    "compare": (
        "yb-voyager assessment fleet compare --fleet-dir ./fleet",
        "yb-voyager assessment fleet compare shop billing --output json",
    ),
    "report": ("yb-voyager assessment fleet report --fleet-dir ./fleet",),
}


def assess(
    context: typer.Context,
    fleet_file: Annotated[
        Path | None,
        typer.Option("--fleet-file", "--fleet-config-file", metavar="FILE", help="The databases, as YAML or CSV."),
    ] = None,
    fleet_dir: FleetDirOption = Path(DEFAULT_DIR),
    parallel_jobs: Annotated[
        int, typer.Option("--parallel-jobs", metavar="N", min=1, help="How many databases at a time (default: 4).")
    ] = DEFAULT_JOBS,
    start_clean: Annotated[
        bool, typer.Option("--start-clean", help="Assess those that are complete anew, too.")
    ] = False,
    iops_capture_interval: Annotated[
        int | None,
        typer.Option(
            "--iops-capture-interval",
            metavar="SECONDS",
            min=0,
            help="Seconds over which reads and writes are measured, where the file does not say; 0 leaves them out.",
        ),
    ] = None,
) -> None:
    from voyager.fleet.assess import Work
    from voyager.fleet.fleet_file import read_fleet

    if fleet_file is None:
        raise UsageError("Which databases? No fleet file was given.", "Give one with --fleet-file FILE.")
    invocation: Invocation = context.obj
    found = read_fleet(fleet_file.expanduser())
    work = Work(
        defaults=_defaults(found, invocation, iops_capture_interval),
        jobs=parallel_jobs,
        start_clean=start_clean,
        environment=invocation.environment,
    )
    directory = _directory(fleet_dir)
    if invocation.dry_run:
        finish(_plan_reply(found, directory, work), invocation)
    else:
        finish(_assessed_reply(found, directory, work, invocation), invocation)


def compare(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these databases.")] = None,
    fleet_dir: FleetDirOption = Path(DEFAULT_DIR),
) -> None:
    from voyager.cli.render.fleet import comparison_view
    from voyager.fleet.report import comparison_document, fleet_report

    found = fleet_report(_directory(fleet_dir), names or ())
    finish(Reply(comparison_document(found), lambda canvas: comparison_view(found, canvas)), context.obj)


def report(context: typer.Context, fleet_dir: FleetDirOption = Path(DEFAULT_DIR)) -> None:
    from voyager.cli.render.fleet import report_view
    from voyager.fleet.report import fleet_report, report_document, write_fleet_report

    invocation: Invocation = context.obj
    directory = _directory(fleet_dir)
    found = fleet_report(directory)
    paths = () if invocation.dry_run else write_fleet_report(directory, found)
    told: Mapping[str, Any] = {"dry_run": True} if invocation.dry_run else {"reports": [str(path) for path in paths]}
    finish(
        Reply({**told, "report": report_document(found)}, lambda canvas: report_view(found, paths, canvas)), invocation
    )


def _directory(given: Path) -> FleetDir:
    from voyager.fleet.fleet_dir import FleetDir

    return FleetDir(given)


def _defaults(found: Fleet, invocation: Invocation, seconds: int | None) -> Defaults:
    """What holds for all; a release that is none is told before anything begins."""
    from voyager.assessment.assess import target_release
    from voyager.fleet.command import Defaults

    config = invocation.resolved()
    for member in found.members:
        if member.release is not None:
            _checked_release(member.release, f"{member.name} (line {member.line})")
    chosen = seconds if seconds is not None else config.get("iops_capture_interval")
    return Defaults(target_release(config.get("assessed_for")), chosen)


def _checked_release(release: str, where: str) -> None:
    from voyager.assessment.assess import target_release

    try:
        target_release(release)
    except UsageError as error:
        raise UsageError(f"target-db-version of {where} is {release!r}, which is none.", error.hint) from None


def _plan_reply(found: Fleet, directory: FleetDir, work: Work) -> Reply:
    """What would be done, with the command of every database; its password is not part of it."""
    import shlex

    from voyager.cli.render.fleet import plan_view
    from voyager.fleet.assess import plan
    from voyager.fleet.command import command_line, password_source

    planned = [
        {
            "name": member.name,
            "source": member.endpoint.url,
            "status": state.status,
            "action": "assess" if wanted else "leave as it is",
            "password_from": password_source(member),
            "command_line": shlex.join(command_line(member, directory.member(member.name).path, work.defaults)),
        }
        for member, state, wanted in plan(found, directory, work)
    ]
    body = {"dry_run": True, "fleet_dir": str(directory.path), "parallel_jobs": work.jobs, "members": planned}
    return Reply(body, lambda canvas: plan_view(planned, directory.path, work.jobs, canvas))


def _assessed_reply(found: Fleet, directory: FleetDir, work: Work, invocation: Invocation) -> Reply:
    from dataclasses import replace

    from voyager.cli.render.fleet import assessed_view
    from voyager.fleet.assess import assess_fleet
    from voyager.fleet.fleet_dir import COMPLETE
    from voyager.fleet.report import fleet_report, write_fleet_report

    with stop_on_signal() as stop, FleetView(found, invocation) as view:
        states = assess_fleet(found, directory, replace(work, report=view.report, stop=stop.is_set))
        stopped = stop.is_set()
    complete = sum(state.status == COMPLETE for state in states)
    if stopped and complete < len(states):
        raise Interrupted(
            f"Stopped; {complete} of {len(states)} databases are assessed, and that is kept in {directory}.",
            "Run the same command again for the others.",
        )
    result = fleet_report(directory)
    paths = write_fleet_report(directory, result)
    body = {
        "fleet_dir": str(directory.path),
        "members": [asdict(state) for state in states],
        "reports": [str(path) for path in paths],
        "totals": asdict(result.totals),
    }
    return Reply(body, lambda canvas: assessed_view(result, paths, directory.path, canvas), problem=_problem(states))


def _problem(states: tuple[MemberState, ...]) -> BlockersFound | None:
    """What the command ends with when not every database could be assessed; each is named."""
    failed = [state for state in states if state.failure is not None]
    if not failed:
        return None
    return BlockersFound(
        f"{len(failed)} of {len(states)} databases could not be assessed: {', '.join(one.name for one in failed)}.",
        "Repair what is named, then run the same command again; the others are not done again.",
        tuple(f"{one.name}: {one.failure.message} {one.failure.hint}".strip() for one in failed if one.failure),
    )


class FleetView(AbstractContextManager["FleetView"]):
    """Shows on stderr how far the databases are: a table on a terminal, else a line for each change."""

    def __init__(self, fleet: Fleet, invocation: Invocation) -> None:
        self._invocation = invocation
        self._names = [member.name for member in fleet.members]
        self._states: dict[str, MemberState] = {}
        self._kind = self._choose()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._kind == "bars":
            from rich.live import Live

            # Drawn by the thread that reports: children are started from a process without other threads.
            console = self._invocation.emitter.talk.console
            self._live = Live(self._drawn(), console=console, auto_refresh=False, transient=True)
            self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def report(self, state: MemberState) -> None:
        """Take a change."""
        self._states[state.name] = state
        if self._live is not None:
            self._live.update(self._drawn(), refresh=True)
        elif self._kind == "json":
            message = state.failure.message if state.failure else ""
            line = {"event": "member", "name": state.name, "status": state.status, "message": message}
            print(json.dumps(line), file=sys.stderr, flush=True)
        elif self._kind != "none":
            from voyager.cli.render.fleet import state_line

            self._invocation.emitter.say(state_line(state))

    def _drawn(self) -> Any:
        from voyager.cli.render.fleet import progress_table

        return progress_table(self._names, self._states, self._invocation.emitter.talk)

    def _choose(self) -> str:
        asked = str(self._invocation.resolved().get("progress", "auto"))
        if asked != "auto":
            return asked
        return "bars" if sys.stderr.isatty() and self._invocation.environment.get("TERM") != "dumb" else "plain"
