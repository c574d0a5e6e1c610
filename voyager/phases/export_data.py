"""EXPORT_DATA: every row of the chosen tables into chunk files, under one snapshot, resumable at any point."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.errors import RowsSetAside, UsageError
from voyager.phases.job import Job, Outcome
from voyager.phases.load.row_options import ABORT, RefusedRowOptions, check_refused_row_options
from voyager.phases.metrics_options import MetricsOptions, check_metrics_options
from voyager.phases.options import option
from voyager.phases.pacing.options import TargetLoad, check_pace_options
from voyager.phases.sizes import parse_size, readable_size
from voyager.wording import counted, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voyager.identifiers import TableName
    from voyager.phases.export.attempt import ExportAttempt, Finished
    from voyager.phases.export.run import Destination
    from voyager.phases.pacing.live import LivePace
    from voyager.phases.table_list import Chosen

NEEDS = ("source",)
UNDOES = "the exported data files are removed, and tables that rows were streamed into are emptied"
SHOWN = 20
CHUNK_SIZE, STREAMED_CHUNK_SIZE = "64MB", "8MB"
"""A streamed part is read and loaded anew as a whole, and is one transaction of the target: it is better small."""


@dataclass(frozen=True)
class Options(TargetLoad, RefusedRowOptions, MetricsOptions):
    parallel_jobs: int = option(
        0,
        "How many parts to read at the same time (0: by this machine's processors; with --stream as"
        " --adaptive-parallelism finds). `migrate set` changes it live.",
    )
    table_list: tuple[str, ...] = option(
        (), 'Only these tables: names, schema.name, globs such as sales.*, "Quoted Names".', metavar="TABLES"
    )
    exclude_table_list: tuple[str, ...] = option((), "All tables but these.", metavar="TABLES")
    table_list_file_path: str | None = option(None, "A file that holds the table list.", metavar="FILE")
    exclude_table_list_file_path: str | None = option(
        None, "A file that holds the tables to leave out.", metavar="FILE"
    )
    stream: bool = option(
        False,
        "Write no files: send every part straight into the target's tables, in one transaction each. What becomes of "
        "rows that the target refuses is then up to --error-policy here.",
        flags=("--stream/--no-stream",),
    )
    chunk_size: str | None = option(
        None, "Cut larger tables into parts of about this size [default: 64MB, with --stream 8MB].", metavar="SIZE"
    )
    compression: str = option("none", "How data files are compressed: none or zstd.", metavar="NAME")
    max_disk: str | None = option(
        None,
        "Let data files take at most this much of the disk (0: no limit); wait while an import makes room.",
        metavar="SIZE",
    )
    wait_for_import: float = option(
        60.0, "Stop when that is reached and no import has made room for this long.", metavar="SECONDS"
    )
    require_one_snapshot: bool = option(
        False, "Refuse to go on under a second snapshot after an interruption.", per_run=True
    )
    skip_disk_check: bool = option(
        False, "Begin although the data may not fit (the estimate counts dead rows too).", per_run=True
    )


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    chosen = _choose(job)
    parts = sum(len(job.source.plan_chunks(table, _chunk_bytes(job.options))) for table in chosen.tables)
    size = readable_size(sum(table.bytes for table in chosen.tables))
    how = f"to {job.export_dir.data}"
    if job.options.stream:
        how = f"into tables of {job.target.endpoint.url}, each part in one transaction with its row of the ledger"
    skipped = [f"skip {one.kind} {one.name}: {one.reason}" for one in chosen.dispositions if one.action == "skipped"]
    return [
        f"take a snapshot of {job.source.endpoint.url}",
        f"copy {len(chosen.tables)} tables (about {size}) in {parts} parts {how}",
        *(f"copy {table.name}" for table in chosen.tables),
        *skipped,
        *_stashing(job.options),
    ]


def _stashing(options: Options) -> list[str]:
    if not options.stream or options.error_policy == ABORT:
        return []
    return [f"build keys first; set aside up to {options.max_quarantined:,} rows of a table that the target refuses"]


def run(job: Job) -> Outcome:
    """Export, or go on with an export that was cut off.

    Raises NotAllowed when the tables, or where the rows go, are not what it began with, OutOfSpace, DatabaseAway when
    the source (or the target that it streams into) stays away, LockedByOther when another process exports into this
    directory, BlockersFound for rows that the target refuses (the other tables are streamed all the same). Rows that
    are set aside complete the phase, with a problem.
    """
    from voyager.phases import loop, sequence_file
    from voyager.phases.export.attempt import NAME, ExportAttempt
    from voyager.phases.export.run import Exporter
    from voyager.phases.load.kept_rows import remove_unneeded
    from voyager.phases.load.snapshot import build_keys_first

    with job.export_dir.lock("export-data"):
        chosen = _choose(job)
        attempt = ExportAttempt.load(job.export_dir.data)
        if job.options.stream:
            build_keys_first(job)
        if attempt is None:
            _clear(job)
            attempt = _begin(job, chosen)
        else:
            attempt.same_way(streamed=job.options.stream)
            attempt.belongs_to(job.record, job.export_dir.data)
            attempt.same_tables(chosen.tables)
        pace, destination = _ends(job, attempt, chosen)
        exporter = Exporter(job, attempt, chosen.tables, destination=destination, pace=pace)
        attempt = _with_what_is_in(loop.run(job, exporter.run()), exporter.finished)
        remove_unneeded(job)
        job.export_dir.write_atomic(job.export_dir.data / NAME, attempt.dump())
        # After the rows: a sequence that was called meanwhile is only further on.
        sequences = sequence_file.dump(job.source.read_catalog().sequences)
        job.export_dir.write_atomic(job.export_dir.data / sequence_file.NAME, sequences)
    return _outcome(attempt, exporter.finished, pace.retries.by_class)


def may_begin(job: Job) -> None:
    """Raise UsageError or LimitTooLow for table lists and limits that an export from nothing could not begin with."""
    from voyager.phases.export.files import budget_of, most_disk

    options: Options = job.options
    lists = (options.table_list, options.exclude_table_list)
    files = (options.table_list_file_path, options.exclude_table_list_file_path)
    limited = not options.stream and most_disk(options) is not None
    if not any((*lists, *files, limited)):
        # The catalog is read once the phase has begun: it may keep us waiting for a table that somebody locked.
        return
    chosen = _choose(job)
    if limited:
        chunk_bytes = _chunk_bytes(job.options)
        parts = [part for table in chosen.tables for part in job.source.plan_chunks(table, chunk_bytes)]
        budget_of(job, job.options.compression).check_limit(parts)


def needs(options: Options) -> tuple[str, ...]:
    """Whose guardrails are asked: with --stream the target's too, those of loading."""
    return (*NEEDS, *(("target",) if options.stream else ()))


