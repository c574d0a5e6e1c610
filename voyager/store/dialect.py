"""The psycopg dialect without the questions that SQLAlchemy asks a server at its first connection."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

URL = "postgresql+voyager://"


class Dialect(PGDialect_psycopg):
    """What would be asked is known: the version from the connection itself, the rest because postgres/connection.py
    sets it. A command that reads the state once would otherwise spend a third of its round trips on this."""

    supports_statement_cache = True

    def initialize(self, connection: Connection) -> None:
        driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        version = driver_connection.info.server_version
        self.server_version_info = (version // 10000, version % 10000)
        self.default_schema_name = "public"
        self.default_isolation_level = "READ COMMITTED"


def register() -> None:
    """Make URL known to SQLAlchemy; harmless to repeat."""
    registry.register("postgresql.voyager", __name__, Dialect.__name__)
