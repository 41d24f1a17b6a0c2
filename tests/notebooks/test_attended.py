"""The demo notebooks with somebody there: the questions wait at a real server, and a person answers them by REST."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hitl_jupyter.final_output import SESSION_MIME
from hitl_jupyter.scripts.document import load
from tests.notebooks.running import CELL_SECONDS, ROOT, answers_of, run
from tests.support.answerer import Script, answering
from tests.support.jupyter_process import JupyterProcess

pytestmark = [pytest.mark.processes, pytest.mark.timeout(2 * CELL_SECONDS)]


def script_of(notebook: Path) -> Script:
    """The answers beside a notebook, as they are posted."""
    answers = load(answers_of(notebook))
    assert isinstance(answers, dict)
    return {
        key: [_posted(answer) for answer in (given if isinstance(given, list) else [given])]
        for key, given in answers.items()
    }


def _posted(answer: Any) -> Any:
    return answer if isinstance(answer, bool | dict) else {"value": answer}


def results(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """What the cells gave that do not show a session, by their ids."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "execute_result" and SESSION_MIME not in output.data:
                yield cell.id, output.data["text/plain"]


@pytest.mark.parametrize("name", ["01_first_task", "03_ask_in_a_cell"])
def test_a_notebook_comes_to_the_same_when_a_person_answers(
    name: str, module_server: JupyterProcess, tmp_path: Path
) -> None:
    committed = ROOT / "notebooks" / f"{name}.ipynb"
    notebook = Path(shutil.copy(committed, tmp_path))
    server = {"HITL_JUPYTER_URL": module_server.url, "HITL_JUPYTER_TOKEN": module_server.token}
    with answering(module_server, script_of(committed)) as answerer:
        attended = run(notebook, {**module_server.variables, **server, "JPY_SESSION_NAME": str(notebook)})
    assert not answerer.troubles
    assert not answerer.left
    assert list(results(attended)) == list(results(nbformat.read(committed, as_version=4)))
