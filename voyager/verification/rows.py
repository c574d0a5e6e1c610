"""Level rows: every row of both sides, streamed in the order of its key and merged; nothing rests on a hash."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from voyager.errors import DatabaseAway, Interrupted, VoyagerError
from voyager.verification.findings import EXTRA, MISSING, RowDifference
from voyager.verification.readers import LOOK_UP_SECONDS, OF_A_RANGE, Readers, Settings, TimedOut
from voyager.verification.rows_sql import RowRange, query, text_of

LINES_BETWEEN_LOOKS = 4096
MOST_HELD = 10_000
"""Differences that are held back until their range is done; a range that has more cannot be read a second time."""

Text = str | None
Listener = Callable[[RowRange, RowDifference], None]


@dataclass(frozen=True)
class RangeResult:
    """How many rows each side has in a range, and how many of each kind are not the same."""

    source_rows: int
    target_rows: int
    counts: Mapping[str, int]

    @property
    def equal(self) -> bool:
        return not self.counts


@dataclass
class RowComparison:
    """Two sides, and who takes what is found: `on_difference` is called from several threads, one at a time."""

    source: Readers
    target: Readers
    on_difference: Listener
    checkpoint: Callable[[], None] = lambda: None
    show_values: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self, ranges: Iterable[RowRange], *, jobs: int, may_begin: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[RowRange, RangeResult]]:
        """Yield each range with its result, in the order in which they end; `jobs` are read at the same time, and none
        is begun while `may_begin()` says no."""
        waiting, exhausted = iter(ranges), False
        running: dict[Future[RangeResult], RowRange] = {}
        threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="verify-rows")
        try:
            while running or not exhausted:
                while not exhausted and len(running) < jobs and may_begin():
                    if (part := next(waiting, None)) is None:
                        exhausted = True
                        break
                    running[threads.submit(self._read, part)] = part
                self.checkpoint()
                if not running and not exhausted:
                    time.sleep(LOOK_UP_SECONDS)
                    continue
                done, _ = wait(running, timeout=LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            # What still reads looks up between lines, and is cancelled when the caller closes the sides.
            self._stop.set()
            threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, part: RowRange) -> RangeResult:
        """One pass over a range. Where a side falters it goes on behind the last key that was read; without such keys
        it begins anew, unless something of it was told."""
        doing = f"read every row of {part.table}"
        merger = _Merger(part, self)

        def on_source(here: Any) -> RangeResult:
            try:
                return self.target.use(lambda there: merger.merge(here, there), doing, settings=settings)
            except VoyagerError as error:
                if isinstance(error.__cause__, _Here):
                    raise error.__cause__.cause from None
                raise

        settings: Settings = {"statement_timeout": OF_A_RANGE} if part.by_range else {}
        while True:
            try:
                return self.source.use(on_source, doing, settings=settings)
            except TimedOut:
                # What was read in that time need not be read again; nothing at all would be the same once more.
                if not merger.gained():
                    raise

    def tell(self, part: RowRange, found: list[RowDifference]) -> None:
        with self._guard:
            for one in found:
                self.on_difference(part, one)

    def look(self) -> None:
        if self._stop.is_set():
            raise Interrupted("The comparison was stopped.", "Run the same command again: it goes on.")


class _Here(Exception):
    """The source faltered while a connection of the target was in use: its own readers try again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class _Merger:
    """Two streams of lines in the same order become differences."""

    def __init__(self, part: RowRange, comparison: RowComparison) -> None:
        self._whole = self._part = part
        self._comparison = comparison
        self._told = False
        self._behind: int | None = None
        self._previous: bytes | None = None
        self._gained_before: int | None = None
        self._begin()

    def _begin(self) -> None:
        if self._behind is not None:
            self._part, self._previous = self._whole.behind(self._behind), None
            return
        if self._told:
            raise DatabaseAway(
                f"A database went away while table {self._part.table} was compared, which has many differences.",
                "Run the same command again: it goes on where it stopped.",
            )
        self._held: list[RowDifference] = []
        self._counts: Counter[str] = Counter()
        self._rows = (0, 0)
        self._previous = None

    def gained(self) -> bool:
        """Whether more was read since this was asked last."""
        before, self._gained_before = self._gained_before, self._behind
        return self._behind != before

    def merge(self, here: Any, there: Any) -> RangeResult:
        """Read both connections side by side to their ends."""
        self._begin()
        with contextlib.ExitStack() as both:
            one = _lines(both, here, query(self._part, source=True), wrap=True)
            other = _lines(both, there, query(self._part, source=False), wrap=False)
            self._pair_off(one, other)
        self._tell()
        return RangeResult(*self._rows, dict(self._counts))

    def _pair_off(self, one: Iterator[bytes], other: Iterator[bytes]) -> None:
        step = self._keyed if self._part.key else self._counted
        look, done = self._comparison.look, None
        here, there = self._rows
        try:
            left, right = next(one, None), next(other, None)
            while left is not None or right is not None:
                if (here + there) % LINES_BETWEEN_LOOKS < 2:
                    look()
                # Equal lines are equal rows, and lines of the same place: nothing else is looked at.
                move = (True, True) if left == right else step(left, right)
                done = left if move[0] else right
                if move[0]:
                    here += 1
                if move[1]:
                    there, self._previous = there + 1, right
                # All of this line is counted before the next one, which may not come.
                if move[0]:
                    left = next(one, None)
                if move[1]:
                    right = next(other, None)
        finally:
            self._rows = (here, there)
            if done is not None and self._part.by_range:
                self._behind = int(self._part.key_of(_fields(done) or [])[0][1])

    def _keyed(self, left: bytes | None, right: bytes | None) -> tuple[bool, bool]:
        """Find what two lines that are not the same stand for, and which of them is used up."""
        part = self._part
        ours, theirs = _fields(left), _fields(right)
        mine = part.key_of(ours) if ours is not None else None
        other = part.key_of(theirs) if theirs is not None else None
        if theirs is None or (ours is not None and mine < other):  # type: ignore[operator]
            assert ours is not None
            self._found(RowDifference(part.named(ours), MISSING, values=self._values(ours, None)))
            return True, False
        if ours is None or other < mine:  # type: ignore[operator]
            # A key that the target has twice names no row: both counts say so.
            before = _fields(self._previous)
            again = (1, 2) if before is not None and other == part.key_of(before) else None
            self._found(RowDifference(part.named(theirs), EXTRA, values=self._values(None, theirs), copies=again))
            return False, True
        self._changed(ours, theirs)
        return True, True

    def _changed(self, ours: list[bytes], theirs: list[bytes]) -> None:
        part, start = self._part, self._part.columns_at
        end = start + len(part.columns)
        pairs = zip(part.columns, ours[start:end], theirs[start:end], strict=True)
        unequal = [(column.name, text_of(one), text_of(other)) for column, one, other in pairs if one != other]
        if not unequal:
            return  # equal keys that print differently, in a column that is not compared
        columns = tuple(name for name, *_ in unequal)
        kind = part.kind_of(ours, theirs, set(columns))
        values = tuple(unequal) if self._comparison.show_values else None
        self._found(RowDifference(part.named(ours), kind, columns, values))

    def _counted(self, left: bytes | None, right: bytes | None) -> tuple[bool, bool]:
        """Rows without a key stand in the order of their texts: the smaller one is not on the other side."""
        part = self._part
        ours, theirs = _fields(left), _fields(right)
        mine = part.key_of(ours) if ours is not None else None
        other = part.key_of(theirs) if theirs is not None else None
        if theirs is None or (ours is not None and mine < other):  # type: ignore[operator]
            assert ours is not None
            self._found(RowDifference(part.named(ours), MISSING, copies=(1, 0)))
            return True, False
        self._found(RowDifference(part.named(theirs), EXTRA, copies=(0, 1)))
        return False, True

    def _values(
        self, ours: list[bytes] | None, theirs: list[bytes] | None
    ) -> tuple[tuple[str, Text, Text], ...] | None:
        if not self._comparison.show_values:
            return None
        start, names = self._part.columns_at, [column.name for column in self._part.columns]
        end = start + len(names)
        here = [text_of(value) for value in ours[start:end]] if ours else [None] * len(names)
        there = [text_of(value) for value in theirs[start:end]] if theirs else [None] * len(names)
        return tuple(zip(names, here, there, strict=True))

    def _found(self, difference: RowDifference) -> None:
        self._counts[difference.kind] += 1
        if difference.copies and self._held and self._held[-1].key == difference.key and not self._part.key:
            ours, theirs = self._held[-1].copies or (0, 0)
            copies = (ours + difference.copies[0], theirs + difference.copies[1])
            self._held[-1] = RowDifference(difference.key, difference.kind, copies=copies)
            return
        self._held.append(difference)
        if len(self._held) > MOST_HELD:
            self._told = True
            self._tell()

    def _tell(self) -> None:
        self._comparison.tell(self._part, self._held)
        self._held = []


def _fields(line: bytes | None) -> list[bytes] | None:
    return None if line is None else line.removesuffix(b"\n").split(b"\t")


def _lines(both: contextlib.ExitStack, connection: Any, sql: tuple[str, dict[str, Any] | None], *, wrap: bool) -> Any:
    """The lines of a COPY, as bytes. With `wrap` what goes wrong is marked as the source's."""
    with _marked(wrap=wrap):
        cursor = both.enter_context(connection.cursor())
        copy = both.enter_context(cursor.copy(*sql))

    def read() -> Iterator[bytes]:
        with _marked(wrap=wrap):
            for line in copy:
                yield bytes(line)

    return read()


@contextlib.contextmanager
def _marked(*, wrap: bool) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if wrap:
            raise _Here(error) from None
        raise
