"""What an assessment asks of a MySQL or MariaDB server: one question, one .sql file beside this one, one metadata file.

The texts are the same for every server: what only some versions have stands in version comments (`/*!80013 … */` is
read by MySQL 8.0.13 and later, `/*M!100600 … */` by MariaDB 10.6 and later), so the server itself chooses.
"""

from __future__ import annotations

from importlib import resources

from voyager.ports import Question
from voyager.sources.mysql.metadata.shortcomings import QUERIES, gaps

__all__ = ["QUERIES", "QUESTIONS", "gaps", "schema_list", "text"]

_TABLES, _INDEXES = "Collect table statistics", "Analyze index usage"
_COLUMNS, _QUERIES, _LOAD = "Collect column statistics", "Collect query statistics", "Measure load over time"
_OBJECT = ("source_node", "schema_name", "object_name", "object_type")
_TABLE = ("source_node", "schema_name", "table_name")
_PERFORMANCE_SCHEMA = "SELECT on performance_schema, which must be on; on MariaDB userstat = ON does too"
_GRANT_PERFORMANCE_SCHEMA = "GRANT SELECT ON performance_schema.* TO {role};"


def text(name: str) -> str:
    """The SQL of one file, without a line break at its end."""
    return resources.files(__name__).joinpath(f"{name}.sql").read_text("utf-8").rstrip()


def schema_list(schemas: tuple[str, ...]) -> str:
    """Databases as @schema_list expects them: separated by `|`, with % and | of a name written %25 and %7C."""
    return "|".join(name.replace("%", "%25").replace("|", "%7C") for name in schemas)


_STATISTICS = (
    Question(
        name="object-type-mapping",
        columns=_OBJECT,
        sql=text("object-type-mapping"),
        what="the names and kinds of all tables and indexes",
        step=_TABLES,
    ),
    Question(
        name="table-row-counts",
        columns=(*_TABLE, "row_count"),
        sql=text("table-row-counts"),
        what="the storage engine's estimate of each table's rows; no table is read",
        numbers=("row_count",),
        step=_TABLES,
    ),
    Question(
        name="table-index-sizes",
        columns=(*_OBJECT, "size_in_bytes"),
        sql=text("table-index-sizes"),
        what="the size of each table; the dictionary knows the sum of a table's indexes, each gets an equal share",
        numbers=("size_in_bytes",),
        step=_TABLES,
    ),
    Question(
        name="table-columns-count",
        columns=(*_OBJECT, "column_count"),
        sql=text("table-columns-count"),
        what="the number of columns of each table",
        numbers=("column_count",),
        step=_TABLES,
    ),
    Question(
        name="table-columns-data-types",
        columns=(*_TABLE, "column_name", "data_type"),
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
        name="table-index-usage-stats",
        columns=(*_OBJECT, "parent_table_name", "scans", "inserts", "updates", "deletes"),
        sql=text("table-index-usage-stats"),
        what="how many rows of each table and index were read and written since the server counts",
        required=False,
        nodes="all",
        needs=_PERFORMANCE_SCHEMA,
        grant=_GRANT_PERFORMANCE_SCHEMA,
        numbers=("scans", "inserts", "updates", "deletes"),
        weakens="Which objects are in frequent use is not known.",
        step=_INDEXES,
    ),
    Question(
        name="column_statistics",
        columns=(*_TABLE, "column_name", "null_frac", "effective_n_distinct", "most_common_freq", "most_common_val"),
        sql=text("column_statistics"),
        what="the number of values in the first column of each index, and its share of NULLs where a histogram tells",
        required=False,
        numbers=("null_frac", "effective_n_distinct", "most_common_freq"),
        weakens="Hot spots of indexes on few values are not found.",
        step=_COLUMNS,
    ),
    Question(
        name=QUERIES,
        columns=(
            "source_node", "queryid", "schema_name", "query", "calls", "rows", "rows_examined",
            "total_exec_time", "mean_exec_time", "min_exec_time", "max_exec_time",
        ),
        sql=text(QUERIES),
        what="the texts of the queries that ran (constants replaced by ?) and how often and how long they ran",
        required=False,
        nodes="all",
        needs=_PERFORMANCE_SCHEMA,
        grant=_GRANT_PERFORMANCE_SCHEMA,
        numbers=(
            "calls", "rows", "rows_examined", "total_exec_time", "mean_exec_time", "min_exec_time", "max_exec_time",
        ),
        weakens="Constructs in queries of applications that YugabyteDB does not take are not found.",
        step=_QUERIES,
    ),
)  # fmt: skip

