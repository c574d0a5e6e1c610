"""Texts of recorded queries: with placeholders, comments, cut off, of several nodes, of the system and our own."""

from __future__ import annotations

import re

import pytest

from tests.unit.schema.construct_examples import EXPRESSION, NEAR, RAISES, SCHEMA, Example
from voyager.schema.issues.issue import CAVEATS, QUERY_CONSTRUCTS
from voyager.schema.model import SchemaModel
from voyager.schema.parse import parse
from voyager.schema.queries import QueryJudgement, QueryText, judge_queries
from voyager.schema.statements import split_dump

MODEL = SchemaModel.build((one, parse(one.text)) for one in split_dump(SCHEMA).statements)

# Of an object of the schema, not of a query.
NOT_OF_QUERIES = {"JSON_ARRAYAGG"}
# Written as a constant, which a recorded query has a placeholder for.
TOLD_BY_CONSTANT = "['word']"
CONSTANTS = {"NON_DECIMAL_INTEGER_LITERAL", "UNDERSCORE_IN_NUMERIC_LITERAL"}


def judged(*texts: str, release: str | None = None) -> QueryJudgement:
    return judge_queries([QueryText(text) for text in texts], MODEL, release=release)


def ids(judgement: QueryJudgement) -> list[str]:
    return [finding.issue_id for finding in judgement.findings]


def written(example: Example) -> str:
    return f"SELECT {example.sql} FROM s.t" if example.form == EXPRESSION else example.sql


def recorded(text: str) -> str:
    """The text as the server records it: constants of a query are numbered placeholders."""
    if text.split()[0] not in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"}:
        return text
    numbers = iter(range(1, 1000))
    return re.sub(r"(?<![\w$\"'])('(?:[^']|'')*'|\d+)(?![\w\"])", lambda _: f"${next(numbers)}", text)


EXAMPLES = [pytest.param(id_, one, id=f"{id_}: {one.sql}") for id_, some in RAISES.items() for one in some]


@pytest.mark.parametrize(("id_", "example"), [row for row in EXAMPLES if row.values[0] not in NOT_OF_QUERIES])
def test_the_example_is_one_finding_of_queries_without_an_object(id_: str, example: Example) -> None:
    text = written(example)
    [finding] = [one for one in judged(text).findings if one.issue_id == id_]
    assert (finding.object_type, finding.object_name, finding.statement) == ("", "", text)
    assert finding.category == QUERY_CONSTRUCTS


@pytest.mark.parametrize(
    ("id_", "example"),
    [row for row in EXAMPLES if row.values[0] not in NOT_OF_QUERIES | CONSTANTS and TOLD_BY_CONSTANT not in row.id],
)
def test_the_example_is_found_with_placeholders_for_its_constants(id_: str, example: Example) -> None:
    judgement = judged(f"/* app: SELECT 1; */ {recorded(written(example))} -- ctid")
    assert id_ in ids(judgement)
    assert not judgement.unread


@pytest.mark.parametrize(("id_", "example"), [(id_, one) for id_, some in NEAR.items() for one in some])
def test_the_near_miss_is_no_finding_of_queries(id_: str, example: Example) -> None:
    judgement = judged(written(example))
    assert id_ not in ids(judgement)
    assert not judgement.unread


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("PREPARE TRANSACTION $1", "TWO_PHASE_COMMIT"),
        ("COMMIT PREPARED $1", "TWO_PHASE_COMMIT"),
        ("SAVEPOINT $1", "SAVEPOINT_USAGE"),
        ("ROLLBACK TO $1", "SAVEPOINT_USAGE"),
        ("RELEASE $1", "SAVEPOINT_USAGE"),
        ("FETCH BACKWARD $1 IN c", "FETCH_CURSOR_DIRECTION"),
        (
            "SELECT j.a FROM JSON_TABLE($1, $2 COLUMNS (a int PATH $3)) AS j WHERE EXTRACT($4 FROM now()) = $5",
            "JSON_QUERY_FUNCTION",
        ),
        ("SELECT ctid FROM s.t WHERE id IN ($1 /*, ... */) AND note > interval $2", "SYSTEM_COLUMN_CTID"),
        ("DECLARE c CURSOR FOR SELECT xmin FROM s.t LIMIT $1", "SYSTEM_COLUMN_XMIN"),
        ("EXPLAIN (ANALYZE) DELETE FROM s.t WHERE ctid = $1", "SYSTEM_COLUMN_CTID"),
        ("PREPARE p AS SELECT pg_advisory_lock($1)", "ADVISORY_LOCKS"),
        ("CREATE TABLE copy AS SELECT xpath($1, note) FROM s.t", "XML_FUNCTIONS"),
        ("CALL s.p(lo_create($1))", "LARGE_OBJECT_FUNCTIONS"),
        ("DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$", "ADVISORY_LOCKS"),
        ("CREATE DATABASE other WITH STRATEGY = 'wal_log'", "DATABASE_OPTIONS_PG15"),
    ],
)
def test_a_recorded_statement_is_judged_as_it_was_recorded(text: str, id_: str) -> None:
    assert ids(judged(text)) == [id_]


def test_a_text_is_judged_once_with_its_calls_on_every_node() -> None:
    text = "SELECT ctid FROM s.t"
    rows = [QueryText(text, 3), QueryText(f"{text} ", 4, "replica"), QueryText("SELECT 1", 9)]
    judgement = judge_queries(rows, MODEL, release=None)
    [finding] = judgement.findings
    assert (finding.statement, finding.details, judgement.judged) == (text, {"Calls": 7}, 2)


