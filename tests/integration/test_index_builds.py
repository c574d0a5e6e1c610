"""Keys and indexes that are built over rows: all that a schema knows of them, in bulk and at the same time."""

from __future__ import annotations

from tests import drive
from tests.faults.driver import schema_snapshot, snapshot
from tests.in_process import Ends

KEYED = """
CREATE EXTENSION btree_gist;
CREATE SCHEMA k;
CREATE TABLE k.big (id int PRIMARY KEY, a int NOT NULL UNIQUE DEFERRABLE, b text, r int4range,
  EXCLUDE USING gist (id WITH =, r WITH &&), UNIQUE NULLS NOT DISTINCT (b, id) INCLUDE (a));
CREATE INDEX ON k.big (b) WHERE a > 1;
CREATE INDEX ON k.big USING gin (to_tsvector('english', b));
ALTER TABLE k.big CLUSTER ON big_pkey;
ALTER TABLE k.big REPLICA IDENTITY USING INDEX big_pkey;
INSERT INTO k.big SELECT n, -n, repeat('word ', 20) || n, int4range(n, n + 1) FROM generate_series(1, 12000) n;
CREATE TABLE k.parts (id int GENERATED ALWAYS AS IDENTITY, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE k.parts_1 PARTITION OF k.parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE k.parts_2 PARTITION OF k.parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE INDEX ON k.parts (at);
INSERT INTO k.parts (at) SELECT '2026-01-01'::date + n % 50 FROM generate_series(1, 100) n;
CREATE TABLE k.refers (id int PRIMARY KEY, big int REFERENCES k.big, part int, at date, up int REFERENCES k.refers,
  other int REFERENCES k.big (id) ON DELETE CASCADE, FOREIGN KEY (part, at) REFERENCES k.parts);
INSERT INTO k.refers SELECT n, n, NULL, NULL, 1, n FROM generate_series(1, 100) n;
COMMENT ON CONSTRAINT refers_pkey ON k.refers IS 'a key';
COMMENT ON INDEX k.big_pkey IS 'an index';
CREATE TABLE k.summed (id int PRIMARY KEY, v int);
CREATE TABLE k.untouched (id int PRIMARY KEY, v int);
INSERT INTO k.summed SELECT n, n FROM generate_series(1, 10) n;
CREATE VIEW k.grouped AS SELECT u.id, u.v, count(*) FROM k.untouched u GROUP BY u.id;
CREATE RULE r AS ON INSERT TO k.grouped DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW k.kept AS SELECT s.id, s.v, count(*) FROM k.summed s GROUP BY s.id;
CREATE UNIQUE INDEX ON k.kept (id);
CREATE FUNCTION k.atomic() RETURNS bigint BEGIN ATOMIC
  SELECT sum(c.v) FROM (SELECT s.id, s.v FROM k.summed s GROUP BY s.id) c; END;
"""
WATCH = """
CREATE SCHEMA watch;
CREATE TABLE watch.seen (tag text, memory text, workers text, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION watch.look() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO watch.seen SELECT TG_TAG, current_setting('maintenance_work_mem'),
    current_setting('max_parallel_maintenance_workers') WHERE current_setting('application_name') LIKE '%post-data';
END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'ALTER TABLE') EXECUTE FUNCTION watch.look();
"""
MARKS = """SELECT c.relname, i.indisclustered, i.indisreplident, i.indisvalid, i.indimmediate,
  obj_description(c.oid, 'pg_class'), obj_description(n.oid, 'pg_constraint')
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint n ON n.conindid = c.oid AND n.contype IN ('p', 'u', 'x')
WHERE c.relnamespace = 'k'::regnamespace ORDER BY 1"""
MADE_IN = """SELECT phase, object FROM ybvoyager.schema_statements WHERE object ~ '^(primary_key|unique) ' ORDER BY 2"""


def through_the_schema(ends: Ends) -> None:
    ends.through("init", "export schema", "analyze-schema", "import schema")


