"""IMPORT_SCHEMA: the exported files executed on the target, all but what waits for the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voyager.errors import BlockersFound
from voyager.phases.ddl.index_options import index_jobs
from voyager.phases.ddl.run import DdlResult, DdlRun, Refusal, failed_sql
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.phases.recorded import recorded_connection
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.export_dir import ExportDir
    from voyager.schema.statements import Statement
    from voyager.store.record import MigrationRecord

NEEDS = ("target",)
UNDOES = "every object that the schema files create is dropped from the target, with its rows"
OVERRIDES = {"accept_blockers": "no_blockers"}
"""Option -> the condition that it passes."""


@dataclass(frozen=True)
class Options:
    continue_on_error: bool = option(
        False,
        "Go on past statements that the target refuses; they end in schema/failed.sql and the exit code is 4.",
        per_run=True,
    )
    ignore_exist: bool = option(False, "Take objects that exist on the target already as they are.", per_run=True)
    straight_order: bool = option(
        False,
        "Execute each statement once, in the order of the files; do not try again what lacks something.",
        per_run=True,
    )
    accept_blockers: str | None = option(
        None,
        "Import although the analysis found blockers. Takes the migration's name.",
        per_run=True,
        metavar="MIGRATION-NAME",
    )


def coming(record: MigrationRecord, export_dir: ExportDir) -> dict[str, Any]:
    """What the target's guardrails need to know: the source as it was probed, and what the files ask for."""
    from voyager.ports import Capabilities
    from voyager.schema.files import read_schema_files

    statements = read_schema_files(export_dir.schema)
    return {
        "source": Capabilities.from_json(record.capabilities["source"]),
        "schemas": record.settings.get("schemas", ()),
        "extensions": [statement.name for statement in statements if statement.kind == "extension"],
    }


def plan(job: Job) -> list[str]:
    """The statements in order, each with its file."""
    pre, _ = statements_of(job)
    return [f"{statement.text};  -- {statement.file}:{statement.line}" for statement in pre]


def statements_of(job: Job) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The schema files as they are now: (before the data, after the data), in order."""
    from voyager.schema.files import read_schema_files
    from voyager.schema.order import ordered

    return ordered(
        read_schema_files(job.export_dir.schema),
        indexes_before_data=job.target.capabilities.indexes_before_data,
    )


def run(job: Job) -> Outcome:
    """Execute what the journal does not hold as done.

    Raises BlockersFound when statements were refused, unless --continue-on-error; editing the files and running the
    same command again executes what is missing.
    """
    options: Options = job.options
    pre, post = statements_of(job)
    result = _execute(job, pre, post)
    problem = report_refusals(job, result)
    if problem is not None and not options.continue_on_error:
        raise problem
    return Outcome(
        headline=f"{result.done + result.earlier:,} of {counted(len(pre), 'statement')} are in the target; "
        f"{len(post):,} wait for the data.",
        summary={
            "statements": len(pre),
            "done": result.done + result.earlier,
            "existing": [f"{one.kind} {one.object_name}" for one in result.existing],
            "refused": [f"{one.statement.kind} {one.statement.object_name}: {one.message}" for one in result.refused],
            "after_data": len(post),
        },
        details=tuple(f"Existed already: {one.kind} {one.object_name}" for one in result.existing),
        problem=problem,
    )


def _execute(job: Job, pre: Sequence[Statement], post: Sequence[Statement]) -> DdlResult:
    options: Options = job.options
    run = DdlRun(
        job,
        "schema",
        jobs=index_jobs(options),
        ignore_exist=options.ignore_exist,
        continue_on_error=options.continue_on_error,
        straight_order=options.straight_order,
    )
    first = run.run(pre)
    keys = _needed_keys(first.refused, post)
    if not keys:
        return first
    DdlRun(job, "keys", continue_on_error=True).run(keys)
    second = run.run(pre)
    return replace(second, existing=(*first.existing, *second.existing))


def _needed_keys(refused: Iterable[Refusal], post: Iterable[Statement]) -> list[Statement]:
    """The keys that wait for the data although a query needs them now: one that groups by a key, for one."""
    from voyager.schema.mentions import names_in
    from voyager.schema.order import KEYS

    named = {name for one in refused if one.kind == "missing_dependency" for name in names_in(one.statement)}
    return [one for one in post if one.kind in KEYS and one.table in named]


def report_refusals(job: Job, result: DdlResult) -> BlockersFound | None:
    """Write schema/failed.sql, or remove it when nothing failed; the error names every statement that is missing."""
    path = job.export_dir.schema / "failed.sql"
    if not result.refused and not result.not_tried:
        path.unlink(missing_ok=True)
        return None
    job.export_dir.write_atomic(path, failed_sql(result.refused, result.not_tried).encode())
    further = " --continue-on-error goes on past them." if hasattr(job.options, "continue_on_error") else ""
    if hasattr(job.options, "ignore_exist") and any(one.kind == "already_exists" for one in result.refused):
        further += " --ignore-exist takes objects that are there already as they are."
    untried = f"; {len(result.not_tried):,} were not tried" if result.not_tried else ""
    return BlockersFound(
        f"The target refused {counted(len(result.refused), 'statement')}{untried}. All are in {path}.",
        "Correct them in the schema files (the lines name them), or delete those to do without, and run the same "
        f"command again: only what is missing is done.{further}",
        tuple(
            f"{refusal.statement.file}:{refusal.statement.line}: {refusal.statement.kind} "
            f"{refusal.statement.object_name}: {refusal.message}"
            for refusal in result.refused
        ),
    )


def undo(job: Job) -> None:
    """Drop from the target whatever the schema files create: what this migration made, and what a rehearsal left.

    Objects that --ignore-exist took as they were stay. What followed the rows goes with its tables, so its journal goes
    too: nothing of it may be taken for done.
    """
    from voyager.target.drop import drop

    journal = job.store.statements.load(job.record.migration_uuid, "IMPORT_SCHEMA")
    taken = {record.sha256 for record in journal.values() if record.state == "skipped"}
    pre, post = statements_of(job)
    with recorded_connection(job, "undo import schema") as connection:
        for statement in reversed((*pre, *post)):
            if statement.sha256 not in taken:
                job.checkpoint()
                drop(connection, kind=statement.kind, schema=statement.schema, name=statement.name)
    for phase in ("IMPORT_DATA", "IMPORT_SCHEMA"):
        job.store.statements.forget(job.record.migration_uuid, phase)
