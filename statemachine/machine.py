"""The statechart: a workflow with a configuration; what may fire now, and why the rest may not."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from transitions import MachineError
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from statemachine.definition import COMPLETED, NOT_STARTED, Condition, Configuration, Facts, Phase, Workflow
from statemachine.errors import TransitionNotAllowed, UnknownPhase, UnknownState, UnknownTrigger

VERBS = ("start", "resume", "complete", "repeat", "restart", "adopt", "cancel")
"""A trigger is `<verb>_<PHASE>`: one per region, for a name shared by two regions would move only one of them."""

_PARTICIPLES = {"repeat": "repeated", "restart": "started again", "cancel": "called off"}
_INSTEAD = {
    "repeat": "",
    "restart": "To begin from nothing, end this migration and initialize a new one.",
    "cancel": "",
}


@dataclass(frozen=True)
class Reason:
    """Why a trigger may not fire. `kind` is "state" (this or another phase is in the wrong state), "running" (somebody
    runs it), or the kind of the `condition` that does not hold: "wait" or "fix"."""

    kind: str
    says: str
    hint: str = ""
    condition: Condition | None = None


@dataclass(frozen=True)
class Transition:
    """A trigger that fired: what its own phase did, and every phase whose state changed with the new state."""

    trigger: str
    phase: str
    from_state: str
    to_state: str
    changed: dict[str, str]


class _State(NestedState):
    separator = "."  # the default, "_", tears EXPORT_DATA in two


class _Machine(HierarchicalMachine):
    state_cls = _State


class _Regions:
    """What `transitions` moves: `state` lists one `PHASE.STATE` per region."""

    state: Any
    trigger: Any
    may_trigger: Any


def initial(workflow: Workflow) -> dict[str, str]:
    """The configuration of a migration that has done nothing yet."""
    return {phase.name: NOT_STARTED for phase in workflow.phases}


def restore(workflow: Workflow, saved: Mapping[str, str], *, saved_by: str) -> dict[str, str]:
    """The configuration that `saved` means to this version; `saved_by` is the version that wrote it.

    A phase added since then counts as COMPLETED when work that is built on it has begun: it was not needed.
    """
    for name, state in saved.items():
        phase = next((phase for phase in workflow.phases if phase.name == name), None)
        if phase is None:
            raise UnknownPhase(name, workflow=workflow.name, saved_by=saved_by)
        if state not in phase.states:
            raise UnknownState(name, state, workflow=workflow.name, saved_by=saved_by)
    return {phase.name: saved.get(phase.name) or _added(workflow, phase, saved) for phase in workflow.phases}


def _added(workflow: Workflow, phase: Phase, saved: Mapping[str, str]) -> str:
    begun = any(saved.get(name, NOT_STARTED) != NOT_STARTED for name in workflow.dependents(phase.name))
    return COMPLETED if begun and not phase.final else NOT_STARTED


def current_state(workflow: Workflow, configuration: Configuration) -> str:
    """The migration's one-word state: that of the furthest phase that has begun."""
    begun = [phase for phase in workflow.phases if configuration[phase.name] != NOT_STARTED]
    if not begun:
        return f"{workflow.phases[0].name}_{NOT_STARTED}"
    furthest = begun[-1]
    state = configuration[furthest.name]
    if state == COMPLETED and furthest.done_label:
        return furthest.done_label
    return f"{furthest.name}_{state}"


