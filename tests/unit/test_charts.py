"""Charts: shares are drawn true to the numbers, and words never become markup."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.pages.charts import HEAT_STEPS, Segment, bar, column, heat, ring, scale, spot

SEGMENTS = st.lists(st.floats(0, 1e12, allow_nan=False).map(lambda value: Segment(value, "look", "label")), max_size=5)


def shapes(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(element.attrib) for element in ElementTree.fromstring(svg).iter(tag)]


@given(SEGMENTS)
def test_a_bar_is_true_to_its_shares_and_never_leaves_its_place(segments: list[Segment]):
    whole = sum(segment.value for segment in segments)
    drawn = shapes(bar(segments, whole=whole), "rect")
    assert len(drawn) == sum(segment.value > 0 for segment in segments)
    end = 0.0
    for rectangle, segment in zip(drawn, (one for one in segments if one.value > 0), strict=True):
        start, width = float(rectangle["x"]), float(rectangle["width"])
        assert start == pytest.approx(end, abs=0.05)
        assert width == pytest.approx(100 * segment.value / whole, abs=0.6 * len(segments) + 0.05)
        end = start + width
    assert end <= 100.01


def test_a_bar_shorter_than_the_whole_leaves_the_rest_empty():
    drawn = shapes(bar([Segment(1, "a", "one"), Segment(2, "b", "two")], whole=12), "rect")
    assert [(one["class"], one["x"], one["width"]) for one in drawn] == [("a", "0", "8.33"), ("b", "8.33", "16.67")]


def test_what_is_there_at_all_can_be_seen():
    (drawn,) = shapes(bar([Segment(1, "a", "one")], whole=1e9), "rect")
    assert float(drawn["width"]) > 0.5


@pytest.mark.parametrize("draw", [bar, column])
def test_nothing_is_drawn_of_nothing(draw):
    assert shapes(draw([Segment(0, "a", "none")], whole=0), "rect") == []


def test_a_column_grows_from_the_bottom():
    below, above = shapes(column([Segment(3, "a", "x"), Segment(1, "b", "y")], whole=8), "rect")
    assert float(below["y"]) + float(below["height"]) == 100
    assert float(above["y"]) + float(above["height"]) == float(below["y"])
    assert float(below["height"]) == 3 * float(above["height"])


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=4))
def test_a_ring_goes_round_once(values: list[int]):
    svg = ring([Segment(value, f"fill-{place}", "x") for place, value in enumerate(values)], caption="5")
    drawn = [one for one in shapes(svg, "circle") if "stroke-dasharray" in one]
    assert len(drawn) == len(values)
    once = 2 * math.pi * 40
    for value, circle in zip(values, drawn, strict=True):
        inked, blank = (float(part) for part in circle["stroke-dasharray"].split())
        assert inked + blank == pytest.approx(once, abs=0.02)
        assert inked == pytest.approx(once * value / sum(values), abs=1.5)
    starts = [-float(circle["stroke-dashoffset"]) for circle in drawn]
    assert starts == sorted(starts)
    assert starts[-1] < once


@pytest.mark.parametrize(("position", "filled"), [(-1, 0), (0, 1), (1, 2), (2, 3)])
def test_a_scale_is_filled_up_to_its_position(position: int, filled: int):
    drawn = shapes(scale(position, ("LOW", "MEDIUM", "HIGH")), "rect")
    assert [one["class"].endswith("empty") for one in drawn] == [False] * filled + [True] * (3 - filled)


def test_a_scale_says_where_it_stands():
    assert 'aria-label="MEDIUM, step 2 of 3"' in scale(1, ("LOW", "MEDIUM", "HIGH"))
    assert 'aria-label="not rated"' in scale(-1, ("LOW", "MEDIUM", "HIGH"))


def test_heat_grows_with_the_rate_by_powers_of_ten():
    assert [heat(rate, 1000) for rate in (None, 0, 0.1, 1, 10, 100, 1000)] == [0, 0, 1, 2, 3, 4, HEAT_STEPS]
    assert heat(1e-9, 1000) == 1


def test_a_hotter_spot_is_larger_so_that_colour_is_not_needed():
    radii = [float(shapes(spot(rate, 1000, kind="reads"), "circle")[0]["r"]) for rate in (0, 1, 10, 1000)]
    assert radii == sorted(set(radii))


@pytest.mark.parametrize("draw", [bar, column])
def test_a_label_is_text(draw):
    hostile = '"><script>alert(1)</script>\u202e'
    svg = draw([Segment(1, "look", hostile)], whole=1)
    titles = [element.text for element in ElementTree.fromstring(svg).iter("title")]
    assert titles == ['"><script>alert(1)</script>\\u202e']
    assert "<script" not in svg
