"""Reads the assessments of a fleet's members: their reports, and what their schemas consist of."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from voyager.assessment.report_json import read_report
from voyager.assessment.report_view import ReportView
from voyager.errors import UsageError, VoyagerError
from voyager.fleet.fleet_dir import COMPLETE, FleetDir, MemberState
from voyager.identifiers import visible

if TYPE_CHECKING:
    from voyager.assessment.metadata import Metadata
    from voyager.schema.statements import Statement

_ENDS = (".", "?", "!", ":")


@dataclass(frozen=True)
class Assessed:
    """A member with its report."""

    state: MemberState
    view: ReportView

    @property
    def name(self) -> str:
        return self.state.name


@dataclass(frozen=True)
class LeftOut:
    """A member without a report, and why."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    """The members of a fleet, in its order."""

    states: tuple[MemberState, ...]
    assessed: tuple[Assessed, ...]
    left_out: tuple[LeftOut, ...]


def load(directory: FleetDir, names: Collection[str] = ()) -> Loaded:
    """Read what is complete; only `names`, when there are any. Raises UsageError for a name that is no member."""
    states = directory.known_members()
    unknown = sorted(set(names) - {state.name for state in states})
    if unknown:
        known = ", ".join(state.name for state in states)
        raise UsageError(f"{visible(unknown[0])} is no member of the fleet in {directory}.", f"Members: {known}.")
    chosen = tuple(state for state in states if not names or state.name in names)
    assessed, left_out = [], []
    for state in chosen:
        if state.status != COMPLETE:
            left_out.append(LeftOut(state.name, state.status, _reason(state)))
            continue
        try:
            assessed.append(Assessed(state, ReportView.of(read_report(directory.report_of(state.name)))))
        except VoyagerError as error:
            left_out.append(LeftOut(state.name, state.status, error.message))
    return Loaded(chosen, tuple(assessed), tuple(left_out))


def _reason(state: MemberState) -> str:
    if state.failure is None:
        return "It has not been assessed to the end."
    message, hint = state.failure.message.strip(), state.failure.hint.strip()
    # What a server said need not end as a sentence does.
    return f"{message}{'' if not hint or message.endswith(_ENDS) else '.'} {hint}".strip()


class Definitions:
    """What the schemas of members are made of, as fingerprints that do not depend on the name of the schema.

    A member's metadata is read when it is first asked for.
    """

    def __init__(self, directory: FleetDir) -> None:
        self._directory = directory
        self._members: dict[str, _MemberDefinitions | None] = {}

    def of(self, member: str, schema: str) -> str | None:
        """The fingerprint of a schema's definitions; None where there is no metadata to tell. One that begins with
        "columns:" is of tables and columns alone."""
        if member not in self._members:
            self._members[member] = self._read(member)
        found = self._members[member]
        try:
            return found.of(schema) if found else None
        except VoyagerError:
            return None

    def _read(self, member: str) -> _MemberDefinitions | None:
        from voyager.assessment.metadata import read_metadata

        try:
            return _MemberDefinitions(read_metadata(self._directory.member(member)))
        except VoyagerError:
            return None


class _MemberDefinitions:
    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def of(self, schema: str) -> str | None:
        kind = "ddl" if self._metadata.ddl else "columns"
        parts = self._statements.get(schema) if self._metadata.ddl else list(self._columns(schema))
        if not parts:
            return None
        return f"{kind}:{hashlib.sha256(chr(0).join(sorted(parts)).encode('utf-8', 'replace')).hexdigest()}"

    @cached_property
    def _statements(self) -> Mapping[str, list[str]]:
        """The DDL of what is in every schema, without its name."""
        from voyager.schema.statements import split_dump

        found: dict[str, list[str]] = {}
        for statement in split_dump(self._metadata.ddl).statements:
            if statement.kind != "schema":
                found.setdefault(statement.schema, []).append(_without_schema(statement))
        return found

    def _columns(self, schema: str) -> Iterator[str]:
        for row in self._metadata.rows("table_columns_data_types"):
            if row.get("schema_name") == schema:
                kind = str(row.get("data_type")).removeprefix(f"{schema}.")
                yield f"{row.get('table_name')}.{row.get('column_name')} {kind}"


def _without_schema(statement: Statement) -> str:
    """The words of a statement, spaces and the name of its schema left out."""
    from voyager.schema.lexer import tokens

    kept: list[str] = []
    dropped = False
    for token in tokens(statement.text):
        if dropped and token.value == ".":
            kept.pop()
        else:
            kept.append(f"{token.kind} {token.value}")
        dropped = token.kind in ("word", "name") and token.value == statement.schema
    return "\n".join(kept)
