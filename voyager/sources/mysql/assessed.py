"""MysqlDictionary: a MySQL or MariaDB server that is looked at before there is any target. It only ever reads."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.ports import Capabilities, Check, Question
from voyager.sources.mysql import preflight
from voyager.sources.mysql.connection import Connection, DriverError, connect, encrypted, rows
from voyager.sources.mysql.failures import connection_lost, refused_privilege, translate
from voyager.sources.mysql.metadata import QUESTIONS, gaps, schema_list, text
from voyager.sources.mysql.names import quoted

_BATCH = 1000
_UNKNOWN_STATEMENT = 1064


class MysqlDictionary:
    """Connects when first asked something, and anew when that connection was lost. One question at a time.

    A database is what others call a schema: those of the endpoint are read, else the one it names.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._open: Connection | None = None
        self._capabilities: Capabilities | None = None
        self._guard = threading.RLock()

    def probe(self) -> Capabilities:
        with self._asked("ask for the version"):
            assert self._capabilities is not None
            return self._capabilities

    def preflight(self, phase: str) -> list[Check]:  # noqa: ARG002 - only ASSESS asks this source anything so far
        capabilities = self.probe()
        with self._asked("check the guardrails") as connection:
            tls = encrypted(connection)
        checks = preflight.preflight(capabilities, self.endpoint, tls=tls)
        if any(check.severity == "error" for check in checks):
            return checks
        return [*checks, *preflight.gap_checks(gaps(self.facts()))]

    def facts(self) -> dict[str, Any]:
        with self._asked("read what the server says of itself") as connection:
            [(found,)] = rows(connection, text("database"))
        return {**json.loads(found), "url": self.endpoint.url}

    def questions(self) -> Sequence[Question]:
        return QUESTIONS

    def ask(self, question: Question, *, node: str = "primary") -> Iterator[tuple[str | None, ...]]:
        """The rows as the server writes them. The connection is taken until the last one."""
        with self._asked(f"ask for {question.name}") as connection:
            with connection.cursor() as setting:
                setting.execute("SET @node = %s, @moment = %s", (node, question.moment))
            cursor: Any
            with connection.cursor(raw=True) as cursor:
                cursor.execute(question.sql)
                while batch := cursor.fetchmany(_BATCH):
                    for row in batch:
                        yield tuple(None if value is None else _text(bytes(value)) for value in row)

    def ddl(self) -> str:
        """Nothing: the dictionary itself is judged."""
        return ""

    def replicas(self) -> list[Endpoint]:
        """Those that have told this server their address (report_host)."""
        with self._asked("look for replicas") as connection:
            for statement in ("SHOW REPLICAS", "SHOW SLAVE HOSTS"):
                try:
                    found = rows(connection, statement)
                except DriverError as error:
                    if error.errno == _UNKNOWN_STATEMENT:
                        continue
                    if refused_privilege(error):
                        return []
                    raise
                # Server_id, Host, Port, …
                return [replace(self.endpoint, host=str(row[1]), port=int(row[2])) for row in found if row[1]]
        return []

    def close(self) -> None:
        with self._guard:
            if self._open is not None:
                self._open.close()
                self._open = None

    @contextmanager
    def _asked(self, doing: str) -> Iterator[Connection]:
        with self._guard:
            try:
                yield self._connection()
            except DriverError as error:
                # A cursor that closes after the connection was cut hides why it was.
                if self._open is not None and (connection_lost(error) or not self._open.is_connected()):
                    self._open = None
                raise translate(error, f"{doing} of {self.endpoint.url}", database=self.endpoint.database) from error

    def _connection(self) -> Connection:
        if self._open is None:
            chosen = self.endpoint.schemas
            connection = connect(replace(self.endpoint, database=chosen[0]) if chosen else self.endpoint)
            try:
                self._capabilities = _probe(connection)
                with connection.cursor() as cursor:
                    cursor.execute("SET @schema_list = %s", (schema_list(_existing(connection, chosen)),))
                for statement in text("session").removesuffix(";").split(";\n"):
                    rows(connection, statement)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open


def _text(value: bytes) -> str:
    """A NUL, which a body or a default may hold, would make the metadata no text files."""
    return value.decode("utf-8", "replace").replace("\0", "\\0")


def _probe(connection: Connection) -> Capabilities:
    [(version, comment)] = rows(connection, "SELECT VERSION() AS yb_voyager, @@version_comment")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    number = int("{}{:0>2}{:0>2}".format(*numbers.groups())) if numbers else 0
    product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    return Capabilities(version, number, facts={"product": product, "comment": comment})


def _existing(connection: Connection, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen databases as the server spells them; the first becomes the session's own. One that does not exist or
    may not be used is refused: a typo must not mean "nothing to do"."""
    names = chosen or tuple(row[0] for row in rows(connection, "SELECT DATABASE() AS yb_voyager") if row[0])
    if not names:
        raise UsageError("No database was chosen.", "Name it with --source-db-name.")
    for name in reversed(names):
        rows(connection, f"USE {quoted(name)}")
    shown = [row[0] for row in rows(connection, "SELECT schema_name FROM information_schema.schemata")]
    # Where the server does not tell case apart, it takes any spelling but shows its own.
    spelled = {name.casefold(): name for name in shown}
    return tuple(dict.fromkeys(name if name in shown else spelled.get(name.casefold(), name) for name in names))
