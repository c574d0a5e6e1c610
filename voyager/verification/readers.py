"""Connections that read one side, and the threads that keep both sides busy at the same time."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from voyager.errors import Interrupted, UsageError
from voyager.postgres.connection import connection_lost, retryable, sqlstate, translate
from voyager.postgres.marked import CURSOR, mark
from voyager.verification.session import apply_session_settings

Result = TypeVar("Result")
Settings = Mapping[str, str | None]
"""A query's own settings; None stands for what the server has by itself."""

NO_SETTINGS: Settings = MappingProxyType({})

LOOK_UP_SECONDS = 0.5
"""How often a waiting caller looks whether it should stop."""

WHILE_READING = {
    "lock_timeout": "60s",
    # The planner takes a hash for as many groups as rows and would sort them on disk.
    "enable_sort": "off",
    "work_mem": "64MB",
    "jit": "off",
    # Chunks are read side by side: processes of the server's own would only get in each other's way.
    "max_parallel_workers_per_gather": "0",
    # A cursor is read to its end here.
    "cursor_tuple_fraction": "1",
}

RANGE_SECONDS = 300.0
"""How long a query may take that reads a range of keys, unless something else was asked for: one that takes longer is
asked again in halves. A query that must read a whole table takes as long as it takes."""

OF_A_RANGE = "of a range"
"""Stands for that time among a query's settings."""


class TimedOut(UsageError):
    """A server gave up a query because of our own limit: asking the same again would end like this again."""


