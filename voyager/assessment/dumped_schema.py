"""The schema as SQL in a directory of metadata: one dump, or the files of an exported schema put together."""

from __future__ import annotations

from pathlib import Path

from voyager.assessment.csv_file import Faults

SCHEMA_FILE = "schema/schema.sql"
KEPT_AS = f"metadata/{SCHEMA_FILE}"
"""Where an assessment directory has it: the file whose lines a report names."""
_BEGINNING = "-- PostgreSQL database dump\n"
_END = "-- PostgreSQL database dump complete\n"
_FIRST = ("schema", "collation", "extension", "type", "domain", "sequence", "table", "partition", "function")
"""Names (or their beginnings) of files and directories whose statements others build on."""


def read_dumped_schema(place: Path, faults: Faults, *, required: bool) -> str:
    """Return the text, "" where there is none; that is a fault where it is `required`."""
    dump = place / SCHEMA_FILE
    if dump.is_file():
        text = _text(dump, SCHEMA_FILE, faults)
        if _BEGINNING in text and _END not in text:
            faults.add(SCHEMA_FILE, "The dump has no end: the file was cut off.", line=text.count("\n") + 1)
        elif not text.strip() and SCHEMA_FILE not in faults.files:
            faults.add(SCHEMA_FILE, "The file is empty.")
        return text
    files = sorted((place / "schema").rglob("*.sql"), key=lambda path: _order(path.relative_to(place / "schema")))
    if required and not files:
        faults.add(
            SCHEMA_FILE, "The file is missing. Make it with pg_dump --schema-only; without it nothing is judged."
        )
    return "".join(_text(path, path.relative_to(place).as_posix(), faults) + "\n" for path in files)


def _text(path: Path, shown: str, faults: Faults) -> str:
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.add(shown, "The file is UTF-16. Save it as UTF-8.")
        return ""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        faults.add(
            shown, f"Byte {error.start:,} of the file is not UTF-8. Dump it again with --encoding=UTF8.", line=line
        )
        return ""
    if "\0" in text:
        faults.add(shown, "The file holds a NUL byte: this is not SQL.", line=text[: text.index("\0")].count("\n") + 1)
    # A dump that went through Windows has other line ends, which are none of the schema's.
    return text.replace("\r\n", "\n") if _BEGINNING.replace("\n", "\r\n") in text else text


def _order(path: Path) -> tuple[int, str]:
    name = path.as_posix().lower()
    rank = next((place for place, word in enumerate(_FIRST) if name.startswith(word)), len(_FIRST))
    return rank, name
