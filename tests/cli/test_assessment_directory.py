"""The directory of an assessment as a stranger uses it: in use, not theirs, with a report of something else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import drive
from tests.metadata_files import write_metadata
from voyager.assessment_dir import AssessmentDir


@pytest.fixture
def directory(tmp_path: Path) -> AssessmentDir:
    """Assessed once, from a connection that is gone."""
    place = AssessmentDir(tmp_path / "my assessment")
    metadata = write_metadata(tmp_path / "collected")
    done = drive.run_cli("assessment", "report", "--metadata-dir", metadata, "--assessment-dir", place.path)
    assert done.returncode == 0, done.stderr
    return place


def test_no_report_is_written_while_somebody_collects(directory: AssessmentDir) -> None:
    with directory.lock("assessment"):
        refused = drive.run_cli("assessment", "report", "--assessment-dir", directory.path)
        looked = drive.run_cli("assessment", "report", "--assessment-dir", directory.path, "--dry-run")
    assert (refused.returncode, looked.returncode) == (6, 0)
    assert "is in use" in refused.stderr


def test_a_report_older_than_the_metadata_is_told_until_it_is_written_anew(
    directory: AssessmentDir, tmp_path: Path
) -> None:
    other = write_metadata(tmp_path / "other", facts={"database": "crm"})
    where = ("--assessment-dir", directory.path)
    assert "older" not in drive.run_cli("assessment", "view", *where, "-o", "json").stderr
    assert (
        "older than the metadata"
        in drive.run_cli("assessment", "ingest-metadata", "--metadata-dir", other, *where).stderr
    )
    viewed = drive.run_cli("assessment", "view", *where, "-o", "json")
    assert "older than the metadata" in viewed.stderr
    assert json.loads(viewed.stdout)["Source"]["database"] == "shop"
    assert drive.run_cli("assessment", "report", *where).returncode == 0
    assert "older" not in drive.run_cli("assessment", "view", *where, "-o", "json").stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_directory_that_may_not_be_looked_into_is_no_bug(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    metadata = write_metadata(tmp_path / "collected")
    for words in (
        ("ingest-metadata", "--metadata-dir", metadata, "--assessment-dir", closed / "a"),
        ("ingest-metadata", "--metadata-dir", closed / "m", "--assessment-dir", tmp_path / "b"),
        ("report", "--assessment-dir", closed / "a"),
        ("view", "--assessment-dir", closed / "a", "-o", "json"),
    ):
        refused = drive.run_cli("assessment", *words)
        assert refused.returncode == 2, words
        assert "Permission denied" in refused.stderr + refused.stdout, words


def test_a_dry_run_judges_the_metadata_that_was_given(directory: AssessmentDir, tmp_path: Path) -> None:
    other = write_metadata(tmp_path / "other", facts={"database": "crm"})
    for place in (directory.path, tmp_path / "none yet"):
        looked = drive.run_cli(
            "assessment", "report", "--metadata-dir", other, "--assessment-dir", place, "--dry-run", "-o", "json"
        )
        assert looked.returncode == 0, looked.stdout
        assert json.loads(looked.stdout)["report"]["Source"]["database"] == "crm"
    assert not (tmp_path / "none yet").exists()


def test_the_directory_in_the_wrong_section_of_a_file_is_told_its_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("assessment: {assessment-dir: here}\n")
    refused = drive.run_cli("assessment", "report", "--config-file", file)
    assert refused.returncode == 2
    assert "Write assessment-dir at the top of the file" in refused.stderr
