"""Two sides, kind by kind: what the target lacks, what differs in which fact, and what only the target has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import TableName, visible
from voyager.verification.readers import Readers
from voyager.verification.schema.ask import Scope, ask, describe
from voyager.verification.schema.classes import Situation, judge
from voyager.verification.schema.intended import Intended
from voyager.verification.schema.kinds import CARRIED_IF_ASKED, KINDS
from voyager.verification.schema.objects import (
    EXISTENCE,
    ORDER,
    SHOWN,
    Change,
    Counts,
    Key,
    Kind,
    Objects,
    SchemaDifference,
    label,
)

Normalize = Callable[[str], str]
"""SQL text to something that is equal for two texts of the same meaning; a text that cannot be read stays as it is."""

_SECRETIVE = frozenset({"options", "server_options", "foreign_options"})
"""Facts whose values may hold what no report should."""


def compare_schemas(
    source: Readers, target: Readers, scope: Scope, normalize: Normalize, intended: Intended
) -> tuple[list[SchemaDifference], Counts]:
    """Compare everything within the scope. The number of queries does not depend on the number of objects."""
    doing = "ask for the version"
    situation = Situation(source.use(describe, doing), target.use(describe, doing), intended)
    version = min(situation.source.version, situation.target.version)
    comparison = Comparison(version, normalize)
    counts, found = Counts(), []
    kinds = [
        kind
        for kind in KINDS
        if kind.applies(version) and (kind.name not in CARRIED_IF_ASKED or kind.name in intended.carried)
    ]
    for kind, here, there in _asked(kinds, (source, target), scope, version):
        counts.objects[kind.name] += len(here.found)
        for change in comparison.changes(kind, here, there):
            classed, why = judge(change, situation)
            counts.classes[classed] += 1
            found.append(_difference(change, classed, why))
    return found, counts


def _asked(
    kinds: list[Kind], sides: tuple[Readers, Readers], scope: Scope, version: int
) -> Iterator[tuple[Kind, Objects, Objects]]:
    """What both sides hold, kind by kind: both are asked at the same time, for the next kind while one is judged."""
    coming: deque[tuple[Kind, list[Future[Objects]]]] = deque()
    waiting = iter(kinds)
    while True:
        while len(coming) < 2 and (kind := next(waiting, None)) is not None:
            coming.append((kind, [ask(side, kind, scope, version=version) for side in sides]))
        if not coming:
            return
        kind, (here, there) = coming.popleft()
        yield kind, sides[0].wait(here), sides[1].wait(there)


@dataclass
class Comparison:
    """What is known while the kinds go by: wholes that one side lacks, whose parts are not named one by one.

    `gone` and `common` hold (what the whole is, schema, name)."""

    version: int
    normalize: Normalize
    common: set[tuple[str, str, str]] = field(default_factory=set)
    keys_compared: set[Key] = field(default_factory=set)

    def changes(self, kind: Kind, here: Objects, there: Objects) -> Iterator[Change]:
        """Everything that differs about the objects of one kind."""
        if kind.name in ("relation", "type", "publication"):
            whole = "publication" if kind.name == "publication" else "relation"
            self.common |= {(whole, key.schema, key.name) for key in here.found if key in there.found}
        if kind.name == "constraint":
            self.keys_compared = set(here.found)
        for key in here.found:
            if not self._whole_is_common(kind, key):
                continue
            if key in there.found:
                yield from self._facts(kind, key, here, there)
            elif kind.name not in ("owner", "grant") and not self._is_half_of_a_constraint(kind, key, here):
                yield Change(kind, key, EXISTENCE, source=True, target=False, facts=_facts(here, key))
        if kind.part_of == "relation" and kind.name != "sequence":
            yield from self._only_there(kind, here, there)
        if kind.name == "column":
            yield from _orders(here, there)

    def _whole_is_common(self, kind: Kind, key: Key) -> bool:
        if kind.part_of == "itself":
            return ("relation", key.schema, key.name) in self.common
        if not kind.part_of or not key.table:
            return True
        schema = "" if kind.part_of == "publication" else key.schema
        return (kind.part_of, schema, key.table) in self.common

    @staticmethod
    def _is_half_of_a_constraint(kind: Kind, key: Key, side: Objects) -> bool:
        """The constraint itself is named."""
        return kind.name == "index" and side.fact(key, "of_constraint") is not None

    def _only_there(self, kind: Kind, here: Objects, there: Objects) -> Iterator[Change]:
        for key in there.found:
            if key in here.found or not self._whole_is_common(kind, key):
                continue
            if not self._is_half_of_a_constraint(kind, key, there):
                yield Change(kind, key, EXISTENCE, source=False, target=True, facts=_facts(there, key))

    def _facts(self, kind: Kind, key: Key, here: Objects, there: Objects) -> Iterator[Change]:
        for name, one, other in zip(here.names, here.found[key], there.found[key], strict=True):
            if one == other or kind.since.get(name, 0) > self.version:
                continue
            printed = kind.printed.get(name)
            same = printed is not None and self._mean_the_same(printed, one, other)
            yield Change(kind, key, name, one, other, same_meaning=same)

    def _mean_the_same(self, printed: str, one: Any, other: Any) -> bool:
        if one is None or other is None:
            return False
        if isinstance(one, tuple):
            return len(one) == len(other) and all(
                here == there or self._mean_the_same(printed, here, there)
                for here, there in zip(one, other, strict=True)
            )
        return self.normalize(printed.replace("{}", one)) == self.normalize(printed.replace("{}", other))


def _facts(side: Objects, key: Key) -> dict[str, Any]:
    return dict(zip(side.names, side.found[key], strict=True))


def _orders(here: Objects, there: Objects) -> Iterator[Change]:
    """Tables whose common columns stand in another order."""
    relation = next(kind for kind in KINDS if kind.name == "relation")
    ours, theirs = _by_table(here, there), _by_table(there, here)
    for (schema, table), columns in ours.items():
        if theirs.get((schema, table), columns) != columns:
            yield Change(relation, Key(schema, "", table), ORDER, columns, theirs[schema, table])


def _by_table(side: Objects, other: Objects) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], list[str]] = {}
    for key in side.found:
        if key in other.found:
            found.setdefault((key.schema, key.table), []).append(key.name)
    return {table: tuple(columns) for table, columns in found.items()}


def _difference(change: Change, classed: str, why: str) -> SchemaDifference:
    name, key = label(change.kind, change.key), change.key
    also = str(TableName(key.schema, key.name)) if change.kind.name == "sequence" else ""
    return SchemaDifference(change.kind.name, name, change.fact, classed, _sentence(change, name, why), why, also)


def _sentence(change: Change, name: str, why: str) -> str:
    what = _what(change)
    because = f": {why}." if why else "."
    if change.fact == EXISTENCE:
        side = "does not exist in the target" if change.source else "exists only in the target"
        return f"{what} {name} {side}{because}"
    if change.fact == ORDER:
        return f"The columns of {name} are in another order in the target{because}"
    here, there = _shown(change, change.source), _shown(change, change.target)
    fact = change.fact.replace("_", " ")
    if here is None or there is None or here == there:
        return f"{what} {name}: {fact} is not the same in the target{because}"
    return f"{what} {name}: {fact} is {here} in the source and {there} in the target{because}"


def _what(change: Change) -> str:
    form = change.facts.get("form")
    words = form if isinstance(form, str) and change.kind.name in ("relation", "constraint") else change.kind.words
    if change.kind.name == "constraint" and words != change.kind.words:
        words += " constraint"
    return str(words).capitalize()


def _shown(change: Change, value: Any) -> str | None:
    """A value for a sentence, None when it is too long or not to be shown."""
    if change.fact in _SECRETIVE and change.kind.name in ("server", "relation", "column", "foreign_data_wrapper"):
        return None
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)
    text = visible(text)
    return (text or "empty") if len(text) <= SHOWN else None
