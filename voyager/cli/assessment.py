"""The `assessment` commands: what a DBA can ask of a source before any target exists."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voyager.cli.ask import with_password
from voyager.cli.emit import Reply, finish
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.cli.options import command, group, prose
from voyager.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from voyager.assessment.assessment import Assessment
    from voyager.assessment.metadata import Metadata
    from voyager.assessment_dir import AssessmentDir
    from voyager.cli.assessing import AssessmentView
    from voyager.config import Config
    from voyager.ports import AssessedSource

HELP = """Judge a database before any target exists: what YugabyteDB does not take as it is, how large a cluster it
needs, how long the load takes.

With a connection: `run`. Where only DBAs may connect: `generate-scripts`, have them run, then `ingest-metadata` and
`report`. Nothing is written to the database; everything is in the assessment directory."""
DEFAULT_DIR = "assessment"
DEFAULT_INTERVAL = 120
STEPS = "Steps, in their order"
LOOK = "Look at what was found"
RUN = ("source", "oracle", "collection", "assessment-dir", "target-version", "config-file", "run", "output")
REPORT = ("source-type", "assessment-dir", "metadata-dir", "target-version", "config-file", "run", "output")


def assessment() -> typer.Typer:
    """Build the group."""
    from voyager.cli.fleet import fleet

    found = typer.Typer(
        cls=group(
            "source", "assessment", "config-file", "run", "output",
            order=("run", "generate-scripts", "ingest-metadata", "report", "view", "fleet"),
        ),
        help=prose(HELP), no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    )  # fmt: skip
    _add(found, run, RUN, "Assess a database by connecting to it.", STEPS)
    _add(found, generate_scripts, ("source-type", "config-file", "run", "output"),
         "Write SQL scripts that a DBA runs instead.", STEPS)  # fmt: skip
    _add(found, ingest_metadata, REPORT, "Check and take in what the scripts collected.", STEPS)
    _add(found, report, REPORT, "Write the report from metadata that is there.", STEPS)
    _add(found, view, ("assessment-dir", "config-file", "output"), "Look at the report.", LOOK)
    found.add_typer(fleet(), name="fleet", rich_help_panel=LOOK)
    return found


def _add(
    application: typer.Typer, answer: Callable[..., None], sections: tuple[str, ...], short: str, panel: str
) -> None:
    told = prose(answer.__doc__, *EXAMPLES[answer.__name__])
    name = answer.__name__.replace("_", "-")
    application.command(name, cls=command(*sections), help=told, short_help=short, rich_help_panel=panel)(answer)


EXAMPLES = {
    "run": (
        "yb-voyager assessment run --source-db-uri postgresql://reader@db1/shop --assessment-dir ./assessment",
        "yb-voyager assessment run --source-db-type mysql --source-db-host db2 --source-db-name shop",
        "yb-voyager assessment run --source-db-uri postgresql://reader@db1/shop --iops-capture-interval 600",
    ),
    "generate_scripts": (
        "yb-voyager assessment generate-scripts --source-db-type oracle --output-dir ./scripts",
    ),
    "ingest_metadata": (
        "yb-voyager assessment ingest-metadata --metadata-dir ./collected --assessment-dir ./assessment",
    ),
    "report": (
        "yb-voyager assessment report --assessment-dir ./assessment",
        "yb-voyager assessment report --assessment-dir ./assessment --target-db-version 2024.2.8.0",
    ),
    "view": (
        "yb-voyager assessment view --assessment-dir ./assessment",
        "yb-voyager assessment view --assessment-dir ./assessment --web",
    ),
}  # fmt: skip


def run(context: typer.Context) -> None:
    """Assess a database by connecting to it: collect metadata and load, judge it, write the report.

    Only catalogs and statistics are read. What the user may not read is named in the report with the grant that would
    allow it, and the rest is assessed. To measure reads and writes per second the load is read twice; the report says
    over how long.
    """
    finish(perform_run(context.obj), context.obj)


def generate_scripts(
    context: typer.Context,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", metavar="DIR", help="Where the scripts go (default: ./scripts).")
    ] = Path("scripts"),
) -> None:
    """Write the scripts that a DBA runs where yb-voyager may not connect: plain SQL for the database's own client, a
    README that says what is read and which privileges it takes, and a manifest."""
    from voyager.assessment.scripts import plan_scripts, write_scripts

    invocation: Invocation = context.obj
    engine = _engine(invocation.resolved())
    place = output_dir.expanduser().absolute()
    if invocation.dry_run:
        names = plan_scripts(engine)
        text = "\n".join([f"It would write to {place}:", *(f"  {name}" for name in names)])
        finish(Reply({"dry_run": True, "output_dir": str(place), "files": list(names)}, text=text), invocation)
        return
    written = [path.relative_to(place).as_posix() for path in write_scripts(engine, place)]
    text = (
        f"Wrote {len(written)} files to {place}.\n"
        f"Hand the directory to the DBA; {place / 'README.md'} says what to do. Then run:\n"
        "  yb-voyager assessment ingest-metadata --metadata-dir collected --assessment-dir assessment"
    )
    finish(Reply({"engine": engine, "output_dir": str(place), "files": written}, text=text), invocation)


def ingest_metadata(context: typer.Context) -> None:
    """Check what the scripts collected, file by file and line by line, and take it into the assessment directory.

    What yb-voyager's own scripts collected is accepted too, flat or with one node-… directory for each node. Everything
    that is wrong is told at once; nothing is taken in then. Taking the same in twice changes nothing.
    """
    from voyager.cli.render.assessment import ingested

    invocation: Invocation = context.obj
    directory = directory_of(invocation.resolved())
    metadata = ingest_into(directory, invocation)
    body = {
        "engine": metadata.engine,
        "database": metadata.database,
        "nodes": list(metadata.nodes),
        "rows": {name: len(rows) for name, rows in metadata.tables.items()},
        "missing": list(metadata.missing),
        "unchanged": metadata.unchanged,
        "dry_run": invocation.dry_run,
    }
    if not invocation.dry_run:
        _warn_of_older_report(directory, invocation)
    finish(
        Reply(body, lambda canvas: ingested(metadata, directory.path, canvas, dry_run=invocation.dry_run)), invocation
    )


def report(context: typer.Context) -> None:
    """Judge the metadata in the assessment directory and write the report, as JSON and as one HTML page.

    With --metadata-dir it is taken in first.
    """
    invocation: Invocation = context.obj
    config = invocation.resolved()
    directory = directory_of(config)
    release = _release(config)
    given = ingest_into(directory, invocation) if config.get("metadata_dir") else None
    # Who collects into it exchanges metadata and reports.
    with directory.lock("assessment") if _takes_part(directory, invocation) else contextlib.nullcontext():
        reply = conclude(directory, release, invocation, given=given if invocation.dry_run else None)
    finish(reply, invocation)


def view(
    context: typer.Context,
    web: Annotated[bool, typer.Option("--web", help="Open the HTML report in a browser instead.")] = False,
) -> None:
    """Look at the report in the terminal: overview, issues with filter and detail, tables by size or load, sizing."""
    from voyager.assessment.report_json import read_report
    from voyager.cli.viewer import open_in_browser, run_viewer

    invocation: Invocation = context.obj
    directory = directory_of(invocation.resolved())
    path = _report_of(directory)
    document = read_report(path)
    _warn_of_older_report(directory, invocation)
    html = path.with_suffix(".html")
    if invocation.wants_json:
        finish(Reply(document), invocation)
    elif web:
        finish(Reply({}, text=open_in_browser(html)), invocation)
    elif not invocation.interactive:
        raise UsageError("The viewer needs a terminal.", f"Read {path} or {html}, or add --output json.")
    else:
        run_viewer(document, html)


def perform_run(invocation: Invocation) -> Reply:
    """Collect and conclude; nothing of an earlier assessment is replaced before the new one is whole."""
    from voyager.assessment.collect import Collection, collect
    from voyager.cli.assessing import AssessmentView
    from voyager.cli.phase_command import dry_run_reply
    from voyager.guardrails import stop_at_errors
    from voyager.runner import Result

    config = invocation.resolved()
    release, directory = _release(config), directory_of(config)
    interval = _interval(config)

    def act(config: Config) -> Reply:
        source = _open(config)
        try:
            checks = tuple(source.preflight("ASSESS"))
            if invocation.dry_run:
                return dry_run_reply(
                    "Assessment", Result("ASSESS", checks=checks, plan=tuple(_plan(source, directory)))
                )
            stop_at_errors(checks, "Assessment")
            with (
                directory.begun("assessment"),
                stop_on_signal("nothing of this collection is kept, and what was there stays") as stop,
                AssessmentView(source.endpoint.url, release, invocation, checks) as shown,
            ):
                collection = Collection(
                    replicas=tuple(config.get("source_read_replica_endpoints", ())),
                    primary_only=bool(config.get("primary_only")),
                    interval_seconds=interval,
                    report=shown.report,
                    warn=shown.warn,
                    checkpoint=lambda: _checkpoint(stop.is_set()),
                    preview=lambda metadata: shown.preview(metadata, release),
                )
                collect(source, directory, collection)
                return conclude(directory, release, invocation, shown=shown)
        finally:
            source.close()

    return with_password(act, role="source", invocation=invocation)


def conclude(
    directory: AssessmentDir,
    release: str,
    invocation: Invocation,
    *,
    shown: AssessmentView | None = None,
    given: Metadata | None = None,
) -> Reply:
    """Judge the metadata of a directory, or `given` that was only looked at, write the reports, say what was found."""
    from voyager.assessment.assess import assess_metadata
    from voyager.assessment.metadata import read_metadata
    from voyager.assessment.report_json import report_document, write_reports
    from voyager.cli.render.assessment import summary

    metadata = given or read_metadata(directory)
    found = assess_metadata(metadata, target_version=release, now=datetime.now(UTC))
    paths: tuple[Path, ...] = ()
    if not invocation.dry_run:
        paths = tuple(write_reports(found, directory))
    if shown is not None:
        shown.close()
    _warn_of_missing(found, shown.warn if shown else invocation.emitter.warn)
    body = {"dry_run": True} if invocation.dry_run else {"reports": [str(path) for path in paths]}
    return Reply(
        {**body, "report": report_document(found)},
        lambda canvas: summary(found, paths, directory.path, canvas),
    )


def ingest_into(directory: AssessmentDir, invocation: Invocation) -> Metadata:
    """Take --metadata-dir in; with --dry-run only check it."""
    from voyager.assessment.ingest import ingest, inspect_metadata

    config = invocation.resolved()
    given = config.get("metadata_dir")
    if not given:
        raise UsageError("Which metadata? Nothing says where it is.", "Give --metadata-dir DIR.")
    place = Path(given).expanduser().absolute()
    engine = config.get("source_db_type")
    if invocation.dry_run:
        return inspect_metadata(place, engine=engine)
    return ingest(place, directory, engine=engine)


def directory_of(config: Config) -> AssessmentDir:
    """The assessment directory that was named, else ./assessment."""
    from voyager.assessment_dir import AssessmentDir

    return AssessmentDir(config.assessment_dir or Path(DEFAULT_DIR).absolute())


def _release(config: Config) -> str:
    from voyager.assessment.assess import target_release

    return target_release(config.get("assessed_for"))


def _interval(config: Config) -> int:
    seconds = int(config.get("iops_capture_interval", DEFAULT_INTERVAL))
    if seconds < 0:
        raise UsageError(f"--iops-capture-interval is {seconds}.", "Give a number of seconds; 0 leaves the load out.")
    return seconds


def _engine(config: Config) -> str:
    from voyager.sources import ASSESSED

    place = config.place("source")
    engine = config.get("source_db_type") or (place.engine if place else None)
    if engine not in ASSESSED:
        given = f"There are no scripts for {engine}." if engine else "Scripts for which kind of database?"
        raise UsageError(given, f"Give --source-db-type with one of: {', '.join(ASSESSED)}.")
    return str(engine)


def _open(config: Config) -> AssessedSource:
    from voyager.sources import open_assessed

    return open_assessed(config.source)


def _plan(source: AssessedSource, directory: AssessmentDir) -> list[str]:
    asked = [f"ask for {question.name}: {question.what}" for question in source.questions()]
    return [*asked, f"write the answers to {directory.path / 'metadata'}", f"write the report to {directory.reports}"]


def _checkpoint(asked_to_stop: bool) -> None:
    if asked_to_stop:
        raise Interrupted("Stopped; nothing of this collection is kept.", "Run the same command again.")


def _takes_part(directory: AssessmentDir, invocation: Invocation) -> bool:
    """A directory without our parts has nothing to be kept from others."""
    return not invocation.dry_run and os.path.isdir(directory.private)  # noqa: PTH112 - is_dir() raises where we may not look


def _report_of(directory: AssessmentDir) -> Path:
    return directory.reports / "migration_assessment_report.json"


def _warn_of_older_report(directory: AssessmentDir, invocation: Invocation) -> None:
    """A report stays until the next is written, also when metadata of something else was taken in since."""
    with contextlib.suppress(OSError):
        path = _report_of(directory)
        if path.stat().st_mtime_ns < (directory.metadata / "database.json").stat().st_mtime_ns:
            says = f"The report {path} is older than the metadata. Write it anew: yb-voyager assessment report."
            invocation.emitter.warn(says)


def _warn_of_missing(found: Assessment, warn: Callable[[str], None]) -> None:
    if found.missing:
        count = len(found.missing)
        parts = "part" if count == 1 else "parts"
        warn(f"The assessment is partial: {count} {parts} could not be looked at; see below.")
