"""What a server can do is asked of the server. For YugabyteDB a PostgreSQL is dressed up: a double, not the thing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.postgres.capabilities import parse_version, probe
from voyager.postgres.connection import connect
from voyager.target.cluster import Load, Node, read_cores, read_load, read_nodes

YUGABYTEDB_DOUBLE = """
CREATE SCHEMA ybfake;
CREATE FUNCTION ybfake.version() RETURNS text LANGUAGE sql
  AS $$ SELECT 'PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu' $$;
CREATE FUNCTION ybfake.yb_servers() RETURNS TABLE (host text, port bigint, num_connections bigint, node_type text,
  cloud text, region text, zone text, public_ip text, uuid text, universe_uuid text) LANGUAGE sql
  AS $$ SELECT host, port::bigint, 0::bigint, node_type, 'cloud', 'region', 'zone', '', host, 'u-1'
        FROM (VALUES ('a', 5433, 'primary'), ('b', 5433, 'primary'), ('c', 5433, 'read_replica'))
             AS nodes (host, port, node_type) $$;
CREATE FUNCTION ybfake.yb_servers_metrics() RETURNS TABLE (uuid text, metrics jsonb, status text, error text)
  LANGUAGE sql AS $$ SELECT 'a', '{}'::jsonb, 'OK', '' $$;
CREATE FUNCTION ybfake.yb_is_database_colocated() RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PostgreSQL 18.6 on x86_64-pc-linux-gnu", ("18.6", 180006, None)),
        ("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64", ("15.18", 150018, None)),
        ("PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu", ("15.2", 150002, "2025.1.0.0")),
        ("PostgreSQL 11.2-YB-2.20.1.3-b0 on x86_64", ("11.2", 110002, "2.20.1.3")),
        ("PostgreSQL 15.12-YB-2.25.2.0", ("15.12", 150012, "2.25.2.0")),
        ("PostgreSQL 19beta1 on x86_64", ("19", 190000, None)),
        ("SomethingElse 3.1", ("SomethingElse 3.1", 0, None)),
    ],
)
def test_version_texts_are_read(text: str, expected: tuple[str, int, str | None]) -> None:
    assert parse_version(text) == expected


