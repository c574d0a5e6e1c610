"""Size and load of objects: reads of all nodes, writes of the primary, no rate where there was no measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metadata_files import INDEX, TABLE, write_metadata, write_replica
from voyager.assessment.assessment import ObjectStatistics
from voyager.assessment.ingest import inspect_metadata
from voyager.assessment.metadata import Metadata
from voyager.assessment.statistics import object_statistics


def by_name(metadata: Metadata) -> dict[str, ObjectStatistics]:
    return {one.name: one for one in object_statistics(metadata)[0]}


def test_every_object_has_its_size_rows_columns_and_table(tmp_path: Path) -> None:
    found = by_name(inspect_metadata(write_metadata(tmp_path)))
    table, index = found["t"], found["t_name"]
    assert (table.schema, table.object_type, table.rows, table.columns, table.size_bytes) == (
        "public",
        "table",
        1000,
        2,
        81920,
    )
    assert (table.is_index, table.parent_table) == (False, None)
    assert (index.is_index, index.parent_table, index.size_bytes, index.rows) == (True, "public.t", 16384, None)


def test_rates_are_parts_of_a_second_and_of_an_index_its_own_scans(tmp_path: Path) -> None:
    found = by_name(inspect_metadata(write_metadata(tmp_path)))
    assert (found["t"].reads_per_second, found["t"].writes_per_second) == (3.0, 0.5)
    assert (found["t_name"].reads_per_second, found["t_name"].writes_per_second) == (2.0, 0.0)


def test_reads_of_replicas_are_added_and_their_writes_are_not(tmp_path: Path) -> None:
    write_metadata(tmp_path)
    write_replica(tmp_path, "r1", reads=50)
    write_replica(tmp_path, "r2", reads=5)
    table = by_name(inspect_metadata(tmp_path))["t"]
    assert table.reads_by_node == {"primary": 3.0, "r1": 5.0, "r2": 0.5}
    assert table.reads_per_second == 8.5
    assert table.writes_per_second == 0.5


@pytest.mark.parametrize("seconds", [0, None])
def test_without_an_interval_nothing_is_divided(tmp_path: Path, seconds: int | None) -> None:
    facts = {"capture_seconds": seconds}
    metadata = inspect_metadata(write_metadata(tmp_path, facts=facts, answers={"table-index-iops-final": None}))
    found = by_name(metadata)
    assert (
        {one.reads_per_second for one in found.values()} == {one.writes_per_second for one in found.values()} == {None}
    )


def test_a_counter_that_went_back_is_no_rate_and_is_told(tmp_path: Path) -> None:
    reset = {"table-index-iops-final": [(*TABLE, "2", "55", "final"), (*INDEX, "60", "0", "final")]}
    statistics, missing = object_statistics(inspect_metadata(write_metadata(tmp_path, answers=reset)))
    found = {one.name: one for one in statistics}
    assert (found["t"].reads_per_second, found["t"].writes_per_second) == (None, None)
    assert found["t_name"].reads_per_second == 2.0
    assert [one.what for one in missing] == ["Load of 1 object on node primary"]
    assert "public.t" in missing[0].reason


def test_an_object_made_or_dropped_between_the_measurements_has_no_rate(tmp_path: Path) -> None:
    changed = {"table-index-iops-final": [(*INDEX, "60", "0", "final"), ("public", "new", "table", "9", "9", "final")]}
    statistics, missing = object_statistics(inspect_metadata(write_metadata(tmp_path, answers=changed)))
    found = {one.name: one for one in statistics}
    assert found["t"].reads_per_second is None
    assert found["t_name"].reads_per_second == 2.0
    assert "new" not in found  # it is in no other file
    assert missing == ()


def test_two_objects_of_one_name_in_two_schemas_stay_two(tmp_path: Path) -> None:
    answers: dict[str, Any] = {
        "object-type-mapping": [TABLE, ("b", "t", "materialized view")],
        "table-index-sizes": [(*TABLE, "1"), ("b", "t", "materialized view", "2")],
        "table-row-counts": [("public", "t", "10"), ("b", "t", "20")],
        "index-to-table-mapping": [],
    }
    found = object_statistics(inspect_metadata(write_metadata(tmp_path, answers=answers)))[0]
    assert {(one.schema, one.object_type, one.size_bytes, one.rows) for one in found} == {
        ("public", "table", 1, 10), ("b", "materialized view", 2, 20),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "is_index"),
    [("table", False), ("partitioned table", False), ("materialized view", False), ("index", True),
     ("primary key", True), ("partitioned index", True), ("TABLE", False), ("TABLE PARTITION", False),
     ("NORMAL INDEX", True), ("FUNCTION-BASED NORMAL INDEX", True)],
)  # fmt: skip
def test_an_index_is_known_by_its_kind(kind: str, is_index: bool) -> None:
    mapping = {"source_node": "primary", "schema_name": "s", "object_name": "o", "object_type": kind}
    metadata = Metadata("postgresql", "d", "15", tables={"object_type_mapping": (mapping,)})
    ((one,), _) = object_statistics(metadata)
    assert (one.object_type, one.is_index) == (kind, is_index)


def test_a_table_and_an_index_of_one_name_are_two_and_what_holds_no_rows_is_none() -> None:
    def rows(*values: tuple[str, str], **more: int) -> tuple[dict[str, Any], ...]:
        return tuple({"schema_name": "HR", "object_name": name, "object_type": kind, **more} for name, kind in values)

    named = rows(
        ("REGIONS", "TABLE"), ("REGIONS", "NORMAL INDEX"), ("EVENTS", "TABLE"), ("ITEMS.TOTAL", "VIRTUAL COLUMN")
    )
    tables = {
        "object_type_mapping": named,
        "table_index_sizes": rows(("REGIONS", "TABLE"), size_in_bytes=7)
        + rows(("REGIONS", "NORMAL INDEX"), size_in_bytes=3),
        "table_row_counts": ({"schema_name": "HR", "table_name": "REGIONS", "row_count": 5},),
        "index_to_table_mapping": (
            {"index_schema": "HR", "index_name": "REGIONS", "table_schema": "HR", "table_name": "ARTICLES"},
        ),
    }
    found = object_statistics(Metadata("oracle", "d", "19", tables=tables))[0]
    assert [(one.name, one.is_index, one.rows, one.size_bytes, one.parent_table) for one in found] == [
        ("REGIONS", False, 5, 7, None), ("REGIONS", True, None, 3, "HR.ARTICLES"),
    ]  # fmt: skip


def test_a_partition_of_oracle_knows_its_table_by_the_longest_name_that_is_one() -> None:
    tables = {
        "object_type_mapping": tuple(
            {"schema_name": "HR", "object_name": name, "object_type": kind}
            for name, kind in (
                ("SALES_P1", "TABLE PARTITION"), ("SALES_EU_P1", "TABLE PARTITION"),
                ("SALES_P2_S", "TABLE SUBPARTITION"), ("SALES_OLD", "TABLE"), ("SALES_OLD_P1", "TABLE PARTITION"),
                ("OTHER_P1", "TABLE PARTITION"),
            )
        ),
        "table_columns_data_types": tuple(
            {"schema_name": "HR", "table_name": name, "column_name": "C", "data_type": "NUMBER"}
            for name in ("SALES", "SALES_EU", "SALES_OLD")
        ),
    }  # fmt: skip
    found = object_statistics(Metadata("oracle", "d", "19", tables=tables))[0]
    assert {one.name: one.partition_of for one in found} == {
        "SALES_P1": "HR.SALES", "SALES_EU_P1": "HR.SALES_EU", "SALES_P2_S": "HR.SALES", "SALES_OLD": None,
        "SALES_OLD_P1": "HR.SALES", "OTHER_P1": None,
    }  # fmt: skip


def test_what_a_source_does_not_count_is_no_rate_of_zero() -> None:
    rows = tuple(
        {"source_node": "primary", "schema_name": "s", "object_name": "o", "object_type": "table",
         "seq_reads": reads, "row_writes": None, "measurement_type": moment}
        for moment, reads in (("initial", 5), ("final", 25))
    )  # fmt: skip
    tables = {"object_type_mapping": rows[:1], "table_index_iops": rows}
    ((one,), missing) = object_statistics(Metadata("mysql", "d", "8", capture_seconds=10, tables=tables))
    assert (one.reads_per_second, one.writes_per_second, missing) == (2.0, None, ())


COUNT = st.integers(0, 10**15)


@given(
    nodes=st.dictionaries(st.sampled_from(["primary", "a", "b", "c"]), st.tuples(COUNT, COUNT, COUNT, COUNT)),
    seconds=st.integers(1, 10_000),
)
def test_rates_are_the_sums_of_what_each_node_counted(
    nodes: dict[str, tuple[int, int, int, int]], seconds: int
) -> None:
    nodes = {"primary": (0, 0, 0, 0), **nodes}
    rows = [
        {"source_node": node, "schema_name": "s", "object_name": "o", "object_type": "table",
         "seq_reads": reads + more * (moment == "final"), "row_writes": writes + written * (moment == "final"),
         "measurement_type": moment}
        for node, (reads, more, writes, written) in nodes.items()
        for moment in ("initial", "final")
    ]  # fmt: skip
    mapping = {"source_node": "primary", "schema_name": "s", "object_name": "o", "object_type": "table"}
    metadata = Metadata(
        "postgresql", "d", "15", nodes=tuple(nodes), capture_seconds=seconds,
        tables={"object_type_mapping": (mapping,), "table_index_iops": tuple(rows)},
    )  # fmt: skip
    ((one,), missing) = object_statistics(metadata)
    assert missing == ()
    assert one.reads_per_second == pytest.approx(sum(more for _, more, _, _ in nodes.values()) / seconds)
    assert one.writes_per_second == pytest.approx(nodes["primary"][3] / seconds)
