"""Holding a phase: its lease is acquired, waited for where a dead process left it, kept alive, given back."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

from voyager.context import Context, actor
from voyager.errors import Interrupted, LockedByOther
from voyager.heartbeat import Heartbeat
from voyager.progress import TableProgress
from voyager.store.lease import Lease


@contextmanager
def leased(
    context: Context,
    phase_name: str,
    *,
    report: Callable[[TableProgress], None],
    warn: Callable[[str], None],
    stop: Event,
) -> Iterator[Heartbeat]:
    """Hold the phase's lease, renewed by a heartbeat that also carries progress to the target."""
    lease = _acquire(context, phase_name, warn, stop)
    heartbeat = Heartbeat(store=context.store, lease=lease, listener=report)
    heartbeat.start()
    try:
        yield heartbeat
    finally:
        heartbeat.close()


@contextmanager
def all_leased(
    context: Context,
    phase_names: Iterable[str],
    *,
    report: Callable[[TableProgress], None],
    warn: Callable[[str], None],
    stop: Event,
) -> Iterator[dict[str, Heartbeat]]:
    """Hold several phases at once: nobody works at one of them, and a stopped holder of one that expired is fenced."""
    with ExitStack() as held_together:
        yield {
            name: held_together.enter_context(leased(context, name, report=report, warn=warn, stop=stop))
            for name in phase_names
        }


def _acquire(context: Context, phase_name: str, warn: Callable[[str], None], stop: Event) -> Lease:
    """Acquire the lease. One that a dead process of this host left is waited for: it is taken over when the target's
    clock says that it expired, never before."""
    deadline = time.monotonic() + context.lease_seconds * 2 + 5
    told = False
    while True:
        try:
            return context.store.leases.acquire(
                context.record.migration_uuid,
                phase_name,
                owner=actor(),
                host=socket.gethostname(),
                pid=os.getpid(),
                seconds=context.lease_seconds,
            )
        except LockedByOther:
            holder = context.refresh().leases.get(phase_name)
            gone = holder is None or holder_is_gone(holder.host, holder.pid)
            if not gone or time.monotonic() > deadline:
                raise
            if not told and holder is not None:
                warn(
                    f"The last run of {phase_name} (process {holder.pid}) is gone; "
                    "waiting for its lease to expire, then going on from where it stopped."
                )
                told = True
            if stop.wait(0.2):
                raise Interrupted("Stopped while waiting for a lease.", "Run the same command again.") from None


def held(phase_name: str, owner: str, host: str, pid: int) -> LockedByOther:
    return LockedByOther(
        f"{phase_name} is being run by {owner} on {host} (process {pid}).",
        "Wait for it to end, or watch it with: yb-voyager migrate status --watch.",
    )


def holder_is_gone(host: str, pid: int) -> bool:
    """True when the holder was a process of this host that no longer exists."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
