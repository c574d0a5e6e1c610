"""Rows of the catalogue: ALTER, DROP and REINDEX statements."""

from __future__ import annotations

from voyager.schema.issues.issue import FEATURES, Issue, known_issue, yugabytedb

_VARIANTS = known_issue("unsupported-alter-table-ddl-variants-in-source-schema")


def _row(id: str, name: str, says: str, advice: str, link: str, *, refused: bool = True) -> Issue:
    return Issue(
        id=id, name=name, category=FEATURES, impact=1, says=says, advice=advice, link=link, refused=refused
    )  # fmt: skip


def _in_some_releases(id: str, form: str, advice: str, tracker: int = 1124) -> Issue:
    """What earlier releases refuse and newer ones may take: worth a look, not worth stopping an import."""
    return _row(
        id,
        form,
        f"The schema has {form}, which not every release takes.",
        advice,
        yugabytedb(tracker),
        refused=False,
    )


_REMOVE = "Remove the statement if your release refuses it."
_WRITE_OUT = "If your release refuses it, put the change into the statement that creates the object."

ROWS = (
    _row(
        "ALTER_TABLE_SET_COLUMN_ATTRIBUTE",
        "Attributes of a column",
        "ALTER TABLE sets an attribute of a column (n_distinct and the like).",
        "Remove the statement.",
        _VARIANTS,
    ),
    _row(
        "ALTER_TABLE_CLUSTER_ON",
        "ALTER TABLE … CLUSTER ON",
        "ALTER TABLE … CLUSTER ON marks an index for clustering.",
        "Remove the statement; rows are stored in the order of the primary key.",
        _VARIANTS,
    ),
    _row(
        "ALTER_TABLE_DISABLE_RULE",
        "ALTER TABLE … DISABLE RULE",
        "ALTER TABLE … DISABLE RULE switches a rule off.",
        "Remove this statement and the rule that it switches off.",
        _VARIANTS,
    ),
    _row(
        "ALTER_CONVERSION",
        "ALTER CONVERSION",
        "A conversion between encodings is altered.",
        "Remove the statement together with the conversion.",
        known_issue("create-or-alter-conversion-is-not-supported"),
    ),
    _row(
        "ALTER_TABLE_OF",
        "ALTER TABLE … OF",
        "ALTER TABLE … OF ties the table to a composite type.",
        "Remove the statement; the table keeps its columns.",
        yugabytedb(1124),
    ),
    _row(
        "ALTER_TABLE_NOT_OF",
        "ALTER TABLE … NOT OF",
        "ALTER TABLE … NOT OF unties the table from a composite type.",
        "Remove the statement and create the table with its own columns.",
        yugabytedb(1124),
    ),
    _row(
        "ALTER_TABLE_INHERIT",
        "ALTER TABLE … INHERIT",
        "ALTER TABLE … INHERIT makes the table a child of another one.",
        "Remove the statement and query both tables, or partition the parent instead.",
        known_issue("table-inheritance-is-not-supported"),
    ),
    _row(
        "ALTER_CONSTRAINT",
        "ALTER TABLE … ALTER CONSTRAINT",
        "ALTER TABLE … ALTER CONSTRAINT changes an existing constraint.",
        "Declare the constraint the way it is meant to be in the end.",
        yugabytedb(1124),
    ),
    _row(
        "SET_WITH_OIDS",
        "ALTER TABLE … SET WITH OIDS",
        "ALTER TABLE … SET WITH OIDS adds a system column that no server since PostgreSQL 12 has.",
        "Remove the statement; give the table a column of its own where the OID was used.",
        yugabytedb(1124),
    ),
    _row(
        "ALTER_AGGREGATE",
        "ALTER AGGREGATE",
        "An aggregate is altered.",
        "Create the aggregate under its final name, schema and owner.",
        yugabytedb(2717),
        refused=False,
    ),
    _row(
        "DROP_INDEX_CONCURRENTLY",
        "DROP INDEX CONCURRENTLY",
        "An index is dropped CONCURRENTLY.",
        "Remove CONCURRENTLY; YugabyteDB drops indexes without blocking writes.",
        yugabytedb(22717),
    ),
    _in_some_releases("DROP_MULTIPLE_OBJECTS", "DROP of several objects", "Drop each object by itself.", 880),
    _in_some_releases("REINDEX", "REINDEX", "Drop the index and create it again.", 10267),
    _in_some_releases("ALTER_TABLE_SET_SCHEMA", "ALTER TABLE … SET SCHEMA", _WRITE_OUT, 3947),
    _in_some_releases("ALTER_COLUMN_SET_STATISTICS", "ALTER COLUMN … SET STATISTICS", _REMOVE),
    _in_some_releases("ALTER_COLUMN_SET_STORAGE", "ALTER COLUMN … SET STORAGE", _REMOVE),
    _in_some_releases("ALTER_COLUMN_RESET", "ALTER COLUMN … RESET", _REMOVE),
    _in_some_releases("SET_WITHOUT_CLUSTER", "ALTER TABLE … SET WITHOUT CLUSTER", _REMOVE),
    _in_some_releases("ALTER_TABLE_SET", "ALTER TABLE … SET (…)", _REMOVE),
    _in_some_releases("ALTER_TABLE_RESET", "ALTER TABLE … RESET (…)", _REMOVE),
    _in_some_releases("ALTER_INDEX_SET", "ALTER INDEX … SET", _REMOVE),
    _in_some_releases("ALTER_FOREIGN_TABLE_OPTIONS", "ALTER FOREIGN TABLE … OPTIONS", _WRITE_OUT),
    _in_some_releases("VALIDATE_CONSTRAINT", "ALTER TABLE … VALIDATE CONSTRAINT", "Create the constraint valid."),
    _in_some_releases("ALTER_TYPE_DROP_ATTRIBUTE", "ALTER TYPE … DROP ATTRIBUTE", _WRITE_OUT, 1893),
    _in_some_releases("ALTER_TYPE", "ALTER TYPE", _WRITE_OUT, 1893),
    _in_some_releases("ALTER_TABLESPACE", "ALTER TABLESPACE", _REMOVE, 1153),
    _in_some_releases("ALTER_VIEW", "ALTER VIEW", _WRITE_OUT, 1131),
)
