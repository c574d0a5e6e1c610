"""Importer: the workers of an import, which load every batch once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from voyager.data_file import ChunkManifest, ChunkReader
from voyager.errors import BlockersFound, DamagedFile, Interrupted, LeaseLost, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export_attempt import ExportAttempt
from voyager.phases.import_plan import BatchPlan, BatchVoucher, Ledger, cut_units, ledger_row, load_of
from voyager.phases.import_progress import ImportProgress
from voyager.phases.job import Job
from voyager.phases.recorded import recorded_connection
from voyager.store.lease import lost
from voyager.target.load import Loader

TELL_EVERY = 60.0


class Importer:
    """One run of an import: loads what the ledger does not hold, several connections at a time."""

    def __init__(self, job: Job, chunks: Sequence[ChunkManifest], ledger: Ledger, *, limits: tuple[int, int]) -> None:
        self._job = job
        self._standing = ImportProgress(job, chunks, ledger)
        self._queue = cut_units(chunks, ledger, limits)
        self._failed: dict[TableName, VoyagerError] = {}
        self._backends: dict[int, dict[str, Any]] = {}
        self._stopping = False
        self._told_at = float("-inf")

    async def run(self, connections: int) -> None:
        """Load everything; a table whose rows are damaged or refused is left behind, and raised when the rest is in."""
        self._standing.tell_all()
        workers = (self._work(number) for number in range(min(connections, len(self._queue))))
        results = await asyncio.gather(*workers, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise max(failures, key=_gravity)
        if self._failed:
            raise _together(self._failed)

    async def _work(self, number: int) -> None:
        job = self._job
        loader = Loader(
            job.target.endpoint,
            capabilities=job.target.capabilities,
            lease_seconds=job.lease.seconds,
            announce=lambda backend: self._announce(number, backend),
            pause=self._pause,
            outage_budget=job.store.outage_budget,
        )
        try:
            while self._queue and not self._stopping:
                await self._load_unit(loader, self._queue.popleft())
        except BaseException:
            self._stopping = True
            raise
        finally:
            loader.close()

    async def _load_unit(self, loader: Loader, unit: Sequence[BatchPlan]) -> None:
        chunk = unit[0].chunk
        try:
            with ChunkReader(self._job.export_dir.data, chunk) as reader:
                for batch in unit:
                    self._job.checkpoint()
                    if self._stopping or chunk.table in self._failed:
                        return
                    await loader.load(
                        load_of(reader, batch), BatchVoucher(self._job.lease, ledger_row(batch, self._job.lease))
                    )
                    self._standing.loaded(batch)
        except (DamagedFile, BlockersFound) as error:
            self._failed[chunk.table] = error
            self._standing.failed(chunk.table, error)
            self._job.warn(f"{error.message} Other tables go on.")

    async def _pause(self, reason: VoyagerError, seconds: float) -> None:
        """Wait before a batch is tried again; told once a minute, and always ready to stop."""
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY:
            self._told_at = now
            self._job.warn(f"{reason.message} Trying again.")
        while time.monotonic() < now + seconds:
            self._job.checkpoint()
            await asyncio.sleep(0.1)

    async def _announce(self, number: int, backend: dict[str, Any]) -> None:
        """Write down who loads before it does: whoever takes the lease over ends these connections first."""
        self._backends[number] = backend
        known = [backend for backend in self._backends.values() if backend]
        lease = self._job.lease
        if not await asyncio.to_thread(self._job.store.leases.renew, lease, known):
            raise lost(lease)


def empty_tables(job: Job, loaded: frozenset[TableName]) -> None:
    """TRUNCATE the tables that were loaded, together with exported ones that are empty."""
    attempt = ExportAttempt.load(job.export_dir.data)
    exported = {table.name for table in attempt.tables} if attempt else set()
    if not loaded:
        return
    with recorded_connection(job, "import data --start-clean") as connection:
        try:
            there = {name for name in exported | loaded if _exists(connection, name)}
            empty = {name for name in there - loaded if _is_empty(connection, name)}
            names = ", ".join(f"ONLY {name.sql}" for name in sorted(there & loaded | empty))
            job.checkpoint()
            if names:
                connection.execute(f"TRUNCATE TABLE {names}")
        except VoyagerError:
            raise
        except Exception as error:
            from voyager.postgres.failures import translate

            raise translate(error, "empty the tables that were loaded") from None


def _exists(connection: Any, name: TableName) -> bool:
    row = connection.execute("SELECT pg_catalog.to_regclass(%s)", [name.sql]).fetchone()
    return bool(row and row[0])


def _is_empty(connection: Any, name: TableName) -> bool:
    return connection.execute(f"SELECT 1 FROM ONLY {name.sql} LIMIT 1").fetchone() is None


def _together(failed: dict[TableName, VoyagerError]) -> VoyagerError:
    """One error for all tables that were left behind; its kind is the first one's."""
    errors = list(failed.values())
    if len(errors) == 1:
        return errors[0]
    kinds: dict[type[VoyagerError], list[VoyagerError]] = defaultdict(list)
    for error in errors:
        kinds[type(error)].append(error)
    kind = max(kinds, key=lambda one: len(kinds[one]))
    return kind(
        f"{len(errors)} tables could not be loaded completely; all others are in.",
        errors[0].hint,
        tuple(error.message for error in errors),
    )


def _gravity(error: BaseException) -> int:
    if isinstance(error, LeaseLost):
        return 3
    if isinstance(error, Interrupted):
        return 0
    return 1 if isinstance(error, VoyagerError) else 2
