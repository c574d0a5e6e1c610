"""What every engine that can be assessed has to offer: questions that fit together, and scripts for its own client."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from voyager.assessment.metadata_directory import table_name
from voyager.assessment.scripts import plan_scripts, write_scripts
from voyager.sources import ASSESSED, gaps_of, questions_of, recognize

NEEDED = {
    "object-type-mapping",
    "table-row-counts",
    "table-index-sizes",
    "table-columns-count",
    "index-to-table-mapping",
}


@pytest.mark.parametrize("engine", ASSESSED)
def test_the_questions_of_an_engine_fit_together(engine: str) -> None:
    questions = questions_of(engine)
    names = [question.name for question in questions]
    assert len(names) == len(set(names))
    assert set(names) >= NEEDED
    assert {question.nodes for question in questions} <= {"primary", "all"}
    assert sorted(question.moment for question in questions if question.moment) in ([], ["final", "initial"])
    for question in questions:
        assert set(question.numbers) <= {*question.columns, *question.holds}, question.name
        assert len(set(question.columns)) == len(question.columns), question.name
        assert question.sql.strip().isascii(), question.name
        assert not question.sql.rstrip().endswith(";"), question.name
        assert question.what, question.name
    assert len({table_name(question) for question in questions}) == len(
        [question for question in questions if question.moment != "final"]
    )


@pytest.mark.parametrize("engine", ASSESSED)
def test_each_question_is_a_file_of_its_own(engine: str) -> None:
    package = importlib.import_module(f"voyager.sources.{engine}.metadata")
    texts = {path.stem for path in Path(next(iter(package.__path__))).glob("*.sql")}
    for question in questions_of(engine):
        assert {question.name, question.name.removesuffix(f"-{question.moment}")} & texts


@pytest.mark.parametrize("engine", ASSESSED)
def test_an_engine_has_scripts_a_readme_and_a_manifest(engine: str, tmp_path: Path) -> None:
    written = write_scripts(engine, tmp_path / "s")
    assert [path.name for path in written] == list(plan_scripts(engine))
    assert {"README.md", "manifest.json"} < {path.name for path in written}
    readme = (tmp_path / "s" / "README.md").read_text()
    assert all(f"{question.name}.csv" in readme for question in questions_of(engine))
    scripts = "".join(path.read_text() for path in written if path.suffix in (".sql", ".sh"))
    assert all(question.name in scripts for question in questions_of(engine))
    started = [path for path in written if path.read_text().startswith("#!")]
    assert all(path.stat().st_mode & 0o777 == (0o755 if path in started else 0o644) for path in written)


@pytest.mark.parametrize("engine", ASSESSED)
def test_a_database_that_says_nothing_of_itself_has_no_gaps(engine: str) -> None:
    assert gaps_of(engine, {}) == []


@pytest.mark.parametrize(
    ("columns", "kinds", "expected"),
    [
        (["source_node", "schema_name"], {"table"}, "postgresql"),
        (["schema_name"], {"table", "primary key"}, "postgresql"),
        (["schema_name"], {"TABLE", "NORMAL INDEX"}, "oracle"),
    ],
)
def test_files_of_yb_voyagers_own_scripts_are_known_by_what_they_hold(
    columns: list[str], kinds: set[str], expected: str
) -> None:
    assert recognize({"table_row_counts": columns, "table_index_sizes": columns}, kinds) == expected
    assert recognize({"something_else": columns}, kinds) is None
