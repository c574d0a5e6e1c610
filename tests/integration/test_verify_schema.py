"""`migrate verify --level schema` by the real command: one mutation of the target at a time is found, and only that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import both_ends, drive
from tests.both_ends import Migration, database
from tests.schema_mutations import HARMLESS, MORE, Mutation, rounds
from voyager.embedded import Server
from voyager.endpoint import Endpoint

BLOCKING = {"missing", "different"}
UNTOUCHED = [
    "cosmetic collation ks.c_copy encoding",
    "cosmetic constraint coded_code_check of vs.coded definition",
    "intended relation ks.in_ks_heap access_method",
]
"""What an untouched pair differs in."""


@dataclass(frozen=True)
class Bench:
    """A migration whose rows are in, and a copy of its target as it was then."""

    migration: Migration
    pristine: str

    def reset(self) -> None:
        """Give the target back what it had when the rows were in: its state of the migration, too."""
        target = self.migration.target
        server = Endpoint("postgresql", host=target.host, port=target.port, user=target.user,
                          password=target.password, database="postgres")  # fmt: skip
        drive.execute(server, f"DROP DATABASE IF EXISTS {target.database} WITH (FORCE)")
        drive.execute(server, f"CREATE DATABASE {target.database} TEMPLATE {self.pristine}")

    def verify(self, *options: str, code: int) -> dict[str, Any]:
        """Run the command and return the report's part about the schema."""
        done = self.migration.run("verify", *(options or ("--level", "schema")), code=code)
        report = json.loads((self.migration.export_dir / "reports" / "verification_report.json").read_text())
        found = report["schema"]
        assert isinstance(found, dict)
        return {**found, "clean": report["clean"], "said": done.stdout + done.stderr}


def lines(report: dict[str, Any], classes: set[str]) -> list[str]:
    return sorted(
        f"{one['class']} {one['kind']} {one['object']} {one['fact']}"
        for one in report["differences"]
        if one["class"] in classes
    )


def begin(source: Endpoint, target: Endpoint, directory: Path, *files: str) -> Migration:
    both_ends.load(source, files)
    drive.execute(source, MORE)
    both_ends.create_roles(target)
    migration = Migration(source, target, directory / "export dir", name="verify-schema", within=True)
    migration.run("init", "--yes")
    migration.run("export", "schema", "--comments-on-objects", "--owners", "--grants")
    migration.run("next", "--until", "IMPORT_DATA", "--yes")
    return migration


