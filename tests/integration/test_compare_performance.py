"""`migrate compare-performance` between two servers that count: the query whose index is missing is found by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.assessed import collected
from tests.both_ends import Migration, database
from tests.integration.test_capabilities import YUGABYTEDB_DOUBLE
from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound
from voyager.performance.live import read_server

COUNTING = {"shared_preload_libraries": "pg_stat_statements"}
SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, note text);
CREATE INDEX orders_customer ON orders (customer_id);
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 1000) i;
INSERT INTO orders SELECT i, 1 + i % 1000, repeat('x', 50) FROM generate_series(1, 60000) i;
ANALYZE;
"""
EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
BY_CUSTOMER = "SELECT count(*) FROM orders WHERE customer_id = {}"
CALLS = 12


@pytest.fixture(scope="module")
def source_counts(servers_directory: Path) -> Iterator[Server]:
    """What many come from: PostgreSQL 15 where it is installed, which records lists otherwise than 18 does."""
    binaries = system_binaries().get(15)
    with start_server(servers_directory / "counting-source", settings=COUNTING, binaries=binaries) as server:
        yield server


@pytest.fixture(scope="module")
def target_counts(servers_directory: Path) -> Iterator[Server]:
    with start_server(servers_directory / "counting-target", settings=COUNTING) as server:
        yield server


@pytest.fixture(scope="module")
def migrated(
    source_counts: Server, target_counts: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migration]:
    """The shop on both sides, imported by the real commands."""
    with database(source_counts, "shop_before") as source, database(target_counts, "shop_after") as target:
        drive.execute(source, SHOP)
        found = Migration(source, target, tmp_path_factory.mktemp("performance") / "export", name="faster")
        found.run("init")
        found.run("next", "--until", "IMPORT_DATA", "--yes")
        yield found


@pytest.fixture
def shop(migrated: Migration) -> Migration:
    """The same with nothing counted and every index in its place."""
    for end in (migrated.source, migrated.target):
        drive.execute(end, f"{EXTENSION}; CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer_id)")
        forget(end)
    return migrated


def forget(end: Endpoint) -> None:
    drive.fetch(end, "SELECT pg_stat_statements_reset()")


def run_application(end: Endpoint, *, spaced: bool = False, times: int = CALLS) -> None:
    """What a shop asks its database; `spaced` writes it as another version of the driver would."""
    with drive.connect(end) as connection:
        for i in range(1, times + 1):
            text = BY_CUSTOMER.format(i)
            connection.execute((re.sub(" ", "\n  ", text).lower() + " /* page 7 */" if spaced else text).encode())
            connection.execute(
                f"SELECT name FROM customers WHERE id IN ({i}, {i + 1}{', 9, 10' if spaced else ''})".encode()
            )
            connection.execute(f"UPDATE orders SET note = 'secret {i}' WHERE id = {i}".encode())
            connection.execute("SELECT c.name FROM customers c WHERE c.id = %s", [i])


def by_text(document: dict[str, Any], part: str) -> dict[str, Any]:
    (found,) = [one for one in document["queries"] if part in " ".join(one["query"].lower().split())]
    return dict(found)


def test_the_query_whose_index_is_missing_on_the_target_is_found(shop: Migration) -> None:
    run_application(shop.source)
    drive.execute(shop.target, "DROP INDEX orders_customer")
    run_application(shop.target, spaced=True)
    drive.fetch(shop.target, "SELECT max(id) FROM orders")
    drive.fetch(shop.source, "SELECT min(id) FROM orders")

    answer = shop.document("compare-performance")
    report = answer["report"]
    worst = next(one for one in report["queries"] if one["id"] == report["top_regressions"][0])
    assert "where customer_id = $1" in worst["query"].lower()
    assert worst["verdict"] == "slower"
    assert worst["ratio"] > 2
    assert worst["added_ms"] == pytest.approx(worst["added_per_call_ms"] * CALLS, rel=1e-3)
    for side, end in (("source", shop.source), ("target", shop.target)):
        seen = drive.fetch(
            end,
            "SELECT calls, rows, total_exec_time, min_exec_time, max_exec_time, stddev_exec_time "
            "FROM pg_stat_statements WHERE query ~* 'customer_id\\s+=' AND query ~* 'count'",
        )[0]
        names = ("calls", "rows", "total_ms", "min_ms", "max_ms", "stddev_ms")
        assert [worst[side][name] for name in names] == pytest.approx(list(seen), abs=1e-5)
    assert by_text(report, "from customers where id in")["source"]["calls"] == CALLS
    assert by_text(report, "from customers where id in")["target"]["calls"] == CALLS
    assert by_text(report, "select max(id)")["verdict"] == "only_in_target"
    assert by_text(report, "select min(id)")["verdict"] == "only_in_source"
    assert report["summary"]["matched"] == 4
    assert 0.5 < report["summary"]["coverage"]["time"] < 1
    assert report["summary"]["judged"]["ratio"] > 1.2
    assert len(report["queries"]) == 6  # neither ours nor those of the catalogs, nor SET and CREATE INDEX


