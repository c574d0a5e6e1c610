"""Reads the nodes of a parse tree that say something of a schema: names, types, columns, constraints, index keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from voyager.identifiers import visible
from voyager.schema.facts import ColumnFacts, ConstraintFacts, IndexKey, Key, TypeRef
from voyager.schema.parse import enum_name, items, name_of, strings
from voyager.schema.statements import Statement

# What the grammar and people write -> the name that pg_type has.
_CANONICAL = {
    "bigint": "int8", "bigserial": "int8", "serial8": "int8", "int": "int4", "integer": "int4", "serial": "int4",
    "serial4": "int4", "smallint": "int2", "smallserial": "int2", "serial2": "int2", "decimal": "numeric",
    "real": "float4", "boolean": "bool", "character": "bpchar",
}  # fmt: skip
# Types that a bare name means whatever the schema creates: pg_catalog is looked through first.
BUILTIN_TYPES = frozenset({
    "abstime", "aclitem", "bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr", "circle", "date",
    "datemultirange", "daterange", "float4", "float8", "inet", "int2", "int2vector", "int4", "int4multirange",
    "int4range", "int8", "int8multirange", "int8range", "interval", "json", "jsonb", "jsonpath", "line", "lseg",
    "macaddr", "macaddr8", "money", "name", "numeric", "nummultirange", "numrange", "oid", "oidvector", "path",
    "pg_lsn", "pg_snapshot", "point", "polygon", "record", "refcursor", "regclass", "regcollation", "regconfig",
    "regdictionary", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure", "regrole", "regtype",
    "text", "tid", "time", "timestamp", "timestamptz", "timetz", "tsmultirange", "tsquery", "tsrange",
    "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "uuid", "varbit", "varchar", "void", "xid", "xid8",
    "xml",
})  # fmt: skip
_SERIALS = {"serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"}


def key_of(relation: Any) -> Key:
    """The identity of a relation; a name without a schema is taken for one in public."""
    return (relation.schemaname or "public", relation.relname)


def dotted(*parts: str) -> str:
    """A qualified name as reports of compatibility print it: as the catalog spells it, joined by dots, no quotes."""
    return ".".join(visible(part) for part in parts if part)


def label(relation: Any) -> str:
    """A relation's name as the statement qualifies it."""
    return dotted(relation.schemaname, relation.relname)


def type_ref(node: Any) -> TypeRef:
    """Read a TypeName node."""
    names = strings(node.names)
    arrays = len(node.array_bounds)
    if node.pct_type:
        return TypeRef("", names[-1], arrays, of_column=names)
    schema = names[-2] if len(names) > 1 else ""
    name = names[-1] if names else ""
    if schema in {"", "pg_catalog"}:
        name = _CANONICAL.get(name, name)
    return TypeRef(schema, name, arrays, tuple(_typmods(node)))


def _typmods(node: Any) -> Iterator[int]:
    for modifier in items(node.typmods):
        if name_of(modifier) == "A_Const" and modifier.HasField("ival"):
            yield modifier.ival.ival


def defined(command: Any) -> Any | None:
    """The definition inside an ALTER TABLE command, None without one."""
    found = items([getattr(command, "def")])
    return found[0] if found else None


def constraints(tree: Any, statement: Statement | None = None) -> Iterator[ConstraintFacts]:
    """Every constraint of a CREATE [FOREIGN] TABLE or ALTER TABLE, whether on a column, on the table or added."""
    kind = name_of(tree)
    if kind == "CreateForeignTableStmt":
        tree, kind = tree.base_stmt, "CreateStmt"
    if kind == "CreateStmt":
        for element in items(tree.table_elts):
            yield from _constraints_of(element, statement, added=False)
    elif kind == "AlterTableStmt":
        for command in items(tree.cmds):
            definition = defined(command)
            if definition is not None:
                yield from _constraints_of(definition, statement, added=True)