def through_the_data(ends: Ends) -> None:
    through_the_schema(ends)
    ends.through("export data", "import data")


def test_every_kind_of_key_and_index_arrives_as_it_was(ends: Ends) -> None:
    drive.execute(ends.source, KEYED)
    ends.through("init")
    ends.run("export", "schema", "--comments-on-objects")
    ends.through("analyze-schema", "import schema", "export data", "import data")
    assert schema_snapshot(ends.target) == schema_snapshot(ends.source)
    assert snapshot(ends.target) == snapshot(ends.source)
    marks = drive.fetch(ends.source, MARKS)
    clustered, identity, comments = ({mark[at] for mark in marks} for at in (1, 2, -1))
    assert (clustered, identity, comments) == ({True, False}, {True, False}, {None, "a key"})
    assert drive.fetch(ends.target, MARKS) == marks


def test_only_a_key_that_a_query_needs_is_built_before_the_rows(ends: Ends) -> None:
    drive.execute(ends.source, KEYED)
    through_the_schema(ends)
    assert drive.fetch(ends.target, MADE_IN) == [("IMPORT_SCHEMA", "primary_key summed_pkey ON k.summed")]
    ends.through("export data", "import data")
    phases = dict(map(reversed, drive.fetch(ends.target, MADE_IN)))  # type: ignore[arg-type]
    assert phases.pop("primary_key summed_pkey ON k.summed") == "IMPORT_SCHEMA"
    assert "unique big_a_key ON k.big" in phases
    assert set(phases.values()) == {"IMPORT_DATA"}


def test_builds_get_the_memory_and_the_workers_that_they_were_given(ends: Ends) -> None:
    drive.execute(ends.source, KEYED)
    through_the_schema(ends)
    drive.execute(ends.target, WATCH)
    ends.through("export data")
    ends.run("import", "data", "--index-memory", "96MB", "--index-workers", "0", "--index-jobs", "3")
    assert drive.fetch(ends.target, "SELECT DISTINCT memory, workers FROM watch.seen") == [("96MB", "0")]
    assert len(drive.fetch(ends.target, "SELECT DISTINCT pid FROM watch.seen")) > 1


def test_builds_take_what_the_server_has_where_nothing_is_said(ends: Ends) -> None:
    through_the_schema(ends)
    drive.execute(ends.target, WATCH)
    drive.execute(ends.target, f"ALTER DATABASE {ends.target.database} SET maintenance_work_mem = '70MB'")
    ends.through("export data", "import data")
    assert drive.fetch(ends.target, "SELECT DISTINCT memory FROM watch.seen") == [("70MB",)]


UNEVEN = """
CREATE SCHEMA k;
CREATE TABLE k.large (id int, b text);
CREATE TABLE k.medium_1 (id int, b text);
CREATE TABLE k.medium_2 (id int, b text);
INSERT INTO k.large SELECT n, repeat('x', 200) FROM generate_series(1, 60000) n;
INSERT INTO k.medium_1 SELECT n, repeat('x', 200) FROM generate_series(1, 10000) n;
INSERT INTO k.medium_2 SELECT n, repeat('x', 200) FROM generate_series(1, 10000) n;
CREATE INDEX large_b ON k.large (b);
CREATE INDEX medium_1_b ON k.medium_1 (b);
CREATE INDEX medium_2_b ON k.medium_2 (b);
"""
NOTE_NAMES = """
CREATE TABLE watch.built (name text, workers text);
CREATE FUNCTION watch.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO watch.built SELECT object_identity, current_setting('max_parallel_maintenance_workers')
    FROM pg_event_trigger_ddl_commands() WHERE object_type = 'index';
END $$;
CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION watch.note();
"""


