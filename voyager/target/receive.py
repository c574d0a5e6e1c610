"""Receive parts as they are read elsewhere, in one target transaction: lease, rows, ledger rows, lease, COMMIT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, VoyagerError
from voyager.identifiers import TableName
from voyager.ports import Capabilities, Execute, SentRows
from voyager.postgres import bulk
from voyager.postgres.attempts import Tries
from voyager.postgres.failures import retryable, translate
from voyager.postgres.retries import CATALOG, Retries, retry_class
from voyager.target.fill import CopyFill, Filled, Load
from voyager.target.line import Line
from voyager.target.load import AlreadyLoaded, session_settings
from voyager.target.nodes import Nodes
from voyager.target.refusal import RowsRefused, rejection, row_fault
from voyager.target.sift import Sift

PURPOSE = "stream data"
TELL_BYTES = 1 << 20
PIECE_BYTES = 512 << 10
SIFTED_BYTES = 1 << 20
# How many rows a part has is not known before its end: no COPY of ours may be cut into transactions before it.
_ALL_ROWS = 2**31 - 1
# Under REPEATABLE READ the last lease check fails whenever the lease was renewed meanwhile.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"


@dataclass(frozen=True)
class Incoming:
    """One part on its way. `read()` opens its rows, anew for a retry; `told` hears how many bytes have come so far.
    With a `sift`, which needs COPY text, rows that the target refuses are left out."""

    table: TableName
    columns: tuple[str, ...]
    described: str
    binary: bool
    read: Callable[[], AbstractAsyncContextManager[SentRows]]
    told: Callable[[int], None]
    sift: Sift | None = None


class Received(NamedTuple):
    """`rows` are in; `set_aside` were sent too, and refused."""

    rows: int
    bytes: int
    set_aside: int = 0


class PartVoucher(Protocol):
    """What makes a part count: the lease and the ledger, as statements of the part's own transaction."""

    async def begin(self, execute: Execute) -> None:
        """First statement: raise LeaseLost early."""

    async def finish(self, execute: Execute, received: Received) -> None:
        """Last statements: write the ledger row (or raise AlreadyLoaded), hold the lease (or raise LeaseLost)."""

    async def is_in(self, execute: Execute) -> bool:
        """Whether an earlier COMMIT of this part, whose answer was lost, has happened."""
        ...


class PartsVoucher(Protocol):
    """The same for several parts in one transaction."""

    async def begin(self, execute: Execute) -> None: ...

    async def finish(self, execute: Execute, received: Sequence[Received]) -> None: ...


class TargetStaysAway(DatabaseAway):
    """The target did not come back in the time that an outage may take; it was waited for already."""


