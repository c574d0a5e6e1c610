"""What libpq is told: everything of the endpoint, nothing that it leaves open, and never a NUL."""

from __future__ import annotations

import pytest

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.postgres.connection import connection_keywords, session_settings

ENDPOINT = Endpoint("postgresql", "h", 5432, "d", "u", tls=(("sslmode", "verify-full"),), password="s3cret")


def test_the_purpose_is_in_the_application_name_and_cut_to_what_a_server_keeps() -> None:
    assert connection_keywords(ENDPOINT, "x" * 80)["application_name"] == ("yb-voyager " + "x" * 80)[:63]


def test_what_an_endpoint_leaves_open_is_left_to_the_service_file() -> None:
    bare = Endpoint("postgresql", "", 0, "", "", options=(("service", "prod"),))
    given = connection_keywords(bare, "test")
    assert given["service"] == "prod"
    assert not {"host", "port", "dbname", "user"} & given.keys()


def test_an_operators_option_wins_over_our_default() -> None:
    given = connection_keywords(Endpoint("postgresql", "h", 1, "d", "u", options=(("connect_timeout", "3"),)), "test")
    assert given["connect_timeout"] == "3"


def test_a_nul_is_refused_without_showing_the_value() -> None:
    with pytest.raises(UsageError) as refused:
        connection_keywords(ENDPOINT.with_password("s3cret\0"), "test")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(("version", "name"), [(130000, "idle_session_timeout"), (150000, "transaction_timeout")])
def test_a_setting_that_a_server_does_not_know_is_not_sent(version: int, name: str) -> None:
    assert name not in session_settings(version)
    assert name in session_settings(180000)
