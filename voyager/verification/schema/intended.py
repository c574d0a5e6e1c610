"""What the migration did differently on purpose: left out, rewritten on advice, or edited in the schema files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from voyager.identifiers import Identifier, TableName
from voyager.verification.schema.edited import EditedTable, read_edited
from voyager.verification.schema.objects import Change, Key, Kind, statement_label, without_arguments

Named = tuple[str, str]
"""What kind of statement, about which object: ("index", "orders_note ON public.orders")."""

_TABLES = ("table", "foreign_table", "view", "materialized_view", "view_replacement")
_WITH_ARGUMENTS = frozenset({"function", "procedure", "aggregate"})


@dataclass(frozen=True)
class Written:
    """One statement of the schema files, or of the export that wrote them. `place` is its file and line, `text` what
    it says, where that is known."""

    kind: str
    object: str
    sha256: str
    place: str = ""
    text: str = ""

    @property
    def named(self) -> Named:
        return named(self.kind, self.object)


@dataclass(frozen=True)
class Intended:
    """`removed` and `added` are of the operator's hand; `edited` gives the place, `left_out`, `rewritten` the reason.
    `carried` are the kinds of statement that the export took along because it was asked to, whether or not the source
    had any; `tables` is what edited statements of tables say, where they can be read.

    Without `known`, nothing is known of the export, and nothing is taken for intended.
    """

    known: bool = False
    removed: frozenset[Named] = frozenset()
    added: frozenset[Named] = frozenset()
    present: frozenset[Named] = frozenset()
    edited: Mapping[Named, str] = field(default_factory=dict)
    tables: Mapping[str, EditedTable] = field(default_factory=dict)
    left_out: Mapping[Named, str] = field(default_factory=dict)
    rewritten: Mapping[str, str] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()

    def reason_for_absence(self, change: Change) -> str:
        """Why the target need not hold an object, "" when it must."""
        for name in _names(change.kind, change.key):
            if name in self.left_out:
                return self.left_out[name]
            if name in self.removed:
                return "its statement was removed from the schema files"
        return self._edited_whole(change)

    def reason_for_change(self, change: Change) -> str:
        """Why an object may differ in a fact: the statement that sets it was left out, or the object's own statement
        was edited, or that of the table that it stands in says so."""
        fact = change.fact
        for name in _names(change.kind, change.key):
            if name in self.left_out and fact.startswith(name[0]):
                return self.left_out[name]
            if name in self.edited:
                return f"its statement was edited after the export ({self.edited[name]})"
            if name in self.removed:
                return f"a statement about it ({name[0].replace('_', ' ')}) was removed from the schema files"
        return self._edited_whole(change)

    def reason_for_presence(self, change: Change) -> str:
        """Why the target may hold what the source does not."""
        if any(name in self.added for name in _names(change.kind, change.key)):
            return "its statement was added to the schema files"
        return self._edited_whole(change)

    def advice(self, kind: Kind, key: Key) -> str:
        """What a recommendation changed about the object, "" when nothing."""
        return self.rewritten.get(statement_label(kind, key), "")

    def _edited_whole(self, change: Change) -> str:
        """Columns and some constraints have no statement of their own."""
        kind, key = change.kind, change.key
        if not key.table or kind.name not in ("column", "constraint", "sequence"):
            return ""
        whole = str(TableName(key.schema, key.table))
        for made_by in (*_TABLES, "domain"):
            if (made_by, whole) in self.edited and self._says_so(whole, change):
                return f"the statement of {whole} was edited after the export ({self.edited[made_by, whole]})"
        return ""

    def _says_so(self, whole: str, change: Change) -> bool:
        """Whether the edit of a table's statement is what made this change. What has a statement of its own, which is
        still there, does not come from the table's."""
        table, column_or_key, fact = self.tables.get(whole), change.key.name, change.fact
        if table is None:
            return True
        if change.kind.name == "sequence":
            return table.explains_sequence(change.facts)
        own = {name[0] for name in _names(change.kind, change.key) if name in self.present}
        if change.kind.name == "constraint":
            return not own and table.explains_constraint(column_or_key, fact, change.source, change.facts)
        if fact.startswith(tuple(own)):
            return False
        return table.explains_column(column_or_key, fact, change.source, change.target)


def read_intended(
    exported: Iterable[Written],
    files: Iterable[Written],
    *,
    not_migrated: Iterable[tuple[str, str, str]] = (),
    rewritten: Iterable[tuple[str, str]] = (),
    carried: Iterable[str] = (),
) -> Intended:
    """Compare what the export wrote with the files as they are. `not_migrated` are (kind, object, reason), `rewritten`
    (object, why)."""
    then, now = _by_name(exported), _by_name(files)
    edited = {
        name: next((one.place for one in now[name] if one.sha256 not in shas), now[name][0].place)
        for name in then.keys() & now.keys()
        if (shas := {one.sha256 for one in then[name]}) != {one.sha256 for one in now[name]}
    }
    return Intended(
        known=bool(then),
        removed=frozenset(then.keys() - now.keys()),
        added=frozenset(now.keys() - then.keys()),
        present=frozenset(now),
        edited=edited,
        left_out={named(kind, name): reason for kind, name, reason in not_migrated},
        tables={
            name: table
            for kind, name in edited
            if kind in ("table", "foreign_table") and (table := read_edited(one.text for one in now[kind, name]))
        },
        rewritten=dict(rewritten),
        carried=frozenset(carried if then else ()),
    )


def named(kind: str, name: str) -> Named:
    """A statement's kind and object, in the form that objects of the catalog are looked up by."""
    return kind, without_arguments(name) if kind in _WITH_ARGUMENTS else name


def _by_name(statements: Iterable[Written]) -> dict[Named, list[Written]]:
    found: dict[Named, list[Written]] = defaultdict(list)
    for statement in statements:
        found[statement.named].append(statement)
    return dict(found)


def _names(kind: Kind, key: Key) -> list[Named]:
    """The statements that make an object, the creating ones first."""
    found = statement_label(kind, key)
    names = [(one, found) for one in kind.named]
    if kind.name == "column":
        name = f"{TableName(key.schema, key.table)}.{Identifier(key.name)}"
        names = [(one, name) for one in kind.named]
    if kind.name == "sequence" and key.table:
        names = []
    return names
