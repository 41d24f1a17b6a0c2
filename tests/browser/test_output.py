"""What a task puts out, in the browser: it may be hostile."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.cells import View
from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HOSTILE = """
import hitl_jupyter as hitl
from IPython.display import HTML, Markdown, Javascript

ATTACKS = [
    "<script>window.attacked = 'script'</script>",
    "<img src='x' onerror=\\"window.attacked = 'onerror'\\">",
    "<svg onload=\\"window.attacked = 'onload'\\"></svg>",
    "<iframe srcdoc=\\"<script>parent.attacked = 'iframe'</script>\\"></iframe>",
    "<a data-commandlinker-command='notebook:interrupt-kernel' href='#'>a command</a>",
    "<a href=\\"javascript:window.attacked = 'href'\\">a link</a>",
    "<form action='/hitl/start-task' method='post'><button>a button</button></form>",
    "<div style='position: fixed; inset: 0; z-index: 99999'>an overlay</div>",
]

@hitl.task
def hostile(ctx):
    for attack in ATTACKS:
        ctx.stream(attack)
        ctx.display(HTML(attack))
        ctx.display(Markdown(attack))
    ctx.display(Javascript("window.attacked = 'javascript'"))
    return ctx.confirm(ATTACKS[1], show=[HTML(attack) for attack in ATTACKS])

session = hitl.start(hostile)
session
"""

# How many of so many points outside of an element are covered by something inside of it.
COVERED = """([element, points]) => {
  const box = element.getBoundingClientRect();
  const outside = Array.from({length: points}, (_, n) => [innerWidth * (n % 20) / 20, innerHeight * n / points])
    .filter(([x, y]) => x < box.left || x > box.right || y < box.top || y > box.bottom);
  if (outside.length === 0) throw new Error('the element fills the window');
  return outside.filter(([x, y]) => element.contains(document.elementFromPoint(x, y))).length;
}"""


def test_what_a_task_puts_out_is_shown_and_never_acts(notebook: LabPage) -> None:
    notebook.open("hostile.ipynb", HOSTILE)
    notebook.run_all()
    view = View(notebook)
    expect(view.button("Confirm")).to_be_visible()
    view.shows("<div style='position: fixed; inset: 0; z-index: 99999'>")
    for harmful in ("script", "iframe", "form", "[data-commandlinker-command]", "[onerror]", "[onload]"):
        expect(view.root.locator(harmful).and_(view.root.locator(":not(.jp-hitl-Form)"))).to_have_count(0)
    assert view.root.locator("a[href^='javascript']").count() == 0
    assert not notebook.page.evaluate(COVERED, [view.root.element_handle(), 300])
    assert notebook.page.evaluate("() => window.attacked ?? null") is None
    view.click("Confirm")
    view.shows("Completed")
