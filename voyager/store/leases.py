"""Leases: acquire, renew, release, and the take-over of one that expired, all by the target's own clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, delete, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from voyager.errors import LockedByOther
from voyager.identifiers import quote_literal
from voyager.postgres.failures import sqlstate
from voyager.store.lease import Lease, LeaseHeld
from voyager.store.reading import read_leases
from voyager.store.record import LeaseRecord
from voyager.store.session import Session
from voyager.store.tables import leases
from voyager.store.values import to_text

NOW = func.clock_timestamp()
LOCK_WAIT_MS = 2000
GONE_WITHIN = 10.0

_ACTIVITY = text("""\
SELECT pid, backend_start, usename = current_user AS ours FROM pg_catalog.pg_stat_activity WHERE pid = ANY(:pids)""")
_TERMINATE = text("""\
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE pid = :pid AND backend_start = :backend_start""")


@dataclass(frozen=True)
class _Claim:
    """Who wants which lease. The token is made before the first try, so a try committed unseen is recognised."""

    lease: Lease
    host: str
    pid: int

    def cells(self) -> dict[str, Any]:
        return {
            "token": self.lease.token,
            "owner": to_text(self.lease.owner),
            "host": to_text(self.host),
            "pid": self.pid,
            "acquired_at": NOW,
            "expires_at": NOW + timedelta(seconds=self.lease.seconds),
        }


class _LockWaited(Exception):
    """A transaction of the former holder stands between its last statement and its COMMIT."""


class Leases:
    """Who may act on which phase."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def acquire(self, migration_uuid: UUID, phase: str, *, owner: str, host: str, pid: int, seconds: float) -> Lease:
        """Return the lease of a phase, taken over when the target's clock says that it expired.

        Raises LeaseHeld (a LockedByOther) naming a live holder, LockedByOther with the SQL to run when the former
        holder's connections are still there and this role may not end them.
        """
        lease = Lease(migration_uuid, phase, uuid4(), owner, seconds)
        claim = _Claim(lease, host, pid)
        former = self._session.run(lambda connection: _insert_or_find(connection, claim), f"take the lease of {phase}")
        if former is None:
            return lease
        if former.live:
            raise LeaseHeld(former)
        self._take_over(claim, former)
        return lease

    def renew(self, lease: Lease, backends: Sequence[Mapping[str, Any]] | None = None) -> bool:
        """Prolong the lease; False when it is no longer ours. `backends` replaces the recorded connections:
        `{"pid": …, "backend_start": …}` each, as pg_stat_activity shows them."""
        cells: dict[str, Any] = {"expires_at": NOW + timedelta(seconds=lease.seconds)}
        if backends is not None:
            cells["backends"] = [_recorded(backend) for backend in backends]
        statement = update(leases).where(*_is(lease)).values(cells)
        return self._session.single(
            lambda connection: connection.execute(statement).rowcount == 1, f"renew the lease of {lease.phase}"
        )

    def release(self, lease: Lease) -> None:
        """Give the lease back; one that was taken over stays with its new holder."""
        statement = delete(leases).where(*_is(lease))
        self._session.single(lambda connection: connection.execute(statement), f"release the lease of {lease.phase}")

    def _take_over(self, claim: _Claim, former: LeaseRecord) -> None:
        """Change the token, then end the former holder's connections.

        The row keeps the former connections until they are gone, so a successor that dies or may not end them
        leaves the next one as careful as itself.
        """
        doing = f"take over the lease of {claim.lease.phase}"
        try:
            self._session.run(lambda connection: _change_token(connection, claim, former), doing)
        except _LockWaited:
            self._end_backends(claim, former)
            try:
                self._session.run(lambda connection: _change_token(connection, claim, former), doing)
            except _LockWaited:
                raise _still_there(former, former.backends) from None
        try:
            self._end_backends(claim, former)
        except LockedByOther:
            self._expire(claim.lease)
            raise
        if not self.renew(claim.lease, backends=()):
            raise self._held_by_other(claim, former)

    def _end_backends(self, claim: _Claim, former: LeaseRecord) -> None:
        """Terminate what the former holder recorded and wait until it is gone; raises LockedByOther with the SQL."""
        deadline = time.monotonic() + GONE_WITHIN
        while left := self._alive(former.backends):
            refused = [backend for backend in left if not self._terminate(backend)]
            if refused or time.monotonic() > deadline:
                raise _still_there(former, refused or left)
            self._keep(claim.lease)
            time.sleep(0.05)

    def _alive(self, backends: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of the recorded connections that the server still has. A start that it hides counts as the same."""
        if not backends:
            return []
        pids = [int(backend["pid"]) for backend in backends]
        rows = self._session.single(
            lambda connection: connection.execute(_ACTIVITY, {"pids": pids}).all(), "look for the former holder"
        )
        now = {row.pid: row for row in rows}
        return [
            backend
            for backend in backends
            if (row := now.get(int(backend["pid"]))) is not None
            and (row.backend_start is None or row.backend_start == _started(backend))
        ]

    def _terminate(self, backend: Mapping[str, Any]) -> bool:
        """False when this role may not."""
        parameters = {"pid": int(backend["pid"]), "backend_start": _started(backend)}

        def work(connection: Connection) -> bool:
            try:
                return connection.execute(_TERMINATE, parameters).first() is not None
            except DBAPIError as error:
                if error.orig is not None and sqlstate(error.orig) == "42501":
                    return False
                raise

        return self._session.single(work, "end a connection of the former holder") or not self._alive([backend])

    def _keep(self, lease: Lease) -> None:
        """Prolong without touching the recorded connections; before the token is changed this finds no row."""
        self.renew(lease)

    def _expire(self, lease: Lease) -> None:
        statement = update(leases).where(*_is(lease)).values(expires_at=NOW)
        self._session.single(lambda connection: connection.execute(statement), "give the lease back")

    def _held_by_other(self, claim: _Claim, former: LeaseRecord) -> LockedByOther:
        now = self._session.read(
            lambda connection: read_leases(connection, claim.lease.migration_uuid), "read the leases"
        )
        return LeaseHeld(now.get(claim.lease.phase, former))


def _insert_or_find(connection: Connection, claim: _Claim) -> LeaseRecord | None:
    """None when the lease is ours now, else the row that stands in the way."""
    lease = claim.lease
    row = {"migration_uuid": lease.migration_uuid, "phase": lease.phase, "backends": [], **claim.cells()}
    statement = insert(leases).values(row).on_conflict_do_nothing().returning(leases.c.token)
    if connection.execute(statement).first() is not None:
        return None
    found = read_leases(connection, lease.migration_uuid).get(lease.phase)
    if found is None:
        # Released between the two statements: one more try settles it, and a lost race shows its winner.
        if connection.execute(statement).first() is not None:
            return None
        found = read_leases(connection, lease.migration_uuid)[lease.phase]
    return None if found.token == lease.token else found


def _change_token(connection: Connection, claim: _Claim, former: LeaseRecord) -> None:
    """The take-over proper: only of this token, only when expired by the database's clock."""
    lease = claim.lease
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
    statement = (
        update(leases)
        .where(
            leases.c.migration_uuid == lease.migration_uuid,
            leases.c.phase == lease.phase,
            leases.c.token == former.token,
            leases.c.expires_at <= NOW,
        )
        .values(claim.cells())
    )
    try:
        if connection.execute(statement).rowcount == 1:
            return
    except DBAPIError as error:
        if error.orig is not None and sqlstate(error.orig) == "55P03":
            raise _LockWaited from None
        raise
    now = read_leases(connection, lease.migration_uuid).get(lease.phase)
    if now is not None and now.token == lease.token:
        return
    raise LeaseHeld(now or former)


def _is(lease: Lease) -> tuple[Any, ...]:
    return (
        leases.c.migration_uuid == lease.migration_uuid,
        leases.c.phase == lease.phase,
        leases.c.token == lease.token,
    )


def _recorded(backend: Mapping[str, Any]) -> dict[str, Any]:
    """In one spelling; what cannot be read must fail here, at its writer, and not at the next take-over."""
    started = backend["backend_start"]
    at = started if isinstance(started, datetime) else datetime.fromisoformat(started)
    return {**backend, "pid": int(backend["pid"]), "backend_start": at.isoformat()}


def _started(backend: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(backend["backend_start"])


def _still_there(former: LeaseRecord, backends: Sequence[Mapping[str, Any]]) -> LockedByOther:
    """Names who to ask for what: the SQL matches the connections by their start, so it can hit no other."""
    sql = tuple(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE pid = {int(backend['pid'])} AND backend_start = {quote_literal(backend['backend_start'])};"
        for backend in backends
    )
    return LockedByOther(
        f"The lease of {former.phase} has expired, but connections of its former holder ({former.owner} on "
        f"{former.host}, process {former.pid}) are still in the target.",
        "Let a superuser or a member of pg_signal_backend run this SQL, then run the same command again."
        if sql
        else "End that process or wait for its transaction to end, then run the same command again.",
        sql,
    )
