"""`next --run` and `next --until`: recommended steps, run one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voyager.cli import phase_command
from voyager.cli.ask import confirm
from voyager.cli.beside import Beside, partner
from voyager.cli.emit import Reply, finish
from voyager.cli.interrupt import stop_on_signal
from voyager.cli.invocation import Invocation
from voyager.errors import BlockersFound, ConfirmationNeeded, Interrupted, NothingToDo, VoyagerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from statemachine.definition import Phase
    from voyager.context import Context
    from voyager.status import MigrationStatus

POLL_SECONDS = 2.0
"""How often --wait looks."""


class Walk:
    """One walk along the recommended steps. `named` is the phase of --until, or the only one to run; `ran` are the
    answers of what this process ran before."""

    def __init__(
        self,
        invocation: Invocation,
        *,
        named: str | None,
        only_one: bool,
        wait: bool,
        ran: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.invocation = invocation
        self.named = named
        self.only_one = only_one
        self.wait = wait
        self._ran = [dict(body) for body in ran]

    def go(self) -> None:
        """Walk, and say what was done: each step as it ends, or one document at the end."""
        from voyager.cli.session import opened

        with opened(self.invocation, outage_budget=self.invocation.resolved().outage_budget) as context:
            problem: VoyagerError | None = None
            try:
                problem = self._one(context) if self.only_one else self._many(context)
            except VoyagerError as stopped:
                if not self.invocation.wants_json or not self._ran:
                    raise
                problem = stopped
            if self.invocation.wants_json:
                finish(self._document(context, problem), self.invocation)
            elif problem is not None:
                raise SystemExit(problem.exit_code)

    def _one(self, context: Context) -> VoyagerError | None:
        status = self._status(context)
        if self.named:
            return self._run(context, self.named)
        return self._step(context, self._ready(context, status))

    def _many(self, context: Context) -> VoyagerError | None:
        assert self.named is not None
        phase_command.phase_named(self.named, context.workflow)
        while True:
            status = self._status(context)
            if status.phase(self.named).state == "COMPLETED":
                if not self._ran and not self.invocation.wants_json:
                    self.invocation.emitter.say(f"{status.phase(self.named).title} is completed already.")
                return None
            if self.invocation.dry_run and self._ran:
                return None
            problem = self._step(context, self._ready(context, status))
            if problem is not None:
                return problem

    def _ready(self, context: Context, status: MigrationStatus) -> MigrationStatus:
        """A status whose next step can be run; waits for one where that was asked for."""
        while status.next.kind in ("wait", "paused") and self.wait:
            self._sleep()
            status = self._status(context)
        action = status.next
        if action.kind == "wait":
            raise NothingToDo(f"{action.title}. {action.reason}", "Add --wait to wait for it.", _running(context))
        if action.kind == "blocked":
            hints = tuple(condition.hint for condition in action.blocked_by)
            raise BlockersFound(f"{action.title}. {action.reason}", " ".join(hints[:1]), hints[1:])
        if action.kind == "paused":
            raise NothingToDo(action.reason, f"Go on with: yb-voyager {action.command}")
        if action.kind == "finished":
            raise NothingToDo(action.reason)
        return status

    def _step(self, context: Context, status: MigrationStatus) -> VoyagerError | None:
        from voyager.status import confirmation_needed

        action = status.next
        assert action.phase is not None
        if action.consequential and action.phase != self.named and not self.invocation.dry_run:
            if not self.invocation.interactive:
                raise confirmation_needed(status)
            if not confirm(f"{action.title}: {action.reason} Run it?", self.invocation):
                raise ConfirmationNeeded("Not confirmed; nothing was changed.")
            return self._run(context, action.phase, confirmed=True)
        return self._run(context, action.phase)

    def _run(self, context: Context, name: str, *, confirmed: bool = False) -> VoyagerError | None:
        invocation = self.invocation
        phase = phase_command.phase_named(name, context.workflow)
        asks = not (invocation.yes or confirmed or invocation.dry_run or (self.named == name and phase.consequential))
        if asks and not confirm(f"Run {phase.title} (yb-voyager {phase.command})?", invocation):
            raise ConfirmationNeeded("Not confirmed; nothing was changed.")
        if not self.only_one and not invocation.dry_run:
            assert self.named is not None
            beside = partner(phase, context, self._status(context), until=self.named)
            if beside is not None:
                return self._run_both(context, phase, beside)
        if not self.only_one and not invocation.wants_json:
            invocation.emitter.say(f"{phase.title}:", style="bold")
        last = self.only_one or name == self.named
        reply = phase_command.perform(phase, context, invocation, confirmed=confirmed, last=last)
        self._ran.append(dict(reply.body))
        if not invocation.wants_json:
            invocation.emitter.emit(reply)
        return reply.problem

    def _run_both(self, context: Context, other: Phase, phase: Phase) -> VoyagerError | None:
        """Run `other` in a process of its own and, once it has begun, `phase` beside it."""
        invocation = self.invocation
        if not invocation.wants_json:
            invocation.emitter.say(f"{other.title} and {phase.title}, at the same time:", style="bold")
        with Beside(other, context, invocation) as process:
            with stop_on_signal() as stop:
                process.wait_until_begun(stop)
            try:
                last = phase.name == self.named
                reply = phase_command.perform(phase, context, invocation, last=last, on_start=process.stop_with_it)
            except Interrupted:
                if process.failed:
                    raise process.failure() from None
                raise
            body = process.result()
        self._ran += [{key: value for key, value in body.items() if key != "schema_version"}, dict(reply.body)]
        if not invocation.wants_json:
            invocation.emitter.say(f"{other.title}: {body['headline']}")
            invocation.emitter.emit(reply)
        return reply.problem

    def _document(self, context: Context, problem: VoyagerError | None) -> Reply:
        from voyager.cli.session import command_lines

        status = self._status(context)
        following = status.next.to_json() | command_lines(status, self.invocation.resolved())
        body = {
            "migration": {"name": status.name, "uuid": status.uuid},
            "current_state": status.current_state,
            "ran": [
                {key: value for key, value in one.items() if key not in ("migration", "next")} for one in self._ran
            ],
            "next": following,
        }
        return Reply(body, problem=problem)

    @staticmethod
    def _status(context: Context) -> MigrationStatus:
        from voyager.status import migration_status

        return migration_status(context.refresh(tables=False), context.observe_facts())

    @staticmethod
    def _sleep() -> None:
        with stop_on_signal() as stop:
            if stop.wait(POLL_SECONDS):
                raise Interrupted("Stopped waiting; nothing was begun.")


def _running(context: Context) -> tuple[str, ...]:
    """Who runs what is waited for. A process that was killed seems to run for as long as its lease is live."""
    from voyager.store.lease import LeaseHeld

    held = [LeaseHeld(lease) for lease in context.record.leases.values() if lease.live]
    return tuple(f"{one.message} {one.hint}" for one in held)
