"""AssessmentDir: where one assessment keeps what it collected and what it concluded."""

from __future__ import annotations

from pathlib import Path

from voyager.working_directory import WorkingDirectory

PARTS = ("reports", "sizing", "logs", ".voyager")


class AssessmentDir(WorkingDirectory):
    """A directory and its layout; nothing is created before create(). `metadata` appears with what it holds."""

    noun = "assessment directory"
    option = "--assessment-dir"
    parts = PARTS
    missing_hint = "Give the directory of the assessment by --assessment-dir, or make one with: assessment run."

    @property
    def metadata(self) -> Path:
        """node-<name>/*.csv, schema/schema.sql and database.json; all of one collection or not there at all."""
        return self.path / "metadata"

    @property
    def sizing(self) -> Path:
        return self.path / "sizing"
