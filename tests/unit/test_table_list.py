"""Table lists: globs, quotes, case, partitions; every relation has a disposition."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyager.catalog import Catalog, Disposition, Table
from voyager.errors import UsageError
from voyager.identifiers import TableName
from voyager.phases.sizes import parse_size, readable_size
from voyager.phases.table_list import choose, read_list


def table(name: str, schema: str = "public", kind: str = "table", parent: str | None = None) -> Table:
    return Table(TableName(schema, name), kind, (), parent=TableName(schema, parent) if parent else None)


CATALOG = Catalog(
    (
        table("orders"),
        table("Orders"),
        table("items"),
        table("Odd, Name"),
        table('quo"te'),
        table("items", "sales"),
        table("archive", "sales"),
        table("only_here", "sales"),
        table("events", kind="partitioned"),
        table("events_2024", kind="partitioned", parent="events"),
        table("events_2024_a", kind="partition", parent="events_2024"),
        table("events_2025", kind="partition", parent="events"),
        table("parent"),
        table("child", parent="parent"),
        table("remote", kind="foreign"),
        table("summary", kind="materialized view"),
    ),
    not_migrated=(Disposition("large object", "17", "skipped", "not supported"),),
)


def names(*include: str, exclude: tuple[str, ...] = ()) -> set[str]:
    return {str(table.name) for table in choose(CATALOG, include, exclude).tables}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("items", {"public.items"}),
        ("ITEMS", {"public.items"}),
        ("orders", {"public.orders"}),
        ("Orders", {'public."Orders"'}),
        ('"Orders"', {'public."Orders"'}),
        ('"Odd, Name"', {'public."Odd, Name"'}),
        ('public."quo""te"', {'public."quo""te"'}),
        ("sales.items", {"sales.items"}),
        ("only_here", {"sales.only_here"}),
        ("sales.*", {"sales.items", "sales.archive", "sales.only_here"}),
        ("*.item?", {"public.items", "sales.items"}),
        ("events", {"public.events_2024_a", "public.events_2025"}),
        ("events_2024", {"public.events_2024_a"}),
        ("parent", {"public.parent"}),
        ('"sales" . archive', {"sales.archive"}),
    ],
)
def test_an_entry_names_what_it_says(entry: str, expected: set[str]) -> None:
    assert names(entry) == expected


def test_without_lists_every_table_that_holds_rows_travels() -> None:
    assert len(names()) == 12


def test_exclusion_takes_partitions_with_their_root() -> None:
    assert names("*", exclude=("events", "sales.*")) == {
        "public.orders", 'public."Orders"', "public.items", 'public."Odd, Name"', 'public."quo""te"', "public.parent",
        "public.child",
    }  # fmt: skip


@pytest.mark.parametrize("entry", ["order", "sales.orders", '"items "', "*.nothing*"])
def test_an_unknown_name_is_an_error(entry: str) -> None:
    with pytest.raises(UsageError, match="There is no table"):
        names(entry)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        names("itmes")
    assert "public.items" in caught.value.hint


def test_a_name_that_fits_two_tables_by_case_only_is_ambiguous() -> None:
    with pytest.raises(UsageError, match="more than one table"):
        names("ORDERS")


@pytest.mark.parametrize("entry", ["a.b.c", "", '"open', "a.", ".b", '""'])
def test_what_is_not_a_name_is_an_error(entry: str) -> None:
    with pytest.raises(UsageError, match="is not a table name"):
        names(entry)


def test_lists_that_leave_nothing_are_an_error() -> None:
    with pytest.raises(UsageError, match="leave no table"):
        names("items", exclude=("items",))


def test_every_relation_has_one_disposition_and_a_reason_when_skipped() -> None:
    dispositions = choose(CATALOG, ("sales.*", "events"), ("archive",)).dispositions
    assert len(dispositions) == len(CATALOG.tables) + 1
    assert all(one.reason for one in dispositions if one.action == "skipped")
    by_name = {(one.kind, one.name): one for one in dispositions}
    assert by_name["table", "sales.archive"].reason == "left out by --exclude-table-list"
    assert by_name["table", "public.items"].reason == "not named by --table-list"
    assert "partitions" in by_name["partitioned", "public.events"].reason


def test_a_list_file_may_have_lines_commas_quotes_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text('\ufeff# first\nitems, "Odd, Name"\r\n\r\nsales.*,\n', encoding="utf-8")
    assert read_list(("orders",), str(path)) == ("orders", "items", '"Odd, Name"', "sales.*")


def test_a_list_file_that_names_nothing_or_is_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    for name in ("empty", "missing"):
        with pytest.raises(UsageError):
            read_list((), str(tmp_path / name))


@pytest.mark.parametrize(("text", "size"), [("64MB", 64 << 20), ("1.5 GiB", 3 << 29), ("200000", 200000), ("8k", 8192)])
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text, "--chunk-size") == size


@pytest.mark.parametrize("text", ["", "0", "-1MB", "12 parsecs", "MB", "1e9"])
def test_what_is_not_a_size_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="--chunk-size"):
        parse_size(text, "--chunk-size")


def test_sizes_are_told_in_the_largest_fitting_unit() -> None:
    assert [readable_size(size) for size in (512, 2048, 3 << 30)] == ["512 bytes", "2.0 KB", "3.0 GB"]
