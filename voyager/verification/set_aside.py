"""Rows that a load set aside and did not bring in later: which of the target's missing rows they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from voyager.identifiers import TableName
from voyager.verification.findings import GIVEN_UP, MISSING, SET_ASIDE, RowDifference

REPLAY = "yb-voyager migrate import data --replay-quarantine"

_BOOLEANS = {"t": "true", "f": "false"}
_PADDED = ("character(", "bpchar")

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class RowSetAside:
    """One row that was set aside: `key` by column as COPY writes it, None where the table has none; `given_up` says
    that the operator does without it."""

    key: Mapping[str, str | None] | None
    given_up: bool = False

    @property
    def kind(self) -> str:
        return GIVEN_UP if self.given_up else SET_ASIDE


@dataclass
class TableAside:
    """The rows of one table that were set aside: some are known by the key that verification names rows by, of the
    others only the number."""

    by_key: Mapping[Key, str] = field(default_factory=dict)
    by_number: Counter[str] = field(default_factory=Counter)
    _types: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[RowSetAside], key: Sequence[str], types: Sequence[str]) -> TableAside:
        """`key` names the columns, `types` are theirs at the source."""
        by_key: dict[Key, str] = {}
        by_number: Counter[str] = Counter()
        for row in rows:
            if key and row.key is not None and row.key.keys() >= set(key):
                name = tuple(_as_cast(row.key[column], kind) for column, kind in zip(key, types, strict=True))
                # A key that was set aside twice and given up once still waits for the other one.
                by_key[name] = SET_ASIDE if by_key.get(name) == SET_ASIDE else row.kind
            else:
                by_number[row.kind] += 1
        return cls(by_key, by_number, tuple(types))

    @property
    def open_by_number(self) -> bool:
        """Whether rows wait to be loaded again that nobody can tell from other missing ones."""
        return bool(self.by_number[SET_ASIDE])

    @property
    def total(self) -> int:
        return len(self.by_key) + self.by_number.total()

    def judged(self, row: RowDifference) -> RowDifference:
        """The row under the kind that says why it is missing."""
        if row.kind != MISSING or not self.by_key:
            return row
        name = tuple(_as_cast(text, kind) for (_, text), kind in zip(row.key, self._types, strict=False))
        return replace(row, kind=self.by_key.get(name, MISSING))

    def counted(self, counts: Mapping[str, int]) -> Counter[str]:
        """Differing rows by kind: as many missing ones as are known by their number only are those set aside."""
        found = Counter(counts)
        for kind, number in self.by_number.items():
            explained = min(number, found[MISSING])
            found[kind] += explained
            found[MISSING] -= explained
        return +found


def to_json(tables: Mapping[TableName, Sequence[RowSetAside]]) -> list[dict[str, Any]]:
    """How many rows of each table are not there for that reason, for the report."""
    found = []
    for table, rows in sorted(tables.items()):
        given_up = sum(row.given_up for row in rows)
        found.append(
            {"schema": table.schema, "table": table.name, "set_aside": len(rows) - given_up, "given_up": given_up}
        )
    return found


def _as_cast(text: str | None, type_name: str) -> str | None:
    """The text that a cast to text gives, from that of COPY or of a cast."""
    if text is None:
        return None
    if type_name == "boolean":
        return _BOOLEANS.get(text, text)
    return text.rstrip(" ") if type_name == "character" or type_name.startswith(_PADDED) else text
