"""The inbox at the side, by what a person sees of it, and a server without sessions for it to start from."""

from __future__ import annotations

from functools import partial

from playwright.sync_api import Locator, expect

from hitl_jupyter.states import ENDED
from tests.browser.clicking import click
from tests.browser.jupyter_page import JupyterPage
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually


class Inbox:
    """The side panel of one page."""

    def __init__(self, page: JupyterPage) -> None:
        self._page = page
        self.root: Locator = page.page.locator("#hitl-inbox")

    def show(self) -> None:
        """Bring the panel to the front, and wait for its list."""
        self._page.execute("hitl:show-inbox")
        expect(self.root.locator(".jp-hitl-Inbox")).to_be_visible()
        expect(self.root.locator(".jp-hitl-Later")).to_have_count(0)

    def row(self, title: str) -> Locator:
        """The row of the session with that title."""
        return self.root.locator(".jp-hitl-Entry").filter(has_text=title)

    def heading(self, title: str) -> Locator:
        """The button that opens and closes that row."""
        return self.row(title).locator("[data-roving]")

    def open(self, title: str) -> Locator:
        """Open that row; gives it back. What has only just moved under the pointer takes no click, so click again."""
        row = self.row(title)
        expect(self.heading(title)).to_have_attribute("aria-disabled", "false")
        eventually(lambda: self._click_open(row), f"{title} is open")
        return row

    def _click_open(self, row: Locator) -> bool:
        if row.get_attribute("data-open") != "true":
            row.locator("[data-roving]").click()
        return row.get_attribute("data-open") == "true"

    def expect_in(self, section: str, title: str) -> None:
        """Wait until the row stands in ``waiting``, ``running`` or ``ended``."""
        expect(self.row(title)).to_have_attribute("data-section", section, timeout=20_000)

    def click(self, title: str, button: str) -> None:
        """Click a button in the open row, once it takes a click."""
        click(self.row(title).get_by_role("button", name=button, exact=True))

    @property
    def titles(self) -> list[str]:
        """The titles of all rows that are shown, from the top."""
        found: list[str] = self.root.locator("[data-roving]").evaluate_all("all => all.map(each => each.title)")
        return found


def forget_all(server: JupyterProcess) -> None:
    """End and forget every session of the server."""
    sessions = server.request("GET", "hitl/sessions?limit=1000").json()["sessions"]
    for session in sessions:
        if session["status"] not in ENDED:
            server.request("POST", f"hitl/cancel-task/{session['session_id']}", {"force": True})
    for session in sessions:
        eventually(partial(_is_gone, server, session["session_id"]), "it is forgotten", within=20)


def _is_gone(server: JupyterProcess, session_id: str) -> bool:
    return server.request("DELETE", f"hitl/sessions/{session_id}").status in (204, 404)
