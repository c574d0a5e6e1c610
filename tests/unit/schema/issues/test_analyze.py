"""An analysis as a whole: for which release, where it points, what it says of the schema, what the catalog adds."""

from __future__ import annotations

import pytest

from voyager.schema.analyze import Finding, analyze, analyze_schema, schema_report
from voyager.schema.issues.datatypes import RANGE_LIVE
from voyager.schema.parse import split
from voyager.schema.statements import Statement, classify

_CODE = "unsupported_plpgsql_objects"
_GIST = "CREATE INDEX i ON s.t USING gist (a)"


def statements_of(sql: str, *, file: str = "") -> list[Statement]:
    return [classify(raw.text, line=raw.line, file=file) for raw in split(sql)]


def found(sql: str, release: str | None = "2.14.0.0") -> list[Finding]:
    return analyze(statements_of(sql), release=release)


@pytest.mark.parametrize(
    ("release", "raised"),
    [("2.20.5.0", True), ("2024.1.6.1", True), ("2024.2.0.0", False), ("2025.2.3.0", False), (None, True)],
)
def test_what_a_release_has_fixed_is_no_finding_for_it(release: str | None, raised: bool) -> None:
    assert bool(found("CREATE UNLOGGED TABLE s.t (a int)", release)) is raised


def test_a_tech_preview_is_a_finding_that_names_its_flag() -> None:
    [finding] = found("CREATE TABLE s.t () INHERITS (s.u)", "2025.2.0.0")
    assert "ysql_enable_inheritance" in finding.says
    assert finding.minimum_versions_tp["2025.2"] == "2025.2.0.0"
    assert finding.minimum_versions == {}


def test_on_plain_postgresql_nothing_blocks() -> None:
    assert [finding.blocking for finding in found(_GIST, None)] == [False]


def test_a_caveat_does_not_block_and_a_refused_statement_does() -> None:
    findings = found(f"CREATE POLICY p ON s.t TO app USING (true); {_GIST}")
    assert [finding.blocking for finding in findings] == [False, True]


def test_an_extension_that_newer_releases_bring_along_does_not_block() -> None:
    vector, postgis = found("CREATE EXTENSION vector; CREATE EXTENSION postgis")
    assert (vector.blocking, postgis.blocking) == (False, True)
    assert "pg_available_extensions" in vector.advice


def test_a_finding_names_its_constraint_and_where_it_stands() -> None:
    [finding] = found("\n\nALTER TABLE s.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =)")
    assert (finding.line, finding.details) == (3, {"ConstraintName": "x"})


def test_what_cannot_be_parsed_is_a_finding_that_does_not_block() -> None:
    [finding] = found("SELECT 1;\nCREATE TABLE s.t (\n a int,\n b int int)")
    assert (finding.issue_id, finding.line, finding.object_name) == ("UNSUPPORTED_PG_SYNTAX", 4, "s.t")
    assert "int" in finding.says
    assert not finding.blocking


@pytest.mark.parametrize(
    ("sql", "object_type", "name"),
    [
        ("CREATE INDEX i ON s.t (a b c)", "INDEX", "i ON s.t"),
        ("CREATE TRIGGER g BEFORE ON s.t", "TRIGGER", "g ON s.t"),
        ("CREATE MATERIALIZED VIEW s.m AS SELECT FROM WHERE", "MVIEW", "s.m"),
        ("CREATE FUNCTION s.f(int) RETURNS SOMETHING ELSE", "FUNCTION", "s.f"),
        ('CREATE VIEW "S v"."V;" AS SELECT FROM WHERE', "VIEW", "S v.V;"),
    ],
)
def test_what_cannot_be_parsed_is_named_as_if_it_were(sql: str, object_type: str, name: str) -> None:
    [finding] = found(sql)
    assert (finding.issue_id, finding.object_type, finding.object_name) == ("UNSUPPORTED_PG_SYNTAX", object_type, name)


def test_what_a_converter_gave_up_on_is_a_finding_although_it_parses() -> None:
    given_up = "CREATE TYPE s.d AS (\n  -- Unsupported, please edit to match PostgreSQL syntax\n  a int)"
    assert [finding.issue_id for finding in found(given_up)] == ["UNSUPPORTED_PG_SYNTAX"]
    assert found("CREATE TYPE s.d AS (a int) -- supported, nothing to edit") == []


def test_an_expression_of_any_depth_can_be_judged() -> None:
    deep = " || ".join(["a"] * 3000)
    assert found(f"CREATE VIEW s.v AS SELECT {deep} FROM s.t") == []


def test_control_characters_of_a_name_are_shown_as_escapes() -> None:
    [finding] = found('CREATE UNLOGGED TABLE s."t\x1b[2J" ()')
    assert finding.object_name == "s.t\\x1b[2J"


