"""Why a transaction is tried again, in few words: what a retry is counted and told by."""

from __future__ import annotations

import re

from voyager.postgres.failures import connection_lost, primary_message, sqlstate

CATALOG = "catalog"
_BY_STATE = {"40001": "serialization", "40P01": "deadlock", "53300": "too many connections"}
# YugabyteDB says these under several SQLSTATEs, so the text comes first.
_BY_TEXT = (
    (re.compile(r"(?:catalog|schema) version mismatch|catalog snapshot", re.IGNORECASE), CATALOG),
    (re.compile(r"memory pressure", re.IGNORECASE), "memory"),
    (re.compile(r"restart read required", re.IGNORECASE), "serialization"),
    (re.compile(r"timed out", re.IGNORECASE), "timeout"),
)


def retry_class(error: BaseException) -> str:
    """The class of an error that is worth another try: serialization, deadlock, connection, catalog and the like."""
    text = primary_message(error)
    for pattern, name in _BY_TEXT:
        if pattern.search(text):
            return name
    state = sqlstate(error)
    if state in _BY_STATE:
        return _BY_STATE[state]
    return "connection" if connection_lost(error) else "other"
