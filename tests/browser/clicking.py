"""A click as a person makes it: once more where the view let the first one go.

What has only just moved under the pointer takes no click (``labextension/src/view/steady.ts``); on a slow machine
anything may move between the look and the click.
"""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.support.waiting import eventually

LISTEN = """element => {
  const taken = { is: false };
  element.addEventListener('click', () => { taken.is = true; }, { once: true });
  return taken;
}"""


def click(element: Locator) -> None:
    """Click it, once it takes a click."""
    eventually(lambda: _is_taken(element), "it takes a click")


def _is_taken(element: Locator) -> bool:
    taken = element.evaluate_handle(LISTEN)
    element.click()
    return bool(taken.evaluate("taken => taken.is"))
