"""Repair files: the SQL of one verification, a file per table, and the list that says what they hold and from when."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from voyager.errors import disk_error
from voyager.identifiers import TableName
from voyager.verification.findings import DIFFERENT, EXTRA, GIVEN_UP, MISSING, SET_ASIDE, Difference, RowDifference
from voyager.verification.readers import Readers
from voyager.verification.repair import COMES_AGAIN, NOT_REPAIRED, TAKEN_AWAY, RepairTable, repair_statements
from voyager.verification.repair_keys import families
from voyager.verification.repair_order import in_order
from voyager.verification.repair_read import Concerned, RowReader, describe, self_references
from voyager.wording import named
from voyager.working_directory import sync_directory, write_atomic

LIST = "repair.json"
LONGEST_NAME = 120
CLEAR, AGAIN = "CLEAR", "AGAIN"
"""The parts of a file with the first and with the second steps of rows that come again, in the same order."""

ORDER = ("DELETE", CLEAR, "UPDATE", AGAIN, "INSERT")
"""Rows go before others come: a value that must be unique may move from one row to another."""

SETTINGS = {
    "client_encoding": "'UTF8'",
    "standard_conforming_strings": "on",
    "search_path": "''",
    "DateStyle": "'ISO'",
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",
    "lc_monetary": "'C'",
    "xmloption": "'content'",
    "extra_float_digits": "1",
    "bytea_output": "'hex'",
    "row_security": "off",
}
"""What the statements rely on; values were read under the same."""


_REPAIRED = (MISSING, EXTRA, DIFFERENT, GIVEN_UP)


@dataclass(frozen=True)
class RepairFile:
    """One file: how many of its rows go, change and come, and how many nothing can be done about.

    `again` is how many of those that change come again.
    """

    table: TableName
    name: str
    statements: Mapping[str, int]
    not_repaired: int
    sha256: str
    again: int = 0

    @property
    def total(self) -> int:
        return sum(self.statements.values())

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "table": {"schema": self.table.schema, "name": self.table.name}}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> RepairFile:
        table = TableName(saved["table"]["schema"], saved["table"]["name"])
        again = saved.get("again", 0)
        return cls(table, saved["name"], saved["statements"], saved["not_repaired"], saved["sha256"], again)


@dataclass
class Spool:
    """Differences of many tables while they are found: keys only, on disk, so that memory does not grow with them.

    `taken` is how many rows of each there are, rows that are the same counted each.
    """

    directory: Path
    taken: Counter[TableName] = field(default_factory=Counter)
    _files: dict[TableName, Path] = field(default_factory=dict)
    _waiting: dict[TableName, list[str]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    AT_ONCE = 1000

    def add(self, table: TableName, row: RowDifference) -> None:
        """Take one difference, from any thread; its values are not kept."""
        line = json.dumps([row.key, row.kind, row.columns, row.copies])
        with self._guard:
            self.taken[table] += 1 if row.copies is None else max(1, abs(row.copies[0] - row.copies[1]))
            waiting = self._waiting.setdefault(table, [])
            waiting.append(line)
            if len(waiting) >= self.AT_ONCE:
                self._write(table)

    @property
    def tables(self) -> list[TableName]:
        return sorted(self._waiting)

    def rows(self, table: TableName) -> Iterator[RowDifference]:
        with self._guard:
            self._write(table)
        with self._files[table].open(encoding="utf-8", errors="surrogatepass") as lines:
            for line in lines:
                key, kind, columns, copies = json.loads(line)
                pairs = tuple((name, text) for name, text in key)
                yield RowDifference(pairs, kind, tuple(columns), copies=tuple(copies) if copies else None)

    def remove(self) -> None:
        for path in self._files.values():
            path.unlink(missing_ok=True)

    def _write(self, table: TableName) -> None:
        path = self._files.setdefault(table, self.directory / f".{len(self._files)}.found")
        with _private(path, append=True) as file:
            file.write("".join(f"{line}\n" for line in self._waiting[table]).encode())
        self._waiting[table] = []


@dataclass(frozen=True)
class Origin:
    """Where repair SQL comes from: the verification's declared point, and the source's write counters at it.

    `replication_role` says that whoever runs it may leave triggers and foreign keys aside; `by_place` that equal rows
    of a table without a key may be told apart by where they are.
    """

    at: str
    source: str
    target: str
    counters: Any = None
    replication_role: bool = False
    by_place: bool = False


def spool(directory: Path) -> Spool:
    """An empty spool; what an earlier verification left in `directory` (reports/repair) is removed."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        for path in directory.iterdir():
            if path.suffix in (".sql", ".found", ".part") or path.name == LIST:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, directory) from error
    return Spool(directory)


def write_files(
    found: Spool, concerned: Sequence[Concerned], source: Readers, target: Readers, origin: Origin
) -> list[RepairFile]:
    """Write one file for every table with differences, and the list of them; parents of foreign keys first.

    Rows that differ only in what does not count ask for no repair, and make no file.
    """
    known = {one.table: one for one in concerned if one.table in set(found.tables)}
    try:
        if not known:
            return []
        describing = partial(
            describe, tables=known.values(), by_place=origin.by_place, replication_role=origin.replication_role
        )
        made = target.use(describing, "read the tables")
        family = target.use(families, "read the foreign keys")
        # Whoever may leave triggers aside needs no order within a table.
        within = {} if origin.replication_role else target.use(self_references, "read the foreign keys")
        files = []
        for table in family.parents_first(made):
            names = zip((source, target), known[table].row_texts, strict=True)
            here, there = (RowReader(side, made[table], named_by) for side, named_by in names)
            rows = found.rows(table)
            if table in within:
                rows = in_order(rows, within[table], source=here, target=there)
            if made[table].key:
                there = replace(there, table=replace(made[table], columns=made[table].own))
            written = _write_file(found.directory, rows, made[table], (here, there), origin)
            if written.total or written.not_repaired:
                files.append(written)
            else:
                (found.directory / written.name).unlink()
        if not files:
            return []
        body = {"schema_version": 1, **asdict(origin), "files": [one.to_json() for one in files], "applied_at": None}
        write_atomic(found.directory / LIST, json.dumps(body, indent=1).encode())
        return files
    except OSError as error:
        raise disk_error(error, found.directory) from error
    finally:
        found.remove()


