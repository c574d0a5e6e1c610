"""ExportDir: the operator's working directory of a migration and its layout."""

from __future__ import annotations

from pathlib import Path

from voyager.working_directory import WorkingDirectory

PARTS = ("schema", "data", "reports", "logs", ".voyager")


class ExportDir(WorkingDirectory):
    """A directory and its layout; nothing is created before create()."""

    noun = "export directory"
    option = "--export-dir"
    parts = PARTS
    missing_hint = "Give the directory that the migration was started with, by --export-dir."

    @property
    def schema(self) -> Path:
        return self.path / "schema"

    @property
    def data(self) -> Path:
        return self.path / "data"
