"""Issues of Oracle's data types: the 23 that the target has not, and those whose values need a thought."""

from __future__ import annotations

from collections.abc import Mapping

from voyager.schema.issues.issue import CAVEATS, DATATYPES, Issue
from voyager.sources.oracle.types import UNSUPPORTED

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/reference/datatype-mapping-oracle/"

_ADVICE: Mapping[str, str] = {
    "BLOB": "Use bytea and move the bytes; keep values of more than a few megabytes outside the database.",
    "CLOB": "Use text and move the value; keep documents of more than a few megabytes outside the database.",
    "NCLOB": "Use text; the target's UTF-8 holds what the national character set holds.",
    "BFILE": "Keep directory and name of the file as text, and move the files to a store that applications reach.",
    "URITYPE": "Keep the address as text.",
    "XMLTYPE": "Keep the document as text, or its content in columns or jsonb; XML functions move to the application.",
    "ROWID": "Drop the column, or keep a primary key in its place: addresses of rows mean nothing after a migration.",
    "UROWID": "Drop the column, or keep a primary key in its place: addresses of rows mean nothing after a migration.",
    "JSON": "Use jsonb; it keeps neither the order of keys nor duplicate ones.",
    "AnyData": "Find out which types the values have, and give each a column, or keep them as jsonb.",
    "AnyType": "Find out what the descriptions are used for, and keep them as text or jsonb.",
    "AnyDataSet": "Find out which types the values have, and keep them in a table of their own.",
}
_SPATIAL = "Keep the shape as WKB (bytea) or WKT (text) and search it in the application; YugabyteDB has no PostGIS."


def _row(id: str, name: str, impact: int, says: str, advice: str, category: str = CAVEATS) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


ROWS: tuple[Issue, ...] = (
    *(
        _row(
            name,
            name,
            3,
            f"The column is of Oracle's type {name}, which the target does not have.",
            _ADVICE.get(name, _SPATIAL),
            DATATYPES,
        )
        for name in UNSUPPORTED
    ),
    _row(
        "ORACLE_NUMBER_WITHOUT_PRECISION",
        "NUMBER without a precision",
        1,
        "The column is NUMBER without precision and scale; numeric holds every value, but is larger and slower.",
        "Where all values are whole numbers of at most 18 digits, use bigint, in the columns that refer to it as well.",
    ),
    _row(
        "ORACLE_NUMBER_SCALE",
        "NUMBER with an unusual scale",
        1,
        "The scale is negative or larger than the precision; numeric takes that only on PostgreSQL 15 and later.",
        "On a release of YugabyteDB before 2025.1, use a numeric wide enough, with a CHECK for the rounding.",
    ),
    _row(
        "ORACLE_FLOAT_IS_DECIMAL",
        "FLOAT is a decimal number",
        1,
        "FLOAT of more than 53 bits is a decimal number; double precision would change its values.",
        "Use numeric; take double precision only where the application reads the values as doubles anyway.",
    ),
    _row(
        "ORACLE_DATE_HAS_TIME",
        "DATE has a time of day",
        2,
        "DATE of Oracle holds hours, minutes and seconds; it becomes timestamp(0).",
        "Where every value is midnight, date is enough. Code that adds days as numbers has to add intervals.",
    ),
    _row(
        "ORACLE_TIMESTAMP_NANOSECONDS",
        "More than six digits of a second",
        2,
        "The column keeps seven to nine digits of a second; the target keeps six, and rounds.",
        "Make sure that no key and no comparison needs the digits that are lost; else keep them in a second column.",
    ),
    _row(
        "ORACLE_TIMESTAMP_TIME_ZONE",
        "The time zone of a value is lost",
        2,
        "TIMESTAMP WITH TIME ZONE keeps the zone it was written in; timestamptz keeps the instant only.",
        "Keep the zone in a column of its own where the application shows or needs it.",
    ),
    _row(
        "ORACLE_TIMESTAMP_LOCAL_TIME_ZONE",
        "Shown in the zone of the session",
        1,
        "TIMESTAMP WITH LOCAL TIME ZONE is shown in the session's time zone, and so is timestamptz.",
        "Set TimeZone on the target as the sessions of the application do in Oracle.",
    ),
    _row(
        "ORACLE_LONG",
        "LONG or LONG RAW",
        2,
        "LONG columns can be neither searched nor compared in Oracle, and are read piece by piece.",
        "Use text or bytea; test how long it takes to read the rows with the longest values.",
    ),
    _row(
        "ORACLE_RAW_AS_UUID",
        "RAW(16) filled by SYS_GUID()",
        1,
        "The column holds identifiers that SYS_GUID() made; on the target it is a uuid.",
        "Compare and show identifiers as uuid in the application; the text form has dashes and small letters.",
    ),
    _row(
        "ORACLE_NATIONAL_CHARACTERS",
        "National character set",
        1,
        "NCHAR and NVARCHAR2 count UTF-16 units; the target counts characters.",
        "Use varchar or char of the same length; nothing is cut, and N'…' literals become plain ones.",
    ),
    _row(
        "ORACLE_CHAR_PADDING",
        "CHAR is padded with blanks",
        2,
        "Comparing CHAR with VARCHAR2 counts trailing blanks in Oracle; char(n) of the target ignores them.",
        "Use varchar with the blanks cut off, unless the application relies on the padding.",
    ),
    _row(
        "ORACLE_OBJECT_COLUMN",
        "Column of an object type",
        3,
        "The column holds objects of a type of the schema's own.",
        "Use a composite type without methods, columns in their place, or jsonb; attributes are reached otherwise.",
        DATATYPES,
    ),
    _row(
        "ORACLE_COLLECTION_COLUMN",
        "VARRAY or nested table",
        3,
        "The column holds a collection.",
        "Use an array, jsonb, or a table of its own for the elements; queries with TABLE(…) have to be rewritten.",
        DATATYPES,
    ),
    _row(
        "ORACLE_REF_COLUMN",
        "Reference to an object",
        3,
        "The column refers to a row of an object table by its identifier.",
        "Give the object table a key, and refer to it with a foreign key.",
        DATATYPES,
    ),
    _row(
        "ORACLE_SPATIAL_TYPE",
        "Spatial type",
        3,
        "The column holds shapes, and YugabyteDB has no PostGIS.",
        _SPATIAL,
        DATATYPES,
    ),
    _row(
        "ORACLE_VECTOR",
        "Vector",
        2,
        "The column holds vectors.",
        "Use vector(n) of the extension pgvector, and create its indexes anew.",
        DATATYPES,
    ),
    _row(
        "ORACLE_UNKNOWN_TYPE",
        "Type that is not known",
        3,
        "Nothing is known of the column's type.",
        "Decide what the column becomes on the target before the schema is created.",
        DATATYPES,
    ),
)
