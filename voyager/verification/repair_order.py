"""Rows of a table that refers to itself, in the order in which it takes them: what is referred to comes first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from voyager.verification.findings import EXTRA, MISSING, RowDifference
from voyager.verification.repair import ROWS_AT_ONCE, Reader, Row

MOST_ORDERED = 200_000
"""Rows whose order is worked out; of more, each comes as it was found."""

ForeignKey = tuple[tuple[str, ...], tuple[str, ...]]
"""The columns that refer, and those that they refer to."""


def in_order(
    rows: Iterable[RowDifference], keys: Sequence[ForeignKey], *, source: Reader, target: Reader
) -> Iterator[RowDifference]:
    """The same rows: those to be inserted with what they refer to before them, those to be deleted with it behind."""
    waiting = iter(rows)
    known = list(itertools.islice(waiting, MOST_ORDERED + 1))
    if len(known) <= MOST_ORDERED:
        missing = _referred_first([row for row in known if row.kind == MISSING], keys, source)
        extra = _referred_first([row for row in known if row.kind == EXTRA], keys, target)
        known = [*reversed(extra), *(row for row in known if row.kind not in (MISSING, EXTRA)), *missing]
    yield from itertools.chain(known, waiting)


def _referred_first(rows: list[RowDifference], keys: Sequence[ForeignKey], reader: Reader) -> list[RowDifference]:
    values: dict[RowDifference, Row] = {}
    wanted = {column for key in keys for columns in key for column in columns}
    for first in range(0, len(rows), ROWS_AT_ONCE):
        read = reader(rows[first : first + ROWS_AT_ONCE])
        values |= {row: {name: found.get(name) for name in wanted} for row, found in read.items()}
    places = [
        {_texts(found, referred): row for row, found in values.items() if None not in _texts(found, referred)}
        for _, referred in keys
    ]

    def parents(row: RowDifference) -> list[RowDifference]:
        found = values.get(row, {})
        refers = (place.get(_texts(found, columns)) for place, (columns, _) in zip(places, keys, strict=True))
        return [one for one in refers if one is not None and one is not row]

    return list(_depth_first(rows, parents))


def _depth_first(
    rows: list[RowDifference], parents: Callable[[RowDifference], list[RowDifference]]
) -> Iterator[RowDifference]:
    """Every row behind its parents; rows in a circle in any order."""
    done: set[int] = set()
    for row in rows:
        waiting = [(row, False)]
        while waiting:
            one, ready = waiting.pop()
            if ready:
                yield one
            elif id(one) not in done:
                done.add(id(one))
                waiting.append((one, True))
                waiting += [(parent, False) for parent in parents(one) if id(parent) not in done]


def _texts(row: Mapping[str, str | None], columns: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(row.get(column) for column in columns)
