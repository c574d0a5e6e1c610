"""The ybvoyager schema as numbered SQL files, forward only.

Every file is a list of single statements, each idempotent and each ending in a semicolon at the end of a line. Each is
executed in a transaction of its own, because YugabyteDB commits DDL statement by statement; none of them moves rows.
A published file is never edited: what changes comes in the next number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class DdlFile:
    """One file: its number, its name and what it holds."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements without comments and without their semicolons."""
        lines = [line for line in self.text.splitlines() if not line.lstrip().startswith("--")]
        pieces = "\n".join(line.rstrip() for line in lines).split(";\n")
        return tuple(piece.strip().removesuffix(";") for piece in pieces if piece.strip())


def ddl_files() -> tuple[DdlFile, ...]:
    """Return every file, in the order in which they are applied."""
    found = [entry for entry in files(__package__).iterdir() if entry.name.endswith(".sql")]
    return tuple(
        DdlFile(number=int(entry.name.split("_", 1)[0]), name=entry.name, text=entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    )
