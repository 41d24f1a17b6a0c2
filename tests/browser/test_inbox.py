"""The inbox: every session at the side of the page, answered, filtered, opened, cancelled, forgotten, started."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cells import BLOCKED, View
from tests.browser.clicking import click
from tests.browser.conftest import NewPage
from tests.browser.inbox import Inbox, forget_all
from tests.browser.lab_page import LabPage
from tests.browser.test_interaction import CLICK_WHAT_COMES_NEXT
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WITH_EVIDENCE = """
import hitl_jupyter as hitl
import pandas as pd

@hitl.task(title="Publish figures")
def publish(ctx):
    table = pd.DataFrame({"month": ["October"], "sum": [4711]})
    return {"published": ctx.confirm("Publish these?", key="publish", show=table)}

session = hitl.start(publish)
session
"""

NAMED = """
import hitl_jupyter as hitl

@hitl.task(title="{title}")
def ask(ctx):
    return ctx.confirm("{question}")

hitl.start(ask).wait("waiting");
"""

TWO_IN_A_ROW = """
import hitl_jupyter as hitl

@hitl.task(title="Two in a row")
def ask_twice(ctx):
    return {"first": ctx.confirm("First?"), "second": ctx.confirm("Second?")}

session = hitl.start(ask_twice)
"""

FORM = """
import hitl_jupyter as hitl
from pydantic import BaseModel, SecretStr

class Login(BaseModel):
    user: str
    password: SecretStr

@hitl.task(title="Log in")
def log_in(ctx):
    return ctx.ask(Login, "Who are you?").user

hitl.start(log_in);
"""

COUNTING = """
import hitl_jupyter as hitl

@hitl.task(title="Counting")
def counting(ctx):
    for _ in ctx.progress(range(40), "counted"):
        ctx.sleep(0.05)
    ctx.confirm("Enough?")

