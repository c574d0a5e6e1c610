"""The network between us and the target swallows everything for a while, without a word, or is very slow."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults.loads import NAMES, WAYS, Ground, any_table, ground, seeds
from tests.faults.proxy import Fault, Slowness, Stage
from voyager.embedded import Server

IMPATIENT = "?connect_timeout=2&keepalives_idle=1&keepalives_interval=1&keepalives_count=1&tcp_user_timeout=1500"
"""What the product does within a minute, within seconds."""


@pytest.fixture(scope="module")
def place(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(source_server, target_server, tmp_path_factory.mktemp("silence")) as made:
        yield made


def silenced(place: Ground, seed: int, *, seconds: float, options: str = "") -> None:
    """No packet is answered for so long, from a stage of a transaction on. The connections that were there then are
    never heard of again, as where a firewall forgot them: neither by us nor by the server."""
    way, chance = place.ready(WAYS[seed % len(WAYS)]), random.Random(f"silence {seed}")
    way.options = options
    # What an unfinished transaction wrote into a table with a key stands in the way of the next try.
    stage, table = (Stage.AMID_ROWS, NAMES[1]) if seed < len(WAYS) else (chance.choice(list(Stage)), "")
    fault = Fault(stage, 1, table, silence=seconds) if table else Fault(stage, *any_table(chance), silence=seconds)
    place.proxy.plan(fault)
    way.move(timeout=seconds + 90)
    assert fault.fired
    assert place.proxy.silenced
    assert place.proxy.after_silence
    way.assert_each_row_once()


@pytest.mark.parametrize("seed", seeds())
def test_connections_that_are_never_heard_of_again_are_given_up(place: Ground, seed: int) -> None:
    silenced(place, seed, seconds=random.Random(seed).uniform(1.5, 3.0), options=IMPATIENT)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(len(WAYS)))
def test_a_minute_of_silence_is_waited_for(place: Ground, seed: int) -> None:
    """With the patience that the product has by itself."""
    silenced(place, seed, seconds=60.0)


@pytest.mark.parametrize("seed", seeds())
def test_a_slow_network_only_takes_longer(place: Ground, seed: int) -> None:
    """Messages come late and in fragments, which end anywhere."""
    way, chance = place.ready(WAYS[(seed + 1) % len(WAYS)]), random.Random(f"slow {seed}")
    place.proxy.slowness = Slowness(delay=chance.uniform(0.0002, 0.001), segment=chance.randint(700, 3000))
    way.move()
    assert place.proxy.pieces > 600_000 / place.proxy.slowness.segment
    way.assert_each_row_once()