def undo(job: Job) -> None:
    """Remove what an export left under data/ and, where it streamed, in the target's tables."""
    from voyager.phases.export.stream_parts import empty_streamed

    _clear(job)
    empty_streamed(job)


def _clear(job: Job) -> None:
    """Remove the files: the plan first, so that a second try knows that it is over."""
    from voyager.phases import sequence_file
    from voyager.phases.export.attempt import NAME
    from voyager.phases.export.files import remove_files

    (job.export_dir.data / NAME).unlink(missing_ok=True)
    (job.export_dir.data / sequence_file.NAME).unlink(missing_ok=True)
    remove_files(job.export_dir.data, keep=frozenset())


def _choose(job: Job) -> Chosen:
    from voyager.phases.table_list import choose, read_list

    options: Options = job.options
    include = read_list(options.table_list, options.table_list_file_path)
    exclude = read_list(options.exclude_table_list, options.exclude_table_list_file_path)
    return choose(job.source.read_catalog(), include, exclude)


def _begin(job: Job, chosen: Chosen) -> ExportAttempt:
    """Cut the tables into parts and write the plan down before the first row is read."""
    from datetime import UTC, datetime

    from voyager.phases.export.attempt import NAME, begin

    chunk_bytes = _chunk_bytes(job.options)
    attempt = begin(
        source=job.source.endpoint.url,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tables=chosen.tables,
        parts=[part for table in chosen.tables for part in job.source.plan_chunks(table, chunk_bytes)],
        dispositions=chosen.dispositions,
        unpopulated=chosen.unpopulated,
        compression=job.options.compression,
        migration=str(job.record.migration_uuid),
        streamed=job.options.stream,
    )
    job.export_dir.write_atomic(job.export_dir.data / NAME, attempt.dump())
    return attempt


def _ends(job: Job, attempt: ExportAttempt, chosen: Chosen) -> tuple[LivePace, Destination]:
    """Where the parts go, and how many at a time: into the target as many as it bears, into files as many as we do."""
    if attempt.streamed:
        from voyager.phases.export.stream_parts import TargetTables
        from voyager.phases.pacing.target import target_pace

        found = target_pace(job)
        return found.pace, TargetTables(job, attempt, chosen.tables, found)
    from voyager.phases.export.files import DataFiles
    from voyager.phases.pacing.live import source_pace

    pace = source_pace(job)
    return pace, DataFiles(job, attempt, hold=pace.hold)


