"""Fill: how the rows of a batch come into their table, within the transaction that its ledger row is in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from voyager.errors import BlockersFound
from voyager.identifiers import TableName
from voyager.ports import Capabilities
from voyager.postgres import bulk

PIECE_BYTES = 256 << 10


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


@dataclass(frozen=True)
class Filled:
    """What became of a batch's rows: `rows` are in, of which `updated` took the place of rows with the same key;
    `ignored` were there already under their key, `set_aside` were refused."""

    rows: int = 0
    ignored: int = 0
    updated: int = 0
    set_aside: int = 0

    def __add__(self, other: Filled) -> Filled:
        return Filled(
            self.rows + other.rows,
            self.ignored + other.ignored,
            self.updated + other.updated,
            self.set_aside + other.set_aside,
        )


class Fill(Protocol):
    """A way for rows into their table. One object serves every connection."""

    async def prepare(self, connection: bulk.Connection, batch: Load) -> None:
        """What must be there before the batch's transaction begins."""

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        """Load all rows of the batch, or raise the driver's error, or RowsLeftOut."""
        ...


def in_pieces(data: bytes | bytearray | memoryview) -> Iterable[bytes]:
    """Rows as the driver is given them: it copies what it sends, and keeps what it was given last."""
    with memoryview(data) as whole:
        for at in range(0, len(whole), PIECE_BYTES):
            yield bytes(whole[at : at + PIECE_BYTES])


class RowsLeftOut(BlockersFound):
    """The target took fewer rows than it was sent, and raised no error."""


def left_out(batch: Load, taken: int) -> RowsLeftOut:
    return RowsLeftOut(
        f"The target took {taken:,} of the {batch.rows:,} rows of {batch.described}; all were rolled back.",
        f"A trigger or rule on {batch.table} leaves rows out: drop or disable it, then run the command again.",
    )


class CopyFill:
    """COPY into the table itself."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._rows_option = capabilities.copy_rows_per_transaction
        # What stands in for session_replication_role where COPY itself can leave foreign keys unasked.
        self._no_keys = "DISABLE_FK_CHECK" if self._rows_option and not capabilities.replication_role else ""

    async def prepare(self, _connection: bulk.Connection, _batch: Load) -> None:
        return

    def options(self, given: str, *, rows: int) -> str:
        """What COPY is told beyond its table: options of the data itself, and what this target needs."""
        rows_option = f"ROWS_PER_TRANSACTION {rows}" if self._rows_option else ""
        return ", ".join(filter(None, (given, rows_option, self._no_keys)))

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        options = self.options(batch.options, rows=batch.rows)
        taken = await bulk.copy_in(connection, batch.table, batch.columns, stream(batch.pieces()), options=options)
        if taken != batch.rows:
            raise left_out(batch, taken)
        return Filled(rows=taken)


class FastFill:
    """COPY without distributed transactions, each row over what is there under its key: only for tables with a primary
    key and nothing else to keep in step, whose rows may be written again after a failure.

    The settings are switched off again before the ledger row is written, which must be part of the transaction.
    """

    SETTINGS = ("yb_disable_transactional_writes", "yb_enable_upsert_mode")

    def __init__(self, copy: CopyFill) -> None:
        self._copy = copy

    async def prepare(self, _connection: bulk.Connection, _batch: Load) -> None:
        return

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        for setting in self.SETTINGS:
            await connection.execute(f"SET LOCAL {setting} = on")
        filled = await self._copy.fill(connection, batch)
        for setting in self.SETTINGS:
            await connection.execute(f"SET LOCAL {setting} = off")
        return filled


async def stream(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """The pieces as the driver takes them."""
    for piece in pieces:
        yield piece
