"""Every issue of the catalogue: DDL that raises it, and DDL close to it that does not."""

from __future__ import annotations

import pytest

from voyager.schema.analyze import Finding, analyze, schema_report
from voyager.schema.statements import split_dump

RAISES: dict[str, tuple[tuple[str, str], ...]] = {
    "STORED_GENERATED_COLUMNS": (
        ("CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)", "s.t"),
        ('CREATE TABLE "My S"."T;" (a int, "b c" int GENERATED ALWAYS AS (a) STORED)', "My S.T;"),
        ("ALTER TABLE s.t ADD COLUMN b int GENERATED ALWAYS AS (a + 1) STORED", "s.t"),
    ),
    "UNLOGGED_TABLES": (
        ("CREATE UNLOGGED TABLE s.t (a int)", "s.t"),
        ("ALTER TABLE s.t SET UNLOGGED", "s.t"),
    ),
    "UNSUPPORTED_GIST_INDEX_METHOD": (("CREATE INDEX i ON s.t USING gist (a)", "i ON s.t"),),
    "UNSUPPORTED_BRIN_INDEX_METHOD": (('CREATE INDEX "I" ON s.t USING BRIN (a)', "I ON s.t"),),
    "UNSUPPORTED_SPGIST_INDEX_METHOD": (("CREATE INDEX i ON ONLY s.t USING spgist (a)", "i ON s.t"),),
    "STORAGE_PARAMETERS": (
        ("CREATE INDEX i ON s.t (a) WITH (fillfactor=70)", "i ON s.t"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a) WITH (fillfactor=70)", "s.t"),
        ("CREATE TABLE s.t (a int UNIQUE WITH (fillfactor=70))", "s.t"),
    ),
    "ALTER_TABLE_SET_COLUMN_ATTRIBUTE": (("ALTER TABLE ONLY s.t ALTER COLUMN a SET (n_distinct=5)", "s.t"),),
    "ALTER_TABLE_CLUSTER_ON": (("ALTER TABLE s.t CLUSTER ON i", "s.t"),),
    "ALTER_TABLE_DISABLE_RULE": (("ALTER TABLE s.t DISABLE RULE r", "s.t"),),
    "EXCLUSION_CONSTRAINTS": (
        ("ALTER TABLE s.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =)", "s.t, constraint: (x)"),
        ("CREATE TABLE s.t (a int, CONSTRAINT x EXCLUDE (a WITH =))", "s.t, constraint: (x)"),
    ),
    "DEFERRABLE_CONSTRAINTS": (
        ("ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (a) DEFERRABLE", "s.t, constraint: (u)"),
        ("CREATE TABLE s.t (a int CONSTRAINT p PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)", "s.t, constraint: (p)"),
        ("CREATE TABLE s.t (a int, CONSTRAINT p PRIMARY KEY (a) DEFERRABLE)", "s.t, constraint: (p)"),
    ),
    "MULTI_COLUMN_GIN_INDEX": (("CREATE INDEX i ON s.t USING gin (a, b)", "i ON s.t"),),
    "ORDERED_GIN_INDEX": (("CREATE INDEX i ON s.t USING gin (a DESC)", "i ON s.t"),),
    "POLICY_WITH_ROLES": (("CREATE POLICY p ON s.t TO app, PUBLIC USING (true)", "p ON s.t"),),
    "CONSTRAINT_TRIGGER": (
        ("CREATE CONSTRAINT TRIGGER g AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()", "g ON s.t"),
    ),
    "REFERENCING_CLAUSE_IN_TRIGGER": (
        (
            "CREATE TRIGGER g AFTER INSERT ON s.t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION s.f()",
            "g ON s.t",
        ),
    ),
    "BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE": (
        (
            "CREATE TABLE s.t (a int) PARTITION BY RANGE (a);"
            "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()",
            "g ON s.t",
        ),
    ),
    "ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE": (
        (
            "CREATE TABLE s.t (a int) PARTITION BY HASH (a); ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a)",
            "s.t",
        ),
        (
            'ALTER TABLE "S".t ADD CONSTRAINT p PRIMARY KEY (a); CREATE TABLE "S".t (a int) PARTITION BY LIST (a)',
            "S.t",
        ),
    ),
    "EXPRESSION_PARTITION_WITH_PK_UK": (
        ("CREATE TABLE s.t (a int UNIQUE) PARTITION BY RANGE ((a + 1))", "s.t"),
        ("CREATE TABLE s.t (a int) PARTITION BY RANGE (abs(a)); ALTER TABLE s.t ADD PRIMARY KEY (a)", "s.t"),
    ),
    "MULTI_COLUMN_LIST_PARTITION": (("CREATE TABLE s.t (a int, b int) PARTITION BY LIST (a, b)", "s.t"),),
    "INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION": (
        ("CREATE TABLE s.t (a int PRIMARY KEY, b int) PARTITION BY RANGE (b)", "s.t"),
    ),
    "VIRTUAL_GENERATED_COLUMNS": (
        ("CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)", "s.t"),
        ("CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a + 1))", "s.t"),
    ),
}

