"""Issues of MySQL's columns: types that the target has not; values, defaults and expressions that need a thought."""

from __future__ import annotations

from voyager.schema.issues.issue import CAVEATS, DATATYPES, FEATURES, Issue

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/reference/datatype-mapping-mysql/"


def _row(id: str, name: str, impact: int, *, says: str, advice: str, category: str = CAVEATS) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_BLOB_ADVICE = "Nothing, but look at the largest value: rows of more than a few megabytes are slow in YugabyteDB."

_BLOBS = tuple(
    _row(
        name,
        name,
        1,
        says=f"The column is a {name}. It becomes bytea, and its values are migrated; yb-voyager leaves them out.",
        advice=_BLOB_ADVICE,
    )
    for name in ("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB")
)
"""Ids of yb-voyager, which cannot export such values. They are migrated here, so that these are for information."""

_TYPES = (
    _row(
        "MYSQL_BIGINT_UNSIGNED",
        "BIGINT UNSIGNED",
        1,
        says="BIGINT UNSIGNED holds values up to 18446744073709551615; bigint holds half of them.",
        advice="Where the largest value is below 2^63, use bigint, in the columns that refer to it as well; otherwise "
        "numeric(20,0), which is larger and slower and cannot be an identity column.",
    ),
    _row(
        "MYSQL_TINYINT1",
        "TINYINT(1)",
        1,
        says="TINYINT(1) is written for true and false, but holds any number of one byte.",
        advice="It stays a number. Where only 0 and 1 occur it can become boolean; then `WHERE flag = 1` in "
        "applications has to become `WHERE flag`.",
    ),
    _row(
        "MYSQL_ZEROFILL",
        "ZEROFILL",
        2,
        says="The column is ZEROFILL: MySQL pads its numbers with zeros whenever they are shown.",
        advice="Pad in the application, or with lpad(column::text, width, '0') in the query.",
    ),
    _row(
        "MYSQL_FLOAT_WITH_SCALE",
        "FLOAT(m,d)",
        1,
        says="The column declares decimals of a floating-point number; MySQL rounds to them, the target does not.",
        advice="Use numeric(m,d) where the rounded value is what counts.",
    ),
    _row(
        "MYSQL_BIT",
        "BIT",
        2,
        says="BIT values are numbers in MySQL and strings of bits (or, of one bit, true and false) on the target.",
        advice="Change expressions such as `flags & 4` and `flags + 0`, and how the driver binds the value.",
    ),
    _row(
        "MYSQL_YEAR",
        "YEAR",
        1,
        says="YEAR becomes smallint, which takes any small number, and 0000 stays 0.",
        advice="Add a CHECK where only years may be stored.",
    ),
    _row(
        "MYSQL_TIME",
        "TIME beyond a day",
        1,
        says="TIME holds -838:59:59 to 838:59:59 in MySQL; time of the target ends at 24:00:00.",
        advice="Look at the smallest and largest value. Where it is a duration use interval, which cannot be a key and "
        "has no index in YugabyteDB, or seconds as a number.",
    ),
    _row(
        "MYSQL_ENUM",
        "ENUM",
        1,
        says="The ENUM becomes a type of its own. MySQL's number of a label and '' for invalid values do not exist "
        "there.",
        advice="Change `column + 0` and comparisons with numbers; decide what becomes of rows that hold ''. A label is "
        "added by ALTER TYPE … ADD VALUE.",
    ),
    _row(
        "MYSQL_ENUM_LABEL_TOO_LONG",
        "ENUM label of more than 63 bytes",
        1,
        says="A label of the ENUM is longer than the 63 bytes that an enum type takes.",
        advice="The column becomes text with a CHECK of its labels; shorten the label to keep a type.",
        category=DATATYPES,
    ),
    _row(
        "MYSQL_ENUM_TYPE_NAME",
        "Name of an ENUM's type is taken",
        1,
        says="The type that the ENUM needs would have the name of a table or of another type.",
        advice="The type is made under another name; use it where the application names the type.",
    ),
    _row(
        "MYSQL_SET",
        "SET",
        2,
        says="The target has no SET. The column becomes an array of text, or text with commas where it is indexed.",
        advice="FIND_IN_SET('a', c) becomes 'a' = ANY (c); the sum of a SET's numbers does not exist. A table of its "
        "own is often the better shape.",
        category=DATATYPES,
    ),
    _row(
        "MYSQL_JSON",
        "JSON",
        2,
        says="JSON becomes jsonb: equal keys collapse into the last, \\u0000 is refused, and operators have other "
        "meanings.",
        advice="Rewrite JSON functions: column->>'$.a.b' becomes column #>> '{a,b}'. Where text must stay as it is, "
        "use "
        "json or text.",
    ),
    _row(
        "MYSQL_SPATIAL_TYPE",
        "Spatial type",
        3,
        says="The column is of a spatial type; YugabyteDB has neither PostGIS nor an index for it.",
        advice="Keep the value as WKB in bytea, or coordinates in columns, and search it in the application or another "
        "store.",
        category=DATATYPES,
    ),
    _row(
        "MYSQL_VECTOR",
        "VECTOR",
        2,
        says="VECTOR becomes the type vector of the extension pgvector.",
        advice="Create the extension first; distance functions become operators, and the index is made anew.",
    ),
    _row(
        "MYSQL_INET",
        "INET4 or INET6 in an index",
        1,
        says="The address is in an index; inet cannot be indexed in YugabyteDB.",
        advice="It becomes text, which sorts by characters instead of by address.",
    ),
    _row(
        "MYSQL_BINARY_16",
        "BINARY(16), perhaps a UUID",
        1,
        says="Sixteen bytes are often a UUID; they become bytea.",
        advice="Where it is one, uuid is easier to use. UUID_TO_BIN(x, 1) has swapped its parts: swap them back.",
    ),
    _row(
        "MYSQL_LONG_VALUE",
        "Values of up to 4 GB",
        1,
        says="The column takes values of up to 4 GB; YugabyteDB takes rows of about 32 MB at most.",
        advice="Look at the largest value. Larger ones belong into an object store, with the address in the row.",
    ),
    _row(
        "MYSQL_UNKNOWN_TYPE",
        "Unknown type",
        3,
        says="The column is of a type that is not known here; it becomes text.",
        advice="Choose a type for it, and look at how its values are written as text.",
        category=DATATYPES,
    ),
)