class Stream:
    """Rows that a reader's thread fetches, a batch at a time, while another thread takes them."""

    def __init__(self, closed: threading.Event) -> None:
        self._batches: queue.Queue[list[tuple[Any, ...]] | Exception | None] = queue.Queue(maxsize=2)
        self._closed = closed
        self._unwanted = threading.Event()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Every row. Raises what ended the query before its end."""
        while True:
            try:
                batch = self._batches.get(timeout=LOOK_UP_SECONDS)
            except queue.Empty:
                if self._closed.is_set():
                    raise Interrupted(
                        "The comparison was stopped.", "Run the same command again: it goes on."
                    ) from None
                continue
            if batch is None:
                return
            if isinstance(batch, Exception):
                raise batch
            yield from batch

    def give(self, batch: list[tuple[Any, ...]] | Exception | None) -> bool:
        """Hand over rows, what went wrong, or None as the end; False when nobody wants it any more."""
        while not self._unwanted.is_set() and not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._batches.put(batch, timeout=LOOK_UP_SECONDS)
                return True
        return False

    def close(self) -> None:
        """Take no more."""
        self._unwanted.set()


class Readers:
    """At most `limit` read-only connections to one side, opened when needed, each used by one thread at a time.

    The caller's own thread never waits for a server: while it waits for a thread it looks at `checkpoint`, whose
    exception ends the wait. A server that is away is tried again for `outage_budget` seconds; what takes longer than
    `statement_timeout` seconds (0: nothing does; None: only ranges of keys are limited) is given up by the server and
    raised as TimedOut.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Any],
        *,
        limit: int,
        checkpoint: Callable[[], None],
        outage_budget: float = 0.0,
        statement_timeout: float | None = 0.0,
    ) -> None:
        self.name = name
        self._connect = connect
        self._checkpoint = checkpoint
        self._outage_budget = outage_budget
        self._limit = RANGE_SECONDS if statement_timeout is None else statement_timeout
        self._own_settings = {**WHILE_READING, "statement_timeout": _milliseconds(statement_timeout or 0.0)}
        self._idle: list[Any] = []
        self._busy: set[Any] = set()
        self._settings: WeakKeyDictionary[Any, Settings] = WeakKeyDictionary()
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=limit, thread_name_prefix=f"verify-{name}")

    def submit(
        self, sql: str, parameters: dict[str, Any], doing: str, *, settings: Settings = NO_SETTINGS
    ) -> Future[list[tuple[Any, ...]]]:
        """Start one query and return at once; `doing` completes "Could not …". `settings` hold for this query."""

        def read(connection: Any) -> list[tuple[Any, ...]]:
            return list(connection.execute(sql, parameters, prepare=False).fetchall())

        return self.start(read, doing, settings=settings)

    def start(self, read: Callable[[Any], Result], doing: str, *, settings: Settings = NO_SETTINGS) -> Future[Result]:
        """Let `read` ask a connection of this side, and return at once."""

        def with_settings(connection: Any) -> Result:
            self._set(connection, settings)
            return read(connection)

        return self._threads.submit(self._persist, with_settings, doing)

    def stream(
        self, sql: str, parameters: dict[str, Any], *, rows_at_once: int, settings: Settings = NO_SETTINGS
    ) -> Stream:
        """Start one query whose rows are fetched while they are taken; close what is returned."""
        stream = Stream(self._closed)

        def read(connection: Any) -> None:
            self._set(connection, settings)
            with connection.transaction(), connection.cursor(name=CURSOR) as cursor:
                cursor.execute(sql, parameters)
                while rows := cursor.fetchmany(rows_at_once):
                    if not stream.give(rows):
                        return

        def run() -> None:
            begun = time.monotonic()
            try:
                self._once(read)
            except Exception as error:
                stream.give(self.timed_out(error, begun, "find the rows that differ") or error)
            else:
                stream.give(None)

        self._threads.submit(run)
        return stream

    def wait_out(self, error: Exception, since: float, doing: str) -> None:
        """After a stream broke off at `error`: return when it is time to try again, for which one began at `since`.

        Raises our error when trying again makes no sense, or not any more; TimedOut is for the caller to judge."""
        if isinstance(error, TimedOut):
            raise error
        if connection_lost(error):
            self._drop_idle()
        too_late = time.monotonic() - since > self._outage_budget
        if too_late or not retryable(error) or self._closed.wait(1.0):
            raise translate(error, f"{doing} on the {self.name}") from error

    def wait(self, future: Future[Result]) -> Result:
        """Return what a submitted query gave; raises what it, or the checkpoint, raises."""
        while not wait([future], timeout=LOOK_UP_SECONDS).done:
            self._checkpoint()
        return future.result()

    def use(self, read: Callable[[Any], Result], doing: str, *, settings: Settings = NO_SETTINGS) -> Result:
        """Give `read` a connection of this side and wait for what it returns."""
        return self.wait(self.start(read, doing, settings=settings))

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
            begun = time.monotonic()
            try:
                return self._once(read)
            except TimedOut:
                raise
            except Exception as error:
                if (late := self.timed_out(error, begun, doing)) is not None:
                    raise late from error
                if connection_lost(error):
                    self._drop_idle()
                too_late = time.monotonic() + pause > deadline
                if too_late or not retryable(error) or self._closed.wait(pause * random.uniform(0.5, 1.0)):
                    raise translate(error, f"{doing} on the {self.name}") from error
                pause = min(5.0, 2 * pause)

    def timed_out(self, error: Exception, begun: float, doing: str) -> TimedOut | None:
        """What a server's error means if it is that of our own limit, for a query that began then."""
        limit = self._limit
        # The same SQLSTATE stands for a query that somebody cancelled.
        if not limit or sqlstate(error) != "57014" or time.monotonic() - begun < 0.9 * limit:
            return None
        return TimedOut(
            f"Could not {doing} on the {self.name} within {limit:g} seconds, which is the --statement-timeout.",
            "What was compared is kept. Give more seconds, or 0 for no limit, or leave the table out with "
            "--exclude-table-list; fewer --parallel-jobs leave more of the server to each query.",
        )

    def _once(self, read: Callable[[Any], Result]) -> Result:
        connection = self._borrow()
        try:
            result = read(connection)
        except BaseException as error:
            self._give_back(connection, lost=connection_lost(error))
            raise
        self._give_back(connection, lost=False)
        return result

    def _set(self, connection: Any, settings: Settings) -> None:
        """Give a connection the settings for its next query, unless it has them."""
        before = self._settings.get(connection, NO_SETTINGS)
        if before == settings:
            return
        wanted = {**{name: self._own_settings.get(name) for name in before}, **settings}
        for name, value in wanted.items():
            value = _milliseconds(self._limit) if value == OF_A_RANGE else value
            connection.execute(f"RESET {name}" if value is None else f"SET {name} = '{value}'")
        self._settings[connection] = settings

    def _borrow(self) -> Any:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = mark(self._connect())
            apply_session_settings(connection, self._own_settings)
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


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
