"""Numbers and texts of a report, written for people: counts, sizes, rates, times, names without tricks."""

from __future__ import annotations

from voyager.identifiers import visible

UNKNOWN = "–"
_SIZES = ("B", "KB", "MB", "GB", "TB", "PB")


def count(number: float | None) -> str:
    """1,250,000; a dash where nobody knows."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def size(number: float | None) -> str:
    """512 B, 3.4 MB, 125 GB."""
    if number is None:
        return UNKNOWN
    scaled, place = float(number), 0
    while scaled >= 1024 and place < len(_SIZES) - 1:
        scaled, place = scaled / 1024, place + 1
    return f"{scaled:,.0f} {_SIZES[place]}" if place == 0 or scaled >= 10 else f"{scaled:.1f} {_SIZES[place]}"


def rate(per_second: float | None) -> str:
    """12,400/s, 38/s, 0.4/s; what happens less than once in two minutes is said to be so."""
    if per_second is None:
        return UNKNOWN
    if per_second == 0:
        return "0"
    if per_second < 0.01:
        return "<0.01/s"
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.2g}/s"


def minutes(number: float | None) -> str:
    """12 min, 2 h 05 min, 3 d 4 h; a dash where it was not estimated."""
    if not number:
        return UNKNOWN
    whole = round(number)
    if whole < 60:
        return f"{max(whole, 1)} min"
    if whole < 24 * 60:
        return f"{whole // 60} h {whole % 60:02d} min"
    return f"{whole // 1440} d {whole % 1440 // 60} h"


def days(number: float | None) -> str:
    """0.5, 12, 14.5: person-days."""
    return UNKNOWN if number is None else f"{number:,.1f}".removesuffix(".0")


def moment(text: str) -> str:
    """2026-11-22T18:45:30Z -> 2026-11-22 18:45 UTC; anything else as it stands."""
    date, _, clock = text.partition("T")
    if len(clock) < 6 or not clock.endswith("Z"):
        return text
    return f"{date} {clock[:5]} UTC"


def text(statement: str) -> str:
    """A text of several lines with control and format characters shown as escapes; line breaks and tabs stay."""
    lines = statement.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)
