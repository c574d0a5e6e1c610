"""What a comparison found: differences, of which some withhold `verified`, and what each table came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier, TableName, visible

MISSING, EXTRA, DIFFERENT, ROUNDED, CONVERTED = "missing", "extra", "different", "rounded", "converted"
"""A row is missing at the target, extra there, or on both sides with other values; the last two are expected ones."""

SET_ASIDE, GIVEN_UP = "set_aside", "given_up"
"""A row is missing because the target refused it when it was loaded; the operator may have given it up since."""

ROW_KINDS = (MISSING, SET_ASIDE, GIVEN_UP, EXTRA, DIFFERENT, ROUNDED, CONVERTED)
NOT_LOADED = frozenset({SET_ASIDE, GIVEN_UP})

HARMLESS = frozenset({ROUNDED, CONVERTED})
WITHHOLDING = frozenset({"missing", "different", SET_ASIDE})
"""The classes of a difference that withhold `verified`; "intended" and "cosmetic" do not."""

SHOWN_LENGTH = 200


@dataclass(frozen=True)
class RowDifference:
    """One row that is not the same.

    `key` names it by (column, text) pairs, of what the key's columns hold; a row of a table without a key is named by
    the hash of its content, and `copies` says how often each side (source, target) has it. `kind` is one of ROW_KINDS,
    `columns` are those that are not the same. `values` are (column, source's text, target's text), None for NULL or
    no row; they are filled only when asked for.
    """

    key: tuple[tuple[str, str], ...]
    kind: str
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str | None, str | None], ...] | None = None
    copies: tuple[int, int] | None = None

    def __str__(self) -> str:
        """The row for people: `(id=12345) different: note`."""
        key = ", ".join(f"{Identifier(name)}={visible(text[:SHOWN_LENGTH])}" for name, text in self.key)
        columns = f": {', '.join(str(Identifier(name)) for name in self.columns)}" if self.columns else ""
        return f"({key}) {self.kind.replace('_', ' ')}{columns}"

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"key": dict(self.key), "kind": self.kind, "columns": list(self.columns)}
        if self.copies is not None:
            found["copies"] = {"source": self.copies[0], "target": self.copies[1]}
        if self.values is not None:
            found["values"] = {name: {"source": here, "target": there} for name, here, there in self.values}
        return found


@dataclass(frozen=True)
class Difference:
    """One thing that is not equal on the two sides; for rows, one table.

    `kind` is "rows", "table", "column", "primary_key", "index", "sequence" or another kind of object; `finding` is a
    sentence. `judged` is its class: "missing", "different", "set_aside" (rows that were refused when they were loaded,
    and nothing else), "intended" or "cosmetic". For rows, `counts` has the exact number of every kind of row (empty
    when rows were only counted), `rows` the first of them by name, and `ranges` says in which parts of the table they
    are.
    """

    kind: str
    object: str
    finding: str
    judged: str = "different"
    source_rows: int | None = None
    target_rows: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[RowDifference, ...] = ()
    ranges: tuple[str, ...] = ()

    @property
    def withholds(self) -> bool:
        return self.judged in WITHHOLDING

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "kind": self.kind,
            "object": self.object,
            "class": self.judged,
            "finding": self.finding,
        }
        if self.kind == "rows":
            found |= {
                "source_rows": self.source_rows,
                "target_rows": self.target_rows,
                "counts": dict(self.counts),
                "rows": [row.to_json() for row in self.rows],
                "rows_not_named": max(0, sum(self.counts.values()) - len(self.rows)),
                "ranges": list(self.ranges),
            }
        return found


@dataclass(frozen=True)
class TableResult:
    """What one table came to.

    `state` is "equal", "different", "unfinished" where time was up before its end and nothing differs so far, or
    "unread" where it has rows and a sample met none of them; rows are those that were read. `chunks_compared` is less
    than `chunks` after a sample, for which `chunks_wanted` were asked for (None: all), or when time was up.
    `rows_known` is what the migration or the catalog says of its rows, for where they were not all read; `since` says
    that only changed ones were. `forms` names, for every column, the family and the form in which it was compared.
    """

    table: TableName
    state: str
    source_rows: int
    target_rows: int
    chunks: int
    chunks_different: int
    chunks_reused: int = 0
    chunks_compared: int = 0
    chunks_wanted: int | None = None
    rows_known: int = 0
    since: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    note: str = ""

    @property
    def whole(self) -> bool:
        """Whether no row of it was left out."""
        return self.chunks_compared >= self.chunks and not self.since

    @property
    def unfinished(self) -> bool:
        """Whether chunks are left that were asked for."""
        return self.chunks_compared < (self.chunks if self.chunks_wanted is None else self.chunks_wanted)

    @property
    def looked_at(self) -> bool:
        """Whether rows of it were read, or it is known that there are none."""
        return self.whole or self.source_rows > 0 or self.target_rows > 0

    @property
    def rows_of(self) -> int:
        """How many rows the source has of it, as far as it is known."""
        return self.source_rows if self.whole else max(self.source_rows, self.rows_known)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.table.schema,
            "table": self.table.name,
            "state": self.state,
            "source_rows": self.source_rows,
            "target_rows": self.target_rows,
            "rows_of": self.rows_of,
            "whole": self.whole,
            "chunks": self.chunks,
            "chunks_different": self.chunks_different,
            "chunks_reused": self.chunks_reused,
            "chunks_compared": self.chunks_compared,
            "counts": dict(self.counts),
            "seconds": round(self.seconds, 3),
            "note": self.note,
        }


@dataclass
class Found:
    """What a verification came to."""

    method: str
    tables: list[TableResult] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True when nothing was found that withholds `verified`."""
        return not any(difference.withholds for difference in self.differences)

    @property
    def forms(self) -> dict[str, dict[str, str]]:
        """Table -> column -> family and form, as the report has it."""
        return {str(result.table): dict(result.forms) for result in self.tables}
