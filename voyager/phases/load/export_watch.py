"""ExportWatch: whether the export that an import runs beside goes on, has ended, or was given up."""

from __future__ import annotations

import time

from voyager.errors import DatabaseAway, NobodyRunsIt
from voyager.phases.job import Job

LOOK_EVERY = 2.0
PHASE = "EXPORT_DATA"


class ExportWatch:
    """Asks the target, every two seconds at most, how the export stands. look() may be called from any thread."""

    def __init__(self, job: Job, *, patience: float) -> None:
        self._job = job
        self._patience = patience
        self._looked_at = float("-inf")
        self._idle_since: float | None = None
        self._said = ""
        self.completed = False

    def look(self) -> None:
        """Find out how the export stands; while the target is away what was known counts."""
        if self.completed or time.monotonic() - self._looked_at < LOOK_EVERY:
            return
        try:
            record = self._job.store.migrations.read(self._job.record.migration_uuid)
        except DatabaseAway:
            return
        finally:
            self._looked_at = time.monotonic()
        phase, lease = record.phases[PHASE], record.leases.get(PHASE)
        self.completed = phase.state == "COMPLETED"
        if self.completed or (lease is not None and lease.live):
            self._idle_since = None
            return
        self._said = str((phase.last_error or {}).get("message", ""))
        if self._idle_since is None:
            self._idle_since = time.monotonic()
            self._job.warn(
                f"Nobody runs Export Data. {self._said or 'Its command ended before the work was done.'} What it has "
                f"finished is loaded; it is waited for {self._patience:.0f} seconds. Resume it with: yb-voyager "
                "migrate export data."
            )

    def check(self, there: str) -> None:
        """Raise NobodyRunsIt when the export has not been run for too long; `there` says what of it was loaded."""
        if self._idle_since is None or time.monotonic() - self._idle_since < self._patience:
            return
        raise NobodyRunsIt(
            f"Export Data has begun and nobody runs it. {there}{f' It ended with: {self._said}' if self._said else ''}",
            "Run: yb-voyager migrate export data, and the same command again beside it or after it: it goes on from "
            "here.",
        )
