"""The load time, held against the measured points and against figures computed by hand between them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.assessment.assessment import ObjectStatistics
from voyager.assessment.experiments import EXPERIMENTS, ROWS, SIZES_GB, Layout, Machine
from voyager.assessment.load_time import LoadTimes, column_factors, monotone, node_divisor
from voyager.assessment.sizing import size
from voyager.assessment.workload import Table

GB = 1024**3
NEWEST = {machine.vcpus: machine for machine in EXPERIMENTS[-1].machines}
MACHINES = [machine for one in EXPERIMENTS for machine in one.machines]
LAYOUTS = [layout for machine in MACHINES for layout in (machine.colocated, machine.sharded)]


def table(gb: float | None = None, *, rows: int | None = None, columns: int | None = None, indexes: int = 0) -> Table:
    size_bytes = None if gb is None else round(gb * GB)
    return Table("s.t", size_bytes, rows, columns, (0,) * indexes, 0, None, None)


def seconds(layout: Layout, loaded: Table) -> float:
    return LoadTimes(layout).seconds(loaded)


@pytest.mark.parametrize("machine", [NEWEST[4], NEWEST[16]], ids=["4", "16"])
@pytest.mark.parametrize("position", range(5))
def test_a_measured_table_takes_the_measured_time_by_size_and_by_rows(machine: Machine, position: int):
    for layout in (machine.colocated, machine.sharded):
        assert seconds(layout, table(SIZES_GB[position])) == pytest.approx(layout.seconds[position])
        assert seconds(layout, table(rows=ROWS[position])) == pytest.approx(layout.seconds[position])


def test_small_tables_take_their_part_of_the_smallest_measured_one():
    # 9 GB take 534.3 s, so 3 GB take a third of them.
    assert seconds(NEWEST[4].sharded, table(3)) == pytest.approx(178.1)


def test_between_two_measured_tables_the_time_lies_on_the_line_between_them():
    # 14 GB are halfway between 9 GB (276.68 s) and 19 GB (513.94 s).
    assert seconds(NEWEST[16].sharded, table(14)) == pytest.approx((276.68 + 513.94) / 2)


def test_tables_beyond_the_largest_measured_one_take_longer_in_proportion():
    assert seconds(NEWEST[4].sharded, table(1130)) == pytest.approx(96_083.7)


def test_the_longer_of_the_times_by_size_and_by_rows_counts():
    # 1 GB alone is 59.4 s; its 100 million rows are as many as those of the table that took 1,140.31 s.
    assert seconds(NEWEST[4].sharded, table(1, rows=100_000_000)) == pytest.approx(1140.31)
    assert seconds(NEWEST[4].sharded, table(19, rows=10)) == pytest.approx(1140.31)


def test_indexes_and_columns_make_the_load_longer():
    # 19 GB on 4 vCPU: 1,140.31 s, times 1.87 for 2 indexes, times 1.29 for up to 20 columns.
    loaded = table(19, columns=17, indexes=2)
    assert seconds(NEWEST[4].sharded, loaded) == pytest.approx(1140.31 * 1.87 * 1.29)


def test_more_indexes_than_measured_cost_in_proportion():
    # 20 indexes make it 15.55 times longer, so 40 make it 31.1 times.
    assert seconds(NEWEST[4].sharded, table(9, indexes=40)) == pytest.approx(534.3 * 31.1)


def test_a_wide_colocated_table_takes_its_time_though_none_was_measured():
    """Nothing was measured for 160 colocated columns. The line through 40 (1.25) and 80 (1.63) goes on to
    1.63 + (1.63 - 1.25) / 40 × 80 = 2.39; read as 0 the table would take no time at all."""
    assert NEWEST[4].colocated.column_factors[-1] is None
    assert seconds(NEWEST[4].colocated, table(9, columns=100)) == pytest.approx(782.96 * 2.39)
    assert seconds(NEWEST[4].colocated, table(9, columns=320)) == pytest.approx(782.96 * 2.39 * 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_column_factor_is_at_least_one_and_none_is_less_than_that_of_fewer_columns(layout: Layout):
    factors = column_factors(layout)
    assert factors[0] == 1
    assert list(factors) == sorted(factors)


def test_measured_times_that_are_out_of_order_are_levelled_to_their_mean():
    """Eight cores loaded 29 GB (966.86 s) faster than 19 GB (1,110.46 s): both count as 1,038.66 s, all else stays."""
    layout = NEWEST[8].sharded
    assert layout.seconds[2] < layout.seconds[1]
    got = [seconds(layout, table(gb)) for gb in SIZES_GB]
    assert got == pytest.approx([803.39, 1038.66, 1038.66, 2402.42, 5425.68])
    assert any("19 and 29 GB" in note for note in _sized_on(8).notes)
    assert not any("19 and 29 GB" in note for note in _sized_on(4).notes)


def _sized_on(vcpus: int):
    """A database for which machines of 8 vCPU win: 30 TB in tables of 1 TB (see test_sizing), or those of 4: one."""
    count = 30 if vcpus == 8 else 1
    got = size(
        [ObjectStatistics("s", f"t{n}", "table", size_bytes=1024 * GB) for n in range(count)], target_version="2025.2"
    )
    assert got.vcpus_per_node == vcpus
    return got


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_levelling_orders_values_keeps_ordered_ones_and_their_sum(values: list[float]):
    got = monotone(values)
    assert all(left <= right * (1 + 1e-12) for left, right in pairwise(got))
    assert sum(got) == pytest.approx(sum(values), abs=1e-6)
    assert list(monotone(sorted(values))) == sorted(values)


@given(
    layout=st.sampled_from(LAYOUTS),
    small=st.floats(0, 500),
    more=st.floats(0, 500),
    rows=st.integers(0, 10**9),
    columns=st.integers(1, 400),
    indexes=st.integers(0, 30),
)
def test_more_of_anything_never_loads_faster(layout, small, more, rows, columns, indexes):
    base = seconds(layout, table(small, rows=rows, columns=columns, indexes=indexes))
    slack = 1 - 1e-9
    assert seconds(layout, table(small + more, rows=rows, columns=columns, indexes=indexes)) >= base * slack
    assert seconds(layout, table(small, rows=2 * rows, columns=columns, indexes=indexes)) >= base * slack
    assert seconds(layout, table(small, rows=rows, columns=columns + 5, indexes=indexes)) >= base * slack
    assert seconds(layout, table(small, rows=rows, columns=columns, indexes=indexes + 1)) >= base * slack


def test_more_nodes_load_sharded_tables_faster():
    # 4 vCPU: 3 nodes load 15.81 MB/s, 6 load 23.66, 9 load 28.92; 18 twice as much as 9.
    assert node_divisor(NEWEST[4], 3) == pytest.approx(1)
    assert node_divisor(NEWEST[4], 6) == pytest.approx(23.66 / 15.81)
    assert node_divisor(NEWEST[4], 18) == pytest.approx(2 * 28.92 / 15.81)
    for machine in MACHINES:
        divisors = [node_divisor(machine, nodes) for nodes in range(3, 30)]
        assert divisors == sorted(divisors)


def test_minutes_are_whole_ones_with_and_without_redundant_indexes():
    """19 GB on three nodes of 4 vCPU, 20 columns: with 2 indexes 1,140.31 × 1.87 × 1.29 = 2,750.8 s → 46 minutes;
    without the superfluous one 1,140.31 × 1.37 × 1.29 = 2,015.3 s → 34 minutes."""
    statistics = [
        ObjectStatistics("s", "t", "table", size_bytes=19 * GB, columns=20),
        ObjectStatistics("s", "i1", "index", is_index=True, parent_table="s.t", size_bytes=0),
        ObjectStatistics("s", "i2", "index", is_index=True, parent_table="s.t", size_bytes=0),
    ]
    got = size(statistics, target_version="2025.2.0.0", redundant={("s", "i2"), ("s", "other")})
    assert (got.nodes, got.vcpus_per_node) == (3, 4)
    assert (got.import_minutes, got.import_minutes_without_redundant_indexes) == (46, 34)
    assert any("Without 1 superfluous index" in step and "34 minutes" in step for step in got.steps)


def test_the_load_of_many_nodes_is_divided_among_them():
    """20,000 reads and 10,000 writes per second take 5 nodes of 4 vCPU (see test_sizing). 113 GB take three nodes
    9,608.37 s; 5 nodes load 15.81 + (23.66 - 15.81) × 2/3 = 21.04 MB/s, 1.331 times as much: 7,219 s → 121 minutes."""
    busy = ObjectStatistics(
        "s", "t", "table", size_bytes=113 * GB, reads_per_second=20_000.0, writes_per_second=10_000.0
    )
    got = size([busy], target_version="2025.2.0.0")
    assert got.nodes == 5
    assert got.import_minutes == 121
