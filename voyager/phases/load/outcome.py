"""What an import came to: every row of every chunk accounted for, and said in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from voyager.errors import NotAllowed, RowsSetAside, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.job import Job, Outcome
from voyager.phases.load.aside import DISCARDED, open_rows, rows_that_are
from voyager.phases.sizes import readable_size
from voyager.wording import are, counted, named

if TYPE_CHECKING:
    from voyager.data_file import ChunkManifest
    from voyager.phases.export.attempt import ExportAttempt
    from voyager.phases.load.plan import Ledger
    from voyager.phases.load.snapshot import Course
    from voyager.store.record import LoadedTable

SHOWN = 20
REPLAY = "yb-voyager migrate import data --replay-quarantine"
GO_ON = (
    f"Correct the definitions on the target, then run: {REPLAY}. Each row's table, key, reason and place are in "
    "ybvoyager.quarantined_rows. To do without them: yb-voyager migrate import data --discard-quarantine."
)


def check_all_in(chunks: Sequence[ChunkManifest], ledger: Ledger, *, loading: bool) -> None:
    """The ledger, read anew, must account for every row of every chunk."""
    known = {chunk.chunk_id: ledger.rows(chunk.chunk_id) + ledger.set_aside(chunk.chunk_id) for chunk in chunks}
    short = [chunk for chunk in chunks if known[chunk.chunk_id] != chunk.rows]
    if not short:
        return
    details = tuple(f"{c.table}: {known[c.chunk_id]:,} of {c.rows:,} rows of part {c.ordinal}" for c in short[:SHOWN])
    if loading:
        raise VoyagerError(
            "The ledger does not account for every row after loading.", "Report this; do not cut over.", details
        )
    raise NotAllowed(
        f"{len(short)} of {len(chunks)} parts are not loaded yet, so --post-data-only cannot run.",
        "Run: yb-voyager migrate import data.",
        details,
    )


def with_set_aside(job: Job, error: VoyagerError) -> VoyagerError:
    """What followed the rows was refused; rows that were set aside may be why (a foreign key misses them)."""
    tables = open_rows(job)
    if not tables:
        return error
    verb, them = ("is", "it") if sum(tables.values()) == 1 else ("are", "them")
    error.hint = (
        f"{error.hint} {_counted(tables)} {verb} set aside, which may be why: {REPLAY} loads {them} after a fix."
    )
    return error


def outcome(
    job: Job,
    attempt: ExportAttempt,
    chunks: Sequence[ChunkManifest],
    *,
    after: Mapping[str, Any],
    course: Course,
) -> Outcome:
    """The outcome of a completed import. Rows that are set aside complete it all the same, with exit code 12."""
    from voyager.phases.load.loaded_files import gone

    totals = job.store.batches.totals(job.record.migration_uuid, {UUID(chunk.chunk_id) for chunk in chunks})
    aside, given_up = open_rows(job), rows_that_are(DISCARDED, job)
    rows, size = sum(one.rows for one in totals.values()), sum(chunk.bytes for chunk in chunks)
    removed = [] if attempt.streamed else gone(job.export_dir.data, chunks)
    came = "Export data had streamed" if attempt.streamed else "Loaded"
    set_aside = f" {_counted(aside)} {are(sum(aside.values()))} set aside." if aside else ""
    return Outcome(
        headline=f"{came} {rows:,} rows ({readable_size(size)}) into {len(attempt.tables)} tables.{set_aside}",
        summary={
            "tables": len(attempt.tables),
            "rows": rows,
            "bytes": size,
            "attempt": attempt.id,
            "mixed": bool(attempt.mixed),
            "post_data": dict(after),
            "data_files_removed": len(removed),
            "set_aside": _by_table(aside),
            "discarded": _by_table(given_up),
            "ignored": _by_table({table: one.ignored for table, one in totals.items()}),
            "updated": _by_table({table: one.updated for table, one in totals.items()}),
            "retries": dict(sorted(course.retries.items())),
            "fast_loaded": [str(table) for table in sorted(course.fast)],
        },
        details=(
            *_lines("set aside", aside),
            *_lines("set aside and given up", given_up),
            *_conflicts(totals),
            *_went(course),
            *_removed(removed, len(chunks)),
        ),
        problem=RowsSetAside(f"Everything is loaded but {_counted(aside)}.", GO_ON, tuple(_lines("set aside", aside)))
        if aside
        else None,
    )


def _counted(tables: Mapping[TableName, int]) -> str:
    return f"{counted(sum(tables.values()), 'row')} of {named(sorted(tables))}"


def _by_table(tables: Mapping[TableName, int]) -> dict[str, int]:
    return {str(table): count for table, count in sorted(tables.items()) if count}


def _lines(what: str, tables: Mapping[TableName, int]) -> list[str]:
    most = sorted(tables.items(), key=lambda one: (-one[1], one[0]))
    lines = [f"{table}: {counted(count, 'row')} {what}" for table, count in most[:SHOWN]]
    return [*lines, f"… and {len(most) - SHOWN:,} more tables"] if len(most) > SHOWN else lines


def _conflicts(totals: Mapping[TableName, LoadedTable]) -> list[str]:
    ignored = {table: one.ignored for table, one in totals.items() if one.ignored}
    updated = {table: one.updated for table, one in totals.items() if one.updated}
    return [
        *_lines("ignored, for the target held their keys", ignored),
        *_lines("put in the place of the target's with the same key", updated),
    ]


def _went(course: Course) -> list[str]:
    return [
        *([f"Tried again: {_retried(course.retries)}."] if course.retries else []),
        *(
            [f"Loaded without distributed transactions (--fast-load): {named(sorted(course.fast), SHOWN)}."]
            if course.fast
            else []
        ),
    ]


def _retried(retries: Mapping[str, int]) -> str:
    return ", ".join(f"{counted(count, 'batch')} ({reason})" for reason, count in sorted(retries.items()))


def _removed(removed: Sequence[ChunkManifest], of: int) -> list[str]:
    if not removed:
        return []
    return [
        f"{len(removed):,} of {of:,} data files ({readable_size(sum(one.length for one in removed))}) are "
        "removed, for their rows are in. To load them again they must be exported again: yb-voyager migrate export "
        "data --start-clean."
    ]