def test_columns_that_only_the_catalog_knows_are_judged_and_no_column_twice() -> None:
    ddl = "CREATE TABLE s.t (a xml); CREATE VIEW s.v AS SELECT a, a::text AS b, xmin AS c FROM s.t"
    rows = [
        {"schema_name": "s", "table_name": table, "column_name": column, "data_type": data_type}
        for table, column, data_type in (
            ("t", "a", "xml"),
            ("v", "a", "xml"),
            ("v", "b", "text"),
            ("v", "c", "xid"),
            ("v", "d", "public.geometry"),
            ("v", "e", "pg_catalog.pg_lsn[]"),
            ("v", "f", "time with time zone"),
            ("v", "g", "s.pair"),
            ("v", "h", "s.pair[]"),
            ("v", "i", "s.span"),
            ("m", "a", "xml"),
            ("m", "b", "point"),
            ("m", "c", "s.pair"),
            ("f", "a", "s.pair"),
            ("f", "b", "s.pair[]"),
            ("c", "a", "s.pair[]"),
            ("c", "b", "s.span_multirange[]"),
        )
    ]
    ddl += "; CREATE TYPE s.pair AS (a int, b int); CREATE TYPE s.span AS RANGE (subtype = int4)"
    ddl += "; CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.t; CREATE FOREIGN TABLE s.f () SERVER x"
    analysis = analyze_schema(statements_of(ddl), release="2.14.0.0", columns=rows)
    columns = [(one.issue_id, one.object_name) for one in analysis.findings if one.object_type == "COLUMN"]
    assert columns == [
        ("UNSUPPORTED_DATATYPE_XML", "s.t.a"),
        ("UNSUPPORTED_DATATYPE_XML", "s.v.a"),
        ("UNSUPPORTED_DATATYPE_XID", "s.v.c"),
        ("UNSUPPORTED_DATATYPE_GEOMETRY", "s.v.d"),
        ("UNSUPPORTED_DATATYPE_PG_LSN", "s.v.e"),
        ("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_TIMETZ", "s.v.f"),
        ("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED", "s.v.g"),
        ("UNSUPPORTED_DATATYPE_XML", "s.m.a"),
        ("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED", "s.f.a"),
        ("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_ARRAY_OF_USER_DEFINED", "s.c.a"),
        ("UNSUPPORTED_DATATYPE_USER_DEFINED_MULTIRANGE", "s.c.b"),
    ]


def test_a_domain_over_oid_that_is_called_lo_holds_large_objects_and_no_other_does() -> None:
    ddl = """
        CREATE DOMAIN files.lo AS oid; CREATE DOMAIN files.scan AS files.lo; CREATE DOMAIN files.number AS oid;
        CREATE DOMAIN other.lo AS text;
        CREATE TABLE s.t (a files.lo, b files.scan[], c files.number, d other.lo, e oid);
    """
    columns = [one.object_name for one in found(ddl) if one.issue_id == "UNSUPPORTED_DATATYPE_LARGE_OBJECT"]
    assert columns == ["s.t.a", "s.t.b"]


def test_performance_is_judged_only_when_asked_for() -> None:
    statements = statements_of("CREATE TABLE s.t (a timestamp); CREATE INDEX i ON s.t (a)")
    assert analyze(statements, release="2.14.0.0") == []
    [finding] = analyze(statements, release="2.14.0.0", performance=True)
    assert (finding.issue_id, finding.object_name) == ("HOTSPOTS_ON_TIMESTAMP_INDEX", "i ON s.t")
    assert finding.statement == "CREATE INDEX i ON s.t (a)"


def test_the_report_counts_objects_and_findings() -> None:
    statements = statements_of("CREATE TABLE s.a (); CREATE UNLOGGED TABLE s.b (); COMMENT ON TABLE s.a IS 'x'")
    report = schema_report(analyze(statements, release="2.20.0.0"), statements)
    assert next(iter(report)) == "schema_version"
    assert report["summary"]["objects"] == [{"object_type": "table", "total": 2, "with_findings": 1}]
    assert report["summary"]["blocking"] == 1
    assert report["issues"][0]["minimum_versions"]["2024.2"] == "2024.2.0.0"


def test_the_report_counts_a_routine_by_what_stands_inside_it() -> None:
    body = "CREATE FUNCTION s.f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n  CREATE UNLOGGED TABLE x ();\nEND\n$$"
    statements = statements_of(f"CREATE TABLE s.a ();\n{body};\nCREATE TABLE s.b ()", file="f.sql")
    findings = analyze(statements, release="2.20.0.0")
    assert [(finding.file, finding.line) for finding in findings] == [("f.sql", 4)]
    assert schema_report(findings, statements)["summary"]["objects"] == [
        {"object_type": "function", "total": 1, "with_findings": 1},
        {"object_type": "table", "total": 2, "with_findings": 0},
    ]


