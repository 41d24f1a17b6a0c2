"""Pictures of the view at its moments, in both themes; ``make screenshots`` puts some into ``docs/images``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.cells import EMAIL, View
from tests.browser.clicking import click
from tests.browser.conftest import ARTIFACTS
from tests.browser.empty_lab import EmptyLab
from tests.browser.inbox import Inbox
from tests.browser.lab_page import LabPage
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.pictures, pytest.mark.timeout(240)]

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
ASKING = "tests.browser.asking"
DEMO = "hitl_jupyter.demo:long_running_task"
LETTER = {"Subject": "Figures of October", "Body": "All is well.", "To address": "ada@example.org"}
WIDER = 90
"""Pixels by which the panel is drawn larger than it opens."""

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


def test_screenshots_of_panel_form_timeline_and_toast_in_both_themes(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    page, inbox = empty_lab.page, Inbox(empty_lab)
    inbox.show()
    widen(page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:visible").first, WIDER)
    mail = fill(empty_lab)
    row = inbox.open("Clean the housing data")
    expect(row.get_by_role("button", name="Confirm", exact=True)).to_have_attribute("aria-disabled", "false")
    expect(inbox.row("Train the model")).to_contain_text("40 %")
    page.set_viewport_size({"width": 1200, "height": 760})
    both_themes(empty_lab, inbox.root, "inbox")

    page.set_viewport_size({"width": 1200, "height": 540})
    empty_lab.execute("hitl:start-task")
    click(inbox.root.locator("[data-task='hitl_jupyter.demo:long_running_task']"))
    expect(inbox.root.get_by_label("Steps")).to_be_visible()
    both_themes(empty_lab, inbox.root, "start")

    page.set_viewport_size({"width": 1200, "height": 900})
    empty_lab.execute("hitl:open-session", sessionId=mail)
    tab = page.locator(".jp-hitl-SessionTab .jp-hitl-Widget")
    for label, text in LETTER.items():
        tab.get_by_label(label).fill(text)
    for name in ("Submit", "Retry"):
        click(tab.get_by_role("button", name=name, exact=True))
    confirm = tab.get_by_role("button", name="Confirm", exact=True)
    expect(confirm).to_have_attribute("aria-disabled", "false")
    span = tab.locator("[data-part][data-kind=waiting]").first
    both_themes(empty_lab, tab, "timeline", before_each=lambda: tell_of(span, page.locator(".jp-hitl-Tip")))

    empty_lab.execute("filebrowser:activate")
    empty_lab.start("confirm", "Publish figures", "Publish the figures of October?")
    expect(empty_lab.button("Approve")).to_be_visible()
    both_themes(empty_lab, empty_lab.toasts, "toast")


def fill(lab: EmptyLab) -> str:
    """A week's work in the inbox; the session that sends an e-mail."""
    published = lab.begin(f"{ASKING}:confirm", "Publish September", "reports/monthly.ipynb", question="Publish?")
    lab.send(published, {"type": "confirm", "value": True})
    declined = lab.begin(f"{ASKING}:confirm", "Delete old backups", "backups.ipynb", question="Delete 214 files?")
    lab.send(declined, {"type": "confirm", "value": False})
    lab.begin(f"{ASKING}:train", "Train the model", "models/train.ipynb")
    mail: str = lab.begin(DEMO, "Send the e-mail of October", "reports/monthly.ipynb", steps=8, step_seconds=0.25)
    eventually(lambda: lab.asked(mail), "it asks")
    lab.begin(f"{ASKING}:clean", "Clean the housing data", "housing/cleaning.ipynb")
    return mail


def widen(handle: Locator, by: int) -> None:
    """Drag a panel's edge."""
    box, mouse = handle.bounding_box(), handle.page.mouse
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + by, y)
    mouse.up()


def tell_of(part: Locator, tip: Locator) -> None:
    """Point at a part of a timeline, and wait until it is told of."""
    part.page.mouse.move(0, 0)
    part.hover()
    expect(tip).to_be_visible()


def both_themes(page: EmptyLab, root: Locator, moment: str, before_each: Callable[[], object] = lambda: None) -> None:
    """One picture a theme, of what stands in the page."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, theme in THEMES.items():
        page.use_theme(theme)
        before_each()
        root.screenshot(path=ARTIFACTS / f"{moment}-{name}.png", animations="disabled")
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
