"""Which extensions a migration can count on in YugabyteDB."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SUPPORTED = frozenset({
    "adminpack", "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dblink", "dict_int",
    "dict_xsyn", "earthdistance", "file_fdw", "fuzzystrmatch", "hll", "hstore", "hypopg", "insert_username", "intagg",
    "intarray", "isn", "lo", "ltree", "moddatetime", "orafce", "pageinspect", "pg_buffercache", "pg_cron",
    "pg_freespacemap", "pg_hint_plan", "pg_prewarm", "pg_stat_monitor", "pg_stat_statements", "pg_trgm",
    "pg_visibility", "pgaudit", "pgcrypto", "pgrowlocks", "pgstattuple", "plpgsql", "postgres_fdw", "refint", "seg",
    "sslinfo", "tablefunc", "tcn", "timetravel", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp",
    "yb_pg_metrics", "yb_test_extension",
})  # fmt: skip

# What newer releases bring along -> since when, in words that go behind "YugabyteDB".
BUNDLED: Mapping[str, str] = MappingProxyType(
    {
        "vector": "built on PostgreSQL 15",
        "anon": "built on PostgreSQL 15",
        "pg_partman": "built on PostgreSQL 15",
    }
)
