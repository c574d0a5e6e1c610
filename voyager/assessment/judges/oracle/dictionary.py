"""Dictionary: the answers of an Oracle database put together by table, index and constraint."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from voyager.identifiers import visible
from voyager.sources.oracle.types import ColumnFacts, TargetType, base_name, target_type

if TYPE_CHECKING:
    from voyager.assessment.metadata import Metadata

Row = Mapping[str, Any]
Name = tuple[str, str]
"""Schema and object, as the dictionary spells them."""

TABLE, MATERIALIZED_VIEW = "TABLE", "MATERIALIZED VIEW"
_NOT_NULL = re.compile(r'\s*"?[^"\s]+"?\s+IS\s+NOT\s+NULL\s*', re.IGNORECASE)
_IS_JSON = re.compile(r'"?([^"\s()]+)"?\s+IS\s+JSON', re.IGNORECASE)
_STRINGS = {"VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR"}


@dataclass(frozen=True)
class Spot:
    """One issue at one object. `object_name` is what the report shows; `of` is the type, schema and name of the object
    that is counted for it."""

    issue_id: str
    object_type: str
    object_name: str
    of: tuple[str, str, str] = ("", "", "")
    statement: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    category: str = ""


@dataclass(frozen=True)
class Column:
    """A column that a user made, and what becomes of it."""

    schema: str
    table: str
    name: str
    facts: ColumnFacts
    target: TargetType
    nullable: bool = True
    virtual: bool = False
    visible: bool = True
    default_on_null: bool = False

    @property
    def shown(self) -> str:
        return visible(f"{self.schema}.{self.table}.{self.name}")

    @property
    def of(self) -> tuple[str, str, str]:
        return (TABLE, self.schema, self.table)

    @property
    def is_text(self) -> bool:
        return base_name(self.facts.data_type) in _STRINGS


@dataclass(frozen=True)
class Constraint:
    """A constraint with its columns in order."""

    schema: str
    name: str
    table: str
    type: str
    columns: tuple[str, ...]
    row: Row

    @property
    def shown(self) -> str:
        return visible(f"{self.schema}.{self.table}, constraint: ({self.name})")

    @property
    def is_not_null(self) -> bool:
        return self.type == "C" and bool(_NOT_NULL.fullmatch(text(self.row, "search_condition")))


@dataclass(frozen=True)
class IndexKey:
    """One part of an index: a column, or an expression."""

    column: str
    expression: str
    descending: bool


@dataclass(frozen=True)
class Index:
    """An index with its parts in order."""

    schema: str
    name: str
    table_schema: str
    table: str
    type: str
    keys: tuple[IndexKey, ...]
    row: Row

    @property
    def shown(self) -> str:
        return visible(f"{self.name} ON {self.table_schema}.{self.table}")

    @property
    def of(self) -> tuple[str, str, str]:
        return ("INDEX", self.schema, self.name)


def text(row: Row, name: str) -> str:
    """The text of a column, "" for NULL and for a column that the file does not have."""
    value = row.get(name)
    return "" if value is None else str(value)


def is_yes(row: Row, name: str) -> bool:
    return text(row, name).upper() in ("YES", "Y", "TRUE")


@dataclass(frozen=True)
class Dictionary:
    """All that was asked, by object. Answers that were not given are empty."""

    metadata: Metadata

    def rows(self, name: str) -> tuple[Row, ...]:
        return self.metadata.rows(name)

    def answered(self, name: str) -> bool:
        """Whether a question got an answer, if only that there is nothing."""
        return name in self.metadata.tables

    @cached_property
    def tables(self) -> dict[Name, str]:
        """Every table that is migrated -> TABLE or MATERIALIZED VIEW."""
        return {
            (text(row, "schema_name"), text(row, "object_name")): text(row, "object_type")
            for row in self.rows("object_type_mapping")
            if text(row, "object_type") in (TABLE, MATERIALIZED_VIEW)
        }

    @cached_property
    def table_rows(self) -> dict[Name, Row]:
        return {name: row for name, row in self._named("tables", "table_name") if name in self.tables}

    @cached_property
    def special(self) -> dict[Name, Row]:
        """External tables, queues, nested tables and logs of materialized views."""
        return dict(self._named("special_tables", "table_name"))

    @cached_property
    def columns(self) -> dict[Name, dict[str, Column]]:
        """Table -> its columns by name, without those that Oracle hides for its own use."""
        found: dict[Name, dict[str, Column]] = defaultdict(dict)
        for row in self.rows("columns"):
            name = (text(row, "schema_name"), text(row, "table_name"))
            hidden = is_yes(row, "hidden_column") and not is_yes(row, "user_generated")
            if name in self.tables and not hidden:
                column = self._column(row)
                found[name][column.name] = column
        return found

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        columns = self._grouped("constraint_columns", "constraint_name", "column_name")
        return tuple(
            Constraint(schema, name, text(row, "table_name"), text(row, "constraint_type"),
                       tuple(columns.get((schema, name), ())), row)
            for (schema, name), row in self._named("constraints", "constraint_name")
        )  # fmt: skip

    @cached_property
    def keys(self) -> dict[Name, list[Constraint]]:
        """Table -> its primary and unique keys."""
        found: dict[Name, list[Constraint]] = defaultdict(list)
        for one in self.constraints:
            if one.type in ("P", "U"):
                found[one.schema, one.table].append(one)
        return found

    @cached_property
    def indexes(self) -> tuple[Index, ...]:
        keys: dict[Name, list[IndexKey]] = defaultdict(list)
        for row in self.rows("index_columns"):
            expression, descending = text(row, "column_expression").strip(), text(row, "descend") == "DESC"
            plain = re.fullmatch(r'"([^"]+)"', expression)
            column = plain[1] if plain else text(row, "column_name")
            name = (text(row, "schema_name"), text(row, "index_name"))
            keys[name].append(IndexKey(column, "" if plain else expression, descending))
        return tuple(
            Index(schema, name, text(row, "table_schema"), text(row, "table_name"), text(row, "index_type"),
                  tuple(keys.get((schema, name), ())), row)
            for (schema, name), row in self._named("indexes", "index_name")
        )  # fmt: skip

    @cached_property
    def key_indexes(self) -> set[Name]:
        """Indexes that primary and unique keys rest on."""
        return {
            (text(key.row, "index_owner") or key.schema, text(key.row, "index_name"))
            for keys in self.keys.values()
            for key in keys
        }

    @cached_property
    def partitioned(self) -> dict[Name, Row]:
        return {name: row for name, row in self._named("partitioned_tables", "table_name") if name in self.tables}

    @cached_property
    def partition_keys(self) -> dict[tuple[str, str, str], list[str]]:
        """Schema, table and PARTITION or SUBPARTITION -> columns in order."""
        found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for row in self.rows("partition_keys"):
            of = (text(row, "schema_name"), text(row, "table_name"), text(row, "key_of"))
            found[of].append(text(row, "column_name"))
        return found

    @cached_property
    def types(self) -> dict[Name, Row]:
        return dict(self._named("types", "type_name"))

    def column(self, schema: str, table: str, name: str) -> Column | None:
        return self.columns.get((schema, table), {}).get(name)

    def all_columns(self) -> Iterator[Column]:
        for columns in self.columns.values():
            yield from columns.values()

    def _column(self, row: Row) -> Column:
        place = (text(row, "schema_name"), text(row, "table_name"), text(row, "column_name"))
        owner, data_type = text(row, "data_type_owner"), text(row, "data_type")
        collection = self.types.get((owner, data_type), {})
        facts = ColumnFacts(
            data_type=data_type,
            length=row.get("data_length"),
            precision=row.get("data_precision"),
            scale=row.get("data_scale"),
            char_length=row.get("char_length"),
            in_characters=text(row, "char_used") == "C",
            owner=owner,
            default=text(row, "data_default").strip(),
            holds_json=place in self._json,
            identity=is_yes(row, "identity_column"),
            collection=bool(text(collection, "coll_type")),
            element=self._element(collection),
        )
        return Column(
            *place,
            facts=facts,
            target=target_type(facts),
            nullable=text(row, "nullable") != "N",
            # An XMLTYPE column is a virtual one over the column that stores it.
            virtual=is_yes(row, "virtual_column") and data_type != "XMLTYPE",
            visible=not is_yes(row, "hidden_column"),
            default_on_null=is_yes(row, "default_on_null"),
        )

    def _element(self, collection: Row) -> str:
        name = text(collection, "elem_type_name")
        facts = ColumnFacts(
            name,
            length=collection.get("elem_length"),
            precision=collection.get("elem_precision"),
            scale=collection.get("elem_scale"),
            owner=text(collection, "elem_type_owner"),
        )
        return target_type(facts).sql if name else ""

    @cached_property
    def _json(self) -> set[tuple[str, str, str]]:
        """Columns that hold JSON, as the dictionary or a check constraint says."""
        said = {
            (text(row, "schema_name"), text(row, "table_name"), text(row, "column_name"))
            for row in self.rows("json_columns")
        }
        for row in self.rows("constraints"):
            found = _IS_JSON.search(text(row, "search_condition"))
            if found and text(row, "constraint_type") == "C":
                said.add((text(row, "schema_name"), text(row, "table_name"), found[1]))
        return said

    def _named(self, table: str, column: str) -> Iterable[tuple[Name, Row]]:
        return (((text(row, "schema_name"), text(row, column)), row) for row in self.rows(table))

    def _grouped(self, table: str, by: str, column: str) -> dict[Name, list[str]]:
        found: dict[Name, list[str]] = defaultdict(list)
        for row in sorted(self.rows(table), key=lambda row: row.get("position") or 0):
            found[text(row, "schema_name"), text(row, by)].append(text(row, column))
        return found
