"""The Oracle dictionary double (not Oracle): views of Oracle's dictionary as tables in PostgreSQL, rows from a sample.

SQL written for Oracle is parsed by sqlglot as Oracle's, checked against what the double can do, written for PostgreSQL
and run there. Whatever it cannot do faithfully it refuses loudly. What passes here has never run on Oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import oracledb
import psycopg
import sqlglot
from oracledb.errors import _Error
from sqlglot import exp

from tests import drive
from voyager.endpoint import Endpoint

# View -> columns, as Oracle's reference names them: "#" marks a number, "@" a date, "~" a LONG, "^" a CLOB.
VIEWS: Mapping[str, str] = {
    "DBA_ALL_TABLES": "OWNER TABLE_NAME TABLESPACE_NAME CLUSTER_NAME IOT_NAME STATUS NUM_ROWS# BLOCKS# EMPTY_BLOCKS#"
    " AVG_ROW_LEN# SAMPLE_SIZE# LAST_ANALYZED@ PARTITIONED IOT_TYPE OBJECT_ID_TYPE TABLE_TYPE_OWNER TABLE_TYPE"
    " TEMPORARY SECONDARY NESTED DURATION CLUSTER_OWNER DEPENDENCIES COMPRESSION COMPRESS_FOR DROPPED SEGMENT_CREATED",
    "DBA_TABLES": "OWNER TABLE_NAME TABLESPACE_NAME CLUSTER_NAME IOT_NAME STATUS NUM_ROWS# BLOCKS# AVG_ROW_LEN#"
    " LAST_ANALYZED@ PARTITIONED IOT_TYPE TEMPORARY SECONDARY NESTED DURATION COMPRESSION DROPPED READ_ONLY",
    "DBA_TAB_COLS": "OWNER TABLE_NAME COLUMN_NAME DATA_TYPE DATA_TYPE_MOD DATA_TYPE_OWNER DATA_LENGTH# DATA_PRECISION#"
    " DATA_SCALE# NULLABLE COLUMN_ID# DEFAULT_LENGTH# DATA_DEFAULT~ NUM_DISTINCT# LAST_ANALYZED@ CHARACTER_SET_NAME"
    " CHAR_COL_DECL_LENGTH# CHAR_LENGTH# CHAR_USED HIDDEN_COLUMN VIRTUAL_COLUMN SEGMENT_COLUMN_ID# INTERNAL_COLUMN_ID#"
    " QUALIFIED_COL_NAME USER_GENERATED DEFAULT_ON_NULL IDENTITY_COLUMN EVALUATION_EDITION",
    "DBA_TAB_IDENTITY_COLS": "OWNER TABLE_NAME COLUMN_NAME GENERATION_TYPE SEQUENCE_NAME IDENTITY_OPTIONS",
    "DBA_JSON_COLUMNS": "OWNER TABLE_NAME OBJECT_TYPE COLUMN_NAME FORMAT DATA_TYPE",
    "DBA_ENCRYPTED_COLUMNS": "OWNER TABLE_NAME COLUMN_NAME ENCRYPTION_ALG SALT INTEGRITY_ALG",
    "DBA_INDEXES": "OWNER INDEX_NAME INDEX_TYPE TABLE_OWNER TABLE_NAME TABLE_TYPE UNIQUENESS COMPRESSION"
    " PREFIX_LENGTH# TABLESPACE_NAME BLEVEL# LEAF_BLOCKS# DISTINCT_KEYS# STATUS NUM_ROWS# LAST_ANALYZED@ PARTITIONED"
    " TEMPORARY GENERATED SECONDARY DURATION ITYP_OWNER ITYP_NAME PARAMETERS GLOBAL_STATS DOMIDX_STATUS DOMIDX_OPSTATUS"
    " FUNCIDX_STATUS JOIN_INDEX IOT_REDUNDANT_PKEY_ELIM DROPPED VISIBILITY DOMIDX_MANAGEMENT SEGMENT_CREATED",
    "DBA_PART_INDEXES": "OWNER INDEX_NAME TABLE_NAME PARTITIONING_TYPE SUBPARTITIONING_TYPE PARTITION_COUNT# LOCALITY"
    " ALIGNMENT INTERVAL",
    "DBA_IND_COLUMNS": "INDEX_OWNER INDEX_NAME TABLE_OWNER TABLE_NAME COLUMN_NAME COLUMN_POSITION# COLUMN_LENGTH#"
    " CHAR_LENGTH# DESCEND",
    "DBA_IND_EXPRESSIONS": "INDEX_OWNER INDEX_NAME TABLE_OWNER TABLE_NAME COLUMN_EXPRESSION~ COLUMN_POSITION#",
    "DBA_CONSTRAINTS": "OWNER CONSTRAINT_NAME CONSTRAINT_TYPE TABLE_NAME SEARCH_CONDITION~ SEARCH_CONDITION_VC R_OWNER"
    " R_CONSTRAINT_NAME DELETE_RULE STATUS DEFERRABLE DEFERRED VALIDATED GENERATED BAD RELY LAST_CHANGE@ INDEX_OWNER"
    " INDEX_NAME INVALID VIEW_RELATED",
    "DBA_CONS_COLUMNS": "OWNER CONSTRAINT_NAME TABLE_NAME COLUMN_NAME POSITION#",
    "DBA_PART_TABLES": "OWNER TABLE_NAME PARTITIONING_TYPE SUBPARTITIONING_TYPE PARTITION_COUNT#"
    " DEF_SUBPARTITION_COUNT# PARTITIONING_KEY_COUNT# SUBPARTITIONING_KEY_COUNT# STATUS REF_PTN_CONSTRAINT_NAME"
    " INTERVAL IS_NESTED",
    "DBA_PART_KEY_COLUMNS": "OWNER NAME OBJECT_TYPE COLUMN_NAME COLUMN_POSITION#",
    "DBA_SUBPART_KEY_COLUMNS": "OWNER NAME OBJECT_TYPE COLUMN_NAME COLUMN_POSITION#",
    "DBA_TAB_PARTITIONS": "TABLE_OWNER TABLE_NAME COMPOSITE PARTITION_NAME SUBPARTITION_COUNT# HIGH_VALUE~"
    " HIGH_VALUE_LENGTH# PARTITION_POSITION# TABLESPACE_NAME NUM_ROWS# BLOCKS# LAST_ANALYZED@ INTERVAL SEGMENT_CREATED",
    "DBA_TAB_SUBPARTITIONS": "TABLE_OWNER TABLE_NAME PARTITION_NAME SUBPARTITION_NAME HIGH_VALUE~"
    " SUBPARTITION_POSITION# TABLESPACE_NAME NUM_ROWS# BLOCKS# LAST_ANALYZED@ INTERVAL",
    "DBA_SEGMENTS": "OWNER SEGMENT_NAME PARTITION_NAME SEGMENT_TYPE SEGMENT_SUBTYPE TABLESPACE_NAME BYTES# BLOCKS#"
    " EXTENTS#",
    "DBA_LOBS": "OWNER TABLE_NAME COLUMN_NAME SEGMENT_NAME TABLESPACE_NAME INDEX_NAME IN_ROW PARTITIONED SECUREFILE",
    "DBA_LOB_PARTITIONS": "TABLE_OWNER TABLE_NAME COLUMN_NAME LOB_NAME PARTITION_NAME LOB_PARTITION_NAME COMPOSITE",
    "DBA_LOB_SUBPARTITIONS": "TABLE_OWNER TABLE_NAME COLUMN_NAME LOB_NAME LOB_PARTITION_NAME SUBPARTITION_NAME"
    " LOB_SUBPARTITION_NAME",
    "DBA_EXTERNAL_TABLES": "OWNER TABLE_NAME TYPE_OWNER TYPE_NAME DEFAULT_DIRECTORY_OWNER DEFAULT_DIRECTORY_NAME"
    " REJECT_LIMIT ACCESS_TYPE PROPERTY",
    "DBA_QUEUE_TABLES": "OWNER QUEUE_TABLE TYPE OBJECT_TYPE SORT_ORDER RECIPIENTS COMPATIBLE SECURE",
    "DBA_NESTED_TABLES": "OWNER TABLE_NAME TABLE_TYPE_OWNER TABLE_TYPE_NAME PARENT_TABLE_NAME PARENT_TABLE_COLUMN"
    " STORAGE_SPEC RETURN_TYPE",
    "DBA_MVIEW_LOGS": "LOG_OWNER MASTER LOG_TABLE LOG_TRIGGER ROWIDS PRIMARY_KEY SEQUENCE INCLUDE_NEW_VALUES",
    "DBA_MVIEWS": "OWNER MVIEW_NAME CONTAINER_NAME QUERY~ QUERY_LEN# UPDATABLE MASTER_LINK REWRITE_ENABLED REFRESH_MODE"
    " REFRESH_METHOD BUILD_MODE FAST_REFRESHABLE LAST_REFRESH_TYPE STALENESS COMPILE_STATE",
    "DBA_VIEWS": "OWNER VIEW_NAME TEXT_LENGTH# TEXT~ TEXT_VC TYPE_TEXT VIEW_TYPE_OWNER VIEW_TYPE SUPERVIEW_NAME"
    " EDITIONING_VIEW READ_ONLY",
    "DBA_TRIGGERS": "OWNER TRIGGER_NAME TRIGGER_TYPE TRIGGERING_EVENT TABLE_OWNER BASE_OBJECT_TYPE TABLE_NAME"
    " COLUMN_NAME REFERENCING_NAMES WHEN_CLAUSE STATUS DESCRIPTION ACTION_TYPE TRIGGER_BODY~ CROSSEDITION FIRE_ONCE",
    "DBA_SOURCE": "OWNER NAME TYPE LINE# TEXT ORIGIN_CON_ID#",
    "DBA_PROCEDURES": "OWNER OBJECT_NAME PROCEDURE_NAME OBJECT_ID# SUBPROGRAM_ID# OVERLOAD OBJECT_TYPE AGGREGATE"
    " PIPELINED IMPLTYPEOWNER IMPLTYPENAME PARALLEL INTERFACE DETERMINISTIC AUTHID",
    "DBA_OBJECTS": "OWNER OBJECT_NAME SUBOBJECT_NAME OBJECT_ID# DATA_OBJECT_ID# OBJECT_TYPE CREATED@ LAST_DDL_TIME@"
    " TIMESTAMP STATUS TEMPORARY GENERATED SECONDARY EDITION_NAME",
    "DBA_DEPENDENCIES": "OWNER NAME TYPE REFERENCED_OWNER REFERENCED_NAME REFERENCED_TYPE REFERENCED_LINK_NAME"
    " DEPENDENCY_TYPE",
    "DBA_TYPES": "OWNER TYPE_NAME TYPE_OID TYPECODE ATTRIBUTES# METHODS# PREDEFINED INCOMPLETE FINAL INSTANTIABLE"
    " PERSISTABLE SUPERTYPE_OWNER SUPERTYPE_NAME LOCAL_ATTRIBUTES# LOCAL_METHODS# TYPEID",
    "DBA_TYPE_ATTRS": "OWNER TYPE_NAME ATTR_NAME ATTR_TYPE_MOD ATTR_TYPE_OWNER ATTR_TYPE_NAME LENGTH# PRECISION# SCALE#"
    " CHARACTER_SET_NAME ATTR_NO# INHERITED CHAR_USED",
    "DBA_COLL_TYPES": "OWNER TYPE_NAME COLL_TYPE UPPER_BOUND# ELEM_TYPE_MOD ELEM_TYPE_OWNER ELEM_TYPE_NAME LENGTH#"
    " PRECISION# SCALE# CHARACTER_SET_NAME ELEM_STORAGE NULLS_STORED CHAR_USED",
    "DBA_SEQUENCES": "SEQUENCE_OWNER SEQUENCE_NAME MIN_VALUE# MAX_VALUE# INCREMENT_BY# CYCLE_FLAG ORDER_FLAG"
    " CACHE_SIZE# LAST_NUMBER# SCALE_FLAG EXTEND_FLAG SHARDED_FLAG SESSION_FLAG KEEP_VALUE",
    "DBA_SYNONYMS": "OWNER SYNONYM_NAME TABLE_OWNER TABLE_NAME DB_LINK",
    "DBA_DB_LINKS": "OWNER DB_LINK USERNAME HOST CREATED@",
    "DBA_SCHEDULER_JOBS": "OWNER JOB_NAME JOB_SUBNAME JOB_STYLE JOB_CREATOR PROGRAM_OWNER PROGRAM_NAME JOB_TYPE"
    " JOB_ACTION SCHEDULE_OWNER SCHEDULE_NAME SCHEDULE_TYPE REPEAT_INTERVAL JOB_CLASS ENABLED STATE",
    "DBA_JOBS": "JOB# LOG_USER PRIV_USER SCHEMA_USER LAST_DATE@ NEXT_DATE@ BROKEN INTERVAL FAILURES# WHAT INSTANCE#",
    "DBA_POLICIES": "OBJECT_OWNER OBJECT_NAME POLICY_GROUP POLICY_NAME PF_OWNER PACKAGE FUNCTION SEL INS UPD DEL IDX"
    " CHK_OPTION ENABLE STATIC_POLICY POLICY_TYPE LONG_PREDICATE",
    "REDACTION_POLICIES": "OBJECT_OWNER OBJECT_NAME POLICY_NAME EXPRESSION ENABLE POLICY_DESCRIPTION",
    "DBA_TAB_COMMENTS": "OWNER TABLE_NAME TABLE_TYPE COMMENTS",
    "DBA_COL_COMMENTS": "OWNER TABLE_NAME COLUMN_NAME COMMENTS",
    "DBA_TAB_MODIFICATIONS": "TABLE_OWNER TABLE_NAME PARTITION_NAME SUBPARTITION_NAME INSERTS# UPDATES# DELETES#"
    " TIMESTAMP@ TRUNCATED DROP_SEGMENTS#",
    "NLS_DATABASE_PARAMETERS": "PARAMETER VALUE",
    "ALL_USERS": "USERNAME USER_ID# CREATED@ COMMON ORACLE_MAINTAINED",
    "V$VERSION": "BANNER BANNER_FULL CON_ID#",
    "V$SQLAREA": "SQL_TEXT SQL_FULLTEXT^ SQL_ID EXECUTIONS# ROWS_PROCESSED# ELAPSED_TIME# COMMAND_TYPE#"
    " PARSING_SCHEMA_NAME BUFFER_GETS# MODULE",
    "DUAL": "DUMMY",
}
OPEN_TO_ALL = {"NLS_DATABASE_PARAMETERS", "ALL_USERS", "V$VERSION", "DUAL"}
# There is no ALL_SEGMENTS; ALL_JOBS is one's own jobs.
NOT_IN_ALL = {"DBA_SEGMENTS"}
_OWNERS = ("OWNER", "TABLE_OWNER", "INDEX_OWNER", "LOG_OWNER", "SEQUENCE_OWNER", "OBJECT_OWNER", "SCHEMA_USER")
_TYPES = {"#": "numeric", "@": "timestamp", "~": "text", "^": "text"}
_FUNCTIONS = {"SYS_CONTEXT", "SYS_EXTRACT_UTC", "SYSTIMESTAMP"}
"""Those that sqlglot has no node for and that the double knows."""
_FORBIDDEN = (exp.Connect, exp.Pivot, exp.Command, exp.Lateral, exp.Star, exp.Prior, exp.AtTimeZone)


class Refused(AssertionError):
    """The double cannot answer this as Oracle would."""


@dataclass
class OracleDouble:
    """One sample dictionary. `user` connects; `refused` names views that the user may not read (all of DBA_… with
    `catalog` off)."""

    endpoint: Endpoint
    user: str = "ASSESSOR"
    version: str = "19.3.0.0.0"
    catalog: bool = True
    refused: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def load(self, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Make the views and put the sample's rows in; '' is NULL, as Oracle stores it."""
        unknown = {view: set(row) - set(columns_of(view)) for view, found in rows.items() for row in found}
        wrong = {view: names for view, names in unknown.items() if names}
        if wrong:
            raise Refused(f"the sample has columns that the views have not: {wrong}")
        with drive.connect(self.endpoint) as connection:
            for view in VIEWS:
                self._create(connection, view)
                self._fill(connection, view, rows.get(view, ()))

    def connect(self, endpoint: Endpoint, purpose: str) -> DoubleConnection:
        """What voyager.sources.oracle.connection.connect() is to the product."""
        return DoubleConnection(self, drive.connect(self.endpoint))

    def may_read(self, view: str) -> bool:
        if view in OPEN_TO_ALL or (view.startswith("ALL_") and f"DBA_{view[4:]}" not in NOT_IN_ALL):
            return True
        return self.catalog and view not in self.refused

    def _create(self, connection: psycopg.Connection[Any], view: str) -> None:
        columns = ", ".join(f'"{name.lower()}" {_TYPES.get(mark, "text")}' for name, mark in marked(view))
        connection.execute(f'CREATE TABLE "{view.lower()}" ({columns})'.encode())
        if view.startswith("DBA_") and view not in NOT_IN_ALL:
            owner = next(name for name in _OWNERS if name in columns_of(view)).lower()
            connection.execute(
                f'CREATE VIEW "all_{view[4:].lower()}" AS SELECT * FROM "{view.lower()}"'
                f" WHERE \"{owner}\" IN ('{self.user}', 'PUBLIC')".encode()
            )

    def _fill(self, connection: psycopg.Connection[Any], view: str, rows: Iterable[Mapping[str, Any]]) -> None:
        names = columns_of(view)
        values = [tuple(None if row.get(name) == "" else row.get(name) for name in names) for row in rows]
        if values:
            marks = ", ".join("%s" for _ in names)
            connection.cursor().executemany(f'INSERT INTO "{view.lower()}" VALUES ({marks})'.encode(), values)


