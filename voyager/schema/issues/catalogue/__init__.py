"""The catalogue of issues: one row says what it is, what to do about it, and since when YugabyteDB has it no more."""

from __future__ import annotations

from types import MappingProxyType

from voyager.schema.issues.catalogue import (
    constructs,
    datatypes,
    indexes,
    leftovers,
    newer,
    objects,
    performance,
    statements,
    tables,
)
from voyager.schema.issues.issue import Issue

ISSUES: tuple[Issue, ...] = (
    *datatypes.ROWS,
    *tables.ROWS,
    *indexes.ROWS,
    *objects.ROWS,
    *statements.ROWS,
    *leftovers.ROWS,
    *newer.ROWS,
    *constructs.CONSTRUCTS,
    *performance.ROWS,
)

_BY_ID = MappingProxyType({issue.id: issue for issue in ISSUES})


def by_id(issue_id: str) -> Issue:
    """The row of an id; KeyError for an id that the catalogue does not have."""
    return _BY_ID[issue_id]
