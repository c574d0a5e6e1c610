"""target_type(): what a column of Oracle becomes on the target, and which issues that raises; data first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Issues of types that the target cannot hold as they are: the existing tool reports each under the type's own name.
UNSUPPORTED = (
    "BLOB", "CLOB", "NCLOB", "BFILE", "URITYPE", "XMLTYPE", "AnyData", "AnyType", "AnyDataSet", "ROWID", "UROWID",
    "SDO_GEOMETRY", "SDO_POINT_TYPE", "SDO_ELEM_INFO_ARRAY", "SDO_ORDINATE_ARRAY", "SDO_GTYPE", "SDO_SRID", "SDO_POINT",
    "SDO_ORDINATES", "SDO_DIM_ARRAY", "SDO_ORGSCL_TYPE", "SDO_STRING_ARRAY", "JSON",
)  # fmt: skip
_UNSUPPORTED = {name.upper() for name in UNSUPPORTED}

LARGEST_BIGINT = 9223372036854775807
SERVER_OWNERS = frozenset(
    {"SYS", "PUBLIC", "SYSTEM", "MDSYS", "XDB", "CTXSYS", "ORDSYS", "ORDDATA", "OLAPSYS", "WMSYS"}
)
"""Users that come with every database; their types and packages are Oracle's own."""


@dataclass(frozen=True)
class ColumnFacts:
    """What the dictionary tells of a column. `owner` is that of a type which is none of Oracle's own; `collection` says
    that it is a VARRAY or a nested table, with elements of `element`."""

    data_type: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    char_length: int | None = None
    in_characters: bool = False
    owner: str = ""
    default: str = ""
    holds_json: bool = False
    identity: bool = False
    collection: bool = False
    element: str = ""


@dataclass(frozen=True)
class TargetType:
    """The type on the target as SQL. `notes` are sentences; `issues` the ids of what has to be looked at."""

    sql: str
    notes: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()


Rule = Callable[[ColumnFacts], TargetType]


def target_type(facts: ColumnFacts) -> TargetType:
    """The type that holds every value of the column; the issue ORACLE_UNKNOWN_TYPE where nothing is known of it."""
    name = base_name(facts.data_type)
    if facts.holds_json and name in _MAY_HOLD_JSON:
        return TargetType("jsonb", ("The JSON is kept as jsonb: key order and duplicate keys are lost.",), _own(name))
    rule = RULES.get(name)
    if rule is not None:
        found = rule if isinstance(rule, TargetType) else rule(facts)
        return TargetType(found.sql, found.notes, (*_own(name), *found.issues))
    if facts.owner and facts.owner not in SERVER_OWNERS:
        return _own_type(facts, name)
    if name in _UNSUPPORTED:
        return TargetType("text", ("Its values are not migrated.",), _own(name))
    if name.startswith(("SDO_", "ST_")) and facts.owner in SERVER_OWNERS:
        return TargetType("bytea", ("The shape is kept as WKB.",), ("ORACLE_SPATIAL_TYPE",))
    return TargetType("text", (), ("ORACLE_UNKNOWN_TYPE",))


def base_name(data_type: str) -> str:
    """`TIMESTAMP(6) WITH TIME ZONE` -> `TIMESTAMP WITH TIME ZONE`."""
    return " ".join(re.sub(r"\([^)]*\)", "", data_type).upper().split())


def digits(data_type: str, default: int) -> int:
    """The last number in brackets: `INTERVAL DAY(2) TO SECOND(9)` -> 9."""
    found = re.findall(r"\((\d+)\)", data_type)
    return int(found[-1]) if found else default


def _own(name: str) -> tuple[str, ...]:
    return (name,) if name in _UNSUPPORTED else ()


def _fixed(sql: str, *notes: str, issues: tuple[str, ...] = ()) -> TargetType:
    return TargetType(sql, notes, issues)


def _number(facts: ColumnFacts) -> TargetType:
    precision, scale = facts.precision, facts.scale
    if facts.identity and (precision is None or precision > 18) and not scale:
        return TargetType("bigint", ("An identity column needs an integer type.",))
    if precision is None and scale is None:
        return TargetType("numeric", (), ("ORACLE_NUMBER_WITHOUT_PRECISION",))
    precision = 38 if precision is None else precision
    scale = scale or 0
    if scale == 0:
        return TargetType(_integer(precision))
    odd = ("ORACLE_NUMBER_SCALE",) if scale < 0 or scale > precision else ()
    return TargetType(f"numeric({precision},{scale})", (), odd)


def _integer(precision: int) -> str:
    """The smallest type that holds every number of so many digits; 19 digits overflow bigint."""
    for most, sql in ((4, "smallint"), (9, "integer"), (18, "bigint")):
        if precision <= most:
            return sql
    return f"numeric({precision},0)"


def _float(facts: ColumnFacts) -> TargetType:
    """FLOAT is a decimal number with a precision in bits: a double would change its values."""
    if (facts.precision or 126) > 53:
        return TargetType("numeric", (), ("ORACLE_FLOAT_IS_DECIMAL",))
    return TargetType("double precision", ("Its digits fit a double.",))


def _varchar(facts: ColumnFacts) -> TargetType:
    return TargetType(f"varchar({_characters(facts)})")


def _char(facts: ColumnFacts) -> TargetType:
    characters = _characters(facts)
    return TargetType(f"char({characters})", (), ("ORACLE_CHAR_PADDING",) if characters > 1 else ())


