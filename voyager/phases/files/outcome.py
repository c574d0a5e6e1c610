"""What an import of files came to: what this run loaded, what was in before, and the rows that are set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from voyager.errors import RowsSetAside
from voyager.identifiers import TableName
from voyager.phases.files.plan import FilePart
from voyager.phases.job import Job, Outcome
from voyager.phases.load.aside import DISCARDED, SET_ASIDE, rows_that_are
from voyager.phases.sizes import readable_size
from voyager.wording import are, counted, named, were

PHASE = "IMPORT_FILE"
COUNTED = ("files", "rows", "bytes", "set_aside", "discarded", "ignored", "updated")
COMMAND = "yb-voyager migrate import file"


def outcome(job: Job, before: Sequence[FilePart], parts: Sequence[FilePart], after: Mapping[str, Any]) -> Outcome:
    """Of the files of this run, as the ledger has them before and now. Rows that are set aside are those of the whole
    migration: earlier runs may have loaded other files."""
    aside, given_up = (rows_that_are(status, job, phase=PHASE) for status in (SET_ASIDE, DISCARDED))
    by_table = _by_table(parts, given_up)
    rows, size = (sum(entry[key] for entry in by_table.values()) for key in ("rows", "bytes"))
    earlier = _rows(before)
    told = tuple(f"{name}: {counted(count, 'row')} set aside" for name, count in sorted(aside.items()))
    lost = tuple(f"{name}: {counted(count, 'row')} set aside and given up" for name, count in sorted(given_up.items()))
    return Outcome(
        headline=_headline(before, parts, size),
        summary={
            "files": len(parts),
            "tables": len({part.table.name for part in parts}),
            "rows": rows,
            "rows_before": earlier,
            "bytes": size,
            "set_aside": sum(aside.values()),
            "rows_set_aside": {str(name): count for name, count in sorted(aside.items())},
            "discarded": sum(given_up.values()),
            "by_table": by_table,
            **after,
        },
        details=(*told, *lost, *_conflicts(by_table)),
        problem=_problem(aside, told) if aside else None,
    )


def _headline(before: Sequence[FilePart], parts: Sequence[FilePart], size: int) -> str:
    rows, earlier, tables = _rows(parts), _rows(before), len({part.table.name for part in parts})
    files = f"{counted(len(parts), 'file')} ({readable_size(size)})"
    if not earlier:
        return f"Loaded {counted(rows, 'row')} from {files} into {counted(tables, 'table')}."
    if rows > earlier or not all(part.done for part in before):
        new, all_in = counted(rows - earlier, "row"), f"{counted(rows, 'row')} from {files} {are(rows)} in"
        return f"Loaded {new}; with {earlier:,} that were loaded before, {all_in} {counted(tables, 'table')}."
    return f"Nothing was left to load: {counted(rows, 'row')} from {files} {were(rows)} loaded before."


def _rows(parts: Sequence[FilePart]) -> int:
    return sum(batch.rows for part in parts for batch in part.batches)


def _by_table(parts: Sequence[FilePart], given_up: Mapping[TableName, int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for part in parts:
        entry = found.setdefault(str(part.table.name), dict.fromkeys(COUNTED, 0))
        entry["files"] += 1
        entry["rows"] += sum(batch.rows for batch in part.batches)
        entry["bytes"] += part.file.size
        entry["set_aside"] += sum(batch.quarantined for batch in part.batches)
        entry["ignored"] += sum(batch.ignored for batch in part.batches)
        entry["updated"] += sum(batch.updated for batch in part.batches)
    for table, count in given_up.items():
        # The ledger goes on to count them as set aside.
        entry = found.setdefault(str(table), dict.fromkeys(COUNTED, 0))
        entry["discarded"], entry["set_aside"] = count, max(0, entry["set_aside"] - count)
    return found


def _conflicts(by_table: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What became of rows whose key was there, also from a row of the same file."""
    told = (
        ("ignored", "ignored, for the table held their keys"),
        ("updated", "put in the place of one with the same key"),
    )
    return [
        f"{table}: {counted(entry[key], 'row')} {what}"
        for key, what in told
        for table, entry in sorted(by_table.items())
        if entry[key]
    ]


def _problem(aside: Mapping[TableName, int], told: tuple[str, ...]) -> RowsSetAside:
    return RowsSetAside(
        f"Everything is loaded but {counted(sum(aside.values()), 'row')} of {named(sorted(aside))}.",
        "ybvoyager.quarantined_rows in the target has file, place and reason of each. Correct the tables, then run: "
        f"{COMMAND} --replay-quarantine. Where the files are wrong: load those rows as a file of their own, or correct "
        f"the files and load anew: {COMMAND} --start-clean. To do without them: {COMMAND} --discard-quarantine.",
        told,
    )
