"""Fleet files: a YAML list of databases, or the CSV of yb-voyager; read and checked as a whole, mistakes by line."""

from __future__ import annotations

import csv
import io
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voyager.errors import UsageError, disk_error
from voyager.fleet.member import Entry, Given, Member, Mistakes, build, known_key, usable_name
from voyager.identifiers import visible

if TYPE_CHECKING:
    import yaml

    from voyager.endpoint import Endpoint

TOP_KEYS = ("databases", "defaults")
CSV_KEYS: Mapping[str, str] = {
    "source-db-type": "engine",
    "source-db-host": "host",
    "source-db-port": "port",
    "source-db-name": "database",
    "oracle-db-sid": "oracle-sid",
    "oracle-tns-alias": "oracle-tns-alias",
    "source-db-user": "user",
    "source-db-password": "password",
    "source-db-schema": "schemas",
}
"""The columns of yb-voyager's file, in its order."""
REQUIRED_COLUMNS = ("source-db-type", "source-db-user", "source-db-schema")
PLACE_COLUMNS = ("source-db-name", "oracle-db-sid", "oracle-tns-alias")


@dataclass(frozen=True)
class Fleet:
    """The members in the order of the file."""

    members: tuple[Member, ...]
    path: Path | None = None


def read_fleet(path: Path) -> Fleet:
    """Read a fleet file. Raises UsageError that names every mistake with its line."""
    shown = visible(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"There is no fleet file {shown}.", "Give one with --fleet-file.") from None
    except OSError as error:
        raise disk_error(error, shown) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The fleet file {shown} is not UTF-8 text (byte {error.start}).") from None
    fleet = parse_fleet(text, is_csv=_is_csv(path, text), shown=shown)
    literal = next((member for member in fleet.members if member.has_literal_password), None)
    if literal is not None and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UsageError(
            f"The fleet file {shown} holds a password (line {literal.line}) and others may read the file.",
            f"Run: chmod 600 {shown}; or write password: {{file: PATH}}, {{env: NAME}} or {{command: RUN}}.",
        )
    return replace(fleet, path=path)


def parse_fleet(text: str, *, is_csv: bool, shown: str = "given") -> Fleet:
    """The fleet in the text of a file."""
    mistakes = Mistakes()
    members = list(_csv_members(text, mistakes) if is_csv else _yaml_members(text, mistakes, shown))
    members = _with_distinct_names(members)
    _check_distinct(members, mistakes)
    if mistakes.lines:
        count = len(mistakes.lines)
        raise UsageError(
            f"The fleet file {shown} has {'a mistake' if count == 1 else f'{count} mistakes'}; nothing was begun.",
            "Correct what is listed, then run the same command again.",
            mistakes.lines,
        )
    if not members:
        raise UsageError(f"The fleet file {shown} names no database.", "Write a list under databases:.")
    return Fleet(tuple(members))


def _is_csv(path: Path, text: str) -> bool:
    if path.suffix.lower() in {".csv", ".yaml", ".yml", ".json"}:
        return path.suffix.lower() == ".csv"
    head = text.lstrip().partition("\n")[0].lower()
    return "," in head and "source-db-" in head


def _yaml_members(text: str, mistakes: Mistakes, shown: str) -> Iterator[Member]:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.MappingNode):
            mistakes.add(1, "the file holds no 'databases:' list.")
            return
        yield from _yaml_entries(root, mistakes)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(f"The fleet file {shown} is no text in line {line}: {error.reason}.") from None
    except (yaml.MarkedYAMLError, RecursionError) as error:
        # Only the place is told: the lines around it may hold a password.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", "it is too deep")
        where = f" in line {mark.line + 1}" if mark else ""
        raise UsageError(f"The fleet file {shown} is not YAML{where}: {problem}.") from None


def _yaml_entries(root: yaml.MappingNode, mistakes: Mistakes) -> Iterator[Member]:
    import yaml

    top: dict[str, yaml.Node] = {}
    for key, line, node in _pairs(root, mistakes):
        if key in TOP_KEYS:
            top[key] = node
        else:
            mistakes.add(line, f"{visible(key)} is no key of a fleet file; known are {', '.join(TOP_KEYS)}.")
    defaults = _defaults(top.get("defaults"), mistakes)
    databases = top.get("databases")
    if not isinstance(databases, yaml.SequenceNode):
        mistakes.add(
            _line(databases) if databases else 1, "databases is no list." if databases else "databases is missing."
        )
        return
    for node in databases.value:
        entry = _entry(node, mistakes, defaults)
        member = build(entry, mistakes, name_of=lambda place: usable_name(place.database)) if entry else None
        if member is not None:
            yield member


def _defaults(node: yaml.Node | None, mistakes: Mistakes) -> Mapping[str, Given]:
    if node is None or _value(node) == "":
        return {}
    entry = _entry(node, mistakes, {})
    given = dict(entry.given) if entry else {}
    if "name" in given:
        mistakes.add(given.pop("name").line, "defaults cannot give a name: each database has its own.")
    return given


