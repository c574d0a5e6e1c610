"""ImportProgress: where every table of an import stands, by the ledger and by what was committed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from voyager.data_file import ChunkManifest
from voyager.errors import VoyagerError
from voyager.identifiers import TableName
from voyager.phases.import_plan import BatchPlan, Ledger
from voyager.phases.job import Job
from voyager.progress import TableProgress


class ImportProgress:
    def __init__(self, job: Job, chunks: Sequence[ChunkManifest], ledger: Ledger) -> None:
        self._report = job.report
        self._rows_total: Counter[TableName] = Counter()
        self._bytes_total: Counter[TableName] = Counter()
        self._rows: Counter[TableName] = Counter()
        self._bytes: Counter[TableName] = Counter()
        self._failed: dict[TableName, str] = {}
        self._begun: set[TableName] = set()
        self._set_aside: Counter[TableName] = Counter()
        for chunk in chunks:
            self._rows_total[chunk.table] += chunk.rows
            self._bytes_total[chunk.table] += chunk.bytes
            self._rows[chunk.table] += ledger.rows(chunk.chunk_id)
            self._bytes[chunk.table] += ledger.bytes(chunk.chunk_id)

    def tell_all(self) -> None:
        for table in self._rows_total:
            self._tell(table)

    def loaded(self, batch: BatchPlan, set_aside: int = 0) -> None:
        table = batch.chunk.table
        self._rows[table] += batch.rows - set_aside
        self._set_aside[table] += set_aside
        self._bytes[table] += batch.size
        self._begun.add(table)
        self._tell(table)

    def failed(self, table: TableName, error: VoyagerError) -> None:
        self._failed[table] = error.message
        self._tell(table)

    def _tell(self, table: TableName) -> None:
        done = self._rows[table] + self._set_aside[table] >= self._rows_total[table]
        status = "DONE" if done else "LOADING" if table in self._begun else "QUEUED"
        self._report(
            TableProgress(
                table.schema,
                table.name,
                "FAILED" if table in self._failed else status,
                rows_done=self._rows[table],
                rows_total=self._rows_total[table],
                bytes_done=self._bytes[table],
                bytes_total=self._bytes_total[table],
                rows_quarantined=self._set_aside[table],
                message=self._failed.get(table, ""),
            )
        )
