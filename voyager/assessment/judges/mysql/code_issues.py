"""Issues of MySQL's code objects, and of what their procedural language does."""

from __future__ import annotations

from voyager.schema.issues.issue import CAVEATS, FEATURES, Issue

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/mysql/"


def _row(id: str, name: str, impact: int, *, says: str, advice: str, category: str = FEATURES) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_OBJECTS = (
    _row(
        "MYSQL_PROCEDURE",
        "Stored procedure",
        2,
        says="The procedure is written in MySQL's language and has to be rewritten in PL/pgSQL.",
        advice="Details list what is more than a change of spelling.",
    ),
    _row(
        "MYSQL_FUNCTION",
        "Stored function",
        2,
        says="The function is written in MySQL's language and has to be rewritten in PL/pgSQL.",
        advice="Details list what is more than a change of spelling. Declare it IMMUTABLE or STABLE where it is.",
    ),
    _row(
        "MYSQL_TRIGGER",
        "Trigger",
        2,
        says="The trigger's body has to become a function in PL/pgSQL that returns NEW or OLD.",
        advice="SET NEW.c = x becomes NEW.c := x. Keep it from running while data is loaded or replayed.",
    ),
    _row(
        "MYSQL_TRIGGER_ORDER",
        "Triggers in a given order",
        1,
        says="Several triggers run for the same event in an order that MySQL was told; the target goes by their names.",
        advice="Give them names that sort in that order.",
    ),
    _row(
        "MYSQL_EVENT",
        "Event of the scheduler",
        2,
        says="The target has no scheduler of its own.",
        advice="Schedule it with the extension pg_cron or outside the database; its body becomes a procedure.",
    ),
    _row(
        "MYSQL_PACKAGE",
        "Package of MariaDB",
        3,
        says="The target has no packages.",
        advice="Make each of its routines one of a schema; variables of the package become a table or settings.",
    ),
    _row(
        "MYSQL_EXTERNAL_ROUTINE",
        "Routine in another language",
        3,
        says="The routine is written in a language other than SQL.",
        advice="Rewrite it in PL/pgSQL or move it into the application.",
    ),
    _row(
        "MYSQL_UDF",
        "Function from a shared library",
        3,
        says="The function is loaded from a shared library, which the target cannot load.",
        advice="Find what replaces it, write it in SQL or PL/pgSQL, or move it into the application.",
    ),
    _row(
        "MYSQL_INVALID_VIEW",
        "View that does not work",
        1,
        says="The view refers to something that does not exist or that its definer may not use.",
        advice="Repair or drop it before the migration.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_DEFINER",
        "Objects run with the rights of an account",
        1,
        says="Views, routines, triggers or events run with the rights of this account; accounts are not migrated.",
        advice="Create a role for it that owns them, and declare functions SECURITY DEFINER where they need its "
        "rights.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_CODE_UNREADABLE",
        "Code that cannot be read",
        2,
        says="The text has a quote or a comment without an end, so nothing inside it was judged.",
        advice="Look at it by hand.",
    ),
)

_PROCEDURAL = (
    _row(
        "MYSQL_CONDITION_HANDLER",
        "Condition handler",
        2,
        says="DECLARE … HANDLER goes on after an error or leaves the block; PL/pgSQL has exception blocks only.",
        advice="Put what may fail into BEGIN … EXCEPTION; replace handlers of NOT FOUND by IF NOT FOUND.",
    ),
    _row(
        "MYSQL_CURSOR",
        "Cursor",
        2,
        says="The code reads a cursor row by row.",
        advice="FOR row IN SELECT … LOOP, or better one statement for all rows: each one takes a round trip otherwise.",
    ),
    _row(
        "MYSQL_LOOP",
        "Loop",
        2,
        says="LEAVE, ITERATE, REPEAT and WHILE … DO are written differently in PL/pgSQL.",
        advice="Write EXIT, CONTINUE, LOOP … EXIT WHEN and WHILE … LOOP.",
    ),
    _row(
        "MYSQL_SIGNAL",
        "SIGNAL and diagnostics",
        2,
        says="SIGNAL, RESIGNAL and GET DIAGNOSTICS are written differently in PL/pgSQL.",
        advice="Write RAISE EXCEPTION '…' USING ERRCODE = '45000', and GET STACKED DIAGNOSTICS.",
    ),
    _row(
        "MYSQL_DYNAMIC_SQL",
        "Dynamic SQL",
        2,
        says="The code prepares statements from text; what that text holds was not judged.",
        advice="Write EXECUTE format(…) USING …, and look at the statements that come of it.",
    ),
    _row(
        "MYSQL_TRANSACTION",
        "Transaction control",
        2,
        says="The code begins or ends transactions.",
        advice="Procedures may COMMIT outside exception blocks, functions may not; often the caller should do it.",
    ),
    _row(
        "MYSQL_RESULT_SET",
        "Result set of a procedure",
        2,
        says="The procedure gives rows to its caller by a plain SELECT, which PL/pgSQL does not.",
        advice="Make it a function that RETURNS TABLE, and change the calls.",
    ),
    _row(
        "MYSQL_TEMPORARY_TABLE",
        "Temporary table in code",
        2,
        says="The code makes temporary tables, which are slow to make in YugabyteDB.",
        advice="Use arrays, common table expressions, or a table that stays, with a key of the session.",
    ),
    _row(
        "MYSQL_DDL_IN_CODE",
        "DDL in code",
        2,
        says="The code changes the schema, which also ends the transaction in MySQL.",
        advice="Move such changes into the deployment; TRUNCATE becomes DELETE where it is about few rows.",
    ),
)

ROWS: tuple[Issue, ...] = (*_OBJECTS, *_PROCEDURAL)
