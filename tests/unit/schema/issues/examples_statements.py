"""Examples of the issues of ALTER, DROP and REINDEX statements, and of what is no SQL of PostgreSQL."""

from __future__ import annotations

from tests.unit.schema.issues.forms import Examples, case, rule

_TABLE = "CREATE TABLE {t} (a int, {c} text)"

EXAMPLES: Examples = {
    "ALTER_TABLE_SET_COLUMN_ATTRIBUTE": rule(
        case("ALTER TABLE ONLY {t} ALTER COLUMN {c} SET (n_distinct=5)"),
        case(_TABLE, "ALTER TABLE {t} ALTER {c} SET (n_distinct=5, n_distinct_inherited=6)"),
        misses=(
            "ALTER TABLE {t} ALTER COLUMN {c} SET STATISTICS 5",
            "ALTER TABLE {t} ALTER COLUMN {c} SET DEFAULT (n_distinct(5))",
            "ALTER TABLE {t} SET (fillfactor=70)",
        ),
    ),
    "ALTER_TABLE_CLUSTER_ON": rule(
        case("ALTER TABLE {t} CLUSTER ON {i}"),
        misses=("ALTER TABLE {t} SET WITHOUT CLUSTER", "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {i}"),
    ),
    "ALTER_TABLE_DISABLE_RULE": rule(
        case("ALTER TABLE {t} DISABLE RULE {g}"),
        misses=("ALTER TABLE {t} DISABLE TRIGGER rule", "ALTER TABLE {t} ENABLE RULE {g}"),
    ),
    "ALTER_CONVERSION": rule(
        case("ALTER CONVERSION {x} RENAME TO {c}", at="{x}"),
        case("ALTER CONVERSION {x} SET SCHEMA y", at="{x}"),
        case("ALTER CONVERSION {x} FOR 'UTF8' TO 'LATIN1' FROM f", at="{x}", in_routine=False),
        misses=("ALTER COLLATION {x} RENAME TO {c}", "ALTER CONVERSION {x} OWNER TO app"),
    ),
    "ALTER_TABLE_OF": rule(
        case("ALTER TABLE {t} OF {d}"),
        case("ALTER TABLE {t} OF {d} ADD CONSTRAINT {k} PRIMARY KEY ({c})", in_routine=False),
        case("ALTER TABLE IF EXISTS ONLY {t} OF {d}, 1", in_routine=False),
        misses=("ALTER TABLE {t} NOT OF", "CREATE TABLE {t} OF {d}", "ALTER TABLE {t} RENAME TO of"),
    ),
    "ALTER_TABLE_NOT_OF": rule(case("ALTER TABLE {t} NOT OF"), misses=("ALTER TABLE {t} OF {d}",)),
    "ALTER_TABLE_INHERIT": rule(
        case("ALTER TABLE ONLY {t} INHERIT {u}"),
        misses=("ALTER TABLE ONLY {u} ATTACH PARTITION {t} DEFAULT", "ALTER TABLE {t} NO INHERIT {u}"),
    ),
    "ALTER_CONSTRAINT": rule(
        case("ALTER TABLE {t} ALTER CONSTRAINT {k} DEFERRABLE INITIALLY DEFERRED"),
        misses=("ALTER TABLE {t} RENAME CONSTRAINT {k} TO x", "ALTER TABLE {t} DROP CONSTRAINT {k}"),
    ),
    "SET_WITH_OIDS": rule(
        case("ALTER TABLE {t} SET WITH OIDS", in_routine=False),
        case("ALTER TABLE IF EXISTS ONLY {t} SET WITH OIDS", in_routine=False),
        misses=("ALTER TABLE {t} SET WITHOUT OIDS", "ALTER TABLE {t} SET (oids = false)"),
    ),
    "ALTER_AGGREGATE": rule(
        case("ALTER AGGREGATE {f}(int) RENAME TO x", at="{f}"),
        case("ALTER AGGREGATE {f}(int) SET SCHEMA x", at="{f}"),
        case("ALTER AGGREGATE {f}(*) SET SCHEMA x", at="{f}"),
        misses=(
            "ALTER AGGREGATE {f}(*) OWNER TO app",
            "ALTER FUNCTION {f}(int) RENAME TO aggregate",
            "DROP AGGREGATE {f}(int)",
        ),
    ),
    "DROP_INDEX_CONCURRENTLY": rule(
        case("DROP INDEX CONCURRENTLY {x}", at="{x}"),
        case("DROP INDEX CONCURRENTLY IF EXISTS {x}", at="{x}"),
        misses=("DROP INDEX {x}", "CREATE INDEX CONCURRENTLY {i} ON {t} (a)"),
    ),
    "DROP_MULTIPLE_OBJECTS": rule(
        case("DROP INDEX {x}, {u}", at="{x}, {u}"),
        case("DROP VIEW IF EXISTS {x}, {u} CASCADE", at="{x}, {u}"),
        case("DROP SEQUENCE {x}, {u}", at="{x}, {u}"),
        case("DROP COLLATION {x}, {u}", at="{x}, {u}"),
        case("DROP FOREIGN TABLE {x}, {u}", at="{x}, {u}"),
        misses=("DROP INDEX {x}", "DROP TABLE {x}, {u}", "DROP FUNCTION {f}(int, int)"),
    ),
    "REINDEX": rule(
        case("REINDEX TABLE {t}"),
        case("REINDEX INDEX CONCURRENTLY {x}", at="{x}"),
        case("REINDEX SCHEMA {c}", at="{c}"),
        misses=("CREATE TABLE {t} (reindex int)",),
    ),
    "ALTER_TABLE_SET_SCHEMA": rule(
        case("ALTER TABLE {t} SET SCHEMA x"),
        misses=("ALTER SEQUENCE {x} SET SCHEMA x", "ALTER TABLE {t} RENAME TO schema"),
    ),
    "ALTER_COLUMN_SET_STATISTICS": rule(
        case("ALTER TABLE ONLY {t} ALTER COLUMN {c} SET STATISTICS 100"),
        misses=("ALTER INDEX {x} ALTER COLUMN 1 SET STATISTICS 100", "ALTER TABLE {t} ALTER {c} SET NOT NULL"),
    ),
    "ALTER_COLUMN_SET_STORAGE": rule(
        case("ALTER TABLE ONLY {t} ALTER COLUMN {c} SET STORAGE EXTERNAL"),
        misses=("CREATE TABLE {t} ({c} text STORAGE external)",),
    ),
    "ALTER_COLUMN_RESET": rule(
        case("ALTER TABLE {t} ALTER COLUMN {c} RESET (n_distinct)"),
        misses=("ALTER TABLE {t} RESET (fillfactor)", "ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT"),
    ),
    "ALTER_COLUMN_SET_EXPRESSION": rule(
        case("ALTER TABLE {t} ALTER COLUMN {c} SET EXPRESSION AS (a + 1)"),
        misses=("ALTER TABLE {t} ALTER COLUMN {c} DROP EXPRESSION", "ALTER TABLE {t} ALTER {c} SET DEFAULT a + 1"),
    ),
    "SET_WITHOUT_CLUSTER": rule(
        case("ALTER TABLE {t} SET WITHOUT CLUSTER"), misses=("ALTER TABLE {t} CLUSTER ON {i}",)
    ),
    "ALTER_TABLE_SET": rule(
        case("ALTER TABLE {t} SET (fillfactor = 70)"),
        misses=(
            "ALTER TABLE {t} RESET (fillfactor)",
            "ALTER TABLE {t} SET TABLESPACE x",
            "CREATE TABLE {t} () WITH (fillfactor = 70)",
            "ALTER SEQUENCE {x} SET LOGGED",
        ),
    ),
    "ALTER_TABLE_RESET": rule(
        case("ALTER TABLE {t} RESET (fillfactor)"), misses=("ALTER TABLE {t} SET (fillfactor = 70)",)
    ),
    "ALTER_INDEX_SET": rule(
        case("ALTER INDEX {x} SET (fillfactor = 70)", at="{x}"),
        case("ALTER INDEX {x} SET TABLESPACE y", at="{x}"),
        misses=("ALTER INDEX {x} ATTACH PARTITION {u}", "ALTER INDEX {x} RENAME TO y"),
    ),
    "ALTER_FOREIGN_TABLE_OPTIONS": rule(
        case("ALTER FOREIGN TABLE {t} OPTIONS (SET a 'b')"),
        case("ALTER FOREIGN TABLE ONLY {t} ALTER COLUMN {c} OPTIONS (a 'b')"),
        misses=("CREATE FOREIGN TABLE {t} ({c} int OPTIONS (a 'b')) SERVER x OPTIONS (a 'b')",),
    ),
    "VALIDATE_CONSTRAINT": rule(
        case("ALTER TABLE {t} VALIDATE CONSTRAINT {k}"),
        misses=("ALTER TABLE {t} ADD CONSTRAINT {k} CHECK (a > 0) NOT VALID",),
    ),
    "ALTER_TYPE_DROP_ATTRIBUTE": rule(
        case("ALTER TYPE {d} DROP ATTRIBUTE IF EXISTS {c}", at="{d}"),
        misses=("ALTER TYPE {d} ADD ATTRIBUTE {c} int", "ALTER TABLE {t} DROP COLUMN {c}"),
    ),
    "ALTER_TYPE": rule(
        case("ALTER TYPE {d} ADD VALUE 'x' BEFORE 'y'", at="{d}"),
        case("ALTER TYPE {d} RENAME VALUE 'x' TO 'y'", at="{d}"),
        case("ALTER TYPE {d} ADD ATTRIBUTE {c} xml", at="{d}"),
        case("ALTER TYPE {d} RENAME ATTRIBUTE {c} TO x", at="{d}"),
        case("ALTER TYPE {d} RENAME TO x", at="{d}"),
        case("ALTER TYPE {d} SET SCHEMA x", at="{d}"),
        case("ALTER TYPE {d} SET (send = f)", at="{d}"),
        misses=(
            "ALTER TYPE {d} OWNER TO app",
            "ALTER TYPE {d} DROP ATTRIBUTE {c}",
            "ALTER TABLE {t} ALTER COLUMN {c} TYPE int",
            "ALTER DOMAIN {d} SET NOT NULL",
        ),
    ),
    "ALTER_TABLESPACE": rule(
        case("ALTER TABLESPACE {c} SET (random_page_cost = 1)", at="{c}", in_routine=False),
        misses=("ALTER TABLE {t} SET TABLESPACE {c}", "CREATE TABLESPACE {c} LOCATION '/x'"),
    ),
    "ALTER_VIEW": rule(
        case("ALTER VIEW {v} ALTER COLUMN {c} SET DEFAULT 1", at="{v}"),
        case("ALTER VIEW {v} SET (security_barrier = true)", at="{v}"),
        case("ALTER VIEW {v} RENAME TO x", at="{v}"),
        case("ALTER VIEW {v} RENAME COLUMN {c} TO x", at="{v}"),
        case("ALTER MATERIALIZED VIEW {v} SET SCHEMA x", at="{v}"),
        case("ALTER VIEW {v} TO SELECT 1", at="{v}", in_routine=False),
        case("ALTER MATERIALIZED VIEW {v} TO SELECT 1", at="{v}", in_routine=False),
        misses=("ALTER VIEW {v} OWNER TO app", "ALTER TABLE {t} OWNER TO app", "CREATE VIEW {v} AS SELECT 1"),
    ),
    "COMPOUND_TRIGGER": rule(
        case(
            "CREATE TRIGGER g FOR UPDATE ON s.t COMPOUND TRIGGER BEFORE STATEMENT IS BEGIN NULL",
            at="g ON s.t",
            in_routine=False,
        ),
        case(
            "CREATE OR REPLACE TRIGGER {g} COMPOUND INSERT ON {t} FOR EACH ROW EXECUTE PROCEDURE {f}()",
            in_routine=False,
            at="{g} ON {t}",
        ),
        misses=("CREATE TRIGGER compound BEFORE UPDATE ON {t} EXECUTE FUNCTION {f}('COMPOUND TRIGGER')",),
    ),
    "BULK_COLLECT": rule(
        case(
            "CREATE FUNCTION {f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN "
            "SELECT a BULK COLLECT INTO l FROM t; END $x$",
            at="{f}",
            in_routine=False,
        ),
        case(
            "CREATE PROCEDURE {f}() LANGUAGE plpgsql AS 'begin select a bulk\n collect into l from t; end'",
            at="{f}",
            in_routine=False,
        ),
        misses=(
            "CREATE FUNCTION {f}() RETURNS text LANGUAGE plpgsql AS $x$ BEGIN -- BULK COLLECT\n"
            "  RETURN 'BULK COLLECT'; END $x$",
            "CREATE TABLE {t} (bulk int, collect int)",
        ),
    ),
    "DROP_TEMPORARY_TABLE": rule(
        case(
            "CREATE FUNCTION {f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN "
            "DROP TEMPORARY TABLE IF EXISTS t; END $x$",
            at="{f}",
            in_routine=False,
        ),
        misses=(
            "CREATE FUNCTION {f}() RETURNS void LANGUAGE plpgsql AS "
            "$x$ BEGIN DROP TABLE t; CREATE TEMPORARY TABLE t (a int); END $x$",
        ),
    ),
    **{
        f"ORACLE_{name}": rule(
            case(f"CREATE TABLE {{t}} (a int, {{c}} {name})"),
            case("CREATE TABLE {t} (a int)", f"ALTER TABLE {{t}} ADD COLUMN {{c}} {name.lower()}"),
            misses=(
                f"CREATE TABLE {{t}} ({name} text DEFAULT '{name}')",
                (f"CREATE DOMAIN {name} AS text", f"CREATE TABLE t ({{c}} {name})"),
            ),
        )
        for name in ("ANYDATA", "ANYDATASET", "ANYTYPE", "URITYPE")
    },
}
