"""Which type of the target a MySQL type becomes: a table of rules, pure; assessment and schema export both use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from voyager.identifiers import Identifier
from voyager.sources.mysql.columns import SPATIAL, ColumnFacts

LONGEST_LABEL = 63
"""Bytes: PostgreSQL takes no longer label of an enum, and no longer name."""
LARGEST_BIGINT = 2**63 - 1

BIGINT_UNSIGNED, TINYINT1, ZEROFILL = "MYSQL_BIGINT_UNSIGNED", "MYSQL_TINYINT1", "MYSQL_ZEROFILL"
FLOAT_SCALE, BIT, YEAR, TIME = "MYSQL_FLOAT_WITH_SCALE", "MYSQL_BIT", "MYSQL_YEAR", "MYSQL_TIME"
ENUM, ENUM_LABEL, SET, JSON = "MYSQL_ENUM", "MYSQL_ENUM_LABEL_TOO_LONG", "MYSQL_SET", "MYSQL_JSON"
SPATIAL_TYPE, VECTOR, INET = "MYSQL_SPATIAL_TYPE", "MYSQL_VECTOR", "MYSQL_INET"
BINARY_16, LONG_VALUE, UNKNOWN = "MYSQL_BINARY_16", "MYSQL_LONG_VALUE", "MYSQL_UNKNOWN_TYPE"


@dataclass(frozen=True)
class Use:
    """What a column is used for: `keyed` in a primary, unique or foreign key, `indexed` in any index, keys too."""

    keyed: bool = False
    indexed: bool = False


@dataclass(frozen=True)
class Proof:
    """What is known of a column's values; None is "not looked at"."""

    zero_or_one: bool | None = None
    fits_bigint: bool | None = None
    within_a_day: bool | None = None


@dataclass(frozen=True)
class TargetType:
    """`sql` is the type as DDL. `notes` say what the change means, `issues` are ids of the catalogue. `labels` are
    those of an enum type that has to be created first."""

    sql: str
    notes: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """Without length or precision: what two columns of a foreign key have to agree in."""
        return re.sub(r"\(.*?\)", "", self.sql)


@dataclass(frozen=True)
class Rule:
    """One row of the table. {length}, {precision}, {scale} and {fraction} are the column's own; `choose` decides where
    the type alone does not."""

    signed: str
    unsigned: str = ""
    note: str = ""
    issues: tuple[str, ...] = ()
    choose: Callable[[ColumnFacts, Use, Proof], TargetType] | None = None


def target_type(column: ColumnFacts, *, use: Use | None = None, proof: Proof | None = None) -> TargetType:
    """The type of the target for one column. Without proof the choice is one that no value can break, but for TIME."""
    rule = RULES.get(column.data_type)
    if rule is None:
        note = f"{column.column_type or column.data_type} has no known counterpart; its values travel as text."
        return TargetType("text", (note,), (UNKNOWN,))
    found = rule.choose(column, use or Use(), proof or Proof()) if rule.choose else _plain(rule, column)
    if not column.zerofill:
        return found
    note = "ZEROFILL pads with zeros when shown; the target gives the bare number."
    return replace(found, notes=(*found.notes, note), issues=(*found.issues, ZEROFILL))


def _plain(rule: Rule, column: ColumnFacts) -> TargetType:
    template = rule.unsigned if rule.unsigned and column.unsigned else rule.signed
    sql = template.format(
        length=column.length, precision=column.precision, scale=column.scale or 0, fraction=column.fraction
    )
    return TargetType(sql, (rule.note,) if rule.note else (), rule.issues)


def _tinyint(column: ColumnFacts, _: Use, proof: Proof) -> TargetType:
    if not column.column_type.lower().startswith("tinyint(1)") or column.unsigned:
        return TargetType("smallint")
    if proof.zero_or_one:
        return TargetType("boolean", ("Holds 0 and 1 only; `WHERE flag = 1` becomes `WHERE flag`.",), (TINYINT1,))
    return TargetType("smallint", ("Any number of one byte can be in it, so it stays a number.",), (TINYINT1,))


def _bigint(column: ColumnFacts, _: Use, proof: Proof) -> TargetType:
    if not column.unsigned:
        return TargetType("bigint")
    if proof.fits_bigint or (column.auto_increment and proof.fits_bigint is None):
        return TargetType("bigint", ("Values above 9223372036854775807 do not fit.",), (BIGINT_UNSIGNED,))
    note = "Values up to 18446744073709551615 are possible; bigint once they are known to be below 2^63."
    return TargetType("numeric(20,0)", (note,), (BIGINT_UNSIGNED,))


