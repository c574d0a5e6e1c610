"""The file-table map: which files go into which table, as the operator writes it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from voyager.errors import UsageError
from voyager.files.cloud import refuse_secret, without_secret
from voyager.files.storage import StoredFile, is_pattern, join, scheme_of, storage_of
from voyager.files.streams import not_read
from voyager.identifiers import visible

_PART = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^".]+))\s*')
_HINT = "Write it like: --file-table-map 'orders*.csv:public.orders,customers.csv.gz:customers'."


@dataclass(frozen=True)
class NamePart:
    """A schema or a table as the operator wrote it; quoted it is taken to the letter."""

    text: str
    quoted: bool

    def fits(self, name: str, *, exactly: bool) -> bool:
        return name == self.text if self.quoted or exactly else name.lower() == self.text.lower()


@dataclass(frozen=True)
class Entry:
    """Files, by a path or a pattern, and the table they belong to: schema (or none) and name."""

    pattern: str
    schema: NamePart | None
    table: NamePart
    written: str


def parse_map(text: str) -> tuple[Entry, ...]:
    """The entries of `orders*.csv:public.orders,…`; quotes keep commas and colons. Raises UsageError."""
    written = [one for one in re.findall(r'(?:[^,\n"]|"(?:[^"]|"")*")+', text) if one.strip()]
    if not written:
        raise UsageError("--file-table-map names no file.", _HINT)
    return tuple(_entry(one.strip()) for one in written)


def _entry(written: str) -> Entry:
    colons = [match.start() for match in re.finditer(r':(?=(?:[^"]*"[^"]*")*[^"]*$)', written)]
    pattern, table = (written[: colons[-1]], written[colons[-1] + 1 :]) if colons else (written, "")
    parts = _name(table)
    if not pattern.strip() or not parts or table.startswith("//"):
        raise UsageError(f"{visible(without_secret(written))!r} in --file-table-map is not FILE:TABLE.", _HINT)
    schema, name = (None, parts[0]) if len(parts) == 1 else parts
    file = pattern.strip()
    if len(file) > 1 and file[0] == file[-1] == '"':
        file = file[1:-1].replace('""', '"')
    return Entry(file, schema, name, table.strip())


def _name(text: str) -> tuple[NamePart, ...]:
    """One part, or schema and name; nothing for what is no name."""
    parts, place = [], 0
    while match := _PART.match(text, place):
        parts.append(
            NamePart(match[2].strip() if match[1] is None else match[1].replace('""', '"'), match[1] is not None)
        )
        place = match.end()
        if place == len(text):
            break
        if text[place] != ".":
            return ()
        place += 1
    whole = place == len(text) and 1 <= len(parts) <= 2 and all(part.text for part in parts)
    return tuple(parts) if whole else ()


def find_files(entries: tuple[Entry, ...], data_dir: str) -> list[tuple[StoredFile, Entry]]:
    """Every file that the map means, with its entry.

    Raises UsageError for an entry that means none, and for a file that two entries claim: one of them is a mistake, and
    its rows would be in two tables.
    """
    refuse_secret(data_dir)
    claimed: dict[str, tuple[StoredFile, Entry]] = {}
    for entry in entries:
        location = join(data_dir, entry.pattern)
        found = storage_of(location).find(location)
        if not found:
            raise _nothing(location)
        for file in found:
            _readable(file)
            other = claimed.setdefault(_one_spelling(file.url), (file, entry))[1]
            if other is not entry:
                raise UsageError(
                    f"Two entries of --file-table-map mean {visible(file.url)}: {visible(other.pattern)} for "
                    f"{visible(other.written)} and {visible(entry.pattern)} for {visible(entry.written)}.",
                    "Make one of the patterns narrower.",
                )
    return sorted(claimed.values(), key=lambda pair: pair[0].url)


def _one_spelling(url: str) -> str:
    """Of a path: `a.csv` and `b/../a.csv` are one file, as far as names tell."""
    return url if scheme_of(url) else os.path.normpath(url)


def _nothing(location: str) -> UsageError:
    if is_pattern(location):
        return UsageError(
            f"No file fits {visible(location)}.", "Check --data-dir and the pattern; quote it for the shell."
        )
    return UsageError(f"There is no file {visible(location)}.", "Check --data-dir and --file-table-map.")


def _readable(file: StoredFile) -> None:
    if not_read(file.url):
        kind = file.url.partition("?")[0].rsplit(".", 1)[-1]
        raise UsageError(
            f"{visible(file.url)} is a .{visible(kind)} file, which is not read.",
            "Unpack it, or compress it with gzip, bzip2, xz or zstd; or leave it out of --file-table-map.",
        )
