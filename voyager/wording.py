"""How counts are said."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, noun: str) -> str:
    """`1 statement`, `2 statements`, `1,204 rows`, `2 indexes`, `3 foreign keys`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        plural = f"{noun[:-1]}ies"
    else:
        plural = f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
    return f"{count:,} {plural}"


def sentence(text: str) -> str:
    """The text with its full stop, for another sentence to follow: what a server says has none."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def named(names: Iterable[object], most: int = 5) -> str:
    """`a, b`; of more than `most` the first ones and how many more: `a, b, c, d, e and 7 more`."""
    words = [str(name) for name in names]
    return ", ".join(words[:most]) + (f" and {len(words) - most:,} more" if len(words) > most else "")


def are(count: int) -> str:
    """The verb of `counted(count, …)`."""
    return "is" if count == 1 else "are"


def were(count: int) -> str:
    """The same, of what is past."""
    return "was" if count == 1 else "were"
