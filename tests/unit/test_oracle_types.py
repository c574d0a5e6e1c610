"""What columns of Oracle become on the target: no value may be cut, rounded or overflow unsaid."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.sources.oracle.types import LARGEST_BIGINT, UNSUPPORTED, ColumnFacts, base_name, indexable, target_type


def number(precision: int | None, scale: int | None, **more: bool) -> str:
    return target_type(ColumnFacts("NUMBER", 22, precision, scale, **more)).sql  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("precision", "scale", "sql"),
    [
        (None, None, "numeric"),  # any number at all
        (None, 0, "numeric(38,0)"),  # INTEGER
        (None, 2, "numeric(38,2)"),  # NUMBER(*,2)
        (1, 0, "smallint"),
        (4, 0, "smallint"),
        (5, 0, "integer"),
        (9, 0, "integer"),
        (10, 0, "bigint"),
        (18, 0, "bigint"),
        (19, 0, "numeric(19,0)"),  # 19 digits overflow bigint
        (8, 2, "numeric(8,2)"),
        (2, 7, "numeric(2,7)"),
        (6, -3, "numeric(6,-3)"),
    ],
)
def test_a_number_gets_the_type_that_its_digits_need(precision: int | None, scale: int | None, sql: str):
    assert number(precision, scale) == sql


@given(st.integers(1, 38))
def test_every_whole_number_of_so_many_digits_fits_its_type(precision: int):
    largest = Decimal("9" * precision)
    limit = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": LARGEST_BIGINT}
    sql = number(precision, 0)
    assert largest <= limit.get(sql, Decimal(f"1e{precision}"))


def test_an_identity_column_is_an_integer_however_it_was_declared():
    assert number(None, None, identity=True) == "bigint"
    assert number(28, 0, identity=True) == "bigint"
    assert number(6, 0, identity=True) == "integer"


@pytest.mark.parametrize(
    ("facts", "sql", "issues"),
    [
        (ColumnFacts("FLOAT", precision=126), "numeric", ("ORACLE_FLOAT_IS_DECIMAL",)),
        (ColumnFacts("FLOAT", precision=63), "numeric", ("ORACLE_FLOAT_IS_DECIMAL",)),  # REAL
        (ColumnFacts("FLOAT", precision=53), "double precision", ()),
        (ColumnFacts("BINARY_FLOAT"), "real", ()),
        (ColumnFacts("DATE"), "timestamp(0)", ("ORACLE_DATE_HAS_TIME",)),
        (ColumnFacts("TIMESTAMP(3)"), "timestamp(3)", ()),
        (ColumnFacts("TIMESTAMP(6)"), "timestamp(6)", ()),
        (ColumnFacts("TIMESTAMP(7)"), "timestamp(6)", ("ORACLE_TIMESTAMP_NANOSECONDS",)),
        (ColumnFacts("TIMESTAMP(9)"), "timestamp(6)", ("ORACLE_TIMESTAMP_NANOSECONDS",)),
        (
            ColumnFacts("TIMESTAMP(9) WITH TIME ZONE"),
            "timestamptz(6)",
            ("ORACLE_TIMESTAMP_TIME_ZONE", "ORACLE_TIMESTAMP_NANOSECONDS"),
        ),
        (ColumnFacts("TIMESTAMP(0) WITH LOCAL TIME ZONE"), "timestamptz(0)", ("ORACLE_TIMESTAMP_LOCAL_TIME_ZONE",)),
        (ColumnFacts("INTERVAL YEAR(2) TO MONTH"), "interval year to month", ()),
        (ColumnFacts("INTERVAL DAY(9) TO SECOND(3)"), "interval day to second(3)", ()),
        (ColumnFacts("INTERVAL DAY(2) TO SECOND(9)"), "interval day to second(6)", ("ORACLE_TIMESTAMP_NANOSECONDS",)),
        (ColumnFacts("RAW", 16, default=" sys_guid() "), "uuid", ("ORACLE_RAW_AS_UUID",)),
        (ColumnFacts("RAW", 16), "bytea", ()),
        (ColumnFacts("RAW", 32, default="SYS_GUID()"), "bytea", ()),  # 32 bytes are no uuid
        (ColumnFacts("LONG RAW"), "bytea", ("ORACLE_LONG",)),
        (ColumnFacts("VARCHAR2", 80, char_length=20, in_characters=True), "varchar(20)", ()),
        (ColumnFacts("VARCHAR2", 80, char_length=80), "varchar(80)", ()),
        (ColumnFacts("CHAR", 1, char_length=1), "char(1)", ()),
        (ColumnFacts("CHAR", 8, char_length=8), "char(8)", ("ORACLE_CHAR_PADDING",)),
        (ColumnFacts("NVARCHAR2", 80, char_length=40), "varchar(40)", ("ORACLE_NATIONAL_CHARACTERS",)),
        (ColumnFacts("CLOB"), "text", ("CLOB",)),
        (ColumnFacts("BLOB"), "bytea", ("BLOB",)),
        (ColumnFacts("JSON"), "jsonb", ("JSON",)),
        (ColumnFacts("CLOB", holds_json=True), "jsonb", ("CLOB",)),
        (ColumnFacts("VARCHAR2", 4000, holds_json=True), "jsonb", ()),
        (ColumnFacts("NUMBER", holds_json=True), "numeric", ("ORACLE_NUMBER_WITHOUT_PRECISION",)),
        (ColumnFacts("XMLTYPE", owner="SYS"), "text", ("XMLTYPE",)),
        (ColumnFacts("ANYDATA", owner="SYS"), "text", ("ANYDATA",)),
        (ColumnFacts("SDO_GEOMETRY", owner="MDSYS"), "bytea", ("SDO_GEOMETRY",)),
        (ColumnFacts("ST_GEOMETRY", owner="MDSYS"), "bytea", ("ORACLE_SPATIAL_TYPE",)),
        (ColumnFacts("ADDRESS_T", owner="HR"), "hr.address_t", ("ORACLE_OBJECT_COLUMN",)),
        (ColumnFacts("IDS", owner="HR", collection=True, element="bigint"), "bigint[]", ("ORACLE_COLLECTION_COLUMN",)),
        (ColumnFacts("MLSLABEL"), "text", ("ORACLE_UNKNOWN_TYPE",)),
    ],
    ids=lambda value: value.data_type if isinstance(value, ColumnFacts) else "",
)
def test_a_column_becomes_a_type_that_holds_its_values_and_says_what_is_lost(
    facts: ColumnFacts, sql: str, issues: tuple[str, ...]
):
    found = target_type(facts)
    assert (found.sql, found.issues) == (sql, issues)


def test_every_type_that_the_existing_tool_names_is_known_here():
    for name in UNSUPPORTED:
        assert name.upper() in target_type(ColumnFacts(name.upper(), owner="SYS")).issues


def test_the_numbers_in_a_type_are_no_part_of_its_name():
    assert base_name("TIMESTAMP(6) WITH LOCAL TIME ZONE") == "TIMESTAMP WITH LOCAL TIME ZONE"
    assert base_name("interval day (2) to second (6)") == "INTERVAL DAY TO SECOND"


def test_what_yugabytedb_cannot_index_is_told_from_what_it_can():
    assert not any(map(indexable, ("interval day to second(6)", "jsonb", "text[]", "hr.address_t", "varchar(5)[]")))
    assert all(map(indexable, ("numeric(10,2)", "timestamp(0)", "text", "uuid", "double precision")))
