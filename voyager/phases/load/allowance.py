"""Allowance: how many rows of each table may be set aside before its definition, not its rows, is what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from voyager.errors import BlockersFound
from voyager.identifiers import TableName
from voyager.target.salvage import Refused

REASONS_SHOWN = 5


class TooManyRefused(BlockersFound):
    """So many rows of a table are refused that setting them aside serves nobody."""


class Allowance:
    """Counts rows as they are found at fault, by all workers together. What is rolled back is given back."""

    def __init__(self, most: int, already: Mapping[TableName, int]) -> None:
        self._most = most
        self._counts = Counter(already)
        self._reasons: dict[TableName, Counter[str]] = {}

    def take(self, table: TableName, refused: Refused) -> None:
        """Count one row; raises TooManyRefused beyond the limit."""
        self._counts[table] += 1
        reasons = self._reasons.setdefault(table, Counter())
        reasons[f"{refused.reason} (SQLSTATE {refused.sqlstate or 'none'})"] += 1
        if self._counts[table] <= self._most:
            return
        named = tuple(f"{count:,} rows: {reason}" for reason, count in reasons.most_common(REASONS_SHOWN))
        raise TooManyRefused(
            f"The target refuses more than {self._most:,} rows of {table} (--max-quarantined), most often: {named[0]}. "
            "The table's definition seems wrong, not its rows. It was stopped.",
            f"Make the definition of {table} on the target accept them and run the command again: what is set aside is "
            "loaded with --replay-quarantine. Or allow more: --max-quarantined.",
            named,
        )

    def give_back(self, table: TableName, count: int) -> None:
        self._counts[table] -= count
