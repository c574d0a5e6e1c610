"""Endpoint: how to reach a database. It can be stored and shown; its password never is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from voyager.identifiers import visible


@dataclass(frozen=True)
class Endpoint:
    """Where a database is and as whom we connect.

    `engine` is "postgresql", "mysql", "oracle" or "yugabytedb" (what the URL shows; behaviour follows the probed
    capabilities). `schemas` are those the operator chose, empty for all. `tls` holds libpq keywords
    (sslmode, sslcert, sslkey, sslrootcert, sslcrl). `options` holds further libpq keywords. `password` is
    left out of repr, comparison and `public()`.
    """

    engine: str
    host: str
    port: int
    database: str
    user: str
    schemas: tuple[str, ...] = ()
    tls: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    password: str | None = field(default=None, repr=False, compare=False)
    passfile: str | None = None

    @property
    def url(self) -> str:
        """The endpoint for people: `postgresql://host:port/database`, without user and password; a place of files has
        no port."""
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="/.-_,")
        port = f":{self.port}" if self.port else ""
        return visible(f"{self.engine}://{host}{port}/{quote(self.database)}")

    def public(self) -> dict[str, Any]:
        """The jsonb form kept in the target and in export-dir; holds no secret."""
        return {
            "engine": self.engine,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "schemas": list(self.schemas),
            "tls": dict(self.tls),
            "options": dict(self.options),
            "passfile": self.passfile,
        }

    @classmethod
    def from_public(cls, saved: dict[str, Any], password: str | None = None) -> Endpoint:
        """Rebuild an endpoint from `public()`; keys that a later version added are ignored."""
        return cls(
            engine=saved["engine"],
            host=saved["host"],
            port=int(saved["port"]),
            database=saved["database"],
            user=saved["user"],
            schemas=tuple(saved.get("schemas", ())),
            tls=tuple(saved.get("tls", {}).items()),
            options=tuple(saved.get("options", {}).items()),
            password=password,
            passfile=saved.get("passfile"),
        )

    def with_password(self, password: str | None) -> Endpoint:
        return replace(self, password=password)

    def libpq(self, *, application_name: str) -> dict[str, str]:
        """Connection keywords for libpq and psycopg. The password is among them: hand it to a driver, nothing else."""
        keywords = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.database,
            "user": self.user,
            "application_name": application_name,
            **dict(self.tls),
            **dict(self.options),
        }
        if self.passfile:
            keywords["passfile"] = self.passfile
        if self.password is not None:
            keywords["password"] = self.password
        return keywords
