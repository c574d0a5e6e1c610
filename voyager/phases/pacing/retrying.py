"""Retrying: what a worker that writes into the target does beside its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from voyager.errors import VoyagerError
from voyager.phases.job import Job
from voyager.wording import sentence

TELL_EVERY = 60.0


class Retrying:
    """Announces the connections of workers, and waits with them before something is tried again.

    `hindered` hears who waits, and why.
    """

    def __init__(self, job: Job, hindered: Callable[[int, VoyagerError], None] = lambda _worker, _reason: None) -> None:
        self._job = job
        self._hindered = hindered
        self._told_at = float("-inf")

    async def announce(self, worker: int, backend: Mapping[str, Any]) -> None:
        """Write down who loads before it does: whoever takes the lease over ends these connections first."""
        await asyncio.to_thread(self._job.announce, (self, worker), backend)

    async def pause(self, worker: int, reason: VoyagerError, seconds: float) -> None:
        """Wait before another try; told once a minute for all workers, and always ready to stop."""
        self._hindered(worker, reason)
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY:
            self._told_at = now
            self._job.warn(f"{sentence(reason.message)} Trying again.")
        while time.monotonic() < now + seconds:
            self._job.checkpoint()
            await asyncio.sleep(0.1)