def test_a_body_in_sql_is_refused_with_its_routine_and_one_in_a_string_is_not() -> None:
    query = "SELECT id FROM s.t ORDER BY id FETCH FIRST 1 ROW WITH TIES"
    written = f"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql BEGIN ATOMIC {query}; END"
    in_string = f"CREATE FUNCTION s.g() RETURNS int LANGUAGE sql AS '{query}'"
    blocking = {one.object_name: one.blocking for one in found(f"{written}; {in_string}") if one.category == _CODE}
    assert blocking == {"s.f": True, "s.g": False}


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER compound INSERT ON t",
        "CREATE TRIGGER g ON compound INSERT",
        "CREATE TRIGGER g COMPOUND",
        "CREATE TABLE t COMPOUND INSERT",
        "ALTER TABLE of ADD BROKEN CONSTRAINT",
        "ALTER TABLE t ADD of int BROKEN CONSTRAINT",
        'ALTER TABLE s."OF" of_d BROKEN',
        "ALTER INDEX i OF d BROKEN",
        "ALTER TABLE view TO SELECT 1",
        "CREATE VIEW v AS SELECT 'json_arrayagg(' FROM WHERE -- json_arrayagg(a)",
        "CREATE VIEW v AS SELECT json_arrayagg FROM WHERE",
    ],
)
def test_a_statement_that_cannot_be_read_is_only_that_where_no_word_says_more(sql: str) -> None:
    assert [finding.issue_id for finding in found(sql)] == ["UNSUPPORTED_PG_SYNTAX"]


@pytest.mark.parametrize(
    ("sql", "at"),
    [
        ("CREATE VIEW s.v AS SELECT json_arrayagg(a ORDER) FROM t", ("VIEW", "s.v")),
        ("CREATE TRIGGER g INSERT ON s.t EXECUTE FUNCTION JSON_ARRAYAGG (a ORDER BY b)", ("TRIGGER", "g ON s.t")),
    ],
)
def test_json_arrayagg_is_found_in_what_cannot_be_read(sql: str, at: tuple[str, str]) -> None:
    [finding] = found(sql)
    assert (finding.issue_id, (finding.object_type, finding.object_name)) == ("JSON_ARRAYAGG", at)


def test_json_arrayagg_is_found_in_the_piece_of_a_body_that_cannot_be_read() -> None:
    body = "BEGIN INSERT INTO u SELECT {} FROM t SELECT 1; PERFORM json_agg(a) FROM t; END"
    sql = "CREATE PROCEDURE s.p() LANGUAGE plpgsql AS $$ {} $$"
    called, quoted = (
        [one.issue_id for one in found(sql.format(body.format(text)))]
        for text in ("JSON_ARRAYAGG(a)", "'JSON_ARRAYAGG(a)'")
    )
    assert called == ["UNPARSABLE_BODY", "JSON_ARRAYAGG"]
    assert quoted == ["UNPARSABLE_BODY"]


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        ("ALTER TABLE", "TABLE"),
        ("/* VIEW */ ALTER -- TABLE\n VIEW", "VIEW"),
        ("alter materialized view", "MVIEW"),
        ("ALTER FOREIGN TABLE", "FOREIGN TABLE"),
        ("ALTER INDEX", "INDEX"),
        ("ALTER SEQUENCE", "SEQUENCE"),
    ],
)
def test_an_alteration_that_cannot_be_read_is_of_the_object_that_it_names(beginning: str, kind: str) -> None:
    [finding] = found(f"{beginning} s.o BROKEN STATEMENT")
    assert (finding.object_type, finding.object_name) == (kind, "s.o")


@pytest.mark.parametrize(
    ("name", "issue_id"),
    [
        ("geometry", "UNSUPPORTED_DATATYPE_GEOMETRY"),
        ("raster", "UNSUPPORTED_DATATYPE_RASTER"),
        ("vector", "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_VECTOR"),
    ],
)
def test_a_type_that_the_script_of_an_extension_made_goes_by_its_name(name: str, issue_id: str) -> None:
    table = f"CREATE TABLE s.t (a int, c x.{name}[], d x.other_{name})"
    made = (f"CREATE TYPE x.{one} (INPUT = x.f, OUTPUT = x.g)" for one in (name, f"other_{name}"))
    assert [(one.issue_id, one.object_name) for one in found(";".join((*made, table)))] == [(issue_id, "s.t.c")]
    in_sql = (f"CREATE TYPE x.{one} AS RANGE (SUBTYPE = text)" for one in (name, f"other_{name}"))
    as_a_range = [(one.issue_id, one.object_name) for one in found(";".join((*in_sql, table)))]
    assert as_a_range == [(RANGE_LIVE, "s.t.c"), (RANGE_LIVE, "s.t.d")]


def test_a_key_on_such_a_type_goes_by_its_name_as_well() -> None:
    made = "CREATE TYPE x.citext (INPUT = x.f, OUTPUT = x.g); CREATE TYPE x.odd (INPUT = x.f, OUTPUT = x.g);"
    findings = found(f"{made} CREATE TABLE s.t (a x.citext, b x.odd UNIQUE); CREATE INDEX i ON s.t (a)")
    assert [(one.issue_id, one.object_name) for one in findings] == [("INDEX_ON_CITEXT_DATATYPE", "i ON s.t")]
