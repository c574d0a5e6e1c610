"""Metadata files as text: one CSV read into typed rows, all that is wrong in it named; and lines to write."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.assessment.csv_number import NotThatNumber, read_number
from voyager.identifiers import visible
from voyager.ports import Question

SOURCE_NODE = "source_node"
_MOST_FAULTS = 10
_LONGEST = 1 << 26
"""Bytes of a line, and characters of a value: what a catalog answers is far shorter."""
_QUOTED = re.compile(r'[",\r\n]')
_REPEATED = re.compile(r"source_node|measurement_type|.*(?:schema|schema_name|table_name|object_type|data_type)")
_SHOWN = 40


@dataclass
class Faults:
    """What is wrong, sentence by sentence; of one file so many that one sees what kind it is."""

    sentences: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def add(self, file: str, says: str, *, line: int | None = None, column: str = "") -> None:
        places = [visible(file), f"line {line}" if line else "", f"column {visible(column)}" if column else ""]
        self.files.add(file)
        self.sentences.append(f"{', '.join(filter(None, places))}: {says}")


class Row(Mapping[str, Any]):
    """One row by column name. All rows of a file share the names, so that a large schema fits into memory."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: tuple[Any, ...]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass
class CsvFile:
    """One answer to one question. `shown` is the file's name in sentences; `node` stands where it does not say.

    `strict` refuses columns that nobody asked for; else they are listed in `passed_over`.
    """

    path: Path
    shown: str
    question: Question
    node: str = "primary"
    strict: bool = True
    passed_over: list[str] = field(default_factory=list)

    def rows(self, faults: Faults) -> list[Row]:
        """Every row. What is wrong is added to `faults`; then the rows mean nothing."""
        found: list[Row] = []
        reader = _Reader(self, faults)
        for row in reader.rows():
            found.append(row)
        return found


class _Stop(Exception):
    """The rest of the file cannot be read for what it is."""


