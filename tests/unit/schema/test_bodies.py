"""Bodies of routines: every statement and expression of SQL in them is found; what cannot be read is said."""

from __future__ import annotations

import random

import pytest

from voyager.schema.analyze import Finding, analyze
from voyager.schema.bodies import UNREAD, InnerStatement, inner_statements
from voyager.schema.parse import ParseError, parse
from voyager.schema.plpgsql import read_body
from voyager.schema.statements import split_dump

# A statement of PL/pgSQL -> the SQL that it holds, in order.
HOLDS: dict[str, tuple[str, ...]] = {
    "v := f(1)": ("SELECT f(1)",),
    "v = f(1)": ("SELECT f(1)",),
    "r.a.b := f(1)": ("SELECT f(1)",),
    '"Odd".x := f(1)': ("SELECT f(1)",),
    "v[f(1)] := f(2)": ("SELECT v[f(1)], f(2)",),
    "$1 := f(1)": ("SELECT f(1)",),
    "v := count(*) FROM t WHERE a = 1": ("SELECT count(*) FROM t WHERE a = 1",),
    "PERFORM f(1) FROM t": ("SELECT f(1) FROM t",),
    "IF f(1) THEN NULL; ELSIF f(2) THEN v := f(3); ELSEIF f(4) THEN ELSE v := f(5); END IF": (
        "SELECT f(1)", "SELECT f(2)", "SELECT f(3)", "SELECT f(4)", "SELECT f(5)",
    ),
    "CASE f(0) WHEN f(1), f(2) THEN v := f(3); ELSE NULL; END CASE": (
        "SELECT f(0)", "SELECT f(1), f(2)", "SELECT f(3)",
    ),
    "CASE WHEN f(1) THEN v := CASE WHEN a THEN 1 ELSE 2 END; END CASE": (
        "SELECT f(1)", "SELECT CASE WHEN a THEN 1 ELSE 2 END",
    ),
    "WHILE f(1) LOOP EXIT WHEN f(2); CONTINUE WHEN f(3); END LOOP": ("SELECT f(1)", "SELECT f(2)", "SELECT f(3)"),
    "<<l>> LOOP EXIT l; CONTINUE l; EXIT; END LOOP l": (),
    "FOR i IN REVERSE f(1)..f(2) BY f(3) LOOP v := f(4); END LOOP": ("SELECT f(1), f(2), f(3)", "SELECT f(4)"),
    "FOR i IN 1..3 LOOP NULL; END LOOP": ("SELECT 1, 3",),
    "FOR r IN SELECT f(1) FROM t LOOP NULL; END LOOP": ("SELECT f(1) FROM t",),
    "FOR a, b IN VALUES (f(1), 2) LOOP NULL; END LOOP": ("VALUES (f(1), 2)",),
    "FOR r IN DELETE FROM t RETURNING * LOOP NULL; END LOOP": ("DELETE FROM t RETURNING *",),
    "FOR r IN (SELECT f(1)) LOOP NULL; END LOOP": ("(SELECT f(1))",),
    "FOR r IN c LOOP NULL; END LOOP": (),
    "FOR r IN c(k := f(1)) LOOP NULL; END LOOP": ("SELECT f(k := f(1))",),
    "FOREACH x SLICE 1 IN ARRAY f(1) LOOP NULL; END LOOP": ("SELECT f(1)",),
    "OPEN c": (),
    "OPEN c(f(1), k := 2)": ("SELECT f(f(1), k := 2)",),
    "OPEN c NO SCROLL FOR SELECT f(1) FROM t FOR UPDATE": ("SELECT f(1) FROM t FOR UPDATE",),
    "FETCH c INTO v": ("FETCH c",),
    "FETCH PRIOR FROM c INTO v, w": ("FETCH PRIOR FROM c",),
    "FETCH RELATIVE n + 1 FROM c INTO v": ("FETCH RELATIVE 1 FROM c",),
    "FETCH n IN c INTO v": ("FETCH 1 IN c",),
    "MOVE FORWARD ALL FROM c": ("MOVE FORWARD ALL FROM c",),
    "CLOSE c": (),
    "RETURN": (),
    "RETURN f(1)": ("SELECT f(1)",),
    "RETURN NEXT": (),
    "RETURN NEXT f(1)": ("SELECT f(1)",),
    "RETURN QUERY WITH a AS (SELECT f(1)) SELECT * FROM a": ("WITH a AS (SELECT f(1)) SELECT * FROM a",),
    "RAISE": (),
    "RAISE division_by_zero": (),
    "RAISE SQLSTATE '22012' USING MESSAGE = f(1)": ("SELECT f(1)",),
    "RAISE NOTICE 'a, % %', f(1), f(2) USING HINT = f(3), DETAIL := f(4)": ("SELECT f(1), f(2), f(3), f(4)",),
    "RAISE USING MESSAGE = 'a' || f(1)": ("SELECT 'a' || f(1)",),
    "ASSERT f(1), f(2)": ("SELECT f(1), f(2)",),
    "GET DIAGNOSTICS v = ROW_COUNT": (),
    "GET STACKED DIAGNOSTICS v := MESSAGE_TEXT": (),
    "NULL": (),
    "COMMIT": (),
    "ROLLBACK AND CHAIN": (),
    "CALL p(f(1), v)": ("CALL p(f(1), v)",),
    "SELECT f(1) INTO STRICT v FROM t": ("SELECT f(1) FROM t",),
    "SELECT INTO v, r.w f(1), 2 FROM t": ("SELECT f(1), 2 FROM t",),
    "INSERT INTO t SELECT f(1) RETURNING a INTO v": ("INSERT INTO t SELECT f(1) RETURNING a",),
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE": (
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
    ),
    "EXECUTE f(1) INTO v USING f(2), f(3)": ("SELECT f(1)", "SELECT f(2), f(3)"),
    "EXECUTE f(1) USING f(2) INTO STRICT v": ("SELECT f(1)", "SELECT f(2)"),
    "FOR r IN EXECUTE f(1) USING f(2) LOOP NULL; END LOOP": ("SELECT f(1)", "SELECT f(2)"),
    "RETURN QUERY EXECUTE f(1) USING f(2)": ("SELECT f(1)", "SELECT f(2)"),
    "OPEN c FOR EXECUTE f(1)": ("SELECT f(1)",),
    "DECLARE x int := f(1); y text NOT NULL DEFAULT f(2); z CONSTANT numeric(3,1) = f(3); BEGIN END": (
        "SELECT f(1)", "SELECT f(2)", "SELECT f(3)",
    ),
    "DECLARE c CURSOR (a int, b text) FOR SELECT f(1); d NO SCROLL CURSOR IS SELECT f(2); BEGIN END": (
        "SELECT f(1)", "SELECT f(2)",
    ),
    "DECLARE a ALIAS FOR $1; x text COLLATE \"C\" := f(1); t s.t%ROWTYPE; BEGIN END": ("SELECT f(1)",),
    "BEGIN v := f(1); EXCEPTION WHEN a OR SQLSTATE '22012' THEN v := f(2); WHEN others THEN NULL; END": (
        "SELECT f(1)", "SELECT f(2)",
    ),
    "INSERT INTO t VALUES ('; END; IF', $q$ BEGIN; $q$, E'\\'; THEN') /* ; LOOP */ -- ; ELSE\n": (
        "INSERT INTO t VALUES ('; END; IF', $q$ BEGIN; $q$, E'\\'; THEN')",
    ),
    # Words of PL/pgSQL that are variables here.
    "return := f(1)": ("SELECT f(1)",),
    "open = f(1)": ("SELECT f(1)",),
}  # fmt: skip


