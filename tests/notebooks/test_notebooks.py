"""The demo notebooks run with nobody there, are answered from the files beside them, and print what they printed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.running import CELL_SECONDS, NOTEBOOKS, Compared, compare

OTHER_IPYKERNEL = "HITL_OTHER_IPYKERNEL"
"""Names a folder with another version of ipykernel, made with pip install --target."""

VOLATILE = {
    "a uuid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "a memory address": r"\b0x[0-9a-f]{8,}\b",
    "a clock time": r"\b\d{1,2}:\d{2}:\d{2}\b",
    "an epoch time": r"\b1[6-9]\d{8}\.\d+\b",
    "a home folder": r"/(?:home|root|Users|tmp)/",
}

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
takes_long = [pytest.mark.processes, pytest.mark.timeout(len(NOTEBOOKS) * CELL_SECONDS)]


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def with_one_cell(path: Path, source: str, printed: str) -> Path:
    """A notebook that says what its cell has printed."""
    output = nbformat.v4.new_output("stream", name="stdout", text=printed)
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    """What nbval says of each notebook, and of one that is not as it was."""
    changed = with_one_cell(tmp_path_factory.mktemp("changed") / "changed.ipynb", "print(1 + 1)", "3\n")
    return compare([*NOTEBOOKS, changed], tmp_path_factory.mktemp("compared"))


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


class TestUnattended:
    """Compared by nbval."""

    pytestmark = takes_long

    @each_notebook
    def test_a_notebook_prints_what_it_printed_when_it_was_committed(
        self, notebook: Path, compared: dict[str, Compared]
    ) -> None:
        found = compared[notebook.stem]
        assert not found.failures, "\n".join(found.failures)
        assert found.passed == len(code_cells(notebook))

    def test_an_output_that_changed_is_noticed(self, compared: dict[str, Compared]) -> None:
        assert (compared["changed"].passed, len(compared["changed"].failures)) == (0, 1)

    @pytest.mark.skipif(OTHER_IPYKERNEL not in os.environ, reason=f"{OTHER_IPYKERNEL} names no folder")
    def test_it_prints_the_same_on_another_ipykernel(self, tmp_path: Path) -> None:
        other = Path(os.environ[OTHER_IPYKERNEL]).absolute()
        version = re.search(r'__version__ = "(.+)"', (other / "ipykernel/_version.py").read_text())
        assert version is not None
        asked = tmp_path / "version.ipynb"
        with_one_cell(asked, "import ipykernel\nprint(ipykernel.__version__)", f"{version[1]}\n")
        found = compare([*NOTEBOOKS, asked], tmp_path / "compared", other)
        assert {name: each.failures for name, each in found.items() if each.failures} == {}
        assert len(found) == len(NOTEBOOKS) + 1


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
