"""What the state machine refuses: each error says what was asked, of which phase, and what is possible instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class StateMachineError(Exception):
    """Any refusal of this package."""


class WorkflowError(StateMachineError):
    """A workflow's table is wrong; `problems` lists every mistake found."""

    def __init__(self, workflow: str, problems: Sequence[str]) -> None:
        self.workflow = workflow
        self.problems = tuple(problems)
        super().__init__(f"workflow {workflow} is not sound: " + "; ".join(self.problems))


class UnknownPhase(StateMachineError):
    """A saved configuration holds a phase that this version does not have."""

    def __init__(self, phase: str, *, workflow: str, saved_by: str) -> None:
        self.phase = phase
        self.workflow = workflow
        self.saved_by = saved_by
        super().__init__(
            f"the migration holds the phase {phase}, which this version's {workflow} workflow does not know; "
            f"it was saved by version {saved_by}: use that version or a later one"
        )


class UnknownState(StateMachineError):
    """A configuration is incomplete, or gives a phase a state that it does not have."""

    def __init__(self, phase: str, state: str | None, *, workflow: str, saved_by: str = "") -> None:
        self.phase = phase
        self.state = state
        self.workflow = workflow
        self.saved_by = saved_by
        what = f"has no state for the phase {phase}" if state is None else f"puts the phase {phase} in {state!r}"
        by = f"; it was saved by version {saved_by}: use that version or a later one" if saved_by else ""
        super().__init__(f"a configuration of the {workflow} workflow {what}, which is no state of that phase{by}")


class UnknownTrigger(StateMachineError):
    """There is no trigger of that name, in any state."""

    def __init__(self, trigger: str, *, workflow: str) -> None:
        self.trigger = trigger
        self.workflow = workflow
        super().__init__(f"the {workflow} workflow has no trigger {trigger}")


class TransitionNotAllowed(StateMachineError):
    """The trigger exists and may not fire now: `reasons` are sentences, `allowed` the triggers that may."""

    def __init__(
        self, trigger: str, *, configuration: Mapping[str, str], reasons: Sequence[str], allowed: Sequence[str]
    ) -> None:
        self.trigger = trigger
        self.configuration = dict(configuration)
        self.reasons = tuple(reasons)
        self.allowed = tuple(allowed)
        super().__init__(f"{trigger} is not allowed now: " + " ".join(self.reasons))
