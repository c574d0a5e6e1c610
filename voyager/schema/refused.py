"""Indexes that a target release does not create as their statements are, so that nothing can rely on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from voyager.schema.chosen_names import name_of_constraint
from voyager.schema.facts import ConstraintFacts, IndexFacts, Key, TableFacts
from voyager.schema.issues.issue import Hit
from voyager.schema.model import SchemaModel
from voyager.schema.nodes import dotted
from voyager.schema.parse import strings

Refusals = Mapping[int, Sequence[Hit]]
"""What is refused: the identity of a statement -> the hits because of which the target would refuse it."""


_STAYS = frozenset({"STORAGE_PARAMETERS"})
"""Issues of a clause that is taken out, and the index is made all the same: as useful as before."""


def refused_indexes(model: SchemaModel, refusals: Refusals) -> frozenset[Key]:
    """The indexes, those of keys included, that are refused themselves or hold a column whose type is.

    A table that is refused for anything else gets its indexes once that is put right.
    """
    refusals = {
        statement: lasting
        for statement, hits in refusals.items()
        if (lasting := [h for h in hits if h.issue_id not in _STAYS])
    }
    columns = {hit.object_name for hits in refusals.values() for hit in hits if hit.object_type == "COLUMN"}
    found: set[Key] = set()
    for facts in model.tables.values():
        missing = {name for name in model.columns_of(facts.key) if dotted(*facts.key, name) in columns}
        found.update(index.key for index in facts.indexes if _is_refused(index, refusals, missing))
        for constraint in facts.of_kind("primary", "unique"):
            if constraint.statement is not None and _is_key_refused(facts, constraint, refusals, missing):
                found.add((facts.key[0], name_of_constraint(facts.key[1], constraint)))
    return frozenset(found)


def _is_refused(index: IndexFacts, refusals: Refusals, missing: Collection[str]) -> bool:
    return id(index.statement) in refusals or any(name in missing for name in (*index.columns, *index.included))


def _is_key_refused(
    facts: TableFacts, constraint: ConstraintFacts, refusals: Refusals, missing: Collection[str]
) -> bool:
    """A key made from an index of its own name is refused without it; the index is judged by its own statement."""
    if constraint.using_index:
        return False
    if any(name in missing for name in (*constraint.columns, *strings(constraint.node.including))):
        return True
    name = dotted(name_of_constraint(facts.key[1], constraint))
    for hit in refusals.get(id(constraint.statement), ()):
        named = hit.details.get("ConstraintName")
        # What CREATE TABLE is refused for is mostly not the key; ALTER TABLE … ADD does nothing else.
        if named == name or (named is None and (constraint.added or constraint.node.options)):
            return True
    return False
