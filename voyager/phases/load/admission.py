"""Admission: which tables of the target may be loaded, and how, asked of its catalog for all tables at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from voyager.errors import BlockersFound, DatabaseAway, UsageError
from voyager.identifiers import TableName
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.load import held_rows
from voyager.phases.load.plan import Ledger
from voyager.phases.load.row_options import ERROR, STASH, UPDATE
from voyager.postgres.connection import Connection, DriverError
from voyager.postgres.failures import translate
from voyager.target.shape import TargetTable, look_for_rows, read_tables, rows_in

T = TypeVar("T")

LONGEST_PAUSE = 2.0
FAST_LOADED = "fast_loaded"
"""The setting that names tables whose rows may be in although the ledger does not know any of them yet."""


class Admission:
    """What the target's catalog says of the exported tables, asked when the first of them is about to be loaded."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._merging = job.options.on_primary_key_conflict != ERROR
        self._keys: dict[TableName, tuple[str, ...]] = {}
        self._tables: dict[TableName, TargetTable] | None = None
        self._refused: dict[TableName, BlockersFound] = {}
        self._locked: set[TableName] = set()
        self.fast: frozenset[TableName] = frozenset()

    def admit(self, table: TableName) -> None:
        """Raise BlockersFound when nothing may be loaded into the table."""
        if self._tables is None:
            self._look()
        if table in self._refused:
            raise self._refused[table]

    def is_known(self, table: TableName) -> bool:
        """Whether the table could be asked for rows. Where somebody locks it, it is asked again; that does not wait."""
        if table not in self._locked:
            return True
        holding, locked = self._ask(lambda connection: look_for_rows(connection, [table]))
        if not locked:
            self._judge(holding, self._tables or {})
            self._locked.discard(table)
        return not locked

    def table(self, name: TableName) -> TargetTable:
        return (self._tables or {}).get(name) or TargetTable(name)

    def key_of(self, name: TableName) -> tuple[str, ...]:
        """The columns of the primary key: the target's, or the source's where the target's is built after the data."""
        return self.table(name).key or self._keys.get(name, ())

    def _look(self) -> None:
        job = self._job
        attempt = ExportAttempt.load(job.export_dir.data)
        exported = {one.name: one.key for one in attempt.tables} if attempt else {}
        self._keys = exported
        loaded = Ledger.read(job).tables | fast_loaded(job)
        tables = self._ask(lambda connection: read_tables(connection, exported.keys()))
        new = [name for name in tables if name not in loaded]
        holding, self._locked = self._ask(lambda connection: look_for_rows(connection, new))
        self._judge(holding, tables)
        if self._merging:
            self._refused |= {name: found for name in tables if (found := self._unmergeable(tables[name])) is not None}
        if job.options.fast_load:
            self.fast = self._choose_fast(tables)
        self._tables = tables

    def _judge(self, holding: Collection[TableName], tables: Mapping[TableName, TargetTable]) -> None:
        """Tables that hold rows of others. With a key to go by, those are what was asked about, and are written down so
        that nobody empties them; without one the new rows would stand beside them."""
        kept = {name for name in holding if self._merging and tables[name].key}
        self._refused |= {
            name: _occupied(tables[name], keyed=not self._merging and bool(tables[name].key or self._keys.get(name)))
            for name in holding
            if name not in kept
        }
        held_rows.remember(self._job, kept)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        """Ask the target, and wait for it while it is away, as a batch would."""
        job, gives_up_at, pause = self._job, time.monotonic() + self._job.store.outage_budget, 0.1
        while True:
            try:
                with job.target.connect("import data") as connection:
                    return question(connection)
            except DatabaseAway as error:
                away = error
            except DriverError as error:
                translated = translate(error, "look at the tables that are loaded")
                if not isinstance(translated, DatabaseAway):
                    raise translated from None
                away = translated
            if time.monotonic() + pause > gives_up_at:
                raise away
            job.checkpoint()
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    def _unmergeable(self, table: TargetTable) -> BlockersFound | None:
        action = self._job.options.on_primary_key_conflict
        leave = f"Leave it out of this import, or run without --on-primary-key-conflict {action}."
        if not table.key:
            return (
                BlockersFound(
                    f"{table.name} has no primary key on the target: no row can be updated by it.",
                    f"Give it one, or use --on-primary-key-conflict ignore (its rows are then simply loaded). {leave}",
                )
                if action == UPDATE
                else None
            )
        if table.deferrable:
            return BlockersFound(
                f"The primary key of {table.name} is deferrable: it cannot tell which rows are there already.", leave
            )
        if action == UPDATE and (computed := sorted(table.always - set(table.key))):
            return BlockersFound(
                f"Column {computed[0]} of {table.name} is GENERATED ALWAYS AS IDENTITY and cannot be updated.", leave
            )
        return None

    def _choose_fast(self, tables: dict[TableName, TargetTable]) -> frozenset[TableName]:
        """The tables that lose nothing without distributed transactions. They are written down before their first row:
        a load that is cut off leaves rows behind that no ledger row vouches for, and that are written over again."""
        job = self._job
        chosen = frozenset(fast_tables(tables) - self._refused.keys())
        before = fast_loaded(job)
        if chosen - before:
            names = [[one.schema, one.name] for one in sorted(chosen | before)]
            job.store.migrations.save_settings(job.record.migration_uuid, {FAST_LOADED: names})
        slow = sorted(tables.keys() - chosen)
        if slow:
            job.warn(
                f"{len(chosen):,} tables are loaded without distributed transactions. Not these, which have no primary "
                f"key or another index: {', '.join(map(str, slow[:5]))}{' …' if len(slow) > 5 else ''}."
            )
        return chosen


