"""Constructs of queries: each in every place where it can stand, and what is close to it in the same places."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.schema.construct_examples import EXPRESSION, NEAR, RAISES, SCHEMA, Example, places
from voyager.schema.analyze import Finding, analyze
from voyager.schema.issues.catalogue.constructs import CATALOGUED, CONSTRUCTS, NEWER
from voyager.schema.issues.detect import constructs
from voyager.schema.model import SchemaModel
from voyager.schema.parse import parse
from voyager.schema.statements import split_dump

# Told of DDL, of many queries at once or of what cannot be read: examples are in the tests of those.
ELSEWHERE = {"UNIQUE_NULLS_NOT_DISTINCT", "SAVEPOINT_USAGE"}
UNREAD = {"UNPARSABLE_BODY", "UNSUPPORTED_PG_SYNTAX", "DYNAMIC_SQL_NOT_READ"}


def _is_over_any_table(example: Example) -> bool:
    return example.form == EXPRESSION and not any(sign in example.sql for sign in (" AS ", "t.", '"t"'))


EXAMPLES = [
    pytest.param(id_, example, id=f"{id_}: {example.sql}") for id_, found in RAISES.items() for example in found
]
OVER_ANY_TABLE = [row for row in EXAMPLES if _is_over_any_table(row.values[1])]
NEAR_MISSES = [
    pytest.param(id_, example, id=f"{id_}: {example.sql}") for id_, found in NEAR.items() for example in found
]


def found(ddl: str, release: str | None = None) -> list[Finding]:
    return analyze(split_dump(f"{SCHEMA};\n{ddl}").statements, release=release)


def test_every_row_has_examples_and_near_misses() -> None:
    assert {issue.id for issue in (*CATALOGUED, *NEWER)} - ELSEWHERE <= RAISES.keys() == NEAR.keys()
    assert all(RAISES.values())
    assert all(NEAR.values())


def test_no_id_has_two_rows() -> None:
    assert len({issue.id for issue in CONSTRUCTS}) == len(CONSTRUCTS)


@pytest.mark.parametrize(("id_", "example"), EXAMPLES)
def test_the_example_is_one_finding_at_its_object_in_every_place(id_: str, example: Example) -> None:
    # In a trigger OLD and NEW are rows of its own.
    stands = [one for one in places(example) if id_ != "RETURNING_OLD_NEW" or "RETURNS trigger" not in one.ddl]
    findings = found(";\n".join(place.ddl for place in stands))
    hits = Counter((one.object_type, one.object_name) for one in findings if one.issue_id == id_)
    assert hits == Counter((place.object_type, place.object_name) for place in stands)


@pytest.mark.parametrize(("id_", "example"), NEAR_MISSES)
def test_the_near_miss_is_no_finding_in_any_place(id_: str, example: Example) -> None:
    findings = found(";\n".join(place.ddl for place in places(example)))
    assert not {(one.object_name, one.statement, one.says) for one in findings if one.issue_id in {id_, *UNREAD}}


@pytest.mark.parametrize(("id_", "example"), OVER_ANY_TABLE)
def test_an_expression_is_found_in_ddl_that_holds_one(id_: str, example: Example) -> None:
    findings = found(";\n".join(ddl.format(example.sql) for ddl, *_ in DDL))
    hits = Counter((one.object_type, one.object_name) for one in findings if one.issue_id == id_)
    assert hits == Counter((object_type, name) for _, object_type, name in DDL)


COLUMNS = "id integer, data jsonb, doc s.document, amount numeric"
DDL = (
    (f"CREATE TABLE s.w ({COLUMNS}, note text CHECK (({{}}) IS NOT NULL))", "TABLE", "s.w"),
    (f'CREATE TABLE "Odd S"."W" ({COLUMNS}, note text DEFAULT ({{}}))', "TABLE", "Odd S.W"),
    ("ALTER TABLE s.t ADD CONSTRAINT k CHECK (({}) IS NOT NULL)", "TABLE", "s.t"),
    ("CREATE INDEX i ON s.t ((({})))", "INDEX", "i ON s.t"),
    ("CREATE POLICY p ON s.t USING (({}) IS NOT NULL)", "POLICY", "p ON s.t"),
    (
        "CREATE TRIGGER g AFTER UPDATE ON s.t FOR EACH ROW WHEN (({}) IS NULL) EXECUTE FUNCTION s.f()",
        "TRIGGER",
        "g ON s.t",
    ),
    (
        "CREATE FUNCTION s.f(a text DEFAULT (SELECT ({}) FROM s.t)) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "FUNCTION",
        "s.f",
    ),
    ("CREATE RULE r AS ON INSERT TO s.t DO ALSO UPDATE s.t SET note = ({})::text", "RULE", "r ON s.t"),
)


@pytest.mark.parametrize("id_", sorted(RAISES))
def test_the_words_looked_for_first_miss_nothing(id_: str) -> None:
    model = SchemaModel.build((one, parse(one.text)) for one in split_dump(SCHEMA).statements)
    for example in RAISES[id_]:
        sql = f"SELECT {example.sql} FROM s.t" if example.form == EXPRESSION else example.sql
        assert id_ in {hit.issue_id for hit in constructs.detect(parse(sql), model, text=sql)}


@pytest.mark.parametrize(
    ("ddl", "object_name"),
    [
        ("CREATE TABLE s.w (a integer UNIQUE NULLS NOT DISTINCT)", "s.w"),
        ("CREATE TABLE s.w (a integer, CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a))", "s.w"),
        ('ALTER TABLE ONLY "Odd S"."T 2" ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (id)', "Odd S.T 2"),
        ("CREATE UNIQUE INDEX i ON s.t (note) NULLS NOT DISTINCT", "i ON s.t"),
    ],
)
def test_unique_nulls_not_distinct_is_found_on_constraints_and_indexes(ddl: str, object_name: str) -> None:
    assert [one.object_name for one in found(ddl) if one.issue_id == "UNIQUE_NULLS_NOT_DISTINCT"] == [object_name]


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE s.w (a integer UNIQUE NULLS DISTINCT)",
        "CREATE UNIQUE INDEX i ON s.t (note) NULLS DISTINCT",
        "CREATE TABLE s.w (a text DEFAULT 'NULLS NOT DISTINCT', CHECK (a IS NOT DISTINCT FROM NULL))",
    ],
)
def test_a_unique_key_without_the_clause_is_no_finding(ddl: str) -> None:
    assert "UNIQUE_NULLS_NOT_DISTINCT" not in {one.issue_id for one in found(ddl)}


def test_a_trigger_that_runs_lo_manage_is_a_finding_wherever_the_extension_was_put() -> None:
    ddl = "CREATE TRIGGER g BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION public.lo_manage('note')"
    [finding] = [one for one in found(ddl) if one.issue_id == "LARGE_OBJECT_FUNCTIONS"]
    assert (finding.object_type, finding.object_name) == ("TRIGGER", "g ON s.t")
    assert finding.details == {"FunctionNames": ["lo_manage"]}


def test_a_trigger_that_runs_a_function_of_ones_own_of_that_name_is_none() -> None:
    ddl = (
        "CREATE FUNCTION s.lo_manage() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.lo_manage()"
    )
    assert "LARGE_OBJECT_FUNCTIONS" not in {one.issue_id for one in found(ddl)}


def test_the_names_of_the_functions_are_told_once_each_in_order() -> None:
    ddl = "CREATE VIEW s.w AS SELECT lo_unlink(1), lo_create(2), lo_unlink(3), json_array(1), json_object('a': 1)"
    details = {one.issue_id: one.details.get("FunctionNames") for one in found(ddl)}
    assert details["LARGE_OBJECT_FUNCTIONS"] == ["lo_create", "lo_unlink"]
    assert details["JSON_CONSTRUCTOR_FUNCTION"] == ["JSON_ARRAY", "JSON_OBJECT"]


@pytest.mark.parametrize(("release", "flag"), [("2024.2.8.0", False), ("2025.2.2.0", False), ("2025.2.3.0", True)])
def test_what_a_flag_allows_stays_a_finding_that_names_the_flag(release: str, flag: bool) -> None:
    findings = found("CREATE VIEW s.w AS SELECT pg_notify('a', 'b')", release)
    [finding] = [one for one in findings if one.issue_id == "LISTEN_NOTIFY"]
    assert ("ysql_yb_enable_listen_notify" in finding.says) is flag
    assert finding.minimum_versions_ea == {"2025.2": "2025.2.3.0", "2026.1": "2026.1.0.0"}


@pytest.mark.parametrize(("release", "raised"), [("2024.2.8.0", True), ("2025.1.0.0", False), ("2.25.1.0", True)])
def test_what_a_release_has_for_general_use_is_no_finding_for_it(release: str, raised: bool) -> None:
    ids = {one.issue_id for one in found("CREATE VIEW s.w AS SELECT pg_advisory_lock(1)", release)}
    assert ("ADVISORY_LOCKS" in ids) is raised


OWN = ("any_value(1)", "regexp_like(1)", "uuidv7()")


@pytest.mark.parametrize("call", OWN)
def test_a_bare_name_in_what_the_server_prints_is_the_servers_function(call: str) -> None:
    assert len(found(f"CREATE VIEW s.w AS SELECT {call} AS a")) == 1
    assert len(found(f"CREATE FUNCTION s.f() RETURNS void BEGIN ATOMIC SELECT {call} AS a; END")) == 2


@pytest.mark.parametrize("call", OWN)
def test_a_bare_name_in_a_body_may_be_a_function_of_ones_own(call: str) -> None:
    routine = "CREATE FUNCTION s.f() RETURNS void LANGUAGE"
    assert not found(f"{routine} sql AS 'SELECT {call}'")
    assert not found(f"{routine} plpgsql AS 'BEGIN PERFORM {call}; EXECUTE ''SELECT {call}''; END'")


def test_a_variable_of_a_routine_is_no_system_column() -> None:
    ddl = """CREATE FUNCTION s.f(xmax integer) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE xmin integer := 1; r record;
    BEGIN SELECT min(id) AS ctid INTO r FROM s.t WHERE id > xmin; RETURN xmin + xmax + r.ctid; END $$"""
    assert not [one for one in found(ddl) if one.issue_id.startswith("SYSTEM_COLUMN")]


def test_a_row_of_a_trigger_has_system_columns() -> None:
    body = "BEGIN IF NEW.xmin IS NULL THEN RETURN OLD; END IF; END"
    ddl = f"CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS '{body}'"
    assert "SYSTEM_COLUMN_XMIN" in {one.issue_id for one in found(ddl)}


@pytest.mark.parametrize(
    ("declared", "statement", "raised"),
    [
        ("v jsonb", "v['a'] := 1", True),
        ("v s.document", "PERFORM v['a']", True),
        ("v s.t.data%TYPE", "PERFORM v[0]", True),
        ("v s.t%ROWTYPE", "PERFORM v.data[0]", True),
        ("v text[]", "v[1] := 'a'", False),
        ("v jsonb[]", "v[1] := '{}'", False),
        ("v s.t%ROWTYPE", "PERFORM v.words[1]", False),
        ('v "Odd S"."T 2".data%TYPE', "PERFORM v[1]", False),
    ],
)
def test_a_subscript_of_a_variable_is_judged_by_its_type(declared: str, statement: str, raised: bool) -> None:
    ddl = f"CREATE FUNCTION s.f() RETURNS void LANGUAGE plpgsql AS $$ DECLARE {declared}; BEGIN {statement}; END $$"
    assert ("JSONB_SUBSCRIPTING" in {one.issue_id for one in found(ddl)}) is raised
