"""Whether a server has enough to do already, so that a comparison waits with its next chunk."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from voyager.errors import VoyagerError
from voyager.postgres.connection import DriverError

EVERY = 1.0
"""Seconds for which an answer counts."""

# Other people's sessions show no state to a role that may not see them; those of ours are not the load meant.
_ACTIVE = """
    SELECT count(*) FILTER (WHERE a.state = 'active'), count(*) FILTER (WHERE a.state IS NULL)
    FROM pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'yb-voyager%'
"""


@dataclass
class Side:
    """One server that is asked, over a connection of its own that is opened when it is first needed."""

    name: str
    connect: Callable[[], Any]
    connection: Any = None

    def active(self) -> tuple[int, int]:
        """(sessions that are at work, sessions whose state is hidden); nothing while the server is away."""
        try:
            self.connection = self.connection or self.connect()
            row = self.connection.execute(_ACTIVE).fetchone()
        except (DriverError, VoyagerError):
            # Those who read notice it, too, and know how long to wait.
            self.close()
            return 0, 0
        return int(row[0]), int(row[1])

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            with contextlib.suppress(DriverError):
                connection.close()


@dataclass
class Throttle:
    """`throttle()` is true while more than `limit` sessions of others are at work on one of the sides."""

    limit: int
    sides: tuple[Side, ...]
    warn: Callable[[str], None]
    _answer: bool = False
    _asked_at: float = 0.0
    _warned: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> bool:
        with self._guard:
            if time.monotonic() - self._asked_at >= EVERY:
                busy = [self._busy(side) for side in self.sides]
                self._answer = any(busy)
                self._asked_at = time.monotonic()
            return self._answer

    def close(self) -> None:
        for side in self.sides:
            side.close()

    def _busy(self, side: Side) -> bool:
        active, hidden = side.active()
        if hidden:
            self._tell(
                f"{side.name} hidden",
                f"What {hidden} sessions of the {side.name} do is hidden from this role, so --max-load does not count "
                "them. Grant it pg_read_all_stats there.",
            )
        if active > self.limit:
            self._tell(
                f"{side.name} busy",
                f"{active} sessions are at work on the {side.name}, --max-load is {self.limit}: the next chunk waits "
                "until they are fewer.",
            )
        return active > self.limit

    def _tell(self, what: str, sentence: str) -> None:
        """Once for each side; it may go up and down for hours."""
        if what not in self._warned:
            self._warned.add(what)
            self.warn(sentence)
