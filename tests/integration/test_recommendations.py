"""An assessment on its way into a schema: stored by `migrate init`, applied by `export schema`, originals kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.in_process import Ends
from tests.integration.test_capabilities import YUGABYTEDB_DOUBLE
from voyager.endpoint import Endpoint
from voyager.errors import Interrupted
from voyager.phases import export_schema
from voyager.target.target import Target

ODD = """
CREATE SCHEMA "Odd ""Place";
CREATE TABLE "Odd ""Place"."T (x" ("on" int PRIMARY KEY, "a,b" text, "with" text COLLATE "C");
CREATE INDEX "I (" ON "Odd ""Place"."T (x" ("a,b" NULLS FIRST);
CREATE INDEX "I (2" ON "Odd ""Place"."T (x" ("a,b" NULLS FIRST, "with");
COMMENT ON INDEX "Odd ""Place"."I (" IS 'goes with its index; WITH (colocation)';
INSERT INTO "Odd ""Place"."T (x" VALUES (1, 'x', 'y');
CREATE INDEX orders_customer_note ON orders (customer_id, note);
CREATE TABLE events (id int, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01') WITH (fillfactor = 70);
CREATE TABLE events_new PARTITION OF events DEFAULT;
"""
INDEXES = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname IN ('public', 'Odd "Place') ORDER BY 1
"""
RECOMMENDED = {
    "sharded": ["public.orders", 'Odd "Place.T (x', "public.events_old"],
    "colocated": ["public.customers"],
    "redundant_indexes": [
        {"table": 'Odd "Place.T (x', "index": 'Odd "Place.I (', "ddl": "…", "existing": 'Odd "Place.I (2'},
        {"table": "public.orders", "index": "public.orders_customer", "ddl": "…", "existing": "public.orders_x"},
        {"table": "public.orders", "index": "public.orders_note", "ddl": "…", "existing": "public.orders_x"},
    ],
    "range_indexes": ['Odd "Place.I (2', "public.orders_note", "public.orders_customer"],
}


def assessment(directory: Path, database: str, **more: Any) -> Path:
    """A directory with a report as `assessment run` leaves one."""
    report = {
        "MigrationComplexity": "LOW",
        "SchemaSummary": {"DbName": database, "SchemaNames": ["public"]},
        "AssessmentIssues": [],
        "Recommendations": RECOMMENDED,
        **more,
    }
    (directory / "reports").mkdir(parents=True)
    (directory / "reports" / "migration_assessment_report.json").write_text(json.dumps(report))
    return directory


@pytest.fixture
def assessed(ends: Ends, tmp_path: Path) -> Ends:
    """A migration that began with an assessment."""
    drive.execute(ends.source, ODD)
    ends.run("init", "--assessment-dir", assessment(tmp_path / "assessed", ends.source.database))
    return ends


def files(ends: Ends, below: str = "") -> dict[str, str]:
    """File -> text under schema/, or under a directory of it; without what an export keeps aside."""
    root = ends.export_dir / "schema" / below
    found = {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*.sql")}
    aside = ("originals/", "redundant_indexes.sql")
    return {name: text for name, text in found.items() if below or not name.startswith(aside)}


def test_the_report_is_kept_with_the_migration(assessed: Ends) -> None:
    [(database, directory, kind, sharded)] = drive.fetch(
        assessed.target,
        "SELECT settings #>> '{assessment,database}', settings #>> '{assessment,directory}', kind,"
        " body #>> '{Recommendations,sharded,0}'"
        " FROM ybvoyager.migrations JOIN ybvoyager.reports USING (migration_uuid)",
    )
    assert (database, kind, sharded) == (assessed.source.database, "assessment", "public.orders")
    assert directory == str(assessed.export_dir.parent / "assessed")


def test_an_index_that_another_serves_for_is_left_out_and_all_else_arrives(assessed: Ends) -> None:
    found = assessed.run("export", "schema", "--apply-recommendations").document
    assert found["summary"]["recommendations"]["applied"] == 2
    refused = [line for line in found["details"] if line.startswith("Not applied")]
    assert refused == ["Not applied to public.orders_note: no other index of this export serves in its place"]
    said = " ".join(found["details"])
    assert "4 tables is left to the target" in said
    assert "3 indexes to shard by ranges stay" in said

    assert "colocation" not in str({**files(assessed), "comments/comment.sql": ""})
    kept = files(assessed, "originals")
    assert 'CREATE INDEX "I (" ON' in kept["indexes/index.sql"]
    aside = (assessed.export_dir / "schema" / "redundant_indexes.sql").read_text()
    assert [line for line in aside.splitlines() if line] == [
        'CREATE INDEX "I (" ON "Odd ""Place"."T (x" USING btree ("a,b" NULLS FIRST);',
        "CREATE INDEX orders_customer ON public.orders USING btree (customer_id);",
    ]

    assessed.through("analyze-schema", "import schema", "export data", "import data", "verify")
    there, here = ([name for (name,) in drive.fetch(end, INDEXES)] for end in (assessed.target, assessed.source))
    assert set(here) - set(there) == {'Odd "Place.I (', "public.orders_customer"}
    assert set(there) <= set(here)
    assert drive.fetch(assessed.target, 'SELECT "a,b", "with" FROM "Odd ""Place"."T (x"') == [("x", "y")]


def test_a_comment_goes_with_the_index_that_is_left_out(assessed: Ends) -> None:
    assessed.run("export", "schema", "--apply-recommendations", "--comments-on-objects")
    assert "comments/comment.sql" not in files(assessed)
    aside = (assessed.export_dir / "schema" / "redundant_indexes.sql").read_text()
    assert 'COMMENT ON INDEX "Odd ""Place"."I (" IS' in aside
    assessed.through("analyze-schema", "import schema")


def test_done_over_without_recommendations_the_files_are_the_plain_ones(assessed: Ends) -> None:
    assessed.run("export", "schema", "--apply-recommendations")
    originals = files(assessed, "originals")
    plain = assessed.run("export", "schema", "--start-clean", "--yes").document
    assert files(assessed) == originals
    assert not (assessed.export_dir / "schema" / "originals").exists()
    assert not (assessed.export_dir / "schema" / "redundant_indexes.sql").exists()
    assert not (assessed.export_dir / "reports" / "schema_recommendations.json").exists()
    assert "--apply-recommendations" in plain["details"][0]


def test_an_export_that_was_cut_off_is_finished_without_recommendations_as_if_they_had_never_been(
    assessed: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise Interrupted("The files are there, the report is not.")

    with monkeypatch.context() as patched:
        patched.setattr(export_schema, "_write_report", cut_off)
        assessed.run("export", "schema", "--apply-recommendations", code=130)
    originals = files(assessed, "originals")
    assert "orders_customer " not in files(assessed)["indexes/index.sql"]
    assessed.run("export", "schema")
    assert files(assessed) == originals
    assert not (assessed.export_dir / "schema" / "originals").exists()
    assert not (assessed.export_dir / "reports" / "schema_recommendations.json").exists()


def test_a_dry_run_shows_each_change_and_makes_none(assessed: Ends) -> None:
    plan = assessed.run("export", "schema", "--apply-recommendations", "--dry-run").document["plan"]
    before, after = plan.index("  now: left out") - 1, plan.index("  now: left out")
    assert plan[before].startswith("  was: CREATE INDEX")
    assert plan[after + 1 :]
    assert not files(assessed)


def test_a_colocated_yugabytedb_gets_tablets_and_ranges_as_recommended(
    assessed_double: Ends, force: Callable[..., None]
) -> None:
    ends = assessed_double
    found = ends.run("export", "schema", "--apply-recommendations").document
    tables = files(ends)["tables/table.sql"]
    assert 'CREATE TABLE "Odd ""Place"."T (x" (' in tables
    assert tables.count("WITH (colocation = false)") == 4
    assert "\nWITH (colocation = false, fillfactor='70');" in tables
    assert "colocation" not in tables[tables.index("public.customers") :].split(";")[0]
    assert "NULLS FIRST" in files(ends)["indexes/index.sql"]
    assert '("a,b" ASC NULLS FIRST, "with")' in files(ends)["indexes/index.sql"]
    assert "(note text_pattern_ops ASC) WHERE" in files(ends)["indexes/index.sql"]
    assert "public.events: public.events_old, of the same partitioned table, is sharded" in found["details"]
    report = json.loads((ends.export_dir / "reports" / "schema_recommendations.json").read_text())
    changed = {one["object"]: (one["original"], one["rewritten"]) for one in report["applied"]}
    assert changed["public.orders"][1] == changed["public.orders"][0] + "\nWITH (colocation = false)"
    assert found["summary"]["recommendations"]["applied"] == len(changed) == 9

    # What plays YugabyteDB has no such option; what matters is what it was asked for.
    force(Target, copy_rows_per_transaction=False)
    ends.run("analyze-schema")
    ends.run("import", "schema", "--continue-on-error", code=4)
    sent = ends.at_target.texts("colocation = false", purpose="schema")
    assert any(text.startswith("CREATE TABLE public.orders (") for text in sent)
    assert not any("customers" in text for text in sent)


@pytest.fixture
def assessed_double(ends: Ends, tmp_path: Path) -> Ends:
    """A migration into the double of a colocated YugabyteDB database that began with an assessment."""
    colocated = YUGABYTEDB_DOUBLE.replace("SELECT false", "SELECT true")
    assert colocated != YUGABYTEDB_DOUBLE
    drive.execute(ends.target, colocated)
    names = f'ALTER ROLE "{ends.target.user}" IN DATABASE "{ends.target.database}"'
    drive.execute(ends.target, f"{names} SET search_path = ybfake, public, pg_catalog")
    drive.execute(ends.source, ODD)
    ends.run("init", "--assessment-dir", assessment(tmp_path / "assessed", ends.source.database))
    return ends


def test_without_an_assessment_there_is_nothing_to_apply(ends: Ends) -> None:
    ends.run("init")
    refused = ends.run("export", "schema", "--apply-recommendations", code=2).document["error"]
    assert "migrate init --assessment-dir" in str(refused)
    [(state,)] = drive.fetch(ends.target, "SELECT state FROM ybvoyager.migration_state WHERE phase = 'EXPORT_SCHEMA'")
    assert state == "NOT_STARTED"
    ends.run("export", "schema")


def damage(directory: Path) -> None:
    report = directory / "reports" / "migration_assessment_report.json"
    report.write_text(report.read_text()[:-20])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda directory: (directory / "reports" / "migration_assessment_report.json").unlink(), "There is no report"),
        (damage, "not JSON"),
    ],
)
def test_a_report_that_cannot_be_read_begins_no_migration(
    ends: Ends, tmp_path: Path, change: Callable[[Path], None], says: str
) -> None:
    directory = assessment(tmp_path / "assessed", ends.source.database)
    change(directory)
    assert says in str(ends.run("init", "--assessment-dir", directory, code=2).document["error"])
    assert not begun(ends.target)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"Source": {"engine": "oracle"}}, "is about oracle"),
        ({"Recommendations": {"sharded": [{"table": "t"}]}}, "do not have the form"),
    ],
)
def test_a_report_about_something_else_begins_no_migration(
    ends: Ends, tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    directory = assessment(tmp_path / "assessed", ends.source.database, **more)
    assert says in str(ends.run("init", "--assessment-dir", directory, code=2).document["error"])
    assert not begun(ends.target)


def begun(target: Endpoint) -> bool:
    return drive.fetch(target, "SELECT to_regclass('ybvoyager.migrations') IS NOT NULL")[0][0]


def test_a_report_of_a_database_with_another_name_is_taken_with_a_warning(ends: Ends, tmp_path: Path) -> None:
    found = ends.run("init", "--assessment-dir", assessment(tmp_path / "assessed", "production")).document
    [warning] = [check for check in found["checks"] if check["id"] == "assessment_of_source"]
    assert warning["severity"] == "warning"
    assert "production" in warning["finding"]
