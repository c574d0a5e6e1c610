"""How a difference is judged: a table of rules, each with its reason; what none explains withholds `verified`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voyager.verification.schema.ask import Side
from voyager.verification.schema.intended import Intended
from voyager.verification.schema.objects import (
    COSMETIC,
    DIFFERENT,
    EXISTENCE,
    INTENDED,
    MISSING,
    ORDER,
    Change,
    statement_label,
)


@dataclass(frozen=True)
class Situation:
    """What the judgement depends on besides the change itself."""

    source: Side
    target: Side
    intended: Intended

    @property
    def to_yugabyte(self) -> bool:
        return self.target.yugabyte and not self.source.yugabyte


Condition = Callable[[Change, Situation], bool]


def always(_: Change, __: Situation) -> bool:
    return True


def becomes(source: Any, target: Any) -> Condition:
    """True for a change of exactly these values."""
    return lambda change, _: (change.source, change.target) == (source, target)


@dataclass(frozen=True)
class Rule:
    """A fact (of a kind) whose change is `classed` when the condition holds."""

    kind: str
    fact: str
    classed: str
    why: str
    when: Condition = always

    def explains(self, change: Change, situation: Situation) -> bool:
        return (change.kind.name, change.fact) == (self.kind, self.fact) and self.when(change, situation)


def _on_yugabyte(_: Change, situation: Situation) -> bool:
    return situation.to_yugabyte


def _without_placement(options: tuple[str, ...] | None) -> set[str]:
    placed = ("colocation", "colocated", "colocation_id", "tablegroup_oid", "table_oid", "row_type_oid")
    return {one for one in options or () if not one.startswith(tuple(f"{name}=" for name in placed))}


def _only_placement(change: Change, situation: Situation) -> bool:
    return situation.to_yugabyte and _without_placement(change.source) == _without_placement(change.target)


def _only_hashed(change: Change, situation: Situation) -> bool:
    """The first key columns are hashed where the source has them ascending; the others are the same."""
    pairs = list(zip(change.source, change.target, strict=False))
    return (
        situation.to_yugabyte
        and len(change.source) == len(change.target)
        and all(here == there or (here, there) == ("asc nulls last", "hash") for here, there in pairs)
    )


def _larger_cache(change: Change, situation: Situation) -> bool:
    return situation.to_yugabyte and change.target > change.source


def _of_default(change: Change, _: Situation) -> bool:
    return "d" in (change.source, change.target)


def _unknown_encoding(change: Change, _: Situation) -> bool:
    return None in (change.source, change.target)


def _waits_for_validation(change: Change, situation: Situation) -> bool:
    written = ("not_valid_constraint", statement_label(change.kind, change.key))
    return (change.source, change.target) == ("valid", "not valid") and written in situation.intended.present


def _rewritten(change: Change, situation: Situation) -> bool:
    return bool(situation.intended.advice(change.kind, change.key))


_HASHED = "YugabyteDB hashes the first key column of an index unless told otherwise"
_PLACED = "YugabyteDB keeps in the options where the rows are placed"
_VALIDATED = "the migration has validated it"

RULES = (
    Rule("extension", "version", COSMETIC, "each server brings its own version of an extension"),
    Rule("relation", ORDER, COSMETIC, "columns are told by their names"),
    Rule("collation", "provider", COSMETIC, "the default collation is the database's", _of_default),
    Rule("collation", "encoding", COSMETIC, "it serves the encoding of the database either way", _unknown_encoding),
    Rule("constraint", "validity", INTENDED, _VALIDATED, becomes("not valid", "valid")),
    Rule("constraint", "validity", INTENDED, "`migrate finalize` validates it", _waits_for_validation),
    Rule("view", "filled", INTENDED, "REFRESH MATERIALIZED VIEW fills it; rows are not at stake", becomes(True, False)),
    Rule("view", "filled", INTENDED, "it was filled on the target", becomes(False, True)),
    Rule("relation", "access_method", INTENDED, "tables are created with the target's own access method"),
    Rule("relation", "tablespace", INTENDED, "tables are created in the target's own tablespace"),
    Rule("relation", "options", INTENDED, _PLACED, _only_placement),
    Rule("index", "options", INTENDED, _PLACED, _only_placement),
    Rule("relation", "replica_identity", INTENDED, "YugabyteDB has a default of its own",
         lambda change, situation: situation.to_yugabyte and change.source == "default"),
    Rule("relation", "toast_options", INTENDED, "YugabyteDB has no TOAST tables", _on_yugabyte),
    Rule("index", "method", INTENDED, "YugabyteDB has its own method for what btree does",
         becomes("btree", "lsm")),
    Rule("index", "key_order", INTENDED, _HASHED, _only_hashed),
    Rule("index", "key_order", INTENDED, "a recommendation was applied to it", _rewritten),
    Rule("index", "options", INTENDED, "a recommendation was applied to it", _rewritten),
    Rule("relation", "options", INTENDED, "a recommendation was applied to it", _rewritten),
    Rule("sequence", "cache", INTENDED, "YugabyteDB hands out values in blocks", _larger_cache),
)  # fmt: skip

# What acts on rows though the source does not ask for it; other things that only the target has do no harm.
_ACTS = frozenset({"constraint", "trigger", "rule", "policy"})


def judge(change: Change, situation: Situation) -> tuple[str, str]:
    """Return the class of a change, and the reason of one that does not withhold `verified`."""
    if change.fact == EXISTENCE:
        return _judge_absence(change, situation) if change.source else _judge_presence(change, situation)
    if change.same_meaning:
        return COSMETIC, "the two servers print the same expression differently"
    for rule in RULES:
        if rule.explains(change, situation):
            return rule.classed, rule.why
    if reason := situation.intended.reason_for_change(change):
        return INTENDED, reason
    return DIFFERENT, ""


def _judge_absence(change: Change, situation: Situation) -> tuple[str, str]:
    if reason := situation.intended.reason_for_absence(change):
        return INTENDED, reason
    return MISSING, ""


def _judge_presence(change: Change, situation: Situation) -> tuple[str, str]:
    if reason := situation.intended.reason_for_presence(change):
        return INTENDED, reason
    return (DIFFERENT, "") if _acts(change) else (COSMETIC, "it changes nothing of what the source has")


def _acts(change: Change) -> bool:
    facts = change.facts
    if change.kind.name == "index":
        return bool(facts.get("is_unique"))
    if change.kind.name == "column":
        given = facts.get("default_value") or facts.get("identity") or facts.get("generated")
        return bool(facts.get("not_null")) and not given
    return change.kind.name in _ACTS
