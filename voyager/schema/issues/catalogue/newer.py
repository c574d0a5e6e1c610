"""Rows of the catalogue: DDL that came with PostgreSQL 16 to 18, after the version that YugabyteDB is built on."""

from __future__ import annotations

from voyager.schema.issues.issue import FEATURES, Issue


def _row(id: str, name: str, says: str, advice: str, page: str) -> Issue:
    link = f"https://www.postgresql.org/docs/18/{page}.html"
    return Issue(id=id, name=name, category=FEATURES, impact=1, says=says, advice=advice, link=link)


ROWS = (
    _row(
        "VIRTUAL_GENERATED_COLUMNS",
        "Virtual generated columns",
        "The table has virtual generated columns, which PostgreSQL has only from version 18 on.",
        "Make the column STORED, or compute it in a view.",
        "ddl-generated-columns",
    ),
    _row(
        "CONSTRAINT_NOT_ENFORCED",
        "Constraint that is not enforced",
        "The constraint is NOT ENFORCED, which PostgreSQL has only from version 18 on.",
        "Leave the constraint out, or add it NOT VALID if new rows shall keep to it.",
        "sql-createtable",
    ),
    _row(
        "TEMPORAL_KEY",
        "Key without overlaps",
        "The key is WITHOUT OVERLAPS, which PostgreSQL has only from version 18 on.",
        "Make a key of the other columns and the start of the range, and look for overlaps in a trigger.",
        "sql-createtable",
    ),
    _row(
        "TEMPORAL_FOREIGN_KEY",
        "Foreign key with a period",
        "The foreign key refers to a PERIOD, which PostgreSQL has only from version 18 on.",
        "Check in a trigger that the referenced rows cover the period.",
        "sql-createtable",
    ),
    _row(
        "NOT_NULL_AS_CONSTRAINT",
        "NOT NULL as a constraint of the table",
        "NOT NULL is declared as a constraint of the table or with NO INHERIT or NOT VALID, as PostgreSQL does from "
        "version 18 on.",
        "Write NOT NULL behind the column, or use ALTER COLUMN … SET NOT NULL.",
        "sql-createtable",
    ),
    _row(
        "STORAGE_CLAUSE_IN_TABLE",
        "STORAGE in CREATE TABLE",
        "A column of the table has a STORAGE clause, which PostgreSQL takes there only from version 16 on.",
        "Remove the clause; how long values are stored is not a setting of YugabyteDB.",
        "sql-createtable",
    ),
    _row(
        "ALTER_COLUMN_SET_EXPRESSION",
        "ALTER COLUMN … SET EXPRESSION",
        "ALTER TABLE changes the expression of a generated column, which PostgreSQL does only from version 17 on.",
        "Create the column with its final expression.",
        "sql-altertable",
    ),
    _row(
        "STATISTICS_WITHOUT_NAME",
        "CREATE STATISTICS without a name",
        "The statistics object has no name, which PostgreSQL allows only from version 16 on.",
        "Give it a name.",
        "sql-createstatistics",
    ),
    _row(
        "COLLATION_OPTIONS_PG16",
        "Options of CREATE COLLATION since PostgreSQL 16",
        "The collation uses rules or the builtin provider, which PostgreSQL has only from version 16 and 17 on.",
        "Use a collation of the provider icu or libc without rules.",
        "sql-createcollation",
    ),
    _row(
        "MAINTAIN_PRIVILEGE",
        "Privilege MAINTAIN",
        "The privilege MAINTAIN is granted, which PostgreSQL has only from version 17 on.",
        "Remove MAINTAIN from the statement; the owner of a table maintains it.",
        "ddl-priv",
    ),
    _row(
        "EVENT_TRIGGER_ON_LOGIN",
        "Event trigger on login",
        "The event trigger fires on login, which PostgreSQL has only from version 17 on.",
        "Do at the start of a session what the trigger did, in the application or the connection pool.",
        "event-trigger-definition",
    ),
    _row(
        "PUBLICATION_OF_GENERATED_COLUMNS",
        "Publication of generated columns",
        "The publication publishes generated columns, which PostgreSQL does only from version 18 on.",
        "Remove publish_generated_columns from the statement.",
        "sql-createpublication",
    ),
)