def held(statement: str) -> list[str]:
    pieces = read_body(f"DECLARE v text; BEGIN {statement}; END")
    return [" ".join(piece.sql.split()) for piece in pieces if piece.sql]


@pytest.mark.parametrize("statement", HOLDS)
def test_a_statement_gives_the_sql_that_it_holds(statement: str) -> None:
    assert held(statement) == [" ".join(sql.split()) for sql in HOLDS[statement]]


@pytest.mark.parametrize("statement", HOLDS)
def test_what_a_statement_gives_can_be_parsed(statement: str) -> None:
    for sql in held(statement):
        parse(sql)


@pytest.mark.parametrize("seed", range(40))
def test_statements_are_found_once_and_in_order_however_they_are_nested(seed: int) -> None:
    compose = _Composer(random.Random(seed))
    body = compose.body()
    numbers = [piece.sql for piece in read_body(body) if "probe" in piece.sql]
    assert numbers == [f"SELECT probe({number})" for number in range(compose.probes)]
    lines = [(piece.line, piece.sql) for piece in read_body(body) if "probe" in piece.sql]
    assert all(sql.removeprefix("SELECT ") in body.split("\n")[line - 1] for line, sql in lines)


class _Composer:
    """Composes a body of nested blocks, branches and loops, with a numbered call in each place for one."""

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice
        self.probes = 0

    def body(self) -> str:
        return f"#variable_conflict use_column\n{self._block(4)}"

    def _probe(self) -> str:
        self.probes += 1
        return f"probe({self.probes - 1})"

    def _block(self, depth: int) -> str:
        declared = (
            f'<<l>>\nDECLARE\n  a int := {self._probe()};\n  -- END; "x"\n' if self._choice.random() < 0.5 else ""
        )
        inside = self._statements(depth)
        handled = ""
        if self._choice.random() < 0.3:
            handled = f"EXCEPTION WHEN others OR unique_violation THEN\n{self._statements(depth - 1)}"
        return f"{declared}BEGIN\n{inside}{handled}END"

    def _statements(self, depth: int) -> str:
        makers = [self._simple, self._if, self._case, self._loop, self._for, self._nested]
        chosen = makers if depth > 0 else makers[:1]
        return "".join(f"{self._choice.choice(chosen)(depth - 1)};\n" for _ in range(self._choice.randint(1, 3)))

    def _simple(self, _: int) -> str:
        form = self._choice.choice(
            ["PERFORM {}", "x := {}", "RETURN NEXT {}", "RAISE '%;', {}", "ASSERT {}", "EXIT WHEN {}"]
        )
        return form.format(self._probe())

    def _if(self, depth: int) -> str:
        branches = [f"IF {self._probe()} THEN\n{self._statements(depth)}"]
        if self._choice.random() < 0.5:
            branches.append(f"ELSIF {self._probe()} THEN\n{self._statements(depth)}")
        if self._choice.random() < 0.5:
            branches.append(f"ELSE\n{self._statements(depth)}")
        return "".join(branches) + "END IF"

    def _case(self, depth: int) -> str:
        head = f"CASE {self._probe()}\n" if self._choice.random() < 0.5 else "CASE\n"
        branches = [f"WHEN {self._probe()} THEN\n{self._statements(depth)}" for _ in range(2)]
        return f"{head}{''.join(branches)}END CASE"

    def _loop(self, depth: int) -> str:
        head = self._choice.choice(["LOOP", "WHILE {} LOOP", "<<m>>\nLOOP"])
        head = head.format(self._probe()) if "{}" in head else head
        return f"{head}\n{self._statements(depth)}END LOOP"

    def _for(self, depth: int) -> str:
        head = self._choice.choice(["FOR r IN SELECT {} LOOP", "FOREACH i IN ARRAY {} LOOP"])
        return f"{head.format(self._probe())}\n{self._statements(depth)}END LOOP"

    def _nested(self, depth: int) -> str:
        return self._block(depth)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("BEGIN\n IF true THEN NULL; END", 2),
        ("BEGIN\n NULL; END IF; END; END", 2),
        ("BEGIN\n\n RETURN 1", 3),
        ("SELECT 1", 1),
        ("BEGIN\n FOR r IN SELECT 1 END LOOP; END", 2),
        ("BEGIN\n v := 'never closed; END", 2),
    ],
)
def test_a_body_without_its_structure_is_refused_with_the_line(body: str, line: int) -> None:
    with pytest.raises(ParseError) as refused:
        list(read_body(body))
    assert refused.value.line == line