class _Reader:
    def __init__(self, file: CsvFile, faults: Faults) -> None:
        self.file = file
        self.faults = faults
        self.known: dict[str, str] = {}
        self.count = 0
        self.lines = 0
        self.complete = True

    def fault(self, says: str, *, line: int | None = None, column: str = "") -> None:
        self.count += 1
        if self.count <= _MOST_FAULTS:
            self.faults.add(self.file.shown, says, line=line, column=column)

    def rows(self) -> Iterator[Row]:
        csv.field_size_limit(_LONGEST)
        try:
            records = self._records()
            header = next(records, None)
            if header is None:
                self.fault("The file is empty; not even the names of the columns are there.")
                return
            fill = self._columns([name.strip().lower() for name in header[1]])
            yield from self._filled(records, len(header[1]), fill)
        except _Stop:
            pass
        finally:
            if self.count > _MOST_FAULTS:
                self.faults.add(self.file.shown, f"{self.count - _MOST_FAULTS:,} more faults of this file.")

    def _filled(
        self, records: Iterator[tuple[int, list[str]]], width: int, fill: Callable[[list[str], int], Row | None]
    ) -> Iterator[Row]:
        for line, values in records:
            if len(values) != width:
                if not self.complete and line >= self.lines:
                    raise self._cut_off(line)
                self.fault(f"{len(values)} values stand where there are {width} columns.", line=line)
            elif (row := fill(values, line)) is not None:
                yield row
        if not self.complete:
            raise self._cut_off(self.lines)

    def _cut_off(self, line: int) -> _Stop:
        self.fault("The last line has no end: the file was cut off.", line=line)
        return _Stop()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the line that it begins in; a line without anything is none."""
        reader = csv.reader(self._lines(), strict=True)
        begins = 1
        try:
            for values in reader:
                if values:
                    yield begins, values
                begins = reader.line_num + 1
        except csv.Error as error:
            if "field limit" in str(error):
                self.fault(f"A value is longer than {_LONGEST >> 20} MB: a quote may be missing.", line=begins)
            elif "unexpected end" in str(error):
                self.fault("A quoted value has no end: the file was cut off.", line=begins)
            else:
                self.fault("This is not CSV: a quote or a line break stands where none may be.", line=begins)
            raise _Stop from None

    def _lines(self) -> Iterator[str]:
        offset = 0
        with self.file.path.open("rb") as file:
            while raw := file.readline(_LONGEST):
                self.lines += 1
                if len(raw) == _LONGEST:
                    says = f"The line is longer than {_LONGEST >> 20} MB: this is not what was collected."
                    self.fault(says, line=self.lines)
                    raise _Stop
                if self.lines == 1 and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                    self.fault("The file is UTF-16. Save it as UTF-8.")
                    raise _Stop
                self.complete = raw.endswith(b"\n")
                yield self._decoded(raw, offset)
                offset += len(raw)

    def _decoded(self, raw: bytes, offset: int) -> str:
        try:
            text = raw.decode("utf-8-sig" if not offset else "utf-8")
        except UnicodeDecodeError as error:
            wrong = offset + error.start
            self.fault(f"Byte {wrong:,} of the file is not UTF-8. Collect it again, as UTF-8.", line=self.lines)
            raise _Stop from None
        if "\0" in text:
            self.fault("The line holds a NUL byte: this is not a text file.", line=self.lines)
            raise _Stop
        return text

    def _columns(self, header: list[str]) -> Callable[[list[str], int], Row | None]:
        """Return what makes a row of a record, or give up the file when its columns are not those asked for."""
        question = self.file.question
        renamed = dict(question.renamed)
        header = [renamed.get(name, name) for name in header]
        document = question.columns[-1] if question.holds and question.columns[-1] in header else ""
        wanted = (SOURCE_NODE, *(name for name in _wanted(question, document) if name != SOURCE_NODE))
        self._compare(header, wanted)
        names = (*wanted[:-1], *question.holds) if document else wanted
        shape = _Shape(
            names={name: place for place, name in enumerate(names)},
            places=tuple(header.index(name) if name in header else None for name in wanted),
            columns=wanted,
            numbers=frozenset(question.numbers),
            repeated=frozenset(name for name in wanted if _REPEATED.fullmatch(name)),
            holds=question.holds if document else (),
            renamed=renamed,
        )
        return lambda values, line: self._row(shape, values, line)

    def _compare(self, header: Sequence[str], wanted: Sequence[str]) -> None:
        question = self.file.question
        optional = {SOURCE_NODE, *(set(question.holds) & set(question.numbers))}
        missing = [name for name in wanted if name not in header and name not in optional]
        unknown = [name for name in header if name not in wanted]
        twice = sorted({name for name in header if header.count(name) > 1})
        if missing:
            self.fault(f"No {_named(missing)}; there {_are(header)}.", line=1)
        if twice:
            self.fault(f"The {_named(twice)} stands twice.", line=1)
        if unknown and (missing or (self.file.strict and not question.holds)):
            self.fault(f"Unknown {_named(unknown)}.", line=1)
        elif unknown and not question.holds:
            self.file.passed_over.extend(unknown)
        if self.count:
            raise _Stop

    def _row(self, shape: _Shape, values: list[str], line: int) -> Row | None:
        before = self.count
        found: list[Any] = []
        for name, place in zip(shape.columns, shape.places, strict=True):
            text = values[place] if place is not None else ""
            found.append(self._value(shape, name, text, line))
        found[0] = found[0] or self.file.node
        if found[0] != self.file.node:
            says = f"The rows of node {visible(self.file.node)} say that they are of node {visible(found[0])}."
            self.fault(says, line=line, column=SOURCE_NODE)
        if shape.holds:
            found[-1:] = self._spread(shape, values[shape.places[-1] or 0], line)
        return Row(shape.names, tuple(found)) if self.count == before else None

    def _value(self, shape: _Shape, name: str, text: str, line: int) -> Any:
        if not text:
            return None
        if name in shape.numbers:
            return self._number(text, line, name)
        return self.known.setdefault(text, text) if name in shape.repeated else text

    def _number(self, text: str, line: int, column: str) -> int | float | None:
        try:
            return read_number(text, column)
        except NotThatNumber as error:
            self.fault(str(error), line=line, column=column)
            return None

    def _spread(self, shape: _Shape, text: str, line: int) -> Iterable[Any]:
        """What `holds` names of a JSON object."""
        column = shape.columns[-1]
        try:
            document = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        except ValueError as error:
            self.fault(f"This is not JSON ({error}).", line=line, column=column)
            return ()
        if not isinstance(document, dict):
            self.fault("This is JSON, but not an object.", line=line, column=column)
            return ()
        document = {shape.renamed.get(name, name): value for name, value in document.items()}
        return [
            value if value is None or name not in shape.numbers else self._number(_written(value), line, name)
            for name, value in ((name, document.get(name)) for name in shape.holds)
        ]


@dataclass(frozen=True)
class _Shape:
    """How the records of one file become rows."""

    names: Mapping[str, int]
    places: tuple[int | None, ...]
    columns: tuple[str, ...]
    numbers: frozenset[str]
    repeated: frozenset[str]
    holds: tuple[str, ...]
    renamed: Mapping[str, str]


def csv_line(values: Iterable[str | None]) -> str:
    """One record as PostgreSQL writes it: quotes only where they are needed, NULL as nothing, no text as `""`."""
    return ",".join(map(_field, values)) + "\n"


def _field(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if value == "" or _QUOTED.search(value) else value


def _wanted(question: Question, document: str) -> tuple[str, ...]:
    """The columns asked for; where there is no JSON document, those that it would hold."""
    return question.columns if document or not question.holds else (*question.columns[:-1], *question.holds)


def _written(value: Any) -> str:
    """What stands in a JSON document where a number belongs; numbers are read as they are written there."""
    return value if isinstance(value, str) else json.dumps(value)


def _named(names: Sequence[str]) -> str:
    return ("column " if len(names) == 1 else "columns ") + ", ".join(visible(name[:_SHOWN]) for name in names)


def _are(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name[:_SHOWN]) for name in names[:30])
    return f"{'is' if len(names) == 1 else 'are'} {shown}"
