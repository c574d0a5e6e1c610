"""What an import of files has to do: which file goes into which table, and what of it the ledger says is in."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from voyager.errors import BlockersFound, NotAllowed, UsageError
from voyager.files.cutter import BLOCK
from voyager.files.dialect import Dialect
from voyager.files.mapping import Entry
from voyager.files.storage import StoredFile
from voyager.files.streams import compressed
from voyager.identifiers import TableName, visible
from voyager.phases.job import Job
from voyager.store.record import LoadedBatch
from voyager.target.columns import TableColumns
from voyager.wording import counted

SHOWN = 20
_ANEW = "or load everything anew: yb-voyager migrate import file --start-clean."


@dataclass(frozen=True)
class Origin:
    """What the ledger keeps of a file beside each batch: all that makes it this file, read in this way."""

    url: str
    size: int
    version: str
    cutting: str

    @classmethod
    def of(cls, file: StoredFile, dialect: Dialect) -> Origin:
        return cls(file.url, file.size, file.version, f"{dialect.cutting},{BLOCK}")

    @classmethod
    def parse(cls, text: str) -> Origin:
        url, size, version, cutting = text.rsplit("\t", 3)
        return cls(url, int(size), version, cutting)

    def __str__(self) -> str:
        return "\t".join((self.url, str(self.size), self.version, self.cutting))

    @property
    def stored_plainly(self) -> bool:
        """Whether the text is the file as it is stored: its length is known, and reading may begin in its middle."""
        return not compressed(self.url) and not self.cutting.split(",")[3]

    def done(self, batches: Sequence[LoadedBatch]) -> bool:
        """Whether batches reach from the text's begin to its end without a gap. Where its length is not known, the last
        one is followed by an empty one."""
        at = 0
        for batch in batches:
            if batch.batch_no != at:
                return False
            at += batch.blocks
        if self.stored_plainly:
            return sum(batch.bytes for batch in batches) == self.size
        return bool(batches) and batches[-1].bytes == 0


@dataclass(frozen=True)
class FilePart:
    """One file on its way into one table. `chunk_id` is made of the migration, the origin and the table: another
    content, or other quotes, is another file. `batches` are what the ledger holds of it, in order."""

    file: StoredFile
    table: TableColumns
    chunk_id: UUID
    origin: Origin
    batches: tuple[LoadedBatch, ...] = field(default=(), repr=False)

    @property
    def done(self) -> bool:
        return self.origin.done(self.batches)


def plan_parts(
    found: Sequence[tuple[StoredFile, Entry]],
    tables: Mapping[TableName, TableColumns],
    *,
    schemas: Sequence[str],
    dialect: Dialect,
    migration: UUID,
) -> list[FilePart]:
    """Every file with its table. Raises UsageError for a table that the target does not have, or that takes no rows."""
    chosen: dict[Entry, TableColumns] = {}
    parts = []
    for file, entry in found:
        if entry not in chosen:
            chosen[entry] = find_table(entry, tables, schemas)
        table = chosen[entry]
        origin = Origin.of(file, dialect)
        chunk_id = uuid5(migration, f"{origin}\t{table.name.schema}\t{table.name.name}")
        parts.append(FilePart(file, table, chunk_id, origin))
    return parts


def find_table(entry: Entry, tables: Mapping[TableName, TableColumns], schemas: Sequence[str]) -> TableColumns:
    """The table that an entry names: in the schema it names, else in one of `schemas`, in public, or wherever it is."""
    for exactly in (True, False):
        fitting = [
            name
            for name in tables
            if entry.table.fits(name.name, exactly=exactly)
            and (entry.schema is None or entry.schema.fits(name.schema, exactly=exactly))
        ]
        preferred = (*schemas, "public") if entry.schema is None else ()
        best = next(([name for name in fitting if name.schema == schema] for schema in preferred
                     if any(name.schema == schema for name in fitting)), fitting)  # fmt: skip
        if len(best) > 1:
            listed = ", ".join(sorted(map(str, best)))
            raise UsageError(
                f"{visible(entry.written)} in --file-table-map names more than one table: {listed}.",
                'Write schema."Name" as it is spelled.',
            )
        if best:
            return _loadable(tables[best[0]], entry)
    near = difflib.get_close_matches(entry.written.lower(), {str(n).lower(): str(n) for n in tables}, n=3, cutoff=0.5)
    raise UsageError(
        f"The target has no table {visible(entry.written)}, which --file-table-map names for {visible(entry.pattern)}.",
        f"Did you mean {', '.join(near)}?" if near else "Make it there first, or correct the name.",
    )


def _loadable(table: TableColumns, entry: Entry) -> TableColumns:
    if not table.loadable:
        raise UsageError(
            f"{table.name}, which --file-table-map names for {visible(entry.pattern)}, is no table.", "Name a table."
        )
    return table


def columns_for(part: FilePart, header: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that the file's values go into: those its header names, in its order, else all of the table.

    Raises BlockersFound when the header and the table do not fit.
    """
    if not header:
        return part.table.columns
    name, columns = visible(part.file.url), part.table.columns
    exact = set(columns)
    folded = {column.lower(): column for column in columns}
    chosen = [one if one in exact else folded.get(one.lower(), "") for one in header]
    unknown = [visible(one) or "(empty)" for one, column in zip(header, chosen, strict=True) if not column]
    twice = sorted({visible(one) for one in chosen if one and chosen.count(one) > 1})
    missing = [visible(column) for column in part.table.needed if column not in chosen]
    wrong = (
        _unknown(part, unknown, fitting=any(chosen)),
        f"{', '.join(twice)} is there twice" if twice else "",
        f"{', '.join(missing)}, which must have a value, is not there" if missing and not unknown else "",
    )
    if any(wrong):
        raise BlockersFound(
            f"The header of {name} does not fit {part.table.name}: {'; '.join(filter(None, wrong))}.",
            f"The table's columns: {', '.join(map(visible, columns))}. Correct the header, or leave --has-header out "
            "if the first line is a row.",
        )
    return tuple(chosen)


