"""MergeFill: rows whose key may be there already, brought in beside or over what is."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from voyager.identifiers import Identifier, TableName
from voyager.postgres import bulk
from voyager.target.fill import Filled, Load, left_out, stream
from voyager.target.shape import TargetTable

STAGE = TableName("pg_temp", "ybvoyager_stage")


class MergeFill:
    """COPY into a temporary table, and from there INSERT … ON CONFLICT on the primary key.

    The temporary table is made before the transaction, for it is DDL. With `update` a batch that meets existing keys is
    inserted twice, first leaving those alone: the difference is how many there were, on any server. Of a table that is
    all key there is nothing to update.
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
        await connection.execute(f"DROP TABLE IF EXISTS {STAGE.sql}")
        await connection.execute(
            f"CREATE TEMPORARY TABLE {Identifier(STAGE.name).sql} ON COMMIT DELETE ROWS AS "
            f"SELECT {_listed(batch.columns)} FROM ONLY {batch.table.sql} WITH NO DATA"
        )
        self._staged[connection] = shape

    async def fill(self, connection: bulk.Connection, batch: Load) -> Filled:
        taken = await bulk.copy_in(connection, STAGE, batch.columns, stream(batch.pieces()), options=batch.options)
        if taken != batch.rows:
            raise left_out(batch, taken)
        inserted = bulk.rows_of(await connection.execute(self._insert(batch, update=False)))
        there = batch.rows - inserted
        written = 0
        if there and self._update and set(batch.columns) - set(self._table_of(batch.table).key):
            written = bulk.rows_of(await connection.execute(self._insert(batch, update=True)))
            if written != batch.rows:
                raise left_out(batch, written)
        # Other rows of the same transaction may come through the same table.
        await connection.execute(f"DELETE FROM {STAGE.sql}")
        return Filled(rows=batch.rows, updated=there) if written else Filled(rows=inserted, ignored=there)

    def _insert(self, batch: Load, *, update: bool) -> str:
        table = self._table_of(batch.table)
        names = _listed(batch.columns)
        settable = [Identifier(name).sql for name in batch.columns if name not in table.key]
        action = f"UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in settable)}" if update else "NOTHING"
        return (
            f"INSERT INTO {batch.table.sql} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {STAGE.sql} "
            f"ON CONFLICT ({_listed(table.key)}) DO {action}"
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(Identifier(name).sql for name in names)
