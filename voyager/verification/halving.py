"""Ask for the sums of a chunk; of its halves where the server gave up the whole, and of theirs, until it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voyager.postgres.connection import DriverError
from voyager.verification.chunks import Chunk
from voyager.verification.queries import Statement
from voyager.verification.readers import Readers

Answer = list[tuple[Any, ...]]
"""(group, rows, sum as text or None)."""


def read_in_halves(
    readers: Readers, connection: Any, chunk: Chunk, statement: Callable[[Chunk], Statement], doing: str
) -> Answer:
    """The groups of a chunk, whatever number of questions it takes. Raises TimedOut for what cannot be halved."""
    waiting, answers = [chunk], []
    while waiting:
        part = waiting.pop()
        begun = time.monotonic()
        try:
            answers.append(connection.execute(*statement(part), prepare=False).fetchall())
        except DriverError as error:
            late = readers.timed_out(error, begun, doing)
            parts = halves(part)
            if late is None or not parts:
                raise (late or error) from None
            waiting += reversed(parts)
    return answers[0] if len(answers) == 1 else _together(answers)


def halves(chunk: Chunk) -> tuple[Chunk, ...]:
    """A range of keys as two; nothing where that is open at an end, or is all one group."""
    if chunk.low is None or chunk.high is None:
        return ()
    shift = chunk.grouping.shift or 0
    middle = (chunk.low + chunk.high) // 2 >> shift << shift
    if not chunk.low < middle < chunk.high:
        return ()
    return replace(chunk, high=middle), replace(chunk, low=middle)


def _together(answers: list[Answer]) -> Answer:
    """Halves of one group are counted and summed as the whole would have been."""
    found: dict[int, tuple[int, int | None]] = {}
    for group, rows, total in (row for answer in answers for row in answer):
        before, sum_before = found.get(group, (0, None))
        number = sum_before if total is None else int(total) + (sum_before or 0)
        found[group] = (before + rows, number)
    return [(group, rows, None if total is None else str(total)) for group, (rows, total) in found.items()]
