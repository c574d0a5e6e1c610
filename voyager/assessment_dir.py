"""AssessmentDir: where one assessment keeps what it collected and what it concluded."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from voyager.errors import disk_error
from voyager.working_directory import WorkingDirectory, sync_directory

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

    @property
    def _earlier(self) -> Path:
        return self.private / "metadata-before"

    def clean(self) -> None:
        shutil.rmtree(self.metadata, ignore_errors=True)
        super().clean()

    @contextlib.contextmanager
    def new_metadata(self) -> Iterator[Path]:
        """An empty directory to collect into; it takes the place of `metadata` when the block ends well, and is gone
        when it does not. Hold a lock of the directory meanwhile."""
        self.recover()
        for stale in self.private.glob("metadata-new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        place = self.private / f"metadata-new-{secrets.token_hex(4)}"
        try:
            place.mkdir(mode=0o700)
        except OSError as error:
            raise disk_error(error, place) from error
        try:
            yield place
            self._install(place)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def recover(self) -> None:
        """Undo an exchange of metadata that a kill cut in two."""
        if self._earlier.is_dir() and not self.metadata.exists():
            with contextlib.suppress(OSError):
                self._earlier.rename(self.metadata)

    def _install(self, place: Path) -> None:
        try:
            self._exchange(place)
        except OSError as error:
            raise disk_error(error, self.metadata) from error

    def _exchange(self, place: Path) -> None:
        for path in place.rglob("*"):
            if path.is_file():
                _sync_file(path)
        for directory in (place, *(path for path in place.rglob("*") if path.is_dir())):
            sync_directory(directory)
        shutil.rmtree(self._earlier, ignore_errors=True)
        if self.metadata.exists():
            self.metadata.rename(self._earlier)
        place.rename(self.metadata)
        sync_directory(self.path)
        shutil.rmtree(self._earlier, ignore_errors=True)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
