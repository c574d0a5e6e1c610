"""Progress: what a running phase tells about one table or step. The engine emits values; only cli draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableProgress:
    """The absolute standing of one table (or step) in one phase; a later value replaces an earlier one.

    Rows and bytes are totals since the phase's first attempt. `status` is QUEUED, the phase's own verb
    (EXPORTING, LOADING, VERIFYING, BUILDING), WAITING, DONE, SKIPPED or FAILED. Chunks are counted where a table is
    moved in chunks; their total is None while it is not known. `rows_kept` of the rows were done by an earlier attempt:
    they are no part of the pace.
    """

    schema: str
    table: str
    status: str
    rows_done: int = 0
    rows_total: int | None = None
    rows_estimated: int | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
    rows_quarantined: int = 0
    message: str = ""
    chunks_done: int = 0
    chunks_total: int | None = None
    rows_kept: int = 0


Report = Callable[[TableProgress], None]
"""Handlers call it as often as they like; it coalesces and never blocks on the database."""


@dataclass(frozen=True)
class Pacing:
    """How fast a running phase goes: how many workers may work now and at most, by which rule, and why it is so many.

    `mode` is balanced, aggressive, or fixed. `nodes` holds our connections by host:port where a target has several.
    `paused` says since when and by whom it is held, "" while it is not; `resume` is the command that ends that.
    `retries` counts what was tried again in this run by its class; `retried_tables` are the tables that it was most
    often, each with its `schema`, `table` and `retries`.
    """

    workers: int
    most: int
    mode: str
    why: str = ""
    nodes: Mapping[str, int] = field(default_factory=dict)
    paused: str = ""
    resume: str = ""
    retries: Mapping[str, int] = field(default_factory=dict)
    retried_tables: tuple[Mapping[str, Any], ...] = ()
