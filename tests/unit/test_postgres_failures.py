"""What a driver's error means is judged by its SQLSTATE, and its text shows no row and no password."""

from __future__ import annotations

import asyncpg
import psycopg
import pytest

from voyager.errors import BlockersFound, DatabaseAway, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.postgres.attempts import TIMES_CANCELLED, Tries
from voyager.postgres.failures import (
    cancelled,
    connection_lost,
    primary_message,
    refused_connection,
    retryable,
    translate,
)


class ServerError(psycopg.Error):
    """An error as a server sends it."""

    def __init__(self, state: str, text: str = "it failed") -> None:
        super().__init__(text)
        self.sqlstate = state


def by_asyncpg(state: str, text: str = "it failed") -> Exception:
    return asyncpg.PostgresError.new({"S": "ERROR", "C": state, "M": text, "D": "Key (id)=(secret) exists."})


@pytest.mark.parametrize("make", [ServerError, by_asyncpg])
@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", DatabaseAway),
        ("57P01", DatabaseAway),
        ("53300", DatabaseAway),
        ("57014", DatabaseAway),
        ("40001", DatabaseAway),
        ("55P03", DatabaseAway),
        ("28P01", PermissionMissing),
        ("42501", PermissionMissing),
        ("53100", OutOfSpace),
        ("54000", OutOfSpace),
        ("3D000", UsageError),
        ("25006", BlockersFound),
        ("0A000", BlockersFound),
        ("23505", BlockersFound),
        ("42601", BlockersFound),
        ("XX000", VoyagerError),
    ],
)
def test_the_sqlstate_decides_which_error_it_is(make: type, state: str, kind: type[VoyagerError]) -> None:
    told = translate(make(state), "do it")
    assert type(told) is kind
    assert told.server_state == state


@pytest.mark.parametrize("make", [ServerError, by_asyncpg])
@pytest.mark.parametrize("state", ["40001", "40P01", "57P01", "57P02", "57P03", "53300", "08006"])
def test_conflicts_and_lost_servers_are_worth_another_try(make: type, state: str) -> None:
    assert retryable(make(state))


@pytest.mark.parametrize("make", [ServerError, by_asyncpg])
def test_what_the_server_cancels_is_told_apart_from_what_it_loses(make: type) -> None:
    """Who reads under a limit of his own must not take its end for an accident."""
    assert cancelled(make("57014"))
    assert not retryable(make("57014"))
    assert not cancelled(make("57P01"))


def test_rows_are_tried_for_as_long_as_an_outage_may_last_but_not_where_they_are_cancelled_again_and_again() -> None:
    away, ended = Tries(3600), Tries(3600)
    assert all(away.pause_after(ServerError("57P01")) for _ in range(50))
    pauses = [ended.pause_after(ServerError("57014")) for _ in range(TIMES_CANCELLED)]
    assert all(pauses[:-1])
    assert pauses[-1] is None
    error = ended.given_up(ServerError("57014", "canceling statement due to user request"), "load rows of public.t")
    assert type(error) is DatabaseAway
    assert error.message.startswith("Could not load rows of public.t: canceling statement due to user request")
    assert f"tried {TIMES_CANCELLED} times" in error.message
    assert error.server_state == "57014"
    over = Tries(0)
    over.pause_after(ServerError("57P01"))
    assert over.pause_after(ServerError("57P01")) is None


@pytest.mark.parametrize("state", ["22P02", "23505", "42P01", "42501", "28P01", "0A000"])
def test_wrong_data_and_wrong_statements_are_not(state: str) -> None:
    assert not retryable(ServerError(state, "timed out waiting for nothing; try again"))


@pytest.mark.parametrize(
    "text",
    [
        "Catalog Version Mismatch: A DDL occurred while processing this query. Try Again.",
        "schema version mismatch for table 000033e8",
        "Restart read required at: { read: … }",
        "Timed out waiting for Write: memory pressure",
    ],
)
def test_what_yugabytedb_says_under_a_general_sqlstate_is_worth_another_try(text: str) -> None:
    assert retryable(ServerError("XX000", text))


def test_a_message_that_is_too_large_is_not_tried_again() -> None:
    assert not retryable(ServerError("XX000", "Request exceeds max message size, try again"))


def test_a_lost_connection_is_told_from_a_refused_statement() -> None:
    assert connection_lost(psycopg.OperationalError("server closed the connection unexpectedly"))
    assert connection_lost(asyncpg.ConnectionDoesNotExistError("connection was closed"))
    assert connection_lost(ServerError("57P01"))
    assert connection_lost(ConnectionResetError())
    assert not connection_lost(ServerError("40001"))
    assert not connection_lost(psycopg.ProgrammingError("no results to fetch"))


def test_a_mistake_of_ours_is_not_taken_for_an_outage() -> None:
    assert type(translate(psycopg.ProgrammingError("no results to fetch"), "do it")) is VoyagerError
    assert type(translate(psycopg.OperationalError("server closed the connection"), "do it")) is DatabaseAway


def test_a_rejected_value_and_the_detail_are_not_shown() -> None:
    error = ServerError("22P02", 'invalid input syntax for type integer: "4111 1111"')
    assert primary_message(error) == "invalid input syntax for type integer: (value not shown)"
    assert "secret" not in str(translate(by_asyncpg("23505", "duplicate key"), "load"))


def test_advice_of_the_client_library_is_a_sentence_of_its_own() -> None:
    said = "connection to server failed: Connection refused\n\tIs the server running on that host?\n"
    assert primary_message(psycopg.OperationalError(said)) == (
        "connection to server failed: Connection refused. Is the server running on that host?"
    )


def test_control_characters_of_a_name_are_made_visible() -> None:
    assert primary_message(ServerError("42P01", 'relation "a\x1b[2J" does not exist')) == (
        'relation "a\\x1b[2J" does not exist'
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('FATAL:  password authentication failed for user "u"', PermissionMissing),
        ('FATAL:  no pg_hba.conf entry for host "h"', PermissionMissing),
        ("server does not support SSL, but SSL was required", PermissionMissing),
        ('FATAL:  database "x" does not exist', UsageError),
        ('invalid sslmode value: "x"', UsageError),
        ('definition of service "x" not found', UsageError),
        ("connection refused", DatabaseAway),
        ("FATAL:  the database system is starting up", DatabaseAway),
        ("timeout expired", DatabaseAway),
    ],
)
def test_a_refused_connection_is_judged_by_its_text(text: str, kind: type[VoyagerError]) -> None:
    assert type(refused_connection(psycopg.OperationalError(text), "connect")) is kind


def test_a_server_of_another_language_that_asks_for_a_password_is_a_matter_of_permission() -> None:
    error = psycopg.OperationalError("fe_sendauth: kein Passwort angegeben")
    assert type(refused_connection(error, "connect", asks_password=True)) is PermissionMissing
