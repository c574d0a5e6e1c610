"""Indexes of MySQL that another index of the same table makes superfluous."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from voyager.assessment.assessment import RedundantIndex
from voyager.sources.mysql.model import Dictionary, Index, IndexKey, Table
from voyager.sources.mysql.names import quoted

_ORDERED = {"BTREE", "HASH"}


def redundant_indexes(dictionary: Dictionary, *, refused: Collection[str] = ()) -> Iterator[RedundantIndex]:
    """An index whose keys are the first keys of another one, with one that stays: never one that goes itself.

    A unique index goes only for a unique one with the same keys. The primary key always stays, and of two equal
    indexes that with the smaller name. None goes for one that the target may not get: those `refused` (by label), and
    those that end in an expression of MySQL's.
    """
    for table in dictionary.base_tables:
        candidates = [index for index in table.indexes if index.kind in _ORDERED and index.keys]
        by_first: dict[tuple[str, IndexKey], list[Index]] = defaultdict(list)
        for index in candidates:
            by_first[index.kind, _folded(index)[0]].append(index)
        for group in by_first.values():
            yield from _of_group(table, group, refused)


def _of_group(table: Table, group: list[Index], refused: Collection[str]) -> Iterator[RedundantIndex]:
    """From the weakest to the strongest: each may go for one that comes behind it, and what is last stays."""
    ordered = sorted(group, key=_strength)
    for place, index in enumerate(ordered):
        later = (other for other in ordered[place + 1 :] if other.label not in refused)
        stronger = [other for other in later if _serves(other, index)]
        if index.primary or not stronger:
            continue
        existing = stronger[-1]
        yield RedundantIndex(
            table=f"{table.schema}.{table.name}",
            index=f"{table.schema}.{table.name}.{index.name}",
            ddl=_ddl(index),
            existing=f"{table.schema}.{table.name}.{existing.name}",
            existing_ddl=_ddl(existing),
            schema=table.schema,
            name=f"{table.name}.{index.name}",
            table_name=table.name,
            existing_name=f"{table.name}.{existing.name}",
        )


def _strength(index: Index) -> tuple[int, bool, bool, tuple[int, ...]]:
    """More keys before fewer, then the primary key, then unique ones, then the smaller name."""
    return len(index.keys), index.unique, index.primary, tuple(-ord(letter) for letter in index.name)


def _serves(other: Index, index: Index) -> bool:
    keys, own = _folded(other), _folded(index)
    if not other.visible or keys[: len(own)] != own or any(key.column is None for key in keys[len(own) :]):
        return False
    return not index.unique or (other.unique and len(keys) == len(own))


def _folded(index: Index) -> tuple[IndexKey, ...]:
    return tuple(
        IndexKey(key.column.casefold() if key.column else None, key.expression, key.prefix, key.descending)
        for key in index.keys
    )


def _ddl(index: Index) -> str:
    keys = ", ".join(
        (f"({key.expression})" if key.column is None else quoted(key.column))
        + (f"({key.prefix})" if key.prefix else "")
        + (" DESC" if key.descending else "")
        for key in index.keys
    )
    place = f"{quoted(index.schema)}.{quoted(index.table)}"
    if index.primary:
        return f"ALTER TABLE {place} ADD PRIMARY KEY ({keys})"
    return f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quoted(index.name)} ON {place} ({keys})"