def _constraints_of(definition: Any, statement: Statement | None, *, added: bool) -> Iterator[ConstraintFacts]:
    kind = name_of(definition)
    if kind == "Constraint":
        columns = strings(definition.fk_attrs) or strings(definition.keys)
        yield _constraint(definition, columns, statement, added=added, on_column=False)
    elif kind == "ColumnDef":
        yield from _column_constraints(definition, statement, added=added)


def _column_constraints(column: Any, statement: Statement | None, *, added: bool) -> list[ConstraintFacts]:
    """A column's constraints; DEFERRABLE and NOT ENFORCED stand behind theirs as nodes of their own."""
    found: list[ConstraintFacts] = []
    for node in items(column.constraints):
        kind = _constraint_kind(node)
        if not kind.startswith("attr_"):
            found.append(_constraint(node, (column.colname,), statement, added=added, on_column=True))
        elif found and kind in {"attr_deferrable", "attr_deferred"}:
            found.append(replace(found.pop(), deferrable=True))
        elif found and kind == "attr_not_enforced":
            found.append(replace(found.pop(), enforced=False))
    return found


def _constraint(
    node: Any, columns: tuple[str, ...], statement: Statement | None, *, added: bool, on_column: bool
) -> ConstraintFacts:
    kind = _constraint_kind(node)
    return ConstraintFacts(
        kind=kind,
        name=node.conname,
        columns=columns,
        deferrable=node.deferrable,
        node=node,
        added=added,
        on_column=on_column,
        references=key_of(node.pktable) if node.HasField("pktable") else None,
        referenced_columns=strings(node.pk_attrs),
        using_index=node.indexname,
        nulls_not_distinct=node.nulls_not_distinct,
        enforced=node.is_enforced or kind not in {"check", "foreign"},
        statement=statement,
    )


def _constraint_kind(node: Any) -> str:
    return enum_name(node, "contype").removeprefix("CONSTR_").lower()


IDENTITY = {"a": "always", "d": "by default"}
_GENERATED = {"s": "stored", "v": "virtual"}


def column_facts(node: Any) -> ColumnFacts:
    """Read a ColumnDef node."""
    default, generated_from, identity, generated = None, None, IDENTITY.get(node.identity, ""), ""
    not_null = node.is_not_null
    for constraint in items(node.constraints):
        kind = _constraint_kind(constraint)
        if kind == "default":
            [default] = items([constraint.raw_expr]) or [None]
        elif kind == "identity":
            identity = IDENTITY.get(constraint.generated_when, "")
        elif kind == "generated":
            generated = _GENERATED.get(constraint.generated_kind, "")
            [generated_from] = items([constraint.raw_expr]) or [None]
        not_null = not_null or kind in {"notnull", "primary", "identity"}
    written = strings(node.type_name.names)[-1:] if node.HasField("type_name") else ()
    return ColumnFacts(
        name=node.colname,
        type=type_ref(node.type_name) if node.HasField("type_name") else TypeRef("", ""),
        not_null=not_null or (bool(written) and written[0] in _SERIALS),
        default=default,
        identity=identity,
        generated=generated,
        generated_from=generated_from,
        collation=".".join(strings(node.coll_clause.collname)) if node.HasField("coll_clause") else "",
        compression=node.compression,
    )


_ORDERINGS = {"SORTBY_ASC": "asc", "SORTBY_DESC": "desc", "SORTBY_HASH": "hash"}
_NULLS = {"SORTBY_NULLS_FIRST": "first", "SORTBY_NULLS_LAST": "last"}


def index_key(node: Any) -> IndexKey:
    [expression] = items([node.expr]) or [None]
    return IndexKey(
        column=node.name,
        expression=expression,
        collation=strings(node.collation),
        opclass=strings(node.opclass),
        ordering=_ORDERINGS.get(enum_name(node, "ordering"), ""),
        nulls=_NULLS.get(enum_name(node, "nulls_ordering"), ""),
    )


def qualified(names: Iterable[Any]) -> Key:
    parts = strings(names)
    return (parts[-2] if len(parts) > 1 else "public", parts[-1])
