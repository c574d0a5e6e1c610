"""The nouns of a comparison of schemas: kinds of object, objects with their facts, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier, TableName, visible

MISSING, DIFFERENT, INTENDED, COSMETIC = "missing", "different", "intended", "cosmetic"
CLASSES = (MISSING, DIFFERENT, INTENDED, COSMETIC)
BLOCKING = frozenset({MISSING, DIFFERENT})
"""Classes that withhold `verified`."""

EXISTENCE = "existence"
ORDER = "order"
SHOWN = 100
"""Characters of a value that a sentence shows; longer ones are only said to differ."""

STATEMENT = "{}"
EXPRESSION = "SELECT {}"
CONSTRAINT = "ALTER TABLE x ADD CONSTRAINT x {}"
ARGUMENTS = "CREATE FUNCTION x({}) RETURNS int LANGUAGE sql AS ''"

Facts = tuple[Any, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of object, and how it is asked for and judged.

    `asked_by` is the file of its question, `part_of` the kind that its `table` names (a missing whole is said once).
    `printed` says of facts that are SQL which statement they become a part of, `since` from which version on a server
    knows a fact. `named` is what the statements of the schema files call it.
    """

    name: str
    named: tuple[str, ...] = ()
    part_of: str = ""
    printed: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    asked_by: str = ""
    from_version: int = 0
    before_version: int = 1_000_000

    @property
    def question(self) -> str:
        return self.asked_by or self.name

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    def applies(self, version: int) -> bool:
        """Whether it is asked for when the older of the two servers has this version."""
        return self.from_version <= version < self.before_version


@dataclass(frozen=True, order=True)
class Key:
    """What an object is called on both ends. `table` is the relation (type, publication) that it is a part of."""

    schema: str
    table: str
    name: str


@dataclass(frozen=True)
class Objects:
    """All objects of one kind on one side, in the order of the question; facts in the order of `names`."""

    names: tuple[str, ...]
    found: Mapping[Key, Facts]

    def fact(self, key: Key, name: str) -> Any:
        """One fact of an object; None when the object or the fact is not there."""
        facts = self.found.get(key)
        return None if facts is None or name not in self.names else facts[self.names.index(name)]


@dataclass(frozen=True)
class Change:
    """One fact of one object that is not the same on both sides, before it is judged. For `fact` "existence" the sides
    are True and False. `owner` holds facts of the object at the source (at the target, if it is only there)."""

    kind: Kind
    key: Key
    fact: str
    source: Any
    target: Any
    facts: Mapping[str, Any] = field(default_factory=dict)
    same_meaning: bool = False


@dataclass(frozen=True)
class SchemaDifference:
    """A judged difference. `classed` is "missing", "different", "intended" or "cosmetic", `why` the reason of the last
    two; `finding` is a sentence. `also` is what others call the object."""

    kind: str
    object: str
    fact: str
    classed: str
    finding: str
    why: str = ""
    also: str = ""

    @property
    def blocks(self) -> bool:
        return self.classed in BLOCKING

    def to_json(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "object": self.object,
            "fact": self.fact,
            "class": self.classed,
            "finding": self.finding,
            "why": self.why,
        }


@dataclass
class Counts:
    """How many objects of each kind the source has, and how many differences there are of each class."""

    objects: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, dict[str, int]]:
        return {
            "objects": dict(sorted(self.objects.items())),
            "classes": {name: self.classes[name] for name in CLASSES},
        }


_WITH_SIGNATURE = frozenset({"routine", "aggregate", "operator", "operator_class", "operator_family"})
ABOUT_OTHERS = frozenset({"comment", "owner", "grant"})
"""Kinds that say something of an object of another kind; `table` is that kind."""
_AS_THEY_ARE = frozenset({"cast", "transform", "comment"})


def label(kind: Kind, key: Key) -> str:
    """An object as people read it: `public.orders`, `public.orders.id`, `orders_note of public.orders`."""
    if kind.name in ABOUT_OTHERS:
        return visible(f"{key.table} {key.name}")
    if kind.name in _AS_THEY_ARE:
        return visible(key.name)
    if kind.name in _WITH_SIGNATURE:
        return f"{_one(key.schema)}.{visible(key.name)}"
    if kind.part_of == "publication":
        return f"{_table(key.schema, key.name)} of {_one(key.table)}"
    if kind.name == "column":
        return f"{TableName(key.schema, key.table)}.{_one(key.name)}"
    if key.table:
        return f"{_one(key.name)} of {TableName(key.schema, key.table)}"
    return _table(key.schema, key.name)


def statement_label(kind: Kind, key: Key) -> str:
    """The same object as the statements of the schema files call it, routines without their arguments."""
    if kind.name in ("routine", "aggregate", "operator"):
        return without_arguments(f"{_one(key.schema)}.{key.name}", operator=kind.name == "operator")
    if kind.name in ("operator_class", "operator_family"):
        return f"{_one(key.schema)}.{key.name}"
    if kind.name in ABOUT_OTHERS:
        return visible(key.name.replace(" on ", " ON "))
    if kind.part_of == "publication":
        return str(Identifier(key.table))
    if key.table:
        return f"{Identifier(key.name)} ON {TableName(key.schema, key.table)}"
    return label(kind, key)


def without_arguments(name: str, *, operator: bool = False) -> str:
    """`public."f(x)"(integer)` as `public."f(x)"`. The arguments begin at the first bracket outside quotes."""
    quoted = False
    for place, character in enumerate(name):
        if character == '"' and not operator:
            quoted = not quoted
        elif character == "(" and not quoted:
            return name[:place]
    return name


def _table(schema: str, name: str) -> str:
    return str(TableName(schema, name)) if schema else str(Identifier(name))


def _one(name: str) -> str:
    """A single name, quoted where a dotted one would be."""
    return str(TableName(name, "x")).removesuffix(".x")