def test_its_options_may_stand_in_the_config_file(shop: Migration, tmp_path: Path) -> None:
    run_application(shop.source)
    run_application(shop.target)
    config = tmp_path / "voyager.yaml"
    config.write_text("compare-performance:\n  threshold: 7.5\n  min-calls: 9\n")
    told = shop.document("compare-performance", "--config-file", config)["report"]
    assert told["settings"] == {"threshold": 7.5, "min_calls": 9}
    flags = ("--threshold", "3", "--config-file", config)
    assert shop.document("compare-performance", *flags)["report"]["settings"]["threshold"] == 3
    config.write_text("compare-performance:\n  threshold: 0.5\n")
    refused = shop.run("compare-performance", "--config-file", config, code=2).stderr
    assert "compare-performance.threshold in" in refused
    config.write_text("compare-performance:\n  treshold: 2\n")
    assert "threshold" in shop.run("compare-performance", "--config-file", config, code=2).stderr


def test_what_verify_reads_and_repairs_says_that_it_is_ours_and_is_left_out(shop: Migration) -> None:
    drive.execute(shop.target, "UPDATE orders SET note = 'x' WHERE id = 5; DELETE FROM orders WHERE id = 9")
    forget(shop.source)
    forget(shop.target)
    for words in (("--level", "rows"), ("--show-values",), ("--since", "id>=10", "--table-list", "orders")):
        shop.run("verify", *words, code=0 if "--since" in words else 3)
    shop.run("verify", code=3)
    shop.run("verify", "--apply-repair", "--yes")
    work = "query ~* '\\m(orders|customers)\\M|^fetch' AND query !~* '^(set|create|begin|commit)'"
    for end in (shop.source, shop.target):
        counted = f"SELECT query FROM pg_stat_statements WHERE {work} AND query NOT LIKE"
        assert drive.fetch(end, f"{counted} '%/* yb-voyager%'") == []
        assert drive.fetch(end, counted.replace("NOT LIKE", "LIKE") + " '%/* yb-voyager%'")
    run_application(shop.source)
    run_application(shop.target)
    assert len(shop.document("compare-performance")["report"]["queries"]) == 4


def test_the_report_is_kept_in_files_and_in_the_state_and_holds_no_values(shop: Migration) -> None:
    run_application(shop.source)
    run_application(shop.target)
    answer = shop.document("compare-performance")
    paths = [shop.export_dir / "reports" / f"performance_report.{kind}" for kind in ("json", "html")]
    assert answer["reports"] == [str(path) for path in paths]
    assert json.loads(paths[0].read_text()) == answer["report"]
    ((body,),) = drive.fetch(
        shop.target,
        "SELECT body FROM ybvoyager.reports WHERE kind = 'performance' ORDER BY created_at DESC LIMIT 1",
    )
    assert body == answer["report"]
    page = paths[1].read_text()
    assert "UPDATE orders SET note = $1" in page
    assert "secret" not in page + paths[0].read_text()
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page).replace("https://", "http://").split("<style>")[0]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    shown = shop.run("compare-performance").stdout
    assert "On both sides: 4 queries" in shown
    assert str(paths[1]) in shown
    assert shop.document("status")["migration"]  # a look changes no phase


