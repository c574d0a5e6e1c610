"""FleetDir: where a fleet keeps the assessments of its members and how far each of them is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from voyager.assessment_dir import AssessmentDir
from voyager.errors import UsageError, disk_error
from voyager.fleet.member import Member
from voyager.identifiers import visible
from voyager.working_directory import WorkingDirectory

SCHEMA_VERSION = 1
STATE = "fleet.json"
PENDING, RUNNING, COMPLETE, ERROR, INTERRUPTED = "PENDING", "RUNNING", "COMPLETE", "ERROR", "INTERRUPTED"
REPORT = "migration_assessment_report.json"
FLEET_REPORT = "fleet_assessment_report"


@dataclass(frozen=True)
class Failure:
    """Why a member could not be assessed; `exit_code` is that of its command."""

    message: str
    hint: str = ""
    details: tuple[str, ...] = ()
    exit_code: int = 1


@dataclass(frozen=True)
class MemberState:
    """How far one member is. `identity` tells the database and `release` what it was judged for: with another of
    either a complete assessment is out of date. Times are ISO-8601 UTC, "" where it has not come to that."""

    name: str
    engine: str
    source: str
    database: str
    schemas: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""
    release: str = ""
    status: str = PENDING
    started_at: str = ""
    ended_at: str = ""
    attempts: int = 0
    failure: Failure | None = None

    @classmethod
    def of(cls, member: Member) -> MemberState:
        """That of a member nobody has looked at yet."""
        place = member.endpoint
        return cls(
            name=member.name,
            engine=place.engine,
            source=place.url,
            database=place.database,
            schemas=place.schemas,
            labels=dict(member.labels),
            identity=member.identity,
        )

    def follows(self, earlier: MemberState | None) -> MemberState:
        """This member with what was done for it before, if it is still the same database."""
        if earlier is None or earlier.identity != self.identity:
            return self
        done = ("release", "status", "started_at", "ended_at", "attempts", "failure")
        return replace(self, **{name: getattr(earlier, name) for name in done})


class FleetDir(WorkingDirectory):
    """A directory with fleet.json, the reports on all members, and a directory for each of them."""

    noun = "fleet directory"
    option = "--fleet-dir"
    parts = ("logs", ".voyager")
    missing_hint = "Give the directory of the fleet by --fleet-dir, or make one with: assessment fleet assess."

    @property
    def reports(self) -> Path:
        """The directory itself: what a report names is found from where the report is."""
        return self.path

    @property
    def state_path(self) -> Path:
        return self.path / STATE

    def member(self, name: str) -> AssessmentDir:
        """The assessment directory of a member."""
        return AssessmentDir(self.path / name)

    def report_of(self, name: str) -> Path:
        return self.member(name).reports / REPORT

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def answer_of(self, name: str) -> Path:
        """Where the command of a member writes its JSON document while it runs."""
        return self.private / f"{name}.out"

    def write_state(self, members: Iterable[MemberState]) -> None:
        """Replace fleet.json as a whole."""
        document = {"schema_version": SCHEMA_VERSION, "members": [_member_json(one, self) for one in members]}
        self.write_atomic(self.state_path, (json.dumps(document, indent=2) + "\n").encode())

    def read_state(self) -> tuple[MemberState, ...]:
        """The members as fleet.json has them; () when there is none. Raises UsageError when it is damaged."""
        try:
            document = json.loads(self.state_path.read_bytes())
            if document["schema_version"] > SCHEMA_VERSION:
                raise UsageError(f"{self.state_path} was written by a later version.", "Update yb-voyager.")
            return tuple(map(_member_of, document["members"]))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise disk_error(error, self.state_path) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{visible(str(self.state_path))} is damaged ({type(error).__name__}).",
                "Remove it and run: yb-voyager assessment fleet assess. All members are then assessed anew.",
            ) from error

    def known_members(self) -> tuple[MemberState, ...]:
        """The members of a fleet that was begun; UsageError when there is none."""
        found = self.read_state()
        if not found:
            self.check()
            raise UsageError(
                f"There is no fleet in {self}.", "Begin with: yb-voyager assessment fleet assess --fleet-file FILE."
            )
        return found


def _member_json(state: MemberState, directory: FleetDir) -> dict[str, Any]:
    return {**asdict(state), "directory": state.name, "report": relative_report(state, directory)}


def relative_report(state: MemberState, directory: FleetDir) -> str:
    """Where the report of a complete member is, seen from the fleet directory."""
    return directory.report_of(state.name).relative_to(directory.path).as_posix() if state.status == COMPLETE else ""


def _member_of(saved: Mapping[str, Any]) -> MemberState:
    known = {one.name for one in fields(MemberState)}
    values = {key: value for key, value in saved.items() if key in known}
    failure = values.pop("failure", None)
    values["schemas"] = tuple(values.get("schemas", ()))
    return MemberState(**values, failure=_failure_of(failure) if failure else None)


def _failure_of(saved: Mapping[str, Any]) -> Failure:
    return Failure(saved["message"], saved.get("hint", ""), tuple(saved.get("details", ())), saved.get("exit_code", 1))


def counts(states: Iterable[MemberState]) -> Iterator[tuple[str, int]]:
    """How many members are in each state, those states that occur."""
    found = [state.status for state in states]
    yield from ((one, found.count(one)) for one in (COMPLETE, ERROR, INTERRUPTED, RUNNING, PENDING) if one in found)