@dataclass
class DoubleConnection:
    """The part of oracledb's Connection that the product uses."""

    double: OracleDouble
    postgres: psycopg.Connection[Any]

    @property
    def version(self) -> str:
        return self.double.version

    def cursor(self) -> DoubleCursor:
        return DoubleCursor(self.double, self.postgres.cursor())

    def close(self) -> None:
        self.postgres.close()


@dataclass
class DoubleCursor:
    """The part of oracledb's Cursor that the product uses."""

    double: OracleDouble
    postgres: psycopg.Cursor[Any]
    arraysize: int = 100
    prefetchrows: int = 2

    def execute(self, sql: str, parameters: Mapping[str, str] | None = None) -> None:
        self.double.asked.append(sql)
        tree = parse_oracle(sql)
        for view in views_of(tree):
            if view not in VIEWS and not (view.startswith("ALL_") and f"DBA_{view[4:]}" in VIEWS):
                raise Refused(f"the double has no view {view}")
            if not self.double.may_read(view):
                raise oracle_error(942, "table or view does not exist")
        check_long_columns(tree)
        try:
            self.postgres.execute(for_postgres(tree, parameters or {}, self.double).encode())
        except psycopg.errors.UndefinedColumn as error:
            raise oracle_error(904, f"{error.diag.message_primary}: invalid identifier") from None

    @property
    def description(self) -> list[tuple[str]]:
        return [(column.name.upper(),) for column in self.postgres.description or ()]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self.postgres:
            yield tuple(None if value is None else str(value) for value in row)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self)

    def close(self) -> None:
        self.postgres.close()


