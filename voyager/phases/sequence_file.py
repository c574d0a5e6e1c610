"""data/sequences.json: where every sequence of the source stood when its data had been read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from voyager.catalog import Sequence
from voyager.errors import NotAllowed
from voyager.identifiers import TableName

NAME = "sequences.json"


def dump(sequences: Iterable[Sequence]) -> bytes:
    """The file's content, with its own checksum."""
    from voyager.data_file import seal

    return seal({"format": 1, "sequences": [asdict(sequence) for sequence in sequences]})


def load(data: Path) -> list[Sequence]:
    """Read the file below export-dir's data directory; DamagedFile when it is not what was written."""
    from voyager.data_file import unseal

    if not (data / NAME).exists():
        raise NotAllowed(f"{data / NAME} is missing: the export did not end.", "Run: yb-voyager migrate export data.")
    return [
        Sequence(**{**saved, "name": TableName(**saved["name"]), "owner_table": _table(saved["owner_table"])})
        for saved in unseal(data / NAME)["sequences"]
    ]


def _table(saved: dict[str, str] | None) -> TableName | None:
    return TableName(**saved) if saved else None
