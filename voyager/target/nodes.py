"""Nodes: which of a target's nodes a new connection goes to, and which are left out for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.identifiers import visible
from voyager.ports import Capabilities
from voyager.postgres.connection import Connection, DriverError
from voyager.target.cluster import Node, read_nodes

OUT_SECONDS = 10.0
LONGEST_OUT = 120.0
_HIDDEN = ("hostaddr", "service", "load_balance_hosts", "target_session_attrs")
"""Connection options that would lead to another server than the node."""


@dataclass
class _Standing:
    """One node: how many connections of ours it has, since when it is left out and for how long."""

    endpoint: Endpoint
    connections: int = 0
    out_until: float = 0.0
    out_for: float = 0.0


class Nodes:
    """Hands out where to connect: the reachable node with the fewest of our connections.

    A node that fails is left out for `out_seconds`, twice as long each time it fails again; when all are out, the one
    whose time is up first is tried all the same. Safe to share between threads.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        out_seconds: float = OUT_SECONDS,
        warn: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not endpoints:
            raise ValueError("a target has at least one node")
        self._nodes = [_Standing(endpoint) for endpoint in endpoints]
        self._out_seconds = out_seconds
        self._warn = warn
        self._clock = clock
        self._guard = threading.Lock()

    @property
    def count(self) -> int:
        return len(self._nodes)

    def connections(self) -> dict[str, int]:
        """Where our connections are, by host:port."""
        with self._guard:
            return {_place(node.endpoint): node.connections for node in self._nodes}

    def out(self) -> list[str]:
        """The nodes that are left out now."""
        with self._guard:
            now = self._clock()
            return [_place(node.endpoint) for node in self._nodes if node.out_until > now]

    def take(self) -> Endpoint:
        """Where the next connection goes; give_back() or lost() follows."""
        with self._guard:
            now = self._clock()
            there = [node for node in self._nodes if node.out_until <= now]
            chosen = (
                min(there, key=lambda node: node.connections)
                if there
                else min(self._nodes, key=lambda node: node.out_until)
            )
            chosen.connections += 1
            return chosen.endpoint

    def answered(self, endpoint: Endpoint) -> None:
        """A connection came about: what the node did before is forgotten."""
        with self._guard:
            node = self._find(endpoint)
            node.out_until = node.out_for = 0.0

    def give_back(self, endpoint: Endpoint) -> None:
        """A connection was closed."""
        with self._guard:
            node = self._find(endpoint)
            node.connections = max(0, node.connections - 1)

    def lost(self, endpoint: Endpoint, reason: str) -> None:
        """A connection broke or did not come about: the node is left out for a while."""
        with self._guard:
            node = self._find(endpoint)
            node.connections = max(0, node.connections - 1)
            now = self._clock()
            if node.out_until > now or len(self._nodes) == 1:
                # Connections that break together are one failure; and there is nowhere else to go.
                return
            node.out_for = min(LONGEST_OUT, node.out_for * 2 or self._out_seconds)
            node.out_until = now + node.out_for
            seconds = node.out_for
        self._warn(f"Node {_place(endpoint)} is left out for {seconds:.0f} s: {reason}")

    def has_another(self, endpoint: Endpoint) -> bool:
        """Whether a node other than this one is not left out now."""
        with self._guard:
            now = self._clock()
            return any(node.out_until <= now for node in self._nodes if node.endpoint != endpoint)

    def _find(self, endpoint: Endpoint) -> _Standing:
        return next(node for node in self._nodes if node.endpoint == endpoint)


def find_nodes(
    connection: Connection,
    endpoint: Endpoint,
    capabilities: Capabilities,
    *,
    given: Iterable[str] = (),
    use_public_ip: bool = False,
) -> list[Endpoint]:
    """Every address of the target that takes connections of ours: those given, else the nodes that the cluster lists,
    else the target's own.

    Where the target's own address is none of the listed nodes, it is a load balancer, or the nodes are listed by
    addresses of a network that we are not in: it alone is used then.
    """
    named = [_named(text, endpoint) for text in given]
    if named:
        return list(dict.fromkeys(named))
    try:
        listed = read_nodes(connection, capabilities)
    except DriverError:
        return [endpoint]
    places = [(node.public if use_public_ip and node.public else node.host, node.port) for node in listed]
    if use_public_ip or _is_listed(endpoint, listed):
        found = [_at(endpoint, host, port or endpoint.port) for host, port in places if host]
        return list(dict.fromkeys(found)) or [endpoint]
    return [endpoint]


def _named(text: str, endpoint: Endpoint) -> Endpoint:
    """`host:port`, `host`, `[address]:port`."""
    host, port = _written(text)
    return _at(endpoint, host, port or endpoint.port)


def check_named(given: Iterable[str]) -> None:
    """Raise UsageError for what is no address of a node, and when none of the hosts is known to this machine: all would
    be tried until the outage budget is spent."""
    hosts = [_written(text)[0] for text in given]
    if hosts and not any(host.startswith("/") or _addresses(host) for host in hosts):
        listed = ", ".join(map(visible, hosts))
        raise UsageError(
            f"--target-endpoints names {listed}: nothing is known on this machine under "
            f"{'that name' if len(hosts) == 1 else 'any of these names'}.",
            "Correct the names, or give addresses; or take it back with --target-endpoints '': then the nodes that the "
            "cluster lists are used.",
        )


def _written(text: str) -> tuple[str, int]:
    """Host and port of an entry; 0 where it names no port."""
    words = text.strip()
    host, _, port = words.rpartition(":") if words.count(":") == 1 or "]:" in words else (words, "", "")
    host = host.removeprefix("[").removesuffix("]")
    if not host or (port and not port.isdigit()) or not 0 <= int(port or 1) < 65536:
        raise UsageError(f"--target-endpoints holds {text!r}.", "Give host:port,host:port (a port may be left out).")
    return host, int(port or 0)


def _at(endpoint: Endpoint, host: str, port: int) -> Endpoint:
    options = tuple((name, value) for name, value in endpoint.options if name not in _HIDDEN)
    return replace(endpoint, host=host, port=port, options=options)


def _is_listed(endpoint: Endpoint, nodes: Iterable[Node]) -> bool:
    """Whether the target's address is one of its nodes', by name or by what the names stand for."""
    listed = list(nodes)
    if any(endpoint.host in (node.host, node.public) for node in listed):
        return True
    ours = _addresses(endpoint.host)
    return any(ours & _addresses(node.host) for node in listed)


def _addresses(host: str) -> set[str]:
    with contextlib.suppress(OSError, UnicodeError):
        if host and not host.startswith("/") and "," not in host:
            return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return set()


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}"
