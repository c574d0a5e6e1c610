"""Heartbeat: renews a lease, carries progress to the target and the operator's wishes back, once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from voyager.errors import LeaseLost, VoyagerError
from voyager.progress import Pacing, TableProgress
from voyager.store.steering import Steering

if TYPE_CHECKING:
    from voyager.store.lease import Lease
    from voyager.store.state import StateStore

WRITE_EVERY = 1.0
ANSWERS_WITHIN = 2.0


class Heartbeat:
    """A thread that keeps the lease alive until close().

    It renews at a third of the lease's length. A renewal that finds the lease gone makes check() raise LeaseLost.
    While the target is away nothing is renewed and nothing needs to be: whoever takes over changes the token, and
    every transaction of ours ends by asking for it.
    """

    def __init__(self, *, store: StateStore, lease: Lease, listener: Callable[[TableProgress], None]) -> None:
        self.lease = lease
        self._store = store
        self._listener = listener
        self._pending: dict[tuple[str, str], TableProgress] = {}
        self._notes: list[tuple[str, dict[str, Any]]] = []
        self._pacing: Pacing | None = None
        self._steering = Steering()
        self._watching = False
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._lost = False
        self._unanswered = False
        self._renewed_at = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.phase}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def report(self, progress: TableProgress) -> None:
        """Take the standing of one table; the newest one of each table is written within a second."""
        with self._guard:
            self._pending[(progress.schema, progress.table)] = progress
        self._listener(progress)

    def note(self, sentence: str) -> None:
        """A warning for the event log."""
        with self._guard:
            self._notes.append(("warning", {"message": sentence}))

    def note_change(self, sentence: str, detail: Mapping[str, Any]) -> None:
        """Something that changed by itself, for the event log."""
        with self._guard:
            self._notes.append(("note", {"message": sentence, **detail}))

    def tell_pace(self, pacing: Pacing) -> None:
        """Take how fast the work goes; the newest is written within a second."""
        with self._guard:
            self._pacing = pacing

    def watch(self, steering: Steering) -> None:
        """From now on ask what the operator wants, beginning with `steering`."""
        self._steering, self._watching = steering, True

    def steering(self) -> Steering:
        """What the operator wanted a second ago."""
        return self._steering

    def check(self) -> None:
        """Raise LeaseLost when this process may no longer act.

        A process that was stopped for longer than its lease lets the heartbeat ask first, so that nothing is begun that
        a successor may be doing. Where the target is away there is no answer, and it goes on after a moment.
        """
        patience = time.monotonic() + ANSWERS_WITHIN
        while self._stale() and not self._lost and not self._unanswered:
            self._unanswered = time.monotonic() > patience
            time.sleep(0.01)
        if self._lost:
            raise LeaseLost(
                f"The lease of {self.lease.phase} was taken over while this process was stopped or cut off.",
                "Nothing more is written from here. Look with: yb-voyager migrate status.",
            )

    def flush(self) -> None:
        """Write what is pending now; raises what the store raises."""
        with self._guard:
            batch, self._pending = list(self._pending.values()), {}
            notes, self._notes = self._notes, []
            pacing, self._pacing = self._pacing, None
        if batch:
            self._store.progress.put(self.lease.migration_uuid, self.lease.phase, batch)
        if pacing is not None:
            self._store.controls.tell(self.lease, {"pace": asdict(pacing)})
        for kind, detail in notes:
            self._store.events.add(
                self.lease.migration_uuid,
                phase=self.lease.phase,
                kind=kind,
                actor=self.lease.owner,
                detail=detail,
            )

    def close(self) -> None:
        """Stop beating and give the lease back."""
        self._stop.set()
        self._thread.join(timeout=self.lease.seconds)
        try:
            self.flush()
            if not self._lost:
                self._store.leases.release(self.lease)
        except VoyagerError:
            # The target is away: the lease expires by itself, and progress is a copy of what ledger and manifest say.
            return

    def _beat(self) -> None:
        while not self._stop.wait(min(WRITE_EVERY, self.lease.seconds / 3)):
            try:
                if time.monotonic() - self._renewed_at >= self.lease.seconds / 3:
                    self._renew()
                if self._lost:
                    return
                self.flush()
                if self._watching:
                    self._steering = self._store.controls.read(self.lease.migration_uuid, self.lease.phase)
            except Exception:
                # Whatever it was, the next beat tries again: a thread that ended would let the lease run out unseen.
                continue

    def _stale(self) -> bool:
        return time.monotonic() - self._renewed_at > self.lease.seconds

    def _renew(self) -> None:
        asked_at = time.monotonic()
        if self._store.leases.renew(self.lease):
            self._renewed_at = asked_at
            self._unanswered = False
        else:
            self._lost = True
