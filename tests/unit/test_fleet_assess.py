"""Assessing a fleet with a command that stands in for an assessment: who runs, who fails, what is kept."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests import drive
from tests.fleet_members import stand_in
from voyager.endpoint import Endpoint
from voyager.errors import LockedByOther, UsageError
from voyager.fleet.assess import Work, assess_fleet, plan
from voyager.fleet.command import Defaults, command_line, environment_of, password_source
from voyager.fleet.fleet_dir import COMPLETE, ERROR, INTERRUPTED, PENDING, RUNNING, FleetDir, MemberState
from voyager.fleet.fleet_file import Fleet
from voyager.fleet.member import Member

DEFAULTS = Defaults("2025.2.3.0")


def member(name: str, **more: Any) -> Member:
    place = Endpoint(engine="postgresql", host="h", port=5432, database=more.pop("database", name), user="me")
    return Member(name=name, endpoint=replace(place, **more.pop("place", {})), **more)


def fleet(*names: str) -> Fleet:
    return Fleet(tuple(map(member, names)))


def work(behaviours: Mapping[str, str] | None = None, **more: Any) -> Work:
    return Work(defaults=DEFAULTS, command=stand_in(behaviours or {}), environment=dict(os.environ), **more)


def statuses(states: tuple[MemberState, ...]) -> dict[str, str]:
    return {state.name: state.status for state in states}


def runs(directory: FleetDir, name: str) -> int:
    path = directory.path / name / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def directory(tmp_path: Path) -> FleetDir:
    return FleetDir(tmp_path / "fleet")


def test_one_failing_member_stops_nobody_else_and_every_failure_says_why(directory: FleetDir):
    behaviours = {"b": "refused", "c": "killed", "d": "silent"}
    got = assess_fleet(fleet("a", "b", "c", "d", "e"), directory, work(behaviours))
    assert statuses(got) == {"a": COMPLETE, "b": ERROR, "c": ERROR, "d": ERROR, "e": COMPLETE}
    refused, killed, silent = (state.failure for state in got if state.failure)
    assert (refused.message, refused.exit_code, refused.details) == ("The password is wrong.", 9, ("d",))
    assert "signal 9" in killed.message
    assert "exit code 3" in silent.message
    assert str(directory.log_of("d")) in silent.hint
    assert directory.read_state() == got


def test_what_is_complete_is_not_done_again_and_what_failed_is(directory: FleetDir):
    assess_fleet(fleet("a", "b"), directory, work({"b": "refused"}))
    got = assess_fleet(fleet("a", "b"), directory, work())
    assert statuses(got) == {"a": COMPLETE, "b": COMPLETE}
    assert (runs(directory, "a"), runs(directory, "b")) == (1, 2)
    assert [state.attempts for state in got] == [1, 2]
    assess_fleet(fleet("a", "b"), directory, work(start_clean=True))
    assert (runs(directory, "a"), runs(directory, "b")) == (2, 3)


def test_a_complete_member_is_done_again_when_it_is_another_database_or_release_or_its_report_is_gone(directory):
    assess_fleet(fleet("a", "b", "c", "d"), directory, work())
    directory.report_of("c").unlink()
    changed = Fleet(
        (member("a"), member("b", database="other"), member("c"), replace(member("d"), release="2024.2.0.0"))
    )
    assert {one.name: wanted for one, _, wanted in plan(changed, directory, work())} == {
        "a": False, "b": True, "c": True, "d": True,
    }  # fmt: skip
    relabelled = Fleet((replace(member("a"), labels={"team": "x"}, password="new"),))
    assert [wanted for _, _, wanted in plan(relabelled, directory, work())] == [False]


def test_no_more_than_the_given_number_run_at_a_time(directory: FleetDir):
    names = [f"m{number}" for number in range(6)]
    assess_fleet(fleet(*names), directory, work(dict.fromkeys(names, "meeting:0.4"), jobs=2))
    spans = []
    for name in names:
        begun = float((directory.path / name / "runs").read_text().split()[1])
        spans.append((begun, float((directory.path / name / "ended").read_text())))
    at_once = [sum(begun <= moment < ended for begun, ended in spans) for moment, _ in spans]
    assert max(at_once) == 2


def test_changes_are_reported_as_they_happen(directory: FleetDir):
    told: list[tuple[str, str]] = []
    assess_fleet(
        fleet("a", "b"),
        directory,
        work({"b": "refused"}, jobs=1, report=lambda state: told.append((state.name, state.status))),
    )
    assert told == [("a", RUNNING), ("a", COMPLETE), ("b", RUNNING), ("b", ERROR)]


def test_a_member_left_running_by_a_death_is_found_as_interrupted_and_done_again(directory: FleetDir):
    directory.create()
    left = replace(MemberState.of(member("a")), status=RUNNING, release=DEFAULTS.release, attempts=1)
    directory.write_state([left])
    seen: list[str] = []

    def stop() -> bool:
        seen.extend(state.status for state in directory.read_state())
        return True

    assert statuses(assess_fleet(fleet("a"), directory, work(stop=stop))) == {"a": INTERRUPTED}
    assert seen == [INTERRUPTED]
    assert statuses(assess_fleet(fleet("a"), directory, work())) == {"a": COMPLETE}


def test_a_stop_ends_the_running_members_and_leaves_the_others_for_the_next_time(directory: FleetDir):
    def stop() -> bool:
        return (directory.path / "slow" / "at work").exists()

    got = assess_fleet(fleet("first", "slow", "last"), directory, work({"slow": "slow"}, jobs=1, stop=stop))
    assert statuses(got) == {"first": COMPLETE, "slow": INTERRUPTED, "last": PENDING}
    pid = int((directory.path / "slow" / "runs").read_text().split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    again = assess_fleet(fleet("first", "slow", "last"), directory, work())
    assert set(statuses(again).values()) == {COMPLETE}
    assert runs(directory, "first") == 1


PARENT = """
import os, sys
from pathlib import Path
from tests.fleet_members import stand_in
from tests.unit.test_fleet_assess import DEFAULTS, fleet
from voyager.fleet.assess import Work, assess_fleet
from voyager.fleet.fleet_dir import FleetDir
command = stand_in({"slow": "slow"})
work = Work(defaults=DEFAULTS, command=command, environment=dict(os.environ))
assess_fleet(fleet("fast", "slow"), FleetDir(Path(sys.argv[1])), work)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other kernels do not tell children of a death")
def test_a_parent_that_is_killed_takes_its_members_along(directory: FleetDir):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(directory.path)], cwd=drive.ROOT)
    try:
        wait_for(lambda: (directory.path / "slow" / "at work").exists())
        wait_for(lambda: statuses(directory.read_state())["fast"] == COMPLETE)
        child = int((directory.path / "slow" / "runs").read_text().split()[0])
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_for(lambda: not Path(f"/proc/{child}").exists())
    assert statuses(directory.read_state()) == {"fast": COMPLETE, "slow": RUNNING}
    got = assess_fleet(fleet("fast", "slow"), directory, work())
    assert statuses(got) == {"fast": COMPLETE, "slow": COMPLETE}
    assert (runs(directory, "fast"), runs(directory, "slow")) == (1, 2)