class _Machinery:
    """A workflow as `transitions` knows it. To build one takes longer than all that is asked of it, so a process has
    one for each workflow; whoever asks says in which states the regions are."""

    def __init__(self, workflow: Workflow) -> None:
        self._regions = _Regions()
        self._asking = threading.Lock()
        self._machine = _Machine(
            model=self._regions,
            states=[{"name": phase.name, "children": list(phase.states)} for phase in workflow.phases],
            transitions=[edge for phase in workflow.phases for edge in _edges(phase)],
            initial=[f"{phase.name}.{phase.states[0]}" for phase in workflow.phases],
            auto_transitions=False,
            send_event=True,
        )

    def possible(self, listed: list[str]) -> tuple[str, ...]:
        """The triggers that lead anywhere from these states, whatever guards say."""
        return tuple(dict.fromkeys(self._machine.get_triggers(*listed)))

    def permitted(self, listed: list[str], triggers: Sequence[str], **known: Any) -> list[str]:
        """Those of `triggers` that lead somewhere from these states; `known` is what their guards go by."""
        with self._asking:
            self._enter(listed)
            return [trigger for trigger in triggers if self._regions.may_trigger(trigger, **known)]

    def move(self, listed: list[str], trigger: str, **known: Any) -> dict[str, str] | None:
        """The state of every region after `trigger`; None when it leads nowhere."""
        with self._asking:
            self._enter(listed)
            try:
                moved = trigger in self._machine.events and self._regions.trigger(trigger, **known)
            except MachineError:
                moved = False
            state = self._regions.state
        regions = [state] if isinstance(state, str) else state
        return dict(region.split(".") for region in regions) if moved else None

    def _enter(self, listed: list[str]) -> None:
        self._regions.state = listed if len(listed) > 1 else listed[0]


@cache
def _machinery(workflow: Workflow) -> _Machinery:
    return _Machinery(workflow)


def _edges(phase: Phase) -> Iterator[dict[str, Any]]:
    for verb in VERBS:
        if not _has(verb, phase):
            continue
        for source in _sources(verb, phase):
            yield {
                "trigger": f"{verb}_{phase.name}",
                "source": f"{phase.name}.{source}",
                "dest": f"{phase.name}.{_destination(verb, phase)}",
                "conditions": [_guard(verb, phase)],
            }


def _guard(verb: str, phase: Phase) -> Any:
    """The guards are those of the statechart that asks."""
    return lambda event: event.kwargs["chart"].opposed(verb, phase, event.kwargs["facts"]) is None


