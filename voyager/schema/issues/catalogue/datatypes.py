"""Rows of the catalogue: columns of types that the target lacks or that move only while nothing writes to them."""

from __future__ import annotations

from dataclasses import replace

from voyager.schema.issues.datatypes import (
    ARRAY_OF_USER_DEFINED_LIVE,
    MISSING,
    MULTIRANGE,
    MULTIRANGE_LIVE,
    OFFLINE_ONLY,
    RANGE_LIVE,
    TSQUERY_LIVE,
    USER_DEFINED_LIVE,
    missing_id,
    offline_only_id,
)
from voyager.schema.issues.issue import (
    CAVEATS,
    DATATYPES,
    POSTGRESQL_15,
    Issue,
    known_issue,
    voyager,
    yugabytedb,
)

_LACKING = known_issue("unsupported-datatypes-by-yugabytedb")
_ADVICE = {
    "xml": (
        "Store the documents as text, or as jsonb after converting them; XML is not parsed on the target.",
        known_issue("data-ingestion-on-xml-data-type-is-not-supported"),
    ),
    "xid": (
        "Store the numbers as bigint; the target has no transaction ids of PostgreSQL's kind.",
        known_issue("xid-functions-is-not-supported"),
    ),
    "lo": (
        "Store the contents as bytea in the table itself, or in an object store.",
        known_issue("large-objects-and-its-functions-are-currently-not-supported"),
    ),
    "pg_lsn": ("Store the positions as numeric or text.", _LACKING),
    "txid_snapshot": ("Store the snapshots as text.", _LACKING),
    **dict.fromkeys(
        ("geometry", "geography", "box2d", "box3d", "topogeometry", "raster"),
        ("Store coordinates in numeric columns or the shape as text or jsonb; PostGIS is not part of the target.",
         _LACKING),
    ),
}  # fmt: skip
_INSTEAD_OF_MULTIRANGE = (
    "Keep the ranges as rows of a table of their own, or use a target that is built on PostgreSQL 15."
)
_CARRY_OVER = "Migrate offline, or carry this column over separately after the cutover."

_OFFLINE = known_issue("unsupported-datatypes-by-voyager-during-live-migration")


def _missing(name: str) -> Issue:
    advice, link = _ADVICE.get(name, (_INSTEAD_OF_MULTIRANGE, ""))
    return Issue(
        id=missing_id(name),
        name=f"Unsupported datatype - {name}",
        category=DATATYPES,
        impact=3,
        says=f"The column is of type {name}, which YugabyteDB does not have or whose values it does not take.",
        advice=advice,
        link=link or MISSING[name].tracker,
        fixed_in=MISSING[name].fixed_in,
    )


def _live(id: str, name: str, says: str, advice: str, link: str = _OFFLINE) -> Issue:
    return Issue(
        id=id, name=name, category=CAVEATS, impact=1, says=says, advice=advice, link=link, refused=False
    )  # fmt: skip


def _offline_only(name: str) -> Issue:
    return _live(
        offline_only_id(name),
        f"Unsupported datatype for live migration - {name}",
        f"The column is of type {name}: its values are exported and imported, but changes to it are not streamed.",
        _CARRY_OVER,
    )


_LIVE = (
    *(_offline_only(name) for name in OFFLINE_ONLY),
    *(replace(_offline_only(name), begins_with=type_.fixed_in) for name, type_ in MISSING.items() if type_.fixed_in),
)

ROWS = (
    *(_missing(name) for name in MISSING),
    *_LIVE,
    _live(
        USER_DEFINED_LIVE,
        "Unsupported datatype for live migration with fall-forward or fall-back - user-defined",
        "The column is of a composite type, whose changes are not streamed back from the target.",
        "Carry this column over separately if you plan to fall forward or back; nothing is to be done otherwise.",
    ),
    _live(
        TSQUERY_LIVE,
        "Unsupported datatype for live migration with fall-forward or fall-back - tsquery",
        "The column is of type tsquery, whose changes are not streamed back from the target.",
        "Carry this column over separately if you plan to fall forward or back; nothing is to be done otherwise.",
        link=voyager(1731),
    ),
    _live(
        ARRAY_OF_USER_DEFINED_LIVE,
        "Unsupported datatype for live migration with fall-forward or fall-back - array of user-defined",
        "The column is an array of a composite type, whose changes are not streamed back from the target.",
        "Carry this column over separately if you plan to fall forward or back; nothing is to be done otherwise.",
    ),
    _live(
        RANGE_LIVE,
        "Unsupported datatype for live migration - user-defined range",
        "The column is of a range type of the schema's own: its values are exported and imported, but changes to it "
        "are not streamed.",
        _CARRY_OVER,
    ),
    Issue(
        id=MULTIRANGE,
        name="Unsupported datatype - user-defined multirange",
        category=DATATYPES,
        impact=3,
        says="The column is of the multirange type of a range type of the schema's own; YugabyteDB has no multiranges.",
        advice=_INSTEAD_OF_MULTIRANGE,
        link=yugabytedb(25575),
        fixed_in=POSTGRESQL_15,
    ),
    replace(
        _live(
            MULTIRANGE_LIVE,
            "Unsupported datatype for live migration - user-defined multirange",
            "The column is of the multirange type of a range type of the schema's own: its values are exported and "
            "imported, but changes to it are not streamed.",
            _CARRY_OVER,
        ),
        begins_with=POSTGRESQL_15,
    ),
)
