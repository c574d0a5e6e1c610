"""assess(): from the metadata in an assessment directory to the whole report; pure but for reading the files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from voyager.assessment.assessment import Assessment, SourceFacts
from voyager.assessment.judges import judge
from voyager.assessment.metadata import read_metadata
from voyager.assessment.partial import qualified
from voyager.assessment.sizing import size
from voyager.assessment.statistics import object_statistics
from voyager.errors import UsageError
from voyager.schema.issues.issue import LATEST_STABLE, SERIES

if TYPE_CHECKING:
    from voyager.assessment.assessment import RedundantIndex
    from voyager.assessment.metadata import Metadata
    from voyager.assessment_dir import AssessmentDir

_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)(?:-b\d+)?")


def target_release(given: str | None) -> str:
    """The release to judge for: the one given, else the latest stable one.

    Raises UsageError for what is no release, or one of a series that the catalogue does not know.
    """
    if given is None:
        return LATEST_STABLE
    text = given.strip()
    match = _RELEASE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--target-db-version {given!r} is not a release of YugabyteDB.",
            f"Write it as {LATEST_STABLE} (the latest stable release, and the default).",
        )
    if f"{match[1]}.{match[2]}" not in SERIES:
        raise UsageError(
            f"YugabyteDB {match[1]}.{match[2]} is not a series that this version of yb-voyager knows.",
            f"Known series: {', '.join(SERIES)}.",
        )
    return text


def assess(directory: AssessmentDir, *, target_version: str, now: datetime) -> Assessment:
    """Judge the metadata that lies in `directory` for a release that target_release() returned.

    Raises UsageError when there is no metadata, or it cannot be read.
    """
    return assess_metadata(read_metadata(directory), target_version=target_version, now=now)


def assess_metadata(metadata: Metadata, *, target_version: str, now: datetime) -> Assessment:
    """The same for metadata that has been read."""
    judgement = judge(metadata, target_version=target_version)
    statistics, unmeasured = object_statistics(metadata)
    missing = (*metadata.missing, *unmeasured, *judgement.missing)
    return Assessment(
        source=_source(metadata),
        target_version=target_version,
        assessed_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        complexity=qualified(judgement.complexity, missing),
        objects=judgement.objects,
        findings=judgement.findings,
        statistics=statistics,
        sizing=size(
            statistics,
            target_version=target_version,
            redundant=_keys(judgement.redundant_indexes),
            capture_seconds=metadata.capture_seconds,
        ),
        notes=judgement.notes,
        missing=missing,
        redundant_indexes=judgement.redundant_indexes,
        range_indexes=judgement.range_indexes,
        range_index_keys=judgement.range_index_keys,
        facts=judgement.facts,
    )


def _source(metadata: Metadata) -> SourceFacts:
    return SourceFacts(
        engine=metadata.engine,
        database=metadata.database,
        version=metadata.version,
        schemas=metadata.schemas,
        url=metadata.url,
        nodes=metadata.nodes,
        collected_at=metadata.collected_at,
        capture_seconds=metadata.capture_seconds,
    )


def _keys(indexes: Iterable[RedundantIndex]) -> frozenset[tuple[str, str]]:
    return frozenset((one.schema, one.name) for one in indexes)
