"""The same in Notebook 7: an output shows a task, and it is answered there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.cells import EMAIL, QUESTION, View
from tests.browser.lab_page import LabPage
from tests.browser.notebook_page import NotebookPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


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