def test_a_dry_run_writes_nothing(shop: Migration) -> None:
    run_application(shop.source)
    run_application(shop.target)
    count = "SELECT count(*) FROM ybvoyager.reports WHERE kind = 'performance'"
    before = drive.fetch(shop.target, count)
    paths = {path: path.stat().st_mtime_ns for path in (shop.export_dir / "reports").glob("performance*")}
    answer = shop.document("compare-performance", "--dry-run")
    assert answer["report"]["summary"]["matched"] == 4
    assert drive.fetch(shop.target, count) == before
    assert {path: path.stat().st_mtime_ns for path in (shop.export_dir / "reports").glob("performance*")} == paths


def test_what_must_be_counted_to_be_judged_can_be_chosen(shop: Migration) -> None:
    run_application(shop.source)
    run_application(shop.target, times=3)
    few = shop.document("compare-performance")["report"]["summary"]["verdicts"]
    assert few["too_few_calls"] == 4
    judged = shop.document("compare-performance", "--min-calls", 3, "--threshold", "1000000")["report"]
    assert judged["summary"]["verdicts"]["same"] == 4
    assert judged["settings"] == {"threshold": 1000000, "min_calls": 3}
    assert "above 1" in shop.run("compare-performance", "--threshold", "0.5", code=2).stderr


@pytest.mark.parametrize("side", ["source", "target"])
def test_the_extension_missing_on_a_side_is_told_with_the_sql_that_creates_it(shop: Migration, side: str) -> None:
    run_application(shop.source)
    run_application(shop.target)
    end = shop.source if side == "source" else shop.target
    drive.execute(end, "DROP EXTENSION pg_stat_statements")
    failed = shop.document("compare-performance", code=4)
    assert failed["error"]["message"].startswith(f"Nothing is counted on the {side} {end.url}")
    assert failed["error"]["details"] == ["CREATE EXTENSION pg_stat_statements;"]
    drive.execute(end, failed["error"]["details"][0])
    shop.run("compare-performance")


def test_a_target_that_the_application_has_not_met_is_something_to_wait_for(shop: Migration) -> None:
    run_application(shop.source)
    failed = shop.document("compare-performance", code=13)
    assert "has no statistics yet" in failed["error"]["message"]
    assert "against the target" in failed["error"]["hint"]


def test_without_a_query_on_both_sides_the_report_tells_what_ran_where(shop: Migration) -> None:
    drive.fetch(shop.source, "SELECT id FROM orders WHERE id < 3")
    drive.fetch(shop.target, "SELECT id FROM public.orders WHERE id < 3")  # another query: who knows the search_path
    answer = shop.document("compare-performance", code=4)
    assert "the source has counted 1 query, the target 1 query, and none ran on both" in answer["error"]["message"]
    assert {one["verdict"] for one in answer["report"]["queries"]} == {"only_in_source", "only_in_target"}
    assert "NOTES" in shop.run("compare-performance", code=4).stdout


def test_a_role_that_may_not_see_others_queries_is_told_the_grant(shop: Migration) -> None:
    run_application(shop.source)
    run_application(shop.target)
    drive.execute(shop.source, "DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN PASSWORD 'x'")
    limited = replace(shop, source=replace(shop.source, user="looker", password="x"))
    failed = limited.document("compare-performance", code=9)
    assert failed["error"]["details"] == ['GRANT pg_read_all_stats TO "looker";']
    drive.execute(shop.source, "GRANT SELECT ON customers TO looker")
    drive.fetch(limited.source, "SELECT max(name) FROM customers")
    partly = limited.document("compare-performance", code=4)
    assert any("GRANT pg_read_all_stats" in note for note in partly["report"]["notes"])
    drive.execute(shop.source, failed["error"]["details"][0])
    whole = limited.document("compare-performance")["report"]
    assert whole["summary"]["matched"] == 4
    assert whole["source"]["hidden"] == 0
    drive.execute(shop.source, "REVOKE SELECT ON pg_stat_statements FROM PUBLIC")
    refused = limited.document("compare-performance", code=9)["error"]
    assert 'GRANT SELECT ON "public"."pg_stat_statements" TO "looker";' in refused["details"]
    drive.execute(shop.source, "GRANT SELECT ON pg_stat_statements TO PUBLIC; DROP OWNED BY looker; DROP ROLE looker")


