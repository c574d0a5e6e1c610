"""FileProgress: where every table of an import of files stands. How many rows come is estimated from what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.phases.files.plan import FilePart
from voyager.phases.job import Job
from voyager.phases.load.aside import DISCARDED, rows_that_are
from voyager.progress import TableProgress


class FileProgress:
    """Bytes are those of the files as they are stored; rows those that are done with, ignored ones among them. Rows set
    aside that were given up wait for nobody any more."""

    def __init__(self, job: Job, parts: Sequence[FilePart]) -> None:
        self._discarded = rows_that_are(DISCARDED, job, phase=job.lease.phase)
        self._report = job.report
        self._total: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._rows: Counter[TableName] = Counter()
        self._set_aside: Counter[TableName] = Counter()
        self._left: Counter[TableName] = Counter()
        self._failed: dict[TableName, str] = {}
        self._begun: set[TableName] = set()
        for part in parts:
            self._add(part)

    def _add(self, part: FilePart) -> None:
        table = part.table.name
        self._total[table] += part.file.size
        self._rows[table] += sum(batch.rows + batch.ignored for batch in part.batches)
        self._set_aside[table] += sum(batch.quarantined for batch in part.batches)
        if part.done:
            self._bytes[table] += part.file.size
            return
        self._left[table] += 1
        if part.origin.stored_plainly:
            self._bytes[table] += sum(batch.bytes for batch in part.batches)

    @property
    def rows(self) -> int:
        return sum(self._rows.values())

    def tell_all(self) -> None:
        for table in self._total:
            self._tell(table)

    def loaded(self, table: TableName, *, rows: int, set_aside: int, weight: int) -> None:
        """A batch was committed; `weight` is what it stands for of its file."""
        self._rows[table] += rows
        self._set_aside[table] += set_aside
        self._bytes[table] += weight
        self._begun.add(table)
        self._tell(table)

    def ended(self, part: FilePart) -> None:
        """All of a file is in."""
        self._left[part.table.name] -= 1
        self._tell(part.table.name)

    def failed(self, table: TableName, error: VoyagerError) -> None:
        self._failed[table] = error.message
        self._tell(table)

    def _tell(self, table: TableName) -> None:
        done, rows = not self._left[table], self._rows[table]
        read, total = min(self._bytes[table], self._total[table]), self._total[table]
        status = "DONE" if done else "LOADING" if table in self._begun else "QUEUED"
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "FAILED" if table in self._failed else status,
                rows_done=rows,
                rows_total=rows + self._set_aside[table] if done else None,
                rows_estimated=None if done or not read else max(rows + 1, rows * total // read),
                bytes_done=total if done else read,
                bytes_total=total,
                rows_quarantined=max(0, self._set_aside[table] - self._discarded.get(table, 0)),
                message=self._failed.get(table, ""),
            )
        )
