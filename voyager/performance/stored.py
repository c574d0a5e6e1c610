"""read_assessment(): what an assessment has collected of the source's queries, for a source that is gone."""

from __future__ import annotations

from voyager.assessment.metadata import read_metadata
from voyager.assessment_dir import AssessmentDir
from voyager.errors import BlockersFound
from voyager.performance.live import entries_of
from voyager.performance.usage import Sample

_TABLE = "db_queries_summary"


def read_assessment(directory: AssessmentDir) -> Sample:
    """The queries of all nodes that the assessment asked. Raises BlockersFound when it has none."""
    metadata = read_metadata(directory)
    rows = metadata.rows(_TABLE)
    entries = tuple(entries_of(rows))
    if not entries:
        reasons = [one for one in metadata.missing if one.what.startswith("Queries")]
        raise BlockersFound(
            f"The assessment in {directory} holds no queries of {metadata.engine} database {metadata.database}.",
            "Leave --assessment-dir out to ask the source itself, or assess it again with what is missing there.",
            tuple(part for one in reasons for part in (one.reason, one.sql) if part),
        )
    notes = tuple(
        f"{one.what} were not collected: {one.reason}"
        for one in metadata.missing
        if one.what == "Queries of other users"
    )
    return Sample(
        kind="assessment",
        place=metadata.url or f"{metadata.engine} {metadata.database}",
        version=metadata.version,
        read_at=metadata.collected_at,
        entries=entries,
        nodes=metadata.nodes,
        notes=notes,
    )
