"""A loading process is stopped with SIGSTOP in the middle of a batch and goes on after somebody took over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests import drive
from tests.states import ACTOR, expire_leases, installed, registered
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.store.lease import Lease
from voyager.store.ledger import Batch, hold_lease, read_lease, record_batch

ROWS = 50_000


async def load(endpoint: Endpoint, lease: Lease, stop_at: str) -> None:
    """One batch as the product loads it. At `stop_at` it says so and waits to be let on."""
    import asyncpg

    def reached(place: str) -> None:
        if place == stop_at:
            print("here", flush=True)
            sys.stdin.readline()

    connection = await asyncpg.connect(
        host=endpoint.host,
        port=endpoint.port,
        user=endpoint.user,
        password=endpoint.password,
        database=endpoint.database,
    )

    async def rows() -> object:
        for number in range(ROWS):
            if number == ROWS // 2:
                reached("copy")
            yield f"{number}\n".encode()

    async with connection.transaction():
        await read_lease(connection.fetchrow, lease)
        await connection.copy_to_table("loaded", schema_name="public", source=rows())
        reached("rows")
        batch = Batch(lease.migration_uuid, uuid4(), 0, 1, "s", "public", "loaded", ROWS, 1, lease.token)
        await record_batch(connection.fetchrow, batch)
        await hold_lease(connection.fetchrow, lease)
        reached("commit")
    print("committed", flush=True)


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unrecorded"])
@pytest.mark.parametrize("stop_at", ["copy", "rows", "commit"])
def test_it_can_commit_nothing(
    target_server: Server, fresh_database: Callable[..., Endpoint], stop_at: str, recorded: bool
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, "CREATE TABLE public.loaded (id integer PRIMARY KEY)")
    with installed(endpoint) as store:
        record = registered(store)
        former = store.leases.acquire(
            record.migration_uuid, "IMPORT_DATA", owner=ACTOR, host="here", pid=1, seconds=60.0
        )
        holder = start(endpoint, former, stop_at)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "here\n"
            if recorded:
                assert store.leases.renew(former, backends=backends(endpoint))
            os.kill(holder.pid, signal.SIGSTOP)
            expire_leases(endpoint)
            if not recorded and stop_at == "commit":
                # Nobody knows whom to end: its server process ends it itself, as loading connections are told to.
                end_idle(endpoint)
            lease = store.leases.acquire(
                record.migration_uuid, "IMPORT_DATA", owner="next", host="here", pid=2, seconds=30.0
            )
            os.kill(holder.pid, signal.SIGCONT)
            out, err = holder.communicate("go\n", timeout=60)
        finally:
            holder.kill()
            holder.wait()
        assert out == ""
        assert holder.returncode == 1
        assert "LeaseLost" in err or "onnection" in err
        assert drive.fetch(endpoint, "SELECT count(*) FROM public.loaded") == [(0,)]
        assert store.batches.loaded(record.migration_uuid) == {}
        assert store.leases.renew(lease)


def backends(endpoint: Endpoint) -> list[dict[str, object]]:
    found = drive.fetch(
        endpoint,
        "SELECT pid, backend_start FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name NOT LIKE 'yb-voyager%'",
    )
    return [{"pid": pid, "backend_start": at} for pid, at in found]


def end_idle(endpoint: Endpoint) -> None:
    for backend in backends(endpoint):
        drive.execute(endpoint, f"SELECT pg_terminate_backend({backend['pid']}, 60000)")


def start(endpoint: Endpoint, lease: Lease, stop_at: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.test_paused_holder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=drive.ROOT,
        env={
            **drive.clean_environment(),
            "HOLDER": "|".join([str(endpoint.port), endpoint.database, str(lease.migration_uuid), str(lease.token)]),
            "HOLDER_PASSWORD": endpoint.password or "",
            "STOP_AT": stop_at,
        },
    )


if __name__ == "__main__":
    port, database, migration, token = os.environ["HOLDER"].split("|")
    place = Endpoint("postgresql", "127.0.0.1", int(port), database, "postgres", password=os.environ["HOLDER_PASSWORD"])
    asyncio.run(load(place, Lease(UUID(migration), "IMPORT_DATA", UUID(token), ACTOR, 1.0), os.environ["STOP_AT"]))
