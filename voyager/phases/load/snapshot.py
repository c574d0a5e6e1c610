"""Loading what an export left, or what it finishes while it runs, by the options of IMPORT_DATA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voyager.identifiers import TableName
from voyager.phases.ddl.index_build import build
from voyager.phases.import_schema import report_refusals, statements_of
from voyager.phases.job import Job
from voyager.phases.load.aside import DISCARDED, rows_that_are
from voyager.phases.load.beside import EMPTIER
from voyager.phases.load.chunk_feed import ChunkFeed
from voyager.phases.load.loaded_files import LoadedFiles
from voyager.phases.load.plan import Ledger, cut_units
from voyager.phases.load.progress import ImportProgress
from voyager.phases.load.row_options import ERROR, STASH
from voyager.phases.load.row_policy import RowPolicy
from voyager.phases.load.run import Importer, QueueFeed
from voyager.phases.load.salvage_block import PHASE
from voyager.phases.pacing.target import target_pace
from voyager.schema.order import KEYS

if TYPE_CHECKING:
    from voyager.data_file import ChunkManifest

Limits = tuple[int, int]


@dataclass(frozen=True)
class Course:
    """How a load went: the tries again by class, and the tables that were loaded without distributed transactions."""

    retries: Mapping[str, int] = field(default_factory=dict)
    fast: frozenset[TableName] = frozenset()


async def load_beside(job: Job, files: LoadedFiles, limits: Limits) -> Course:
    """Load what the export finishes, while it runs, until it has ended."""
    standing = ImportProgress(job, (), Ledger.read(job), when_in=files.is_in, discarded=rows_that_are(DISCARDED, job))
    feed = ChunkFeed(job, standing, limits=limits, patience=job.options.wait_for_export)
    found, policy = target_pace(job), RowPolicy(job)
    importer = Importer(
        job, standing, feed=feed, pace=found.pace, policy=policy, nodes=found.nodes, retries=found.pace.retries
    )
    async with found.pace, feed.following(lambda backend: importer.announce(EMPTIER, backend)):
        await importer.run()
    return Course(found.pace.retries.by_class, policy.fast)


async def load(job: Job, chunks: Sequence[ChunkManifest], files: LoadedFiles, limits: Limits) -> Course:
    """Load what a finished export left."""
    ledger = Ledger.read(job)
    found, policy = target_pace(job), RowPolicy(job)
    importer = Importer(
        job,
        ImportProgress(job, chunks, ledger, when_in=files.is_in, discarded=rows_that_are(DISCARDED, job)),
        feed=QueueFeed(cut_units(chunks, ledger, limits)),
        pace=found.pace,
        policy=policy,
        nodes=found.nodes,
        retries=found.pace.retries,
    )
    async with found.pace:
        await importer.run()
    return Course(found.pace.retries.by_class, policy.fast)


def tell_standing(job: Job, chunks: Sequence[ChunkManifest], files: LoadedFiles) -> None:
    """Say where every table stands by the ledger alone."""
    discarded = rows_that_are(DISCARDED, job)
    ImportProgress(job, chunks, Ledger.read(job), when_in=files.is_in, discarded=discarded).tell_all()


def build_keys_first(job: Job) -> None:
    """Make the keys that would follow the rows, where rows are told apart by them or set aside one by one. What follows
    the rows finds them made, whichever phase brings the rows."""
    options = job.options
    if getattr(options, "on_primary_key_conflict", ERROR) == ERROR and options.error_policy != STASH:
        return
    keys = [one for one in statements_of(job)[1] if one.kind in KEYS]
    if not keys:
        return
    problem = report_refusals(job, build(job, "keys", keys, phase=PHASE))
    if problem is not None:
        raise problem
