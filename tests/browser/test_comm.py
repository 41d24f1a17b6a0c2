"""Where the page cannot reach the session's server, the kernel can: the same view over the widget's comm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.cells import QUESTION, View
from tests.browser.conftest import NewPage, StartLab
from tests.browser.jupyter_page import write_notebook
from tests.browser.lab_page import LabPage
from tests.support.jupyter_process import JupyterProcess
from tests.support.voila_process import voila

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

OFF = "--ServerApp.jpserver_extensions={'hitl_jupyter': False}"


class ViewOfPage(View):
    """The view on a page that shows nothing else."""

    def __init__(self, page: Page) -> None:
        self.root = page.locator("body")


def of_another_server(server: JupyterProcess) -> str:
    """A cell after which its kernel speaks to that server."""
    return f"import os\nos.environ.update(HITL_JUPYTER_URL={server.url!r}, HITL_JUPYTER_TOKEN={server.token!r})"


def answer_through_the_kernel(view: View) -> None:
    """The view says how it gets there, shows what the task does and asks, and takes an answer."""
    view.shows("before the question")
    view.shows("Through the kernel")
    expect(view.root.locator(".jp-hitl-Connection")).to_have_attribute("title", re.compile("must not be busy"))
    expect(view.root.get_by_role("alert")).to_have_count(0)
    view.shows("Go on?")
    view.click("Confirm")
    view.shows("after the question: True")
    view.shows("Completed")


@pytest.mark.parametrize("half", ["without our half", "with other sessions"])
def test_in_jupyterlab_on_another_server_the_output_goes_over_the_comm(
    half: str, start_lab: StartLab, lab: JupyterProcess, loud_lab: JupyterProcess, new_page: NewPage
) -> None:
    around = start_lab(arguments=(OFF,)) if half == "without our half" else loud_lab
    notebook = LabPage(new_page(), around)
    notebook.open("elsewhere.ipynb", of_another_server(lab), QUESTION)
    notebook.run_all()
    view = View(notebook)
    answer_through_the_kernel(view)
    view.hides("pip install")
    view.hides("does not know this session")
    expect(view.root.locator(".jp-hitl-Widget")).to_have_count(1)


def test_in_standalone_voila_the_page_is_answered_over_the_comm(
    tmp_path: Path, lab: JupyterProcess, page: Page
) -> None:
    path = tmp_path / "app.ipynb"
    write_notebook(path, of_another_server(lab), QUESTION)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    with voila(path, lab.variables) as url:
        page.goto(url)
        answer_through_the_kernel(ViewOfPage(page))
        assert not [request for request in asked if lab.url in request]
