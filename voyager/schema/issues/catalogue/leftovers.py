"""Rows of the catalogue: what is no SQL of PostgreSQL, or was left over by a tool that converted another dialect."""

from __future__ import annotations

from voyager.schema.issues.issue import FEATURES, Issue, known_issue, voyager

UNSUPPORTED_PG_SYNTAX = "UNSUPPORTED_PG_SYNTAX"
ORACLE_TYPES = ("anydata", "anydataset", "anytype", "uritype")


def _row(id: str, name: str, says: str, advice: str, tracker: int, *, refused: bool = True) -> Issue:
    return Issue(
        id=id, name=name, category=FEATURES, impact=1, says=says, advice=advice, link=voyager(tracker), refused=refused
    )  # fmt: skip


ROWS = (
    _row(
        UNSUPPORTED_PG_SYNTAX,
        "Syntax that PostgreSQL does not have",
        "The statement cannot be read as SQL of PostgreSQL.",
        "Look at the statement and correct it; it is imported as it stands, and the target decides.",
        1625,
        refused=False,
    ),
    _row(
        "COMPOUND_TRIGGER",
        "Compound trigger",
        "The trigger is a compound trigger of Oracle.",
        "Write one trigger for each timing point, and keep what they share in a table or a setting.",
        1543,
    ),
    _row(
        "BULK_COLLECT",
        "BULK COLLECT",
        "The body uses BULK COLLECT of Oracle.",
        "Loop over the query, or collect its rows with array_agg.",
        1539,
    ),
    Issue(
        id="DROP_TEMPORARY_TABLE",
        name="DROP TEMPORARY TABLE",
        category=FEATURES,
        impact=1,
        says="The body drops a table with DROP TEMPORARY TABLE, which is no statement of PostgreSQL.",
        advice="Write DROP TABLE.",
        link=known_issue("drop-temporary-table-statements-are-not-supported"),
    ),
    *(
        _row(
            f"ORACLE_{name.upper()}",
            f"Column of Oracle's type {name.upper()}",
            f"The column is of Oracle's type {name.upper()}, which has no counterpart.",
            "Use a type that holds the values the column has in practice, text or jsonb for example.",
            1541,
        )
        for name in ORACLE_TYPES
    ),
)
