"""The order in which DDL statements run, and which of them wait until the data is in."""

from __future__ import annotations

from collections.abc import Iterable

from voyager.schema.kinds import FILES, ORDER, POST_DATA, PRE_DATA
from voyager.schema.statements import Statement

__all__ = ["FILES", "ORDER", "ordered"]

# What is built from a table's rows: before the data where the server builds an index faster that way.
_INDEXES = {"index", "exclusion", "index_attach", "index_setting"}
_RANK = {kind: position for position, kind in enumerate(ORDER)}
_LAST = len(ORDER) + 1


def ordered(
    statements: Iterable[Statement], indexes_before_data: bool
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Return (pre-data, post-data), each sorted by kind and within a kind in the order given.

    The order is good, not perfect: what fails for want of something later is to be tried again after the rest.
    """
    given = tuple(statements)
    keys = {(statement.schema, statement.name) for statement in given if statement.kind in {"primary_key", "unique"}}
    pre: list[Statement] = []
    post: list[Statement] = []
    for statement in given:
        before = _runs_before_data(statement, keys, indexes_before_data)
        (pre if before else post).append(statement)
    return tuple(sorted(pre, key=_rank)), tuple(sorted(post, key=_rank))


def _runs_before_data(statement: Statement, keys: set[tuple[str, str]], indexes_before_data: bool) -> bool:
    if statement.section == PRE_DATA:
        return True
    if statement.kind == "index_attach" and (statement.schema, statement.name) in keys:
        return True
    if statement.kind in _INDEXES or statement.target in _INDEXES:
        return indexes_before_data
    return False


def _rank(statement: Statement) -> tuple[int, int]:
    """By kind; what comments on a thing of the post-data side or owns it comes behind all things, and event triggers,
    which fire on every statement after them, come last with what is about them."""
    about = statement.kind in {"comment", "owner", "grant", "security_label"}
    if "event_trigger" in {statement.kind, statement.target}:
        return (_LAST, about)
    if about and statement.section == POST_DATA:
        return (_LAST - 1, 0)
    return (_RANK.get(statement.kind, _RANK["other"]), 0)
