"""The ledger's texts and what is made of their answers."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from voyager.errors import LeaseLost
from voyager.store import ledger
from voyager.store.lease import Lease

LEASE = Lease(uuid4(), "IMPORT_DATA", uuid4(), "me", 30.0)
BATCH = ledger.Batch(LEASE.migration_uuid, uuid4(), 4, 2, "snap", "public", "orders", 10, 100, LEASE.token)


class Server:
    """Answers every statement with one row or none, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    async def execute(self, sql: str, *args: Any) -> Any:
        self.asked.append((sql, *args))
        return self.answer


def test_the_lease_is_asked_for_by_its_whole_key_and_locked_only_at_the_end() -> None:
    server = Server((1,))
    asyncio.run(ledger.read_lease(server.execute, LEASE))
    asyncio.run(ledger.hold_lease(server.execute, LEASE))
    key = (LEASE.migration_uuid, LEASE.phase, LEASE.token)
    assert [asked[1:] for asked in server.asked] == [key, key]
    assert [asked[0].endswith("FOR KEY SHARE") for asked in server.asked] == [False, True]


@pytest.mark.parametrize("check", [ledger.read_lease, ledger.hold_lease])
def test_a_lease_without_a_row_is_lost_and_the_error_names_the_phase(check: Any) -> None:
    with pytest.raises(LeaseLost, match="IMPORT_DATA"):
        asyncio.run(check(Server(None).execute, LEASE))


def test_a_batch_fills_every_parameter_in_the_order_of_its_columns() -> None:
    server = Server((4,))
    asyncio.run(ledger.record_batch(server.execute, BATCH))
    [(sql, *args)] = server.asked
    columns = [name.strip() for name in sql.split("(")[1].split(")")[0].split(",")]
    given = dict(zip(columns, args, strict=True))
    assert sql.count("$") == len(args)
    assert (given.pop("schema_name"), given.pop("table_name")) == (BATCH.schema, BATCH.table)
    assert all(getattr(BATCH, name) == value for name, value in given.items())


def test_a_batch_that_is_in_already_is_told_from_one_that_failed() -> None:
    with pytest.raises(ledger.BatchIsIn, match="Batch 4"):
        asyncio.run(ledger.record_batch(Server(None).execute, BATCH))