def columns_of(view: str) -> list[str]:
    return [name for name, _ in marked(view)]


def marked(view: str) -> Iterator[tuple[str, str]]:
    """Column and mark of each column of a view."""
    for word in VIEWS[view].split():
        yield (word[:-1], word[-1]) if word[-1] in _TYPES else (word, "")


def oracle_error(code: int, text: str) -> oracledb.DatabaseError:
    """An error as the driver raises it for one of the server's."""
    return oracledb.DatabaseError(_Error(f"ORA-{code:05}: {text}", code=code))


def parse_oracle(sql: str) -> exp.Expression:
    """The tree of one SELECT of Oracle; refuses what is none, and what the double cannot do."""
    trees = sqlglot.parse(sql, read="oracle", error_level=sqlglot.ErrorLevel.RAISE)
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        raise Refused(f"not one SELECT: {sql[:80]}")
    tree = trees[0]
    for node in tree.walk():
        if isinstance(node, _FORBIDDEN) and not _counts(node):
            raise Refused(f"the double cannot do {type(node).__name__}: {node.sql('oracle')}")
        if isinstance(node, exp.Anonymous) and node.name.upper() not in _FUNCTIONS:
            raise Refused(f"the double does not know the function {node.name}")
        if isinstance(node, exp.Column) and (node.args.get("join_mark") or node.name.upper() == "ROWNUM"):
            raise Refused(f"the double cannot do {node.sql('oracle')}")
        if isinstance(node, exp.Literal) and node.is_string and node.this == "":
            raise Refused("'' is NULL in Oracle and not in the double")
    return tree


