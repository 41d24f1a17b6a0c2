"""Hands on the view: keys, focus, half-typed answers, other people, and what a screen reader's checker says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.cells import EMAIL, QUESTION, View
from tests.browser.clicking import click
from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ["JupyterLab Light", "JupyterLab Dark"]

WHOLE_VIEW: ViewportSize = {"width": 1200, "height": 5000}
"""The checker gives up on all colours where an edge of the page cuts through a line."""

TWO_QUESTIONS = """
import hitl_jupyter as hitl

@hitl.task
def ask_twice(ctx):
    return {"first": ctx.confirm("First?"), "second": ctx.confirm("Second?")}

session = hitl.start(ask_twice)
session
"""

CHOICES = """
import enum
from typing import Literal
import hitl_jupyter as hitl
from pydantic import BaseModel

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Review(BaseModel):
    colour: Colour
    agreed: bool
    size: Literal["small", "large"]

@hitl.task
def choose(ctx):
    verdict = ctx.choose("Good enough?", ["approve", "train again", "reject"])
    review = ctx.ask(Review, "What is it like?")
    dropped = ctx.choose("Which ones?", [f"row {n}" for n in range(16)], multiple=True)
    return {"verdict": verdict, "dropped": dropped, **review.model_dump(mode="json")}

session = hitl.start(choose)
session
"""

NOTE_AND_LINES = """
import asyncio
import hitl_jupyter as hitl
from pydantic import BaseModel

class Note(BaseModel):
    text: str
    pages: int

@hitl.task
async def take_a_note(ctx):
    async def tick():
        for number in range(10_000):
            ctx.stream(f"line number {number}")
            await asyncio.sleep(0.1)
    ticking = asyncio.create_task(tick())
    note = await ctx.ask(Note, "What do you note?")
    ticking.cancel()
    return note.model_dump()

session = hitl.start(take_a_note)
session
"""

EVERYTHING = """
import asyncio
import hitl_jupyter as hitl
import pandas as pd
from matplotlib.figure import Figure
from pydantic import BaseModel, Field, SecretStr

class Settings(BaseModel):
    name: str = Field(description="Shown in the list")
    rounds: int = Field(3, ge=1)
    share: float | None = None
    checked: bool = True
    sure: bool
    notes: str = Field("", max_length=1000)
    labels: list[str] = ["a"]
    token: SecretStr | None = None

table = pd.DataFrame([[row * column for column in range(30)] for row in range(40)])
figure = Figure(figsize=(14, 9))
figure.subplots().plot([1, 3, 2])

@hitl.task(max_retries=1)
async def everything(ctx):
    for number in range(100):
        ctx.stream(f"\\x1b[3{number % 8}mline {number}\\x1b[0m")
    await asyncio.gather(
        ctx.ask(Settings, "Which settings?"),
        ctx.choose("Which rows?", [f"row {n}" for n in range(16)], multiple=True, show=[table, figure]),
        ctx.choose("Which one?", [f"row {n}" for n in range(16)]),
        ctx.confirm("Go on?", deadline=3600, assignees=["ada"]),
    )