def test_an_assessment_stands_for_a_source_that_is_gone(shop: Migration, tmp_path: Path) -> None:
    run_application(shop.source)
    collected(shop.source, tmp_path / "assessment")
    run_application(shop.source, times=50)
    run_application(shop.target)
    gone = replace(shop, source=replace(shop.source, port=1))
    failed = gone.document("compare-performance", code=8)
    assert "--assessment-dir" in failed["error"]["hint"]
    report = gone.document("compare-performance", "--assessment-dir", tmp_path / "assessment")["report"]
    assert report["source"]["kind"] == "assessment"
    assert report["summary"]["matched"] == 4
    assert {one["source"]["calls"] for one in report["queries"] if one["source"]} == {CALLS}
    empty = gone.document("compare-performance", "--assessment-dir", tmp_path / "none", code=2)
    assert "holds no metadata" in empty["error"]["message"]


def test_before_the_data_is_there_nothing_is_compared(
    source_counts: Server, target_counts: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> None:
    migration = Migration(fresh_database(source_counts), fresh_database(target_counts), tmp_path / "export")
    drive.execute(migration.source, "CREATE TABLE t (a int)")
    migration.run("init")
    assert "NOT_STARTED" in migration.document("compare-performance", code=5)["error"]["message"]


NODES = """
DROP FUNCTION ybfake.yb_servers();
CREATE FUNCTION ybfake.yb_servers() RETURNS TABLE (host text, port bigint, node_type text, universe_uuid text)
  LANGUAGE sql AS $$ VALUES {rows} $$;
CREATE ROLE noder SUPERUSER LOGIN PASSWORD 'x';
ALTER ROLE noder SET search_path = ybfake, public, pg_catalog;
"""


@pytest.fixture
def cluster(shop: Migration, source_counts: Server) -> Iterator[Migration]:
    """The target dressed up as a YugabyteDB of two nodes, each of which counts for itself, and a third that is away."""
    with database(source_counts, shop.target.database) as second:
        places = [(shop.target.port, "primary"), (second.port, "primary"), (1, "primary"), (2, "read_replica")]
        rows = ", ".join(f"('127.0.0.1', {port}::bigint, '{kind}', 'u-1')" for port, kind in places)
        drive.execute(shop.target, YUGABYTEDB_DOUBLE + NODES.format(rows=rows))
        drive.execute(second, f"CREATE ROLE noder SUPERUSER LOGIN PASSWORD 'x'; {SHOP} {EXTENSION}")
        forget(second)
        yield replace(shop, target=replace(shop.target, user="noder", password="x"))
        drive.execute(second, "DROP ROLE noder")
        drive.execute(shop.target, "DROP ROLE noder; DROP SCHEMA ybfake CASCADE")


def test_the_nodes_of_a_cluster_are_added_up_and_those_that_are_away_named(
    cluster: Migration, shop: Migration, source_counts: Server
) -> None:
    run_application(shop.source)
    run_application(shop.target, times=7)
    run_application(source_counts.endpoint(shop.target.database), times=8)
    report = cluster.document("compare-performance")["report"]
    names = [f"127.0.0.1:{shop.target.port}", f"127.0.0.1:{source_counts.port}"]
    assert report["target"]["nodes"] == names
    assert {one["target"]["calls"] for one in report["queries"] if one["source"]} == {15}
    (note,) = [note for note in report["notes"] if note.startswith("Not asked were the nodes")]
    assert "127.0.0.1:1 (" in note

    drive.execute(
        shop.target,
        "CREATE OR REPLACE FUNCTION ybfake.yb_servers() RETURNS TABLE (host text, port bigint, node_type text, "
        "universe_uuid text) LANGUAGE sql AS $$ VALUES ('127.0.0.1', 1::bigint, 'primary', 'u-1') $$",
    )
    alone = cluster.document("compare-performance")["report"]
    assert {one["target"]["calls"] for one in alone["queries"] if one["source"]} == {7}
    assert any("only the connected one could be asked" in note for note in alone["notes"])


def test_a_server_that_has_not_loaded_the_library_is_told_the_setting(
    target_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, EXTENSION)
    with pytest.raises(BlockersFound, match="has not loaded the library") as refused:
        read_server(endpoint, side="target")
    assert refused.value.details[0].startswith("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
