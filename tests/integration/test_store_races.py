"""Two operators at once, holders that are stopped and come back, commits nobody saw, servers that go away."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests import drive
from tests.states import ACTOR, database, emptied, execute_on, expire_leases, installed, registered
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, LeaseLost, LockedByOther
from voyager.progress import TableProgress
from voyager.store import leases as leases_module
from voyager.store import ledger
from voyager.store import session as session_module
from voyager.store.lease import Lease, LeaseHeld
from voyager.store.record import LoadedBatch, MigrationRecord
from voyager.store.state import LostSwap, StateStore

PHASE = "IMPORT_DATA"


@pytest.fixture(scope="module")
def target(target_server: Server) -> Iterator[Endpoint]:
    with database(target_server) as endpoint:
        drive.execute(endpoint, "CREATE TABLE public.loaded (id integer PRIMARY KEY)")
        yield endpoint


@pytest.fixture
def store(target: Endpoint) -> Iterator[StateStore]:
    drive.execute(target, "TRUNCATE public.loaded")
    with emptied(target) as store:
        yield store


@pytest.fixture
def record(store: StateStore) -> MigrationRecord:
    return registered(store)


def take(store: StateStore, record: MigrationRecord, *, seconds: float = 30, owner: str = ACTOR) -> Lease:
    return store.leases.acquire(record.migration_uuid, PHASE, owner=owner, host="here", pid=7, seconds=seconds)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in threads that start together; its result or its exception, by thread."""
    results: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Loader:
    """A loading process as far as the target can tell: one transaction, in the ledger's order, step by step."""

    def __init__(self, endpoint: Endpoint, lease: Lease, chunk_id: UUID, *, isolation: str = "READ COMMITTED") -> None:
        self.lease = lease
        self.connection = drive.connect(endpoint)
        self.execute = execute_on(self.connection)
        self.batch = ledger.Batch(lease.migration_uuid, chunk_id, 0, 1, "s", "public", "loaded", 1, 1, lease.token)
        self.isolation = isolation

    @property
    def backend(self) -> dict[str, Any]:
        row = self.connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return {"pid": row[0], "backend_start": row[1]}

    def load(self, row: int) -> None:
        self.connection.execute(f"BEGIN ISOLATION LEVEL {self.isolation}".encode())
        asyncio.run(ledger.read_lease(self.execute, self.lease))
        self.connection.execute("INSERT INTO public.loaded VALUES (%s)", [row])

    def settle(self) -> None:
        asyncio.run(ledger.record_batch(self.execute, self.batch))
        asyncio.run(ledger.hold_lease(self.execute, self.lease))

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def loader(target: Endpoint) -> Iterator[Callable[..., Loader]]:
    made: list[Loader] = []

    def make(lease: Lease, **options: Any) -> Loader:
        made.append(Loader(target, lease, uuid4(), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def rows(target: Endpoint) -> int:
    return int(drive.fetch(target, "SELECT count(*) FROM public.loaded")[0][0])


# Two at once


def test_of_eight_that_want_a_lease_one_has_it(store: StateStore, record: MigrationRecord) -> None:
    results = at_once(8, lambda number: take(store, record, owner=f"p{number}"))
    winners = [result for result in results if isinstance(result, Lease)]
    assert len(winners) == 1
    losers = [result for result in results if isinstance(result, LeaseHeld)]
    assert len(losers) == 7
    assert {loser.holder.owner for loser in losers} == {winners[0].owner}
    assert all(loser.exit_code == 6 and winners[0].owner in loser.message for loser in losers)


def test_of_eight_that_take_over_an_expired_lease_one_has_it(
    store: StateStore, record: MigrationRecord, target: Endpoint
) -> None:
    former = take(store, record)
    expire_leases(target)
    results = at_once(8, lambda number: take(store, record, owner=f"p{number}"))
    winners = [result for result in results if isinstance(result, Lease)]
    assert len(winners) == 1
    assert sum(isinstance(result, LeaseHeld) for result in results) == 7
    assert not store.leases.renew(former)
    assert store.leases.renew(winners[0])


def test_of_eight_that_move_the_same_record_one_does(store: StateStore, record: MigrationRecord) -> None:
    changes = {"EXPORT_DATA": "IN_PROGRESS"}
    results = at_once(8, lambda _: store.migrations.transition(record, changes, phase="EXPORT_DATA", actor=ACTOR))
    assert sum(isinstance(result, MigrationRecord) for result in results) == 1
    assert sum(isinstance(result, LostSwap) for result in results) == 7
    read = store.migrations.read(record.migration_uuid)
    assert (read.version, read.phases["EXPORT_DATA"].attempt) == (2, 1)
    assert len(store.events.history(record.migration_uuid)) == 2


def test_of_six_that_register_a_name_one_does(store: StateStore) -> None:
    results = at_once(6, lambda _: registered(store, "same"))
    assert sum(isinstance(result, MigrationRecord) for result in results) == 1
    assert sum(type(result).__name__ == "UsageError" for result in results) == 5


@pytest.mark.parametrize("together", [True, False], ids=["in one transaction", "statement by statement"])
def test_six_installers_at_once_all_succeed(
    target_server: Server, fresh_database: Callable[..., Endpoint], together: bool
) -> None:
    endpoint = fresh_database(target_server)
    stores = [StateStore.connect(endpoint) for _ in range(6)]
    results = at_once(6, lambda number: stores[number].ddl.install(together=together))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert stores[0].ddl.pending() == []
    for one in stores:
        one.close()


def test_writers_of_the_same_progress_do_not_block_each_other_for_good(
    store: StateStore, record: MigrationRecord
) -> None:
    tables = [TableProgress("s", f"t{number}", "LOADING", rows_done=number) for number in range(60)]
    uuid = record.migration_uuid
    results = at_once(6, lambda number: store.progress.put(uuid, PHASE, tables[:: 1 if number % 2 else -1]))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert store.migrations.read(uuid).totals[PHASE].rows_done == sum(range(60))


def test_settings_saved_at_once_are_all_kept(store: StateStore, record: MigrationRecord) -> None:
    uuid = record.migration_uuid
    at_once(8, lambda number: store.migrations.save_settings(uuid, {f"k{number}": number}))
    assert store.migrations.read(uuid).settings == {f"k{number}": number for number in range(8)}


# Leases


def test_a_lease_that_was_given_back_is_free_at_once(store: StateStore, record: MigrationRecord) -> None:
    first = take(store, record)
    store.leases.release(first)
    second = take(store, record)
    store.leases.release(first)
    assert store.leases.renew(second)
    assert not store.leases.renew(first)


def test_a_transition_is_refused_to_one_whose_lease_was_taken_over(
    store: StateStore, record: MigrationRecord, target: Endpoint
) -> None:
    former = take(store, record)
    expire_leases(target)
    take(store, record)
    with pytest.raises(LeaseLost):
        store.migrations.transition(record, {PHASE: "COMPLETED"}, phase=PHASE, actor=ACTOR, lease=former)
    assert store.migrations.read(record.migration_uuid).phases[PHASE].state == "NOT_STARTED"


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_renewal_neither_waits_for_a_batch_nor_spoils_it(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint, isolation: str
) -> None:
    lease = take(store, record)
    one, two = loader(lease, isolation=isolation), loader(lease, isolation=isolation)
    one.load(1)
    assert store.leases.renew(lease, backends=[one.backend, two.backend])
    two.load(2)
    one.settle()
    # Had it to wait for that transaction, nobody would ever end it: this test is in both.
    assert store.leases.renew(lease)
    two.settle()
    one.commit()
    two.commit()
    assert rows(target) == 2
    assert store.batches.loaded(lease.migration_uuid) == {
        one.batch.chunk_id: [LoadedBatch(0, 1, 1, 1)],
        two.batch.chunk_id: [LoadedBatch(0, 1, 1, 1)],
    }


# A holder that was stopped (SIGSTOP, a suspended machine, a cut network) and comes back after the take-over


def test_one_stopped_while_it_loads_is_cut_off_by_its_successor(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    former = take(store, record)
    stopped = loader(former)
    store.leases.renew(former, backends=[stopped.backend])
    stopped.load(1)
    expire_leases(target)
    lease = take(store, record)
    following = loader(lease)
    following.load(1)
    following.settle()
    following.commit()
    with pytest.raises(psycopg.OperationalError):
        stopped.settle()
    assert rows(target) == 1
    assert store.migrations.read(record.migration_uuid).leases[PHASE].backends == ()


def test_one_stopped_between_its_last_statement_and_commit_cannot_commit(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    former = take(store, record)
    stopped = loader(former)
    store.leases.renew(former, backends=[stopped.backend])
    stopped.load(1)
    stopped.settle()
    expire_leases(target)
    lease = take(store, record)
    with pytest.raises(psycopg.OperationalError):
        stopped.commit()
    assert rows(target) == 0
    assert store.leases.renew(lease)


def test_one_whose_connections_nobody_recorded_is_stopped_by_its_last_statement(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    former = take(store, record)
    stopped = loader(former)
    stopped.load(1)
    expire_leases(target)
    take(store, record)
    with pytest.raises(LeaseLost):
        stopped.settle()
    stopped.close()
    assert rows(target) == 0


def test_one_that_was_fenced_out_does_not_even_begin_a_batch(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    former = take(store, record)
    expire_leases(target)
    take(store, record)
    with pytest.raises(LeaseLost) as caught:
        loader(former).load(1)
    assert caught.value.exit_code == 6


def test_a_take_over_that_an_unknown_transaction_blocks_gives_up_and_changes_nothing(
    store: StateStore,
    record: MigrationRecord,
    loader: Callable[..., Loader],
    target: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases_module, "LOCK_WAIT_MS", 200)
    former = take(store, record)
    unknown = loader(former)
    unknown.load(1)
    unknown.settle()
    expire_leases(target)
    with pytest.raises(LockedByOther, match="still in the target"):
        take(store, record)
    unknown.commit()
    assert rows(target) == 1
    assert store.leases.renew(former)


def test_where_ending_connections_is_not_permitted_the_sql_is_given_and_running_it_helps(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    user = f"r{uuid4().hex[:8]}"
    drive.execute(target, f"CREATE ROLE {user} LOGIN PASSWORD 'x'; {store.ddl.script(user)}")
    former = take(store, record)
    stopped = loader(former)
    store.leases.renew(former, backends=[stopped.backend])
    stopped.load(1)
    expire_leases(target)
    with StateStore.connect(dataclasses.replace(target, user=user, password="x")) as limited:
        for _ in range(2):
            with pytest.raises(LockedByOther) as caught:
                take(limited, record)
            [sql] = caught.value.details
            assert f"WHERE pid = {stopped.connection.info.backend_pid} AND backend_start = " in sql
        assert drive.fetch(target, sql) == [(True,)]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                lease = take(limited, record)
                break
            except LockedByOther:
                time.sleep(0.05)
        assert limited.leases.renew(lease)
    drive.execute(target, f"DROP OWNED BY {user}; DROP ROLE {user}")


def test_a_connection_that_only_has_the_number_of_an_old_one_is_left_alone(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    former = take(store, record)
    bystander = loader(former)
    number = bystander.connection.info.backend_pid
    store.leases.renew(former, backends=[{"pid": number, "backend_start": "2001-01-01T00:00:00+00:00"}])
    expire_leases(target)
    take(store, record)
    assert bystander.connection.execute("SELECT 1").fetchone() == (1,)


# Commits whose answer was lost


@pytest.fixture
def lose_next_answer(store: StateStore) -> Callable[[], None]:
    """The next COMMIT happens, and its answer never arrives."""
    dialect = store._session.engine.dialect
    original = dialect.do_commit

    def arm() -> None:
        def commit(connection: Any) -> None:
            dialect.do_commit = original  # type: ignore[method-assign]
            original(connection)
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        dialect.do_commit = commit  # type: ignore[method-assign]

    return arm


def test_a_transition_whose_commit_nobody_saw_is_made_once(
    store: StateStore, record: MigrationRecord, lose_next_answer: Callable[[], None]
) -> None:
    lose_next_answer()
    moved = store.migrations.transition(record, {PHASE: "IN_PROGRESS"}, phase=PHASE, actor=ACTOR)
    assert (moved.version, moved.phases[PHASE].attempt) == (2, 1)
    assert len(store.events.history(record.migration_uuid)) == 2


def test_a_registration_whose_commit_nobody_saw_is_made_once(
    store: StateStore, lose_next_answer: Callable[[], None]
) -> None:
    lose_next_answer()
    record = registered(store, "unseen")
    assert [found.migration_uuid for found in store.migrations.find()] == [record.migration_uuid]
    assert len(store.events.history(record.migration_uuid)) == 1


def test_a_lease_whose_commit_nobody_saw_is_recognised(
    store: StateStore, record: MigrationRecord, lose_next_answer: Callable[[], None], target: Endpoint
) -> None:
    lose_next_answer()
    lease = take(store, record)
    expire_leases(target)
    lose_next_answer()
    second = take(store, record)
    assert not store.leases.renew(lease)
    assert store.leases.renew(second)


def test_a_batch_whose_commit_nobody_saw_is_found_in_the_ledger_and_never_loaded_twice(
    store: StateStore, record: MigrationRecord, loader: Callable[..., Loader], target: Endpoint
) -> None:
    first = loader(take(store, record))
    first.load(1)
    first.settle()
    first.commit()
    again = Loader(target, first.lease, first.batch.chunk_id)
    assert asyncio.run(ledger.batch_is_in(again.execute, first.batch.chunk_id, 0))
    assert not asyncio.run(ledger.batch_is_in(again.execute, first.batch.chunk_id, 1))
    again.load(2)
    with pytest.raises(ledger.BatchIsIn):
        again.settle()
    again.close()
    assert rows(target) == 1


# Servers that go away


def test_a_restart_between_two_operations_is_not_noticed(own_server: Callable[..., Server]) -> None:
    server = own_server()
    with installed(server.endpoint()) as store:
        record = registered(store)
        server.restart()
        assert store.migrations.read(record.migration_uuid).name == "shop"


def test_an_outage_is_waited_out_within_its_budget_and_reported_beyond_it(own_server: Callable[..., Server]) -> None:
    server = own_server()
    endpoint = server.endpoint()
    with installed(endpoint, outage_budget=30) as patient, StateStore.connect(endpoint) as hasty:
        record = registered(patient)
        server.stop("immediate")
        with pytest.raises(DatabaseAway) as caught:
            hasty.migrations.read(record.migration_uuid)
        assert caught.value.exit_code == 8
        answers: list[Any] = []
        waiting = threading.Thread(
            target=lambda: answers.append(
                patient.migrations.transition(record, {PHASE: "IN_PROGRESS"}, phase=PHASE, actor=ACTOR)
            )
        )
        waiting.start()
        time.sleep(0.5)
        server.restart()
        waiting.join(timeout=30)
        assert answers[0].version == 2


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [("40001", "Restart read required"), ("40P01", "deadlock"), ("XX000", "Catalog Version Mismatch: A DDL occurred")],
)
def test_a_collision_is_tried_again_from_the_beginning(store: StateStore, sqlstate: str, message: str) -> None:
    tries: list[int] = []

    def collide_twice(connection: Any) -> str:
        tries.append(len(tries))
        if len(tries) < 3:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE '{message}' USING ERRCODE = '{sqlstate}'; END $$")
        return "done"

    assert store._session.run(collide_twice, "try") == "done"
    assert tries == [0, 1, 2]
    tries.clear()
    assert store._session.single(collide_twice, "try") == "done"


def test_a_collision_that_never_ends_is_reported(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "CONFLICT_TRIES", 2)

    def collide(connection: Any) -> None:
        connection.exec_driver_sql("DO $$ BEGIN RAISE 'deadlock' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(DatabaseAway, match="Could not try in postgresql://"):
        store._session.run(collide, "try")
