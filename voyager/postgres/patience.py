"""How long a server may be silent before its connection is given up: libpq's keywords for it, for both drivers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

PATIENCE: Mapping[str, str] = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    # Probes are sent only while nothing else is unacknowledged: without this, what was sent into nowhere is repeated
    # for a quarter of an hour.
    "tcp_user_timeout": "60000",
}
"""A server that vanished without a word is noticed within a minute, where nothing else is asked for."""

_OPTIONS = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}


def server_settings(keywords: Mapping[str, str]) -> dict[str, str]:
    """The same for the server, whose own default is two hours: what a lost connection left unfinished holds its locks
    until then. Probes alone: who does not read for a while (paused, or waiting for room) answers those.
    """
    return {
        f"tcp_{name}": keywords.get(name, value) for name, value in PATIENCE.items() if name.startswith("keepalives")
    }


def limit_silence(channel: Any, keywords: Mapping[str, str]) -> None:
    """Do to a socket what libpq does to its own by these keywords; 0 leaves what the system does."""
    if channel is None or channel.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    probes = keywords.get("keepalives", "1") != "0"
    if probes:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for keyword, option in _OPTIONS.items():
        value = int(keywords.get(keyword, PATIENCE[keyword]))
        if value > 0 and hasattr(socket, option) and (probes or not keyword.startswith("keepalives")):
            channel.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
