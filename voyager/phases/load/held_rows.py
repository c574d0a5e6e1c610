"""Tables that held rows before a load brought in others: emptying them would lose what is not the migration's."""

from __future__ import annotations

from collections.abc import Collection

from voyager.errors import NotAllowed
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.wording import named

HELD_ROWS = "held_rows"
SHOWN = 20


def remember(job: Job, names: Collection[TableName]) -> None:
    """Write down, before the first row comes in, which tables hold rows of others."""
    if not names:
        return
    held = job.store.migrations.read(job.record.migration_uuid).settings.get(HELD_ROWS) or []
    added = [[name.schema, name.name] for name in sorted(names) if [name.schema, name.name] not in held]
    if added:
        job.store.migrations.save_settings(job.record.migration_uuid, {HELD_ROWS: [*held, *added]})


def forget(job: Job) -> None:
    """After the tables were emptied."""
    if job.record.settings.get(HELD_ROWS):
        job.store.migrations.save_settings(job.record.migration_uuid, {HELD_ROWS: []})


def refuse_to_empty(job: Job, option: str, *, keys_once: bool = True) -> None:
    """Raise NotAllowed when a table that was loaded also holds rows that were there before, by `option`.

    What met a row under its own key says so, too, where what is loaded has no key twice (`keys_once`). Who emptied such
    a table by hand is let go on.
    """
    from voyager.target.shape import holding_rows, partitioned_tables, read_tables, rows_in

    totals = job.store.batches.totals(job.record.migration_uuid)
    written = {TableName(*name) for name in job.record.settings.get(HELD_ROWS) or []}
    met = {name for name, one in totals.items() if keys_once and (one.ignored or one.updated)}
    held = (written & totals.keys()) | met
    if not held:
        return
    with job.target.connect("read target") as connection:
        there = read_tables(connection, held).keys()
        holding = holding_rows(connection, there)
        partitioned = partitioned_tables(connection, holding)
    if not holding:
        return
    raise NotAllowed(
        f"{named(holding, SHOWN)} held rows before this migration loaded any ({option}). --start-clean empties what "
        "was loaded, and nobody can tell those rows from the others: it would lose them.",
        "Save the rows that you need, empty the tables yourself with the SQL that is listed, and run the same command "
        "again. Or go on without --start-clean: the command loads what is not in yet.",
        tuple(f"TRUNCATE TABLE {rows_in(name, partitioned)};" for name in holding[:SHOWN]),
    )
