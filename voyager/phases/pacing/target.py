"""What a phase that writes into the target needs of it before it begins: its nodes, its cores, how to ask its load."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.errors import VoyagerError
from voyager.phases.job import Job
from voyager.phases.pacing.control import Machines
from voyager.phases.pacing.live import LivePace
from voyager.phases.pacing.options import TargetLoad
from voyager.postgres.attempts import while_away
from voyager.postgres.connection import Connection, DriverError, connect
from voyager.target.cluster import Load, read_cores, read_load
from voyager.target.nodes import Nodes, find_nodes

if TYPE_CHECKING:
    from collections.abc import Callable

PURPOSE = "pace"


@dataclass(frozen=True)
class TargetPace:
    """The pace of one run, and where its connections go."""

    pace: LivePace
    nodes: Nodes


def target_pace(job: Job) -> TargetPace:
    """Ask the target once what it is, for the pace of a phase whose options are a TargetLoad."""
    options: TargetLoad = job.options
    capabilities = job.target.capabilities
    # Without what prepares a connection for DDL: the cluster's functions are where the role's search path finds them.
    with while_away(lambda: connect(job.target.endpoint, PURPOSE), job.store.outage_budget) as connection:
        found = find_nodes(
            connection,
            job.target.endpoint,
            capabilities,
            given=options.target_endpoints,
            use_public_ip=options.use_public_ip,
        )
        listed = int(capabilities.facts.get("nodes") or 0) or len(found)
        cores = read_cores(connection, listed)
    nodes = Nodes(found, warn=job.warn)
    machines = Machines(cores, listed, measured=capabilities.shows_load, own_cores=os.cpu_count() or 2)
    return TargetPace(
        LivePace(
            job,
            machines,
            load=_Load(job) if capabilities.shows_load else None,
            nodes=nodes.connections if nodes.count > 1 else dict,
        ),
        nodes,
    )


class _Load:
    """Asks the target on a connection of its own, which is opened again after it broke."""

    def __init__(self, job: Job) -> None:
        self._connect: Callable[[], Connection] = lambda: connect(job.target.endpoint, PURPOSE)
        self._capabilities = job.target.capabilities
        self._connection: Connection | None = None

    def read(self) -> Load | None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            return read_load(self._connection, self._capabilities)
        except (DriverError, VoyagerError):
            # Whoever loads tells that the target is away; this is only a look.
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
