"""What any extension owes its page: commands, menus, lists and bars, words, and doing without one of its parts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from hitl_jupyter.final_output import SESSION_MIME
from tests.browser.cells import View
from tests.browser.clicking import click
from tests.browser.conftest import NewPage, StartLab
from tests.browser.empty_lab import LOUD, EmptyLab
from tests.browser.inbox import Inbox
from tests.browser.jupyter_page import write_notebook
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

TOKENS = Path(__file__).parents[2] / "labextension/src/lab/tokens.ts"
COMMANDS = sorted(re.findall(r"'(hitl:[a-z-]+)'", TOKENS.read_text()))
CATEGORY = "Human in the loop"

PALETTE = """() => {
  const found = {};
  let category = null;
  for (const item of document.querySelectorAll('#command-palette .lm-CommandPalette-content > *')) {
    const command = item.dataset.command;
    if (command === undefined) category = item.textContent;
    else if (command.startsWith('hitl:')) found[command] = category;
  }
  return found;
}"""

OTHER_VERSION = '{"status": "ok", "version": "9.9", "protocol": 99}'

GERMAN = {
    "data": {
        "hitl_jupyter": {
            "": {"domain": "hitl_jupyter", "language": "de-DE", "plural_forms": "nplurals=2; plural=(n != 1);"},
            CATEGORY: ["Mensch im Ablauf"],
            "Show the Inbox": ["Eingang zeigen"],
            "%1 waiting": ["%1 wartet", "%1 warten"],
            "Waiting for you": ["Wartet auf Sie"],
        }
    },
    "message": "",
}


def test_every_command_is_in_the_palette_and_the_main_ones_are_in_menus(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    page = empty_lab.page
    empty_lab.execute("apputils:activate-command-palette")
    expect(page.locator("#command-palette [data-command='hitl:show-inbox']")).to_be_visible()
    assert page.evaluate(PALETTE) == dict.fromkeys(COMMANDS, CATEGORY)
    page.keyboard.press("Escape")
    for menu, entries in {"View": ["Show the Inbox"], "Run": ["Start a Task…", "Go to the Next Question"]}.items():
        page.get_by_role("menubar").get_by_text(menu, exact=True).click()
        for entry in entries:
            expect(page.locator(".lm-Menu-item").filter(has_text=entry)).to_be_visible()
        page.keyboard.press("Escape")


def test_the_status_bar_and_the_list_of_what_runs_count_sessions_open_them_and_cancel_them(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    page, inbox = empty_lab.page, Inbox(empty_lab)
    item = page.locator(".jp-hitl-StatusItem")
    expect(item).to_be_hidden()
    session_id = empty_lab.start("confirm", "Publish figures")
    empty_lab.start("confirm", "Train a model")
    expect(item).to_contain_text("2 waiting")
    item.locator("[role=button]").press("Enter")
    expect(inbox.root).to_be_visible()
    inbox.expect_in("waiting", "Publish figures")

    page.get_by_role("tab", name="Running Terminals and Kernels").click()
    section = page.locator("#jp-running-sessions")
    expect(section.get_by_role("heading", name=CATEGORY)).to_be_visible()
    entry = section.locator("[data-context='hitl-session']").filter(has_text="Publish figures")
    expect(entry).to_contain_text("Waiting")
    entry.get_by_text("Publish figures").click()
    expect(page.locator(".jp-hitl-SessionTab")).to_contain_text("Go on?")
    entry.hover()
    entry.get_by_title("Cancel").click()
    expect(entry).to_have_count(0)
    expect(section.locator("[data-context='hitl-session']")).to_contain_text(["Train a model"])
    expect(item).to_contain_text("1 waiting")
    eventually(lambda: empty_lab.info(session_id)["status"] == "cancelled", "it is cancelled")


def test_any_part_can_be_disabled_and_the_others_go_on(start_lab: StartLab, new_page: NewPage) -> None:
    server = start_lab(**LOUD)
    page = EmptyLab(new_page(), server)
    disable(server, "hitl-jupyter:notices")
    page.open_empty(with_notices=False)
    inbox = Inbox(page)
    page.start("confirm", "Publish figures")
    expect(page.page.locator(".jp-hitl-StatusItem")).to_contain_text("1 waiting")
    page.expect_no_toast_but()
    expect(page.page).to_have_title("JupyterLab")
    inbox.show()
    inbox.open("Publish figures")
    inbox.click("Publish figures", "Confirm")
    inbox.expect_in("ended", "Publish figures")

    disable(server, "hitl-jupyter:inbox-panel")
    page.open_empty()
    expect(inbox.root).to_have_count(0)
    page.start("confirm", "Train a model")
    page.button("Open").click()
    tab = page.page.locator(".jp-hitl-SessionTab")
    click(tab.get_by_role("button", name="Confirm", exact=True))
    expect(tab).to_contain_text("Completed")


def disable(server: JupyterProcess, plugin: str) -> None:
    """Leave the user with this one disabled, as ``jupyter labextension disable`` writes it."""
    path = server.home / "config/labconfig/page_config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"disabledExtensions": {plugin: True}}))


def test_without_the_servers_half_one_notice_says_what_to_do_and_outputs_show_what_was_saved(
    start_lab: StartLab, new_page: NewPage
) -> None:
    off = "--ServerApp.jpserver_extensions={'hitl_jupyter': False}"
    page = EmptyLab(new_page(), start_lab(arguments=(off,), settings=LOUD["settings"]))
    write_notebook(page.server.root / "saved.ipynb", saved_cell())
    page.open("saved.ipynb", kernel=False)
    view = View(page)
    view.shows("saved words")
    view.shows("pip install hitl-jupyter")
    expect(page.toasts).to_contain_text("hitl_jupyter is not active on this server")
    expect(page.toasts).to_contain_text("pip install hitl-jupyter")
    page.execute("hitl:show-inbox")
    expect(page.page.locator("#hitl-inbox")).to_contain_text("pip install hitl-jupyter")
    page.expect_no_toast_but("pip install hitl-jupyter")


def saved_cell() -> nbformat.NotebookNode:
    """A cell with the output of a session that ran once."""
    output = nbformat.v4.new_output(
        "display_data",
        data={SESSION_MIME: {"version": 1}, "text/plain": "saved words"},
        metadata={SESSION_MIME: {"session_id": "0b9e7a52-5f5b-4b8e-9a43-0f0a5a1f1c11"}},
    )
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell("session", outputs=[output])
    return cell


def test_a_server_of_another_version_is_told_of_once(empty_lab: EmptyLab) -> None:
    empty_lab.page.route(
        re.compile("/hitl/health"), lambda route: route.fulfill(body=OTHER_VERSION, content_type="application/json")
    )
    empty_lab.open_empty()
    expect(empty_lab.toasts).to_contain_text("The server runs hitl_jupyter 9.9, which does not fit this page.")
    empty_lab.expect_no_toast_but("Restart the server, then reload.")


def test_all_words_can_be_translated(empty_lab: EmptyLab) -> None:
    body = json.dumps(GERMAN)
    empty_lab.page.route(
        re.compile("/lab/api/translations/"), lambda route: route.fulfill(body=body, content_type="application/json")
    )
    empty_lab.open_empty()
    empty_lab.start("confirm", "Publish figures")
    empty_lab.start("confirm", "Train a model")
    expect(empty_lab.page.locator(".jp-hitl-StatusItem")).to_contain_text("2 warten")
    Inbox(empty_lab).show()
    panel = empty_lab.page.locator("#hitl-inbox")
    expect(panel.get_by_role("heading", name="Mensch im Ablauf")).to_be_visible()
    expect(panel).to_contain_text("Wartet auf Sie")
    empty_lab.execute("apputils:activate-command-palette")
    entry = empty_lab.page.locator("#command-palette [data-command='hitl:show-inbox']")
    expect(entry).to_contain_text("Eingang zeigen")
    assert set(empty_lab.page.evaluate(PALETTE).values()) == {"Mensch im Ablauf"}
