"""The settings that every command knows: one row each; flag, environment variable, config key and help come from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One setting. `section` is the block of the config file ("" for the top level), `key` its name there.

    `kind` is str, int, float, bool, path, uuid or list (comma-separated, quotes keep commas). `per_run` settings are
    taken from the command line alone. `aliases` are flags that are understood and not shown.
    """

    name: str
    help: str
    kind: str = "str"
    section: str = ""
    key: str = ""
    flags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    panel: str = "This command"
    metavar: str = ""
    choices: tuple[str, ...] = ()
    hidden: bool = False
    per_run: bool = False

    @property
    def flag(self) -> str:
        """The long flag, as messages name it."""
        return self.flags[0] if self.flags else "--" + self.name.replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the strongest first."""
        return () if self.per_run else (f"YB_VOYAGER_{self.name.upper()}", *self.environment)

    @property
    def place(self) -> tuple[str, str]:
        """Section and key in the config file."""
        return self.section, self.key or self.name.replace("_", "-")


SOURCE, TARGET, MIGRATION, OUTPUT = "Source database", "Target database", "Which migration", "Output and behaviour"
ASSESSMENT = "Assessment"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def _endpoint(role: str, panel: str, engines: tuple[str, ...], default_port: str) -> tuple[Setting, ...]:
    """The rows of one end. PG… variables describe the target: every migrate command needs it, and one set of variables
    cannot describe both ends."""

    def row(key: str, help: str, kind: str = "str", metavar: str = "", *, libpq: str = "", **more: Any) -> Setting:
        return Setting(
            f"{role}_{key.replace('-', '_')}",
            help,
            kind,
            section=role,
            key=key,
            panel=panel,
            metavar=metavar,
            environment=(libpq,) if libpq and role == "target" else (),
            aliases=(f"--{role}-db-{key}",) if key.startswith("ssl-") else (),
            **more,
        )

    uri = f"All of the {role} in one: postgresql://user@host:port/database, or 'host=… dbname=…', or 'service=name'."
    kinds = f"Kind of database; taken from the URI or the port when left out ({', '.join(engines)})."
    exposed = "Password. Others on this machine can read it: use a file or the environment."
    modes = "How to use TLS: " + ", ".join(SSL_MODES) + "."
    return (
        row("db-uri", uri),
        row("db-type", kinds, choices=engines),
        row("db-host", "Host name, address, or directory of the socket.", metavar="HOST", libpq="PGHOST"),
        row("db-port", f"Port (default: {default_port}).", "int", "PORT", libpq="PGPORT"),
        row("db-name", "Database.", metavar="NAME", libpq="PGDATABASE"),
        row("db-user", "User to connect as.", metavar="USER", libpq="PGUSER"),
        row("db-schema", "Schemas, comma-separated (default: all but the server's own).", "list", "LIST"),
        row("db-password-file", "File whose first line is the password.", "path", "FILE"),
        row("db-password", exposed, hidden=True, per_run=True),
        row("ssl-mode", modes, metavar="MODE", choices=SSL_MODES, libpq="PGSSLMODE"),
        row("ssl-cert", "Client certificate.", "path", "FILE", libpq="PGSSLCERT"),
        row("ssl-key", "Key of the client certificate.", "path", "FILE", libpq="PGSSLKEY"),
        row("ssl-root-cert", "Certificates of the authorities to trust.", "path", "FILE", libpq="PGSSLROOTCERT"),
        row("ssl-crl", "Certificates that were revoked.", "path", "FILE", libpq="PGSSLCRL"),
    )


SOURCE_ENGINES = ("postgresql", "yugabytedb", "mysql", "oracle")
TARGET_ENGINES = ("yugabytedb", "postgresql")

ORACLE_SETTINGS = (
    Setting(
        "source_oracle_db_sid",
        "SID of an Oracle database that has no service name.",
        section="source",
        key="oracle-db-sid",
        panel=SOURCE,
        metavar="SID",
        flags=("--oracle-db-sid",),
    ),
    Setting(
        "source_oracle_tns_alias",
        "Alias in tnsnames.ora, instead of host and port.",
        section="source",
        key="oracle-tns-alias",
        panel=SOURCE,
        metavar="ALIAS",
        flags=("--oracle-tns-alias",),
    ),
)
"""How else an Oracle database can be named."""
SOURCE_SETTINGS = _endpoint("source", SOURCE, SOURCE_ENGINES, "5432 for PostgreSQL, 3306 for MySQL, 1521 for Oracle")
ASSESSMENT_DIR = Setting(
    "assessment_dir",
    "Directory of the assessment: metadata, reports, sizing.",
    "path",
    panel=ASSESSMENT,
    metavar="DIR",
    flags=("--assessment-dir",),
)
METADATA_DIR = Setting(
    "metadata_dir",
    "Directory with what the scripts collected (flat, or one node-… directory for each node).",
    "path",
    section="assessment",
    panel=ASSESSMENT,
    metavar="DIR",
    flags=("--metadata-dir",),
    aliases=("--assessment-metadata-dir",),
)
TARGET_VERSION = Setting(
    "assessed_for",
    "YugabyteDB release to judge for, as 2025.2.3.0 (default: the latest stable one).",
    section="assessment",
    key="target-db-version",
    panel=ASSESSMENT,
    metavar="VERSION",
    flags=("--target-db-version",),
)
COLLECTION_SETTINGS = (
    Setting(
        "iops_capture_interval",
        "Seconds between the two readings that give reads and writes per second; 0 leaves them out (default: 120).",
        "int",
        section="assessment",
        panel=ASSESSMENT,
        metavar="SECONDS",
    ),
    Setting(
        "source_read_replica_endpoints",
        "Read replicas whose reads are added, as host:port,… (default: those the primary knows of).",
        "list",
        section="source",
        key="read-replica-endpoints",
        panel=ASSESSMENT,
        metavar="LIST",
    ),
    Setting(
        "primary_only",
        "Leave read replicas out.",
        "bool",
        section="assessment",
        panel=ASSESSMENT,
        flags=("--primary-only",),
    ),
)
ASSESSMENT_SETTINGS = (ASSESSMENT_DIR, METADATA_DIR, TARGET_VERSION, *COLLECTION_SETTINGS, *ORACLE_SETTINGS)
TARGET_SETTINGS = _endpoint("target", TARGET, TARGET_ENGINES, "5433")
MIGRATION_SETTINGS = (
    Setting(
        "migration_name", "Name of the migration; not needed while only one is active.", panel=MIGRATION, metavar="NAME"
    ),
    Setting("migration_uuid", "UUID of the migration, instead of its name.", "uuid", panel=MIGRATION, metavar="UUID"),
    Setting(
        "export_dir",
        "Directory for schema files, data files and reports.",
        "path",
        panel=MIGRATION,
        metavar="DIR",
        flags=("--export-dir", "-e"),
    ),
    Setting(
        "config_file",
        "YAML file with settings (default: ./yb-voyager.yaml, then ~/.yb-voyager.yaml).",
        "path",
        panel=MIGRATION,
        metavar="FILE",
        flags=("--config-file", "-c"),
    ),
)
GATE_SETTINGS = (
    Setting(
        "verify_max_age",
        "Hours after which a verification is too old for a cutover (default: any age will do).",
        "float",
        section="cutover",
        panel="What a cutover needs",
        metavar="HOURS",
    ),
    Setting(
        "verify_min_coverage",
        "Percent of the migrated rows that a clean verification must have compared (default: 100, of all tables).",
        "float",
        section="cutover",
        panel="What a cutover needs",
        metavar="PERCENT",
    ),
)
"""How good a verification must be before the target takes over."""

OUTPUT_SETTINGS = (
    Setting(
        "output",
        "table for people, json for programs (one document on stdout).",
        panel=OUTPUT,
        choices=("table", "json"),
        flags=("--output", "-o"),
        metavar="table|json",
    ),
    Setting(
        "no_color", "Plain text without colors; NO_COLOR does the same.", "bool", panel=OUTPUT, flags=("--no-color",)
    ),
    Setting("debug", "Show the traceback of an internal error.", "bool", panel=OUTPUT, flags=("--debug",)),
)
RUN_SETTINGS = (
    Setting("yes", "Answer yes to every question.", "bool", panel=OUTPUT, flags=("--yes", "-y"), per_run=True),
    Setting(
        "dry_run",
        "Show what would be done, as SQL and steps; change nothing.",
        "bool",
        panel=OUTPUT,
        flags=("--dry-run",),
        per_run=True,
    ),
    Setting(
        "progress",
        "How progress is shown on stderr: auto, plain, json (one object a line) or none.",
        panel=OUTPUT,
        choices=("auto", "plain", "json", "none"),
        metavar="KIND",
    ),
    Setting(
        "outage_budget",
        "Seconds to go on trying while the target is away (default: 300).",
        "float",
        panel=OUTPUT,
        metavar="SECONDS",
    ),
    Setting(
        "lease_seconds",
        "Seconds after which a run that died may be taken over (default: 30).",
        "float",
        panel=OUTPUT,
        metavar="SECONDS",
        hidden=True,
    ),
)

SETTINGS: tuple[Setting, ...] = (
    *MIGRATION_SETTINGS, *TARGET_SETTINGS, *SOURCE_SETTINGS, *ASSESSMENT_SETTINGS, *GATE_SETTINGS, *OUTPUT_SETTINGS,
    *RUN_SETTINGS,
)  # fmt: skip

SECTION_ALIASES = {
    "assess-migration": "assessment",
    "export-data-from-source": "export-data",
    "import-data-to-target": "import-data",
    "import-data-file": "import-file",
    "initiate-cutover-to-target": "cutover",
    "cutover-initiate": "cutover",
    "end-migration": "end",
    "finalize-schema-post-data-import": "finalize",
}
"""Section of yb-voyager's file -> section of ours."""

