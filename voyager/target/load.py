"""Load one batch in one target transaction: lease, rows, ledger row, lease again, COMMIT; safe to repeat."""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, DatabaseAway, VoyagerError
from voyager.identifiers import TableName, visible
from voyager.ports import Capabilities, Execute
from voyager.postgres import bulk
from voyager.postgres.failures import primary_message, retryable, sqlstate, translate

PURPOSE = "import data"
LONGEST_PAUSE = 10.0
_WHERE = re.compile(r", line (\d+)(?:, column (.+?))?(?:: |$)", re.DOTALL)
_MISSING = frozenset({"42P01", "42703", "3F000"})
_KEY = re.compile(r"^(Key \(.*\)=\(.*\)) already exists", re.DOTALL)


@dataclass(frozen=True)
class Load:
    """The rows of one batch. `pieces()` starts their COPY text anew, for a retry; `described` names it for people.

    `options` are COPY's for data that is not its own text, constant text of ours or quoted literals. `place` words
    where a line of the batch stands for people, `remedy` what to do when the target refuses it.
    """

    table: TableName
    columns: tuple[str, ...]
    rows: int
    described: str
    pieces: Callable[[], Iterable[bytes | memoryview]]
    options: str = ""
    place: Callable[[int], str] = "row {} of the batch".format
    remedy: str = ""


class AlreadyLoaded(Exception):
    """Raised by a voucher: the ledger holds this batch, so the transaction is rolled back and nothing is missing."""


class Voucher(Protocol):
    """What makes a batch count: the lease and the ledger, as statements of the batch's own transaction."""

    async def begin(self, execute: Execute) -> None:
        """First statement: raise LeaseLost early."""

    async def finish(self, execute: Execute) -> None:
        """Last statements: write the ledger row (or raise AlreadyLoaded), hold the lease (or raise LeaseLost)."""

    async def is_in(self, execute: Execute) -> bool:
        """Whether an earlier COMMIT of this batch, whose answer was lost, has happened."""
        ...


class Loader:
    """One connection's worth of loading. It reconnects by itself while the target is away, for `outage_budget` seconds.

    `announce` is awaited with pid and backend_start of every new connection before it loads anything, so that whoever
    takes our lease over can end it. `pause` is awaited before another try, with the reason and the seconds to wait.
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
    ) -> None:
        self._endpoint = endpoint
        self._settings = session_settings(capabilities, lease_seconds)
        self._rows_option = capabilities.copy_rows_per_transaction
        self._announce = announce
        self._pause = pause
        self._budget = outage_budget
        self._connection: bulk.Connection | None = None

    async def load(self, batch: Load, voucher: Voucher) -> bool:
        """Load a batch exactly once. False when it turned out to be in the target already."""
        failed_at, attempt = 0.0, 0
        while True:
            try:
                execute = bulk.executor(await self._connected())
                # Any earlier try may have committed without our hearing of it.
                if attempt and await voucher.is_in(execute):
                    return False
                await self._transaction(execute, batch, voucher)
                return True
            except AlreadyLoaded:
                await self._roll_back()
                return False
            except DatabaseAway as error:
                failure: BaseException = error
            except VoyagerError:
                self.close()
                raise
            except bulk.DRIVER_ERRORS as error:
                failure = error
                await self._roll_back()
                refused = sqlstate(error)[:2] in {"22", "23"}
                if refused or not (retryable(error) or self._connection is None):
                    raise _with_remedy(rejection(error, batch), batch) from None
            failed_at, attempt = failed_at or time.monotonic(), attempt + 1
            if time.monotonic() - failed_at > self._budget:
                raise translate(failure, f"load {batch.described}") from None
            seconds = random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, 0.1 * 2**attempt)
            await self._pause(translate(failure, f"load {batch.described}"), seconds)

    def close(self) -> None:
        """Drop the connection; what was not committed is rolled back by the server."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connected(self) -> bulk.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = None
            connection = await bulk.connect(self._endpoint, PURPOSE, settings=self._settings)
            try:
                await self._announce(await bulk.backend_of(connection))
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    async def _transaction(self, execute: Execute, batch: Load, voucher: Voucher) -> None:
        connection = self._connection
        assert connection is not None
        # READ COMMITTED: under REPEATABLE READ the last lease check fails whenever the lease was renewed meanwhile.
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        await voucher.begin(execute)
        rows_option = f"ROWS_PER_TRANSACTION {batch.rows}" if self._rows_option else ""
        options = ", ".join(filter(None, (batch.options, rows_option)))
        taken = await bulk.copy_in(connection, batch.table, batch.columns, _stream(batch.pieces()), options=options)
        if taken != batch.rows:
            raise BlockersFound(
                f"The target took {taken:,} of the {batch.rows:,} rows of {batch.described}; all were rolled back.",
                f"A trigger or rule on {batch.table} leaves rows out: drop or disable it, then run the command again.",
            )
        await voucher.finish(execute)
        await connection.execute("COMMIT")

    async def _roll_back(self) -> None:
        """Make the connection usable again, or drop it."""
        connection = self._connection
        if connection is None or connection.is_closed():
            self._connection = None
            return
        try:
            await connection.execute("ROLLBACK", timeout=LONGEST_PAUSE)
        except bulk.DRIVER_ERRORS:
            self.close()


def session_settings(capabilities: Capabilities, lease_seconds: float) -> Mapping[str, str]:
    """A process that stalls in a transaction must not outlive its lease; triggers stay out of the way."""
    settings = {"idle_in_transaction_session_timeout": f"{max(1, round(lease_seconds * 1000))}"}
    if capabilities.replication_role:
        settings["session_replication_role"] = "replica"
    return settings


def rejection(error: BaseException, batch: Load) -> VoyagerError:
    """Our error for rows that the target will never take; it names table, batch, row and key, never another value."""
    state = sqlstate(error)
    if state in _MISSING:
        return BlockersFound(
            f"The target has no place for {batch.described}: {primary_message(error)}.",
            "Make the table there as the source has it (correct the schema files, then run: yb-voyager migrate import "
            "schema) and run the command again; or leave it out: yb-voyager migrate export data --start-clean "
            f"--exclude-table-list '{batch.table}'.",
        )
    if state[:2] not in {"22", "23"}:
        return translate(error, f"load {batch.described}")
    place = _WHERE.search(getattr(error, "context", None) or "")
    row = f" ({batch.place(int(place[1]))}{f', column {visible(place[2])}' if place[2] else ''})" if place else ""
    key = _KEY.match(getattr(error, "detail", None) or "") if state == "23505" else None
    message = f"The target refused {batch.described}{row}: {primary_message(error)}"
    if state == "23505":
        return BlockersFound(
            f"{message}{f'. {visible(key[1])}' if key else ''}",
            f"{batch.table} holds rows that this migration did not load. Empty the table, then run the command again.",
        )
    return BlockersFound(
        message, f"Make the definition of {batch.table} on the target accept the row, then run the command again."
    )


def _with_remedy(error: VoyagerError, batch: Load) -> VoyagerError:
    """What to do about refused rows depends on where they come from."""
    if not (batch.remedy and isinstance(error, BlockersFound)):
        return error
    return BlockersFound(error.message, batch.remedy, error.details)


async def _stream(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    for piece in pieces:
        yield piece
