"""The schema directory of an export: one file per kind of statement, read back as an operator left it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from voyager.errors import UsageError, disk_error
from voyager.identifiers import visible
from voyager.schema.kinds import FILES
from voyager.schema.lexer import ParseError, split
from voyager.schema.statements import Statement, classify

FAILED = "failed.sql"
"""A list that an import leaves for its operator, of statements that stand in the other files: never read back."""
REDUNDANT_INDEXES = "redundant_indexes.sql"
"""Statements that an export left out on an assessment's advice: kept for the operator, never read back."""
ORIGINALS = "originals"
"""A directory of the files as they would be without that advice: kept beside them, never read back."""


_KEPT = f"{ORIGINALS}/"


def write_schema_files(statements: Iterable[Statement], directory: Path) -> tuple[str, ...]:
    """Write every statement to the file of its kind, replace what an earlier export left, and return the files."""
    contents: dict[str, list[str]] = {}
    for statement in statements:
        contents.setdefault(FILES.get(statement.kind, FILES["other"]), []).append(statement.text)
    for stale in set(FILES.values()) - set(contents):
        (directory / stale).unlink(missing_ok=True)
    for name, texts in contents.items():
        _write(directory / name, "".join(f"{text};\n\n" for text in texts))
    return tuple(sorted(contents))


def write_originals(originals: Iterable[Statement], left_out: Iterable[Statement], directory: Path) -> None:
    """Keep what advice changed: every statement as it was, in the same layout, and those that were left out."""
    write_schema_files(originals, directory / ORIGINALS)
    texts = "".join(f"{statement.text};\n\n" for statement in left_out)
    if texts:
        _write(directory / REDUNDANT_INDEXES, texts)
    else:
        (directory / REDUNDANT_INDEXES).unlink(missing_ok=True)


def remove_originals(directory: Path) -> None:
    """Forget what an earlier export kept that followed advice."""
    shutil.rmtree(directory / ORIGINALS, ignore_errors=True)
    (directory / REDUNDANT_INDEXES).unlink(missing_ok=True)


def read_schema_files(directory: Path) -> list[Statement]:
    """Read every .sql file under `directory`: ours in order of execution, then files that an operator added."""
    known = list(dict.fromkeys(FILES.values()))
    present = sorted(str(path.relative_to(directory).as_posix()) for path in directory.rglob("*.sql"))
    present = [name for name in present if name not in {FAILED, REDUNDANT_INDEXES} and not name.startswith(_KEPT)]
    names = [name for name in known if name in present] + [name for name in present if name not in known]
    return [statement for name in names for statement in _read(directory / name, name)]


def _read(path: Path, name: str) -> tuple[Statement, ...]:
    # Bytes, not text mode: a carriage return inside a function's body or a name is part of it.
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{visible(str(path))} is not UTF-8 (byte {error.start}).", "Save the file as UTF-8 and run again."
        ) from None
    try:
        return _statements(text, name)
    except ParseError as error:
        raise ParseError(
            f"{visible(str(path))}, line {error.line}: {error.message}",
            line=error.line,
            hint="Correct the file and run the same command again.",
        ) from None


@lru_cache(maxsize=len(FILES))
def _statements(text: str, name: str) -> tuple[Statement, ...]:
    """The statements of a file's text. Several phases read the same files, each as they are by then."""
    return tuple(classify(raw.text, line=raw.line, file=name) for raw in split(text))


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    content = text.encode("utf-8")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise disk_error(error, path, len(content)) from error
