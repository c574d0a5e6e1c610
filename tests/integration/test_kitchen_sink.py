"""A database with every kind of object, migrated by the real commands: both ends differ only by a list with reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import both_ends, drive
from tests.both_ends import (
    Difference,
    Expected,
    Holding,
    Migration,
    becomes,
    database,
    holding,
    is_left_behind,
    unexplained,
)
from tests.catalog_queries import SCHEMAS
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName

HOSTILE = re.compile(rb"DO \$hostile\$.*?\$hostile\$;", re.DOTALL)

# What only a living pair of servers can have: a foreign table within reach, and constraints that wait for validation.
MORE = """
ALTER DATABASE {database} SET work_mem = '5MB';
CREATE SERVER ks_near FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{name}');
CREATE USER MAPPING FOR CURRENT_USER SERVER ks_near OPTIONS (user 'postgres', password '{password}');
CREATE FOREIGN TABLE ks.near (id integer, note text) SERVER ks_near
    OPTIONS (schema_name 'public', table_name 'in_public');
CREATE MATERIALIZED VIEW ks.of_near AS SELECT * FROM ks.near;
CREATE MATERIALIZED VIEW ks.of_of_near AS SELECT count(*) FROM ks.of_near;
CREATE TABLE ks.later (id integer, parent integer);
INSERT INTO ks.later VALUES (1, 1);
ALTER TABLE ks.later ADD CONSTRAINT later_fk FOREIGN KEY (parent) REFERENCES ks.parents (id) NOT VALID;
ALTER TABLE ks.later ADD CONSTRAINT later_check CHECK (id > 0) NOT VALID;
"""

ALWAYS = (
    Expected("user mapping", ".*", "existence", "it holds a password: left out by name", is_left_behind),
    Expected("large object", "424242", "existence", "large objects are left out by name", is_left_behind),
    Expected("collation", "ks.c_copy", "collencoding", "pg_dump writes it out, for the encoding", becomes(-1, 6)),
    Expected("column", r"ks.types.ta", "attndims", "pg_dump writes text[] for text[][]", becomes(2, 1)),
    Expected(
        "constraint",
        r".*by_range.*_pkey\"? on .*by_range.*",
        "connoinherit",
        "pg_dump makes a partition's key by itself and attaches it",
        becomes(False, True),
    ),
    Expected(
        "relation",
        "ks.in_ks_heap",
        "access_method",
        "tables get the target's own access method",
        becomes("ks_heap", "heap"),
    ),
    Expected("relation", "ks.of(_of)?_near", "relispopulated", "reads a foreign table without user mapping"),
    Expected("rows", "ks.of(_of)?_near", "existence", "reads a foreign table without user mapping", is_left_behind),
    *(
        Expected("constraint", f"{name} on ks.later", attribute, "FINALIZE has validated it", when)
        for name, definition in (
            ("later_check", "CHECK ((id > 0))"),
            ("later_fk", "FOREIGN KEY (parent) REFERENCES ks.parents(id)"),
        )
        for attribute, when in (
            ("convalidated", becomes(False, True)),
            ("definition", becomes(f"{definition} NOT VALID", definition)),
        )
    ),
)
WITH_COMMENTS = Expected("comment", "large object 424242", "existence", "goes with its object", is_left_behind)
ONLY_18 = Expected(
    "constraint",
    "b_there on ks18.not_nulls_child",
    "conislocal",
    "pg_dump names what a child inherits and is valid there",
    becomes(False, True),
)


def _without_maintain(found: Difference) -> bool:
    return isinstance(found.source, list) and [re.sub("m(?=/)", "", one) for one in found.source] == found.target


def _owner_alone_may(found: Difference) -> bool:
    """Of schemas, functions and such PUBLIC may do what it may do by default."""
    return {grant.split("=")[0] for grant in found.target} <= {"postgres", ""} or "ks_" in str(found.source)


def _is_not_null(found: Difference) -> bool:
    return is_left_behind(found) and found.source["contype"] == "n"


def _is_half_of_a_foreign_key(found: Difference) -> bool:
    there = found.source if is_left_behind(found) else found.target
    return there["contype"] == "f" and there["parent"] == "to_partitioned_at_id_fkey on ks.to_partitioned"


WITHOUT_OPTIONS = (
    Expected("owner", ".*", "owner", "without --owners all is the importing role's", lambda d: d.target == "postgres"),
    Expected("grant", ".*", "privileges", "without --grants an owner's own are all there are", _owner_alone_may),
    Expected("column grant", ".*", "existence", "without --grants there are none", is_left_behind),
    Expected("default privileges", ".*", "existence", "without --grants there are none", is_left_behind),
    Expected("comment", "(?!extension).*", "existence", "without --comments-on-objects there are none", is_left_behind),
    Expected("comment", "extension citext", "description", "the extension's own comment"),
)
FROM_18_TO_15 = (
    Expected("constraint", ".*", "existence", "NOT NULL is no constraint of its own before 18", _is_not_null),
    Expected("constraint", ".*", "existence", "18 numbers these differently", _is_half_of_a_foreign_key),
    Expected("extension", "btree_gist|citext|postgres_fdw", "extversion", "each server has its own"),
    Expected("grant", ".*", "privileges", "MAINTAIN is new in 17", _without_maintain),
    Expected("column", ".*by_range.*.id", "attidentity", "no identity on partitions before 17", becomes("a", "")),
    Expected("comment", "transform .*", "existence", "18 calls it otherwise"),
    Expected("view", ".*", "definition", "15 says the table of each column: compared with a native load instead"),
    Expected("rule", '"_RETURN" .*', "definition", "15 says the table of each column: compared likewise"),
)


@dataclass(frozen=True)
class Migrated:
    """A migration that is over, with what its commands said."""

    migration: Migration
    source: Holding
    target: Holding
    exported_schema: dict[str, Any]
    exported_data: dict[str, Any]
    said: str


def fill(endpoint: Endpoint, *files: str, hostile: bool = False, more: bool = True) -> None:
    with drive.connect(endpoint) as connection:
        for name in files:
            text = (both_ends.FIXTURES / name).read_bytes()
            connection.execute(text if hostile else HOSTILE.sub(b"", text))
    if more:
        facts = {"name": endpoint.database, "port": endpoint.port, "password": endpoint.password}
        drive.execute(endpoint, MORE.format(database=endpoint.database, **facts))


def migrate(source: Endpoint, target: Endpoint, directory: Path, *choices: str) -> Migrated:
    migration = Migration(source, target, directory / "export dir")
    migration.run("init", "--yes")
    schema = migration.document("export", "schema", *choices)
    migration.run("next", "--until", "IMPORT_SCHEMA", "--yes")
    data = migration.document("export", "data")
    said = migration.run("next", "--until", "VERIFY", "--yes").stderr
    migration.run("cutover", "initiate", "--yes")
    migration.run("finalize", "--yes")
    migration.run("end", "--yes")
    return Migrated(migration, holding(source), holding(target), schema, data, said)


RELATIONS = {"table", "partitioned", "partition", "foreign", "materialized view"}
ALL = ("--owners", "--grants", "--comments-on-objects")


@pytest.fixture(scope="module")
def from_18_to_18(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    with database(source_server, "ks_all") as source, database(target_server, "ks_all") as target:
        fill(source, *both_ends.KITCHEN_SINK_18, hostile=True)
        both_ends.create_roles(target)
        yield migrate(source, target, tmp_path_factory.mktemp("18 to 18"), *ALL)


@pytest.fixture(scope="module")
def from_18_to_15(
    source_server: Server, pg15_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    with database(source_server, "ks_15") as source, database(pg15_server, "ks_15") as target:
        fill(source, *both_ends.KITCHEN_SINK)
        both_ends.create_roles(target)
        yield migrate(source, target, tmp_path_factory.mktemp("18 to 15"), *ALL)


@pytest.fixture(scope="module")
def without_options(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    with database(source_server, "ks_plain") as source, database(target_server, "ks_plain") as target:
        fill(source, *both_ends.KITCHEN_SINK_18)
        # Policies name them, with options or without.
        both_ends.create_roles(target)
        yield migrate(source, target, tmp_path_factory.mktemp("plain"))


def test_from_18_to_18_both_ends_differ_only_by_the_list(from_18_to_18: Migrated) -> None:
    ends = from_18_to_18.source, from_18_to_18.target
    assert len(ends[0]) > 3000
    assert {kind for kind, _ in ends[0]} >= both_ends.QUERIES.keys() - {"dependency on an extension"}
    assert unexplained(*ends, (*ALWAYS, WITH_COMMENTS, ONLY_18)) == []


def test_from_18_to_15_both_ends_differ_only_by_the_list(from_18_to_15: Migrated) -> None:
    assert unexplained(from_18_to_15.source, from_18_to_15.target, (*ALWAYS, WITH_COMMENTS, *FROM_18_TO_15)) == []


def test_a_target_of_15_is_as_if_the_schema_had_been_written_for_it(
    from_18_to_15: Migrated, pg15_server: Server
) -> None:
    """The server itself writes views differently: a database of its own kind is what to compare them with."""
    with database(pg15_server, "ks_native") as native:
        fill(native, *both_ends.KITCHEN_SINK, more=False)
        found = holding(native)
    views = [key for key in found if key[0] in ("view", "rule")]
    assert len(views) > 30
    assert [(key, found[key]) for key in views] == [(key, from_18_to_15.target[key]) for key in views]


@pytest.mark.slow
def test_without_options_owners_grants_and_comments_stay_behind_and_nothing_else(without_options: Migrated) -> None:
    ends = without_options.source, without_options.target
    assert unexplained(*ends, (*ALWAYS, ONLY_18, *WITHOUT_OPTIONS)) == []
    kinds = {key[0] for key in ends[1]}
    assert not kinds & {"column grant", "default privileges"}
    assert {key[1].split()[0] for key in ends[1] if key[0] == "comment"} == {"extension", "schema"}


def test_every_relation_of_the_source_has_one_disposition(from_18_to_18: Migrated) -> None:
    summary = from_18_to_18.exported_data["summary"]
    said = summary["copied"] + [one["name"] for one in summary["skipped"] if one["kind"] in RELATIONS]
    sql = f"SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {SCHEMAS}"
    rows = drive.fetch(from_18_to_18.migration.source, f"{sql} AND relkind IN ('r', 'p', 'f', 'm')")
    assert sorted(said) == sorted(str(TableName(*row)) for row in rows)


def test_what_is_skipped_says_why(from_18_to_18: Migrated) -> None:
    skipped = {(one["kind"], one["name"]): one["reason"] for one in from_18_to_18.exported_data["summary"]["skipped"]}
    reasons = {
        ("partitioned", "ks.by_range"): "its rows are in its partitions, which are copied",
        ("foreign", "ks.far"): "its rows are in another database",
        ("foreign", "ks.by_list_far"): "its rows are in another database",
        ("materialized view", "ks.summary"): "it is refreshed on the target",
        ("materialized view", "ks.unfilled"): "it is not populated at the source and stays so",
    }
    assert reasons.items() <= skipped.items()


@pytest.mark.parametrize("document", ["exported_schema", "exported_data"])
def test_what_no_file_can_carry_is_said_once(from_18_to_18: Migrated, document: str) -> None:
    summary = getattr(from_18_to_18, document)["summary"]
    said = [(one["kind"], one["name"]) for one in summary.get("not_migrated") or summary["skipped"]]
    others = [one for one in said if one[0] not in RELATIONS]
    name = from_18_to_18.migration.source.database
    assert sorted(one for one in others if one[0] != "table access method") == [
        ("large objects", name),
        ("setting", f"database {name}"),
        ("user mapping", "ks_near for postgres"),
        ("user mapping", "ks_server for ks_reader"),
        ("user mapping", "ks_server for public"),
    ]
    assert ("table access method", "ks_heap") in others or document == "exported_data"
    assert "ks-canary" not in json.dumps(summary)


@pytest.mark.parametrize("phase", ["IMPORT_DATA", "FINALIZE"])
def test_a_view_that_cannot_be_refreshed_is_named_and_stops_nothing(from_18_to_18: Migrated, phase: str) -> None:
    summary = from_18_to_18.migration.summary(phase)
    summary = summary.get("post_data", summary)
    assert list(summary["not_refreshed"]) == ["ks.of_near", "ks.of_of_near"]
    assert "ks.of_near" in summary["not_refreshed"]["ks.of_near"]
    assert "user mapping not found" in summary["not_refreshed"]["ks.of_near"]
    assert "has not been populated" in summary["not_refreshed"]["ks.of_of_near"]
    assert {"ks.summary", "ks.of_summary", "ks.of_grouped"} == set(summary["materialized_views"])
    assert summary["materialized_views"].index("ks.summary") < summary["materialized_views"].index("ks.of_summary")
    assert "ks.by_list" in summary["not_analyzed"]


def test_warnings_of_what_is_not_filled_are_seen(from_18_to_18: Migrated) -> None:
    checklist = " ".join(from_18_to_18.migration.summary("CUTOVER")["checklist"])
    assert "Materialized view ks.of_near is not filled" in checklist
    assert "REFRESH MATERIALIZED VIEW ks.of_near" in from_18_to_18.said
    assert "ANALYZE ks.by_list" in from_18_to_18.said


def test_constraints_that_rows_break_stay_not_valid_and_are_named(from_18_to_18: Migrated) -> None:
    summary = from_18_to_18.migration.summary("FINALIZE")
    assert sorted(summary["validated"]) == ["later_check of table ks.later", "later_fk of table ks.later"]
    left = " ".join(summary["left_not_valid"])
    assert all(name in left for name in ("age > 0", "table ks.orphans", "orphans_fk", "domain ks.loose", "b_there"))


def test_no_name_became_a_command_and_no_password_a_file(from_18_to_18: Migrated) -> None:
    assert not Path("/tmp/ks-was-here").exists()
    files = [path for path in from_18_to_18.migration.export_dir.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert not [path for path in files if b"ks-canary" in path.read_bytes()]
