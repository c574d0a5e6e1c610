"""Detects ALTER, DROP and REINDEX statements that the target, or some release of it, does not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from voyager.schema.issues.detect.parsed import OBJECT_KINDS, Parsed
from voyager.schema.issues.issue import Hit
from voyager.schema.nodes import defined, dotted, label
from voyager.schema.parse import enum_name, items, name_of, strings

# A command of ALTER TABLE -> the issue that it is by itself.
_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "AT_SetOptions": "ALTER_TABLE_SET_COLUMN_ATTRIBUTE",
        "AT_ResetOptions": "ALTER_COLUMN_RESET",
        "AT_SetStatistics": "ALTER_COLUMN_SET_STATISTICS",
        "AT_SetStorage": "ALTER_COLUMN_SET_STORAGE",
        "AT_SetCompression": "COMPRESSION_CLAUSE_IN_TABLE",
        "AT_SetExpression": "ALTER_COLUMN_SET_EXPRESSION",
        "AT_ClusterOn": "ALTER_TABLE_CLUSTER_ON",
        "AT_DropCluster": "SET_WITHOUT_CLUSTER",
        "AT_DisableRule": "ALTER_TABLE_DISABLE_RULE",
        "AT_AddOf": "ALTER_TABLE_OF",
        "AT_DropOf": "ALTER_TABLE_NOT_OF",
        "AT_AddInherit": "ALTER_TABLE_INHERIT",
        "AT_ValidateConstraint": "VALIDATE_CONSTRAINT",
        "AT_SetRelOptions": "ALTER_TABLE_SET",
        "AT_ResetRelOptions": "ALTER_TABLE_RESET",
        "AT_GenericOptions": "ALTER_FOREIGN_TABLE_OPTIONS",
        "AT_AlterColumnGenericOptions": "ALTER_FOREIGN_TABLE_OPTIONS",
        "AT_SetUnLogged": "UNLOGGED_TABLES",
        "AT_AlterConstraint": "ALTER_CONSTRAINT",
    }
)
_OF_COLUMN = {"AT_SetOptions", "AT_ResetOptions", "AT_SetStatistics", "AT_SetStorage", "AT_SetCompression"}
_OF_INDEX = {"AT_SetRelOptions", "AT_ResetRelOptions", "AT_SetTableSpace"}
_CHANGES_OWNER = "AT_ChangeOwner"
_DROPPED_ONE_BY_ONE = {"COLLATION", "INDEX", "VIEW", "SEQUENCE", "FOREIGN TABLE"}


def alter_table(parsed: Parsed) -> Iterator[Hit]:
    for command in parsed.commands():
        kind = enum_name(command, "subtype")
        if kind in _COMMANDS:
            yield _of_command(parsed, kind, command)
        if kind == "AT_AlterConstraint":
            yield from _enforcement(parsed, command)


def _of_command(parsed: Parsed, kind: str, command: Any) -> Hit:
    if kind in _OF_COLUMN:
        # A column may be given by its number.
        column = dotted(command.name) if command.name else str(command.num)
        return parsed.at_table(_COMMANDS[kind], ColumnName=column)
    if kind == "AT_DisableRule":
        return parsed.at_table(_COMMANDS[kind], RuleName=dotted(command.name))
    return parsed.at_table(_COMMANDS[kind])


def _enforcement(parsed: Parsed, command: Any) -> Iterator[Hit]:
    change = defined(command)
    if change is not None and name_of(change) == "ATAlterConstraint" and change.alter_enforceability:
        name = dotted(change.conname)
        yield Hit(
            "CONSTRAINT_NOT_ENFORCED", "TABLE", f"{label(parsed.relation)}, constraint: ({name})",
            {"ConstraintName": name},
        )  # fmt: skip


def alter_index(parsed: Parsed) -> Iterator[Hit]:
    if parsed.commands(*_OF_INDEX):
        yield parsed.at_table("ALTER_INDEX_SET")


def alter_view(parsed: Parsed) -> Iterator[Hit]:
    commands = {enum_name(command, "subtype") for command in parsed.commands()}
    if commands - {_CHANGES_OWNER}:
        yield parsed.at_table("ALTER_VIEW")
    for command in parsed.commands("AT_SetRelOptions"):
        options = defined(command)
        if options is not None and any(one.defname == "security_invoker" for one in items(options.items)):
            yield parsed.at_table("SECURITY_INVOKER_VIEWS")


def alter_type(parsed: Parsed) -> Iterator[Hit]:
    if parsed.commands("AT_DropColumn"):
        yield parsed.at_table("ALTER_TYPE_DROP_ATTRIBUTE")
    else:
        yield parsed.at_table("ALTER_TYPE")


def alter_enum_or_base_type(parsed: Parsed) -> Iterator[Hit]:
    yield Hit("ALTER_TYPE", "TYPE", dotted(*strings(parsed.tree.type_name)))


# What an object that is renamed or moved is -> the issue of altering it. A change of its owner is none: every dump has
# one for each object, and the target takes them.
_RENAMED = {"VIEW": "ALTER_VIEW", "MVIEW": "ALTER_VIEW", "TYPE": "ALTER_TYPE", "AGGREGATE": "ALTER_AGGREGATE"}


def rename(parsed: Parsed) -> Iterator[Hit]:
    yield from _moved(parsed, enum_name(parsed.tree, "rename_type"), _RENAMED)


def set_schema(parsed: Parsed) -> Iterator[Hit]:
    yield from _moved(
        parsed, enum_name(parsed.tree, "object_type"), {**_RENAMED, "TABLE": "ALTER_TABLE_SET_SCHEMA"}
    )  # fmt: skip


def _moved(parsed: Parsed, kind: str, issues: Mapping[str, str]) -> Iterator[Hit]:
    tree = parsed.tree
    if kind == "OBJECT_CONVERSION":
        yield Hit("ALTER_CONVERSION", "CONVERSION", _named(tree))
        return
    if kind == "OBJECT_ATTRIBUTE" or (kind == "OBJECT_COLUMN" and _of_view(tree)):
        kind = enum_name(tree, "relation_type")
    name = OBJECT_KINDS.get(kind, "")
    if name in issues:
        yield Hit(issues[name], name, _named(tree))


def _of_view(tree: Any) -> bool:
    return name_of(tree) == "RenameStmt" and enum_name(tree, "relation_type") in {"OBJECT_VIEW", "OBJECT_MATVIEW"}


def _named(tree: Any) -> str:
    """The name of what is renamed or moved: a relation, a list of its parts, or a function with its arguments."""
    if tree.HasField("relation"):
        return label(tree.relation)
    found = items([tree.object])[0]
    return dotted(*strings(found.objname if name_of(found) == "ObjectWithArgs" else found.items))


def tablespace(parsed: Parsed) -> Iterator[Hit]:
    yield Hit("ALTER_TABLESPACE", "TABLESPACE", dotted(parsed.tree.tablespacename))


def drop(parsed: Parsed) -> Iterator[Hit]:
    kind = OBJECT_KINDS.get(enum_name(parsed.tree, "remove_type"), "")
    names = [dotted(*strings(found.items)) for found in items(parsed.tree.objects) if name_of(found) == "List"]
    if kind in _DROPPED_ONE_BY_ONE and len(names) > 1:
        apart = " ".join(f"DROP {kind} {name};" for name in names)
        yield Hit("DROP_MULTIPLE_OBJECTS", kind, ", ".join(names), advice=f"Drop each object by itself: {apart}")
    if kind == "INDEX" and parsed.tree.concurrent:
        yield Hit("DROP_INDEX_CONCURRENTLY", "INDEX", ", ".join(names))


def reindex(parsed: Parsed) -> Iterator[Hit]:
    kind = enum_name(parsed.tree, "kind").removeprefix("REINDEX_OBJECT_")
    name = label(parsed.tree.relation) if parsed.tree.HasField("relation") else dotted(parsed.tree.name)
    yield Hit("REINDEX", kind, name)


BY_NODE = {
    "AlterTableStmt": (alter_table,),
    "AlterTableStmt of INDEX": (alter_index,),
    "AlterTableStmt of VIEW": (alter_view,),
    "AlterTableStmt of MVIEW": (alter_view,),
    "AlterTableStmt of TYPE": (alter_type,),
    "AlterEnumStmt": (alter_enum_or_base_type,),
    "AlterTypeStmt": (alter_enum_or_base_type,),
    "RenameStmt": (rename,),
    "AlterObjectSchemaStmt": (set_schema,),
    "AlterTableSpaceOptionsStmt": (tablespace,),
    "DropStmt": (drop,),
    "ReindexStmt": (reindex,),
}
