"""Find the rows of unequal groups: smaller groups are summed where that saves reading, then rows are compared."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from voyager.errors import Interrupted
from voyager.verification.compare import settings_for, sums_of, unequal_groups
from voyager.verification.digest import Method
from voyager.verification.findings import DIFFERENT, EXTRA, MISSING, RowDifference
from voyager.verification.forms import Form
from voyager.verification.queries import Part, finer_sums_sql, rows_sql
from voyager.verification.readers import Readers, TimedOut

FINER_BITS = 6
"""An unequal group is cut into 64 before its rows are read, when few groups are unequal."""

ROWS_WORTH_SUMMING = 500
"""So few rows are read at once: another question would cost more than it saves."""

SHARE_WORTH_SUMMING = 0.25
ROW_NAME = "md5"
"""What names a row without a key: the md5 of its text, as if it were a column."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Ways:
    """How rows are told apart: `method`, and other ways to compare the columns that excuse a difference, by kind."""

    method: Method
    excuses: tuple[tuple[str, tuple[Form, ...]], ...] = ()


@dataclass
class Search:
    """The search for the rows of one part. `tell` gets every difference with its place, in one thread."""

    part: Part
    rows: int
    share: float
    ways: Ways
    source: Readers
    target: Readers
    order: threading.Lock
    tell: Callable[[int, RowDifference], None]
    _done: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Find and tell every row that is not the same."""
        waiting = [self._narrowed()]
        begun = time.monotonic()
        while waiting:
            part = waiting.pop()
            if not part.groups:
                continue
            faltered: tuple[Readers, Exception] | None = None
            here, there = self._open(part)
            with closing(here), closing(there):
                faltered = self._read(part, iter(here), iter(there))
            if faltered is not None:
                waiting += self._left(part, *faltered, begun)

    def _left(self, part: Part, side: Readers, error: Exception, begun: float) -> list[Part]:
        """What is to be read again: in halves where it was too much for one query."""
        left = tuple(group for group in part.groups if group not in self._done)
        if isinstance(error, TimedOut) and len(left) > 1:
            middle = len(left) // 2
            return [replace(part, groups=left[middle:]), replace(part, groups=left[:middle])]
        side.wait_out(error, begun, self._doing)
        return [replace(part, groups=left)]

    @property
    def _doing(self) -> str:
        return f"find the rows of {self.part.plan.table} that differ"

    def _narrowed(self) -> Part:
        """The part's unequal groups, once more cut into smaller ones unless that is not worth it."""
        part = self.part
        finer = part.grouping.finer(FINER_BITS)
        few = self.rows <= ROWS_WORTH_SUMMING or self.share > SHARE_WORTH_SUMMING
        if few or finer == part.grouping:
            return part
        statements = [finer_sums_sql(part, finer, side, self.ways.method) for side in (0, 1)]
        sides = (self.source, self.target)
        asked = [
            side.submit(*one, self._doing, settings=settings_for(part.plan))
            for side, one in zip(sides, statements, strict=True)
        ]
        try:
            here, there = (sums_of(one.result()) for one in asked)
        except TimedOut:
            return part  # it saves nothing here
        return replace(part, grouping=finer, groups=unequal_groups(here, there))

    def _open(self, part: Part) -> tuple[Any, Any]:
        """Both streams. Every search gets its place in both sides' queues at once: else two searches could each hold
        the connection that the other one waits for."""
        forms = tuple(forms for _, forms in self.ways.excuses)
        statements = [rows_sql(part, side, self.ways.method, forms) for side in (0, 1)]
        at_once = max(50, 20_000 // (4 + len(part.plan.columns)))
        settings = settings_for(part.plan)
        with self.order:
            here = self.source.stream(*statements[0], rows_at_once=at_once, settings=settings)
            there = self.target.stream(*statements[1], rows_at_once=at_once, settings=settings)
        return here, there

    def _read(self, part: Part, here: Iterator[Row], there: Iterator[Row]) -> tuple[Readers, Exception] | None:
        """Compare group by group; returns the side that faltered, with its error."""
        one, other = _Side(part, here), _Side(part, there)
        judge = self._judge_keyed if part.by_key else self._judge_copies
        while True:
            for side, readers in ((one, self.source), (other, self.target)):
                if (error := side.fill()) is not None:
                    return readers, error
            groups = [side.group for side in (one, other) if side.group is not None]
            if not groups:
                return None
            group = min(groups)
            for place, difference in judge(one.take(group), other.take(group)):
                self.tell(place, difference)
            self._done.add(group)

    def _judge_keyed(self, here: list[Row], there: list[Row]) -> Iterator[tuple[int, RowDifference]]:
        ours, theirs = _by_place(here), _by_place(there)
        for place in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(place, []), theirs.get(place, [])
            if len(one) == len(other) == 1:
                kind = self._kind(one[0], other[0])
                if kind:
                    yield place, RowDifference(self._named(one[0]), kind, self._columns(one[0], other[0]))
                continue
            yield from self._judge_repeated(place, one, other)

    def _judge_repeated(self, place: int, here: list[Row], there: list[Row]) -> Iterator[tuple[int, RowDifference]]:
        """Rows of one key that a side has not exactly once: the target may have lost its unique index."""
        left, surplus = list(here), list(there)
        for row in here:
            same = next((one for one in surplus if one[2] == row[2]), None)
            if same is not None:
                left.remove(row)
                surplus.remove(same)
        copies = (len(here), len(there)) if max(len(here), len(there)) > 1 else None
        for one, other in itertools.zip_longest(left, surplus):
            if one is not None and other is not None:
                kind = self._kind(one, other)
                yield place, RowDifference(self._named(one), kind, self._columns(one, other), copies=copies)
            else:
                kind = MISSING if other is None else EXTRA
                yield place, RowDifference(self._named(one or other), kind, copies=copies)

    def _judge_copies(self, here: list[Row], there: list[Row]) -> Iterator[tuple[int, RowDifference]]:
        """Rows without a key: how often each side has this very row."""
        ours, theirs = ({row[0]: row for row in side} for side in (here, there))
        for place in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(place), theirs.get(place)
            copies = (one[1] if one else 0, other[1] if other else 0)
            if copies[0] != copies[1]:
                kind = MISSING if copies[0] > copies[1] else EXTRA
                name = (one or other or ("", 0, ""))[2]
                yield place, RowDifference(((ROW_NAME, name),), kind, copies=copies)

    def _kind(self, one: Row, other: Row) -> str:
        """ "" for equal rows, else the first kind that explains the difference."""
        if one[2] == other[2]:
            return ""
        for number, (kind, _) in enumerate(self.ways.excuses, start=3):
            if one[number] == other[number]:
                return kind
        return DIFFERENT

    def _named(self, row: Row) -> tuple[tuple[str, str], ...]:
        return tuple((form.column, text) for form, text in zip(self.part.plan.key, row[1], strict=True))

    def _columns(self, one: Row, other: Row) -> tuple[str, ...]:
        columns = enumerate(self.part.plan.columns)
        return tuple(form.column for place, form in columns if one[2][8 * place :][:8] != other[2][8 * place :][:8])


class _Side:
    """One side's rows, taken a group at a time."""

    def __init__(self, part: Part, rows: Iterator[Row]) -> None:
        self._groups = itertools.groupby(rows, lambda row: part.grouping.group_of(row[0]))
        self._ended = False
        self.group: int | None = None
        self._rows: list[Row] = []

    def fill(self) -> Exception | None:
        """Read the next group unless there is one; returns what went wrong."""
        if self.group is not None or self._ended:
            return None
        try:
            self.group, rows = next(self._groups, (None, iter(())))
            self._rows = list(rows)
        except Interrupted:
            raise
        except Exception as error:
            return error
        self._ended = self.group is None
        return None

    def take(self, group: int) -> list[Row]:
        """The rows of a group, none if this side has no such group."""
        if self.group != group:
            return []
        self.group = None
        return self._rows


def _by_place(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Rows by place, which is a key or the hash of one: several rows only where a key is not unique."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found
