"""The judge of MySQL and MariaDB: the answers of the dictionary, the load and the texts of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from voyager.assessment.assessment import Note, ObjectCount
from voyager.assessment.judgement import Judgement
from voyager.assessment.judges.mysql.code import code_spots, judge_code, query_spots
from voyager.assessment.judges.mysql.columns import Types, column_spots
from voyager.assessment.judges.mysql.effort import estimate
from voyager.assessment.judges.mysql.keys import key_spots
from voyager.assessment.judges.mysql.redundancy import redundant_indexes
from voyager.assessment.judges.mysql.spots import INDEX, SEQUENCE, TABLE, VIEW, Spot, finding
from voyager.assessment.judges.mysql.tables import name_spots, shown_name, table_spots
from voyager.schema.issues.issue import PERFORMANCE
from voyager.sources.mysql.mapping import map_types, place_of
from voyager.sources.mysql.model import Dictionary
from voyager.sources.mysql.names import label

if TYPE_CHECKING:
    from voyager.assessment.metadata import Metadata
    from voyager.schema.analyze import Finding

_SUMMARY = (
    "SCHEMA", SEQUENCE, TABLE, INDEX, "FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY", VIEW, "TRIGGER", "EVENT",
)  # fmt: skip


def judge(metadata: Metadata, *, target_version: str) -> Judgement:
    """Judge what a MySQL or MariaDB server answered. What was not asked is no finding: `metadata.missing` says so."""
    dictionary = Dictionary.build(metadata.rows)
    target = map_types(dictionary)
    judged = judge_code(dictionary)
    spots = [
        *column_spots(dictionary, target, sql_mode=metadata.facts.get("sql_mode")),
        *key_spots(dictionary, target),
        *table_spots(dictionary),
        *name_spots(dictionary),
        *code_spots(dictionary, judged),
        *_library_spots(metadata),
        *query_spots(metadata.rows("db_queries_summary")),
    ]
    kept = [(spot, found) for spot in spots if (found := finding(spot, target_version)) is not None]
    findings = tuple(found for _, found in kept)
    return Judgement(
        findings=findings,
        objects=tuple(_objects(dictionary, metadata.schemas, kept)),
        complexity=estimate(dictionary, judged, findings),
        notes=tuple(_notes(dictionary, metadata)),
        redundant_indexes=tuple(redundant_indexes(dictionary, refused=_refused(dictionary, findings))),
        range_indexes=tuple(_range_indexes(dictionary)),
        facts={"type_mapping": _type_mapping(dictionary, target)},
    )


def _refused(dictionary: Dictionary, findings: Iterable[Finding]) -> set[str]:
    """Labels of the indexes that the target refuses; the finding of a primary key is the table's."""
    refused = {(found.object_type, found.object_name) for found in findings if found.blocking}
    return {
        index.label
        for table in dictionary.base_tables
        for index in table.indexes
        if (INDEX, index.label) in refused
        or (index.primary and (TABLE, f"{table.label}, constraint: (PRIMARY)") in refused)
    }


def _objects(
    dictionary: Dictionary, schemas: Iterable[str], kept: Iterable[tuple[Spot, Finding]]
) -> Iterator[ObjectCount]:
    touched = {spot.of for spot, found in kept if found.category != PERFORMANCE}
    named: dict[str, list[str]] = defaultdict(list)
    named["SCHEMA"] = [label(schema) for schema in schemas]
    for table in dictionary.tables:
        named[SEQUENCE if table.kind == "SEQUENCE" else TABLE].append(table.label)
        named[INDEX] += [index.label for index in table.indexes if not index.primary]
    for code in dictionary.code:
        named[code.kind].append(shown_name(code))
    for kind in _SUMMARY:
        if names := named[kind]:
            yield ObjectCount(kind, tuple(names), sum((kind, name) in touched for name in names))


def _library_spots(metadata: Metadata) -> Iterator[Spot]:
    for row in metadata.rows("udfs"):
        name = label(row["function_name"])
        details = {"Library": row["library"], "Type": row["function_type"]}
        yield Spot("MYSQL_UDF", "FUNCTION", name, details=details)


def _range_indexes(dictionary: Dictionary) -> Iterator[str]:
    """MySQL's indexes are in order; by default the first key of one would be hashed on the target."""
    for table in dictionary.base_tables:
        for index in table.indexes:
            if index.kind == "BTREE" and not index.primary and index.keys and index.keys[0].column:
                yield f"{index.schema}.{index.table}.{index.name}"


def _type_mapping(dictionary: Dictionary, target: Types) -> list[dict[str, Any]]:
    """How many columns of which type become which type; each ENUM by itself would be a list of tables."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for table in dictionary.base_tables:
        for column in table.columns:
            mapped = target[place_of(column)]
            source = f"{column.data_type} unsigned" if column.unsigned else column.data_type
            counts[source, "an enum type" if mapped.labels else mapped.base] += 1
    return [{"source": source, "target": base, "columns": number} for (source, base), number in sorted(counts.items())]


def _notes(dictionary: Dictionary, metadata: Metadata) -> Iterator[Note]:
    facts = metadata.facts
    yield Note(
        "GeneralNotes",
        "Only the dictionary was read, no row of a table. Where the type of a column depends on its values, Details of "
        "the finding hold the query that tells.",
    )
    loose = sum(column.case_insensitive for table in dictionary.base_tables for column in table.columns)
    if loose:
        yield Note(
            "GeneralNotes",
            f"MySQL ignores case in {loose:,} text columns. On the target =, LIKE, IN, GROUP BY and ORDER BY tell 'a' "
            "from 'A' in all of them; findings name those where a key, an index or a foreign key is concerned.",
        )
    if facts.get("lower_case_table_names") == 0:
        yield Note(
            "GeneralNotes",
            "The server tells the case of table names apart. On the target names are folded to lower case, so that SQL "
            "may write them in any.",
        )
    if int(facts.get("auto_increment_increment") or 1) != 1:
        yield Note(
            "GeneralNotes",
            f"AUTO_INCREMENT goes in steps of {facts['auto_increment_increment']} on this server (several primaries?); "
            "identity columns of the target need the same step only if that goes on.",
        )
    yield from _sizing_notes(metadata)


def _sizing_notes(metadata: Metadata) -> Iterator[Note]:
    if any(row.get("seq_reads") is not None for row in metadata.rows("table_index_iops")):
        yield Note(
            "SizingNotes",
            "Reads are rows that the storage engine read, because MySQL does not count statements by table. A query "
            "that "
            "scans a table counts with every row, so that the cluster is sized on the safe side.",
        )
    if metadata.rows("table_index_sizes"):
        yield Note(
            "SizingNotes",
            "MySQL tells the size of all indexes of a table together; each is given an equal share.",
        )
