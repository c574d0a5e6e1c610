"""Examples of the issues of indexes, views, triggers, policies, functions, collations, extensions and other objects."""

from __future__ import annotations

from tests.unit.schema.issues.forms import Case, Examples, case, rule

_INDEX = "{i} ON {t}"
_TRIGGER = "{g} ON {t}"
_PARTITIONED = "CREATE TABLE {t} (a int) PARTITION BY RANGE (a)"


def _method(name: str) -> tuple[Case, ...]:
    return (
        case(f"CREATE INDEX {{i}} ON {{t}} USING {name} (a)", at=_INDEX),
        case(f"CREATE INDEX {{i}} ON ONLY {{t}} USING {name.upper()} (a, lower(b))", at=_INDEX),
        case(f"CREATE INDEX ON s.t USING {name} (a, (b + 1))", at="t_a_expr_idx ON s.t", in_routine=False),
        case(_PARTITIONED, f"CREATE INDEX {{i}} ON {{t}} USING {name} (a)", at=_INDEX),
    )


EXAMPLES: Examples = {
    "UNSUPPORTED_GIST_INDEX_METHOD": rule(
        *_method("gist"),
        case("CREATE INDEX {i} ON {t} USING rtree (a)", at=_INDEX),
        misses=(
            "CREATE INDEX gist ON s.gist (gist)",
            "CREATE INDEX rtree ON s.rtree (rtree)",
            "CREATE INDEX {i} ON {t} USING gin (a)",
            "ALTER TABLE {t} ADD CONSTRAINT {k} EXCLUDE USING gist (a WITH =)",
        ),
    ),
    "UNSUPPORTED_BRIN_INDEX_METHOD": rule(*_method("brin"), misses=("CREATE INDEX brin ON {t} USING btree (a)",)),
    "UNSUPPORTED_SPGIST_INDEX_METHOD": rule(*_method("spgist"), misses=("CREATE INDEX {i} ON {t} USING gist (a)",)),
    "MULTI_COLUMN_GIN_INDEX": rule(
        case("CREATE INDEX {i} ON {t} USING gin (a, b)", at=_INDEX),
        case("CREATE INDEX {i} ON {t} USING gin (a jsonb_path_ops, (b || c))", at=_INDEX),
        misses=("CREATE INDEX {i} ON {t} USING gin (a)", "CREATE INDEX {i} ON {t} USING btree (a, b)"),
    ),
    "ORDERED_GIN_INDEX": rule(
        case("CREATE INDEX {i} ON {t} USING gin (a DESC)", at=_INDEX),
        case("CREATE INDEX {i} ON {t} USING gin ((a || b) ASC)", at=_INDEX),
        misses=(
            "CREATE INDEX {i} ON {t} USING gin (a)",
            "CREATE INDEX {i} ON {t} (a DESC)",
            "CREATE INDEX {i} ON {t} USING gin (a, b DESC)",
        ),
    ),
    "VIEW_WITH_CHECK_OPTION": rule(
        case("CREATE VIEW {v} AS SELECT 1 AS a WITH CHECK OPTION", at="{v}"),
        case("CREATE OR REPLACE VIEW {v} AS SELECT 1 AS a WITH LOCAL CHECK OPTION", at="{v}"),
        case("CREATE VIEW {v} WITH (check_option = cascaded) AS SELECT 1 AS a", at="{v}"),
        misses=(
            "CREATE VIEW {v} WITH (security_barrier) AS SELECT 'WITH CHECK OPTION' AS check_option",
            "CREATE MATERIALIZED VIEW {v} AS SELECT 1 AS a WITH NO DATA",
        ),
    ),
    "SECURITY_INVOKER_VIEWS": rule(
        case("CREATE VIEW {v} WITH (security_invoker = true) AS SELECT 1 AS a", at="{v}"),
        case("CREATE VIEW {v} WITH (security_barrier, security_invoker) AS SELECT 1 AS a", at="{v}"),
        case("ALTER VIEW {v} SET (security_invoker = on)", at="{v}"),
        misses=(
            "CREATE VIEW {v} WITH (security_barrier = true) AS SELECT 1 AS security_invoker",
            "ALTER VIEW {v} SET (security_barrier = true)",
            "CREATE FUNCTION {f}() RETURNS int LANGUAGE sql SECURITY INVOKER AS 'SELECT 1'",
        ),
    ),
    "POLICY_WITH_ROLES": rule(
        case("CREATE POLICY {g} ON {t} TO app, PUBLIC USING (true)", at=_TRIGGER),
        case("CREATE POLICY {g} ON {t} AS RESTRICTIVE FOR SELECT TO {c} USING (true)", at=_TRIGGER),
        misses=(
            "CREATE POLICY {g} ON {t} TO PUBLIC USING (true)",
            "CREATE POLICY {g} ON {t} USING (true)",
            "CREATE POLICY {g} ON {t} TO CURRENT_USER USING (a = 'app')",
        ),
    ),
    "CONSTRAINT_TRIGGER": rule(
        case(
            "CREATE CONSTRAINT TRIGGER {g} AFTER INSERT ON {t} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION {f}()",
            at=_TRIGGER,
        ),
        misses=("CREATE TRIGGER {g} AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {f}('CONSTRAINT TRIGGER')",),
    ),
    "REFERENCING_CLAUSE_IN_TRIGGER": rule(
        case(
            "CREATE TRIGGER {g} AFTER INSERT ON {t} REFERENCING NEW TABLE AS n "
            "FOR EACH STATEMENT EXECUTE FUNCTION {f}()",
            at=_TRIGGER,
        ),
        case(
            "CREATE TRIGGER {g} AFTER UPDATE ON {t} REFERENCING OLD TABLE AS o NEW TABLE AS n "
            "FOR EACH ROW EXECUTE FUNCTION {f}()",
            at=_TRIGGER,
        ),
        misses=("CREATE TRIGGER referencing AFTER INSERT ON {t} EXECUTE FUNCTION {f}()",),
    ),
    "BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE": rule(
        case(_PARTITIONED, "CREATE TRIGGER {g} BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {f}()", at=_TRIGGER),
        case(
            "CREATE TRIGGER {g} BEFORE UPDATE OF a OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {f}()",
            _PARTITIONED,
            at=_TRIGGER,
            in_routine=False,
        ),
        misses=(
            (_PARTITIONED, "CREATE TRIGGER {g} AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {f}()"),
            (_PARTITIONED, "CREATE TRIGGER {g} BEFORE INSERT ON {t} FOR EACH STATEMENT EXECUTE FUNCTION {f}()"),
            (
                _PARTITIONED,
                "CREATE TABLE decoy.t (a int)",
                "CREATE TRIGGER {g} BEFORE INSERT ON decoy.t FOR EACH ROW EXECUTE FUNCTION {f}()",
            ),
            (
                _PARTITIONED,
                "CREATE TABLE {l} PARTITION OF {t} DEFAULT",
                "CREATE TRIGGER {g} BEFORE INSERT ON {l} FOR EACH ROW EXECUTE FUNCTION {f}()",
            ),
        ),
    ),
    "SQL_BODY_IN_FUNCTION": rule(
        case("CREATE FUNCTION {f}() RETURNS int LANGUAGE sql RETURN 1", at="{f}"),
        case(
            "CREATE FUNCTION {f}(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a; END", at="{f}", in_routine=False
        ),
        case("CREATE PROCEDURE {f}() LANGUAGE sql BEGIN ATOMIC SELECT 1; END", at="{f}", in_routine=False),
        misses=("CREATE FUNCTION {f}() RETURNS int LANGUAGE sql AS 'SELECT 1 /* RETURN 1 */'",),
    ),
    "LANGUAGE_C_FUNCTION": rule(
        case("CREATE FUNCTION {f}(int) RETURNS int LANGUAGE c AS '$libdir/x', 'y'", at="{f}"),
        case("CREATE OR REPLACE FUNCTION {f}(int) RETURNS int AS 'x', 'y' LANGUAGE 'C' STRICT", at="{f}"),
        misses=("CREATE FUNCTION {f}() RETURNS text LANGUAGE sql AS 'SELECT ''LANGUAGE C'''",),
    ),
    "DETERMINISTIC_OPTION_WITH_COLLATION": rule(
        case("CREATE COLLATION {x} (provider = icu, locale = 'en', deterministic = true)", at="{x}"),
        case("CREATE COLLATION {x} (locale = 'en', deterministic)", at="{x}"),
        case("CREATE COLLATION {x} (locale = 'en', deterministic = 'on')", at="{x}"),
        misses=(
            "CREATE COLLATION {x} (provider = icu, locale = 'deterministic')",
            "CREATE COLLATION {x} (provider = icu, locale = 'en', deterministic = false)",
        ),
    ),
    "NON_DETERMINISTIC_COLLATION": rule(
        case("CREATE COLLATION {x} (provider = icu, locale = 'en', deterministic = false)", at="{x}"),
        case("CREATE COLLATION {x} (deterministic = 'off', locale = 'en')", at="{x}"),
        misses=(
            "CREATE COLLATION {x} (provider = icu, locale = 'en', deterministic = true)",
            "CREATE AGGREGATE {x} (int) (sfunc = f, stype = int)",
        ),
    ),
    "COLLATION_OPTIONS_PG16": rule(
        case("CREATE COLLATION {x} (provider = icu, locale = 'en', rules = '&a < b')", at="{x}"),
        case("CREATE COLLATION {x} (provider = builtin, locale = 'C.UTF-8')", at="{x}"),
        misses=("CREATE COLLATION {x} (provider = icu, locale = 'builtin')",),
    ),
    "UNSUPPORTED_EXTENSION": rule(
        case("CREATE EXTENSION postgis WITH SCHEMA public", at="postgis"),
        case('CREATE EXTENSION IF NOT EXISTS "my-own"', at="my-own"),
        case("CREATE EXTENSION vector", at="vector"),
        misses=(
            'CREATE EXTENSION "uuid-ossp" WITH SCHEMA public',
            "CREATE EXTENSION IF NOT EXISTS pgcrypto",
            "COMMENT ON EXTENSION postgis IS 'x'",
            "CREATE SCHEMA postgis",
        ),
    ),
    "DATABASE_OPTIONS_PG15": rule(
        case("CREATE DATABASE {c} LOCALE_PROVIDER = icu ICU_LOCALE = 'en' TEMPLATE = template0", at="{c}"),
        case("CREATE DATABASE {c} STRATEGY wal_log", at="{c}"),
        case("CREATE DATABASE {c} OID = 20000", at="{c}"),
        misses=("CREATE DATABASE {c} TEMPLATE = template0 ENCODING = 'UTF8' LC_COLLATE = 'C' OWNER = app",),
    ),
    "DATABASE_OPTIONS_PG17": rule(
        case("CREATE DATABASE {c} BUILTIN_LOCALE = 'C.UTF-8'", at="{c}"),
        case("CREATE DATABASE {c} ICU_RULES = '&a < b'", at="{c}"),
        misses=("CREATE DATABASE {c} ICU_LOCALE = 'en'", "CREATE DATABASE builtin_locale"),
    ),
    "CREATE_CONVERSION": rule(
        case("CREATE CONVERSION {x} FOR 'UTF8' TO 'LATIN1' FROM {f}", at="{x}"),
        case("CREATE DEFAULT CONVERSION {x} FOR 'UTF8' TO 'LATIN1' FROM {f}", at="{x}"),
        misses=("COMMENT ON CONVERSION {x} IS 'CREATE CONVERSION'", "DROP CONVERSION {x}"),
    ),
    "CREATE_ACCESS_METHOD": rule(
        case("CREATE ACCESS METHOD {c} TYPE INDEX HANDLER {f}", at="{c}"),
        misses=("CREATE INDEX access ON {t} USING method (a)", "DROP ACCESS METHOD {c}"),
    ),
    "CREATE_SCHEMA_WITH_ELEMENTS": rule(
        case("CREATE SCHEMA {c} CREATE TABLE x (a int) CREATE VIEW y AS SELECT a FROM x", at="{c}"),
        misses=("CREATE SCHEMA {c}", "CREATE SCHEMA IF NOT EXISTS {c} AUTHORIZATION app"),
    ),
    "STATISTICS_WITHOUT_NAME": rule(
        case("CREATE STATISTICS ON a, {c} FROM {t}"),
        misses=("CREATE STATISTICS {x} ON a, {c} FROM {t}",),
    ),
    "MAINTAIN_PRIVILEGE": rule(
        case("GRANT SELECT, MAINTAIN ON TABLE {t} TO app"),
        case("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT MAINTAIN ON TABLES TO app", at="s", in_routine=False),
        misses=("GRANT ALL ON TABLE {t} TO maintain", "GRANT SELECT ON TABLE {t} TO app"),
    ),
    "EVENT_TRIGGER_ON_LOGIN": rule(
        case("CREATE EVENT TRIGGER {g} ON login EXECUTE FUNCTION {f}()", at="{g}"),
        misses=("CREATE EVENT TRIGGER login ON ddl_command_end EXECUTE FUNCTION {f}()",),
    ),
    "PUBLICATION_OF_GENERATED_COLUMNS": rule(
        case("CREATE PUBLICATION {g} FOR TABLE {t} WITH (publish_generated_columns = 'stored')", at="{g}"),
        case("ALTER PUBLICATION {g} SET (publish_generated_columns = 'stored')", at="{g}"),
        misses=("CREATE PUBLICATION {g} FOR TABLE {t} (publish_generated_columns) WITH (publish = 'insert')",),
    ),
}