@pytest.fixture(scope="module")
def imported(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with database(source_server, "vs_source") as source, database(target_server, "vs_target") as target:
        migration = begin(source, target, tmp_path_factory.mktemp("18"), *both_ends.KITCHEN_SINK_18)
        server = target_server.endpoint()
        drive.execute(server, "CREATE DATABASE vs_pristine TEMPLATE vs_target")
        yield Bench(migration, "vs_pristine")
        drive.execute(server, "DROP DATABASE vs_pristine WITH (FORCE)")


@pytest.fixture
def bench(imported: Bench) -> Bench:
    imported.reset()
    return imported


def test_an_untouched_pair_has_nothing_that_is_missing_or_different(bench: Bench) -> None:
    report = bench.verify(code=0)
    assert report["clean"]
    assert lines(report, {"missing", "different", "intended", "cosmetic"}) == UNTOUCHED
    sql = (
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', "
    )
    counted = drive.fetch(
        bench.migration.source,
        sql + "'m', 'f') AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT EXISTS "
        "(SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')",
    )
    assert report["objects"]["relation"] == counted[0][0] > 150


def test_the_objects_are_compared_before_the_values_too(bench: Bench) -> None:
    drive.execute(bench.migration.target, "ALTER FUNCTION vs.one() VOLATILE")
    kept = bench.migration
    process = Migration(kept.source, kept.target, kept.export_dir, name=kept.name)  # as an operator runs it
    report = Bench(process, "").verify("--level", "counts", code=3)
    assert lines(report, BLOCKING) == ["different routine vs.one() volatility"]


@pytest.mark.parametrize("mutations", rounds(), ids=lambda mutations: f"{mutations[0].name}, {len(mutations)} in all")
def test_mutations_of_the_target_are_found_named_and_classed(bench: Bench, mutations: list[Mutation]) -> None:
    """All of a round at once, each of another object: those are the differences, and there is no other."""
    for mutation in mutations:
        drive.execute(bench.migration.target, mutation.sql)
    report = bench.verify(code=3)
    assert lines(report, BLOCKING) == sorted(line for mutation in mutations for line in mutation.expected)
    assert not report["clean"]
    first = mutations[0].expected[0].split(" ", 2)[2].rsplit(" ", 1)[0]
    assert first in report["said"]


def test_what_does_no_harm_is_named_and_withholds_nothing(bench: Bench) -> None:
    for mutation in HARMLESS:
        drive.execute(bench.migration.target, mutation.sql)
    found = lines(bench.verify(code=0), {"intended", "cosmetic"})
    assert {*found} == {*UNTOUCHED, *(line for mutation in HARMLESS for line in mutation.expected)}


@pytest.fixture
def files(bench: Bench) -> Iterator[Path]:
    """The schema files, put back afterwards."""
    schema = bench.migration.export_dir / "schema"
    kept = schema.with_name("kept")
    shutil.copytree(schema, kept)
    yield schema
    shutil.rmtree(schema)
    kept.rename(schema)


def test_what_was_removed_from_the_files_is_intended(bench: Bench, files: Path) -> None:
    path = files / "indexes" / "index.sql"
    text = path.read_text()
    start = text.index("CREATE INDEX t_plain")
    path.write_text(text[:start] + text[text.index(";", start) + 1 :])
    drive.execute(bench.migration.target, "DROP INDEX vs.t_plain")
    report = bench.verify(code=0)
    found = [one for one in report["differences"] if one["object"] == "t_plain of vs.t"]
    assert [(one["class"], one["why"]) for one in found] == [
        ("intended", "its statement was removed from the schema files")
    ]
    assert "t_plain of vs.t does not exist in the target: its statement was removed" in report["said"]


def test_what_was_edited_in_the_files_is_intended_and_nothing_else(bench: Bench, files: Path) -> None:
    path = files / "indexes" / "index.sql"
    path.write_text(path.read_text().replace("vs.t USING btree (n DESC, t)", "vs.t USING btree (n, t)"))
    sql = "DROP INDEX vs.t_plain, vs.t_pattern; CREATE INDEX t_plain ON vs.t (n, t); CREATE INDEX t_pattern ON vs.t (t)"
    drive.execute(bench.migration.target, sql)
    report = bench.verify(code=3)
    assert lines(report, BLOCKING) == ["different index t_pattern of vs.t operator_classes"]
    found = [one for one in report["differences"] if one["object"] == "t_plain of vs.t"]
    assert [one["class"] for one in found] == ["intended"]
    assert "edited after the export (indexes/index.sql:" in found[0]["why"]


def test_what_was_made_in_the_source_since_is_missing(bench: Bench) -> None:
    drive.execute(bench.migration.source, "CREATE SEQUENCE vs.made_later")
    try:
        assert lines(bench.verify(code=3), BLOCKING) == ["missing sequence vs.made_later existence"]
    finally:
        drive.execute(bench.migration.source, "DROP SEQUENCE vs.made_later")


def test_a_part_of_the_tables_is_compared_with_what_belongs_to_them(bench: Bench) -> None:
    drive.execute(
        bench.migration.target, "DROP FUNCTION vs.one(); DROP INDEX vs.t_plain; ALTER TABLE ks.empty DROP note"
    )
    report = bench.verify("--level", "schema", "--table-list", "vs.t", code=3)
    assert lines(report, BLOCKING) == ["missing index t_plain of vs.t existence"]


def test_from_18_to_15_only_explained_differences_are_left(
    source_server: Server, pg15_server: Server, tmp_path: Path
) -> None:
    with database(source_server, "vs_15") as source, database(pg15_server, "vs_15") as target:
        bench = Bench(begin(source, target, tmp_path, *both_ends.KITCHEN_SINK), "")
        report = bench.verify(code=0)
        assert lines(report, BLOCKING) == []
        printed = [one for one in lines(report, {"cosmetic"}) if " view " in one]
        assert len(printed) > 30
        others = [one for one in lines(report, {"cosmetic", "intended"}) if one not in printed]
        assert others == [
            "cosmetic collation ks.c_copy encoding",
            "cosmetic constraint coded_code_check of vs.coded definition",
            *(f"cosmetic extension {name} version" for name in ("btree_gist", "citext", "postgres_fdw")),
            "intended relation ks.in_ks_heap access_method",
        ]
        drive.execute(target, "CREATE OR REPLACE VIEW vs.v AS SELECT t.id, t.n FROM vs.t WHERE t.n > 2")
        assert lines(bench.verify(code=3), BLOCKING) == ["different view vs.v definition"]


def test_grants_are_compared_where_the_export_was_asked_for_them_though_the_source_had_none(
    source_server: Server, target_server: Server, tmp_path: Path
) -> None:
    with database(source_server, "vs_bare_source") as source, database(target_server, "vs_bare_target") as target:
        drive.execute(source, "CREATE TABLE t (id int PRIMARY KEY)")
        migration = Migration(source, target, tmp_path / "export", name="verify-bare", within=True)
        migration.run("init", "--yes")
        migration.run("export", "schema", "--grants", "--owners", "--exclude-object-type-list", "owner")
        migration.run("next", "--until", "IMPORT_DATA", "--yes")
        bench = Bench(migration, "")
        assert lines(bench.verify(code=0), BLOCKING) == []
        report = json.loads((migration.export_dir / "reports" / "verification_report.json").read_text())
        (left,) = [one for one in report["not_compared"] if one["kind"] == "definitions"]
        assert left["name"] == "comments, owners"
        assert left["reason"].endswith("export schema --comments-on-objects --owners")
        drive.execute(target, "GRANT SELECT ON t TO PUBLIC")
        assert lines(bench.verify(code=3), BLOCKING) == ["different grant table public.t privileges"]
