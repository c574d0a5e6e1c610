"""Whether the tables of an import of files are still those that it loaded: one that was made anew lacks their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from voyager.errors import NotAllowed
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.load import held_rows
from voyager.wording import counted

LOADED_TABLES = "loaded_tables"
"""Of the migration's settings: schema, name and oid of every table, written down before its first row comes in."""


def check(job: Job, tables: Collection[TableName]) -> None:
    """Write down which tables these are. Raises NotAllowed where one is another than the ledger speaks of; with
    --allow-non-empty one that holds rows may be, for a server can move rows into a new table of the same name."""
    known, now, holding = _look(job, tables)
    for name in holding:
        job.warn(f"{name} is another table than the one that rows were loaded into before: it is taken for the same.")
    held_rows.remember(job, holding)
    if now.items() - known.items():
        told = [[name.schema, name.name, oid] for name, oid in sorted({**known, **now}.items())]
        job.store.migrations.save_settings(job.record.migration_uuid, {LOADED_TABLES: told})


def would_check(job: Job, tables: Collection[TableName]) -> list[str]:
    """What check() would say, a line each, for --dry-run. Raises what it would raise."""
    _, _, holding = _look(job, tables)
    return [f"take {name} for the table that rows were loaded into before, though it is another" for name in holding]


def _look(
    job: Job, tables: Collection[TableName]
) -> tuple[dict[TableName, int], Mapping[TableName, int], list[TableName]]:
    """The oids on record, those that are there now, and the tables that are others but are taken for the same."""
    from voyager.target.shape import holding_rows, oids

    uuid = job.record.migration_uuid
    known = {TableName(*name): oid for *name, oid in job.store.migrations.read(uuid).settings.get(LOADED_TABLES) or []}
    totals = job.store.batches.totals(uuid)
    with job.target.connect("read target") as connection:
        now = oids(connection, tables)
        loaded = [name for name in sorted(now.keys() & known.keys() & totals.keys()) if totals[name].rows]
        other = [name for name in loaded if known[name] != now[name]]
        holding = holding_rows(connection, other)
    for name in other:
        if name not in holding or not job.options.allow_non_empty:
            raise _made_anew(name, totals[name].rows, empty=name not in holding)
    return known, now, holding


def forget(job: Job) -> None:
    """After the tables were emptied."""
    if job.record.settings.get(LOADED_TABLES):
        job.store.migrations.save_settings(job.record.migration_uuid, {LOADED_TABLES: []})


def _made_anew(table: TableName, rows: int, *, empty: bool) -> NotAllowed:
    passes = "" if empty else " If all those rows are in the new table, go on with --allow-non-empty."
    return NotAllowed(
        f"{table} is another table than the one that this import loaded {counted(rows, 'row')} into: it was made anew"
        f"{', and is empty' if empty else ', and nobody knows whose rows it holds'}.",
        "Load everything anew: yb-voyager migrate import file --start-clean (it empties the tables of this import). Or "
        "begin another import, which knows nothing of this one: another --migration-name and --export-dir."
        f"{passes}",
    )
