"""Repeat what failed only because somebody else was at work at the same moment, or because the server was away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from voyager.errors import DatabaseAway
from voyager.postgres.failures import connection_lost, retryable

T = TypeVar("T")

TRIES = 8
LONGEST_PAUSE = 5.0


def repeat(action: Callable[..., T], *args: Any, tries: int = TRIES, pause: Callable[[float], None] = time.sleep) -> T:
    """Return `action(*args)`, tried again after a conflict or a stale catalog, with growing and jittered pauses.

    A lost connection is not tried again: whether the action took effect must be found out first. Raises the
    driver's error.
    """
    for attempt in range(1, tries + 1):
        try:
            return action(*args)
        except psycopg.Error as error:
            if attempt == tries or connection_lost(error) or not retryable(error):
                raise
        pause(min(LONGEST_PAUSE, 0.1 * 2**attempt) * random.uniform(0.5, 1.0))
    raise AssertionError("unreachable")


def while_away(connect: Callable[[], T], budget: float, *, pause: Callable[[float], None] = time.sleep) -> T:
    """Return `connect()`, tried again for `budget` seconds while the server is away or has no connection left.

    Raises its DatabaseAway when the time is over.
    """
    gives_up_at, longest = time.monotonic() + budget, 0.2
    while True:
        try:
            return connect()
        except DatabaseAway:
            if time.monotonic() >= gives_up_at:
                raise
        pause(min(max(0.0, gives_up_at - time.monotonic()), random.uniform(0.5, 1.0) * longest))
        longest = min(LONGEST_PAUSE, 2 * longest)
