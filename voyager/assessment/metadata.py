"""Metadata: what was collected about one source, read and typed; the only thing that judges and statistics see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.assessment.assessment import Missing
from voyager.assessment_dir import AssessmentDir

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Metadata:
    """One collection, however it was carried here.

    `tables` maps a file's name ("-" written "_", without ".csv") to its rows of all nodes; each row has `source_node`
    ("primary" first) and its columns by name: numbers as int or float, None for NULL. The two files that measure load
    over time are one table, `table_index_iops`, told apart by `measurement_type` (initial, final). In
    `db_queries_summary` each row has the columns of the statistics view itself (query, calls, rows, total_exec_time …).
    `ddl` is the schema as SQL, "" where the tables themselves are judged. `facts` is all that database.json says.
    """

    engine: str
    database: str
    version: str
    schemas: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ("primary",)
    collected_at: str = ""
    capture_seconds: int | None = None
    url: str = ""
    ddl: str = ""
    tables: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, name: str) -> tuple[Row, ...]:
        """The rows of one table, () when it was not collected."""
        return self.tables.get(name, ())


def read_metadata(directory: AssessmentDir) -> Metadata:
    """Return what was collected into `directory`. Raises UsageError when there is nothing or it is damaged."""
    raise NotImplementedError
