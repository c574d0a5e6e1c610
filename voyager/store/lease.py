"""Lease: the right of one process to act on one phase, and what is said when it is not to be had."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from voyager.errors import LeaseLost, LockedByOther
from voyager.store.record import LeaseRecord


@dataclass(frozen=True)
class Lease:
    """A lease as its holder knows it. Whoever takes it over changes `token` in the target; nothing else ends it."""

    migration_uuid: UUID
    phase: str
    token: UUID
    owner: str
    seconds: float


class LeaseHeld(LockedByOther):
    """A live lease of somebody else; `holder` is what the target says about it."""

    def __init__(self, holder: LeaseRecord) -> None:
        since = holder.acquired_at.isoformat(sep=" ", timespec="seconds")
        until = holder.expires_at.isoformat(sep=" ", timespec="seconds")
        super().__init__(
            f"{holder.phase} is being run by {holder.owner} on {holder.host} (process {holder.pid}) since {since}.",
            f"Wait for it to end. If that process is dead, its lease expires at {until} (the target's clock); "
            "then run the same command again.",
        )
        self.holder = holder


def lost(lease: Lease) -> LeaseLost:
    """The error for a lease whose token is no longer the one in the target."""
    return LeaseLost(
        f"The lease of {lease.phase} was taken over by another process while this one was stopped or cut off.",
        "Nothing more is written from here. Look with: yb-voyager migrate status.",
    )
