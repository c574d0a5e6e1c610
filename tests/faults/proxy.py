"""A TCP proxy that reads PostgreSQL's protocol: it cuts, silences or slows connections at the message a test names."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import enum
import socket
import struct
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

_CANCEL, _ENCRYPTION = 80877102, {80877103, 80877104}
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of the kernel's packet filter: of every packet keep no byte."""

_AT_ONCE = struct.pack("ii", 1, 0)


class Stage(enum.Enum):
    """Where a transaction that loads rows can be struck."""

    BEFORE_COPY = "the COPY statement came and is not passed on"
    AMID_ROWS = "half of a message of rows was passed on"
    BEFORE_COMMIT = "all rows are there; COMMIT came and is not passed on"
    COMMIT_UNANSWERED = "the server committed; its answer is not passed on"


@dataclass
class Fault:
    """What happens at which occasion (from 1 on) of a stage, counted over all connections, once.

    `table` is a part of the COPY statement. `reset` breaks the connection with RST rather than FIN, `everyone` all
    connections and not this one alone. `silence` seconds nothing is answered at all instead, neither a packet of the
    connections that are there (those never again) nor a new connection.
    """

    stage: Stage
    occasion: int = 1
    table: str = ""
    reset: bool = False
    everyone: bool = False
    silence: float = 0.0
    seen: int = 0
    fired: int = 0

    def due(self, stage: Stage, copying: str) -> bool:
        if self.fired or stage is not self.stage or self.table not in copying:
            return False
        self.seen += 1
        self.fired = int(self.seen >= self.occasion)
        return bool(self.fired)


@dataclass(frozen=True)
class Slowness:
    """Every piece of at most `segment` bytes takes `delay` seconds, in each direction of each connection."""

    delay: float
    segment: int


class _Channel:
    """One connection through the proxy. `copying` is its last COPY statement, until its transaction is over."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.copying = ""
        self.committing = False
        self.unencrypted = 0
        self.lost = False
        self.over = asyncio.Event()


class Proxy:
    """Listens on a port of its own before one server. `came` counts connections, `after_silence` those that came when a
    silence was over, `pieces` what was slowed."""

    def __init__(self, port: int) -> None:
        self.came = self.after_silence = self.pieces = self.silenced = 0
        self.slowness: Slowness | None = None
        self._faults: list[Fault] = []
        self._behind = port
        self._channels: set[_Channel] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listener.getsockname()[1])
        self._server = self._do(asyncio.start_server(self._serve, sock=self._listener))

    def plan(self, *faults: Fault) -> None:
        """What is to happen from now on; forgets what was planned and counted before, and ends a silence."""
        self._do(self._forget())
        self._faults = list(faults)

    def close(self) -> None:
        self.plan()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _forget(self) -> None:
        self.came = self.after_silence = self.pieces = self.silenced = 0
        self.slowness, self._faults = None, []
        _hear(self._listener)
        for channel in tuple(self._channels):
            self._break(channel)

    async def _end(self) -> None:
        self._server.close()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass(reader, client)
        finally:
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.came += 1
        self.after_silence += bool(self.silenced)
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            client.transport.abort()
            return
        for end in (client, server):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = _Channel(client, server)
        self._channels.add(channel)
        both = (self._upstream(channel, reader), self._downstream(channel, answers))
        ways = [asyncio.ensure_future(self._until_broken(channel, way)) for way in both]
        await channel.over.wait()
        self._channels.discard(channel)
        await asyncio.gather(*ways, return_exceptions=True)

    async def _until_broken(self, channel: _Channel, way: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await way
        # A connection that was silenced stays as it is: its end would be an answer.
        if not channel.lost:
            self._break(channel)

    async def _upstream(self, channel: _Channel, reader: asyncio.StreamReader) -> None:
        raw = await self._start(channel, reader)
        async for message in _whole(reader, raw=raw):
            kind, text = message[:1], message[5:]
            if kind == b"Q" and text.startswith(b"COPY ") and b" FROM STDIN" in text:
                channel.copying = text.decode(errors="replace")
                if self._struck(channel, Stage.BEFORE_COPY):
                    return
            if kind == b"d" and channel.copying and (fault := self._due(channel, Stage.AMID_ROWS)):
                await self._send(channel, channel.server, message[: len(message) // 2 + 1])
                self._strike(channel, fault)
                return
            if kind == b"Q" and text == b"COMMIT\0" and channel.copying:
                if self._struck(channel, Stage.BEFORE_COMMIT):
                    return
                channel.committing = True
            await self._send(channel, channel.server, message)

    async def _start(self, channel: _Channel, reader: asyncio.StreamReader) -> bool:
        """Pass on what comes before the first message; True for a request that is no session."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            channel.unencrypted += code in _ENCRYPTION
            await self._send(channel, channel.server, head + await reader.readexactly(length - 8))
            if code not in _ENCRYPTION:
                return bool(code == _CANCEL)

    async def _downstream(self, channel: _Channel, answers: asyncio.StreamReader) -> None:
        while (first := await answers.readexactly(1)) == b"N" and channel.unencrypted:
            channel.unencrypted -= 1
            await self._send(channel, channel.client, first)
        async for message in _whole(answers, first=first):
            if channel.committing and message[:1] == b"C":
                if self._struck(channel, Stage.COMMIT_UNANSWERED):
                    return
                channel.copying, channel.committing = "", False
            await self._send(channel, channel.client, message)

    async def _send(self, channel: _Channel, end: asyncio.StreamWriter, message: bytes) -> None:
        slowness = self.slowness
        if channel.lost:
            await channel.over.wait()
            return
        if slowness is None:
            end.write(message)
        else:
            for start in range(0, len(message), slowness.segment):
                end.write(message[start : start + slowness.segment])
                self.pieces += 1
                await asyncio.sleep(slowness.delay)
        await end.drain()

    def _due(self, channel: _Channel, stage: Stage) -> Fault | None:
        return next((fault for fault in self._faults if fault.due(stage, channel.copying)), None)

    def _struck(self, channel: _Channel, stage: Stage) -> bool:
        fault = self._due(channel, stage)
        if fault is not None:
            self._strike(channel, fault)
        return fault is not None

    def _strike(self, channel: _Channel, fault: Fault) -> None:
        if fault.silence:
            self._silence(fault.silence)
            return
        for one in tuple(self._channels) if fault.everyone else (channel,):
            self._break(one, reset=fault.reset)

    def _silence(self, seconds: float) -> None:
        """Let the kernel drop whatever comes from either end, so that not even a probe is acknowledged."""
        _be_deaf(self._listener)
        for channel in self._channels:
            channel.lost = True
            for end in (channel.client, channel.server):
                _be_deaf(end.get_extra_info("socket"))
            self.silenced += 1
        self._loop.call_later(seconds, _hear, self._listener)

    def _break(self, channel: _Channel, *, reset: bool = False) -> None:
        for end in (channel.client, channel.server):
            if reset:
                with contextlib.suppress(OSError):
                    end.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
            end.transport.abort()
        channel.over.set()


async def _whole(reader: asyncio.StreamReader, *, first: bytes = b"", raw: bool = False) -> AsyncIterator[bytes]:
    """The messages of a connection, each whole."""
    while True:
        if raw:
            if not (piece := await reader.read(1 << 16)):
                return
            yield piece
            continue
        head = first + await reader.readexactly(5 - len(first))
        first = b""
        yield head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


def _be_deaf(end: Any) -> None:
    program = ctypes.create_string_buffer(_DROP_ALL)
    end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))


def _hear(end: Any) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
