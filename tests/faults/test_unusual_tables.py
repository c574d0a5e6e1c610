"""Tables that most never meet: inherited, empty, without columns, without keys, with nothing but generated columns."""

from __future__ import annotations

from pathlib import Path

from tests import drive
from tests.faults.driver import schema_snapshot, snapshot, unmatched_batches
from tests.faults.trial import trial
from tests.states import database
from voyager.embedded import Server

SOURCE = """
CREATE TABLE parent (id int, t text);
CREATE TABLE other_parent (at date);
CREATE TABLE child (extra numeric) INHERITS (parent);
CREATE TABLE grandchild (b bool DEFAULT true) INHERITS (child, other_parent);
INSERT INTO parent SELECT n, 'parent' FROM generate_series(1, 10) n;
INSERT INTO child SELECT n, 'child', n / 3.0 FROM generate_series(1, 20) n;
INSERT INTO grandchild (id, t, at) SELECT n, 'grandchild', '2024-01-01'::date + n FROM generate_series(1, 30) n;
INSERT INTO other_parent VALUES ('2000-01-01');

CREATE TABLE no_rows (id serial PRIMARY KEY, t text);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 7);
CREATE TABLE no_columns_and_no_rows ();
CREATE TABLE columns_dropped (a int, b text);
INSERT INTO columns_dropped VALUES (1, 'x'), (2, 'y');
ALTER TABLE columns_dropped DROP a, DROP b;

CREATE TABLE no_key (t text, n int);
INSERT INTO no_key SELECT 'twice', 1 FROM generate_series(1, 2000);
INSERT INTO no_key VALUES (NULL, NULL), (NULL, NULL), ('', 0);

CREATE TABLE generated_only (a int GENERATED ALWAYS AS (41 + 1) STORED, b text GENERATED ALWAYS AS ('x' || 'y') STORED);
INSERT INTO generated_only SELECT FROM generate_series(1, 5);
CREATE TABLE virtual_only (a int GENERATED ALWAYS AS (6 * 7) VIRTUAL);
INSERT INTO virtual_only SELECT FROM generate_series(1, 4);
CREATE TABLE generated_between (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, gone int,
    id int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10), thrice int GENERATED ALWAYS AS (a * 3) VIRTUAL,
    z text);
INSERT INTO generated_between (a, z) SELECT n, 'row ' || n FROM generate_series(1, 50) n;
ALTER TABLE generated_between DROP gone;

CREATE TABLE parts (id int, region text, at date, PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu') PARTITION BY RANGE (at);
CREATE TABLE parts_eu_2024 PARTITION OF parts_eu FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parts_eu_rest PARTITION OF parts_eu DEFAULT;
-- Attached later: other order of columns, and one that was dropped.
CREATE TABLE parts_rest (at date NOT NULL, gone int, region text NOT NULL, id int NOT NULL);
ALTER TABLE parts_rest DROP gone;
ALTER TABLE parts ATTACH PARTITION parts_rest DEFAULT;
INSERT INTO parts SELECT n, (ARRAY['eu', 'us', 'xx'])[n % 3 + 1], '2023-06-01'::date + n FROM generate_series(1, 900) n;
CREATE TABLE parts_of_nothing (id int) PARTITION BY HASH (id);

CREATE TYPE shape AS (a int, b text);
CREATE TABLE typed OF shape (PRIMARY KEY (a));
INSERT INTO typed VALUES (1, 'one');
CREATE UNLOGGED TABLE unlogged (id int);
INSERT INTO unlogged VALUES (1), (2);
CREATE TABLE circle_a (id int PRIMARY KEY, b int);
CREATE TABLE circle_b (id int PRIMARY KEY, a int NOT NULL REFERENCES circle_a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE circle_a ADD FOREIGN KEY (b) REFERENCES circle_b DEFERRABLE;
BEGIN; INSERT INTO circle_b VALUES (1, 1); INSERT INTO circle_a VALUES (1, 1); COMMIT;
"""


def test_every_row_is_in_the_table_it_was_in(source_server: Server, target_server: Server, tmp_path: Path) -> None:
    with database(source_server) as source, database(target_server) as target:
        drive.execute(source, SOURCE)
        migration = trial(source, target, tmp_path, within=True)
        migration.run("init")
        migration.until("VERIFY")
        migration.run("next", "--run", "CUTOVER")
        migration.until("FINALIZE")
        assert snapshot(target) == snapshot(source)
        assert schema_snapshot(target) == schema_snapshot(source)
        assert unmatched_batches(target) == []
        counts = "SELECT (SELECT count(*) FROM no_columns), (SELECT count(*) FROM ONLY parent)"
        assert drive.fetch(target, counts) == [(7, 10)]
        assert drive.fetch(target, "INSERT INTO generated_between (a) VALUES (1) RETURNING id") == [(600,)]
        assert drive.fetch(target, "INSERT INTO no_rows (t) VALUES ('first') RETURNING id") == [(1,)]