def views_of(tree: exp.Expression) -> set[str]:
    """The dictionary views that a statement names."""
    own = {cte.alias_or_name.upper() for cte in tree.find_all(exp.CTE)}
    return {table.name.upper() for table in tree.find_all(exp.Table)} - own


def check_long_columns(tree: exp.Expression) -> None:
    """A LONG can only be selected as it is, and not where rows are grouped, made distinct or united."""
    longs = {name for view in views_of(tree) if view in VIEWS for name, mark in marked(view) if mark == "~"}
    for column in tree.find_all(exp.Column):
        # TEXT is a LONG in DBA_VIEWS and a VARCHAR2 in DBA_SOURCE: only the views of this statement count.
        if column.name.upper() not in longs:
            continue
        item = column.parent if isinstance(column.parent, exp.Alias) else column
        select = item.parent
        bare = isinstance(select, exp.Select) and item.arg_key == "expressions"
        if not bare or select.parent is not None or select.args.get("group") or select.args.get("distinct"):
            raise Refused(f"a LONG can only be selected as it is: {column.sql('oracle')}")


def for_postgres(tree: exp.Expression, parameters: Mapping[str, str], double: OracleDouble) -> str:
    """The statement in PostgreSQL's words, with its binds filled in."""

    def change(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder):
            return exp.Literal.string(parameters[node.name])
        if isinstance(node, exp.DPipe):
            # Oracle leaves NULL out of a concatenation, and an empty result is NULL.
            parts = exp.Anonymous(this="CONCAT", expressions=[node.this, node.expression])
            return exp.Anonymous(this="NULLIF", expressions=[parts, exp.Literal.string("")])
        if isinstance(node, exp.Anonymous) and node.name.upper() == "SYS_CONTEXT":
            return exp.Literal.string(_context(double)[node.expressions[1].name])
        if isinstance(node, exp.Anonymous) and node.name.upper() == "SYS_EXTRACT_UTC":
            return sqlglot.parse_one("CURRENT_TIMESTAMP AT TIME ZONE 'UTC'", read="postgres")
        return node

    changed = tree.copy()
    # From the leaves up: what is replaced has been changed below already.
    for node in reversed(list(changed.bfs())):
        if (other := change(node)) is not node:
            node.replace(other)
    return changed.sql("postgres", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _context(double: OracleDouble) -> dict[str, str]:
    return {
        "CON_NAME": "ORCLPDB1",
        "SESSION_USER": double.user,
        "DATABASE_ROLE": "PRIMARY",
        "NETWORK_PROTOCOL": "tcp",
    }


def _counts(node: exp.Expression) -> bool:
    return isinstance(node, exp.Star) and isinstance(node.parent, exp.Count)
