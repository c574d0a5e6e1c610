"""What operators decide while work runs: paused, resumed, set; kept in the target, each change once in the history."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests import drive
from tests.states import ACTOR, database, emptied, registered
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.store.lease import Lease
from voyager.store.state import StateStore
from voyager.store.steering import Steering, pause_of, pauses


@pytest.fixture(scope="module")
def target(target_server: Server) -> Iterator[Endpoint]:
    with database(target_server) as endpoint:
        yield endpoint


@pytest.fixture
def store(target: Endpoint) -> Iterator[StateStore]:
    with emptied(target) as store:
        yield store


def events(target: Endpoint) -> list[str]:
    found = drive.fetch(target, "SELECT detail ->> 'message' FROM ybvoyager.events WHERE kind = 'config' ORDER BY at")
    return [message for (message,) in found if message]


def test_a_pause_is_kept_once_however_often_it_is_asked_for(store: StateStore, target: Endpoint) -> None:
    uuid = registered(store).migration_uuid
    first = store.controls.pause(uuid, None, actor="ann@host 1")
    again = store.controls.pause(uuid, None, actor="bob@host 2")
    assert (first.already, again.already) == (False, True)
    assert first.pauses == again.pauses
    assert first.pauses[0].by == "ann@host 1"
    ((server_now,),) = drive.fetch(target, "SELECT clock_timestamp()")
    assert 0 <= (server_now - first.pauses[0].since).total_seconds() < 30
    assert events(target) == ["paused"]


def test_a_pause_of_everything_holds_every_phase_and_one_of_a_phase_that_phase_alone(store: StateStore) -> None:
    uuid = registered(store).migration_uuid
    store.controls.pause(uuid, "IMPORT_DATA", actor=ACTOR)
    assert store.controls.read(uuid, "EXPORT_DATA").pause is None
    held = store.controls.read(uuid, "IMPORT_DATA").pause
    assert held is not None
    assert held.ends_with == "migrate resume IMPORT_DATA"
    store.controls.pause(uuid, None, actor=ACTOR)
    settings = store.migrations.read(uuid).settings
    assert [pause.phase for pause in pauses(settings)] == [None, "IMPORT_DATA"]
    everything = pause_of(settings, "EXPORT_DATA")
    assert everything is not None
    assert everything.ends_with == "migrate resume"


def test_resuming_ends_what_is_named_and_without_a_name_all(store: StateStore, target: Endpoint) -> None:
    uuid = registered(store).migration_uuid
    for phase in (None, "IMPORT_DATA", "EXPORT_DATA"):
        store.controls.pause(uuid, phase, actor=ACTOR)
    one = store.controls.resume(uuid, "IMPORT_DATA", actor=ACTOR)
    assert [pause.phase for pause in one.pauses] == ["IMPORT_DATA"]
    rest = store.controls.resume(uuid, None, actor=ACTOR)
    assert [pause.phase for pause in rest.pauses] == [None, "EXPORT_DATA"]
    assert store.controls.resume(uuid, None, actor=ACTOR).already
    assert store.controls.read(uuid, "IMPORT_DATA") == Steering({}, None)
    assert events(target) == ["paused"] * 3 + ["resumed"] * 2


def test_options_are_set_taken_back_and_never_those_of_another_phase(store: StateStore, target: Endpoint) -> None:
    uuid = registered(store).migration_uuid
    store.controls.keep_options(uuid, "IMPORT_DATA", {"batch_size": 7, "table_list": ("a",)}, actor=ACTOR)
    assert not store.controls.set_options(uuid, ["IMPORT_DATA"], {"parallel_jobs": 4}, actor=ACTOR).already
    assert store.controls.set_options(uuid, ["IMPORT_DATA"], {"parallel_jobs": 4}, actor=ACTOR).already
    store.controls.keep_options(uuid, "EXPORT_DATA", {"parallel_jobs": 2}, actor=ACTOR)
    told = store.controls.read(uuid, "IMPORT_DATA").options
    assert told == {"batch_size": 7, "table_list": ["a"], "parallel_jobs": 4}
    store.controls.set_options(uuid, ["IMPORT_DATA", "EXPORT_DATA"], {"parallel_jobs": None}, actor=ACTOR)
    assert store.controls.read(uuid, "IMPORT_DATA").options == {"batch_size": 7, "table_list": ["a"]}
    assert store.controls.read(uuid, "EXPORT_DATA").options == {}
    assert events(target) == ["set parallel-jobs 4", "set parallel-jobs default"]


def test_changes_made_at_once_all_stay(store: StateStore) -> None:
    uuid = registered(store).migration_uuid
    changes = [
        *(lambda n=n: store.controls.set_options(uuid, ["IMPORT_DATA"], {f"o{n}": n}, actor=ACTOR) for n in range(8)),
        *(lambda n=n: store.controls.pause(uuid, f"P{n}", actor=ACTOR) for n in range(8)),
        *(lambda n=n: store.migrations.save_settings(uuid, {f"s{n}": n}) for n in range(8)),
    ]
    threads = [threading.Thread(target=change) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settings = store.migrations.read(uuid).settings
    assert settings["options"]["IMPORT_DATA"] == {f"o{n}": n for n in range(8)}
    assert len(pauses(settings)) == 8
    assert {f"s{n}": n for n in range(8)}.items() <= settings.items()


def test_only_who_holds_the_lease_tells_a_pace_and_only_while_the_phase_runs(
    store: StateStore, target: Endpoint
) -> None:
    record = registered(store)
    uuid = record.migration_uuid
    lease = store.leases.acquire(uuid, "EXPORT_DATA", owner="o", host="h", pid=1, seconds=30)
    summary = "SELECT summary FROM ybvoyager.migration_state WHERE phase = 'EXPORT_DATA' AND migration_uuid = %s"
    store.controls.tell(Lease(uuid, "EXPORT_DATA", uuid4(), "thief", 30), {"pace": {"workers": 9}})
    assert drive.fetch(target, summary, [uuid]) == [({},)]
    store.controls.tell(lease, {"pace": {"workers": 3}})
    store.controls.tell(lease, {"other": 1})
    assert drive.fetch(target, summary, [uuid]) == [({"pace": {"workers": 3}, "other": 1},)]
    drive.execute(target, "UPDATE ybvoyager.migration_state SET completed_at = now()")
    store.controls.tell(lease, {"pace": {"workers": 4}})
    assert drive.fetch(target, summary, [uuid]) == [({"pace": {"workers": 3}, "other": 1},)]