def test_only_a_build_that_would_hold_up_the_rest_gets_workers_beside_the_others(ends: Ends) -> None:
    drive.execute(ends.source, UNEVEN)
    through_the_schema(ends)
    drive.execute(ends.target, WATCH)
    drive.execute(ends.target, NOTE_NAMES)
    drive.execute(ends.target, f"ALTER DATABASE {ends.target.database} SET max_parallel_maintenance_workers = 3")
    ends.through("export data")
    ends.run("import", "data", "--index-jobs", "2")
    built = dict(drive.fetch(ends.target, "SELECT name, workers FROM watch.built WHERE name LIKE 'k.%'"))
    assert built.pop("k.large_b") == "3"
    assert built.keys() == {"k.medium_1_b", "k.medium_2_b"}
    assert "0" in built.values()


HUB = """
CREATE SCHEMA k;
CREATE TABLE k.hub (id int PRIMARY KEY, b text);
CREATE TABLE k.spoke_1 (id int PRIMARY KEY, hub int REFERENCES k.hub, b text);
CREATE TABLE k.spoke_2 (id int PRIMARY KEY, hub int REFERENCES k.hub, b text);
CREATE TABLE k.little (id int PRIMARY KEY);
INSERT INTO k.hub SELECT n, repeat('x', 200) FROM generate_series(1, 8000) n;
INSERT INTO k.spoke_1 SELECT n, n, repeat('x', 200) FROM generate_series(1, 8000) n;
INSERT INTO k.spoke_2 SELECT n, n, repeat('x', 200) FROM generate_series(1, 8000) n;
INSERT INTO k.little VALUES (1);
"""
ANALYZED = """SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'k' AND analyze_count = 1 ORDER BY 1"""


def test_large_tables_are_analyzed_while_foreign_keys_to_one_table_wait_for_each_other(ends: Ends) -> None:
    drive.execute(ends.source, HUB)
    through_the_data(ends)
    beside = ends.at_target.texts("^ANALYZE ", purpose="post-data")
    assert sorted(beside) == [f'ANALYZE "k"."{name}"' for name in ("hub", "spoke_1", "spoke_2")]
    afterwards = ends.at_target.texts("^ANALYZE ", purpose="analyze")
    assert '"k"."little"' in afterwards[0]
    assert not [text for text in afterwards if "spoke" in text or "hub" in text]
    assert drive.fetch(ends.target, ANALYZED) == [("hub",), ("little",), ("spoke_1",), ("spoke_2",)]
    valid = (
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated AND connamespace = 'k'::regnamespace"
    )
    assert drive.fetch(ends.target, valid) == [(2,)]


def test_a_refused_build_leaves_all_others_done_and_is_the_only_one_tried_again(ends: Ends) -> None:
    drive.execute(ends.source, KEYED)
    through_the_schema(ends)
    drive.execute(ends.target, "CREATE TABLE k.parts_1_at_idx (stands int)")
    ends.through("export data")
    refused = ends.run("import", "data", code=4).document["error"]
    assert refused["details"][0].split(": ")[1] == "index parts_1_at_idx ON k.parts_1"
    failed = "SELECT object FROM ybvoyager.schema_statements WHERE state <> 'done' AND object ~ '^(prim|uni|ind.* ON)'"
    assert drive.fetch(ends.target, failed) == [("index parts_1_at_idx ON k.parts_1",)]
    drive.execute(ends.target, "DROP TABLE k.parts_1_at_idx")
    ends.run("import", "data")
    again = ends.at_target.texts("^(CREATE|ALTER) ", purpose="post-data")
    assert [text for text in again if "PRIMARY KEY" in text] == []
    assert len([text for text in again if text.startswith("CREATE INDEX")]) == 1
    assert schema_snapshot(ends.target) == schema_snapshot(ends.source)


def test_memory_that_is_no_size_is_refused_before_anything_is_loaded(ends: Ends) -> None:
    through_the_schema(ends)
    ends.through("export data")
    error = ends.run("import", "data", "--index-memory", "much", code=2).document["error"]
    assert "--index-memory is much" in error["message"].replace("'", "")
    assert ends.run("import", "data", "--index-jobs", "999", code=2).document["error"]["exit_code"] == 2
