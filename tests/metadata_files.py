"""A small collection of metadata as files, whole in itself, for tests that then break it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voyager.assessment.csv_file import csv_line
from voyager.sources import questions_of

FACTS: dict[str, Any] = {
    "format": 1,
    "engine": "postgresql",
    "database": "shop",
    "version": "15.4",
    "schemas": ["public"],
    "node": "primary",
    "role": "reader",
    "system_identifier": "1",
    "standby": False,
    "query_statistics": "ready",
    "collected_at": "2026-01-02T03:04:05Z",
    "capture_seconds": 10,
}
DDL = "CREATE TABLE public.t (id int PRIMARY KEY, name text);\nCREATE INDEX t_name ON public.t (name);\n"
TABLE, INDEX = ("public", "t", "table"), ("public", "t_name", "index")
QUERY = {"queryid": 5, "query": "SELECT 1", "calls": 3, "rows": 3, "total_exec_time": 1.5, "mean_exec_time": 0.5,
         "min_exec_time": 0.1, "max_exec_time": 1, "stddev_exec_time": 0, "wal_records": 0}  # fmt: skip

ANSWERS: dict[str, list[tuple[str | None, ...]]] = {
    "object-type-mapping": [TABLE, INDEX],
    "table-row-counts": [("public", "t", "1000")],
    "table-index-sizes": [(*TABLE, "81920"), (*INDEX, "16384")],
    "table-columns-count": [(*TABLE, "2"), (*INDEX, "1")],
    "table-columns-data-types": [("public", "t", "id", "integer"), ("public", "t", "name", "text")],
    "index-to-table-mapping": [("public", "t_name", "public", "t")],
    "redundant-indexes": [],
    "table-index-usage-stats": [(*TABLE, None, "5", "1000", "0", "0"), (*INDEX, "t", "4", "0", "0", "0")],
    "column_statistics": [("public", "t", "name", "0.25", "7", "0.5", 'a "quoted", value')],
    "db-queries-summary": [(json.dumps(QUERY),)],
    "table-index-iops-initial": [(*TABLE, "100", "50", "initial"), (*INDEX, "40", "0", "initial")],
    "table-index-iops-final": [(*TABLE, "130", "55", "final"), (*INDEX, "60", "0", "final")],
}
"""Of each file the rows, without the node."""


def write_metadata(
    place: Path,
    *,
    facts: Mapping[str, Any] | None = None,
    answers: Mapping[str, list[tuple[str | None, ...]] | None] | None = None,
    ddl: str | None = DDL,
    node: str = "primary",
) -> Path:
    """Write a flat collection to `place`: FACTS and ANSWERS with what is given on top; None leaves a file out."""
    place.mkdir(parents=True, exist_ok=True)
    if facts is not None or node == "primary":
        (place / "database.json").write_text(json.dumps({**FACTS, **(facts or {}), "node": node}))
    for question in questions_of("postgresql"):
        rows = {**ANSWERS, **(answers or {})}[question.name]
        if rows is not None:
            lines = [csv_line(question.columns), *(csv_line((node, *row)) for row in rows)]
            (place / f"{question.name}.csv").write_text("".join(lines))
    if ddl is not None and node == "primary":
        (place / "schema").mkdir(exist_ok=True)
        (place / "schema" / "schema.sql").write_text(ddl)
    return place


def write_replica(place: Path, name: str, *, reads: int, facts: Mapping[str, Any] | None = None) -> Path:
    """Add the directory of a replica that read `reads` times from the table between the measurements."""
    return write_metadata(
        place / f"node-{name}",
        facts={**FACTS, "standby": True, **(facts or {})},
        answers={
            **dict.fromkeys(ANSWERS),
            "table-index-iops-initial": [(*TABLE, "7", "900", "initial")],
            "table-index-iops-final": [(*TABLE, str(7 + reads), "999", "final")],
        },
        node=name,
    )
