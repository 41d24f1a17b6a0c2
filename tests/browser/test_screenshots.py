"""Pictures of the view at its moments, in both themes; ``make screenshots`` puts some into ``docs/images``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.cells import EMAIL, View
from tests.browser.conftest import ARTIFACTS
from tests.browser.empty_lab import EmptyLab
from tests.browser.inbox import Inbox
from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
BRIGHTNESS = """element => {
  while (element && getComputedStyle(element).backgroundColor === 'rgba(0, 0, 0, 0)') element = element.parentElement;
  const [red, green, blue] = getComputedStyle(element).backgroundColor.match(/[\\d.]+/g).map(Number);
  return (red + green + blue) / 3;
}"""


def test_screenshots_of_every_moment_in_both_themes(notebook: LabPage) -> None:
    notebook.open("screenshots.ipynb", EMAIL.format(pause=0.3))
    notebook.run_all()
    view = View(notebook)
    view.fill_in_the_email()
    picture(notebook, view, "form")
    view.click("Submit")
    view.shows("Simulated failure")
    picture(notebook, view, "retry")
    view.click("Retry")
    view.shows("Send the e-mail to ada@example.org?")
    picture(notebook, view, "confirm")
    view.click("Confirm")
    view.shows("Completed")
    picture(notebook, view, "completed")


def test_screenshots_of_panel_toast_and_timeline_in_both_themes(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    page, inbox = empty_lab.page, Inbox(empty_lab)
    page.set_viewport_size({"width": 1200, "height": 820})
    body = {"task": "hitl_jupyter.demo:long_running_task", "params": {"steps": 3}, "title": "October's figures"}
    assert empty_lab.server.request("POST", "hitl/start-task", body).status == 201
    body = {"task": "hitl_jupyter.demo:simulate_streaming", "params": {"lines": 600}, "title": "Train the model"}
    assert empty_lab.server.request("POST", "hitl/start-task", body).status == 201
    inbox.show()
    inbox.expect_in("waiting", "October's figures")
    row = inbox.open("October's figures")
    expect(row.get_by_label("Subject")).to_be_visible()
    both_themes(empty_lab, inbox.root, "inbox")
    inbox.click("October's figures", "Open")
    tab = page.locator(".jp-hitl-SessionTab")
    part = tab.locator("[data-part]").last
    expect(part).to_be_visible()
    part.focus()
    expect(page.locator(".jp-hitl-Tip")).to_be_visible()
    both_themes(empty_lab, tab, "timeline", before_each=part.focus)
    empty_lab.execute("filebrowser:activate")
    empty_lab.start("confirm", "Publish figures", "Publish the figures of October?")
    expect(empty_lab.button("Approve")).to_be_visible()
    both_themes(empty_lab, empty_lab.toasts, "toast")


def both_themes(page: EmptyLab, root: Locator, moment: str, before_each: Callable[[], object] = lambda: None) -> None:
    """One picture a theme, of what stands in the page."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, theme in THEMES.items():
        page.use_theme(theme)
        before_each()
        root.screenshot(path=ARTIFACTS / f"{moment}-{name}.png")
    page.use_theme(THEMES["light"])


def picture(notebook: LabPage, view: View, moment: str) -> None:
    """One picture a theme, and a look that the view has followed it."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    brightness = {}
    for name, theme in THEMES.items():
        notebook.use_theme(theme)
        brightness[name] = _brightness(view.root)
        view.root.screenshot(path=ARTIFACTS / f"{moment}-{name}.png")
    notebook.use_theme(THEMES["light"])
    assert brightness["dark"] < 100 < 200 < brightness["light"]


def _brightness(element: Locator) -> float:
    found: float = element.locator(".jp-hitl-Header").evaluate(BRIGHTNESS)
    return found
