"""Build indexes, keys and what follows them over rows that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from voyager.phases.ddl.index_options import build_settings, helpers, index_jobs
from voyager.phases.ddl.run import DdlResult, DdlRun
from voyager.phases.ddl.schedule import SMALL_BYTES, Chore
from voyager.phases.job import Job

if TYPE_CHECKING:
    from voyager.identifiers import TableName
    from voyager.schema.statements import Statement


def build(
    job: Job,
    step: str,
    statements: Sequence[Statement],
    *,
    phase: str = "",
    chores: Mapping[TableName, Chore] | None = None,
) -> DdlResult:
    """Execute what makes indexes, keys and the like over rows that are there, several at the same time. `phase` names
    the one whose journal holds them, where it is not the job's own. `chores` of large tables are run while connections
    wait for each other's foreign keys; which were run is for the caller to know."""
    from voyager.target import maintenance

    chores = chores or {}
    there = {
        entry.sha256
        for entry in job.store.statements.load(job.record.migration_uuid, "IMPORT_SCHEMA").values()
        if entry.state in ("done", "skipped")
    }
    left = [one for one in statements if one.sha256 not in there]
    with job.target.connect(step) as connection:
        limits = maintenance.build_limits(connection)
        concerned = {one.table for one in left if one.table is not None}
        sizes = maintenance.table_sizes(connection, concerned | chores.keys())
    run = DdlRun(
        job,
        step,
        jobs=index_jobs(job.options),
        continue_on_error=True,
        sizes=sizes,
        settings=build_settings(job.options, limits),
        helpers=helpers(job.options, limits),
        chores=_of_large(chores, sizes),
        phase=phase,
    )
    return run.run(left)


def _of_large(chores: Mapping[TableName, Chore], sizes: Mapping[TableName, int]) -> dict[TableName, Chore]:
    """The chores of tables that are worth a connection's time, the largest first: none is to be left for the end."""
    large = sorted((table for table in chores if sizes.get(table, 0) >= SMALL_BYTES), key=lambda table: -sizes[table])
    return {table: chores[table] for table in large}
