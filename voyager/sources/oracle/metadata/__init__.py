"""What an assessment asks of an Oracle database: one question, one .sql file beside this one, one metadata file."""

from __future__ import annotations

import re
from importlib import resources

from voyager.ports import Question
from voyager.sources.oracle.metadata.shortcomings import gaps

__all__ = [
    "ALWAYS_READABLE",
    "QUESTIONS",
    "ROLE",
    "gaps",
    "of_the_user",
    "part",
    "probe",
    "probes",
    "text",
    "views_read",
]

ALWAYS_READABLE = frozenset({"nls_database_parameters", "v$version", "dual", "all_users"})
"""Dictionary views that every user may read."""

_VIEW = re.compile(r"\b(?:(?:dba|all)_\w+|v\$\w+|nls_database_parameters|redaction_policies)(?![\w$])")
_PART = re.compile(r"\{(\w+)\}")
ROLE = "SELECT_CATALOG_ROLE"
_NEWER = {"sequence-options": "SELECT COUNT(s.scale_flag) + COUNT(s.session_flag) FROM dba_sequences s WHERE 1 = 0"}
"""Question -> what only newer releases answer, where the view itself is older."""

_TABLES, _INDEXES, _SCHEMA = "Collect table statistics", "Analyze index usage", "Read the schema"
_CODE, _QUERIES = "Read stored code", "Collect query statistics"
_OBJECT = "schema_name object_name object_type"


def part(name: str) -> str:
    """A text that others are made of, or that is asked of the session itself: parts/<name>.sql."""
    return resources.files(__name__).joinpath(f"parts/{name}.sql").read_text("utf-8").rstrip()


def text(name: str) -> str:
    """The SQL of one file; {name} in it stands for parts/<name>.sql."""
    written = resources.files(__name__).joinpath(f"{name}.sql").read_text("utf-8").rstrip()
    return _PART.sub(lambda match: part(match[1]), written)


def views_read(sql: str) -> tuple[str, ...]:
    """The dictionary views that a text reads, those that not every user may read."""
    return tuple(sorted(set(_VIEW.findall(sql.lower())) - ALWAYS_READABLE))


def of_the_user(sql: str) -> str:
    """The same question to the views ALL_…, which show what the user may access, and not all there is."""
    return re.sub(r"\bdba_", "all_", sql)


def probe(view: str) -> str:
    """A statement that reads nothing of a view, and is refused where the view is."""
    return f"SELECT COUNT(*) FROM {view} v WHERE 1 = 0"


def probes(question: Question) -> tuple[str, ...]:
    """Statements that read nothing, and are refused where the question would be."""
    columns = _NEWER.get(question.name)
    return (
        *(probe(view) for view in views_read(question.sql)),
        *((columns,) if columns else ()),
    )


def _question(
    name: str,
    columns: str,
    what: str,
    *,
    step: str = _SCHEMA,
    numbers: str = "",
    required: bool = False,
    weakens: str = "",
    needs: str = "",
) -> Question:
    sql = text(name)
    views = ", ".join(view.upper() for view in views_read(sql))
    privilege = f"{ROLE}, or SELECT on {views}" if views else ""
    return Question(
        name=name,
        columns=tuple(columns.split()),
        sql=sql,
        what=what,
        required=required,
        needs="; ".join(filter(None, (needs, privilege))),
        numbers=tuple(numbers.split()),
        grant=f"GRANT {ROLE} TO {{role}};" if views else "",
        weakens=weakens,
        step=step,
    )


