"""Outputs that come back by themselves: after a reload, without a kernel, after the server was away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Request, expect

from hitl_jupyter.final_output import SESSION_MIME
from tests.browser.cells import QUESTION, View
from tests.browser.lab_page import LabPage
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SOME_SECONDS = re.compile(r"Elapsed time: (?:[6-9]|\d\d) s")
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

NOTE = """
import hitl_jupyter as hitl
from pydantic import BaseModel, SecretStr

class Note(BaseModel):
    text: str
    password: SecretStr

@hitl.task(title="Take a note")
def take_a_note(ctx):
    ctx.stream("before the form")
    return {"text": ctx.ask(Note, "What do you note?").text}

session = hitl.start(take_a_note)
session
"""

TICKING = """
import hitl_jupyter as hitl

@hitl.task(title="Ticking")
def ticking(ctx):
    for number in range(10_000):
        ctx.stream(f"tick {number}")
        ctx.sleep(0.1)

session = hitl.start(ticking)
session
"""

KERNEL_SHOWS = """
session.wait()
session
"""


def saved_output(notebook: LabPage, name: str, cell: int = 0) -> dict[str, Any]:
    """The first output of a cell as it stands in the file."""
    content = nbformat.read(notebook.server.root / name, as_version=4)
    output: dict[str, Any] = content.cells[cell].outputs[0]
    return output


def session_id_in(notebook: LabPage, name: str, cell: int = 0) -> str:
    """The id in the metadata of a saved output."""
    found: str = saved_output(notebook, name, cell)["metadata"][SESSION_MIME]["session_id"]
    return found


def is_saved(notebook: LabPage, name: str) -> bool:
    """Whether the file has an output of ours."""
    content = nbformat.read(notebook.server.root / name, as_version=4)
    return any(SESSION_MIME in output.get("data", {}) for cell in content.cells for output in cell.get("outputs", []))


def final_output(notebook: LabPage, session_id: str) -> dict[str, Any]:
    """What the server words as the session's end."""
    found: dict[str, Any] = notebook.server.request("GET", f"hitl/sessions/{session_id}/output").json()
    return found


def test_a_reload_in_the_middle_of_a_form_finds_it_half_typed_with_no_kernel_and_no_click(notebook: LabPage) -> None:
    notebook.open("half.ipynb", NOTE)
    notebook.run_all()
    view = View(notebook)
    view.shows("What do you note?")
    view.fill("Text", "half of this")
    view.fill("Password", "never kept")
    eventually(lambda: is_saved(notebook, "half.ipynb"), "the page saves the notebook by itself")
    eventually(lambda: "half of this" in drafts(notebook), "the draft reaches the server")
    assert "never kept" not in drafts(notebook)
    notebook.shut_down_kernel()
    expect(view.root).to_contain_text(SOME_SECONDS)  # what was started just now is replayed without a word
    view.fill("Text", "half of this, and a last word")
    notebook.reload(kernel=False)
    view.shows("before the form")
    view.shows("What do you note?")
    expect(view.field("Text")).to_have_value("half of this, and a last word")
    expect(view.field("Password")).to_have_value("")
    view.shows("replayed")


def drafts(notebook: LabPage) -> str:
    """All that the journal's files hold, as text."""
    return "".join(path.read_text(errors="replace") for path in notebook.server.store.glob("journal.sqlite*"))


def test_a_restarted_kernel_leaves_the_running_session_in_its_output(notebook: LabPage) -> None:
    notebook.open("ticking.ipynb", TICKING)
    notebook.run_all()
    view = View(notebook)
    view.shows("tick 3")
    notebook.restart_kernel()
    count = view.root.locator(".jp-hitl-Count").first
    seen = count.inner_text()
    expect(count).not_to_have_text(seen)
    view.shows("Live")
    view.click("Cancel")
    view.shows("Cancelled")


def test_the_page_recovers_by_itself_when_the_server_comes_back(notebook: LabPage) -> None:
    notebook.open("away.ipynb", QUESTION)
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    eventually(lambda: is_saved(notebook, "away.ipynb"), "the page saves the notebook by itself")
    close_dialogs_about_the_server(notebook)
    notebook.server.stop()
    view.shows("Reconnecting")
    notebook.server.start()
    view.shows("Live")
    view.click("Confirm")
    view.shows("Completed")


def close_dialogs_about_the_server(notebook: LabPage) -> None:
    """JupyterLab tells by a dialog that its server is away; a person closes it, whenever it comes."""
    dialog = notebook.page.get_by_role("dialog", name="Server Connection Error")
    notebook.page.add_locator_handler(dialog, dialog.get_by_role("button").last.click)


@pytest.mark.extended
def test_an_output_whose_session_is_gone_shows_what_was_saved_and_says_why(notebook: LabPage) -> None:
    notebook.open("gone.ipynb", QUESTION)
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    view.click("Confirm")
    view.shows("Completed")
    session_id = session_id_in_page(notebook)
    eventually_final(notebook, "gone.ipynb", session_id)
    assert notebook.server.request("DELETE", f"hitl/sessions/{session_id}").status == 204
    notebook.reload()
    view.shows("does not know this session")
    view.shows("Go on?")
    expect(view.button("Cancel")).to_have_count(0)


