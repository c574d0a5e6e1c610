"""Assessment: everything that was concluded about one source before any target exists; values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voyager.assessment.sizing import Sizing
    from voyager.schema.analyze import Finding

LOW, MEDIUM, HIGH, NOT_AVAILABLE = "LOW", "MEDIUM", "HIGH", "NOT AVAILABLE"


@dataclass(frozen=True)
class SourceFacts:
    """What was assessed: the database and the nodes that its figures come from.

    `schemas` are those that were looked at. `nodes` names each node, "primary" first; replicas add their reads.
    `collected_at` is an ISO-8601 UTC time, "" when the metadata does not tell.
    """

    engine: str
    database: str
    version: str
    schemas: tuple[str, ...] = ()
    url: str = ""
    nodes: tuple[str, ...] = ("primary",)
    collected_at: str = ""
    capture_seconds: int | None = None


@dataclass(frozen=True)
class ObjectCount:
    """How many objects of one type there are; `invalid` of them have at least one finding."""

    object_type: str
    names: tuple[str, ...]
    invalid: int = 0
    details: str = ""


@dataclass(frozen=True)
class ObjectStatistics:
    """Size and load of one table, materialized view or index. None means that it was not measured.

    Rates are per second over the capture interval, reads of all nodes, writes of the primary. `object_type` is that of
    the metadata file (table, partitioned table, primary key, index, partitioned index, materialized view).
    """

    schema: str
    name: str
    object_type: str
    is_index: bool = False
    parent_table: str | None = None
    rows: int | None = None
    columns: int | None = None
    size_bytes: int | None = None
    reads_per_second: float | None = None
    writes_per_second: float | None = None
    reads_by_node: dict[str, float] = field(default_factory=dict)
    """Node name -> reads per second."""
    partition_of: str | None = None
    """Of a partition of Oracle its table: only that has indexes there."""

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Complexity:
    """How much work the migration is: `level` is LOW, MEDIUM, HIGH or NOT AVAILABLE, `explanation` the sentence that
    says why. `effort_days` is an estimate in person-days where code objects were counted, `effort` its parts.
    `not_counted` findings make nothing harder and are not in the numbers of the sentence."""

    level: str
    explanation: str
    effort_days: float | None = None
    effort: tuple[Effort, ...] = ()
    not_counted: int = 0


@dataclass(frozen=True)
class Effort:
    """The part of one kind of object in the effort: how many there are and how many person-days they take."""

    kind: str
    count: int
    days: float
    invalid: int = 0


@dataclass(frozen=True)
class Note:
    """A sentence for the reader; `type` is GeneralNotes, ColocatedShardedNotes or SizingNotes."""

    type: str
    text: str


@dataclass(frozen=True)
class Missing:
    """What could not be looked at, why, and the SQL that would allow it; `weakens` says what is less certain, and
    `hides_issues` that there may be issues that nobody found because of it."""

    what: str
    reason: str
    sql: str = ""
    weakens: str = ""
    hides_issues: bool = False


@dataclass(frozen=True)
class RedundantIndex:
    """An index that another one makes superfluous; both as "schema.index" with their DDL.

    Two indexes can be the same "a.b.c": `schema` and `name` are this one's, by which the statistics have it too; its
    table and the one that stays are in the same schema, by `table_name` and `existing_name`.
    """

    table: str
    index: str
    ddl: str
    existing: str
    existing_ddl: str
    size_bytes: int | None = None
    schema: str = ""
    name: str = ""
    table_name: str = ""
    existing_name: str = ""


@dataclass(frozen=True)
class Assessment:
    """The whole report, before it is written as JSON or HTML."""

    source: SourceFacts
    target_version: str
    assessed_at: str
    complexity: Complexity
    objects: tuple[ObjectCount, ...]
    findings: tuple[Finding, ...]
    statistics: tuple[ObjectStatistics, ...]
    sizing: Sizing
    notes: tuple[Note, ...] = ()
    missing: tuple[Missing, ...] = ()
    redundant_indexes: tuple[RedundantIndex, ...] = ()
    range_indexes: tuple[str, ...] = ()
    """Secondary indexes that should be range-sharded on the target: "schema.index"."""
    range_index_keys: tuple[tuple[str, str], ...] = ()
    """The same with schema and name apart, where the source has SQL names like the target's."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What an engine adds for its own page: shown, never judged."""
