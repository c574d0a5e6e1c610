"""Which missing rows were set aside: by key where one is known, else by their number."""

from __future__ import annotations

from voyager.verification.findings import DIFFERENT, EXTRA, GIVEN_UP, MISSING, SET_ASIDE, RowDifference
from voyager.verification.set_aside import RowSetAside, TableAside


def missing(**key: str) -> RowDifference:
    return RowDifference(tuple(key.items()), MISSING)


def test_a_missing_row_is_told_by_the_key_it_was_set_aside_under() -> None:
    rows = [RowSetAside({"id": "7", "part": "a"}), RowSetAside({"id": "8", "part": "a"}, given_up=True)]
    aside = TableAside.of(rows, ("part", "id"), ("text", "integer"))
    assert aside.judged(missing(part="a", id="7")).kind == SET_ASIDE
    assert aside.judged(missing(part="a", id="8")).kind == GIVEN_UP
    assert aside.judged(missing(part="7", id="a")).kind == MISSING
    assert aside.judged(RowDifference((("part", "a"), ("id", "7")), EXTRA)).kind == EXTRA
    assert not aside.open_by_number


def test_a_key_is_known_by_the_texts_of_copy_and_of_a_cast() -> None:
    rows = [RowSetAside({"yes": "t", "code": "ab   ", "name": "t  "})]
    aside = TableAside.of(rows, ("yes", "code", "name"), ("boolean", "character(5)", "character varying(5)"))
    assert aside.judged(missing(yes="true", code="ab", name="t  ")).kind == SET_ASIDE
    assert aside.judged(missing(yes="true", code="ab", name="t")).kind == MISSING
    assert aside.judged(missing(yes="false", code="ab", name="t  ")).kind == MISSING


def test_rows_without_a_known_key_explain_as_many_missing_ones_as_they_are() -> None:
    rows = [RowSetAside(None), RowSetAside({"other": "1"}), RowSetAside(None, given_up=True)]
    aside = TableAside.of(rows, ("id",), ("integer",))
    assert aside.open_by_number
    assert aside.total == 3
    assert aside.counted({MISSING: 5, DIFFERENT: 1}) == {MISSING: 2, SET_ASIDE: 2, GIVEN_UP: 1, DIFFERENT: 1}
    assert aside.counted({MISSING: 1}) == {SET_ASIDE: 1}
    assert aside.counted({DIFFERENT: 4}) == {DIFFERENT: 4}
    assert TableAside().counted({MISSING: 2}) == {MISSING: 2}
