"""Metadata of a MySQL database as a test describes it: `shop(table("t", column("a", "int")), ...)`."""

from __future__ import annotations

import re
from typing import Any

from voyager.assessment.metadata import Metadata
from voyager.sources.mysql.metadata import QUESTIONS

DATABASE = "shop"
_COLUMNS = {question.name.replace("-", "_"): question.columns for question in QUESTIONS}
_TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"}
Rows = dict[str, list[dict[str, Any]]]


def _row(question: str, **values: Any) -> dict[str, Any]:
    """A row with all columns of a question; those not given are NULL."""
    unknown = set(values) - set(_COLUMNS[question])
    assert not unknown, f"{question} has no {unknown}"
    return {**dict.fromkeys(_COLUMNS[question]), "source_node": "primary", "schema_name": DATABASE, **values}


def column(name: str, column_type: str, *, nullable: bool = True, **values: Any) -> Rows:
    data_type = re.split(r"[( ]", column_type, maxsplit=1)[0].lower()
    length = re.search(r"\((\d+)", column_type)
    size = int(length[1]) if length else None
    text = data_type in _TEXT
    given = {
        "data_type": data_type,
        "column_type": column_type,
        "is_nullable": "YES" if nullable else "NO",
        "numeric_precision": None if text else size,
        "character_length": size if text or "binary" in data_type else None,
        "character_set_name": "utf8mb4" if text else None,
        "collation_name": "utf8mb4_bin" if text else None,
        "extra": "",
        **values,
    }
    return {"columns": [_row("columns", column_name=name, **given)]}


def index(name: str, *keys: str, unique: bool = False, **values: Any) -> Rows:
    """Keys are `column`, `column(5)` or, in two parentheses, `((expression))`."""
    rows = []
    for place, key in enumerate(keys, 1):
        expression = key[2:-2] if key.startswith("((") else None
        prefix = re.fullmatch(r"(.+)\((\d+)\)", key) if expression is None else None
        rows.append(
            _row(
                "indexes",
                index_name=name,
                seq_in_index=place,
                is_unique="YES" if unique else "NO",
                column_name=None if expression else prefix[1] if prefix else key,
                expression=expression,
                sub_part=int(prefix[2]) if prefix else None,
                **{"index_type": "BTREE", "is_visible": "YES", "collation": "A", **values},
            )
        )
    return {"indexes": rows}


def primary_key(*keys: str) -> Rows:
    return index("PRIMARY", *keys, unique=True)


def foreign_key(name: str, own: str, parent: str, theirs: str, *, schema: str = DATABASE) -> Rows:
    rows = [
        _row(
            "foreign_keys",
            constraint_name=name,
            ordinal_position=place,
            column_name=one,
            referenced_schema=schema,
            referenced_table=parent,
            referenced_column=other,
        )
        for place, (one, other) in enumerate(zip(own.split(","), theirs.split(","), strict=True), 1)
    ]
    return {"foreign_keys": rows}


def check(name: str, clause: str, *, enforced: str = "YES") -> Rows:
    return {"checks": [_row("checks", constraint_name=name, check_clause=clause, enforced=enforced)]}


def partition(method: str, expression: str | None, *names: str, sub_method: str | None = None) -> Rows:
    rows = [
        _row(
            "partitions",
            partition_name=name,
            ordinal_position=place,
            partition_method=method,
            partition_expression=expression,
            subpartition_method=sub_method,
        )
        for place, name in enumerate(names or ("p0", "p1"), 1)
    ]
    return {"partitions": rows}


def table(name: str, *parts: Rows, **values: Any) -> Rows:
    """A table of InnoDB; without a column given it has `id int NOT NULL` as its key."""
    found: Rows = {"tables": [_row("tables", **{"table_type": "BASE TABLE", "engine": "InnoDB", **values})]}
    if not any("columns" in part for part in parts):
        parts = (column("id", "int", nullable=False), primary_key("id"), *parts)
    for part in parts:
        for question, rows in part.items():
            found.setdefault(question, []).extend(rows)
    for rows in found.values():
        for row in rows:
            row["table_name"] = name
    for place, row in enumerate(found["columns"], 1):
        row["ordinal_position"] = place
    return found


def view(name: str, definition: str | None, *, works: bool = True, **values: Any) -> Rows:
    given = {"definer": "dba@%", "security_type": "DEFINER", "check_option": "NONE", **values}
    found: Rows = {"views": [_row("views", view_name=name, definition=definition, **given)]}
    if works:
        found |= {"columns": [{**column("a", "int")["columns"][0], "table_name": name, "ordinal_position": 1}]}
    return found


def trigger(name: str, body: str, *, on: str = "t", **values: Any) -> Rows:
    given = {"timing": "BEFORE", "event": "INSERT", "action_order": 1, "sql_mode": "", "definer": "dba@%", **values}
    return {"triggers": [_row("triggers", trigger_name=name, table_name=on, definition=body, **given)]}


def routine(kind: str, name: str, body: str | None, **values: Any) -> Rows:
    given = {"sql_mode": "", "definer": "dba@%", "security_type": "DEFINER", "body_language": "SQL", **values}
    return {"routines": [_row("routines", routine_name=name, routine_type=kind, definition=body, **given)]}


def event(name: str, body: str, **values: Any) -> Rows:
    given = {"event_type": "RECURRING", "interval_value": "1", "interval_field": "DAY", "status": "ENABLED", **values}
    return {"events": [_row("events", event_name=name, definition=body, definer="dba@%", **given)]}


def engine(name: str, transactions: str) -> Rows:
    row = {"source_node": "primary", "engine": name, "support": "YES", "transactions": transactions}
    return {"engines": [row]}


def library_function(name: str) -> Rows:
    row = {"source_node": "primary", "function_name": name, "library": "lib.so", "function_type": "function"}
    return {"udfs": [row]}


def query(text: str) -> Rows:
    return {"db_queries_summary": [_row("db_queries_summary", query=text, calls=3)]}


def shop(
    *parts: Rows, sql_mode: str | None = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE", **facts: Any
) -> Metadata:
    tables: Rows = {}
    for part in parts:
        for question, rows in part.items():
            tables.setdefault(question, []).extend(rows)
    return Metadata(
        engine="mysql",
        database=DATABASE,
        version="8.0.36",
        schemas=(DATABASE,),
        tables={question: tuple(rows) for question, rows in tables.items()},
        facts={"sql_mode": sql_mode, **facts},
    )
