"""The tables of the ybvoyager schema as SQLAlchemy knows them; a test holds them equal to migrations_ddl."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from voyager.store.values import Json

SCHEMA = "ybvoyager"
metadata = MetaData(schema=SCHEMA)


def _uuid(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Uuid(), nullable=null)


def _text(name: str, *, null: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, Text(), nullable=null, server_default=None if default is None else text(f"'{default}'"))


def _int(name: str, *, null: bool = False, default: int | None = None) -> Column[Any]:
    return Column(name, Integer(), nullable=null, server_default=None if default is None else text(str(default)))


def _big(name: str, *, null: bool = False, default: int | None = None) -> Column[Any]:
    return Column(name, BigInteger(), nullable=null, server_default=None if default is None else text(str(default)))


def _json(name: str, *, null: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, Json(), nullable=null, server_default=None if default is None else text(f"'{default}'"))


def _now(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def _time(name: str, *, null: bool = True) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=null)


def _key(*names: str) -> PrimaryKeyConstraint:
    return PrimaryKeyConstraint(*names)


schema_version = Table(
    "schema_version",
    metadata,
    Column("number", Integer(), nullable=False, autoincrement=False),
    _text("name"),
    _text("sha256"),
    _now("applied_at"),
    _key("number"),
)

migrations = Table(
    "migrations",
    metadata,
    _uuid("migration_uuid"),
    _text("name"),
    _text("workflow"),
    _json("source"),
    _json("target"),
    _text("export_dir"),
    _text("voyager_version"),
    _big("version", default=1),
    _json("settings", default="{}"),
    _json("phase_table"),
    _json("capabilities", default="{}"),
    _json("next_if_idle", null=True),
    _json("next_if_running", null=True),
    _now("created_at"),
    _now("updated_at"),
    _time("ended_at"),
    _text("end_reason", null=True),
    _key("migration_uuid"),
)

migration_state = Table(
    "migration_state",
    metadata,
    _uuid("migration_uuid"),
    _text("phase"),
    _text("state"),
    _int("attempt", default=0),
    Column("percent", Double(), nullable=False, server_default=text("0")),
    _time("started_at"),
    _time("completed_at"),
    _now("updated_at"),
    _json("last_error", null=True),
    _json("summary", default="{}"),
    _key("migration_uuid", "phase"),
)

leases = Table(
    "leases",
    metadata,
    _uuid("migration_uuid"),
    _text("phase"),
    _uuid("token"),
    _text("owner"),
    _text("host"),
    _int("pid"),
    _json("backends", default="[]"),
    _now("acquired_at"),
    _time("expires_at", null=False),
    _key("migration_uuid", "phase", "token"),
)

table_progress = Table(
    "table_progress",
    metadata,
    _uuid("migration_uuid"),
    _text("phase"),
    _text("schema_name"),
    _text("table_name"),
    _text("status"),
    _big("rows_total", null=True),
    _big("rows_estimated", null=True),
    _big("rows_done", default=0),
    _big("bytes_total", null=True),
    _big("bytes_done", default=0),
    _big("rows_quarantined", default=0),
    Column("rate", Double(), nullable=True),
    _time("started_at"),
    _now("updated_at"),
    _time("completed_at"),
    _text("message", default=""),
    _int("chunks_done", default=0),
    _int("chunks_total", null=True),
    _key("migration_uuid", "phase", "schema_name", "table_name"),
)

events = Table(
    "events",
    metadata,
    _uuid("event_id"),
    _uuid("migration_uuid"),
    _now("at"),
    _text("phase", null=True),
    _text("kind"),
    _text("from_state", null=True),
    _text("to_state", null=True),
    _text("actor"),
    _json("detail", default="{}"),
    _key("event_id"),
)

reports = Table(
    "reports",
    metadata,
    _uuid("report_id"),
    _uuid("migration_uuid", null=True),
    _text("kind"),
    _text("voyager_version"),
    _now("created_at"),
    _json("body"),
    _text("sha256"),
    _key("report_id"),
)

schema_statements = Table(
    "schema_statements",
    metadata,
    _uuid("statement_id"),
    _uuid("migration_uuid"),
    _text("phase"),
    _int("ordinal"),
    _text("sha256"),
    _text("file"),
    _int("line"),
    _text("object"),
    _text("state"),
    _text("error", null=True),
    _now("started_at"),
    _time("finished_at"),
    _key("statement_id"),
)

import_batches = Table(
    "import_batches",
    metadata,
    _uuid("chunk_id"),
    _int("batch_no"),
    _int("blocks"),
    _uuid("migration_uuid"),
    _text("snapshot"),
    _text("schema_name"),
    _text("table_name"),
    _big("rows"),
    _big("bytes"),
    _big("quarantined", default=0),
    _uuid("lease_token"),
    _now("committed_at"),
    _big("ignored", default=0),
    _big("updated", default=0),
    _key("chunk_id", "batch_no"),
)

change_positions = Table(
    "change_positions",
    metadata,
    _uuid("migration_uuid"),
    _text("direction"),
    _int("lane"),
    _text("position"),
    _text("fence", null=True),
    _big("inserts", default=0),
    _big("updates", default=0),
    _big("deletes", default=0),
    _now("updated_at"),
    _key("migration_uuid", "direction", "lane"),
)

quarantined_rows = Table(
    "quarantined_rows",
    metadata,
    _uuid("id"),
    _uuid("migration_uuid"),
    _text("phase"),
    _text("schema_name"),
    _text("table_name"),
    _json("key", null=True),
    _text("reason"),
    _text("sqlstate", null=True),
    _text("file", null=True),
    _big("file_offset", null=True),
    _text("change_position", null=True),
    _json("row_values", null=True),
    _text("status", default="set_aside"),
    _now("set_aside_at"),
    _time("settled_at"),
    _uuid("chunk_id", null=True),
    _int("block", null=True),
    _int("row_in_block", null=True),
    _key("id"),
)

verification_chunks = Table(
    "verification_chunks",
    metadata,
    _uuid("run_id"),
    _text("schema_name"),
    _text("table_name"),
    _int("chunk"),
    _uuid("migration_uuid"),
    _text("lo", null=True),
    _text("hi", null=True),
    _big("source_rows", null=True),
    _big("target_rows", null=True),
    _text("source_sum", null=True),
    _text("target_sum", null=True),
    _text("state"),
    _text("fence", null=True),
    _now("compared_at"),
    _key("run_id", "schema_name", "table_name", "chunk"),
)

fleets = Table(
    "fleets",
    metadata,
    _uuid("fleet_id"),
    _text("name"),
    _json("settings", default="{}"),
    _now("created_at"),
    _key("fleet_id"),
)

fleet_members = Table(
    "fleet_members",
    metadata,
    _uuid("fleet_id"),
    _text("member"),
    _json("endpoint"),
    _uuid("migration_uuid", null=True),
    _text("status"),
    _json("error", null=True),
    _now("updated_at"),
    _key("fleet_id", "member"),
)
