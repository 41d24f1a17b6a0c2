"""A real Chromium, a real JupyterLab that serves Notebook 7 too, and fresh tabs for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.empty_lab import LOUD, EmptyLab
from tests.browser.inbox import forget_all
from tests.browser.jupyter_page import IN_REACH, JupyterPage
from tests.browser.lab_page import LabPage
from tests.browser.notebook_page import NotebookPage
from tests.support.chromium import launch
from tests.support.jupyter_process import JupyterProcess, jupyter

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "browser"
expect.set_options(timeout=15_000)  # a page waits for a server, and both for a machine that may have two slow cores
NewPage = Callable[..., Page]
StartLab = Callable[..., JupyterProcess]
_P = TypeVar("_P", bound=JupyterPage)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """One server for all browser tests, with JupyterLab and Notebook 7."""
    with jupyter(tmp_path_factory.mktemp("lab"), kind="lab", arguments=IN_REACH) as process:
        yield process


@pytest.fixture(scope="package")
def loud_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """One server whose pages show toasts, and which knows the tasks of :mod:`tests.browser.asking`."""
    fields = {**LOUD, "arguments": (*IN_REACH, *LOUD["arguments"])}
    with jupyter(tmp_path_factory.mktemp("loud"), kind="lab", **fields) as process:
        yield process


@pytest.fixture
def start_lab(tmp_path: Path) -> Iterator[StartLab]:
    """Starts servers for this test alone, where the shared one will not do: ``start_lab(settings={plugin: values})``.

    It takes fields of :class:`JupyterProcess`; each start costs about two seconds.
    """
    with ExitStack() as stack:

        def start(*, arguments: tuple[str, ...] = (), **fields: Any) -> JupyterProcess:
            home = tmp_path / f"lab-{len(list(tmp_path.iterdir()))}"
            return stack.enter_context(jupyter(home, kind="lab", arguments=(*IN_REACH, *arguments), **fields))

        yield start


# Not for the whole session: while Playwright runs, this thread has a running event loop, and no other test could run
# one of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Opens tabs, each of another person: ``new_page(permissions=["notifications"])`` and other options of a context.

    What a page says on its console goes to the test's report, and a last picture of it to the artifacts.
    """
    tabs: list[Page] = []

    def open_tab(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        tab = context.new_page()
        tab.set_default_timeout(30_000)
        tab.on("console", lambda message: print(f"[{message.type}] {message.text}"))
        tab.on("pageerror", lambda error: print(f"[pageerror] {error}"))
        tabs.append(tab)
        return tab

    yield open_tab
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for number, tab in enumerate(tabs):
        picture = f"{request.node.name}-{number}.png" if number else f"{request.node.name}.png"
        if not tab.is_closed():
            tab.screenshot(path=ARTIFACTS / picture)
        tab.context.close()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A tab with no history."""
    return new_page()


def with_settings_put_back(page: _P) -> Iterator[_P]:
    """The body of a fixture: whatever a test sets on the shared server is as before when the test has ended."""
    yield page
    page.put_settings_back()


@pytest.fixture
def notebook(page: Page, lab: JupyterProcess) -> Iterator[LabPage]:
    """A tab in which JupyterLab can open a notebook."""
    yield from with_settings_put_back(LabPage(page, lab))


@pytest.fixture
def another_notebook(new_page: NewPage, lab: JupyterProcess) -> Iterator[LabPage]:
    """A second person's tab with JupyterLab, on the same server."""
    yield from with_settings_put_back(LabPage(new_page(), lab))


@pytest.fixture
def empty_lab(new_page: NewPage, loud_lab: JupyterProcess) -> Iterator[EmptyLab]:
    """A tab for JupyterLab with nothing open, toasts, and no session yet."""
    forget_all(loud_lab)
    yield from with_settings_put_back(EmptyLab(new_page(permissions=["notifications"]), loud_lab))


@pytest.fixture
def notebook_7(new_page: NewPage, lab: JupyterProcess) -> Iterator[NotebookPage]:
    """A tab in which Notebook 7 can open a notebook."""
    yield from with_settings_put_back(NotebookPage(new_page(), lab))


# pytest-jupyter gives every test an event loop and clears a server of this process; here a browser's loop is running
# and the server is a process of its own.
@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No loop: Playwright's is running."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing to clear."""
