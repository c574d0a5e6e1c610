"""Issues of Oracle's other objects: sequences, types, triggers, packages, synonyms, links, jobs; and of all names."""

from __future__ import annotations

from voyager.assessment.judges.oracle.schema_issues import LINK
from voyager.schema.issues.issue import CAVEATS, FEATURES, Issue


def _row(id: str, name: str, impact: int, says: str, advice: str, category: str = FEATURES) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_SEQUENCES = (
    _row(
        "ORACLE_SEQUENCE_BEYOND_BIGINT",
        "Sequence beyond bigint",
        3,
        "The sequence gives, or may give, numbers of more than 18 digits; a sequence of the target ends at 2^63 - 1.",
        "Restart it in the range of bigint, or make the identifiers otherwise (uuid).",
    ),
    _row(
        "ORACLE_SCALABLE_SEQUENCE",
        "Scalable sequence",
        3,
        "The sequence puts the numbers of instance and session before its own; the target's do not.",
        "Use an ordinary sequence with a cache; check that the numbers so far fit bigint.",
    ),
    _row(
        "ORACLE_SESSION_SEQUENCE",
        "Session sequence",
        2,
        "The sequence begins anew in each session.",
        "Count in the session itself, or create a temporary sequence.",
    ),
    _row(
        "ORACLE_ORDERED_SEQUENCE",
        "Sequence in the order of requests",
        1,
        "The sequence gives numbers in the order in which they are asked for, over all instances.",
        "The target keeps no such order among nodes; order rows by a timestamp where it matters.",
        CAVEATS,
    ),
)

_TYPES = (
    _row(
        "INHERITED_TYPES",
        "Type that inherits",
        3,
        "The type is made under another one; the target has no inheritance of types.",
        "Give each type all its attributes, or keep them in tables.",
    ),
    _row(
        "ORACLE_TYPE_METHODS",
        "Type with methods",
        3,
        "The type has methods; composite types of the target have none.",
        "Write the methods as functions that take the value.",
    ),
    _row(
        "ORACLE_OBJECT_TYPE",
        "Object type",
        2,
        "The type is an object type.",
        "It becomes a composite type; constructors and comparisons in code have to be rewritten.",
    ),
    _row(
        "ORACLE_COLLECTION_TYPE",
        "Collection type",
        2,
        "The type is a VARRAY or a nested table.",
        "Use arrays of the element's type; the largest number of elements is not kept.",
    ),
)

_TRIGGERS = (
    _row(
        "ORACLE_SYSTEM_TRIGGER",
        "Trigger on an event of the database",
        3,
        "The trigger runs at logon, at start-up, at DDL or at an error.",
        "An event trigger covers DDL; the rest is for the connection pool, auditing or monitoring.",
    ),
    _row(
        "ORACLE_CROSSEDITION_TRIGGER",
        "Crossedition trigger",
        3,
        "The trigger carries rows from one edition of the application to another.",
        "Drop it; the target has no editions.",
    ),
    _row(
        "ORACLE_DISABLED_TRIGGER",
        "Disabled trigger",
        1,
        "The trigger is disabled in Oracle.",
        "Leave it out, or create and disable it.",
        CAVEATS,
    ),
    _row(
        "ORACLE_SEQUENCE_TRIGGER",
        "Trigger that fills a key from a sequence",
        1,
        "The trigger does what an identity column does.",
        "Use an identity column, or DEFAULT nextval(…), and drop the trigger.",
        CAVEATS,
    ),
    _row(
        "ORACLE_TRIGGER_ORDER",
        "Order of triggers",
        2,
        "The trigger follows or precedes another one; the target fires triggers by name.",
        "Name the triggers so that their names are in the order wanted.",
        CAVEATS,
    ),
)

_OTHERS = (
    _row(
        "ORACLE_PACKAGE",
        "Package",
        2,
        "The target has no packages.",
        "Make a schema of it, or give its routines a common beginning of their names; private routines become visible.",
    ),
    _row(
        "ORACLE_PACKAGE_VARIABLE",
        "Variable of a package",
        3,
        "The package keeps values for the whole session.",
        "Keep them with set_config() and current_setting(), or in a temporary table.",
    ),
    _row(
        "ORACLE_SYNONYM",
        "Synonym",
        1,
        "The target has no synonyms.",
        "Set search_path, or create a view in place of each; those of routines need a function that calls the other.",
    ),
    _row(
        "ORACLE_REMOTE_SYNONYM",
        "Synonym of an object elsewhere",
        3,
        "The synonym stands for an object of another database.",
        "Use a foreign table, or bring the rows over by other means.",
    ),
    _row(
        "ORACLE_DATABASE_LINK",
        "Database link",
        3,
        "The link leads to another database.",
        "Use a foreign data wrapper (postgres_fdw for PostgreSQL and YugabyteDB), or move the call into a service.",
    ),
    _row(
        "ORACLE_OTHER_SCHEMA",
        "Uses another schema",
        1,
        "The object uses objects of a schema that is not among those assessed.",
        "Migrate that schema too, or find out what the object needs of it.",
        CAVEATS,
    ),
    _row(
        "ORACLE_JOB",
        "Scheduled job",
        2,
        "The database runs the job by itself.",
        "Use the extension pg_cron, or a scheduler outside the database.",
    ),
    _row(
        "ORACLE_INVALID_OBJECT",
        "Invalid object",
        1,
        "The object does not compile in Oracle.",
        "Drop it, or repair it before it is converted.",
        CAVEATS,
    ),
    _row(
        "ORACLE_OTHER_OBJECT",
        "Object that only Oracle has",
        2,
        "The target has no object of this type.",
        "Find out who uses it; drop it or move what it does into the application.",
    ),
    _row(
        "ORACLE_JAVA",
        "Java in the database",
        3,
        "The object is a Java class, source or resource.",
        "Move it into a service; the target runs no Java.",
    ),
)

_NAMES = (
    _row(
        "ORACLE_QUOTED_NAME",
        "Name that needs quotes",
        1,
        "The name has small letters, blanks or other characters, so every statement has to quote it.",
        "Keep it quoted as it is, or give it a plain name and adapt the application.",
        CAVEATS,
    ),
    _row(
        "ORACLE_RESERVED_NAME",
        "Name that is a reserved word",
        1,
        "The name is a reserved word of the target, so every statement has to quote it.",
        "Quote it in small letters, or rename it.",
        CAVEATS,
    ),
    _row(
        "ORACLE_SYSTEM_COLUMN_NAME",
        "Name of a system column",
        2,
        "Every table of the target has a system column of this name.",
        "Rename the column, in the application as well.",
    ),
    _row(
        "ORACLE_LONG_NAME",
        "Name of more than 63 bytes",
        1,
        "The target cuts names after 63 bytes.",
        "Give it a shorter name, so that it is not cut to one that exists.",
    ),
    _row(
        "ORACLE_NAME_COLLISION",
        "Two objects of the same name",
        1,
        "Two names become one on the target: it folds to small letters, and tables, views, sequences, indexes and "
        "types share their names.",
        "Rename one of them.",
    ),
)

ROWS: tuple[Issue, ...] = (*_SEQUENCES, *_TYPES, *_TRIGGERS, *_OTHERS, *_NAMES)
