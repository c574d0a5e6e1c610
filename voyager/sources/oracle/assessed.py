"""OracleDictionary: an Oracle database whose dictionary is read before there is any target. Nothing is written."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import UsageError, VoyagerError
from voyager.identifiers import visible
from voyager.ports import Capabilities, Check, Question
from voyager.sources.oracle import preflight
from voyager.sources.oracle.connection import DriverError, connect, place, prepare
from voyager.sources.oracle.failures import code_of, connection_lost, translate
from voyager.sources.oracle.metadata import QUESTIONS, of_the_user, part, probe, probes, views_read

DICTIONARY_OF_ALL = probe("dba_all_tables")
"""Answered to whoever may read the views DBA_…, and refused to everybody else."""
_REFUSALS = ("ORA-00942", "ORA-01031", "ORA-00904")
USERS = "SELECT u.username FROM all_users u ORDER BY 1"


class OracleDictionary:
    """Connects when first asked something. One question at a time.

    A user who may not read the views DBA_… is answered from ALL_…: what that user may access, and `facts` says so.
    """

    def __init__(self, endpoint: Endpoint, connect: Callable[[Endpoint, str], Any] = connect) -> None:
        self.endpoint = endpoint
        self._connect = connect
        self._open: Any = None
        self._whole = True
        self._schemas: tuple[str, ...] = ()
        self._guard = threading.RLock()

    def probe(self) -> Capabilities:
        with self._asked("ask for the version") as connection:
            version = str(connection.version)
            facts = self.facts()
        return Capabilities(
            version=version,
            version_number=preflight.version_number(version),
            exported_snapshots=False,
            tid_range_scans=False,
            write_counters=False,
            read_only_standby=facts["instance_role"] == "PHYSICAL STANDBY",
            facts=facts,
        )

    def preflight(self, phase: str) -> list[Check]:
        capabilities = self.probe()
        with self._asked(f"check what {phase} needs") as connection:
            refused = [question for question in QUESTIONS if self._unreadable(connection, question)]
        return preflight.preflight(self.endpoint, capabilities, refused)

    def facts(self) -> dict[str, Any]:
        with self._asked("read what the server says of itself") as connection:
            document = [row for name in self._schemas[:1] for row in self._rows(connection, part("database"), name)]
        stated: dict[str, Any] = json.loads(document[0][0] or "{}")
        return {**stated, "schemas": list(self._schemas), "url": place(self.endpoint)}

    def questions(self) -> Sequence[Question]:
        return QUESTIONS

    def ask(self, question: Question, *, node: str = "primary") -> Iterator[tuple[str | None, ...]]:
        """The rows of each schema in turn; what does not ask for a schema is asked once."""
        if node != "primary":
            raise UsageError(f"An Oracle database has no node {visible(node)} to ask.", "Ask the primary.")
        with self._asked(f"ask for {question.name}", views_read(question.sql)) as connection:
            every = self._schemas if ":schema_name" in question.sql else self._schemas[:1]
            for schema in every:
                yield from self._rows(connection, question.sql, schema)

    def ddl(self) -> str:
        """None: the answers themselves are judged."""
        return ""

    def replicas(self) -> list[Endpoint]:
        """None: no counter of reads is asked for that a standby would add to."""
        return []

    def close(self) -> None:
        with self._guard:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _rows(self, connection: Any, sql: str, schema: str) -> Iterator[tuple[str | None, ...]]:
        binds = {"schema_name": schema} if ":schema_name" in sql else {}
        cursor = prepare(connection.cursor())
        try:
            cursor.execute(self._text(sql), binds)
            for row in cursor:
                yield tuple(None if value is None else str(value) for value in row)
        finally:
            cursor.close()

    def _text(self, sql: str) -> str:
        return sql if self._whole else of_the_user(sql)

    def _unreadable(self, connection: Any, question: Question) -> bool:
        return not all(_answered(connection, self._text(sql)) for sql in probes(question))

    @contextmanager
    def _asked(self, doing: str, views: Sequence[str] = ()) -> Iterator[Any]:
        with self._guard:
            try:
                yield self._connection()
            except (DriverError, OSError) as error:
                raise self._failure(error, doing, self._refused(error, views)) from error

    def _refused(self, error: Exception, views: Sequence[str]) -> list[str]:
        """Those of the views that may not be read: Oracle says only that one of them may not."""
        if self._open is None or code_of(error) not in _REFUSALS:
            return []
        return [view for view in views if not _answered(self._open, probe(self._text(view)))]

    def _failure(self, error: Exception, doing: str, views: Sequence[str]) -> VoyagerError:
        if connection_lost(error):
            self._open = None
        user = self.endpoint.user.upper()
        return translate(error, f"{doing} of {place(self.endpoint)}", user=user, grants=preflight.grants(views, user))

    def _connection(self) -> Any:
        if self._open is None:
            connection = self._connect(self.endpoint, "assess")
            try:
                self._whole = _answered(connection, DICTIONARY_OF_ALL)
                self._schemas = self._chosen(connection)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open

    def _chosen(self, connection: Any) -> tuple[str, ...]:
        """The schemas as the dictionary spells them. A chosen one that does not exist is refused."""
        if not self.endpoint.schemas:
            found = tuple(str(name) for (name,) in self._rows(connection, part("schemas"), ""))
            return found or (self.endpoint.user.upper(),)
        users = {str(name) for (name,) in self._rows(connection, USERS, "")}
        spelled = {name: name if name in users else name.upper() for name in self.endpoint.schemas}
        missing = sorted(visible(name) for name, found in spelled.items() if found not in users)
        if missing:
            raise UsageError(
                f"The source has no schema {', '.join(missing)}.",
                "In Oracle a schema is a user: give the user's name (--source-db-schema).",
            )
        return tuple(dict.fromkeys(spelled.values()))


def _answered(connection: Any, sql: str) -> bool:
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        cursor.fetchall()
    except DriverError as error:
        if code_of(error) in _REFUSALS:
            return False
        raise
    finally:
        cursor.close()
    return True