session = hitl.start(everything)
session
"""

CLICK_WHAT_COMES_NEXT = """([root, answer]) => new Promise(resolve => {
  const open = () => root.querySelector('[data-request]');
  const before = open().dataset.request;
  const named = name => [...root.querySelectorAll('button')].find(button => button.textContent === name);
  const observer = new MutationObserver(() => {
    if (open() && open().dataset.request !== before) {
      observer.disconnect();
      for (const later of [0, 50, 100, 200]) setTimeout(() => named(answer).click(), later);
      setTimeout(resolve, 200);
    }
  });
  observer.observe(root, {childList: true, subtree: true});
  named(answer).click();
})"""

NOTEBOOK = """() => {
  const {content} = jupyterapp.shell.currentWidget;
  const counts = content.widgets.map(cell => cell.model.executionCount);
  return {mode: content.mode, active: content.activeCellIndex, types: content.widgets.map(c => c.model.type), counts};
}"""

KEEP_SOCKETS = """() => {
  const sockets = window.ourSockets = [];
  const sent = window.ourSent = [];
  window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      if (String(url).includes('/hitl/')) sockets.push(this);
    }
    send(data) {
      if (sockets.includes(this)) sent.push(String(data));
      super.send(data);
    }
  };
}"""


def armed(view: View, name: str) -> None:
    """Wait until the button of that name takes a click."""
    expect(view.button(name)).to_have_attribute("aria-disabled", "false")


def answer_elsewhere(notebook: LabPage, message: str, **command: Any) -> None:
    """Another program answers the open question of that text."""
    for session in notebook.server.request("GET", "hitl/sessions?status=waiting").json()["sessions"]:
        for request in session["open_requests"]:
            if request["message"] == message:
                body = {"request_id": request["request_id"], **command}
                reply = notebook.server.request("POST", f"hitl/answer/{session['session_id']}", body)
                assert reply.status == 200, reply.body
                return
    raise AssertionError(f"{message} is not open")


def in_the_view(page: Page, selector: str) -> bool:
    """Whether the focus is on such an element of ours."""
    found: bool = page.evaluate("selector => Boolean(document.activeElement?.closest(selector))", selector)
    return found


# -- one click, one answer ------------------------------------------------------------------------------------------


def test_a_double_click_never_answers_the_next_question(notebook: LabPage) -> None:
    notebook.open("guard.ipynb", TWO_QUESTIONS)
    notebook.run_all()
    view = View(notebook)
    view.shows("First?")
    armed(view, "Confirm")
    notebook.page.evaluate(CLICK_WHAT_COMES_NEXT, [view.root.element_handle(), "Confirm"])
    view.shows("Second?")
    armed(view, "Confirm")
    view.click("Decline")
    view.shows("Completed")
    notebook.add_and_run("print(session.result())")
    expect(notebook.output()).to_contain_text("{'first': True, 'second': False}")


def test_no_choice_is_made_before_a_person_makes_it(notebook: LabPage) -> None:
    notebook.open("choices.ipynb", CHOICES)
    notebook.run_all()
    view = View(notebook)
    view.shows("Good enough?")
    expect(view.root.locator("input:checked")).to_have_count(0)
    armed(view, "Submit")
    view.click("Submit")
    view.shows("Required")
    view.root.get_by_label("train again").check()
    view.click("Submit")
    view.shows("What is it like?")
    expect(view.root.locator("input:checked")).to_have_count(0)
    for name in ("Colour", "Size"):
        expect(view.field(name)).to_have_value("")
    armed(view, "Submit")
    view.click("Submit")
    expect(view.root.get_by_text("Required", exact=True)).to_have_count(3)
    view.field("Colour").select_option(label="Blue")
    view.field("Size").select_option("small")
    view.root.get_by_label("No", exact=True).check()
    view.click("Submit")
    view.shows("0 of 16 chosen")
    armed(view, "Submit")
    view.click("Submit")
    view.shows("Completed")
    notebook.add_and_run("print(session.result())")
    result = {"verdict": "train again", "dropped": [], "colour": "blue", "agreed": False, "size": "small"}
    expect(notebook.output()).to_contain_text(str(result))


# -- keys -----------------------------------------------------------------------------------------------------------


def test_keys_on_our_buttons_do_not_reach_the_notebook(notebook: LabPage) -> None:
    notebook.open("keys.ipynb", "1", QUESTION, "2")
    notebook.run_all()
    view = View(notebook, 1)
    view.shows("Go on?")
    for where in ("Confirm", "Add a comment", "Cancel", "Find"):
        view.button(where).focus()
        before = notebook.page.evaluate(NOTEBOOK)
        assert before["mode"] == "command", "where D D deletes a cell"
        for key in ("d", "d", "a", "b", "x", "m", "ArrowDown", "ArrowUp", "j", "Escape", "i", "i"):
            notebook.page.keyboard.press(key)
        assert notebook.page.evaluate(NOTEBOOK) == before
        expect(view.button(where)).to_be_focused()
        view.shows("Go on?")


def test_keys_in_our_fields_do_not_reach_the_notebook(notebook: LabPage) -> None:
    notebook.open("typing.ipynb", "1", EMAIL.format(pause=0.05), "2")
    notebook.run_all()
    view = View(notebook, 1)
    view.shows("Compose the e-mail")
    view.field("Subject").focus()
    before = notebook.page.evaluate(NOTEBOOK)
    notebook.page.keyboard.type("ddabxm00ii")
    for key in ("Enter", "Shift+Enter", "Escape", "ArrowDown", "ArrowUp"):
        notebook.page.keyboard.press(key)
    assert notebook.page.evaluate(NOTEBOOK) == before
    expect(view.field("Subject")).to_be_focused()
    expect(view.field("Subject")).to_have_value("ddabxm00ii")
    view.shows("Compose the e-mail")


def test_the_demo_is_run_with_the_keyboard_alone(notebook: LabPage) -> None:
    notebook.open("keyboard.ipynb", EMAIL.format(pause=0.05))
    notebook.run_all()
    view = View(notebook)
    view.shows("Compose the e-mail")
    keyboard = notebook.page.keyboard
    for _ in range(60):
        if in_the_view(notebook.page, ".jp-hitl-Card input"):
            break
        keyboard.press("Tab")
    keyboard.type("Figures of October")
    keyboard.press("Tab")
    keyboard.type("All is well.")
    keyboard.press("Tab")
    keyboard.type("ada@example.org")
    armed(view, "Submit")
    keyboard.press("Control+Enter")
    expect(view.button("Retry")).to_be_focused()
    armed(view, "Retry")
    keyboard.press("Enter")
    expect(view.button("Confirm")).to_be_focused()
    armed(view, "Confirm")
    keyboard.press("Enter")
    view.shows("Completed")


# -- focus ----------------------------------------------------------------------------------------------------------


def test_the_next_question_gets_the_focus_that_was_on_the_settled_one(notebook: LabPage) -> None:
    notebook.open("focus.ipynb", TWO_QUESTIONS)
    notebook.run_all()
    view = View(notebook)
    view.shows("First?")
    armed(view, "Decline")
    view.click("Decline")
    view.shows("Second?")
    expect(view.button("Confirm")).to_be_focused()


def test_a_new_question_takes_the_focus_from_nowhere_else(notebook: LabPage) -> None:
    notebook.open("elsewhere.ipynb", TWO_QUESTIONS, "typing_here = 1")
    notebook.run_all()
    view = View(notebook, 0)
    view.shows("First?")
    notebook.page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    answer_elsewhere(notebook, "First?", type="confirm", value=True)
    view.shows("Second?")
    assert in_the_view(notebook.page, ".cm-content")


# -- other people ---------------------------------------------------------------------------------------------------


def test_what_somebody_else_answered_is_told_where_the_question_was(notebook: LabPage) -> None:
    notebook.open("somebody.ipynb", TWO_QUESTIONS)
    notebook.run_all()
    view = View(notebook)
    view.shows("First?")
    view.button("Confirm").focus()
    answer_elsewhere(notebook, "First?", type="confirm", value=False)
    view.shows("Second?")
    notice = view.root.locator(".jp-hitl-Notice")
    expect(notice).to_contain_text("Declined by")
    expect(notice).to_contain_text("First?")
    expect(notice).to_be_focused()
    expect(view.root.get_by_role("log", name="News of the task")).to_contain_text("Declined by")
    armed(view, "Confirm")
    notebook.page.keyboard.press("Enter")
    view.click("Dismiss")
    expect(notice).to_have_count(0)
    view.shows("Second?")
    view.button("Confirm").press("Enter")  # not clicked: the card moved up just now, and clicks wait for it to settle
    view.shows("Completed")
    expect(notice).to_have_count(0)


# -- half-typed answers ---------------------------------------------------------------------------------------------


def test_what_is_half_typed_survives_lines_a_reconnect_and_a_reload(notebook: LabPage) -> None:
    notebook.page.add_init_script(f"({KEEP_SOCKETS})()")
    notebook.open("half_typed.ipynb", NOTE_AND_LINES)
    notebook.run_all()
    view, page = View(notebook), notebook.page
    view.shows("What do you note?")
    view.field("Text").focus()
    page.keyboard.type("half a ")
    seen = view.root.locator(".jp-hitl-Count").first.inner_text()
    expect(view.root.locator(".jp-hitl-Count").first).not_to_have_text(seen)
    page.keyboard.type("sen")
    expect(view.field("Text")).to_have_value("half a sen")

    sockets = page.evaluate("() => { ourSockets.forEach(socket => socket.close()); return ourSockets.length; }")
    page.wait_for_function("before => ourSockets.length > before", arg=sockets)
    view.shows("Live")
    expect(view.field("Text")).to_be_focused()
    expect(view.field("Text")).to_have_value("half a sen")
    page.keyboard.type("tence")

    page.wait_for_function("() => ourSent.some(sent => sent.includes('half a sentence'))")
    notebook.save()
    notebook.reload()
    view.shows("What do you note?")
    expect(view.field("Text")).to_have_value("half a sentence")
    view.fill("Pages", "3")
    armed(view, "Submit")
    view.click("Submit")
    view.shows("Completed")
    view.shows("half a sentence")


# -- everybody ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_an_accessibility_checker_finds_nothing_serious(notebook: LabPage, theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("`npm ci` in labextension brings axe-core")
    notebook.page.set_viewport_size(WHOLE_VIEW)
    notebook.open("everything.ipynb", EVERYTHING)
    notebook.use_theme(theme)
    notebook.run_all()
    view = View(notebook)
    view.shows("Which settings?")
    view.shows("Go on?")
    notebook.page.add_script_tag(path=AXE)
    assert serious(notebook.page) == []
    view.click("Add a comment")
    for question in ("Which settings?", "Which one?"):
        click(view.root.get_by_role("region", name=question).get_by_role("button", name="Submit"))
    view.shows("Required")
    view.click("Find")
    notebook.page.keyboard.type("line 9")
    assert serious(notebook.page) == []
    answer_elsewhere(notebook, "Go on?", type="confirm", value=True)
    view.shows("Confirmed by")
    assert serious(notebook.page) == []
    view.click("Cancel")
    view.shows("Cancelled")
    assert serious(notebook.page) == []


def serious(page: Page) -> list[str]:
    """What axe finds in our view, serious or critical: the rule, and where."""
    # Lab's page has no height of its own, and axe looks at no colour that a page without height would cut off.
    page.evaluate("() => { document.body.style.height = '100vh'; }")
    found: dict[str, list[dict[str, Any]]] = page.evaluate("() => axe.run('.jp-hitl-Widget')")
    checked = {rule["id"]: len(rule["nodes"]) for rule in found["passes"]}
    assert {"label", "button-name", "aria-valid-attr-value"} <= checked.keys()
    assert checked["color-contrast"] > 20
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
