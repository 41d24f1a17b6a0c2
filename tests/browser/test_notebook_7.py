"""The same in Notebook 7: an output shows a task, and it is answered there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.cells import EMAIL, QUESTION, View
from tests.browser.clicking import click
from tests.browser.inbox import Inbox
from tests.browser.lab_page import LabPage
from tests.browser.notebook_page import NotebookPage
from tests.support.waiting import eventually

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

OF_NOTEBOOK_ITSELF = {
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
}
"""Errors that Notebook 7 has on its pages also without us, the second after JupyterLab was open on its server."""

TITLED = """
import hitl_jupyter as hitl

@hitl.task(title="Asked in Notebook")
def ask(ctx):
    ctx.stream("before the question")
    return ctx.confirm("Does it work here?")

session = hitl.start(ask)
session
"""


@pytest.fixture(autouse=True)
def no_error_of_ours(notebook_7: NotebookPage) -> Iterator[None]:
    """Each test ends without an error on the page."""
    errors: list[str] = []
    notebook_7.page.on("pageerror", lambda error: errors.append(error.message))
    yield
    assert [error for error in errors if error not in OF_NOTEBOOK_ITSELF] == []


def test_the_demo_is_clicked_through_in_notebook_7(notebook_7: NotebookPage) -> None:
    notebook_7.open("seven.ipynb", EMAIL.format(pause=0.05))
    notebook_7.run_all()
    view = View(notebook_7)
    view.fill_in_the_email()
    view.click("Submit")
    view.shows("Simulated failure")
    view.click("Retry")
    view.shows("Send the e-mail to ada@example.org?")
    view.click("Confirm")
    view.shows("Completed")
    notebook_7.add_and_run("print(session.result()['to_address'], session.status)")
    expect(notebook_7.output()).to_contain_text("ada@example.org completed")


def test_a_task_started_in_lab_is_answered_in_notebook_7(notebook: LabPage, notebook_7: NotebookPage) -> None:
    notebook.open("both.ipynb", QUESTION)
    notebook.run_all()
    View(notebook).shows("Go on?")
    notebook.save()
    notebook_7.open("both.ipynb")
    there = View(notebook_7)
    there.shows("before the question")
    there.click("Confirm")
    View(notebook).shows("Completed")


def test_a_reload_finds_the_output_and_the_inbox_at_the_side_answers_and_starts(notebook_7: NotebookPage) -> None:
    notebook_7.open("side.ipynb", TITLED)
    notebook_7.run_all()
    view = View(notebook_7)
    view.shows("Does it work here?")
    path = notebook_7.server.root / "side.ipynb"
    eventually(lambda: "vnd.hitl-jupyter.session" in path.read_text(), "the page saves the notebook by itself")
    notebook_7.shut_down_kernel()
    notebook_7.reload(kernel=False)
    view.shows("before the question")

    inbox = Inbox(notebook_7)
    inbox.show()
    row = inbox.open("Asked in Notebook")
    expect(row.get_by_role("button", name="Show cell", exact=True)).to_be_visible()
    expect(row.get_by_role("button", name="Open", exact=True)).to_have_count(0)
    inbox.click("Asked in Notebook", "Confirm")
    view.shows("Completed")

    notebook_7.execute("hitl:start-task")
    click(inbox.root.locator("[data-task='hitl_jupyter.demo:long_running_task']"))
    click(inbox.root.get_by_role("button", name="Start", exact=True))
    started = inbox.root.locator("[data-open=true]")
    expect(started).to_contain_text("Compose the e-mail", timeout=30_000)
    click(started.get_by_role("button", name="Cancel", exact=True))
    expect(started).to_contain_text("Cancelled")
