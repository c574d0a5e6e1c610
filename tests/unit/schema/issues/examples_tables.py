"""Examples of the issues of tables, constraints and partitions."""

from __future__ import annotations

from tests.unit.schema.issues.forms import Case, Examples, case, rule

_PARENT = "CREATE TABLE {u} (a integer, {c} integer) PARTITION BY RANGE (a)"


def _constraint(clause: str, *, column_clause: str = "", before: tuple[str, ...] = ()) -> tuple[Case, ...]:
    """A constraint in CREATE TABLE, added later, added before, and on a partition."""
    at = "{t}, constraint: ({k})"
    in_table = f"CREATE TABLE {{t}} ({{c}} integer, b integer, CONSTRAINT {{k}} {clause})"
    alter = f"ALTER TABLE ONLY {{t}} ADD CONSTRAINT {{k}} {clause}"
    table = "CREATE TABLE {t} ({c} integer, b integer)"
    found = [
        case(*before, in_table, at=at),
        case(*before, table, alter, at=at),
        case(*before, alter, table, at=at, in_routine=False),
        case(*before, table, alter.replace(" ADD ", " ADD COLUMN z integer, ADD "), at=at),
        case(
            *before, _PARENT.replace("{u}", "{x}"), "CREATE TABLE {t} PARTITION OF {x} DEFAULT", alter, at=at
        ),
    ]  # fmt: skip
    if column_clause:
        found.append(case(*before, f"CREATE TABLE {{t}} ({{c}} integer CONSTRAINT {{k}} {column_clause})", at=at))
    return tuple(found)


