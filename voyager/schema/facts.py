"""Facts of a schema: what is known of one column, constraint, index, table, type, function or view; values only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from voyager.schema.statements import Statement

Key = tuple[str, str]
"""A schema and a name in it, as the catalog spells them."""


@dataclass(frozen=True)
class TypeRef:
    """A type as a statement names it: `name` is that of pg_type ("int4", "varchar", "citext") or of a type of the
    schema in its own spelling; `schema` is "" where none was written; `arrays` counts dimensions."""

    schema: str
    name: str
    arrays: int = 0
    typmods: tuple[int, ...] = ()
    of_column: tuple[str, ...] = ()
    """For `table.column%TYPE` the parts of that name; `name` is then the column's."""


@dataclass(frozen=True)
class ResolvedType:
    """A type followed through domains: `base` is what it is in the end, `domains` the way there, outermost first.

    `kind` is that of the base: "" for a type that the schema does not create, else enum, composite, range or
    multirange.
    """

    base: TypeRef
    kind: str = ""
    domains: tuple[Key, ...] = ()
    key: Key | None = None


@dataclass(frozen=True)
class ColumnFacts:
    """One column. `default` and `generated_from` are expression nodes; `generated` is "", "stored" or "virtual";
    `identity` is "", "always" or "by default"."""

    name: str
    type: TypeRef
    not_null: bool = False
    default: Any = None
    identity: str = ""
    generated: str = ""
    generated_from: Any = None
    collation: str = ""
    compression: str = ""

    @property
    def type_schema(self) -> str:
        return self.type.schema

    @property
    def type_name(self) -> str:
        return self.type.name

    @property
    def arrays(self) -> int:
        return self.type.arrays

    @property
    def typmods(self) -> tuple[int, ...]:
        return self.type.typmods


@dataclass(frozen=True)
class ConstraintFacts:
    """One constraint, inline or added. `kind` is primary, unique, foreign, check, exclusion, notnull, generated, …

    `name` is "" where the server chooses one. `columns` of a key made USING INDEX are those of the index.
    `references` is the table of a foreign key. `added` says that ALTER TABLE brought it, `on_column` that it stands
    behind a column.
    """

    kind: str
    name: str
    columns: tuple[str, ...]
    deferrable: bool
    node: Any
    added: bool
    on_column: bool = False
    references: Key | None = None
    referenced_columns: tuple[str, ...] = ()
    using_index: str = ""
    nulls_not_distinct: bool = False
    enforced: bool = True
    statement: Statement | None = None


@dataclass(frozen=True)
class IndexKey:
    """One key of an index: a column or an expression node; ordering is "", "asc", "desc" or "hash", nulls "",
    "first" or "last"."""

    column: str
    expression: Any = None
    collation: tuple[str, ...] = ()
    opclass: tuple[str, ...] = ()
    ordering: str = ""
    nulls: str = ""


@dataclass(frozen=True)
class IndexFacts:
    """One CREATE INDEX. `predicate` is the node behind WHERE, None without one."""

    name: str
    table: Key
    method: str
    keys: tuple[IndexKey, ...]
    included: tuple[str, ...]
    unique: bool
    predicate: Any
    only: bool
    nulls_not_distinct: bool
    statement: Statement
    tree: Any

    @property
    def key(self) -> Key:
        return (self.table[0], self.name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The key's columns in order; "" for an expression."""
        return tuple(key.column for key in self.keys)


@dataclass
class TableFacts:
    """What the statements of a schema say of one table, foreign table or materialized view."""

    key: Key
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    constraints: list[ConstraintFacts] = field(default_factory=list)
    indexes: list[IndexFacts] = field(default_factory=list)
    strategy: str = ""
    """list, range or hash for a partitioned table."""
    key_columns: tuple[str, ...] = ()
    key_expressions: int = 0
    parent: Key | None = None
    """The partitioned table that this is a partition of."""
    children: list[Key] = field(default_factory=list)
    of_type: Key | None = None
    """The composite type that CREATE TABLE … OF takes the columns from."""
    inherits: list[Key] = field(default_factory=list)
    """Tables inherited from otherwise than as a partition."""
    heirs: list[Key] = field(default_factory=list)
    likes: list[Key] = field(default_factory=list)
    """Tables whose columns it copies with LIKE."""
    persistence: str = "p"
    foreign: bool = False
    materialized_view: bool = False
    statement: Statement | None = None
    """The statement that creates it; None when only ALTER names it."""

    @property
    def partitioned(self) -> bool:
        return bool(self.strategy)

    @property
    def primary_key(self) -> ConstraintFacts | None:
        return next((constraint for constraint in self.constraints if constraint.kind == "primary"), None)

    def of_kind(self, *kinds: str) -> Iterator[ConstraintFacts]:
        return (constraint for constraint in self.constraints if constraint.kind in kinds)


@dataclass(frozen=True)
class TypeFacts:
    """A type that the schema creates: `kind` is enum, composite, domain, range, multirange, base or shell."""

    key: Key
    kind: str
    base: TypeRef | None = None
    """What a domain is over."""
    labels: tuple[str, ...] = ()
    attributes: tuple[tuple[str, TypeRef], ...] = ()
    subtype: TypeRef | None = None


@dataclass(frozen=True)
class FunctionFacts:
    """A function or procedure; `returns` is None for a procedure. `sets` says RETURNS SETOF or TABLE."""

    key: Key
    returns: TypeRef | None
    sets: bool
    language: str
    statement: Statement
    tree: Any


@dataclass(frozen=True)
class ViewFacts:
    """A view or materialized view with the node of its query."""

    key: Key
    query: Any
    materialized: bool
    columns: tuple[str, ...]
    statement: Statement
