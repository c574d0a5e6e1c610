"""Charts as inline SVG, made of numbers alone: colours come from the page's style sheet, words stand beside in text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from voyager.identifiers import visible

HEAT_STEPS = 5
"""How many degrees of heat there are; 0 is nothing at all."""
_RING_RADIUS = 40.0
_GAP = 1.4
"""Between the segments of a ring, in its own units, so that neighbours stay apart without their colours."""


@dataclass(frozen=True)
class Segment:
    """A part of a whole: `look` is a class of the style sheet, `label` is read out and shown on hovering."""

    value: float
    look: str
    label: str

    @property
    def said(self) -> str:
        return visible(self.label)


def bar(segments: Sequence[Segment], *, whole: float) -> Markup:
    """A bar as wide as its place; its segments side by side, all of `whole` being the full width.

    What is there at all stays visible.
    """
    parts, start = [], 0.0
    for segment in segments:
        if segment.value <= 0 or whole <= 0:
            continue
        width = min(max(100.0 * segment.value / whole, 0.6), 100.0 - start)
        parts.append(
            Markup('<rect class="{}" x="{}" y="0" width="{}" height="10"><title>{}</title></rect>').format(
                segment.look, _number(start), _number(width), segment.said
            )
        )
        start += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(_spoken(segments), Markup("").join(parts))


def column(segments: Sequence[Segment], *, whole: float) -> Markup:
    """The same standing up, the first segment at the bottom."""
    parts, top = [], 100.0
    for segment in segments:
        if segment.value <= 0 or whole <= 0:
            continue
        height = min(max(100.0 * segment.value / whole, 1.0), top)
        top -= height
        parts.append(
            Markup('<rect class="{}" x="0" y="{}" width="40" height="{}"><title>{}</title></rect>').format(
                segment.look, _number(top), _number(height), segment.said
            )
        )
    return Markup(
        '<svg class="column" viewBox="0 0 40 100" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(_spoken(segments), Markup("").join(parts))


def ring(segments: Sequence[Segment], *, caption: str, under: str = "") -> Markup:
    """A ring of segments, clockwise from the top, around a number."""
    whole = sum(segment.value for segment in segments)
    length = 2 * math.pi * _RING_RADIUS
    parts = [Markup('<circle class="ring-ground" cx="50" cy="50" r="40" fill="none" stroke-width="13"/>')]
    start = 0.0
    drawn = [segment for segment in segments if segment.value > 0]
    for segment in drawn:
        reach = length * segment.value / whole
        dash = max(reach - (_GAP if len(drawn) > 1 else 0), 0.4)
        parts.append(
            Markup(
                '<circle class="{}" cx="50" cy="50" r="40" fill="none" stroke-width="13" stroke-dasharray="{} {}" '
                'stroke-dashoffset="{}" transform="rotate(-90 50 50)"><title>{}</title></circle>'
            ).format(segment.look, _number(dash), _number(length - dash), _number(-start), segment.said)
        )
        start += reach
    words = Markup('<text x="50" y="{}" class="ring-number">{}</text>').format("50" if under else "54", caption)
    if under:
        words += Markup('<text x="50" y="63" class="ring-under">{}</text>').format(under)
    return Markup('<svg class="ring" viewBox="0 0 100 100" role="img" aria-label="{}">{}{}</svg>').format(
        _spoken(segments) or caption, Markup("").join(parts), words
    )


def scale(position: int, steps: Sequence[str]) -> Markup:
    """Steps from left to right, filled up to `position`; -1 when it is none of them."""
    width = 100.0 / len(steps)
    parts = [
        Markup('<rect class="{}" x="{}" y="0" width="{}" height="8" rx="2"/>').format(
            f"step step-{position + 1}" if place <= position else "step step-empty",
            _number(place * width),
            _number(width - 2),
        )
        for place in range(len(steps))
    ]
    label = f"{steps[position]}, step {position + 1} of {len(steps)}" if position >= 0 else "not rated"
    return Markup(
        '<svg class="scale" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(parts))


def heat(value: float | None, hottest: float) -> int:
    """The degree of heat of a rate, 1 to HEAT_STEPS on a logarithmic scale below `hottest`; 0 for none."""
    if not value or value <= 0 or hottest <= 0:
        return 0
    # Four powers of ten below the hottest all is equally cool.
    depth = max(0.0, 1.0 + math.log10(min(value / hottest, 1.0)) / 4.0)
    return 1 + min(round(depth * (HEAT_STEPS - 1)), HEAT_STEPS - 1)


def spot(value: float | None, hottest: float, *, kind: str) -> Markup:
    """A round spot, larger and stronger the hotter it is; `kind` chooses its colour."""
    degree = heat(value, hottest)
    return Markup(
        '<svg class="spot" viewBox="0 0 20 20" aria-hidden="true"><circle class="{}" cx="10" cy="10" r="{}"/></svg>'
    ).format(f"{kind} heat-{degree}", _number(1.5 + 1.6 * degree))


def _spoken(segments: Sequence[Segment]) -> str:
    return ", ".join(segment.said for segment in segments if segment.value > 0)


def _number(value: float) -> str:
    """Short and the same everywhere: two decimals at most, no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