def _float(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    sql = "real" if column.data_type == "float" else "double precision"
    if column.scale is None:
        return TargetType(sql)
    note = f"The declared {column.scale} decimals are not kept: the target neither rounds nor pads."
    return TargetType(sql, (note,), (FLOAT_SCALE,))


def _bit(column: ColumnFacts, use: Use, __: Proof) -> TargetType:
    width = column.precision or 1
    if width == 1:
        return TargetType("boolean", ("One bit is true or false.",), (BIT,))
    if use.indexed and width <= 63:
        return TargetType("bigint", ("Bit strings cannot be indexed in YugabyteDB, so it becomes a number.",), (BIT,))
    return TargetType(f"bit({width})", ("A bit string is no number: `col + 0` becomes `col::bigint`.",), (BIT,))


def _time(column: ColumnFacts, _: Use, proof: Proof) -> TargetType:
    if proof.within_a_day is False:
        note = "Holds times below 00:00 or above 24:00; an interval cannot be indexed in YugabyteDB."
        return TargetType("interval", (note,), (TIME,))
    note = "Fits as long as no value is negative or above 24:00; MySQL allows -838:59:59 to 838:59:59."
    return TargetType(f"time({column.fraction})", (note,), () if proof.within_a_day else (TIME,))


def _characters(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    # MySQL has CHAR(0), PostgreSQL has not.
    if not column.length:
        return TargetType("text")
    note = ("Blanks at the end, which MySQL strips when reading, do not come back.",) * (column.data_type == "char")
    return TargetType(f"varchar({column.length})", note)


def _text(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    if column.json:
        return _json(column, _, __)
    return TargetType("text", (), (LONG_VALUE,) if column.data_type == "longtext" else ())


def _json(_: ColumnFacts, __: Use, ___: Proof) -> TargetType:
    note = "jsonb keeps the last of equal keys, reorders keys and refuses \\u0000."
    return TargetType("jsonb", (note,), (JSON,))


def _bytes(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    if column.data_type == "binary" and column.length == 16:
        note = "Sixteen bytes may be a UUID; uuid is shorter to write, unless UUID_TO_BIN swapped the parts."
        return TargetType("bytea", (note,), (BINARY_16,))
    if column.data_type.endswith("blob"):
        long = (LONG_VALUE,) if column.data_type == "longblob" else ()
        return TargetType("bytea", ("The data is migrated.",), (column.data_type.upper(), *long))
    return TargetType("bytea")


def _enum(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    if any(len(member.encode()) > LONGEST_LABEL for member in column.members):
        note = f"A label is longer than {LONGEST_LABEL} bytes, so it becomes text with a CHECK."
        return TargetType("text", (note,), (ENUM_LABEL,))
    name = Identifier(f"{column.table}_{column.name}")
    note = "Becomes a type of its own; '' of rows that were invalid, and the label's number, are lost."
    return TargetType(f"{Identifier(column.schema).sql}.{name.sql}", (note,), (ENUM,), column.members)


def _set(_: ColumnFacts, use: Use, __: Proof) -> TargetType:
    if use.indexed:
        return TargetType("text", ("Arrays cannot be indexed in YugabyteDB: a list with commas.",), (SET,))
    return TargetType("text[]", ("An array of labels; FIND_IN_SET becomes = ANY.",), (SET,))


def _spatial(_: ColumnFacts, __: Use, ___: Proof) -> TargetType:
    return TargetType("bytea", ("YugabyteDB has no PostGIS; the value is kept as WKB.",), (SPATIAL_TYPE,))


def _vector(column: ColumnFacts, _: Use, __: Proof) -> TargetType:
    size = re.search(r"\(\d+\)", column.column_type)
    return TargetType(f"vector{size[0] if size else ''}", ("Needs the extension vector.",), (VECTOR,))


def _inet(_: ColumnFacts, use: Use, __: Proof) -> TargetType:
    if use.indexed:
        return TargetType("text", ("inet cannot be indexed in YugabyteDB.",), (INET,))
    return TargetType("inet")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "tinyint": Rule("smallint", choose=_tinyint),
        "smallint": Rule("smallint", "integer"),
        "mediumint": Rule("integer"),
        "int": Rule("integer", "bigint"),
        "bigint": Rule("bigint", "numeric(20,0)", choose=_bigint),
        "decimal": Rule("numeric({precision},{scale})"),
        "float": Rule("real", choose=_float),
        "double": Rule("double precision", choose=_float),
        "bit": Rule("bit({precision})", choose=_bit),
        "year": Rule("smallint", note="0000 is a value of YEAR.", issues=(YEAR,)),
        "date": Rule("date"),
        "datetime": Rule("timestamp({fraction})"),
        "timestamp": Rule("timestamptz({fraction})", note="Stored in UTC on both sides."),
        "time": Rule("time({fraction})", choose=_time),
        "char": Rule("varchar({length})", choose=_characters),
        "varchar": Rule("varchar({length})", choose=_characters),
        "tinytext": Rule("text"),
        "text": Rule("text"),
        "mediumtext": Rule("text"),
        "longtext": Rule("text", choose=_text),
        "binary": Rule("bytea", choose=_bytes),
        "varbinary": Rule("bytea"),
        "tinyblob": Rule("bytea", choose=_bytes),
        "blob": Rule("bytea", choose=_bytes),
        "mediumblob": Rule("bytea", choose=_bytes),
        "longblob": Rule("bytea", choose=_bytes),
        "enum": Rule("", choose=_enum),
        "set": Rule("text[]", choose=_set),
        "json": Rule("jsonb", choose=_json),
        "uuid": Rule("uuid"),
        "inet4": Rule("inet", choose=_inet),
        "inet6": Rule("inet", choose=_inet),
        "vector": Rule("vector", choose=_vector),
        **{name: Rule("bytea", choose=_spatial) for name in SPATIAL},
    }
)
"""The dictionary's bare type -> rule. The dictionary resolves aliases (BOOL, INTEGER, SERIAL, NATIONAL …) itself."""
