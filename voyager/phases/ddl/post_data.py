"""What follows the rows: indexes, keys, triggers and policies, sequences, materialized views, statistics. Journaled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.errors import NotAllowed
from voyager.identifiers import TableName
from voyager.phases import sequence_file
from voyager.phases.ddl.index_build import build
from voyager.phases.ddl.index_options import index_jobs
from voyager.phases.ddl.run import Connections
from voyager.phases.ddl.schedule import BATCH, SMALL_BYTES
from voyager.phases.import_schema import report_refusals, statements_of
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from voyager.postgres.connection import Connection
    from voyager.schema.statements import Statement

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
    result = build(job, "post-data", post)
    problem = report_refusals(job, result)
    restored = restore_sequences(job)
    if problem is not None:
        raise problem
    refreshed = refresh_materialized_views(job, pre)
    analyzed = analyze_tables(job, pre)
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
    for used_up in restored.used_up:
        job.warn(f"{used_up} {used_up.remedy}")
    job.report(TableProgress("", "sequences", "DONE", rows_done=len(known), rows_total=len(known)))
    return len(restored.values)


def refresh_materialized_views(job: Job, pre: Sequence[Statement] | None = None) -> Upkeep:
    """Fill the materialized views, those that others read first. What is unpopulated at the source stays so."""
    from voyager.phases.export.attempt import ExportAttempt
    from voyager.target import maintenance

    attempt = ExportAttempt.load(job.export_dir.data)
    unpopulated = attempt.unpopulated if attempt else ()
    before = statements_of(job)[0] if pre is None else pre
    made = [TableName(one.schema, one.name) for one in before if one.kind == "materialized_view"]
    upkeep = Upkeep()
    wanted = [name for name in made if name not in unpopulated]
    if wanted:
        with recorded_connection(job, "refresh materialized views") as connection:
            for name in maintenance.refresh_order(connection, wanted):
                _keep_up(job, connection, "REFRESH MATERIALIZED VIEW", name, upkeep)
    return _told(job, "refresh materialized view", upkeep)


def analyze_tables(job: Job, pre: Sequence[Statement] | None = None) -> Upkeep:
    """Gather the planner's statistics of every migrated table. A partitioned one has its own, of all its partitions."""
    before = statements_of(job)[0] if pre is None else pre
    return analyze(job, sorted({TableName(one.schema, one.name) for one in before if one.kind == "table"}))


def analyze(job: Job, tables: Sequence[TableName]) -> Upkeep:
    """Gather the planner's statistics of these tables.

    Where sessions may do so at the same time, several do, and their commits do not wait for the disk: statistics that
    a crash of the server takes with it are gathered again by autovacuum.
    """
    from voyager.target import maintenance

    bulk = job.target.capabilities.transactional_ddl
    jobs = index_jobs(job.options) if bulk else 1
    upkeep = Upkeep()
    with Connections(job, "analyze", {"synchronous_commit": "off"} if bulk else {}) as pool:
        sizes = maintenance.table_sizes(pool.get(), tables) if bulk and tables else {}

        def work(names: Sequence[TableName]) -> None:
            if len(names) == 1 or not _at_once(job, pool.get(), names, upkeep):
                for name in names:
                    _keep_up(job, pool.get(), "ANALYZE", name, upkeep)

        with ThreadPoolExecutor(jobs, thread_name_prefix="analyze") as workers:
            list(workers.map(work, in_groups(tables, sizes) if bulk else [[name] for name in tables]))
    return _told(job, "analyze", upkeep)


def in_groups(tables: Sequence[TableName], sizes: Mapping[TableName, int]) -> list[list[TableName]]:
    """Large tables by themselves, the largest first, then the small ones together."""
    large = [name for name in tables if sizes.get(name, 0) >= SMALL_BYTES]
    small = [name for name in tables if sizes.get(name, 0) < SMALL_BYTES]
    alone = [[name] for name in sorted(large, key=lambda name: -sizes[name])]
    return alone + [small[at : at + BATCH] for at in range(0, len(small), BATCH)]


def _at_once(job: Job, connection: Connection, names: Sequence[TableName], upkeep: Upkeep) -> bool:
    """ANALYZE several tables by one statement; False when it was refused, perhaps for one of them."""
    from voyager.target import ddl

    job.checkpoint()
    try:
        ddl.execute(
            connection, f"ANALYZE {', '.join(name.sql for name in names)}", what=f"ANALYZE of {len(names)} tables"
        )
    except ddl.StatementFailed:
        return False
    upkeep.done += map(str, names)
    return True


def _keep_up(job: Job, connection: Connection, command: str, name: TableName, upkeep: Upkeep) -> None:
    """Run `command` on a relation; a refusal (a foreign server out of reach, a missing grant) is a warning."""
    from voyager.target import ddl

    job.checkpoint()
    try:
        ddl.execute(connection, f"{command} {name.sql}", what=f"{command} {name}")
        upkeep.done.append(str(name))
    except ddl.StatementFailed as error:
        upkeep.refused[str(name)] = error.message
        job.warn(error.message)


def _told(job: Job, step: str, upkeep: Upkeep) -> Upkeep:
    done = len(upkeep.done)
    job.report(TableProgress("", step, "DONE", rows_done=done, rows_total=done + len(upkeep.refused)))
    return upkeep