class _SourceFailed(Exception):
    """What was raised while the source was read, on its way through the target's driver."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _TargetFailed(Exception):
    """What the target raised, on its way through the source's snapshot."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Receiver:
    """One connection that takes parts. It reconnects by itself while the target is away, for `outage_budget` seconds.

    `announce` is awaited with pid and backend_start of every new connection before it takes anything, so that whoever
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
        outage_budget: float,
        retries: Retries | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        settings = session_settings(capabilities, lease_seconds)
        self._line = Line(nodes or Nodes([endpoint]), PURPOSE, settings=settings, announce=announce)
        self._copy = CopyFill(capabilities)
        self._retries = retries or Retries()
        self._pause = pause
        self._budget = outage_budget

    async def receive(self, part: Incoming, voucher: PartVoucher, *, doubtful: bool = False) -> Received | None:
        """Take a part exactly once. None when it turned out to be in the target already, which is asked first for one
        that is `doubtful`: its rows would be refused where they have a key.

        Raises what the source raises, LeaseLost, BlockersFound for rows that the target refuses, TargetStaysAway.
        """
        tries = Tries(self._budget)
        while True:
            try:
                return await self._try(part, voucher, again=doubtful or tries.failed > 0)
            except _TargetFailed as failed:
                failure = failed.error
            except asyncio.CancelledError:
                await self._line.end()
                raise
            except BaseException:
                self.close()
                raise
            lost = not await self._line.roll_back()
            if row_fault(failure) or not (retryable(failure) or lost):
                raise rejection(failure, _named(part)) from None
            if retry_class(failure) == CATALOG:
                self.close()
            self._retries.add(failure, part.table)
            reason = translate(failure, f"stream {part.described}")
            seconds = tries.pause_after(failure)
            if seconds is None:
                raise TargetStaysAway(reason.message, reason.hint, reason.details) from None
            await self._pause(reason, seconds)

    async def receive_together(self, parts: Sequence[Incoming], voucher: PartsVoucher) -> list[Received] | None:
        """Take small parts in one transaction. None where anything stood in the way: nothing of them is in then, or,
        when COMMIT was not answered, all; one by one each of them is settled.

        Raises what the source raises, and LeaseLost.
        """
        try:
            connection = await self._line.connected()
        except (DatabaseAway, *bulk.DRIVER_ERRORS):
            return None
        try:
            return await self._together(connection, parts, voucher)
        except _SourceFailed as failed:
            self.close()
            raise failed.error from None
        except (AlreadyLoaded, RowsRefused, _TargetFailed, *bulk.DRIVER_ERRORS):
            await self._line.roll_back()
            return None
        except asyncio.CancelledError:
            await self._line.end()
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection; what was not committed is rolled back by the server."""
        self._line.close()

    async def _try(self, part: Incoming, voucher: PartVoucher, *, again: bool) -> Received | None:
        try:
            connection = await self._line.connected()
            # An earlier try may have committed without our hearing of it.
            if again and await voucher.is_in(bulk.executor(connection)):
                return None
        except (DatabaseAway, *bulk.DRIVER_ERRORS) as error:
            raise _TargetFailed(error) from None
        # The reader first: the target's transaction must not idle while one is waited for.
        async with part.read() as rows:
            try:
                return await self._transaction(connection, rows, part, voucher)
            except _SourceFailed as failed:
                raise failed.error from None
            except AlreadyLoaded:
                self.close()
                return None
            except bulk.DRIVER_ERRORS as error:
                raise _TargetFailed(error) from None

    async def _transaction(
        self, connection: bulk.Connection, rows: SentRows, part: Incoming, voucher: PartVoucher
    ) -> Received:
        execute = bulk.executor(connection)
        await connection.execute(_BEGIN)
        await voucher.begin(execute)
        received = await self._fill(connection, rows, part)
        await voucher.finish(execute, received)
        await connection.execute("COMMIT")
        return received

    async def _together(
        self, connection: bulk.Connection, parts: Sequence[Incoming], voucher: PartsVoucher
    ) -> list[Received]:
        execute, received = bulk.executor(connection), []
        await connection.execute(_BEGIN)
        await voucher.begin(execute)
        for part in parts:
            async with part.read() as rows:
                try:
                    received.append(await self._fill(connection, rows, part))
                except bulk.DRIVER_ERRORS as error:
                    # Beyond this block it would be taken for the source's.
                    raise _TargetFailed(error) from None
        await voucher.finish(execute, received)
        await connection.execute("COMMIT")
        return received

    async def _fill(self, connection: bulk.Connection, rows: SentRows, part: Incoming) -> Received:
        flow = _Flow(rows, part.told)
        if part.sift is not None:
            filled = await part.sift.take(connection, flow.pieces(), part=_named(part), fill=self._copy)
        else:
            options = self._copy.options("FORMAT binary" if part.binary else "", rows=_ALL_ROWS)
            filled = Filled(await bulk.copy_in(connection, part.table, part.columns, flow.frames(), options=options))
        taken = filled.rows + filled.set_aside
        if taken != rows.count:
            raise RowsRefused(
                f"The target took {taken:,} of the {rows.count:,} rows of {part.described}; all were rolled back.",
                f"A trigger or rule on {part.table} leaves rows out: drop or disable it, then run the command again.",
            )
        return Received(filled.rows, flow.size, filled.set_aside)


class _Flow:
    """The rows on their way through, measured."""

    def __init__(self, rows: SentRows, told: Callable[[int], None]) -> None:
        self.size = 0
        self._rows = rows
        self._told = told

    async def frames(self) -> AsyncIterator[bytes | bytearray | memoryview]:
        """A frame that holds one huge row goes on in pieces: the driver copies what it sends."""
        tell_at = TELL_BYTES
        try:
            async for frame in self._rows:
                self.size += len(frame)
                if self.size >= tell_at:
                    self._told(self.size)
                    tell_at = self.size + TELL_BYTES
                if len(frame) <= PIECE_BYTES:
                    yield frame
                    continue
                with memoryview(frame) as whole:
                    last = (len(frame) - 1) // PIECE_BYTES * PIECE_BYTES
                    for start in range(0, last, PIECE_BYTES):
                        yield whole[start : start + PIECE_BYTES]
                    # The driver keeps what it was given last: not the whole frame with it.
                    rest = bytes(whole[last:])
                yield rest
        except Exception as error:
            raise _SourceFailed(error) from None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The rows as pieces that hold whole ones, for text: one frame is a whole number of rows."""
        waiting, tell_at = bytearray(), TELL_BYTES
        try:
            async for frame in self._rows:
                self.size += len(frame)
                waiting += frame
                if len(waiting) < SIFTED_BYTES:
                    continue
                if self.size >= tell_at:
                    self._told(self.size)
                    tell_at = self.size + TELL_BYTES
                piece, waiting = bytes(waiting), bytearray()
                yield piece
        except Exception as error:
            raise _SourceFailed(error) from None
        if waiting:
            yield bytes(waiting)


def _named(part: Incoming) -> Load:
    """The part as refusals name it."""
    remedy = (
        f"Make the definition of {part.table} on the target accept the row, then run the command again; or set such "
        "rows aside and go on: --error-policy stash-and-continue."
    )
    return Load(part.table, part.columns, 0, part.described, tuple, place="row {} of the part".format, remedy=remedy)