_DICTIONARY = (
    Question(
        name="schemata",
        columns=("source_node", "schema_name", "character_set_name", "collation_name"),
        sql=text("schemata"),
        what="the character set and collation of each database",
    ),
    Question(
        name="tables",
        columns=(
            *_TABLE, "table_type", "engine", "row_format", "row_count", "avg_row_length", "data_length",
            "index_length", "next_auto_increment", "table_collation", "create_options",
        ),
        sql=text("tables"),
        what="tables and sequences with their storage engine, size and next auto-increment value",
        numbers=("row_count", "avg_row_length", "data_length", "index_length", "next_auto_increment"),
    ),
    Question(
        name="columns",
        columns=(
            *_TABLE, "column_name", "ordinal_position", "data_type", "column_type", "is_nullable", "column_default",
            "default_kind", "extra", "generation_expression", "character_length", "octet_length",
            "numeric_precision", "numeric_scale", "datetime_precision", "character_set_name", "collation_name",
        ),
        sql=text("columns"),
        what="each column with its full type, default, character set, collation and generation expression",
        numbers=(
            "ordinal_position", "character_length", "octet_length", "numeric_precision", "numeric_scale",
            "datetime_precision",
        ),
    ),
    Question(
        name="indexes",
        columns=(
            *_TABLE, "index_name", "seq_in_index", "is_unique", "column_name", "expression", "sub_part", "collation",
            "cardinality", "index_type", "is_visible",
        ),
        sql=text("indexes"),
        what="the keys of each index, with prefix lengths, expressions and types",
        numbers=("seq_in_index", "sub_part", "cardinality"),
    ),
    Question(
        name="foreign-keys",
        columns=(
            *_TABLE, "constraint_name", "ordinal_position", "column_name", "referenced_schema", "referenced_table",
            "referenced_column", "update_rule", "delete_rule", "match_option",
        ),
        sql=text("foreign-keys"),
        what="the columns of each foreign key",
        numbers=("ordinal_position",),
    ),
    Question(
        name="checks",
        columns=(*_TABLE, "constraint_name", "enforced", "check_clause"),
        sql=text("checks"),
        what="the CHECK constraints",
    ),
    Question(
        name="partitions",
        columns=(
            *_TABLE, "partition_name", "subpartition_name", "ordinal_position", "subpartition_ordinal_position",
            "partition_method", "subpartition_method", "partition_expression", "subpartition_expression",
            "partition_description", "row_count", "data_length",
        ),
        sql=text("partitions"),
        what="the partitions of each partitioned table",
        numbers=("ordinal_position", "subpartition_ordinal_position", "row_count", "data_length"),
    ),
    Question(
        name="views",
        columns=(
            "source_node", "schema_name", "view_name", "definition", "check_option", "is_updatable", "definer",
            "security_type",
        ),
        sql=text("views"),
        what="the views with their definitions",
        needs="SHOW VIEW on the database, else the definitions are empty",
    ),
    Question(
        name="triggers",
        columns=(
            "source_node", "schema_name", "trigger_name", "table_name", "timing", "event", "action_order",
            "definition", "sql_mode", "definer",
        ),
        sql=text("triggers"),
        what="the triggers with their bodies",
        needs="TRIGGER on the database, else no trigger is shown",
        numbers=("action_order",),
    ),
    Question(
        name="routines",
        columns=(
            "source_node", "schema_name", "routine_name", "routine_type", "returns", "body_language",
            "external_language", "definition", "is_deterministic", "sql_data_access", "security_type", "sql_mode",
            "definer",
        ),
        sql=text("routines"),
        what="procedures and functions with their bodies",
        needs="SHOW_ROUTINE (MySQL 8.0.20 and later) or SELECT on mysql.proc (before it, and MariaDB), else the bodies "
        "are empty",
    ),
    Question(
        name="routine-parameters",
        columns=(
            "source_node", "schema_name", "routine_name", "routine_type", "ordinal_position", "parameter_mode",
            "parameter_name", "data_type",
        ),
        sql=text("routine-parameters"),
        what="the parameters of procedures and functions",
        required=False,
        numbers=("ordinal_position",),
        weakens="The parameters of procedures and functions are not known.",
    ),
    Question(
        name="events",
        columns=(
            "source_node", "schema_name", "event_name", "event_type", "execute_at", "interval_value",
            "interval_field", "status", "on_completion", "definition", "sql_mode", "definer",
        ),
        sql=text("events"),
        what="the events of the scheduler with their bodies",
        needs="EVENT on the database, else no event is shown",
    ),
    Question(
        name="engines",
        columns=("source_node", "engine", "support", "transactions"),
        sql=text("engines"),
        what="the storage engines, and which of them have transactions",
    ),
    Question(
        name="udfs",
        columns=("source_node", "function_name", "library", "function_type"),
        sql=text("udfs"),
        what="functions that were loaded from shared libraries",
        required=False,
        needs="SELECT on mysql.func",
        grant="GRANT SELECT ON mysql.func TO {role};",
        weakens="Functions from shared libraries are not found.",
    ),
)  # fmt: skip

_OVER_TIME = tuple(
    Question(
        name=f"table-index-iops-{moment}",
        columns=(*_OBJECT, "seq_reads", "row_writes", "measurement_type"),
        sql=text("table-index-iops"),
        what=f"how many rows of each table and index were read and written, {when}",
        required=False,
        nodes="all",
        moment=moment,
        needs=_PERFORMANCE_SCHEMA,
        grant=_GRANT_PERFORMANCE_SCHEMA,
        numbers=("seq_reads", "row_writes"),
        weakens="Reads and writes per second are not known; the cluster is sized by the data alone.",
        step=_LOAD,
    )
    for moment, when in (("initial", "at the start"), ("final", "after the interval"))
)

QUESTIONS: tuple[Question, ...] = (*_STATISTICS, *_DICTIONARY, *_OVER_TIME)
"""In the order of asking; the pair that measures load stands at both ends of it (see `moment`)."""
