"""The table of canonical forms: how a value of each type is compared, decided once per type, with the reason.

Two values are equal exactly when their forms are. A form of the family *typed* is the type's own hash: fast, and used
only where it tells all stored values apart (up to a collision of 64 bits) and means the same on both servers. A form of
the family *text* is a text that is hashed. In the SQL, {v} is the value and {s} a seed that is different for every
column, so that values cannot change places unseen. NULL has a number of its own: see digest.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from voyager.verification.crossing import (
    BINARY,
    MYSQL_BINARY,
    MYSQL_DECIMAL,
    WITHOUT_TRAILING_ZEROS,
)

TYPED, TEXT = "typed", "text"


@dataclass(frozen=True)
class Canonical:
    """One row: types as format_type prints them, without modifiers, and their form.

    `typed` is the hash, for the family typed: NULL of NULL, although an array of a NULL has a hash; `newest` the same
    where both servers are 18 or later. `text` is the text between two servers of PostgreSQL's kind, hashed also where
    their hash functions disagree. `old_floats` takes its place when one server is older than 12 and prints
    floating-point numbers in its own way. `by_value` takes its place when the column's modifiers are not the same on
    both sides. `rounded` is what --float-tolerance compares. `crossing` is the text towards an engine of another kind
    and `mysql` the same text there, for columns of `mysql_types`; without them the type has no counterpart.
    """

    name: str
    types: tuple[str, ...]
    family: str
    why: str
    typed: str = ""
    newest: str = ""
    text: str = "{v}::text"
    old_floats: str = ""
    by_value: str = ""
    rounded: str = ""
    crossing: str = ""
    mysql_types: tuple[str, ...] = ()
    mysql: str = "CAST({v} AS CHAR)"


INT4 = Canonical(
    "int4",
    ("smallint", "integer"),
    TYPED,
    "32 bits go into the hash whole",
    typed="hashint4extended({v}, {s})",
    crossing="{v}::text",
    mysql_types=("tinyint", "smallint", "mediumint", "int", "year"),
)
INT8 = Canonical(
    "int8",
    ("bigint",),
    TYPED,
    "hashint8extended folds a value to 32 bits (1 and 2^32 are one to it), so the value is its own seed, too",
    typed="hashint8extended({v}::bigint, {v}::bigint # {s})",
    crossing="{v}::text",
    mysql_types=("bigint",),
)
FLOAT4 = Canonical(
    "float4",
    ("real",),
    TEXT,
    "hashfloat4 takes 0 and -0 for one; the bits, in hexadecimal, are the value; all NaN are one value",
    text="CASE WHEN {v} = 'NaN' THEN 'NaN' ELSE encode(float4send({v}), 'hex') END",
    rounded="CASE WHEN {v} IN ('NaN', 'Infinity', '-Infinity') THEN {v}::text ELSE {v}::numeric::text END",
    crossing=BINARY,
    mysql_types=("float",),
    mysql=MYSQL_BINARY,
)
FLOAT8 = Canonical(
    "float8",
    ("double precision",),
    TEXT,
    "as float4; rounding goes through numeric, which takes the first 15 digits (6 of a float4) on every version",
    text="CASE WHEN {v} = 'NaN' THEN 'NaN' ELSE encode(float8send({v}), 'hex') END",
    rounded="CASE WHEN {v} IN ('NaN', 'Infinity', '-Infinity') THEN {v}::text ELSE {v}::numeric::text END",
    crossing=BINARY,
    mysql_types=("double",),
    mysql=MYSQL_BINARY,
)
NUMERIC = Canonical(
    "numeric",
    ("numeric",),
    TEXT,
    "hash_numeric takes 1.0 and 1.00 for one, but a copy keeps the scale; where the two columns are declared with "
    "other scales, the value without trailing zeros is compared",
    by_value=WITHOUT_TRAILING_ZEROS,
    crossing=WITHOUT_TRAILING_ZEROS,
    mysql_types=("decimal",),
    mysql=MYSQL_DECIMAL,
)
STRING = Canonical(
    "string",
    ("text", "character varying"),
    TYPED,
    "the bytes, whatever the column's collation; trailing spaces, case and composed characters count",
    typed='hashtextextended({v} COLLATE "C", {s})',
    text="{v}::text",
    crossing="{v}::text",
    mysql_types=("varchar", "tinytext", "text", "mediumtext", "longtext", "set"),
    mysql="CONVERT({v} USING utf8mb4)",
)
BPCHAR = Canonical(
    "bpchar",
    ("character",),
    TEXT,
    "hashbpchar and the cast to text take 'a ' and 'a' for one; the stored characters, blanks too, are compared. "
    "Columns of other lengths, or another engine's, pad by themselves: there, blanks at the end do not count",
    text="textin(bpcharout({v}))",
    by_value="{v}::text",
    crossing="{v}::text",
    mysql_types=("char",),
    mysql="CONVERT({v} USING utf8mb4)",
)
OTHER = Canonical(
    "other",
    (),
    TEXT,
    "what the output function prints; a type that prints two values alike loses the difference in every dump, too",
)
ARRAY = Canonical(
    "array",
    (),
    TEXT,
    "elements, bounds and NULLs as printed; hash_array hashes elements by their type's hash, with its blind spots",
)
FLOAT_ARRAY = Canonical(
    "float array",
    ("real[]", "double precision[]"),
    TEXT,
    "as other arrays; the binary form where one server prints floating-point numbers in its own way",
    old_floats="encode(array_send({v}), 'hex')",
)
ENUM = Canonical(
    "enum",
    (),
    TEXT,
    "the label: hashenum hashes the label's OID, which every database gives anew",
    crossing="{v}::text",
    mysql_types=("enum",),
)
COMPOSITE = Canonical(
    "composite",
    (),
    TEXT,
    "the fields as printed, NULL apart from ''; hash_record has the blind spots of its fields' types",
)
RANGE = Canonical(
    "range",
    (),
    TEXT,
    "bounds and their kinds as printed; discrete ranges are stored in one form, [1,3) for [1,2]; hash_range has the "
    "blind spots of its bounds' type",
)

TABLE = (
    Canonical(
        "bool",
        ("boolean",),
        TYPED,
        "one bit",
        typed="hashint4extended({v}::integer, {s})",
        crossing="{v}::integer::text",
        mysql_types=("tinyint",),
    ),
    INT4,
    INT8,
    FLOAT4,
    FLOAT8,
    NUMERIC,
    Canonical("money", ("money",), TEXT, "as printed in the locale C, whatever the database's"),
    STRING,
    BPCHAR,
    Canonical(
        "char",
        ('"char"',),
        TYPED,
        "one byte; versions print bytes above 127 in other ways, so the number is taken",
        typed="hashint4extended({v}::integer, {s})",
        text="{v}::integer::text",
    ),
    Canonical("citext", ("citext",), TEXT, "equal to the type when only case differs, but a copy keeps the case"),
    Canonical(
        "bytea",
        ("bytea",),
        TYPED,
        "the bytes; before 18 the hash is only reached through an array of one element",
        typed="CASE WHEN {v} IS NOT NULL THEN hash_array_extended(ARRAY[{v}::bytea], {s}) END",
        newest="hashbyteaextended({v}, {s})",
        text="encode({v}, 'hex')",
        crossing="encode({v}, 'hex')",
        mysql_types=("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
        mysql="LOWER(HEX({v}))",
    ),
    Canonical(
        "uuid",
        ("uuid",),
        TYPED,
        "16 bytes go into the hash whole",
        typed="uuid_hash_extended({v}, {s})",
        crossing="{v}::text",
        mysql_types=("uuid",),
    ),
    Canonical(
        "date",
        ("date",),
        TYPED,
        "32 bits go into the hash whole, infinities and years before Christ, too",
        typed="hashint4extended(CASE WHEN isfinite({v}) THEN {v} - '2000-01-01'::date WHEN {v} > '2000-01-01'"
        " THEN 2147483647 WHEN {v} < '2000-01-01' THEN -2147483648 END, {s})",
        newest="hashdateextended({v}, {s})",
        crossing="{v}::text",
        mysql_types=("date",),
    ),
    Canonical(
        "timestamp",
        ("timestamp without time zone",),
        TYPED,
        "timestamp_hash folds to 32 bits like hashint8, so the 8 bytes of the binary form are hashed",
        typed="CASE WHEN {v} IS NOT NULL THEN hash_array_extended(ARRAY[timestamp_send({v})], {s}) END",
        newest="hashbyteaextended(timestamp_send({v}), {s})",
        crossing="to_char({v}, 'YYYY-MM-DD HH24:MI:SS.US')",
        mysql_types=("datetime",),
        mysql="DATE_FORMAT({v}, '%Y-%m-%d %H:%i:%s.%f')",
    ),
    Canonical(
        "timestamptz",
        ("timestamp with time zone",),
        TYPED,
        "an instant, stored without its zone: 12:00+01 and 11:00+00 are one value; hashed as timestamp",
        typed="CASE WHEN {v} IS NOT NULL THEN hash_array_extended(ARRAY[timestamptz_send({v})], {s}) END",
        newest="hashbyteaextended(timestamptz_send({v}), {s})",
        crossing="to_char({v} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
        mysql_types=("timestamp",),
        mysql="DATE_FORMAT({v}, '%Y-%m-%d %H:%i:%s.%f')",
    ),
    Canonical(
        "time",
        ("time without time zone",),
        TEXT,
        "time_hash folds to 32 bits; 24:00 is not 00:00",
        crossing="to_char({v}, 'HH24:MI:SS.US')",
        mysql_types=("time",),
        mysql="TIME_FORMAT({v}, '%H:%i:%s.%f')",
    ),
    Canonical("timetz", ("time with time zone",), TEXT, "the zone is stored: 12:00+01 is not 11:00+00"),
    Canonical(
        "interval",
        ("interval",),
        TEXT,
        "interval_hash takes 24 hours and 1 day, 30 days and 1 month for one; a copy does not",
    ),
    Canonical(
        "json",
        ("json",),
        TEXT,
        "the text as it was written, blanks and the order of keys with it",
        crossing="{v}::text",
        mysql_types=("longtext",),
        mysql="CONVERT({v} USING utf8mb4)",
    ),
    Canonical(
        "jsonb",
        ("jsonb",),
        TEXT,
        "as printed: keys are stored in one order, the last of equal ones stays; jsonb_hash takes 1.0 and 1.00 for "
        "one. Other engines print keys and numbers otherwise",
    ),
    Canonical(
        "bit",
        ("bit", "bit varying"),
        TEXT,
        "the digits: 101 is not 1010",
        crossing="ltrim({v}::text, '0')",
        mysql_types=("bit",),
        mysql="TRIM(LEADING '0' FROM BIN({v} + 0))",
    ),
    Canonical(
        "geometric",
        ("point", "line", "lseg", "box", "path", "polygon", "circle"),
        TEXT,
        "coordinates as exact floating-point numbers: -0 is not 0",
    ),
    Canonical(
        "xml",
        ("xml",),
        TEXT,
        "as printed: a cast to text keeps a declaration that says only version 1.0, and no dump carries it",
        text="textin(xml_out({v}))",
    ),
    FLOAT_ARRAY,
    Canonical("hstore", ("hstore",), TEXT, "keys are stored in one order; NULL is not 'NULL'"),
    ENUM,
    ARRAY,
    COMPOSITE,
    RANGE,
    OTHER,
)
"""A newcomer's tour: numbers, characters, bytes, time, documents, and then what is built from other types."""