def without_files(found: Spool, differences: Iterable[Difference], *, counts_only: bool) -> list[str]:
    """A sentence for every table of which rows that differ are in no repair file: none is left out silently."""
    taken = {str(table): number for table, number in found.taken.items()}
    said: dict[str, list[str]] = {}
    for one in differences:
        if one.kind == "rows" and one.withholds and one.judged != SET_ASIDE:
            wanted = sum(one.counts.get(kind, 0) for kind in _REPAIRED)
            if counts_only:
                why = "they were only counted; verify --level checksum finds them"
            elif not taken.get(one.object) and not wanted:
                why = "they were not found one by one; verify --level rows reads them all"
            elif wanted > taken.get(one.object, 0):
                why = "others of their tables wait to be loaded again and cannot be told from them"
            else:
                continue
            said.setdefault(why, []).append(one.object)
    return [
        f"No repair SQL for missing, extra or different rows of {named(names)}: {why}." for why, names in said.items()
    ]


def file_name(table: TableName, taken: Iterable[str] = ()) -> str:
    """A name for any file system: what is not plain is percent-encoded, what is long is cut and told by a hash."""
    name = ".".join(quote(part, safe="").replace(".", "%2E") for part in (table.schema, table.name))
    if name.startswith("-"):  # it would be an option
        name = f"%2D{name[1:]}"
    folded = {other.lower() for other in taken}
    if len(name) > LONGEST_NAME or f"{name}.sql".lower() in folded:
        name = f"{name[: LONGEST_NAME - 17]}~{hashlib.sha256(table.sql.encode()).hexdigest()[:16]}"
    return f"{name}.sql"


def _write_file(
    directory: Path,
    rows: Iterable[RowDifference],
    table: RepairTable,
    readers: tuple[RowReader, RowReader],
    origin: Origin,
) -> RepairFile:
    path = directory / file_name(table.table, (one.name for one in directory.glob("*.sql")))
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as open_files:
        parts = {verb: open_files.enter_context(_private(Path(f"{path}.{verb}.part"))) for verb in ("", *ORDER)}
        for line in repair_statements(table, rows, *readers):
            verb = verb_of(line)
            counts[verb] += 1
            parts[verb].write(f"{line}\n".encode("utf-8", "surrogateescape"))
    digest = _put_together(path, table.table, counts, origin)
    done = {"DELETE": counts["DELETE"], "UPDATE": counts["UPDATE"] + counts[AGAIN], "INSERT": counts["INSERT"]}
    return RepairFile(table.table, path.name, done, counts[""], digest, counts[AGAIN])


def verb_of(line: str) -> str:
    """Which part of a file a line belongs to; "" for what is not repaired."""
    for start, part in ((NOT_REPAIRED, ""), (TAKEN_AWAY, CLEAR), (COMES_AGAIN, AGAIN), ("WITH surplus", "DELETE")):
        if line.startswith(start):
            return part
    return line.split(" ", 1)[0]


def _put_together(path: Path, table: TableName, counts: Mapping[str, int], origin: Origin) -> str:
    digest = hashlib.sha256()
    whole = Path(f"{path}.part")
    with _private(whole) as file:

        def write(piece: bytes) -> None:
            file.write(piece)
            digest.update(piece)

        write("".join(f"{line}\n" for line in _header(table, counts, origin)).encode())
        for verb in ("", *ORDER):
            part = Path(f"{path}.{verb}.part")
            with part.open("rb") as lines:
                while piece := lines.read(1 << 20):
                    write(piece)
            part.unlink()
        write(b"COMMIT;\n")
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
    sync_directory(path.parent)
    return digest.hexdigest()


def _header(table: TableName, counts: Mapping[str, int], origin: Origin) -> Iterator[str]:
    yield f"-- Repair of table {table} in {origin.target}, as {origin.source} was at {origin.at}."
    yield (
        f"-- {counts['DELETE']} rows to delete, {counts['UPDATE'] + counts[AGAIN]} to change, "
        f"{counts['INSERT']} to insert; {counts['']} that no statement here repairs."
    )
    yield "-- Nothing has run this file. It holds values of the source: keep it as you keep the data."
    yield "-- Read it, then run it (or: yb-voyager migrate verify --apply-repair), then verify again."
    if counts[AGAIN]:
        yield (
            f"-- {counts[AGAIN]} of the rows to change hold what must be unique, or what only an INSERT sets: all of "
            "them are taken away before one comes again,"
        )
        yield "-- since one may have to take what another gives up. Leave both steps in one transaction."
    if not origin.replication_role:
        yield (
            "-- Triggers fire and foreign keys are checked: what it refers to must be there before it, and rows that "
            "refer to a deleted one may go with it."
        )
    yield from (f"SET {name} = {value};" for name, value in SETTINGS.items())
    if origin.replication_role:
        yield "SET session_replication_role = replica;"
    yield "BEGIN;"


def _private(path: Path, *, append: bool = False) -> BinaryIO:
    """Open for writing what only this user may read, from its first byte on."""
    mode = os.O_APPEND if append else os.O_TRUNC
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | mode, 0o600), "ab" if append else "wb")