EXAMPLES: Examples = {
    "STORED_GENERATED_COLUMNS": rule(
        case("CREATE TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a + 1) STORED)"),
        case("CREATE TABLE {t} (a int)", "ALTER TABLE {t} ADD COLUMN {c} int GENERATED ALWAYS AS (a + 1) STORED"),
        case(_PARENT, "CREATE TABLE {t} PARTITION OF {u} ({c} GENERATED ALWAYS AS (a + 1) STORED) DEFAULT"),
        case("CREATE FOREIGN TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a) STORED) SERVER x"),
        misses=(
            "CREATE TABLE {t} (a int GENERATED ALWAYS AS IDENTITY, {c} int DEFAULT 1)",
            "CREATE TABLE {t} (a int, \"AS (a) STORED\" text DEFAULT 'GENERATED ALWAYS AS (a) STORED')",
            "CREATE TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a) VIRTUAL)",
            ("CREATE TABLE {t} (a int)", "ALTER TABLE {t} ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY"),
        ),
    ),
    "UNLOGGED_TABLES": rule(
        case("CREATE UNLOGGED TABLE {t} (a int)"),
        case("CREATE TABLE {t} (a int)", "ALTER TABLE {t} SET UNLOGGED"),
        case(_PARENT, "CREATE UNLOGGED TABLE {t} PARTITION OF {u} DEFAULT"),
        misses=(
            "CREATE TABLE {t} (unlogged int)",
            "CREATE UNLOGGED SEQUENCE {x}",
            ("CREATE TABLE {t} (a int)", "ALTER TABLE {t} SET LOGGED"),
            "CREATE TEMPORARY TABLE t (a int)",
        ),
    ),
    "INHERITANCE": rule(
        case("CREATE TABLE {u} (a int)", "CREATE TABLE {t} (b int) INHERITS ({u})"),
        case("CREATE TABLE {t} () INHERITS ({u}, {l})"),
        misses=(
            (_PARENT, "CREATE TABLE {t} PARTITION OF {u} FOR VALUES FROM (1) TO (2)"),
            (_PARENT, "CREATE TABLE {t} (a int)", "ALTER TABLE ONLY {u} ATTACH PARTITION {t} DEFAULT"),
            "CREATE TABLE {t} (inherits int)",
        ),
    ),
    "COMPRESSION_CLAUSE_IN_TABLE": rule(
        case("CREATE TABLE {t} (a int, {c} text COMPRESSION pglz NOT NULL)"),
        case("CREATE TABLE {t} ({c} text)", "ALTER TABLE ONLY {t} ALTER COLUMN {c} SET COMPRESSION lz4"),
        misses=(
            "CREATE TABLE {t} (compression text DEFAULT 'COMPRESSION pglz')",
            ("CREATE TABLE {t} ({c} text)", "ALTER TABLE ONLY {t} ALTER COLUMN {c} SET STORAGE main"),
        ),
    ),
    "STORAGE_CLAUSE_IN_TABLE": rule(
        case("CREATE TABLE {t} ({c} text STORAGE external)"),
        misses=(
            ("CREATE TABLE {t} (storage text)", "ALTER TABLE {t} ALTER COLUMN storage SET STORAGE external"),
            "CREATE TABLE {t} ({c} text COMPRESSION pglz)",
        ),
    ),
    "TABLE_LIKE_INCLUDING_ALL": rule(
        case("CREATE TABLE {t} (LIKE {u} INCLUDING ALL)"),
        case("CREATE TABLE {t} (a int, LIKE {u} INCLUDING ALL, b int)"),
        misses=(
            "CREATE TABLE {t} (LIKE {u})",
            "CREATE TABLE {t} (LIKE {u} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
            "CREATE TABLE {t} (LIKE {u} INCLUDING ALL EXCLUDING INDEXES)",
            "CREATE TABLE {t} (a text CHECK (a LIKE 'INCLUDING ALL'))",
        ),
    ),
    "TABLE_LIKE": rule(
        case("CREATE TABLE {t} (LIKE {u})"),
        case("CREATE TABLE {t} (a int, LIKE {u} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
        case("CREATE TABLE {t} (LIKE {u} INCLUDING ALL EXCLUDING INDEXES)"),
        misses=(
            "CREATE TABLE {t} (LIKE {u} INCLUDING ALL)",
            "CREATE TABLE {t} (a text CHECK (a LIKE 'x'), \"like\" int)",
            "CREATE TABLE {t} AS SELECT * FROM {u}",
        ),
    ),
    "TABLE_WITH_OIDS": rule(
        case("CREATE TABLE {t} (a text) WITH (oids = true)"),
        case("CREATE TABLE {t} (a text) WITH (fillfactor = 70, OIDS)"),
        case("CREATE TABLE {t} (a text) WITH OIDS", in_routine=False),
        misses=(
            "CREATE TABLE {t} (a text) WITH (oids = false)",
            "CREATE TABLE {t} (a text) WITHOUT OIDS",
            "CREATE TABLE {t} (oids text) WITH (fillfactor = 70)",
        ),
    ),
    "FOREIGN_TABLE": rule(
        case("CREATE FOREIGN TABLE {t} (a int) SERVER x"),
        case(_PARENT, "CREATE FOREIGN TABLE {t} PARTITION OF {u} DEFAULT SERVER x"),
        misses=("CREATE TABLE {t} (a int REFERENCES {u})", "CREATE SERVER x FOREIGN DATA WRAPPER y"),
    ),
    "FOREIGN_TABLE_PRIMARY_KEY": rule(
        case("CREATE FOREIGN TABLE {t} ({c} int PRIMARY KEY) SERVER x"),
        case("CREATE FOREIGN TABLE {t} ({c} int, PRIMARY KEY ({c})) SERVER x"),
        misses=(
            "CREATE FOREIGN TABLE {t} (primary_key int NOT NULL) SERVER x",
            "CREATE TABLE {t} ({c} int PRIMARY KEY)",
        ),
    ),
    "FOREIGN_TABLE_FOREIGN_KEY": rule(
        case("CREATE FOREIGN TABLE {t} ({c} int REFERENCES {u}) SERVER x"),
        case("CREATE FOREIGN TABLE {t} ({c} int, FOREIGN KEY ({c}) REFERENCES {u} (a)) SERVER x"),
        misses=(
            'CREATE FOREIGN TABLE {t} ("references" int CHECK ("references" > 0)) SERVER x',
            "CREATE TABLE {t} ({c} int REFERENCES {u})",
        ),
    ),
    "STORAGE_PARAMETERS": rule(
        case("CREATE INDEX {i} ON {t} (a) WITH (fillfactor=70)", at="{i} ON {t}"),
        case("CREATE INDEX {i} ON ONLY {t} USING gin (a) WITH (fastupdate=off)", at="{i} ON {t}"),
        case("ALTER TABLE ONLY {t} ADD CONSTRAINT {k} PRIMARY KEY (a) WITH (fillfactor=70)"),
        case("CREATE TABLE {t} (a int UNIQUE WITH (fillfactor=70))"),
        case("CREATE TABLE {t} (a int, CONSTRAINT {k} EXCLUDE (a WITH =) WITH (fillfactor=70))"),
        misses=(
            "CREATE TABLE {t} (a int) WITH (fillfactor=70)",
            "CREATE INDEX {i} ON {t} (a) INCLUDE (b)",
            "CREATE INDEX {i} ON {t} (a) TABLESPACE fast WHERE a > 0",
            "CREATE VIEW {v} WITH (security_barrier) AS SELECT 1",
        ),
    ),
    "EXCLUSION_CONSTRAINTS": rule(
        *_constraint("EXCLUDE USING gist ({c} WITH =, b WITH <>)"),
        case("CREATE TABLE s.t (a int, EXCLUDE (a WITH =))", at="s.t, constraint: (t_a_excl)", in_routine=False),
        misses=('CREATE TABLE {t} (exclude int, CONSTRAINT "EXCLUDE" CHECK (exclude > 0))',),
    ),
    "DEFERRABLE_CONSTRAINTS": rule(
        *_constraint("UNIQUE ({c}) DEFERRABLE", column_clause="UNIQUE DEFERRABLE"),
        *_constraint("PRIMARY KEY ({c}) INITIALLY DEFERRED", column_clause="PRIMARY KEY INITIALLY DEFERRED"),
        case(
            "CREATE TABLE s.t (a int UNIQUE DEFERRABLE INITIALLY IMMEDIATE)",
            at="s.t, constraint: (t_a_key)",
            in_routine=False,
        ),
        case("ALTER TABLE s.t ADD PRIMARY KEY (b, a) DEFERRABLE", at="s.t, constraint: (t_pkey)", in_routine=False),
        case("ALTER TABLE {t} ADD CONSTRAINT {k} EXCLUDE (a WITH =) DEFERRABLE", at="{t}, constraint: ({k})"),
        misses=(
            "ALTER TABLE {t} ADD CONSTRAINT {k} FOREIGN KEY (a) REFERENCES {u} (a) DEFERRABLE INITIALLY DEFERRED",
            "CREATE TABLE {t} (a int UNIQUE REFERENCES {u} (a) DEFERRABLE INITIALLY DEFERRED)",
            "ALTER TABLE {t} ADD CONSTRAINT {k} UNIQUE (a) NOT DEFERRABLE",
            "CREATE TABLE {t} (a int UNIQUE INITIALLY IMMEDIATE)",
        ),
    ),
    "FOREIGN_KEY_REFERENCED_PARTITIONED_TABLE": rule(
        *_constraint("FOREIGN KEY ({c}) REFERENCES {u} (a)", column_clause="REFERENCES {u}", before=(_PARENT,)),
        case(
            "CREATE TABLE s.t (a int REFERENCES s.u)",
            "CREATE TABLE s.u (a int) PARTITION BY LIST (a)",
            at="s.t, constraint: (t_a_fkey)",
            in_routine=False,
        ),
        misses=(
            (_PARENT, "CREATE TABLE {l} PARTITION OF {u} DEFAULT", "CREATE TABLE {t} ({c} int REFERENCES {l})"),
            ("CREATE TABLE decoy.u (a int)", _PARENT, "CREATE TABLE {t} ({c} int REFERENCES decoy.u)"),
            (_PARENT, "CREATE TABLE {t} ({c} int CHECK ({c} > 0))"),
        ),
    ),
    "ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE": rule(
        case(
            "CREATE TABLE {t} (a int) PARTITION BY HASH (a)", "ALTER TABLE ONLY {t} ADD CONSTRAINT {k} PRIMARY KEY (a)"
        ),
        case(
            "ALTER TABLE {t} ADD CONSTRAINT {k} PRIMARY KEY (a)",
            "CREATE TABLE {t} (a int) PARTITION BY LIST (a)",
            in_routine=False,
        ),
        case(
            _PARENT,
            "CREATE TABLE {t} PARTITION OF {u} DEFAULT PARTITION BY LIST ({c})",
            "ALTER TABLE {t} ADD PRIMARY KEY (a)",
        ),
        misses=(
            "CREATE TABLE {t} (a int PRIMARY KEY) PARTITION BY HASH (a)",
            ("CREATE TABLE {t} (a int) PARTITION BY HASH (a)", "ALTER TABLE {t} ADD CONSTRAINT {k} UNIQUE (a)"),
            (_PARENT, "CREATE TABLE {t} PARTITION OF {u} DEFAULT", "ALTER TABLE {t} ADD PRIMARY KEY (a)"),
            ("CREATE TABLE {t} (a int) PARTITION BY HASH (a)", 'ALTER TABLE s."T" ADD CONSTRAINT {k} PRIMARY KEY (a)'),
        ),
    ),
    "EXPRESSION_PARTITION_WITH_PK_UK": rule(
        case("CREATE TABLE {t} ({c} int UNIQUE) PARTITION BY RANGE (({c} + 1))"),
        case("CREATE TABLE {t} ({c} int, b int, PRIMARY KEY (b)) PARTITION BY LIST (b, lower({c}::text))"),
        case(
            "CREATE TABLE {t} ({c} int) PARTITION BY RANGE (abs({c}))",
            "ALTER TABLE {t} ADD PRIMARY KEY ({c})",
            in_routine=False,
        ),
        misses=(
            "CREATE TABLE {t} ({c} int NOT NULL) PARTITION BY RANGE (({c} + 1))",
            "CREATE TABLE {t} ({c} int PRIMARY KEY) PARTITION BY RANGE ({c})",
        ),
    ),
    "MULTI_COLUMN_LIST_PARTITION": rule(
        case("CREATE TABLE {t} (a int, {c} int) PARTITION BY LIST (a, {c})"),
        misses=(
            "CREATE TABLE {t} (a int, {c} int) PARTITION BY RANGE (a, {c})",
            "CREATE TABLE {t} (a int, {c} int) PARTITION BY LIST ({c})",
        ),
    ),
    "INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION": rule(
        case("CREATE TABLE {t} (a int PRIMARY KEY, {c} int) PARTITION BY RANGE ({c})"),
        case("CREATE TABLE {t} (a int, {c} int, b int, PRIMARY KEY (a, {c})) PARTITION BY RANGE ({c}, b)"),
        misses=(
            "CREATE TABLE {t} (a int, {c} int, PRIMARY KEY ({c}, a)) PARTITION BY RANGE ({c})",
            "CREATE TABLE {t} (a int, {c} int) PARTITION BY RANGE ({c})",
            "CREATE TABLE {t} (a int PRIMARY KEY, {c} int)",
        ),
    ),
    "VIRTUAL_GENERATED_COLUMNS": rule(
        case("CREATE TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a + 1) VIRTUAL)"),
        case("CREATE TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a + 1))"),
        misses=("CREATE TABLE {t} (a int, {c} int GENERATED ALWAYS AS (a) STORED, virtual int)",),
    ),
    "CONSTRAINT_NOT_ENFORCED": rule(
        *_constraint("CHECK ({c} > 0) NOT ENFORCED", column_clause="CHECK ({c} > 0) NOT ENFORCED"),
        *_constraint(
            "FOREIGN KEY ({c}) REFERENCES {u} (a) NOT ENFORCED", column_clause="REFERENCES {u} (a) NOT ENFORCED"
        ),
        case("ALTER TABLE {t} ALTER CONSTRAINT {k} NOT ENFORCED", at="{t}, constraint: ({k})"),
        misses=(
            "CREATE TABLE {t} (a int CHECK (a > 0) REFERENCES {u} PRIMARY KEY, UNIQUE (a), enforced int NOT NULL)",
            "ALTER TABLE {t} ADD CONSTRAINT {k} CHECK (a > 0) NOT VALID",
            "ALTER TABLE {t} ALTER CONSTRAINT {k} DEFERRABLE",
        ),
    ),
    "TEMPORAL_KEY": rule(
        *_constraint("PRIMARY KEY ({c}, b WITHOUT OVERLAPS)"),
        *_constraint("UNIQUE ({c}, b WITHOUT OVERLAPS)"),
        misses=("CREATE TABLE {t} (without int, b int, PRIMARY KEY (without, b))",),
    ),
    "TEMPORAL_FOREIGN_KEY": rule(
        *_constraint("FOREIGN KEY ({c}, PERIOD b) REFERENCES {u} (a, PERIOD b)"),
        misses=("CREATE TABLE {t} (period int, b int, FOREIGN KEY (period, b) REFERENCES {u} (period, b))",),
    ),
    "NOT_NULL_AS_CONSTRAINT": rule(
        *_constraint("NOT NULL {c}", column_clause="NOT NULL NO INHERIT"),
        case("ALTER TABLE {t} ADD CONSTRAINT {k} NOT NULL a NOT VALID", at="{t}, constraint: ({k})"),
        case("CREATE DOMAIN {d} AS int", "ALTER DOMAIN {d} ADD CONSTRAINT {k} NOT NULL", at="{d}"),
        misses=(
            "CREATE TABLE {t} (a int NOT NULL, b int CONSTRAINT {k} NOT NULL)",
            "ALTER TABLE {t} ALTER COLUMN a SET NOT NULL",
            ("CREATE DOMAIN {d} AS int CONSTRAINT {k} NOT NULL", "ALTER DOMAIN {d} SET NOT NULL"),
            "ALTER DOMAIN {d} ADD CONSTRAINT {k} CHECK (VALUE IS NOT NULL)",
        ),
    ),
}
