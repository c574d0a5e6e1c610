"""The protocols between the phases and the engines: what a phase may ask of a source or a target."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from voyager.catalog import Catalog, Table
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName


@dataclass(frozen=True)
class Check:
    """The answer of one guardrail. `severity` is "ok", "warning" or "error"; `sql` repairs it where SQL can;
    `exit_code` is what the command ends with when this error stops it (4; 9 for a missing grant, 10 for room)."""

    id: str
    severity: str
    finding: str
    sql: str = ""
    exit_code: int = 4


@dataclass(frozen=True)
class Capabilities:
    """What a server can do, asked of the server itself (never inferred from a product's name elsewhere).

    `release` is YugabyteDB's own version ("2025.1.0.0"), None on plain PostgreSQL. The flags say: build indexes and
    keys before the data; index builds are online, so one that is cut off leaves an invalid index; several statements
    of DDL and rows beside them are one transaction, and sessions may run such at the same time; COPY takes
    ROWS_PER_TRANSACTION; COPY is known to take its binary form; the role may set session_replication_role, and write
    rows outside of distributed transactions; a range of ctids is read without a full scan; snapshots can be exported to
    other sessions; the server is a standby; its write counters tell whether a table was written; the first key of an
    index is hashed unless it has an order; tables of the database share one tablet unless they say WITH (colocation =
    false); the server lists its cluster's nodes, and how busy they are. `facts` holds what is only shown.
    """

    version: str
    version_number: int
    release: str | None = None
    indexes_before_data: bool = False
    concurrent_index_builds: bool = False
    transactional_ddl: bool = False
    copy_rows_per_transaction: bool = False
    binary_copy: bool = True
    replication_role: bool = False
    fast_writes: bool = False
    tid_range_scans: bool = True
    exported_snapshots: bool = True
    read_only_standby: bool = False
    write_counters: bool = True
    hash_sharding: bool = False
    colocation: bool = False
    lists_nodes: bool = False
    shows_load: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Capabilities:
        """Rebuild what was kept with a migration; flags of another version are ignored or take their default."""
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in saved.items() if name in known})


@dataclass(frozen=True)
class ChunkRange:
    """The part of one table that a chunk holds. `predicate` is SQL over the table's own columns, "" for all of it;
    made by the source from numbers of its catalog, never from text of a user."""

    table: TableName
    ordinal: int
    predicate: str = ""
    rows_estimated: int = 0
    bytes_estimated: int = 0


@dataclass(frozen=True)
class WriteCounter:
    """How often a table has been written, by the server's own counters. Equal counters at two times mean: not
    written between them. `identity` changes when the table was truncated, rewritten or its counters were reset."""

    writes: int
    identity: str


@dataclass(frozen=True)
class Unreported:
    """Sessions that may have committed writes which no counter shows yet. `hidden` are those whose state the role that
    asks may not see, for want of `grant`."""

    busy: tuple[str, ...]
    hidden: tuple[str, ...]
    grant: str


class SentRows(Protocol):
    """The rows of one part on their way. `count` is how many the source says it sent, known when they are over: who
    takes them compares it with what has come."""

    count: int

    def __aiter__(self) -> AsyncIterator[bytes | bytearray]: ...


class Snapshot(Protocol):
    """One consistent view of the source that many connections read."""

    id: str
    taken_at: str

    def read(self, table: Table, part: ChunkRange, *, binary: bool = False) -> AbstractAsyncContextManager[SentRows]:
        """Stream the part as COPY text, each item a whole number of rows (each row ends in a newline), or in COPY's
        binary form, whose items end anywhere between rows.

        The connection is one of the snapshot's own pool, returned when the context ends.
        """
        ...


class Source(Protocol):
    """The database we read."""

    endpoint: Endpoint

    def probe(self) -> Capabilities: ...

    def preflight(self, phase: str) -> list[Check]:
        """The guardrails of `phase` (a phase's name) on this source."""
        ...

    def read_catalog(self) -> Catalog:
        """Every relation of the chosen schemas (all but the server's own when none are chosen)."""
        ...

    def export_ddl(self, *, owners: bool, grants: bool, comments: bool) -> str:
        """The schema as SQL text in an order that can be executed."""
        ...

    def plan_chunks(self, table: Table, chunk_bytes: int) -> list[ChunkRange]: ...

    def open_snapshot(self, tables: Sequence[Table], connections: int) -> AbstractAsyncContextManager[Snapshot]:
        """Open a snapshot for `connections` readers; the tables are locked against DDL while it is open."""
        ...

    def write_counters(
        self, tables: Iterable[TableName], *, settled: bool = True, since: datetime | None = None
    ) -> dict[TableName, WriteCounter] | None:
        """Counters of every table, or None when this server cannot tell.

        `settled` waits (seconds) for writes that sessions have not reported yet; without it the answer is a first look.
        `since` is for a decision: the moment of the reading that this one is compared with. None is the answer then
        while sessions may have committed writes after it that they have not reported.
        """
        ...

    def read_unreported(self, since: datetime) -> Unreported:
        """The sessions for whose sake write_counters() gave no answer."""
        ...

    def close(self) -> None: ...


# Questions whose answers weigh what was found, or that the schema itself answers as well.
_MEASURED = {
    "table-row-counts",
    "table-index-sizes",
    "table-columns-count",
    "table-index-usage-stats",
    "redundant-indexes",
}


@dataclass(frozen=True)
class Question:
    """One question to a source's own catalog, and so one metadata file `<name>.csv`.

    `sql` is the text that every carrier runs unchanged. `numbers` are those of `columns` that hold numbers (the others
    are text). `nodes` is "primary", or "all" for what every replica is asked too. `moment` is "initial" or "final" for
    the pair that measures load over time. `what` tells a DBA what is read, `needs` which privilege or extension it
    takes, `grant` is SQL that gives it ({role} stands for who asks). `weakens` says what an assessment without the
    answer cannot tell; `step` is the line of the progress panel that the question belongs to.

    Where `holds` is given, the last of `columns` is a JSON object and `holds` names what is taken from it; a file may
    have those as plain columns instead, without some of the numbers. `renamed` pairs a column's older name with the one
    that counts.
    """

    name: str
    columns: tuple[str, ...]
    sql: str
    what: str
    required: bool = True
    nodes: str = "primary"
    moment: str = ""
    needs: str = ""
    numbers: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    grant: str = ""
    weakens: str = ""
    step: str = "Read the catalog"

    @property
    def hides_issues(self) -> bool:
        """Whether there may be issues that nobody finds without the answer: what is only measured hides none."""
        return not self.moment and self.name not in _MEASURED


@dataclass(frozen=True)
class Gap:
    """Something that an assessment cannot look at: why, the SQL that would allow it, what is less certain without it.
    `questions` names those that get no answer because of it. `hides_issues` says that there may be issues that nobody
    finds for want of it, so that all counts of them are the least."""

    what: str
    reason: str
    sql: str = ""
    weakens: str = ""
    questions: tuple[str, ...] = ()
    hides_issues: bool = True


class AssessedSource(Protocol):
    """A database that we look at before there is any target. Nothing is written to it."""

    endpoint: Endpoint

    def probe(self) -> Capabilities: ...

    def preflight(self, phase: str) -> list[Check]:
        """The guardrails of `phase` (ASSESS) on this source."""
        ...

    def facts(self) -> dict[str, Any]:
        """What metadata/database.json says of the database itself: engine, database, version, schemas and more."""
        ...

    def questions(self) -> Sequence[Question]: ...

    def ask(self, question: Question, *, node: str = "primary") -> Iterator[tuple[str | None, ...]]:
        """The rows, each value as text, None for NULL. Raises PermissionMissing, UsageError (there is no such thing
        here) and the like for this question alone, DatabaseAway when no other would be answered either."""
        ...

    def ddl(self) -> str:
        """The schema as SQL text, "" where the answers themselves are judged."""
        ...

    def replicas(self) -> list[Endpoint]:
        """The replicas that the source knows of and that can be reached by what it says."""
        ...

    def close(self) -> None: ...


Execute = Callable[..., Awaitable[Any]]
"""`await execute(sql, *args)` on one connection, `$1`-style parameters; returns the first row or None."""
