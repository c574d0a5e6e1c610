"""The options of every phase that loads rows: what becomes of those that the target refuses, or holds already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voyager.errors import UsageError
from voyager.phases.options import option

ABORT, STASH = ERROR_POLICIES = ("abort", "stash-and-continue")
ERROR, IGNORE, UPDATE = ON_CONFLICT = ("error", "ignore", "update")


@dataclass(frozen=True)
class RefusedRowOptions:
    """What becomes of rows that the target refuses."""

    error_policy: str = option(
        ABORT,
        "What a row does that the target refuses: abort ends its table; stash-and-continue sets it aside in "
        "ybvoyager.quarantined_rows, with key, reason and place, and loads the others.",
        metavar="POLICY",
    )
    max_quarantined: int = option(
        1000, "Set aside at most this many rows of one table; with more, its definition is wrong and the table stops."
    )
    quarantine_values: bool = option(
        False,
        "Keep the values of rows set aside, too. (Their keys are kept in any case, other values are not.)",
        flags=("--quarantine-values/--no-quarantine-values",),
    )


@dataclass(frozen=True)
class AgainOptions:
    """What becomes of rows that were set aside before."""

    replay_quarantine: bool = option(
        False,
        "Load the rows that were set aside again, from their files (after a streamed export: by their keys from the "
        "source, without one from export-dir), after what refused them was corrected.",
        per_run=True,
    )
    discard_quarantine: bool = option(
        False, "Give up the rows that are set aside (after a --replay-quarantine, where both are given).", per_run=True
    )

    @property
    def question(self) -> str:
        """What must be confirmed: rows that are given up will be missing."""
        return "The rows that are set aside will not be in the target." if self.discard_quarantine else ""

    @property
    def of_before(self) -> str:
        """The option that is about what an earlier run left, which is gone with a start from nothing; "" for none."""
        if self.replay_quarantine:
            return "--replay-quarantine"
        return "--discard-quarantine" if self.discard_quarantine else ""


@dataclass(frozen=True)
class RowOptions(RefusedRowOptions):
    """What becomes of rows that the target refuses, and of those whose key it holds."""

    on_primary_key_conflict: str = option(
        ERROR,
        "When the target holds a row with the same primary key: error, ignore the new row, or update the old one. "
        "With ignore and update, tables may hold rows before, and primary keys are built before the data.",
        metavar="ACTION",
    )
    fast_load: bool = option(
        False,
        "YugabyteDB: load tables that have a primary key and no other index without distributed transactions. Rows "
        "that are there under the same key are written over without a word.",
        flags=("--fast-load/--no-fast-load",),
    )


def check_row_options(options: Any) -> None:
    """Refuse words that mean nothing, and what does not go together."""
    check_refused_row_options(options)
    check_word("--on-primary-key-conflict", options.on_primary_key_conflict, ON_CONFLICT)
    if options.fast_load and options.on_primary_key_conflict != ERROR:
        raise UsageError(
            "--fast-load writes over rows with the same key, whatever --on-primary-key-conflict says.",
            "Leave one of the two out.",
        )


def check_refused_row_options(options: Any) -> None:
    """Refuse words and numbers that mean nothing."""
    check_word("--error-policy", options.error_policy, ERROR_POLICIES)
    if options.max_quarantined < 1:
        raise UsageError("--max-quarantined must be at least 1.", "To set no row aside: --error-policy abort.")


def check_word(flag: str, value: str, known: tuple[str, ...]) -> None:
    """Raise UsageError for a value that is none of the known ones."""
    if value not in known:
        raise UsageError(f"{flag} is {value!r}.", f"It can be {', '.join(known)}.")
