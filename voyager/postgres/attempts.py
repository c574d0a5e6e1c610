"""Repeat what failed only because somebody else was at work at the same moment, or because the server was away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from voyager.errors import DatabaseAway, VoyagerError
from voyager.postgres.failures import cancelled, connection_lost, retryable, translate

T = TypeVar("T")

TRIES = 8
LONGEST_PAUSE = 5.0
LONGEST_PAUSE_OF_ROWS = 10.0
TIMES_CANCELLED = 6


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


@dataclass
class Tries:
    """The tries of one transaction that brings rows: begun anew with growing and jittered pauses for `budget` seconds
    from the first failure on, but not for a statement that the server cancels again and again: an end of that is not
    to be expected, and each try may cost it as much as the one before."""

    budget: float
    failed: int = 0
    _times_cancelled: int = 0
    _failed_at: float = 0.0

    def pause_after(self, failure: BaseException) -> float | None:
        """Seconds to wait before the next try; None when there is to be none."""
        self._failed_at = self._failed_at or time.monotonic()
        self.failed += 1
        self._times_cancelled += cancelled(failure)
        if self._times_cancelled >= TIMES_CANCELLED or time.monotonic() - self._failed_at > self.budget:
            return None
        return random.uniform(0.5, 1.0) * min(LONGEST_PAUSE_OF_ROWS, 0.1 * 2**self.failed)

    def given_up(self, failure: BaseException, doing: str) -> VoyagerError:
        """The error that ends them."""
        error = translate(failure, doing)
        if not cancelled(failure):
            return error
        last = DatabaseAway(
            f"{error.message} (tried {self.failed} times)",
            "Something ends it at the server each time (the server's log says so): a person, a job that cancels long "
            "statements, or a statement_timeout that a pooler or a login trigger sets, for ours is off. Let these "
            "connections be, or send less at once (--batch-size, --batch-size-bytes); then run the same command again: "
            "what is in stays.",
        )
        last.server_state = error.server_state
        return last
