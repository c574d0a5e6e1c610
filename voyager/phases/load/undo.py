"""What an import did, undone: the tables that it loaded are emptied."""

from __future__ import annotations

from typing import Any

from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.target.shape import holding_rows, partitioned_tables, rows_in


def empty_tables(job: Job, loaded: frozenset[TableName]) -> None:
    """TRUNCATE the tables that were loaded, together with exported ones that are empty."""
    attempt = ExportAttempt.load(job.export_dir.data)
    exported = {table.name for table in attempt.tables} if attempt else set()
    if not loaded:
        return
    with recorded_connection(job, "import data --start-clean") as connection:
        try:
            there = {name for name in exported | loaded if _exists(connection, name)}
            partitioned = partitioned_tables(connection, there)
            empty = there - loaded - set(holding_rows(connection, there - loaded))
            names = ", ".join(rows_in(name, partitioned) for name in sorted(there & loaded | empty))
            job.checkpoint()
            if names:
                connection.execute(f"TRUNCATE TABLE {names}")
        except VoyagerError:
            raise
        except Exception as error:
            from voyager.postgres.failures import translate

            raise translate(error, "empty the tables that were loaded") from None


def _exists(connection: Any, name: TableName) -> bool:
    row = connection.execute("SELECT pg_catalog.to_regclass(%s)", [name.sql]).fetchone()
    return bool(row and row[0])
