"""ExportProgress: where every table of an export stands, by its finished parts and by what is on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.phases.export.attempt import ExportAttempt, FinishedPart
from voyager.phases.job import Job
from voyager.ports import ChunkRange
from voyager.progress import TableProgress


class ExportProgress:
    """Where every table of an export stands, reported whenever it changes."""

    def __init__(self, job: Job, attempt: ExportAttempt) -> None:
        self._report = job.report
        self._estimates = {table.name: table for table in attempt.tables}
        self._parts = Counter(part.table for part in attempt.parts)
        self._rows: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._aside: Counter[TableName] = Counter()
        self._done: Counter[TableName] = Counter()
        self._reading: dict[TableName, dict[int, tuple[int, int]]] = {}
        self._failed: dict[TableName, str] = {}

    def take(self, parts: Iterable[FinishedPart]) -> None:
        for counter in (self._rows, self._bytes, self._aside, self._done):
            counter.clear()
        for part in parts:
            self._add(part)
        for table in self._parts:
            self._tell(table)

    def begin(self, table: TableName) -> None:
        self._reading.setdefault(table, {})
        self._tell(table)

    def read_so_far(self, part: ChunkRange, *, rows: int, size: int) -> None:
        self._reading.setdefault(part.table, {})[part.ordinal] = (rows, size)
        self._tell(part.table)

    def finish(self, part: ChunkRange, done: FinishedPart) -> None:
        self._reading[part.table].pop(part.ordinal, None)
        self._add(done)
        self._tell(part.table)

    def failed(self, part: ChunkRange, error: VoyagerError) -> None:
        self._failed.setdefault(part.table, error.message)
        self.read_so_far(part, rows=0, size=0)

    def drop(self, table: TableName) -> None:
        for counter in (self._rows, self._bytes, self._aside, self._done):
            counter.pop(table, None)
        self._tell(table)

    def _add(self, done: FinishedPart) -> None:
        self._rows[done.table] += done.rows
        self._bytes[done.table] += done.bytes
        self._aside[done.table] += done.set_aside
        self._done[done.table] += 1

    def _tell(self, table: TableName) -> None:
        done = self._done[table] == self._parts[table]
        reading = self._reading.get(table, {}).values()
        rows = self._rows[table] + sum(rows for rows, _ in reading)
        size = self._bytes[table] + sum(size for _, size in reading)
        status = "DONE" if done else "EXPORTING" if rows or table in self._reading else "QUEUED"
        estimate = self._estimates[table]
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "FAILED" if table in self._failed else status,
                rows_done=rows,
                rows_total=rows + self._aside[table] if done else None,
                rows_estimated=max(estimate.rows_estimate, 0) or None,
                bytes_done=size,
                bytes_total=size if done else max(estimate.bytes, size),
                chunks_done=self._done[table],
                chunks_total=self._parts[table],
                # As they are now; what becomes of them later, import data knows (voyager.store.aside).
                rows_quarantined=self._aside[table],
                message=self._failed.get(table, ""),
            )
        )
