"""What the tests of the state machine share: configurations by example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from statemachine.definition import COMPLETED, NOT_STARTED, Facts, Workflow

Standing = Callable[..., dict[str, str]]


@pytest.fixture
def standing() -> Standing:
    """`standing(workflow, "VERIFY", EXPORT_DATA="IN_PROGRESS")`: all up to VERIFY is completed, save what is given."""

    def build(workflow: Workflow, last: str = "", **states: str) -> dict[str, str]:
        names = [phase.name for phase in workflow.phases]
        done = names[: names.index(last) + 1] if last else []
        return {name: states.get(name, COMPLETED if name in done else NOT_STARTED) for name in names}

    return build


@pytest.fixture
def everything_holds() -> Callable[[Workflow], Facts]:
    def build(workflow: Workflow) -> Facts:
        return Facts(holds=frozenset(condition.name for condition in workflow.conditions))

    return build
