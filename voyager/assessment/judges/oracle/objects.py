"""Oracle's other objects: sequences, types, triggers, packages, synonyms, links, jobs, and what only Oracle has."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from voyager.assessment.judges.oracle.code import OF_OBJECT
from voyager.assessment.judges.oracle.dictionary import Dictionary, Row, Spot, is_yes, text
from voyager.identifiers import visible
from voyager.sources.oracle.types import LARGEST_BIGINT, SERVER_OWNERS

# A sequence without MAXVALUE ends at 28 nines; one that counts down, at as many below zero.
_NO_LIMIT = 10**27
_ONLY_ORACLE = frozenset(
    {
        "CLUSTER", "CONTEXT", "DIMENSION", "DIRECTORY", "EDITION", "EVALUATION CONTEXT", "INDEXTYPE", "LIBRARY",
        "OPERATOR", "RULE", "RULE SET", "XML SCHEMA", "MINING MODEL", "CUBE", "CUBE DIMENSION", "MEASURE FOLDER",
        "ANALYTIC VIEW", "HIERARCHY", "ATTRIBUTE DIMENSION", "PROGRAM", "SCHEDULE", "CHAIN", "JOB CLASS", "QUEUE",
        "ASSEMBLY", "SQL TRANSLATION PROFILE",
    }
)  # fmt: skip
_SHOWN = 20
_EVENT_TRIGGERS = re.compile(r"\b(?:BEFORE|AFTER) EVENT\b")


def sequence_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("sequences"):
        shown, of = _of(row, "SEQUENCE", "sequence_name")
        if _beyond_bigint(row):
            details = {"LastNumber": str(row.get("last_number")), "MaxValue": str(row.get("max_value"))}
            yield Spot("ORACLE_SEQUENCE_BEYOND_BIGINT", "SEQUENCE", shown, of, details=details)
        if is_yes(row, "order_flag"):
            yield Spot("ORACLE_ORDERED_SEQUENCE", "SEQUENCE", shown, of)
    for row in dictionary.rows("sequence_options"):
        shown, of = _of(row, "SEQUENCE", "sequence_name")
        if is_yes(row, "scale_flag"):
            yield Spot("ORACLE_SCALABLE_SEQUENCE", "SEQUENCE", shown, of)
        if is_yes(row, "session_flag"):
            yield Spot("ORACLE_SESSION_SEQUENCE", "SEQUENCE", shown, of)


def _beyond_bigint(row: Row) -> bool:
    """Numbers that were given, or a limit that somebody set; the usual limit only says that there is none."""
    last, most = row.get("last_number") or 0, row.get("max_value") or 0
    return abs(last) > LARGEST_BIGINT or (LARGEST_BIGINT < most < _NO_LIMIT)


def type_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("object_type_mapping"):
        if text(row, "object_type") == "INHERITED TYPE":
            schema, name = text(row, "schema_name"), text(row, "object_name")
            super_type = text(dictionary.types.get((schema, name), {}), "supertype_name")
            details = {"Supertype": visible(super_type)} if super_type else {}
            yield Spot("INHERITED_TYPES", "TYPE", visible(name), ("TYPE", schema, name), details=details)
    for row in dictionary.rows("types"):
        shown, of = _of(row, "TYPE", "type_name")
        if text(row, "coll_type") or text(row, "typecode") == "COLLECTION":
            yield Spot("ORACLE_COLLECTION_TYPE", "TYPE", shown, of)
        elif text(row, "typecode") == "OBJECT":
            yield Spot("ORACLE_OBJECT_TYPE", "TYPE", shown, of)
        if row.get("methods"):
            yield Spot("ORACLE_TYPE_METHODS", "TYPE", shown, of)
    for row in dictionary.rows("type_attributes"):
        name = text(row, "attr_type_name").upper()
        if name in ("ANYDATA", "ANYTYPE", "ANYDATASET"):
            shown, of = _of(row, "TYPE", "type_name")
            details = {"AttributeName": visible(text(row, "attr_name"))}
            yield Spot(f"ORACLE_{name}", "TYPE", shown, of, details=details)


def trigger_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("triggers"):
        schema, name = text(row, "schema_name"), text(row, "trigger_name")
        table = f"{text(row, 'table_schema') or schema}.{text(row, 'table_name')}"
        shown = visible(f"{name} ON {table}" if text(row, "table_name") else f"{schema}.{name}")
        of = ("TRIGGER", schema, name)
        if _EVENT_TRIGGERS.search(text(row, "trigger_type")):
            details = {"Event": visible(text(row, "triggering_event").strip())}
            yield Spot("ORACLE_SYSTEM_TRIGGER", "TRIGGER", shown, of, details=details)
        if text(row, "crossedition") not in ("", "NO"):
            yield Spot("ORACLE_CROSSEDITION_TRIGGER", "TRIGGER", shown, of)
        if text(row, "status") == "DISABLED":
            yield Spot("ORACLE_DISABLED_TRIGGER", "TRIGGER", shown, of)


def other_spots(dictionary: Dictionary) -> Iterator[Spot]:
    yield from _synonyms_and_links(dictionary)
    yield from _dependencies(dictionary)
    yield from _jobs(dictionary)
    yield from _aggregates(dictionary)
    for row in dictionary.rows("objects"):
        kind = text(row, "object_type")
        shown, of = _of(row, kind, "object_name")
        if text(row, "status") == "INVALID":
            yield Spot("ORACLE_INVALID_OBJECT", kind, shown, of)
        if kind == "PACKAGE":
            yield Spot("ORACLE_PACKAGE", kind, shown, of)
        elif kind.startswith("JAVA "):
            yield Spot("ORACLE_JAVA", kind, shown, of)
        elif kind in _ONLY_ORACLE:
            yield Spot("ORACLE_OTHER_OBJECT", kind, shown, of)


def _synonyms_and_links(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("synonyms"):
        shown, of = _of(row, "SYNONYM", "synonym_name")
        link = text(row, "db_link")
        target = ".".join(filter(None, (text(row, "table_owner"), text(row, "table_name"))))
        details = {"StandsFor": visible(f"{target}@{link}" if link else target)}
        yield Spot("ORACLE_REMOTE_SYNONYM" if link else "ORACLE_SYNONYM", "SYNONYM", shown, of, details=details)
    for row in dictionary.rows("database_links"):
        shown, of = _of(row, "DATABASE LINK", "db_link")
        yield Spot("ORACLE_DATABASE_LINK", "DATABASE LINK", shown, of)


def _dependencies(dictionary: Dictionary) -> Iterator[Spot]:
    """What objects use of other schemas; those of Oracle's own are everybody's."""
    assessed = set(dictionary.metadata.schemas)
    used: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in dictionary.rows("dependencies"):
        owner = text(row, "referenced_owner")
        if owner not in assessed and owner not in SERVER_OWNERS and not text(row, "referenced_link_name"):
            of = (text(row, "object_type"), text(row, "schema_name"), text(row, "object_name"))
            used[of].add(f"{owner}.{text(row, 'referenced_name')}")
    for (kind, schema, name), others in used.items():
        of = (OF_OBJECT.get(kind, kind), schema, name)
        details = {"Uses": [visible(other) for other in sorted(others)[:_SHOWN]]}
        yield Spot("ORACLE_OTHER_SCHEMA", kind, visible(f"{schema}.{name}"), of, details=details)


def _jobs(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("scheduler_jobs"):
        shown, of = _of(row, "JOB", "job_name")
        details = {"Schedule": visible(text(row, "repeat_interval") or text(row, "schedule_type"))}
        yield Spot("ORACLE_JOB", "JOB", shown, of, details=details)
    for row in dictionary.rows("jobs"):
        schema, number = text(row, "schema_name"), text(row, "job_number")
        of = ("JOB", schema, number)
        details = {"Schedule": visible(text(row, "repeat_interval"))}
        yield Spot("ORACLE_JOB", "JOB", visible(f"{schema}.{number}"), of, details=details)


def _aggregates(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("routines"):
        if is_yes(row, "aggregate"):
            shown, of = _of(row, "FUNCTION", "object_name")
            yield Spot("ORACLE_AGGREGATE_FUNCTION", "FUNCTION", shown, of)


def _of(row: Row, kind: str, name: str) -> tuple[str, tuple[str, str, str]]:
    """How the report shows the object, and how it is counted."""
    schema, own = text(row, "schema_name"), text(row, name)
    return visible(f"{schema}.{own}"), (kind, schema, own)