def planned(job: Job) -> list[str]:
    """What the options change in the way rows come into their tables, for a plan."""
    options, lines = job.options, []
    if options.on_primary_key_conflict != ERROR:
        action = "updated by the new ones" if options.on_primary_key_conflict == UPDATE else "left as they are"
        lines.append(f"build primary keys first; rows of the target with the same primary key are {action}")
    if options.fast_load:
        attempt = ExportAttempt.load(job.export_dir.data)
        with job.target.connect("import data") as connection:
            tables = read_tables(connection, [table.name for table in attempt.tables] if attempt else [])
        fast = fast_tables(tables)
        lines += [
            f"load {name} without distributed transactions; rows under the same key are written over"
            if name in fast
            else f"load {name} in transactions as ever: it has no primary key, or another index"
            for name in sorted(tables)
        ]
    if options.error_policy == STASH:
        lines.append(f"set aside up to {options.max_quarantined:,} rows of a table that the target refuses")
    return lines


def check_fast_load(job: Job) -> None:
    """Raise UsageError where the target has no such settings."""
    if job.options.fast_load and not job.target.capabilities.fast_writes:
        raise UsageError(
            "--fast-load needs a target with the settings yb_disable_transactional_writes and yb_enable_upsert_mode.",
            "This one does not have them: run the command without --fast-load.",
        )


def fast_tables(tables: dict[TableName, TargetTable]) -> set[TableName]:
    """Those with a primary key and no other index: a row written again or over another leaves nothing else behind."""
    return {name for name, one in tables.items() if one.key and not one.deferrable and not one.indexes}


def fast_loaded(job: Job) -> frozenset[TableName]:
    """The tables that a --fast-load began with, finished or not."""
    return frozenset(TableName(*name) for name in job.record.settings.get(FAST_LOADED, ()))


def _occupied(table: TargetTable, *, keyed: bool) -> BlockersFound:
    """`keyed` says that the table has, or will have, a primary key by which its rows could be kept."""
    whole = rows_in(table.name, [table.name] if table.partitioned else ())
    keep = (
        "or keep its rows: --on-primary-key-conflict ignore (or update)."
        if keyed
        else "it has no primary key by which --on-primary-key-conflict could tell its rows from the new ones."
    )
    return BlockersFound(
        f"{table.name} holds rows that this migration did not load. None were added to it.",
        f"Empty it (TRUNCATE TABLE {whole};) and run the command again; {keep}",
    )
