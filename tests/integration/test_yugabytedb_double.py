"""A whole migration into the YugabyteDB double: a PostgreSQL that answers as a YugabyteDB does and refuses what one
refuses. It cannot play the storage below, nor the option of COPY, which is switched off here."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests import drive
from tests.in_process import Ends
from tests.integration.test_capabilities import YUGABYTEDB_DOUBLE
from voyager.endpoint import Endpoint
from voyager.phases.pacing.live import LivePace
from voyager.target.target import Target

REFUSES = """
CREATE FUNCTION ybfake.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
             JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
             JOIN pg_am a ON a.oid = c.relam WHERE a.amname IN ('gist', 'spgist', 'brin')) THEN
    RAISE EXCEPTION 'index method not supported yet' USING ERRCODE = '0A000';
  END IF;
  IF current_query() ~* '\\mEXCLUDE\\M' THEN
    RAISE EXCEPTION 'EXCLUDE constraint not supported yet' USING ERRCODE = '0A000';
  END IF;
END $$;
CREATE EVENT TRIGGER as_yugabytedb ON ddl_command_end EXECUTE FUNCTION ybfake.refuse();
"""
SHOP_EXTRAS = """
CREATE TYPE state AS ENUM ('open', 'paid');
ALTER TABLE orders ADD state state DEFAULT 'open', ADD doubled int GENERATED ALWAYS AS (customer_id * 2) STORED;
CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY, day date NOT NULL, body jsonb, PRIMARY KEY (id, day))
  PARTITION BY RANGE (day);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
CREATE TABLE events_new PARTITION OF events DEFAULT;
CREATE INDEX events_day ON events (day);
INSERT INTO events (day, body) SELECT date '2019-06-01' + i, jsonb_build_object('n', i) FROM generate_series(1, 500) i;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) AS n FROM orders GROUP BY 1;
CREATE UNIQUE INDEX totals_customer ON totals (customer_id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := upper(NEW.note); RETURN NEW; END';
CREATE TRIGGER touching BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch();
"""
GIST = "CREATE TABLE areas (p point, EXCLUDE USING gist (p WITH ~=)); CREATE INDEX areas_p ON areas USING gist (p);"
EVERY_ROW = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text COLLATE \"C\")), count(*) FROM {} t"


@pytest.fixture
def double(ends: Ends) -> Endpoint:
    """The target, dressed up for every session of the role that migrates."""
    drive.execute(ends.target, YUGABYTEDB_DOUBLE + REFUSES)
    names = f'ALTER ROLE "{ends.target.user}" IN DATABASE "{ends.target.database}"'
    drive.execute(ends.target, f"{names} SET search_path = ybfake, public, pg_catalog")
    return ends.target


def test_an_offline_migration_goes_from_end_to_end_into_the_double(
    ends: Ends, double: Endpoint, force: Callable[..., None]
) -> None:
    force(Target, copy_rows_per_transaction=False)
    drive.execute(ends.source, SHOP_EXTRAS)
    started = ends.run("init").document
    assert "YugabyteDB 2025.1.0.0" in str(started["checks"])
    kept = drive.fetch(
        double, "SELECT capabilities -> 'target' ->> 'release', target ->> 'engine' FROM ybvoyager.migrations"
    )
    assert kept == [("2025.1.0.0", "yugabytedb")]

    ends.run("export", "schema")
    assert "judged for YugabyteDB 2025.1.0.0" in ends.run("analyze-schema").document["headline"]
    ends.run("import", "schema")
    indexes = ends.at_target.texts(r"^CREATE (UNIQUE )?INDEX", purpose="schema")
    assert len(indexes) == 7  # three of the shop, one of each part of events, one of the materialized view
    ends.run("export", "data")
    ends.run("import", "data")
    assert not ends.at_target.texts(r"^CREATE (UNIQUE )?INDEX")
    after = ends.at_target.texts("^CREATE", purpose="post-data")
    assert [text.split(" BEFORE")[0] for text in after] == ["CREATE TRIGGER touching"]
    ends.run("verify")
    ends.run("cutover", "initiate", "--yes")
    ends.run("finalize")
    for table, rows in (("customers", 100), ("orders", 2000), ("events", 500), ("totals", 100)):
        (found,) = drive.fetch(double, EVERY_ROW.format(table))
        assert [found] == drive.fetch(ends.source, EVERY_ROW.format(table)), table
        assert found[1] == rows
    assert drive.fetch(double, "SELECT pg_catalog.nextval('events_id_seq')") == [(501,)]
    ends.run("end", "--yes")


def test_what_the_double_refuses_is_a_blocker_before_and_a_named_refusal_after(
    ends: Ends, double: Endpoint, force: Callable[..., None]
) -> None:
    force(Target, copy_rows_per_transaction=False)
    drive.execute(ends.source, GIST)
    ends.through("init", "export schema")
    analyzed = ends.run("analyze-schema", code=4).document
    assert analyzed["summary"]["blockers"] == 2
    ends.run("import", "schema", code=5)
    refused = ends.run("import", "schema", "--accept-blockers", ends.name, "--continue-on-error", code=4).document
    details = " ".join(refused["error"]["details"])
    assert "areas_p" in details
    assert "not supported yet" in details
    assert drive.fetch(double, "SELECT to_regclass('public.orders')::text, to_regclass('public.areas_p')") == [
        ("orders", None)
    ]
    ends.run("export", "data")
    ends.run("import", "data")
    verified = ends.run("verify").document
    assert any("areas_p" in note and "analyze-schema said" in note for note in verified["details"])


# No load is over before it was told of another worker.
HELD = """
CREATE FUNCTION ybfake.told() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM ybvoyager.events WHERE detail ? 'workers') LOOP
        PERFORM pg_catalog.pg_sleep(0.05);
    END LOOP;
    RETURN true;
