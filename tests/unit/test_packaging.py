"""What is installed is what was pinned, and nothing in the repository names a place of its own."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


def _pinned() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.M)}


def test_every_requirement_of_product_demo_and_tests_is_pinned_within_its_range():
    extras = PROJECT["optional-dependencies"]
    wanted = [Requirement(text) for text in (*PROJECT["dependencies"], *extras["demo"], *extras["dev"])]
    pinned = _pinned()
    assert [
        str(need) for need in wanted if not need.specifier.contains(pinned.get(canonicalize_name(need.name), "0"))
    ] == []


def test_every_pinned_version_has_hashes_and_no_address():
    entries = re.split(r"\n(?=[a-z])", LOCK)[1:]
    assert len(entries) == len(_pinned())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r".*(?:://|--index|--find-links| @ ).*", LOCK) == []


def test_every_requirement_has_an_upper_bound_or_is_calendar_versioned():
    extras = [need for group in PROJECT["optional-dependencies"].values() for need in group]
    open_ended = [text for text in (*PROJECT["dependencies"], *extras) if "<" not in text and "yb-voyager[" not in text]
    by_calendar = {"adlfs", "dask", "distributed", "fsspec", "gcsfs", "s3fs", "setuptools"}
    assert {Requirement(text).name for text in open_ended} <= by_calendar


def test_the_extra_called_all_holds_every_extra_for_users():
    extras = PROJECT["optional-dependencies"]
    assert Requirement(extras["all"][0]).extras == set(extras) - {"all", "dev"}


def test_the_check_of_a_change_can_be_run_as_it_stands():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
