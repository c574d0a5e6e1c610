"""The order in which DDL statements run, and which of them wait until the data is in."""

from __future__ import annotations

from collections.abc import Iterable

from voyager.identifiers import TableName
from voyager.schema.kinds import FILES, ORDER, POST_DATA, PRE_DATA
from voyager.schema.statements import Statement

__all__ = ["FILES", "KEYS", "ORDER", "ordered"]

KEYS = frozenset({"primary_key", "unique"})
# What is built from a table's rows: before the data where the server builds an index faster that way.
_INDEXES = {*KEYS, "index", "exclusion", "index_attach", "index_setting"}
_RANK = {kind: position for position, kind in enumerate(ORDER)}
_LAST = len(ORDER) + 1


def ordered(
    statements: Iterable[Statement], indexes_before_data: bool
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Return (pre-data, post-data), each sorted by kind and within a kind in the order given.

    The order is good, not perfect: what fails for want of something later is to be tried again after the rest.
    """
    given = tuple(statements)
    stand_ins = {_called(statement) for statement in given if statement.kind == "view"}
    pre: list[Statement] = []
    post: list[Statement] = []
    for statement in given:
        before = _runs_before_data(statement, stand_ins, indexes_before_data)
        (pre if before else post).append(statement)
    return tuple(sorted(pre, key=_rank)), tuple(sorted(post, key=_rank_after_data))


def _runs_before_data(statement: Statement, stand_ins: set[TableName], indexes_before_data: bool) -> bool:
    if statement.kind in _INDEXES or statement.target in _INDEXES:
        return indexes_before_data
    if statement.kind == "view_replacement" and _called(statement) in stand_ins:
        # A dump says so of a view that groups by a primary key, which must be there first.
        return indexes_before_data
    return statement.section == PRE_DATA


def _called(view: Statement) -> TableName:
    return view.table or TableName(view.schema, view.name)


def _rank_after_data(statement: Statement) -> tuple[int, int]:
    return (_RANK["replica_identity"], 1) if statement.kind == "view_replacement" else _rank(statement)


def _rank(statement: Statement) -> tuple[int, int]:
    """By kind; what comments on a thing of the post-data side or owns it comes behind all things, and event triggers,
    which fire on every statement after them, come last with what is about them."""
    about = statement.kind in {"comment", "owner", "grant", "security_label"}
    if "event_trigger" in {statement.kind, statement.target}:
        return (_LAST, about)
    if about and statement.section == POST_DATA:
        return (_LAST - 1, 0)
    return (_RANK.get(statement.kind, _RANK["other"]), 0)
