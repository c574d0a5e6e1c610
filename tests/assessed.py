"""A database for tests of assessments, with what makes reading catalogs hard, and how tests collect from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from voyager.assessment.collect import Collection, collect
from voyager.assessment.metadata import Metadata
from voyager.assessment_dir import AssessmentDir
from voyager.endpoint import Endpoint
from voyager.sources import open_assessed

SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "autovacuum": "off"}
SCHEMAS = ("shop", 'odd "|%, name')

SCHEMA = """
CREATE SCHEMA shop; CREATE SCHEMA "odd ""|%, name"; CREATE SCHEMA elsewhere;
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
CREATE DOMAIN shop.amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE TABLE shop.orders (
    id int PRIMARY KEY, state text NOT NULL, total shop.amount, feels shop.mood, tags text[], feelings shop.mood[],
    note text, payload jsonb
);
INSERT INTO shop.orders
SELECT g, CASE WHEN g % 10 = 0 THEN 'open, "new"' ELSE 'do' || chr(10) || 'ne' END, g, 'glad', ARRAY['x'], NULL, NULL,
       NULL
FROM generate_series(1, 1000) g;
UPDATE shop.orders SET note = repeat(md5(id::text), 400) WHERE id <= 20;
ALTER TABLE shop.orders ALTER note SET STORAGE EXTERNAL;
CREATE INDEX orders_state ON shop.orders (state);
CREATE INDEX orders_state_total ON shop.orders (state, total);
CREATE INDEX orders_lower ON shop.orders (lower(state));
CREATE INDEX orders_open ON shop.orders (total) WHERE state LIKE 'open%';
CREATE TABLE shop.measured (day date NOT NULL, place int NOT NULL, value float8, PRIMARY KEY (day, place))
    PARTITION BY RANGE (day);
CREATE TABLE shop.measured_2024 PARTITION OF shop.measured FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.measured_2025 PARTITION OF shop.measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX measured_value ON shop.measured (value);
INSERT INTO shop.measured SELECT '2024-01-01'::date + g, g, g FROM generate_series(1, 300) g;
CREATE MATERIALIZED VIEW shop.per_state AS SELECT state, count(*) AS orders FROM shop.orders GROUP BY state;
CREATE UNIQUE INDEX per_state_state ON shop.per_state (state);
CREATE VIEW shop.open_orders AS SELECT id, total FROM shop.orders WHERE state LIKE 'open%';
CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE TABLE "odd ""|%, name"."T, ""x""\ty" ("a,b" int, "new
line" text, dropped int);
ALTER TABLE "odd ""|%, name"."T, ""x""\ty" DROP COLUMN dropped;
INSERT INTO "odd ""|%, name"."T, ""x""\ty" SELECT g, 'v' FROM generate_series(1, 7) g;
CREATE TABLE elsewhere.unseen (a int);
ANALYZE;
"""


def collected(endpoint: Endpoint, directory: Path, **options: Any) -> Metadata:
    """What `assessment run` would collect from `endpoint` into `directory`; not measured twice unless asked."""
    place = AssessmentDir(directory)
    place.create()
    source = open_assessed(endpoint)
    try:
        return collect(source, place, Collection(**{"interval_seconds": 0, **options}))
    finally:
        source.close()


def plain(metadata: Metadata, name: str) -> list[dict[str, Any]]:
    """The rows of one table as dictionaries."""
    return [dict(row) for row in metadata.rows(name)]


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }
