"""Metadata: what was collected about one source, read and typed; the only thing that judges and statistics see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.assessment.assessment import Missing
from voyager.assessment.csv_file import Faults
from voyager.assessment.metadata_directory import read_directory
from voyager.assessment_dir import AssessmentDir
from voyager.errors import UsageError, disk_error
from voyager.identifiers import visible
from voyager.wording import counted

_NOT_OBJECTS = {"db_queries_summary", "database_parameters", "schemata", "engines"}
_MADE = re.compile(r"^CREATE (?!SCHEMA |EXTENSION )", re.MULTILINE)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Metadata:
    """One collection, however it was carried here.

    `tables` maps a file's name ("-" written "_", without ".csv") to its rows of all nodes; each row has `source_node`
    ("primary" first) and its columns by name: numbers as int or float, None for NULL. The two files that measure load
    over time are one table, `table_index_iops`, told apart by `measurement_type` (initial, final). In
    `db_queries_summary` each row has the columns of the statistics view itself (query, calls, rows, total_exec_time …).
    `ddl` is the schema as SQL, "" where the tables themselves are judged. `facts` is all that database.json says.
    `unchanged`: it had been taken in before, and nothing was written.
    """

    engine: str
    database: str
    version: str
    schemas: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ("primary",)
    collected_at: str = ""
    capture_seconds: int | None = None
    url: str = ""
    ddl: str = ""
    tables: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False

    def rows(self, name: str) -> tuple[Row, ...]:
        """The rows of one table, () when it was not collected."""
        return self.tables.get(name, ())


def read_metadata(directory: AssessmentDir) -> Metadata:
    """Return what was collected into `directory`. Raises UsageError when there is nothing or it is damaged."""
    try:
        directory.recover()
        collected = directory.metadata.is_dir()
    except OSError as error:
        raise disk_error(error, directory) from error
    if not collected:
        raise UsageError(
            f"The assessment directory {directory} holds no metadata.",
            "Collect it with: yb-voyager assessment run, or take it in with: yb-voyager assessment ingest-metadata.",
        )
    return metadata_of(directory.metadata)


def metadata_of(place: Path, *, engine: str | None = None) -> Metadata:
    """Return the metadata in `place`. Raises UsageError with every fault that was found."""
    reading, faults = read_directory(place, engine=engine)
    if faults.sentences:
        raise faulty(place, faults)
    facts = reading.facts
    return Metadata(
        engine=reading.engine,
        database=str(facts.get("database") or "unknown"),
        version=str(facts.get("version") or "unknown"),
        schemas=tuple(facts.get("schemas") or ()),
        nodes=tuple(reading.layout.nodes),
        collected_at=str(facts.get("collected_at") or ""),
        capture_seconds=facts.get("capture_seconds"),
        url=str(facts.get("url") or ""),
        ddl=reading.ddl,
        tables=reading.tables,
        missing=tuple(reading.missing),
        facts=facts,
    )


def faulty(place: Path, faults: Faults) -> UsageError:
    """The error that tells all faults of a directory."""
    files = counted(len(faults.files), "file")
    return UsageError(
        f"The metadata in {visible(str(place))} cannot be used: {counted(len(faults.sentences), 'fault')} in {files}.",
        "Correct what is listed or collect it again; nothing was changed.",
        tuple(faults.sentences),
    )


def refuse_empty(metadata: Metadata) -> None:
    """Raise UsageError for a database without any object: there is no assessment of nothing."""
    if any(metadata.tables.get(name) for name in metadata.tables if name not in _NOT_OBJECTS):
        return
    if _MADE.search(metadata.ddl):
        return
    schemas = ", ".join(visible(name) for name in metadata.schemas)
    raise UsageError(
        f"There is nothing to assess: database {visible(metadata.database)} holds no table, view or function"
        + (f" in {schemas}." if schemas else "."),
        "Check the name of the database, and the schemas (--source-db-schema).",
    )