QUESTIONS: tuple[Question, ...] = (
    _question(
        "object-type-mapping",
        _OBJECT,
        "the names and kinds of all tables, partitions and indexes, virtual columns and inherited types",
        step=_TABLES,
        required=True,
    ),
    _question(
        "table-row-counts",
        "schema_name table_name row_count",
        "the rows of each table as last counted by DBMS_STATS; no table is read",
        step=_TABLES,
        numbers="row_count",
        required=True,
    ),
    _question(
        "table-columns-count",
        f"{_OBJECT} column_count",
        "the number of columns of each table and index",
        step=_TABLES,
        numbers="column_count",
        required=True,
    ),
    _question(
        "table-columns-data-types",
        "schema_name table_name column_name data_type",
        "the name and data type of each column",
        step=_TABLES,
        required=True,
    ),
    _question(
        "table-index-sizes",
        f"{_OBJECT} size_in_bytes",
        "the size of each table (with its LOBs) and index on disk",
        step=_TABLES,
        numbers="size_in_bytes",
        weakens="The cluster is sized without knowing how large the tables are.",
    ),
    _question(
        "index-to-table-mapping",
        "index_schema index_name table_schema table_name",
        "the table of each index",
        step=_INDEXES,
        required=True,
    ),
    _question(
        "tables",
        "schema_name table_name table_type_owner table_type iot_type cluster_name partitioned temporary duration nested"
        " secondary dropped compression num_rows blocks avg_row_len last_analyzed",
        "how each table is organised and when its statistics were gathered",
        numbers="num_rows blocks avg_row_len",
        weakens="Temporary, clustered and object tables are not told from ordinary ones.",
    ),
    _question(
        "special-tables",
        "schema_name table_name kind detail",
        "external tables, queue tables, the storage of nested tables, logs of materialized views",
        weakens="External tables and queues are not found.",
    ),
    _question(
        "columns",
        "schema_name table_name internal_column_id column_name data_type data_type_owner data_length data_precision"
        " data_scale char_length char_used nullable virtual_column hidden_column user_generated identity_column"
        " default_on_null data_default",
        "type, length, default and generation of each column",
        numbers="internal_column_id data_length data_precision data_scale char_length",
        weakens="The data type on the target, defaults and hidden columns are not judged.",
        needs="Oracle 12.1 or later",
    ),
    _question(
        "identity-columns",
        "schema_name table_name column_name generation_type sequence_name identity_options",
        "identity columns and their sequences",
        weakens="Identity columns look like ordinary ones.",
        needs="Oracle 12.1 or later",
    ),
    _question(
        "json-columns",
        "schema_name table_name column_name format data_type",
        "the columns that hold JSON",
        weakens="JSON kept as text or bytes is not recognised.",
        needs="Oracle 12.1.0.2 or later",
    ),
    _question(
        "encrypted-columns",
        "schema_name table_name column_name encryption_alg",
        "the columns that the database encrypts",
        weakens="Columns that the database encrypts are not found.",
    ),
    _question(
        "indexes",
        "schema_name index_name table_schema table_name index_type uniqueness partitioned locality visibility status"
        " join_index ityp_owner ityp_name generated funcidx_status",
        "type, uniqueness and state of each index",
        step=_INDEXES,
        weakens="Bitmap, unusable and invisible indexes are not judged.",
    ),
    _question(
        "index-columns",
        "schema_name index_name column_position column_name descend column_expression",
        "the columns and expressions of each index",
        step=_INDEXES,
        numbers="column_position",
        weakens="The columns and expressions of indexes are not judged.",
    ),
    _question(
        "constraints",
        "schema_name constraint_name table_name constraint_type status validated deferrable deferred rely generated"
        " delete_rule r_owner r_constraint_name index_owner index_name search_condition",
        "keys, foreign keys and checks, and whether they are enforced",
        weakens="Keys, foreign keys and checks are not judged.",
    ),
    _question(
        "constraint-columns",
        "schema_name constraint_name table_name position column_name",
        "the columns of each constraint",
        numbers="position",
        weakens="The columns of keys are not judged.",
    ),
    _question(
        "partitioned-tables",
        "schema_name table_name partitioning_type subpartitioning_type partition_count interval_expression"
        " ref_ptn_constraint_name",
        "how each partitioned table is partitioned",
        numbers="partition_count",
        weakens="The methods of partitioning are known by name only.",
    ),
    _question(
        "partition-keys",
        "schema_name table_name key_of column_position column_name",
        "the columns that tables are partitioned by",
        numbers="column_position",
        weakens="Keys that do not hold the partition key are not found.",
    ),
    _question(
        "partitions",
        "schema_name table_name partition_position partition_name composite subpartition_count by_interval num_rows"
        " high_value",
        "the bounds of each partition",
        numbers="partition_position subpartition_count num_rows",
        weakens="The bounds of partitions are not known.",
    ),
    _question(
        "sequences",
        "schema_name sequence_name min_value max_value increment_by cycle_flag order_flag cache_size last_number",
        "the range and the next number of each sequence",
        numbers="min_value max_value increment_by cache_size last_number",
        weakens="Sequences whose numbers are too large for the target are not found.",
    ),
    _question(
        "sequence-options",
        "schema_name sequence_name scale_flag extend_flag session_flag",
        "sequences that put the number of the instance before theirs, or that belong to a session",
        weakens="Scalable and session sequences are not told from ordinary ones.",
        needs="Oracle 18c or later",
    ),
    _question(
        "types",
        "schema_name type_name typecode attributes methods is_final supertype_owner supertype_name coll_type"
        " upper_bound elem_type_owner elem_type_name elem_length elem_precision elem_scale",
        "object types and collections",
        numbers="attributes methods upper_bound elem_length elem_precision elem_scale",
        weakens="Object types and collections are not judged.",
    ),
    _question(
        "type-attributes",
        "schema_name type_name attr_no attr_name attr_type_mod attr_type_owner attr_type_name attr_length"
        " attr_precision attr_scale",
        "the attributes of object types",
        numbers="attr_no attr_length attr_precision attr_scale",
        weakens="The attributes of object types are not judged.",
    ),
    _question(
        "views",
        "schema_name view_name view_type_owner view_type editioning_view read_only text",
        "the text of each view",
        step=_CODE,
        weakens="What views need to be rewritten is not known.",
    ),
    _question(
        "materialized-views",
        "schema_name mview_name container_name updatable rewrite_enabled refresh_mode refresh_method build_mode"
        " master_link query",
        "the query of each materialized view and how it is refreshed",
        step=_CODE,
        weakens="How materialized views are refreshed is not known.",
    ),
    _question(
        "objects",
        "schema_name object_type object_name status temporary generated",
        "the names of all other objects, and whether they are valid",
        step=_CODE,
        weakens="Objects that are neither table nor index are counted only where another answer names them.",
    ),
    _question(
        "routines",
        "schema_name object_name procedure_name object_type aggregate pipelined deterministic authid",
        "the names of procedures and functions, those of packages too",
        step=_CODE,
        weakens="Aggregate functions of one's own are not found.",
    ),
    _question(
        "code-sources",
        "schema_name object_type object_name line text",
        "the source of procedures, functions, packages, types and triggers",
        step=_CODE,
        numbers="line",
        weakens="Stored code is not read, so neither its constructs nor the effort to rewrite it is known.",
    ),
    _question(
        "triggers",
        "schema_name trigger_name trigger_type triggering_event table_schema base_object_type table_name status"
        " when_clause crossedition",
        "the event and the state of each trigger",
        step=_CODE,
        weakens="Compound triggers and triggers on events of the database are not found.",
    ),
    _question(
        "dependencies",
        "schema_name object_type object_name referenced_owner referenced_type referenced_name referenced_link_name",
        "what code and views use of other schemas, of Oracle's own packages and of other databases",
        step=_CODE,
        weakens="What stored code uses of other schemas and databases is known from its text only.",
    ),
    _question(
        "synonyms",
        "schema_name synonym_name table_owner table_name db_link",
        "synonyms and what they stand for",
        weakens="Synonyms are not counted.",
    ),
    _question(
        "database-links",
        "schema_name db_link host",
        "the names of links to other databases (no user, no password)",
        weakens="Links to other databases are not found.",
    ),
    _question(
        "scheduler-jobs",
        "schema_name job_name job_type schedule_type repeat_interval enabled job_action",
        "the jobs of DBMS_SCHEDULER",
        weakens="Jobs of the scheduler are not found.",
    ),
    _question(
        "jobs",
        "schema_name job_number repeat_interval broken what",
        "the jobs of DBMS_JOB",
        numbers="job_number",
        weakens="Jobs of DBMS_JOB are not found.",
    ),
    _question(
        "policies",
        "schema_name object_name policy_name function_name sel ins upd del enable",
        "row-level security policies",
        weakens="Policies that keep rows from users are not found.",
    ),
    _question(
        "redaction-policies",
        "schema_name object_name policy_name enable",
        "policies that mask columns",
        weakens="Policies that mask columns are not found.",
    ),
    _question(
        "comments",
        "schema_name object_type comment_count",
        "how many tables and columns have comments",
        numbers="comment_count",
    ),
    _question(
        "table-modifications",
        "schema_name table_name inserts updates deletes truncated counted_since counted_until",
        "the rows written to each table since its statistics were gathered",
        step=_TABLES,
        numbers="inserts updates deletes",
        weakens="How often tables are written is not known; the cluster is sized by the data alone.",
    ),
    _question(
        "database-parameters",
        "parameter parameter_value",
        "the character sets of the database",
    ),
    _question(
        "db-queries-summary",
        "queryid query calls rows total_exec_time",
        "the texts of the 500 statements that took longest, with the constants that they hold, from the shared pool",
        step=_QUERIES,
        numbers="calls rows total_exec_time",
        weakens="Constructs in queries of applications that YugabyteDB does not take are not found.",
    ),
)
"""In the order of asking. Each reads one schema, `:schema_name`, or the database."""