END $$;
ALTER TABLE orders ADD CHECK (id % 50 <> 0 OR ybfake.told());
"""
# Two nodes that take writes, both of them this server; the third is only read from and is not there at all.
CLUSTER = """
CREATE OR REPLACE FUNCTION ybfake.yb_servers() RETURNS TABLE (host text, port bigint, num_connections bigint,
  node_type text, cloud text, region text, zone text, public_ip text, uuid text, universe_uuid text) LANGUAGE sql
  AS $$ SELECT host, {port}::bigint, 0::bigint, node_type, 'cloud', 'region', 'zone', '', host, 'u-1'
        FROM (VALUES ('127.0.0.1', 'primary'), ('localhost', 'primary'), ('127.0.0.9', 'read_replica'))
             AS nodes (host, node_type) $$;
CREATE OR REPLACE FUNCTION ybfake.yb_servers_metrics()
  RETURNS TABLE (uuid text, metrics jsonb, status text, error text) LANGUAGE sql AS $$ VALUES
  ('a', '{{"cpu_usage_user": "0.11", "cpu_usage_system": "0.02", "memory_total": "100",
           "memory_available": "60"}}'::jsonb, 'OK', ''), ('b', '{{}}', 'ERROR', 'away') $$;
"""


def test_the_import_follows_what_the_double_shows_and_spreads_over_its_nodes(
    ends: Ends, double: Endpoint, force: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    force(Target, copy_rows_per_transaction=False)
    monkeypatch.setitem(LivePace.__init__.__kwdefaults__, "step_seconds", 0.2)
    drive.execute(double, CLUSTER.format(port=double.port))
    ends.through("init", "export schema", "analyze-schema", "import schema")
    ends.run("export", "data", "--chunk-size", "16kB")
    drive.execute(double, HELD)
    begun = ends.run("import", "data", "--adaptive-parallelism-max", 4, "--progress", "json")
    asked = ends.at_target.texts("yb_servers", purpose="pace")
    assert asked[0] == "SELECT host, port, public_ip FROM yb_servers() WHERE node_type = 'primary' ORDER BY host, port"
    assert set(asked[1:]) == {
        "SELECT uuid, metrics::pg_catalog.text AS metrics FROM yb_servers_metrics() WHERE status = 'OK'"
    }
    assert begun.document["state"] == "COMPLETED"
    events = drive.fetch(
        double, "SELECT detail ->> 'message' FROM ybvoyager.events WHERE detail ? 'workers' ORDER BY at"
    )
    assert events[0] == ("2 workers became 3: the busiest node's processors are 13% busy",)
    lines = [json.loads(line) for line in begun.err.splitlines() if line.startswith("{")]
    (first, *_), nodes = [line for line in lines if line["event"] == "pace"], ("127.0.0.1", "localhost")
    assert (first["workers"], first["most"], first["mode"]) == (2, 4, "balanced")
    assert set(first["nodes"]) == {f"{node}:{double.port}" for node in nodes}
    assert not [line for line in lines if "left out" in line.get("message", "")]
    assert drive.fetch(double, "SELECT count(*) FROM orders") == [(2000,)]
