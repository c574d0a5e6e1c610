"""Facts and status out of a record: pure, so every case is a value."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from statemachine.workflows import OFFLINE, WORKFLOWS
from voyager.context import Context
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.status import facts, migration_status, monitor
from voyager.store.aside import as_of_now
from voyager.store.record import LeaseRecord, MigrationRecord, PhaseRecord, PhaseTotals, TableRecord
from voyager.verification.source_since import SourceSince

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
END = {"engine": "postgresql", "host": "h", "port": 5432, "database": "d", "user": "u"}


def record(states: dict[str, str] | None = None, **changes: Any) -> MigrationRecord:
    """A migration whose phases stand as told; those before the furthest are completed by name only."""
    told = {"INITIALIZE": "COMPLETED", **(states or {})}
    phases = {
        phase.name: PhaseRecord(phase.name, told.get(phase.name, "NOT_STARTED"), started_at=NOW - timedelta(minutes=5))
        for phase in OFFLINE.phases
    }
    made = MigrationRecord(
        migration_uuid=UUID(int=7), name="shop", workflow="offline", source=END, target={**END, "engine": "yugabytedb"},
        export_dir="/x", voyager_version="0.1.0", version=1, settings={}, capabilities={}, phase_table={},
        created_at=NOW, read_at=NOW, ended_at=None, end_reason=None, phases=phases, leases={},
    )  # fmt: skip
    return replace(made, **changes)


def up_to(name: str) -> dict[str, str]:
    """Everything before `name` completed."""
    names = [phase.name for phase in OFFLINE.phases]
    return dict.fromkeys(names[: names.index(name)], "COMPLETED")


def lease(phase: str, *, live: bool = True) -> dict[str, LeaseRecord]:
    return {phase: LeaseRecord(phase, uuid4(), "ann@host 12", "host", 12, NOW, NOW + timedelta(seconds=30), live)}


def with_phase(made: MigrationRecord, name: str, **changes: Any) -> MigrationRecord:
    return replace(made, phases={**made.phases, name: replace(made.phases[name], **changes)})


def totals(phase: str, done: int, total: int, rate: float = 0.0, quarantined: int = 0) -> dict[str, PhaseTotals]:
    return {phase: PhaseTotals(phase, 4, 1, done, total, 0, 0, rate, quarantined)}


class Waiting:
    """An end whose counters are there once the other one is asked, too."""

    def __init__(self, both: threading.Barrier, counter: WriteCounter) -> None:
        self._both, self._counter = both, counter

    def write_counters(self, tables: Iterable[TableName], **_: Any) -> dict[TableName, WriteCounter]:
        self._both.wait()
        return dict.fromkeys(tables, self._counter)


@pytest.mark.parametrize(("source", "target"), [(3, 3), (4, 3), (3, 4)])
def test_source_and_target_are_waited_for_side_by_side_before_a_cutover(source: int, target: int) -> None:
    saved = [{"schema": "s", "table": "t", "writes": 3, "identity": "a"}]
    known = {"counters": saved, "target_counters": saved, "point": {"declared_at": "2026-01-02T03:00:00Z"}}
    made = with_phase(record(up_to("CUTOVER")), "VERIFY", summary=known)
    context = Context(cast(Any, None), made, Endpoint("postgresql", "h", 5432, "d", "u"), find_source=cast(Any, None))
    both = threading.Barrier(2, timeout=20)
    ends = {"source": Waiting(both, WriteCounter(source, "a")), "target": Waiting(both, WriteCounter(target, "a"))}
    context.__dict__.update(ends)
    found = context.observe_facts(deciding=True)
    assert both.n_waiting == 0
    assert not both.broken
    assert ("source_unchanged" in found.holds) is (source == 3)
    assert ("target has been written" in found.why["verified"].says) is (target == 4)


def test_a_phase_with_a_live_lease_is_running_and_one_with_an_expired_lease_is_not():
    made = record({"EXPORT_SCHEMA": "IN_PROGRESS"})
    assert facts(replace(made, leases=lease("EXPORT_SCHEMA")), source=SourceSince(None)).running == {"EXPORT_SCHEMA"}
    assert not facts(replace(made, leases=lease("EXPORT_SCHEMA", live=False)), source=SourceSince(None)).running


def test_a_completed_phase_whose_command_was_killed_before_it_gave_the_lease_back_is_not_running():
    made = replace(record(up_to("EXPORT_DATA")), leases=lease("IMPORT_SCHEMA"))
    assert not facts(made, source=SourceSince(None)).running
    assert migration_status(made).next.phase == "EXPORT_DATA"


def test_blockers_found_by_the_analysis_stop_the_import_of_the_schema():
    made = with_phase(record(up_to("IMPORT_SCHEMA")), "ANALYZE_SCHEMA", summary={"blockers": 2})
    assert "no_blockers" not in facts(made, source=SourceSince(None)).holds
    assert migration_status(made).next.kind == "blocked"
    clean = with_phase(made, "ANALYZE_SCHEMA", summary={"blockers": 0})
    assert migration_status(clean).next.phase == "IMPORT_SCHEMA"


@pytest.mark.parametrize(
    ("verify", "holds"),
    [
        ({"clean": True, "level": "checksum"}, True),
        ({"clean": True, "level": "rows"}, True),
        ({"clean": False, "level": "checksum"}, False),
        ({}, False),
        ({"clean": True, "level": "schema"}, False),
        ({"clean": True, "level": "counts"}, False),
        ({"clean": True, "complete": False, "level": "checksum"}, False),
    ],
)
def test_only_a_clean_and_sufficient_verification_counts(verify, holds):
    made = with_phase(record(up_to("CUTOVER")), "VERIFY", summary=verify)
    assert ("verified" in facts(made, source=SourceSince(True)).holds) is holds


@pytest.mark.parametrize(("answer", "holds"), [(True, True), (False, False), (None, False)])
def test_a_source_that_was_written_or_cannot_tell_is_not_unchanged(answer, holds):
    made = with_phase(record(up_to("CUTOVER")), "VERIFY", summary={"clean": True})
    assert ("source_unchanged" in facts(made, source=SourceSince(answer)).holds) is holds


def test_unfinished_work_never_shows_a_hundred_percent():
    made = record({**up_to("EXPORT_DATA"), "EXPORT_DATA": "IN_PROGRESS"}, leases=lease("EXPORT_DATA"))
    full = migration_status(replace(made, totals=totals("EXPORT_DATA", 100, 100)))
    assert full.phase("EXPORT_DATA").percent == 99
    assert migration_status(replace(made, totals=totals("EXPORT_DATA", 62, 100))).phase("EXPORT_DATA").percent == 62
    more = replace(made, totals=totals("EXPORT_DATA", 900, 100))
    assert migration_status(more).phase("EXPORT_DATA").percent == 99


def test_the_estimate_is_what_is_left_at_the_present_rate():
    made = record({**up_to("EXPORT_DATA"), "EXPORT_DATA": "IN_PROGRESS"}, leases=lease("EXPORT_DATA"))
    shown = migration_status(replace(made, totals=totals("EXPORT_DATA", 40, 100, rate=2.0))).phase("EXPORT_DATA")
    assert shown.estimate == 30.0
    assert shown.elapsed == 300.0


def test_a_phase_that_nobody_runs_has_failed_or_stopped():
    made = record({**up_to("EXPORT_DATA"), "EXPORT_DATA": "IN_PROGRESS"})
    assert migration_status(made).phase("EXPORT_DATA").health == "stopped"
    failed = with_phase(made, "EXPORT_DATA", last_error={"message": "disk full"})
    assert migration_status(failed).phase("EXPORT_DATA").health == "failed"
    assert migration_status(failed).next.kind == "resume"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (record(), 13),
        (record({"EXPORT_SCHEMA": "IN_PROGRESS"}), 14),
        (record({"EXPORT_SCHEMA": "IN_PROGRESS"}, leases=lease("EXPORT_SCHEMA")), 0),
        (with_phase(record(up_to("IMPORT_SCHEMA")), "ANALYZE_SCHEMA", summary={"blockers": 1}), 4),
        (with_phase(record(up_to("CUTOVER")), "VERIFY", summary={"clean": False}), 3),
        (record({**up_to("END"), "END": "COMPLETED"}, ended_at=NOW), 0),
        (
            record(
                {**up_to("IMPORT_DATA"), "IMPORT_DATA": "COMPLETED", "VERIFY": "IN_PROGRESS"},
                leases=lease("VERIFY"), totals=totals("IMPORT_DATA", 5, 5, quarantined=1),
            ),
            12,
        ),
        (replace(record(up_to("VERIFY")), totals=totals("IMPORT_DATA", 5, 5, quarantined=1)), 12),
        (replace(record(up_to("FINALIZE")), totals=totals("IMPORT_DATA", 5, 5, quarantined=1)), 13),
    ],
)  # fmt: skip
def test_a_monitor_is_told_by_exit_code(made, code):
    problem = monitor(migration_status(made))
    assert (problem.exit_code if problem else 0) == code


def test_rows_that_an_import_set_aside_are_told_with_whatever_is_next():
    made = with_phase(record(up_to("VERIFY")), "IMPORT_DATA", summary={"set_aside": {"public.t": 3, "public.u": 1}})
    action = migration_status(made).next
    assert (action.kind, action.phase) == ("run", "VERIFY")
    assert action.reason.startswith("4 rows of public.t, public.u were set aside by Import Data")
    assert action.also[0].command == "migrate import data --replay-quarantine"
    again = {**up_to("VERIFY"), "IMPORT_DATA": "IN_PROGRESS"}
    assert "set aside" not in migration_status(with_phase(record(again), "IMPORT_DATA", summary={})).next.reason
    decided = with_phase(record(up_to("FINALIZE")), "IMPORT_DATA", summary={"set_aside": {"public.t": 3}})
    assert "set aside" not in migration_status(decided).next.reason


def test_one_row_that_was_set_aside_is_said_of_one():
    made = with_phase(record(up_to("VERIFY")), "IMPORT_DATA", summary={"set_aside": {"public.t": 1}})
    reason = migration_status(made).next.reason
    assert reason.startswith("1 row of public.t was set aside by Import Data and is not in the target. ")
    many = {f"public.t{number}": 1 for number in range(7)}
    reason = migration_status(with_phase(made, "IMPORT_DATA", summary={"set_aside": many})).next.reason
    assert reason.startswith(
        "7 rows of public.t0, public.t1, public.t2, public.t3, public.t4 and 2 more were set aside"
    )


STREAMED = {"streamed": True, "rows_set_aside": {"public.a": 30, "public.b": 4}}


def streamed(states: dict[str, str], **imported: Any) -> MigrationRecord:
    """A stream that set 34 of 1,000 rows aside, and what an import came to since."""
    made = with_phase(record(states), "EXPORT_DATA", summary=STREAMED)
    made = with_phase(made, "IMPORT_DATA", summary=imported)
    tables = tuple(
        TableRecord("EXPORT_DATA", "public", name, "DONE", 500, None, 500 - aside, 9, 9, aside, None, NOW, "")
        for name, aside in (("a", 30), ("b", 4))
    )
    return replace(made, tables=tables, totals=totals("EXPORT_DATA", 966, 1000, quarantined=34))


def test_rows_that_a_stream_set_aside_are_told_before_an_import_has_run():
    seen = migration_status(streamed(up_to("IMPORT_DATA")))
    assert seen.phase("EXPORT_DATA").health == "set_aside"
    assert monitor(seen).exit_code == 12
    assert (seen.next.kind, seen.next.phase) == ("run", "IMPORT_DATA")
    assert seen.next.reason.startswith("34 rows of public.a, public.b were set aside by Export Data and are not in")
    assert seen.next.also[0].command == "migrate import data --replay-quarantine"
    begun = migration_status(streamed({**up_to("IMPORT_DATA"), "IMPORT_DATA": "IN_PROGRESS"}))
    assert "34 rows" in begun.next.reason


def test_rows_that_a_stream_set_aside_count_as_the_import_left_them():
    after = streamed(up_to("VERIFY"), set_aside={"public.a": 10}, discarded={"public.b": 4})
    now = as_of_now(after)
    assert [(table.rows_done, table.rows_quarantined) for table in now.tables] == [(490, 10), (496, 0)]
    assert (now.totals["EXPORT_DATA"].rows_done, now.totals["EXPORT_DATA"].rows_quarantined) == (986, 10)
    seen = migration_status(after)
    assert seen.next.reason.startswith("10 rows of public.a were set aside by Export Data")
    assert monitor(seen).exit_code == 12
    settled = migration_status(streamed(up_to("VERIFY"), set_aside={}, discarded={"public.b": 4}))
    assert settled.phase("EXPORT_DATA").health == "done"
    assert "set aside" not in settled.next.reason
    assert settled.remarks == ()


def test_rows_of_files_that_were_set_aside_are_told_and_not_everything_is_done():
    phases = {
        phase.name: PhaseRecord(phase.name, "COMPLETED" if phase.name != "END" else "NOT_STARTED")
        for phase in WORKFLOWS["file"].phases
    }
    made = record(workflow="file", phases=phases, totals=totals("IMPORT_FILE", 9, 9))
    assert monitor(migration_status(made)) is None
    assert migration_status(made).next.reason.startswith("Everything is done.")
    summary = {"set_aside": 2, "rows_set_aside": {"app.t": 2}}
    made = replace(with_phase(made, "IMPORT_FILE", summary=summary), totals=totals("IMPORT_FILE", 7, 9, quarantined=2))
    seen = migration_status(made)
    assert (seen.next.kind, monitor(seen).exit_code) == ("end", 12)
    assert seen.next.reason.startswith(
        "2 rows of app.t were set aside by Import File and are not in the target. Everything else is done."
    )
    assert seen.next.also[0].command == "migrate import file --replay-quarantine"
    assert "--discard-quarantine" in seen.next.also[0].why


@pytest.mark.parametrize("clean", [True, False])
def test_rows_set_aside_are_in_the_way_of_a_cutover_unless_a_verification_found_them(clean):
    summary = {"clean": clean, "level": "checksum", "coverage": {"share": 100.0}, "counters": {}}
    made = with_phase(record(up_to("CUTOVER")), "VERIFY", summary=summary)
    made = with_phase(made, "IMPORT_DATA", summary={"set_aside": {"public.t": 3}})
    action = migration_status(made).next
    assert (action.kind == "blocked") is not clean
    if not clean:
        assert "3 rows of public.t were set aside" in action.blocked_by[0].says
        assert "--replay-quarantine" in action.blocked_by[0].hint


def test_the_document_begins_with_its_version_and_holds_plain_values():
    import json

    document = migration_status(record(up_to("CUTOVER"))).to_json()
    assert next(iter(document)) == "schema_version"
    assert json.loads(json.dumps(document)) == document
    assert document["migration"]["source"] == "postgresql://h:5432/d"
    assert document["read_at"] == "2026-01-02T03:04:05Z"
    assert [phase["phase"] for phase in document["phases"]] == [phase.name for phase in OFFLINE.phases]


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS))
def test_a_new_migration_of_every_workflow_has_a_status(workflow):
    phases = {
        phase.name: PhaseRecord(phase.name, "COMPLETED" if phase.name == "INITIALIZE" else "NOT_STARTED")
        for phase in WORKFLOWS[workflow].phases
    }
    shown = migration_status(record(workflow=workflow, phases=phases))
    assert shown.current_state == "INITIALIZED"
    assert shown.next.phase == WORKFLOWS[workflow].phases[1].name


PAUSE = {"since": NOW.isoformat(), "by": "ann@host 12"}


def paused(made: MigrationRecord, *scopes: str) -> MigrationRecord:
    return replace(made, settings={"paused": dict.fromkeys(scopes, PAUSE)})


def test_a_paused_migration_waits_for_whoever_resumes_it():
    running = record({**up_to("IMPORT_DATA"), "IMPORT_DATA": "IN_PROGRESS"}, leases=lease("IMPORT_DATA"))
    seen = migration_status(paused(running, "*"))
    assert seen.phase("IMPORT_DATA").health == "paused"
    assert seen.phase("IMPORT_DATA").state == "IN_PROGRESS"
    assert (seen.next.kind, seen.next.command, seen.next.title) == ("paused", "migrate resume", "Resume migration shop")
    assert seen.next.reason == "Migration shop is paused since 2026-01-02 03:04:05 UTC by ann@host 12."
    assert monitor(seen).exit_code == 13
    said = seen.to_json()
    assert said["paused"] == [{"phase": None, "since": "2026-01-02T03:04:05Z", "by": "ann@host 12"}]
    assert migration_status(running).to_json()["paused"] == []


def test_a_paused_migration_that_nobody_runs_is_resumed_before_its_phase_is():
    stopped = record({**up_to("IMPORT_DATA"), "IMPORT_DATA": "IN_PROGRESS"})
    seen = migration_status(paused(stopped, "*"))
    assert seen.phase("IMPORT_DATA").health == "stopped"
    assert (seen.next.kind, seen.next.then) == ("paused", "migrate import data")


def test_a_pause_of_one_phase_holds_the_next_step_only_when_it_is_that_one():
    made = record(up_to("EXPORT_DATA"))
    assert migration_status(paused(made, "IMPORT_DATA")).next.phase == "EXPORT_DATA"
    held = migration_status(paused(made, "IMPORT_DATA", "EXPORT_DATA")).next
    assert (held.kind, held.title, held.command) == ("paused", "Resume Export Data", "migrate resume EXPORT_DATA")


def test_the_pace_is_that_of_whoever_runs_the_phase():
    told = {"pace": {"workers": 3, "most": 8, "mode": "balanced", "why": "it is idle"}}
    made = with_phase(record({**up_to("IMPORT_DATA"), "IMPORT_DATA": "IN_PROGRESS"}), "IMPORT_DATA", summary=told)
    assert migration_status(made).phase("IMPORT_DATA").pace is None
    running = migration_status(replace(made, leases=lease("IMPORT_DATA"))).phase("IMPORT_DATA")
    assert running.pace == told["pace"]
