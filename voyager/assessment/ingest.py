"""Take in what scripts collected, ours or yb-voyager's: all of it, or nothing, and then every fault is named."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from voyager.assessment.dumped_schema import SCHEMA_FILE
from voyager.assessment.facts_file import FORMAT
from voyager.assessment.metadata import Metadata, metadata_of, refuse_empty
from voyager.assessment.metadata_directory import (
    ESTIMATE_FILE,
    FACTS_FILE,
    NODE_DIRECTORY,
    PRIMARY,
    Layout,
    file_of,
)
from voyager.assessment_dir import AssessmentDir
from voyager.errors import UsageError, disk_error
from voyager.identifiers import visible
from voyager.sources import questions_of

_DERIVED_FACTS = ("ora2pg_report",)
_WITHIN = ("collected", "metadata")


def inspect_metadata(place: Path, *, engine: str | None = None) -> Metadata:
    """Check what lies in `place` and return it; nothing is taken in. Raises UsageError with every fault."""
    try:
        _check_place(place)
        metadata = metadata_of(place, engine=engine)
    except OSError as error:
        raise disk_error(error, error.filename or place) from error
    refuse_empty(metadata)
    return metadata


def _check_place(place: Path) -> None:
    if not place.is_dir():
        raise UsageError(
            f"There is no directory {visible(str(place))}.",
            "Give the directory that the scripts wrote, by --metadata-dir.",
        )
    within = [place / name for name in _WITHIN if _holds_metadata(place / name)]
    if within and not _holds_metadata(place):
        raise UsageError(f"{visible(str(place))} holds no metadata itself.", f"Give --metadata-dir {within[0]}.")


def ingest(place: Path, directory: AssessmentDir, *, engine: str | None = None) -> Metadata:
    """Check what lies in `place` and take it into `directory`, in the place of what was there.

    The same input twice gives the same; the second time nothing is written, and `unchanged` of the result says so.
    """
    metadata = inspect_metadata(place, engine=engine)
    parts = dict(_parts(Layout.of(place), metadata))
    with directory.begun("assessment"):
        directory.recover()
        if _same(parts, directory.metadata):
            return replace(metadata, unchanged=True)
        with directory.new_metadata() as new:
            for name, content in parts.items():
                try:
                    _put(content, new / name)
                except OSError as error:
                    raise disk_error(error, error.filename or directory.metadata) from error
    return metadata


def _holds_metadata(place: Path) -> bool:
    return place.is_dir() and (any(place.glob("*.csv")) or any(place.glob(f"{NODE_DIRECTORY}*/*.csv")))


def _parts(layout: Layout, metadata: Metadata) -> Iterator[tuple[str, Path | bytes]]:
    """Every file of the collection by its name in an assessment directory: what is copied, or its content."""
    for node, directory in layout.nodes.items():
        for question in questions_of(metadata.engine):
            path = file_of(layout, node, question)
            if path is not None and (node == PRIMARY or question.nodes == "all"):
                own = path.stem.replace("_", "-") == question.name.replace("_", "-")
                yield f"{NODE_DIRECTORY}{node}/{question.name if own else path.stem}.csv", path
        if node != PRIMARY and (directory / FACTS_FILE).is_file():
            yield f"{NODE_DIRECTORY}{node}/{FACTS_FILE}", directory / FACTS_FILE
    yield FACTS_FILE, _facts(metadata)
    if metadata.ddl:
        yield SCHEMA_FILE, metadata.ddl.encode()
    if (layout.place / ESTIMATE_FILE).is_file():
        yield ESTIMATE_FILE, layout.place / ESTIMATE_FILE


def _facts(metadata: Metadata) -> bytes:
    """What is known of the database, also where the scripts that collected said nothing of it."""
    kept = {name: value for name, value in metadata.facts.items() if name not in _DERIVED_FACTS}
    facts = {"format": FORMAT, "database": metadata.database, "version": metadata.version, **kept}
    return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _same(parts: Mapping[str, Path | bytes], place: Path) -> bool:
    there = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    return there == set(parts) and all(_equal(content, place / name) for name, content in parts.items())


def _equal(content: Path | bytes, path: Path) -> bool:
    if isinstance(content, bytes):
        return path.read_bytes() == content
    return filecmp.cmp(content, path, shallow=False)


def _put(content: Path | bytes, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        if isinstance(content, bytes):
            target.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, target)
