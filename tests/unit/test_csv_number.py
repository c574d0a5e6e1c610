"""The numbers of metadata files: read exactly, and refused where a column of any engine cannot hold them."""

from __future__ import annotations

import pytest

from voyager.assessment.csv_number import NotThatNumber, read_number
from voyager.sources import ASSESSED, questions_of

# Columns that may be below zero in some catalog; of all others a negative number is a fault.
_SIGNED = {
    "effective_n_distinct",
    "queryid",
    *("data_scale", "attr_scale", "elem_scale"),
    *("min_value", "max_value", "increment_by", "last_number"),
}
_FRACTIONS = {
    "effective_n_distinct",
    *("null_frac", "most_common_freq"),
    *("total_exec_time", "mean_exec_time", "min_exec_time", "max_exec_time", "stddev_exec_time"),
}
_COLUMNS = sorted({name for engine in ASSESSED for question in questions_of(engine) for name in question.numbers})


def _taken(text: str, column: str) -> bool:
    try:
        read_number(text, column)
    except NotThatNumber:
        return False
    return True


@pytest.mark.parametrize("column", _COLUMNS)
def test_a_column_holds_what_its_catalog_can_say_and_nothing_else(column: str) -> None:
    assert _taken("0", column)
    assert _taken("1", column)
    assert _taken("-1", column) is (column in _SIGNED)
    assert _taken("-5", column) is (column in _SIGNED)
    assert _taken("0.5", column) is (column in _FRACTIONS)
    refused = (
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1e400",
        "-1e400",
        "9" * 5000,
        "1e99999999999999999999",
        "0x1F",
        "1 000",
    )
    assert [text for text in (*refused, "١", "1_0", "--1", "1-", "e5", ".") if _taken(text, column)] == []


@pytest.mark.parametrize(
    ("text", "column", "number"),
    [
        ("9223372036854775807", "row_count", 2**63 - 1),
        ("18446744073709551615", "next_auto_increment", 2**64 - 1),
        (" 42 ", "row_count", 42),
        ("1.0737E+10", "size_in_bytes", 10_737_000_000),
        ("12.0", "calls", 12),
        ("-9223372036854775808", "queryid", -(2**63)),
        ("9999999999999999999999999999", "max_value", 10**28 - 1),
        ("-999999999999999999999999999", "min_value", -(10**27) + 1),
        ("-127", "data_scale", -127),
        ("0.25", "null_frac", 0.25),
        ("1.5", "mean_exec_time", 1.5),
        ("-0.5", "effective_n_distinct", -0.5),
    ],
)
def test_a_number_is_read_exactly(text: str, column: str, number: float) -> None:
    found = read_number(text, column)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("-5", "row_count", '"-5" is below zero, which this cannot be.'),
        ("2.5", "calls", '"2.5" is not a whole number.'),
        ("18446744073709551616", "row_count", '"18446744073709551616" is too large a number for what this holds.'),
        ("1.01", "null_frac", '"1.01" is not a share between 0 and 1.'),
        ("-0.1", "most_common_freq", '"-0.1" is not a share between 0 and 1.'),
        ("nan", "row_count", '"nan" is not a number.'),
        ("\x1b[2J", "row_count", '"\\x1b[2J" is not a number.'),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, column: str, says: str) -> None:
    with pytest.raises(NotThatNumber) as refused:
        read_number(text, column)
    assert str(refused.value) == says
