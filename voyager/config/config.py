"""Config: what this run was told, each value with the place it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from voyager.config import conninfo, passwords
from voyager.config.file import CommandKeys, ConfigFile, load
from voyager.config.settings import SETTINGS
from voyager.config.values import convert, unquoted
from voyager.endpoint import Endpoint
from voyager.errors import UsageError

PORTS = {"postgresql": 5432, "yugabytedb": 5433, "mysql": 3306, "oracle": 1521}
ENGINE_OF_PORT = {5432: "postgresql", 5433: "yugabytedb", 3306: "mysql", 1521: "oracle"}
TLS_KEYWORDS = {
    "ssl_mode": "sslmode",
    "ssl_cert": "sslcert",
    "ssl_key": "sslkey",
    "ssl_root_cert": "sslrootcert",
    "ssl_crl": "sslcrl",
}
PLACE_KEYWORDS = {
    "db_type": "engine",
    "db_host": "host",
    "db_port": "port",
    "db_name": "dbname",
    "db_user": "user",
    "oracle_db_sid": "sid",
    "oracle_tns_alias": "tns_alias",
}
ENDPOINT_KEYWORDS = {"engine", "host", "port", "dbname", "user", "password", "passfile", "service", "application_name"}


@dataclass(frozen=True)
class Value:
    """A value and where it came from, for messages ("--target-db-port", "YB_VOYAGER_…", "target.db-port in FILE")."""

    value: Any = field(repr=False)
    origin: str


@dataclass(frozen=True)
class Config:
    """What this run was told. `values` holds settings by name; `flags` what was given to the command itself.

    `prompted` holds passwords typed on the terminal, by role.
    """

    values: Mapping[str, Value]
    file: ConfigFile = field(default_factory=ConfigFile)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    prompted: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a setting, `default` when nobody gave it."""
        found = self.values.get(name)
        return default if found is None else found.value

    @property
    def warnings(self) -> tuple[str, ...]:
        literal = tuple(
            f"--{role}-db-password can be read by others on this machine; use --{role}-db-password-file."
            for role in ("source", "target")
            if f"{role}_db_password" in self.values
        )
        return self.file.warnings + literal

    @property
    def migration_name(self) -> str | None:
        return self.get("migration_name")

    @property
    def migration_uuid(self) -> UUID | None:
        return self.get("migration_uuid")

    @property
    def export_dir(self) -> Path | None:
        """The directory as an absolute path, so that a later command may run from anywhere."""
        given = self.get("export_dir")
        return Path(given).expanduser().absolute() if given else None

    @property
    def assessment_dir(self) -> Path | None:
        """The directory of an assessment as an absolute path."""
        given = self.get("assessment_dir")
        return Path(given).expanduser().absolute() if given else None

    @property
    def lease_seconds(self) -> float:
        return float(self.get("lease_seconds", 30.0))

    @property
    def outage_budget(self) -> float:
        return float(self.get("outage_budget", 300.0))

    @cached_property
    def target(self) -> Endpoint:
        """The target as given; UsageError when nothing tells where it is."""
        found = self.endpoint("target")
        if found is None:
            raise UsageError(
                "Which target database? Nothing says where it is.",
                "Give --target-db-host (and --target-db-name), --target-db-uri, PGHOST, a config file, "
                "or the --export-dir of a migration.",
            )
        return found

    @cached_property
    def source(self) -> Endpoint:
        """The source as given; UsageError when nothing tells where it is."""
        found = self.endpoint("source")
        if found is None:
            raise UsageError(
                "Which source database? Nothing says where it is.",
                "Give --source-db-host and --source-db-name, or --source-db-uri.",
            )
        return found

    @property
    def source_password(self) -> str | None:
        return self.password("source")

    @property
    def target_password(self) -> str | None:
        return self.password("target")

    def endpoint(self, role: str, saved: Mapping[str, Any] | None = None) -> Endpoint | None:
        """The endpoint of `role` ("source" or "target"), with its password: what was given, over what was saved."""
        place = self.place(role, saved)
        return place.with_password(self.password(role)) if place is not None else None

    def place(self, role: str, saved: Mapping[str, Any] | None = None) -> Endpoint | None:
        """The endpoint without looking for its password; None if neither what was given nor what was saved tells."""
        keywords = self._keywords(role)
        if saved:
            keywords = _saved_keywords(saved) | keywords
        if not keywords.keys() & {"host", "dbname", "service", "sid", "tns_alias"}:
            return None
        engine = _engine(role, keywords)
        return Endpoint(
            engine=engine,
            host=keywords.get("host", "127.0.0.1" if role == "target" else "localhost"),
            port=int(convert(keywords.get("port", PORTS[engine]), "int", where=f"the port of the {role}")),
            database=keywords.get("dbname", "yugabyte" if role == "target" else keywords.get("user", _login())),
            user=keywords.get("user", "yugabyte" if role == "target" else _login()),
            schemas=self._schemas(role, saved),
            tls=tuple((word, keywords[word]) for word in TLS_KEYWORDS.values() if word in keywords),
            options=tuple(sorted((k, v) for k, v in keywords.items()
                                 if k not in ENDPOINT_KEYWORDS and k not in TLS_KEYWORDS.values())),
            passfile=keywords.get("passfile"),
        )  # fmt: skip

    def password(self, role: str) -> str | None:
        """The password of `role` from the first source that has one; None leaves it to libpq's own (passfile, peer)."""
        if role in self.prompted:
            return self.prompted[role]
        path = self.values.get(f"{role}_db_password_file")
        if path is not None and path.origin.startswith("--"):
            return passwords.from_file(path.value, flag=path.origin)
        variable = f"{role.upper()}_DB_PASSWORD"
        if variable in self.environment:
            return self.environment[variable]
        if path is not None:
            return passwords.from_file(path.value, flag=path.origin)
        for key in ("password", "db-password"):
            if (role, key) in self.file.values:
                where = f"{role}.{key} in {self.file.path}"
                return passwords.from_config(self.file.values[role, key], where=where, environment=self.environment)
        if self.get(f"{role}_db_password") is not None:
            return self.get(f"{role}_db_password")
        from_uri = self._uri(role).get("password")
        return from_uri if from_uri is not None else self.environment.get("PGPASSWORD") if role == "target" else None

    def with_password(self, role: str, password: str) -> Config:
        """This configuration with a password that was typed in."""
        return replace(self, prompted={**self.prompted, role: password})

    def with_target(self, saved: Mapping[str, Any]) -> Config:
        """This configuration with a target that export-dir remembers, where none was given."""
        if self.place("target") is not None:
            return self
        found = {
            f"target_db_{key}": Value(saved[name], "export-dir")
            for key, name in (("host", "host"), ("port", "port"), ("name", "database"), ("user", "user"))
        }
        tls = saved.get("tls", {})
        found |= {f"target_{k}": Value(tls[word], "export-dir") for k, word in TLS_KEYWORDS.items() if word in tls}
        return replace(self, values={**found, **self.values})

    def with_migration(self, uuid: UUID) -> Config:
        """This configuration with the migration that is meant, where the command line does not name it."""
        return replace(self, values={**self.values, "migration_uuid": Value(uuid, "export-dir")})

    def command_value(self, section: str, key: str) -> Value | None:
        """What the environment (YB_VOYAGER_EXPORT_DATA_PARALLEL_JOBS) or the file say about an option of a command."""
        variable = f"YB_VOYAGER_{section}_{key}".upper().replace("-", "_")
        if self.environment.get(variable):
            return Value(self.environment[variable], variable)
        if (section, key) in self.file.values:
            return Value(self.file.values[section, key], f"{section}.{key} in {self.file.path}")
        return None

    def _schemas(self, role: str, saved: Mapping[str, Any] | None) -> tuple[str, ...]:
        given = self.get(f"{role}_db_schema")
        if given is not None:
            return tuple(unquoted(name) for name in given)
        return tuple((saved or {}).get("schemas", ()))

    def _uri(self, role: str) -> dict[str, str]:
        given = self.values.get(f"{role}_db_uri")
        return conninfo.parse(given.value, flag=given.origin) if given else {}

    def _keywords(self, role: str) -> dict[str, str]:
        """libpq keywords of `role`: single settings over the URI over its service."""
        found = self._uri(role)
        if role == "target":
            found.pop("engine", None)  # postgresql:// is how a YugabyteDB is written too
        name = found.pop("service", None) or (self.environment.get("PGSERVICE") if role == "target" else None)
        if name:
            found = conninfo.service(name, self.environment) | found
        for setting, keyword in {**PLACE_KEYWORDS, **TLS_KEYWORDS}.items():
            value = self.values.get(f"{role}_{setting}")
            # A PG… variable is libpq's default: weaker than a URI or a service.
            if value is not None and not (value.origin.startswith("PG") and keyword in found):
                found[keyword] = str(value.value)
        return found


