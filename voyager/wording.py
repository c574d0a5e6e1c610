"""How counts are said."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 statement`, `2 statements`, `1,204 rows`, `2 indexes`, `3 foreign keys`."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{count:,} {plural}"
