"""IMPORT_FILE: rows that other programs wrote into files, into tables that are there already; each row once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voyager.errors import BlockersFound, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import visible
from voyager.phases.job import Job, Outcome
from voyager.phases.load.row_options import (
    ERROR,
    IGNORE,
    ON_CONFLICT,
    AgainOptions,
    RefusedRowOptions,
    check_refused_row_options,
    check_word,
)
from voyager.phases.metrics_options import MetricsOptions, check_metrics_options
from voyager.phases.options import option
from voyager.phases.pacing.options import TargetLoad, check_pace_options
from voyager.phases.sizes import parse_size, readable_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voyager.export_dir import ExportDir
    from voyager.files.dialect import Dialect
    from voyager.files.mapping import Entry
    from voyager.files.storage import StoredFile
    from voyager.identifiers import TableName
    from voyager.phases.files.plan import FilePart
    from voyager.ports import Check
    from voyager.store.record import MigrationRecord
    from voyager.target.columns import TableColumns
    from voyager.target.shape import TargetTable
    from voyager.target.target import Target

PHASE = "IMPORT_FILE"
NEEDS = ("target",)
KEEPS_FILES = False
"""Nothing of it is in export-dir but a copy of the record: it may go on from another machine that sees the files."""
KEEPS_OPTIONS = True
"""To load anew is to load the same files in the same way, unless it is said anew."""
UNDOES = "the tables that this import loaded are emptied"
SHOWN = 50


@dataclass(frozen=True)
class Options(TargetLoad, RefusedRowOptions, AgainOptions, MetricsOptions):
    data_dir: str = option(
        ".", "Where the files are: a directory, s3://…, gs://…, https://… or abfs://… (Azure).", metavar="PLACE"
    )
    file_table_map: str = option(
        "", "Which files go where: 'orders*.csv:public.orders,customers.csv.gz:customers'.", metavar="FILE:TABLE,…"
    )
    format: str = option("csv", "csv or text (COPY's own, as pg_dump writes it).", metavar="csv|text")
    delimiter: str | None = option(
        None, r"Character between two values (default: comma for csv, \t, a tab, for text).", metavar="CHAR"
    )
    quote_char: str | None = option(None, 'csv: character around values (default: ").', metavar="CHAR")
    escape_char: str | None = option(
        None, "csv: character before a quote within quotes (default: the quote itself).", metavar="CHAR"
    )
    null_string: str | None = option(
        None, r"What stands for no value (default: nothing at all for csv, \N for text).", metavar="TEXT"
    )
    has_header: bool = option(False, "The first line of each file names its columns.")
    encoding: str = option("utf-8", "Encoding of the files, as latin1, cp1252, utf-16, shift_jis.", metavar="NAME")
    batch_size: int = option(20_000, "At most this many rows in one transaction (but at least 64 KB of a file).")
    batch_size_bytes: str = option("8MB", "At most about this much of a file in one transaction.", metavar="SIZE")
    allow_non_empty: bool = option(False, "Load into tables that hold rows already, too.")
    on_primary_key_conflict: str = option(
        ERROR,
        "When the target holds a row with the same primary key: error, ignore the new row, or update the old one. "
        "With ignore and update, tables may hold rows before.",
        metavar="ACTION",
    )


def preflight(_: MigrationRecord | None, _export_dir: ExportDir | None, options: Options) -> list[Check]:
    """Refuse options that make no sense, and a map that means no file, before anything is begun."""
    _found(options)
    return []


def may_begin(job: Job) -> None:
    """Raise UsageError or BlockersFound for files, tables and options that a load from nothing could not begin with."""
    from voyager.phases.files.plan import plan_parts, with_ledger
    from voyager.phases.load.aside import check_discard

    dialect, found = _found(job.options)
    schemas, uuid = job.target.endpoint.schemas, job.record.migration_uuid
    parts = plan_parts(found, _tables(job), schemas=schemas, dialect=dialect, migration=uuid)
    _holding(job, parts, _shapes(job, parts))
    if job.options.discard_quarantine and all(part.done for part in with_ledger(job, parts)):
        check_discard(job, phase=PHASE)


def check(target: Target, options: Options, schemas: Sequence[str]) -> list[str]:
    """What would be loaded, one line a file: everything that can be told before there is a migration.

    Raises UsageError for files, tables or options that are not there.
    """
    from uuid import uuid4

    from voyager.phases.files.plan import plan_parts
    from voyager.target.columns import read_tables

    dialect, found = _found(options)
    parts = plan_parts(found, read_tables(target), schemas=schemas, dialect=dialect, migration=uuid4())
    return _described(parts)


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    from voyager.phases.files import same_tables
    from voyager.phases.files.plan import tables_of
    from voyager.phases.load.aside import planned

    _, parts = _parts(job)
    left = [part for part in parts if not part.done]
    return [
        *same_tables.would_check(job, tables_of(parts)),
        f"{len(parts) - len(left)} of {len(parts)} files are in already",
        *_described(left),
        *planned(job, phase=PHASE),
        "move sequences beyond the values that were loaded, and ANALYZE the tables",
    ]


def asks(options: Options) -> str:
    """What must be confirmed."""
    return options.question


def run(job: Job) -> Outcome:
    """Load what the ledger does not hold yet.

    Raises UsageError for files and tables that are not there, NotAllowed for a file that changed or a table that was
    made anew, BlockersFound and DamagedFile for a file that cannot be loaded (the other tables are loaded all the
    same), LeaseLost, DatabaseAway.
    """
    from voyager.phases import loop
    from voyager.phases.files import same_tables
    from voyager.phases.files.outcome import outcome
    from voyager.phases.files.plan import tables_of
    from voyager.phases.files.policy import FilePolicy
    from voyager.phases.files.progress import FileProgress
    from voyager.phases.files.replay import FileReplay
    from voyager.phases.load.aside import discard

    dialect, parts = _parts(job)
    before = parts
    shapes = _shapes(job, parts)
    _check_empty(job, parts, shapes)
    same_tables.check(job, tables_of(parts))
    _warn_of_nothing(job, parts)
    retries = loop.run(job, _load(job, parts, dialect, shapes))
    _, parts = _parts(job)
    _all_in(parts)
    failure = None
    if job.options.replay_quarantine:
        failure = loop.run(job, FileReplay(job, parts, dialect, FilePolicy(job, dialect, shapes)).run())
    if job.options.discard_quarantine:
        discard(job, phase=PHASE)
        failure = None
    if job.options.replay_quarantine or job.options.discard_quarantine:
        _, parts = _parts(job)
        FileProgress(job, parts).tell_all()
    found = outcome(job, before, parts, {"retries": dict(sorted(retries.items())), **_after(job, parts)})
    return replace(found, problem=failure or found.problem)


def _after(job: Job, parts: Sequence[FilePart]) -> dict[str, Any]:
    """What follows the rows: sequences that their columns take values from, and the planner's statistics."""
    from voyager.phases.ddl.upkeep import Analysis
    from voyager.phases.files.plan import tables_of

    tables = tables_of([part for part in parts if part.table.there])
    analyzed = Analysis(job, tables).finish()
    return {
        "sequences": _advance_sequences(job, tables),
        "analyzed": len(analyzed.done),
        "not_analyzed": analyzed.refused,
    }


