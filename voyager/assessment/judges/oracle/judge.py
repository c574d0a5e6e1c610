"""The judge of Oracle: its dictionary's answers held against what the target has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from voyager.assessment.assessment import Missing, Note, ObjectCount
from voyager.assessment.judgement import Judgement
from voyager.assessment.judges.oracle.code import code_objects
from voyager.assessment.judges.oracle.code_spots import code_spots, compound_triggers, query_spots
from voyager.assessment.judges.oracle.columns import column_spots, identity_spots
from voyager.assessment.judges.oracle.constructs import of_object
from voyager.assessment.judges.oracle.dictionary import MATERIALIZED_VIEW, TABLE, Dictionary, Spot, text
from voyager.assessment.judges.oracle.effort import (
    UNITS_A_CHECK,
    UNITS_A_RESERVED_NAME,
    UNITS_AN_ENCRYPTED_COLUMN,
    UNITS_MORE,
    estimate,
    exported_level,
)
from voyager.assessment.judges.oracle.issues import by_id
from voyager.assessment.judges.oracle.keys import constraint_spots, index_spots
from voyager.assessment.judges.oracle.names import name_spots, target_name
from voyager.assessment.judges.oracle.objects import other_spots, sequence_spots, trigger_spots, type_spots
from voyager.assessment.judges.oracle.tables import partition_spots, table_spots, view_spots
from voyager.schema.analyze import Finding
from voyager.sources.oracle.types import base_name
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.assessment.metadata import Metadata

_SUMMARY = (
    "TYPE", "SEQUENCE", TABLE, "INDEX", "FUNCTION", "PROCEDURE", "PACKAGE", "VIEW", "MVIEW", "TRIGGER", "SYNONYM",
    "DATABASE LINK", "JOB",
)  # fmt: skip
_COUNTED_AS = {"TABLE PARTITION": TABLE, "TABLE SUBPARTITION": TABLE, MATERIALIZED_VIEW: "MVIEW"}
_LISTED = (
    ("types", "type_name", "TYPE"), ("sequences", "sequence_name", "SEQUENCE"), ("views", "view_name", "VIEW"),
    ("triggers", "trigger_name", "TRIGGER"), ("synonyms", "synonym_name", "SYNONYM"),
    ("database_links", "db_link", "DATABASE LINK"), ("scheduler_jobs", "job_name", "JOB"),
    ("jobs", "job_number", "JOB"),
)  # fmt: skip
"""Table of answers, its column with the name, kind of object."""
_SHOWN = 5
_UTF8 = ("AL32UTF8", "UTF8")


def judge(metadata: Metadata, *, target_version: str) -> Judgement:
    """Judge what an Oracle database answered. What was not asked is no finding: `metadata.missing` says so."""
    dictionary = Dictionary(metadata)
    codes = code_objects(dictionary)
    found = {(code.schema, code.kind, code.name): of_object(code) for code in codes}
    spots = _once(
        *column_spots(dictionary), *identity_spots(dictionary), *index_spots(dictionary), *constraint_spots(dictionary),
        *partition_spots(dictionary), *table_spots(dictionary), *view_spots(dictionary), *sequence_spots(dictionary),
        *type_spots(dictionary), *compound_triggers(dictionary, codes), *trigger_spots(dictionary),
        *other_spots(dictionary), *name_spots(dictionary), *code_spots(codes, found), *query_spots(dictionary),
    )  # fmt: skip
    exported = exported_level(str(metadata.facts.get("ora2pg_report") or ""))
    return Judgement(
        findings=tuple(
            _finding(spot, target_version) for spot in spots if not by_id(spot.issue_id).fixed(target_version)
        ),
        objects=tuple(_objects(dictionary, spots)),
        complexity=exported or estimate(dictionary, codes, found, _extras(dictionary, spots)),
        notes=tuple(_notes(dictionary)),
        range_indexes=tuple(_range_indexes(dictionary)),
        missing=tuple(_missing(dictionary)),
        facts=_facts(dictionary),
    )


def _once(*spots: Spot) -> list[Spot]:
    """Each place once, in the order found."""
    return list({(one.issue_id, one.object_type, one.object_name, one.statement): one for one in spots}.values())


def _finding(spot: Spot, release: str) -> Finding:
    issue = by_id(spot.issue_id)
    return Finding(
        issue_id=spot.issue_id,
        category=spot.category or issue.category,
        impact=issue.impact,
        object_type=spot.object_type,
        object_name=spot.object_name,
        statement=spot.statement,
        file="",
        line=0,
        says=issue.says_for(release),
        advice=issue.advice,
        link=issue.link,
        minimum_versions=issue.minimum_versions(),
        details=dict(spot.details),
        # A type is its own title, as the dictionary spells it.
        name=spot.issue_id if issue.name.upper() == spot.issue_id else issue.name,
    )


def _objects(dictionary: Dictionary, spots: Iterable[Spot]) -> Iterator[ObjectCount]:
    touched = {(_COUNTED_AS.get(spot.of[0], spot.of[0]), *spot.of[1:]) for spot in spots}
    several = len(dictionary.metadata.schemas) > 1
    named: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for kind, schema, name, on in _named(dictionary):
        shown = f"{target_name(schema)}.{target_name(name)}" if several else target_name(name)
        named[kind][schema, name] = f"{shown} ON {target_name(on)}" if on else shown
    for kind in _SUMMARY:
        if found := named[kind]:
            invalid = sum((kind, *name) in touched for name in found)
            yield ObjectCount(kind, tuple(found.values()), invalid)


def _named(dictionary: Dictionary) -> Iterator[tuple[str, str, str, str]]:
    """Kind, schema and name of every object that becomes one on the target, and the table of an index."""
    for row in dictionary.rows("object_type_mapping"):
        kind = text(row, "object_type")
        if kind in (TABLE, "TABLE PARTITION", "TABLE SUBPARTITION", MATERIALIZED_VIEW):
            yield _COUNTED_AS.get(kind, kind), text(row, "schema_name"), text(row, "object_name"), ""
    for row in dictionary.rows("index_to_table_mapping"):
        yield "INDEX", text(row, "index_schema"), text(row, "index_name"), text(row, "table_name")
    for table, column, kind in _LISTED:
        for row in dictionary.rows(table):
            if not text(row, column).startswith("ISEQ$$_"):
                yield kind, text(row, "schema_name"), text(row, column), ""
    for row in dictionary.rows("objects"):
        if text(row, "object_type") in ("FUNCTION", "PROCEDURE", "PACKAGE"):
            yield text(row, "object_type"), text(row, "schema_name"), text(row, "object_name"), ""


def _extras(dictionary: Dictionary, spots: Iterable[Spot]) -> dict[str, float]:
    """Units beyond the number of objects: names to change, checks, encryption, indexes on expressions."""
    units: dict[str, float] = defaultdict(float)
    for spot in spots:
        if spot.issue_id in ("ORACLE_RESERVED_NAME", "ORACLE_SYSTEM_COLUMN_NAME") and spot.of[0] == TABLE:
            units[TABLE] += UNITS_A_RESERVED_NAME
        elif spot.issue_id == "ORACLE_ENCRYPTED_COLUMN":
            units[TABLE] += UNITS_AN_ENCRYPTED_COLUMN
    units[TABLE] += UNITS_A_CHECK * sum(one.type == "C" and not one.is_not_null for one in dictionary.constraints)
    for index in dictionary.indexes:
        units["INDEX"] += sum(more for part, more in UNITS_MORE.items() if part in index.type)
    return units


def _notes(dictionary: Dictionary) -> Iterator[Note]:
    characters = _parameters(dictionary).get("NLS_CHARACTERSET", "")
    if characters and characters not in _UTF8:
        yield Note(
            "GeneralNotes",
            f"The character set of the database is {characters}. Text is converted to UTF-8, where a letter may take "
            "more bytes; lengths count characters on the target, so nothing is cut.",
        )
    kinds = Counter(text(row, "object_type") for row in dictionary.rows("object_type_mapping"))
    if kinds["TABLE PARTITION"] or kinds["TABLE SUBPARTITION"]:
        yield Note("ColocatedShardedNotes", "Each partition is placed and sized as a table of its own.")
    if kinds["REFERENCE PARTITION"] or kinds["SYSTEM PARTITION"]:
        yield Note(
            "SizingNotes",
            "Tables partitioned by reference or by the application become ordinary tables; they are not in the sizing.",
        )
    if kinds["BITMAP INDEX"] or kinds["FUNCTION-BASED BITMAP INDEX"]:
        yield Note("GeneralNotes", "Bitmap indexes are sized as ordinary indexes, which take more room.")
    if writes := _writes(dictionary):
        rate = sum(one["rows_per_second"] for one in writes)
        busiest = ", ".join(one["table"] for one in writes[:3])
        yield Note(
            "SizingNotes",
            f"Since statistics were gathered, about {rate:,.1f} rows a second were written, most to {busiest}. "
            "The sizing does not count them: they are an average over all that time.",
        )


def _missing(dictionary: Dictionary) -> Iterator[Missing]:
    unknown = [row for row in dictionary.rows("table_row_counts") if row.get("row_count") is None]
    if not unknown:
        return
    names = [f"{text(row, 'schema_name')}.{text(row, 'table_name')}" for row in unknown]
    schemas = dict.fromkeys(text(row, "schema_name") for row in unknown)
    gather = " ".join(f"DBMS_STATS.GATHER_SCHEMA_STATS({_literal(schema)});" for schema in schemas)
    yield Missing(
        f"The rows of {counted(len(names), 'table')}",
        f"Statistics were never gathered for {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}.",
        f"BEGIN {gather} END;",
        "The time to load these tables is estimated by their size alone.",
    )


def _range_indexes(dictionary: Dictionary) -> Iterator[str]:
    """Secondary indexes that begin with a date or a time: queries ask those for ranges."""
    for index in dictionary.indexes:
        if (index.schema, index.name) in dictionary.key_indexes or not index.keys or index.keys[0].expression:
            continue
        column = dictionary.column(index.table_schema, index.table, index.keys[0].column)
        if column is not None and base_name(column.facts.data_type).startswith(("DATE", "TIMESTAMP")):
            yield f"{index.schema}.{index.name}"


def _facts(dictionary: Dictionary) -> dict[str, Any]:
    types = Counter((base_name(one.facts.data_type), one.target.sql) for one in dictionary.all_columns())
    return {
        "parameters": _parameters(dictionary),
        "types": [
            {"source": source, "target": target, "columns": number}
            for (source, target), number in sorted(types.items(), key=lambda item: (-item[1], item[0]))
        ],
        "writes": _writes(dictionary),
        "comments": {text(row, "object_type").lower(): row.get("comment_count") for row in dictionary.rows("comments")},
    }


def _parameters(dictionary: Dictionary) -> dict[str, str]:
    return {text(row, "parameter"): text(row, "parameter_value") for row in dictionary.rows("database_parameters")}


def _writes(dictionary: Dictionary) -> list[dict[str, Any]]:
    """Rows written a second since each table's statistics were gathered, the busiest tables first."""
    found = []
    for row in dictionary.rows("table_modifications"):
        seconds = _seconds(text(row, "counted_since"), text(row, "counted_until"))
        written = sum(row.get(kind) or 0 for kind in ("inserts", "updates", "deletes"))
        if seconds > 0 and written:
            table = f"{text(row, 'schema_name')}.{text(row, 'table_name')}"
            found.append({"table": table, "rows_per_second": round(written / seconds, 3), "seconds": round(seconds)})
    return sorted(found, key=lambda one: (-one["rows_per_second"], one["table"]))


def _seconds(since: str, until: str) -> float:
    try:
        return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    except ValueError:
        return 0.0


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
