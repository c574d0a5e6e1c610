"""Drawings of a workflow say what its table says."""

from __future__ import annotations

import re

import pytest

from statemachine.definition import Workflow
from statemachine.diagram import mermaid, table
from statemachine.workflows import LIVE, OFFLINE, WORKFLOWS


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_the_diagram_has_every_phase_and_no_other_state(workflow: Workflow) -> None:
    drawn = set(re.findall(r"\b[A-Z][A-Z_]+\b", mermaid(workflow).removeprefix("stateDiagram-v2\n    direction TB")))
    expected = {f"{phase.name}_{phase.begun}" for phase in workflow.phases}
    expected |= {phase.done_label or f"{phase.name}_COMPLETED" for phase in workflow.phases}
    assert drawn == expected


def test_the_offline_diagram_is_the_ladder_of_the_design() -> None:
    drawing = mermaid(OFFLINE)
    assert drawing.startswith("stateDiagram-v2\n")
    assert "INITIALIZED --> EXPORT_SCHEMA_IN_PROGRESS\n" in drawing
    assert "ANALYZE_SCHEMA_COMPLETED --> IMPORT_SCHEMA_IN_PROGRESS: no_blockers\n" in drawing
    assert "VERIFY_COMPLETED --> CUTOVER_INITIATED: verified, source_unchanged\n" in drawing
    assert "beside it" not in drawing
    assert drawing.endswith("ENDED --> [*]\n")


def test_the_live_diagram_shows_the_import_beside_the_export() -> None:
    assert "EXPORT_DATA_IN_PROGRESS --> IMPORT_DATA_IN_PROGRESS: beside it\n" in mermaid(LIVE)


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_the_table_names_every_phase_and_command_and_stays_aligned(workflow: Workflow) -> None:
    lines = table(workflow).splitlines()
    words = " ".join(table(workflow).split())
    for phase in workflow.phases:
        assert any(line.split(" ")[0] == phase.name for line in lines)
        assert phase.command.split()[1] in words
    columns = [match.start() for match in re.finditer("-+", lines[1])]
    for line in lines:
        assert len(line) <= len(lines[1])
        assert line == line.rstrip()
        assert all(line[start - 1 : start].strip() == "" for start in columns[1:])
