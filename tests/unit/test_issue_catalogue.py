"""The catalogues of all engines together: complete, each id once in its engine, each row with what a reader needs."""

from __future__ import annotations

from collections import Counter

import pytest

from voyager.assessment.judges.mysql.issues import ISSUES as MYSQL
from voyager.assessment.judges.oracle.issues import ISSUES as ORACLE
from voyager.schema.issues.catalogue import ISSUES
from voyager.schema.issues.issue import CATEGORIES, Issue

BY_ENGINE: dict[str, tuple[Issue, ...]] = {
    "postgresql": ISSUES,
    "mysql": MYSQL,
    "oracle": ORACLE,
}
KNOWN_ELSEWHERE = 204
"""Distinct ids of yb-voyager; ours are more."""
ORACLE_DATATYPES = {
    "BLOB", "CLOB", "NCLOB", "BFILE", "URITYPE", "XMLTYPE", "AnyData", "AnyType", "AnyDataSet", "ROWID", "UROWID",
    "SDO_GEOMETRY", "SDO_POINT_TYPE", "SDO_ELEM_INFO_ARRAY", "SDO_ORDINATE_ARRAY", "SDO_GTYPE", "SDO_SRID",
    "SDO_POINT", "SDO_ORDINATES", "SDO_DIM_ARRAY", "SDO_ORGSCL_TYPE", "SDO_STRING_ARRAY", "JSON",
}  # fmt: skip
ORACLE_FEATURES = {
    "UNSUPPORTED_INDEXES", "VIRTUAL_COLUMNS", "INHERITED_TYPES", "UNSUPPORTED_PARTITIONING_METHODS", "COMPOUND_TRIGGER",
}  # fmt: skip


@pytest.mark.parametrize("engine", BY_ENGINE)
def test_an_id_is_one_row_of_its_engine(engine: str) -> None:
    twice = [name for name, count in Counter(issue.id for issue in BY_ENGINE[engine]).items() if count > 1]
    assert twice == []


def test_the_ids_of_all_engines_are_at_least_those_known_elsewhere() -> None:
    assert len({issue.id for rows in BY_ENGINE.values() for issue in rows}) >= KNOWN_ELSEWHERE


def test_oracle_has_the_types_and_features_that_others_name() -> None:
    ids = {issue.id for issue in BY_ENGINE["oracle"]}
    assert ids >= ORACLE_DATATYPES
    assert ids >= ORACLE_FEATURES


@pytest.mark.parametrize("engine", BY_ENGINE)
def test_every_row_says_what_it_is_and_what_to_do(engine: str) -> None:
    for issue in BY_ENGINE[engine]:
        assert issue.category in CATEGORIES, issue.id
        assert issue.impact in {1, 2, 3}, issue.id
        assert issue.name, issue.id
        assert issue.says.endswith((".", ")")), issue.id
        assert issue.advice.endswith((".", ")")), issue.id
        assert issue.link.startswith("https://"), issue.id
