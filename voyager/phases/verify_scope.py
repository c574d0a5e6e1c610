"""What a verification compares, and what it leaves out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voyager.catalog import Catalog, Disposition, Table
from voyager.identifiers import TableName
from voyager.phases.job import Job
from voyager.phases.table_list import choose
from voyager.phases.verify_options import change, share, with_column

if TYPE_CHECKING:
    from voyager.verification.report import Extent


@dataclass(frozen=True)
class Scope:
    """What is compared. `migrated` are all tables that were exported, with their estimated rows; `made_since` are those
    that the source got after its export. `since_tables` have the change column that --since names."""

    catalog: Catalog
    tables: tuple[Table, ...]
    migrated: Mapping[TableName, int]
    not_compared: tuple[dict[str, str], ...]
    made_since: tuple[TableName, ...] = ()
    since_tables: frozenset[TableName] = field(default=frozenset())

    @property
    def all_tables(self) -> bool:
        """Whether no migrated table is left out."""
        return set(self.migrated) == {table.name for table in self.tables}


def scope_of(job: Job) -> Scope:
    """The tables that were exported, those that the options name. Without the export's own list the source's tables of
    today are taken. Raises UsageError for a table or a change column that is not there."""
    from voyager.phases.export_attempt import ExportAttempt

    options = job.options
    catalog = job.source.read_catalog()
    attempt = ExportAttempt.load(job.export_dir.data)
    chosen = choose(catalog, (), ())
    dispositions = attempt.dispositions if attempt else chosen.dispositions
    wanted = choose(catalog, options.table_list, options.exclude_table_list).tables
    migrated = {table.name: table.rows_estimate for table in (attempt.tables if attempt else chosen.tables)}
    tables = tuple(table for table in wanted if table.name in migrated)
    changed = with_column(change(options.since).column, tables) if options.since else ()
    known = {one.name for one in dispositions}
    return Scope(
        catalog,
        tables,
        migrated,
        (*_never(dispositions), *_left_out(catalog, tables, migrated)),
        made_since=tuple(table.name for table in chosen.tables if str(table.name) not in known),
        since_tables=frozenset(changed),
    )


def extent_of(scope: Scope, job: Job) -> Extent:
    """The same as a report tells it."""
    from voyager.verification.report import Extent

    options = job.options
    since = change(options.since) if options.since else None
    return Extent(
        level=options.level,
        migrated=scope.migrated,
        sample=share(options.sample) if options.sample else 1.0,
        since=f"{since.column} >= {since.value}" if since else "",
        since_tables=scope.since_tables,
    )


def _never(dispositions: tuple[Disposition, ...]) -> Iterator[dict[str, str]]:
    """What does not travel. The rows of a partitioned table are compared, in its partitions."""
    for one in dispositions:
        if one.action == "skipped" and one.kind != "partitioned":
            yield {"kind": one.kind, "name": one.name, "reason": one.reason}


def _left_out(
    catalog: Catalog, tables: tuple[Table, ...], migrated: Mapping[TableName, int]
) -> Iterator[dict[str, str]]:
    there = {table.name for table in catalog.tables}
    for name in sorted(set(migrated) - {table.name for table in tables}):
        reason = "left out of this verification" if name in there else "it no longer exists in the source"
        yield {"kind": "table", "name": str(name), "reason": reason}
