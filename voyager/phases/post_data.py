"""What follows the rows: indexes, keys, triggers and policies, sequences, materialized views, statistics. Journaled."""

from __future__ import annotations

from typing import Any

from voyager.identifiers import TableName
from voyager.phases.ddl_run import DdlRun
from voyager.phases.import_schema import report_refusals, statements_of
from voyager.phases.job import Job
from voyager.progress import TableProgress


def run(job: Job) -> dict[str, Any]:
    """Run every step that follows the data and return what was done, for the phase's summary.

    Raises BlockersFound when the target refuses a statement; schema/failed.sql then holds what is missing.
    """
    _, post = statements_of(job)
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
        "materialized_views": refreshed,
        "analyzed": analyzed,
    }


def restore_sequences(job: Job) -> int:
    """Set every sequence beyond the source's last value and its column's highest one. Idempotent."""
    from voyager.target import sequences

    known = job.source.read_catalog().sequences
    with job.target.connect("sequences") as connection:
        restored = sequences.restore(connection, known, checkpoint=job.checkpoint)
    for name in restored.missing:
        job.warn(f"Sequence {name} of the source is not in the target; its value was not set.")
    job.report(TableProgress("", "sequences", "DONE", rows_done=len(known), rows_total=len(known)))
    return len(restored.values)


def refresh_materialized_views(job: Job) -> list[str]:
    """Fill the materialized views, those that others read first; returns their names."""
    from voyager.target import ddl, maintenance

    names = [TableName(one.schema, one.name) for one in statements_of(job)[0] if one.kind == "materialized_view"]
    if not names:
        return []
    with job.target.connect("refresh materialized views") as connection:
        for name in maintenance.refresh_order(connection, names):
            job.checkpoint()
            job.report(TableProgress(name.schema, name.name, "BUILDING", message="refresh"))
            ddl.execute(connection, f"REFRESH MATERIALIZED VIEW {name.sql}")
            job.report(TableProgress(name.schema, name.name, "DONE", message="refresh"))
    return [str(name) for name in names]


def analyze_tables(job: Job) -> int:
    """Gather planner statistics of every migrated table; returns how many."""
    from voyager.target import ddl

    tables = sorted({TableName(one.schema, one.name) for one in statements_of(job)[0] if one.kind == "table"})
    with job.target.connect("analyze") as connection:
        for name in tables:
            job.checkpoint()
            ddl.execute(connection, f"ANALYZE {name.sql}")
    job.report(TableProgress("", "analyze", "DONE", rows_done=len(tables), rows_total=len(tables)))
    return len(tables)
