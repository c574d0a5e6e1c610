"""The rows of the catalogue: complete, readable, and right about the releases that have fixed an issue."""

from __future__ import annotations

import re

import pytest

from voyager.schema.issues.catalogue import ISSUES, by_id
from voyager.schema.issues.issue import (
    BODY,
    CATEGORIES,
    CAVEATS,
    EA,
    FEATURES,
    GA,
    LATEST_STABLE,
    PERFORMANCE,
    PLPGSQL_OBJECTS,
    PREVIEW_SERIES,
    QUERY,
    QUERY_CONSTRUCTS,
    SCHEMA,
    SERIES,
    STABLE_SERIES,
    TP,
    Fix,
    Issue,
    category_of,
    early_access,
    fixed,
    tech_preview,
)

# The types that have a row each in a family, by the names that consumers of reports know.
_NO_INDEX = """
    CITEXT TSVECTOR TSQUERY JSONB INET JSON MACADDR MACADDR8 CIDR BIT VARBIT DATERANGE TSRANGE TSTZRANGE NUMRANGE
    INT4RANGE INT8RANGE INTERVAL CIRCLE BOX LINE LSEG POINT PG_LSN PATH POLYGON TXID_SNAPSHOT ARRAY USER_DEFINED
"""
_NO_COLUMN = """
    XML XID GEOMETRY GEOGRAPHY BOX2D BOX3D TOPOGEOMETRY LARGE_OBJECT RASTER PG_LSN TXID_SNAPSHOT INT8MULTIRANGE
    INT4MULTIRANGE DATEMULTIRANGE NUMMULTIRANGE TSMULTIRANGE TSTZMULTIRANGE LIVE_MIGRATION_POINT LIVE_MIGRATION_LINE
    LIVE_MIGRATION_LSEG LIVE_MIGRATION_BOX LIVE_MIGRATION_PATH LIVE_MIGRATION_POLYGON LIVE_MIGRATION_CIRCLE
    LIVE_MIGRATION_VECTOR LIVE_MIGRATION_TIMETZ LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED
    LIVE_MIGRATION_WITH_FF_FB_TSQUERY
"""
# Later releases of yb-voyager have these beside those of the reference.
_LATER = """
    LIVE_MIGRATION_INT8MULTIRANGE LIVE_MIGRATION_INT4MULTIRANGE LIVE_MIGRATION_DATEMULTIRANGE
    LIVE_MIGRATION_NUMMULTIRANGE LIVE_MIGRATION_TSMULTIRANGE LIVE_MIGRATION_TSTZMULTIRANGE
"""
_OTHERS = """
    STORED_GENERATED_COLUMNS UNLOGGED_TABLES UNSUPPORTED_GIST_INDEX_METHOD UNSUPPORTED_BRIN_INDEX_METHOD
    UNSUPPORTED_SPGIST_INDEX_METHOD STORAGE_PARAMETERS ALTER_TABLE_SET_COLUMN_ATTRIBUTE ALTER_TABLE_CLUSTER_ON
    ALTER_TABLE_DISABLE_RULE EXCLUSION_CONSTRAINTS DEFERRABLE_CONSTRAINTS MULTI_COLUMN_GIN_INDEX ORDERED_GIN_INDEX
    POLICY_WITH_ROLES CONSTRAINT_TRIGGER REFERENCING_CLAUSE_IN_TRIGGER BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE
    ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE EXPRESSION_PARTITION_WITH_PK_UK MULTI_COLUMN_LIST_PARTITION
    INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION FOREIGN_TABLE INHERITANCE SECURITY_INVOKER_VIEWS
    DETERMINISTIC_OPTION_WITH_COLLATION NON_DETERMINISTIC_COLLATION FOREIGN_KEY_REFERENCED_PARTITIONED_TABLE
    SQL_BODY_IN_FUNCTION COMPRESSION_CLAUSE_IN_TABLE DATABASE_OPTIONS_PG15 DATABASE_OPTIONS_PG17 UNSUPPORTED_EXTENSION
    VIEW_WITH_CHECK_OPTION CREATE_CONVERSION COMPOUND_TRIGGER UNSUPPORTED_PG_SYNTAX ALTER_AGGREGATE
    DROP_MULTIPLE_OBJECTS DROP_INDEX_CONCURRENTLY BULK_COLLECT CREATE_ACCESS_METHOD REINDEX TABLE_LIKE_INCLUDING_ALL
    TABLE_LIKE TABLE_WITH_OIDS ALTER_TABLE_OF ALTER_TABLE_SET_SCHEMA CREATE_SCHEMA_WITH_ELEMENTS ALTER_TABLE_NOT_OF
    ALTER_COLUMN_SET_STATISTICS ALTER_COLUMN_SET_STORAGE ALTER_COLUMN_RESET ALTER_CONSTRAINT SET_WITH_OIDS
    SET_WITHOUT_CLUSTER ALTER_TABLE_SET ALTER_INDEX_SET ALTER_TABLE_RESET ALTER_FOREIGN_TABLE_OPTIONS
    ALTER_TYPE_DROP_ATTRIBUTE ALTER_TYPE ALTER_TABLE_INHERIT VALIDATE_CONSTRAINT ALTER_TABLESPACE ALTER_VIEW
    LANGUAGE_C_FUNCTION DROP_TEMPORARY_TABLE ORACLE_ANYDATA ORACLE_ANYDATASET ORACLE_ANYTYPE ORACLE_URITYPE
    FOREIGN_TABLE_PRIMARY_KEY FOREIGN_TABLE_FOREIGN_KEY ALTER_CONVERSION
"""
_OF_DDL = {
    *(f"PK_UK_ON_{name}_DATATYPE" for name in _NO_INDEX.split()),
    *(f"INDEX_ON_{name}_DATATYPE" for name in _NO_INDEX.split()),
    *(f"UNSUPPORTED_DATATYPE_{name}" for name in _NO_COLUMN.split()),
    *_OTHERS.split(),
}


