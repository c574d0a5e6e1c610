"""Which tables travel: table lists with globs and quotes, and a disposition for every relation of the source."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voyager.catalog import Catalog, Disposition, Table
from voyager.errors import UsageError
from voyager.identifiers import TableName, visible

COPIED_KINDS = frozenset({"table", "partition"})
_REASONS = {
    "partitioned": "its rows are in its partitions, which are copied",
    "foreign": "its rows are in another database",
    "materialized view": "it is refreshed on the target",
}
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


@dataclass(frozen=True)
class Chosen:
    """The tables to copy, and what becomes of every relation. `unpopulated` are materialized views that hold nothing
    at the source and are not to be filled on the target."""

    tables: tuple[Table, ...]
    dispositions: tuple[Disposition, ...]
    unpopulated: tuple[TableName, ...] = ()


def choose(catalog: Catalog, include: Sequence[str], exclude: Sequence[str]) -> Chosen:
    """Apply the lists. Naming a partitioned table (or a partition with partitions) names its partitions too."""
    chosen = _with_partitions(_named(include, catalog), catalog) if include else {t.name for t in catalog.tables}
    left_out = _with_partitions(_named(exclude, catalog), catalog)
    tables = [t for t in catalog.tables if t.kind in COPIED_KINDS and t.name in chosen and t.name not in left_out]
    copied = {table.name for table in tables}
    if not tables and (include or exclude):
        raise UsageError("The table lists leave no table to copy.", "Change --table-list or --exclude-table-list.")
    dispositions = [
        Disposition(t.kind, str(t.name), "copied")
        if t.name in copied
        else Disposition(t.kind, str(t.name), "skipped", _reason(t, chosen, left_out))
        for t in catalog.tables
    ]
    unpopulated = tuple(t.name for t in catalog.tables if not t.populated)
    return Chosen(tuple(tables), (*dispositions, *catalog.not_migrated), unpopulated)


def read_list(entries: Iterable[str], file: str | None) -> tuple[str, ...]:
    """The entries of an option and those of its file: separated by commas or lines, `#` begins a comment line."""
    listed = list(entries)
    if file:
        try:
            text = Path(file).expanduser().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"The table list {visible(file)} cannot be read: {error}.", "Check the path.") from None
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        listed += [entry for line in lines for entry in _split_commas(line)]
        if not any(entry.strip() for entry in listed):
            raise UsageError(f"The table list {visible(file)} names no table.", "Write one table name per line.")
    return tuple(entry.strip() for entry in listed if entry.strip())


def _reason(table: Table, chosen: set[TableName], left_out: set[TableName]) -> str:
    if table.name in left_out:
        return "left out by --exclude-table-list"
    if table.name not in chosen:
        return "not named by --table-list"
    if not table.populated:
        return "it is not populated at the source and stays so"
    return _REASONS.get(table.kind, f"a {table.kind} holds no rows to copy")


def _named(entries: Sequence[str], catalog: Catalog) -> set[TableName]:
    """Every table that an entry names; an entry that names none is an error."""
    found: set[TableName] = set()
    for entry in entries:
        found |= _matches(entry, catalog)
    return found


def _matches(entry: str, catalog: Catalog) -> set[TableName]:
    parts = _parts(entry)
    names = {table.name for table in catalog.tables}
    found = {name for name in names if _fits(name, parts, re.IGNORECASE)}
    if not found:
        raise UsageError(f"There is no table {visible(entry)} in the source.", _nearest(entry, catalog))
    if any(part.glob for part in parts):
        return found
    # One table is meant: the spelling that fits exactly, then the one in schema public.
    found = {name for name in found if _fits(name, parts, re.NOFLAG)} or found
    found = {name for name in found if name.schema == "public"} or found
    if len(found) > 1:
        listed = ", ".join(sorted(str(name) for name in found))
        raise UsageError(
            f"{visible(entry)} names more than one table: {listed}.", 'Write schema."Name" as it is spelled.'
        )
    return found


@dataclass(frozen=True)
class _Part:
    """A schema or a table as the operator wrote it; quoted it is taken to the letter."""

    text: str
    quoted: bool

    @property
    def glob(self) -> bool:
        return not self.quoted and any(sign in self.text for sign in "*?")

    def fits(self, name: str, flags: re.RegexFlag) -> bool:
        if self.quoted:
            return name == self.text
        pattern = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in self.text)
        return re.fullmatch(pattern, name, flags | re.DOTALL) is not None


def _parts(entry: str) -> tuple[_Part, ...]:
    """`sales.*`, `"Odd, Name"`, `public."x""y"`: one part, or schema and name."""
    parts, rest = [], entry.strip()
    while match := _PART.match(rest):
        parts.append(_Part(match[2].strip() if match[1] is None else match[1].replace('""', '"'), match[1] is not None))
        rest = rest[match.end() :].lstrip()
        if not rest.startswith("."):
            break
        rest = rest[1:].lstrip() or "."
    if rest or not 1 <= len(parts) <= 2 or not all(part.text for part in parts):
        raise UsageError(f"{visible(entry)} is not a table name.", 'Write name, schema.name or schema."Name".')
    return tuple(parts)


def _fits(name: TableName, parts: tuple[_Part, ...], flags: re.RegexFlag) -> bool:
    schema_fits = len(parts) == 1 or parts[0].fits(name.schema, flags)
    return schema_fits and parts[-1].fits(name.name, flags)


def _with_partitions(names: set[TableName], catalog: Catalog) -> set[TableName]:
    """Add the partitions of partitioned tables, at any depth; children by inheritance are tables of their own."""
    roots = {table.name for table in catalog.tables if table.kind == "partitioned"}
    found, grown = set(names), True
    while grown:
        added = {t.name for t in catalog.tables if t.parent in found and t.parent in roots and t.name not in found}
        found |= added
        grown = bool(added)
    return found


def _split_commas(line: str) -> list[str]:
    """Cut at commas outside quotes."""
    return re.findall(r'(?:[^,"]|"(?:[^"]|"")*")+', line)


def _nearest(entry: str, catalog: Catalog) -> str:
    known: dict[str, list[str]] = {}
    for name in sorted(str(table.name) for table in catalog.tables):
        for spelling in {name.lower(), name.split(".")[-1].lower()}:
            known.setdefault(spelling, []).append(name)
    near = [name for spelling in difflib.get_close_matches(entry.lower(), known, n=3) for name in known[spelling]]
    return f"Did you mean {', '.join(sorted(set(near)))}?" if near else "Check the name."
