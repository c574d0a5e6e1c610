"""The recommended cluster, held against figures computed by hand from the measured ones."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voyager.assessment.assessment import ObjectStatistics
from voyager.assessment.cluster import tablets
from voyager.assessment.experiments import EXPERIMENTS, experiments_for
from voyager.assessment.sizing import Sizing, size, sizing_json

GB = 1024**3
RELEASE = "2025.2.3.0"


def table(name: str, gb: float | None = 0.001, **more: Any) -> ObjectStatistics:
    kind = more.pop("object_type", "table")
    return ObjectStatistics("s", name, kind, size_bytes=None if gb is None else round(gb * GB), **more)


def index(name: str, of: str, gb: float = 0.001, **more: Any) -> ObjectStatistics:
    kind = more.pop("object_type", "index")
    return ObjectStatistics(
        "s", name, kind, is_index=True, parent_table=f"s.{of}", size_bytes=round(gb * GB), **more
    )  # fmt: skip


def cluster(sizing: Sizing) -> tuple[int, int]:
    return sizing.nodes, sizing.vcpus_per_node


def reasons(sizing: Sizing) -> dict[str, str]:
    return {one.table: one.reason for one in sizing.placements}


def vcpus(sizing: Sizing) -> int:
    return sizing.nodes * sizing.vcpus_per_node


def test_nodes_follow_the_load_of_the_sharded_tables():
    """4 vCPU: 20,000/2,256.7 + 10,000/1,211.9 = 8.86 + 8.25 → 18 cores → 5 nodes, 20 vCPU. 8 vCPU: 8.80 + 9.10 → 18
    cores → 3 nodes, 24 vCPU. 16 vCPU: 3 nodes at least, 48 vCPU. The load is beyond a colocated node of any class."""
    got = size([table("busy", 50, reads_per_second=20_000, writes_per_second=10_000)], target_version=RELEASE)
    assert cluster(got) == (5, 4)
    assert got.memory_gb_per_node == 16
    assert [(one.strategy, one.vcpus, one.nodes, one.cores) for one in got.alternatives if one.chosen] == [
        ("all sharded", 4, 5, 18)
    ]


def test_the_measurements_of_the_target_s_release_are_used():
    """2024.2, 4 vCPU: 20,000/1,230 + 10,000/400 = 16.3 + 25 → 42 cores → 11 nodes, 44 vCPU. 8 vCPU: 16.1 + 16.4 → 33
    cores → 5 nodes, 40 vCPU. 16 vCPU: 16.4 + 13.2 → 30 cores → 3 nodes at least, 48 vCPU."""
    load = [table("busy", 50, reads_per_second=20_000, writes_per_second=10_000)]
    assert cluster(size(load, target_version="2025.1.0.0")) == (5, 8)
    assert cluster(size(load, target_version="2024.2.0.0-b145")) == (5, 8)


def test_nodes_follow_the_tablets_of_large_tables():
    """30 tables of 1,024 GB: on 3 nodes each keeps the 24 × 3 = 72 tablets that it has from 720 GB on. 30 × 72 × 3
    copies × 2 = 12,960. 4 vCPU: 12,960/992 → 14 nodes, 56 vCPU. 8 vCPU: /2,140 → 7 nodes, 56 vCPU. 16 vCPU: /4,316 → 4
    nodes, 64 vCPU. Of the two with 56 the larger machine is taken."""
    got = size([table(f"t{n}", 1024) for n in range(30)], target_version=RELEASE)
    assert cluster(got) == (7, 8)


def test_small_tables_are_colocated_where_that_makes_the_cluster_smaller():
    """900 tables of one tablet: 900 × 3 × 2 = 5,400 tablets fill 6 nodes of 992 (24 vCPU); colocated they share one,
    and 3 nodes do (12 vCPU)."""
    got = size([table(f"t{n}") for n in range(900)], target_version=RELEASE)
    assert cluster(got) == (3, 4)
    assert len(got.colocated) == 900
    assert (got.select_connections_per_node, got.insert_connections_per_node) == (8, 12)


def test_with_equal_clusters_all_tables_are_sharded_and_the_reason_says_so():
    got = size([table("a"), table("b")], target_version=RELEASE)
    assert got.sharded == ("s.a", "s.b")
    assert got.colocated == ()
    assert "would leave the cluster at 3 nodes of 4 vCPU" in reasons(got)["s.a"]


def test_a_table_with_more_than_two_indexes_is_not_colocated():
    many = [table(f"t{n}") for n in range(900)]
    heavy = [table("heavy"), *(index(f"i{n}", "heavy") for n in range(3))]
    light = [table("light"), *(index(f"j{n}", "light") for n in range(2))]
    got = size([*many, *heavy, *light], target_version=RELEASE)
    assert got.sharded == ("s.heavy",)
    assert "3 indexes" in reasons(got)["s.heavy"]
    assert "s.light" in got.colocated


def test_the_index_of_a_primary_key_is_not_counted_among_the_indexes():
    key = index("pk", "light", object_type="primary key")
    tables = [table(f"t{n}") for n in range(900)]
    got = size([*tables, table("light"), index("i1", "light"), index("i2", "light"), key], target_version=RELEASE)
    assert "s.light" in got.colocated


def test_colocating_ends_where_the_measured_size_is_reached_and_all_larger_tables_are_sharded():
    """900 small ones and 60 + 70 GB: 60 fits below 113 GB, 60 + 70 does not, and neither does the 80 GB one."""
    tables = [table(f"t{n}") for n in range(900)]
    got = size([*tables, table("x80", 80), table("x70", 70), table("x60", 60)], target_version=RELEASE)
    assert got.sharded == ("s.x70", "s.x80")
    assert "130.9 GB" in reasons(got)["s.x80"]
    assert "s.x70" in reasons(got)["s.x80"]


def test_the_size_of_the_indexes_counts_for_colocating():
    tables = [table(f"t{n}") for n in range(900)]
    got = size([*tables, table("x60", 60), index("i", "x60", 60)], target_version=RELEASE)
    assert got.sharded == ("s.x60",)


def test_colocating_ends_where_one_node_cannot_serve_more():
    """A node of 4 vCPU serves 4 × 1,127 = 4,508 writes/s of colocated tables: 4,000 fit, 1,000 more do not."""
    tables = [table(f"t{n}") for n in range(900)]
    busy = [table("a", 1, writes_per_second=4000.0), table("b", 2, writes_per_second=1000.0)]
    got = size([*tables, *busy], target_version=RELEASE)
    assert cluster(got) == (3, 4)
    assert got.sharded == ("s.b",)
    assert "5 cores" in reasons(got)["s.b"]


def test_rates_below_one_per_second_add_up():
    """400 tables of 60.7 writes/s make 24,280: /1,211.9 → 21 cores → 6 nodes of 4. Cut to whole ones, 24,000 would
    make 20 cores and 5 nodes."""
    got = size([table(f"t{n}", writes_per_second=60.7) for n in range(400)], target_version=RELEASE)
    assert cluster(got) == (6, 4)


def test_reads_of_indexes_count():
    """40,000/2,256.7 → 18 cores → 5 nodes of 4, though the table itself is not read."""
    read = index("i", "t", reads_per_second=40_000.0)
    got = size([table("t", reads_per_second=0.0, writes_per_second=0.0), read], target_version=RELEASE)
    assert cluster(got) == (5, 4)


@pytest.mark.parametrize(
    ("gb", "nodes", "expected"),
    [
        (0, 3, 1),
        (0.5, 3, 1),
        (1.0, 3, 2),  # 2 × 0.512
        (1.6, 3, 3),  # no more than one per node
        (30, 3, 3),
        (31, 3, 4),  # of 10 GB
        (720, 3, 72),
        (721, 3, 72),  # 24 per node, each growing to 100 GB
        (3000, 3, 72),  # divided by 24 instead of 24 × 3, the same table would have 30
        (7200, 3, 72),
        (7201, 3, 73),
        (3000, 6, 144),
    ],
)
def test_a_table_is_split_as_its_size_and_the_nodes_say(gb: float, nodes: int, expected: int):
    assert tablets(gb, nodes) == expected


def test_the_averaging_window_and_the_lack_of_a_margin_are_said():
    load = [table("t", reads_per_second=10.0, writes_per_second=1.0)]
    got = size(load, target_version=RELEASE, capture_seconds=90)
    assert any("90 seconds" in note and "no margin" in note for note in got.notes)
    assert any("on average over 90 seconds" in step for step in got.steps)


def test_a_peak_factor_is_planned_for_and_said():
    """Twice the load of the first test. 4 vCPU: 17.7 + 16.5 → 35 cores → 9 nodes, 36 vCPU. 8: 36 → 5 nodes, 40 vCPU."""
    load = [table("busy", 50, reads_per_second=20_000, writes_per_second=10_000)]
    got = size(load, target_version=RELEASE, peak_factor=2)
    assert cluster(got) == (9, 4)
    assert any("2 times" in step for step in got.steps)


def test_that_the_throughput_was_measured_on_one_table_is_said():
    assert any("a single table" in note for note in size([table("t")], target_version=RELEASE).notes)


def test_a_load_that_was_not_measured_is_not_taken_for_none():
    unmeasured = size([table("t")], target_version=RELEASE)
    idle = size([table("t", reads_per_second=0.0, writes_per_second=0.0)], target_version=RELEASE)
    assert any("rests on size and number of objects alone" in step for step in unmeasured.steps)
    assert not any("rests on size" in step for step in idle.steps)
    assert "load not measured" in unmeasured.reasoning
    assert "0.0 reads/s" in idle.reasoning


def test_partitioned_parents_are_skipped_and_materialized_views_are_placed():
    got = size(
        [
            table("root", object_type="partitioned table"),
            index("root_i", "root", object_type="partitioned index"),
            table("leaf"),
            table("view", object_type="materialized view"),
            table("sub", object_type="TABLE PARTITION"),
            table("away", object_type="foreign table"),
            table("counter", object_type="sequence"),
        ],
        target_version=RELEASE,
    )
    assert sorted(one.table for one in got.placements) == ["s.leaf", "s.sub", "s.view"]


def test_an_index_of_a_partitioned_table_is_one_of_each_partition_and_holds_its_part():
    """4 vCPU: 9 GB take 534.3 s, 19 GB 1,140.31 s; two indexes make that 1.87 times as long."""
    parts = [
        table(f"sales_p{gb}", gb, columns=5, object_type="TABLE PARTITION", partition_of="s.sales") for gb in (9, 19)
    ]
    indexes = [
        index("i", "sales", 28, object_type="NORMAL INDEX"), index("other", "sales", 56, object_type="BITMAP INDEX")
    ]  # fmt: skip
    got = size([*parts, *indexes], target_version=RELEASE)
    assert {one.name: one.size_bytes / GB for one in got.placements} == {"sales_p9": 36, "sales_p19": 76}
    assert got.import_minutes == math.ceil((534.3 + 1140.31) * 1.87 / 60)
    spared = size([*parts, *indexes], target_version=RELEASE, redundant={("s", "i")})
    assert spared.import_minutes_without_redundant_indexes == math.ceil((534.3 + 1140.31) * 1.37 / 60)
    unmeasured = [replace(one, size_bytes=None) for one in parts]
    assert [one.size_bytes / GB for one in size([*unmeasured, *indexes], target_version=RELEASE).placements] == [42, 42]


def test_an_index_of_a_table_of_which_nothing_is_known_counts_nowhere():
    """As that of a partitioned table without a partition."""
    alone = size([table("t", 3)], target_version=RELEASE)
    beside = size([table("t", 3), index("i", "root", 28), index("j", "", 1)], target_version=RELEASE)
    assert (beside.placements, beside.import_minutes) == (alone.placements, alone.import_minutes)


def test_an_empty_database_gets_the_smallest_cluster_and_no_load_time():
    got = size([], target_version=RELEASE)
    assert cluster(got) == (3, 4)
    assert (got.import_minutes, got.placements, got.failure) == (0, (), "")
    assert any("No table with rows was found" in step for step in got.steps)


def test_a_table_of_ten_terabytes_is_held_by_the_smallest_cluster_and_its_disk_is_named():
    """On 3 nodes it has ceil(10,240/100) = 103 tablets; 103 × 3 × 2 = 618 are within one node's 992. Three copies on
    three nodes are the whole table on each."""
    got = size([table("big", 10 * 1024)], target_version=RELEASE)
    assert cluster(got) == (3, 4)
    assert any("103 tablets" in step for step in got.steps)
    assert any("about 10,240.0 GB" in step and "disks" in step for step in got.steps)
    assert "10,240.0 GB" in reasons(got)["s.big"]


def test_a_hundred_thousand_tables_fit_no_machine_and_every_alternative_says_why():
    got = size([table(f"t{n}") for n in range(100_000)], target_version=RELEASE)
    assert "100,000 tables and indexes" in got.failure
    assert "4,316" in got.failure
    assert (got.nodes, got.placements, got.import_minutes) == (0, (), None)
    assert len(got.alternatives) == 6
    assert all(one.failure and not one.chosen and one.nodes == 0 for one in got.alternatives)
    # 16 vCPU colocate 5,000 of them.
    assert "95,000" in next(one.failure for one in got.alternatives if one.vcpus == 16)
    assert sizing_json(got)["recommendation"] is None


def test_hostile_names_are_placed_as_they_are_and_shown_harmlessly():
    evil = 'x"; DROP TABLE y; --\x1b[2J</script>'
    tables = [table(f"t{n}") for n in range(900)]
    got = size([*tables, table(evil, 200)], target_version=RELEASE)
    assert got.sharded == (f"s.{evil}",)
    assert "\x1b" not in "".join([*got.steps, *got.notes, got.reasoning, *reasons(got).values()])
    assert json.loads(json.dumps(sizing_json(got)))["placements"][-1]["table"] == f"s.{evil}"


def test_two_tables_whose_names_read_the_same_keep_their_own_indexes():
    first = ObjectStatistics("a.b", "c", "table", size_bytes=1)
    second = ObjectStatistics("a", "b.c", "table", size_bytes=2)
    owned = ObjectStatistics("a", "i", "index", is_index=True, parent_table="a.b.c", size_bytes=10)
    got = size([first, second, owned], target_version=RELEASE)
    assert [one.size_bytes for one in got.placements] == [1, 12]


@pytest.mark.parametrize(
    ("target", "release", "said"),
    [
        ("2026.1.0.0", "2025.2.0.0", "not newer than the target 2026.1.0.0"),
        ("2025.2", "2025.2.0.0", "not newer"),
        ("2025.1.9.9-b3", "2024.2.0.0", "not newer"),
        ("2024.1.0.0", "2024.1.0.0", "not newer"),
        ("2.20.1.0", "2025.2.0.0", "Nothing was measured with 2.20.1.0 or an older release"),
        ("unknown", "2025.2.0.0", "not known"),
        ("", "2025.2.0.0", "not known"),
    ],
)
def test_the_newest_measurements_that_the_target_has_reached_are_used(target: str, release: str, said: str):
    experiments, why = experiments_for(target)
    assert experiments.release == release
    assert said in why
    assert why in size([table("t")], target_version=target).steps


def test_the_document_of_a_sizing_tells_the_cluster_the_steps_and_every_placement():
    document = sizing_json(size([table("a"), table("b", None)], target_version=RELEASE))
    assert next(iter(document)) == "schema_version"
    assert document["recommendation"]["nodes"] == 3
    assert [one["table"] for one in document["placements"]] == ["s.b", "s.a"]
    assert sum(one["chosen"] for one in document["alternatives"]) == 1
    assert any("size of 1 table is not known" in note for note in document["notes"])
    assert json.loads(json.dumps(document)) == document


RATES = st.one_of(st.none(), st.floats(0, 50_000))
TABLES = st.lists(
    st.builds(
        lambda gb, reads, writes, indexes, rows: (gb, reads, writes, indexes, rows),
        st.one_of(st.none(), st.floats(0, 3000)),
        RATES,
        RATES,
        st.integers(0, 6),
        st.one_of(st.none(), st.integers(0, 10**10)),
    ),
    max_size=12,
)
RELEASES = st.sampled_from([one.release for one in EXPERIMENTS])


def built(rows: list[tuple[Any, ...]]) -> list[ObjectStatistics]:
    statistics = []
    for number, (gb, reads, writes, indexes, count) in enumerate(rows):
        name = f"t{number:02}"
        statistics.append(table(name, gb, reads_per_second=reads, writes_per_second=writes, rows=count))
        statistics += [index(f"{name}_i{n}", name, (gb or 0) / 10, reads_per_second=reads) for n in range(indexes)]
    return statistics


def larger(statistics: list[ObjectStatistics], factor: int) -> list[ObjectStatistics]:
    return [replace(one, size_bytes=one.size_bytes and one.size_bytes * factor) for one in statistics]


def busier(statistics: list[ObjectStatistics], factor: int) -> list[ObjectStatistics]:
    return [
        replace(
            one,
            reads_per_second=one.reads_per_second and one.reads_per_second * factor,
            writes_per_second=one.writes_per_second and one.writes_per_second * factor,
        )
        for one in statistics
    ]


@settings(max_examples=60, deadline=None)
@given(rows=TABLES, release=RELEASES)
def test_every_leaf_table_is_placed_exactly_once_on_three_nodes_or_more(rows, release):
    got = size(built(rows), target_version=release)
    assert sorted(one.table for one in got.placements) == [f"s.t{n:02}" for n in range(len(rows))]
    assert got.nodes >= 3
    assert all(one.reason.endswith(".") for one in got.placements)


@settings(max_examples=60, deadline=None)
@given(rows=TABLES, release=RELEASES, factor=st.integers(2, 9))
def test_a_database_that_grows_or_gets_busier_never_needs_a_smaller_cluster(rows, release, factor):
    statistics = built(rows)
    before = vcpus(size(statistics, target_version=release))
    assert vcpus(size(larger(statistics, factor), target_version=release)) >= before
    assert vcpus(size(busier(statistics, factor), target_version=release)) >= before
    assert vcpus(size(statistics, target_version=release, peak_factor=factor)) >= before


@settings(max_examples=60, deadline=None)
@given(rows=TABLES, release=RELEASES, data=st.data())
def test_without_redundant_indexes_the_load_never_takes_longer(rows, release, data):
    statistics = built(rows)
    names = [one.qualified for one in statistics if one.is_index]
    redundant = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    got = size(statistics, target_version=release, redundant=redundant)
    assert got.import_minutes is not None
    assert got.import_minutes_without_redundant_indexes <= got.import_minutes
    if not redundant:
        assert got.import_minutes_without_redundant_indexes == got.import_minutes


@settings(max_examples=60, deadline=None)
@given(rows=TABLES, release=RELEASES)
def test_no_alternative_that_holds_the_database_has_fewer_vcpus_than_the_chosen_one(rows, release):
    got = size(built(rows), target_version=release)
    possible = [one.nodes * one.vcpus for one in got.alternatives if not one.failure]
    assert vcpus(got) == min(possible)
    assert all(one.cores <= one.nodes * one.vcpus for one in got.alternatives)
