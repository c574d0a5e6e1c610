"""What a batch sends to a target of each kind, statement by statement."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from voyager.identifiers import TableName
from voyager.ports import Capabilities
from voyager.target.fill import CopyFill, FastFill, Fill, Filled, Load, RowsLeftOut

TABLE = TableName("public", "t")
PLAIN = Capabilities("18.0", 180000, replication_role=True)
DISTRIBUTED = Capabilities("15.2", 150002, "2025.1.0.0", copy_rows_per_transaction=True, fast_writes=True)


class Connection:
    """Notes what it is sent, and takes `taken` rows of every COPY."""

    def __init__(self, taken: int) -> None:
        self.sent: list[str] = []
        self._taken = taken

    async def execute(self, sql: str) -> str:
        self.sent.append(sql)
        return "SET"

    async def _copy_in(self, sql: str, source: Any, _timeout: Any) -> str:
        self.sent.append(sql)
        assert b"".join([bytes(piece) async for piece in source]) == b"1\n2\n"
        return f"COPY {self._taken}"


def fill(way: Fill, *, taken: int = 2, options: str = "") -> tuple[Filled, list[str]]:
    connection: Any = Connection(taken)
    load = Load(TABLE, ("a",), 2, "two rows", lambda: (b"1\n", memoryview(b"2\n")), options=options)
    return asyncio.run(way.fill(connection, load)), connection.sent


@pytest.mark.parametrize(
    ("capabilities", "options", "expected"),
    [
        (PLAIN, "", 'COPY "public"."t" ("a") FROM STDIN'),
        (PLAIN, "FORMAT csv", 'COPY "public"."t" ("a") FROM STDIN WITH (FORMAT csv)'),
        (
            DISTRIBUTED,
            "",
            'COPY "public"."t" ("a") FROM STDIN WITH (ROWS_PER_TRANSACTION 2, DISABLE_FK_CHECK)',
        ),
    ],
)
def test_copy_says_what_the_server_takes(capabilities: Capabilities, options: str, expected: str) -> None:
    assert fill(CopyFill(capabilities), options=options) == (Filled(rows=2), [expected])


def test_the_settings_of_a_fast_load_hold_for_the_rows_alone() -> None:
    _, sent = fill(FastFill(CopyFill(DISTRIBUTED)))
    assert [text.split(" WITH")[0] for text in sent] == [
        "SET LOCAL yb_disable_transactional_writes = on",
        "SET LOCAL yb_enable_upsert_mode = on",
        'COPY "public"."t" ("a") FROM STDIN',
        "SET LOCAL yb_disable_transactional_writes = off",
        "SET LOCAL yb_enable_upsert_mode = off",
    ]


def test_rows_that_the_target_leaves_out_are_no_success() -> None:
    with pytest.raises(RowsLeftOut, match="took 1 of the 2 rows of two rows"):
        fill(CopyFill(PLAIN), taken=1)
