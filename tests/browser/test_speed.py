"""A flood of lines leaves the page quick. ``make bench`` measures it; here ten times its target is allowed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.cells import FLOOD, FLOOD_LINES, View
from tests.browser.lab_page import LabPage
from tests.browser.long_tasks import LONG_MS, LongTasks

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

ALLOWED_MS = 1_000
BUSY = """ms => new Promise(resolve => setTimeout(() => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  resolve();
}))"""
LAST_LINE = f"""() => {{
  const lines = document.querySelectorAll('.jp-hitl-Widget[data-status=completed] .jp-hitl-Line-text');
  return [...lines].at(-1)?.textContent === 'line number {FLOOD_LINES - 1}';
}}"""


def test_the_watch_sees_a_long_task_and_tells_its_length(page: Page) -> None:
    watched = LongTasks(page, first_paint_of="p")
    page.goto("data:text/html,<p>here</p>")
    page.wait_for_function("() => window.longTasks.painted !== null")
    assert watched.since_first_paint().count == 0
    page.evaluate(BUSY, 300)
    page.evaluate(BUSY, LONG_MS / 2)
    seen = watched.since_first_paint()
    assert seen.count == 1
    assert 300 <= seen.longest < 600
    assert seen.total == pytest.approx(seen.longest - LONG_MS)


def test_a_hundred_thousand_lines_never_hold_the_page_up_for_long(notebook: LabPage) -> None:
    watched = LongTasks(notebook.page, first_paint_of=".jp-hitl-Widget")
    notebook.open("flood.ipynb", FLOOD)
    notebook.run_all()
    view = View(notebook)
    view.click("Confirm")
    notebook.page.wait_for_function(LAST_LINE, timeout=60_000)
    assert watched.since_first_paint().longest < ALLOWED_MS
    view.shows(f"{FLOOD_LINES:,} lines")
    assert view.root.locator("*").count() < 3_000, "only what can be seen is in the page"
    notebook.save()
    notebook.reload()
    notebook.page.wait_for_function(LAST_LINE)
    assert watched.since_first_paint().longest < ALLOWED_MS
