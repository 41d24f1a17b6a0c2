"""The demo notebooks run with nobody there, are answered from the files beside them, and print what they printed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.running import CELL_SECONDS, NOTEBOOKS, answers_of, compare

VOLATILE = {
    "a uuid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "a memory address": r"\b0x[0-9a-f]{8,}\b",
    "a clock time": r"\b\d{1,2}:\d{2}:\d{2}\b",
    "an epoch time": r"\b1[6-9]\d{8}\.\d+\b",
    "a home folder": r"/(?:home|root|Users|tmp)/",
}

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_the_demo_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_task",
        "02_clean_and_train",
        "03_ask_in_a_cell",
        "04_label_images",
        "05_review_queue",
        "06_record_and_replay",
        "07_steered_simulation",
    ]


@each_notebook
@pytest.mark.timeout(4 * CELL_SECONDS)
def test_a_notebook_prints_what_it_printed_when_it_was_committed(notebook: Path, tmp_path: Path) -> None:
    compared = compare(notebook, tmp_path)
    assert compared.exit_code == 0, compared.output
    assert (compared.passed, compared.other) == (len(code_cells(notebook)), 0), compared.output


def test_an_output_that_changed_is_noticed(tmp_path: Path) -> None:
    result = nbformat.v4.new_output("execute_result", {"text/plain": "3"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=1, outputs=[result])
    changed = tmp_path / "changed.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), changed)
    (tmp_path / "answers").mkdir()
    answers_of(changed).write_text("{}")
    compared = compare(changed, tmp_path)
    assert (compared.exit_code, compared.passed, compared.other) == (1, 0, 1), compared.output


@each_notebook
def test_a_notebook_is_committed_executed(notebook: Path) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "nbval compares no output of a cell that was not run"
    assert any(cell.outputs for cell in code_cells(notebook))


@each_notebook
def test_no_cell_of_a_notebook_is_excused_from_comparison(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert "NBVAL" not in cell.source
        assert not cell.metadata.get("tags")


@each_notebook
@pytest.mark.parametrize("what", VOLATILE)
def test_a_notebook_holds_nothing_that_differs_from_run_to_run(notebook: Path, what: str) -> None:
    found = re.findall(VOLATILE[what], "\n".join(str(cell.outputs) for cell in code_cells(notebook)))
    assert not found, f"{what}: {found}"
