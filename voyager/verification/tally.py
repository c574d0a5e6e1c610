"""One table while its chunks come in: what is equal, what is not, and the first rows of it by name."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from voyager.identifiers import TableName
from voyager.progress import TableProgress
from voyager.verification.chunks import Plan
from voyager.verification.compare import ChunkResult
from voyager.verification.findings import (
    CONVERTED,
    DIFFERENT,
    EXTRA,
    GIVEN_UP,
    HARMLESS,
    MISSING,
    NOT_LOADED,
    ROUNDED,
    SET_ASIDE,
    Difference,
    RowDifference,
    TableResult,
)
from voyager.verification.set_aside import TableAside
from voyager.wording import counted

Listener = Callable[[TableName, RowDifference], None]

RANGES_NAMED = 20

_SAYS = {
    MISSING: "missing in the target",
    SET_ASIDE: "set aside, not loaded",
    GIVEN_UP: "set aside and given up",
    EXTRA: "only in the target",
    DIFFERENT: "different",
    ROUNDED: "equal once rounded",
    CONVERTED: "different by a declared conversion",
}


@dataclass(frozen=True)
class Held:
    """A differing row before it is judged, with its chunk and its place."""

    chunk: int
    place: int
    row: RowDifference


@dataclass
class Named:
    """Differing rows of one table: all are counted, the first by chunk and place are kept; from several threads.

    The `listener` makes the SQL that repairs them. It does not hear of rows that wait to be loaded again: those would
    come twice. With `since`, rows of one side are held back until somebody looked for them on the other by their key.
    """

    table: TableName
    limit: int
    keyed: bool = True
    since: bool = False
    listener: Listener | None = None
    aside: TableAside = field(default_factory=TableAside)
    counts: Counter[str] = field(default_factory=Counter)
    found_in: Counter[int] = field(default_factory=Counter)
    _kept: list[tuple[int, int, int, RowDifference]] = field(default_factory=list)
    _held: list[Held] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, chunk: int, place: int, row: RowDifference) -> None:
        one = Held(chunk, place, row)
        if self.since and self.keyed and row.kind in (MISSING, EXTRA) and row.copies is None:
            with self._guard:
                self._held.append(one)
        else:
            self.settle(one)

    def take(self, at_once: int, *, all_of_them: bool) -> Iterator[list[Held]]:
        """The rows that were held back, in portions; those that fill none stay unless it is `all_of_them`."""
        while True:
            with self._guard:
                portion = self._held[:at_once] if all_of_them or len(self._held) >= at_once else []
                del self._held[: len(portion)]
            if not portion:
                return
            yield portion

    def settle(self, one: Held) -> None:
        """Take a row as it is."""
        chunk, place, row = one.chunk, one.place, self.aside.judged(one.row)
        with self._guard:
            # Without a key, one name stands for all rows that are the same.
            self.counts[row.kind] += abs(row.copies[0] - row.copies[1]) if row.copies and not self.keyed else 1
            self.found_in[chunk] += 1
            if self.listener is not None and not self._waits(row):
                self.listener(self.table, replace(row, kind=MISSING) if row.kind == GIVEN_UP else row)
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

    def explained(self) -> dict[str, int]:
        """Rows by kind, those that were set aside and are known by their number only among them."""
        return dict(self.aside.counted(self.counts))

    def _waits(self, row: RowDifference) -> bool:
        return row.kind == SET_ASIDE or (row.kind == MISSING and self.aside.open_by_number)

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

    def result(self, rows_known: int = 0) -> TableResult:
        """What it came to; `rows_known` is what the migration knows of its rows."""
        target_rows = sum(result.target_rows for result in self.results.values())
        known = rows_known or self.plan.rows_estimated
        since = self.plan.since
        unread = len(self.results) < len(self.plan.chunks) and known > 0 and not since and not self.rows + target_rows
        state = "different" if self.unequal else "unfinished" if not self.done else "unread" if unread else "equal"
        return TableResult(
            table=self.plan.table,
            state=state,
            source_rows=self.rows,
            target_rows=target_rows,
            chunks=len(self.plan.chunks),
            chunks_different=len(self.unequal),
            chunks_reused=self.reused,
            chunks_compared=len(self.results),
            chunks_wanted=len(self.wanted),
            rows_known=known,
            since=since,
            counts=self.named.explained(),
            forms={form.column: form.described for form in self.plan.columns},
            seconds=self.seconds,
            note=self.plan.note,
        )

    def difference(self) -> Difference | None:
        """What is not the same, None when nothing is."""
        unequal = self.unequal
        if not unequal:
            return None
        counts = self.named.explained()
        source_rows = sum(result.source_rows for result in self.results.values())
        target_rows = sum(result.target_rows for result in self.results.values())
        unexplained = [result for result in unequal if not self.named.found_in[result.chunk.number]]
        return Difference(
            "rows",
            str(self.plan.table),
            f"Table {self.plan.table}: {self._says(counts, len(unexplained), source_rows, target_rows)}.",
            judged=self._judged(counts, unexplained),
            source_rows=source_rows,
            target_rows=target_rows,
            counts=counts,
            rows=self.named.first(),
            ranges=tuple(result.chunk.where for result in unequal[:RANGES_NAMED]),
        )

    def _judged(self, counts: Mapping[str, int], unexplained: list[ChunkResult]) -> str:
        """The class of it all: the gravest, and that of rows set aside only where they are all that is missing."""
        if unexplained:
            return SET_ASIDE if self._short_by_those_aside(unexplained) else "different"
        if set(counts) <= HARMLESS:
            return "cosmetic" if set(counts) == {ROUNDED} else "intended"
        return SET_ASIDE if set(counts) <= HARMLESS | NOT_LOADED else "different"

    def _short_by_those_aside(self, unexplained: list[ChunkResult]) -> bool:
        """Whether rows were only counted, and as many are missing as were set aside."""
        short = [result.source_rows - result.target_rows for result in unexplained]
        return not self.named.counts and min(short) > 0 and sum(short) == self.named.aside.total

    def _says(self, counts: dict[str, int], unexplained: int, source_rows: int, target_rows: int) -> str:
        parts = [f"{counted(counts[kind], 'row')} {_SAYS[kind]}" for kind in _SAYS if counts.get(kind)]
        if unexplained:
            if source_rows == target_rows:
                rows = f"{counted(source_rows, 'row')} on both sides, not all the same"
            else:
                rows = f"{source_rows:,} rows in the source, {target_rows:,} in the target"
            of = f"{unexplained} of {len(self.plan.chunks)} chunks" if len(self.plan.chunks) > 1 else "the whole table"
            parts.append(f"{rows} ({of})")
            if self.named.aside.total:
                parts.append(f"{counted(self.named.aside.total, 'row')} {_SAYS[SET_ASIDE]}")
        return "; ".join(parts)
