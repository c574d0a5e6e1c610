"""Session: runs one short transaction against the store, again where it collided, longer where the target is away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import Identifier
from voyager.postgres.failures import connection_lost, retryable, sqlstate, translate
from voyager.store.dialect import URL, register

T = TypeVar("T")

CONFLICT_TRIES = 12
LONGEST_PAUSE = 5.0
_WITHIN = {"idle_in_transaction_session_timeout": "30000"}
"""What a lost connection, or a process that was stopped, holds in a transaction of the store is let go after this."""


class StateMissing(UsageError):
    """The target has no ybvoyager schema, or an older one than this version reads."""


class Session:
    """Connections to one target for the store alone. Safe to use from several threads.

    `run` may execute its work more than once: after a collision, and after a connection that broke before or during
    COMMIT. So every work is written to be repeated: its ids are made before the first try.
    """

    def __init__(self, endpoint: Endpoint, outage_budget: float) -> None:
        self.endpoint = endpoint
        self.outage_budget = outage_budget
        self.engine = _engine(endpoint)
        self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._one_statement = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def run(self, work: Callable[[Connection], T], doing: str) -> T:
        """Execute `work` in one transaction and commit it. `doing` completes "Could not …" in errors."""
        return self._persist(lambda: self._committed(work), doing)

    def read(self, work: Callable[[Connection], T], doing: str) -> T:
        """Execute `work` on one consistent snapshot, read only."""
        return self._persist(lambda: self._snapshot(work), doing)

    def single(self, work: Callable[[Connection], T], doing: str) -> T:
        """Execute `work`, which is one statement, in one round trip."""
        return self._persist(lambda: self._autocommitted(work), doing)

    def close(self) -> None:
        self.engine.dispose()

    def _committed(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)

    def _snapshot(self, work: Callable[[Connection], T]) -> T:
        with self._reading.connect() as connection:
            return work(connection)

    def _autocommitted(self, work: Callable[[Connection], T]) -> T:
        with self._one_statement.connect() as connection:
            return work(connection)

    def _refused(self, cause: Exception, doing: str) -> VoyagerError:
        """The error for what no repetition helps."""
        error = translate(cause, doing)
        state = sqlstate(cause)
        if state in {"42P01", "42703", "3F000"}:
            return StateMissing(
                f"Could not {doing}: its ybvoyager schema is missing or older than this version.",
                "Create it with: yb-voyager migrate init (a DBA can run what `migrate init --dry-run` prints).",
            )
        if state == "42501":
            role = Identifier(self.endpoint.user).sql
            return PermissionMissing(
                error.message,
                "Let the owner of the schema run the SQL below (the least it takes is what `yb-voyager migrate init "
                "--dry-run` prints), then run the command again.",
                (
                    f"GRANT USAGE ON SCHEMA ybvoyager TO {role};",
                    f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ybvoyager TO {role};",
                ),
            )
        return error

    def _persist(self, attempt: Callable[[], T], doing: str) -> T:
        doing = f"{doing} in {self.endpoint.url}"
        outage = _Outage(self.outage_budget)
        conflicts = 0
        while True:
            try:
                return attempt()
            except DBAPIError as error:
                cause = error.orig if isinstance(error.orig, Exception) else error
            except DatabaseAway as error:
                outage.wait(error)
                continue
            if connection_lost(cause):
                self.engine.dispose()
                outage.wait(translate(cause, doing), pooled=True)
            elif retryable(cause) and conflicts < CONFLICT_TRIES:
                conflicts += 1
                time.sleep(random.uniform(0, min(1.0, 0.02 * 2**conflicts)))
            else:
                raise self._refused(cause, doing)


class _Outage:
    """How long a target has been away, and how long we go on asking. A pooled connection that turns out to be
    broken gives one more try without any budget: the server may only have been restarted since."""

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self._until: float | None = None
        self._pause = 0.1
        self._stale = True

    def wait(self, error: VoyagerError, *, pooled: bool = False) -> None:
        if self._until is None:
            self._until = time.monotonic() + self._budget
        if pooled and self._stale:
            self._stale = False
            return
        left = self._until - time.monotonic()
        if left <= 0:
            raise error
        time.sleep(min(left, random.uniform(self._pause / 2, self._pause)))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def _engine(endpoint: Endpoint) -> Engine:
    def connect() -> Any:
        from voyager.postgres.connection import connect as connect_psycopg

        connection = connect_psycopg(endpoint, "state", autocommit=False, settings=_WITHIN)
        # Server-side prepared statements break behind a transaction pooler and after every DDL on YugabyteDB.
        connection.prepare_threshold = None
        return connection

    register()
    return create_engine(
        URL,
        creator=connect,
        use_native_hstore=False,
        hide_parameters=True,
        pool_size=2,
        max_overflow=14,
        pool_timeout=120,
    )
