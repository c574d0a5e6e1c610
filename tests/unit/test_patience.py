"""How long a silent server is borne, told to both drivers' sockets and to the server by the same keywords."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from voyager.endpoint import Endpoint
from voyager.postgres.connection import connection_keywords
from voyager.postgres.patience import limit_silence, server_settings

OPTIONS = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    with socket.socket() as one:
        yield one


def told(channel: socket.socket) -> list[int]:
    return [channel.getsockopt(socket.IPPROTO_TCP, option) for option in OPTIONS]


def test_silence_is_borne_for_a_minute_unless_other_numbers_are_given(channel: socket.socket) -> None:
    limit_silence(channel, {})
    assert channel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert told(channel) == [30, 10, 3, 60_000]
    limit_silence(channel, {"keepalives_idle": "7", "tcp_user_timeout": "0"})
    assert told(channel) == [7, 10, 3, 60_000]


def test_who_wants_no_probes_gets_none(channel: socket.socket) -> None:
    usual = told(channel)
    limit_silence(channel, {"keepalives": "0", "tcp_user_timeout": "5000"})
    assert not channel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert told(channel) == [*usual[:3], 5000]


def test_libpq_is_told_the_same_and_the_server_probes_as_we_do() -> None:
    endpoint = Endpoint("postgresql", "h", 5432, "d", "u", options=(("keepalives_count", "9"),))
    keywords = connection_keywords(endpoint, "test")
    assert (keywords["tcp_user_timeout"], keywords["keepalives_idle"]) == ("60000", "30")
    # Nothing else: a server that gives up who does not read would end an export that is paused.
    assert server_settings(keywords) == {
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "9",
    }
