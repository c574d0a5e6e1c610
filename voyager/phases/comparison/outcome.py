"""What a verification came to, for the terminal and the migration's state; the report has all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voyager.errors import DifferencesFound, TimeIsUp, TimeIsUpWithDifferences
from voyager.identifiers import Identifier, TableName, visible
from voyager.phases.job import Grid, Outcome
from voyager.verification.findings import SET_ASIDE, SHOWN_LENGTH, Difference, Found, RowDifference, TableResult
from voyager.verification.gate import covers
from voyager.verification.report import Result
from voyager.verification.set_aside import REPLAY
from voyager.wording import counted, named, were

SHOWN = 20
"""Differences that the terminal and the history name; the report names all."""
MOST = 1_000
"""Differences, and tables, that the document for programs names; it says how many there are, the report names all."""
MOST_ROWS = 3_000
"""Rows that it names, over all differences."""
KEYS_SHOWN = 5
COLUMNS_SHOWN = 5
_WAYS = {"counts": "by numbers of rows", "checksum": "by checksums of every value", "rows": "row by row, every value"}


def outcome(found: Found, body: Mapping[str, Any], path: str) -> Outcome:
    """The outcome of the phase. Differences complete it all the same, with exit code 3."""
    withholding = [difference for difference in found.differences if difference.withholds]
    details = (
        *lines(withholding),
        *_left_aside(body),
        *_expected(found.differences),
        *body["notes"],
        *(f"Not compared: {one['kind']} {one['name']} ({one['reason']})." for one in body["not_compared"]),
        f"Report: {path}",
    )
    headline = _counted(found, body)
    if not withholding:
        said = f"{headline}: source and target are equal.{_covered(body)}"
        summary = _summary(withholding, found, body, path)
        return Outcome(said, summary, details, grid=grid(found.tables), more=_more(found, body))
    return Outcome(
        f"{headline}: {counted(len(withholding), 'difference')} found.{_covered(body)}",
        _summary(withholding, found, body, path),
        details,
        _problem(withholding, body, path),
        grid(found.tables),
        _more(found, body),
    )


def time_is_up(result: Result, body: Mapping[str, Any], limit: str | None, path: str) -> TimeIsUp | None:
    """What ends a verification that had no time for all chunks; None when nothing is left to compare."""
    tables = result.found.tables
    done = len(tables) - int(body["unfinished"])
    if limit is None or done == len(tables):
        return None
    rows = body["coverage"]["rows"]
    withholding = [difference for difference in result.found.differences if difference.withholds]
    so_far = f"So far {counted(len(withholding), 'difference')} found." if withholding else "No difference so far."
    return (TimeIsUpWithDifferences if withholding else TimeIsUp)(
        f"Stopped after {limit}, as --max-duration says: {done:,} of {counted(len(tables), 'table')} and "
        f"{rows['compared']:,} of about {counted(rows['of'], 'row')} are compared; that is kept. {so_far}",
        "Run the same command again to go on; a cutover needs all of it.",
        (*lines(withholding), f"Report of what was reached: {path}"),
    )


def lines(differences: Sequence[Difference]) -> list[str]:
    """One line for each difference, with the first rows of it by key and the columns that differ."""
    said = [f"{difference.finding}{_keys(difference)}" for difference in differences[:SHOWN]]
    if len(differences) > SHOWN:
        said.append(f"… and {len(differences) - SHOWN:,} more.")
    return said


def grid(tables: Sequence[TableResult]) -> Grid | None:
    """The table of tables: those that differ first, then the largest."""
    if not tables:
        return None
    ordered = sorted(tables, key=_unequal_first)
    return Grid(
        (("Table", "left"), ("Result", "left"), ("Rows", "right"), ("In target", "right"), ("Chunks", "right"),
         ("Time", "right")),
        tuple(
            (str(one.table), one.state, _rows(one), f"{one.target_rows:,}", _chunks(one),
             f"{one.seconds:.1f} s")
            for one in ordered
        ),
    )  # fmt: skip


def _unequal_first(one: TableResult) -> tuple[Any, ...]:
    return one.state == "equal", -one.source_rows, one.table


def _keys(difference: Difference) -> str:
    if not difference.rows:
        return ""
    shown = ", ".join(f"{row}{_values(row)}" for row in difference.rows[:KEYS_SHOWN])
    total = max(sum(difference.counts.values()), len(difference.rows))
    more = f" and {total - KEYS_SHOWN:,} more" if total > KEYS_SHOWN else ""
    return f" Rows by key: {shown}{more}."


def _values(row: RowDifference) -> str:
    """What the sides have, where that was asked for: ` [note: 'a' in the source, NULL in the target]`."""
    if not row.values:
        return ""
    shown = [f"{Identifier(name)}: {_value(here)} in the source, {_value(there)} in the target"
             for name, here, there in row.values[:COLUMNS_SHOWN]]  # fmt: skip
    more = f"; {len(row.values) - COLUMNS_SHOWN} more columns" if len(row.values) > COLUMNS_SHOWN else ""
    return f" [{'; '.join(shown)}{more}]"


def _value(text: str | None) -> str:
    return "NULL" if text is None else f"'{visible(text[:SHOWN_LENGTH])}{'…' if len(text) > SHOWN_LENGTH else ''}'"


def _expected(differences: Sequence[Difference]) -> Iterator[str]:
    expected = sum(not difference.withholds for difference in differences)
    if expected:
        yield f"{counted(expected, 'difference')} of the intended or cosmetic kind are in the report."


def _chunks(one: TableResult) -> str:
    return f"{one.chunks:,}" if one.chunks_compared >= one.chunks else f"{one.chunks_compared:,} of {one.chunks:,}"


def _rows(one: TableResult) -> str:
    """How many rows were read, and of how many, where it is not known that these are all."""
    return f"{one.source_rows:,}" if one.whole else f"{one.source_rows:,} of {one.rows_of:,}"


def _counted(found: Found, body: Mapping[str, Any]) -> str:
    if body["level"] not in _WAYS:
        return f"{sum((body['schema'] or {}).get('objects', {}).values()):,} objects of the schema compared"
    rows = sum(result.source_rows for result in found.tables)
    looked_at = sum(result.looked_at for result in found.tables)
    return f"{counted(looked_at, 'table')} ({counted(rows, 'row')}) compared {_WAYS[body['level']]}"


def _covered(body: Mapping[str, Any]) -> str:
    """What keeps this from being all that a cutover asks for, "" when nothing does."""
    covered = body["coverage"]
    if covered["share"] >= 100.0:
        return ""
    why = f": it {' and '.join(covered['short'])}" if covered["short"] else ""
    return f" This covers {covers(covered)}{why}; a cutover needs all of it."


def _summary(differences: Sequence[Difference], found: Found, body: Mapping[str, Any], path: str) -> dict[str, Any]:
    tables, schema = found.tables, body["schema"] or {}
    return {
        "clean": body["clean"],
        "complete": body["complete"],
        "level": body["level"],
        "method": found.method,
        "coverage": body["coverage"],
        "point": body["point"],
        "schema": {"objects": schema.get("objects", {}), "classes": schema.get("classes", {})},
        "tables": len(tables),
        "tables_different": sum(result.state == "different" for result in tables),
        "rows": sum(result.source_rows for result in tables),
        "chunks": sum(result.chunks_compared for result in tables),
        "chunks_different": sum(result.chunks_different for result in tables),
        "differences": [_short(difference) for difference in differences[:SHOWN]],
        "differences_total": len(differences),
        "not_compared": body["not_compared"],
        "set_aside": body["set_aside"],
        "at": body["at"],
        "counters": body["counters"],
        "target_counters": body["target_counters"],
        "report": path,
    }


def _short(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "object": difference.object,
        "class": difference.judged,
        "finding": difference.finding,
        "counts": dict(difference.counts),
        "ranges": list(difference.ranges[:SHOWN]),
    }


def _more(found: Found, body: Mapping[str, Any]) -> dict[str, Any]:
    """The facts and findings of the report, for programs: what pipelines read must name what differs, and how."""
    schema = body["schema"] or {}
    of_schema = schema.get("differences", ())
    expected = [difference for difference in found.differences if not difference.withholds]
    return {
        "differences": _named([difference for difference in found.differences if difference.withholds]),
        "expected": _named(expected),
        "expected_total": len(expected),
        "results": [one.to_json() for one in sorted(found.tables, key=_unequal_first)[:MOST]],
        "schema": {
            "objects": schema.get("objects", {}),
            "classes": schema.get("classes", {}),
            "differences": list(of_schema[:MOST]),
            "differences_total": len(of_schema),
        },
        "notes": list(body["notes"]),
        "repair": list(body["repair"]),
    }


def _named(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """As the report has them, with as many rows as one document can bear."""
    said, left = [], MOST_ROWS
    for one in differences[:MOST]:
        fits = replace(one, rows=one.rows[:left])
        left -= len(fits.rows)
        said.append(fits.to_json())
    return said


def _left_aside(body: Mapping[str, Any]) -> Iterator[str]:
    """What the load set aside and is still not there, whether or not this comparison read those rows."""
    for one in body["set_aside"][:SHOWN]:
        table = TableName(one["schema"], one["table"])
        given_up = f"; {one['given_up']:,} given up" if one["given_up"] else ""
        yield f"{table}: {counted(one['set_aside'], 'row')} set aside, not loaded{given_up}."


def _replay(body: Mapping[str, Any]) -> str:
    """What brings rows in that were set aside, "" without such."""
    rows = sum(one["set_aside"] for one in body["set_aside"])
    if not rows:
        return ""
    them = "it" if rows == 1 else "them"
    return (
        f" {counted(rows, 'row')} that {were(rows)} set aside will be there again once the target takes {them}: "
        f"correct what refused {them}, then run: {REPLAY}."
    )


def _problem(differences: Sequence[Difference], body: Mapping[str, Any], path: str) -> DifferencesFound:
    repair = body["repair"]
    objects = list(dict.fromkeys(difference.object for difference in differences))
    shown = named(objects)
    if all(difference.judged == SET_ASIDE for difference in differences):
        return DifferencesFound(
            f"Source and target are equal but for rows that were set aside: {shown}.",
            f"The report names them: {path}.{_replay(body)} Verify again afterwards: yb-voyager migrate verify.",
            tuple(lines(differences)),
        )
    rows = (
        f" For rows the SQL is there, in {counted(len(repair), 'file')} in reports/repair: read it, then "
        "`yb-voyager migrate verify --apply-repair` runs it and verifies again."
        if repair
        else ""
    )
    return DifferencesFound(
        f"Source and target are not equal: {shown}.",
        f"The report names every difference: {path}. Repair the target, then run: yb-voyager migrate verify.{rows}"
        f"{_replay(body)}",
        tuple(lines(differences)),
    )
