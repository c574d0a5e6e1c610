"""ExportAttempt: what one export set out to copy, under which snapshots (data/export.json), and its finished chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from voyager.catalog import Disposition, Table
from voyager.errors import DamagedFile, NotAllowed
from voyager.identifiers import TableName
from voyager.ports import ChunkRange, WriteCounter

if TYPE_CHECKING:
    from voyager.data_file import ChunkManifest
    from voyager.store.record import MigrationRecord

NAME = "export.json"
Counters = dict[TableName, WriteCounter]


@dataclass(frozen=True)
class SnapshotTaken:
    """One view of the source that chunks were read under. `key` is what manifests and ledger call it; `counters` were
    read before it was taken, None when this source cannot tell."""

    key: str
    id: str
    taken_at: str
    position: str = ""
    counters: Counters | None = None


@dataclass(frozen=True)
class ExportedTable:
    """A table of the attempt: the shape it had, the catalog's figures for estimates, and its primary key's columns."""

    name: TableName
    columns: tuple[tuple[str, str], ...]
    rows_estimate: int
    bytes: int
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportAttempt:
    """One export. A new attempt has a new id and new chunk ids, so nothing of an older one is taken for its own.

    A `streamed` one writes no files; when it is completed, `loaded` holds snapshot, rows and bytes of each of `parts`.
    """

    id: str
    started_at: str
    source: str
    tables: tuple[ExportedTable, ...]
    dispositions: tuple[Disposition, ...]
    parts: tuple[ChunkRange, ...]
    compression: str
    migration: str
    unpopulated: tuple[TableName, ...] = ()
    snapshots: tuple[SnapshotTaken, ...] = ()
    mixed: tuple[str, ...] = ()
    completed: bool = False
    streamed: bool = False
    loaded: tuple[tuple[str, int, int], ...] = ()

    def with_snapshot(self, snapshot: SnapshotTaken) -> ExportAttempt:
        return replace(self, snapshots=(*self.snapshots, snapshot))

    def belongs_to(self, record: MigrationRecord, data: Path) -> None:
        """Raise NotAllowed when this is another migration's export, or not the one that this migration completed."""
        completed = record.phases["EXPORT_DATA"].summary.get("attempt") if "EXPORT_DATA" in record.phases else None
        if self.migration != str(record.migration_uuid):
            whose = f"of another migration ({self.migration})"
        elif completed and self.id != completed:
            whose = f"not the last one of this migration (this is {self.id}, that was {completed})"
        else:
            return
        raise NotAllowed(
            f"The export in {data} is {whose}.",
            "Put the right files back, or remove these and export anew: yb-voyager migrate export data --start-clean.",
        )

    def same_tables(self, tables: Sequence[Table]) -> None:
        """Raise NotAllowed when the choice of tables, or the shape of one, is not what this attempt began with."""
        now = {table.name: shape(table) for table in tables}
        then = {table.name: table.columns for table in self.tables}
        added, gone = sorted(now.keys() - then.keys()), sorted(then.keys() - now.keys())
        changed = sorted(name for name in now.keys() & then.keys() if now[name] != then[name])
        if added or gone or changed:
            raise NotAllowed(
                "The tables to export are not those that this export began with.",
                "Give the same table list (and undo DDL made meanwhile), or begin anew with --start-clean.",
                (
                    *(f"{name} was not part of it" for name in added),
                    *(f"{name} is missing now" for name in gone),
                    *(f"{name} has other columns now" for name in changed),
                ),
            )

    def same_way(self, *, streamed: bool) -> None:
        """Raise NotAllowed when this attempt was begun into files and is to go on without, or the other way round."""
        if self.streamed == streamed:
            return
        began, wanted = ("with --stream", "into files") if self.streamed else ("into files", "with --stream")
        raise NotAllowed(
            f"This export was begun {began} and cannot go on {wanted}.",
            f"Run the same command with {'--stream' if self.streamed else '--no-stream'}, or begin anew with "
            "--start-clean.",
        )

    def dump(self) -> bytes:
        from voyager.data_file import seal

        body = {
            **_cells(self),
            "format": 1,
            "tables": [[t.name.schema, t.name.name, t.columns, t.rows_estimate, t.bytes, t.key] for t in self.tables],
            "parts": [
                [p.table.schema, p.table.name, p.ordinal, p.predicate, p.rows_estimated, p.bytes_estimated]
                for p in self.parts
            ],
            "snapshots": [{**_cells(taken), "counters": _plain(taken.counters)} for taken in self.snapshots],
            "dispositions": [_cells(one) for one in self.dispositions],
            "unpopulated": [[name.schema, name.name] for name in self.unpopulated],
        }
        return seal(body)

    @classmethod
    def load(cls, data: Path) -> ExportAttempt | None:
        """The attempt in this data directory, None when none was begun."""
        from voyager.data_file import unseal

        if not (data / NAME).exists():
            return None
        body = unseal(data / NAME)
        if body.pop("format", None) != 1:
            raise DamagedFile(f"{data / NAME} was written by another version of yb-voyager.", "Use that version.")
        tables = (
            ExportedTable(TableName(s, n), _shape(columns), rows, size, tuple(*key))
            for s, n, columns, rows, size, *key in body["tables"]
        )
        parts = (ChunkRange(TableName(s, n), *rest) for s, n, *rest in body["parts"])
        taken = (SnapshotTaken(**{**one, "counters": _counters(one["counters"])}) for one in body["snapshots"])
        return cls(
            **{
                **body,
                "tables": tuple(tables),
                "parts": tuple(parts),
                "snapshots": tuple(taken),
                "dispositions": tuple(Disposition(**one) for one in body["dispositions"]),
                "unpopulated": tuple(TableName(*name) for name in body.get("unpopulated", ())),
                "mixed": tuple(body["mixed"]),
                "loaded": tuple((key, rows, size) for key, rows, size in body.get("loaded", ())),
            }
        )


