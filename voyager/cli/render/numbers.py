"""Numbers for people: counts, rates, sizes, durations."""

from __future__ import annotations

_SIZES = ("B", "KB", "MB", "GB", "TB", "PB")


def count(number: int | None) -> str:
    """1,250,000; a dash where nobody knows."""
    return "-" if number is None else f"{number:,}"


def rate(per_second: float | None) -> str:
    """12K/s, 3.4M/s, 850/s; a dash when nothing moves."""
    if not per_second or per_second < 0.5:
        return "-"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if per_second >= limit:
            scaled = per_second / limit
            return f"{scaled:.0f}{unit}/s" if scaled >= 10 else f"{scaled:.1f}{unit}/s"
    return f"{per_second:.0f}/s"


def size(number: int | float | None) -> str:
    """512 B, 3.4 MB, 125 GB."""
    if number is None:
        return "-"
    scaled, place = float(number), 0
    while scaled >= 1024 and place < len(_SIZES) - 1:
        scaled, place = scaled / 1024, place + 1
    return f"{scaled:.0f} {_SIZES[place]}" if place == 0 or scaled >= 10 else f"{scaled:.1f} {_SIZES[place]}"


def duration(seconds: float | None) -> str:
    """8s, 2h 15m, 3d 04h; a dash where nobody knows."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def estimate(seconds: float | None) -> str:
    """How long it will still take, no more exact than anybody can know: 40s, 5m, 1h, 1h 30m."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{max(whole, 1)}s"
    hours, minutes = whole // 3600, (whole % 3600 + 30) // 60
    if not hours:
        return f"{minutes}m"
    return f"{hours}h" if not minutes else f"{hours}h {minutes:02d}m"
