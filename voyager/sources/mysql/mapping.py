"""The target type of every column of a database: what keys and foreign keys make columns agree in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from voyager.sources.mysql.columns import ColumnFacts
from voyager.sources.mysql.model import Dictionary, Table
from voyager.sources.mysql.types import LARGEST_BIGINT, Proof, TargetType, Use, target_type

Place = tuple[str, str, str]
"""Database, table, column (case-folded: the server does not tell a column's case apart)."""


def map_types(dictionary: Dictionary) -> Mapping[Place, TargetType]:
    """The type of each column of each base table; columns that foreign keys tie together get the same one."""
    groups = list(_tied(dictionary))
    uses = {place: use for table in dictionary.base_tables for place, use in _uses(table)}
    proofs = {place: proof for table in dictionary.base_tables for place, proof in _proofs(table)}
    for group in groups:
        keyed = Use(keyed=True, indexed=True)
        proof = _together([proofs.get(place, Proof()) for place in group])
        for place in group:
            uses[place], proofs[place] = keyed, proof
    found = {
        place_of(column): target_type(column, use=uses.get(place_of(column)), proof=proofs.get(place_of(column)))
        for table in dictionary.base_tables
        for column in table.columns
    }
    for group in groups:
        found.update(_one_enum(group, found))
    return found


def place_of(column: ColumnFacts) -> Place:
    return column.schema, column.table, column.name.casefold()


def _uses(table: Table) -> Iterable[tuple[Place, Use]]:
    keyed: dict[str, bool] = {}
    for index in table.indexes:
        if index.kind in {"FULLTEXT", "SPATIAL"}:
            continue
        for column in index.columns:
            name = column.casefold()
            keyed[name] = keyed.get(name, False) or index.unique
    for name, unique in keyed.items():
        yield (*table.key, name), Use(keyed=unique, indexed=True)


def _proofs(table: Table) -> Iterable[tuple[Place, Proof]]:
    """The next value of an auto-increment column is above all that it has ever made."""
    for column in table.columns:
        if column.auto_increment:
            yield place_of(column), Proof(fits_bigint=(table.next_value or 0) <= LARGEST_BIGINT)


def _together(proofs: Iterable[Proof]) -> Proof:
    """A foreign key's values are among those of its parent, so what holds for one end holds for both."""
    known = [proof.fits_bigint for proof in proofs if proof.fits_bigint is not None]
    return Proof(fits_bigint=all(known) if known else None)


def _one_enum(group: Iterable[Place], found: Mapping[Place, TargetType]) -> dict[Place, TargetType]:
    """Two enum types cannot be compared, whatever their labels: columns that are tied together share the first one."""
    first: dict[tuple[str, ...], TargetType] = {}
    enums = [place for place in sorted(group) if place in found and found[place].labels]
    return {place: first.setdefault(found[place].labels, found[place]) for place in enums}


def _tied(dictionary: Dictionary) -> Iterable[set[Place]]:
    """Columns that foreign keys connect, directly or over others."""
    neighbours: dict[Place, set[Place]] = defaultdict(set)
    for table in dictionary.base_tables:
        for key in table.foreign_keys:
            for child, parent in zip(key.columns, key.parent_columns, strict=False):
                ends = (*table.key, child.casefold()), (*key.parent, parent.casefold())
                neighbours[ends[0]].add(ends[1])
                neighbours[ends[1]].add(ends[0])
    seen: set[Place] = set()
    for start in neighbours:
        if start in seen:
            continue
        group, waiting = set(), [start]
        while waiting:
            place = waiting.pop()
            if place not in group:
                group.add(place)
                waiting.extend(neighbours[place])
        seen |= group
        yield group
