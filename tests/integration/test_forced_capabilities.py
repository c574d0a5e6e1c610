"""Every capability forced on (or off) against a plain PostgreSQL: what is sent changes as it says, and nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import pytest

from tests import drive
from tests.door import Door, shut_door
from tests.faults.driver import wait_until
from tests.in_process import End, Ends
from voyager.config import resolve
from voyager.context import open_context
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.phases import export_data
from voyager.phases.pacing.live import LivePace
from voyager.ports import Capabilities
from voyager.progress import TableProgress
from voyager.runner import Run, run_phase
from voyager.sources.postgresql.source import PostgresSource
from voyager.target.target import Target

Test = TypeVar("Test", bound=Callable[..., Any])

INDEXES = {"customers_email", "orders_customer", "orders_note"}
UP_TO_THE_DATA = ("init", "export schema", "analyze-schema", "import schema")
EVERYTHING = (*UP_TO_THE_DATA, "export data", "import data", "verify")


def forces(end: End, **flags: Any) -> Callable[[Test], Test]:
    """The test runs with these flags in what the probe of `end` says; they count as tested."""

    def mark(test: Test) -> Test:
        test.forced = (*getattr(test, "forced", ()), (end, flags))  # type: ignore[attr-defined]
        return test

    return mark


@pytest.fixture(autouse=True)
def _forced_by_the_mark(request: pytest.FixtureRequest, force: Callable[..., None]) -> None:
    for end, flags in getattr(request.function, "forced", ()):
        force(end, **flags)


def test_every_capability_is_forced_by_a_test_of_this_module() -> None:
    module = vars(sys.modules[__name__])
    tests = [value for name, value in module.items() if name.startswith("test_")]
    forced = {name for test in tests for _, flags in getattr(test, "forced", ()) for name in flags}
    assert forced == {field.name for field in dataclasses.fields(Capabilities)}


# Before or after the data


def created(statements: list[str]) -> set[str]:
    return {found[1] for text in statements if (found := re.match(r"CREATE (?:UNIQUE )?INDEX (\w+) ", text))}


def test_indexes_and_keys_follow_the_rows_on_a_server_that_says_nothing_else(begun: Ends) -> None:
    begun.through("export data", "import data")
    order = [text.split()[0] for text in begun.at_target.texts("^COPY|^CREATE (UNIQUE )?INDEX|PRIMARY KEY")]
    assert order[:2] == ["COPY"] * 2
    assert sorted(order[2:]) == ["ALTER"] * 2 + ["CREATE"] * 3
    assert created(begun.at_target.texts(purpose="post-data")) == INDEXES


WROTE_DOWN = "INSERT INTO ybvoyager.schema_statements"


def test_ddl_that_is_transactional_is_executed_in_bulk_with_its_journal(ends: Ends) -> None:
    ends.through(*UP_TO_THE_DATA)
    pids = {sent.pid for sent in ends.at_target.read("^CREATE TABLE public|^CREATE TABLE .?public", purpose="schema")}
    assert len(pids) == 1
    sent = ends.at_target.texts("^(BEGIN|COMMIT|CREATE TABLE|ALTER TABLE)|" + WROTE_DOWN, purpose="schema")
    words = [text.split()[0] for text in sent]
    assert words[0] == "BEGIN"
    assert words[-2:] == ["INSERT", "COMMIT"]
    assert words.count("BEGIN") == words.count("INSERT") == words.count("COMMIT") < words.count("CREATE") + 1
    assert ends.at_target.texts(WROTE_DOWN, purpose="state") == []


@forces(Target, transactional_ddl=False)
def test_ddl_that_is_not_is_executed_and_journaled_one_by_one(ends: Ends) -> None:
    ends.through(*UP_TO_THE_DATA)
    one_by_one(ends, "schema", least=2)
    ends.through("export data", "import data")
    one_by_one(ends, "post-data", least=6)
    one_by_one(ends, "analyze", least=2)


def one_by_one(ends: Ends, step: str, *, least: int) -> None:
    assert ends.at_target.texts("^(BEGIN|SAVEPOINT)", purpose=step) == []
    sent = ends.at_target.read("^(CREATE|ALTER|ANALYZE)", purpose=step)
    assert len(sent) >= least
    assert len({one.pid for one in sent}) == 1
    if step != "analyze":
        assert len(ends.at_target.texts(WROTE_DOWN, purpose="state")) == len(sent)


@forces(Target, indexes_before_data=True, transactional_ddl=False)
def test_indexes_before_data_are_built_one_at_a_time_before_the_first_row(ends: Ends) -> None:
    ends.through(*UP_TO_THE_DATA)
    assert created(ends.at_target.texts(purpose="schema")) == INDEXES
    assert len({sent.pid for sent in ends.at_target.read("^(CREATE|ALTER) ", purpose="schema")}) == 1
    ends.through("export data")
    ends.run("import", "data", "--parallel-jobs", "4")
    assert created(ends.at_target.texts()) == set()
    assert len(ends.at_target.texts("^COPY")) == 2
    assert len({sent.pid for sent in ends.at_target.read("^(CREATE|ALTER) ", purpose="post-data")}) == 1
    assert ends.at_target.texts("FOREIGN KEY", purpose="post-data")
    ends.through("verify")
    assert ends.run("import", "data", "--start-clean", "--yes").code == 0
    assert created(ends.at_target.texts()) == set()


# An index that a build left invalid


def use_online_builds(ends: Ends) -> None:
    """What this capability says of a server's plain CREATE INDEX; PostgreSQL does it when it is asked to."""
    edit_indexes(ends, "INDEX ", "INDEX CONCURRENTLY ")


