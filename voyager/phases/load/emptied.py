"""Tables that are emptied again, whatever refers to them."""

from __future__ import annotations

from collections.abc import Sequence

from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection

_KIND = "SELECT c.relkind::text FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)"


def empty(job: Job, tables: Sequence[TableName]) -> None:
    """Remove all rows of tables: TRUNCATE, or DELETE where a foreign key of another table forbids that.

    Tables that inherit from one keep theirs; partitions do not, for a partitioned table's rows are nowhere else.
    """
    from voyager.postgres.connection import DriverError, translate
    from voyager.postgres.failures import sqlstate

    if not tables:
        return
    with recorded_connection(job, "import file --start-clean") as connection:
        asked = ((name, connection.execute(_KIND, [name.sql]).fetchone()) for name in tables)
        there = [f"{'' if row[0] == 'p' else 'ONLY '}{name.sql}" for name, row in asked if row]
        job.checkpoint()
        if not there:
            return
        try:
            try:
                connection.execute(f"TRUNCATE TABLE {', '.join(there)}")
            except DriverError as error:
                if sqlstate(error) != "0A000":
                    raise
                for name in there:
                    connection.execute(f"DELETE FROM {name}")
        except DriverError as error:
            raise translate(error, "empty the tables that were loaded") from None
