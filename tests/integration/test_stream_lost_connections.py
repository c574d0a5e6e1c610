"""A connection that its server ended a moment ago is a lost one, whatever the driver calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psutil
import pytest

from tests import drive
from tests.faults.driver import wait_until
from voyager.embedded import Server
from voyager.errors import DatabaseAway
from voyager.postgres import bulk
from voyager.postgres.failures import connection_lost, retryable, translate
from voyager.postgres.retries import retry_class

QUESTION = "SELECT $1::int"


async def ask(connection: bulk.Connection) -> None:
    await bulk.executor(connection)(QUESTION, 1)


async def run(connection: bulk.Connection) -> None:
    await connection.execute("ROLLBACK")


async def copy(connection: bulk.Connection) -> None:
    async with bulk.copy_out(connection, "SELECT 1") as rows:
        async for _ in rows:
            pass


@pytest.mark.parametrize(("use", "state"), [(ask, 12), (run, 15), (copy, 18)])
def test_who_uses_it_hears_that_it_ended_and_not_of_the_states_of_the_driver(
    source_server: Server, use: Callable[[bulk.Connection], Awaitable[None]], state: int
) -> None:
    endpoint = source_server.endpoint()

    async def failure(turns: int) -> BaseException:
        """The server's last word and the end of the connection are there; the loop takes in one after the other."""
        connection = await bulk.connect(endpoint, "test")
        await ask(connection)
        await connection.execute("BEGIN")
        server = connection.get_server_pid()
        drive.fetch(endpoint, "SELECT pg_terminate_backend(%s)", [server])
        wait_until(lambda: not psutil.pid_exists(server))
        for _ in range(turns):
            await asyncio.sleep(0)
        with pytest.raises(bulk.DRIVER_ERRORS) as caught:
            await use(connection)
        return caught.value

    failures = [asyncio.run(failure(turns)) for turns in range(5)]
    assert any(f"cannot switch to state {state}" in str(one) for one in failures)
    for one in failures:
        assert connection_lost(one)
        assert retryable(one)
        assert retry_class(one) == "connection"
        told = translate(one, "stream rows")
        assert isinstance(told, DatabaseAway)
        assert "state" not in told.message
