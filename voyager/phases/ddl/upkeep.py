"""Upkeep of relations whose rows have come: materialized views are refreshed, the planner's statistics gathered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from voyager.identifiers import TableName
from voyager.phases.ddl.index_options import index_jobs
from voyager.phases.ddl.run import Connections
from voyager.phases.ddl.schedule import BATCH, SMALL_BYTES
from voyager.phases.import_schema import statements_of
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from voyager.postgres.connection import Connection
    from voyager.schema.statements import Statement


@dataclass
class Upkeep:
    """What a step did to each of its relations. `refused` holds a sentence for each where the target would not: nothing
    else depends on those, so none stops the rest."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def summary(refreshed: Upkeep, analyzed: Upkeep) -> dict[str, Any]:
    return {
        "materialized_views": refreshed.done,
        "not_refreshed": refreshed.refused,
        "analyzed": len(analyzed.done),
        "not_analyzed": analyzed.refused,
    }


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


def tables_of(pre: Sequence[Statement]) -> list[TableName]:
    """The tables that these statements make. A partitioned one has statistics of its own, of all its partitions."""
    return sorted({TableName(one.schema, one.name) for one in pre if one.kind == "table"})


class Analysis:
    """Gathers the planner's statistics of tables: of large ones as chores beside other work, then of the rest.

    Where sessions may do so at the same time, several do. Commits of the rest do not wait for the disk: statistics that
    a crash of the server takes with it are gathered again by autovacuum.
    """

    def __init__(self, job: Job, tables: Sequence[TableName]) -> None:
        self._job = job
        self._tables = tables
        self._upkeep = Upkeep()

    def chores(self) -> dict[TableName, Callable[[Connection], None]]:
        """For each table what a connection that has nothing better to do may run while nobody locks it."""
        if not self._job.target.capabilities.transactional_ddl:
            return {}
        return {table: partial(self._alone, table) for table in self._tables}

    def finish(self) -> Upkeep:
        """Gather what no chore has gathered, and return what was done in all."""
        from voyager.target import maintenance

        job = self._job
        known = {*self._upkeep.done, *self._upkeep.refused}
        tables = [table for table in self._tables if str(table) not in known]
        bulk = job.target.capabilities.transactional_ddl
        with Connections(job, "analyze", {"synchronous_commit": "off"} if bulk else {}) as pool:
            sizes = maintenance.table_sizes(pool.get(), tables) if bulk and tables else {}
            groups = in_groups(tables, sizes) if bulk else [[name] for name in tables]
            with ThreadPoolExecutor(index_jobs(job.options) if bulk else 1, thread_name_prefix="analyze") as workers:
                list(workers.map(lambda names: self._group(pool, names), groups))
        return _told(job, "analyze", self._upkeep)

    def _group(self, pool: Connections, names: Sequence[TableName]) -> None:
        if len(names) == 1 or not self._at_once(pool.get(), names):
            for name in names:
                self._alone(name, pool.get())

    def _alone(self, table: TableName, connection: Connection) -> None:
        _keep_up(self._job, connection, "ANALYZE", table, self._upkeep)

    def _at_once(self, connection: Connection, names: Sequence[TableName]) -> bool:
        """ANALYZE several tables by one statement; False when it was refused, perhaps for one of them."""
        from voyager.target import ddl

        self._job.checkpoint()
        try:
            ddl.execute(
                connection, f"ANALYZE {', '.join(name.sql for name in names)}", what=f"ANALYZE of {len(names)} tables"
            )
        except ddl.StatementFailed:
            return False
        self._upkeep.done += map(str, names)
        return True


def in_groups(tables: Sequence[TableName], sizes: Mapping[TableName, int]) -> list[list[TableName]]:
    """Large tables by themselves, the largest first, then the small ones together."""
    large = [name for name in tables if sizes.get(name, 0) >= SMALL_BYTES]
    small = [name for name in tables if sizes.get(name, 0) < SMALL_BYTES]
    alone = [[name] for name in sorted(large, key=lambda name: -sizes[name])]
    return alone + [small[at : at + BATCH] for at in range(0, len(small), BATCH)]


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
