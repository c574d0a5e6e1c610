"""Ddl: lays the ybvoyager schema statement by statement, or writes it down for a DBA."""

from __future__ import annotations

import random
import time
from functools import partial

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from migrations_ddl import DdlFile, ddl_files
from voyager.errors import PermissionMissing, VoyagerError
from voyager.identifiers import Identifier, quote_literal
from voyager.postgres.failures import sqlstate
from voyager.store.session import Session
from voyager.store.tables import SCHEMA, metadata, schema_version

# Two installers at once collide in the catalog under these; each statement says IF NOT EXISTS, so again is enough.
_COLLISIONS = frozenset({"23505", "42P06", "42P07", "42710", "XX000"})
_TRIES = 8
_APPEND_ONLY = {"events": "SELECT, INSERT", "reports": "SELECT, INSERT, DELETE", "schema_version": "SELECT"}


class Ddl:
    """The ybvoyager schema of one target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def installed(self) -> bool:
        """True when the schema is there, in whatever version."""
        return self._has("to_regclass('ybvoyager.schema_version')")

    def pending(self) -> list[DdlFile]:
        """Return the files that this version has and the target has not."""
        if not self.installed():
            return list(ddl_files())
        query = select(schema_version.c.number)
        done = set(self._session.single(lambda connection: connection.execute(query).scalars().all(), "read versions"))
        return [file for file in ddl_files() if file.number not in done]

    def install(self, *, together: bool = False) -> list[DdlFile]:
        """Execute what is pending and return it; safe to repeat after any crash and beside another installer.

        With `together`, for a target that knows DDL in transactions, all of it in one. Raises PermissionMissing with
        the script for a DBA when this role may not.
        """
        pending = self.pending()
        if pending and not (together and self._execute_together(pending)):
            for file in pending:
                for statement in file.statements:
                    self._execute(statement)
                self._note(file)
        return pending

    def script(self, role: str) -> str:
        """Return SQL for a DBA: the whole schema, what is applied, and the least that `role` needs to work with it."""
        lines = ["-- The ybvoyager schema: the state of migrations into this database. Safe to run again.", ""]
        for file in ddl_files():
            lines += [f"-- {file.name}", *(f"{statement};\n" for statement in file.statements), _noted(file), ""]
        return "\n".join([*lines, *_grants(role)]) + "\n"

    def _has(self, expression: str) -> bool:
        query = text(f"SELECT {expression} IS NOT NULL")
        return bool(
            self._session.single(lambda connection: connection.execute(query).scalar_one(), "look for ybvoyager")
        )

    def _execute_together(self, pending: list[DdlFile]) -> bool:
        """False where anything stood in the way: one by one it is told, or waited for, statement by statement."""
        script = "\n".join(line for file in pending for line in (*(f"{one};" for one in file.statements), _noted(file)))
        try:
            self._session.run(partial(_run_script, script=script), "create ybvoyager")
        except VoyagerError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        if statement.startswith("CREATE SCHEMA") and self._has("to_regnamespace('ybvoyager')"):
            # IF NOT EXISTS asks for CREATE on the database all the same, which a DBA need not have granted.
            return
        left = _TRIES
        while True:
            left -= 1
            attempt = partial(_create, statement=statement, tries_left=left)
            try:
                self._session.single(attempt, "create ybvoyager")
                break
            except _Collided:
                time.sleep(random.uniform(0.02, 0.2))
            except PermissionMissing as error:
                raise self._not_permitted(error) from None

    def _note(self, file: DdlFile) -> None:
        row = {"number": file.number, "name": file.name, "sha256": file.sha256}
        statement = insert(schema_version).values(row).on_conflict_do_nothing()
        self._session.single(lambda connection: connection.execute(statement), "note the version")

    def _not_permitted(self, error: PermissionMissing) -> PermissionMissing:
        database, role = Identifier(self._session.endpoint.database), Identifier(self._session.endpoint.user)
        return PermissionMissing(
            error.message,
            "Let the database's owner run the SQL below (or a DBA what `migrate init --dry-run` prints), then run the "
            "command again.",
            (f"GRANT CREATE ON DATABASE {database.sql} TO {role.sql};",),
        )


class _Collided(Exception):
    """Somebody else created the same object at the same moment."""


def _create(connection: Connection, statement: str, tries_left: int) -> None:
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if tries_left and error.orig is not None and sqlstate(error.orig) in _COLLISIONS:
            raise _Collided from None
        raise


def _run_script(connection: Connection, script: str) -> None:
    connection.execution_options(no_parameters=True).exec_driver_sql(script)


def _noted(file: DdlFile) -> str:
    values = f"{file.number}, {quote_literal(file.name)}, {quote_literal(file.sha256)}"
    return (
        f"INSERT INTO ybvoyager.schema_version (number, name, sha256) VALUES ({values}) "
        "ON CONFLICT (number) DO NOTHING;"
    )


def _grants(role: str) -> list[str]:
    """The least privilege: no CREATE, no TRUNCATE, events and reports are never changed."""
    name = Identifier(role).sql
    tables = sorted(table.name for table in metadata.sorted_tables)
    views = ("active_migrations", "assessment_reports", "completed_migrations", "next_steps", "phase_timeline")
    return [
        "-- The role that runs yb-voyager. Create it first, WITH LOGIN and a password, when it does not exist yet.",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name};",
        *(
            f"GRANT {_APPEND_ONLY.get(table, 'SELECT, INSERT, UPDATE, DELETE')} ON {SCHEMA}.{table} TO {name};"
            for table in tables
        ),
        *(f"GRANT SELECT ON {SCHEMA}.{view} TO {name};" for view in (*views, "table_activity")),
    ]
