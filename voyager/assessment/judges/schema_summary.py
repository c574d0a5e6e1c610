"""How many objects of each type a schema has and how many of them have findings, from its statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from voyager.assessment.assessment import ObjectCount
from voyager.identifiers import Identifier, TableName
from voyager.schema.issues.issue import PERFORMANCE

if TYPE_CHECKING:
    from voyager.schema.analyze import Finding
    from voyager.schema.statements import Statement

TYPES: Mapping[str, str] = {
    "collation": "COLLATION",
    "extension": "EXTENSION",
    "language": "LANGUAGE",
    "access_method": "ACCESS METHOD",
    "type": "TYPE",
    "domain": "DOMAIN",
    "cast": "CAST",
    "conversion": "CONVERSION",
    "text_search": "TEXT SEARCH",
    "sequence": "SEQUENCE",
    "table": "TABLE",
    "foreign_data_wrapper": "FOREIGN DATA WRAPPER",
    "server": "SERVER",
    "foreign_table": "FOREIGN TABLE",
    "index": "INDEX",
    "function": "FUNCTION",
    "aggregate": "AGGREGATE",
    "procedure": "PROCEDURE",
    "operator": "OPERATOR",
    "operator_family": "OPERATOR FAMILY",
    "operator_class": "OPERATOR CLASS",
    "view": "VIEW",
    "trigger": "TRIGGER",
    "event_trigger": "EVENT TRIGGER",
    "materialized_view": "MVIEW",
    "rule": "RULE",
    "policy": "POLICY",
    "publication": "PUBLICATION",
    "statistics": "STATISTICS",
}
"""Kind of statement -> type of object in reports, in the order that reports have. What is no row is part of another
object (a constraint, a default) or says something of one (a comment, a grant)."""


def summarize(
    statements: Iterable[Statement], findings: Iterable[Finding], schemas: Collection[str]
) -> tuple[ObjectCount, ...]:
    """Count objects by type, in the order of TYPES, schemas first."""
    names: dict[str, dict[str, None]] = {
        "SCHEMA": {str(Identifier(schema)): None for schema in schemas},
        **{object_type: {} for object_type in TYPES.values()},
    }
    for statement in statements:
        if statement.kind in TYPES and statement.text[:6].upper() == "CREATE":
            names[TYPES[statement.kind]][name_of(statement)] = None
    # Reports differ in what they quote; the same object stays the same.
    touched = {_unquoted(*touched_object(one)) for one in findings if one.category != PERFORMANCE}
    return tuple(
        ObjectCount(object_type, tuple(found), sum(_unquoted(object_type, name) in touched for name in found))
        for object_type, found in names.items()
        if found
    )


def name_of(statement: Statement) -> str:
    """The name that findings give the object that a statement creates: routines without their arguments."""
    if statement.kind in {"function", "procedure", "aggregate"} and statement.schema:
        return str(TableName(statement.schema, statement.name))
    return statement.object_name


def touched_object(finding: Finding) -> tuple[str, str]:
    """The object that a finding is about: the table of a column or a constraint."""
    if finding.object_type == "COLUMN":
        return "TABLE", _without_last_part(finding.object_name)
    if finding.object_type == "TABLE":
        return "TABLE", finding.object_name.split(", constraint: (")[0]
    return finding.object_type, finding.object_name


def _unquoted(object_type: str, name: str) -> tuple[str, str]:
    return object_type, name.replace('"', "")


def _without_last_part(name: str) -> str:
    """`public."a.b".c` -> `public."a.b"`."""
    quoted = False
    for place in range(len(name) - 1, -1, -1):
        if name[place] == '"':
            quoted = not quoted
        elif name[place] == "." and not quoted:
            return name[:place]
    return name
