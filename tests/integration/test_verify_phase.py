"""The VERIFY phase on real servers with a real store: its outcome, its reports, its journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from statemachine.definition import COMPLETED, IN_PROGRESS, NOT_STARTED
from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DifferencesFound, Interrupted, UsageError
from voyager.export_dir import ExportDir
from voyager.phases import verify
from voyager.phases.job import Job, Outcome
from voyager.progress import TableProgress
from voyager.sources.postgresql.source import PostgresSource
from voyager.store.state import NewMigration, StateStore
from voyager.target.target import Target
from voyager.verification.request import LEVELS


@dataclass
class Bench:
    """A migration whose VERIFY is in progress, and the means to run its handler."""

    source: Endpoint
    target: Endpoint
    store: StateStore
    migration: UUID
    export_dir: ExportDir
    progress: list[TableProgress] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def run(self, checkpoint: Callable[[], None] = lambda: None, **options: Any) -> Outcome:
        source = PostgresSource(self.source)
        try:
            return verify.run(self.job(source, checkpoint, **options))
        finally:
            source.close()

    def job(self, source: PostgresSource, checkpoint: Callable[[], None], **options: Any) -> Job:
        return Job(
            record=self.store.migrations.read(self.migration),
            phase=None,  # type: ignore[arg-type]
            options=verify.Options(**options),
            source=source,
            target=Target(self.target),
            store=self.store,
            lease=SimpleNamespace(owner="tester@here 1"),  # type: ignore[arg-type]
            export_dir=self.export_dir,
            report=self.progress.append,
            warn=self.warnings.append,
            checkpoint=checkpoint,
        )


@pytest.fixture
def bench(source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Any:
    source, target = fresh_database(source_server), fresh_database(target_server)
    export_dir = ExportDir(tmp_path / "export dir")
    export_dir.create()
    with StateStore.connect(target) as store:
        store.ddl.install()
        migration = uuid4()
        store.migrations.register(
            NewMigration(
                migration_uuid=migration,
                name="bench",
                workflow="offline",
                source=source.public(),
                target=target.public(),
                export_dir=str(export_dir.path),
                voyager_version="0",
                phase_table={},
                phases={"INITIALIZE": COMPLETED, "VERIFY": NOT_STARTED},
                actor="tester@here 1",
            )
        )
        begin(store, migration)
        yield Bench(source, target, store, migration, export_dir)


def begin(store: StateStore, migration: UUID) -> None:
    record = store.migrations.read(migration)
    store.migrations.transition(record, {"VERIFY": IN_PROGRESS}, phase="VERIFY", actor="tester@here 1")


def fill(bench: Bench) -> None:
    sql = (
        "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a'), (2, 'b');"
        "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1);"
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders"
    )
    drive.execute(bench.source, sql)
    drive.execute(bench.target, sql)


def test_an_equal_pair_is_clean_and_its_summary_holds_what_the_cutover_asks_for(bench: Bench) -> None:
    fill(bench)
    outcome = bench.run()
    assert outcome.problem is None
    assert outcome.headline == "2 tables (3 rows) compared by checksums of every value: source and target are equal."
    summary = outcome.summary
    assert (summary["clean"], summary["complete"], summary["level"], summary["tables"]) == (True, True, "checksum", 2)
    counters = {(one["schema"], one["table"]): one["writes"] for one in summary["counters"]}
    assert counters == {("public", "orders"): 2, ("public", "items"): 1}
    assert (summary["coverage"]["share"], summary["coverage"]["short"]) == (100.0, [])
    assert [(one["kind"], one["name"]) for one in summary["not_compared"]] == [
        ("materialized view", "public.totals"),
        ("definitions", "comments, owners, grants"),
    ]
    assert {(one.table, one.status) for one in bench.progress[-2:]} == {("orders", "DONE"), ("items", "DONE")}


def test_what_belongs_to_a_database_itself_is_named_on_both_sides_and_its_values_are_not(bench: Bench) -> None:
    fill(bench)
    for side in (bench.source, bench.target):
        name = f'"{side.database}"'
        drive.execute(side, f"COMMENT ON DATABASE {name} IS 'secret'; ALTER DATABASE {name} SET search_path = 'secret'")
        drive.execute(side, f"REVOKE TEMP ON DATABASE {name} FROM public")
    outcome = bench.run()
    assert outcome.problem is None
    named = [(one["kind"], one["name"]) for one in outcome.summary["not_compared"]]
    for name in (f"database {bench.source.database}", f"database {bench.target.database} of the target"):
        assert {("comment", name), ("grant", name), ("setting", name)} <= set(named)
    assert len(named) == len(set(named))
    assert any("search_path" in one["reason"] for one in outcome.summary["not_compared"])
    assert "secret" not in json.dumps(outcome.summary)


def test_differences_complete_the_phase_with_exit_code_3_and_are_in_both_reports(bench: Bench) -> None:
    fill(bench)
    drive.execute(bench.target, "UPDATE orders SET note = 'B' WHERE id = 2")
    outcome = bench.run()
    assert isinstance(outcome.problem, DifferencesFound)
    assert outcome.problem.exit_code == 3
    assert "public.orders" in outcome.problem.message
    assert "public.items" not in outcome.problem.message
    assert "Table public.orders: 1 row different" in outcome.details[0]
    assert "(id=2) different" in outcome.details[0]
    assert outcome.summary["clean"] is False
    kept = json.loads((bench.export_dir.reports / verify.REPORT).read_text())
    stored = bench.store.reports.latest(bench.migration, "verification")
    assert stored is not None
    assert stored.body == kept
    assert [(row["key"], row["kind"]) for row in kept["differences"][0]["rows"]] == [({"id": "2"}, "different")]
    chunks = drive.fetch(bench.target, "SELECT table_name, state FROM ybvoyager.verification_chunks ORDER BY 1")
    assert chunks == [("items", "equal"), ("orders", "different")]


def test_row_values_other_than_keys_are_nowhere_in_the_result(bench: Bench) -> None:
    fill(bench)
    drive.execute(bench.target, "UPDATE orders SET note = 'canary-4711' WHERE id = 2")
    outcome = bench.run()
    assert "canary-4711" not in repr(outcome)
    assert "canary-4711" not in (bench.export_dir.reports / verify.REPORT).read_text()


def test_an_interrupted_run_goes_on_and_a_repeated_one_begins_anew(bench: Bench) -> None:
    fill(bench)

    def stop_after_the_first() -> None:
        if any(one.status == "DONE" for one in bench.progress):
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        bench.run(checkpoint=stop_after_the_first, parallel_jobs=1)
    bench.run()
    runs = "SELECT count(DISTINCT run_id) FROM ybvoyager.verification_chunks"
    assert drive.fetch(bench.target, runs) == [(1,)]
    record = bench.store.migrations.read(bench.migration)
    bench.store.migrations.transition(record, {"VERIFY": COMPLETED}, phase="VERIFY", actor="tester@here 1")
    begin(bench.store, bench.migration)
    bench.run()
    assert drive.fetch(bench.target, runs) == [(2,)]


def test_a_part_of_the_tables_is_clean_but_not_complete(bench: Bench) -> None:
    fill(bench)
    outcome = bench.run(table_list=("items",))
    assert (outcome.summary["clean"], outcome.summary["complete"]) == (True, False)
    assert "it left 1 of 2 tables out; a cutover needs all of it" in outcome.headline
    assert {"kind": "table", "name": "public.orders", "reason": "left out of this verification"} in outcome.summary[
        "not_compared"
    ]


def test_what_is_not_compared_is_named_and_unlogged_tables_are_compared_and_named(bench: Bench) -> None:
    for end in (bench.source, bench.target):
        drive.execute(
            end, "CREATE TABLE kept (id int PRIMARY KEY); CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)"
        )
        drive.execute(end, "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
        drive.execute(end, "CREATE FOREIGN TABLE abroad (id int) SERVER far")
        drive.execute(end, "CREATE MATERIALIZED VIEW made AS SELECT 1 AS one; INSERT INTO fleeting VALUES (1), (2)")
    drive.execute(bench.source, "SELECT lo_create(4711), lo_create(4712)")
    drive.execute(bench.target, "DELETE FROM fleeting WHERE id = 2")
    found = bench.run()
    body = json.loads((bench.export_dir.reports / verify.REPORT).read_text())
    left = {one["kind"]: one for one in body["not_compared"]}
    assert set(left) == {"large objects", "foreign", "materialized view", "definitions"}
    assert left["definitions"]["name"] == "comments, owners, grants"  # nothing says that they were exported
    assert left["large objects"]["reason"].startswith("2: large objects are not copied")
    assert left["foreign"]["name"] == "public.abroad"
    assert [one["object"] for one in body["differences"]] == ["public.fleeting"]
    assert any(note.startswith("Unlogged in the source: public.fleeting. ") for note in body["notes"])
    assert any("Not compared: large objects" in line for line in found.details)
    bench.run(exclude_table_list=("fleeting",))
    body = json.loads((bench.export_dir.reports / verify.REPORT).read_text())
    assert not any("nlogged" in note for note in body["notes"])
    assert "public.fleeting" in {one["name"] for one in body["not_compared"]}


def test_a_wrong_level_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError) as refused:
        verify.preflight(None, None, verify.Options(level="full"))  # type: ignore[arg-type]
    assert refused.value.hint == f"It can be schema, {', '.join(LEVELS[:-1])} or {LEVELS[-1]}."


def test_a_dry_run_names_what_would_be_compared(bench: Bench) -> None:
    fill(bench)
    source = PostgresSource(bench.source)
    lines = verify.plan(bench.job(source, lambda: None))
    source.close()
    assert "compare public.orders" in lines
    assert any(line.startswith("leave out public.totals") for line in lines)
