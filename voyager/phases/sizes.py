"""Sizes as people write them: "64MB", "1.5 GiB", "200000"."""

from __future__ import annotations

import re

from voyager.errors import UsageError
from voyager.identifiers import visible

_UNITS = {
    "": 0,
    "B": 0,
    "K": 1,
    "KB": 1,
    "KIB": 1,
    "M": 2,
    "MB": 2,
    "MIB": 2,
    "G": 3,
    "GB": 3,
    "GIB": 3,
    "T": 4,
    "TB": 4,
}


def parse_size(text: str, option: str) -> int:
    """Bytes of `text` (units are powers of 1024); `option` is named when it is not a size."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    size = int(float(match[1]) * 1024 ** _UNITS[match[2].upper()]) if match and match[2].upper() in _UNITS else 0
    if size <= 0:
        raise UsageError(f"{option} is {visible(text)!r}, which is not a size.", "Write it like 64MB or 1GB.")
    return size


def readable_size(size: int) -> str:
    """The size for people: 512 bytes, 3.4 MB."""
    amount, units = float(size), ["bytes", "KB", "MB", "GB", "TB", "PB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{size:,} {units[0]}" if units[0] == "bytes" else f"{amount:,.1f} {units[0]}"
