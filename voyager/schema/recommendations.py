"""What an assessment recommends for the schema of a target, as its report holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voyager.errors import UsageError
from voyager.schema.facts import Key
from voyager.wording import counted

KEY = "Recommendations"


@dataclass(frozen=True)
class Redundant:
    """An index to leave out, and the one that serves in its place; names as "schema.name". `key` is the index by schema
    and name, None in reports that do not have them apart."""

    table: str
    index: str
    ddl: str
    existing: str
    key: Key | None = None


@dataclass(frozen=True)
class Recommendations:
    """Tables (and materialized views) to shard and to colocate, indexes to leave out and to shard by ranges; each named
    "schema.name" as the catalog spells it, without quotes.

    That can be two objects. Where the report has schema and name apart, `sharded_keys` and `range_keys` are those of
    the same objects in the same order.
    """

    sharded: tuple[str, ...] = ()
    colocated: tuple[str, ...] = ()
    redundant_indexes: tuple[Redundant, ...] = ()
    range_indexes: tuple[str, ...] = ()
    sharded_keys: tuple[Key, ...] = ()
    range_keys: tuple[Key, ...] = ()

    @property
    def says(self) -> str:
        """How many there are of each kind, in words."""
        parts = [
            f"{counted(len(found), noun)} {what}"
            for found, noun, what in (
                (self.sharded, "table", "to shard"),
                (self.colocated, "table", "to colocate"),
                (self.redundant_indexes, "redundant index", "to leave out"),
                (self.range_indexes, "index", "to shard by ranges"),
            )
            if found
        ]
        return ", ".join(parts) or "nothing to change"


def read_recommendations(report: Mapping[str, Any]) -> Recommendations:
    """Take the recommendations out of an assessment's report.

    A report of yb-voyager itself has no list of them; what it says of the placement of tables is taken from its sizing.
    Raises UsageError when the report holds something else in their place.
    """
    found = report.get(KEY)
    if found is None:
        sizing = _mapping(report.get("Sizing")).get("SizingRecommendation")
        placed = _mapping(sizing)
        return Recommendations(_names(placed.get("ShardedTables")), _names(placed.get("ColocatedTables")))
    found = _mapping(found)
    return Recommendations(
        _names(found.get("sharded")),
        _names(found.get("colocated")),
        tuple(_redundant(one) for one in _list(found.get("redundant_indexes"))),
        _names(found.get("range_indexes")),
        _keys(found.get("sharded_names")),
        _keys(found.get("range_index_names")),
    )


def _redundant(found: Any) -> Redundant:
    row = _mapping(found)
    table, index, ddl, existing = (_text(row.get(key, "")) for key in ("table", "index", "ddl", "existing"))
    return Redundant(table, index, ddl, existing, _key(row) if row.get("schema") and row.get("name") else None)


def _keys(found: Any) -> tuple[Key, ...]:
    return tuple(_key(_mapping(one)) for one in _list(found))


def _key(row: Mapping[str, Any]) -> Key:
    return _text(row.get("schema")), _text(row.get("name"))


def _names(found: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in _list(found))


def _mapping(found: Any) -> Mapping[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise _not_ours()
    return found


def _list(found: Any) -> list[Any]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise _not_ours()
    return found


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise _not_ours()
    return found


def _not_ours() -> UsageError:
    return UsageError(
        "The recommendations in the assessment's report do not have the form that this version reads.",
        "Make the report anew: yb-voyager assessment report --assessment-dir DIR.",
    )
