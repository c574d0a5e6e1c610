"""The contract of the state store, on a real server."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.dialects import postgresql

from migrations_ddl import ddl_files
from statemachine.definition import Workflow
from statemachine.machine import current_state
from statemachine.workflows import WORKFLOWS
from tests import drive
from tests.states import ACTOR, BEGUN, PHASES, database, emptied, expire_leases, new_migration, registered
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import Identifier, TableName
from voyager.progress import TableProgress
from voyager.registration import phase_table
from voyager.store.record import LoadedBatch, LoadedTable, VerificationChunk
from voyager.store.reports import report_sha256
from voyager.store.state import LostSwap, StatementEntry, StateMissing, StateStore
from voyager.store.tables import metadata


@pytest.fixture(scope="module")
def target(target_server: Server) -> Iterator[Endpoint]:
    with database(target_server) as endpoint:
        yield endpoint


@pytest.fixture
def empty(target_server: Server, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    """A target that has never seen a migration."""
    return fresh_database(target_server)


@pytest.fixture
def store(target: Endpoint) -> Iterator[StateStore]:
    with emptied(target) as store:
        yield store


def read_view(target: Endpoint, columns: str, view: str) -> list[tuple[Any, ...]]:
    return drive.fetch(target, f"SELECT {columns} FROM ybvoyager.{view} ORDER BY 1")


# The schema


def test_the_tables_that_the_code_knows_are_the_tables_that_the_ddl_creates(
    target: Endpoint, store: StateStore
) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: drive.connect(target))
    catalog = inspect(engine)
    dialect = postgresql.dialect()
    assert set(catalog.get_table_names("ybvoyager")) == {table.name for table in metadata.sorted_tables}
    for table in metadata.sorted_tables:
        columns = catalog.get_columns(table.name, "ybvoyager")
        found = [(one["name"], one["type"].compile(dialect), one["nullable"], bool(one["default"])) for one in columns]
        known = [
            (one.name, one.type.compile(dialect), one.nullable, one.server_default is not None) for one in table.columns
        ]
        assert found == known, table.name
        key = catalog.get_pk_constraint(table.name, "ybvoyager")["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns], table.name
    engine.dispose()


def test_the_rules_are_kept_by_indexes_that_are_named_after_them(target: Endpoint, store: StateStore) -> None:
    names = {row[0] for row in drive.fetch(target, "SELECT indexname FROM pg_indexes WHERE schemaname = 'ybvoyager'")}
    assert {"one_active_migration_per_name", "one_lease_per_phase", "one_fleet_per_name"} <= names


def test_installing_again_changes_nothing_and_a_half_done_installation_is_finished(empty: Endpoint) -> None:
    with StateStore.connect(empty) as store:
        assert not store.ddl.installed()
        assert store.ddl.pending() == list(ddl_files())
        for statement in ddl_files()[0].statements[:6]:
            drive.execute(empty, statement)
        assert store.ddl.install() == list(ddl_files())
        assert store.ddl.installed()
        assert store.ddl.install() == []
    rows = drive.fetch(empty, "SELECT number, sha256 FROM ybvoyager.schema_version ORDER BY 1")
    assert rows == [(file.number, hashlib.sha256(file.text.encode()).hexdigest()) for file in ddl_files()]


def test_the_schema_is_laid_on_the_release_that_yugabytedb_builds_on(
    pg15_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    endpoint = fresh_database(pg15_server)
    with StateStore.connect(endpoint) as store:
        store.ddl.install()
        record = registered(store)
        lease = take(store, record, "EXPORT_DATA")
        store.progress.put(record.migration_uuid, "EXPORT_DATA", [TableProgress("s", "t", "EXPORTING")])
        expire_leases(endpoint)
        take(store, record, "EXPORT_DATA")
        assert not store.leases.renew(lease)
        views = ("phase_timeline", "active_migrations", "completed_migrations", "next_steps", "table_activity")
        assert [len(read_view(endpoint, "*", view)) for view in views] == [6, 1, 0, 1, 1]


def test_a_role_that_may_only_create_within_the_schema_installs_it(empty: Endpoint, role: Endpoint) -> None:
    drive.execute(empty, "CREATE SCHEMA ybvoyager")
    drive.execute(empty, f"GRANT USAGE, CREATE ON SCHEMA ybvoyager TO {Identifier(role.user).sql}")
    with StateStore.connect(role) as store:
        assert store.ddl.install(together=True) == list(ddl_files())
        assert store.ddl.pending() == []


def test_a_target_without_the_schema_is_told_from_one_that_is_away(empty: Endpoint) -> None:
    with StateStore.connect(empty) as store, pytest.raises(StateMissing, match="schema is missing") as caught:
        store.migrations.find()
    assert "migrate init" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_role_that_may_not_create_the_schema_is_told_the_grant(empty: Endpoint, role: Endpoint) -> None:
    with StateStore.connect(role) as store, pytest.raises(PermissionMissing) as caught:
        store.ddl.install()
    assert caught.value.details == (
        f"GRANT CREATE ON DATABASE {Identifier(empty.database).sql} TO {Identifier(role.user).sql};",
    )


def test_a_role_that_may_not_use_the_schema_is_told_the_grants_and_they_are_enough(
    empty: Endpoint, role: Endpoint
) -> None:
    with StateStore.connect(empty) as store:
        store.ddl.install()
        record = registered(store)
    with StateStore.connect(role) as store:
        with pytest.raises(PermissionMissing) as caught:
            store.migrations.read(record.migration_uuid)
        drive.execute(empty, "\n".join(caught.value.details))
        assert store.migrations.read(record.migration_uuid).phases == record.phases


@pytest.fixture
def role(empty: Endpoint) -> Iterator[Endpoint]:
    name = f'least "{uuid4().hex[:6]}'
    quoted = Identifier(name).sql
    drive.execute(empty, f"CREATE ROLE {quoted} LOGIN PASSWORD 'secret'")
    yield dataclasses.replace(empty, user=name, password="secret")
    drive.execute(empty, f"DROP OWNED BY {quoted}; DROP ROLE {quoted}")


def test_the_script_for_a_dba_gives_a_role_all_it_needs_and_no_more(empty: Endpoint, role: Endpoint) -> None:
    with StateStore.connect(empty) as store:
        script = store.ddl.script(role.user)
    drive.execute(empty, script)
    drive.execute(empty, script)
    with StateStore.connect(role) as store:
        assert store.ddl.install() == []
        record = registered(store)
        lease = take(store, record, "EXPORT_DATA")
        record = store.migrations.transition(record, {"EXPORT_DATA": "IN_PROGRESS"}, phase="EXPORT_DATA", actor=ACTOR)
        store.progress.put(record.migration_uuid, "EXPORT_DATA", [TableProgress("public", "t", "EXPORTING")])
        store.reports.put(record.migration_uuid, "verification", {})
        store.statements.begin(record.migration_uuid, "IMPORT_SCHEMA", StatementEntry(1, "x", "f", 1, "t"))
        store.batches.forget(record.migration_uuid)
        store.migrations.save_settings(record.migration_uuid, {"a": 1}, actor=ACTOR)
        assert store.leases.renew(lease)
        store.leases.release(lease)
        assert drive.fetch(role, "SELECT count(*) FROM ybvoyager.next_steps") == [(1,)]
    with pytest.raises(Exception, match="permission denied"):
        drive.execute(role, "DELETE FROM ybvoyager.events")


# Migrations


def take(store: StateStore, record: Any, phase: str) -> Any:
    return store.leases.acquire(record.migration_uuid, phase, owner=ACTOR, host="here", pid=1, seconds=30)


def test_a_registered_migration_is_read_back_whole(store: StateStore) -> None:
    new = new_migration("shop", settings={"schemas": ["public"]}, capabilities={"target": {"version": "18"}})
    record = store.migrations.register(new)
    assert store.migrations.read(new.migration_uuid).phases == record.phases
    assert (record.name, record.workflow, record.version) == ("shop", "offline", 1)
    assert record.settings == {"schemas": ["public"]}
    assert list(record.phases) == list(PHASES)
    assert record.phases["INITIALIZE"].completed_at is not None
    assert record.phases["EXPORT_DATA"].started_at is None
    assert abs((record.read_at - record.created_at).total_seconds()) < 30
    [first] = store.events.history(record.migration_uuid)
    assert (first.phase, first.from_state, first.to_state) == ("INITIALIZE", "NOT_STARTED", "COMPLETED")


def test_registering_the_same_migration_twice_leaves_one(store: StateStore) -> None:
    new = new_migration()
    store.migrations.register(new)
    store.migrations.register(new)
    assert len(store.migrations.find()) == 1


def test_a_name_is_free_only_when_its_migration_has_ended(store: StateStore) -> None:
    first = registered(store, "shop")
    with pytest.raises(UsageError, match=str(first.migration_uuid)) as caught:
        registered(store, "shop")
    assert "/data/shop" in caught.value.message
    store.migrations.end(first.migration_uuid, "completed")
    second = registered(store, "shop")
    assert [found.migration_uuid for found in store.migrations.find(name="shop")] == [second.migration_uuid]
    everything = store.migrations.find(name="shop", active_only=False)
    assert [found.migration_uuid for found in everything] == [second.migration_uuid, first.migration_uuid]
    assert store.migrations.find(uuid=first.migration_uuid) == []


def test_a_migration_that_is_not_there_is_a_usage_error(store: StateStore) -> None:
    with pytest.raises(UsageError, match="There is no migration with uuid"):
        store.migrations.read(uuid4())


def test_a_transition_sets_what_follows_from_the_new_state(store: StateStore) -> None:
    record = registered(store)
    begun = store.migrations.transition(
        record,
        {"EXPORT_DATA": "IN_PROGRESS"},
        phase="EXPORT_DATA",
        actor=ACTOR,
        detail={"trigger": "start_EXPORT_DATA"},
        next_if_idle={"kind": "resume"},
        next_if_running={"kind": "wait"},
    )
    phase = begun.phases["EXPORT_DATA"]
    assert (begun.version, phase.state, phase.attempt, phase.completed_at) == (2, "IN_PROGRESS", 1, None)
    store.migrations.fail(record.migration_uuid, "EXPORT_DATA", error={"message": "disk full"}, actor=ACTOR)
    failed = store.migrations.read(record.migration_uuid)
    assert failed.phases["EXPORT_DATA"].last_error == {"message": "disk full"}
    resumed = store.migrations.transition(failed, {}, phase="EXPORT_DATA", event_kind="resumed", actor=ACTOR)
    assert resumed.phases["EXPORT_DATA"].attempt == 2
    assert resumed.phases["EXPORT_DATA"].last_error is None
    assert resumed.phases["EXPORT_DATA"].started_at == phase.started_at
    store.migrations.save_summary(record.migration_uuid, "EXPORT_DATA", {"rows": 7})
    done = store.migrations.transition(resumed, {"EXPORT_DATA": "COMPLETED"}, phase="EXPORT_DATA", actor=ACTOR)
    phase = done.phases["EXPORT_DATA"]
    assert (phase.percent, phase.summary) == (100.0, {"rows": 7})
    assert phase.completed_at is not None
    kinds = [entry.kind for entry in store.events.history(record.migration_uuid)]
    assert kinds == ["transition", "resumed", "failed", "transition", "transition"]
    assert store.events.history(record.migration_uuid)[3].detail["trigger"] == "start_EXPORT_DATA"


def test_a_phase_that_is_restarted_forgets_what_its_attempts_left(store: StateStore) -> None:
    record = registered(store)
    record = store.migrations.transition(record, {"EXPORT_DATA": "IN_PROGRESS"}, phase="EXPORT_DATA", actor=ACTOR)
    record = store.migrations.transition(
        record, {"EXPORT_DATA": "COMPLETED"}, phase="EXPORT_DATA", actor=ACTOR, summary={"rows": 1}
    )
    changes = {"EXPORT_DATA": "NOT_STARTED", "IMPORT_DATA": "NOT_STARTED"}
    record = store.migrations.transition(record, changes, phase="EXPORT_DATA", actor=ACTOR)
    phase = record.phases["EXPORT_DATA"]
    assert (phase.state, phase.attempt, phase.percent, phase.summary) == ("NOT_STARTED", 0, 0.0, {})
    assert phase.started_at is None
    assert phase.completed_at is None


def test_a_phase_that_a_later_version_added_gets_its_row_with_its_first_transition(store: StateStore) -> None:
    record = registered(store)
    record = store.migrations.transition(record, {"FINALIZE": "IN_PROGRESS"}, phase="FINALIZE", actor=ACTOR)
    assert (record.phases["FINALIZE"].state, record.phases["FINALIZE"].attempt) == ("IN_PROGRESS", 1)


def test_a_transition_from_an_old_record_is_refused_and_writes_nothing(store: StateStore) -> None:
    record = registered(store)
    store.migrations.transition(record, {"EXPORT_DATA": "IN_PROGRESS"}, phase="EXPORT_DATA", actor=ACTOR)
    with pytest.raises(LostSwap):
        store.migrations.transition(record, {"EXPORT_DATA": "COMPLETED"}, phase="EXPORT_DATA", actor=ACTOR)
    assert store.migrations.read(record.migration_uuid).phases["EXPORT_DATA"].state == "IN_PROGRESS"
    assert len(store.events.history(record.migration_uuid)) == 2


def test_the_end_of_the_last_phase_ends_the_migration(store: StateStore) -> None:
    record = registered(store)
    record = store.migrations.transition(record, {"END": "IN_PROGRESS"}, phase="END", actor=ACTOR)
    store.migrations.save_summary(record.migration_uuid, "END", {"end_reason": "abandoned before cutover"})
    record = store.migrations.read(record.migration_uuid)
    record = store.migrations.transition(record, {"END": "COMPLETED"}, phase="END", actor=ACTOR)
    assert record.ended_at is not None
    assert record.end_reason == "abandoned before cutover"


def test_settings_are_merged_key_by_key(store: StateStore) -> None:
    record = registered(store, settings={"a": 1, "b": 1})
    store.migrations.save_settings(record.migration_uuid, {"b": [2], "c": 3}, actor=ACTOR)
    store.migrations.save_settings(record.migration_uuid, {"d": 4})
    assert store.migrations.read(record.migration_uuid).settings == {"a": 1, "b": [2], "c": 3, "d": 4}
    assert [entry.kind for entry in store.events.history(record.migration_uuid)] == ["config", "transition"]


def test_text_that_the_server_cannot_hold_is_kept_as_near_as_it_goes(store: StateStore) -> None:
    hostile = "nul \0 surrogate \udc80 slash \\u0000 quote \" ' % :x"
    record = registered(store, name=hostile, export_dir=f"/x/{hostile}", settings={"s": hostile})
    assert record.settings["s"] == "nul \ufffd surrogate ? slash \\u0000 quote \" ' % :x"
    assert store.migrations.find(name=hostile)[0].migration_uuid == record.migration_uuid
    store.migrations.fail(record.migration_uuid, "VERIFY", error={"message": hostile}, actor=hostile)
    store.progress.put(record.migration_uuid, "VERIFY", [TableProgress(hostile, hostile, "DONE", message=hostile)])


def test_an_unknown_kind_of_event_is_refused_without_showing_its_values(store: StateStore) -> None:
    with pytest.raises(BlockersFound, match="known_kind_of_event") as caught:
        store.events.add(uuid4(), kind="party", actor="canary-actor")
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None


# Reading


def test_reading_takes_the_same_few_statements_however_many_tables_there_are(store: StateStore) -> None:
    record = registered(store)
    tables = [TableProgress("s", f"t{number}", "QUEUED", rows_total=number) for number in range(300)]
    store.progress.put(record.migration_uuid, "EXPORT_DATA", tables)
    statements: list[str] = []
    event.listen(store._session.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    read = store.migrations.read(record.migration_uuid)
    assert len(statements) == 5
    assert (len(read.tables), read.totals["EXPORT_DATA"].tables) == (50, 300)


def test_running_and_failed_tables_are_shown_before_the_largest(store: StateStore) -> None:
    record = registered(store)
    tables = [
        *(TableProgress("s", f"big{number:02}", "QUEUED", rows_total=1000 + number) for number in range(60)),
        TableProgress("s", "small_running", "EXPORTING", rows_done=1, rows_estimated=-1),
        TableProgress("s", "small_failed", "FAILED", rows_done=2, rows_total=5),
        TableProgress("s", "done", "DONE", rows_done=900, rows_total=900, bytes_done=10),
    ]
    store.progress.put(record.migration_uuid, "EXPORT_DATA", tables)
    read = store.migrations.read(record.migration_uuid)
    assert [table.table for table in read.tables[:3]] == ["small_failed", "small_running", "big59"]
    totals = read.totals["EXPORT_DATA"]
    assert (totals.tables, totals.tables_done, totals.rows_done, totals.bytes_done) == (63, 1, 903, 10)
    assert totals.rows_total == sum(range(1000, 1060)) + 1 + 5 + 900


def test_a_migration_of_an_older_schema_is_read_without_the_columns_that_came_later(
    store: StateStore, target: Endpoint
) -> None:
    record = registered(store)
    tables = [TableProgress("s", "t", "EXPORTING", rows_done=3, chunks_done=2, chunks_total=7)]
    store.progress.put(record.migration_uuid, "EXPORT_DATA", tables)
    read = store.migrations.read(record.migration_uuid)
    assert (read.tables[0].chunks_done, read.tables[0].chunks_total) == (2, 7)
    assert (read.totals["EXPORT_DATA"].chunks_done, read.totals["EXPORT_DATA"].chunks_total) == (2, 7)
    drive.execute(target, "ALTER TABLE ybvoyager.table_progress DROP COLUMN chunks_done, DROP COLUMN chunks_total")
    try:
        read = store.migrations.read(record.migration_uuid)
        chosen = store.progress.tables(record.migration_uuid, "EXPORT_DATA", None)
    finally:
        drive.execute(target, ";".join(next(file for file in ddl_files() if "chunks" in file.name).statements))
    assert (read.tables[0].rows_done, read.tables[0].chunks_done, read.tables[0].chunks_total) == (3, 0, None)
    assert chosen == read.tables


def test_all_tables_of_a_phase_are_read_when_they_are_asked_for(store: StateStore) -> None:
    record = registered(store)
    tables = [TableProgress("s", f"t{number}", "QUEUED", rows_total=number) for number in range(70)]
    store.progress.put(record.migration_uuid, "EXPORT_DATA", tables)
    store.progress.put(record.migration_uuid, "IMPORT_DATA", tables[:5])
    assert len(store.progress.tables(record.migration_uuid, "EXPORT_DATA", None)) == 70
    assert [table.table for table in store.progress.tables(record.migration_uuid, "EXPORT_DATA", 2)] == ["t69", "t68"]


# Progress


def test_progress_is_replaced_and_its_rate_comes_from_a_window(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    uuid = record.migration_uuid
    store.progress.put(uuid, "EXPORT_DATA", [TableProgress("s", "t", "QUEUED")])
    row = "SELECT started_at IS NULL, completed_at IS NULL, rate IS NULL FROM ybvoyager.table_progress"
    assert drive.fetch(target, row) == [(True, True, True)]
    begun = time.monotonic()
    store.progress.put(uuid, "EXPORT_DATA", [TableProgress("s", "t", "EXPORTING", rows_done=0)])
    time.sleep(0.6)
    store.progress.put(uuid, "EXPORT_DATA", [TableProgress("s", "t", "EXPORTING", rows_done=600)])
    passed = time.monotonic() - begun
    [table] = store.migrations.read(uuid).tables
    assert table.rate is not None
    assert 600 / passed <= table.rate <= 1000
    assert drive.fetch(target, row) == [(False, True, False)]
    store.progress.put(uuid, "EXPORT_DATA", [TableProgress("s", "t", "DONE", rows_done=900)])
    assert drive.fetch(target, row) == [(False, False, True)]
    store.progress.reset(uuid, "EXPORT_DATA")
    assert store.migrations.read(uuid).tables == ()


# Reports, journal, ledger, verification


def test_the_latest_report_of_a_kind_is_found_and_its_digest_holds(store: StateStore) -> None:
    record = registered(store)
    store.reports.put(record.migration_uuid, "verification", {"n": 1})
    store.reports.put(record.migration_uuid, "verification", {"z": "\0", "a": {"n": 2.5, "é": [1, None]}})
    store.reports.put(None, "assessment", {"early": True})
    latest = store.reports.latest(record.migration_uuid, "verification")
    assert latest is not None
    assert latest.body["a"] == {"n": 2.5, "é": [1, None]}
    assert latest.sha256 == report_sha256(latest.body)
    assert len(store.reports.history(record.migration_uuid, "verification")) == 2
    assert store.reports.latest(record.migration_uuid, "assessment") is None
    assert store.reports.latest(None, "assessment") is not None


def test_the_journal_knows_a_statement_by_its_text_wherever_it_stands(store: StateStore) -> None:
    uuid = registered(store).migration_uuid
    first = StatementEntry(1, "aaa", "tables/table.sql", 3, "public.t")
    twin = dataclasses.replace(first, ordinal=2, line=9, occurrence=1)
    one = store.statements.begin(uuid, "IMPORT_SCHEMA", first)
    two = store.statements.begin(uuid, "IMPORT_SCHEMA", twin)
    store.statements.finish(one, "done")
    store.statements.finish(two, "failed", "x" * 5000)
    moved = dataclasses.replace(twin, ordinal=7, line=90)
    assert store.statements.begin(uuid, "IMPORT_SCHEMA", moved) == two
    journal = store.statements.load(uuid, "IMPORT_SCHEMA")
    assert [(entry.ordinal, entry.state, entry.error) for entry in journal.values()] == [
        (1, "done", None),
        (7, "started", None),
    ]
    assert store.statements.load(uuid, "IMPORT_DATA") == {}
    store.statements.forget(uuid, "IMPORT_SCHEMA")
    assert store.statements.load(uuid, "IMPORT_SCHEMA") == {}


def test_the_ledger_is_read_by_chunk_and_summed_by_table(store: StateStore, target: Endpoint) -> None:
    uuid = registered(store).migration_uuid
    chunks = [uuid4(), uuid4(), uuid4()]
    for chunk, batch, table in ((0, 2, "t"), (0, 0, "t"), (1, 0, "t"), (2, 0, "Odd")):
        drive.execute(
            target,
            "INSERT INTO ybvoyager.import_batches (chunk_id, batch_no, blocks, migration_uuid, snapshot, schema_name, "
            f"table_name, rows, bytes, lease_token) VALUES ('{chunks[chunk]}', {batch}, 2, '{uuid}', 's', 'public', "
            f"'{table}', 10, 100, '{uuid4()}')",
        )
    loaded = store.batches.loaded(uuid)
    assert loaded[chunks[0]] == [LoadedBatch(0, 2, 10, 100), LoadedBatch(2, 2, 10, 100)]
    assert store.batches.totals(uuid) == {
        TableName("public", "t"): LoadedTable(3, 30, 300, 0),
        TableName("public", "Odd"): LoadedTable(1, 10, 100, 0),
    }
    assert store.batches.totals(uuid, chunks=chunks[:1]) == {TableName("public", "t"): LoadedTable(2, 20, 200, 0)}
    assert store.batches.totals(uuid, chunks=[]) == {}
    store.batches.forget(uuid)
    assert store.batches.loaded(uuid) == {}


def test_a_verification_goes_on_in_its_run_until_the_phase_is_repeated(store: StateStore) -> None:
    record = registered(store)
    uuid = record.migration_uuid
    assert store.verification.resume(uuid) is None
    record = store.migrations.transition(record, {"VERIFY": "IN_PROGRESS"}, phase="VERIFY", actor=ACTOR)
    run = store.verification.start(uuid, point={"counters": [1]}, actor=ACTOR)
    assert store.verification.resume(uuid) == run
    chunk = VerificationChunk("public", "t", 0, "pending", lo="1", hi="9")
    different = dataclasses.replace(chunk, state="different", source_rows=9, target_rows=8, source_sum="5")
    store.verification.put(uuid, run.run_id, [chunk, dataclasses.replace(chunk, chunk=1)])
    store.verification.put(uuid, run.run_id, [different])
    assert store.verification.load(run.run_id) == [different, dataclasses.replace(chunk, chunk=1)]
    record = store.migrations.transition(record, {}, phase="VERIFY", event_kind="resumed", actor=ACTOR)
    assert store.verification.resume(uuid) == run
    record = store.migrations.transition(record, {"VERIFY": "COMPLETED"}, phase="VERIFY", actor=ACTOR)
    record = store.migrations.transition(record, {"VERIFY": "IN_PROGRESS"}, phase="VERIFY", actor=ACTOR)
    assert store.verification.resume(uuid) is None


# Views


def test_the_current_state_is_that_of_the_furthest_begun_phase(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    seen = [read_view(target, "current_state", "active_migrations")[0][0]]
    for phase in PHASES[1:]:
        for state in (BEGUN.get(phase, "IN_PROGRESS"), "COMPLETED"):
            record = store.migrations.transition(record, {phase: state}, phase=phase, actor=ACTOR)
            seen += [row[0] for row in read_view(target, "current_state", "active_migrations")]
    assert seen == [
        "INITIALIZED",
        "EXPORT_DATA_IN_PROGRESS",
        "EXPORT_DATA_COMPLETED",
        "IMPORT_DATA_IN_PROGRESS",
        "IMPORT_DATA_COMPLETED",
        "VERIFY_IN_PROGRESS",
        "VERIFY_COMPLETED",
        "CUTOVER_INITIATED",
        "CUTOVER_COMPLETED",
        "END_IN_PROGRESS",
    ]
    assert read_view(target, "current_state, outcome, end_reason", "completed_migrations") == [
        ("ENDED", "cut over", "completed")
    ]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=lambda workflow: workflow.name)
def test_the_view_and_the_state_machine_agree_on_the_current_state(
    store: StateStore, target: Endpoint, workflow: Workflow
) -> None:
    rest = {phase.name: "NOT_STARTED" for phase in workflow.phases}
    expected = {"rest": current_state(workflow, rest)}
    registered(store, "rest", phases=rest, phase_table=phase_table(workflow))
    for place, phase in enumerate(workflow.phases):
        before = {earlier.name: "COMPLETED" for earlier in workflow.phases[:place]}
        for state in (phase.begun, "COMPLETED"):
            configuration = {**rest, **before, phase.name: state}
            name = f"{phase.name} {state}"
            registered(store, name, phases=configuration, phase_table=phase_table(workflow))
            expected[name] = current_state(workflow, configuration)
    assert dict(read_view(target, "name, current_state", "active_migrations")) == expected


def test_the_next_step_follows_the_lease_so_a_crash_shows_resume(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    lease = take(store, record, "EXPORT_DATA")
    store.migrations.transition(
        record,
        {"EXPORT_DATA": "IN_PROGRESS"},
        phase="EXPORT_DATA",
        actor=ACTOR,
        next_if_idle={"kind": "resume", "command": "migrate export data"},
        next_if_running={"kind": "wait"},
    )
    assert read_view(target, "kind, command, health, running", "next_steps") == [("wait", None, "running", True)]
    expire_leases(target)
    assert read_view(target, "kind, command, health, running", "next_steps") == [
        ("resume", "migrate export data", "interrupted", False)
    ]
    assert store.leases.renew(lease)
    assert read_view(target, "kind", "next_steps") == [("wait",)]


def test_a_pause_shows_in_the_views_as_long_as_it_lasts(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    uuid = record.migration_uuid
    take(store, record, "EXPORT_DATA")
    idle, running = {"kind": "resume", "phase": "EXPORT_DATA", "command": "migrate export data"}, {"kind": "wait"}
    store.migrations.transition(
        record,
        {"EXPORT_DATA": "IN_PROGRESS"},
        phase="EXPORT_DATA",
        actor=ACTOR,
        next_if_idle=idle,
        next_if_running=running,
    )
    seen = [("wait", None, None, "running")]
    columns = "kind, command, step ->> 'then', health"
    assert read_view(target, columns, "next_steps") == seen
    for phase, command in (("EXPORT_DATA", "migrate resume EXPORT_DATA"), (None, "migrate resume")):
        store.controls.pause(uuid, phase, actor="ann")
        assert read_view(target, columns, "next_steps") == [("paused", command, None, "paused")]
        (reason,) = read_view(target, "reason", "next_steps")[0]
        assert re.fullmatch(r".* is paused since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by ann\.", reason)
        store.controls.resume(uuid, phase, actor="ann")
        assert read_view(target, columns, "next_steps") == seen
    # A phase that is neither begun nor next holds nothing up.
    store.controls.pause(uuid, "IMPORT_DATA", actor="ann")
    assert read_view(target, columns, "next_steps") == seen


def test_the_timeline_never_says_100_percent_before_the_phase_is_completed(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    record = store.migrations.transition(record, {"EXPORT_DATA": "IN_PROGRESS"}, phase="EXPORT_DATA", actor=ACTOR)
    tables = [TableProgress("s", "t", "DONE", rows_done=10, rows_total=10), TableProgress("s", "u", "QUEUED")]
    store.progress.put(record.migration_uuid, "EXPORT_DATA", tables)
    store.migrations.fail(record.migration_uuid, "EXPORT_DATA", error={"message": "no"}, actor=ACTOR)
    assert read_view(target, "ordinal, phase, health, percent", "phase_timeline")[:3] == [
        (1, "INITIALIZE", "completed", 100.0),
        (2, "EXPORT_DATA", "failed", 99.0),
        (3, "IMPORT_DATA", "not started", 0.0),
    ]
    assert read_view(target, "percent, health, last_error", "active_migrations") == [(99.0, "failed", "no")]


def test_table_activity_shows_a_rate_only_while_somebody_works(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    uuid = record.migration_uuid
    store.progress.put(uuid, "EXPORT_DATA", [TableProgress("s", "t", "EXPORTING", 50, 100)])
    drive.execute(target, "UPDATE ybvoyager.table_progress SET rate = 10")
    columns = "table_name, rows_done, rows_total, rate, extract(epoch FROM remaining)::integer"
    assert read_view(target, columns, "table_activity") == [("t", 50, 100, None, None)]
    take(store, record, "EXPORT_DATA")
    assert read_view(target, columns, "table_activity") == [("t", 50, 100, 10.0, 5)]


def test_assessments_are_listed_with_and_without_a_migration(store: StateStore, target: Endpoint) -> None:
    record = registered(store)
    store.reports.put(None, "assessment", {"tables": 1})
    store.reports.put(record.migration_uuid, "assessment", {"tables": 2})
    store.reports.put(record.migration_uuid, "verification", {})
    rows = drive.fetch(target, "SELECT migration, body FROM ybvoyager.assessment_reports ORDER BY created_at")
    assert rows == [(None, {"tables": 1}), ("shop", {"tables": 2})]


def test_no_password_reaches_the_state(store: StateStore, target: Endpoint) -> None:
    registered(store, source=target.public(), target=target.public())
    rows = json.dumps(drive.fetch(target, "SELECT * FROM ybvoyager.migrations"), default=str)
    assert target.password is not None
    assert target.password not in rows


def test_a_wrong_password_is_a_missing_permission(target: Endpoint) -> None:
    with StateStore.connect(target.with_password("wrong")) as store, pytest.raises(VoyagerError) as caught:
        store.ddl.installed()
    assert caught.value.exit_code == 9
    assert "wrong" not in str(caught.value)
