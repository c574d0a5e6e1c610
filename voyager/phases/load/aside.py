"""Rows that a phase set aside: how many there are, what a plan says of them, and giving them up."""

from __future__ import annotations

from collections.abc import Mapping

from voyager.errors import BlockersFound, NotAllowed, NothingToDo, UsageError, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load.kept_rows import remove_unneeded
from voyager.phases.load.salvage_block import PHASE
from voyager.wording import counted, were

OF_ONE_TABLE = (BlockersFound, NotAllowed, UsageError)
"""Errors for which a replay leaves one table behind and goes on with the others."""
SET_ASIDE, DISCARDED = "set_aside", "discarded"
"""Of the statuses of ybvoyager.quarantined_rows."""


def rows_that_are(status: str, job: Job, *, phase: str = PHASE) -> dict[TableName, int]:
    counts = job.store.quarantine.counts(job.record.migration_uuid, phase)
    return {table: one[status] for table, one in counts.items() if one[status]}


def open_rows(job: Job, *, phase: str = PHASE) -> dict[TableName, int]:
    """The tables with rows that are set aside and neither replayed nor given up."""
    return rows_that_are(SET_ASIDE, job, phase=phase)


def check_discard(job: Job, *, phase: str = PHASE) -> None:
    """Raise NothingToDo where rows are to be given up and none is set aside: nobody need be asked about none.

    For who has nothing else to do; rows that are loaded first may be set aside and given up in the same run.
    """
    done = phase in job.record.phases and job.record.phases[phase].state == "COMPLETED"
    if job.options.discard_quarantine and done and not open_rows(job, phase=phase):
        raise NothingToDo("No rows are set aside: there is nothing to give up.", "Nothing was changed.")


def split_by_presence(
    job: Job, tables: Mapping[TableName, int]
) -> tuple[set[TableName], dict[TableName, VoyagerError]]:
    """Of tables with so many rows set aside: those that the target has, and what is to be said of each other one."""
    from voyager.target.shape import read_tables

    with job.target.connect("read target") as connection:
        there = set(read_tables(connection, tables.keys()))
    return there, {table: _missing(table, count) for table, count in tables.items() if table not in there}


def _missing(table: TableName, count: int) -> BlockersFound:
    return BlockersFound(
        f"{counted(count, 'row')} of {table} that {were(count)} set aside cannot be loaded: the target has no such "
        "table any more.",
        "Put the table back and run the same command again. If it was dropped, what was loaded into it before is gone "
        "with it: make it again and load everything anew, with --start-clean. To do without it: --discard-quarantine "
        "gives up all rows that are still set aside.",
    )


def planned(job: Job, *, phase: str = PHASE, how: str = "") -> list[str]:
    """What the options do to the rows that are set aside, for a plan; `how` they are loaded."""
    options, lines = job.options, []
    if not (options.replay_quarantine or options.discard_quarantine):
        return []
    for table, count in sorted(open_rows(job, phase=phase).items()):
        if options.replay_quarantine:
            lines.append(f"load {counted(count, 'row')} of {table} that {were(count)} set aside{how}")
        if options.discard_quarantine:
            lines.append(f"give up the rows of {table} that are {'still ' * options.replay_quarantine}set aside")
    return lines


def discard(job: Job, *, phase: str = PHASE) -> None:
    """Give up the rows that are still set aside; the event log keeps how many of which table."""
    tables = open_rows(job, phase=phase)
    job.store.quarantine.discard(job.record.migration_uuid, phase, tables.keys())
    remove_unneeded(job)
    for table, count in sorted(tables.items()):
        job.warn(
            f"{counted(count, 'row')} of {table} that {were(count)} set aside: given up, so the target stays without."
        )
