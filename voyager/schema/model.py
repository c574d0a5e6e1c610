"""SchemaModel: what the statements of a schema say of its tables, types, functions and views, wherever they say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from voyager.schema.facts import (
    ColumnFacts,
    ConstraintFacts,
    FunctionFacts,
    IndexFacts,
    IndexKey,
    Key,
    ResolvedType,
    TableFacts,
    TypeFacts,
    TypeRef,
    ViewFacts,
)
from voyager.schema.nodes import (
    BUILTIN_TYPES,
    IDENTITY,
    column_facts,
    constraints,
    defined,
    index_key,
    key_of,
    label,
    qualified,
    type_ref,
)
from voyager.schema.parse import enum_name, items, name_of, strings
from voyager.schema.statements import Statement

__all__ = [
    "ColumnFacts", "ConstraintFacts", "FunctionFacts", "IndexFacts", "IndexKey", "Key", "ResolvedType", "SchemaModel",
    "TableFacts", "TypeFacts", "TypeRef", "ViewFacts", "column_facts", "constraints", "defined", "key_of", "label",
    "type_ref",
]  # fmt: skip

_Facts = TypeVar("_Facts")


class SchemaModel:
    """What detectors may ask of the whole schema. Names without a schema are taken for names in public."""

    def __init__(self) -> None:
        self.tables: dict[Key, TableFacts] = {}
        self.indexes: dict[Key, IndexFacts] = {}
        self.types: dict[Key, TypeFacts] = {}
        self.functions: dict[Key, list[FunctionFacts]] = {}
        self.views: dict[Key, ViewFacts] = {}
        self.attached_indexes: dict[Key, Key] = {}
        """Index of a partition -> the partitioned table's index that it is attached to."""

    @classmethod
    def build(cls, pairs: Iterable[tuple[Statement, Any]]) -> SchemaModel:
        """Read every statement once, in any order: what ALTER says before CREATE counts as well."""
        model = cls()
        for statement, tree in pairs:
            learn = _LEARN.get(name_of(tree))
            if learn:
                learn(model, statement, tree)
        model._finish()
        return model

    def with_statements(self, pairs: Sequence[tuple[Statement, Any]]) -> SchemaModel:
        """This model as it looks to statements that run later, in a routine: with the tables and types they create."""
        if not any(name_of(tree) in _LEARN for _, tree in pairs):
            return self
        inner, together = SchemaModel.build(pairs), SchemaModel()
        created = {key: facts for key, facts in inner.tables.items() if facts.statement is not None}
        together.tables = _chained(created, self.tables)
        together.indexes = _chained(inner.indexes, self.indexes)
        together.types = _chained(inner.types, self.types)
        together.functions, together.views = self.functions, self.views
        return together

    def table(self, relation: Any) -> TableFacts:
        """The facts of the table that a RangeVar names, empty ones for a table that no statement mentions."""
        key = key_of(relation)
        return self.tables.get(key) or TableFacts(key)

    def entry(self, key: Key) -> TableFacts:
        return self.tables.setdefault(key, TableFacts(key))

    def column(self, table: Key, name: str) -> ColumnFacts | None:
        """A column of a table, its own or one it has from a parent."""
        for key in self._lineage(table):
            found = self.tables[key].columns.get(name)
            if found is not None:
                return found
        return None

    def columns_of(self, table: Key) -> dict[str, ColumnFacts]:
        """All columns of a table, inherited ones first."""
        found: dict[str, ColumnFacts] = {}
        for key in reversed(list(self._lineage(table))):
            found.update(self.tables[key].columns)
        return found

    def root_of(self, table: Key) -> Key:
        """The topmost partitioned table above a partition; the table itself when it is none."""
        seen = {table}
        while (facts := self.tables.get(table)) and facts.parent and facts.parent not in seen:
            table = facts.parent
            seen.add(table)
        return table

    def resolve_type(self, schema: str, name: str) -> ResolvedType:
        return self.resolve(TypeRef(schema, name))

    def resolve(self, written: TypeRef) -> ResolvedType:
        """Follow domains down to the base type; array dimensions on the way add up."""
        domains: list[Key] = []
        current = written
        while True:
            key = (current.schema or "public", current.name)
            builtin = current.schema == "pg_catalog" or (not current.schema and current.name in BUILTIN_TYPES)
            facts = None if builtin else self.types.get(key)
            if facts is None:
                return ResolvedType(current, "", tuple(domains))
            if facts.kind != "domain" or facts.base is None or key in domains:
                return ResolvedType(current, facts.kind, tuple(domains), key)
            domains.append(key)
            current = replace(facts.base, arrays=facts.base.arrays + current.arrays)

    def _lineage(self, table: Key) -> Iterator[Key]:
        """The table and everything it has columns from, nearest first; tables that are mentioned only."""
        waiting, seen = [table], set()
        while waiting:
            key = waiting.pop(0)
            if key in seen or key not in self.tables:
                continue
            seen.add(key)
            yield key
            facts = self.tables[key]
            waiting.extend([facts.parent] if facts.parent else [])
            waiting.extend((*facts.inherits, *facts.likes))

    def _finish(self) -> None:
        """Tie together what may come in any order: keys made from indexes, and not-null that constraints bring."""
        for facts in self.tables.values():
            of = self.types.get(facts.of_type) if facts.of_type else None
            for name, type_ in of.attributes if of else ():
                facts.columns.setdefault(name, ColumnFacts(name, type_))
            facts.constraints = [self.with_columns(facts.key, constraint) for constraint in facts.constraints]
            for constraint in facts.of_kind("primary", "notnull"):
                for name in constraint.columns:
                    if name in facts.columns:
                        facts.columns[name] = replace(facts.columns[name], not_null=True)

    def with_columns(self, table: Key, constraint: ConstraintFacts) -> ConstraintFacts:
        """The constraint with its columns where it names an index instead of them."""
        index = self.indexes.get((table[0], constraint.using_index)) if constraint.using_index else None
        if index is None or constraint.columns:
            return constraint
        return replace(constraint, columns=index.columns, nulls_not_distinct=index.nulls_not_distinct)


