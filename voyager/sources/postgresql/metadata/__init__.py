"""What an assessment asks of a PostgreSQL server: one question, one .sql file beside this one, one metadata file."""

from __future__ import annotations

from importlib import resources

from voyager.ports import Question
from voyager.sources.postgresql.metadata.shortcomings import QUERIES, gaps

__all__ = ["MOMENT", "NEEDS_DDL", "NODE", "QUERIES", "QUESTIONS", "SCHEMA_LIST", "gaps", "schema_list", "text"]

SCHEMA_LIST, NODE, MOMENT = "voyager.schema_list", "voyager.node", "voyager.moment"
"""Settings of the session that the texts read: the schemas, the node's name, whether the load is read first or last."""
NEEDS_DDL = True

_TABLES, _INDEXES = "Collect table statistics", "Analyze index usage"
_COLUMNS, _QUERIES, _LOAD = "Collect column statistics", "Collect query statistics", "Measure load over time"
_COUNTERS = ("calls", "rows", "total_exec_time", "mean_exec_time", "min_exec_time", "max_exec_time", "stddev_exec_time")
_OBJECT = ("source_node", "schema_name", "object_name", "object_type")


def text(name: str) -> str:
    """The SQL of one file, without a line break at its end."""
    return resources.files(__name__).joinpath(f"{name}.sql").read_text("utf-8").rstrip()


def schema_list(schemas: tuple[str, ...]) -> str:
    """Schemas as the texts expect them: separated by `|`, with % and | of a name written %25 and %7C; "" is all."""
    return "|".join(name.replace("%", "%25").replace("|", "%7C") for name in schemas)


QUESTIONS: tuple[Question, ...] = (
    Question(
        name="object-type-mapping",
        columns=_OBJECT,
        sql=text("object-type-mapping"),
        what="the names and kinds of all tables and indexes",
        step=_TABLES,
    ),
    Question(
        name="table-row-counts",
        columns=("source_node", "schema_name", "table_name", "row_count"),
        sql=text("table-row-counts"),
        what="the server's estimate of each table's rows; no table is read",
        numbers=("row_count",),
        step=_TABLES,
    ),
    Question(
        name="table-index-sizes",
        columns=(*_OBJECT, "size_in_bytes"),
        sql=text("table-index-sizes"),
        what="the size of each table and index on disk",
        numbers=("size_in_bytes",),
        step=_TABLES,
    ),
    Question(
        name="table-columns-count",
        columns=(*_OBJECT, "column_count"),
        sql=text("table-columns-count"),
        what="the number of columns of each table and index",
        numbers=("column_count",),
        step=_TABLES,
    ),
    Question(
        name="table-columns-data-types",
        columns=("source_node", "schema_name", "table_name", "column_name", "data_type"),
        sql=text("table-columns-data-types"),
        what="the name and data type of each column",
        step=_TABLES,
    ),
    Question(
        name="index-to-table-mapping",
        columns=("source_node", "index_schema", "index_name", "table_schema", "table_name"),
        sql=text("index-to-table-mapping"),
        what="the table of each index",
        step=_INDEXES,
    ),
    Question(
        name="redundant-indexes",
        columns=(
            "source_node", "redundant_schema_name", "redundant_table_name", "redundant_index_name",
            "existing_schema_name", "existing_table_name", "existing_index_name", "redundant_ddl", "existing_ddl",
        ),
        sql=text("redundant-indexes"),
        what="indexes that another index of the same table makes superfluous, from their definitions",
        required=False,
        weakens="Redundant indexes are found from the schema alone.",
        step=_INDEXES,
    ),
    Question(
        name="table-index-usage-stats",
        columns=(*_OBJECT, "parent_table_name", "scans", "inserts", "updates", "deletes"),
        sql=text("table-index-usage-stats"),
        what="how often each table and index was read and written since the server counts",
        required=False,
        nodes="all",
        numbers=("scans", "inserts", "updates", "deletes"),
        weakens="Which objects are in frequent use is not known.",
        step=_INDEXES,
    ),
    Question(
        name="column_statistics",
        columns=(
            "source_node", "schema_name", "table_name", "column_name",
            "null_frac", "effective_n_distinct", "most_common_freq", "most_common_val",
        ),
        sql=text("column_statistics"),
        what="what ANALYZE found in each column: share of NULLs, number of values, and the most common value itself",
        required=False,
        needs="SELECT on the tables, else their columns are not shown",
        numbers=("null_frac", "effective_n_distinct", "most_common_freq"),
        weakens="Hot spots of indexes on few values, NULLs or one frequent value are not found.",
        step=_COLUMNS,
    ),
    Question(
        name=QUERIES,
        columns=("source_node", "pgss_data"),
        sql=text(QUERIES),
        what="the texts of the queries that ran (constants replaced by $1, $2 …) and how often and how long they ran",
        required=False,
        nodes="all",
        needs="the extension pg_stat_statements; the role pg_read_all_stats to see the queries of other users",
        grant="GRANT pg_read_all_stats TO {role};",
        holds=("queryid", "query", *_COUNTERS),
        numbers=("queryid", *_COUNTERS),
        # What servers before PostgreSQL 13 call them.
        renamed=tuple((name.replace("_exec_", "_"), name) for name in _COUNTERS[2:]),
        weakens="Constructs in queries of applications that YugabyteDB does not take are not found.",
        step=_QUERIES,
    ),
    *(
        Question(
            name=f"table-index-iops-{moment}",
            columns=(*_OBJECT, "seq_reads", "row_writes", "measurement_type"),
            sql=text("table-index-iops"),
            what=f"the counters of reads and writes of each table and index, {when}",
            required=False,
            nodes="all",
            moment=moment,
            numbers=("seq_reads", "row_writes"),
            weakens="Reads and writes per second are not known; the cluster is sized by the data alone.",
            step=_LOAD,
        )
        for moment, when in (("initial", "at the start"), ("final", "after the interval"))
    ),
)  # fmt: skip
"""In the order of asking; the pair that measures load stands at both ends of it (see `moment`)."""
