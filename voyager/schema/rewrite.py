"""Applies an assessment's recommendations to the statements of a schema; what is changed stands beside its original."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import TableName
from voyager.schema.analyze import analyze_schema
from voyager.schema.edits import CannotEdit, with_own_tablets, with_ranges
from voyager.schema.facts import Key
from voyager.schema.model import SchemaModel, defined
from voyager.schema.parse import ParseError, enum_name, items, name_of, parse
from voyager.schema.recommendations import Recommendations
from voyager.schema.redundancy import Redundancy, redundant_indexes
from voyager.schema.statements import Statement, classify
from voyager.wording import counted


@dataclass(frozen=True)
class Rewrite:
    """One statement that was changed; `rewritten` is "" for one that was left out."""

    object: str
    original: str
    rewritten: str
    why: str


@dataclass(frozen=True)
class Unapplied:
    """A recommendation that was not followed, and why."""

    object: str
    why: str


@dataclass(frozen=True)
class Rewritten:
    """A schema after its recommendations: the statements to import, those left out, and what was done and what not.
    `notes` are sentences on recommendations that mean nothing to this target."""

    statements: tuple[Statement, ...]
    left_out: tuple[Statement, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    unapplied: tuple[Unapplied, ...] = ()
    notes: tuple[str, ...] = ()


def rewrite(
    statements: Sequence[Statement],
    recommendations: Recommendations,
    *,
    colocation: bool,
    hash_sharding: bool,
    release: str | None,
) -> Rewritten:
    """Apply `recommendations` to `statements`, each as far as the target (a database that is colocated; a server that
    hashes first keys; a `release` of YugabyteDB that may refuse an index, None for PostgreSQL) and the schema allow it:
    a statement that would not come out right is named and stays as it is.
    """
    work = _Work(statements, release)
    work.leave_out(recommendations)
    if hash_sharding:
        work.shard_by_ranges(recommendations)
    if colocation:
        work.shard(recommendations)
    return Rewritten(
        tuple(one for one in work.statements if one is not None),
        tuple(work.left_out),
        tuple(work.rewrites),
        tuple(work.unapplied),
        tuple(_notes(recommendations, colocation=colocation, hash_sharding=hash_sharding)),
    )


def _notes(recommendations: Recommendations, *, colocation: bool, hash_sharding: bool) -> Iterable[str]:
    placed = len(recommendations.sharded) + len(recommendations.colocated)
    if placed and not colocation:
        yield (
            f"The placement of {counted(placed, 'table')} is left to the target: its database is not a colocated one "
            "(CREATE DATABASE … WITH COLOCATION = true makes one, on YugabyteDB)."
        )
    if recommendations.range_indexes and not hash_sharding:
        yield (
            f"{counted(len(recommendations.range_indexes), 'index')} to shard by ranges stay as they are: the target "
            "does not hash the first key of an index."
        )


@dataclass
class _Names:
    """Objects by the names that a report has for them. Two objects can share such a name, as it has no quotes."""

    keys: dict[str, set[Key]] = field(default_factory=dict)
    all: set[Key] = field(default_factory=set)

    def is_ambiguous(self, name: str) -> bool:
        """Whether a name without quotes has several dots: the object that is meant may not be part of the export."""
        [key] = self.keys[name]
        return name != str(TableName(*key)) and name.count(".") > 1

    def add(self, key: Key) -> None:
        self.all.add(key)
        for name in {f"{key[0]}.{key[1]}", str(TableName(*key))}:
            self.keys.setdefault(name, set()).add(key)


_ANEW = "yb-voyager assessment report"


def _with_keys(names: Sequence[str], keys: Sequence[Key]) -> list[tuple[str, Key | None]]:
    """Names with the keys of the same objects, None where the report has no keys."""
    return list(zip(names, keys if len(keys) == len(names) else [None] * len(names), strict=True))


class _Work:
    """The statements of a schema while recommendations are applied; None stands for one that was left out."""

    def __init__(self, statements: Sequence[Statement], release: str | None) -> None:
        self._release, self._given = release, statements
        self.statements: list[Statement | None] = list(statements)
        self.left_out: list[Statement] = []
        self.rewrites: list[Rewrite] = []
        self.unapplied: list[Unapplied] = []
        pairs = []
        for statement in statements:
            try:
                pairs.append((statement, parse(statement.text)))
            except ParseError:
                continue  # nothing is known of it, and nothing is done to it
        self._model = SchemaModel.build(pairs)
        self._users = _users_of_indexes(pairs)
        self._about_index = _statements_about_indexes(statements)
        self._places = {id(statement): place for place, statement in enumerate(statements)}
        self._tables, self._indexes = _Names(), _Names()
        for key, facts in self._model.tables.items():
            if facts.statement is not None:
                self._tables.add(key)
        for key in self._model.indexes:
            self._indexes.add(key)

    def leave_out(self, recommendations: Recommendations) -> None:
        """Leave redundant indexes out, with what is about them; only those that are redundant in this very schema, and
        beside an index that this very target takes."""
        if not recommendations.redundant_indexes:
            return
        refused = analyze_schema(self._given, release=self._release).refused_indexes
        redundant = {found.index: found for found in redundant_indexes(self._model, refused=refused)}
        found = (self._find(self._indexes, one.index, one.key) for one in recommendations.redundant_indexes)
        wanted = list(dict.fromkeys(key for key in found if key is not None))
        going = self._removable(wanted, redundant.keys() - self._users.keys())
        for key in wanted:
            if key not in going:
                self.unapplied.append(Unapplied(str(TableName(*key)), self._why_it_stays(key, key in redundant)))
        for key in going:
            self._leave_out_index(redundant[key])

    def _removable(self, wanted: Iterable[Key], free: Collection[Key]) -> list[Key]:
        """Those of `wanted` that may go: an index of a partition goes with that of the partitioned table, and only so.

        `free` are the indexes that nothing needs.
        """
        parents = self._model.attached_indexes
        going = dict.fromkeys(key for key in wanted if key in free)
        while stuck := [key for key in going if parents.get(key, key) not in going]:
            for key in stuck:
                del going[key]
        while parts := [key for key in free if key not in going and parents.get(key) in going]:
            going.update(dict.fromkeys(sorted(parts)))
        return list(going)

    def _why_it_stays(self, key: Key, redundant: bool) -> str:
        if not redundant:
            refused = {found.index: found.existing for found in redundant_indexes(self._model)}.get(key)
            if refused is not None:
                return f"{TableName(*refused)}, which would serve in its place, is refused by the target"
            return "no other index of this export serves in its place"
        if key in self._users:
            return f"{self._users[key]} names it"
        return f"it is a part of {TableName(*self._model.attached_indexes[key])}, which stays"

    def shard_by_ranges(self, recommendations: Recommendations) -> None:
        why = "without an order its first key would be hashed; with one the index is sharded by ranges"
        for name, wanted in _with_keys(recommendations.range_indexes, recommendations.range_keys):
            key = self._find(self._indexes, name, wanted)
            if key is not None:
                self._edit(self._model.indexes[key].statement, with_ranges, str(TableName(*key)), why)

    def shard(self, recommendations: Recommendations) -> None:
        """Keep tables out of the colocated tablet. The partitions of one table go together: the keys of a table and its
        partitions must be sharded alike."""
        why = "the assessment shards it; in this colocated database a table has tablets of its own only when it says so"
        wanted = _with_keys(recommendations.sharded, recommendations.sharded_keys)
        found = (self._find(self._tables, name, key) for name, key in wanted)
        named = {key for key in found if key is not None}
        together = {self._model.root_of(key): key for key in named}
        for key, facts in self._model.tables.items():
            example = together.get(self._model.root_of(key))
            if example is None or facts.statement is None or facts.foreign:
                continue
            reason = why if key in named else f"{TableName(*example)}, of the same partitioned table, is sharded"
            self._edit(facts.statement, with_own_tablets, str(TableName(*key)), reason)

    def _find(self, names: _Names, name: str, key: Key | None) -> Key | None:
        """The object `key`; in a report that has only `name`, the one that can be meant by it and no other."""
        found = {key} & names.all if key is not None else names.keys.get(name, set())
        if key is None and found and (len(found) > 1 or names.is_ambiguous(name)):
            why = f"the name fits more than one object, here or in the source; a report that tells them apart: {_ANEW}"
        elif found:
            return next(iter(found))
        else:
            why = "this export does not create it"
        self.unapplied.append(Unapplied(str(TableName(*key)) if key is not None else name, why))
        return None

    def _edit(self, original: Statement, change: Callable[[str], str], label: str, why: str) -> None:
        place = self._places[id(original)]
        current = self.statements[place]
        if current is None:
            return  # left out before
        try:
            text = change(current.text)
        except CannotEdit as reason:
            self.unapplied.append(Unapplied(label, f"the statement stays as it is: {reason}"))
            return
        if text != current.text:
            self.statements[place] = classify(text, line=current.line, file=current.file)
            self.rewrites.append(Rewrite(label, current.text, text, why))

    def _leave_out_index(self, found: Redundancy) -> None:
        original = found.statement
        for place in self._about_index.get(found.index, ()):
            statement = self.statements[place]
            if statement is not None:
                self.statements[place] = None
                self.left_out.append(statement)
        why = f"{TableName(*found.existing)} serves every use of it"
        self.rewrites.append(Rewrite(str(TableName(*found.index)), original.text, "", why))


def _statements_about_indexes(statements: Iterable[Statement]) -> dict[Key, list[int]]:
    """Places of the statements that make an index or would fail without it."""
    found: dict[Key, list[int]] = {}
    for place, statement in enumerate(statements):
        if (statement.target or statement.kind) in {"index", "index_setting", "index_attach"}:
            found.setdefault((statement.schema, statement.name), []).append(place)
    return found


def _users_of_indexes(pairs: Iterable[tuple[Statement, Any]]) -> dict[Key, str]:
    """Indexes that statements name which are about something else: a key made from it, an identity, an order."""
    found: dict[Key, str] = {}
    for statement, tree in pairs:
        if name_of(tree) != "AlterTableStmt":
            continue
        for command in items(tree.cmds):
            kind, definition = enum_name(command, "subtype"), defined(command)
            name = {
                "AT_ClusterOn": command.name,
                "AT_ReplicaIdentity": getattr(definition, "name", ""),
                "AT_AddConstraint": getattr(definition, "indexname", ""),
            }.get(kind, "")
            if name:
                found[statement.schema, name] = f"{statement.kind.replace('_', ' ')} of {statement.object_name}"
    return found
