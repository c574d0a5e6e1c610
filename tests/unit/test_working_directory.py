"""What a directory of ours keeps of a command that failed at once: nothing, and everything that was there before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from voyager.assessment_dir import AssessmentDir
from voyager.errors import LockedByOther, UsageError


def _command(directory: AssessmentDir, after: str) -> None:
    with directory.begun("assessment"):
        if after:
            (directory.path / after).write_text("kept")
        raise UsageError("There is nothing to assess.")


def _fail(directory: AssessmentDir, *, after: str = "") -> None:
    with pytest.raises(UsageError):
        _command(directory, after)


def _files(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))


def test_a_directory_that_was_made_for_nothing_is_gone(tmp_path: Path) -> None:
    directory = AssessmentDir(tmp_path / "a")
    _fail(directory)
    assert _files(tmp_path) == []


def test_a_directory_that_was_there_stays_with_what_is_in_it(tmp_path: Path) -> None:
    directory = AssessmentDir(tmp_path / "a")
    directory.path.mkdir()
    _fail(directory)
    assert _files(tmp_path) == ["a"]
    (directory.path / "notes").mkdir()
    (directory.path / "notes" / "mine.txt").write_text("x")
    _fail(directory)
    assert {"a/notes/mine.txt", "a/reports"} <= set(_files(tmp_path))


def test_what_was_kept_before_the_failure_stays_with_its_directory(tmp_path: Path) -> None:
    directory = AssessmentDir(tmp_path / "a")
    _fail(directory, after="logs/run.log")
    assert (directory.logs / "run.log").read_text() == "kept"
    _fail(directory)
    assert (directory.logs / "run.log").read_text() == "kept"


def test_a_command_that_ends_well_leaves_its_directory(tmp_path: Path) -> None:
    directory = AssessmentDir(tmp_path / "a")
    with directory.begun("assessment"), pytest.raises(LockedByOther, match="is in use"), directory.begun("assessment"):
        pass
    assert directory.reports.is_dir()


def test_a_lock_that_its_holder_took_away_locks_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another command opened the lock before it went: who comes third must not find a lock that is held by nobody."""
    directory = AssessmentDir(tmp_path / "a")
    directory.create()
    opened = os.open

    def open_and_lose(path: Path, *rest: int) -> int:
        found = opened(path, *rest)
        Path(path).unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_and_lose)
        with pytest.raises(LockedByOther, match="given up"), directory.lock("assessment"):
            pass
    with directory.lock("assessment"):
        assert (directory.private / "assessment.lock").is_file()
