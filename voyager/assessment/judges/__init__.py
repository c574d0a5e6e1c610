"""The engines whose metadata can be judged: one module each, found by the engine's name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from voyager.errors import UsageError

if TYPE_CHECKING:
    from voyager.assessment.judgement import Judgement
    from voyager.assessment.metadata import Metadata

JUDGES: Mapping[str, str] = {
    "postgresql": "voyager.assessment.judges.postgresql",
    "mysql": "voyager.assessment.judges.mysql.judge",
    "oracle": "voyager.assessment.judges.oracle.judge",
}
"""Engine name -> module with `judge(metadata, *, target_version) -> Judgement`."""


def judge(metadata: Metadata, *, target_version: str) -> Judgement:
    """Judge metadata for a YugabyteDB release ("2025.2.3.0"). Raises UsageError for an engine without a judge."""
    if metadata.engine not in JUDGES:
        raise UsageError(
            f"Metadata of {metadata.engine or 'an unknown engine'} cannot be assessed.",
            f"Name the engine with --source-db-type: {', '.join(JUDGES)}.",
        )
    found: Judgement = importlib.import_module(JUDGES[metadata.engine]).judge(metadata, target_version=target_version)
    return found
