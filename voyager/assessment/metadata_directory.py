"""A directory of metadata in any of its layouts, read as a whole, with everything that is wrong in it named at once."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voyager.assessment.assessment import Missing
from voyager.assessment.csv_file import CsvFile, Faults, Row
from voyager.assessment.dumped_schema import read_dumped_schema
from voyager.assessment.facts_file import read_facts
from voyager.identifiers import visible
from voyager.ports import Question
from voyager.sources import ASSESSED, gaps_of, needs_ddl, questions_of, recognize
from voyager.wording import counted

PRIMARY = "primary"
NODE_DIRECTORY = "node-"
FACTS_FILE = "database.json"
REPLICA = "replica"
"""Stands for the question's name where facts tell of a replica that is missing."""
_USUAL_INTERVAL = 120
_INTERVAL_LOGGED = re.compile(r"[Ss]leeping for (\d+) seconds")
ESTIMATE_FILE = "schema/ora2pg_report.csv"
_LOG = "yb-voyager-assessment.log"
_LARGEST_ESTIMATE = 1 << 16
_LONGEST_HEADER = 1 << 16
_QUERIES = "db_queries_summary"
_HIDDEN_TEXT = "<insufficient privilege>"


@dataclass(frozen=True)
class Layout:
    """Which directory holds which node, the primary first; the files of each by the name that tables have."""

    place: Path
    nodes: Mapping[str, Path]
    files: Mapping[str, Mapping[str, Path]]

    @classmethod
    def of(cls, place: Path) -> Layout:
        directories = {
            path.name.removeprefix(NODE_DIRECTORY): path for path in sorted(place.glob(NODE_DIRECTORY + "*"))
        }
        nodes = {name: path for name, path in directories.items() if path.is_dir()}
        if any(place.glob("*.csv")) or PRIMARY not in nodes:
            nodes.setdefault(PRIMARY, place)
        ordered = {name: nodes[name] for name in sorted(nodes, key=lambda name: (name != PRIMARY, name))}
        return cls(place, ordered, {name: _files(path) for name, path in ordered.items()})

    def shown(self, path: Path) -> str:
        return path.relative_to(self.place).as_posix()


@dataclass
class Reading:
    """What came of reading a directory: the parts of Metadata; they mean something while there are no faults."""

    engine: str
    layout: Layout
    facts: dict[str, Any]
    tables: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    ddl: str = ""
    missing: list[Missing] = field(default_factory=list)
    ours: bool = False


def read_directory(place: Path, *, engine: str | None = None) -> tuple[Reading, Faults]:
    """Read `place`: flat or with node-<name> directories, written by our scripts, by collect() or by yb-voyager's own
    scripts. `engine` is needed only where neither database.json nor the files tell."""
    faults = Faults()
    layout = Layout.of(place)
    if twice := sorted(_files(place).keys() & layout.files[PRIMARY].keys()) if layout.nodes[PRIMARY] != place else []:
        faults.add(f"{twice[0]}.csv", f"It is here and in {NODE_DIRECTORY}{PRIMARY}. Leave one of them.")
    stated = {node: _read_facts(layout, node, faults) for node in layout.nodes}
    known = engine or stated[PRIMARY].get("engine") or recognize(_headers(layout), _kinds(layout))
    reading = Reading(str(known or ""), layout, dict(stated[PRIMARY]), ours=_ours(stated[PRIMARY]))
    if not _refuse_strangers(reading, engine, stated, faults):
        return reading, faults
    questions = questions_of(reading.engine)
    _refuse_empty_nodes(reading, questions, faults)
    for question in questions:
        _read_answers(reading, question, stated, faults)
    _drop_hidden_queries(reading)
    reading.ddl = read_dumped_schema(place, faults, required=needs_ddl(reading.engine))
    if not faults.sentences:
        _complete_facts(reading)
        _tell_missing(reading, questions, faults)
    return reading, faults


