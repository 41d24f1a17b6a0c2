"""Questions in cells, answered by a person in a real page; recorded, and replayed where nobody is there."""

from __future__ import annotations

import os
from pathlib import Path

import nbclient
import nbformat
import papermill
import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.cells import View
from tests.browser.inbox import Inbox, forget_all
from tests.browser.lab_page import LabPage
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RECORD = """
import hitl_jupyter as hitl
from pydantic import BaseModel, Field

class Training(BaseModel):
    rate: float = Field(gt=0, le=1)
    note: str

recording = hitl.record("five.yaml")
"""

ASKS = (
    "hitl.confirm('Drop 3 rows?', key='drop', show=['| row |\\n|---|\\n| 17 |'])",
    "hitl.ask(Training, 'How shall it train?', key='training')",
    "hitl.choose('Which is right?', ['a', 'b'], key='label')",
    "await hitl.aconfirm('Keep it?', key='keep')",
    "hitl.ask(int, 'How many?', key='many')",
)

WANTED = ["True", "Training(rate=0.25, note='by hand')", "'b'", "False", "42"]


def results(path: Path) -> list[str]:
    """What the cells of a notebook that ask gave."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.source in ASKS]
    outputs = [output for cell in cells for output in cell.outputs if output.output_type == "execute_result"]
    return [output.data["text/plain"] for output in outputs]


def answer_by_hand(notebook: LabPage) -> None:
    """What a person does with the five questions, the kernel being busy with each."""
    drop, training, label, keep, many = (View(notebook, cell) for cell in range(1, 6))
    drop.shows("Drop 3 rows?")
    drop.click("Confirm")
    training.shows("How shall it train?")
    training.fill("Rate", "2")
    training.fill("Note", "by hand")
    training.click("Submit")
    training.shows("1")
    training.fill("Rate", "0.25")
    training.click("Submit")
    label.shows("Which is right?")
    label.root.get_by_label("b", exact=True).check()
    label.click("Submit")
    keep.shows("Keep it?")
    keep.click("Decline")
    many.shows("How many?")
    many.root.get_by_role("spinbutton").fill("42")
    many.click("Submit")


@pytest.fixture
def inbox(notebook: LabPage) -> Inbox:
    """The inbox of the notebook's page, with nothing of other tests in it."""
    forget_all(notebook.server)
    return Inbox(notebook)


def test_five_answers_of_a_person_are_recorded_and_replayed_with_the_same_outputs(
    notebook: LabPage, tmp_path: Path
) -> None:
    notebook.open("five.ipynb", RECORD, *ASKS)
    notebook.run_all(and_wait=False)
    answer_by_hand(notebook)
    notebook.wait_until_idle()
    notebook.save()
    attended = notebook.server.root / "five.ipynb"
    assert results(attended) == WANTED
    recorded = notebook.server.root / "five.yaml"
    entries = eventually(lambda: recorded.exists() and yaml.safe_load(recorded.read_text())["answers"], "the record")
    assert [entry["key"] for entry in entries] == ["drop", "training", "label", "keep", "many"]

    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each.strip()) for each in (RECORD, *ASKS)])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(content, tmp_path / "replay.ipynb")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HITL_JUPYTER", "JPY_"))}

    nbclient.NotebookClient(content, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute(
        env={**environ, "HITL_JUPYTER_ANSWERS": str(recorded)}
    )
    nbformat.write(content, tmp_path / "nbclient.ipynb")
    papermill.execute_notebook(
        tmp_path / "replay.ipynb",
        tmp_path / "papermill.ipynb",
        parameters={"hitl_answers": str(recorded)},
        kernel_name="python3",
        cwd=tmp_path,
        progress_bar=False,
    )
    assert results(tmp_path / "nbclient.ipynb") == results(tmp_path / "papermill.ipynb") == WANTED


def test_a_cell_that_asks_is_found_again_after_a_reload_and_answered_in_the_inbox(
    notebook: LabPage, inbox: Inbox
) -> None:
    notebook.open("ask_reload.ipynb", "import hitl_jupyter as hitl\nhitl.confirm('Still there?', key='still')")
    notebook.run_all(and_wait=False)
    View(notebook, 0).shows("Still there?")
    notebook.save()
    notebook.page.reload()
    View(notebook, 0).shows("Still there?")
    inbox.show()
    inbox.open("Still there?")
    inbox.click("Still there?", "Confirm")
    View(notebook, 0).shows("Confirmed by")
    notebook.wait_until_idle()


def test_an_interrupt_ends_a_cell_that_asks_at_once(notebook: LabPage) -> None:
    notebook.open("ask_interrupt.ipynb", "import hitl_jupyter as hitl\nhitl.confirm('Go on?', key='on')")
    notebook.run_all(and_wait=False)
    View(notebook, 0).shows("Go on?")
    notebook.execute("notebook:interrupt-kernel")
    notebook.wait_until_idle()
    View(notebook, 0).shows("KeyboardInterrupt")
    expect(View(notebook, 0).button("Confirm")).to_have_count(0)
