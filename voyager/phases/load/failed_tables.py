"""Tables that are left behind while others go on, as one error; and which of several errors is the one to raise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from voyager.errors import DatabaseAway, Interrupted, LeaseLost, VoyagerError
from voyager.identifiers import TableName
from voyager.wording import named, sentence

_TABLE, _AS_SQL = "\0", "\0sql"
"""Stand for the table in an advice, so that those to several tables can be told to be the same."""
HINTS = 3
"""Of several advices, at most this many are told; the details name every table."""


def together(failed: Mapping[TableName, VoyagerError]) -> VoyagerError:
    """One error for all tables that were left behind; its kind is that of most of them."""
    errors = list(failed.values())
    if len(errors) == 1:
        return errors[0]
    kinds: dict[type[VoyagerError], list[VoyagerError]] = defaultdict(list)
    for error in errors:
        kinds[type(error)].append(error)
    of_most = max(kinds.values(), key=len)
    # An error of a special kind may take other arguments; its base is what decides the exit code.
    kind = next(base for base in type(of_most[0]).__mro__ if base.__module__ == VoyagerError.__module__)
    return kind(
        f"{len(errors):,} tables could not be loaded completely ({named(sorted(failed))}); all others are in.",
        _hint(failed),
        tuple(error.message for error in errors),
    )


def _hint(failed: Mapping[TableName, VoyagerError]) -> str:
    """What to do about all of them: each advice once, with the other tables it goes for, the most frequent first."""
    alike: dict[str, list[TableName]] = defaultdict(list)
    for table, error in sorted(failed.items(), key=lambda one: one[0]):
        alike[error.hint.replace(table.sql, _AS_SQL).replace(str(table), _TABLE)].append(table)
    said = []
    for hint, (first, *others) in sorted(alike.items(), key=lambda one: -len(one[1]))[:HINTS]:
        advice = hint.replace(_AS_SQL, first.sql).replace(_TABLE, str(first))
        said.append(f"{advice} The same goes for {named(others)}." if others and advice != hint else advice)
    return " ".join(filter(None, said))


def others_go_on(error: VoyagerError) -> str:
    """What is said of a table when it is left behind."""
    return f"{sentence(error.message)} Other tables go on."


def gravity(error: BaseException) -> int:
    """Which of several failures to tell: a lost lease before all, an unforeseen one before an interruption, and that
    before an outage, which need not be waited for where somebody asked to stop."""
    if isinstance(error, LeaseLost):
        return 5
    if not isinstance(error, VoyagerError):
        return 4
    if isinstance(error, DatabaseAway):
        return 0
    return 1 if isinstance(error, Interrupted) else 3
