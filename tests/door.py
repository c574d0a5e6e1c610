"""A door that chosen rows pass on their way into a table: a test keeps it shut, and who loads them waits until then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests import drive
from voyager.endpoint import Endpoint

# Whoever passes holds the lock for no longer than that, so that the door can be shut again at once.
PASSAGE = """
CREATE OR REPLACE FUNCTION public.passes_door(number int DEFAULT 1) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_lock_shared(4711, number);
    PERFORM pg_catalog.pg_advisory_unlock_shared(4711, number);
    RETURN true;
END $$"""
_NAME = "door_"
_WAITING = """
SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND objid = %s AND NOT granted
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"""


class Door:
    """Shut from its making on. Tests open it, or leave that to the end of `shut_door()`."""

    def __init__(self, endpoint: Endpoint, number: int = 1) -> None:
        self._endpoint, self._number = endpoint, number
        drive.execute(endpoint, PASSAGE)
        self._holder: psycopg.Connection[Any] | None = None
        self.shut()

    def waiting(self) -> list[int]:
        """The server processes that stand before it."""
        return [pid for (pid,) in drive.fetch(self._endpoint, _WAITING, [self._number])]

    def shut(self) -> None:
        self._holder = drive.connect(self._endpoint)
        self._holder.execute("SELECT pg_catalog.pg_advisory_lock(4711, %s)", [self._number])

    def open(self) -> None:
        if self._holder is not None:
            self._holder.close()


@contextmanager
def shut_door(endpoint: Endpoint, table: str = "", rows: str = "", *, number: int = 1) -> Iterator[Door]:
    """A door in the server, shut; rows of the table for which the condition holds must pass it from now on. Without a
    table it is for what the test makes call passes_door(). Doors that are there at once differ in their numbers."""
    door = Door(endpoint, number)
    try:
        if table:
            check = f"(({rows}) IS NOT TRUE) OR public.passes_door({number})"
            # Rows that are there already stay where they are.
            drive.execute(endpoint, f"ALTER TABLE {table} ADD CONSTRAINT {_NAME}{number} CHECK ({check}) NOT VALID")
        yield door
    finally:
        door.open()


def take_away(endpoint: Endpoint, table: str) -> None:
    """Let the table be as it was."""
    drive.execute(endpoint, f"ALTER TABLE {table} DROP CONSTRAINT {_NAME}1; DROP FUNCTION public.passes_door(int)")
