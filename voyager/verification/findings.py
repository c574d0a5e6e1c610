"""What a comparison found: differences that withhold `verified`, and what was not compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import TableName


@dataclass(frozen=True)
class RowDifference:
    """One row that is not the same, named by its key: "missing" at the target, "extra" there, or "different"."""

    key: str
    kind: str


@dataclass(frozen=True)
class Difference:
    """One thing that is not equal on the two sides.

    `kind` is "rows", "table", "column", "primary_key", "index" or "sequence"; `finding` is a sentence. For rows,
    `chunk` and `where` say which part of the table, and `rows` holds some of the rows where they could be located.
    """

    kind: str
    object: str
    finding: str
    chunk: int | None = None
    where: str = ""
    source_rows: int | None = None
    target_rows: int | None = None
    rows: tuple[RowDifference, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": self.kind, "object": self.object, "finding": self.finding}
        if self.kind == "rows":
            found |= {
                "chunk": self.chunk,
                "where": self.where,
                "source_rows": self.source_rows,
                "target_rows": self.target_rows,
                "rows": [{"key": row.key, "kind": row.kind} for row in self.rows],
            }
        return found


@dataclass(frozen=True)
class TableResult:
    """What one table came to. `state` is "equal" or "different"; `note` says what was compared with care."""

    table: TableName
    state: str
    source_rows: int
    target_rows: int
    chunks: int
    chunks_different: int
    chunks_reused: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.table.schema,
            "table": self.table.name,
            "state": self.state,
            "source_rows": self.source_rows,
            "target_rows": self.target_rows,
            "chunks": self.chunks,
            "chunks_different": self.chunks_different,
            "chunks_reused": self.chunks_reused,
            "note": self.note,
        }
