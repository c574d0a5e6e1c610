"""Walks every workflow as an operator would who does what `next` says, among crashes, lags and obstacles."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statemachine.definition import COMPLETED, NOT_STARTED, Facts, Workflow
from statemachine.guidance import NextAction, next_action
from statemachine.machine import VERBS, Statechart, initial
from statemachine.workflows import WORKFLOWS

EXAMPLES = 3
STEPS = 250
MISCHIEF = 12


@dataclass
class Walk:
    """A migration, the processes that run it, and the luck it has."""

    workflow: Workflow
    data: st.DataObject
    running: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    mischief: int = MISCHIEF

    def __post_init__(self) -> None:
        self.chart = Statechart(self.workflow, initial(self.workflow))

    @property
    def facts(self) -> Facts:
        return Facts(frozenset(self.running), frozenset(self.holds))

    def next(self) -> NextAction:
        return next_action(self.workflow, self.chart.configuration, self.facts)

    def to_the_end(self) -> None:
        for _ in range(STEPS):
            action = self.next()
            self.judge(action)
            if action.kind == "finished":
                return
            self.follow(action)
            self.misfortune()
        pytest.fail(f"no end in sight: {self.chart.configuration}, {self.facts}, {action}")

    def judge(self, action: NextAction) -> None:
        """What must be true of every recommendation."""
        configuration = self.chart.configuration
        if action.trigger is None:
            return
        verb, _, name = action.trigger.partition("_")
        phase = self.workflow.phase(name)
        assert action.trigger in self.chart.allowed(self.facts)
        assert verb in {"start", "resume"}
        assert phase.offered or verb == "resume"
        assert action.consequential == phase.consequential
        assert action.command == phase.command
        scratch = Statechart(self.workflow, configuration)
        scratch.fire(action.trigger, self.facts)
        undone = [one for one, state in configuration.items() if state == COMPLETED != scratch.configuration[one]]
        assert not undone
        if phase.final and verb == "start":
            assert configuration[last_step(self.workflow)] == COMPLETED

    def follow(self, action: NextAction) -> None:
        if action.trigger:
            self.chart.fire(action.trigger, self.facts)
            self.running.add(str(action.phase))
        elif action.kind == "blocked":
            self.holds.update(condition.name for condition in action.blocked_by if condition.kind == "fix")
        else:
            self.wait(action)

    def wait(self, action: NextAction) -> None:
        """Time passes: work gets done, lags shrink. Where only the way back streams, the operator decides."""
        finishing = [name for name in sorted(self.running) if self.chart.may(f"complete_{name}", self.facts)]
        if finishing:
            done = self.data.draw(st.sampled_from(finishing))
            self.chart.fire(f"complete_{done}", self.facts)
            self.running.discard(done)
        elif action.blocked_by:
            self.holds.update(condition.name for condition in action.blocked_by)
        else:
            assert action.then is not None
            self.decide(action)

    def decide(self, action: NextAction) -> None:
        back = [offer.phase for offer in action.also if not self.workflow.phase(offer.phase).offered]
        if back and self.data.draw(st.booleans()):
            self.chart.fire(f"start_{back[0]}", self.facts)
            self.running.add(back[0])
            return
        self.running.clear()
        offer = self.next().also[-1]
        assert offer.command == action.then
        self.chart.fire(f"start_{offer.phase}", self.facts)
        self.running.add(offer.phase)

    def misfortune(self) -> None:
        if self.mischief == 0 or not self.data.draw(st.booleans()):
            return
        self.mischief -= 1
        if self.running and self.data.draw(st.booleans()):
            self.running.discard(self.data.draw(st.sampled_from(sorted(self.running))))
        elif self.workflow.conditions:
            name = self.data.draw(st.sampled_from([condition.name for condition in self.workflow.conditions]))
            self.holds ^= {name}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_who_does_what_next_says_gets_to_the_end_through_any_crash(workflow: Workflow, data: st.DataObject) -> None:
    Walk(workflow, data).to_the_end()


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_from_wherever_an_operator_wandered_next_leads_on(workflow: Workflow, data: st.DataObject) -> None:
    walk = Walk(workflow, data, holds={condition.name for condition in workflow.conditions})
    wander(walk, data.draw(st.integers(0, 30)))
    configuration = walk.chart.configuration
    if configuration[last_step(workflow)] == COMPLETED or configuration["END"] == NOT_STARTED:
        walk.to_the_end()


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_trigger_ever_undoes_a_good_cutover_or_reopens_an_end(workflow: Workflow, data: st.DataObject) -> None:
    walk = Walk(workflow, data, holds={condition.name for condition in workflow.conditions})
    for _ in range(25):
        before = walk.chart.configuration
        wander(walk, 1)
        for phase in workflow.phases:
            if phase.consequential and before[phase.name] == COMPLETED:
                assert walk.chart.configuration[phase.name] == COMPLETED
        if walk.chart.configuration["END"] == COMPLETED:
            assert walk.chart.allowed(walk.facts) == []


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_trigger_is_allowed_exactly_when_no_reason_speaks_against_it(workflow: Workflow, data: st.DataObject) -> None:
    states = {phase.name: data.draw(st.sampled_from(phase.states)) for phase in workflow.phases}
    running = data.draw(st.sets(st.sampled_from(sorted(states)), max_size=3))
    names = [condition.name for condition in workflow.conditions]
    holds = data.draw(st.sets(st.sampled_from(names))) if names else set()
    facts = Facts(frozenset(running), frozenset(holds))
    chart = Statechart(workflow, states)
    triggers = [f"{verb}_{phase.name}" for phase in workflow.phases for verb in VERBS]
    free = [trigger for trigger in triggers if not chart.reasons(trigger, facts)]
    assert sorted(chart.allowed(facts)) == sorted(free)
    for trigger in triggers:
        assert all(reason.says.endswith(".") for reason in chart.reasons(trigger, facts))


def last_step(workflow: Workflow) -> str:
    """What must be done before `next` offers the end: the cutover, or all that there is."""
    names = [phase.name for phase in workflow.phases if not phase.final]
    return "CUTOVER" if "CUTOVER" in names else names[-1]


def wander(walk: Walk, steps: int) -> None:
    """Do anything that is allowed, in any order, with processes coming and going."""
    for _ in range(steps):
        walk.running = set(walk.data.draw(st.sets(st.sampled_from(sorted(walk.chart.configuration)), max_size=2)))
        allowed = walk.chart.allowed(walk.facts)
        if allowed:
            walk.chart.fire(walk.data.draw(st.sampled_from(allowed)), walk.facts)
    walk.running = {name for name in walk.running if walk.chart.configuration[name] not in {NOT_STARTED, COMPLETED}}