def begin(
    *, source: str, started_at: str, tables: Sequence[Table], parts: Iterable[ChunkRange], **rest: Any
) -> ExportAttempt:
    """A new attempt at `tables`, cut into `parts`."""
    exported = tuple(ExportedTable(t.name, shape(t), t.rows_estimate, t.bytes, t.key) for t in tables)
    return ExportAttempt(str(uuid4()), started_at, source, exported, parts=tuple(parts), **rest)


def shape(table: Table) -> tuple[tuple[str, str], ...]:
    """What must not change between the parts of one table."""
    kept = set(table.copied_columns)
    return tuple((column.name, column.type_name) for column in table.columns if column.name in kept)


class FinishedPart(Protocol):
    """A part that is done: which one, under which snapshot (its key) it was read, and how much it came to."""

    @property
    def chunk_id(self) -> str: ...
    @property
    def table(self) -> TableName: ...
    @property
    def ordinal(self) -> int: ...
    @property
    def snapshot(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def length(self) -> int:
        """Bytes on disk."""
        ...

    @property
    def set_aside(self) -> int:
        """Rows that the target refused, beside `rows`."""
        ...


Finished = dict[tuple[TableName, int], FinishedPart]


def finished_chunks(
    data: Path, attempt: ExportAttempt
) -> tuple[dict[tuple[TableName, int], ChunkManifest], list[Path]]:
    """The finished chunks of `attempt`, and the manifests that are damaged or belong to another one."""
    from voyager.data_file import ChunkManifest

    finished: dict[tuple[TableName, int], ChunkManifest] = {}
    others: list[Path] = []
    for path in sorted(data.glob("*.manifest.json")):
        try:
            manifest = ChunkManifest.load(path)
        except DamagedFile:
            others.append(path)
            continue
        key = (manifest.table, manifest.ordinal)
        if manifest.attempt == attempt.id and key not in finished:
            finished[key] = manifest
        else:
            others.append(path)
    return finished, others


def by_table(finished: Finished) -> dict[TableName, list[FinishedPart]]:
    grouped: dict[TableName, list[FinishedPart]] = defaultdict(list)
    for (table, _), part in finished.items():
        grouped[table].append(part)
    return grouped


def complete_chunks(data: Path) -> tuple[ExportAttempt, list[ChunkManifest]]:
    """Every chunk of the finished export in `data`; raises when it is not finished or a manifest is not there."""
    attempt = ExportAttempt.load(data)
    if attempt is None or not attempt.completed:
        raise NotAllowed(
            f"There is no finished export in {data}.",
            "Give the --export-dir of this migration, or run: yb-voyager migrate export data.",
        )
    if attempt.streamed:
        from voyager.phases.export.stream_chunks import manifests

        return attempt, manifests(attempt)
    finished, others = finished_chunks(data, attempt)
    missing = [part for part in attempt.parts if (part.table, part.ordinal) not in finished]
    if missing:
        raise DamagedFile(
            f"{len(missing)} of {len(attempt.parts)} parts of the exported data have no readable manifest in {data}.",
            "Nothing was loaded. Restore them, or export anew with: yb-voyager migrate export data --start-clean.",
            (
                *(f"{part.table} part {part.ordinal}" for part in missing[:20]),
                *(f"damaged: {path}" for path in others[:20]),
            ),
        )
    return attempt, [finished[part.table, part.ordinal] for part in attempt.parts]


def _cells(one: Any) -> dict[str, Any]:
    """The fields as they are; asdict() would copy what is below them, and it cannot copy a mapping by TableName."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _plain(counters: Counters | None) -> list[list[Any]] | None:
    return None if counters is None else [[n.schema, n.name, c.writes, c.identity] for n, c in counters.items()]


def _counters(rows: list[list[Any]] | None) -> Counters | None:
    return (
        None if rows is None else {TableName(s, n): WriteCounter(writes, identity) for s, n, writes, identity in rows}
    )


def _shape(columns: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, type_name) for name, type_name in columns)
