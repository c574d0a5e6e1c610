"""Cutting SQL text into statements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.identifiers import Identifier, quote_literal
from voyager.schema.lexer import tokens
from voyager.schema.parse import ParseError, parse, split


def texts(sql: str) -> list[str]:
    return [raw.text for raw in split(sql)]


def test_a_semicolon_inside_a_quoted_name_does_not_end_the_statement() -> None:
    assert texts('CREATE TABLE "a;DROP TABLE x;--" (); SELECT 1') == ['CREATE TABLE "a;DROP TABLE x;--" ()', "SELECT 1"]


def test_a_doubled_quote_stays_inside_its_name_and_string() -> None:
    assert texts("""SELECT "a"";b", 'it''s;'; SELECT 2""") == ["""SELECT "a"";b", 'it''s;'""", "SELECT 2"]


def test_an_escape_string_may_hold_a_backslashed_quote() -> None:
    assert texts(r"SELECT E'a\';b'; SELECT 2") == [r"SELECT E'a\';b'", "SELECT 2"]


def test_a_plain_string_ends_at_a_quote_after_a_backslash() -> None:
    assert texts(r"SELECT 'a\'; SELECT 2") == [r"SELECT 'a\'", "SELECT 2"]


def test_a_dollar_body_ends_only_at_its_own_tag() -> None:
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT $$;$$; -- ' $x$"
    assert texts(f"{body}; SELECT 2") == [body, "SELECT 2"]


def test_a_dollar_inside_a_word_opens_nothing() -> None:
    assert texts("SELECT a$b$c; SELECT $1; SELECT 3") == ["SELECT a$b$c", "SELECT $1", "SELECT 3"]


def test_nested_comments_hide_everything_and_leave_with_the_space_before_a_statement() -> None:
    assert texts("/* a /* b; */ ' ; */ SELECT 1 -- ;'\n; -- end") == ["SELECT 1"]


def test_comments_inside_a_statement_are_kept() -> None:
    assert texts("SELECT 1 /* why; */ + 1;") == ["SELECT 1 /* why; */ + 1"]


def test_a_body_of_begin_atomic_is_one_statement() -> None:
    body = (
        "CREATE OR REPLACE FUNCTION f(a int) RETURNS int\n BEGIN ATOMIC\n SELECT CASE WHEN a > 1 THEN 1 END AS end;\n"
        " SELECT CASE a WHEN 1 THEN CASE WHEN true THEN 2 END END;\nEND"
    )
    assert texts(f"{body};\nSELECT 2;") == [body, "SELECT 2"]


def test_comments_in_the_head_of_a_routine_do_not_hide_its_body() -> None:
    body = "CREATE /* or */ OR -- x\n REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN /**/ ATOMIC SELECT 1; END"
    assert texts(f"{body};\nSELECT 2;") == [body, "SELECT 2"]


def test_begin_and_end_are_plain_words_elsewhere() -> None:
    assert texts("BEGIN; SELECT 1; END; CREATE TABLE atomic (a int)") == [
        "BEGIN",
        "SELECT 1",
        "END",
        "CREATE TABLE atomic (a int)",
    ]


def test_commands_of_a_rule_stay_together() -> None:
    rule = "CREATE RULE r AS ON DELETE TO v DO INSTEAD (DELETE FROM a; DELETE FROM b)"
    assert texts(rule + ";SELECT 1;;") == [rule, "SELECT 1"]


def test_line_and_offset_say_where_a_statement_starts() -> None:
    sql = "\ufeff-- head\r\nSELECT\r\n 1;\r\n\r\n  SELECT 2;"
    first, second = split(sql)
    assert (first.line, second.line) == (2, 5)
    assert sql[second.offset :].startswith("SELECT 2")


def test_a_psql_line_between_statements_is_its_own_and_quotes_in_it_open_nothing() -> None:
    assert texts("\\restrict abc'\nSELECT 1;\n\\unrestrict x\n") == ["\\restrict abc'", "SELECT 1", "\\unrestrict x"]


@pytest.mark.parametrize("sql", ["SELECT 'a", 'SELECT "a', "SELECT $x$ a", "SELECT 1 /* a /* b */"])
def test_what_is_never_closed_is_an_error_that_names_the_line(sql: str) -> None:
    with pytest.raises(ParseError) as caught:
        split("SELECT 1;\n\n" + sql)
    assert caught.value.line == 3


def test_the_parser_names_the_line_of_a_mistake() -> None:
    with pytest.raises(ParseError) as caught:
        parse("CREATE TABLE a (\n  b int,\n  c int int\n)")
    assert caught.value.line == 3


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=4))
def test_any_name_and_any_literal_come_back_as_they_went_in(pairs: list[tuple[str, str]]) -> None:
    statements = [f"COMMENT ON TABLE {Identifier(name).sql} IS {quote_literal(text)}" for name, text in pairs]
    assert texts(";\n".join(statements)) == statements
    for statement, (name, _) in zip(statements, pairs, strict=True):
        assert [token.value for token in tokens(statement) if token.kind == "name"] == [name]
