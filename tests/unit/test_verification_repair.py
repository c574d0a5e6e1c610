"""Repair SQL as text: exact literals on one line, safe file names, the right columns, an order that keys allow."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from voyager.errors import Interrupted, NotAllowed, UsageError
from voyager.identifiers import TableName
from voyager.phases.comparison.repair import Repaired, told_of
from voyager.ports import WriteCounter
from voyager.verification.findings import Difference, RowDifference
from voyager.verification.repair import NOT_REPAIRED, RepairColumn, RepairTable, Row, literal, repair_statements
from voyager.verification.repair_apply import TableRepair
from voyager.verification.repair_files import AGAIN, CLEAR, file_name, spool, verb_of, without_files
from voyager.verification.repair_keys import parents_first
from voyager.verification.repair_list import RepairList, same_counters

ORDERS = RepairTable(
    TableName("public", "orders"),
    (
        RepairColumn("id", "integer"),
        RepairColumn("note", "text"),
        RepairColumn("total", "numeric", generated=True),
        RepairColumn("number", "integer", identity_always=True),
    ),
    ("id",),
)
HERE = {"id": "1", "note": "it's", "total": "2", "number": "7"}
ONE = (("id", "1"),)


def reads(row: Row | None = HERE) -> object:
    def read(rows: Sequence[RowDifference]) -> Mapping[RowDifference, Row]:
        return dict.fromkeys(rows, row) if row is not None else {}

    return read


def repaired(row: RowDifference, table: RepairTable = ORDERS, here: Row | None = HERE) -> list[str]:
    return list(repair_statements(table, [row], reads(here), reads({"": "(1,)", **HERE})))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("\\", "E'\\\\'"),
        ("\\'; DROP TABLE x; --", "E'\\\\''; DROP TABLE x; --'"),
        ("a\nb\r\tc", "E'a\\nb\\r\\tc'"),
        ("\\x00ff", "E'\\\\x00ff'"),
        ("🐘 é", "'🐘 é'"),
        ("NaN", "'NaN'"),
    ],
)
def test_a_literal_is_exact_and_on_one_line(value: str | None, expected: str) -> None:
    assert literal(value) == expected
    assert "\n" not in literal(value)


def test_a_missing_row_is_inserted_with_its_columns_unless_it_is_there() -> None:
    assert repaired(RowDifference(ONE, "missing")) == [
        'INSERT INTO "public"."orders" ("id", "note", "number") OVERRIDING SYSTEM VALUE '
        "SELECT '1', 'it''s', '7' WHERE NOT EXISTS (SELECT 1 FROM ONLY \"public\".\"orders\" AS t "
        "WHERE t.\"id\" = '1'::integer);"
    ]


def test_a_different_row_is_updated_in_the_columns_that_differ_only() -> None:
    assert repaired(RowDifference(ONE, "different", ("note", "total"))) == [
        """UPDATE ONLY "public"."orders" AS t SET "note" = 'it''s' WHERE t."id" = '1'::integer;"""
    ]


def test_a_row_that_only_differs_in_what_the_target_works_out_is_named_not_repaired() -> None:
    (line,) = repaired(RowDifference(ONE, "different", ("total",)))
    assert line == f"{NOT_REPAIRED}the row (id = 1): the target works out total itself."


def test_a_column_that_is_always_generated_as_identity_is_changed_by_deleting_and_inserting() -> None:
    lines = repaired(RowDifference(ONE, "different", ("number",)))
    assert [verb_of(line) for line in lines] == [CLEAR, AGAIN]


def test_an_extra_row_is_deleted_by_its_key_and_needs_no_value() -> None:
    lines = repaired(RowDifference(ONE, "extra"), here=None)
    assert lines == ["""DELETE FROM ONLY "public"."orders" AS t WHERE t."id" = '1'::integer;"""]


def test_a_row_that_is_gone_from_the_source_or_whose_key_is_there_twice_is_named_not_repaired() -> None:
    (gone,) = repaired(RowDifference(ONE, "missing"), here=None)
    (twice,) = repaired(RowDifference(ONE, "extra", copies=(1, 2)))
    assert gone.startswith(NOT_REPAIRED)
    assert twice.startswith(NOT_REPAIRED)


@pytest.mark.parametrize("kind", ["rounded", "converted"])
def test_what_is_equal_after_all_is_not_repaired(kind: str) -> None:
    assert repaired(RowDifference(ONE, kind, ("note",))) == []


def test_rows_without_a_key_are_inserted_as_often_as_they_are_missing_and_deleted_where_that_is_safe() -> None:
    bag = RepairTable(ORDERS.table, ORDERS.columns[:2], ())
    name = (("md5", "0" * 32),)
    assert len(repaired(RowDifference(name, "missing", copies=(3, 1)), bag)) == 2
    surplus = RowDifference(name, "extra", copies=(1, 3))
    assert repaired(surplus, bag)[0].startswith(NOT_REPAIRED)
    placed = RepairTable(ORDERS.table, ORDERS.columns[:2], (), by_place=True)
    (line,) = repaired(surplus, placed)
    assert "LIMIT 2 FOR UPDATE" in line
    assert verb_of(line) == "DELETE"


@pytest.mark.parametrize(
    "table",
    [
        TableName("public", "../../etc/passwd"),
        TableName("..", "."),
        TableName("-rf", "t"),
        TableName("s", "a/b\nc"),
        TableName("Ünï", "-rf *"),
        TableName("s", "x" * 63),
        TableName("🐘" * 15, "🐘" * 15),
    ],
)
def test_a_file_name_is_a_plain_name_whatever_the_table_is_called(table: TableName) -> None:
    name = file_name(table)
    assert name.endswith(".sql")
    assert len(name) <= 130
    assert name.isascii()
    assert not set(name) & set("/\\\n *?\"'<>|:")
    assert not name.startswith(("-", "."))


def test_file_names_of_different_tables_differ_also_where_case_does_not_count() -> None:
    tables = [TableName("a.b", "c"), TableName("a", "b.c"), TableName("a", "B"), TableName("a", "b")]
    taken: list[str] = []
    for table in tables:
        taken.append(file_name(table, taken))
    assert len({name.lower() for name in taken}) == len(tables)
    assert file_name(TableName("public", "orders")) == "public.orders.sql"


def test_tables_come_after_those_that_they_refer_to() -> None:
    a, b, c, d = (TableName("s", name) for name in "abcd")
    assert parents_first([a, b, c], {(a, b), (b, c), (c, d)}) == [c, b, a]
    assert parents_first([a, b, c], {(a, b), (b, a)}) == [c, a, b]


def test_differences_wait_on_disk_for_this_user_only_and_come_back_as_they_were(tmp_path: Path) -> None:
    found = spool(tmp_path / "repair")
    table = TableName("s", "t")
    rows = [
        RowDifference((("id", "1"), ("k", "a\n'\t🐘")), "missing"),
        RowDifference((("id", "2"),), "different", ("x", "y")),
        RowDifference((("md5", "0"),), "extra", copies=(1, 2)),
    ]
    for row in rows:
        found.add(table, row)
    assert list(found.rows(table)) == rows
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "repair").iterdir()}
    assert modes == {0o600}
    found.remove()
    assert list((tmp_path / "repair").iterdir()) == []


def test_rows_that_differ_and_are_in_no_repair_file_are_named_with_the_reason(tmp_path: Path) -> None:
    found = spool(tmp_path / "repair")
    for table, copies in (("a", None), ("b", (3, 1))):
        found.add(TableName("s", table), RowDifference(ONE, "missing", copies=copies))

    def differs(table: str, **counts: int) -> Difference:
        return Difference("rows", f"s.{table}", "", "missing", counts=counts)

    whole = [differs("a", missing=1), differs("b", missing=2)]
    assert without_files(found, whole, counts_only=False) == []
    assert "of s.a, s.b: they were only counted" in without_files(found, whole, counts_only=True)[0]
    (waits, unknown) = without_files(found, [differs("b", missing=3), differs("z")], counts_only=False)
    assert "of s.b: others of their tables wait" in waits
    assert "of s.z: they were not found one by one" in unknown
    harmless = [Difference("rows", "s.z", "", "cosmetic", counts={"rounded": 1}), Difference("table", "s.y", "")]
    assert without_files(found, harmless, counts_only=False) == []


@pytest.mark.parametrize("ended", [True, False])
def test_an_error_after_a_repair_tells_what_was_repaired_and_that_it_is_not_run_twice(*, ended: bool) -> None:
    begun = TableRepair(TableName("s", "t"), rows=Counter({"INSERT": 3, "DELETE": 1}), failed="no")
    done = Repaired((begun, TableRepair(TableName("s", "u"))), ("Foreign key f",), ended=ended, keys_seen=ended)
    told = told_of(Interrupted("Stopped.", "Run it again.", ("one line",)), done)
    assert isinstance(told, Interrupted)
    number = "2 tables repaired" if ended else "The repair was cut off. 1 table repaired"
    assert told.message.startswith(f"{number}: 3 rows inserted, 0 changed, 1 deleted. ")
    assert told.message.endswith(" Stopped.")
    assert str(told) == told.message
    assert told.hint.startswith("Run it again. Leave --apply-repair out")
    assert told.details[0] == "Foreign key f"
    assert told.details[-1] == "one line"
    assert any(line.startswith("Not all foreign keys") for line in told.details) is not ended
    assert [one["inserted"] for one in told.summary["repaired"]] == [3, 0]
    assert told.summary["repair_ended"] is ended
    assert told.summary["broken_foreign_keys"] == ["Foreign key f"]


def test_there_is_nothing_to_apply_without_a_verification_that_found_rows(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        RepairList.load(tmp_path)


def test_files_that_were_applied_are_not_applied_again(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        RepairList(tmp_path, (), "now", None, False, "2026-01-01").check()


def test_only_known_and_equal_counters_say_that_the_source_was_not_written() -> None:
    table = TableName("s", "t")
    saved = [{"schema": "s", "table": "t", "writes": 3, "identity": "a"}]
    assert same_counters(saved, {table: WriteCounter(3, "a")}, [table])
    assert not same_counters(saved, {table: WriteCounter(4, "a")}, [table])
    assert not same_counters(saved, {table: WriteCounter(3, "b")}, [table])
    assert not same_counters(saved, {}, [table])
    assert not same_counters(None, {table: WriteCounter(3, "a")}, [table])
    assert not same_counters(saved, None, [table])
