"""A table that the export read anew is emptied, with its ledger rows, before any of its new rows is loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from voyager.errors import NotAllowed, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.row_options import ERROR
from voyager.store import ledger

REFERENCED = "0A000"
"""A foreign key of another table forbids TRUNCATE."""
_PARTITIONED = "SELECT c.relkind = 'p' FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)"


def check_only_ours(job: Job, table: TableName, attempt_id: str) -> None:
    """Raise NotAllowed when the table also holds, or may hold, other rows: emptying it would lose them."""
    if job.options.on_primary_key_conflict != ERROR:
        raise NotAllowed(
            f"{table} was read anew by the export, after rows of it were loaded. With --on-primary-key-conflict "
            f"{job.options.on_primary_key_conflict} nobody can tell those from rows that were there before.",
            f"If all rows of {table} came from this migration, run the same command once with "
            "--on-primary-key-conflict error: it empties the table. Else begin anew: yb-voyager migrate export data "
            "--start-clean.",
        )
    uuid = job.record.migration_uuid
    others = [
        snapshot
        for _, name, snapshot in job.store.batches.chunks(uuid)
        if name == table and not snapshot.startswith(f"{attempt_id}/")
    ]
    if others:
        raise NotAllowed(
            f"{table} was read anew by the export, after rows of it were loaded. It cannot be emptied for that: it "
            "also holds rows that another import of this migration loaded.",
            "Begin anew: yb-voyager migrate export data --start-clean.",
        )


async def empty(job: Job, table: TableName, announce: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Empty one table, then forget its batches. In this order: killed in between, the ledger still names chunks that
    are not there, and the next run does it again. Nothing of the table is loaded before both are done.

    `announce` writes the connection down, so that whoever takes the lease over ends it first.
    """
    from voyager.postgres import bulk
    from voyager.postgres.failures import sqlstate, translate
    from voyager.target.load import session_settings
    from voyager.target.shape import rows_in

    settings = session_settings(job.target.capabilities, job.lease.seconds)
    connection = await bulk.connect(job.target.endpoint, "import data", settings=settings)
    try:
        await announce(await bulk.backend_of(connection))
        partitioned = await connection.fetchval(_PARTITIONED, table.sql)
        rows = rows_in(table, [table] if partitioned else ())
        try:
            await connection.execute(f"TRUNCATE TABLE {rows}")
        except bulk.DRIVER_ERRORS as error:
            if sqlstate(error) != REFERENCED:
                raise
            await connection.execute(f"DELETE FROM {rows}")
        execute = bulk.executor(connection)
        await ledger.forget_table(execute, job.lease, schema=table.schema, table=table.name)
        await ledger.read_lease(execute, job.lease)
    except VoyagerError:
        raise
    except bulk.DRIVER_ERRORS as error:
        raise translate(error, f"empty {table}, which the export read anew") from None
    finally:
        connection.terminate()