def edit_indexes(ends: Ends, before: str, after: str) -> None:
    path = ends.export_dir / "schema" / "indexes" / "index.sql"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def validity(target: Endpoint) -> dict[str, bool]:
    sql = """SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary"""
    return dict(drive.fetch(target, sql))


# A row that comes into a table after it was found empty.
INTRUDER = """
CREATE FUNCTION intrude() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.customers VALUES (-1, ''c7''); RETURN NULL; END';
CREATE TRIGGER intrude AFTER INSERT ON ybvoyager.import_batches
FOR EACH ROW WHEN (NEW.table_name = 'customers' AND NEW.batch_no = 0) EXECUTE FUNCTION intrude();
ALTER TABLE ybvoyager.import_batches ENABLE ALWAYS TRIGGER intrude;
"""


@pytest.mark.parametrize("repair", ["rows", "statement"])
@forces(Target, concurrent_index_builds=True, transactional_ddl=False)
def test_an_index_whose_online_build_was_refused_is_dropped_and_built_anew(begun: Ends, repair: str) -> None:
    use_online_builds(begun)
    begun.through("export data")
    drive.execute(begun.target, INTRUDER + "CREATE TABLE theirs (a int)")
    drive.execute(begun.target, "INSERT INTO theirs VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        drive.execute(begun.target, "CREATE UNIQUE INDEX CONCURRENTLY not_ours ON theirs (a)")
    refused = begun.run("import", "data", code=4)
    assert "customers_email" in str(refused.document["error"]["details"])
    assert validity(begun.target)["customers_email"] is False
    drive.execute(begun.target, "DROP TRIGGER intrude ON ybvoyager.import_batches; DROP FUNCTION intrude()")
    if repair == "rows":
        drive.execute(begun.target, "DELETE FROM customers WHERE id = -1")
    else:
        edit_indexes(begun, "UNIQUE INDEX", "INDEX")
    resumed = begun.run("import", "data")
    sent = begun.at_target.texts("^(DROP|CREATE|CREATE UNIQUE) INDEX")
    assert [text.split(" ON ")[0] for text in sent] == [
        'DROP INDEX IF EXISTS "public"."customers_email"',
        f"CREATE {'UNIQUE ' if repair == 'rows' else ''}INDEX CONCURRENTLY customers_email",
    ]
    assert "customers_email was left invalid" in resumed.err
    assert validity(begun.target) == {**dict.fromkeys(INDEXES, True), "not_ours": False}


# A writer is there before the build looks for one.
HELD_BUILDS = """
CREATE FUNCTION hold_the_build() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_query() ~ 'INDEX CONCURRENTLY orders_customer ' THEN PERFORM public.passes_door(); END IF; END $$;
CREATE EVENT TRIGGER held_builds ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION hold_the_build();
"""


@forces(Target, concurrent_index_builds=True, transactional_ddl=False, indexes_before_data=True)
def test_an_index_whose_online_build_was_cut_off_is_dropped_and_built_anew(ends: Ends) -> None:
    ends.through("init", "export schema")
    use_online_builds(ends)
    ends.through("analyze-schema")
    with shut_door(ends.target) as door:
        drive.execute(ends.target, HELD_BUILDS)
        killed = threading.Thread(target=end_the_build, args=(ends.target, door))
        killed.start()
        ends.run("import", "schema", code=8)
        killed.join()
    drive.execute(ends.target, "DROP EVENT TRIGGER held_builds; DROP FUNCTION hold_the_build(), passes_door(int)")
    assert validity(ends.target)["orders_customer"] is False
    ends.run("import", "schema")
    sent = [text.split(" ON ")[0] for text in ends.at_target.texts("^(DROP|CREATE) INDEX")]
    assert sent[:2] == [
        'DROP INDEX IF EXISTS "public"."orders_customer"',
        "CREATE INDEX CONCURRENTLY orders_customer",
    ]
    assert validity(ends.target) == dict.fromkeys(INDEXES, True)


def end_the_build(target: Endpoint, door: Door) -> None:
    """Lock the index's table for writing while its online build is about to start; end the build, which then waits."""
    with drive.connect(target) as writer:
        wait_until(lambda: door.waiting() != [])
        (build,) = door.waiting()
        writer.execute("BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE")
        door.open()
        waits = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted AND locktype <> 'advisory'"
        wait_until(lambda: drive.fetch(target, waits, [build]) != [])
        drive.execute(target, f"SELECT pg_terminate_backend({build})")


# How rows are loaded


@forces(Target, copy_rows_per_transaction=True)
def test_copy_tells_how_many_rows_belong_together_where_the_server_takes_that(
    begun: Ends, force: Callable[..., None]
) -> None:
    begun.through("export data")
    refused = begun.run("import", "data", "--parallel-jobs", "1", code=4)
    sent = set(begun.at_target.texts("^COPY"))
    assert sent == {
        'COPY "public"."orders" ("id", "customer_id", "note") FROM STDIN WITH (ROWS_PER_TRANSACTION 2000)',
        'COPY "public"."customers" ("id", "email") FROM STDIN WITH (ROWS_PER_TRANSACTION 100)',
    }
    # Plain PostgreSQL knows no such option: refused for each table by name, and no row is in.
    error = refused.document["error"]
    assert 'option "rows_per_transaction" not recognized' in " ".join((error["message"], *error["details"]))
    assert {"public.customers", "public.orders"} <= set(re.findall(r"public\.\w+", str(error)))
    assert drive.fetch(begun.target, "SELECT count(*) FROM orders") == [(0,)]
    assert drive.fetch(begun.target, "SELECT count(*) FROM ybvoyager.import_batches") == [(0,)]
    force(Target, copy_rows_per_transaction=False)
    begun.run("import", "data")
    assert not begun.at_target.texts("ROWS_PER_TRANSACTION")
    assert drive.fetch(begun.target, "SELECT count(*) FROM orders") == [(2000,)]


@forces(Target, copy_rows_per_transaction=True, replication_role=False)
def test_copy_leaves_foreign_keys_unasked_where_the_role_may_not_and_the_server_can(begun: Ends) -> None:
    begun.through("export data")
    begun.run("import", "data", code=4)
    assert begun.at_target.texts(r"^COPY .*ROWS_PER_TRANSACTION 2000, DISABLE_FK_CHECK\)$")


@forces(Target, fast_writes=True, indexes_before_data=True)
def test_a_fast_load_is_set_for_tables_without_another_index_and_only_while_rows_are_copied(ends: Ends) -> None:
    ends.through(*UP_TO_THE_DATA, "export data")
    drive.execute(ends.target, "DROP INDEX customers_email")
    plain = ends.run("import", "data", "--dry-run")
    assert "without distributed" not in str(plain.document["plan"])
    planned = ends.run("import", "data", "--fast-load", "--dry-run").document["plan"]
    assert any("without distributed transactions" in line and "public.customers" in line for line in planned)
    refused = ends.run("import", "data", "--fast-load", "--parallel-jobs", "1", code=4)
    # Plain PostgreSQL knows no such setting. What the server was sent up to there, and that no row is in without it:
    sent = ends.at_target.texts(r"^(BEGIN|SET LOCAL|COPY|ROLLBACK|COMMIT)", purpose="import data")
    at = sent.index("SET LOCAL yb_disable_transactional_writes = on")
    assert sent[at - 1].startswith("BEGIN")
    assert "yb_disable_transactional_writes" in str(refused.document["error"])
    assert drive.fetch(ends.target, "SELECT count(*) FROM customers") == [(0,)]
    # A table with another index is loaded as ever.
    assert drive.fetch(ends.target, "SELECT count(*) FROM orders") == [(2000,)]
    assert "public.orders" in refused.err
    ends.run("import", "data", "--no-fast-load")
    assert not ends.at_target.texts("yb_")
    assert drive.fetch(ends.target, "SELECT count(*) FROM customers") == [(100,)]


NODES = """
CREATE FUNCTION yb_servers() RETURNS TABLE (host text, port bigint, node_type text, public_ip text) LANGUAGE sql
  AS $$ VALUES ('127.0.0.1', {port}::bigint, 'primary', '') $$;
CREATE FUNCTION yb_servers_metrics() RETURNS TABLE (uuid text, metrics jsonb, status text) LANGUAGE sql
  AS $$ SELECT 'a', jsonb_build_object('cpu_usage_user', '0.11', 'cpu_usage_system', '0.02'), 'OK'
        FROM pg_sleep(0.01) $$;
"""


@forces(Target, lists_nodes=True, shows_load=True)
def test_a_server_that_tells_of_its_nodes_and_their_load_is_asked(begun: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LivePace.__init__.__kwdefaults__, "step_seconds", 0.01)
    drive.execute(begun.target, NODES.format(port=begun.target.port))
    begun.through("export data", "import data")
    asked = begun.at_target.texts("yb_servers", purpose="pace")
    assert "FROM yb_servers() " in asked[0]
    assert {"yb_servers_metrics" in text for text in asked[1:]} == {True}


def test_a_server_that_tells_nothing_of_nodes_is_not_asked(begun: Ends) -> None:
    begun.through("export data", "import data")
    assert not begun.at_target.texts("yb_servers")


def test_rows_are_streamed_in_binary_where_both_servers_read_it_alike(begun: Ends) -> None:
    begun.run("export", "data", "--stream")
    assert all("binary" in text.lower() for text in begun.at_target.texts("^COPY .* FROM STDIN"))
    assert drive.fetch(begun.target, "SELECT count(*) FROM orders") == [(2000,)]


@forces(Target, binary_copy=False)
def test_rows_are_streamed_as_text_to_a_server_that_is_not_known_to_read_binary(begun: Ends) -> None:
    begun.run("export", "data", "--stream")
    sent = begun.at_target.texts("^COPY .* FROM STDIN")
    assert sent
    assert not any("binary" in text.lower() for text in sent)
    assert drive.fetch(begun.target, "SELECT count(*) FROM orders") == [(2000,)]


def test_a_fast_load_is_refused_by_a_server_that_knows_no_such_settings(begun: Ends) -> None:
    begun.through("export data")
    assert (
        "--fast-load needs a target" in begun.run("import", "data", "--fast-load", code=2).document["error"]["message"]
    )


@forces(Target, indexes_before_data=False)
def test_keys_are_built_before_the_rows_that_are_told_apart_by_them(begun: Ends) -> None:
    begun.through("export data")
    had = drive.fetch(begun.target, "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conname ~ '^cust|^ord'")
    drive.execute(
        begun.target, "INSERT INTO orders VALUES (5, 1, 'theirs'); INSERT INTO customers VALUES (-5, 'theirs')"
    )
    loaded = begun.run("import", "data", "--on-primary-key-conflict", "ignore").document
    assert loaded["summary"]["ignored"] == {"public.orders": 1}
    sent = begun.at_target.texts("ADD CONSTRAINT .*PRIMARY KEY|^COPY")
    built = [text for text in sent if "PRIMARY KEY" in text]
    assert "".join(built).count("PRIMARY KEY") == 2 - had[0][0]
    assert sent[: len(built)] == built
    assert drive.fetch(begun.target, "SELECT note FROM orders WHERE id = 5") == [("theirs",)]
    assert drive.fetch(begun.target, "SELECT count(*) FROM orders") == [(2000,)]


def test_a_role_that_may_leaves_triggers_out_while_it_loads(begun: Ends) -> None:
    begun.through("export data", "import data")
    assert begun.at_target.texts("session_replication_role.*replica", purpose="import data")


@forces(Target, replication_role=False)
def test_a_role_that_may_not_leave_triggers_out_is_told_and_loads_without(ends: Ends) -> None:
    checks = {check["id"]: check for check in ends.run("init").document["checks"]}
    warning = checks["target_replication_role"]
    assert warning["severity"] == "warning"
    assert warning["sql"] == 'GRANT SET ON PARAMETER session_replication_role TO "postgres";'
    ends.through(*UP_TO_THE_DATA[1:], "export data")
    drive.execute(
        ends.target,
        """
        CREATE TABLE seen (id int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN INSERT INTO public.seen VALUES (NEW.id); RETURN NEW; END';
        CREATE TRIGGER watching AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION note();
        """,
    )
    loaded = ends.run("import", "data")
    assert not ends.at_target.texts("session_replication_role", purpose="import data")
    told = next(check for check in loaded.document["checks"] if check["id"] == "target_triggers")
    assert (told["severity"], "public.customers" in told["finding"]) == ("warning", True)
    assert drive.fetch(ends.target, "SELECT count(*) FROM seen") == [(100,)]
    drive.execute(ends.target, "DROP TRIGGER watching ON customers")
    ends.through("verify")


# How rows are read


def test_a_large_table_is_cut_by_the_places_of_its_rows(begun: Ends) -> None:
    begun.run("export", "data", "--chunk-size", "64KB")
    assert len(begun.at_source.texts("^COPY .*ctid", purpose="export data")) > 3


@forces(PostgresSource, tid_range_scans=False)
def test_without_tid_range_scans_every_table_is_one_part(begun: Ends) -> None:
    exported = begun.run("export", "data", "--chunk-size", "64KB")
    assert sorted(begun.at_source.texts("^COPY", purpose="export data")) == [
        'COPY (SELECT "id", "customer_id", "note" FROM ONLY "public"."orders") TO STDOUT',
        'COPY (SELECT "id", "email" FROM ONLY "public"."customers") TO STDOUT',
    ]
    assert not begun.at_source.texts(r"\bctid\b", purpose="export data")
    assert exported.document["summary"]["parts"] == 2
    begun.through("import data", "verify")


@forces(PostgresSource, exported_snapshots=False)
def test_without_exported_snapshots_one_connection_reads_everything(begun: Ends) -> None:
    begun.run("export", "data", "--parallel-jobs", "4", "--chunk-size", "64KB")
    sent = begun.at_source.read(purpose="export data")
    reads = [one for one in sent if one.text.startswith("COPY")]
    assert len(reads) > 3
    assert len({one.pid for one in sent}) == 1
    texts = [one.text for one in sent if one.text.startswith(("BEGIN", "LOCK", "COPY", "COMMIT", "ROLLBACK;"))]
    assert [text.split()[0] for text in texts] == ["BEGIN", "LOCK", *["COPY"] * len(reads)]
    assert "REPEATABLE READ READ ONLY" in texts[0]
    assert not begun.at_source.texts("SNAPSHOT|pg_export_snapshot", purpose="export data")
    begun.through("import data", "verify")


@forces(PostgresSource, exported_snapshots=False)
def test_the_one_connection_sees_one_moment(ends: Ends) -> None:
    source = PostgresSource(ends.source)
    orders, customers = sorted(source.read_catalog().tables, key=lambda table: table.name, reverse=True)

    async def rows() -> list[int]:
        counts = []
        async with source.open_snapshot([orders, customers], 4) as snapshot:
            for table in (orders, customers):
                (part,) = source.plan_chunks(table, 1 << 30)
                async with snapshot.read(table, part) as pieces:
                    counts.append(sum([bytes(piece).count(b"\n") async for piece in pieces]))
                drive.execute(ends.source, "INSERT INTO customers SELECT -i, '-' || i FROM generate_series(1, 9) i "
                                           "ON CONFLICT DO NOTHING")  # fmt: skip
        return counts

    assert asyncio.run(rows()) == [2000, 100]
    source.close()


@forces(PostgresSource, exported_snapshots=False)
def test_stopping_in_the_middle_of_a_table_is_no_error_of_those_who_wait_for_the_one_connection(begun: Ends) -> None:
    drive.execute(begun.source, "INSERT INTO orders SELECT i, 1, '' FROM generate_series(2001, 80000) i; ANALYZE")
    stop_export(begun, when=lambda progress: progress.rows_done > 0, jobs=4)
    assert begun.run("export", "data").document["summary"]["rows"] == 80_100


def stop_export(ends: Ends, *, when: Callable[[TableProgress], bool], jobs: int) -> list[str]:
    """Run the export until some table stands as `when` asks, then stop it as Ctrl-C does; what it warned of."""
    stop, warnings = threading.Event(), list[str]()

    def watch(progress: TableProgress) -> None:
        if when(progress):
            stop.set()

    context = open_context(resolve({}, environment=dict(os.environ)), outage_budget=20)
    try:
        with pytest.raises(Interrupted):
            run_phase(
                context,
                "EXPORT_DATA",
                export_data.Options(parallel_jobs=jobs),
                Run(report=watch, warn=warnings.append, stop=stop),
            )
    finally:
        context.close()
    assert warnings == []
    return warnings


# A standby


@forces(Target, read_only_standby=True)
def test_a_standby_is_no_target(ends: Ends) -> None:
    refused = ends.run("init", code=4)
    assert "The target is a standby and takes no writes" in str(refused.document["error"]["details"])
    assert not ends.at_target.texts("^(CREATE|INSERT|ALTER)")
    assert not ends.export_dir.exists()


def test_a_target_that_became_a_standby_is_sent_no_ddl(ends: Ends, force: Callable[..., None]) -> None:
    ends.through("init", "export schema", "analyze-schema")
    force(Target, read_only_standby=True)
    ends.run("import", "schema", code=4)
    assert not ends.at_target.texts("^(CREATE|ALTER)", purpose="schema")


@forces(PostgresSource, read_only_standby=True, write_counters=False)
def test_a_standby_as_the_source_is_told_and_what_it_cannot_read_is_named(ends: Ends) -> None:
    drive.execute(ends.source, "CREATE UNLOGGED TABLE scratch (a int)")
    ends.through(*UP_TO_THE_DATA)
    refused = ends.run("export", "data", code=4)
    assert "public.scratch" in str(refused.document["error"]["details"])
    assert not ends.at_source.texts("^COPY")
    drive.execute(ends.source, "ALTER TABLE scratch SET LOGGED")
    checks = {check["id"]: check["severity"] for check in ends.run("export", "data").document["checks"]}
    assert checks["source_standby"] == "warning"


# Whether the source was written


COUNTERS = "pg_stat_(get|all|user).*tup|n_tup_ins|pg_stat_xact"


@forces(PostgresSource, write_counters=False)
def test_without_write_counters_the_cutover_waits_for_somebody_who_answers_for_it(begun: Ends) -> None:
    begun.through("export data", "import data", "verify")
    assert begun.run("verify").err.count("The source cannot tell when its tables are written") == 1
    assert not begun.at_source.texts(COUNTERS)
    offered = begun.run("next").document["next"]
    assert (offered["kind"], offered["phase"]) == ("blocked", "CUTOVER")
    assert "--accept-source-changes" in str(offered)
    refused = begun.run("cutover", "initiate", "--yes", code=5)
    assert "--accept-source-changes" in str(refused.document["error"])
    begun.run("cutover", "initiate", "--yes", "--accept-source-changes", "another", code=2)
    begun.run("cutover", "initiate", "--yes", "--accept-source-changes", begun.name)
    sql = "SELECT detail -> 'overrides' FROM ybvoyager.events WHERE phase = 'CUTOVER' AND kind = 'transition'"
    assert (["source_unchanged"],) in drive.fetch(begun.target, sql)


def test_with_write_counters_the_cutover_asks_them(begun: Ends) -> None:
    begun.through("export data", "import data", "verify")
    assert begun.at_source.texts(COUNTERS)
    drive.execute(begun.source, "UPDATE customers SET email = email WHERE id = 1")
    assert begun.run("cutover", "initiate", "--yes", code=5).document["error"]
    begun.through("verify")
    begun.run("cutover", "initiate", "--yes")


def test_a_source_without_tables_was_not_written(ends: Ends) -> None:
    drive.execute(ends.source, "DROP TABLE customers, orders; CREATE SEQUENCE numbers")
    ends.through(*EVERYTHING)
    assert ends.run("next").document["next"]["kind"] == "run"
    ends.run("cutover", "initiate", "--yes")


@pytest.mark.parametrize("tells", [True, False])
@forces(PostgresSource, write_counters=False)
def test_an_export_that_goes_on_is_mixed_where_writes_cannot_be_told(
    begun: Ends, tells: bool, force: Callable[..., None]
) -> None:
    force(PostgresSource, write_counters=tells)
    stop_export(begun, when=lambda progress: progress.status == "DONE", jobs=1)
    resumed = begun.run("export", "data")
    assert len(resumed.document["summary"]["snapshots"]) == 2
    assert len(begun.at_source.texts("^COPY")) == 1
    assert resumed.document["summary"]["mixed"] is not tells
    assert bool(begun.at_source.texts(COUNTERS)) is tells
    assert ("this source cannot tell" in resumed.err) is not tells
    begun.run("import", "data")
    assert begun.run("verify", "--level", "counts").document["next"]["kind"] == "blocked"
    assert begun.run("verify").document["next"]["kind"] == ("run" if tells else "blocked")


# Which release it is


@forces(Target, release="2025.1.0.0")
def test_a_release_is_what_the_schema_is_judged_for(ends: Ends) -> None:
    drive.execute(
        ends.source,
        """
        CREATE TABLE areas (p point, doubled int, half int GENERATED ALWAYS AS (doubled / 2) STORED);
        CREATE INDEX areas_p ON areas USING gist (p);
        """,
    )
    ends.through("init", "export schema")
    analyzed = ends.run("analyze-schema", code=4).document
    assert "judged for YugabyteDB 2025.1.0.0" in analyzed["headline"]
    assert analyzed["summary"]["blockers"] == 1
    assert "areas_p" in str(analyzed["details"])
    offered = ends.run("next").document["next"]
    assert (offered["kind"], offered["phase"]) == ("blocked", "IMPORT_SCHEMA")
    refused = ends.run("import", "schema", code=5).document["error"]
    assert "--accept-blockers" in str(refused)
    ends.run("import", "schema", "--accept-blockers", "another", code=2)
    assert not ends.at_target.texts("^CREATE TABLE")
    ends.run("import", "schema", "--accept-blockers", ends.name)
    assert ends.at_target.texts("^CREATE TABLE public.areas")
    shown = ends.run("status").document["migration"]["target"]
    assert shown.startswith("yugabytedb://")


@forces(Target, release="2024.2.3.0")
def test_an_older_release_is_judged_by_what_it_lacks(ends: Ends) -> None:
    drive.execute(ends.source, "CREATE TABLE areas (a int, half int GENERATED ALWAYS AS (a / 2) STORED)")
    ends.through("init", "export schema")
    analyzed = ends.run("analyze-schema", code=4).document
    assert "STORED_GENERATED_COLUMNS" in analyzed["summary"]["by_issue"]
    ends.run("analyze-schema", "--target-db-version", "2025.1.0.0")
    ends.run("import", "schema")


@forces(Target, release="2025.1.0.0", replication_role=False)
def test_the_grant_of_a_release_is_its_own(ends: Ends) -> None:
    checks = {check["id"]: check for check in ends.run("init").document["checks"]}
    assert checks["target_replication_role"]["sql"] == 'GRANT yb_superuser TO "postgres";'


@forces(Target, version="10.23", version_number=100023)
def test_a_target_older_than_what_can_be_written_is_refused(ends: Ends) -> None:
    refused = ends.run("init", code=4)
    assert "The target is PostgreSQL 10.23; the oldest that can be written is 11." in str(refused.document["error"])
    assert not ends.at_target.texts("^CREATE")


@forces(PostgresSource, version="9.6.24", version_number=90624)
def test_a_source_older_than_what_can_be_read_is_refused(ends: Ends) -> None:
    refused = ends.run("init", code=4)
    assert "The source is PostgreSQL 9.6.24; 10 is the oldest that can be read." in str(refused.document["error"])


@forces(Target, version="15.2", version_number=150002)
def test_a_target_older_than_the_source_is_told(ends: Ends) -> None:
    checks = {check["id"]: check for check in ends.run("init").document["checks"]}
    assert checks["target_older"]["severity"] == "warning"
    assert "judged for PostgreSQL 15.2" in _analyzed(ends)


def _analyzed(ends: Ends) -> str:
    ends.through("export schema")
    return str(ends.run("analyze-schema").document["headline"])


# What is only compared


@forces(Target, facts={"encoding": "LATIN1", "collate": "xx_XX", "cluster": "c-1", "database_oid": "5"})
@forces(PostgresSource, facts={"database_bytes": 1 << 60, "cluster": "c-1", "database_oid": "5"})
def test_facts_of_both_ends_are_held_against_each_other(ends: Ends) -> None:
    refused = " ".join(ends.run("init", code=4).document["error"]["details"])
    assert "Source and target are the same database" in refused
    assert "The target's encoding is LATIN1 and the source's UTF8" in refused
    assert "bytes free" in refused
    assert not ends.at_target.texts("^CREATE")


@forces(Target, facts={"collate": "xx_XX"})
def test_another_collation_is_told(ends: Ends) -> None:
    checks = {check["id"]: check for check in ends.run("init").document["checks"]}
    assert "xx_XX" in checks["target_collation"]["finding"]
    kept = drive.fetch(
        ends.target, "SELECT capabilities -> 'target' -> 'facts' ->> 'collate' FROM ybvoyager.migrations"
    )
    assert kept == [("xx_XX",)]


# What an assessment recommends

RECOMMENDED = {
    "sharded": ["public.orders"],
    "colocated": ["public.customers"],
    "redundant_indexes": [],
    "range_indexes": ["public.orders_note"],
}


@pytest.fixture
def assessed(ends: Ends) -> Ends:
    """A migration that began with an assessment."""
    reports = ends.export_dir.parent / "assessed" / "reports"
    reports.mkdir(parents=True)
    report = {
        "MigrationComplexity": "LOW",
        "SchemaSummary": {"DbName": ends.source.database, "SchemaNames": ["public"]},
        "AssessmentIssues": [],
        "Recommendations": RECOMMENDED,
    }
    (reports / "migration_assessment_report.json").write_text(json.dumps(report))
    ends.run("init", "--assessment-dir", reports.parent)
    return ends


def applied(ends: Ends) -> tuple[str, str]:
    """The statements of tables and of indexes after an export that applies what is recommended."""
    ends.run("export", "schema", "--apply-recommendations")
    schema = ends.export_dir / "schema"
    return (schema / "tables" / "table.sql").read_text(), (schema / "indexes" / "index.sql").read_text()


def test_a_server_that_says_nothing_else_gets_its_tables_and_indexes_as_they_were(assessed: Ends) -> None:
    tables, indexes = applied(assessed)
    assert "colocation" not in tables
    assert "(note text_pattern_ops)" in indexes


@forces(Target, colocation=True)
def test_a_target_of_colocated_tables_is_told_which_get_tablets_of_their_own(assessed: Ends) -> None:
    tables, indexes = applied(assessed)
    [sharded] = [text for text in tables.split(";") if "colocation = false" in text]
    assert "CREATE TABLE public.orders" in sharded
    assert "(note text_pattern_ops)" in indexes


@forces(Target, hash_sharding=True)
def test_an_index_on_a_target_that_hashes_first_keys_is_given_an_order(assessed: Ends) -> None:
    tables, indexes = applied(assessed)
    [ordered] = [text for text in indexes.split(";") if "(note text_pattern_ops ASC)" in text]
    assert "orders_note" in ordered
    assert "colocation" not in tables