def _chained(first: dict[Key, _Facts], second: dict[Key, _Facts]) -> dict[Key, _Facts]:
    return {**second, **first} if first else second


def _learn_table(model: SchemaModel, statement: Statement, tree: Any, *, foreign: bool = False) -> None:
    facts = model.entry(key_of(tree.relation))
    facts.statement, facts.foreign, facts.persistence = statement, foreign, tree.relation.relpersistence or "p"
    for element in items(tree.table_elts):
        if name_of(element) == "ColumnDef":
            facts.columns.setdefault(element.colname, column_facts(element))
        elif name_of(element) == "TableLikeClause":
            facts.likes.append(key_of(element.relation))
    facts.constraints.extend(constraints(tree, statement))
    parents = [key_of(parent) for parent in items(tree.inh_relations)]
    if tree.HasField("partbound") and parents:
        _attach(model, parents[0], facts)
    else:
        _inherit(model, parents, facts)
    if tree.HasField("of_typename"):
        facts.of_type = qualified(tree.of_typename.names)
    if tree.HasField("partspec"):
        keys = items(tree.partspec.part_params)
        facts.strategy = enum_name(tree.partspec, "strategy").removeprefix("PARTITION_STRATEGY_").lower()
        facts.key_columns = tuple(key.name for key in keys if key.name)
        facts.key_expressions = sum(1 for key in keys if not key.name)


def _learn_foreign_table(model: SchemaModel, statement: Statement, tree: Any) -> None:
    _learn_table(model, statement, tree.base_stmt, foreign=True)


def _attach(model: SchemaModel, parent: Key, facts: TableFacts) -> None:
    facts.parent = parent
    model.entry(parent).children.append(facts.key)


def _inherit(model: SchemaModel, parents: Iterable[Key], facts: TableFacts) -> None:
    for parent in parents:
        facts.inherits.append(parent)
        model.entry(parent).heirs.append(facts.key)


def _learn_alter(model: SchemaModel, statement: Statement, tree: Any) -> None:
    of = enum_name(tree, "objtype")
    for command in items(tree.cmds):
        kind, definition = enum_name(command, "subtype"), defined(command)
        if of == "OBJECT_INDEX":
            if kind == "AT_AttachPartition" and definition is not None:
                model.attached_indexes[key_of(definition.name)] = key_of(tree.relation)
        elif of in {"OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"}:
            _learn_command(model, model.entry(key_of(tree.relation)), kind, command, definition)
    if of in {"OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"}:
        model.entry(key_of(tree.relation)).constraints.extend(constraints(tree, statement))


def _learn_command(model: SchemaModel, facts: TableFacts, kind: str, command: Any, definition: Any | None) -> None:
    if kind == "AT_AddColumn" and definition is not None:
        facts.columns.setdefault(definition.colname, column_facts(definition))
    elif kind == "AT_AttachPartition" and definition is not None:
        _attach(model, facts.key, model.entry(key_of(definition.name)))
    elif kind == "AT_AddInherit" and definition is not None:
        _inherit(model, [key_of(definition)], facts)
    elif kind == "AT_SetUnLogged":
        facts.persistence = "u"
    elif command.name in facts.columns:
        _learn_column_command(facts, kind, command, definition)


def _learn_column_command(facts: TableFacts, kind: str, command: Any, definition: Any | None) -> None:
    column = facts.columns[command.name]
    if kind == "AT_SetNotNull":
        facts.columns[command.name] = replace(column, not_null=True)
    elif kind == "AT_ColumnDefault":
        facts.columns[command.name] = replace(column, default=definition)
    elif kind == "AT_AddIdentity" and definition is not None:
        identity = IDENTITY.get(definition.generated_when, "")
        facts.columns[command.name] = replace(column, identity=identity, not_null=True)
    elif kind == "AT_AlterColumnType" and definition is not None:
        facts.columns[command.name] = replace(column, type=type_ref(definition.type_name))


