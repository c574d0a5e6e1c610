"""Judgement: what an engine's judge concludes from metadata; assess() makes the whole report of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.assessment.assessment import Complexity, Missing, Note, ObjectCount, RedundantIndex

if TYPE_CHECKING:
    from voyager.schema.analyze import Finding


@dataclass(frozen=True)
class Judgement:
    """Findings and what else an engine's dictionary tells; see Assessment for the meaning of the fields."""

    findings: tuple[Finding, ...]
    objects: tuple[ObjectCount, ...]
    complexity: Complexity
    notes: tuple[Note, ...] = ()
    redundant_indexes: tuple[RedundantIndex, ...] = ()
    range_indexes: tuple[str, ...] = ()
    range_index_keys: tuple[tuple[str, str], ...] = ()
    missing: tuple[Missing, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
