"""The statements of a repair file as it is run: part by part, in batches that a transaction can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from voyager.errors import disk_error
from voyager.verification.repair import COMES_AGAIN, TAKEN_AWAY
from voyager.verification.repair_files import AGAIN, CLEAR, verb_of

STATEMENTS_PER_TRANSACTION = 500
BYTES_PER_TRANSACTION = 8 << 20

_STARTS = tuple(f"{word} ".encode() for word in ("DELETE", "UPDATE", "INSERT", "WITH surplus"))
_STARTS += (TAKEN_AWAY.encode(), COMES_AGAIN.encode())


@dataclass(frozen=True)
class Statement:
    """One line of a file: its part, its number within the part, and where in the file it begins."""

    part: str
    text: bytes
    number: int
    offset: int


Steps = tuple[Statement, Statement]
"""What takes a row away, and what brings it again."""


def statements(path: Path, part: str) -> Iterator[Statement]:
    """The statements of one part, in the file's order."""
    number = offset = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                if line.startswith(_STARTS) and verb_of(line[:40].decode("utf-8", "replace")) == part:
                    yield Statement(part, line.rstrip(b"\n"), number, offset)
                    number += 1
                offset += len(line)
    except OSError as error:
        raise disk_error(error, path) from error


def pairs(path: Path, numbers: frozenset[int]) -> Iterator[list[Steps]]:
    """Both steps of these of the rows that come again, as many rows as one transaction takes."""
    batch: list[Steps] = []
    size = 0
    for steps in zip(statements(path, CLEAR), statements(path, AGAIN), strict=True):
        if steps[0].number not in numbers:
            continue
        length = sum(len(one.text) for one in steps)
        if batch and (len(batch) >= STATEMENTS_PER_TRANSACTION or size + length > BYTES_PER_TRANSACTION):
            yield batch
            batch, size = [], 0
        batch.append(steps)
        size += length
    if batch:
        yield batch


def read_again(path: Path, places: Sequence[Statement]) -> Iterator[Statement]:
    """Statements whose text was not kept, from where they are in the file."""
    try:
        with path.open("rb") as file:
            for one in places:
                file.seek(one.offset)
                yield Statement(one.part, file.readline().rstrip(b"\n"), one.number, one.offset)
    except OSError as error:
        raise disk_error(error, path) from error


def batches(found: Iterable[Statement]) -> Iterator[list[Statement]]:
    """As many as one transaction takes."""
    batch: list[Statement] = []
    size = 0
    for one in found:
        if batch and (len(batch) >= STATEMENTS_PER_TRANSACTION or size + len(one.text) > BYTES_PER_TRANSACTION):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.text)
    if batch:
        yield batch