def _advance_sequences(job: Job, tables: Sequence[TableName]) -> list[str]:
    """Those that were moved. A role that loads rows need not own sequences: then they are named."""
    from voyager.phases.recorded import recorded_connection
    from voyager.target import sequences
    from voyager.target.shape import lines_of

    try:
        with recorded_connection(job, "sequences") as connection:
            # A partition's rows take their values from what feeds its parent, too.
            moved = sequences.advance(connection, sorted(lines_of(connection, tables)), checkpoint=job.checkpoint)
    except PermissionMissing as error:
        job.warn(f"Sequences were not moved beyond the rows that were loaded: {error.message} {error.hint}")
        return []
    return [str(name) for name in moved]


async def _load(
    job: Job, parts: Sequence[FilePart], dialect: Dialect, shapes: Mapping[TableName, TargetTable]
) -> Mapping[str, int]:
    """Returns how often something was tried again, by class."""
    from voyager.phases.files.policy import FilePolicy
    from voyager.phases.files.run import FileImporter
    from voyager.phases.pacing.target import target_pace

    limits = job.options.batch_size, parse_size(job.options.batch_size_bytes, "--batch-size-bytes")
    policy, found = FilePolicy(job, dialect, shapes), target_pace(job)
    await FileImporter(job, parts, dialect, limits=limits, policy=policy, found=found).run()
    return found.pace.retries.by_class


