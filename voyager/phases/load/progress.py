"""ImportProgress: where every table of an import stands, by the ledger and by what was committed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voyager.data_file import ChunkManifest
from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.load.plan import BatchPlan, Ledger
from voyager.progress import TableProgress


@dataclass
class _Chunk:
    """What of one chunk is in, and what was set aside."""

    rows: int
    bytes: int
    set_aside: int


class ImportProgress:
    """`when_in` hears of every chunk whose rows are all in the target, those that were before this run too. `discarded`
    counts the rows set aside that were given up: they wait for nobody any more."""

    def __init__(
        self,
        job: Job,
        chunks: Sequence[ChunkManifest],
        ledger: Ledger,
        *,
        when_in: Callable[[ChunkManifest], None] = lambda _: None,
        discarded: Mapping[TableName, int] | None = None,
    ) -> None:
        self._report = job.report
        self._when_in = when_in
        self._discarded = dict(discarded or {})
        self._parts: Counter[TableName] = Counter()
        self._estimates: dict[TableName, tuple[int, int]] = {}
        self._chunks: dict[str, _Chunk] = {}
        self._known: Counter[TableName] = Counter()
        self._in: Counter[TableName] = Counter()
        self._rows_total: Counter[TableName] = Counter()
        self._bytes_total: Counter[TableName] = Counter()
        self._rows: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._set_aside: Counter[TableName] = Counter()
        self._failed: dict[TableName, str] = {}
        self._begun: set[TableName] = set()
        for chunk in chunks:
            self._parts[chunk.table] += 1
            self._add(chunk, ledger)

    def tell_all(self) -> None:
        for table in sorted(self._parts):
            self._tell(table)

    def expect(self, attempt: ExportAttempt) -> None:
        """The tables of an export that is still running: what is known of them before all their chunks are."""
        self._parts = Counter(part.table for part in attempt.parts)
        self._estimates = {table.name: (max(table.rows_estimate, 0), table.bytes) for table in attempt.tables}
        self.tell_all()

    def begin(self, chunk: ChunkManifest, ledger: Ledger) -> None:
        """A chunk has come, or counts from the start again."""
        self._add(chunk, ledger)
        self._tell(chunk.table)

    def drop(self, chunk: ChunkManifest) -> None:
        """A chunk counts no more."""
        if (standing := self._chunks.pop(chunk.chunk_id, None)) is not None:
            self._take_out(chunk.table, chunk, standing)
            self._tell(chunk.table)

    def restart(self, table: TableName, chunks: Sequence[ChunkManifest]) -> None:
        """The table was emptied."""
        for chunk in chunks:
            if (standing := self._chunks.pop(chunk.chunk_id, None)) is not None:
                self._take_out(table, chunk, standing)
        self._begun.discard(table)
        self._failed.pop(table, None)
        self._tell(table)

    def is_in(self, chunk: ChunkManifest) -> bool:
        """Whether all rows of a chunk are in, none of them set aside."""
        standing = self._chunks.get(chunk.chunk_id)
        return standing is not None and standing.rows == chunk.rows

    def loaded(self, batch: BatchPlan, set_aside: int = 0) -> None:
        chunk, table = batch.chunk, batch.chunk.table
        standing = self._chunks[chunk.chunk_id]
        standing.rows += batch.rows - set_aside
        standing.bytes += batch.size
        standing.set_aside += set_aside
        self._rows[table] += batch.rows - set_aside
        self._bytes[table] += batch.size
        self._set_aside[table] += set_aside
        self._begun.add(table)
        self._note(chunk, standing)
        self._tell(table)

    def failed(self, table: TableName, error: VoyagerError) -> None:
        self._failed[table] = error.message
        self._tell(table)

    def _add(self, chunk: ChunkManifest, ledger: Ledger) -> None:
        table = chunk.table
        known = chunk.chunk_id
        standing = _Chunk(ledger.rows(known), ledger.bytes(known), ledger.set_aside(known))
        self._chunks[chunk.chunk_id] = standing
        self._known[table] += 1
        self._rows_total[table] += chunk.rows
        self._bytes_total[table] += chunk.bytes
        self._rows[table] += standing.rows
        self._bytes[table] += standing.bytes
        self._set_aside[table] += standing.set_aside
        self._note(chunk, standing)

    def _take_out(self, table: TableName, chunk: ChunkManifest, standing: _Chunk) -> None:
        self._known[table] -= 1
        self._in[table] -= _is_done(chunk, standing)
        self._rows_total[table] -= chunk.rows
        self._bytes_total[table] -= chunk.bytes
        self._rows[table] -= standing.rows
        self._bytes[table] -= standing.bytes
        self._set_aside[table] -= standing.set_aside

    def _note(self, chunk: ChunkManifest, standing: _Chunk) -> None:
        if _is_done(chunk, standing):
            self._in[chunk.table] += 1
            if not standing.set_aside:
                self._when_in(chunk)

    def _tell(self, table: TableName) -> None:
        whole = self._known[table] == self._parts[table]
        done = whole and self._in[table] == self._parts[table]
        status = "DONE" if done else "LOADING" if table in self._begun else "QUEUED"
        rows, size = self._estimates.get(table, (0, 0))
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "FAILED" if table in self._failed else status,
                rows_done=self._rows[table],
                rows_total=self._rows_total[table] if whole else None,
                rows_estimated=None if whole else max(rows, self._rows_total[table]) or None,
                bytes_done=self._bytes[table],
                bytes_total=self._bytes_total[table] if whole else max(size, self._bytes_total[table]),
                rows_quarantined=max(0, self._set_aside[table] - self._discarded.get(table, 0)),
                message=self._failed.get(table, ""),
                chunks_done=self._in[table],
                chunks_total=self._parts[table],
            )
        )


def _is_done(chunk: ChunkManifest, standing: _Chunk) -> bool:
    return standing.rows + standing.set_aside >= chunk.rows
