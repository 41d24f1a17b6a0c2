"""Pictures of the view at its moments, in both themes; ``make screenshots`` puts some into ``docs/images``."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from tests.browser.cells import EMAIL, View
from tests.browser.conftest import ARTIFACTS
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
