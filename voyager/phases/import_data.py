"""IMPORT_DATA: the exported rows into the target, each batch once, then what needs the rows to be there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voyager.errors import BlockersFound, UsageError
from voyager.phases.ddl.index_options import IndexOptions, check_index_options
from voyager.phases.job import Job, Outcome
from voyager.phases.load.row_options import AgainOptions, RowOptions, check_row_options
from voyager.phases.metrics_options import MetricsOptions, check_metrics_options
from voyager.phases.options import option
from voyager.phases.pacing.options import TargetLoad, check_pace_options
from voyager.phases.sizes import parse_size

if TYPE_CHECKING:
    from voyager.export_dir import ExportDir

# The source too: what follows the rows reads its sequences, and a missing password should not wait for the last row.
NEEDS = ("target",)
UNDOES = "the tables that this migration loaded are emptied, and are without foreign keys and triggers meanwhile"

_REPLAYED = ", without its foreign keys and triggers"
_AFTER = "then keys, indexes, foreign keys, triggers and sequences"


@dataclass(frozen=True)
class Options(TargetLoad, RowOptions, AgainOptions, IndexOptions, MetricsOptions):
    batch_size: int = option(20_000, "At most this many rows in one transaction (but at least one block of a file).")
    batch_size_bytes: str = option("200MB", "At most about this much COPY text in one transaction.", metavar="SIZE")
    discard_loaded: bool = option(
        False, "Remove each data file once its rows are in: less disk, and no second load without a new export."
    )
    wait_for_export: float = option(
        60.0,
        "Pipelined: stop when all that is there is loaded and nobody has run the export for this long.",
        metavar="SECONDS",
    )
    post_data_only: bool = option(
        False, "Load nothing; only do what follows the rows (constraints, indexes, triggers, sequences).", per_run=True
    )


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    from voyager.phases.export.attempt import complete_chunks
    from voyager.phases.load import aside
    from voyager.phases.load import beside as import_beside
    from voyager.phases.load.admission import planned
    from voyager.phases.load.plan import Ledger, plan_batches

    if import_beside.is_beside(job) and not job.options.post_data_only:
        return import_beside.plan(job, _limits(job.options))
    attempt, chunks = complete_chunks(job.export_dir.data)
    attempt.belongs_to(job.record, job.export_dir.data)
    if attempt.streamed:
        rows = sum(chunk.rows for chunk in chunks)
        return [f"load nothing: export data streamed {rows:,} rows already", *aside.planned(job, how=_REPLAYED), _AFTER]
    ledger, limits = Ledger.read(job), _limits(job.options)
    left = [one for chunk in chunks for one in plan_batches(chunk, ledger.covered(chunk.chunk_id), limits)]
    rows = sum(batch.rows for batch in left)
    return [
        f"load {rows:,} rows in {len(left)} transactions into tables of {job.target.endpoint.url}",
        *(f"COPY {table.name}" for table in attempt.tables),
        *planned(job),
        *aside.planned(job, how=_REPLAYED),
        _AFTER,
    ]


def asks(options: Options) -> str:
    """What must be confirmed."""
    return options.question


def run(job: Job) -> Outcome:
    """Load what the ledger does not hold yet, and rows that were set aside if asked; then run the post-data step.

    Raises NotAllowed without a finished export, DamagedFile, BlockersFound for rows that the target refuses (the other
    tables are loaded all the same), LeaseLost, DatabaseAway when the target stays away. Rows that are set aside
    complete the phase, with a problem.
    """
    from voyager.phases import loop
    from voyager.phases.export.attempt import complete_chunks
    from voyager.phases.export.stream_chunks import check_streamed
    from voyager.phases.load import aside, replay
    from voyager.phases.load import beside as import_beside
    from voyager.phases.load import outcome as import_outcome
    from voyager.phases.load import snapshot as import_load
    from voyager.phases.load.admission import check_fast_load
    from voyager.phases.load.kept_rows import remove_unneeded
    from voyager.phases.load.loaded_files import LoadedFiles
    from voyager.phases.load.plan import Ledger
    from voyager.phases.pacing.live import wait_while_paused

    options: Options = job.options
    check_fast_load(job)
    files, limits = LoadedFiles(job.export_dir.data, discard=options.discard_loaded), _limits(options)
    loading, beside = not options.post_data_only, import_beside.is_beside(job)
    course = import_load.Course()
    if loading:
        import_load.build_keys_first(job)
    if loading and beside:
        course = loop.run(job, import_load.load_beside(job, files, limits))
    attempt, chunks = complete_chunks(job.export_dir.data)
    attempt.belongs_to(job.record, job.export_dir.data)
    check_streamed(attempt, chunks, Ledger.read(job))
    remove_unneeded(job)
    if loading and not beside:
        course = loop.run(job, import_load.load(job, chunks, files, limits))
    failure = replay.replay(job, chunks, streamed=attempt.streamed).failure() if options.replay_quarantine else None
    if options.discard_quarantine:
        aside.discard(job)
        failure = None
    import_load.tell_standing(job, chunks, files)
    wait_while_paused(job)
    import_outcome.check_all_in(chunks, Ledger.read(job), loading=loading)
    if beside:
        import_beside.check_no_strays(job, attempt, {chunk.chunk_id for chunk in chunks})
    job.checkpoint()
    outcome = import_outcome.outcome(job, attempt, chunks, after=_post_data(job), course=course)
    return replace(outcome, problem=failure or outcome.problem)


def _post_data(job: Job) -> dict[str, Any]:
    from voyager.phases.ddl import post_data
    from voyager.phases.load import outcome as import_outcome

    try:
        return post_data.run(job)
    except BlockersFound as error:
        raise import_outcome.with_set_aside(job, error) from None


def may_begin(job: Job) -> None:
    """Raise what keeps a load from beginning from nothing: an export that is not whole, or --fast-load for a target
    that has no such thing; and what makes one needless."""
    from voyager.phases.export.attempt import complete_chunks
    from voyager.phases.load import aside
    from voyager.phases.load import beside as import_beside
    from voyager.phases.load.admission import check_fast_load

    check_fast_load(job)
    if not import_beside.is_beside(job):
        attempt, _ = complete_chunks(job.export_dir.data)
        attempt.belongs_to(job.record, job.export_dir.data)
    if not job.options.post_data_only:
        aside.check_discard(job)


def check_undo(export_dir: ExportDir, undone: list[str]) -> None:
    """Raise NotAllowed when the rows could not be loaded again; `undone` are the phases that are undone together."""
    from voyager.phases.load import loaded_files

    loaded_files.check_undo(export_dir.data, undone)


def may_undo(job: Job) -> None:
    """Raise NotAllowed when tables that would be emptied hold rows that were there before."""
    from voyager.phases.load.held_rows import refuse_to_empty

    refuse_to_empty(job, "--on-primary-key-conflict")


def undo(job: Job) -> None:
    """Empty the tables that this migration loaded, without what judges their rows, then forget that it did.

    Only those in the ledger and exported ones that are empty anyway (one of those may reference another) are touched.
    """
    from voyager.phases.ddl import post_data
    from voyager.phases.load.admission import FAST_LOADED, fast_loaded
    from voyager.phases.load.held_rows import forget
    from voyager.phases.load.plan import Ledger
    from voyager.phases.load.undo import empty_tables

    post_data.undo(job)
    ledger = Ledger.read(job)
    empty_tables(job, ledger.tables | fast_loaded(job))
    job.checkpoint()
    job.store.quarantine.forget(job.record.migration_uuid, "IMPORT_DATA")
    job.store.batches.forget(job.record.migration_uuid)
    forget(job)
    job.store.migrations.save_settings(job.record.migration_uuid, {FAST_LOADED: []})


def check_options(options: Options) -> None:
    """Raise UsageError for values that nothing can be done with, and what does not go together."""
    check_pace_options(options)
    check_metrics_options(options)
    check_row_options(options)
    check_index_options(options)
    if options.batch_size < 1:
        raise UsageError(f"--batch-size is {options.batch_size}.", "Give a number from 1 on, or leave it out.")
    if not options.wait_for_export >= 0:
        raise UsageError(f"--wait-for-export is {options.wait_for_export:g}.", "Give seconds from 0 on.")
    _limits(options)


def _limits(options: Options) -> tuple[int, int]:
    return options.batch_size, parse_size(options.batch_size_bytes, "--batch-size-bytes")