def _unknown(part: FilePart, names: Sequence[str], *, fitting: bool) -> str:
    """What is said of names that are no columns. Where none fits, the line may well be a row, which nobody is shown."""
    if not names:
        return ""
    if not fitting:
        return f"none of its {counted(len(names), 'name')} is a column of the table"
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{part.table.name} has no column {', '.join(name[:63] for name in names[:SHOWN])}{more}"


def with_ledger(job: Job, parts: Sequence[FilePart]) -> list[FilePart]:
    """The parts with what the ledger holds of each.

    Raises NotAllowed when a file of which something is in is not the same any more, or is not among them.
    """
    uuid = job.record.migration_uuid
    known, loaded = job.store.files.known(uuid), job.store.batches.loaded(uuid)
    mine = {part.chunk_id for part in parts}
    earlier = {(Origin.parse(one.origin).url, one.table): one for one in known if one.chunk_id not in mine}
    for part in parts:
        other = earlier.pop((part.file.url, part.table.name), None)
        if other is not None:
            raise _changed(part, Origin.parse(other.origin))
    for (url, table), one in sorted(earlier.items(), key=lambda item: str(item[0])):
        if not Origin.parse(one.origin).done(loaded.get(one.chunk_id, ())):
            raise NotAllowed(
                f"A part of {visible(url)} is in {table}, and the file is not there or not meant any more.",
                f"Put it back, and let --file-table-map mean it; {_ANEW}",
            )
    return [FilePart(p.file, p.table, p.chunk_id, p.origin, tuple(loaded.get(p.chunk_id, ()))) for p in parts]


def _changed(part: FilePart, other: Origin) -> NotAllowed:
    name = visible(part.file.url)
    if (other.size, other.version) == (part.file.size, part.file.version):
        return NotAllowed(
            f"Rows of {name} are in {part.table.name} that were read with other options for format, quotes, header or "
            "encoding.",
            f"Use the options of the first run; {_ANEW}",
        )
    return NotAllowed(
        f"{name} has changed since rows of it were loaded into {part.table.name}.",
        f"Put back the file as it was; {_ANEW}",
    )


def tables_of(parts: Collection[FilePart]) -> list[TableName]:
    return sorted({part.table.name for part in parts})
