"""What we send to Oracle, held against its grammar and the double's limits; no server, and nothing ran on Oracle."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlalchemy.dialects.oracle import dictionary
from sqlalchemy.sql.selectable import Alias
from sqlglot import exp

from tests.oracle_double import (
    NOT_IN_ALL,
    OPEN_TO_ALL,
    VIEWS,
    Refused,
    check_long_columns,
    columns_of,
    for_postgres,
    parse_oracle,
    views_of,
)
from tests.oracle_double import OracleDouble as Double
from voyager.endpoint import Endpoint
from voyager.ports import Question
from voyager.sources.oracle.assessed import DICTIONARY_OF_ALL, USERS
from voyager.sources.oracle.metadata import QUESTIONS, gaps, of_the_user, part, probes, views_read
from voyager.sources.oracle.scripts import MAIN, render

SESSION = {
    "database": part("database"),
    "schemas": part("schemas"),
    "dictionary": DICTIONARY_OF_ALL,
    "users": USERS,
    **{
        f"probe {place} of {question.name}": sql for question in QUESTIONS for place, sql in enumerate(probes(question))
    },
}
TEXTS = {**{question.name: question.sql for question in QUESTIONS}, **SESSION}

# Words that Oracle lets nobody use as a name without quotes.
RESERVED = set(
    """
    access add all alter and any as asc audit between by char check cluster column comment compress connect create
    current date decimal default delete desc distinct drop else exclusive exists file float for from grant group having
    identified immediate in increment index initial insert integer intersect into is level like lock long maxextents
    minus mlslabel mode modify noaudit nocompress not nowait null number of offline on online option or order pctfree
    prior public raw rename resource revoke row rowid rownum rows select session set share size smallint start
    successful synonym sysdate table then to trigger uid union unique update user validate values varchar varchar2 view
    whenever where with
    """.split()  # noqa: SIM905
)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_one_select_that_the_double_can_answer_faithfully(name: str):
    tree = parse_oracle(TEXTS[name])
    check_long_columns(tree)
    assert views_of(tree) <= VIEWS.keys()
    assert for_postgres(tree, {"schema_name": "HR"}, Double(Endpoint("oracle", "", 0, "", "")))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_question_gives_the_columns_that_it_promises(question: Question):
    tree = parse_oracle(question.sql)
    assert tuple(item.alias_or_name for item in tree.expressions) == question.columns
    assert set(question.numbers) <= set(question.columns)


@pytest.mark.parametrize("name", TEXTS)
def test_no_alias_is_a_word_that_oracle_reserves(name: str):
    tree = parse_oracle(TEXTS[name])
    aliases = [one for one in tree.find_all(exp.Alias) if not one.args["alias"].quoted]
    tables = [one.args["alias"].this.name for one in tree.find_all(exp.Table, exp.Subquery) if one.args.get("alias")]
    named = {one.alias.lower() for one in aliases} | {name.lower() for name in tables}
    assert not named & RESERVED


@pytest.mark.parametrize("name", TEXTS)
def test_every_column_of_a_view_is_one_that_oracle_has(name: str):
    """Columns are written with the alias of their table, so that it can be told which view they are of."""
    tree = parse_oracle(TEXTS[name])
    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for select in tree.find_all(exp.Select):
        sources = [select.args.get("from_"), *select.args.get("joins", ())]
        tables = [one.this for one in sources if one is not None and isinstance(one.this, exp.Table)]
        views = {one.alias_or_name: one.name for one in tables if one.name.lower() not in own}
        for column in select.find_all(exp.Column):
            if column.table in views and column.find_ancestor(exp.Select) is select:
                assert column.name.upper() in columns_of(views[column.table].upper()), column.sql()


def test_the_double_refuses_what_it_could_only_answer_wrongly():
    for sql in (
        "SELECT t.owner FROM dba_tables t, dba_indexes i WHERE t.owner = i.owner(+)",
        "SELECT level FROM dual CONNECT BY level < 3",
        "SELECT t.owner FROM dba_tables t WHERE ROWNUM < 3",
        "SELECT t.owner FROM dba_tables t WHERE t.owner = ''",
        "SELECT * FROM dba_tables",
        "SELECT DBMS_METADATA.GET_DDL('TABLE', t.table_name) AS ddl FROM dba_tables t",
        "DELETE FROM dba_tables",
    ):
        with pytest.raises((Refused, sqlglot.errors.ParseError)):
            parse_oracle(sql)
    for sql in (
        "SELECT UPPER(v.text) AS text FROM dba_views v",
        "SELECT DISTINCT v.text FROM dba_views v",
        "SELECT v.view_name FROM dba_views v WHERE v.text LIKE '%x%'",
        "SELECT q.text FROM (SELECT v.text FROM dba_views v) q",
    ):
        with pytest.raises(Refused, match="LONG"):
            check_long_columns(parse_oracle(sql))


def test_names_of_objects_are_matched_with_the_underscore_as_itself():
    for name, sql in TEXTS.items():
        for like in parse_oracle(sql).find_all(exp.Like):
            pattern = like.expression.name
            if "_" in pattern:
                assert re.fullmatch(r"(?:[^_!]|!_)*", pattern), f"{name}: LIKE '{pattern}' takes _ for any letter"
                assert isinstance(like.parent, exp.Escape), f"{name}: LIKE '{pattern}' without ESCAPE"


def test_only_sizes_and_what_oracle_keeps_to_itself_are_not_in_the_views_of_the_user():
    refused = set()
    for question in QUESTIONS:
        tree = parse_oracle(of_the_user(question.sql))
        assert tuple(item.alias_or_name for item in tree.expressions) == question.columns
        for view in views_of(tree):
            twin = f"DBA_{view[4:]}" if view.startswith("ALL_") else ""
            if view not in OPEN_TO_ALL and (twin not in VIEWS or twin in NOT_IN_ALL):
                refused.add(question.name)
    assert refused == {"table-index-sizes", "redaction-policies", "db-queries-summary"}


def test_the_six_files_of_the_existing_tool_have_its_columns():
    reference = {
        "index-to-table-mapping": "index_schema index_name table_schema table_name",
        "object-type-mapping": "schema_name object_name object_type",
        "table-columns-count": "schema_name object_name object_type column_count",
        "table-columns-data-types": "schema_name table_name column_name data_type",
        "table-index-sizes": "schema_name object_name object_type size_in_bytes",
        "table-row-counts": "schema_name table_name row_count",
    }
    ours = {question.name: " ".join(question.columns) for question in QUESTIONS if question.name in reference}
    assert ours == reference


def test_every_question_says_what_it_needs_and_what_is_lost_without_it():
    for question in QUESTIONS:
        if views_read(question.sql):
            assert "SELECT_CATALOG_ROLE" in question.grant
            assert all(view.upper() in question.needs for view in views_read(question.sql))
        assert question.required or question.weakens or question.name in ("comments", "database-parameters")


def test_only_who_reads_the_views_of_the_user_lacks_what_others_own():
    assert gaps({"dictionary": "dba_", "role": "A"}) == []
    (gap,) = gaps({"dictionary": "all_", "role": 'A"B'})
    assert gap.sql == 'GRANT SELECT_CATALOG_ROLE TO "A""B";'


FILES = dict(render(QUESTIONS))


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".sql")))
def test_a_script_is_plain_enough_for_every_sqlplus(name: str):
    text = FILES[name]
    assert text.isascii()
    for line in text.splitlines():
        assert len(line) < 1000
        assert not line.rstrip().endswith("-"), "would continue in the next line"
        assert not line.startswith(("#", "!", "$", "@ ", "REM")), "would be a command"
        assert set(re.findall(r"&(\w+)", line)) <= {"1", "dictionary", "next_script", "_SQLPLUS_RELEASE"}


def test_the_statements_of_the_scripts_are_those_that_the_driver_sends():
    for question in QUESTIONS:
        text = FILES[f"ora_{question.name.replace('-', '_')}.sql"]
        (sent,) = re.findall(r"^SPOOL collected/\S+\n(.*?);\nSPOOL OFF$", text, re.DOTALL | re.MULTILINE)
        assert sent.replace("&dictionary._", "dba_") == question.sql
        assert ";" not in question.sql, "would end the statement"
        assert "\n\n" not in question.sql, "would end the statement in an older SQL*Plus"
        assert f"SPOOL collected/{question.name}.csv" in text


def test_the_main_script_only_reads():
    """Every statement is a SELECT, a setting of the session, or a block that assigns binds and tries SELECTs."""
    main = FILES[MAIN]
    for statement in re.findall(r"^(?:SELECT|WITH)\b.*?;$", main, re.DOTALL | re.MULTILINE):
        sql = re.sub(
            r":(missing|next_script|dictionary)\b", r"'\1'", statement.rstrip(";").replace("&dictionary._", "dba_")
        )
        assert isinstance(sqlglot.parse_one(sql, read="oracle"), exp.Select)
    for block in re.findall(r"^BEGIN\n(.*?)^/$", main, re.DOTALL | re.MULTILINE):
        tried = re.findall(r"EXECUTE IMMEDIATE '((?:[^']|'')*)'", block)
        assert all(isinstance(sqlglot.parse_one(one.replace("&dictionary._", "dba_"), read="oracle"), exp.Select)
                   for one in tried)  # fmt: skip
    words = set(re.findall(r"\b[A-Z]{4,}\b", re.sub(r"'(?:[^']|'')*'", "", main)))
    assert not words & {"INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "TRUNCATE", "GRANT", "COMMIT", "HOST"}


def test_the_double_knows_the_columns_that_sqlalchemy_found_in_oracle():
    """An independent list: SQLAlchemy's dialect reads seventeen of these views on real servers."""
    known = {
        name.upper(): {column.name.upper() for column in alias.element.columns}
        for name, alias in vars(dictionary).items()
        if isinstance(alias, Alias)
    }
    twins = {view: f"ALL_{view[4:]}" if view.startswith("DBA_") else view for view in VIEWS}
    shared = {view: twin for view, twin in twins.items() if twin in known}
    assert len(shared) > 15
    for view, twin in shared.items():
        assert set(columns_of(view)) <= known[twin], view
