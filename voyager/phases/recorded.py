"""Target connections that are recorded with the phase's lease: whoever takes the phase over ends them first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voyager.phases.job import Job

if TYPE_CHECKING:
    from voyager.postgres.connection import Connection


class RecordedConnections:
    """Connections of one step, opened from any thread. A process that was stopped past its lease finds them ended and
    cannot open another: recording one renews the lease, which is no longer its own."""

    def __init__(self, job: Job, step: str) -> None:
        self._job, self._step = job, step
        self._open: list[Connection] = []
        self._guard = threading.Lock()

    def open(self) -> Connection:
        """Connect and record; raises LeaseLost when the phase was taken over."""
        connection = self._job.target.connect(self._step)
        row = connection.execute(
            "SELECT pid, backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()"
        ).fetchone()
        with self._guard:
            self._open.append(connection)
            number = len(self._open)
        self._job.announce((self, number), {"pid": row[0], "backend_start": row[1]} if row is not None else {})
        return connection

    def close(self) -> None:
        for connection in self._open:
            connection.close()


@contextmanager
def recorded_connection(job: Job, step: str) -> Iterator[Connection]:
    """One recorded connection, closed at the end."""
    connections = RecordedConnections(job, step)
    try:
        yield connections.open()
    finally:
        connections.close()
