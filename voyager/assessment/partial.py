"""What a partial assessment says beside its numbers: they are the least, and what may raise them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from voyager.wording import named

if TYPE_CHECKING:
    from voyager.assessment.assessment import Complexity, Missing


def reservation(missing: Iterable[Missing]) -> str:
    """The sentence that stands beside counts of issues and of objects; "" where they are all there is to find."""
    hidden = [one.what for one in missing if one.hides_issues]
    if not hidden:
        return ""
    return f"The assessment is partial, and these numbers are the least; what may raise them: {named(hidden)}."


def qualified(complexity: Complexity, missing: Iterable[Missing]) -> Complexity:
    """The complexity with the reservation in the same breath: whoever reads or quotes the one has the other."""
    said = reservation(missing)
    text = complexity.explanation
    return replace(complexity, explanation=f"{text}{'' if text.endswith('.') else '.'} {said}") if said else complexity
