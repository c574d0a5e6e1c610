"""Why a transaction is tried again, in few words; and how often it was, by class and by table."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from voyager.identifiers import TableName
from voyager.postgres.failures import connection_lost, primary_message, sqlstate

CATALOG = "catalog"
_BY_STATE = {"40001": "serialization", "40P01": "deadlock", "53300": "too many connections", "57014": "cancelled"}
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


@dataclass
class Retries:
    """The tries again of one run."""

    by_class: Counter[str] = field(default_factory=Counter)
    by_table: Counter[TableName] = field(default_factory=Counter)

    def add(self, error: BaseException, table: TableName | None = None) -> None:
        """Count one more try; without a table where it concerns all of them."""
        self.by_class[retry_class(error)] += 1
        if table is not None:
            self.by_table[table] += 1
