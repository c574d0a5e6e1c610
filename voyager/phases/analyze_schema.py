"""ANALYZE_SCHEMA: the exported files judged against the target: every issue with its file, line and advice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from voyager.errors import BlockersFound
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.wording import counted

NEEDS = ("target",)


@dataclass(frozen=True)
class Options:
    target_db_version: str | None = option(
        None, "Judge for this YugabyteDB release (e.g. 2025.1.0.0) instead of the target that is connected."
    )


def run(job: Job) -> Outcome:
    """Analyze the files as they are now and keep the report in the target and in reports/.

    Blockers do not fail the phase: they withhold the condition that IMPORT_SCHEMA waits for, and the exit code is 4.
    """
    from voyager.schema.analyze import analyze, schema_report
    from voyager.schema.files import read_schema_files

    statements = read_schema_files(job.export_dir.schema)
    release = job.options.target_db_version or job.target.capabilities.release
    findings = analyze(statements, release=release)
    job.checkpoint()
    body = {**schema_report(findings, statements), "target_release": release or job.target.capabilities.version}
    path = job.export_dir.reports / "schema_analysis_report.json"
    job.export_dir.write_atomic(path, json.dumps(body, indent=1, default=str).encode())
    job.store.reports.put(job.record.migration_uuid, "schema_analysis", body)
    blockers = [finding for finding in findings if finding.blocking]
    lines = [
        f"{finding.file}:{finding.line}: {finding.issue_id} (level {finding.impact}) on "
        f"{finding.object_type} {finding.object_name}. {finding.says} {finding.advice}"
        for finding in sorted(findings, key=lambda finding: (not finding.blocking, finding.file, finding.line))
    ]
    judged = f"YugabyteDB {release}" if release else f"PostgreSQL {job.target.capabilities.version}"
    return Outcome(
        headline=f"{counted(len(statements), 'statement')} judged for {judged}: "
        f"{counted(len(findings), 'issue')}, {len(blockers)} that block.",
        summary={
            "blockers": len(blockers),
            "issues": len(findings),
            "by_issue": dict(Counter(finding.issue_id for finding in findings)),
            "by_impact": dict(Counter(finding.impact for finding in findings)),
            "report": str(path),
        },
        details=tuple(lines),
        problem=_blocked(len(blockers), str(job.export_dir.schema)) if blockers else None,
    )


def _blocked(count: int, directory: str) -> BlockersFound:
    return BlockersFound(
        f"{counted(count, 'statement')} would be refused by the target.",
        f"Edit the files in {directory} (each issue names file and line), then run: yb-voyager migrate analyze-schema.",
    )
