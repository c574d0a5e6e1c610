"""What raises each issue of query constructs, what is close to it, and every place in which either can stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# The schema that examples name: one table, one of the same shape with other types and names that need quotes, a view
# and functions of names that the server has as well.
SCHEMA = """
CREATE TABLE s.t (id integer PRIMARY KEY, data jsonb, words text[], amount numeric, note text, doc s.document);
CREATE TABLE "Odd S"."T 2" (id integer, data text[], "xmin " text, body jsonb, h hstore);
CREATE DOMAIN s.document AS s.base_document;
CREATE DOMAIN s.base_document AS jsonb;
CREATE TYPE s.pair AS (k text, v jsonb);
CREATE TYPE s.geometry AS (x integer);
CREATE VIEW s.bounds AS SELECT min(id) AS xmin, max(id) AS xmax FROM s.t;
CREATE FUNCTION s.latest() RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE FUNCTION s.like_data() RETURNS s.t.data%TYPE LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE FUNCTION s.rows() RETURNS TABLE (a integer, b jsonb) LANGUAGE sql AS 'SELECT 1, NULL::jsonb';
CREATE FUNCTION s.words() RETURNS text[] LANGUAGE sql AS 'SELECT NULL::text[]';
CREATE FUNCTION s.any_value(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.uuidv7() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
CREATE FUNCTION s.pg_advisory_lock(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.regexp_like(integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
"""

EXPRESSION, QUERY, STATEMENT = "expression", "query", "statement"


@dataclass(frozen=True)
class Example:
    """`sql` is an expression over the columns of s.t, a whole query or another statement."""

    form: str
    sql: str


def expressions(*texts: str) -> tuple[Example, ...]:
    return tuple(Example(EXPRESSION, text) for text in texts)


def queries(*texts: str) -> tuple[Example, ...]:
    return tuple(Example(QUERY, text) for text in texts)


def statements(*texts: str) -> tuple[Example, ...]:
    return tuple(Example(STATEMENT, text) for text in texts)


def _system(name: str) -> tuple[Example, ...]:
    return (
        *expressions(name, f"t.{name}", f's."t".{name}', f'"{name}"', f"{name.upper()}"),
        *queries(
            f"SELECT id FROM s.t ORDER BY {name}",
            f'SELECT o.{name} FROM "Odd S"."T 2" AS o',
            f"SELECT id FROM s.t WHERE EXISTS (SELECT 1 FROM s.bounds b WHERE b.xmax = t.{name}::text::integer)",
            f"SELECT {name} FROM unknown_relation",
            f"WITH t AS (SELECT id, {name} AS v FROM s.t) SELECT v FROM t",
        ),
        *statements(
            f"DELETE FROM s.t WHERE {name} IS NOT NULL",
            f"UPDATE s.t AS a SET note = 'x' FROM s.bounds b WHERE a.{name} IS NULL",
            f"INSERT INTO s.t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'x' RETURNING {name}",
        ),
    )


def _not_system(name: str) -> tuple[Example, ...]:
    return (
        *expressions(f"'{name}'", f'note AS "{name}"', f"st_{name}(note)", f"{name}(note)", f"1 /* {name} */"),
        *queries(
            f"SELECT b.{name} FROM (SELECT min(id) AS {name} FROM s.t) AS b",
            f"SELECT {name} FROM (SELECT min(id) AS {name} FROM s.t) AS b",
            f"WITH b AS (SELECT min(id) AS {name} FROM s.t) SELECT b.{name} FROM b",
            f"WITH b ({name}) AS (SELECT min(id) FROM s.t) SELECT {name} FROM b",
            f"SELECT min(id) AS {name} FROM s.t ORDER BY {name}",
            f"SELECT {name} FROM (VALUES (1)) AS v ({name})",
            f"SELECT v.{name} FROM generate_series(1, 3) AS v ({name})",
            f"SELECT min(id) AS {name} FROM s.t UNION SELECT 1 ORDER BY {name}",
            f"SELECT d.{name} FROM s.t, LATERAL (SELECT t.id AS {name}) AS d",
        ),
    )


_MERGE = "MERGE INTO s.t USING s.bounds AS b ON t.id = b.xmin"

RAISES: Mapping[str, tuple[Example, ...]] = {
    "ADVISORY_LOCKS": expressions(
        "pg_advisory_lock(1)", "pg_try_advisory_xact_lock(id, 2)", "pg_catalog.pg_advisory_unlock_all()",
        '"pg_advisory_unlock_shared"(id)', "PG_TRY_ADVISORY_LOCK(hashtext(note))",
    ),
    **{f"SYSTEM_COLUMN_{name.upper()}": _system(name) for name in ("xmin", "xmax", "cmin", "cmax", "ctid")},
    "XML_FUNCTIONS": (
        *expressions(
            "xmlelement(name a, note)", "xpath('/a', note::text)", "xmlforest(note AS a)", "note IS DOCUMENT",
            "xmlserialize(content note AS text)", "xmlexists('/a' PASSING note)", "xmlagg(note)",
            "pg_catalog.query_to_xml('SELECT 1', true, false, '')", "xmlparse(document note)", "xmltext(note)",
        ),
        *queries("SELECT x.a FROM s.t, XMLTABLE('/r' PASSING note COLUMNS a integer PATH 'a') AS x"),
    ),
    "REGEX_FUNCTIONS": expressions(
        "regexp_count(note, 'a')", "regexp_instr(note, 'a')", "pg_catalog.regexp_like(note, 'a')",
    ),
    "ANY_VALUE_AGGREGATE_FUNCTION": expressions("pg_catalog.any_value(note)"),
    "RANGE_AGGREGATE_FUNCTION": expressions("range_agg(int4range(id, 9))", "range_intersect_agg(int4range(id, 9))"),
    "JSON_CONSTRUCTOR_FUNCTION": expressions(
        "json_object('a': id)", "JSON_ARRAY(id, note)", "json_arrayagg(id)", "json_objectagg(note: id)",
        "json_array(SELECT 1)",
    ),
    "JSON_QUERY_FUNCTION": (
        *expressions("json_exists(data, '$.a')", "json_value(data, '$.a')", "json_query(data, '$.a')"),
        *queries("SELECT j.a FROM s.t, JSON_TABLE(data, '$[*]' COLUMNS (a integer PATH '$.a')) AS j"),
    ),
    "LARGE_OBJECT_FUNCTIONS": expressions(
        "lo_create(0)", "lo_unlink(id::oid)", "pg_catalog.lo_get(1::oid)", "loread(1, 10)", "lo_manage()",
        "s.lo_oid(id)",
    ),
    "JSONB_SUBSCRIPTING": (
        *expressions(
            "data['a']", "t.data['a']['b']", "doc['a']", "(s.latest())['a']", "(s.like_data())['a']",
            "('{}'::jsonb)['a']", "(CASE WHEN true THEN data END)['a']",
            "data[0]", "(data->'a')['b']", "(SELECT data FROM s.t LIMIT 1)['a']", "(coalesce(data, '{}'))['a']",
            "(jsonb_build_object('a', 1))['a']", "(ROW('a', data)::s.pair).v['a']",
        ),
        *queries(
            "SELECT x['a'] FROM (SELECT data AS x FROM s.t) AS q",
            "WITH q (x) AS (SELECT data FROM s.t) SELECT x[0] FROM q",
            "SELECT e['a'] FROM s.t, jsonb_array_elements(data) AS e",
            "SELECT e.v[0] FROM s.t, jsonb_each(data) AS e (k, v)",
            "SELECT r.b[0] FROM s.rows() AS r",
            'SELECT body[0] FROM "Odd S"."T 2"',
            'SELECT a.data[0] FROM s.t AS a JOIN "Odd S"."T 2" AS b ON a.id = b.id',
            "SELECT anything['word'] FROM unknown_relation",
        ),
        *statements(
            "UPDATE s.t SET data['a'] = '1'",
            "UPDATE s.t SET doc['a']['b'] = '1' WHERE id = 1",
            "INSERT INTO s.t (id, data['a']) VALUES (1, '1')",
            "DELETE FROM s.t WHERE data['a'] = '1'",
        ),
    ),
    "JSON_TYPE_PREDICATE": expressions(
        "note IS JSON", "note IS NOT JSON ARRAY", "note IS JSON OBJECT WITH UNIQUE KEYS",
    ),
    "COPY FROM ... WHERE": statements("COPY s.t FROM '/data/t' WHERE id > 3"),
    "COPY ... ON_ERROR": statements("COPY s.t (id) FROM '/data/t' WITH (FORMAT csv, ON_ERROR ignore)"),
    "FETCH_WITH_TIES": queries("SELECT id FROM s.t ORDER BY note FETCH FIRST 3 ROWS WITH TIES"),
    "CTE_WITH_MATERIALIZED_CLAUSE": queries(
        "WITH c AS MATERIALIZED (SELECT 1 AS a) SELECT a FROM c",
        "WITH c AS NOT MATERIALIZED (SELECT 1 AS a) SELECT a FROM c",
    ),
    "MERGE_STATEMENT": statements(f"{_MERGE} WHEN MATCHED THEN DELETE"),
    "LISTEN_NOTIFY": (
        *statements("LISTEN changes", "NOTIFY changes, 'x'", "UNLISTEN *"),
        *expressions("pg_notify('changes', note)"),
    ),
    "NON_DECIMAL_INTEGER_LITERAL": expressions("0x1F", "0o17 + id", "0B11", "-0xFFFFFFFFFFFF", "id & 0XffffffffFFFF"),
    "TWO_PHASE_COMMIT": statements("PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'"),
    "FETCH_CURSOR_DIRECTION": statements(
        "FETCH NEXT FROM c", "FETCH FIRST FROM c", "FETCH LAST FROM c", "FETCH PRIOR FROM c", "FETCH ABSOLUTE 3 FROM c",
        "FETCH RELATIVE -1 FROM c", "FETCH FORWARD FROM c", "FETCH BACKWARD 5 FROM c",
    ),
    "WHERE_CURRENT_OF": statements(
        "UPDATE s.t SET note = 'x' WHERE CURRENT OF c", "DELETE FROM s.t WHERE CURRENT OF c",
    ),
    "RANGE_OFFSET_NUMERIC_DOUBLE": expressions(
        "sum(id) OVER (ORDER BY amount RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "sum(id) OVER (ORDER BY id::float8 RANGE BETWEEN 1.5::float8 PRECEDING AND 2.5::float8 FOLLOWING)",
    ),
    "JSON_ARRAYAGG": expressions("json_arrayagg(id)"),
    "FUNCTION_NEWER_THAN_PG15": expressions(
        "pg_catalog.uuidv7()", "array_shuffle(words)", "random(1, 6)", "casefold(note)", "system_user",
        "jsonb_agg_strict(data)"
    ),
    "SUBQUERY_WITHOUT_ALIAS": queries("SELECT a FROM (SELECT 1 AS a)", "SELECT column1 FROM (VALUES (1))"),
    "UNDERSCORE_IN_NUMERIC_LITERAL": expressions("1_000", "10_000_000_000", "1_0.5"),
    "COPY_OPTION_NEWER_THAN_PG15": statements(
        "COPY s.t FROM '/data/t' (DEFAULT 'd')", "COPY s.t FROM '/data/t' (FORMAT csv, FORCE_NULL *)",
        "COPY s.t FROM '/data/t' (ON_ERROR ignore, REJECT_LIMIT 3)",
    ),
    "AT_LOCAL": expressions("now() AT LOCAL"),
    "SQL_JSON_SCALAR_FUNCTION": expressions("json(note)", "json_scalar(id)", "json_serialize(note)"),
    "MERGE_NOT_MATCHED_BY_SOURCE": statements(f"{_MERGE} WHEN NOT MATCHED BY SOURCE THEN DELETE"),
    "MERGE_RETURNING": statements(f"{_MERGE} WHEN MATCHED THEN DELETE RETURNING merge_action(), t.id"),
    "RETURNING_OLD_NEW": statements(
        "UPDATE s.t SET id = 1 RETURNING old.id, new.id", "DELETE FROM s.t RETURNING old.*",
        "INSERT INTO s.t (id) VALUES (1) RETURNING WITH (OLD AS before) before.id",
    ),
    "UNSUPPORTED_DATATYPE_IN_CODE": expressions("note::xml", "CAST(note AS public.geometry)", "geography 'x'"),
}  # fmt: skip

NEAR: Mapping[str, tuple[Example, ...]] = {
    "ADVISORY_LOCKS": expressions(
        "s.pg_advisory_lock(1)", "'pg_advisory_lock(1)'", "pg_advisory_locks(1)", "1 -- pg_advisory_lock(1)\n",
        "$q$ SELECT pg_advisory_lock(1) $q$", 'note AS "pg_advisory_lock"',
    ),
    **{f"SYSTEM_COLUMN_{name.upper()}": _not_system(name) for name in ("xmin", "xmax", "cmin", "cmax", "ctid")},
    "XML_FUNCTIONS": expressions(
        "s.xpath(note)", "'xmlelement(name a)'", 'note AS "xml"', "xpaths(note)", "1 /* xpath() */",
    ),
    "REGEX_FUNCTIONS": expressions(
        "regexp_match(note, 'a')", "s.regexp_like(id)", "note ~ 'regexp_like'",
    ),
    "ANY_VALUE_AGGREGATE_FUNCTION": expressions("s.any_value(id)", "min(id)", "'any_value(id)'"),
    "RANGE_AGGREGATE_FUNCTION": expressions("s.range_agg(id)", "'range_agg(id)'", "array_agg(int4range(id, 9))"),
    "JSON_CONSTRUCTOR_FUNCTION": expressions(
        "json_build_object('a', id)", "json_object(words)", "json_agg(id)", "s.json_arrayagg(id)", "'json_array(1)'",
    ),
    "JSON_QUERY_FUNCTION": expressions("jsonb_path_exists(data, '$.a')", "s.json_value(data)", "'json_value(data)'"),
    "LARGE_OBJECT_FUNCTIONS": expressions("s.lo_create(0)", "lo_created(0)", "'lo_create(0)'", 'note AS "lo_create"'),
    "JSONB_SUBSCRIPTING": (
        *expressions(
            "words[1]", "words[1:2]", "data->'a'", "(s.words())[1]", "(ARRAY[data])[1]", "'data[''a'']'",
            "(string_to_array(note, ','))[1]", "(ARRAY(SELECT data FROM s.t))[1]", "(array_agg(data))[1]",
        ),
        *queries(
            'SELECT data[1] FROM "Odd S"."T 2"',
            """SELECT data['1'] FROM "Odd S"."T 2\"""",
            """SELECT h['word'] FROM "Odd S"."T 2\"""",
            'SELECT b.data[1] FROM s.t AS a JOIN "Odd S"."T 2" AS b ON a.id = b.id',
            "WITH data AS (SELECT words AS data FROM s.t) SELECT data.data[1] FROM data",
            "SELECT anything[1] FROM unknown_relation",
            "SELECT r.a FROM s.rows() AS r",
        ),
        *statements("UPDATE s.t SET words[1] = 'x'", "UPDATE s.t SET data = '{\"a\": 1}'"),
    ),
    "JSON_TYPE_PREDICATE": expressions("note IS NULL", "'note IS JSON'", "note::json IS NOT NULL", 'note AS "is json"'),
    "COPY FROM ... WHERE": statements("COPY s.t FROM '/data/t'", "COPY (SELECT id FROM s.t WHERE id > 3) TO '/data/t'"),
    "COPY ... ON_ERROR": statements(
        "COPY s.t FROM '/data/on_error' (FORMAT csv)", "COPY s.t FROM '/data/t' (NULL 'on_error')",
    ),
    "FETCH_WITH_TIES": queries(
        "SELECT id FROM s.t ORDER BY note FETCH FIRST 3 ROWS ONLY", "SELECT 'with ties' LIMIT 3",
    ),
    "CTE_WITH_MATERIALIZED_CLAUSE": queries(
        "WITH c AS (SELECT 1 AS a) SELECT a FROM c", "WITH materialized AS (SELECT 1 AS a) SELECT a FROM materialized",
    ),
    "MERGE_STATEMENT": statements(
        "INSERT INTO s.t (id) VALUES (1) ON CONFLICT DO NOTHING", "UPDATE s.t SET note = 'MERGE INTO s.t'"
    ),
    "LISTEN_NOTIFY": expressions(
        "s.pg_notify('a', 'b')", "'NOTIFY changes'", 'note AS "listen"', "1 /* LISTEN changes */",
    ),
    "NON_DECIMAL_INTEGER_LITERAL": expressions("31", "'0x1F'", "x'1F'", "1 AS \"0x1F\"", "E'\\\\x1F'", "1e10", "0.5"),
    "TWO_PHASE_COMMIT": statements(
        "PREPARE transaction_1 AS SELECT 1", "UPDATE s.t SET note = 'COMMIT PREPARED ''x'''",
    ),
    "FETCH_CURSOR_DIRECTION": statements("FETCH c", "FETCH 5 FROM c", "FETCH ALL FROM c", "MOVE LAST FROM c"),
    "WHERE_CURRENT_OF": statements("DELETE FROM s.t WHERE note = 'CURRENT OF c'", "UPDATE s.t SET note = current_user"),
    "RANGE_OFFSET_NUMERIC_DOUBLE": expressions(
        "sum(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "sum(amount) OVER (ORDER BY amount RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        "sum(amount) OVER (ORDER BY amount ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    ),
    "JSON_ARRAYAGG": expressions("json_agg(id)", "s.json_arrayagg(id)", "'json_arrayagg(id)'"),
    "FUNCTION_NEWER_THAN_PG15": expressions(
        "s.uuidv7()", "random()", "s.casefold(note)", "'casefold(note)'",
    ),
    "SUBQUERY_WITHOUT_ALIAS": queries(
        "SELECT a FROM (SELECT 1 AS a) AS q", "SELECT (SELECT 1)", "SELECT '(SELECT 1)' FROM s.t",
    ),
    "UNDERSCORE_IN_NUMERIC_LITERAL": expressions("1000", "'1_000'", 'note AS "1_000"', "note_1_000(id)"),
    "COPY_OPTION_NEWER_THAN_PG15": statements(
        "COPY s.t FROM '/data/t' (FORMAT csv, FORCE_NULL (id), NULL 'default')", "COPY s.t FROM '/data/default'"
    ),
    "AT_LOCAL": expressions("now() AT TIME ZONE 'UTC'", "timezone('local', now())", "'now() AT LOCAL'"),
    "SQL_JSON_SCALAR_FUNCTION": expressions("note::json", "to_json(note)", "s.json_scalar(id)", "'json(note)'"),
    "MERGE_NOT_MATCHED_BY_SOURCE": statements(f"{_MERGE} WHEN NOT MATCHED BY TARGET THEN DO NOTHING"),
    "MERGE_RETURNING": statements(f"{_MERGE} WHEN MATCHED THEN DELETE", "DELETE FROM s.t RETURNING id"),
    "RETURNING_OLD_NEW": statements(
        "UPDATE s.t SET id = 1 RETURNING id", "UPDATE s.t AS new SET id = 1 RETURNING new.id",
        "DELETE FROM s.t USING s.bounds AS old RETURNING old.xmin",
        "INSERT INTO s.t (note) VALUES ('RETURNING old.id')",
    ),
    "UNSUPPORTED_DATATYPE_IN_CODE": expressions("NULL::s.geometry", "note::text", "'note::xml'", 'note AS "geometry"'),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A statement of a schema that holds an example, and the object that reports name for it."""

    ddl: str
    object_type: str
    object_name: str


def places(example: Example) -> list[Place]:
    """Every place in which an example can stand, by turns under a plain name and under one that needs quotes."""
    compose = {EXPRESSION: _of_expression, QUERY: _of_query, STATEMENT: _of_statement}[example.form]
    found = []
    for number, (object_type, template) in enumerate(compose(example.sql)):
        name, reported = (
            (f"s.v{number}", f"s.v{number}") if number % 2 else (f'"Odd S"."V {number}"', f"Odd S.V {number}")
        )
        found.append(Place(template.replace(NAME, name), object_type, reported))
    return found


NAME = "<name>"
_Composed = Iterator[tuple[str, str]]


def _of_expression(sql: str) -> _Composed:
    yield from _of_query(f"SELECT {sql} FROM s.t")
    if " AS " not in sql and "--" not in sql:
        nested = f"SELECT w.c FROM (SELECT coalesce({sql}, NULL) AS c FROM s.t) AS w"
        yield from _of_query(f"WITH o AS (SELECT CASE WHEN true THEN ({nested}) END AS c) SELECT c FROM o")


def _of_query(sql: str) -> _Composed:
    yield "VIEW", f"CREATE VIEW {NAME} AS {sql}"
    yield "MVIEW", f"CREATE MATERIALIZED VIEW {NAME} AS {sql} WITH NO DATA"
    yield from _of_statement(sql)
    yield from _of_plpgsql(f"RETURN QUERY {sql};", f"FOR r IN {sql} LOOP NULL; END LOOP;", f"OPEN c FOR {sql};")
    yield from _of_plpgsql(f"v := ({sql});", f"IF EXISTS ({sql}) THEN NULL; END IF;", f"RETURN ({sql});")
    yield from _of_plpgsql(f"RAISE NOTICE '%', ({sql});", f"WHILE 1 < ({sql}) LOOP EXIT; END LOOP;")
    if sql.startswith("SELECT "):
        yield from _of_plpgsql(f"PERFORM {sql.removeprefix('SELECT ')};")


def _of_statement(sql: str) -> _Composed:
    yield "FUNCTION", f"CREATE FUNCTION {NAME}() RETURNS void LANGUAGE sql AS $b$ SELECT 1; {sql}; $b$"
    if sql.split()[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}:
        yield "FUNCTION", f"CREATE FUNCTION {NAME}() RETURNS void BEGIN ATOMIC SELECT 1; {sql}; END"
    literal = sql.replace("'", "''")
    yield from _of_plpgsql(f"{sql};", f"EXECUTE '{literal}';", f"BEGIN {sql}; EXCEPTION WHEN others THEN NULL; END;")
    yield from _of_plpgsql(f"EXECUTE format($f${sql.replace('%', '%%')}$f$);", f"v := '{literal}'; EXECUTE v || '';")
    yield from _of_plpgsql(f"<<a>> LOOP {sql}; EXIT a; END LOOP;", f"DO $d$ BEGIN {sql}; END $d$;")


def _of_plpgsql(*statements: str) -> _Composed:
    for place, statement in enumerate(statements):
        kind, head = _ROUTINES[place % len(_ROUTINES)]
        declared = "DECLARE r record; v text; c refcursor;"
        yield kind, f"{head} LANGUAGE plpgsql AS $b$\n{declared}\nBEGIN\n  {statement}\nEND\n$b$"


_ROUTINES = (
    ("FUNCTION", f"CREATE FUNCTION {NAME}(a integer, d s.document) RETURNS SETOF s.pair"),
    ("PROCEDURE", f"CREATE PROCEDURE {NAME}(INOUT a integer)"),
    ("FUNCTION", f"CREATE FUNCTION {NAME}() RETURNS trigger"),
)
