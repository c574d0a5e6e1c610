"""IMPORT_FILE: rows that other programs wrote into files, into tables that are there already; each row once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voyager.errors import BlockersFound, NotAllowed, UsageError, VoyagerError
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.phases.sizes import parse_size, readable_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voyager.export_dir import ExportDir
    from voyager.files.dialect import Dialect
    from voyager.files.mapping import Entry
    from voyager.files.storage import StoredFile
    from voyager.identifiers import TableName
    from voyager.phases.file_plan import FilePart
    from voyager.ports import Check
    from voyager.store.record import MigrationRecord
    from voyager.target.columns import TableColumns
    from voyager.target.target import Target

NEEDS = ("target",)
KEEPS_FILES = False
"""Nothing of it is in export-dir but a copy of the record: it may go on from another machine that sees the files."""
UNDOES = "the tables that this import loaded are emptied"
READERS = 4
SHOWN = 50


@dataclass(frozen=True)
class Options:
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
    parallel_jobs: int = option(0, "How many connections load at the same time (0: by this machine's processors).")
    batch_size: int = option(20_000, "At most this many rows in one transaction (but at least 64 KB of a file).")
    batch_size_bytes: str = option("16MB", "At most about this much of a file in one transaction.", metavar="SIZE")
    allow_non_empty: bool = option(False, "Load into tables that hold rows already, too.")


def preflight(_: MigrationRecord | None, _export_dir: ExportDir | None, options: Options) -> list[Check]:
    """Refuse options that make no sense, and a map that means no file, before anything is begun."""
    _found(options)
    return []


def check(target: Target, options: Options, schemas: Sequence[str]) -> list[str]:
    """What would be loaded, one line a file: everything that can be told before there is a migration.

    Raises UsageError for files, tables or options that are not there.
    """
    from uuid import uuid4

    from voyager.phases.file_plan import plan_parts
    from voyager.target.columns import read_tables

    dialect, found = _found(options)
    parts = plan_parts(found, read_tables(target), schemas=schemas, dialect=dialect, migration=uuid4())
    return _described(parts)


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    _, parts = _parts(job)
    left = [part for part in parts if not part.done]
    return [f"{len(parts) - len(left)} of {len(parts)} files are in already", *_described(left)]


def run(job: Job) -> Outcome:
    """Load what the ledger does not hold yet.

    Raises UsageError for files and tables that are not there, NotAllowed for a file that changed, BlockersFound and
    DamagedFile for one that cannot be loaded (the other tables are loaded all the same), LeaseLost, DatabaseAway.
    """
    import asyncio

    from voyager.phases.file_run import FileImporter

    dialect, parts = _parts(job)
    _check_empty(job, parts)
    _warn_of_nothing(job, parts)
    jobs = job.options.parallel_jobs or max(2, min(8, os.cpu_count() or 2))
    limits = job.options.batch_size, parse_size(job.options.batch_size_bytes, "--batch-size-bytes")
    importer = FileImporter(job, parts, dialect, limits=limits, in_flight=jobs * limits[1])
    asyncio.run(importer.run(readers=min(READERS, jobs), workers=jobs))
    _, parts = _parts(job)
    _all_in(parts)
    return _outcome(parts)


def undo(job: Job) -> None:
    """Empty the tables that this import loaded, then forget that it did; none that held rows before."""
    from voyager.phases.emptied import empty

    held = job.record.settings.get("held_rows") or []
    loaded = sorted(job.store.batches.totals(job.record.migration_uuid))
    kept = [str(name) for name in loaded if [name.schema, name.name] in held]
    if kept:
        raise NotAllowed(
            f"{', '.join(kept)} held rows before this import (--allow-non-empty), which emptying would lose.",
            "Remove the rows that were imported yourself, end this migration (yb-voyager migrate end) and import anew.",
        )
    empty(job, loaded)
    job.checkpoint()
    job.store.batches.forget(job.record.migration_uuid)


def _found(options: Options) -> tuple[Dialect, list[tuple[StoredFile, Entry]]]:
    from voyager.files.dialect import choose
    from voyager.files.mapping import find_files, parse_map

    if options.parallel_jobs < 0 or options.batch_size < 1:
        raise UsageError("--parallel-jobs and --batch-size must be positive.", "Leave them out to have them chosen.")
    parse_size(options.batch_size_bytes, "--batch-size-bytes")
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


def _parts(job: Job) -> tuple[Dialect, list[FilePart]]:
    from voyager.phases.file_plan import plan_parts, with_ledger
    from voyager.target.columns import read_tables

    dialect, found = _found(job.options)
    tables: Mapping[TableName, TableColumns] = read_tables(job.target)
    schemas = job.target.endpoint.schemas
    parts = plan_parts(found, tables, schemas=schemas, dialect=dialect, migration=job.record.migration_uuid)
    return dialect, with_ledger(job, parts)


def _check_empty(job: Job, parts: Sequence[FilePart]) -> None:
    """Rows that were there before are a mistake, unless the operator says otherwise; then they are never removed."""
    from voyager.target.shape import holding_rows

    begun = set(job.store.batches.totals(job.record.migration_uuid))
    fresh = sorted({part.table.name for part in parts} - begun)
    if not fresh:
        return
    with job.target.connect("read target") as connection:
        holding = holding_rows(connection, fresh)
    if not holding:
        return
    if not job.options.allow_non_empty:
        raise BlockersFound(
            f"{', '.join(map(str, holding[:SHOWN]))} hold{'s' if len(holding) == 1 else ''} rows that this import did "
            "not load.",
            "Empty them, or add --allow-non-empty to load beside those rows.",
        )
    held = job.record.settings.get("held_rows") or []
    added = [[name.schema, name.name] for name in holding if [name.schema, name.name] not in held]
    job.store.migrations.save_settings(job.record.migration_uuid, {"held_rows": [*held, *added]})


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


def _outcome(parts: Sequence[FilePart]) -> Outcome:
    by_table: dict[str, dict[str, Any]] = {}
    for part in parts:
        entry = by_table.setdefault(str(part.table.name), {"files": 0, "rows": 0, "bytes": 0})
        entry["files"] += 1
        entry["rows"] += sum(batch.rows for batch in part.batches)
        entry["bytes"] += part.file.size
    rows, size = (sum(entry[key] for entry in by_table.values()) for key in ("rows", "bytes"))
    files, tables = len(parts), len(by_table)
    return Outcome(
        headline=f"Loaded {rows:,} rows from {files:,} file{'s' * (files != 1)} ({readable_size(size)}) into "
        f"{tables:,} table{'s' * (tables != 1)}.",
        summary={"files": files, "tables": tables, "rows": rows, "bytes": size, "by_table": by_table},
    )