def _tell_missing(reading: Reading, questions: Sequence[Question], faults: Faults) -> None:
    try:
        reading.missing.extend(_missing(reading, questions))
    except KeyError as missing:
        faults.add(FACTS_FILE, f'It does not say "{missing.args[0]}".')


def _ours(facts: Mapping[str, Any]) -> bool:
    """Whether our scripts or collect() wrote it. What was taken in from others keeps a mark that it was not."""
    return bool(facts) and not facts.get("of_other_scripts")


def table_name(question: Question) -> str:
    """The table that the answers to `question` go to; the two measurements of load are one."""
    return _canonical(question.name.removesuffix(f"-{question.moment}") if question.moment else question.name)


def _canonical(name: str) -> str:
    return name.replace("-", "_").lower()


def _files(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        return {}
    return {_canonical(path.stem): path for path in sorted(directory.iterdir()) if path.suffix.lower() == ".csv"}


def _read_facts(layout: Layout, node: str, faults: Faults) -> dict[str, Any]:
    """What database.json of a node says; {} where there is none, as in what yb-voyager's own scripts collect."""
    path = layout.nodes[node] / FACTS_FILE
    if node == PRIMARY and not path.is_file():
        path = layout.place / FACTS_FILE
    if not path.is_file():
        return {}
    return read_facts(path, layout.shown(path), faults)


def _refuse_strangers(
    reading: Reading, engine: str | None, stated: Mapping[str, Mapping[str, Any]], faults: Faults
) -> bool:
    """False when there is no sense in reading on."""
    place = visible(str(reading.layout.place))
    if reading.engine not in ASSESSED:
        if not reading.engine and not any(reading.layout.files.values()):
            faults.add(place, "There is no metadata here: no .csv file, and no directory node-… with any.")
        elif not reading.layout.files[PRIMARY]:
            faults.add(place, f"The primary's metadata is not here: no .csv file, and no {NODE_DIRECTORY}{PRIMARY}.")
        elif not reading.engine and not faults.sentences:
            faults.add(place, "Nothing here says which kind of database it comes from; name it with --source-db-type.")
        elif reading.engine:
            faults.add(FACTS_FILE, f'"{visible(reading.engine)}" is no kind of database that can be assessed.')
        return False
    says = reading.facts.get("engine")
    if engine and says and says != engine:
        faults.add(FACTS_FILE, f"The metadata is of {visible(str(says))}, not of {engine} (--source-db-type).")
    cluster = reading.facts.get("system_identifier")
    for node, facts in stated.items():
        own = facts.get("system_identifier")
        shown = f"{NODE_DIRECTORY}{node}/{FACTS_FILE}"
        if node == PRIMARY:
            continue
        if cluster and own and own != cluster:
            faults.add(shown, f"Node {visible(node)} is no replica of the primary: it belongs to another cluster.")
        elif facts.get("standby") is False:
            faults.add(shown, f"Node {visible(node)} is no replica: it takes writes itself.")
    return True


def _read_answers(
    reading: Reading, question: Question, stated: Mapping[str, Mapping[str, Any]], faults: Faults
) -> None:
    """The rows of every node that was asked, into the question's table."""
    rows: list[Row] = []
    asked = False
    for node in reading.layout.nodes if question.nodes == "all" else [PRIMARY]:
        path = file_of(reading.layout, node, question)
        if path is None:
            continue
        asked = True
        file = CsvFile(path, reading.layout.shown(path), question, node, strict=reading.ours)
        found = file.rows(faults)
        _check_count(found, stated[node], question, file.shown, faults)
        rows.extend(_of_moment(found, question, path))
        reading.missing.extend(
            Missing(f"{file.shown}, column {name}", "No such column is known; it was not read.")
            for name in file.passed_over
        )
    if asked:
        name = table_name(question)
        reading.tables[name] = (*reading.tables.get(name, ()), *rows)
    elif question.required:
        faults.add(f"{question.name}.csv", f"The file is missing. It holds {question.what}.")


def file_of(layout: Layout, node: str, question: Question) -> Path | None:
    """The file of a node that answers `question`: its own, or the one that holds both measurements of load."""
    files = layout.files[node]
    own = files.get(_canonical(question.name))
    if own is None and question.moment:
        return files.get(table_name(question))
    return own


def _of_moment(rows: list[Row], question: Question, path: Path) -> Sequence[Row]:
    """One file may hold both measurements of load: then each question takes its own."""
    if not question.moment or _canonical(path.stem) == _canonical(question.name):
        return rows
    return [row for row in rows if row.get("measurement_type") == question.moment]


def _check_count(rows: list[Row], facts: Mapping[str, Any], question: Question, shown: str, faults: Faults) -> None:
    """A file that was cut between two lines looks whole; what it held when it was written is in the facts."""
    stated = facts.get("rows")
    counts = stated if isinstance(stated, Mapping) else {}
    written = counts.get(question.name)
    if question.moment == "final" and written is None and counts.get(question.name.replace("final", "initial")):
        faults.add(shown, f"{FACTS_FILE} does not count it: it is of an earlier run. Remove it, or collect all again.")
    if isinstance(written, int) and written != len(rows) and shown not in faults.files:
        faults.add(shown, f"It holds {counted(len(rows), 'row')}; {written:,} were written. Collect it again.")


def _complete_facts(reading: Reading) -> None:
    """What files without database.json tell of their database, and what is assumed."""
    facts, tables = reading.facts, reading.tables
    facts["engine"] = reading.engine
    estimate = reading.layout.place / ESTIMATE_FILE
    if estimate.is_file():
        facts.setdefault("ora2pg_report", estimate.read_bytes()[:_LARGEST_ESTIMATE].decode("utf-8", errors="replace"))
    if not reading.ours:
        rows = tables.get("table_row_counts", ())
        facts["of_other_scripts"] = True
        facts.setdefault("schemas", sorted({row["schema_name"] for row in rows if row["schema_name"]}))
    measured = {row["measurement_type"] for row in tables.get("table_index_iops", ())}
    if "final" in measured and facts.get("capture_seconds") is None:
        logged = _logged_interval(reading.layout.place)
        facts["capture_seconds"] = logged or _USUAL_INTERVAL
        if logged is None:
            assumed = Missing(
                "The time between the two measurements of load",
                f"No file tells it; {_USUAL_INTERVAL} seconds were assumed.",
                weakens="Reads and writes per second are off by the same factor as that assumption.",
            )
            facts["missing"] = [*facts.get("missing", ()), asdict(assumed)]


def _logged_interval(place: Path) -> int | None:
    path = place / _LOG
    found = _INTERVAL_LOGGED.findall(path.read_text("utf-8", errors="replace")) if path.is_file() else []
    return int(found[-1]) or None if found else None


def _missing(reading: Reading, questions: Sequence[Question]) -> Iterator[Missing]:
    """Everything that the assessment has to do without."""
    told = reading.facts.get("missing") or []
    gaps = gaps_of(reading.engine, reading.facts)
    yield from (Missing(gap.what, gap.reason, gap.sql, gap.weakens, gap.hides_issues) for gap in gaps)
    for one in told:
        texts = {name: str(one.get(name, "")) for name in _MISSING_FIELDS}
        yield Missing(**texts, hides_issues=one.get("hides_issues") is True)
    explained = {name for gap in gaps for name in gap.questions} | {one.get("question") for one in told}
    for question in questions:
        if question.required or question.name in explained or file_of(reading.layout, PRIMARY, question):
            continue
        if question.moment:
            continue
        yield Missing(
            _sentence(question.what),
            "It was not collected.",
            weakens=question.weakens,
            hides_issues=question.hides_issues,
        )
    yield from _missing_load(reading, [question for question in questions if question.moment], explained)
    yield from _missing_nodes(reading)
    known = {_canonical(question.name) for question in questions} | {table_name(question) for question in questions}
    for name, path in reading.layout.files[PRIMARY].items():
        if name not in known:
            yield Missing(reading.layout.shown(path), "No such file belongs to an assessment; it was not read.")


_MISSING_FIELDS = ("what", "reason", "sql", "weakens")
_READS_ELSEWHERE = "Reads that applications send there are not in reads per second."


def _missing_load(reading: Reading, pair: Sequence[Question], explained: set[Any]) -> Iterator[Missing]:
    """Said once for the pair of measurements, and of each replica that lacks one where the primary has both."""
    if explained & {question.name for question in pair}:
        return
    whole = len(pair)
    there = {node: sum(file_of(reading.layout, node, one) is not None for one in pair) for node in reading.layout.nodes}
    if there[PRIMARY] < whole:
        reason = "The load was read once only; the interval was 0." if there[PRIMARY] else "It was not collected."
        yield Missing("Reads and writes per second", reason, weakens=pair[0].weakens)
        return
    for node in [node for node, files in there.items() if files < whole]:
        yield Missing(
            f"Reads per second of node {visible(node)}",
            "The load was read once only." if there[node] else "It was not collected.",
            weakens=_READS_ELSEWHERE,
        )


def _refuse_empty_nodes(reading: Reading, questions: Sequence[Question], faults: Faults) -> None:
    """A replica of which nothing is there would count as one that has no load."""
    asked = [question for question in questions if question.nodes == "all"]
    for node, place in reading.layout.nodes.items():
        if node == PRIMARY or (place / FACTS_FILE).is_file():
            continue
        if not any(file_of(reading.layout, node, question) for question in asked):
            names = ", ".join(f"{question.name}.csv" for question in asked)
            faults.add(
                f"{NODE_DIRECTORY}{node}", f"It holds none of {names}. Collect it again, or remove the directory."
            )


def _missing_nodes(reading: Reading) -> Iterator[Missing]:
    told = sum(one.get("question") == REPLICA for one in reading.facts.get("missing") or [])
    seen, asked = int(reading.facts.get("replicas") or 0), len(reading.layout.nodes) - 1 + told
    if seen > asked:
        yield Missing(
            f"{counted(seen - asked, 'read replica')} of {seen:,}",
            "The primary streams to it, but it was not asked.",
            weakens=_READS_ELSEWHERE,
        )


def _drop_hidden_queries(reading: Reading) -> None:
    """Those whose text the role that asked may not see say nothing; how many is told, where the facts do not."""
    rows = reading.tables.get(_QUERIES, ())
    shown = tuple(row for row in rows if row.get("query") != _HIDDEN_TEXT)
    if len(shown) == len(rows):
        return
    reading.tables[_QUERIES] = shown
    if reading.facts.get("sees_all_statistics") is not False:
        reading.missing.append(
            Missing(
                counted(len(rows) - len(shown), "query"),
                "The role that asked may not see their texts.",
                "GRANT pg_read_all_stats TO …;",
                "Constructs in them are not found.",
                hides_issues=True,
            )
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _headers(layout: Layout) -> dict[str, list[str]]:
    """The columns of every file of the primary, as far as they can be read."""
    return {name: next(_beginning(path), []) for name, path in layout.files[PRIMARY].items()}


def _kinds(layout: Layout) -> set[str]:
    """The kinds of objects that the beginning of the mapping names."""
    path = layout.files[PRIMARY].get("object_type_mapping")
    records = _beginning(path) if path else iter(())
    header = next(records, [])
    place = header.index("object_type") if "object_type" in header else None
    return {record[place] for record in records if place is not None and len(record) > place}


def _beginning(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = (file.readline(_LONGEST_HEADER).replace("\0", "") for _ in range(50))
        with contextlib.suppress(csv.Error):
            for place, record in enumerate(csv.reader(lines)):
                yield [name.strip().lower() for name in record] if not place else record