def _national(sql: str) -> Rule:
    return lambda facts: TargetType(
        f"{sql}({facts.char_length or facts.length or 1})", (), ("ORACLE_NATIONAL_CHARACTERS",)
    )


def _characters(facts: ColumnFacts) -> int:
    """A length in bytes holds at most so many characters, so it is kept as it is."""
    return (facts.char_length if facts.in_characters else facts.length) or facts.char_length or 1


def _raw(facts: ColumnFacts) -> TargetType:
    if facts.length == 16 and "SYS_GUID" in facts.default.upper():
        return TargetType("uuid", ("SYS_GUID() becomes gen_random_uuid().",), ("ORACLE_RAW_AS_UUID",))
    return TargetType("bytea")


def _timestamp(sql: str, *issues: str) -> Rule:
    def rule(facts: ColumnFacts) -> TargetType:
        kept = digits(facts.data_type, 6)
        finer = ("ORACLE_TIMESTAMP_NANOSECONDS",) if kept > 6 else ()
        return TargetType(f"{sql}({min(kept, 6)})", (), (*issues, *finer))

    return rule


def _day_interval(facts: ColumnFacts) -> TargetType:
    kept = digits(facts.data_type, 6) if re.search(r"SECOND\(", facts.data_type.upper()) else 6
    finer = ("ORACLE_TIMESTAMP_NANOSECONDS",) if kept > 6 else ()
    return TargetType(f"interval day to second({min(kept, 6)})", (), finer)


def _own_type(facts: ColumnFacts, name: str) -> TargetType:
    if name.startswith("REF"):
        return TargetType("text", ("A reference to an object has no equal.",), ("ORACLE_REF_COLUMN",))
    if facts.collection:
        element = facts.element or "text"
        return TargetType(f"{element}[]", ("An array keeps the elements in order.",), ("ORACLE_COLLECTION_COLUMN",))
    made = f"{facts.owner.lower()}.{name.lower()}"
    return TargetType(made, ("A composite type, or jsonb.",), ("ORACLE_OBJECT_COLUMN",))


_MAY_HOLD_JSON = frozenset({"CLOB", "NCLOB", "BLOB", "VARCHAR2", "JSON", "LONG"})
_URI = _fixed("text", "The address is kept as text.", issues=("ORACLE_URITYPE",))

RULES: Mapping[str, Rule | TargetType] = {
    "NUMBER": _number,
    "FLOAT": _float,
    "BINARY_FLOAT": _fixed("real"),
    "BINARY_DOUBLE": _fixed("double precision"),
    "BOOLEAN": _fixed("boolean"),
    "VARCHAR2": _varchar,
    "VARCHAR": _varchar,
    "CHAR": _char,
    "NVARCHAR2": _national("varchar"),
    "NCHAR": _national("char"),
    "CLOB": _fixed("text", "A value over 1 GB cannot be stored; large rows are slow on YugabyteDB."),
    "NCLOB": _fixed("text", "A value over 1 GB cannot be stored; large rows are slow on YugabyteDB."),
    "BLOB": _fixed("bytea", "A value over 1 GB cannot be stored; large rows are slow on YugabyteDB."),
    "BFILE": _fixed("text", "The file lies on the server's disk; its directory and name are kept as text."),
    "RAW": _raw,
    "LONG": _fixed("text", issues=("ORACLE_LONG",)),
    "LONG RAW": _fixed("bytea", issues=("ORACLE_LONG",)),
    "DATE": _fixed("timestamp(0)", issues=("ORACLE_DATE_HAS_TIME",)),
    "TIMESTAMP": _timestamp("timestamp"),
    "TIMESTAMP WITH TIME ZONE": _timestamp("timestamptz", "ORACLE_TIMESTAMP_TIME_ZONE"),
    "TIMESTAMP WITH LOCAL TIME ZONE": _timestamp("timestamptz", "ORACLE_TIMESTAMP_LOCAL_TIME_ZONE"),
    "INTERVAL YEAR TO MONTH": _fixed("interval year to month"),
    "INTERVAL DAY TO SECOND": _day_interval,
    "ROWID": _fixed("text", "The address of a row means nothing after a migration."),
    "UROWID": _fixed("text", "The address of a row means nothing after a migration."),
    "XMLTYPE": _fixed("text", "YugabyteDB has no xml type; the document is kept as text."),
    "JSON": _fixed("jsonb", "Key order and duplicate keys are lost."),
    "SDO_GEOMETRY": _fixed("bytea", "The shape is kept as WKB; YugabyteDB has no PostGIS."),
    "VECTOR": _fixed("vector", issues=("ORACLE_VECTOR",)),
    "URITYPE": _fixed("text", "The address is kept as text."),
    "HTTPURITYPE": _URI,
    "DBURITYPE": _URI,
    "XDBURITYPE": _URI,
}
"""Type without its numbers -> what becomes of it."""

NOT_INDEXABLE = ("interval", "jsonb", "vector", "[]")
"""How the target's types begin or end that YugabyteDB takes in no key and no ordinary index."""


def indexable(sql: str) -> bool:
    """Whether a column of this target type can be in a key or an index on YugabyteDB (a composite type cannot)."""
    return not sql.startswith(NOT_INDEXABLE) and not sql.endswith("[]") and "." not in sql.split("(")[0]