NEAR: dict[str, tuple[str, ...]] = {
    "STORED_GENERATED_COLUMNS": (
        "CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY, b int DEFAULT 1)",
        "CREATE TABLE s.t (a int, \"GENERATED ALWAYS AS (a) STORED\" text DEFAULT 'GENERATED ALWAYS AS (a) STORED')",
        "CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)",
    ),
    "UNLOGGED_TABLES": ("CREATE TABLE s.unlogged (a int)", "CREATE UNLOGGED SEQUENCE s.q"),
    "UNSUPPORTED_GIST_INDEX_METHOD": ("CREATE INDEX gist ON s.gist (gist)", "CREATE INDEX i ON s.t USING gin (a)"),
    "UNSUPPORTED_BRIN_INDEX_METHOD": ("CREATE INDEX brin ON s.t USING btree (a)",),
    "UNSUPPORTED_SPGIST_INDEX_METHOD": ("CREATE INDEX i ON s.t USING gist (a)",),
    "STORAGE_PARAMETERS": (
        "CREATE TABLE s.t (a int) WITH (fillfactor=70)",
        "CREATE INDEX i ON s.t (a) INCLUDE (b)",
        "ALTER TABLE s.t SET (fillfactor=70)",
    ),
    "ALTER_TABLE_SET_COLUMN_ATTRIBUTE": (
        "ALTER TABLE s.t ALTER COLUMN a SET STATISTICS 5",
        "ALTER TABLE s.t ALTER COLUMN a SET DEFAULT 5",
    ),
    "ALTER_TABLE_CLUSTER_ON": ("ALTER TABLE s.t SET WITHOUT CLUSTER", "ALTER TABLE s.t REPLICA IDENTITY USING INDEX i"),
    "ALTER_TABLE_DISABLE_RULE": ("ALTER TABLE s.t DISABLE TRIGGER r", "ALTER TABLE s.t ENABLE RULE r"),
    "EXCLUSION_CONSTRAINTS": ('CREATE TABLE s.exclude (exclude int, CONSTRAINT "EXCLUDE" CHECK (exclude > 0))',),
    "DEFERRABLE_CONSTRAINTS": (
        "ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u (a) DEFERRABLE INITIALLY DEFERRED",
        "CREATE TABLE s.t (a int UNIQUE REFERENCES s.u (a) DEFERRABLE)",
        "ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (a) NOT DEFERRABLE",
    ),
    "MULTI_COLUMN_GIN_INDEX": ("CREATE INDEX i ON s.t USING gin (a)", "CREATE INDEX i ON s.t USING btree (a, b)"),
    "ORDERED_GIN_INDEX": ("CREATE INDEX i ON s.t USING gin (a)", "CREATE INDEX i ON s.t (a DESC)"),
    "POLICY_WITH_ROLES": ("CREATE POLICY p ON s.t TO PUBLIC USING (true)", "CREATE POLICY p ON s.t USING (true)"),
    "CONSTRAINT_TRIGGER": ("CREATE TRIGGER g AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()",),
    "REFERENCING_CLAUSE_IN_TRIGGER": ("CREATE TRIGGER g AFTER INSERT ON s.t EXECUTE FUNCTION s.f()",),
    "BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE": (
        "CREATE TABLE s.t (a int) PARTITION BY RANGE (a);"
        "CREATE TRIGGER g AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()",
        "CREATE TABLE s.t (a int) PARTITION BY RANGE (a);"
        "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH STATEMENT EXECUTE FUNCTION s.f()",
        "CREATE TABLE s.t (a int) PARTITION BY RANGE (a); CREATE TABLE z.t (a int);"
        "CREATE TRIGGER g BEFORE INSERT ON z.t FOR EACH ROW EXECUTE FUNCTION s.f()",
    ),
    "ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE": (
        "CREATE TABLE s.t (a int PRIMARY KEY) PARTITION BY HASH (a)",
        "CREATE TABLE s.t (a int) PARTITION BY HASH (a); ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (a)",
        'CREATE TABLE s.t (a int) PARTITION BY HASH (a); ALTER TABLE s."T" ADD CONSTRAINT p PRIMARY KEY (a)',
    ),
    "EXPRESSION_PARTITION_WITH_PK_UK": (
        "CREATE TABLE s.t (a int NOT NULL) PARTITION BY RANGE ((a + 1))",
        "CREATE TABLE s.t (a int PRIMARY KEY) PARTITION BY RANGE (a)",
    ),
    "MULTI_COLUMN_LIST_PARTITION": (
        "CREATE TABLE s.t (a int, b int) PARTITION BY RANGE (a, b)",
        "CREATE TABLE s.t (a int, b int) PARTITION BY LIST (a)",
    ),
    "INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION": (
        "CREATE TABLE s.t (a int, b int, PRIMARY KEY (b, a)) PARTITION BY RANGE (b)",
        "CREATE TABLE s.t (a int, b int) PARTITION BY RANGE (b)",
    ),
    "VIRTUAL_GENERATED_COLUMNS": ("CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a) STORED)",),
}


