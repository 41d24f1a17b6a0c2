"""How long a page's main thread does nothing else at a time: what a person feels as a page that hangs."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

LONG_MS = 50
"""From here on the browser counts a task as long, and tells of it."""

WATCH = """(() => {
  if (window !== window.top) return;
  const seen = window.longTasks = {tasks: [], painted: null};
  const keep = entries => seen.tasks.push(...entries.map(({startTime, duration}) => [startTime, duration]));
  const observer = new PerformanceObserver(list => keep(list.getEntries()));
  observer.observe({type: 'longtask', buffered: true});
  seen.collect = () => keep(observer.takeRecords());
  const look = new MutationObserver(() => {
    if (document.querySelector(SELECTOR) !== null) {
      look.disconnect();
      const painted = new MessageChannel();
      painted.port1.onmessage = () => { seen.painted = performance.now(); };
      requestAnimationFrame(() => painted.port2.postMessage(null));
    }
  });
  look.observe(document, {childList: true, subtree: true});
})()"""

# A task is told of only once it has ended, so one more frame and one more task are waited for.
COLLECT = """() => new Promise(resolve => requestAnimationFrame(() => setTimeout(() => {
  const {collect, painted, tasks} = window.longTasks;
  collect();
  resolve({painted, tasks});
})))"""


@dataclass(frozen=True)
class Blocked:
    """The long tasks of some time, in milliseconds; ``total`` is what each had beyond :data:`LONG_MS`."""

    longest: float
    count: int
    total: float


class LongTasks:
    """Watches a tab, from its next address on. Create it before the notebook is opened."""

    def __init__(self, page: Page, first_paint_of: str) -> None:
        self._page = page
        page.add_init_script(WATCH.replace("SELECTOR", repr(first_paint_of)))

    def since_first_paint(self) -> Blocked:
        """Those that began after the first element of that selector was painted, up to now."""
        found = self._page.evaluate(COLLECT)
        if found["painted"] is None:
            raise AssertionError("What was to be watched has not been painted.")
        return _sum([duration for began, duration in found["tasks"] if began >= found["painted"]])

    def since_the_address(self) -> Blocked:
        """All since the page was last loaded, the application's own start with them."""
        return _sum([duration for _, duration in self._page.evaluate(COLLECT)["tasks"]])


def _sum(durations: list[float]) -> Blocked:
    return Blocked(max(durations, default=0.0), len(durations), sum(duration - LONG_MS for duration in durations))
