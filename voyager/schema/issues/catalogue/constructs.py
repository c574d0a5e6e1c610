"""Issues of queries: what a view, a routine, a trigger or the application may use and a target refuse."""

from __future__ import annotations

from voyager.schema.issues.issue import (
    CAVEATS,
    FEATURES,
    POSTGRESQL_15,
    Fix,
    Issue,
    early_access,
    fixed,
    tech_preview,
    yugabytedb,
)

_ADVISORY_LOCKS: tuple[Fix, ...] = (
    *fixed("2025.1.0.0", "2025.2.0.0", "2026.1.0.0"),
    *tech_preview("2.25.1.0", flags=("ysql_yb_enable_advisory_locks",)),
)
_SAVEPOINTS = fixed("2024.2.8.0", "2025.1.4.0", "2025.2.2.0", "2026.1.0.0")


def _system_column(name: str, advice: str) -> Issue:
    return Issue(
        id=f"SYSTEM_COLUMN_{name.upper()}",
        name=f"System Column - {name}",
        category=FEATURES,
        impact=2,
        says=f"The statement reads the system column {name}.",
        advice=advice,
        link=yugabytedb(24843),
    )


_VERSION_COLUMN = "Give the table a column that holds a version and is changed with each update, and compare that."

CATALOGUED: tuple[Issue, ...] = (
    Issue(
        id="UNIQUE_NULLS_NOT_DISTINCT",
        name="Unique Nulls Not Distinct",
        category=FEATURES,
        impact=1,
        says="The unique constraint or index holds NULLs for equal (NULLS NOT DISTINCT).",
        advice="Create a unique index on COALESCE(column, a value that does not occur) instead.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="ADVISORY_LOCKS",
        name="Advisory Locks",
        category=FEATURES,
        impact=2,
        says="The statement takes or releases an advisory lock.",
        advice="Lock a row of a table made for it (SELECT … FOR UPDATE), or choose a target that has advisory locks.",
        link=yugabytedb(3642),
        fixed_in=_ADVISORY_LOCKS,
    ),
    _system_column("xmin", _VERSION_COLUMN),
    _system_column("xmax", _VERSION_COLUMN),
    _system_column("cmin", "Number the statements of a transaction in a column of the table, if their order matters."),
    _system_column("cmax", "Number the statements of a transaction in a column of the table, if their order matters."),
    _system_column("ctid", "Find rows by the primary key; give the table one if it has none."),
    Issue(
        id="XML_FUNCTIONS",
        name="XML Functions",
        category=FEATURES,
        impact=2,
        says="The statement makes or reads XML.",
        advice="Make and read XML in the application, and keep it as text.",
        link=yugabytedb(1043),
    ),
    Issue(
        id="REGEX_FUNCTIONS",
        name="Regex Functions",
        category=FEATURES,
        impact=2,
        says="The statement calls a function for regular expressions that PostgreSQL has from version 15 on.",
        advice="Use regexp_match, regexp_matches or the operator ~.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="ANY_VALUE_AGGREGATE_FUNCTION",
        name="ANY_VALUE() aggregate function",
        category=FEATURES,
        impact=2,
        says="The statement calls any_value(), which PostgreSQL has from version 16 on.",
        advice="Use min() or max(); any of the values will do.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="RANGE_AGGREGATE_FUNCTION",
        name="Range aggregate functions",
        category=FEATURES,
        impact=2,
        says="The statement aggregates ranges (range_agg or range_intersect_agg).",
        advice="Merge the ranges in the application.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="JSON_CONSTRUCTOR_FUNCTION",
        name="JSON constructor functions",
        category=FEATURES,
        impact=2,
        says="The statement makes JSON by a constructor of SQL/JSON, which PostgreSQL has from version 16 on.",
        advice="Use json_build_object, json_build_array, json_object_agg or json_agg.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="JSON_QUERY_FUNCTION",
        name="JSON query functions",
        category=FEATURES,
        impact=2,
        says="The statement queries JSON by a function of SQL/JSON, which PostgreSQL has from version 17 on.",
        advice="Use jsonb_path_exists, jsonb_path_query and the like, and jsonb_to_recordset for JSON_TABLE.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="LARGE_OBJECT_FUNCTIONS",
        name="Large Object Functions",
        category=FEATURES,
        impact=2,
        says="The statement works with large objects.",
        advice="Keep the data in a column of type bytea.",
        link=yugabytedb(25318),
    ),
    Issue(
        id="JSONB_SUBSCRIPTING",
        name="JSONB subscripting",
        category=FEATURES,
        impact=2,
        says="The statement reaches into jsonb by a subscript.",
        advice="Read by the operators -> and ->>, and write by jsonb_set.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="JSON_TYPE_PREDICATE",
        name="JSON type predicate",
        category=FEATURES,
        impact=2,
        says="The statement tests with IS JSON, which PostgreSQL has from version 16 on.",
        advice="Test with a function that casts the text to json and catches the error.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="COPY FROM ... WHERE",
        name="COPY FROM ... WHERE",
        category=FEATURES,
        impact=2,
        says="COPY FROM leaves rows out by a WHERE clause.",
        advice="Copy into a staging table and insert from there what is wanted.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="COPY ... ON_ERROR",
        name="COPY ... ON_ERROR",
        category=FEATURES,
        impact=2,
        says="COPY goes on after errors (ON_ERROR), which PostgreSQL has from version 17 on.",
        advice="Clean the data before it is copied.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="FETCH_WITH_TIES",
        name="FETCH .. WITH TIES",
        category=FEATURES,
        impact=2,
        says="The query fetches the rows that tie with the last one (WITH TIES).",
        advice="Rank the rows with the window function rank() and keep the first ranks.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="CTE_WITH_MATERIALIZED_CLAUSE",
        name="CTE with MATERIALIZED clause",
        category=FEATURES,
        impact=2,
        says="A WITH query says MATERIALIZED or NOT MATERIALIZED.",
        advice="Leave the word out; the result is the same.",
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    Issue(
        id="MERGE_STATEMENT",
        name="Merge statement",
        category=FEATURES,
        impact=2,
        says="The statement is a MERGE.",
        advice="Use INSERT … ON CONFLICT, or UPDATE and INSERT in one transaction.",
        link=yugabytedb(25574),
    ),
    Issue(
        id="LISTEN_NOTIFY",
        name="Events Listen / Notify",
        category=FEATURES,
        impact=2,
        says="The statement listens for or sends notifications.",
        advice="Send events through a queue outside the database, or a table that the listeners poll.",
        link=yugabytedb(1872),
        fixed_in=early_access("2025.2.3.0", "2026.1.0.0", flags=("ysql_yb_enable_listen_notify",)),
    ),
    Issue(
        id="NON_DECIMAL_INTEGER_LITERAL",
        name="Non-decimal integer literal",
        category=FEATURES,
        impact=2,
        says="An integer is written in hexadecimal, octal or binary, which PostgreSQL takes from version 16 on.",
        advice="Write the number in decimal.",
        link=yugabytedb(25575),
    ),
    Issue(
        id="TWO_PHASE_COMMIT",
        name="Two-phase commit",
        category=FEATURES,
        impact=3,
        says="A transaction is prepared for a commit in two phases.",
        advice="Let the application compensate (a saga), or pass the second step on by an outbox table.",
        link=yugabytedb(11084),
    ),
    Issue(
        id="SAVEPOINT_USAGE",
        name="Savepoints",
        category=CAVEATS,
        impact=1,
        says="The application uses savepoints. Changes that are rolled back to one can reach the source or a replica "
        "all the same when a live migration falls forward or back.",
        advice="Migrate to a release that has this fixed, or do without savepoints until the migration is over.",
        link="https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/postgresql/",
        fixed_in=_SAVEPOINTS,
        refused=False,
    ),
    Issue(
        id="FETCH_CURSOR_DIRECTION",
        name="FETCH with a direction",
        category=FEATURES,
        impact=1,
        says="FETCH names the direction in which the cursor moves.",
        advice="Open the cursor in the order in which its rows are wanted, and FETCH without a direction.",
        link=yugabytedb(6514),
    ),
    Issue(
        id="WHERE_CURRENT_OF",
        name="WHERE CURRENT OF",
        category=FEATURES,
        impact=1,
        says="UPDATE or DELETE names its row by a cursor (WHERE CURRENT OF).",
        advice="Name the row by its primary key.",
        link=yugabytedb(737),
    ),
    Issue(
        id="RANGE_OFFSET_NUMERIC_DOUBLE",
        name="RANGE with a numeric offset",
        category=FEATURES,
        impact=1,
        says="A window frame is a RANGE with an offset of type numeric, real or double precision.",
        advice="Frame the window by ROWS or GROUPS, or by an offset of an integer type.",
        link=yugabytedb(10692),
    ),
    Issue(
        id="JSON_ARRAYAGG",
        name="JSON_ARRAYAGG",
        category=FEATURES,
        impact=1,
        says="The object calls JSON_ARRAYAGG.",
        advice="Use json_agg.",
        link="https://github.com/yugabyte/yb-voyager/issues/1542",
    ),
)


def _newer(id_: str, name: str, version: int, *, says: str, advice: str) -> Issue:
    """Syntax that PostgreSQL has only from `version` on, which is more than YugabyteDB is built on."""
    return Issue(
        id=id_,
        name=name,
        category=FEATURES,
        impact=2,
        says=f"{says}, which PostgreSQL has from version {version} on.",
        advice=advice,
        link=f"https://www.postgresql.org/docs/release/{version}.0/",
    )


NEWER: tuple[Issue, ...] = (
    _newer(
        "FUNCTION_NEWER_THAN_PG15", "Function newer than PostgreSQL 15", 16,
        says="The statement calls a function that is newer than PostgreSQL 15",
        advice="Create a function of that name that does the same, or do it in the application.",
    ),
    _newer(
        "SUBQUERY_WITHOUT_ALIAS", "Subquery without a name", 16,
        says="A subquery in FROM has no name",
        advice="Give it one: FROM (SELECT …) AS name.",
    ),
    _newer(
        "UNDERSCORE_IN_NUMERIC_LITERAL", "Underscore in a number", 16,
        says="A number is written with underscores",
        advice="Write it without them.",
    ),
    _newer(
        "COPY_OPTION_NEWER_THAN_PG15", "COPY option newer than PostgreSQL 15", 16,
        says="COPY has an option that is newer than PostgreSQL 15",
        advice="Leave the option out, and change the data before or after it is copied.",
    ),
    _newer(
        "AT_LOCAL", "AT LOCAL", 17,
        says="A time is moved into the session's zone by AT LOCAL",
        advice="Write AT TIME ZONE current_setting('TimeZone').",
    ),
    _newer(
        "SQL_JSON_SCALAR_FUNCTION", "JSON(), JSON_SCALAR() and JSON_SERIALIZE()", 17,
        says="The statement converts to or from JSON by a function of SQL/JSON",
        advice="Use a cast to json, to_json or a cast to text.",
    ),
    _newer(
        "MERGE_NOT_MATCHED_BY_SOURCE", "MERGE WHEN NOT MATCHED BY SOURCE", 17,
        says="MERGE treats rows that the source lacks (WHEN NOT MATCHED BY SOURCE)",
        advice="Treat them by an UPDATE or DELETE of their own, WHERE NOT EXISTS.",
    ),
    _newer(
        "MERGE_RETURNING", "MERGE ... RETURNING", 17,
        says="MERGE returns the rows it has changed",
        advice="Use INSERT … ON CONFLICT … RETURNING.",
    ),
    _newer(
        "RETURNING_OLD_NEW", "RETURNING OLD and NEW", 18,
        says="RETURNING tells the row before a change from the row after it (OLD, NEW)",
        advice="Read the row with SELECT … FOR UPDATE first, in the same transaction.",
    ),
)  # fmt: skip

# What is in a body or a query text and could not be judged, or asks for a look in any case.
UNREAD: tuple[Issue, ...] = (
    Issue(
        id="UNPARSABLE_BODY",
        name="Body that cannot be read",
        category=FEATURES,
        impact=1,
        says="A statement in the body of the routine cannot be read, so it was not judged.",
        advice="Look at the statement, and run the routine on the target before the application does.",
        link="https://www.postgresql.org/docs/15/plpgsql.html",
        refused=False,
    ),
    Issue(
        id="DYNAMIC_SQL_NOT_READ",
        name="SQL made at run time",
        category=FEATURES,
        impact=1,
        says="The routine runs SQL that it makes up at run time, which cannot be judged from its text.",
        advice="Find out what it runs, and try that on the target.",
        link="https://www.postgresql.org/docs/15/plpgsql-statements.html#PLPGSQL-STATEMENTS-EXECUTING-DYN",
        refused=False,
    ),
    Issue(
        id="FUNCTION_IN_OTHER_LANGUAGE",
        name="Function in a language of its own",
        category=FEATURES,
        impact=2,
        says="The routine is written in a language that is not judged here and that the target may not have.",
        advice="See whether the target has the language; if not, write the routine in PL/pgSQL or in the application.",
        link="https://www.postgresql.org/docs/15/xplang.html",
    ),
    Issue(
        id="UNSUPPORTED_DATATYPE_IN_CODE",
        name="Unsupported datatype in a routine or a query",
        category=FEATURES,
        impact=2,
        says="A parameter, a result, a variable or a cast has a data type that the target does not have or cannot use.",
        advice="Use text, bytea or numeric columns instead, and do in the application what the type was for.",
        link="https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/postgresql/#unsupported-datatypes-by-yugabytedb",
    ),
    Issue(
        id="UNPARSABLE_QUERY",
        name="Query texts that cannot be read",
        category=FEATURES,
        impact=1,
        says="Some of the recorded query texts cannot be read, so they were not judged.",
        advice="Look at them in pg_stat_statements; texts may be cut off, or hidden from an account without "
        "the role pg_read_all_stats.",
        link="https://www.postgresql.org/docs/15/pgstatstatements.html",
        refused=False,
    ),
)

CONSTRUCTS: tuple[Issue, ...] = (*CATALOGUED, *NEWER, *UNREAD)