def found(sql: str, release: str | None = "2.14.0.0") -> list[Finding]:
    return analyze(split_dump(sql).statements, release=release)


@pytest.mark.parametrize(("id_", "sql", "name"), [(i, sql, name) for i, rows in RAISES.items() for sql, name in rows])
def test_the_example_raises_the_issue_at_the_right_object(id_: str, sql: str, name: str) -> None:
    hits = [finding for finding in found(sql) if finding.issue_id == id_]
    assert [finding.object_name for finding in hits] == [name]


@pytest.mark.parametrize(("id_", "sql"), [(id_, sql) for id_, rows in NEAR.items() for sql in rows])
def test_the_near_miss_does_not_raise_the_issue(id_: str, sql: str) -> None:
    findings = found(sql)
    assert id_ not in [finding.issue_id for finding in findings]
    assert "UNSUPPORTED_PG_SYNTAX" not in [finding.issue_id for finding in findings]


def test_a_finding_names_its_constraint_and_where_it_stands() -> None:
    [finding] = found("\n\nALTER TABLE s.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =)")
    assert (finding.line, finding.details) == (3, {"ConstraintName": "x"})


@pytest.mark.parametrize(
    ("release", "raised"),
    [
        ("2.20.5.0", True),
        ("2024.1.6.1", True),
        ("2024.2.0.0", False),
        ("2024.2.8.0-b85", False),
        ("2.25.0.0", False),
        ("2025.2.3.0", False),
        ("2027.1.0.0", False),
        (None, True),
    ],
)
def test_what_a_release_has_fixed_is_no_finding_for_it(release: str | None, raised: bool) -> None:
    assert bool(found("CREATE UNLOGGED TABLE s.t (a int)", release)) is raised


def test_on_plain_postgresql_nothing_blocks() -> None:
    assert [finding.blocking for finding in found("CREATE INDEX i ON s.t USING gist (a)", None)] == [False]


def test_a_caveat_does_not_block_and_a_refused_statement_does() -> None:
    sql = "CREATE POLICY p ON s.t TO app USING (true); CREATE INDEX i ON s.t USING gist (a)"
    assert [finding.blocking for finding in found(sql)] == [False, True]


def test_what_cannot_be_parsed_is_a_finding_that_does_not_block() -> None:
    [finding] = found("SELECT 1;\nCREATE TABLE s.t (\n a int,\n b int int)")
    assert (finding.issue_id, finding.line, finding.object_name) == ("UNSUPPORTED_PG_SYNTAX", 4, "s.t")
    assert not finding.blocking


def test_the_report_counts_objects_and_findings() -> None:
    statements = split_dump("CREATE TABLE s.a (); CREATE UNLOGGED TABLE s.b (); COMMENT ON TABLE s.a IS 'x'").statements
    report = schema_report(analyze(statements, release="2.20.0.0"), statements)
    assert next(iter(report)) == "schema_version"
    assert report["summary"]["objects"] == [{"object_type": "table", "total": 2, "with_findings": 1}]
    assert report["summary"]["blocking"] == 1
    assert report["issues"][0]["minimum_versions"]["2024.2"] == "2024.2.0.0"
