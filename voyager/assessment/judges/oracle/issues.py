"""What can stand in the way of a schema of Oracle: every issue of the judge, found by its id."""

from __future__ import annotations

from types import MappingProxyType

from voyager.assessment.judges.oracle import (
    code_issues,
    object_issues,
    schema_issues,
    type_issues,
)
from voyager.schema.issues.catalogue import by_id as of_postgresql
from voyager.schema.issues.issue import Issue

# Ids that the schema's own catalogue has, because a converted schema may still hold them.
_SHARED = (
    "COMPOUND_TRIGGER",
    "BULK_COLLECT",
    "ORACLE_ANYDATA",
    "ORACLE_ANYDATASET",
    "ORACLE_ANYTYPE",
    "ORACLE_URITYPE",
)

ISSUES: tuple[Issue, ...] = (
    *type_issues.ROWS,
    *schema_issues.ROWS,
    *object_issues.ROWS,
    *code_issues.ROWS,
    *(of_postgresql(name) for name in _SHARED),
)

_BY_ID = MappingProxyType({issue.id.upper(): issue for issue in ISSUES})


def by_id(issue_id: str) -> Issue:
    """The row of an id; the dictionary spells the names of types in capitals, the catalogue does not always."""
    return _BY_ID[issue_id.upper()]