def wait_for(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_a_fleet_that_is_at_work_is_left_alone(directory: FleetDir):
    directory.create()
    with directory.lock("fleet"), pytest.raises(LockedByOther):
        assess_fleet(fleet("a"), directory, work())
    assert runs(directory, "a") == 0


def test_a_member_whose_directory_is_in_use_waits_its_turn(directory: FleetDir, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("voyager.fleet.assess.LOCK_SECONDS", 0.3)
    directory.create()
    place = directory.member("busy")
    place.create()
    with place.lock("assessment"):
        got = assess_fleet(fleet("busy", "free"), directory, work())
    assert statuses(got) == {"busy": ERROR, "free": COMPLETE}
    assert got[0].failure is not None
    assert got[0].failure.exit_code == 6
    assert statuses(assess_fleet(fleet("busy", "free"), directory, work())) == {"busy": COMPLETE, "free": COMPLETE}


def test_a_damaged_state_is_told_and_not_overwritten(directory: FleetDir):
    directory.create()
    directory.state_path.write_text('{"schema_version": 1, "members": [{"na')
    with pytest.raises(UsageError, match="damaged"):
        assess_fleet(fleet("a"), directory, work())
    assert directory.state_path.read_text().endswith('{"na')


def test_passwords_reach_the_members_by_their_environment_alone(directory: FleetDir, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("canary-file\nmore\n")
    members = Fleet(
        (
            replace(member("literal"), password="canary-literal"),
            replace(member("file"), password={"file": str(secret)}),
            replace(member("variable"), password={"env": "FLEET_CANARY"}),
            replace(member("command"), password={"command": "echo canary-command"}),
            replace(member("absent"), password={"env": "NOT_THERE"}),
            member("none"),
        )
    )
    environment = {**os.environ, "FLEET_CANARY": "canary-variable", "SOURCE_DB_PASSWORD": "canary-foreign"}
    got = assess_fleet(members, directory, replace(work(), environment=environment))
    seen = {
        one.name: (directory.path / one.name / "password").read_text()
        for one in members.members
        if one.name != "absent"
    }
    assert seen == {
        "literal": "canary-literal", "file": "canary-file", "variable": "canary-variable", "command": "canary-command",
        "none": "none",
    }  # fmt: skip
    assert statuses(got)["absent"] == ERROR
    for path in [directory.state_path, *directory.logs.iterdir(), *directory.private.iterdir()]:
        assert b"canary" not in path.read_bytes(), path
    assert not any("canary" in word for one in members.members for word in command_line(one, tmp_path, DEFAULTS))
    assert "canary" not in repr(members)
    assert "canary" not in "".join(map(password_source, members.members))


def test_files_of_a_fleet_are_for_its_owner_alone(directory: FleetDir):
    assess_fleet(fleet("a"), directory, work())
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    for path in (directory.state_path, directory.log_of("a")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_settings_about_other_databases_do_not_reach_a_member():
    environment = {
        "YB_VOYAGER_SOURCE_DB_HOST": "x", "TARGET_DB_PASSWORD": "x", "YB_VOYAGER_PG_BIN": "/pg", "PGSSLROOTCERT": "/ca",
        "PATH": "/bin",
    }  # fmt: skip
    assert environment_of(member("a"), environment) == {
        "YB_VOYAGER_PG_BIN": "/pg", "PGSSLROOTCERT": "/ca", "PATH": "/bin",
    }  # fmt: skip


def test_the_command_of_a_member_says_all_of_it_in_words_that_cannot_be_taken_for_flags(tmp_path: Path):
    place = {
        "host": "-h", "database": "-x", "schemas": ('Odd, "Name', "plain"), "tls": (("sslmode", "require"),),
    }  # fmt: skip
    one = replace(member("a", place=place), replicas=("r1:5432", "r2"), primary_only=True, capture_seconds=0)
    line = command_line(one, tmp_path, replace(DEFAULTS, capture_seconds=30))
    assert line[1:5] == ["-m", "voyager", "assessment", "run"]
    for word in (
        "--source-db-host=-h", "--source-db-name=-x", '--source-db-schema="Odd, ""Name","plain"',
        "--source-ssl-mode=require", "--source-read-replica-endpoints=r1:5432,r2", "--primary-only",
        "--iops-capture-interval=0", "--target-db-version=2025.2.3.0", f"--assessment-dir={tmp_path}",
        "--config-file=/dev/null", "--output=json",
    ):  # fmt: skip
        assert word in line
    assert all(word.startswith("--") for word in line[5:])


def test_an_oracle_database_is_named_by_its_sid_or_alias_and_not_by_a_service_of_that_name(tmp_path: Path):
    for option, flag in (("sid", "--oracle-db-sid=XE"), ("tns_alias", "--oracle-tns-alias=XE")):
        line = command_line(member("a", place={"options": ((option, "XE"),)}), tmp_path, DEFAULTS)
        assert flag in line
        assert not any(word.startswith("--source-db-name") for word in line)


def test_the_state_of_a_fleet_says_where_the_reports_are(directory: FleetDir):
    assess_fleet(fleet("a", "b"), directory, work({"b": "refused"}))
    document = json.loads(directory.state_path.read_text())
    assert next(iter(document)) == "schema_version"
    complete, failed = document["members"]
    assert (directory.path / complete["report"]).is_file()
    assert (failed["report"], failed["failure"]["exit_code"]) == ("", 9)
    assert dedent(complete["started_at"])[-1] == "Z"
