"""An import that runs beside its export: which workflow has it so, what it loads, what it checks in the end."""

from __future__ import annotations

from voyager.errors import VoyagerError
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.load.chunk_feed import Directory
from voyager.phases.load.plan import Ledger, plan_batches

EMPTIER = -1
"""The number of the connection that empties tables, among those of the workers."""


def is_beside(job: Job) -> bool:
    """Whether the workflow lets the import run while the export does."""
    return job.phase is not None and bool(job.phase.overlaps)


def plan(job: Job, limits: tuple[int, int]) -> list[str]:
    """What is there to be loaded now, for --dry-run; more comes while the export runs."""
    seen = Directory(job.export_dir.data).look(())
    if seen.attempt is None:
        return ["wait for the first part that the export finishes, and load every part when it is there"]
    ledger = Ledger.read(job)
    left = [one for chunk in seen.new for one in plan_batches(chunk, ledger.covered(chunk.chunk_id), limits)]
    rows = sum(batch.rows for batch in left)
    return [
        f"load {rows:,} rows in {len(left)} transactions into tables of {job.target.endpoint.url}",
        f"load the other {len(seen.attempt.parts) - len(seen.new)} of {len(seen.attempt.parts)} parts as the export"
        " finishes them",
        *(f"COPY {table.name}" for table in seen.attempt.tables),
        "when the export has ended: secondary indexes, foreign keys, triggers and sequences",
    ]


def check_no_strays(job: Job, attempt: ExportAttempt, known: set[str]) -> None:
    """The ledger must hold nothing of this export but its chunks: rows of a chunk that was dropped would be there
    twice."""
    rows = job.store.batches.chunks(job.record.migration_uuid)
    ours = [(str(one), table) for one, table, key in rows if key.startswith(f"{attempt.id}/")]
    found = [f"{table}: chunk {one}" for one, table in ours if one not in known]
    if found:
        raise VoyagerError(
            "The ledger holds batches of chunks that are not part of the export any more.",
            "Report this; do not cut over.",
            tuple(found[:20]),
        )
