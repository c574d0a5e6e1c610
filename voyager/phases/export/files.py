"""DataFiles: the parts of an export as chunk files under export-dir, each with the manifest that makes it count."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from voyager.catalog import Table
from voyager.data_file import ChunkManifest, ChunkWriter, data_name, manifest_name
from voyager.errors import VoyagerError
from voyager.phases.export.attempt import ExportAttempt, Finished, FinishedPart, finished_chunks
from voyager.phases.export.disk_budget import DiskBudget
from voyager.phases.job import Job
from voyager.phases.sizes import parse_size
from voyager.ports import ChunkRange, Snapshot
from voyager.store.lease import lost

_OURS = re.compile(r"[0-9a-f-]{36}(_data\.sql|\.manifest\.json)|\..*\.tmp")


class DataFiles:
    """Writes parts of an export into files. A file without a manifest is nothing: it is removed and read again.

    `hold` is awaited between two blocks, and waits while the export is paused.
    """

    holds = True

    def __init__(self, job: Job, attempt: ExportAttempt, *, hold: Callable[[], Awaitable[None]]) -> None:
        self._job = job
        self._hold = hold
        self._data = job.export_dir.data
        self._attempt = attempt
        self._renewed_at = float("-inf")
        self._budget = budget_of(job, attempt.compression)

    def take_stock(self) -> Finished:
        """Find what earlier runs finished, remove what they left unfinished, and see that the rest has room."""
        chunks, others = finished_chunks(self._data, self._attempt)
        if others:
            self._job.warn(f"{len(others)} manifests in {self._data} are damaged or of another export; read anew.")
        remove_files(self._data, keep=frozenset(manifest.chunk_id for manifest in chunks.values()))
        self._budget.check([part for part in self._attempt.parts if (part.table, part.ordinal) not in chunks])
        return dict(chunks)

    def prepare(self, finished: Finished) -> Finished:
        """Before each snapshot: what is there. Nobody but we writes files, so it is what we know."""
        return finished

    async def take(
        self, snapshot: Snapshot, table: Table, part: ChunkRange, *, key: str, told: Callable[[int, int], None]
    ) -> ChunkManifest:
        """Read one part into a file; `key` names the snapshot, `told` hears rows and bytes so far."""
        chunk_id = str(uuid4())
        room = await self._budget.reserve(data_name(chunk_id), part)
        try:
            writer = ChunkWriter(self._data / data_name(chunk_id), self._attempt.compression)
        except BaseException:
            self._budget.release(room)
            raise
        try:
            async with snapshot.read(table, part) as rows:
                async for some in rows:
                    await self._budget.grows(room, writer.reach(len(some)))
                    if writer.write(some):
                        self._job.checkpoint()
                        told(writer.rows, writer.bytes)
                        await self._hold()
            await self._still_ours()
            return await asyncio.to_thread(
                self._publish, chunk_id, part, columns=table.copied_columns, key=key, writer=writer, sent=rows.count
            )
        except BaseException:
            writer.discard()
            raise
        finally:
            room.written = writer.length
            self._budget.release(room)

    def drop(self, parts: Sequence[FinishedPart]) -> None:
        """Forget finished parts, to read them anew."""
        for part in parts:
            (self._data / manifest_name(part.chunk_id)).unlink(missing_ok=True)
            (self._data / data_name(part.chunk_id)).unlink(missing_ok=True)

    def rest(self) -> None:
        """Nothing is held open between parts."""

    def close(self) -> None:
        """Nor at the end."""

    def _publish(
        self, chunk_id: str, part: ChunkRange, *, columns: tuple[str, ...], key: str, writer: ChunkWriter, sent: int
    ) -> ChunkManifest:
        """Make the file durable, then write the manifest that makes it count."""
        writer.finish()
        if writer.rows != sent:
            raise VoyagerError(
                f"The source sent {sent:,} rows of {part.table} but {writer.rows:,} arrived.",
                "Nothing of this part was kept. Run the same command again.",
            )
        manifest = ChunkManifest(
            chunk_id=chunk_id,
            attempt=self._attempt.id,
            table=part.table,
            ordinal=part.ordinal,
            predicate=part.predicate,
            columns=columns,
            snapshot=key,
            compression=self._attempt.compression,
            rows=writer.rows,
            bytes=writer.bytes,
            length=writer.length,
            blocks=tuple(writer.blocks),
        )
        self._job.export_dir.write_atomic(self._data / manifest_name(manifest.chunk_id), manifest.dump())
        return manifest

    async def _still_ours(self) -> None:
        """Record nothing as done without a lease that was renewed within half its length."""
        lease = self._job.lease
        if time.monotonic() - self._renewed_at < lease.seconds / 2:
            return
        asked_at = time.monotonic()
        if not await asyncio.to_thread(self._job.store.leases.renew, lease):
            raise lost(lease)
        self._renewed_at = asked_at


def budget_of(job: Job, compression: str) -> DiskBudget:
    """What the data files of this run may take of the disk."""
    options = job.options
    return DiskBudget(job, most=most_disk(options), patience=options.wait_for_import, compression=compression)


def most_disk(options: Any) -> int | None:
    """Bytes that --max-disk allows; None for no limit, which 0 takes a saved one back to."""
    return parse_size(options.max_disk, "--max-disk") if options.max_disk not in (None, "", "0") else None


def remove_files(data: Path, *, keep: frozenset[str]) -> None:
    """Remove our files under `data` but those of the chunks to keep; manifests first."""
    if not data.is_dir():
        return
    doomed = [path for path in data.iterdir() if _OURS.fullmatch(path.name) and path.name[:36] not in keep]
    for path in sorted(doomed, key=lambda path: not path.name.endswith(".json")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