def inner(ddl: str) -> list[InnerStatement]:
    [statement] = split_dump(ddl).statements
    return list(inner_statements(statement, parse(statement.text)))


def found(ddl: str) -> list[Finding]:
    return analyze(split_dump(ddl).statements, release=None)


LOCK = "pg_advisory_lock(1)"
BLOCK = f"BEGIN -- ü€\n\n  PERFORM {LOCK};\nEND"
ROUTINES = {
    "sql": f"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS $$\n\n SELECT 1;\n SELECT {LOCK};\n$$",
    "quoted": f"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS '\n\n SELECT ''a'';\n SELECT {LOCK};\n'",
    "atomic": f"CREATE FUNCTION s.f() RETURNS int\n BEGIN ATOMIC\n SELECT 1;\n SELECT {LOCK};\nEND",
    "returned": f"CREATE FUNCTION s.f()\n RETURNS int\n\n RETURN (SELECT {LOCK})",
    "plpgsql": f"CREATE FUNCTION s.f() RETURNS int AS $$\n{BLOCK}; $$ LANGUAGE plpgsql",
    "procedure": f"CREATE PROCEDURE s.f() LANGUAGE PLpgSQL AS $$\n{BLOCK}$$",
    "ä": f"CREATE FUNCTION s.f(ä text) RETURNS int LANGUAGE plpgsql AS $$\n{BLOCK}$$",
}