def test_every_issue_of_ddl_that_reports_are_known_to_have_is_there() -> None:
    assert len(_OF_DDL) == 118 + 42
    assert {issue.id for issue in ISSUES} >= _OF_DDL | {f"UNSUPPORTED_DATATYPE_{name}" for name in _LATER.split()}


def test_the_series_are_listed_by_age() -> None:
    listed = "2.14 2.18 2.20 2.21 2.23 2.25 2024.1 2024.2 2025.1 2025.2 2026.1"
    assert " ".join(SERIES) == listed
    assert set(SERIES) == {*STABLE_SERIES, *PREVIEW_SERIES}


def test_no_id_stands_for_two_rows() -> None:
    assert len({issue.id for issue in ISSUES}) == len(ISSUES)
    assert all(by_id(issue.id) is issue for issue in ISSUES)


@pytest.mark.parametrize("issue", ISSUES, ids=lambda issue: issue.id)
def test_a_row_is_fit_to_be_shown(issue: Issue) -> None:
    assert issue.category in CATEGORIES
    assert issue.impact in {1, 2, 3}
    assert issue.name
    assert not issue.name.endswith(".")
    assert issue.says.endswith(".")
    assert issue.advice.endswith(".")
    assert re.match(r"(https://(docs\.yugabyte\.com|github\.com/yugabyte|www\.postgresql\.org/docs)/|$)", issue.link)


@pytest.mark.parametrize("issue", ISSUES, ids=lambda issue: issue.id)
def test_a_fix_belongs_to_a_known_series_and_one_that_needs_a_flag_names_it(issue: Issue) -> None:
    assert {fix.series for fix in issue.fixed_in} <= {*STABLE_SERIES, *PREVIEW_SERIES}
    assert all(fix.flags for fix in issue.fixed_in if fix.maturity != GA)


def _issue(*fixes: Fix, category: str = FEATURES) -> Issue:
    return Issue("X", "x", category, 1, "It is not there.", "Wait.", fixed_in=fixes)


_STABLE = _issue(*fixed("2.25.0.0", "2025.1.2.0", "2025.2.0.0", "2026.1.0.0"))


@pytest.mark.parametrize(
    ("release", "is_fixed"),
    [
        ("2025.1.2.0", True),
        ("2025.1.2.0-b7", True),
        ("2025.1.1.9", False),
        ("2025.1.10.0", True),
        ("2024.2.9.0", False),
        ("2025.3.0.0", False),
        ("2.25.1.0", True),
        ("2.27.0.0", False),
        ("2026.2.0.0", True),
        ("2031.1.0.0", True),
        (LATEST_STABLE, True),
    ],
)
def test_a_series_has_the_fixes_of_its_own_and_one_newer_than_all_known_those_of_the_newest(
    release: str, is_fixed: bool
) -> None:
    assert _STABLE.fixed(release) is is_fixed


def test_what_is_fixed_behind_a_flag_stays_an_issue_and_names_the_flag() -> None:
    issue = _issue(*early_access("2025.2.3.0", flags=("a=true", "b=64")), *tech_preview("2025.1.0.0", flags=("a",)))
    assert not issue.fixed("2025.2.3.0")
    assert issue.says_for("2025.2.2.9") == "It is not there."
    assert issue.says_for("2025.2.3.0").endswith("early access: it works once a=true and b=64 is set on the target.")
    assert issue.says_for("2025.1.0.0").endswith("tech preview: it works once a is set on the target.")
    assert issue.says_for(None) == "It is not there."
    assert (issue.minimum_versions(), issue.minimum_versions(EA), issue.minimum_versions(TP)) == (
        {},
        {"2025.2": "2025.2.3.0"},
        {"2025.1": "2025.1.0.0"},
    )


def test_the_most_mature_fix_of_a_release_counts() -> None:
    flags = ("x",)
    issue = _issue(
        *tech_preview("2025.2.1.0", flags=flags), *early_access("2025.2.2.0", flags=flags), *fixed("2025.2.3.0")
    )
    found = [issue.fix_for(f"2025.2.{patch}.0") for patch in range(4)]
    assert [fix.maturity if fix else None for fix in found] == [None, TP, EA, GA]


def test_the_category_follows_from_the_place_unless_the_issue_is_one_of_performance() -> None:
    assert [category_of(_issue(), place) for place in (SCHEMA, BODY, QUERY)] == [
        FEATURES,
        PLPGSQL_OBJECTS,
        QUERY_CONSTRUCTS,
    ]
    assert category_of(_issue(category=CAVEATS), QUERY) == CAVEATS
    assert category_of(_issue(category=PERFORMANCE), BODY) == PERFORMANCE


def test_what_begins_with_a_release_is_no_issue_of_earlier_ones() -> None:
    issue = by_id("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_TSMULTIRANGE")
    assert [issue.stands(release) for release in ("2024.2.8.0", "2025.1.0.0", "2025.2.3.0-b149", "2026.1.0.0")] == [
        False,
        True,
        True,
        True,
    ]


def test_what_a_release_has_fixed_is_no_issue_of_it() -> None:
    issue = by_id("UNSUPPORTED_DATATYPE_TSMULTIRANGE")
    assert [issue.stands(release) for release in ("2024.2.8.0", "2025.1.0.0")] == [True, False]
