"""Load one batch in one target transaction: lease, rows, ledger row, lease again, COMMIT; safe to repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, VoyagerError
from voyager.ports import Capabilities, Execute
from voyager.postgres import bulk
from voyager.postgres.attempts import Tries
from voyager.postgres.failures import cancelled, retryable, translate
from voyager.postgres.retries import CATALOG, Retries, retry_class
from voyager.target.fill import CopyFill, Fill, Filled, Load
from voyager.target.line import Line
from voyager.target.nodes import Nodes
from voyager.target.refusal import rejection, row_fault

__all__ = ["AlreadyLoaded", "Load", "Loader", "Voucher", "rejection", "session_settings"]

PURPOSE = "import data"


class AlreadyLoaded(Exception):
    """Raised by a voucher: the ledger holds this batch, so the transaction is rolled back and nothing is missing."""


class Voucher(Protocol):
    """What makes a batch count: the lease and the ledger, as statements of the batch's own transaction."""

    async def begin(self, execute: Execute) -> None:
        """First statement: raise LeaseLost early."""

    async def finish(self, execute: Execute, filled: Filled) -> None:
        """Last statements: write the ledger row with what became of the rows (or raise AlreadyLoaded), hold the lease
        (or raise LeaseLost)."""

    async def is_in(self, execute: Execute) -> bool:
        """Whether an earlier COMMIT of this batch, whose answer was lost, has happened."""
        ...


class Loader:
    """One connection's worth of loading. It reconnects by itself while the target is away, for `outage_budget` seconds.

    `announce` is awaited with pid and backend_start of every new connection before it loads anything, so that whoever
    takes our lease over can end it. `pause` is awaited before another try, with the reason and the seconds to wait, and
    `retries` counts the tries. `nodes` says where each connection goes, for a target that has several.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        capabilities: Capabilities,
        lease_seconds: float,
        announce: Callable[[dict[str, Any]], Awaitable[None]],
        pause: Callable[[VoyagerError, float], Awaitable[None]],
        outage_budget: float = 600.0,
        retries: Retries | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        settings = session_settings(capabilities, lease_seconds)
        self._line = Line(nodes or Nodes([endpoint]), PURPOSE, settings=settings, announce=announce)
        self._copy = CopyFill(capabilities)
        self._retries = retries or Retries()
        self._pause = pause
        self._budget = outage_budget

    async def load(self, batch: Load, voucher: Voucher, fill: Fill | None = None) -> bool:
        """Load a batch exactly once, by `fill` or by plain COPY. False when it turned out to be in the target already.

        Raises RowsRefused when rows of it are at fault, RowsLeftOut when the target took fewer than it was sent.
        """
        tries, doing, fill = Tries(self._budget), f"load {batch.described}", fill or self._copy
        while True:
            try:
                connection = await self._line.connected()
                execute = bulk.executor(connection)
                # Any earlier try may have committed without our hearing of it.
                if tries.failed and await voucher.is_in(execute):
                    return False
                await fill.prepare(connection, batch)
                # READ COMMITTED: under REPEATABLE READ the last lease check fails whenever the lease was renewed.
                await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                # It also is the query without which YugabyteDB may repeat a part of a transaction by itself.
                await voucher.begin(execute)
                await voucher.finish(execute, await fill.fill(connection, batch))
                await connection.execute("COMMIT")
                return True
            except AlreadyLoaded:
                await self._line.roll_back()
                return False
            except DatabaseAway as error:
                failure: BaseException = error
            except VoyagerError:
                self.close()
                raise
            except bulk.DRIVER_ERRORS as error:
                failure = error
                await self._line.roll_back()
                if row_fault(error) or not (retryable(error) or cancelled(error) or not self._line.open):
                    raise rejection(error, batch) from None
                if retry_class(error) == CATALOG:
                    self.close()
            self._retries.add(failure, batch.table)
            seconds = tries.pause_after(failure)
            if seconds is None:
                raise tries.given_up(failure, doing) from None
            await self._pause(translate(failure, doing), seconds)

    def close(self) -> None:
        """Drop the connection; what was not committed is rolled back by the server."""
        self._line.close()


def session_settings(capabilities: Capabilities, lease_seconds: float) -> Mapping[str, str]:
    """A transaction that stalls, or whose connection is lost, must not outlive its lease: what it wrote stands in the
    way of its own next try. Triggers stay out of the way."""
    lease = f"{max(1, round(lease_seconds * 1000))}"
    settings = {"idle_in_transaction_session_timeout": lease, "tcp_user_timeout": lease}
    if capabilities.replication_role:
        settings["session_replication_role"] = "replica"
    return settings
