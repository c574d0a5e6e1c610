"""The options of the schema commands, and what an operator does when the target refuses a statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.both_ends import Migration, database
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway
from voyager.phases import cutover
from voyager.target import sequences

SHOP = """
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE SCHEMA "Odd, Name";
CREATE TYPE app.mood AS ENUM ('ok', 'sad');
CREATE DOMAIN app.positive AS integer;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE app.parents (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood app.mood DEFAULT 'ok' UNIQUE);
CREATE TABLE app.children (id serial PRIMARY KEY, parent integer REFERENCES app.parents, note text CHECK (note <> ''));
CREATE INDEX by_note ON app.children (note);
CREATE INDEX by_parent ON app.children (parent);
ALTER TABLE app.children CLUSTER ON by_parent;
CREATE TABLE app.parts (id integer PRIMARY KEY, at date) PARTITION BY RANGE (id);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (10);
CREATE INDEX parts_at ON app.parts (at);
CREATE VIEW app.moods AS SELECT mood FROM app.parents;
CREATE MATERIALIZED VIEW app.totals AS SELECT count(*) FROM app.children;
CREATE TRIGGER touch BEFORE UPDATE ON app.children FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE POLICY everyone ON app.parents USING (true);
ALTER TABLE app.parents ENABLE ROW LEVEL SECURITY;
CREATE TABLE other.things (id integer PRIMARY KEY);
CREATE TABLE "Odd, Name"."Odd Table" (id integer PRIMARY KEY);
COMMENT ON TABLE app.parents IS 'table';
COMMENT ON TRIGGER touch ON app.children IS 'trigger';
INSERT INTO app.parents (mood) VALUES ('ok'), ('sad');
INSERT INTO app.children (parent, note) VALUES (1, 'a'), (2, 'b');
INSERT INTO app.parts VALUES (1, '2024-01-01');
INSERT INTO other.things VALUES (1);
INSERT INTO "Odd, Name"."Odd Table" VALUES (1);
"""
Prepare = Callable[..., Migration]


@pytest.fixture(scope="module")
def shop(source_server: Server) -> Iterator[Endpoint]:
    """A source that no test changes."""
    with database(source_server, "schema_commands") as endpoint:
        drive.execute(endpoint, SHOP)
        yield endpoint


@pytest.fixture
def prepared(shop: Endpoint, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Prepare:
    """`prepared(*options of init)`: a migration of the shop that is initialized."""

    def prepare(*options: str, source: Endpoint = shop, target: Server = target_server) -> Migration:
        migration = Migration(source, fresh_database(target), tmp_path / "export dir", options, within=True)
        migration.run("init", "--yes")
        return migration

    return prepare


def schema_files(migration: Migration) -> dict[str, str]:
    """File -> text, of everything under schema/."""
    directory = migration.export_dir / "schema"
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*.sql")}


def edit(migration: Migration, file: str, *changes: tuple[str, str]) -> None:
    path = migration.export_dir / "schema" / file
    text = path.read_text()
    for old, new in changes:
        assert old in text, text
        text = text.replace(old, new)
    path.write_text(text)


def finished(migration: Migration, phase: str) -> dict[str, Any]:
    """object -> when its statement was done."""
    sql = "SELECT object, finished_at FROM ybvoyager.schema_statements WHERE phase = %s AND state = 'done'"
    return dict(drive.fetch(migration.target, sql, [phase]))


def left_out(document: dict[str, Any]) -> dict[str, str]:
    return {f"{one['kind']} {one['name']}": one["reason"] for one in document["summary"]["not_migrated"]}


def test_a_kind_is_exported_with_what_makes_no_sense_without_it(prepared: Prepare) -> None:
    migration = prepared()
    document = migration.document("export", "schema", "--object-type-list", "TABLE,view", "--comments-on-objects")
    files = schema_files(migration)
    assert {name.split("/")[0] for name in files} == {
        "schemas", "tables", "constraints", "foreign_keys", "indexes", "sequences", "views", "comments",
    }  # fmt: skip
    assert set(files) >= {"tables/default.sql", "sequences/identity.sql", "constraints/primary_key.sql"}
    assert "sequences/sequence.sql" not in files
    assert files["indexes/index_attach.sql"].count("ATTACH") == 1
    assert "parts_1_pkey" in files["indexes/index_attach.sql"]
    assert "COMMENT ON TABLE" in files["comments/comment.sql"]
    assert "TRIGGER" not in files["comments/comment.sql"]
    reasons = left_out(document)
    assert reasons["index by_note ON app.children"] == reasons["type app.mood"] == "left out by the object type lists"


def test_an_excluded_kind_leaves_nothing_that_would_fail_without_it(prepared: Prepare) -> None:
    migration = prepared()
    kinds = "trigger,policy,index,mview"
    document = migration.document("export", "schema", "--exclude-object-type-list", kinds, "--comments-on-objects")
    files = schema_files(migration)
    assert not [name for name in files if name.startswith(("triggers", "policies", "materialized_views"))]
    assert {name for name in files if name.startswith("indexes/")} == {"indexes/index_attach.sql"}
    assert "parts_1_pkey" in files["indexes/index_attach.sql"]
    assert "CLUSTER" not in "".join(files.values())
    assert {"trigger touch ON app.children", "policy everyone ON app.parents", "materialized_view app.totals"} <= set(
        left_out(document)
    )
    migration.run("next", "--until", "VERIFY", "--yes")
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p', 'm')"
    assert {name for (name,) in drive.fetch(migration.target, tables)} == {"parents", "children", "parts", "parts_1"}


def test_a_kind_that_does_not_exist_is_refused_by_name(prepared: Prepare) -> None:
    done = prepared().run("export", "schema", "--object-type-list", "table,tabel", code=2)
    assert "'tabel'" in done.stderr
    assert "materialized_view" in done.stderr


def test_only_the_chosen_schemas_are_migrated_and_the_others_named(prepared: Prepare) -> None:
    migration = prepared("--source-db-schema", 'app,"Odd, Name"')
    document = migration.document("export", "schema")
    reason = "it is not among the chosen schemas"
    assert left_out(document) == {"schema other": reason, "schema public": reason}
    migration.run("next", "--until", "VERIFY", "--yes")
    assert "other" not in "".join(schema_files(migration).values())
    sql = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
    assert [name for (name,) in drive.fetch(migration.target, sql)] == ["Odd, Name", "app", "public", "ybvoyager"]
    assert drive.fetch(migration.target, 'SELECT count(*) FROM "Odd, Name"."Odd Table"') == [(1,)]
    skipped = migration.summary("EXPORT_DATA")["skipped"]
    assert {"kind": "schema", "name": "other", "reason": reason} in skipped


NEWER = """
CREATE SCHEMA app;
CREATE TABLE app.before (id integer PRIMARY KEY);
CREATE TABLE app.doubled (a integer, b integer GENERATED ALWAYS AS (a * 2));
CREATE TABLE app.wishes (id integer PRIMARY KEY, v integer, CONSTRAINT wish CHECK (v > 0) NOT ENFORCED);
CREATE VIEW app.fresh AS SELECT JSON_ARRAYAGG(a) AS a FROM app.doubled;
CREATE TABLE app.refers (id integer CONSTRAINT loose REFERENCES app.before (id) NOT ENFORCED);
CREATE TABLE app.unloved (a integer GENERATED ALWAYS AS (1 + 1));
INSERT INTO app.before VALUES (1);
INSERT INTO app.doubled VALUES (1), (NULL);
INSERT INTO app.wishes VALUES (1, -1);
INSERT INTO app.refers VALUES (99);
INSERT INTO app.unloved DEFAULT VALUES;
"""


def test_what_an_older_target_refuses_is_edited_or_left_and_the_migration_goes_on(
    prepared: Prepare, source_server: Server, pg15_server: Server
) -> None:
    with database(source_server, "schema_newer") as source:
        drive.execute(source, NEWER)
        migration = prepared(source=source, target=pg15_server)
        migration.run("next", "--until", "ANALYZE_SCHEMA", "--yes")
        _is_refused_and_edited(migration)
        _goes_on_without_one_table(migration)
        _is_refused_after_the_data_too(migration)
        migration.run("next", "--until", "VERIFY", "--yes")
        assert drive.fetch(migration.target, "SELECT a, b FROM app.doubled ORDER BY 1") == [(1, 2), (None, None)]
        assert migration.summary("VERIFY")["clean"] is True


def _is_refused_and_edited(migration: Migration) -> None:
    done = migration.run("import", "schema", code=4)
    failed = schema_files(migration)["failed.sql"]
    assert "tables/table.sql:5: table app.doubled: syntax error" in done.stderr
    assert "-- table app.doubled\n-- tables/table.sql:5\n-- syntax error" in failed
    assert "-- not tried\nCREATE VIEW app.fresh" in failed

    done = migration.run("import", "schema", "--continue-on-error", code=4)
    assert "refused 4 statements" in done.stderr + done.stdout
    summary = migration.summary("IMPORT_SCHEMA")
    assert [one.split(":")[0] for one in summary["refused"]] == [
        "table app.doubled", "table app.unloved", "check wish ON app.wishes", "view app.fresh",
    ]  # fmt: skip
    before = finished(migration, "IMPORT_SCHEMA")
    assert {"table app.before", "table app.wishes"} <= set(before)

    edit(migration, "tables/table.sql", ("(a * 2))", "(a * 2)) STORED"))
    edit(migration, "constraints/check.sql", (" NOT ENFORCED", " NOT VALID"))
    (migration.export_dir / "schema" / "views" / "view.sql").unlink()
    migration.run("import", "schema", code=4)
    after = finished(migration, "IMPORT_SCHEMA")
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"table app.doubled"}


def _goes_on_without_one_table(migration: Migration) -> None:
    text = schema_files(migration)["tables/table.sql"]
    statement = next(part for part in text.split(";\n") if "app.unloved" in part)
    edit(migration, "tables/table.sql", (statement + ";\n", ""))
    migration.run("import", "schema")
    assert "failed.sql" not in schema_files(migration)
    migration.run("export", "data")
    done = migration.run("import", "data", code=4)
    assert "app.unloved" in done.stderr
    assert "--exclude-table-list 'app.unloved'" in done.stderr
    migration.run("export", "data", "--start-clean", "--exclude-table-list", "app.unloved", "--yes")


def _is_refused_after_the_data_too(migration: Migration) -> None:
    done = migration.run("import", "data", code=4)
    assert "foreign_keys/foreign_key.sql:1: foreign_key loose ON app.refers: syntax error" in done.stderr
    assert "--continue-on-error" not in done.stderr
    (migration.export_dir / "schema" / "foreign_keys" / "foreign_key.sql").unlink()
    before = finished(migration, "IMPORT_DATA")
    assert "not_valid_constraint wish ON app.wishes" in before
    migration.run("import", "data", "--post-data-only")
    assert finished(migration, "IMPORT_DATA") == before
    assert "failed.sql" not in schema_files(migration)


def test_what_exists_already_is_refused_unless_it_is_to_be_taken_as_it_is(prepared: Prepare) -> None:
    migration = prepared()
    drive.execute(migration.target, "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('ok', 'sad', 'mine');")
    migration.run("next", "--until", "ANALYZE_SCHEMA", "--yes")
    done = migration.run("import", "schema", code=4)
    assert 'schema app: schema "app" already exists' in done.stderr
    assert "--ignore-exist takes objects that are there already as they are" in done.stderr
    document = migration.document("import", "schema", "--ignore-exist")
    assert document["summary"]["existing"] == ["schema app", "type app.mood"]
    migration.run("import", "schema", "--start-clean", "--ignore-exist", "--yes")
    assert drive.fetch(migration.target, "SELECT count(*) FROM pg_enum WHERE enumlabel = 'mine'") == [(1,)]


AHEAD = """
CREATE SCHEMA app;
CREATE TABLE app.counted (id integer);
CREATE FUNCTION app.how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app.counted; END;
CREATE TABLE app.defaults (n bigint DEFAULT app.how_many());
"""


OF_OTHERS = """
CREATE SCHEMA mine;
CREATE TABLE mine.own (id integer);
ALTER TABLE mine.own ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
"""


def test_finalize_leaves_alone_what_is_not_of_the_migration(prepared: Prepare, source_server: Server) -> None:
    with database(source_server, "schema_final") as source:
        drive.execute(source, OF_OTHERS.replace("mine", "app"))
        migration = prepared(source=source)
        drive.execute(migration.target, OF_OTHERS)
        migration.run("next", "--until", "CUTOVER", "--yes")
        assert migration.summary("CUTOVER")["checklist"][-1] == "Then run: yb-voyager migrate finalize."
        migration.run("finalize", "--yes")
        sql = "SELECT conrelid::regclass::text, convalidated FROM pg_constraint WHERE conname = 'later' ORDER BY 1"
        assert drive.fetch(migration.target, sql) == [("app.own", True), ("mine.own", False)]
        assert migration.summary("FINALIZE")["validated"] == ["later of table app.own"]


def test_a_sequence_that_fell_behind_stops_the_cutover_and_the_sql_that_is_given_repairs_it(
    prepared: Prepare, source_server: Server
) -> None:
    with database(source_server, "schema_behind") as source:
        drive.execute(source, 'CREATE TABLE public."it\'s" (id serial); INSERT INTO public."it\'s" VALUES (41)')
        migration = prepared(source=source)
        migration.run("next", "--until", "VERIFY", "--yes")
        drive.execute(migration.target, "SELECT setval('public.\"it''s_id_seq\"', 3)")
        for given in ("--dry-run", "--yes"):
            done = migration.run("cutover", "initiate", given, code=4)
        state = "SELECT state FROM ybvoyager.migration_state WHERE phase = 'CUTOVER'"
        assert drive.fetch(migration.target, state) == [("NOT_STARTED",)]
        repair = re.search(r"SELECT pg_catalog.setval\(.*\);", done.stderr)
        assert repair is not None
        drive.execute(migration.target, repair[0])
        migration.run("cutover", "initiate", "--yes")
        assert drive.fetch(migration.target, "SELECT nextval('public.\"it''s_id_seq\"')") == [(42,)]


def test_a_cutover_asks_the_sequences_once_and_again_only_where_it_goes_on(
    prepared: Prepare, source_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    check = sequences.check

    def counted(*arguments: Any, **options: Any) -> sequences.Checked:
        asked.append(1)
        return check(*arguments, **options)

    def cut_off(_: Any) -> list[str]:
        raise DatabaseAway("Cut off.")

    monkeypatch.setattr(sequences, "check", counted)
    with database(source_server, "schema_used_up") as source:
        drive.execute(source, "CREATE TABLE t (id serial, v smallserial); INSERT INTO t VALUES (41, 32767)")
        migration = prepared(source=source)
        migration.run("next", "--until", "VERIFY", "--yes")
        state = "SELECT state FROM ybvoyager.migration_state WHERE phase = 'CUTOVER'"
        with monkeypatch.context() as patch:
            patch.setattr(cutover, "checklist", cut_off)
            begun = migration.run("cutover", "initiate", "--yes", code=8)
        assert drive.fetch(migration.target, state) == [("INITIATED",)]
        assert len(asked) == 1
        # The source has values left: its row got its own. It is no blocker, since nothing may ask for one.
        assert "t_v_seq has no value left in the target, for public.t.v goes to 32767" in begun.stderr
        assert begun.stderr.count("has no value left") == 1
        drive.execute(migration.target, "SELECT setval('t_id_seq', 3)")
        assert "public.t.id already goes to 41" in migration.run("cutover", "initiate", "--yes", code=4).stderr
        drive.execute(migration.target, "SELECT setval('t_id_seq', 41)")
        del asked[:]
        migration.run("cutover", "initiate", "--yes")
        assert len(asked) == 1
        assert drive.fetch(migration.target, state) == [("COMPLETED",)]


def test_straight_order_executes_once_what_is_deferred_otherwise(prepared: Prepare, source_server: Server) -> None:
    with database(source_server, "schema_ahead") as source:
        drive.execute(source, AHEAD)
        migration = prepared(source=source)
        migration.run("next", "--until", "ANALYZE_SCHEMA", "--yes")
        done = migration.run("import", "schema", "--straight-order", code=4)
        assert "function app.how_many()" in done.stderr
        assert "were not tried" in done.stderr
        migration.run("import", "schema")
        assert drive.fetch(migration.target, "SELECT app.how_many()") == [(0,)]


def test_start_clean_drops_what_the_files_create_and_nothing_else(prepared: Prepare) -> None:
    migration = prepared()
    drive.execute(migration.target, "CREATE SCHEMA mine; CREATE TABLE mine.own (id integer)")
    migration.run("next", "--until", "ANALYZE_SCHEMA", "--yes")
    migration.run("import", "schema")
    first = finished(migration, "IMPORT_SCHEMA")
    drive.execute(migration.target, "INSERT INTO other.things VALUES (7)")
    assert "--start-clean" in migration.run("import", "schema", "--start-clean", code=7).stderr
    migration.run("import", "schema", "--start-clean", "--yes")
    again = finished(migration, "IMPORT_SCHEMA")
    assert again.keys() == first.keys()
    assert min(again.values()) > max(first.values())
    assert drive.fetch(migration.target, "SELECT count(*) FROM other.things") == [(0,)]
    assert drive.fetch(migration.target, "SELECT to_regclass('mine.own') IS NOT NULL") == [(True,)]


def test_post_data_only_does_what_is_missing_behind_the_rows(prepared: Prepare) -> None:
    migration = prepared()
    migration.run("next", "--until", "EXPORT_DATA", "--yes")
    early = migration.run("import", "data", "--post-data-only", code=5)
    assert "not loaded yet" in early.stderr
    edit(migration, "indexes/index.sql", ("(note)", "(notes)"))
    done = migration.run("import", "data", code=4)
    assert "index by_note ON app.children: column" in done.stderr
    before = finished(migration, "IMPORT_DATA")
    edit(migration, "indexes/index.sql", ("(notes)", "(note)"))
    migration.run("import", "data", "--post-data-only")
    after = finished(migration, "IMPORT_DATA")
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"index by_note ON app.children"}
    assert drive.fetch(migration.target, "SELECT count(*) FROM app.totals") == [(1,)]


def test_a_file_that_cannot_be_read_is_named_with_its_line(prepared: Prepare) -> None:
    migration = prepared()
    migration.run("next", "--until", "ANALYZE_SCHEMA", "--yes")
    edit(migration, "views/view.sql", ("CREATE VIEW", "\n\nCREATE VIEW 'never closed"))
    done = migration.run("import", "schema", code=4)
    assert "view.sql" in done.stderr
    assert "line 3" in done.stderr
