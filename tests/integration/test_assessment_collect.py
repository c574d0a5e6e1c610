"""Collecting over a connection: what the server holds is in the files, what it refuses is named, nothing half kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from tests.assessed import SCHEMA, SCHEMAS, SETTINGS, collected, files_below, plain
from voyager.assessment.metadata import Metadata, read_metadata
from voyager.assessment.statistics import object_statistics
from voyager.assessment_dir import AssessmentDir
from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, Interrupted, PermissionMissing, UsageError
from voyager.identifiers import Identifier
from voyager.progress import TableProgress
from voyager.sources import open_assessed

ODD = 'T, "x"\ty'


@pytest.fixture(scope="module", params=[18, 15])
def server(request: pytest.FixtureRequest, servers_directory: Path) -> Iterator[Server]:
    """A server that counts queries, of the newest version and of the one that the target is based on."""
    binaries = None if request.param == 18 else system_binaries().get(request.param)
    if request.param != 18 and binaries is None:
        pytest.skip("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
    with start_server(servers_directory / f"assessed{request.param}", binaries=binaries, settings=SETTINGS) as server:
        drive.execute(server.endpoint(), "CREATE ROLE assessor LOGIN PASSWORD 'x'")
        yield server


@pytest.fixture
def endpoint(server: Server, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    endpoint = fresh_database(server)
    drive.execute(endpoint, SCHEMA)
    return replace(endpoint, schemas=SCHEMAS)


@pytest.fixture
def limited(endpoint: Endpoint) -> Endpoint:
    """The same as a role that may connect and nothing else."""
    return replace(endpoint, user="assessor", password="x")


def test_the_answers_are_what_the_server_holds(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(endpoint, tmp_path / "a")
    assert (metadata.engine, metadata.database, metadata.schemas) == (
        "postgresql",
        endpoint.database,
        tuple(sorted(SCHEMAS)),
    )
    assert (
        metadata.version == drive.fetch(endpoint, "SELECT split_part(current_setting('server_version'), ' ', 1)")[0][0]
    )
    relations = drive.fetch(
        endpoint,
        "SELECT relnamespace::regnamespace::text, relname, relkind::text, pg_relation_size(oid), reltoastrelid"
        " FROM pg_class WHERE relnamespace::regnamespace::text <> ALL (%s) AND relkind IN ('r', 'p', 'm', 'i', 'I')",
        [["pg_catalog", "pg_toast", "information_schema", "elsewhere", "public"]],
    )
    kinds = {
        (row["schema_name"], row["object_name"]): row["object_type"] for row in plain(metadata, "object_type_mapping")
    }
    assert {name for _, name in kinds} == {name for _, name, *_ in relations} - {"measured_pkey"}
    assert kinds["shop", "measured_2024_pkey"] == kinds["shop", "orders_pkey"] == "primary key"
    assert kinds["shop", "measured"] == "partitioned table"
    assert kinds["shop", "measured_value"] == "partitioned index"
    assert kinds["shop", "per_state"] == "materialized view"
    assert kinds[SCHEMAS[1], ODD] == "table"
    sizes = {row["object_name"]: row["size_in_bytes"] for row in plain(metadata, "table_index_sizes")}
    for _, name, kind, size, _ in relations:
        if kind == "i":
            assert sizes[name] == size, name
    columns = {row["object_name"]: row["column_count"] for row in plain(metadata, "table_columns_count")}
    assert (columns[ODD], columns["orders"], columns["orders_state_total"]) == (2, 8, 2)


def test_a_table_is_as_large_as_what_it_keeps_in_and_out_of_line(endpoint: Endpoint, tmp_path: Path) -> None:
    drive.execute(endpoint, "UPDATE shop.orders SET note = repeat(md5(id::text), 400) WHERE id <= 20")
    ((main, outside),) = drive.fetch(
        endpoint,
        "SELECT pg_relation_size(oid), pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'orders'",
    )
    assert outside > 0
    sizes = {
        row["object_name"]: row["size_in_bytes"]
        for row in plain(collected(endpoint, tmp_path / "a"), "table_index_sizes")
    }
    assert sizes["orders"] == main + outside


def test_rows_are_counted_where_the_counters_were_lost(endpoint: Endpoint, tmp_path: Path) -> None:
    drive.execute(endpoint, "SELECT pg_stat_reset()")
    metadata = collected(endpoint, tmp_path / "a")
    counts = {row["table_name"]: row["row_count"] for row in plain(metadata, "table_row_counts")}
    assert counts["orders"] == 1000
    assert counts[ODD] == 7
    assert counts["measured"] == 0  # its rows are those of the partitions


def test_types_statistics_and_indexes_are_told_by_name(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(endpoint, tmp_path / "a")
    types = {
        (row["table_name"], row["column_name"]): row["data_type"] for row in plain(metadata, "table_columns_data_types")
    }
    assert types["orders", "id"] == "integer"
    assert types["orders", "total"] == "shop.amount"
    assert types["orders", "feels"] == "shop.mood"
    assert types["orders", "tags"] == "pg_catalog.text[]"
    assert types["orders", "feelings"] == "shop.mood[]"
    assert types[ODD, "new\nline"] == "text"
    assert types["open_orders", "total"] == "shop.amount"
    statistics = {(row["table_name"], row["column_name"]): row for row in plain(metadata, "column_statistics")}
    state = statistics["orders", "state"]
    assert (state["most_common_val"], state["most_common_freq"]) == ("do\nne", 0.9)
    assert state["effective_n_distinct"] == 2
    assert statistics["orders", "id"]["effective_n_distinct"] == 1000  # stored as -1: a share of the rows
    assert statistics["orders", "payload"]["null_frac"] == 1
    assert statistics["measured", "place"]["effective_n_distinct"] == 300
    parents = {row["index_name"]: row["table_name"] for row in plain(metadata, "index_to_table_mapping")}
    assert (parents["orders_open"], parents["per_state_state"]) == ("orders", "per_state")


def test_redundant_indexes_are_found_with_the_one_that_stays(endpoint: Endpoint, tmp_path: Path) -> None:
    drive.execute(
        endpoint,
        """
        CREATE TABLE shop.r (a int, b int, c int, d text COLLATE "C", e text, CONSTRAINT r_a_key UNIQUE (a));
        CREATE INDEX chain_1 ON shop.r (b); CREATE INDEX chain_2 ON shop.r (b, c);
        CREATE INDEX chain_3 ON shop.r (b, c, a);
        CREATE INDEX twin_a ON shop.r (c); CREATE INDEX twin_b ON shop.r (c);
        CREATE INDEX a_plain ON shop.r (a);
        CREATE UNIQUE INDEX strict ON shop.r (b, a);
        CREATE INDEX falling ON shop.r (b DESC);
        CREATE INDEX hashed ON shop.r USING hash (b);
        CREATE INDEX part ON shop.r (b) WHERE b > 0;
        CREATE INDEX covering ON shop.r (c) INCLUDE (e);
        CREATE INDEX collated ON shop.r (d); CREATE INDEX other_collation ON shop.r (d COLLATE "POSIX", a);
        CREATE INDEX pattern ON shop.r (e text_pattern_ops); CREATE INDEX usual ON shop.r (e, a);
        CREATE INDEX of_expression ON shop.r ((a + b)); CREATE INDEX of_more ON shop.r ((a + b), c);
        """,
    )
    rows = plain(collected(endpoint, tmp_path / "a"), "redundant_indexes")
    found = {
        row["redundant_index_name"]: row["existing_index_name"] for row in rows if row["redundant_table_name"] == "r"
    }
    assert found == {
        "chain_1": "strict",  # the survivor with the fewest keys
        "chain_2": "chain_3",
        "twin_a": "covering",
        "twin_b": "covering",
        "a_plain": "r_a_key",
        "of_expression": "of_more",
    }
    assert {row["redundant_index_name"] for row in rows if row["redundant_table_name"] == "orders"} == {"orders_state"}
    ddl = next(row["redundant_ddl"] for row in rows if row["redundant_index_name"] == "of_expression")
    assert ddl == "CREATE INDEX of_expression ON shop.r USING btree (((a + b)))"


def test_the_load_between_the_two_readings_becomes_rates(endpoint: Endpoint, tmp_path: Path) -> None:
    def work(_: Metadata) -> None:
        drive.execute(
            endpoint,
            "SET enable_seqscan = off; SELECT note FROM shop.orders WHERE id = 7;"
            "SELECT note FROM shop.orders WHERE id = 8;"
            "SELECT count(*) FROM shop.measured_2025; UPDATE shop.orders SET total = 1 WHERE id <= 30;"
            "SELECT pg_stat_force_next_flush();",
        )

    metadata = collected(endpoint, tmp_path / "a", interval_seconds=3, preview=work)
    seconds = metadata.capture_seconds
    assert seconds is not None
    assert 3 <= seconds < 30
    statistics, missing = object_statistics(metadata)
    found = {one.name: one for one in statistics}
    assert missing == ()
    orders, key = found["orders"], found["orders_pkey"]
    assert orders.writes_per_second == pytest.approx(30 / seconds)
    assert orders.reads_per_second == pytest.approx(3 / seconds)
    assert key.reads_per_second == pytest.approx(3 / seconds)  # of an index its own scans, not 0
    assert key.writes_per_second == 0
    assert found["measured_2024"].reads_per_second == 0
    assert (key.parent_table, key.is_index) == ("shop.orders", True)


def test_without_an_interval_there_are_no_rates_and_the_report_says_so(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(endpoint, tmp_path / "a")
    statistics, _ = object_statistics(metadata)
    assert {one.reads_per_second for one in statistics} == {None}
    assert "Reads and writes per second" in {one.what for one in metadata.missing}


def test_the_files_are_the_operators_alone_and_hold_no_password(endpoint: Endpoint, tmp_path: Path) -> None:
    collected(endpoint, tmp_path / "a")
    paths = list((tmp_path / "a").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file() and path.suffix != ".lock"} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
    assert endpoint.password is not None
    assert not [name for name, content in files_below(tmp_path).items() if endpoint.password.encode() in content]


def test_queries_are_told_wherever_the_extension_is_and_not_our_own(endpoint: Endpoint, tmp_path: Path) -> None:
    drive.execute(endpoint, 'CREATE SCHEMA "my ext"; CREATE EXTENSION pg_stat_statements SCHEMA "my ext"')
    drive.fetch(endpoint, "SELECT id FROM shop.orders WHERE total > 999999")
    collected(endpoint, tmp_path / "a")
    metadata = collected(endpoint, tmp_path / "b")
    texts = [row["query"] for row in metadata.rows("db_queries_summary")]
    (mine,) = [
        row
        for row in metadata.rows("db_queries_summary")
        if row["query"] == "SELECT id FROM shop.orders WHERE total > $1"
    ]
    assert mine["calls"] == 1
    assert mine["total_exec_time"] > 0
    assert not [text for text in texts if "voyager." in text]


def test_without_the_extension_the_rest_is_collected(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(endpoint, tmp_path / "a")
    (missing,) = [one for one in metadata.missing if one.what == "Queries"]
    assert missing.sql == "CREATE EXTENSION pg_stat_statements;"
    assert metadata.rows("db_queries_summary") == ()
    drive.execute(endpoint, missing.sql)
    assert "Queries" not in {one.what for one in collected(endpoint, tmp_path / "b").missing}


def test_what_a_role_may_not_see_is_missing_with_the_grants_that_repair_it(
    endpoint: Endpoint, limited: Endpoint, tmp_path: Path
) -> None:
    drive.execute(endpoint, "CREATE EXTENSION pg_stat_statements; GRANT USAGE ON SCHEMA shop TO assessor; "
                            "GRANT SELECT ON shop.per_state, shop.measured TO assessor")  # fmt: skip
    partial = collected(limited, tmp_path / "a")
    missing = {one.what: one for one in partial.missing}
    assert missing.keys() >= {"4 tables", "Queries of other users"}
    assert "shop.orders" in missing["4 tables"].reason
    assert "CREATE TABLE shop.orders" not in partial.ddl
    assert "CREATE FUNCTION shop.twice" in partial.ddl
    sizes = {row["object_name"]: row["size_in_bytes"] for row in plain(partial, "table_index_sizes")}
    assert sizes["orders"] > 0
    columns = {row["table_name"] for row in plain(partial, "column_statistics")}
    assert "per_state" in columns
    assert "orders" not in columns
    for one in missing.values():
        if "assessor" in one.sql:
            drive.execute(endpoint, one.sql)
    whole = collected(limited, tmp_path / "b")
    assert {one.what for one in whole.missing} == {"Reads and writes per second"}
    assert "CREATE TABLE shop.orders" in whole.ddl
    drive.execute(replace(endpoint, schemas=()), "REVOKE pg_read_all_stats FROM assessor; DROP OWNED BY assessor")


def test_a_table_that_somebody_holds_is_measured_by_the_catalog(endpoint: Endpoint) -> None:
    source = open_assessed(endpoint)
    question = next(one for one in source.questions() if one.name == "table-index-sizes")
    with drive.connect(endpoint) as holder, holder.transaction():
        holder.execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        sizes = {row[2]: int(row[4] or 0) for row in source.ask(question)}
    source.close()
    ((pages,),) = drive.fetch(endpoint, "SELECT relpages * 8192 FROM pg_class WHERE oid = 'shop.orders'::regclass")
    assert sizes["orders"] >= pages > 0


def test_all_schemas_but_the_servers_own_are_read_when_none_is_chosen(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(replace(endpoint, schemas=()), tmp_path / "a")
    assert set(metadata.schemas) == {*SCHEMAS, "elsewhere", "public"}
    assert "CREATE TABLE elsewhere.unseen" in metadata.ddl
    chosen = collected(endpoint, tmp_path / "b")
    assert "unseen" not in chosen.ddl
    assert 'CREATE SCHEMA "odd ""|%, name"' in chosen.ddl


def test_what_is_wrong_with_the_connection_ends_with_its_own_code_and_keeps_the_earlier_collection(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    collected(endpoint, tmp_path / "a")
    before = files_below(tmp_path / "a" / "metadata")
    refused: list[tuple[Endpoint, type[Exception], int, str]] = [
        (replace(endpoint, port=1), DatabaseAway, 8, "127.0.0.1:1"),
        (replace(endpoint, password="wrong"), PermissionMissing, 9, "password"),
        (replace(endpoint, database="nowhere"), UsageError, 2, "nowhere"),
        (replace(endpoint, schemas=("shop", "shopp")), UsageError, 2, "shopp"),
        (replace(endpoint, schemas=("public",)), UsageError, 2, "nothing to assess"),
    ]
    for other, kind, code, says in refused:
        with pytest.raises(kind, match=says) as failure:
            collected(other, tmp_path / "a")
        assert failure.value.exit_code == code  # type: ignore[attr-defined]
    assert files_below(tmp_path / "a" / "metadata") == before
    assert list((tmp_path / "a" / ".voyager").iterdir()) == []


def test_an_interrupted_collection_leaves_the_earlier_one(endpoint: Endpoint, tmp_path: Path) -> None:
    collected(endpoint, tmp_path / "a")
    drive.execute(endpoint, "CREATE TABLE shop.later (a int)")

    def stop(_: Metadata) -> None:
        raise Interrupted("Stopped.")

    with pytest.raises(Interrupted):
        collected(endpoint, tmp_path / "a", interval_seconds=60, preview=stop)
    assert "shop.later" not in read_metadata(AssessmentDir(tmp_path / "a")).ddl
    assert list((tmp_path / "a" / ".voyager").iterdir()) == []


def test_every_step_is_told_and_ends(endpoint: Endpoint, tmp_path: Path) -> None:
    told: list[TableProgress] = []
    collected(endpoint, tmp_path / "a", report=told.append, interval_seconds=1)
    first = {one.table: one.status for one in reversed(told)}
    last = {one.table: one.status for one in told}
    assert set(first.values()) == {"QUEUED"}
    assert last.pop("Collect query statistics") == "FAILED"
    assert set(last.values()) == {"DONE"}
    waited = [one for one in told if one.table == "Measure load over time" and one.status == "COLLECTING"]
    assert all(one.rows_total == 1 and "remaining" in one.message for one in waited)


def test_the_guardrails_warn_of_what_will_be_missing_and_stop_at_what_is_not_there(
    endpoint: Endpoint, limited: Endpoint
) -> None:
    source = open_assessed(limited)
    checks = source.preflight("ASSESS")
    source.close()
    assert {check.severity for check in checks} == {"ok", "warning"}
    (tables,) = [check for check in checks if "shop.orders" in check.finding]
    assert tables.sql.startswith(f"GRANT USAGE ON SCHEMA {Identifier(SCHEMAS[1]).sql}, ")
    source = open_assessed(replace(endpoint, schemas=("shopp",)))
    (fault,) = [check for check in source.preflight("ASSESS") if check.severity == "error"]
    source.close()
    assert "shopp" in fault.finding
    assert fault.exit_code == 2