LEGACY_KEYS: dict[str, frozenset[str]] = {
    "compare-performance": frozenset({"log-level", "output-dir"}),
    "assessment": frozenset({"assessment-metadata-dir", "run-guardrails-checks", "log-level"}),
    "": frozenset({"send-diagnostics", "log-level", "profile", "control-plane-type"}),
    "source": frozenset(
        {"oracle-home", "oracle-cdb-name"}
    ),
    "export-schema": frozenset(
        {"use-orafce", "comments-on-objects", "skip-colocation-recommendations", "skip-performance-recommendations",
         "assessment-report-path", "assess-schema-before-export", "run-guardrails-checks", "object-type-list",
         "exclude-object-type-list"}
    ),
    "import-schema": frozenset(
        {"continue-on-error", "ignore-exist", "enable-orafce", "straight-order", "run-guardrails-checks",
         "object-type-list", "exclude-object-type-list"}
    ),
    "export-data": frozenset({"export-type", "disable-pb", "allow-oracle-clob-data-export", "run-guardrails-checks"}),
    "import-data": frozenset(
        {"adaptive-parallelism", "adaptive-parallelism-max", "on-primary-key-conflict", "error-policy-snapshot",
         "target-endpoints", "use-public-ip", "enable-upsert", "max-retries-streaming", "use-partition-root",
         "cdc-partition-key", "cdc-partition-key-overrides", "skip-replication-checks", "skip-node-health-checks",
         "skip-disk-usage-health-checks", "disable-pb", "truncate-tables", "truncate-splits", "run-guardrails-checks"}
    ),
    "cutover": frozenset({"prepare-for-fall-back", "use-yb-grpc-connector"}),
    "finalize": frozenset({"refresh-mviews", "continue-on-error", "ignore-exist"}),
    "analyze-schema": frozenset({"output-format", "target-db-version"}),
}  # fmt: skip
"""Keys of yb-voyager's file that are accepted, with a warning where they have no effect here."""

LEGACY_SECTIONS = frozenset(
    {"source-replica", "archive-changes", "initiate-cutover-to-source", "yugabyted-control-plane",
     "initiate-cutover-to-source-replica", "export-data-from-target", "import-data-to-source",
     "import-data-to-source-replica", "import-data-file", "get-data-migration-report", "ybaeon-control-plane"}
)  # fmt: skip
"""Sections of yb-voyager's file that commands of later workflows read; not looked into here."""
