"""Connections to the target are cut at every stage of a transaction, on every way that rows take."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults.loads import WAYS, Ground, any_table, ground, seeds
from tests.faults.proxy import Fault, Stage
from voyager.embedded import Server


@pytest.fixture(scope="module")
def place(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(source_server, target_server, tmp_path_factory.mktemp("cuts")) as made:
        yield made


@pytest.mark.parametrize("seed", seeds(fast=len(WAYS)))
def test_cuts_at_each_stage_lose_no_row_and_double_none(place: Ground, seed: int) -> None:
    """One cut at each stage in every run: of one connection or of all, with FIN or with RST."""
    way, chance = place.ready(WAYS[seed % len(WAYS)]), random.Random(f"cut {seed}")
    faults = [Fault(stage, *any_table(chance), chance.random() < 0.5, chance.random() < 0.5) for stage in Stage]
    place.proxy.plan(*faults)
    way.move()
    assert [fault.fired for fault in faults] == [1] * len(Stage), faults
    way.assert_each_row_once()
