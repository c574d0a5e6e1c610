"""What follows the rows: indexes, keys, triggers and policies, sequences, materialized views, statistics. Journaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voyager.errors import NotAllowed
from voyager.phases import sequence_file
from voyager.phases.ddl.index_build import build
from voyager.phases.ddl.upkeep import Analysis, refresh_materialized_views, summary, tables_of
from voyager.phases.import_schema import report_refusals, statements_of
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from collections.abc import Collection

    from voyager.identifiers import TableName

IN_THE_WAY = frozenset({"foreign_key", "not_valid_constraint", "trigger"})
"""Kinds that judge or answer rows: a load that begins anew must not meet them."""


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
    analysis = Analysis(job, tables_of(pre))
    result = build(job, "post-data", post, chores=analysis.chores())
    problem = report_refusals(job, result)
    restored = restore_sequences(job)
    if problem is not None:
        raise problem
    refreshed = refresh_materialized_views(job, pre)
    analyzed = analysis.finish()
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


def restore_sequences(job: Job) -> int:
    """Set every sequence beyond the source's last value and its column's highest one. Idempotent."""
    from voyager.target import sequences

    known = sequence_file.load(job.export_dir.data)
    with recorded_connection(job, "sequences") as connection:
        restored = sequences.restore(connection, known, checkpoint=job.checkpoint)
    for name in restored.missing:
        job.warn(f"Sequence {name} of the source is not in the target; its value was not set.")
    for used_up in restored.used_up:
        job.warn(f"{used_up} {used_up.remedy}")
    job.report(TableProgress("", "sequences", "DONE", rows_done=len(known), rows_total=len(known)))
    return len(restored.values)
