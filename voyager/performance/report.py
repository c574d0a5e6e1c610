"""The report of a comparison as JSON and as one HTML page; the JSON is what programs and the page are made from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import voyager
from voyager.export_dir import ExportDir
from voyager.identifiers import visible
from voyager.performance.compare import Comparison
from voyager.performance.judge import Judged
from voyager.performance.live import grant
from voyager.performance.match import Workload
from voyager.performance.usage import Sample, Usage
from voyager.wording import counted

SCHEMA_VERSION = 1
REPORT = "performance_report"
"""The name of the report's files, without .json and .html."""


def report_document(comparison: Comparison, *, migration: Mapping[str, str], made_at: datetime) -> dict[str, Any]:
    """The report as one JSON document. All times are milliseconds, all shares from 0 to 1."""
    found, matching = comparison.judgement, comparison.matching
    return {
        "schema_version": SCHEMA_VERSION,
        "voyager_version": voyager.__version__,
        "made_at": made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "migration": dict(migration),
        "settings": {"threshold": found.threshold, "min_calls": found.min_calls},
        "source": _side(comparison.source, matching.source),
        "target": _side(comparison.target, matching.target),
        "summary": {
            "matched": matching.overlap,
            "verdicts": dict(found.by_verdict),
            "coverage": {
                "queries": _rounded(found.coverage.queries),
                "calls": _rounded(found.coverage.calls),
                "time": _rounded(found.coverage.time),
            },
            "judged": {
                "source_ms": _rounded(found.source_ms),
                "target_ms": _rounded(found.target_ms),
                "added_ms": _rounded(found.added_ms),
                "ratio": _rounded(found.ratio),
            },
        },
        "top_regressions": [one.query.key for one in found.regressions],
        "queries": [_query(one) for one in found.queries],
        "notes": list(_notes(comparison)),
    }


def write_reports(document: Mapping[str, Any], directory: ExportDir) -> tuple[Path, Path]:
    """Write the report as JSON and as HTML and return where both are; both are made before the first byte is written,
    and each replaces the one before it as a whole."""
    from voyager.performance.page import render_performance

    paths = directory.reports / f"{REPORT}.json", directory.reports / f"{REPORT}.html"
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    contents = f"{text}\n".encode("utf-8", "backslashreplace"), render_performance(document).encode("utf-8", "replace")
    for path, content in zip(paths, contents, strict=True):
        directory.write_atomic(path, content)
    return paths


def _side(sample: Sample, workload: Workload) -> dict[str, Any]:
    return {
        "kind": sample.kind,
        "place": sample.place,
        "version": sample.version,
        "nodes": list(sample.nodes),
        "counting_since": sample.since or None,
        "read_at": sample.read_at or None,
        "queries": len(workload.queries),
        "calls": sum(usage.calls for _, usage in workload.queries.values()),
        "total_ms": _rounded(sum(usage.total_ms for _, usage in workload.queries.values())),
        "left_out": dict(workload.left_out),
        "hidden": sample.hidden,
    }


def _query(one: Judged) -> dict[str, Any]:
    return {
        "id": one.query.key,
        "verdict": one.verdict,
        "query": one.query.shown,
        "parsed": one.query.parsed,
        "ratio": _rounded(one.ratio),
        "added_per_call_ms": _rounded(one.added_per_call_ms),
        "added_ms": _rounded(one.added_ms),
        "source": _usage(one.source, one.source_share),
        "target": _usage(one.target, one.target_share),
    }


def _usage(usage: Usage | None, share: float | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "calls": usage.calls,
        "rows": usage.rows,
        "mean_ms": _rounded(usage.mean_ms),
        "min_ms": _rounded(usage.min_ms),
        "max_ms": _rounded(usage.max_ms),
        "stddev_ms": _rounded(usage.stddev_ms),
        "total_ms": _rounded(usage.total_ms),
        "share": _rounded(share),
    }


def _notes(comparison: Comparison) -> Iterator[str]:
    """What a reader has to know to trust the figures."""
    for side, sample in (("source", comparison.source), ("target", comparison.target)):
        yield from sample.notes
        if sample.hidden:
            yield (
                f"Role {visible(sample.role)} was not shown {counted(sample.hidden, 'entry')} of other roles on the "
                f"{side}; queries may seem to run on one side only. To see them: {grant(sample.role)}"
            )
    unread = sum(not one.query.parsed for one in comparison.judgement.queries)
    if unread:
        yield f"{counted(unread, 'text')} cannot be parsed (cut off, or not of PostgreSQL); compared word by word."
    yield (
        "Two texts are the same query when they mean the same statement: spaces, comments, the case of keywords and "
        "the numbers of placeholders do not count. One that names a schema and one that does not are two queries, as "
        "which table the second means depends on a search_path that is not recorded."
    )
    yield (
        "Left out are what yb-voyager itself ran (and any query that reads all its tables with ONLY, as it does), "
        "queries of the catalogs, and administration: DDL, COPY, SET, BEGIN, COMMIT."
    )
    yield (
        "Times are those of execution on the server. The first calls after a start read from disk, and the data may "
        "differ in size: compare when both sides have run the same load for a while."
    )


def _rounded(number: float | None) -> float | None:
    """Six decimals: a millionth of a millisecond, and of a share."""
    return None if number is None else round(float(number), 6)
