"""The judge of PostgreSQL: its dump, its statistics and the texts of its queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from voyager.assessment.assessment import Note, RedundantIndex
from voyager.assessment.complexity import complexity
from voyager.assessment.dumped_schema import KEPT_AS
from voyager.assessment.judgement import Judgement
from voyager.assessment.judges.schema_summary import summarize
from voyager.identifiers import TableName
from voyager.schema.analyze import analyze_schema
from voyager.schema.issues.catalogue import by_id
from voyager.schema.queries import QueryText, judge_queries
from voyager.schema.redundancy import Redundancy, known_indexes, redundant_indexes
from voyager.schema.statements import split_dump
from voyager.schema.statistics import ColumnStatistics, Statistics, Usage
from voyager.wording import named

if TYPE_CHECKING:
    from voyager.assessment.metadata import Metadata
    from voyager.schema.analyze import Analysis
    from voyager.schema.statements import Statement

PRIMARY = "primary"
PREVIEWS = (
    "Some of what is named here works on the target once a flag is set there (early access, tech preview); each "
    "finding says from which version on and with which flag. Test it before you rely on it: "
    "https://docs.yugabyte.com/stable/releases/ybdb-releases/"
)
UNLOGGED = (
    "The source has UNLOGGED tables: {tables}. The target takes the word and writes them like all others, so they are "
    "as safe, and as slow to write, as ordinary tables."
)


def judge(metadata: Metadata, *, target_version: str) -> Judgement:
    """Judge the schema, the load and the queries of a PostgreSQL database. Raises ParseError for a dump that is cut."""
    statements = split_dump(metadata.ddl, schemas=metadata.schemas, file=KEPT_AS).statements
    analysis = analyze_schema(
        statements,
        release=target_version,
        statistics=read_statistics(metadata),
        performance=True,
        columns=metadata.rows("table_columns_data_types"),
    )
    queries = judge_queries(_queries(metadata), analysis.model, release=target_version, schemas=metadata.schemas)
    findings = (*analysis.findings, *queries.findings)
    return Judgement(
        findings=findings,
        objects=summarize(statements, findings, metadata.schemas),
        complexity=complexity(findings),
        notes=tuple(_notes(statements, target_version)),
        redundant_indexes=tuple(_redundant(metadata, analysis)),
        range_indexes=tuple(".".join(key) for key in analysis.range_indexes),
        range_index_keys=analysis.range_indexes,
    )


def read_statistics(metadata: Metadata) -> Statistics:
    """What the source's planner and counters say: scans of all nodes, writes of the primary."""
    columns = {
        (row["schema_name"], row["table_name"], row["column_name"]): ColumnStatistics(
            null_fraction=row.get("null_frac") or 0.0,
            distinct=row.get("effective_n_distinct"),
            most_common_value=row.get("most_common_val"),
            most_common_fraction=row.get("most_common_freq"),
        )
        for row in metadata.rows("column_statistics")
        if row.get("source_node", PRIMARY) == PRIMARY
    }
    return Statistics(columns, _usage(metadata))


def _usage(metadata: Metadata) -> dict[tuple[str, str], Usage]:
    scans: dict[tuple[str, str], int] = defaultdict(int)
    writes: dict[tuple[str, str], int] = defaultdict(int)
    indexes: set[tuple[str, str]] = set()
    for row in metadata.rows("table_index_usage_stats"):
        name = (row["schema_name"], row["object_name"])
        scans[name] += row.get("scans") or 0
        if row.get("source_node", PRIMARY) == PRIMARY:
            writes[name] += sum(row.get(kind) or 0 for kind in ("inserts", "updates", "deletes"))
        if row.get("parent_table_name"):
            indexes.add(name)
    return {name: Usage(count, writes[name], name in indexes) for name, count in scans.items()}


def _queries(metadata: Metadata) -> Iterator[QueryText]:
    for row in metadata.rows("db_queries_summary"):
        if row.get("query"):
            yield QueryText(row["query"], int(row.get("calls") or 0), row.get("source_node") or PRIMARY)


def _redundant(metadata: Metadata, analysis: Analysis) -> Iterator[RedundantIndex]:
    """What the source's own catalog says, else what the definitions say; the catalog does not know that the target
    refuses an index, and that another one, or none, serves there. Of an index without a statement nobody knows."""
    sizes = {
        (row["schema_name"], row["object_name"]): row["size_in_bytes"] for row in metadata.rows("table_index_sizes")
    }
    by_definition = {one.index: one for one in redundant_indexes(analysis.model, refused=analysis.refused_indexes)}
    there = known_indexes(analysis.model) - analysis.refused_indexes
    if "redundant_indexes" not in metadata.tables:
        yield from (_of_definition(one, sizes) for one in by_definition.values())
        return
    for row in metadata.rows("redundant_indexes"):
        if row.get("source_node", PRIMARY) != PRIMARY:
            continue
        index = row["redundant_schema_name"], row["redundant_index_name"]
        if (row["existing_schema_name"], row["existing_index_name"]) in there:
            yield _of_catalog(row, sizes)
        elif index in by_definition:
            yield _of_definition(by_definition[index], sizes)


def _of_definition(one: Redundancy, sizes: Mapping[tuple[str, str], int | None]) -> RedundantIndex:
    return RedundantIndex(
        table=".".join(one.table),
        index=".".join(one.index),
        ddl=one.statement.text,
        existing=".".join(one.existing),
        existing_ddl=one.existing_statement.text,
        size_bytes=sizes.get(one.index),
        schema=one.index[0],
        name=one.index[1],
        table_name=one.table[1],
        existing_name=one.existing[1],
    )


def _of_catalog(row: Any, sizes: Mapping[tuple[str, str], int | None]) -> RedundantIndex:
    schema, index = row["redundant_schema_name"], row["redundant_index_name"]
    return RedundantIndex(
        table=f"{schema}.{row['redundant_table_name']}",
        index=f"{schema}.{index}",
        ddl=row["redundant_ddl"],
        existing=f"{row['existing_schema_name']}.{row['existing_index_name']}",
        existing_ddl=row["existing_ddl"],
        size_bytes=sizes.get((schema, index)),
        schema=schema,
        name=index,
        table_name=row["redundant_table_name"],
        existing_name=row["existing_index_name"],
    )


def _notes(statements: Sequence[Statement], target_version: str) -> Iterator[Note]:
    yield Note("GeneralNotes", PREVIEWS)
    unlogged = list(_unlogged(statements))
    if unlogged and by_id("UNLOGGED_TABLES").fixed(target_version):
        yield Note("GeneralNotes", UNLOGGED.format(tables=named(unlogged)))


def _unlogged(statements: Iterable[Statement]) -> Iterator[str]:
    for statement in statements:
        if statement.kind == "table" and statement.text[:15].upper() == "CREATE UNLOGGED":
            yield str(TableName(statement.schema, statement.name))
