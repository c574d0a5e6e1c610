"""Line: one worker's connection to the target, to the node that has the fewest; opened anew after it broke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, VoyagerError
from voyager.postgres import bulk
from voyager.target.nodes import Nodes

ROLLBACK_SECONDS = 10.0
END_SECONDS = 5.0
_BROKEN = "a connection to it broke."


class Line:
    """Connects when first asked. `announce` is awaited with pid and backend_start of every new connection before it
    does anything, so that whoever takes our lease over can end it."""

    def __init__(
        self,
        nodes: Nodes,
        purpose: str,
        *,
        settings: Mapping[str, str],
        announce: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._nodes = nodes
        self._purpose = purpose
        self._settings = settings
        self._announce = announce
        self._node: Endpoint | None = None
        self._connection: bulk.Connection | None = None

    @property
    def open(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def connected(self) -> bulk.Connection:
        """The connection; raises DatabaseAway, and for a node that refuses us while others are there too."""
        if self._connection is None or self._connection.is_closed():
            self._leave(broken=_BROKEN)
            connection = await self._connect()
            try:
                await self._announce(await bulk.backend_of(connection))
            except BaseException:
                connection.terminate()
                self._leave()
                raise
            self._connection = connection
        return self._connection

    async def roll_back(self) -> bool:
        """Make the connection usable again, or drop it; False when there is none any more."""
        connection = self._connection
        if connection is None or connection.is_closed():
            self._leave(broken=_BROKEN)
            return False
        try:
            await connection.execute("ROLLBACK", timeout=ROLLBACK_SECONDS)
        except bulk.DRIVER_ERRORS:
            connection.terminate()
            self._leave(broken=_BROKEN)
            return False
        return True

    async def end(self) -> None:
        """Have the server end what it does for us, then drop the connection: rows that it was sent and has not looked
        at would keep it, and its locks, for as long as they last."""
        connection = self._connection
        if connection is not None and not connection.is_closed():
            with suppress(Exception):
                await connection.close(timeout=END_SECONDS)
        self.close()

    def close(self) -> None:
        """Drop the connection; what was not committed is rolled back by the server."""
        if self._connection is not None:
            self._connection.terminate()
        self._leave()

    async def _connect(self) -> bulk.Connection:
        node = self._node = self._nodes.take()
        try:
            connection = await bulk.connect(node, self._purpose, settings=self._settings)
        except VoyagerError as error:
            self._leave(broken=error.message)
            if self._nodes.has_another(node):
                raise DatabaseAway(error.message, error.hint) from None
            raise
        self._nodes.answered(node)
        return connection

    def _leave(self, *, broken: str = "") -> None:
        """Forget the connection and give its place back; a node whose connection broke is left out for a while."""
        node, self._node, self._connection = self._node, None, None
        if node is not None and broken:
            self._nodes.lost(node, broken)
        elif node is not None:
            self._nodes.give_back(node)
