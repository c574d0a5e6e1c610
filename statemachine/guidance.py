"""What an operator should do next, derived from what the statechart allows; no phase is known here by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from statemachine.definition import COMPLETED, NOT_STARTED, Condition, Configuration, Facts, Phase, Workflow
from statemachine.machine import Reason, Statechart


class Offer(NamedTuple):
    """Something else that is possible now."""

    phase: str
    command: str
    why: str


@dataclass(frozen=True)
class NextAction:
    """The recommended step. Commands are what follows `yb-voyager`.

    `kind`: resume | run | blocked | wait | end | finished, and paused by who knows of pauses. `title` is the heading
    ("Run Import Data", "Wait for Export Data to complete"); `phase` the row that it is about and `trigger` what fires
    when its `command` is run: both commands and trigger are None where there is nothing to run. `blocked_by` holds the
    conditions in the way, those to fix first. `then` is the command that comes after and `then_title` its phase. A
    `consequential` step is never run by `--yes` alone.
    """

    kind: str
    phase: str | None
    title: str
    command: str | None
    reason: str
    trigger: str | None = None
    then: str | None = None
    then_title: str = ""
    tips: tuple[str, ...] = ()
    also: tuple[Offer, ...] = ()
    blocked_by: tuple[Condition, ...] = ()
    consequential: bool = False

    def to_json(self) -> dict[str, Any]:
        """The stored form; keys are added over time, never repurposed."""
        return {
            **{field: getattr(self, field) for field in _PLAIN},
            "tips": list(self.tips),
            "also": [offer._asdict() for offer in self.also],
            "blocked_by": [asdict(condition) for condition in self.blocked_by],
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> NextAction:
        """Read `to_json()` back, of any version: unknown keys are left aside."""
        return cls(
            **{field: saved[field] for field in _PLAIN if field in saved},
            tips=tuple(saved.get("tips", ())),
            also=tuple(Offer(*(one[field] for field in Offer._fields)) for one in saved.get("also", ())),
            blocked_by=tuple(_condition(one) for one in saved.get("blocked_by", ())),
        )


_PLAIN = ("kind", "phase", "title", "command", "reason", "trigger", "then", "then_title", "consequential")


def next_action(workflow: Workflow, configuration: Configuration, facts: Facts) -> NextAction:
    """Resume, run, fix, wait, end, in this order; the first that applies."""
    return _Guide(workflow, configuration, facts).next_action()


def abandons(workflow: Workflow, configuration: Configuration) -> bool:
    """Whether ending the migration now would give it up: a consequential step of its plan is still open."""
    return any(
        phase.consequential and phase.offered and not phase.final and configuration[phase.name] != COMPLETED
        for phase in workflow.phases
    )


class _Guide:
    def __init__(self, workflow: Workflow, configuration: Configuration, facts: Facts) -> None:
        self.workflow = workflow
        self.final = next(phase for phase in workflow.phases if phase.final)
        self.facts = facts
        self.chart = Statechart(workflow, configuration)
        self.configuration = self.chart.configuration
        self.allowed = frozenset(self.chart.allowed(facts))
        self.remarks = [one for one in facts.remarks if self.configuration.get(one.phase) == COMPLETED]

    def next_action(self) -> NextAction:
        action = next(self._candidates())
        offers = (Offer(one.phase, one.command, one.why) for one in self.remarks)
        reason = " ".join([*(one.says for one in self.remarks), action.reason])
        return replace(action, reason=reason, also=(*offers, *self._also(action)))

    def _candidates(self) -> Iterator[NextAction]:
        if self.configuration[self.final.name] == COMPLETED:
            yield NextAction("finished", None, "Nothing is left to do", None, "This migration has ended.")
            return
        yield from (self._resume(phase) for phase in self.workflow.phases if f"resume_{phase.name}" in self.allowed)
        yield from (self._run(phase) for phase in self._plan() if f"start_{phase.name}" in self.allowed)
        stopped = list(self._stopped())
        yield from (self._blocked(phase, reasons) for phase, reasons in stopped if _conditions(reasons, "fix"))
        if self.facts.running:
            yield self._wait_for_work()
        yield from (self._wait_for_conditions(phase, reasons) for phase, reasons in stopped)
        yield self._end()

    def _plan(self) -> Iterator[Phase]:
        """The phases that `next` leads through, but for the one that ends the migration."""
        return (phase for phase in self.workflow.phases if phase.offered and not phase.final)

    def _stopped(self) -> Iterator[tuple[Phase, tuple[Reason, ...]]]:
        """Phases whose turn it is, but for conditions that do not hold."""
        for phase in self._plan():
            if self.configuration[phase.name] != COMPLETED:
                verb = "start" if self.configuration[phase.name] == NOT_STARTED else "resume"
                reasons = self.chart.reasons(f"{verb}_{phase.name}", self.facts)
                if reasons and all(reason.condition for reason in reasons):
                    yield phase, reasons

    def _resume(self, phase: Phase) -> NextAction:
        then, then_title = self._after([phase.name])
        return NextAction(
            "resume",
            phase.name,
            f"Resume {phase.title}",
            phase.command,
            f"{phase.title} has begun and nobody runs it: its command ended before the work was done. "
            "What it finished is kept; the same command continues from there.",
            trigger=f"resume_{phase.name}",
            then=then,
            then_title=then_title,
            tips=phase.tips,
            consequential=phase.consequential,
        )

    def _run(self, phase: Phase) -> NextAction:
        then, then_title = self._after([phase.name])
        return NextAction(
            "run",
            phase.name,
            f"Run {phase.title}",
            phase.command,
            f"{self._ground(phase)}{phase.summary}",
            trigger=f"start_{phase.name}",
            then=then,
            then_title=then_title,
            tips=phase.tips,
            consequential=phase.consequential,
        )

    def _ground(self, phase: Phase) -> str:
        parts = []
        if phase.after:
            parts.append(f"{self._titles(phase.after)} {_is(phase.after)} done")
        if phase.overlaps:
            parts.append(f"{self._titles(phase.overlaps)} {_has(phase.overlaps)} begun")
        return f"{' and '.join(parts)}. " if parts else ""

    def _blocked(self, phase: Phase, reasons: tuple[Reason, ...]) -> NextAction:
        in_the_way = _conditions(reasons, "fix") + _conditions(reasons, "wait")
        return NextAction(
            "blocked",
            phase.name,
            f"{phase.title} is blocked",
            phase.command,
            " ".join(condition.says for condition in in_the_way),
            then_title=phase.title,
            tips=phase.tips,
            blocked_by=in_the_way,
            consequential=phase.consequential,
        )

    def _wait_for_work(self) -> NextAction:
        names = [phase.name for phase in self.workflow.phases if phase.name in self.facts.running]
        _, left = self._settle(names)
        finishing = [name for name in names if name not in left]
        then, then_title = self._after(names)
        phase, title, reason, waits = self._wait_beside(names)
        if finishing:
            phase, waits = finishing[-1], ()
            title = f"Wait for {self._titles(finishing)} to complete"
            reason = f"{self._titles(names)} {_is(names)} running, and nothing else is to be done meanwhile."
        return NextAction(
            "wait",
            phase,
            title,
            None,
            reason,
            then=then,
            then_title=then_title,
            tips=self.workflow.phase(phase).tips,
            blocked_by=waits,
        )

    def _wait_beside(self, names: list[str]) -> tuple[str, str, str, tuple[Condition, ...]]:
        """Only streams run: what holds up the next phase, or nothing but their operator ends them."""
        running = f"{self._titles(names)} {_is(names)} running."
        for phase, reasons in self._stopped():
            waits = _conditions(reasons, "wait")
            return phase.name, f"Wait until {phase.title} can start", " ".join([running, *map(_says, waits)]), waits
        reason = (
            f"{running} Everything else is done. When the way back is no longer needed, stop them (Ctrl-C) and run: "
            f"yb-voyager {self.final.command}"
        )
        return names[-1], f"Keep {self._titles(names)} running while a way back is needed", reason, ()

    def _wait_for_conditions(self, phase: Phase, reasons: tuple[Reason, ...]) -> NextAction:
        waits = _conditions(reasons, "wait")
        return NextAction(
            "wait",
            phase.name,
            f"Wait until {phase.title} can start",
            None,
            " ".join(map(_says, waits)),
            then=phase.command,
            then_title=phase.title,
            tips=phase.tips,
            blocked_by=waits,
        )

    def _end(self) -> NextAction:
        final = self.final
        return NextAction(
            "end",
            final.name,
            "End the migration",
            final.command,
            f"Everything {'else ' * bool(self.remarks)}is done. {final.summary}",
            trigger=f"start_{final.name}",
            tips=final.tips,
            consequential=True,
        )

    def _after(self, names: Iterable[str]) -> tuple[str | None, str]:
        """The command that comes once `names` have done what they can, found by doing so on a scratch copy."""
        chart, running = self._settle(names)
        facts = Facts(running, _all_conditions(self.workflow))
        for phase in self._plan():
            if chart.may(f"start_{phase.name}", facts):
                return phase.command, phase.title
        if chart.configuration[self.final.name] == NOT_STARTED:
            return self.final.command, self.final.title
        return None, ""

    def _settle(self, names: Iterable[str]) -> tuple[Statechart, frozenset[str]]:
        """Start and complete `names` and all that runs, as far as it goes, and say who is left running."""
        chart = Statechart(self.workflow, self.configuration)
        facts = Facts(frozenset(), _all_conditions(self.workflow))
        left = {*names, *self.facts.running}
        moving = True
        while moving:
            moving = False
            for trigger in [f"{verb}_{name}" for name in left for verb in ("start", "complete")]:
                if chart.may(trigger, facts):
                    chart.fire(trigger, facts)
                    moving = True
        return chart, frozenset(name for name in left if chart.configuration[name] != COMPLETED)

    def _also(self, action: NextAction) -> Iterator[Offer]:
        for phase in self.workflow.phases:
            if phase.name != action.phase and f"resume_{phase.name}" in self.allowed:
                yield Offer(
                    phase.name, phase.command, f"Nobody runs {phase.title} either: the same command resumes it."
                )
            if phase.name != action.phase and f"start_{phase.name}" in self.allowed:
                yield Offer(phase.name, phase.command, self._why_start(phase))
            if f"repeat_{phase.name}" in self.allowed and not self._built_upon(phase):
                yield Offer(phase.name, phase.command, f"Run {phase.title} again, for instance after a repair.")
            if f"cancel_{phase.name}" in self.allowed:
                yield Offer(phase.name, phase.cancel, f"Call {phase.title} off while that is still possible.")

    def _why_start(self, phase: Phase) -> str:
        if phase.final and abandons(self.workflow, self.configuration):
            return "Give this migration up before it is done; it asks first."
        return phase.summary

    def _built_upon(self, phase: Phase) -> bool:
        return any(self.configuration[name] != NOT_STARTED for name in self.workflow.dependents(phase.name))

    def _titles(self, names: Iterable[str]) -> str:
        titles = [self.workflow.phase(name).title for name in names]
        return " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))


def _all_conditions(workflow: Workflow) -> frozenset[str]:
    return frozenset(condition.name for condition in workflow.conditions)


def _conditions(reasons: tuple[Reason, ...], kind: str) -> tuple[Condition, ...]:
    return tuple(reason.condition for reason in reasons if reason.condition and reason.kind == kind)


def _condition(saved: Mapping[str, Any]) -> Condition:
    return Condition(saved["name"], saved["kind"], saved["says"], saved["hint"], saved.get("override", ""))


def _says(condition: Condition) -> str:
    return condition.says


def _is(names: Iterable[str]) -> str:
    return "is" if len(list(names)) == 1 else "are"


def _has(names: Iterable[str]) -> str:
    return "has" if len(list(names)) == 1 else "have"