@pytest.mark.parametrize("ddl", ROUTINES.values(), ids=ROUTINES.keys())
def test_a_finding_names_the_routine_the_inner_statement_and_its_line(ddl: str) -> None:
    [finding] = [one for one in found(ddl) if one.issue_id == "ADVISORY_LOCKS"]
    assert (finding.object_type, finding.object_name) == ("PROCEDURE" if "PROCEDURE" in ddl else "FUNCTION", "s.f")
    assert finding.line == 4
    assert finding.statement.startswith(("SELECT pg_advisory_lock(1)", "RETURN (SELECT pg_advisory_lock(1))"))
    assert finding.statement.endswith(";")
    assert finding.category == "unsupported_plpgsql_objects"
    assert not finding.blocking


def test_the_text_of_an_inner_statement_is_that_of_the_body() -> None:
    body = "BEGIN SELECT ctid INTO STRICT v FROM t; v := xpath(a, b); END"
    ddl = f"CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $${body}$$"
    assert [one.text for one in inner(ddl)] == ["SELECT ctid INTO STRICT v FROM t;", "v := xpath(a, b);"]


def test_what_stands_in_strings_and_comments_is_no_statement() -> None:
    ddl = """CREATE FUNCTION s.f() RETURNS text LANGUAGE plpgsql AS $$
    -- PERFORM pg_advisory_lock(1);
    /* LISTEN x; /* nested */ NOTIFY x; */
    BEGIN RETURN 'SELECT xpath(1, 2)' || $q$ PERFORM lo_create(1); $q$; END $$"""
    assert [one.text for one in inner(ddl)] == ["RETURN 'SELECT xpath(1, 2)' || $q$ PERFORM lo_create(1); $q$;"]
    assert not found(ddl)


