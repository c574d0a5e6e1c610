"""Write the scripts that a DBA runs where yb-voyager may not connect: SQL, a README and a manifest."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voyager import __version__
from voyager.assessment.facts_file import FORMAT
from voyager.assessment.metadata_directory import FACTS_FILE
from voyager.errors import UsageError, disk_error
from voyager.identifiers import visible
from voyager.ports import Question
from voyager.sources import questions_of, render_scripts
from voyager.working_directory import write_atomic

MANIFEST, README = "manifest.json", "README.md"
COLLECTED = "collected"
_FOR_EVERYBODY, _PROGRAM = 0o644, 0o755

_BEGINNING = """\
# Collect metadata for an assessment of this database

These scripts read what an assessment of a migration to YugabyteDB needs: names and definitions, sizes, row estimates
and counters, from the catalog only. No table is read, nothing is written to the database, no object is created in it.
The answers are files in the directory `collected`; look at them before you send them back.

"""
_END = """\

## Send back

The whole directory `collected`, as it is. Whoever runs the migration takes it in with:

    yb-voyager assessment ingest-metadata --metadata-dir collected --assessment-dir assessment
    yb-voyager assessment report --assessment-dir assessment

A file that is missing, cut off or changed is named then, with the line.
"""


def write_scripts(engine: str, output_dir: Path) -> list[Path]:
    """Write the scripts for `engine` to `output_dir` and return the files. Again, the same text stays as it is.

    Raises UsageError for a directory that holds something else.
    """
    files = _files(engine)
    earlier = _own_files(output_dir, engine)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        (output_dir / COLLECTED).mkdir(exist_ok=True)
        # The manifest comes first: a directory that was left half written is known as ours.
        for name in sorted(files, key=lambda name: name != MANIFEST):
            _write(output_dir / name, files[name].encode())
        for name in earlier - set(files):
            with contextlib.suppress(FileNotFoundError):
                (output_dir / name).unlink()
    except OSError as error:
        raise disk_error(error, error.filename or output_dir) from error
    return [output_dir / name for name in sorted(files)]


def plan_scripts(engine: str) -> tuple[str, ...]:
    """The names of the files that write_scripts() would write."""
    return tuple(sorted(_files(engine)))


def _files(engine: str) -> dict[str, str]:
    questions = questions_of(engine)
    files = dict(render_scripts(engine))
    files[README] = _BEGINNING + files.get(README, "").strip() + "\n\n" + _answers(questions) + _END
    files[MANIFEST] = json.dumps(_manifest(engine, questions, files), indent=2) + "\n"
    return files


def _manifest(engine: str, questions: Sequence[Question], files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "engine": engine,
        "voyager_version": __version__,
        "scripts": [
            {"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in sorted(files.items())
        ],
        "answers": [
            {
                "name": f"{question.name}.csv",
                "columns": list(question.columns),
                "required": question.required,
                "of_replicas_too": question.nodes == "all",
            }
            for question in questions
        ],
    }


def _answers(questions: Sequence[Question]) -> str:
    lines = ["## What is read", "", "| File in `collected` | Holds | Needs |", "|---|---|---|"]
    lines += [f"| {question.name}.csv | {question.what} | {question.needs} |" for question in questions]
    lines.append(f"| {FACTS_FILE} | version and settings of the server, and what the role may not see | |")
    return "\n".join(lines) + "\n"


def _own_files(output_dir: Path, engine: str) -> set[str]:
    """The files that an earlier run wrote here; refuses a directory with a life of its own."""
    if output_dir.exists() and not output_dir.is_dir():
        raise UsageError(f"{visible(str(output_dir))} is a file.", "Give a directory with --output-dir.")
    if not output_dir.exists() or not any(output_dir.iterdir()):
        return set()
    hint = "Give an empty or a new directory with --output-dir."
    try:
        manifest = json.loads((output_dir / MANIFEST).read_text("utf-8"))
        written, names = manifest["engine"], {str(one["name"]) for one in manifest["scripts"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{visible(str(output_dir))} holds files that are not scripts of ours.", hint) from None
    if written != engine:
        raise UsageError(f"{visible(str(output_dir))} holds scripts for {visible(str(written))}.", hint)
    return {name for name in names if Path(name).name == name}


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    write_atomic(path, content)
    # A DBA who runs them is seldom the one who made them.
    path.chmod(_PROGRAM if content.startswith(b"#!") else _FOR_EVERYBODY)
