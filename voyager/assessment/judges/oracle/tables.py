"""Tables, partitions, views and policies of Oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from voyager.assessment.judges.oracle.dictionary import MATERIALIZED_VIEW, TABLE, Dictionary, Row, Spot, is_yes, text
from voyager.identifiers import visible


def table_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for (schema, table), row in dictionary.table_rows.items():
        yield from _of_table(schema, table, row)
    for (schema, table), row in dictionary.special.items():
        shown, of = visible(f"{schema}.{table}"), (TABLE, schema, table)
        if text(row, "kind") == "EXTERNAL":
            yield Spot("ORACLE_EXTERNAL_TABLE", TABLE, shown, of, details={"AccessDriver": text(row, "detail")})
        elif text(row, "kind") == "QUEUE":
            yield Spot("ORACLE_QUEUE_TABLE", TABLE, shown, ("QUEUE", schema, table))
    yield from _policies(dictionary)


def partition_spots(dictionary: Dictionary) -> Iterator[Spot]:
    yield from _unsupported(dictionary)
    made = Counter(
        (text(row, "schema_name"), text(row, "table_name"))
        for row in dictionary.rows("partitions")
        if is_yes(row, "by_interval")
    )
    for (schema, table), row in dictionary.partitioned.items():
        if text(row, "interval_expression"):
            details = {"Interval": visible(text(row, "interval_expression")), "MadeSoFar": made[schema, table]}
            shown = visible(f"{schema}.{table}")
            yield Spot("ORACLE_INTERVAL_PARTITIONS", TABLE, shown, (TABLE, schema, table), details=details)
        yield from _of_partitioned(dictionary, schema, table, row)


def view_spots(dictionary: Dictionary) -> Iterator[Spot]:
    for row in dictionary.rows("views"):
        schema, name = text(row, "schema_name"), text(row, "view_name")
        shown, of = visible(f"{schema}.{name}"), ("VIEW", schema, name)
        if is_yes(row, "editioning_view"):
            yield Spot("ORACLE_EDITIONING_VIEW", "VIEW", shown, of)
        if text(row, "view_type"):
            yield Spot("ORACLE_OBJECT_VIEW", "VIEW", shown, of, details={"TypeName": visible(text(row, "view_type"))})
    for row in dictionary.rows("materialized_views"):
        yield from _of_materialized_view(row)


def _of_table(schema: str, table: str, row: Row) -> Iterator[Spot]:
    shown, of = visible(f"{schema}.{table}"), (TABLE, schema, table)
    if is_yes(row, "temporary"):
        kept = "for the session" if text(row, "duration") == "SYS$SESSION" else "for the transaction"
        yield Spot("ORACLE_GLOBAL_TEMPORARY_TABLE", TABLE, shown, of, details={"Duration": kept})
    if text(row, "cluster_name"):
        details = {"ClusterName": visible(text(row, "cluster_name"))}
        yield Spot("ORACLE_CLUSTERED_TABLE", TABLE, shown, of, details=details)
    if text(row, "table_type"):
        details = {"TypeName": visible(text(row, "table_type"))}
        yield Spot("ORACLE_OBJECT_TABLE", TABLE, shown, of, details=details)


def _policies(dictionary: Dictionary) -> Iterator[Spot]:
    for name, issue_id in (("policies", "ORACLE_ROW_POLICY"), ("redaction_policies", "ORACLE_REDACTION_POLICY")):
        for row in dictionary.rows(name):
            schema, table = text(row, "schema_name"), text(row, "object_name")
            details = {"PolicyName": visible(text(row, "policy_name"))}
            yield Spot(issue_id, TABLE, visible(f"{schema}.{table}"), (TABLE, schema, table), details=details)


def _unsupported(dictionary: Dictionary) -> Iterator[Spot]:
    """By the mapping, which the existing tool's metadata has too; else by the partitioned tables themselves."""
    said: dict[tuple[str, str], str] = {}
    for row in dictionary.rows("object_type_mapping"):
        if text(row, "object_type") in ("REFERENCE PARTITION", "SYSTEM PARTITION"):
            said[text(row, "schema_name"), text(row, "object_name")] = text(row, "object_type")
    for name, row in dictionary.partitioned.items():
        if text(row, "partitioning_type") in ("REFERENCE", "SYSTEM"):
            said.setdefault(name, f"{text(row, 'partitioning_type')} PARTITION")
    for (schema, table), method in said.items():
        shown = visible(f"Table Name: {table}, Partition Method: {method}")
        yield Spot("UNSUPPORTED_PARTITIONING_METHODS", TABLE, shown, (TABLE, schema, table))


def _of_partitioned(dictionary: Dictionary, schema: str, table: str, row: Row) -> Iterator[Spot]:
    shown, of = visible(f"{schema}.{table}"), (TABLE, schema, table)
    method, below = text(row, "partitioning_type"), text(row, "subpartitioning_type")
    keys = dictionary.partition_keys.get((schema, table, "PARTITION"), [])
    if method == "LIST" and len(keys) > 1:
        details = {"ColumnName": visible(", ".join(keys))}
        yield Spot("ORACLE_MULTI_COLUMN_LIST_PARTITION", TABLE, shown, of, details=details)
    if method == "HASH":
        yield Spot("ORACLE_HASH_PARTITIONS", TABLE, shown, of)
    if below not in ("", "NONE"):
        yield Spot("ORACLE_COMPOSITE_PARTITIONS", TABLE, shown, of, details={"Methods": f"{method}, {below}"})
    nullable = [name for name in keys if (column := dictionary.column(schema, table, name)) and column.nullable]
    if method == "RANGE" and nullable:
        details = {"ColumnName": visible(", ".join(nullable))}
        yield Spot("ORACLE_NULL_PARTITION_KEY", TABLE, shown, of, details=details)


def _of_materialized_view(row: Row) -> Iterator[Spot]:
    schema, name = text(row, "schema_name"), text(row, "mview_name")
    shown, of = visible(f"{schema}.{name}"), (MATERIALIZED_VIEW, schema, name)
    mode, method = text(row, "refresh_mode"), text(row, "refresh_method")
    if mode == "COMMIT" or method == "FAST":
        details = {"Refresh": f"{method} ON {mode}"}
        yield Spot("ORACLE_MATERIALIZED_VIEW_REFRESH", MATERIALIZED_VIEW, shown, of, details=details)
    if is_yes(row, "updatable") or text(row, "master_link"):
        details = {"MasterLink": visible(text(row, "master_link"))} if text(row, "master_link") else {}
        yield Spot("ORACLE_UPDATABLE_MATERIALIZED_VIEW", MATERIALIZED_VIEW, shown, of, details=details)