def _shapes(job: Job, parts: Sequence[FilePart]) -> Mapping[TableName, TargetTable]:
    """The primary keys of the tables, judged by what --on-primary-key-conflict needs of them."""
    from voyager.target.shape import read_tables

    with job.target.connect("read target") as connection:
        shapes = read_tables(connection, {part.table.name for part in parts})
    action = job.options.on_primary_key_conflict
    # Into an empty table without a key all rows may go: none of them is there already.
    unfit = sorted(name for name, one in shapes.items() if one.deferrable or (not one.key and action != IGNORE))
    if unfit and action != ERROR:
        raise _no_key(unfit)
    return shapes


def _no_key(unfit: Sequence[TableName], hint: str = "") -> BlockersFound:
    return BlockersFound(
        f"{', '.join(map(str, unfit[:SHOWN]))} {'has' if len(unfit) == 1 else 'have'} no primary key that tells at "
        "once which rows are there already.",
        hint or "Give it one that is not deferrable, or leave --on-primary-key-conflict out.",
    )


def may_undo(job: Job) -> None:
    """Raise NotAllowed when tables that would be emptied hold rows that were there before."""
    from voyager.phases.load.held_rows import refuse_to_empty

    refuse_to_empty(job, "--allow-non-empty or --on-primary-key-conflict", keys_once=False)


def undo(job: Job) -> None:
    """Empty the tables that this import loaded, then forget that it did; none that holds rows from before."""
    from voyager.phases.files import same_tables
    from voyager.phases.load.emptied import empty
    from voyager.phases.load.held_rows import forget

    may_undo(job)
    empty(job, sorted(job.store.batches.totals(job.record.migration_uuid)))
    job.checkpoint()
    job.store.quarantine.forget(job.record.migration_uuid, job.lease.phase)
    job.store.batches.forget(job.record.migration_uuid)
    forget(job)
    same_tables.forget(job)


def check_options(options: Options) -> None:
    """Raise UsageError for values that nothing can be done with."""
    check_pace_options(options)
    check_metrics_options(options)
    check_refused_row_options(options)
    check_word("--on-primary-key-conflict", options.on_primary_key_conflict, ON_CONFLICT)
    if options.batch_size < 1:
        raise UsageError("--batch-size must be at least 1.", "Leave it out to have it chosen.")
    parse_size(options.batch_size_bytes, "--batch-size-bytes")


def _found(options: Options) -> tuple[Dialect, list[tuple[StoredFile, Entry]]]:
    from voyager.files.dialect import choose
    from voyager.files.mapping import find_files, parse_map

    check_options(options)
    dialect = choose(
        format=options.format,
        delimiter=options.delimiter,
        quote=options.quote_char,
        escape=options.escape_char,
        null=options.null_string,
        header=options.has_header,
        encoding=options.encoding,
    )
    return dialect, find_files(parse_map(options.file_table_map), options.data_dir)


