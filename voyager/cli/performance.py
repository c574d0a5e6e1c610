"""`migrate compare-performance`: what the statistics of source and target say about the queries that run on both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voyager.cli.ask import with_password
from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import PHASE, command, prose
from voyager.errors import BlockersFound, DatabaseAway, NotAllowed, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from voyager.cli.render.canvas import Canvas
    from voyager.config import Config
    from voyager.context import Context
    from voyager.performance.usage import Sample

NAME = "compare-performance"
HELP = """Compare how long the application's queries take on the source and on the target.

Both sides are asked for what pg_stat_statements has counted since it was reset last; queries are matched by what their
texts mean. Run it when the application, or a test of it, has run on the target. With --assessment-dir the source is not
asked: what the assessment has collected of it counts.

Nothing but the report is written: reports/performance_report.json and .html, and the same in the target's state."""
EXAMPLES = (
    "yb-voyager migrate compare-performance",
    "yb-voyager migrate compare-performance --threshold 1.5 --min-calls 20",
    "yb-voyager migrate compare-performance --assessment-dir ./assessment --output json",
)


def register(application: typer.Typer) -> None:
    """Add `compare-performance`."""

    @application.command(
        NAME, cls=command(*PHASE, "assessment-dir"), rich_help_panel="Look", help=prose(HELP, *EXAMPLES)
    )
    def compare_performance(
        context: typer.Context,
        threshold: Annotated[
            float | None, typer.Option(help="From how many times the mean time a query is slower (default: 1.2).")
        ] = None,
        min_calls: Annotated[
            int | None, typer.Option(help="Calls on both sides that it takes to be judged (default: 5).")
        ] = None,
    ) -> None:
        from voyager.performance.judge import MIN_CALLS, THRESHOLD

        limit, said = _chosen(context.obj, "threshold", "float", given=threshold, default=THRESHOLD)
        if not 1 < limit < float("inf"):
            raise UsageError(f"{said} is {limit:g}.", "Give a ratio above 1, as 1.2: slower by a fifth.")
        calls, said = _chosen(context.obj, "min-calls", "int", given=min_calls, default=MIN_CALLS)
        if calls < 1:
            raise UsageError(f"{said} is {calls}.", "Give a number from 1 on.")
        finish(perform_comparison(context.obj, threshold=limit, min_calls=calls), context.obj)


def _chosen(invocation: Invocation, key: str, kind: str, *, given: Any, default: Any) -> tuple[Any, str]:
    """An option of this command, and where it is from: flag, else environment, else config file, else the default."""
    from voyager.config.values import convert

    if given is not None:
        return given, f"--{key}"
    found = invocation.resolved().command_value(NAME, key)
    return (default, f"--{key}") if found is None else (convert(found.value, kind, where=found.origin), found.origin)


def perform_comparison(invocation: Invocation, *, threshold: float, min_calls: int) -> Reply:
    """Ask both sides, compare, write the reports."""
    from voyager.cli.render.performance import comparison_panel
    from voyager.cli.session import opened
    from voyager.performance.compare import compare
    from voyager.performance.report import report_document, write_reports

    with opened(invocation) as context:
        _refuse_before_the_data(context)
        source = _source(context, invocation)
        found = compare(source, _target(context), threshold=threshold, min_calls=min_calls)
        record = context.record
        document = report_document(
            found,
            migration={"name": record.name, "uuid": str(record.migration_uuid)},
            made_at=datetime.now(UTC),
        )
        paths: tuple[Path, ...] = ()
        if not invocation.dry_run:
            context.settle_export_dir()
            paths = write_reports(document, context.export_dir)
            context.store.reports.put(record.migration_uuid, "performance", document)

    def view(canvas: Canvas) -> Iterable[RenderableType]:
        return comparison_panel(document, paths, canvas)

    body: dict[str, Any] = {"dry_run": True} if invocation.dry_run else {"reports": [str(path) for path in paths]}
    return Reply({**body, "report": document}, view, problem=found.problem)


def _refuse_before_the_data(context: Context) -> None:
    """Without the data a query says nothing of how long it will take."""
    phase = context.record.phases.get("IMPORT_DATA")
    if phase is not None and phase.state != "COMPLETED":
        raise NotAllowed(
            f"There is nothing to compare yet: the import of the data of migration {context.record.name} is "
            f"{phase.state}.",
            "Import the data first; `yb-voyager migrate next` says how.",
        )


def _source(context: Context, invocation: Invocation) -> Sample:
    from voyager.assessment_dir import AssessmentDir
    from voyager.context import source_endpoint
    from voyager.performance.live import read_server
    from voyager.performance.stored import read_assessment

    stored = invocation.resolved().assessment_dir
    if stored is not None:
        return read_assessment(AssessmentDir(stored))

    def ask(config: Config) -> Sample:
        endpoint = source_endpoint(config, context.record)
        refuse_other_engines(endpoint.engine)
        return read_server(endpoint, side="source")

    try:
        return with_password(ask, role="source", invocation=invocation)
    except DatabaseAway as away:
        raise DatabaseAway(
            away.message,
            "Run the command again when it is back; if it is gone for good, name its assessment: --assessment-dir DIR.",
        ) from away


def refuse_other_engines(engine: str) -> None:
    """Only PostgreSQL has the statistics that the target has."""
    from voyager.sources import ASSESSED, questions_of

    if engine not in ASSESSED or not any("stddev_exec_time" in question.holds for question in questions_of(engine)):
        raise BlockersFound(
            f"The queries of a source of type {engine} cannot be compared: it has no pg_stat_statements.",
            "Measure the application itself on both sides.",
        )


def _target(context: Context) -> Sample:
    from voyager.performance.live import read_server

    per_node = context.target.probe().release is not None
    return read_server(context.target_endpoint, side="target", per_node=per_node)
