"""PlacedHit: a hit that is found in the whole schema, with the statement and the usage of what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voyager.schema.facts import IndexFacts, TableFacts
from voyager.schema.issues.issue import Hit
from voyager.schema.nodes import dotted
from voyager.schema.statements import Statement
from voyager.schema.statistics import Statistics


@dataclass(frozen=True)
class PlacedHit:
    """`usage` is FREQUENT, MODERATE, RARE or UNUSED, "" when nothing was measured."""

    hit: Hit
    statement: Statement
    usage: str = ""


def about_index(issue_id: str, index: IndexFacts, known: Statistics, details: Mapping[str, Any]) -> PlacedHit:
    name = f"{dotted(index.name)} ON {dotted(*index.table)}"
    usage = known.index_usage(index.key[0], index.name, index.table[1])
    return PlacedHit(Hit(issue_id, "INDEX", name, details), index.statement, usage)


def about_table(
    issue_id: str,
    facts: TableFacts,
    known: Statistics,
    details: Mapping[str, Any],
    *,
    statement: Statement | None,
) -> PlacedHit:
    """`statement` is what declares the key in question; it or the table's own must be known."""
    found = statement or facts.statement
    assert found is not None
    return PlacedHit(Hit(issue_id, "TABLE", dotted(*facts.key), details), found, known.table_usage(*facts.key))