_VALUES = (
    _row(
        "MYSQL_ZERO_DATE_DEFAULT",
        "Default 0000-00-00",
        1,
        says="The default is a date that does not exist; the target refuses it.",
        advice="Drop the default, or give NULL or a real date in its place, and change the application that looks "
        "for it.",
    ),
    _row(
        "MYSQL_ZERO_DATE",
        "Dates that do not exist",
        1,
        says="The server's SQL mode lets 0000-00-00 or 2024-00-15 into the column; the target refuses both.",
        advice="Count such values. They become NULL unless told otherwise, which a NOT NULL column does not take.",
    ),
    _row(
        "MYSQL_ON_UPDATE_TIMESTAMP",
        "ON UPDATE CURRENT_TIMESTAMP",
        1,
        says="MySQL sets the column whenever the row changes; the target has no such clause.",
        advice="A BEFORE UPDATE trigger does it. It must not run while data is loaded or replayed.",
        category=FEATURES,
    ),
    _row(
        "MYSQL_EXPRESSION_DEFAULT",
        "Default that is an expression",
        1,
        says="The default is an expression in MySQL's SQL.",
        advice="Write it for PostgreSQL; uuid() becomes gen_random_uuid().",
    ),
    _row(
        "MYSQL_VIRTUAL_COLUMN",
        "Virtual generated column",
        1,
        says="The column is computed when it is read; the target knows stored generated columns only.",
        advice="It becomes a stored one, which takes space, or a column of a view.",
    ),
    _row(
        "MYSQL_GENERATION_EXPRESSION",
        "Generation expression",
        1,
        says="The column is generated by an expression that PostgreSQL lacks, or does not take as immutable.",
        advice="Write the expression with immutable functions of PostgreSQL, or fill the column by a trigger.",
        category=FEATURES,
    ),
    _row(
        "MYSQL_GENERATED_FROM_GENERATED",
        "Generated column that reads another",
        1,
        says="The column is generated from another generated column, which PostgreSQL refuses.",
        advice="Put the other column's expression in its place.",
        category=FEATURES,
    ),
    _row(
        "MYSQL_INVISIBLE_COLUMN",
        "Invisible column",
        2,
        says="SELECT * leaves the column out in MySQL; on the target every column is visible.",
        advice="Name the columns in SELECT and INSERT of the application.",
    ),
    _row(
        "MYSQL_LEGACY_CHARSET",
        "Character set other than UTF-8",
        1,
        says="The table has columns in a character set other than UTF-8; their values are converted.",
        advice="Look at values beyond ASCII first: where an application wrote UTF-8 over a connection that said "
        "latin1, "
        "they come out garbled, and have to be read as the bytes they are.",
    ),
)

ROWS: tuple[Issue, ...] = (*_BLOBS, *_TYPES, *_VALUES)
