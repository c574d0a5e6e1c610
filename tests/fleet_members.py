"""Members of a fleet for tests: made-up reports, and a command that stands in for the assessment of a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voyager.assessment.report_view import ReportView
from voyager.fleet.command import Defaults
from voyager.fleet.fleet_dir import COMPLETE, MemberState
from voyager.fleet.load import Assessed
from voyager.fleet.member import Member

# argv: the assessment directory, how to behave, a report. "Slow" waits until it is told to stop,
# "meeting" until another has begun, and then for so many seconds.
STAND_IN = """
import json, os, pathlib, signal, sys, time
place, behaviour, report = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
(place / "reports").mkdir(parents=True, exist_ok=True)
with open(place / "runs", "a") as runs:
    runs.write(f"{os.getpid()} {time.monotonic()}\\n")
(place / "password").write_text(os.environ.get("SOURCE_DB_PASSWORD", "none"))
(place / "environment").write_text(json.dumps(sorted(os.environ)))
if behaviour == "refused":
    error = {"kind": "PermissionMissing", "exit_code": 9, "message": "The password is wrong."}
    print(json.dumps({"schema_version": 1, "error": error | {"hint": "Give the right one.", "details": ["d"]}}))
    sys.exit(9)
if behaviour == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "silent":
    sys.exit(3)
if behaviour == "slow":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    (place / "at work").touch()
    time.sleep(120)
while behaviour.startswith("meeting") and len(list(place.parent.glob("*/runs"))) < 2:
    time.sleep(0.01)
time.sleep(float(behaviour.partition(":")[2] or 0))
(place / "reports" / "migration_assessment_report.json").write_text(report)
with open(place / "ended", "a") as ended:
    ended.write(f"{time.monotonic()}\\n")
"""


def stand_in(behaviours: Mapping[str, str]) -> Any:
    """A command line for assess_fleet(): members behave as told, others complete at once."""

    def command(member: Member, directory: Path, _: Defaults) -> list[str]:
        told = behaviours.get(member.name, "complete")
        return [sys.executable, "-c", STAND_IN, str(directory), told, json.dumps(report(database=member.name))]

    return command


def report(
    *,
    database: str = "shop",
    schemas: Sequence[str] = ("public",),
    complexity: str = "LOW",
    objects: Mapping[str, Sequence[str]] | None = None,
    issues: Sequence[tuple[str, int]] = (),
    sizes: Mapping[str, int | None] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The document of an assessment. `issues` are (type, impact) at one object each, `sizes` those of tables."""
    return {
        "TargetDBVersion": more.pop("target_version", "2025.2.3.0"),
        "MigrationComplexity": complexity,
        "MigrationComplexityExplanation": f"It is {complexity}.",
        "SchemaSummary": {
            "DbName": database,
            "DbVersion": "17.2",
            "SchemaNames": list(schemas),
            "DatabaseObjects": [
                {"ObjectType": kind, "TotalCount": len(names), "InvalidCount": 0, "ObjectNames": ", ".join(names)}
                for kind, names in (objects or {}).items()
            ],
        },
        "AssessmentIssues": [
            {
                "Category": "unsupported_features", "Type": type_, "Name": type_.title(), "Impact": f"LEVEL_{impact}",
                "ObjectType": "TABLE", "ObjectName": f"public.t{number}", "SqlStatement": "", "Blocking": impact == 3,
            }
            for number, (type_, impact) in enumerate(issues)
        ],
        "TableIndexStats": [
            {"SchemaName": "public", "ObjectName": name, "IsIndex": False, "ObjectType": "table", "SizeInBytes": size}
            for name, size in (sizes or {}).items()
        ],
        "Sizing": {
            "SizingRecommendation": {
                "NumNodes": 3, "VCPUsPerInstance": 4, "MemoryPerInstance": 16, "EstimatedTimeInMinForImport": 7,
            },
            "FailureReasoning": "",
        },
        "Notes": [],
        **more,
    }  # fmt: skip


def assessed(name: str, *, labels: Mapping[str, str] | None = None, **more: Any) -> Assessed:
    """A complete member with a made-up report."""
    state = MemberState(
        name=name, engine="postgresql", source=f"postgresql://h/{name}", database=name, status=COMPLETE,
        labels=labels or {},
    )  # fmt: skip
    return Assessed(state, ReportView.of(report(database=name, **more)))