def _saved_keywords(saved: Mapping[str, Any]) -> dict[str, str]:
    plain = {
        "engine": "engine",
        "host": "host",
        "port": "port",
        "dbname": "database",
        "user": "user",
        "passfile": "passfile",
    }
    found = {word: str(saved[key]) for word, key in plain.items() if saved.get(key)}
    return {**saved.get("options", {}), **saved.get("tls", {}), **found}


def _engine(role: str, keywords: Mapping[str, str]) -> str:
    named = keywords.get("engine")
    if named in PORTS:
        return named
    if role == "target":
        return "yugabytedb"
    if keywords.keys() & {"sid", "tns_alias"}:
        return "oracle"
    port = keywords.get("port", "")
    return ENGINE_OF_PORT.get(int(port), "postgresql") if port.isdigit() else "postgresql"


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "postgres"


def resolve(flags: Mapping[str, Any], *, environment: Mapping[str, str], command_keys: CommandKeys = dict) -> Config:
    """Put flags, environment and file together."""
    named = flags.get("config_file") or environment.get("YB_VOYAGER_CONFIG_FILE")
    file = load(named, command_keys=command_keys)
    values: dict[str, Value] = {}
    for setting in SETTINGS:
        found = _find(setting.name, setting.place, setting.variables, flags, environment, file, setting.flag)
        if found is not None:
            text = convert(found.value, setting.kind, where=found.origin, choices=setting.choices)
            values[setting.name] = Value(text, found.origin)
    return Config(values, file, environment)


def _find(
    name: str,
    place: tuple[str, str],
    variables: tuple[str, ...],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    file: ConfigFile,
    flag: str,
) -> Value | None:
    if flags.get(name) is not None:
        return Value(flags[name], flag)
    ours = [variable for variable in variables if environment.get(variable)]
    if ours and not ours[0].startswith("PG"):
        return Value(environment[ours[0]], ours[0])
    if place in file.values and name not in ("source_db_password", "target_db_password"):
        return Value(file.values[place], f"{'.'.join(part for part in place if part)} in {file.path}")
    return Value(environment[ours[0]], ours[0]) if ours else None
