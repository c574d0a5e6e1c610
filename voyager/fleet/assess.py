"""assess_fleet(): every member in a process of its own, so many at a time; what is complete is not done again.

One thread starts the processes and waits for them. fleet.json says at every moment how far each member is; a member
that was at work when everything died is found as RUNNING, and is done again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voyager.errors import LockedByOther, VoyagerError, disk_error
from voyager.fleet.command import Defaults, command_line, environment_of, release_of
from voyager.fleet.fleet_dir import COMPLETE, ERROR, INTERRUPTED, RUNNING, Failure, FleetDir, MemberState
from voyager.fleet.fleet_file import Fleet
from voyager.fleet.member import Member

POLL_SECONDS = 0.1
STOP_SECONDS = 60.0
"""How long a member may take to stop when asked to."""
LOCK_SECONDS = 60.0
"""How long an earlier run of a member, whose parent died, may still hold its directory."""
_PR_SET_PDEATHSIG = 1

CommandLine = Callable[[Member, Path, Defaults], Sequence[str]]
Report = Callable[[MemberState], None]


@dataclass(frozen=True)
class Work:
    """How to assess: so many at a time, what holds for all, and who is told. `stop` is asked again and again."""

    defaults: Defaults
    jobs: int = 2
    start_clean: bool = False
    command: CommandLine = command_line
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    report: Report = lambda _: None
    stop: Callable[[], bool] = lambda: False


def plan(fleet: Fleet, directory: FleetDir, work: Work) -> list[tuple[Member, MemberState, bool]]:
    """Every member, how far it is, and whether it is to be assessed."""
    known = {state.name: state for state in directory.read_state()}
    planned = []
    for member in fleet.members:
        state = MemberState.of(member).follows(known.get(member.name))
        done = _is_done(state, member, directory, work) and not work.start_clean
        planned.append((member, state, not done))
    return planned


def _is_done(state: MemberState, member: Member, directory: FleetDir, work: Work) -> bool:
    same_release = state.release == release_of(member, work.defaults)
    return state.status == COMPLETE and same_release and directory.report_of(state.name).is_file()


def assess_fleet(fleet: Fleet, directory: FleetDir, work: Work) -> tuple[MemberState, ...]:
    """Assess all members that are not complete; return how far each of them is then.

    A member that fails is told with its error and stops nobody else. Raises LockedByOther when the fleet is at work.
    """
    directory.create()
    with directory.lock("fleet"):
        return _Run(fleet, directory, work).go()


@dataclass
class _Child:
    member: Member
    process: subprocess.Popen[bytes]


class _Run:
    def __init__(self, fleet: Fleet, directory: FleetDir, work: Work) -> None:
        self.directory = directory
        self.work = work
        planned = plan(fleet, directory, work)
        self.states = {member.name: _interrupted(state) for member, state, _ in planned}
        self.waiting = deque(member for member, _, wanted in planned if wanted)
        self.since: dict[str, float] = {}
        self.running: list[_Child] = []

    def go(self) -> tuple[MemberState, ...]:
        self._save()
        try:
            while (self.waiting or self.running) and not self.work.stop():
                self._start_some()
                self._reap()
                if self.running or self.waiting:
                    time.sleep(POLL_SECONDS)
        finally:
            self._stop_all()
        return tuple(self.states.values())

    def _start_some(self) -> None:
        """Start members while there is room; one whose directory is in use goes to the end of the line."""
        for _ in range(len(self.waiting)):
            if len(self.running) >= self.work.jobs:
                return
            member = self.waiting.popleft()
            try:
                holder = self._in_use(member)
                if holder is None:
                    self._start(member)
                elif time.monotonic() - self.since.setdefault(member.name, time.monotonic()) < LOCK_SECONDS:
                    self.waiting.append(member)
                else:
                    raise holder
            except VoyagerError as error:
                self._failed(member, Failure(error.message, error.hint, error.details, error.exit_code))

    def _in_use(self, member: Member) -> LockedByOther | None:
        """The error of somebody else being at work in the member's directory."""
        place = self.directory.member(member.name)
        if not place.path.is_dir():
            return None
        try:
            with place.lock("assessment"):
                return None
        except LockedByOther as locked:
            return locked

    def _start(self, member: Member) -> None:
        place = self.directory.member(member.name)
        environment = environment_of(member, self.work.environment)
        command = list(self.work.command(member, place.path, self.work.defaults))
        with self._files(member) as (answer, log):
            try:
                process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=answer,
                    stderr=log,
                    # A Ctrl-C on the terminal is ours alone: we pass it on, once.
                    start_new_session=True,
                    preexec_fn=_dies_with_us(),
                )
            except OSError as error:
                raise VoyagerError(f"The command of {member.name} did not start: {error.strerror}.") from error
        self.running.append(_Child(member, process))
        state = self.states[member.name]
        release = release_of(member, self.work.defaults)
        self._put(
            replace(
                state, status=RUNNING, release=release, started_at=_now(), ended_at="", attempts=state.attempts + 1,
                failure=None,
            )
        )  # fmt: skip

    @contextlib.contextmanager
    def _files(self, member: Member) -> Iterator[tuple[int, int]]:
        opened: list[int] = []
        try:
            for path in (self.directory.answer_of(member.name), self.directory.log_of(member.name)):
                try:
                    opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
                except OSError as error:
                    raise disk_error(error, path) from error
            yield opened[0], opened[1]
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _reap(self) -> None:
        for child in [one for one in self.running if one.process.poll() is not None]:
            self.running.remove(child)
            self._ended(child.member, child.process.returncode)

    def _ended(self, member: Member, code: int) -> None:
        if code == 0 and self.directory.report_of(member.name).is_file():
            self.directory.answer_of(member.name).unlink(missing_ok=True)
            self._put(replace(self.states[member.name], status=COMPLETE, ended_at=_now(), failure=None))
        else:
            self._failed(member, self._failure(member, code))

    def _failure(self, member: Member, code: int) -> Failure:
        """What the command said in its document, else where to look."""
        path = self.directory.answer_of(member.name)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_bytes())["error"]
            path.unlink()
            return Failure(told["message"], told["hint"], tuple(map(str, told["details"])), code)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return Failure(f"Its command {how} and said no reason.", f"See {self.directory.log_of(member.name)}.", (), code)

    def _failed(self, member: Member, failure: Failure) -> None:
        self._put(replace(self.states[member.name], status=ERROR, ended_at=_now(), failure=failure))

    def _stop_all(self) -> None:
        """Ask every member to stop, wait for it, and end what does not."""
        for child in self.running:
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.running:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(child.process)
            if child.process.returncode == 0:
                self._ended(child.member, 0)
            else:
                self._put(replace(self.states[child.member.name], status=INTERRUPTED, ended_at=_now()))
        self.running.clear()

    def _put(self, state: MemberState) -> None:
        self.states[state.name] = state
        self._save()
        self.work.report(state)

    def _save(self) -> None:
        self.directory.write_state(self.states.values())


def _interrupted(state: MemberState) -> MemberState:
    """We hold the fleet's lock: what is said to be running was left behind."""
    return replace(state, status=INTERRUPTED) if state.status == RUNNING else state


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _dies_with_us() -> Callable[[], None] | None:
    """What a child does before it becomes the command: where the kernel can, ask for SIGTERM when we die."""
    if not sys.platform.startswith("linux"):
        return None
    prctl: Any = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