def _tables(job: Job) -> Mapping[TableName, TableColumns]:
    """The target's tables. Where rows that were set aside are settled, one that is gone does not hold up the others:
    what the ledger knows of it counts."""
    from voyager.target.columns import GONE, TableColumns, read_tables

    found = dict(read_tables(job.target))
    if job.options.replay_quarantine or job.options.discard_quarantine:
        known = job.store.batches.totals(job.record.migration_uuid).keys()
        found |= {name: TableColumns(name, GONE, (), ()) for name in known - found.keys()}
    return found


def _parts(job: Job) -> tuple[Dialect, list[FilePart]]:
    from voyager.phases.files.plan import plan_parts, with_ledger

    dialect, found = _found(job.options)
    tables = _tables(job)
    schemas = job.target.endpoint.schemas
    parts = plan_parts(found, tables, schemas=schemas, dialect=dialect, migration=job.record.migration_uuid)
    parts = with_ledger(job, parts)
    for part in parts:
        if not part.table.there and not part.done:
            raise UsageError(
                f"The target has no table {part.table.name} any more, and not all of {visible(part.file.url)} is in.",
                "Make the table again, or let --file-table-map mean another one; or load everything anew: yb-voyager "
                "migrate import file --start-clean.",
            )
    return dialect, parts


def _check_empty(job: Job, parts: Sequence[FilePart], shapes: Mapping[TableName, TargetTable]) -> None:
    """Rows that were there before are a mistake, unless the operator says otherwise; then they are never removed."""
    from voyager.phases.load.held_rows import remember

    remember(job, _holding(job, parts, shapes))


def _holding(job: Job, parts: Sequence[FilePart], shapes: Mapping[TableName, TargetTable]) -> list[TableName]:
    """The tables with rows that were there before. Raises BlockersFound where they may not be."""
    begun = set(job.store.batches.totals(job.record.migration_uuid))
    fresh = sorted({part.table.name for part in parts} - begun)
    if not fresh:
        return []
    with job.target.connect("read target") as connection:
        # Not ONLY: the rows of a partitioned table are in its partitions.
        asked = [(name, connection.execute(f"SELECT 1 FROM {name.sql} LIMIT 1".encode()).fetchone()) for name in fresh]
    holding = [name for name, row in asked if row]
    if holding and not job.options.allow_non_empty and job.options.on_primary_key_conflict == ERROR:
        raise BlockersFound(
            f"{', '.join(map(str, holding[:SHOWN]))} hold{'s' if len(holding) == 1 else ''} rows that this import did "
            "not load.",
            "Empty them, or add --allow-non-empty to load beside those rows, or --on-primary-key-conflict.",
        )
    merges = job.options.on_primary_key_conflict != ERROR and not job.options.allow_non_empty
    if merges and (keyless := [name for name in holding if name in shapes and not shapes[name].key]):
        raise _no_key(keyless, "Empty it, or give it a primary key; or add --allow-non-empty to load beside its rows.")
    return holding


def _warn_of_nothing(job: Job, parts: Sequence[FilePart]) -> None:
    for part in parts:
        if not part.file.size:
            job.warn(f"{part.file.url} is empty: it brings no row into {part.table.name}.")


def _all_in(parts: Sequence[FilePart]) -> None:
    """The ledger, read anew, must account for every file to its end."""
    short = [part for part in parts if not part.done]
    if short:
        raise VoyagerError(
            "The ledger does not account for every file after loading.",
            "Report this; do not rely on what was loaded.",
            tuple(f"{part.file.url}: {sum(one.rows for one in part.batches):,} rows are in" for part in short[:SHOWN]),
        )


def _described(parts: Sequence[FilePart]) -> list[str]:
    lines = [f"load {one.file.url} ({readable_size(one.file.size)}) into {one.table.name}" for one in parts[:SHOWN]]
    return [*lines, *([f"… and {len(parts) - SHOWN:,} more"] if len(parts) > SHOWN else [])]