hitl.start(counting);
"""


@pytest.fixture(autouse=True)
def no_sessions(lab: JupyterProcess) -> None:
    """Each test begins with an empty inbox."""
    forget_all(lab)


@pytest.fixture
def inbox(notebook: LabPage) -> Inbox:
    """The inbox beside the notebook."""
    return Inbox(notebook)


def test_a_question_is_answered_in_the_inbox_while_its_cell_blocks_the_kernel(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open("blocked_inbox.ipynb", WITH_EVIDENCE, BLOCKED)
    notebook.run_all(and_wait=False)
    View(notebook, 0).shows("Publish these?")
    notebook.expect_running(1)
    inbox.show()
    row = inbox.open("Publish figures")
    expect(row.locator("table")).to_contain_text("4711")
    inbox.click("Publish figures", "Confirm")
    inbox.expect_in("ended", "Publish figures")
    View(notebook, 0).shows("Completed")
    notebook.expect_running(1)


def test_the_list_follows_a_run_by_its_socket_and_asks_for_nothing(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open("counting.ipynb", COUNTING)
    inbox.show()
    asked: list[str] = []
    notebook.page.on("request", lambda request: asked.append(request.url))
    notebook.run_all()
    expect(inbox.row("Counting").get_by_role("progressbar")).to_be_visible()
    inbox.expect_in("waiting", "Counting")
    expect(inbox.row("Counting")).to_contain_text("Enough?")
    expect(inbox.row("Counting").get_by_role("img", name="Counting")).to_be_visible()
    assert not [url for url in asked if "/hitl/" in url]


@pytest.mark.extended
def test_of_two_people_one_answers_and_the_other_learns_who_and_when(
    notebook: LabPage, inbox: Inbox, new_page: NewPage
) -> None:
    notebook.open("race.ipynb", NAMED.format(title="Race", question="Who is first?"), "1")
    notebook.run_all()
    other = LabPage(new_page(), notebook.server)
    other.open("another.ipynb", "1")
    inboxes = [inbox, Inbox(other)]
    for each in inboxes:
        each.show()
        each.open("Race")
        button = each.row("Race").get_by_role("button", name="Confirm", exact=True)
        expect(button).to_have_attribute("aria-disabled", "false")
    click_at_once(notebook.page, other.page, "Race")
    for each in inboxes:
        each.expect_in("ended", "Race")
    notices = [each.row("Race").locator(".jp-hitl-Notice") for each in inboxes]
    eventually(lambda: sum(notice.count() for notice in notices) == 1, "one of the two is told")
    (told,) = (notice for notice in notices if notice.count())
    expect(told).to_contain_text("Confirmed by")
    expect(told).to_contain_text("at ")
    (session,) = notebook.server.request("GET", "hitl/sessions").json()["sessions"]
    events = notebook.server.request("GET", f"hitl/sessions/{session['session_id']}/events").json()
    assert [event["type"] for event in events].count("request_resolved") == 1


def click_at_once(one: Page, other: Page, title: str) -> None:
    """Both click Confirm at the same moment of the clock, which both pages share."""
    click = """([title, moment]) => {
      const row = [...document.querySelectorAll('#hitl-inbox .jp-hitl-Entry')].find(e => e.textContent.includes(title));
      const button = [...row.querySelectorAll('button')].find(each => each.textContent === 'Confirm');
      setTimeout(() => button.click(), moment - Date.now());
    }"""
    moment = one.evaluate("() => Date.now() + 300")
    for page in (one, other):
        page.evaluate(click, [title, moment])


def test_a_double_click_in_the_inbox_never_answers_the_next_question(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open("twice.ipynb", TWO_IN_A_ROW)
    notebook.run_all()
    inbox.show()
    row = inbox.open("Two in a row")
    first = row.get_by_role("button", name="Confirm", exact=True)
    expect(first).to_have_attribute("aria-disabled", "false")
    notebook.page.evaluate(CLICK_WHAT_COMES_NEXT, [row.element_handle(), "Confirm"])
    expect(row).to_contain_text("Second?")
    inbox.click("Two in a row", "Decline")
    inbox.expect_in("ended", "Two in a row")
    notebook.add_and_run("print(session.result())")
    expect(notebook.output()).to_contain_text("{'first': True, 'second': False}")


@pytest.mark.extended
def test_what_is_half_typed_in_the_inbox_shows_in_every_tab_but_for_secrets(
    notebook: LabPage, inbox: Inbox, new_page: NewPage
) -> None:
    notebook.open("log_in.ipynb", FORM)
    notebook.run_all()
    inbox.show()
    here = inbox.open("Log in")
    other = LabPage(new_page(), notebook.server)
    other.open("another.ipynb", "1")
    there_inbox = Inbox(other)
    there_inbox.show()
    there = there_inbox.open("Log in")
    here.get_by_label("User").fill("ada")
    here.get_by_label("Password").fill("lovelace")
    expect(there.get_by_label("User")).to_have_value("ada")
    expect(there.get_by_label("Password")).to_have_value("")
    there.get_by_label("User").fill("ada l.")
    expect(here.get_by_label("User")).to_have_value("ada l.", timeout=10_000)
    expect(here.get_by_label("Password")).to_have_value("lovelace")


def test_the_list_is_filtered_and_walked_with_keys(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open(
        "keys_inbox.ipynb",
        *(NAMED.format(title=title, question=question) for title, question in
          [("Apples", "Red ones?"), ("Pears", "Green ones?"), ("Plums", "Blue ones?")]),
    )  # fmt: skip
    notebook.run_all()
    inbox.show()
    eventually(lambda: inbox.titles == ["Apples", "Pears", "Plums"], "longest waiting first")
    expect(inbox.heading("Plums")).to_have_attribute("aria-disabled", "false")
    keyboard = notebook.page.keyboard
    inbox.heading("Apples").focus()
    keyboard.press("ArrowDown")
    expect(inbox.heading("Pears")).to_be_focused()
    keyboard.press("End")
    expect(inbox.heading("Plums")).to_be_focused()
    keyboard.press("Enter")
    expect(inbox.row("Plums")).to_have_attribute("data-open", "true")
    keyboard.press("Escape")
    expect(inbox.row("Plums")).to_have_attribute("data-open", "false")
    expect(inbox.heading("Plums")).to_be_focused()
    keyboard.press("/")
    keyboard.type("green")
    eventually(lambda: inbox.titles == ["Pears"], "the filter finds a question's words")
    keyboard.press("Escape")
    eventually(lambda: len(inbox.titles) == 3, "Escape clears the filter")


@pytest.mark.extended
def test_the_tab_of_the_panel_counts_what_waits_and_the_panel_is_there_after_a_reload(
    notebook: LabPage, inbox: Inbox
) -> None:
    cells = [NAMED.format(title=title, question="Well?") for title in ("One", "Two")]
    notebook.open("count.ipynb", *cells)
    inbox.show()
    expect(inbox.root).to_contain_text("No sessions yet")
    notebook.run_all()
    tab = notebook.page.get_by_role("tab", name="Human in the loop")
    expect(tab).to_have_attribute("data-hitl-waiting", "2")
    expect(tab).to_have_accessible_name("Human in the loop: 2 sessions wait for you")
    inbox.open("One")
    inbox.click("One", "Confirm")
    expect(tab).to_have_attribute("data-hitl-waiting", "1")
    notebook.page.wait_for_function(LAYOUT_IS_SAVED)
    notebook.page.goto(f"{notebook.server.url}lab?token={notebook.server.token}")
    expect(inbox.root).to_be_visible()
    inbox.expect_in("waiting", "Two")


LAYOUT_IS_SAVED = """() => {
  const request = new XMLHttpRequest();
  request.open('GET', `${jupyterapp.serviceManager.serverSettings.baseUrl}lab/api/workspaces/default`, false);
  request.send();
  return request.responseText.includes('hitl-inbox');
}"""


@pytest.mark.extended
def test_a_session_is_opened_in_a_tab_that_comes_back_and_shares_its_connection(
    notebook: LabPage, inbox: Inbox
) -> None:
    sockets: list[str] = []
    notebook.page.on("websocket", lambda socket: sockets.append(socket.url))
    notebook.open("tab.ipynb", NAMED.format(title="In a tab", question="Here?") + "hitl.attach()")
    notebook.run_all()
    View(notebook).shows("Here?")
    inbox.show()
    inbox.open("In a tab")
    inbox.click("In a tab", "Open")
    tab = notebook.page.locator(".jp-hitl-SessionTab")
    expect(tab).to_contain_text("Here?")
    ours = [url.partition("/hitl/")[2] for url in sockets if "/hitl/" in url]
    assert sorted(url.partition("?")[0][:3] for url in ours) == ["ws", "ws/"], "the feed, and one for the session"
    notebook.page.wait_for_function(LAYOUT_IS_SAVED.replace("hitl-inbox", "hitl-session"))
    notebook.page.goto(f"{notebook.server.url}lab?token={notebook.server.token}")
    expect(tab).to_contain_text("Here?")
    expect(notebook.page.locator(".lm-DockPanel-tabBar")).to_contain_text("In a tab")
    click(tab.get_by_role("button", name="Confirm", exact=True))
    expect(tab).to_contain_text("Completed")


@pytest.mark.extended
def test_the_cell_that_started_a_session_is_shown_also_in_a_notebook_that_is_closed(
    notebook: LabPage, inbox: Inbox
) -> None:
    cells = [f"filler = {number}" for number in range(30)]
    notebook.open("far/away.ipynb", *cells, NAMED.format(title="Far away", question="Found?"), *cells)
    notebook.run_all()
    notebook.save()
    notebook.execute("application:close")
    notebook.open("near.ipynb", "1")
    inbox.show()
    inbox.open("Far away")
    inbox.click("Far away", "Show cell")
    notebook.page.wait_for_function(
        """() => {
          const panel = jupyterapp.shell.currentWidget;
          return panel?.context?.path === 'far/away.ipynb' && panel.content.activeCellIndex === 30;
        }"""
    )
    active = notebook.page.locator(".jp-NotebookPanel:visible .jp-Cell.jp-mod-active")
    expect(active).to_be_in_viewport()
    expect(active).to_contain_text("Far away")


@pytest.mark.extended
def test_a_session_is_cancelled_and_then_forgotten_after_a_second_thought(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open("cancel_inbox.ipynb", NAMED.format(title="Not needed", question="Go on?"))
    notebook.run_all()
    inbox.show()
    inbox.open("Not needed")
    inbox.click("Not needed", "Cancel")
    inbox.expect_in("ended", "Not needed")
    inbox.click("Not needed", "Forget")
    expect(inbox.row("Not needed")).to_be_visible()
    inbox.click("Not needed", "Forget for good?")
    expect(inbox.row("Not needed")).to_have_count(0)
    assert notebook.server.request("GET", "hitl/sessions").json()["sessions"] == []


def test_a_registered_task_is_started_from_a_form_made_of_its_parameters(notebook: LabPage, inbox: Inbox) -> None:
    notebook.open("start.ipynb", "1")
    notebook.execute("hitl:start-task")
    task = inbox.root.locator("[data-task='hitl_jupyter.demo:long_running_task']")
    click(task)
    steps = inbox.root.get_by_label("Steps")
    expect(steps).to_have_value("5")
    steps.fill("1.5")
    click(inbox.root.get_by_role("button", name="Start", exact=True))
    expect(inbox.root.locator("[aria-invalid='true']")).to_have_count(1)
    steps.fill("2")
    click(inbox.root.get_by_role("button", name="Start", exact=True))
    row = inbox.row("Long running task")
    expect(row).to_have_attribute("data-open", "true")
    expect(row).to_contain_text("Compose the e-mail", timeout=30_000)


@pytest.mark.extended
def test_the_next_question_is_reached_by_a_command(notebook: LabPage, inbox: Inbox) -> None:
    cells = [NAMED.format(title=title, question="Well?") for title in ("Older", "Newer")]
    notebook.open("next.ipynb", *cells)
    notebook.run_all()
    expect(notebook.page.locator("#jp-main-statusbar")).to_contain_text("2 waiting")
    for title in ("Older", "Newer", "Older"):
        notebook.execute("hitl:next-request")
        expect(inbox.row(title)).to_have_attribute("data-open", "true")