def test_a_statement_that_cannot_be_read_is_a_finding_and_the_rest_is_judged() -> None:
    ddl = "CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN\n SELEC 1;\n PERFORM lo_create(1);\n END $$"
    unread, large = found(ddl)
    assert (unread.issue_id, unread.object_name, unread.line) == ("UNPARSABLE_BODY", "s.f", 2)
    assert (unread.statement, large.issue_id) == ("SELEC 1;", "LARGE_OBJECT_FUNCTIONS")
    assert "SELEC" in unread.details["Reason"]


@pytest.mark.parametrize("language", ["plpgsql", "sql"])
def test_a_body_that_cannot_be_read_at_all_is_a_finding_at_its_routine(language: str) -> None:
    findings = found(f"CREATE PROCEDURE s.p() LANGUAGE {language} AS $$ BEGIN 'never closed; END $$")
    assert [(one.issue_id, one.object_type, one.object_name) for one in findings] == [
        ("UNPARSABLE_BODY", "PROCEDURE", "s.p")
    ]


DYNAMIC = {
    "'LISTEN a'": "LISTEN a",
    "'LISTEN ' || quote_ident(v)": "LISTEN x",
    "'NOTIFY a, ' || quote_literal(v)": "NOTIFY a, 'x'",
    "'SELECT xpath(' || v || ') FROM ' || w": "SELECT xpath(x) FROM x",
    "'SELECT 1 ' || CASE WHEN a THEN 'WHERE b' ELSE '' END": "SELECT 1 x",
    "format('SELECT ctid FROM %I.%s WHERE a = %L AND b LIKE ''%%''', v, w, x)": (
        "SELECT ctid FROM x.x WHERE a = 'x' AND b LIKE '%'"
    ),
    "format('SELECT %2$s FROM %1$I', v, 'ctid')": "SELECT ctid FROM x",
    "concat('SELECT ', 'ctid', ' FROM t')": "SELECT ctid FROM t",
    "'SELECT a' || chr(10) || 'FROM t'": "SELECT axFROM t",
    "$q$SELECT 'it''s' FROM t$q$::text": "SELECT 'it''s' FROM t",
}


@pytest.mark.parametrize("expression", DYNAMIC)
def test_what_execute_runs_is_worked_out_from_literals(expression: str) -> None:
    ddl = f"CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN EXECUTE {expression} USING a; END $b$"
    assert [one.sql for one in inner(ddl) if one.kind == "dynamic"] == [DYNAMIC[expression]]


def test_a_variable_that_holds_sql_is_followed_to_where_it_is_run() -> None:
    ddl = """CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b$
    DECLARE q text := 'CREATE UNLOGGED TABLE ' || quote_ident(n);
    BEGIN
      q := q || ' (';
      q := q || 'id int)';
      EXECUTE q;
    END $b$"""
    [run] = [one for one in inner(ddl) if one.kind == "dynamic"]
    assert (run.sql, run.text, run.line) == ("CREATE UNLOGGED TABLE x (id int)", "EXECUTE q;", 6)
    assert "UNLOGGED_TABLES" in {one.issue_id for one in found(ddl)}


def test_text_that_doubles_without_end_is_given_up() -> None:
    body = f"DECLARE q text := 'a'; BEGIN {'q := q || chr(1) || q; ' * 60} EXECUTE q; END".replace("chr(1)", "'a'")
    ddl = f"CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b${body}$b$"
    assert [one.issue_id for one in found(ddl)] == ["DYNAMIC_SQL_NOT_READ"]


@pytest.mark.parametrize(
    "deep", ["('a' || " * 3000 + "b" + ")" * 3000, "'a'" + " || 'a'" * 5000, "(" * 900 + "'a'" + ")" * 900]
)
def test_an_expression_of_any_depth_is_worked_out_or_given_up(deep: str) -> None:
    ddl = f"CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN EXECUTE {deep}; END $b$"
    assert {one.issue_id for one in found(ddl)} == {"DYNAMIC_SQL_NOT_READ"}