def _entry(node: yaml.Node, mistakes: Mistakes, defaults: Mapping[str, Given]) -> Entry | None:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        mistakes.add(_line(node), "a database is no block of 'key: value' lines.")
        return None
    found: dict[str, Given] = {}
    for key, line, value in _pairs(node, mistakes):
        known = known_key(key, line, mistakes)
        if known in found:
            mistakes.add(line, f"{visible(key)} is given twice, in line {found[known].line} too.")
        elif known:
            found[known] = Given(_value(value), line)
    return Entry(_line(node), _over(defaults, found))


def _pairs(node: yaml.MappingNode, mistakes: Mistakes) -> Iterator[tuple[str, int, yaml.Node]]:
    """Key, line and value of a block; a key that is there twice is a mistake."""
    lines: dict[str, int] = {}
    for name, value in node.value:
        key, line = str(name.value), _line(name)
        if key in lines:
            mistakes.add(line, f"{visible(key)} is given twice, in line {lines[key]} too.")
            continue
        lines[key] = line
        yield key, line, value


def _value(node: yaml.Node, depth: int = 0) -> Any:
    """A value with all its scalars as they are written: `no` is a name as good as any. What is nested deeper than any
    value may be is left out."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return "" if node.style is None and node.value in {"~", "null"} else node.value
    if depth > 1:
        return []
    if isinstance(node, yaml.SequenceNode):
        return [_value(part, depth + 1) for part in node.value]
    return {str(name.value): _value(value, depth + 1) for name, value in node.value}


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _over(defaults: Mapping[str, Given], found: Mapping[str, Given]) -> dict[str, Given]:
    """What was given over the defaults; the blocks of both are put together. A URI stands for what it holds."""
    hidden = {"host", "port", "database", "user", "engine"} & {*defaults} if "uri" in found else set()
    whole = {**{key: given for key, given in defaults.items() if key not in hidden}, **found}
    for key in {"labels", "tls"} & {*defaults} & {*found}:
        below, above = defaults[key].value, found[key].value
        if isinstance(below, dict) and isinstance(above, dict):
            whole[key] = Given({**below, **above}, found[key].line)
    return whole


def _csv_members(text: str, mistakes: Mistakes) -> Iterator[Member]:
    rows = _csv_rows(text, mistakes)
    header_line, header = next(rows, (1, []))
    columns = _columns(header, header_line, mistakes)
    if columns is None:
        return
    for line, row in rows:
        if len(row) != len(columns):
            mistakes.add(line, f"the row has {len(row)} fields, the header has {len(columns)}.")
            continue
        texts = dict(zip(columns, (field.strip() for field in row), strict=True))
        for column in (name for name in REQUIRED_COLUMNS if not texts[name]):
            mistakes.add(line, f"{column} is empty.")
        given = {CSV_KEYS[name]: Given(_csv_value(name, value), line) for name, value in texts.items() if value}
        if "host" not in given and "oracle-tns-alias" not in given:
            given["host"] = Given("localhost", line)
        member = build(Entry(line, given), mistakes, name_of=partial(_csv_name, schema=texts["source-db-schema"]))
        if member is not None:
            yield member


def _csv_rows(text: str, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as error:
        mistakes.add(reader.line_num, f"the row cannot be read ({error}).")


def _columns(header: list[str], line: int, mistakes: Mistakes) -> list[str] | None:
    names = [name.strip().lower().replace("_", "-") for name in header]
    before = len(mistakes.found)
    for name in names:
        if name not in CSV_KEYS:
            mistakes.add(line, f"{visible(name) or 'an empty name'} is no column; known are {', '.join(CSV_KEYS)}.")
        elif names.count(name) > 1:
            mistakes.add(line, f"the column {name} is there twice.")
    for name in REQUIRED_COLUMNS:
        if name not in names:
            mistakes.add(line, f"the column {name} is missing.")
    if not set(PLACE_COLUMNS) & set(names):
        mistakes.add(line, f"one of the columns {', '.join(PLACE_COLUMNS)} is needed.")
    return names if len(mistakes.found) == before else None


def _csv_value(name: str, value: str) -> Any:
    return value.replace("|", ",") if name == "source-db-schema" else value


def _csv_name(place: Endpoint, *, schema: str) -> str:
    return usable_name(place.database, schema)


def _with_distinct_names(members: list[Member]) -> list[Member]:
    """Names that were made tell the host too, and then the port, where they would be the same otherwise."""
    for part in ("host", "port"):
        taken = Counter(member.name.casefold() for member in members)
        members = [
            replace(member, name=usable_name(member.name, str(getattr(member.endpoint, part))))
            if not member.named and taken[member.name.casefold()] > 1
            else member
            for member in members
        ]
    return members


def _check_distinct(members: list[Member], mistakes: Mistakes) -> None:
    """Every name once, also where the file system does not tell capitals apart; every database once."""
    names: dict[str, int] = {}
    places: dict[str, int] = {}
    for member in members:
        name = member.name.casefold()
        if member.identity in places:
            line = places[member.identity]
            mistakes.add(member.line, f"{member.name} is the database of line {line} once more.")
        elif name in names:
            says = f"the name {member.name} is taken in line {names[name]}; give it another name."
            mistakes.add(member.line, says)
        places.setdefault(member.identity, member.line)
        names.setdefault(name, member.line)