def test_postgresql_is_probed(target_server: Server, fresh_database: Callable[..., Endpoint]) -> None:
    with connect(fresh_database(target_server), "test") as connection:
        found = probe(connection)
    assert (found.version_number // 10000, found.release) == (18, None)
    assert found.replication_role
    assert found.exported_snapshots
    assert found.tid_range_scans
    assert found.write_counters
    assert not found.indexes_before_data
    assert not found.copy_rows_per_transaction
    assert not found.hash_sharding
    assert not found.colocation
    assert not found.lists_nodes
    assert not found.shows_load
    assert found.facts["encoding"] == "UTF8"
    assert found.facts["cluster"]


def test_an_older_postgresql_is_probed(pg15_server: Server) -> None:
    with connect(pg15_server.endpoint(), "test") as connection:
        assert probe(connection).version_number // 10000 == 15


def test_a_common_role_lacks_the_replication_role_and_nothing_else(target_server: Server) -> None:
    drive.execute(target_server.endpoint(), "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN PASSWORD 'x'")
    with connect(target_server.endpoint(user="plain", password="x"), "test") as connection:
        found = probe(connection)
    assert not found.replication_role
    assert found.exported_snapshots
    assert not found.facts["superuser"]


def test_probing_leaves_the_session_as_it_was(target_server: Server) -> None:
    with connect(target_server.endpoint(), "test") as connection:
        probe(connection)
        row = connection.execute("SELECT current_setting('session_replication_role')").fetchone()
    assert row == ("origin",)


def test_the_facts_can_be_kept_as_json(target_server: Server) -> None:
    import json

    with connect(target_server.endpoint(), "test") as connection:
        json.dumps(probe(connection).facts)


def test_the_yugabytedb_double_is_taken_for_what_it_says(
    target_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, YUGABYTEDB_DOUBLE)
    dressed = replace(endpoint, options=(("options", "-csearch_path=ybfake,public,pg_catalog"),))
    with connect(dressed, "test") as connection:
        found = probe(connection)
    assert (found.version, found.release) == ("15.2", "2025.1.0.0")
    assert found.indexes_before_data
    assert found.concurrent_index_builds
    assert found.copy_rows_per_transaction
    assert not found.tid_range_scans
    assert not found.write_counters
    assert found.lists_nodes
    assert found.shows_load
    assert (found.facts["cluster"], found.facts["nodes"], found.facts["colocated"]) == ("u-1", 2, False)
    assert found.facts["isolation"] is None


@pytest.mark.parametrize(("colocated", "splitting"), [(True, None), (False, "on"), (True, "off")])
def test_a_yugabytedb_tells_where_tables_and_indexes_go(
    target_server: Server, fresh_database: Callable[..., Endpoint], colocated: bool, splitting: str | None
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, YUGABYTEDB_DOUBLE.replace("SELECT false", f"SELECT {colocated}"))
    if splitting:
        setting = f"CASE $1 WHEN 'yb_use_hash_splitting_by_default' THEN '{splitting}' END"
        drive.execute(
            endpoint,
            "CREATE FUNCTION ybfake.current_setting(text, boolean) RETURNS text LANGUAGE sql AS "
            f"$$ SELECT {setting} $$",
        )
    dressed = replace(endpoint, options=(("options", "-csearch_path=ybfake,public,pg_catalog"),))
    with connect(dressed, "test") as connection:
        found = probe(connection)
    assert found.colocation is colocated
    assert found.hash_sharding is (splitting != "off")


def test_an_older_yugabytedb_lists_no_addresses_and_shows_no_load(
    target_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, YUGABYTEDB_DOUBLE)
    drive.execute(endpoint, "DROP FUNCTION ybfake.yb_servers, ybfake.yb_servers_metrics")
    drive.execute(
        endpoint,
        "CREATE FUNCTION ybfake.yb_servers() RETURNS TABLE (host text, port bigint, node_type text) LANGUAGE sql "
        "AS $$ VALUES ('a', 5433::bigint, 'primary') $$",
    )
    with connect(_dressed(endpoint), "test") as connection:
        found = probe(connection)
        assert read_nodes(connection, found) == []
        assert read_load(connection, found) is None
    assert (found.lists_nodes, found.shows_load, found.facts["nodes"]) == (False, False, 1)


def test_the_nodes_of_a_cluster_and_their_load_are_read(
    target_server: Server, fresh_database: Callable[..., Endpoint]
) -> None:
    endpoint = fresh_database(target_server)
    drive.execute(endpoint, YUGABYTEDB_DOUBLE)
    with connect(_dressed(endpoint), "test") as connection:
        found = probe(connection)
        assert read_nodes(connection, found) == [Node("a", 5433), Node("b", 5433)]
        assert read_load(connection, found) == Load(None, None)
        drive.execute(endpoint, FIGURES)
        # The worst of the nodes that answer: b's processors, a's memory (3.8 of 4 GB that it allows itself are taken).
        load = read_load(connection, found)
        assert load is not None
        assert (load.cpu, load.memory_free) == (pytest.approx(0.85), pytest.approx(0.05))
        cores = read_cores(connection, 2)
        assert cores == 2 * (os.cpu_count() or 0)


def test_a_common_role_is_not_told_how_many_cores_there_are(target_server: Server) -> None:
    drive.execute(target_server.endpoint(), "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN PASSWORD 'x'")
    with connect(target_server.endpoint(user="plain", password="x"), "test") as connection:
        assert read_cores(connection, 1) is None
        assert connection.execute("SELECT 1").fetchone() == (1,)


FIGURES = """
CREATE OR REPLACE FUNCTION ybfake.yb_servers_metrics()
  RETURNS TABLE (uuid text, metrics jsonb, status text, error text) LANGUAGE sql AS $$ VALUES
  ('a', '{"memory_free": "0", "memory_total": "8000", "memory_available": "4000", "cpu_usage_user": "0.1",
          "cpu_usage_system": "0.2", "tserver_root_memory_soft_limit": "4000",
          "tserver_root_memory_consumption": "3800"}'::jsonb, 'OK', ''),
  ('b', '{"memory_free": "0", "memory_total": "8000", "memory_available": "0", "cpu_usage_user": "0.60",
          "cpu_usage_system": "0.25", "tserver_root_memory_soft_limit": "4000",
          "tserver_root_memory_consumption": "400"}', 'OK', ''),
  ('c', '{}', 'ERROR', 'no answer') $$
"""


def _dressed(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, options=(("options", "-csearch_path=ybfake,public,pg_catalog"),))