def _learn_index(model: SchemaModel, statement: Statement, tree: Any) -> None:
    [predicate] = items([tree.where_clause]) or [None]
    facts = IndexFacts(
        name=tree.idxname,
        table=key_of(tree.relation),
        method=(tree.access_method or "btree").lower(),
        keys=tuple(index_key(node) for node in items(tree.index_params)),
        included=tuple(node.name for node in items(tree.index_including_params)),
        unique=tree.unique,
        predicate=predicate,
        only=not tree.relation.inh,
        nulls_not_distinct=tree.nulls_not_distinct,
        statement=statement,
        tree=tree,
    )
    model.entry(facts.table).indexes.append(facts)
    if facts.name:
        model.indexes[facts.key] = facts


def _learn_enum(model: SchemaModel, _: Statement, tree: Any) -> None:
    key = qualified(tree.type_name)
    model.types[key] = TypeFacts(key, "enum", labels=strings(tree.vals))


def _learn_composite(model: SchemaModel, _: Statement, tree: Any) -> None:
    key = key_of(tree.typevar)
    attributes = tuple((node.colname, type_ref(node.type_name)) for node in items(tree.coldeflist))
    model.types[key] = TypeFacts(key, "composite", attributes=attributes)


def _learn_domain(model: SchemaModel, _: Statement, tree: Any) -> None:
    key = qualified(tree.domainname)
    model.types[key] = TypeFacts(key, "domain", base=type_ref(tree.type_name))


def _learn_range(model: SchemaModel, _: Statement, tree: Any) -> None:
    key = qualified(tree.type_name)
    subtypes = (items([element.arg]) for element in items(tree.params) if element.defname == "subtype")
    subtype = next((type_ref(found[0]) for found in subtypes if found and name_of(found[0]) == "TypeName"), None)
    model.types[key] = TypeFacts(key, "range", subtype=subtype)
    multirange = _multirange_of(key, tree)
    model.types[multirange] = TypeFacts(multirange, "multirange", subtype=subtype)


def _multirange_of(key: Key, tree: Any) -> Key:
    """The multirange type that comes with a range type: the server chooses its name where the statement does not."""
    for element in items(tree.params):
        if element.defname == "multirange_type_name":
            [named] = items([element.arg])
            return qualified(named.names if name_of(named) == "TypeName" else [named])
    schema, name = key
    return (schema, name.replace("range", "multirange", 1) if "range" in name else f"{name}_multirange")


def _learn_defined(model: SchemaModel, _: Statement, tree: Any) -> None:
    """CREATE TYPE with input and output functions, or a shell that such a statement fills later."""
    if enum_name(tree, "kind") != "OBJECT_TYPE":
        return
    key = qualified(tree.defnames)
    model.types[key] = TypeFacts(key, "base" if tree.definition or key in model.types else "shell")


def _learn_function(model: SchemaModel, statement: Statement, tree: Any) -> None:
    key = qualified(tree.funcname)
    language = next(
        (items([option.arg])[0].sval for option in items(tree.options) if option.defname == "language"), "sql"
    )
    in_table = any(enum_name(node, "mode") == "FUNC_PARAM_TABLE" for node in items(tree.parameters))
    facts = FunctionFacts(
        key=key,
        returns=type_ref(tree.return_type) if tree.HasField("return_type") else None,
        sets=in_table or (tree.HasField("return_type") and tree.return_type.setof),
        language=language.lower(),
        statement=statement,
        tree=tree,
    )
    model.functions.setdefault(key, []).append(facts)


def _learn_view(model: SchemaModel, statement: Statement, tree: Any) -> None:
    [query] = items([tree.query]) or [None]
    key = key_of(tree.view)
    model.views[key] = ViewFacts(key, query, False, strings(tree.aliases), statement)


def _learn_table_as(model: SchemaModel, statement: Statement, tree: Any) -> None:
    [query] = items([tree.query]) or [None]
    key = key_of(tree.into.rel)
    facts = model.entry(key)
    facts.statement = statement
    if enum_name(tree, "objtype") == "OBJECT_MATVIEW":
        facts.materialized_view = True
        model.views[key] = ViewFacts(key, query, True, strings(tree.into.col_names), statement)


_LEARN: dict[str, Callable[[SchemaModel, Statement, Any], None]] = {
    "CreateStmt": _learn_table,
    "CreateForeignTableStmt": _learn_foreign_table,
    "AlterTableStmt": _learn_alter,
    "IndexStmt": _learn_index,
    "CreateEnumStmt": _learn_enum,
    "CompositeTypeStmt": _learn_composite,
    "CreateDomainStmt": _learn_domain,
    "CreateRangeStmt": _learn_range,
    "DefineStmt": _learn_defined,
    "CreateFunctionStmt": _learn_function,
    "ViewStmt": _learn_view,
    "CreateTableAsStmt": _learn_table_as,
}
