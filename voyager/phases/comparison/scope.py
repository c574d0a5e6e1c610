"""What a verification compares, and what it leaves out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voyager.catalog import Catalog, Disposition, Table
from voyager.identifiers import TableName
from voyager.phases.comparison.options import change_columns, described, share
from voyager.phases.job import Job
from voyager.phases.table_list import choose
from voyager.store.values import to_text
from voyager.wording import named

if TYPE_CHECKING:
    from voyager.verification.report import Extent
    from voyager.verification.request import Since


NAMED = 10


@dataclass(frozen=True)
class Scope:
    """What is compared. `migrated` are all tables that were exported, with their rows, as far as they are known;
    `made_since` are those that the source got after its export. `since` are the tables of which only a part is
    compared."""

    catalog: Catalog
    tables: tuple[Table, ...]
    migrated: Mapping[TableName, int]
    not_compared: tuple[dict[str, str], ...]
    made_since: tuple[TableName, ...] = ()
    since: Mapping[TableName, Since] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What is compared though it holds for less than the rest."""
        unlogged = [str(table.name) for table in self.tables if table.unlogged]
        if not unlogged:
            return []
        return [
            f"Unlogged in the source: {named(unlogged, NAMED)}. Their rows were migrated, so they are compared; "
            "a crash or a failover empties such a table, and then they differ."
        ]

    @property
    def all_tables(self) -> bool:
        """Whether no migrated table is left out."""
        return set(self.migrated) == {table.name for table in self.tables}


def scope_of(job: Job) -> Scope:
    """The tables that were exported, those that the options name. Without the export's own list the source's tables of
    today are taken. Raises UsageError for a table or a change column that is not there."""
    from voyager.phases.export.attempt import ExportAttempt

    options = job.options
    catalog = job.source.read_catalog()
    attempt = ExportAttempt.load(job.export_dir.data)
    chosen = choose(catalog, (), ())
    dispositions = attempt.dispositions if attempt else chosen.dispositions
    wanted = choose(catalog, options.table_list, options.exclude_table_list).tables
    moved = _moved(job)
    migrated = {
        table.name: moved.get((to_text(table.name.schema), to_text(table.name.name))) or max(0, table.rows_estimate)
        for table in (attempt.tables if attempt else chosen.tables)
    }
    tables = tuple(table for table in wanted if table.name in migrated)
    known = {one.name for one in dispositions}
    # Not by name alone: a database has a comment, settings and grants under one name.
    said = {(one.kind, one.name) for one in dispositions}
    of_now = (one for one in chosen.dispositions if one.action == "skipped" and (one.kind, one.name) not in said)
    return Scope(
        catalog,
        tables,
        migrated,
        (*_never((*dispositions, *of_now), catalog), *_left_out(catalog, tables, migrated)),
        made_since=tuple(table.name for table in chosen.tables if str(table.name) not in known),
        since=change_columns(options.since, catalog, tables),
    )


def extent_of(scope: Scope, job: Job) -> Extent:
    """The same as a report tells it."""
    from voyager.verification.report import Extent

    options = job.options
    return Extent(
        level=options.level,
        migrated=scope.migrated,
        sample=share(options.sample) if options.sample else 1.0,
        since=described(options.since),
        since_tables=frozenset(scope.since),
    )


def _moved(job: Job) -> dict[tuple[str, str], int]:
    """The rows of each table that left the source, as the migration wrote them down; a catalog only estimates them."""
    found: dict[tuple[str, str], int] = {}
    for phase in ("EXPORT_DATA", "IMPORT_DATA"):
        for one in job.store.progress.tables(job.record.migration_uuid, phase, None):
            name = one.schema, one.table
            found[name] = max(found.get(name, 0), one.rows_total or one.rows_done)
    return found


def _never(dispositions: tuple[Disposition, ...], catalog: Catalog) -> Iterator[dict[str, str]]:
    """What does not travel. The rows of a partitioned table are compared, in its partitions."""
    unlogged = {str(table.name) for table in catalog.tables if table.unlogged}
    for one in dispositions:
        if one.action == "skipped" and one.kind != "partitioned":
            why = f"{one.reason}; it is unlogged" if one.name in unlogged else one.reason
            yield {"kind": one.kind, "name": one.name, "reason": why}


def _left_out(
    catalog: Catalog, tables: tuple[Table, ...], migrated: Mapping[TableName, int]
) -> Iterator[dict[str, str]]:
    there = {table.name for table in catalog.tables}
    for name in sorted(set(migrated) - {table.name for table in tables}):
        reason = "left out of this verification" if name in there else "it no longer exists in the source"
        yield {"kind": "table", "name": str(name), "reason": reason}
