"""What an assessment recommends, applied to the statements of an export, and shown: each change beside its original."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from voyager.errors import UsageError
from voyager.identifiers import visible
from voyager.phases.job import Job
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.export_dir import ExportDir
    from voyager.schema.rewrite import Rewritten
    from voyager.schema.statements import Statement
    from voyager.store.record import MigrationRecord

FLAG = "--apply-recommendations"
REPORT = "schema_recommendations.json"
_AROUND, _BEGINNING = 40, 60


def has_assessment(record: MigrationRecord) -> bool:
    """Whether `migrate init` stored an assessment with the migration."""
    return "assessment" in record.settings


def without_assessment(name: str) -> UsageError:
    return UsageError(
        f"No assessment is stored with migration {name}, so there are no recommendations to apply.",
        f"Leave {FLAG} out; or assess the source (yb-voyager assessment run --assessment-dir DIR), end this migration "
        "and begin it anew with: yb-voyager migrate init --assessment-dir DIR.",
    )


def apply_recommendations(job: Job, statements: Sequence[Statement]) -> Rewritten:
    """Apply the recommendations of the stored assessment as far as this target allows.

    Raises UsageError when none is stored, or one that cannot be read.
    """
    from voyager.schema.recommendations import read_recommendations
    from voyager.schema.rewrite import rewrite

    found = job.store.reports.latest(job.record.migration_uuid, "assessment")
    if found is None:
        raise without_assessment(job.record.name)
    capabilities = job.target.capabilities
    return rewrite(
        statements,
        read_recommendations(found.body),
        colocation=capabilities.colocation,
        hash_sharding=capabilities.hash_sharding,
        release=capabilities.release,
    )


def keep(job: Job, rewritten: Rewritten, originals: Sequence[Statement]) -> dict[str, Any]:
    """Keep the originals beside the files, and what was changed as a report; return the summary of it."""
    from voyager.schema.files import write_originals

    write_originals(originals, rewritten.left_out, job.export_dir.schema)
    body = {
        "schema_version": 1,
        "applied": [asdict(one) for one in rewritten.rewrites],
        "not_applied": [asdict(one) for one in rewritten.unapplied],
        "left_out": [one.object_name for one in rewritten.left_out],
        "notes": list(rewritten.notes),
    }
    path = job.export_dir.reports / REPORT
    job.export_dir.write_atomic(
        path, json.dumps(body, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
    )
    job.store.reports.put(job.record.migration_uuid, "schema_optimization", body)
    return {"applied": len(rewritten.rewrites), "not_applied": len(rewritten.unapplied), "report": str(path)}


def forget(export_dir: ExportDir) -> None:
    """Remove what an earlier export kept that applied recommendations."""
    from voyager.schema.files import remove_originals

    remove_originals(export_dir.schema)
    (export_dir.reports / REPORT).unlink(missing_ok=True)


def lines(rewritten: Rewritten) -> Iterator[str]:
    """What was changed, each statement beside its original, and what was not and why."""
    applied, refused = len(rewritten.rewrites), len(rewritten.unapplied)
    yield f"Recommendations: {counted(applied, 'change')}, {refused} not applied."
    yield from rewritten.notes
    for one in rewritten.rewrites:
        before, after = _excerpts(one.original, one.rewritten)
        yield f"{one.object}: {one.why}"
        yield f"  was: {before}"
        yield f"  now: {after}" if one.rewritten else "  now: left out"
    for other in rewritten.unapplied:
        yield f"Not applied to {visible(other.object)}: {other.why}"


def _excerpts(before: str, after: str) -> tuple[str, str]:
    """Two versions of a statement on one line each: how they begin and where they differ."""
    one, two = (visible(" ".join(text.split())) for text in (before, after))
    start = _alike(one, two)
    end = min(_alike(one[::-1], two[::-1]), min(len(one), len(two)) - start)
    return _excerpt(one, start, len(one) - end), _excerpt(two, start, len(two) - end)


def _alike(one: str, two: str) -> int:
    """How many characters two texts begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _excerpt(text: str, start: int, end: int) -> str:
    """The beginning of a text and what stands around a part of it."""
    if not end or len(text) <= _BEGINNING + end - start + 2 * _AROUND:
        return text
    start, end = max(start - _AROUND, _BEGINNING), end + _AROUND
    head = text[:_BEGINNING] + ("" if start == _BEGINNING else " … ")
    return head + text[start:end] + (" …" if end < len(text) else "")
