"""Foreign keys that no index serves or of another type, and unique keys that could be primary, in each form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.unit.schema.performance_ddl import TYPES, details, found, hits
from voyager.schema.statistics import Statistics, Usage

NO_INDEX, OTHER_TYPE = "MISSING_FOREIGN_KEY_INDEX", "FOREIGN_KEY_DATATYPE_MISMATCH"
NO_PRIMARY = "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL"
CHILD = '"Odd S"."child;"'
PARENT = 'app."Parent"'

# (columns of the child, of the parent, of the key) -> statements; a primary key of the parent is (id) or (id, sub).
FOREIGN_KEYS: Mapping[str, Callable[[str, str], str]] = {
    "on the column": lambda mine, theirs: (
        f"CREATE TABLE {PARENT} (id {theirs} PRIMARY KEY);"
        f"CREATE TABLE {CHILD} (a int, pid {mine} REFERENCES {PARENT} (id) ON DELETE CASCADE);"
    ),
    "on the column, its target unsaid": lambda mine, theirs: (
        f"CREATE TABLE {PARENT} (x int, id {theirs}, PRIMARY KEY (id));"
        f"CREATE TABLE {CHILD} (pid {mine} CONSTRAINT fk REFERENCES {PARENT});"
    ),
    "on the table": lambda mine, theirs: (
        f"CREATE TABLE {CHILD} (pid {mine}, FOREIGN KEY (pid) REFERENCES {PARENT} (id) DEFERRABLE);"
        f"CREATE TABLE {PARENT} (id {theirs} UNIQUE);"
    ),
    "added": lambda mine, theirs: (
        f"CREATE TABLE {PARENT} (id {theirs}); CREATE TABLE {CHILD} (pid {mine}, a int);"
        f"ALTER TABLE ONLY {PARENT} ADD CONSTRAINT p PRIMARY KEY (id);"
        f"ALTER TABLE ONLY {CHILD} ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES {PARENT} NOT VALID;"
    ),
    "added before the tables": lambda mine, theirs: (
        f"ALTER TABLE {CHILD} ADD FOREIGN KEY (pid) REFERENCES {PARENT} (id);"
        f"CREATE TABLE {PARENT} (id {theirs} PRIMARY KEY); CREATE TABLE {CHILD} (pid {mine});"
    ),
    "with a column that is added": lambda mine, theirs: (
        f"CREATE TABLE {PARENT} (id {theirs} PRIMARY KEY); CREATE TABLE {CHILD} (a int);"
        f"ALTER TABLE {CHILD} ADD COLUMN pid {mine} REFERENCES {PARENT} (id);"
    ),
    "of a partition": lambda mine, theirs: (
        f"CREATE TABLE {PARENT} (id {theirs} PRIMARY KEY);"
        f'CREATE TABLE "Odd S".root (pid {mine}, k int) PARTITION BY LIST (k);'
        f'CREATE TABLE {CHILD} PARTITION OF "Odd S".root DEFAULT;'
        f"ALTER TABLE {CHILD} ADD FOREIGN KEY (pid) REFERENCES {PARENT} (id);"
    ),
    "to a partition's key": lambda mine, theirs: (
        f"CREATE TABLE app.root (id {theirs} PRIMARY KEY) PARTITION BY HASH (id);"
        f"CREATE TABLE {PARENT} PARTITION OF app.root FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        f"CREATE TABLE {CHILD} (pid {mine} REFERENCES {PARENT});"
    ),
}


def ids(sql: str, *wanted: str) -> list[tuple[str, str, str]]:
    return [one for one in found(sql) if one[0] in wanted]


@pytest.mark.parametrize("form", FOREIGN_KEYS.values(), ids=list(FOREIGN_KEYS))
def test_a_foreign_key_that_no_index_serves_is_found_at_its_table(form: Callable[[str, str], str]) -> None:
    sql = form("int", "int")
    assert ids(sql, NO_INDEX) == [(NO_INDEX, "TABLE", "Odd S.child;")]
    assert details(sql, NO_INDEX) == [
        {"ForeignKeyColumnNames": "Odd S.child;.pid", "ReferencedTableName": "app.Parent"}
    ]


@pytest.mark.parametrize("form", FOREIGN_KEYS.values(), ids=list(FOREIGN_KEYS))
@pytest.mark.parametrize(
    "index",
    [
        f"CREATE INDEX i ON {CHILD} (pid);",
        f"CREATE UNIQUE INDEX i ON ONLY {CHILD} USING btree (pid DESC, k);",
        f"CREATE INDEX i ON {CHILD} USING hash (pid);",
        f"ALTER TABLE {CHILD} ADD PRIMARY KEY (pid);",
        f"ALTER TABLE ONLY {CHILD} ADD CONSTRAINT u UNIQUE (pid, k);",
    ],
)
def test_a_foreign_key_that_an_index_begins_with_is_served(form: Callable[[str, str], str], index: str) -> None:
    assert ids(form("int", "int") + index, NO_INDEX) == []
    assert ids(index + form("int", "int"), NO_INDEX) == []


@pytest.mark.parametrize(
    ("index", "served"),
    [
        ("(a, b)", True),
        ("(b, a)", True),
        ("(b, a, c)", True),
        ("(b, a, (lower(d)))", True),
        ("(a)", False),
        ("(a, c, b)", False),
        ("(c, a, b)", False),
        ("(a, (b + 0))", False),
        ("(a) INCLUDE (b)", False),
    ],
)
def test_an_index_serves_all_columns_of_a_foreign_key_or_none(index: str, served: bool) -> None:
    sql = f"""
    CREATE TABLE s.p (x int, y int, PRIMARY KEY (x, y));
    CREATE TABLE s.t (a int, b int, c int, d text, FOREIGN KEY (a, b) REFERENCES s.p);
    CREATE INDEX i ON s.t {index};
    """
    assert (ids(sql, NO_INDEX) == []) is served


def test_an_index_of_another_table_serves_nothing() -> None:
    sql = """
    CREATE TABLE s.p (x int PRIMARY KEY); CREATE TABLE s.t (a int REFERENCES s.p); CREATE TABLE z.t (a int);
    CREATE INDEX i ON z.t (a); CREATE INDEX j ON s.p (x);
    """
    assert ids(sql, NO_INDEX) == [(NO_INDEX, "TABLE", "s.t")]


def test_an_index_of_the_partitioned_table_serves_its_partitions() -> None:
    sql = """
    CREATE TABLE s.p (x int PRIMARY KEY);
    CREATE TABLE s.root (a int, k int) PARTITION BY LIST (k); CREATE INDEX i ON s.root (a);
    CREATE TABLE s.leaf PARTITION OF s.root DEFAULT; ALTER TABLE s.leaf ADD FOREIGN KEY (a) REFERENCES s.p;
    """
    assert ids(sql, NO_INDEX) == []
    assert ids(sql.replace("CREATE INDEX i ON s.root (a);", ""), NO_INDEX) == [(NO_INDEX, "TABLE", "s.leaf")]


def test_each_foreign_key_of_a_table_is_one_finding_with_its_own_statement() -> None:
    sql = """
    CREATE TABLE s.p (x int PRIMARY KEY);
    CREATE TABLE s.t (a int REFERENCES s.p, b int); ALTER TABLE s.t ADD FOREIGN KEY (b) REFERENCES s.p;
    """
    texts = [one.statement.text[:12] for one in hits(sql) if one.hit.issue_id == NO_INDEX]
    assert texts == ["CREATE TABLE", "ALTER TABLE "]


# Pairs of types, as reports spell them, that a foreign key compares.
DIFFERENT = (
    ("bigint", "int", "bigint", "integer"),
    ("smallint", "bigserial", "smallint", "bigint"),
    ("text", "uuid", "text", "uuid"),
    ("varchar(10)", "char(5)", "varchar(10)", "char(5)"),
    ("text", "character varying", "text", "varchar"),
    ("numeric(8,2)", "bigint", "numeric(8,2)", "bigint"),
    ("timestamptz", "timestamp", "timestamptz", "timestamp"),
    ("app.word", "varchar", "app.word (text)", "varchar"),
    ("app.date", "text", "date", "text"),
    ("int[]", "int", "integer[]", "integer"),
    ("double precision", "real", "double precision", "real"),
)
ALIKE = (
    ("int", "serial"),
    ("bigint", "int8"),
    ("varchar(10)", "character varying(5)"),
    ("numeric(8,2)", "decimal(10,4)"),
    ("timestamp(3)", "timestamp without time zone"),
    ("app.word", "text"),
    ("app.moment", 'app."Later"'),
    ("citext", "public.citext"),
    ("app.date", "app.date"),
    ("pg_catalog.int4", "integer"),
    ("char(3)", "character(5)"),
)


@pytest.mark.parametrize("form", FOREIGN_KEYS.values(), ids=list(FOREIGN_KEYS))
def test_a_foreign_key_between_different_types_is_found_with_both(form: Callable[[str, str], str]) -> None:
    for mine, theirs, shown_mine, shown_theirs in DIFFERENT:
        sql = TYPES + form(mine, theirs)
        assert ids(sql, OTHER_TYPE) == [(OTHER_TYPE, "TABLE", "Odd S.child;")], (mine, theirs)
        [told] = details(sql, OTHER_TYPE)
        assert (told["ColumnName"], told["ColumnType"]) == ("Odd S.child;.pid", shown_mine)
        assert told["ReferencedColumnType"] == shown_theirs
        assert told["ReferencedColumnName"] == "app.Parent.id"


@pytest.mark.parametrize("form", FOREIGN_KEYS.values(), ids=list(FOREIGN_KEYS))
def test_a_foreign_key_between_equal_types_is_not_whatever_their_lengths_or_domains(
    form: Callable[[str, str], str],
) -> None:
    for mine, theirs in ALIKE:
        assert ids(TYPES + form(mine, theirs), OTHER_TYPE) == [], (mine, theirs)
        assert ids(TYPES + form(theirs, mine), OTHER_TYPE) == [], (theirs, mine)


def test_columns_of_a_foreign_key_are_compared_pair_by_pair() -> None:
    sql = """
    CREATE TABLE s.p (x int, y text, z uuid, PRIMARY KEY (y, x)); CREATE TABLE s.t (a int, b int, c text);
    ALTER TABLE s.t ADD FOREIGN KEY (a, b) REFERENCES s.p; ALTER TABLE s.t ADD FOREIGN KEY (c, a) REFERENCES s.p (y, x);
    """
    assert [(one["ColumnName"], one["ReferencedColumnName"]) for one in details(sql, OTHER_TYPE)] == [
        ("s.t.a", "s.p.y")
    ]


def test_a_table_that_refers_to_one_unknown_is_not_judged_by_types() -> None:
    assert ids("CREATE TABLE s.t (a int REFERENCES other.p (x));", OTHER_TYPE) == []
    assert ids("CREATE TABLE s.p (y int); CREATE TABLE s.t (a int REFERENCES s.p (x));", OTHER_TYPE) == []


T = '"S s"."T"'
# Statements that give T a unique key over (a, b), both of which can never be null.
UNIQUE_KEYS = {
    "on the column": (f"CREATE TABLE {T} (b int, a int NOT NULL UNIQUE);", ["a"]),
    "on the table": (f"CREATE TABLE {T} (a int NOT NULL, b text NOT NULL, CONSTRAINT u UNIQUE (a, b));", ["a", "b"]),
    "added": (f"CREATE TABLE {T} (a int NOT NULL); ALTER TABLE ONLY {T} ADD CONSTRAINT u UNIQUE (a);", ["a"]),
    "added, not null later": (
        f"ALTER TABLE {T} ADD UNIQUE (a); CREATE TABLE {T} (a int); ALTER TABLE {T} ALTER COLUMN a SET NOT NULL;",
        ["a"],
    ),
    "not null by a constraint": (f"CREATE TABLE {T} (a int UNIQUE, CONSTRAINT n NOT NULL a);", ["a"]),
    "serial": (f"CREATE TABLE {T} (a serial UNIQUE);", ["a"]),
    "identity": (f"CREATE TABLE {T} (a int GENERATED ALWAYS AS IDENTITY UNIQUE);", ["a"]),
    "an identity that is added": (
        f"CREATE TABLE {T} (a int UNIQUE);"
        f"ALTER TABLE {T} ALTER a ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME x);",
        ["a"],
    ),
    "an index": (f"CREATE TABLE {T} (a int NOT NULL); CREATE UNIQUE INDEX u ON {T} USING btree (a DESC);", ["a"]),
    "an index with more": (
        f"CREATE UNIQUE INDEX u ON {T} (b, a) INCLUDE (c); CREATE TABLE {T} (a int NOT NULL, b int NOT NULL, c int);",
        ["b", "a"],
    ),
    "an index made a constraint": (
        f"CREATE TABLE {T} (a int NOT NULL); CREATE UNIQUE INDEX u ON {T} (a);"
        f"ALTER TABLE {T} ADD CONSTRAINT u UNIQUE USING INDEX u;",
        ["a"],
    ),
}


@pytest.mark.parametrize("form", UNIQUE_KEYS)
def test_a_unique_key_that_is_never_null_could_be_the_primary_key(form: str) -> None:
    sql, columns = UNIQUE_KEYS[form]
    assert ids(sql, NO_PRIMARY) == [(NO_PRIMARY, "TABLE", "S s.T")]
    assert details(sql, NO_PRIMARY) == [{"PrimaryKeyColumnOptions": [[f"S s.T.{column}" for column in columns]]}]


@pytest.mark.parametrize("form", UNIQUE_KEYS)
@pytest.mark.parametrize(
    "more",
    [
        f"ALTER TABLE {T} ADD PRIMARY KEY (z);",
        f"ALTER TABLE {T} INHERIT s.elder;",
        f"ALTER TABLE s.root ATTACH PARTITION {T} DEFAULT;",
    ],
)
def test_a_table_with_a_primary_key_or_a_parent_is_left_alone(form: str, more: str) -> None:
    assert ids(UNIQUE_KEYS[form][0] + more, NO_PRIMARY) == []


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE TABLE {T} (a int UNIQUE);",
        f"CREATE TABLE {T} (a int NOT NULL, b int, UNIQUE (a, b));",
        f"CREATE TABLE {T} (a int NOT NULL);",
        f"CREATE TABLE {T} (a int NOT NULL); CREATE INDEX u ON {T} (a);",
        f"CREATE TABLE {T} (a int NOT NULL); CREATE UNIQUE INDEX u ON {T} (a) WHERE a > 0;",
        f"CREATE TABLE {T} (a int NOT NULL); CREATE UNIQUE INDEX u ON {T} ((a + 0));",
        f"CREATE TABLE {T} (a int NOT NULL, b text NOT NULL); CREATE UNIQUE INDEX u ON {T} (a, (lower(b)));",
        f"CREATE TABLE {T} (a int NOT NULL, EXCLUDE (a WITH =));",
        f"CREATE FOREIGN TABLE {T} (a int NOT NULL UNIQUE) SERVER x;",
        f"CREATE MATERIALIZED VIEW {T} AS SELECT 1 AS a; CREATE UNIQUE INDEX u ON {T} (a);",
        f"CREATE TABLE {T} (a int UNIQUE CHECK (a IS NOT NULL));",
        f"CREATE TABLE {T} (a int PRIMARY KEY, b int NOT NULL UNIQUE);",
    ],
)
def test_a_key_that_may_hold_nulls_or_not_all_rows_is_no_candidate(sql: str) -> None:
    assert ids(sql, NO_PRIMARY) == []


def test_every_candidate_is_an_option_once() -> None:
    sql = f"""
    CREATE TABLE {T} (a int NOT NULL, b int NOT NULL UNIQUE, UNIQUE (a, b), UNIQUE (b));
    CREATE UNIQUE INDEX i ON {T} (b, a);
    """
    [told] = details(sql, NO_PRIMARY)
    assert told["PrimaryKeyColumnOptions"] == [["S s.T.b"], ["S s.T.a", "S s.T.b"], ["S s.T.b", "S s.T.a"]]


HIERARCHY = """
CREATE TABLE s.root (a int NOT NULL, b int NOT NULL, c int NOT NULL, UNIQUE ({})) PARTITION BY LIST (b);
CREATE TABLE s.mid PARTITION OF s.root DEFAULT PARTITION BY RANGE (c);
CREATE TABLE s.leaf (a int NOT NULL, b int NOT NULL, c int NOT NULL, UNIQUE (a, b, c));
ALTER TABLE s.mid ATTACH PARTITION s.leaf DEFAULT;
"""


def test_the_key_of_a_partitioned_table_must_hold_what_every_level_is_partitioned_by() -> None:
    assert ids(HIERARCHY.format("a, c, b"), NO_PRIMARY) == [(NO_PRIMARY, "TABLE", "s.root")]
    for columns in ("a, b", "a", "a, c"):
        assert ids(HIERARCHY.format(columns), NO_PRIMARY) == []


@pytest.mark.parametrize("level", ["root", "mid", "leaf"])
def test_a_primary_key_on_any_level_rules_another_one_out(level: str) -> None:
    sql = HIERARCHY.format("a, b, c") + f"ALTER TABLE ONLY s.{level} ADD PRIMARY KEY (b, c);"
    assert ids(sql, NO_PRIMARY) == []


def test_usage_is_that_of_the_table_or_of_the_index_with_what_its_table_takes() -> None:
    sql = """
    CREATE TABLE s.p (x int PRIMARY KEY); CREATE TABLE s.t (a int REFERENCES s.p, d date); CREATE INDEX i ON s.t (d);
    """
    usage = {
        ("s", "p"): Usage(scans=1000, writes=100),
        ("s", "t"): Usage(scans=50, writes=10),
        ("s", "i"): Usage(scans=5, is_index=True),
    }
    graded = {one.hit.issue_id: one.usage for one in hits(sql, Statistics(usage=usage))}
    assert graded == {"MISSING_FOREIGN_KEY_INDEX": "MODERATE", "HOTSPOTS_ON_DATE_INDEX": "MODERATE"}
    assert {one.usage for one in hits(sql)} == {""}
