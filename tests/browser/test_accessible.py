"""What an accessibility checker says of panel, start form, session's tab and toast."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.clicking import click
from tests.browser.empty_lab import EmptyLab
from tests.browser.inbox import Inbox
from tests.browser.test_interaction import AXE, WHOLE_VIEW

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]

# Lab's page has no height of its own, and axe looks at no colour that a page without height would cut off.
RUN_AXE = "selector => { document.body.style.height = '100vh'; return axe.run(selector); }"


def test_a_checker_finds_nothing_serious_in_panel_tab_start_form_and_toast_in_any_theme(empty_lab: EmptyLab) -> None:
    assert AXE.is_file(), "`npm ci` in labextension brings axe-core"
    empty_lab.page.set_viewport_size(WHOLE_VIEW)
    empty_lab.open_empty()
    page, inbox = empty_lab.page, Inbox(empty_lab)
    page.add_script_tag(path=AXE)
    body = {"task": "hitl_jupyter.demo:long_running_task", "title": "With a form"}
    assert empty_lab.server.request("POST", "hitl/start-task", body).status == 201
    empty_lab.start("look_first", "With evidence")
    inbox.show()
    inbox.expect_in("waiting", "With a form")
    for title in ("With a form", "With evidence"):
        row = inbox.open(title)
        expect(row.get_by_role("button", name="Cancel")).to_be_visible()
        in_every_theme(empty_lab)
    inbox.click("With evidence", "Open")
    expect(page.locator(".jp-hitl-SessionTab")).to_contain_text("Go on?")
    empty_lab.execute("hitl:start-task")
    click(inbox.root.locator("[data-task='hitl_jupyter.demo:long_running_task']"))
    expect(inbox.root.get_by_label("Steps")).to_be_visible()
    in_every_theme(empty_lab)
    empty_lab.execute("application:toggle-left-area")
    empty_lab.start("confirm", "With a toast")
    expect(empty_lab.button("Approve")).to_be_visible()
    # Names and roles alone: the toast's colours are JupyterLab's, and axe finds none in what floats above the page.
    in_every_theme(empty_lab, ".Toastify__toast", checked={"button-name"})


def in_every_theme(
    page: EmptyLab,
    selector: str = ".jp-hitl-Root",
    checked: Set[str] = frozenset({"button-name", "color-contrast"}),
) -> None:
    """Check what the page shows there now, in each theme."""
    for theme in THEMES:
        page.use_theme(theme)
        found: dict[str, list[dict[str, Any]]] = page.page.evaluate(RUN_AXE, selector)
        assert checked <= {rule["id"] for rule in found["passes"]}
        assert [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")] == [], theme
    page.use_theme(THEMES[0])
