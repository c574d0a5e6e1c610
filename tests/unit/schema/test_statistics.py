"""How much objects are used: by their share of what the busiest one does, a few scans not counted."""

from __future__ import annotations

import pytest

from voyager.schema.statistics import FREQUENT, MODERATE, RARE, UNUSED, Statistics, Usage, hotter, percent


def graded(scans: int, writes: int, *, most_scans: int = 1000, most_writes: int = 1000) -> str:
    usage = {("s", "busy"): Usage(most_scans, most_writes), ("s", "t"): Usage(scans, writes)}
    return Statistics(usage=usage).table_usage("s", "t")


@pytest.mark.parametrize(
    ("scans", "level"),
    [(1000, FREQUENT), (700, FREQUENT), (699, MODERATE), (100, MODERATE), (99, RARE), (21, RARE), (20, UNUSED)],
)
def test_a_table_is_graded_by_its_scans(scans: int, level: str) -> None:
    assert graded(scans, 0) == level


@pytest.mark.parametrize(
    ("writes", "level"), [(700, FREQUENT), (699, MODERATE), (100, MODERATE), (99, RARE), (1, RARE), (0, UNUSED)]
)
def test_a_table_is_graded_by_what_is_written_to_it_from_the_first_row_on(writes: int, level: str) -> None:
    assert graded(0, writes) == level


def test_the_hotter_of_reads_and_writes_counts() -> None:
    assert graded(21, 700) == graded(700, 1) == FREQUENT
    assert graded(100, 1) == MODERATE
    assert hotter(UNUSED, "", RARE) == RARE
    assert hotter("", "") == ""


def test_twenty_scans_are_nobody_even_where_nothing_is_used_more() -> None:
    assert graded(20, 0, most_scans=20, most_writes=0) == UNUSED


def test_an_index_is_graded_among_indexes_and_by_the_writes_of_its_table() -> None:
    usage = {
        ("s", "t"): Usage(scans=100_000, writes=50),
        ("s", "u"): Usage(writes=1000),
        ("s", "i"): Usage(scans=300, is_index=True),
        ("s", "j"): Usage(scans=5, is_index=True),
    }
    known = Statistics(usage=usage)
    assert known.index_usage("s", "i", "t") == FREQUENT
    assert known.index_usage("s", "j", "t") == RARE
    assert known.index_usage("s", "j", "u") == FREQUENT
    assert known.index_usage("s", "not measured", "t") == RARE


def test_what_was_not_measured_has_no_grade() -> None:
    known = Statistics(usage={("s", "t"): Usage(scans=100)})
    assert known.table_usage("S", "t") == known.table_usage("s", "x") == known.index_usage("z", "i", "t") == ""


@pytest.mark.parametrize(("fraction", "whole"), [(0.0, 0), (0.29, 29), (0.57, 57), (0.599, 59), (0.6, 60), (1.0, 100)])
def test_fractions_are_rounded_down_to_whole_per_cent(fraction: float, whole: int) -> None:
    assert percent(fraction) == whole
