"""One row of COPY text taken apart, for the few values that are looked at: a key, or what was asked for."""

from __future__ import annotations

import re
from collections.abc import Collection

_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_CHARACTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def values_of(row: bytes | memoryview, columns: tuple[str, ...], wanted: Collection[str]) -> dict[str, str | None]:
    """The text of the wanted columns, None for NULL; other values are not looked at."""
    text = bytes(row).removesuffix(b"\n")
    found: dict[str, str | None] = {}
    at = 0
    for name in columns:
        end = text.find(b"\t", at)
        end = len(text) if end < 0 else end
        if name in wanted:
            found[name] = _decoded(text[at:end])
        at = end + 1
    return found


def _decoded(cell: bytes) -> str | None:
    if cell == rb"\N":
        return None
    return _ESCAPE.sub(_character, cell).decode("utf-8", "replace")


def _character(escape: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = escape.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    return _CHARACTERS.get(letter, letter)
