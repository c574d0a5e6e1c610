"""What follows the rows: indexes, keys, triggers and policies, sequences, materialized views, statistics. Journaled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.errors import NotAllowed
from voyager.identifiers import TableName
from voyager.phases import sequence_file
from voyager.phases.ddl_run import DdlRun
from voyager.phases.import_schema import report_refusals, statements_of
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from voyager.postgres.connection import Connection

IN_THE_WAY = frozenset({"foreign_key", "not_valid_constraint", "trigger"})
"""Kinds that judge or answer rows: a load that begins anew must not meet them."""


@dataclass
class Upkeep:
    """What a step did to each of its relations. `refused` holds a sentence for each where the target would not: nothing
    else depends on those, so none stops the rest."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def run(job: Job) -> dict[str, Any]:
    """Run every step that follows the data and return what was done, for the phase's summary.

    Raises BlockersFound when the target refuses a statement; schema/failed.sql then holds what is missing.
    """
    pre, post = statements_of(job)
    imported = job.record.phases.get("IMPORT_SCHEMA")
    if not pre and not post and imported and imported.summary.get("statements"):
        raise NotAllowed(
            f"There are no schema files in {job.export_dir.schema}: what follows the rows cannot be made from them.",
            "Put them back, then run the same command again: the rows that are in stay.",
        )
    jobs = int(getattr(job.options, "parallel_jobs", None) or 2)
    result = DdlRun(job, "post-data", jobs=jobs, continue_on_error=True).run(post)
    problem = report_refusals(job, result)
    restored = restore_sequences(job)
    if problem is not None:
        raise problem
    refreshed = refresh_materialized_views(job)
    analyzed = analyze_tables(job)
    return {
        "post_data_statements": result.done + result.earlier,
        "sequences": restored,
        **summary(refreshed, analyzed),
    }


def undo(job: Job) -> None:
    """Drop what would refuse or change rows that are loaded anew."""
    clear_the_way(job)


def clear_the_way(job: Job, tables: Collection[TableName] | None = None) -> None:
    """Drop the keys, constraints and triggers that run() made, of all tables or of these; run() makes them again.

    Indexes and the like stay. Dropped are parents before their partitions, whose own go with them. The journal forgets
    them and their comments.
    """
    from voyager.target.drop import drop_from_table

    uuid = job.record.migration_uuid
    made = {entry.sha256 for entry in job.store.statements.load(uuid, "IMPORT_DATA").values()}
    ours = [one for one in statements_of(job)[1] if one.sha256 in made]
    in_the_way = [
        (one, one.table)
        for one in ours
        if one.kind in IN_THE_WAY and one.table is not None and (tables is None or one.table in tables)
    ]
    if not in_the_way:
        return
    with recorded_connection(job, "undo import data") as connection:
        for statement, table in in_the_way:
            job.checkpoint()
            drop_from_table(connection, kind=statement.kind, table=table, name=statement.name)
    gone = [one for one, _ in in_the_way] + [one for one in ours if one.kind in ("comment", "validate_constraint")]
    job.store.statements.forget(uuid, "IMPORT_DATA", [statement.sha256 for statement in gone])


def summary(refreshed: Upkeep, analyzed: Upkeep) -> dict[str, Any]:
    return {
        "materialized_views": refreshed.done,
        "not_refreshed": refreshed.refused,
        "analyzed": len(analyzed.done),
        "not_analyzed": analyzed.refused,
    }


def restore_sequences(job: Job) -> int:
    """Set every sequence beyond the source's last value and its column's highest one. Idempotent."""
    from voyager.target import sequences

    known = sequence_file.load(job.export_dir.data)
    with recorded_connection(job, "sequences") as connection:
        restored = sequences.restore(connection, known, checkpoint=job.checkpoint)
    for name in restored.missing:
        job.warn(f"Sequence {name} of the source is not in the target; its value was not set.")
    job.report(TableProgress("", "sequences", "DONE", rows_done=len(known), rows_total=len(known)))
    return len(restored.values)


def refresh_materialized_views(job: Job) -> Upkeep:
    """Fill the materialized views, those that others read first. What is unpopulated at the source stays so."""
    from voyager.phases.export_attempt import ExportAttempt
    from voyager.target import maintenance

    attempt = ExportAttempt.load(job.export_dir.data)
    unpopulated = attempt.unpopulated if attempt else ()
    made = [TableName(one.schema, one.name) for one in statements_of(job)[0] if one.kind == "materialized_view"]
    with recorded_connection(job, "refresh materialized views") as connection:
        names = maintenance.refresh_order(connection, [name for name in made if name not in unpopulated])
        return _upkeep(job, connection, "REFRESH MATERIALIZED VIEW", names)


def analyze_tables(job: Job) -> Upkeep:
    """Gather the planner's statistics of every migrated table. A partitioned one has its own, of all its partitions."""
    tables = sorted({TableName(one.schema, one.name) for one in statements_of(job)[0] if one.kind == "table"})
    with recorded_connection(job, "analyze") as connection:
        return _upkeep(job, connection, "ANALYZE", tables)


def _upkeep(job: Job, connection: Connection, command: str, names: Iterable[TableName]) -> Upkeep:
    """Run `command` on each relation; a refusal (a foreign server out of reach, a missing grant) is a warning."""
    from voyager.target import ddl

    upkeep = Upkeep()
    for name in names:
        job.checkpoint()
        try:
            ddl.execute(connection, f"{command} {name.sql}", what=f"{command} {name}")
            upkeep.done.append(str(name))
        except ddl.StatementFailed as error:
            upkeep.refused[str(name)] = error.message
            job.warn(error.message)
    done = len(upkeep.done)
    job.report(TableProgress("", command.lower(), "DONE", rows_done=done, rows_total=done + len(upkeep.refused)))
    return upkeep
