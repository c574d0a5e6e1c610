"""What a target says of its nodes: where they are, how busy they are, how many cores they have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from voyager.ports import Capabilities
from voyager.postgres.connection import Connection, DriverError, named_rows

# Read replicas take no writes. The functions are looked up on the role's search path, as in the probe.
NODES = "SELECT host, port, public_ip FROM yb_servers() WHERE node_type = 'primary' ORDER BY host, port"
LOAD = "SELECT uuid, metrics::pg_catalog.text AS metrics FROM yb_servers_metrics() WHERE status = 'OK'"
# With a length, for a file of /proc has none of its own.
CORES = "SELECT pg_catalog.pg_read_file('/proc/cpuinfo', 0, 4000000)"
_PROCESSOR = re.compile(r"^processor\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One node as the cluster lists it."""

    host: str
    port: int
    public: str = ""


@dataclass(frozen=True)
class Load:
    """The worst of all nodes: share of the processors in use, share of the memory that is free (None: not told)."""

    cpu: float | None
    memory_free: float | None


def read_nodes(connection: Connection, capabilities: Capabilities) -> list[Node]:
    """The nodes that take writes; none where the server knows of none but itself."""
    if not capabilities.lists_nodes:
        return []
    return [Node(row.host or "", int(row.port or 0), row.public_ip or "") for row in named_rows(connection, NODES)]


def read_load(connection: Connection, capabilities: Capabilities) -> Load | None:
    """How busy the cluster is now, None where the server does not show it."""
    if not capabilities.shows_load:
        return None
    nodes = [load for row in named_rows(connection, LOAD) if (load := _load(row.metrics)) is not None]
    return Load(
        max((load.cpu for load in nodes if load.cpu is not None), default=None),
        min((load.memory_free for load in nodes if load.memory_free is not None), default=None),
    )


def read_cores(connection: Connection, nodes: int) -> int | None:
    """The cores of the whole cluster, taking all nodes for equal; None where this role may not read it."""
    try:
        row = connection.execute(CORES).fetchone()
    except DriverError:
        return None
    found = len(_PROCESSOR.findall(row[0])) if row and row[0] else 0
    return found * max(1, nodes) or None


def _load(metrics: str | None) -> Load | None:
    import json

    try:
        told: dict[str, Any] = json.loads(metrics or "{}")
        return Load(_cpu(told), _memory(told))
    except (ValueError, TypeError, AttributeError):
        return None


def _cpu(told: dict[str, Any]) -> float | None:
    used = [told.get("cpu_usage_user"), told.get("cpu_usage_system")]
    return sum(float(one) for one in used if one is not None) if any(one is not None for one in used) else None


def _memory(told: dict[str, Any]) -> float | None:
    """What is free of the machine's memory, or of what the server allows itself: whichever is less."""
    free = []
    if float(told.get("memory_total") or 0) > 0 and float(told.get("memory_available") or 0) > 0:
        # A platform that cannot tell says 0.
        free.append(float(told["memory_available"]) / float(told["memory_total"]))
    limit = float(told.get("tserver_root_memory_soft_limit") or 0)
    if limit > 0 and told.get("tserver_root_memory_consumption") is not None:
        free.append(max(0.0, 1 - float(told["tserver_root_memory_consumption"]) / limit))
    return min(free, default=None)
