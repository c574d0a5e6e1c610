"""Tables that are emptied again, whatever refers to them."""

from __future__ import annotations

from collections.abc import Sequence

from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection


def empty(job: Job, tables: Sequence[TableName]) -> None:
    """Remove all rows of tables: TRUNCATE, or DELETE where a foreign key of another table forbids that."""
    from voyager.postgres.connection import DriverError, translate
    from voyager.postgres.failures import sqlstate

    if not tables:
        return
    with recorded_connection(job, "import file --start-clean") as connection:
        there = [
            name
            for name in tables
            if (row := connection.execute("SELECT pg_catalog.to_regclass(%s)", [name.sql]).fetchone()) and row[0]
        ]
        job.checkpoint()
        if not there:
            return
        try:
            try:
                connection.execute(f"TRUNCATE TABLE {', '.join(name.sql for name in there)}")
            except DriverError as error:
                if sqlstate(error) != "0A000":
                    raise
                for name in there:
                    connection.execute(f"DELETE FROM {name.sql}")
        except DriverError as error:
            raise translate(error, "empty the tables that were loaded") from None