def test_savepoints_are_one_finding_however_many_there_are() -> None:
    [finding] = judged("SAVEPOINT a", "SAVEPOINT b", "ROLLBACK TO SAVEPOINT a", "RELEASE b").findings
    assert (finding.issue_id, finding.statement, finding.category) == ("SAVEPOINT_USAGE", "SAVEPOINT", CAVEATS)
    assert not finding.blocking


@pytest.mark.parametrize("text", ["ROLLBACK", "BEGIN", "COMMIT", "SELECT 'SAVEPOINT a'", "SELECT savepoint FROM s.t"])
def test_a_transaction_without_savepoints_is_no_finding(text: str) -> None:
    assert not judged(text).findings


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ctid, xmin FROM pg_catalog.pg_class",
        "SELECT c.ctid FROM pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        "WITH c AS (SELECT xmin AS v FROM pg_attribute) SELECT v FROM c",
        "SELECT xmin FROM information_schema.tables",
        "/* yb-voyager: what it reads */ SELECT ctid FROM s.t",
        "SELECT ctid FROM ybvoyager.heartbeat",
        "CREATE UNLOGGED TABLE s.scratch (a xml)",
        "CREATE MATERIALIZED VIEW s.m AS SELECT ctid FROM s.t",
        "",
        ";",
    ],
)
def test_queries_of_the_system_our_own_and_ddl_are_left_out(text: str) -> None:
    judgement = judged(text)
    assert not judgement.findings
    assert not judgement.unread


@pytest.mark.parametrize(
    "text",
    ["SELECT ctid FROM s.t, pg_catalog.pg_class", "SELECT ctid FROM s.pg_orders", "SELECT ctid FROM pg_mine"],
)
def test_a_query_that_reads_a_table_beside_the_catalog_is_judged(text: str) -> None:
    model = SchemaModel.build(
        (one, parse(one.text))
        for one in split_dump("CREATE TABLE public.pg_mine (a int); CREATE TABLE s.pg_orders (a int)").statements
    )
    assert ids(judge_queries([QueryText(text)], model, release=None)) == ["SYSTEM_COLUMN_CTID"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT ctid FROM s.t", True),
        ("SELECT ctid FROM t", True),
        ("SELECT ctid FROM pg_temp.scratch", True),
        ("SELECT ctid FROM s.t JOIN elsewhere.t AS u USING (id)", True),
        ("DELETE FROM elsewhere.t USING s.t WHERE elsewhere.t.ctid = $1", True),
        ("SELECT xml_is_well_formed($1)", True),
        ("SELECT ctid FROM elsewhere.t", False),
        ("SELECT ctid FROM elsewhere.t, pg_catalog.pg_class", False),
        ('SELECT ctid FROM "S".t', False),
        ("WITH s AS (SELECT ctid AS c FROM elsewhere.t) SELECT c FROM s", False),
        ("UPDATE elsewhere.t SET a = $1 WHERE ctid = $2", False),
    ],
)
def test_queries_that_read_nothing_of_the_assessed_schemas_are_left_out(text: str, told: bool) -> None:
    assert bool(judge_queries([QueryText(text)], MODEL, release=None, schemas=["s"]).findings) is told
    assert judged(text).findings


@pytest.mark.parametrize("call", ["any_value($1)", "regexp_like($1)", "uuidv7()"])
def test_a_bare_name_in_a_query_may_be_a_function_of_ones_own(call: str) -> None:
    assert not judged(f"SELECT {call}").findings


def test_a_query_that_reads_no_relation_is_judged() -> None:
    assert ids(judged("SELECT xml_is_well_formed($1)")) == ["XML_FUNCTIONS"]


def test_texts_that_cannot_be_read_are_one_finding_that_counts_and_shows_them() -> None:
    cut = [f"SELECT ctid FROM s.t WHERE note = {number} AND (" for number in range(30)]
    rows = [QueryText(text, calls) for calls, text in enumerate(cut)]
    hidden = [QueryText("<insufficient privilege>"), QueryText("<insufficient privilege>")]
    judgement = judge_queries([*rows, *hidden, QueryText("SELECT 1")], MODEL, release=None)
    [finding] = judgement.findings
    assert (finding.issue_id, finding.category) == ("UNPARSABLE_QUERY", QUERY_CONSTRUCTS)
    assert {key: finding.details[key] for key in ("Unread", "Hidden")} == {"Unread": 30, "Hidden": 2}
    assert finding.details["Queries"][0] == finding.statement == cut[-1]
    assert len(finding.details["Queries"]) < 30
    assert re.findall(r"\d+", finding.says) == ["33", "30", "2"]
    assert (len(judgement.unread), judgement.hidden, judgement.judged) == (30, 2, 1)


def test_a_query_that_is_cut_off_within_a_string_is_unread() -> None:
    judgement = judged("SELECT 'never closed", "SELECT 1 /* never closed", 'SELECT "never closed')
    assert [query.text for query in judgement.unread] == [
        "SELECT 'never closed", "SELECT 1 /* never closed", 'SELECT "never closed',
    ]  # fmt: skip


@pytest.mark.parametrize(("release", "told"), [("2024.2.7.0", True), ("2025.2.3.0", False), (None, True)])
def test_what_a_release_has_fixed_is_no_finding_of_queries(release: str | None, told: bool) -> None:
    assert bool(judged("SAVEPOINT a", release=release).findings) is told


def test_nothing_recorded_gives_nothing() -> None:
    assert judged() == QueryJudgement()
