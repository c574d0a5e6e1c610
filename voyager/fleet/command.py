"""The command that assesses one member: our own, in a process of its own. Its password goes by the environment only."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voyager.config import passwords
from voyager.config.config import TLS_KEYWORDS
from voyager.fleet.member import SID, TNS_ALIAS, Member

PASSWORD_VARIABLE = "SOURCE_DB_PASSWORD"
_KEPT = ("YB_VOYAGER_PG_BIN",)
_OURS = ("YB_VOYAGER_", "SOURCE_DB_", "TARGET_DB_")


@dataclass(frozen=True)
class Defaults:
    """What holds for every member that does not say otherwise."""

    release: str
    capture_seconds: int | None = None


def command_line(member: Member, directory: Path, defaults: Defaults) -> list[str]:
    """`assessment run` for a member. Nothing of it is secret. Values stand in the word of their flag, so that none can
    be taken for a flag; no config file of the operator's gets a say."""
    place, options = member.endpoint, dict(member.endpoint.options)
    seconds = member.capture_seconds if member.capture_seconds is not None else defaults.capture_seconds
    values = {
        "--source-db-type": place.engine,
        "--source-db-host": place.host,
        "--source-db-port": str(place.port),
        "--source-db-name": "" if options else place.database,
        "--oracle-db-sid": options.get(SID, ""),
        "--oracle-tns-alias": options.get(TNS_ALIAS, ""),
        "--source-db-user": place.user,
        "--source-db-schema": _list(place.schemas),
        **{
            f"--source-{setting.replace('_', '-')}": dict(place.tls).get(word, "")
            for setting, word in TLS_KEYWORDS.items()
        },
        "--source-read-replica-endpoints": ",".join(member.replicas),
        "--iops-capture-interval": "" if seconds is None else str(seconds),
        "--target-db-version": release_of(member, defaults),
        "--assessment-dir": str(directory),
        "--config-file": os.devnull,
    }
    flags = [f"{flag}={value}" for flag, value in values.items() if value]
    if member.primary_only:
        flags.append("--primary-only")
    return [sys.executable, "-m", "voyager", "assessment", "run", *flags, "--output=json", "--progress=plain", "--yes"]


def release_of(member: Member, defaults: Defaults) -> str:
    """The release that a member is judged for."""
    return member.release or defaults.release


def environment_of(member: Member, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a member's command: the operator's, without settings that are about another database.

    Raises UsageError when the member's password cannot be had.
    """
    kept = {name: value for name, value in environment.items() if name in _KEPT or not name.startswith(_OURS)}
    if member.password is None:
        return kept
    where = f"the password of {member.name} (line {member.line})"
    password = passwords.from_config(member.password, where=where, environment=environment)
    return kept if password is None else {**kept, PASSWORD_VARIABLE: password}


def password_source(member: Member) -> str:
    """Where the password comes from, for people; never the password."""
    if member.password is None:
        return "none given"
    if member.has_literal_password:
        return "the fleet file"
    kind, text = next(iter(member.password.items()))
    return "a command" if kind == "command" else f"{'environment variable' if kind == 'env' else 'file'} {text}"


def _list(names: tuple[str, ...]) -> str:
    return ",".join('"' + name.replace('"', '""') + '"' for name in names)
