"""MergeFill: rows whose key may be there already, brought in beside or over what is."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from voyager.identifiers import Identifier, TableName, quote_literal
from voyager.postgres import bulk
from voyager.target.fill import Filled, Load, left_out, stream
from voyager.target.shape import TargetTable

STAGE = TableName("pg_temp", "ybvoyager_stage")
PLACES = TableName("pg_temp", "ybvoyager_places")
PLACES_CACHED = 20_000
"""Numbers that a session takes of the sequence at once: a distributed one is asked over the network."""


class MergeFill:
    """COPY into a temporary table, and from there INSERT … ON CONFLICT on the primary key.

    The temporary table is made before the transaction, for it is DDL; a column beside the batch's counts the rows as
    they come. Of rows with the same key in one batch the last one is brought in with `update`, else the first: the
    table is then as row after row would have left it, however the rows are cut into batches. So is what is counted: a
    row whose place a later one took is one of those that are in, and the later one has updated it (or was ignored).
    Only what is refused may differ: rows that stand back for another one of their batch are not judged.

    With `update` a batch that meets existing keys is inserted twice, first leaving those alone: the difference is how
    many there were, on any server. Of a table that is all key there is nothing to update.
    """

    def __init__(self, table_of: Callable[[TableName], TargetTable], *, update: bool) -> None:
        self._table_of = table_of
        self._update = update
        self._staged: WeakKeyDictionary[bulk.Connection, tuple[TableName, tuple[str, ...]]] = WeakKeyDictionary()

    async def prepare(self, connection: bulk.Connection, batch: Load) -> None:
        shape = (batch.table, batch.columns)
        if self._staged.get(connection) == shape:
            return
        self._staged.pop(connection, None)
        place = _place(batch.columns)
        await connection.execute(f"DROP TABLE IF EXISTS {STAGE.sql}")
        await connection.execute(
            f"CREATE TEMPORARY SEQUENCE IF NOT EXISTS {Identifier(PLACES.name).sql} CACHE {PLACES_CACHED}"
        )
        await connection.execute(
            f"CREATE TEMPORARY TABLE {Identifier(STAGE.name).sql} ON COMMIT DELETE ROWS AS "
            f"SELECT {_listed(batch.columns)}, 0::bigint AS {place} "
            f"FROM ONLY {batch.table.sql} WITH NO DATA"
        )
        await connection.execute(
            f"ALTER TABLE {STAGE.sql} ALTER COLUMN {place} SET DEFAULT pg_catalog.nextval({quote_literal(PLACES.sql)})"
        )
        self._staged[connection] = shape

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        taken = await bulk.copy_in(connection, STAGE, batch.columns, stream(batch.pieces()), options=batch.options)
        if taken != batch.rows:
            raise left_out(batch, taken)
        updates = self._update and bool(set(batch.columns) - set(self._table_of(batch.table).key))
        inserted = bulk.rows_of(await connection.execute(self._insert(batch, update=False)))
        again = batch.rows - inserted
        if again and updates:
            await self._write_over(connection, batch, inserted)
        # Other rows of the same transaction may come through the same table.
        await connection.execute(f"DELETE FROM {STAGE.sql}")
        return Filled(rows=batch.rows, updated=again) if updates else Filled(rows=inserted, ignored=again)

    async def _write_over(self, connection: bulk.Connection, batch: Load, inserted: int) -> None:
        """Update the keys that were there before the batch, if there are such: it may have met only its own."""
        apart = self._told_apart_by(batch)
        keys = await connection.fetchval(f"SELECT count(*) FROM (SELECT DISTINCT {apart} FROM {STAGE.sql}) AS keys")
        if keys == inserted:
            return
        written = bulk.rows_of(await connection.execute(self._insert(batch, update=True)))
        if written != keys:
            raise left_out(batch, batch.rows - keys + written)

    def _insert(self, batch: Load, *, update: bool) -> str:
        table = self._table_of(batch.table)
        names = _listed(batch.columns)
        settable = [Identifier(name).sql for name in batch.columns if name not in table.key]
        action = f"UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in settable)}" if update else "NOTHING"
        apart, last = self._told_apart_by(batch), " DESC" * self._update
        return (
            f"INSERT INTO {batch.table.sql} ({names}) OVERRIDING SYSTEM VALUE "
            f"SELECT DISTINCT ON ({apart}) {names} FROM {STAGE.sql} ORDER BY {apart}, {_place(batch.columns)}{last} "
            f"ON CONFLICT ({_listed(table.key)}) DO {action}"
        )

    def _told_apart_by(self, batch: Load) -> str:
        """What only one row of a batch may have: the key, or the place where the server makes a part of the key."""
        key, place = self._table_of(batch.table).key, _place(batch.columns)
        if not set(key) <= set(batch.columns):
            return place
        made = " OR ".join(f"{Identifier(name).sql} IS NULL" for name in key)
        return f"{_listed(key)}, CASE WHEN {made} THEN {place} END"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(Identifier(name).sql for name in names)


def _place(columns: tuple[str, ...]) -> str:
    """The column that counts the rows; none of the table's is called so."""
    name = "ybvoyager_place"
    while name in columns:
        name += "_"
    return Identifier(name).sql
