"""The data types that matter to compatibility: which the target lacks, which move only offline, which have no index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from voyager.schema.facts import ColumnFacts, Key, TypeRef
from voyager.schema.issues.issue import POSTGRESQL_15, Fix, voyager, yugabytedb
from voyager.schema.model import SchemaModel


@dataclass(frozen=True)
class MissingType:
    """A type that the target does not have; `title` is its part of the id where that is not its name."""

    tracker: str
    fixed_in: tuple[Fix, ...] = ()
    title: str = ""


_SPATIAL = MissingType(yugabytedb(11323))
_OTHER = MissingType(voyager(1731))
_MULTIRANGE = MissingType(yugabytedb(25575), POSTGRESQL_15)

MISSING: Mapping[str, MissingType] = MappingProxyType(
    {
        "xml": MissingType(yugabytedb(1043)),
        "xid": MissingType(yugabytedb(15638)),
        "geometry": _SPATIAL,
        "geography": _SPATIAL,
        "box2d": _SPATIAL,
        "box3d": _SPATIAL,
        "topogeometry": _SPATIAL,
        "lo": MissingType(yugabytedb(25318), title="LARGE_OBJECT"),
        "raster": _OTHER,
        "pg_lsn": _OTHER,
        "txid_snapshot": _OTHER,
        "int8multirange": _MULTIRANGE,
        "int4multirange": _MULTIRANGE,
        "datemultirange": _MULTIRANGE,
        "nummultirange": _MULTIRANGE,
        "tsmultirange": _MULTIRANGE,
        "tstzmultirange": _MULTIRANGE,
    }
)

_MULTIRANGES = frozenset(name for name, type_ in MISSING.items() if type_ is _MULTIRANGE)

# The target has them, but a migration carries their values only while the source is not written to.
OFFLINE_ONLY = ("point", "line", "lseg", "box", "path", "polygon", "circle", "vector", "timetz")

# No operator class of the target's btree takes them; "array" is any array, "user_defined" a composite type. The last
# two are of our own: reports of others say nothing of them.
NOT_INDEXED = (
    "citext", "tsvector", "tsquery", "jsonb", "inet", "json", "macaddr", "macaddr8", "cidr", "bit", "varbit",
    "daterange", "tsrange", "tstzrange", "numrange", "int4range", "int8range", "interval", "circle", "box", "line",
    "lseg", "point", "pg_lsn", "path", "polygon", "txid_snapshot", "array", "user_defined",
    "user_defined_range", "multirange",
)  # fmt: skip

USER_DEFINED_LIVE = "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED"
TSQUERY_LIVE = "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_TSQUERY"

# Ids of our own: reports of others have arrays of a composite type under none, not under that of the type itself.
ARRAY_OF_USER_DEFINED_LIVE = "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_ARRAY_OF_USER_DEFINED"
RANGE_LIVE = "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_USER_DEFINED_RANGE"
MULTIRANGE = "UNSUPPORTED_DATATYPE_USER_DEFINED_MULTIRANGE"
MULTIRANGE_LIVE = "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_USER_DEFINED_MULTIRANGE"
CAVEATS_OF_OUR_OWN = frozenset({ARRAY_OF_USER_DEFINED_LIVE, RANGE_LIVE, MULTIRANGE_LIVE})

# What a type that the schema creates with SQL brings a column of it; one of an extension goes by its name instead.
_OF_KIND: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "enum": (),
        "composite": (USER_DEFINED_LIVE,),
        "domain": (),
        "range": (RANGE_LIVE,),
        "multirange": (MULTIRANGE, MULTIRANGE_LIVE),
    }
)
_KEYS_OF_KIND: Mapping[str, str] = MappingProxyType(
    {"enum": "", "composite": "user_defined", "domain": "", "range": "user_defined_range", "multirange": "multirange"}
)


def missing_id(name: str) -> str:
    return f"UNSUPPORTED_DATATYPE_{MISSING[name].title or name.upper()}"


def offline_only_id(name: str) -> str:
    return f"UNSUPPORTED_DATATYPE_LIVE_MIGRATION_{name.upper()}"


def issues_of_type(model: SchemaModel, written: TypeRef) -> tuple[str, ...]:
    """The ids of what is the matter with a column of this type, on one release or another. Arrays count as their
    elements, domains as what they are over; but a domain `lo` over oid is a large object, whoever declared it.
    A type of an extension may have been installed by its script: it goes by its name, made of functions in C."""
    found = model.resolve(written)
    name = found.base.name.lower()
    if name == "oid" and not found.kind and any(domain.lower() == "lo" for _, domain in found.domains):
        return (missing_id("lo"),)
    if found.kind == "composite" and found.base.arrays:
        return (ARRAY_OF_USER_DEFINED_LIVE,)
    if found.kind in _OF_KIND:
        return _OF_KIND[found.kind]
    if name in MISSING:
        # A release that has the type takes the column, but nothing carries its changes there.
        return (missing_id(name), offline_only_id(name)) if MISSING[name].fixed_in else (missing_id(name),)
    if name in OFFLINE_ONLY:
        return (offline_only_id(name),)
    return (TSQUERY_LIVE,) if name == "tsquery" else ()


def not_indexed(model: SchemaModel, written: TypeRef) -> str:
    """Which row of NOT_INDEXED a type falls under, "" when a btree index of it works."""
    found = model.resolve(written)
    if found.base.arrays:
        return "array"
    if found.kind in _KEYS_OF_KIND:
        return _KEYS_OF_KIND[found.kind]
    name = found.base.name.lower()
    if name in _MULTIRANGES:
        return "multirange"
    return name if name in NOT_INDEXED else ""


def column_not_indexed(model: SchemaModel, table: Key, column: str) -> str:
    facts: ColumnFacts | None = model.column(table, column)
    return not_indexed(model, facts.type) if facts is not None else ""
