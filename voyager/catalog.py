"""What a source holds: tables, columns, sequences and every other object, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from voyager.identifiers import TableName


@dataclass(frozen=True)
class Column:
    """One column. `type_name` is format_type() text; `generated` is '' (ordinary), 's' (stored) or 'v' (virtual);
    `identity` is '', 'a' (always) or 'd' (by default)."""

    name: str
    type_name: str
    not_null: bool = False
    generated: str = ""
    identity: str = ""


@dataclass(frozen=True)
class Table:
    """One relation that can hold rows.

    `kind` is "table", "partitioned", "partition", "foreign", "materialized view". `pages` counts heap blocks and
    `rows_estimate` rows, both from the catalog (-1 when never analyzed); `bytes` is the heap's size with TOAST.
    `key` names the primary key's columns in order, empty without one. `unlogged`, `row_security` and `populated` are
    the catalog's flags (only a materialized view can be unpopulated).
    """

    name: TableName
    kind: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    pages: int = 0
    rows_estimate: int = -1
    bytes: int = 0
    parent: TableName | None = None
    unlogged: bool = False
    row_security: bool = False
    populated: bool = True

    @property
    def copied_columns(self) -> tuple[str, ...]:
        """The columns whose values travel: all but generated ones."""
        return tuple(column.name for column in self.columns if not column.generated)


@dataclass(frozen=True)
class Sequence:
    """A sequence and, where it feeds a column, that column. `last_value` is None before the first nextval, and `start`
    is what that will give. One that `cycles` begins again after its last value."""

    name: TableName
    last_value: int | None
    increment: int
    minimum: int
    maximum: int
    start: int
    owner_table: TableName | None = None
    owner_column: str | None = None
    cycles: bool = False


@dataclass(frozen=True)
class Disposition:
    """What becomes of one object of the source: `action` is "copied" or "skipped", `reason` says why when skipped."""

    kind: str
    name: str
    action: str
    reason: str = ""


@dataclass(frozen=True)
class Catalog:
    """Everything of the chosen schemas that a migration must account for."""

    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...] = ()
    not_migrated: tuple[Disposition, ...] = field(default=())

    def table(self, name: TableName) -> Table:
        return next(table for table in self.tables if table.name == name)
