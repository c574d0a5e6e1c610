"""Connections that read one side, and the threads that keep both sides busy at the same time."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from voyager.postgres.connection import connection_lost, retryable, translate
from voyager.verification.session import apply_session_settings

Result = TypeVar("Result")

LOOK_UP_SECONDS = 0.5
"""How often a waiting caller looks whether it should stop."""

WHILE_READING = {
    "lock_timeout": "60s",
    # The planner takes a hash for as many groups as rows and would sort them on disk.
    "enable_sort": "off",
    "jit": "off",
}


class Readers:
    """At most `limit` read-only connections to one side, opened when needed, each used by one thread at a time.

    The caller's own thread never waits for a server: while it waits for a thread it looks at `checkpoint`, whose
    exception ends the wait. A server that is away is tried again for `outage_budget` seconds.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Any],
        *,
        limit: int,
        checkpoint: Callable[[], None],
        outage_budget: float = 0.0,
    ) -> None:
        self.name = name
        self._connect = connect
        self._checkpoint = checkpoint
        self._outage_budget = outage_budget
        self._idle: list[Any] = []
        self._busy: set[Any] = set()
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=limit, thread_name_prefix=f"verify-{name}")

    def submit(self, sql: str, parameters: dict[str, Any], doing: str) -> Future[list[tuple[Any, ...]]]:
        """Start one query and return at once; `doing` completes "Could not …"."""

        def read(connection: Any) -> list[tuple[Any, ...]]:
            return list(connection.execute(sql, parameters, prepare=False).fetchall())

        return self._threads.submit(self._persist, read, doing)

    def wait(self, future: Future[Result]) -> Result:
        """Return what a submitted query gave; raises what it, or the checkpoint, raises."""
        while not wait([future], timeout=LOOK_UP_SECONDS).done:
            self._checkpoint()
        return future.result()

    def use(self, read: Callable[[Any], Result], doing: str) -> Result:
        """Give `read` a connection of this side and wait for what it returns."""
        return self.wait(self._threads.submit(self._persist, read, doing))

    def close(self) -> None:
        """Cancel what runs, wait for the threads and close every connection."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        while True:
            with self._guard:
                busy = list(self._busy)
            if not busy:
                break
            for connection in busy:
                with contextlib.suppress(Exception):  # a server that is away has nothing left to cancel
                    connection.cancel_safe(timeout=5.0)
            time.sleep(0.05)
        self._threads.shutdown(wait=True)
        self._drop_idle()

    def _persist(self, read: Callable[[Any], Result], doing: str) -> Result:
        """Read, again on a new connection when the server or the network faltered. Raises our errors."""
        deadline = time.monotonic() + self._outage_budget
        pause = 0.2
        while True:
            try:
                return self._once(read)
            except Exception as error:
                if connection_lost(error):
                    self._drop_idle()
                too_late = time.monotonic() + pause > deadline
                if too_late or not retryable(error) or self._closed.wait(pause * random.uniform(0.5, 1.0)):
                    raise translate(error, f"{doing} on the {self.name}") from error
                pause = min(5.0, 2 * pause)

    def _once(self, read: Callable[[Any], Result]) -> Result:
        connection = self._borrow()
        try:
            result = read(connection)
        except BaseException as error:
            self._give_back(connection, lost=connection_lost(error))
            raise
        self._give_back(connection, lost=False)
        return result

    def _borrow(self) -> Any:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
            apply_session_settings(connection, WHILE_READING)
        with self._guard:
            self._busy.add(connection)
        return connection

    def _give_back(self, connection: Any, *, lost: bool) -> None:
        with self._guard:
            self._busy.discard(connection)
            if not lost and not connection.closed:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        """The connections that waited beside a lost one are most likely lost, too."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
