"""Where connections go when a target has several nodes, and what a node that fails is spared."""

from __future__ import annotations

from typing import Any

import pytest

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.ports import Capabilities
from voyager.target.nodes import LONGEST_OUT, Nodes, find_nodes

OWN = Endpoint("yugabytedb", "10.0.0.1", 5433, "d", "u", options=(("hostaddr", "10.9.9.9"), ("options", "-c a=b")))
LISTS = Capabilities("15.2", 150002, lists_nodes=True)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Answers:
    """A connection whose cluster lists these nodes."""

    def __init__(self, *nodes: tuple[str, int, str]) -> None:
        self._nodes = nodes

    def cursor(self, *, row_factory: Any) -> Any:
        return self

    def execute(self, _query: bytes, _parameters: Any) -> Any:
        return self

    def fetchall(self) -> list[Any]:
        class Row:
            def __init__(self, host: str, port: int, public_ip: str) -> None:
                self.host, self.port, self.public_ip = host, port, public_ip

        return [Row(*node) for node in self._nodes]


def at(*hosts: str) -> list[Endpoint]:
    return [Endpoint("postgresql", host, 5433, "d", "u") for host in hosts]


def hosts(nodes: Nodes, times: int) -> list[str]:
    return [nodes.take().host for _ in range(times)]


def test_a_new_connection_goes_where_the_fewest_are() -> None:
    a, b, c = at("a", "b", "c")
    nodes = Nodes([a, b, c])
    assert sorted(hosts(nodes, 6)) == ["a", "a", "b", "b", "c", "c"]
    nodes.give_back(b)
    nodes.give_back(b)
    assert hosts(nodes, 3) == ["b", "b", "a"]
    assert nodes.connections() == {"a:5433": 3, "b:5433": 2, "c:5433": 2}


def test_a_node_that_fails_is_left_out_for_a_while_and_longer_each_time() -> None:
    clock, told = Clock(), list[str]()
    a, b = at("a", "b")
    nodes = Nodes([a, b], out_seconds=10, warn=told.append, clock=clock)
    assert hosts(nodes, 2) == ["a", "b"]
    nodes.lost(a, "it is gone")
    assert nodes.out() == ["a:5433"]
    assert told == ["Node a:5433 is left out for 10 s: it is gone"]
    assert hosts(nodes, 3) == ["b", "b", "b"]
    clock.now += 10
    assert nodes.take() == a
    nodes.lost(a, "still gone")
    clock.now += 19
    assert nodes.take() == b
    clock.now += 1
    assert nodes.take() == a


def test_a_node_that_answered_begins_with_a_clean_slate() -> None:
    clock = Clock()
    a, b = at("a", "b")
    nodes = Nodes([a, b], out_seconds=10, clock=clock)
    for _ in range(8):
        nodes.lost(a, "gone")
        clock.now += LONGEST_OUT
    assert nodes.take() == a
    nodes.answered(a)
    nodes.lost(a, "gone")
    clock.now += 10
    assert nodes.take() == a


def test_connections_that_break_together_are_one_failure() -> None:
    clock, told = Clock(), list[str]()
    a, b = at("a", "b")
    nodes = Nodes([a, b], out_seconds=10, warn=told.append, clock=clock)
    hosts(nodes, 4)
    nodes.lost(a, "cut")
    nodes.lost(a, "cut")
    assert len(told) == 1
    assert nodes.connections() == {"a:5433": 0, "b:5433": 2}
    clock.now += 10
    assert nodes.take() == a


def test_when_all_are_out_the_one_that_comes_back_first_is_tried() -> None:
    clock = Clock()
    a, b = at("a", "b")
    nodes = Nodes([a, b], out_seconds=10, clock=clock)
    nodes.lost(b, "gone")
    clock.now += 1
    nodes.lost(a, "gone")
    assert nodes.take() == b


def test_the_only_node_is_never_left_out() -> None:
    told = list[str]()
    (a,) = at("a")
    nodes = Nodes([a], warn=told.append)
    nodes.lost(a, "gone")
    assert (nodes.out(), told) == ([], [])


def test_the_nodes_that_the_operator_names_are_taken_at_their_word() -> None:
    found = find_nodes(Answers(), OWN, LISTS, given=["n1:5444", " n2 ", "[::1]:7000", "::1", "n1:5444"])  # type: ignore[arg-type]
    assert [(one.host, one.port) for one in found] == [("n1", 5444), ("n2", 5433), ("::1", 7000), ("::1", 5433)]
    # What would lead elsewhere is left out; the rest of the options stays.
    assert {one.options for one in found} == {(("options", "-c a=b"),)}


@pytest.mark.parametrize("text", ["", ":5433", "n1:x", "n1:99999"])
def test_an_endpoint_that_makes_no_sense_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="--target-endpoints holds"):
        find_nodes(Answers(), OWN, LISTS, given=[text])  # type: ignore[arg-type]


def test_the_nodes_of_a_cluster_are_used_when_the_target_is_one_of_them() -> None:
    cluster = Answers(("10.0.0.1", 5433, ""), ("10.0.0.2", 5434, ""))
    found = find_nodes(cluster, OWN, LISTS)  # type: ignore[arg-type]
    assert [(one.host, one.port) for one in found] == [("10.0.0.1", 5433), ("10.0.0.2", 5434)]


def test_a_load_balancer_is_used_alone_and_public_addresses_only_when_asked_for() -> None:
    cluster = Answers(("192.168.7.1", 5433, "203.0.113.1"), ("192.168.7.2", 5433, "203.0.113.2"))
    assert find_nodes(cluster, OWN, LISTS) == [OWN]  # type: ignore[arg-type]
    public = find_nodes(cluster, OWN, LISTS, use_public_ip=True)  # type: ignore[arg-type]
    assert [one.host for one in public] == ["203.0.113.1", "203.0.113.2"]


def test_a_server_that_lists_no_nodes_is_its_own() -> None:
    assert find_nodes(Answers(), OWN, Capabilities("18.0", 180000)) == [OWN]  # type: ignore[arg-type]
    assert find_nodes(Answers(), OWN, LISTS, use_public_ip=True) == [OWN]  # type: ignore[arg-type]


def test_a_node_is_told_by_what_its_name_stands_for() -> None:
    local = Endpoint("yugabytedb", "localhost", 5433, "d", "u")
    cluster = Answers(("127.0.0.1", 5433, ""), ("127.0.0.2", 5433, ""))
    assert [one.host for one in find_nodes(cluster, local, LISTS)] == ["127.0.0.1", "127.0.0.2"]  # type: ignore[arg-type]
