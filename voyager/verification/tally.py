"""One table while its chunks come in: what is equal, what is not, and the first rows of it by name."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voyager.identifiers import TableName
from voyager.progress import TableProgress
from voyager.verification.chunks import Plan
from voyager.verification.compare import ChunkResult
from voyager.verification.findings import (
    CONVERTED,
    DIFFERENT,
    EXTRA,
    HARMLESS,
    MISSING,
    ROUNDED,
    Difference,
    RowDifference,
    TableResult,
)
from voyager.wording import counted

Listener = Callable[[TableName, RowDifference], None]

RANGES_NAMED = 20

_SAYS = {
    MISSING: "missing in the target",
    EXTRA: "only in the target",
    DIFFERENT: "different",
    ROUNDED: "equal once rounded",
    CONVERTED: "different by a declared conversion",
}


@dataclass
class Named:
    """Differing rows of one table: all are counted, the first by chunk and place are kept; from several threads."""

    table: TableName
    limit: int
    keyed: bool = True
    listener: Listener | None = None
    counts: Counter[str] = field(default_factory=Counter)
    found_in: Counter[int] = field(default_factory=Counter)
    _kept: list[tuple[int, int, int, RowDifference]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, chunk: int, place: int, row: RowDifference) -> None:
        with self._guard:
            # Without a key, one name stands for all rows that are the same.
            self.counts[row.kind] += abs(row.copies[0] - row.copies[1]) if row.copies and not self.keyed else 1
            self.found_in[chunk] += 1
            if self.listener is not None:
                self.listener(self.table, row)
            if self.limit:
                self._kept.append((chunk, place, len(self._kept), row))
                if len(self._kept) >= 4 * self.limit + 100:
                    self._shorten()

    def first(self) -> tuple[RowDifference, ...]:
        with self._guard:
            self._shorten()
            return tuple(row for *_, row in self._kept)

    def replace(self, filled: Mapping[RowDifference, RowDifference]) -> None:
        """Put rows with more to them in the place of those that were kept."""
        with self._guard:
            self._kept = [(chunk, place, n, filled.get(row, row)) for chunk, place, n, row in self._kept]

    def _shorten(self) -> None:
        self._kept.sort(key=lambda one: one[:3])
        del self._kept[self.limit :]


@dataclass
class Tally:
    """One table: its plan, the chunks that are to be compared, and what came of them."""

    plan: Plan
    wanted: frozenset[int]
    fence: str
    named: Named
    results: dict[int, ChunkResult] = field(default_factory=dict)
    reused: int = 0
    rows_reused: int = 0
    begun: float | None = None
    ended: float | None = None

    def take(self, results: list[ChunkResult]) -> None:
        self.results |= {result.chunk.number: result for result in results}

    @property
    def unequal(self) -> list[ChunkResult]:
        return [self.results[number] for number in sorted(self.results) if not self.results[number].equal]

    @property
    def done(self) -> bool:
        return self.results.keys() >= self.wanted

    @property
    def seconds(self) -> float:
        return 0.0 if self.begun is None else (self.ended or time.monotonic()) - self.begun

    @property
    def rows(self) -> int:
        return sum(result.source_rows for result in self.results.values())

    def progress(self) -> TableProgress:
        name = self.plan.table
        unequal = len(self.unequal)
        return TableProgress(
            name.schema,
            name.name,
            "DONE" if self.done else "VERIFYING" if self.results else "QUEUED",
            rows_done=self.rows,
            rows_total=self.rows if self.done else None,
            rows_estimated=self.plan.rows_estimated,
            rows_kept=self.rows_reused,
            message=f"{unequal} of {len(self.plan.chunks)} chunks differ" if unequal else "",
        )

    def result(self) -> TableResult:
        return TableResult(
            table=self.plan.table,
            state="different" if self.unequal else "equal" if self.done else "unfinished",
            source_rows=self.rows,
            target_rows=sum(result.target_rows for result in self.results.values()),
            chunks=len(self.plan.chunks),
            chunks_different=len(self.unequal),
            chunks_reused=self.reused,
            chunks_compared=len(self.results),
            counts=dict(self.named.counts),
            forms={form.column: form.described for form in self.plan.columns},
            seconds=self.seconds,
            note=self.plan.note,
        )

    def difference(self) -> Difference | None:
        """What is not the same, None when nothing is."""
        unequal = self.unequal
        if not unequal:
            return None
        counts = dict(self.named.counts)
        source_rows = sum(result.source_rows for result in self.results.values())
        target_rows = sum(result.target_rows for result in self.results.values())
        unexplained = [result for result in unequal if not self.named.found_in[result.chunk.number]]
        harmless = not unexplained and set(counts) <= HARMLESS
        judged = ("cosmetic" if set(counts) == {ROUNDED} else "intended") if harmless else "different"
        return Difference(
            "rows",
            str(self.plan.table),
            f"Table {self.plan.table}: {self._says(counts, len(unexplained), source_rows, target_rows)}.",
            judged=judged,
            source_rows=source_rows,
            target_rows=target_rows,
            counts=counts,
            rows=self.named.first(),
            ranges=tuple(result.chunk.where for result in unequal[:RANGES_NAMED]),
        )

    def _says(self, counts: dict[str, int], unexplained: int, source_rows: int, target_rows: int) -> str:
        parts = [f"{counted(counts[kind], 'row')} {_SAYS[kind]}" for kind in _SAYS if counts.get(kind)]
        if unexplained:
            if source_rows == target_rows:
                rows = f"{counted(source_rows, 'row')} on both sides, not all the same"
            else:
                rows = f"{source_rows:,} rows in the source, {target_rows:,} in the target"
            of = f"{unexplained} of {len(self.plan.chunks)} chunks" if len(self.plan.chunks) > 1 else "the whole table"
            parts.append(f"{rows} ({of})")
        return "; ".join(parts)