class Statechart:
    """One migration's phases as parallel regions. Firing changes this object only; saving it is the caller's."""

    def __init__(self, workflow: Workflow, configuration: Configuration) -> None:
        self.workflow = workflow
        self._phases = {phase.name: phase for phase in workflow.phases}
        self._configuration = self._checked(configuration)
        self._machinery = _machinery(workflow)

    @property
    def configuration(self) -> dict[str, str]:
        return dict(self._configuration)

    def allowed(self, facts: Facts) -> list[str]:
        """The triggers that may fire now, in table order."""
        # permitted() asks every region in turn, so only those that nothing speaks against are put to it
        free = [trigger for trigger in self._machinery.possible(self._listed()) if self.may(trigger, facts)]
        return self._machinery.permitted(self._listed(), free, chart=self, facts=facts)

    def trigger_of(self, phase: str) -> str:
        """The trigger that running the phase's command means now; it may be one that is not allowed."""
        row = self.workflow.phase(phase)
        state = self._configuration[phase]
        verb = "resume" if state == row.begun else "repeat" if state == COMPLETED and row.repeatable else "start"
        return f"{verb}_{phase}"

    def may(self, trigger: str, facts: Facts) -> bool:
        """Whether this one trigger may fire now."""
        return not self.reasons(trigger, facts)

    def fire(self, trigger: str, facts: Facts) -> Transition:
        """Take the transition, or raise TransitionNotAllowed with every reason."""
        verb, phase = self._split(trigger)
        before = self._configuration
        moved = self._machinery.move(self._listed(), trigger, chart=self, facts=facts)
        if moved is None:
            raise self._refusal(trigger, facts)
        self._configuration = {name: moved[name] for name in self._phases}
        if verb in {"restart", "cancel"}:
            reset = self.workflow.dependents(phase.name)
            self._configuration = {**self._configuration, **dict.fromkeys(reset, NOT_STARTED)}
        changed = {name: state for name, state in self._configuration.items() if before[name] != state}
        return Transition(trigger, phase.name, before[phase.name], self._configuration[phase.name], changed)

    def reasons(self, trigger: str, facts: Facts) -> tuple[Reason, ...]:
        """Everything that keeps `trigger` from firing now; nothing when it may."""
        verb, phase = self._split(trigger)
        wrong = self._wrong_state(verb, phase)
        return (wrong,) if wrong else tuple(self._guards(verb, phase, facts))

    def opposed(self, verb: str, phase: Phase, facts: Facts) -> Reason | None:
        """The first guard that speaks against a transition which the phase's own state would let happen."""
        return next(self._guards(verb, phase, facts), None)

    def _checked(self, configuration: Configuration) -> dict[str, str]:
        # transitions loads a partial list of regions, and unknown ones, without a word
        for name in configuration:
            if name not in self._phases:
                raise UnknownPhase(name, workflow=self.workflow.name, saved_by="unknown")
        for phase in self.workflow.phases:
            state = configuration.get(phase.name)
            if state not in phase.states:
                raise UnknownState(phase.name, state, workflow=self.workflow.name)
        return {name: configuration[name] for name in self._phases}

    def _listed(self) -> list[str]:
        return [f"{name}.{state}" for name, state in self._configuration.items()]

    def _split(self, trigger: str) -> tuple[str, Phase]:
        verb, _, name = trigger.partition("_")
        if verb not in VERBS or name not in self._phases:
            raise UnknownTrigger(trigger, workflow=self.workflow.name)
        return verb, self._phases[name]

    def _refusal(self, trigger: str, facts: Facts) -> TransitionNotAllowed:
        return TransitionNotAllowed(
            trigger,
            configuration=self._configuration,
            reasons=tuple(reason.says for reason in self.reasons(trigger, facts)),
            allowed=self.allowed(facts),
        )

    def _wrong_state(self, verb: str, phase: Phase) -> Reason | None:
        if not _has(verb, phase):
            return Reason("state", f"{phase.title} is a phase that cannot be {_PARTICIPLES[verb]}.", _INSTEAD[verb])
        state = self._configuration[phase.name]
        if state in _sources(verb, phase):
            return None
        return Reason("state", f"{phase.title} is {state}.", self._instead(phase, state))

    def _instead(self, phase: Phase, state: str) -> str:
        if state == NOT_STARTED:
            return f"Start it first: yb-voyager {phase.command}"
        if state == phase.begun:
            return f"The same command resumes it: yb-voyager {phase.command}"
        if phase.repeatable:
            return f"The same command runs it again: yb-voyager {phase.command}"
        if phase.restartable:
            return f"Its work is done. To do it all again: yb-voyager {phase.command} --start-clean"
        return "Its work is done."

    def _guards(self, verb: str, phase: Phase, facts: Facts) -> Iterator[Reason]:
        yield from self._open(phase)
        if verb in {"start", "resume", "repeat", "adopt"}:
            yield from self._idle((phase.name,), facts)
        if verb in {"start", "repeat", "adopt"}:
            yield from self._ready(phase)
        if verb in {"start", "adopt"} and phase.final:
            yield from self._idle(tuple(name for name in self._phases if name != phase.name), facts)
        if verb in {"start", "repeat"}:
            yield from self._conditions(phase, facts)
        if verb == "resume" and phase.cancel and not phase.done_when:
            yield from self._conditions_again(phase, facts)
        if verb in {"complete", "adopt"}:
            yield from self._finishable(phase)
        if verb == "repeat":
            yield from self._no_consequence({"begun"})
        if verb == "restart":
            yield from self._no_consequence({"begun", "completed"})
        if verb == "cancel":
            yield from self._reversible(phase)
        if verb in {"restart", "cancel"}:
            yield from self._idle((phase.name, *self.workflow.dependents(phase.name)), facts)

    def _open(self, phase: Phase) -> Iterator[Reason]:
        for other in self.workflow.phases:
            if other.final and other is not phase and self._begun(other.name):
                ended = self._configuration[other.name] == COMPLETED
                says = "This migration has ended." if ended else "This migration is being ended."
                hint = "Begin a new one: yb-voyager migrate init" if ended else f"Go on: yb-voyager {other.command}"
                yield Reason("state", says, hint)

    def _idle(self, names: tuple[str, ...], facts: Facts) -> Iterator[Reason]:
        for name in names:
            if name in facts.running:
                title = self._phases[name].title
                yield Reason(
                    "running",
                    f"{title} is running.",
                    "Wait for it, or stop it where it runs (Ctrl-C); `yb-voyager migrate status` says who runs it.",
                )

    def _ready(self, phase: Phase) -> Iterator[Reason]:
        for name in phase.after:
            if self._configuration[name] != COMPLETED:
                yield self._needed(name, f"{phase.title} comes after {self._phases[name].title}")
        for name in phase.overlaps:
            if not self._begun(name):
                yield self._needed(name, f"{phase.title} runs beside {self._phases[name].title}")
        for name in phase.unless:
            if self._begun(name):
                yield Reason("state", f"{phase.title} serves no purpose once {self._phases[name].title} has begun.")

    def _finishable(self, phase: Phase) -> Iterator[Reason]:
        for name in phase.done_when:
            if self._configuration[name] != COMPLETED:
                yield self._needed(name, f"{phase.title} completes after {self._phases[name].title}")
        for name in phase.done_begun:
            if not self._begun(name):
                yield self._needed(name, f"{phase.title} completes once {self._phases[name].title} has begun")

    def _needed(self, name: str, law: str) -> Reason:
        return Reason(
            "state", f"{law}, which is {self._configuration[name]}.", f"Run: yb-voyager {self._phases[name].command}"
        )

    def _conditions(self, phase: Phase, facts: Facts) -> Iterator[Reason]:
        for name in phase.when:
            if name not in facts.holds:
                condition = self.workflow.condition(name)
                if why := facts.why.get(name):
                    condition = replace(condition, says=why.says, hint=why.hint)
                yield Reason(condition.kind, condition.says, condition.hint, condition)

    def _conditions_again(self, phase: Phase, facts: Facts) -> Iterator[Reason]:
        """A step that may be called off and waits for nobody decides when it is run again, by what holds then."""
        for reason in self._conditions(phase, facts):
            yield replace(reason, hint=f"Call it off first: yb-voyager {phase.cancel}. {reason.hint}")

    def _no_consequence(self, forbidden: set[str]) -> Iterator[Reason]:
        for other in self.workflow.phases:
            state = self._configuration[other.name]
            standing = "completed" if state == COMPLETED else "begun" if state != NOT_STARTED else ""
            if other.consequential and standing in forbidden:
                hint = f"Call it off first: yb-voyager {other.cancel}" if other.cancel and standing == "begun" else ""
                yield Reason("state", f"{other.title} is {state}: what it rests on cannot be done again.", hint)

    def _reversible(self, phase: Phase) -> Iterator[Reason]:
        for name in phase.done_when:
            if self._phases[name].streams and self._configuration[name] == COMPLETED:
                title = self._phases[name].title
                yield Reason(
                    "state",
                    f"{phase.title} is past the point of no return: {title} has been completed and streams no more.",
                    f"Finish it: yb-voyager {phase.command}",
                )

    def _begun(self, name: str) -> bool:
        return self._configuration[name] != NOT_STARTED


def _has(verb: str, phase: Phase) -> bool:
    if verb == "repeat":
        return phase.repeatable
    if verb == "restart":
        return phase.restartable
    return bool(phase.cancel) if verb == "cancel" else True


def _sources(verb: str, phase: Phase) -> tuple[str, ...]:
    if verb in {"start", "adopt"}:
        return (NOT_STARTED,)
    if verb == "repeat":
        return (COMPLETED,)
    return (phase.begun, COMPLETED) if verb == "restart" else (phase.begun,)


def _destination(verb: str, phase: Phase) -> str:
    if verb in {"complete", "adopt"}:
        return COMPLETED
    return NOT_STARTED if verb in {"restart", "cancel"} else phase.begun
