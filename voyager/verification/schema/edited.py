"""What an edited CREATE TABLE says of its columns and constraints: only what was edited is taken for intended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voyager.identifiers import Identifier
from voyager.schema.facts import ColumnFacts, ConstraintFacts, TypeRef
from voyager.schema.nodes import column_facts, constraints, defined, type_ref
from voyager.schema.parse import ParseError, enum_name, items, name_of, parse, strings
from voyager.schema.shape import shape
from voyager.verification.schema.objects import CONSTRAINT, EXISTENCE

_FORMS = {"primary key": "primary", "foreign key": "foreign", "exclusion": "exclusion", "unique": "unique",
          "check": "check", "not null": "notnull"}  # fmt: skip


@dataclass(frozen=True)
class EditedTable:
    """The columns and constraints that the statements of one table give it."""

    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)
    constraints: tuple[ConstraintFacts, ...] = ()

    def explains_column(self, name: str, fact: str, source: Any, target: Any) -> bool:
        """Whether the statements say of a column what the target has, and not what the source has."""
        column = self.columns.get(name)
        if fact == EXISTENCE:
            return (column is not None) == bool(target)
        if column is None:
            return False
        if fact == "data_type":
            said = _plain(column.type)
            return said == _type(target) != _type(source)
        if fact == "not_null":
            return self._not_null(column) == target
        if fact == "default_value":
            said = column.generated_from if column.generated else column.default
            return shape(said) != shape(_expression(source))
        if fact in ("identity", "generated"):
            return (getattr(column, fact) or None) == target
        if fact == "collation_name":
            return column.collation != str(source or "").replace('"', "")
        return fact == "compression" and bool(column.compression)

    def explains_constraint(self, name: str, fact: str, source: Any, facts: Mapping[str, Any]) -> bool:
        """The same of a constraint. One without a name gets it from the server: it may be any of its form."""
        form = _FORMS.get(str(facts.get("form")), "")
        if form == "notnull":
            column = self._named_by(str(facts.get("definition")))
            return column is None or self._not_null(column) != bool(source)
        named = [one for one in self.constraints if one.name == name]
        if fact != EXISTENCE:
            return fact == "definition" and bool(named) and all(_differs(one, source) for one in named)
        if source:
            return not named
        return bool(named) or any(not one.name and one.kind == form for one in self.constraints)

    def explains_sequence(self, facts: Mapping[str, Any]) -> bool:
        """Whether the column that a sequence feeds is not as it was."""
        owner = str(facts.get("owner") or "").removesuffix(" (identity)")
        return not any(
            owner.endswith(f".{name}") or owner.endswith(f".{Identifier(name).sql}")
            for name, column in self.columns.items()
            if column.identity or column.default is not None
        )

    def _not_null(self, column: ColumnFacts) -> bool:
        keys = (one for one in self.constraints if one.kind in ("primary", "notnull"))
        return column.not_null or any(column.name in one.columns for one in keys)

    def _named_by(self, definition: str) -> ColumnFacts | None:
        """The column of a definition `NOT NULL "c"`."""
        said = definition.removeprefix("NOT NULL ")
        return next((one for name, one in self.columns.items() if said in (name, Identifier(name).sql)), None)


def read_edited(texts: Iterable[str]) -> EditedTable | None:
    """What the statements of one table come to; None when one of them cannot be read."""
    found = EditedTable()
    for text in texts:
        try:
            tree = parse(text)
        except ParseError:
            return None
        found = replace(found, constraints=(*found.constraints, *constraints(tree)), columns=_columns(found, tree))
    return found


def _columns(found: EditedTable, tree: Any) -> dict[str, ColumnFacts]:
    columns = dict(found.columns)
    whole = tree.base_stmt if name_of(tree) == "CreateForeignTableStmt" else tree
    if name_of(whole) == "CreateStmt":
        nodes = [element for element in items(whole.table_elts) if name_of(element) == "ColumnDef"]
        columns |= {node.colname: column_facts(node) for node in nodes}
    elif name_of(whole) == "AlterTableStmt":
        for command in items(whole.cmds):
            definition = defined(command)
            if enum_name(command, "subtype") == "AT_AddColumn" and definition is not None:
                columns[definition.colname] = column_facts(definition)
            elif enum_name(command, "subtype") == "AT_DropColumn":
                columns.pop(command.name, None)
    return columns


def _differs(said: ConstraintFacts, definition: Any) -> bool:
    try:
        tree = parse(CONSTRAINT.replace("{}", str(definition)))
    except ParseError:
        return True
    (was,) = constraints(tree)
    one, other = (
        (shape(node.raw_expr), strings(node.keys), strings(node.fk_attrs), strings(node.pk_attrs), node.deferrable,
         node.fk_del_action, node.fk_upd_action)
        for node in (said.node, was.node)
    )  # fmt: skip
    return one != other


def _expression(text: str | None) -> Any:
    """The node of a printed default."""
    if text is None:
        return None
    try:
        (target,) = items(parse(f"SELECT {text}").target_list)
    except (ParseError, ValueError):
        return None
    return next(iter(items([target.val])), None)


def _type(text: Any) -> TypeRef | None:
    cast = _expression(f"NULL::{text}")
    return None if cast is None or name_of(cast) != "TypeCast" else _plain(type_ref(cast.type_name))


def _plain(written: TypeRef) -> TypeRef:
    return replace(written, schema="") if written.schema == "pg_catalog" else written
