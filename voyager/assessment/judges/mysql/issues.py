"""What can stand in the way of a schema of MySQL: every issue of the judge, found by its id."""

from __future__ import annotations

from types import MappingProxyType

from voyager.assessment.judges.mysql import (
    code_issues,
    construct_issues,
    schema_issues,
    type_issues,
)
from voyager.schema.issues.catalogue import by_id as of_postgresql
from voyager.schema.issues.issue import Issue

# Ids of the schema's own catalogue that stand for the same thing here.
_SHARED = (
    "STORED_GENERATED_COLUMNS",
    "MULTI_COLUMN_LIST_PARTITION",
    "PK_UK_ON_BIT_DATATYPE",
    "INDEX_ON_BIT_DATATYPE",
    "VIEW_WITH_CHECK_OPTION",
    "SECURITY_INVOKER_VIEWS",
    "HOTSPOTS_ON_DATE_INDEX",
    "HOTSPOTS_ON_DATE_PK_UK",
    "HOTSPOTS_ON_TIMESTAMP_INDEX",
    "HOTSPOTS_ON_TIMESTAMP_PK_UK",
    "FOREIGN_KEY_DATATYPE_MISMATCH",
    "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL",
)

ISSUES: tuple[Issue, ...] = (
    *type_issues.ROWS,
    *schema_issues.ROWS,
    *code_issues.ROWS,
    *construct_issues.ROWS,
    *(of_postgresql(name) for name in _SHARED),
)

_BY_ID = MappingProxyType({issue.id: issue for issue in ISSUES})


def by_id(issue_id: str) -> Issue:
    return _BY_ID[issue_id]
