"""The target connections of one attempt at a phase, as they are recorded with its lease."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voyager.store.lease import Lease
    from voyager.store.leases import Leases


class RecordedBackends:
    """What the lease's row names, from any thread: whoever takes the phase over ends all of these first.

    One that was closed stays: its server may not have noticed yet, and one that is gone costs nothing.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Mapping[str, Any]] = {}
        self._guard = threading.Lock()

    def record(self, leases: Leases, lease: Lease, *, key: Hashable, backend: Mapping[str, Any]) -> None:
        """Add a connection (pid and backend_start, nothing where the server does not say) beside all others, in the
        place of the last one under the same key. Raises LeaseLost when the phase was taken over."""
        from voyager.store.lease import lost

        # Under the guard to its end: whoever writes last names all.
        with self._guard:
            if backend:
                self._known[key] = backend
            if not leases.renew(lease, list(self._known.values())):
                raise lost(lease)
