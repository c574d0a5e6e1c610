"""Issues of PL/SQL and SQL of Oracle, in stored code, in views and in the statements that ran."""

from __future__ import annotations

from voyager.assessment.judges.oracle.schema_issues import LINK
from voyager.schema.issues.issue import FEATURES, Issue


def _row(id: str, name: str, impact: int, says: str, advice: str) -> Issue:
    return Issue(
        id=id, name=name, category=FEATURES, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_QUERIES = (
    _row(
        "ORACLE_CONNECT_BY",
        "CONNECT BY",
        2,
        "The query walks a hierarchy with CONNECT BY.",
        "Write it as WITH RECURSIVE; LEVEL, paths and the order of siblings become columns of it.",
    ),
    _row(
        "ORACLE_OUTER_JOIN_MARK",
        "Outer join with (+)",
        2,
        "The query joins with (+).",
        "Write LEFT JOIN or RIGHT JOIN; conditions on constants with (+) belong into ON.",
    ),
    _row(
        "ORACLE_ROWNUM",
        "ROWNUM",
        2,
        "The query counts rows with ROWNUM, which Oracle does before it sorts.",
        "Use LIMIT, over a subquery where the rows are sorted afterwards; row_number() in the select list.",
    ),
    _row(
        "ORACLE_ROWID_IN_CODE",
        "ROWID",
        2,
        "The code finds rows by their address.",
        "Use the primary key; the target's ctid changes with every update, and YugabyteDB has none.",
    ),
    _row(
        "ORACLE_MERGE",
        "MERGE",
        2,
        "The statement inserts or updates with MERGE, which YugabyteDB does not run.",
        "Write INSERT … ON CONFLICT DO UPDATE, with a unique index on the columns that are matched.",
    ),
    _row(
        "ORACLE_MULTI_TABLE_INSERT",
        "INSERT ALL or INSERT FIRST",
        2,
        "The statement inserts into several tables.",
        "Write one INSERT for each, with the source in a WITH clause.",
    ),
    _row(
        "ORACLE_PIVOT",
        "PIVOT or UNPIVOT",
        2,
        "The query turns rows into columns, or columns into rows.",
        "Use aggregates with FILTER for PIVOT, and LATERAL (VALUES …) for UNPIVOT.",
    ),
    _row(
        "ORACLE_MODEL",
        "MODEL clause",
        3,
        "The query computes cells with a MODEL clause.",
        "Rewrite it with window functions or in the application.",
    ),
    _row(
        "ORACLE_FLASHBACK",
        "Query of the past",
        3,
        "The query reads rows as they were (AS OF, VERSIONS, ORA_ROWSCN).",
        "Keep a history table; YugabyteDB reads the past only within its retention and per session.",
    ),
    _row(
        "ORACLE_KEEP",
        "KEEP (DENSE_RANK …)",
        2,
        "The aggregate keeps the first or the last rows of an order.",
        "Use first_value() over a window, or DISTINCT ON.",
    ),
    _row(
        "ORACLE_EMPTY_STRING_COMPARISON",
        "Comparison with ''",
        2,
        "The condition compares with '', which is NULL in Oracle and a value on the target.",
        "Decide what is meant, and write IS NULL or = ''.",
    ),
    _row(
        "ORACLE_TABLE_FUNCTION",
        "TABLE(…) in FROM",
        2,
        "The query reads a collection as a table.",
        "Use unnest() of an array, or a function that returns SETOF.",
    ),
    _row(
        "ORACLE_XML_IN_CODE",
        "XML functions",
        3,
        "The code makes or reads XML in the database, which YugabyteDB cannot.",
        "Move it into the application, or use jsonb.",
    ),
    _row(
        "ORACLE_TEXT_SEARCH",
        "Oracle Text",
        2,
        "The query searches with CONTAINS or CATSEARCH.",
        "Use tsvector and tsquery with a GIN index; scores and operators differ.",
    ),
    _row(
        "ORACLE_SPATIAL_IN_CODE",
        "Spatial functions",
        3,
        "The code calls SDO_… or MDSYS.",
        "Move it into the application; YugabyteDB has no PostGIS.",
    ),
    _row(
        "ORACLE_DATABASE_LINK_IN_CODE",
        "Object of another database",
        3,
        "The code uses an object over a database link.",
        "Use a foreign table, or a service between the databases.",
    ),
    _row(
        "ORACLE_FUNCTION",
        "Function that only Oracle has",
        1,
        "The code calls functions that neither the target nor its extension orafce has.",
        "Rewrite the call, or write a function of that name.",
    ),
)

_ROUTINES = (
    _row(
        "ORACLE_AUTONOMOUS_TRANSACTION",
        "Autonomous transaction",
        3,
        "The routine commits on its own, whatever becomes of the transaction that called it.",
        "Use dblink to the same database, or let the application write over a second connection.",
    ),
    _row(
        "ORACLE_TRANSACTION_CONTROL",
        "COMMIT or ROLLBACK in code",
        2,
        "The routine ends the transaction; functions and triggers of the target may not, procedures only when called "
        "outside of a transaction.",
        "Make it a procedure that is called on its own, or let the application commit.",
    ),
    _row(
        "ORACLE_SAVEPOINT",
        "SAVEPOINT in code",
        2,
        "The routine sets savepoints, which PL/pgSQL does not allow.",
        "Use a block with EXCEPTION, which is a subtransaction.",
    ),
    _row(
        "ORACLE_FORALL",
        "FORALL",
        2,
        "The routine sends many rows at once with FORALL.",
        "Write one statement over unnest() of the arrays, or a loop.",
    ),
    _row(
        "ORACLE_COLLECTION_IN_CODE",
        "Collections",
        2,
        "The routine keeps collections (TABLE OF, VARRAY, MULTISET).",
        "Use arrays, or a temporary table; an associative array becomes jsonb or a table.",
    ),
    _row(
        "ORACLE_DYNAMIC_SQL",
        "Dynamic SQL",
        2,
        "The routine builds statements as text, which nobody can judge before they run.",
        "Read how the text is made; EXECUTE takes it, with $1 for binds.",
    ),
    _row(
        "ORACLE_GOTO",
        "GOTO",
        2,
        "PL/pgSQL has no GOTO.",
        "Use loops with labels, EXIT and CONTINUE.",
    ),
    _row(
        "ORACLE_PIPELINED_FUNCTION",
        "Pipelined function",
        2,
        "The function gives its rows one by one with PIPE ROW.",
        "Write RETURN NEXT in a function that returns SETOF; the target collects all rows before the first is read.",
    ),
    _row(
        "ORACLE_REF_CURSOR",
        "REF CURSOR",
        2,
        "The routine hands cursors on.",
        "Use refcursor within one transaction, or return the rows.",
    ),
    _row(
        "ORACLE_SUPPLIED_PACKAGE",
        "Package of Oracle's own",
        2,
        "The routine calls packages that come with Oracle.",
        "The extension orafce has some (DBMS_OUTPUT, DBMS_PIPE, DBMS_ALERT, UTL_FILE, DBMS_RANDOM); rewrite the rest.",
    ),
    _row(
        "ORACLE_SESSION_CONTEXT",
        "Context of the session",
        1,
        "The code asks SYS_CONTEXT or USERENV about its session.",
        "Use current_setting(), session_user or inet_client_addr().",
    ),
    _row(
        "ORACLE_CONDITIONAL_COMPILATION",
        "Conditional compilation",
        2,
        "Parts of the source are compiled only under conditions ($IF).",
        "Keep the part that is in force.",
    ),
    _row(
        "ORACLE_EXTERNAL_ROUTINE",
        "Routine outside the database",
        3,
        "The routine is written in C or Java.",
        "Write it in PL/pgSQL, or move it into a service.",
    ),
    _row(
        "ORACLE_WRAPPED_CODE",
        "Source that cannot be read",
        3,
        "The source is wrapped, so nothing in it can be judged.",
        "Ask its author for the source, or write it anew.",
    ),
    _row(
        "ORACLE_AGGREGATE_FUNCTION",
        "Aggregate of one's own",
        3,
        "The function is an aggregate made of an object type.",
        "Use CREATE AGGREGATE with functions for its steps.",
    ),
)

ROWS: tuple[Issue, ...] = (*_QUERIES, *_ROUTINES)
