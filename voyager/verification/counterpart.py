"""Rows of which only one side says that they were changed: the other side has them too, unless their key says no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from voyager.verification.findings import DIFFERENT, EXTRA, RowDifference
from voyager.verification.forms import SOURCE, TARGET
from voyager.verification.locate import Ways
from voyager.verification.queries import packs_sql
from voyager.verification.readers import Readers
from voyager.verification.tally import Held, Tally

ROWS_AT_ONCE = 500
_BYTES = 8
"""Of a packed number."""


@dataclass(frozen=True)
class Counterparts:
    """Looks up the rows that `--since` met on one side only, without asking when they were changed: a target that has
    an older version of a row has it all the same, and a repair that took it for one too many would delete it."""

    source: Readers
    target: Readers

    def settle(self, tally: Tally, ways: Ways, *, all_of_them: bool) -> None:
        """Judge what the tally holds back, whole portions only unless it is `all_of_them`. Called by one thread, which
        holds no connection of either side."""
        for held in tally.named.take(ROWS_AT_ONCE, all_of_them=all_of_them):
            for one in self._judged(tally, ways, held):
                tally.named.settle(one)

    def _judged(self, tally: Tally, ways: Ways, held: list[Held]) -> Iterator[Held]:
        plan, rows = tally.plan, [one.row for one in held]
        forms = tuple(forms for _, forms in ways.excuses)
        doing = f"look up rows of {plan.table} by key"
        asked = [
            (readers, readers.submit(*packs_sql(plan, side, ways.method, rows, forms), doing))
            for side, readers in ((SOURCE, self.source), (TARGET, self.target))
        ]
        here, there = (_by_place(readers.wait(found)) for readers, found in asked)
        for place, one in enumerate(held):
            ours, theirs = here.get(place), there.get(place)
            # What is on neither side, or the same on both, was written meanwhile: its chunk is compared once more.
            if ours is not None and theirs is not None:
                if ours[0] != theirs[0]:
                    yield replace(one, row=self._changed(tally, ways, one.row, ours, theirs))
            elif (theirs if one.row.kind == EXTRA else ours) is not None:
                yield one

    @staticmethod
    def _changed(
        tally: Tally, ways: Ways, row: RowDifference, ours: tuple[bytes, ...], theirs: tuple[bytes, ...]
    ) -> RowDifference:
        packs = zip(ways.excuses, ours[1:], theirs[1:], strict=True)
        excused = (kind for (kind, _), one, other in packs if one == other)
        columns = tuple(
            form.column
            for place, form in enumerate(tally.plan.columns)
            if ours[0][_BYTES * place :][:_BYTES] != theirs[0][_BYTES * place :][:_BYTES]
        )
        return replace(row, kind=next(excused, DIFFERENT), columns=columns, values=None)


def _by_place(rows: list[tuple[Any, ...]]) -> dict[int, tuple[bytes, ...]]:
    return {place - 1: tuple(map(bytes, packs)) for place, *packs in rows}