def _with_what_is_in(attempt: ExportAttempt, finished: Finished) -> ExportAttempt:
    """The completed attempt. A streamed one says what the ledger holds of it, in the order of its parts, for import
    data to check."""
    from dataclasses import replace

    if not attempt.streamed:
        return replace(attempt, completed=True)
    done = [finished[part.table, part.ordinal] for part in attempt.parts]
    loaded = tuple((part.snapshot, part.rows + part.set_aside, part.bytes) for part in done)
    return replace(attempt, completed=True, loaded=loaded)


def check_options(options: Options) -> None:
    """Raise UsageError for values that nothing can be done with, and what does not go together."""
    from voyager.phases.export.files import most_disk

    if options.compression not in {"none", "zstd"}:
        raise UsageError(f"--compression is {options.compression!r}.", "It can be none or zstd.")
    if options.stream and options.compression != "none":
        raise UsageError(
            f"--compression {options.compression} cannot be given with --stream: no files are written.",
            "Leave one of the two out.",
        )
    if most_disk(options) is not None and options.stream:
        raise UsageError(
            f"--max-disk {options.max_disk} cannot be given with --stream: no files are written.",
            "Leave one of the two out, or give --max-disk 0.",
        )
    if not options.wait_for_import >= 0:
        raise UsageError(f"--wait-for-import is {options.wait_for_import:g}.", "Give seconds from 0 on.")
    _chunk_bytes(options)
    check_metrics_options(options)
    check_refused_row_options(options)
    if options.error_policy != ABORT and not options.stream:
        raise UsageError(
            f"--error-policy {options.error_policy} is for rows that a target refuses, and files take every row.",
            "Give it to import data, or to export data together with --stream.",
        )
    check_pace_options(options)


def _chunk_bytes(options: Options) -> int:
    chosen = options.chunk_size or (STREAMED_CHUNK_SIZE if options.stream else CHUNK_SIZE)
    return parse_size(chosen, "--chunk-size")


def _outcome(attempt: ExportAttempt, finished: Finished, retries: Mapping[str, int]) -> Outcome:
    rows, size = sum(part.rows for part in finished.values()), sum(part.bytes for part in finished.values())
    verb = "Streamed" if attempt.streamed else "Exported"
    skipped = [one for one in attempt.dispositions if one.action == "skipped"]
    aside: Counter[TableName] = Counter()
    for part in finished.values():
        aside[part.table] += part.set_aside
    aside = +aside
    details = (
        *(f"{table}: {counted(count, 'row')} set aside" for table, count in aside.most_common(SHOWN)),
        *(f"{one.kind} {one.name} was skipped: {one.reason}" for one in skipped),
    )
    mixed = (
        ""
        if not attempt.mixed
        else f" It is mixed: read under {len(attempt.snapshots)} snapshots, written between them."
    )
    return Outcome(
        headline=f"{verb} {rows:,} rows ({readable_size(size)}) of {len(attempt.tables)} tables.{mixed}",
        summary={
            "tables": len(attempt.tables),
            "rows": rows,
            "bytes": size,
            "file_bytes": sum(part.length for part in finished.values()),
            "attempt": attempt.id,
            "parts": len(attempt.parts),
            "compression": attempt.compression,
            "streamed": attempt.streamed,
            "mixed": bool(attempt.mixed),
            "mixed_tables": list(attempt.mixed),
            "snapshots": [{"key": s.key, "taken_at": s.taken_at, "position": s.position} for s in attempt.snapshots],
            "copied": [one.name for one in attempt.dispositions if one.action == "copied"],
            "skipped": [{"kind": one.kind, "name": one.name, "reason": one.reason} for one in skipped],
            "retries": dict(sorted(retries.items())),
            "rows_set_aside": {str(table): count for table, count in sorted(aside.items())},
        },
        details=details,
        problem=_set_aside(aside),
    )


def _set_aside(tables: Counter[TableName]) -> RowsSetAside | None:
    if not tables:
        return None
    return RowsSetAside(
        f"Everything is streamed but {counted(tables.total(), 'row')} of {named(sorted(tables))}, set aside.",
        "Go on with yb-voyager migrate import data. Once the target's definitions are corrected, yb-voyager migrate "
        "import data --replay-quarantine reads the rows again (from the source; without a key from data/set-aside of "
        "export-dir) and loads them. Each row's table, key, reason and place are in ybvoyager.quarantined_rows.",
    )