def test_sql_that_is_known_at_run_time_only_is_told_once_for_a_routine() -> None:
    ddl = (
        "CREATE FUNCTION s.f(q text) RETURNS int LANGUAGE plpgsql AS $b$ BEGIN EXECUTE q; EXECUTE g(q) USING 1; END $b$"
    )
    [finding] = found(ddl)
    assert (finding.issue_id, finding.object_name, finding.statement) == ("DYNAMIC_SQL_NOT_READ", "s.f", "EXECUTE q;")


def test_a_routine_made_inside_a_routine_is_looked_into() -> None:
    ddl = """CREATE PROCEDURE s.p() LANGUAGE plpgsql AS $a$ BEGIN
      CREATE FUNCTION pg_temp.g() RETURNS int LANGUAGE sql AS 'SELECT lo_create(1)';
      DO $d$ BEGIN EXECUTE 'DO $e$ BEGIN PERFORM xpath(1, 2); END $e$'; END $d$;
    END $a$"""
    assert {(one.issue_id, one.object_name) for one in found(ddl)} == {
        ("LARGE_OBJECT_FUNCTIONS", "s.p"), ("XML_FUNCTIONS", "s.p"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "told"),
    [("plpython3u", True), ("'plperl'", True), ("PLV8", True), ("c", False), ("internal", False), ("sql", False)],
)
def test_a_routine_in_a_language_that_is_not_read_is_a_finding(language: str, told: bool) -> None:
    findings = found(f"CREATE FUNCTION s.f() RETURNS int LANGUAGE {language} AS $$ select 1 $$")
    languages = [one.details["Language"] for one in findings if one.issue_id == "FUNCTION_IN_OTHER_LANGUAGE"]
    assert languages == ([language.strip("'").lower()] if told else [])


GEO = """CREATE TABLE s.t (id int, g public.geometry); CREATE TYPE s.geometry AS (x int);
CREATE DOMAIN s.place AS public.geometry;"""


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE FUNCTION s.f(a public.geometry) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f(a s.place[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f() RETURNS SETOF geometry LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f() RETURNS TABLE (a int, b geometry) LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f(a s.t.g%TYPE) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS 'DECLARE a s.t.g%TYPE; BEGIN END'",
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS "
        "'DECLARE a CONSTANT public.geometry(Point, 4326)[] := NULL; BEGIN END'",
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a::geometry IS NULL; END'",
    ],
)
def test_a_type_that_the_target_lacks_is_found_wherever_a_routine_names_it(ddl: str) -> None:
    hits = [one for one in found(GEO + ddl) if one.issue_id == "UNSUPPORTED_DATATYPE_IN_CODE"]
    assert [(one.object_name, one.details) for one in hits] == [("s.f", {"ColumnType": "geometry"})]


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE FUNCTION s.f(geometry int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f(a s.geometry) RETURNS s.geometry LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION s.f(a s.t.id%TYPE) RETURNS int LANGUAGE plpgsql AS 'DECLARE geometry s.t.id%TYPE; BEGIN END'",
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN ''a::geometry''; END'",
    ],
)
def test_a_name_or_a_type_of_ones_own_is_no_missing_type(ddl: str) -> None:
    assert "UNSUPPORTED_DATATYPE_IN_CODE" not in {one.issue_id for one in found(GEO + ddl)}


def test_statements_without_a_body_hold_nothing() -> None:
    for ddl in (
        "CREATE TABLE s.t (a int)",
        "CREATE VIEW s.v AS SELECT 1",
        "CREATE FUNCTION s.c() RETURNS int LANGUAGE c AS 'a', 'b'",
    ):
        assert inner(ddl) == []


def test_an_unread_inner_statement_has_no_tree() -> None:
    [unread] = inner("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT FROM WHERE'")
    assert (unread.kind, unread.tree) == (UNREAD, None)
