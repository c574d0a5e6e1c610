"""What a statement is, on which side of the data it goes, and what of a dump is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.identifiers import TableName
from voyager.schema.kinds import FILES, KINDS, LEFT_OUT, ORDER, POST_DATA, PRE_DATA
from voyager.schema.lexer import ParseError
from voyager.schema.order import ordered
from voyager.schema.statements import Statement, classify, split_dump

KNOWN = [
    ('CREATE TABLE "My S"."a;b" (id int)', "table", '"My S"."a;b"', PRE_DATA),
    ("CREATE UNLOGGED TABLE IF NOT EXISTS s.t ()", "table", "s.t", PRE_DATA),
    ("create unique index concurrently i on only s.t (a)", "index", "i ON s.t", POST_DATA),
    ("CREATE INDEX ON s.t (a)", "index", "(unnamed) ON s.t", POST_DATA),
    ("ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a)", "primary_key", "p ON s.t", PRE_DATA),
    ("ALTER TABLE s.t ADD UNIQUE (a)", "unique", "s.t", PRE_DATA),
    ("ALTER TABLE s.t ADD CONSTRAINT c CHECK ((NOT valid))", "check", "c ON s.t", PRE_DATA),
    ("ALTER TABLE s.t ADD CONSTRAINT c CHECK (a) NO INHERIT NOT VALID", "not_valid_constraint", "c ON s.t", POST_DATA),
    ("ALTER TABLE s.t ADD CONSTRAINT n NOT NULL a NOT VALID", "not_valid_constraint", "n ON s.t", POST_DATA),
    ("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u", "foreign_key", "f ON s.t", POST_DATA),
    ("ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID", "not_valid_constraint", "c ON s.d", POST_DATA),
    ("ALTER TABLE s.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =)", "exclusion", "x ON s.t", POST_DATA),
    ("ALTER TABLE s.t ALTER COLUMN a SET DEFAULT 1", "default", "s.t.a", PRE_DATA),
    ('ALTER TABLE s.t ALTER a ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s."q;")', "identity", "s.t.a", PRE_DATA),
    ("ALTER TABLE ONLY s.p ATTACH PARTITION s.c DEFAULT", "attach_partition", "s.p", PRE_DATA),
    ("ALTER INDEX s.p ATTACH PARTITION s.c", "index_attach", "s.p", POST_DATA),
    ("ALTER TABLE s.t CLUSTER ON i", "cluster", "s.t", POST_DATA),
    ("ALTER TABLE ONLY s.t REPLICA IDENTITY FULL", "replica_identity", "s.t", POST_DATA),
    ("ALTER TABLE s.t DISABLE TRIGGER g", "trigger", "g ON s.t", POST_DATA),
    ("ALTER TABLE s.t ENABLE ALWAYS RULE r", "rule", "r ON s.t", POST_DATA),
    ("ALTER TABLE s.t ENABLE ROW LEVEL SECURITY", "row_security", "s.t", POST_DATA),
    ("ALTER TABLE s.t OWNER TO o", "owner", "s.t", PRE_DATA),
    ("ALTER EVENT TRIGGER e OWNER TO o", "owner", "e", POST_DATA),
    ("ALTER SEQUENCE s.q OWNED BY s.t.id", "sequence_owner", "s.q", PRE_DATA),
    ("CREATE CONSTRAINT TRIGGER g AFTER INSERT ON s.t EXECUTE FUNCTION s.f()", "trigger", "g ON s.t", POST_DATA),
    ("CREATE RULE r AS ON INSERT TO s.v DO INSTEAD NOTHING", "rule", "r ON s.v", POST_DATA),
    ('CREATE RULE "_RETURN" AS ON SELECT TO s.v DO INSTEAD SELECT 1', "view_replacement", "_RETURN ON s.v", PRE_DATA),
    ("CREATE OR REPLACE VIEW s.v AS SELECT 1", "view_replacement", "s.v", PRE_DATA),
    ("CREATE RECURSIVE VIEW s.v (n) AS SELECT 1", "view", "s.v", PRE_DATA),
    ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 WITH NO DATA", "materialized_view", "s.m", PRE_DATA),
    ("REFRESH MATERIALIZED VIEW s.m", "refresh", "s.m", POST_DATA),
    (
        "CREATE OR REPLACE FUNCTION s.f(a int, b  text) RETURNS int LANGUAGE c",
        "function",
        "s.f(a int, b text)",
        PRE_DATA,
    ),
    ("CREATE OPERATOR s.<=# (FUNCTION = s.f)", "operator", "s.<=#", PRE_DATA),
    ("CREATE DEFAULT CONVERSION s.c FOR 'A' TO 'B' FROM f", "conversion", "s.c", PRE_DATA),
    ("CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = s.t)", "text_search", "s.d", PRE_DATA),
    ("CREATE CAST (s.a AS text) WITH INOUT", "cast", "(s.a AS text)", PRE_DATA),
    ("COMMENT ON TRIGGER g ON s.t IS 'x'", "comment", "g ON s.t", POST_DATA),
    ("COMMENT ON COLUMN s.t.a IS 'x'", "comment", "s.t.a", PRE_DATA),
    ("GRANT SELECT (a) ON TABLE s.t TO r", "grant", "s.t", PRE_DATA),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r",
        "default_privileges",
        "default privileges",
        POST_DATA,
    ),
    ("ANALYZE s.t", "other", "ANALYZE s.t", PRE_DATA),
]


@pytest.mark.parametrize(("text", "kind", "name", "section"), KNOWN)
def test_a_statement_is_classified(text: str, kind: str, name: str, section: str) -> None:
    statement = classify(text)
    assert (statement.kind, statement.object_name, statement.section) == (kind, name, section)


def test_names_are_given_as_the_catalog_spells_them() -> None:
    statement = classify('CREATE TRIGGER "G""1" BEFORE UPDATE OF "on" ON "S".Mixed EXECUTE FUNCTION s.f()')
    assert (statement.schema, statement.name, statement.table) == ("S", 'G"1', TableName("S", "mixed"))


@pytest.mark.parametrize(
    ("text", "repeatable"),
    [
        ("CREATE TABLE s.t ()", False),
        ("CREATE TABLE IF NOT EXISTS s.t ()", True),
        ("CREATE OR REPLACE VIEW s.v AS SELECT 1", True),
        ("ALTER TABLE s.t ADD CONSTRAINT p PRIMARY KEY (a)", False),
        ("ALTER TABLE s.t ENABLE ROW LEVEL SECURITY", True),
        ("COMMENT ON TABLE s.t IS 'x'", True),
    ],
)
def test_what_may_run_twice_is_marked(text: str, repeatable: bool) -> None:
    assert classify(text).repeatable is repeatable


@given(st.text(max_size=60))
def test_no_text_is_refused(text: str) -> None:
    assert classify(f"CREATE {text}").kind in {*ORDER, *LEFT_OUT, "role", "tablespace", "constraint", "column"}


def test_a_control_character_in_a_name_is_shown_escaped() -> None:
    assert classify('CREATE TABLE s."a\nb\x1b[31m" ()').object_name == r's."a\nb\x1b[31m"'


def test_settings_and_the_lines_for_psql_are_no_statements() -> None:
    dump = split_dump(
        "\\restrict aB1\n\nSET statement_timeout = 0;\nSET row_security = off;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\nSET default_table_access_method = heap;\n"
        'CREATE TABLE s."\n\\restrict x" ();\n\\unrestrict aB1\n'
    )
    assert [(one.kind, one.name, one.line) for one in dump.statements] == [("table", "\n\\restrict x", 7)]
    assert dump.left_out == ()


@pytest.mark.parametrize("line", ["\\! rm -rf /", "\\restrict a b", "\\connect x", "\\restrict"])
def test_another_command_of_psql_in_a_dump_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match="psql command") as caught:
        split_dump(f"SELECT 1;\n{line}\n")
    assert caught.value.line == 2


def test_credentials_are_left_out_and_named_without_them() -> None:
    dump = split_dump(
        "CREATE USER MAPPING FOR u SERVER v OPTIONS (user 'r', password 'canary');\n"
        "CREATE SUBSCRIPTION x CONNECTION 'password=canary' PUBLICATION p;\n"
        "ALTER SUBSCRIPTION x OWNER TO o;\nCOMMENT ON SUBSCRIPTION x IS 'c';\n"
    )
    assert dump.statements == ()
    assert [(one.kind, one.name) for one in dump.left_out] == [
        ("user_mapping", "u ON SERVER v"),
        ("subscription", "x"),
        ("owner", "x"),
        ("comment", "x"),
    ]
    assert "canary" not in repr(dump)


def test_data_that_travels_by_other_ways_is_left_out() -> None:
    dump = split_dump(
        "SELECT pg_catalog.lo_create('1');\nSELECT pg_catalog.setval('s.q', 3, true);\n"
        "SELECT * FROM pg_catalog.pg_restore_relation_stats('version', '180000'::integer);\n"
        "GRANT SELECT ON LARGE OBJECT 1 TO r;\nALTER LARGE OBJECT 1 OWNER TO o;\n"
    )
    assert dump.statements == ()
    assert {one.kind for one in dump.left_out} == {
        "large_object",
        "sequence_value",
        "planner_statistics",
        "grant",
        "owner",
    }


def test_a_table_access_method_of_its_own_is_told() -> None:
    dump = split_dump("SET default_table_access_method = columnar;\nCREATE TABLE s.t ();\n")
    assert [(one.kind, one.name) for one in dump.left_out] == [("table access method", "columnar")]


def test_chosen_schemas_keep_extensions_with_the_schemas_they_live_in() -> None:
    dump = split_dump(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA ext; CREATE EXTENSION x WITH SCHEMA ext; CREATE TABLE a.t ();"
        "CREATE TABLE b.t (); COMMENT ON TABLE b.t IS 'x';"
        "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION b.f(); ALTER EVENT TRIGGER e DISABLE;"
        "CREATE EVENT TRIGGER k ON sql_drop EXECUTE FUNCTION a.f();",
        schemas=("a",),
    )
    assert [one.object_name for one in dump.statements] == ["a", "ext", "x", "a.t", "k"]
    assert [one.name for one in dump.left_out] == ["b", "b.t", "b.t", "e", "e"]


def statements(*texts: str) -> list[Statement]:
    return [classify(text) for text in texts]


def kinds(side: tuple[Statement, ...]) -> list[str]:
    return [one.kind for one in side]


def test_secondary_indexes_wait_for_the_data_unless_the_target_wants_them_before() -> None:
    given = statements("CREATE INDEX i ON s.t (a)", "CREATE TABLE s.t ()", "COMMENT ON INDEX s.i IS 'x'")
    assert [kinds(side) for side in ordered(given, False)] == [["table"], ["index", "comment"]]
    assert [kinds(side) for side in ordered(given, True)] == [["table", "index", "comment"], []]


def test_keys_wait_for_the_data_with_the_indexes_and_are_attached_after_them() -> None:
    given = statements(
        "ALTER INDEX s.p ATTACH PARTITION s.q",
        "CREATE INDEX i ON s.t (a)",
        "ALTER TABLE ONLY s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.t(a)",
        "ALTER TABLE ONLY s.t ADD CONSTRAINT u UNIQUE (b)",
        "ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a)",
    )
    assert [kinds(side) for side in ordered(given, False)] == [
        [],
        ["primary_key", "unique", "index", "index_attach", "foreign_key"],
    ]
    assert [kinds(side) for side in ordered(given, True)] == [
        ["primary_key", "unique", "index", "index_attach"],
        ["foreign_key"],
    ]


def test_a_view_that_a_dump_makes_in_two_steps_gets_its_query_after_the_keys() -> None:
    given = statements(
        "CREATE VIEW s.v AS SELECT NULL::int AS a",
        "CREATE OR REPLACE VIEW s.v AS SELECT a FROM s.t GROUP BY t.id",
        "CREATE OR REPLACE VIEW s.w AS SELECT 1",
        "ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a)",
        "CREATE RULE r AS ON INSERT TO s.v DO INSTEAD NOTHING",
    )
    pre, post = ordered(given, False)
    assert [one.object_name for one in pre] == ["s.v", "s.w"]
    assert kinds(post) == ["primary_key", "view_replacement", "rule"]
    assert kinds(ordered(given, True)[0]) == ["primary_key", "view", "view_replacement", "view_replacement"]


def test_an_event_trigger_and_what_is_about_it_come_last() -> None:
    given = statements(
        "COMMENT ON EVENT TRIGGER e IS 'x'",
        "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION s.f()",
        "COMMENT ON TRIGGER g ON s.t IS 'x'",
        "CREATE TRIGGER g AFTER INSERT ON s.t EXECUTE FUNCTION s.f()",
    )
    _, post = ordered(given, False)
    assert [(one.kind, one.target) for one in post] == [
        ("trigger", ""),
        ("comment", "trigger"),
        ("event_trigger", ""),
        ("comment", "event_trigger"),
    ]


def test_statements_of_one_kind_keep_the_order_they_were_given_in() -> None:
    given = statements("CREATE VIEW s.b AS SELECT 1", "CREATE VIEW s.a AS SELECT 1", "CREATE TABLE s.t ()")
    assert [one.name for one in ordered(given, False)[0]] == ["t", "b", "a"]


def test_no_statement_gets_lost_in_ordering() -> None:
    given = [classify(text) for text, *_ in KNOWN]
    for flag in (True, False):
        pre, post = ordered(given, flag)
        assert sorted([*pre, *post], key=lambda one: one.text) == sorted(given, key=lambda one: one.text)


def test_every_kind_has_a_file_of_its_own() -> None:
    assert len({kind.file for kind in KINDS}) == len(KINDS) == len(FILES)