def session_id_in_page(notebook: LabPage, cell: int = 0) -> str:
    """The id in the metadata of an output that the page shows."""
    found: str = notebook.page.evaluate(
        """([cell, mime]) => {
          const model = jupyterapp.shell.currentWidget.content.widgets[cell].model;
          return model.outputs.get(0).metadata[mime].session_id;
        }""",
        [cell, SESSION_MIME],
    )
    return found


def eventually_final(notebook: LabPage, name: str, session_id: str) -> None:
    """Save until the file holds the final output, which the page writes a moment after the end."""
    expected = final_output(notebook, session_id)

    def holds() -> bool:
        notebook.save()
        return dict(saved_output(notebook, name)["data"]) == expected

    eventually(holds, "the file holds the final output")


def test_the_end_is_written_into_the_output_as_a_kernel_words_it(notebook: LabPage) -> None:
    notebook.open("ending.ipynb", QUESTION, KERNEL_SHOWS)
    notebook.run_all(and_wait=False)
    view = View(notebook, 0)
    view.shows("Go on?")
    view.click("Confirm")
    view.shows("Completed")
    notebook.wait_until_idle()
    session_id = session_id_in_page(notebook)
    eventually_final(notebook, "ending.ipynb", session_id)
    by_page = saved_output(notebook, "ending.ipynb", 0)["data"]
    by_kernel = saved_output(notebook, "ending.ipynb", 1)["data"]
    assert WIDGET_MIME not in by_page
    assert {kind: by_kernel[kind] for kind in by_page} == by_page
    assert session_id not in json.dumps(by_page)
    html, _ = HTMLExporter().from_filename(str(notebook.server.root / "ending.ipynb"))  # type: ignore[no-untyped-call]
    assert "Go on?" in html.split("</style>")[-1]


@pytest.mark.extended
def test_a_session_that_ended_while_nobody_looked_is_written_when_the_notebook_is_open_again(notebook: LabPage) -> None:
    notebook.open("later.ipynb", QUESTION)
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    eventually(lambda: is_saved(notebook, "later.ipynb"), "the page saves the notebook by itself")
    session_id = session_id_in(notebook, "later.ipynb")
    notebook.page.goto("about:blank")
    (request,) = notebook.server.request("GET", f"hitl/session-info/{session_id}").json()["open_requests"]
    answer = {"type": "confirm", "value": False, "request_id": request["request_id"]}
    assert notebook.server.request("POST", f"hitl/answer/{session_id}", answer).status == 200
    notebook.open("later.ipynb")
    view.shows("Completed")
    eventually_final(notebook, "later.ipynb", session_id)


def test_an_untrusted_notebook_only_views_until_it_is_trusted(notebook: LabPage) -> None:
    notebook.open("mine.ipynb", QUESTION)
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    eventually(lambda: is_saved(notebook, "mine.ipynb"), "the page saves the notebook by itself")
    untrusted_copy(notebook.server.root / "mine.ipynb", notebook.server.root / "theirs.ipynb")
    notebook.open("theirs.ipynb")
    view.shows("before the question")
    view.shows("Go on?")
    view.shows("not trusted")
    for name in ("Confirm", "Decline", "Cancel"):
        expect(view.button(name)).to_have_count(0)
    notebook.trust()
    view.click("Confirm")
    view.shows("Completed")


def untrusted_copy(source: Path, target: Path) -> None:
    """The same notebook as somebody else would send it: with outputs that this account never signed."""
    content = nbformat.read(source, as_version=4)
    content.metadata["from"] = "somebody else"  # another content has another signature, and this one was never signed
    target.write_text(nbformat.writes(content))


def test_an_id_that_is_no_uuid_reaches_no_address(notebook: LabPage) -> None:
    notebook.open("forged.ipynb", "1")
    path = notebook.server.root / "forged.ipynb"
    content = nbformat.read(path, as_version=4)
    content.cells[0].outputs = [
        nbformat.v4.new_output(
            "display_data",
            data={SESSION_MIME: {"version": 1}, "text/plain": "saved words"},
            metadata={SESSION_MIME: {"session_id": "../../api/shutdown"}},
        )
    ]
    path.write_text(nbformat.writes(content))
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    notebook.page.on("request", note)
    notebook.page.on("websocket", lambda socket: asked.append(socket.url))
    notebook.open("forged.ipynb")
    view = View(notebook)
    view.shows("names no session")
    view.shows("saved words")
    assert any("/hitl/" in url for url in asked)
    assert not [url for url in asked if "shutdown" in url]


def test_with_the_setting_off_the_page_does_not_save_by_itself(notebook: LabPage) -> None:
    notebook.open("unsaved.ipynb", QUESTION)
    notebook.set_settings("hitl-jupyter:output", {"saveOnFirstOutput": False})
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    view.click("Confirm")
    view.shows("Completed")
    assert not is_saved(notebook, "unsaved.ipynb")
